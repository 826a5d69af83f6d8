"""psycopg2, psycopg 3 and SQLAlchemy over it: the face that scenarios.py
uses."""

import contextlib
import io
import os
import re
import select
import time
import warnings

URL = os.environ.get("DATABASE_URL", "")


def percent(text):
    """The statement with %s in place of $1, $2, ..."""
    return re.sub(r"\$\d+", "%s", text)


def options(startup):
    return " ".join(f"-c {name}={value}" for name, value in startup.items())


class Conn:
    """What the connections of both psycopgs have in common."""

    def __init__(self, conn):
        self.conn = conn
        self.conn.autocommit = True
        self.heard = []

    def query(self, text, *args):
        with self.conn.cursor() as cur:
            cur.execute(percent(text), args)
            return cur.fetchall() if cur.description else []

    def run(self, text):
        with self.conn.cursor() as cur:
            cur.execute(text)

    def rows(self, text):
        with self.conn.cursor() as cur:
            cur.execute(text)
            return cur.fetchall()

    def show(self, name):
        return self.rows(f"SHOW {name}")[0][0]

    def begin(self):
        self.conn.autocommit = False

    def commit(self):
        self.conn.commit()
        self.conn.autocommit = True

    def rollback(self):
        self.conn.rollback()
        self.conn.autocommit = True

    def stream(self, text, size, *args):
        with self.conn.cursor(name="piece") as cur:
            cur.itersize = size
            cur.execute(percent(text), args)
            yield from cur

    def listen(self, channel):
        self.run(f"LISTEN {channel}")

    def unlisten(self, channel):
        self.run(f"UNLISTEN {channel}")

    def notifications(self, number):
        end = time.monotonic() + 10
        while len(self.heard) < number:
            assert time.monotonic() < end, f"heard only {self.heard}"
            select.select([self.conn], [], [], 0.2)
            self.take()
        got, self.heard = self.heard, []
        return got

    def cancel(self):
        self.conn.cancel()

    def close(self):
        self.conn.close()


class Psycopg2Conn(Conn):
    def take(self):
        self.conn.poll()
        self.heard += [n.payload for n in self.conn.notifies]
        del self.conn.notifies[:]

    def notifications(self, number):
        self.take()
        return super().notifications(number)

    def copy_in(self, table, rows):
        text = "".join(f"{a}\t{b}\n" for a, b in rows)
        with self.conn.cursor() as cur:
            cur.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(text))

    def copy_out(self, query):
        out = io.StringIO()
        with self.conn.cursor() as cur:
            cur.copy_expert(f"COPY ({query}) TO STDOUT", out)
        return out.getvalue().splitlines()

    def copy_bad(self, table):
        with self.conn.cursor() as cur:
            cur.copy_expert(f"COPY {table} FROM STDIN",
                            io.StringIO("1\tgood\nbad\tbad\n"))


class Psycopg2:
    def __init__(self, name):
        import psycopg2

        self.name = name
        self.module = psycopg2
        self.Error = psycopg2.Error

    def version(self):
        return "psycopg2 " + self.module.__version__.split()[0]

    def connect(self, **startup):
        return Psycopg2Conn(self.module.connect(URL,
                                                options=options(startup)))

    @staticmethod
    def code(error):
        return error.pgcode or type(error).__name__


class PsycopgConn(Conn):
    def __init__(self, conn):
        super().__init__(conn)
        self.conn.add_notify_handler(self.hear)

    def hear(self, note):
        self.heard.append(note.payload)

    def take(self):
        self.conn.pgconn.consume_input()
        while True:
            note = self.conn.pgconn.notifies()
            if note is None:
                return
            self.heard.append(note.extra.decode())

    def pipeline(self, text, arguments):
        with self.conn.pipeline():
            cursors = [self.conn.execute(percent(text), args)
                       for args in arguments]
        return [cur.fetchone()[0] for cur in cursors]

    def copy_in(self, table, rows):
        with self.conn.cursor() as cur:
            with cur.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)

    def copy_out(self, query):
        with self.conn.cursor() as cur:
            with cur.copy(f"COPY ({query}) TO STDOUT") as copy:
                return [row[0] for row in copy.rows()]

    def copy_bad(self, table):
        self.copy_in(table, [(1, "good"), ("bad", "bad")])


