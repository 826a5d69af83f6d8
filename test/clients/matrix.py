"""Which drivers there are, and which scenarios each one runs.

A driver belongs to a program of its language.  The program is started as

    PROGRAM DRIVER [SCENARIO...]

with DATABASE_URL and libpq's PG* variables in its environment.  It runs the
scenarios that its arguments name, or those that it reads from standard input,
one name a line, and answers each with one line:

    ok SCENARIO JSON          it ran; what was seen, as JSON
    failed SCENARIO TEXT      something was not as it has to be on any server

Its exit status is 0 when none failed.  `version` is a scenario, too.  What a
program sees directly and through carpool has to be the same, so JSON holds
nothing that changes from run to run.

The scenarios, each with connections of its own:

    storm       24 connections at once, a query on each, twice
    interleave  8 connections, the same two queries with arguments, all at once
    reuse       statements used again in transaction after transaction
    errors      statements that fail when prepared or run; then all is well
    rollback    an error in a transaction, 25P02, ROLLBACK, and it goes on
    pipeline    requests sent together, also with an error among them
    cursor      a result read in pieces within a transaction, also left early
    copy        COPY in both directions, and one that fails
    settings    search_path, statement_timeout and TIME ZONE of each connection
                stay with it and reach no other
    startup     the same settings given when the connection is opened
    listen      LISTEN, NOTIFY in order, one rolled back, UNLISTEN
    cancel      a running query is canceled, and only that one
    schema      a table that cached statements read gets more columns, and one
                of another type
    advisory    an advisory lock of the session
    temp        a temporary table over several transactions
    prepare     SQL's own PREPARE, EXECUTE and DEALLOCATE
    pool        60 jobs over the driver's own pool of 6 connections
    orm         objects, nested transactions and a pool, in the library's way
    discard     DEALLOCATE ALL and DISCARD ALL while statements are cached
    queue       jobs for a worker that is woken by NOTIFY
    migrate     a migration tool that locks out others
    bench       pgbench's own scripts
"""

COMMON = ("storm", "interleave", "reuse", "errors", "rollback", "settings",
          "schema", "advisory", "temp")
FULL = COMMON + ("pipeline", "cursor", "copy", "startup", "listen", "cancel",
                 "prepare", "discard")
ORM = COMMON + ("startup",)


def less(*names):
    return tuple(s for s in FULL if s not in names)


# language: {driver: scenarios}
MATRIX = {
    "c": {
        "libpq": FULL,
        "psql": ("storm", "rollback", "cursor", "copy", "settings", "startup",
                 "temp", "prepare", "discard", "listen"),
        "pgbench": ("bench",),
    },
    "python": {
        "psycopg2-debian": less("pipeline"),
        "psycopg-debian": FULL,
        "asyncpg-debian": less("pipeline"),
        "sqlalchemy-debian": ORM + ("cursor",),
        "psycopg": FULL + ("pool",),
        "psycopg-prepare-0": FULL,
        "psycopg-prepare-1": FULL,
        "asyncpg": less("pipeline") + ("pool",),
        "sqlalchemy-psycopg": ORM + ("cursor", "pool"),
        "sqlalchemy-asyncpg": ORM + ("cursor", "pool"),
        "procrastinate": ("queue",),
    },
    "node": {
        "pg": FULL + ("pool",),
        "postgres": FULL + ("pool",),
        "drizzle": ORM + ("orm",),
        "knex": ORM + ("cursor", "orm", "migrate"),
        "prisma": ORM + ("orm",),
        "graphile-worker": ("queue",),
        "graphile-worker-node20": ("queue",),
        "pg-boss": ("queue",),
    },
    "go": {
        "pgx": FULL + ("pool",),
        "pgx-describe": less("prepare"),
        "database-sql-pgx": ORM + ("prepare", "discard", "cursor", "pool"),
        "database-sql-pq": ORM + ("prepare", "discard", "cursor", "listen",
                                   "pool"),
        "golang-migrate": ("migrate",),
    },
    "rust": {
        "tokio-postgres": less("prepare"),
        "sqlx": less("prepare", "cancel", "pipeline") + ("pool",),
    },
    "java": {
        "pgjdbc": FULL + ("pool",),
        "pgjdbc-prepare-1": FULL + ("pool",),
        "pgjdbc-autosave": FULL + ("pool",),
    },
}

OTHERS = ("php",)  # has drivers in my_matrix.py only


def cases(language=None):
    """(language, driver, scenario) of all that there are."""
    if language and language not in (*MATRIX, *OTHERS):
        raise ValueError(f"no language {language}; there are: "
                         + " ".join((*MATRIX, *OTHERS)))
    return [(lang, driver, scenario)
            for lang, drivers in MATRIX.items()
            if language in (None, "", lang)
            for driver, scenarios in drivers.items()
            for scenario in scenarios]
