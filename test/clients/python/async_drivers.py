"""asyncpg, and SQLAlchemy over it: one event loop on a thread of its own runs
them all, and each call waits for its answer."""

import asyncio
import threading

from sync_drivers import URL, by_name, named

LOOP = asyncio.new_event_loop()
threading.Thread(target=LOOP.run_forever, daemon=True).start()


def wait(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, LOOP).result()


class Canceled(Exception):
    """The task that waited for a query was canceled."""

    sqlstate = "canceled"


class AsyncpgConn:
    def __init__(self, conn):
        self.conn = conn
        self.transaction = None
        self.task = None
        self.heard = []

    def query(self, text, *args):
        async def fetch():
            self.task = asyncio.current_task()
            try:
                return await self.conn.fetch(text, *args)
            except asyncio.CancelledError:
                raise Canceled() from None

        return [tuple(row) for row in wait(fetch())]

    rows = query

    def run(self, text):
        wait(self.conn.execute(text))

    def show(self, name):
        return self.query(f"SHOW {name}")[0][0]

    def begin(self):
        self.transaction = self.conn.transaction()
        wait(self.transaction.start())

    def commit(self):
        wait(self.transaction.commit())

    def rollback(self):
        wait(self.transaction.rollback())

    def stream(self, text, size, *args):
        async def start():
            return self.conn.cursor(text, *args, prefetch=size).__aiter__()

        async def following(rows):
            try:
                return await rows.__anext__()
            except StopAsyncIteration:
                return None

        rows = wait(start())
        while True:
            row = wait(following(rows))
            if row is None:
                return
            yield row

    def copy_in(self, table, rows):
        wait(self.conn.copy_records_to_table(table, records=rows))

    def copy_out(self, query):
        got = bytearray()

        async def output(data):
            got.extend(data)

        wait(self.conn.copy_from_query(query, output=output))
        return got.decode().splitlines()

    def copy_bad(self, table):
        async def source():
            yield b"1\tgood\n"
            yield b"bad\tbad\n"

        wait(self.conn.copy_to_table(table, source=source()))

    def hear(self, conn, pid, channel, payload):
        self.heard.append(payload)

    def listen(self, channel):
        wait(self.conn.add_listener(channel, self.hear))

    def unlisten(self, channel):
        wait(self.conn.remove_listener(channel, self.hear))

    def notifications(self, number):
        from scenarios import until

        until(lambda: len(self.heard) >= number, f"{number} notifications")
        got, self.heard = self.heard, []
        return got

    def cancel(self):
        LOOP.call_soon_threadsafe(self.task.cancel)

    def close(self):
        wait(self.conn.close(timeout=10))


class Asyncpg:
    def __init__(self, name):
        import asyncpg

        self.name = name
        self.module = asyncpg
        self.Error = (asyncpg.PostgresError, asyncpg.InterfaceError, Canceled)

    def version(self):
        return "asyncpg " + self.module.__version__

    def connect(self, **startup):
        return AsyncpgConn(wait(self.module.connect(
            URL, server_settings=startup)))

    @staticmethod
    def code(error):
        return getattr(error, "sqlstate", None) or type(error).__name__

    def pool(self):
        """The driver's own pool, which resets what comes back to it."""
        async def job(pool, n):
            async with pool.acquire() as conn:
                await conn.execute(f"SET statement_timeout = {n + 5000}")
                return await conn.fetchval("SELECT $1::int", n)

        async def jobs():
            async with self.module.create_pool(URL, min_size=2,
                                               max_size=6) as pool:
                got = await asyncio.gather(*[job(pool, n)
                                             for n in range(60)])
                async with pool.acquire() as conn:
                    return got, await conn.fetchval("SHOW statement_timeout")

        got, timeout = wait(jobs())
        assert got == list(range(60)), got
        return [len(got), timeout]


class AsyncAlchemyConn:
    def __init__(self, conn):
        self.conn = conn
        self.inside = False

    def query(self, text, *args):
        from sqlalchemy import text as sql

        async def execute():
            try:
                result = await self.conn.execute(sql(named(text)),
                                                 by_name(args))
                rows = ([tuple(r) for r in result]
                        if result.returns_rows else [])
            except Exception:
                if not self.inside:
                    await self.conn.rollback()
                raise
            if not self.inside:
                await self.conn.commit()
            return rows

        return wait(execute())

    run = rows = query

    def show(self, name):
        return self.query(f"SHOW {name}")[0][0]

    def begin(self):
        self.inside = True

    def commit(self):
        wait(self.conn.commit())
        self.inside = False

    def rollback(self):
        wait(self.conn.rollback())
        self.inside = False

    def stream(self, text, size, *args):
        from sqlalchemy import text as sql

        async def start():
            return await self.conn.stream(
                sql(named(text)), by_name(args),
                execution_options={"yield_per": size})

        result = wait(start())
        try:
            while True:
                part = wait(result.fetchmany(size))
                if not part:
                    return
                yield from part
        finally:
            wait(result.close())

    def close(self):
        wait(self.conn.close())


class AsyncAlchemy:
    def __init__(self, name):
        import sqlalchemy
        import sqlalchemy.ext.asyncio

        self.name = name
        self.module = sqlalchemy
        self.Error = sqlalchemy.exc.DBAPIError

    def version(self):
        return "SQLAlchemy " + self.module.__version__

    def engine(self, **more):
        return self.module.ext.asyncio.create_async_engine(
            URL.replace("postgresql:", "postgresql+asyncpg:", 1), **more)

    def connect(self, **startup):
        engine = self.engine(poolclass=self.module.pool.NullPool,
                             connect_args={"server_settings": startup})

        async def start():
            return await engine.connect()

        return AsyncAlchemyConn(wait(start()))

    @staticmethod
    def code(error):
        return (getattr(error.orig, "sqlstate", None)
                or type(error.orig).__name__)

    def pool(self):
        engine = self.engine(pool_size=6, max_overflow=0)

        async def job(n):
            async with engine.connect() as conn:
                result = await conn.execute(
                    self.module.text("SELECT CAST(:n AS int)"), {"n": n})
                return result.scalar()

        async def jobs():
            got = await asyncio.gather(*[job(n) for n in range(60)])
            await engine.dispose()
            return got

        got = wait(jobs())
        assert got == list(range(60)), got
        return len(got)


__all__ = ["Asyncpg", "AsyncAlchemy"]
