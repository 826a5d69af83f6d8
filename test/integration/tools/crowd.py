"""Hundreds or thousands of raw clients in one process, by asyncio.

    async def work(client, i):
        await client.query("SELECT 1")

    crowd(200, work, port=carpool.port)

The client has RawClient's words, as coroutines.
"""

import asyncio
import socket
import struct

from tools import pgwire
from tools.pgwire import Splitter, show
from tools.raw import Closed, Result, Session, TIMEOUT, login_steps


class AsyncClient:
    def __init__(self, reader, writer, host, port):
        self.reader, self.writer = reader, writer
        self.host, self.port = host, port
        self.splitter = Splitter()
        self.session = Session()
        self.timeout = TIMEOUT

    status = property(lambda self: self.session.status)
    pid = property(lambda self: self.session.pid)
    key = property(lambda self: self.session.key)
    parameters = property(lambda self: self.session.parameters)

    @classmethod
    async def connect(cls, host="127.0.0.1", port=None):
        if host.startswith("/"):
            r, w = await asyncio.open_unix_connection(
                f"{host}/.s.PGSQL.{port}")
        else:
            r, w = await asyncio.open_connection(host, port)
        return cls(r, w, host, port)

    @classmethod
    async def open(cls, host="127.0.0.1", port=None, user="app",
                   database="test", password=None, timeout=TIMEOUT,
                   **parameters):
        c = await cls.connect(host, port)
        c.timeout = timeout
        try:
            await c.login(user, database, password, **parameters)
        except BaseException:
            c.close()
            raise
        return c

    async def send(self, *parts):
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def read(self, timeout=None):
        while True:
            msg = self.splitter.next()
            if msg is not None:
                self.session.note(msg)
                return msg
            try:
                data = await asyncio.wait_for(
                    self.reader.read(65536),
                    self.timeout if timeout is None else timeout)
            except asyncio.TimeoutError:
                raise TimeoutError("no message") from None
            except ConnectionError as e:
                raise Closed(str(e)) from e
            if not data:
                raise Closed("end of file")
            self.splitter.feed(data)

    async def read_until(self, kind="Z", count=1, timeout=None):
        out = []
        while count > 0:
            try:
                msg = await self.read(timeout)
            except (TimeoutError, Closed) as e:
                raise type(e)(f"{e}; before: {show(out)}") from None
            out.append(msg)
            count -= msg.type == kind
        return Result(out)

    async def login(self, user="app", database="test", password=None,
                    protocol=pgwire.PROTOCOL_3, **parameters):
        params = {"user": user, "database": database, **parameters}
        await self.send(pgwire.startup(params, protocol))
        steps = login_steps(user, password)
        next(steps)
        out = []
        while True:
            msg = await self.read()
            out.append(msg)
            try:
                data = steps.send(msg)
            except StopIteration:
                return Result(out)
            if data is not None:
                await self.send(data)

    async def query(self, sql, timeout=None, check=True):
        await self.send(pgwire.query(sql))
        result = await self.read_until("Z", timeout=timeout)
        if check and result.errors:
            raise result.errors[0]
        return result

    async def extended(self, sql, values=(), check=True):
        await self.send(
            pgwire.parse("", sql), pgwire.bind(values=values),
            pgwire.describe("P"), pgwire.execute(), pgwire.sync())
        result = await self.read_until("Z")
        if check and result.errors:
            raise result.errors[0]
        return result

    async def value(self, sql):
        return (await self.query(sql)).rows[0][0]

    async def cancel(self):
        c = await AsyncClient.connect(self.host, self.port)
        try:
            await c.send(pgwire.cancel_request(self.pid, self.key))
            await c.reader.read()
        except ConnectionError:
            pass
        finally:
            c.close()

    def close(self):
        self.writer.close()

    def reset(self):
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def quit(self):
        try:
            await self.send(pgwire.terminate())
        except ConnectionError:
            pass
        self.writer.close()


async def gather(n, work, logins_at_once=64, **open_args):
    """Open n clients, run work(client, i) in each at the same time; the list
    of what they returned.  The first exception ends all."""
    gate = asyncio.Semaphore(logins_at_once)

    async def one(i):
        async with gate:
            c = await AsyncClient.open(**open_args)
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


def crowd(n, work, timeout=60, **open_args):
    """gather() for tests that are not coroutines themselves."""
    async def run():
        return await asyncio.wait_for(gather(n, work, **open_args), timeout)

    return asyncio.run(run())
