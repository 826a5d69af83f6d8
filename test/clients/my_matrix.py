"""Which drivers of MySQL there are, and which scenarios each one runs.

As matrix.py says of Postgres' drivers: a program for each language, the same
lines on standard input and output, MYSQL_HOST, MYSQL_PORT, MYSQL_USER,
MYSQL_PASSWORD, MYSQL_DATABASE and DATABASE_URL in the environment.

The scenarios, each with connections of its own:

    storm        20 connections at once, a query on each, twice
    interleave   8 connections, the same query with arguments, all at once
    prepared     binary statements used again and again, closed, and wrong ones
    reuse        the same statements in transaction after transaction
    errors       statements that fail when prepared or run; then all is well
    rollback     an error in a transaction that goes on, then ROLLBACK
    insert_id    LAST_INSERT_ID() and the driver's own, of 4 connections
    settings     time_zone, sql_mode, names and @variables stay with their
                 connection and reach no other
    big          rows of 400 kB, a value of 17 MB
    temp         a temporary table over several statements
    lock         GET_LOCK keeps the other connection out
    multi        several statements in one text, also with an error
    load         LOAD DATA LOCAL INFILE
    stream       a result read row by row, or by a cursor
    batch        many rows at once in the driver's own way
    change_user  the driver's own reset, or another login
    cancel       a running query is killed, and only that one
    pool         60 jobs over the driver's own pool of 6 connections
    orm          objects, nested transactions and a pool
    script       the mariadb program with a script
    dump         mariadb-dump, and what it wrote read back
"""

COMMON = ("storm", "interleave", "reuse", "errors", "rollback", "insert_id",
          "settings", "big", "temp", "lock")
TEXT = COMMON + ("multi", "stream", "change_user")
BINARY = COMMON + ("prepared",)

# language: {driver: scenarios}
MATRIX = {
    "c": {
        "mariadb-cli": ("script", "dump"),
    },
    "python": {
        "pymysql-debian": COMMON + ("multi", "stream", "load"),
        "mysqlclient-debian": TEXT + ("load",),
        "sqlalchemy-pymysql-debian": COMMON + ("stream", "orm"),
        "sqlalchemy-mysqlclient-debian": COMMON + ("stream", "orm"),
        "pymysql": COMMON + ("multi", "stream", "load"),
        "mysql-connector": COMMON + ("multi", "stream", "change_user", "load"),
        "mysql-connector-pure": COMMON + ("multi", "stream", "change_user"),
        "mysql-connector-prepared": COMMON,
        "sqlalchemy-pymysql": COMMON + ("stream", "orm"),
    },
    "node": {
        "mysql": TEXT + ("pool", "cancel"),
        "mysql2": TEXT + ("prepared", "pool", "cancel", "load"),
        "mariadb": TEXT + ("prepared", "batch", "pool", "cancel", "load"),
        "drizzle-mysql2": COMMON + ("orm",),
        "prisma-mariadb": COMMON + ("orm",),
    },
    "go": {
        "go-sql-driver": BINARY + ("stream", "pool", "load", "cancel"),
        "go-sql-driver-text": TEXT[:-1] + ("pool",),
    },
    "php": {
        "pdo": COMMON + ("multi", "stream", "load"),
        "pdo-prepared": BINARY,
        "mysqli": BINARY + ("multi", "stream", "cancel", "change_user"),
    },
    "java": {
        "connector-j": COMMON + ("stream", "batch", "pool", "cancel"),
        "connector-j-prepared": BINARY + ("stream", "batch", "pool"),
    },
}

# Drivers that know only mysql_native_password.
NATIVE_ONLY = ("mysql",)


def cases(language=None):
    """(language, driver, scenario) of all that there are."""
    return [(lang, driver, scenario)
            for lang, drivers in MATRIX.items()
            if language in (None, "", lang)
            for driver, scenarios in drivers.items()
            for scenario in scenarios]