class Psycopg:
    def __init__(self, name, **more):
        import psycopg

        self.name = name
        self.more = more
        self.module = psycopg
        self.Error = psycopg.Error

    def version(self):
        pq = self.module.pq
        return (f"psycopg {self.module.__version__}, {pq.__impl__},"
                f" libpq {pq.version()}")

    def connect(self, **startup):
        return PsycopgConn(self.module.connect(
            URL, options=options(startup), **self.more))

    @staticmethod
    def code(error):
        return error.sqlstate or type(error).__name__

    def pool(self):
        """The driver's own pool: 60 jobs on 6 connections."""
        from psycopg_pool import ConnectionPool

        from scenarios import together

        with ConnectionPool(URL, min_size=2, max_size=6, open=True) as pool:
            def job(n):
                with pool.connection() as conn:
                    cur = conn.execute("SELECT %s::int", (n,))
                    return cur.fetchone()[0]

            got = together([lambda n=n: job(n) for n in range(60)])
        assert got == list(range(60)), got
        return len(got)


def named(text):
    """The statement with CAST(:p1 AS type) in place of $1::type."""
    return re.sub(r"\$(\d+)::(\w+)", r"CAST(:p\1 AS \2)", text)


def by_name(args):
    return {f"p{n}": value for n, value in enumerate(args, 1)}


class AlchemyConn:
    """A unit of work is one transaction, as is SQLAlchemy's way."""

    def __init__(self, conn):
        self.conn = conn
        self.inside = False

    def execute(self, text, args=()):
        from sqlalchemy import text as sql

        try:
            result = self.conn.execute(sql(named(text)), by_name(args))
            rows = ([tuple(r) for r in result] if result.returns_rows else [])
        except Exception:
            if not self.inside:
                self.conn.rollback()
            raise
        if not self.inside:
            self.conn.commit()
        return rows

    def query(self, text, *args):
        return self.execute(text, args)

    run = rows = query

    def show(self, name):
        return self.execute(f"SHOW {name}")[0][0]

    def begin(self):
        self.inside = True

    def commit(self):
        self.conn.commit()
        self.inside = False

    def rollback(self):
        self.conn.rollback()
        self.inside = False

    def stream(self, text, size, *args):
        from sqlalchemy import text as sql

        result = self.conn.execute(
            sql(named(text)), by_name(args),
            execution_options={"stream_results": True, "yield_per": size})
        with contextlib.closing(result):
            yield from result

    def close(self):
        self.conn.close()


class Alchemy:
    """SQLAlchemy over psycopg, without a pool of its own."""

    def __init__(self, name, dialect="psycopg"):
        import sqlalchemy

        self.name = name
        self.url = URL.replace("postgresql:", f"postgresql+{dialect}:", 1)
        self.module = sqlalchemy
        self.Error = sqlalchemy.exc.DBAPIError

    def version(self):
        return "SQLAlchemy " + self.module.__version__

    def connect(self, **startup):
        engine = self.module.create_engine(
            self.url, future=True, poolclass=self.module.pool.NullPool,
            connect_args={"options": options(startup)})
        return AlchemyConn(engine.connect())

    @staticmethod
    def code(error):
        return (getattr(error.orig, "sqlstate", None)
                or getattr(error.orig, "pgcode", None)
                or type(error.orig).__name__)

    def pool(self):
        """Its own pool, which rolls back whatever comes back to it."""
        from scenarios import together

        engine = self.module.create_engine(self.url, pool_size=6,
                                           max_overflow=0)

        def job(n):
            with engine.connect() as conn:
                return conn.execute(
                    self.module.text("SELECT CAST(:n AS int)"),
                    {"n": n}).scalar()

        got = together([lambda n=n: job(n) for n in range(60)])
        engine.dispose()
        assert got == list(range(60)), got
        return len(got)


def procrastinate_queue():
    """30 jobs for a worker that hears of them by NOTIFY."""
    import asyncio

    import procrastinate
    import psycopg

    schema = "q_procrastinate"
    with psycopg.connect(URL, autocommit=True) as conn:
        conn.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        conn.execute(f"CREATE SCHEMA {schema}")
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(
        conninfo=URL, kwargs={"options": f"-c search_path={schema}"},
        min_size=2, max_size=6))
    done = []

    @app.task(name="add")
    async def add(a, b):
        done.append(a + b)

    async def work():
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            # Polling alone would be much too late.
            worker = asyncio.create_task(app.run_worker_async(
                concurrency=4, wait=True, listen_notify=True,
                fetch_job_polling_interval=300,
                install_signal_handlers=False))
            for n in range(30):
                await add.defer_async(a=n, b=1)
                if n % 10 == 9:
                    for _ in range(1000):
                        if len(done) == n + 1:
                            break
                        await asyncio.sleep(0.01)
            worker.cancel()
            try:
                await worker
            except asyncio.CancelledError:
                pass

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asyncio.run(work())
    assert sorted(done) == list(range(1, 31)), sorted(done)
    return len(done)


class Procrastinate:
    name = "procrastinate"
    Error = Exception

    @staticmethod
    def version():
        import procrastinate

        return "procrastinate " + procrastinate.__version__

    @staticmethod
    def queue():
        return procrastinate_queue()
