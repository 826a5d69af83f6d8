"""Hundreds or thousands of raw MySQL clients in one process, by asyncio.

    async def work(client, i):
        await client.query("SELECT 1")

    my_crowd(200, work, port=carpool.port, password=...)

The client has RawMysql's words, as coroutines.
"""

import asyncio

from tools import mywire as w
from tools.myanswer import Answer, MyError
from tools.mywire import Greeting, Splitter
from tools.raw import TIMEOUT, Closed, Unexpected
from tools.rawmysql import Login


class AsyncMysql:
    def __init__(self, reader, writer, is_local):
        self.reader, self.writer, self.is_local = reader, writer, is_local
        self.splitter = Splitter()
        self.timeout = TIMEOUT
        self.caps = self.ext = 0
        self.greeting = self.welcome = None

    id = property(lambda self: self.greeting.id)

    @classmethod
    async def open(cls, host="127.0.0.1", port=None, timeout=TIMEOUT,
                   **login):
        """Connect and log in; login as Login takes it."""
        is_local = host.startswith("/")
        if is_local:
            streams = await asyncio.open_unix_connection(host)
        else:
            streams = await asyncio.open_connection(host, port)
        c = cls(*streams, is_local)
        c.timeout = timeout
        try:
            await c.login(**login)
        except BaseException:
            c.close()
            raise
        return c

    async def send(self, *parts):
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def read(self, timeout=None):
        while True:
            p = self.splitter.next()
            if p is not None:
                return p
            try:
                data = await asyncio.wait_for(
                    self.reader.read(1 << 16),
                    self.timeout if timeout is None else timeout)
            except asyncio.TimeoutError:
                raise TimeoutError("no packet") from None
            except ConnectionError as e:
                raise Closed(str(e)) from e
            if not data:
                raise Closed("end of file")
            self.splitter.feed(data)

    async def login(self, **kw):
        p = await self.read()
        if p.payload[:1] == b"\xff":
            raise MyError(p.payload)
        self.greeting = Greeting(p.payload)
        login = Login(self.greeting, is_local=self.is_local, **kw)
        self.caps, self.ext = login.caps, login.ext
        await self.send(login.first())
        while login.welcome is None:
            data = login.answer(await self.read())
            if data is not None:
                await self.send(data)
        self.welcome = login.welcome

    async def ask(self, payload, check=True, timeout=None, **kw):
        """One command; its Answer, whose numbers have to follow."""
        await self.send(w.packet(payload))
        answer = await self.finish(payload[0], timeout,
                                   len(payload) // w.MAX_PAYLOAD, **kw)
        return answer.check() if check else answer

    async def finish(self, code, timeout=None, seq=0, **kw):
        """The Answer to a command that was sent; seq: its last number."""
        answer = Answer(code, self.caps, self.ext, **kw)
        while not answer.done:
            p = await self.read(timeout)
            seq = seq + 1 + len(p.payload) // w.MAX_PAYLOAD & 0xFF
            if p.seq != seq:
                raise Unexpected(f"sequence {p.seq} in place of {seq}:"
                                 f" {p.payload[:200]!r}")
            answer.feed(p)
        return answer

    async def query(self, sql, check=True, timeout=None):
        return await self.ask(w.query(sql), check, timeout)

    async def value(self, sql):
        return (await self.query(sql)).value

    async def prepare(self, sql):
        return (await self.ask(w.prepare(sql))).statement

    async def execute(self, statement, values=(), check=True):
        return await self.ask(w.execute(statement.id, values), check)

    async def quit(self):
        try:
            await self.send(w.packet(bytes([w.QUIT])))
        except ConnectionError:
            pass
        self.writer.close()

    def close(self):
        self.writer.close()

    def reset(self):
        self.writer.transport.abort()


async def gather(n, work, logins_at_once=64, **open_args):
    """Open n clients, run work(client, i) in each at the same time; the list
    of what they returned.  The first exception ends all."""
    gate = asyncio.Semaphore(logins_at_once)

    async def one(i):
        async with gate:
            c = await AsyncMysql.open(**open_args)
        try:
            return await work(c, i)
        finally:
            c.close()

    tasks = [asyncio.ensure_future(one(i)) for i in range(n)]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def my_crowd(n, work, timeout=60, **open_args):
    """gather() for tests that are not coroutines themselves."""
    async def run():
        return await asyncio.wait_for(gather(n, work, **open_args), timeout)

    return asyncio.run(run())
