"""A client that sends exactly the bytes it is told and reads exact messages.

No conversion, no buffering of requests, no recovery: what a test writes is what
goes over the wire.
"""

import os
import socket
import struct
import time

from tools import pgwire
from tools.pgwire import Message, Splitter, error_fields, show
from tools.scram import ScramClient

TIMEOUT = float(os.environ.get("RAW_TIMEOUT", "10"))


class PgError(Exception):
    """An ErrorResponse."""

    def __init__(self, body):
        self.fields = error_fields(body)
        super().__init__(f"{self.severity} {self.sqlstate} {self.message}"
                         f" hint={self.hint}")

    severity = property(lambda self: self.fields.get("S"))
    sqlstate = property(lambda self: self.fields.get("C"))
    message = property(lambda self: self.fields.get("M", ""))
    detail = property(lambda self: self.fields.get("D"))
    hint = property(lambda self: self.fields.get("H"))


class Closed(ConnectionError):
    """The other side ended the connection."""


class Unexpected(AssertionError):
    """Another message than the expected one."""


class Result:
    """The messages of one answer, up to ReadyForQuery."""

    def __init__(self, messages):
        self.messages = messages

    @property
    def types(self):
        return "".join(m.type for m in self.messages)

    @property
    def rows(self):
        """Rows as lists of text."""
        return [pgwire.text_values(m.body) for m in self.messages
                if m.type == "D"]

    @property
    def names(self):
        for m in self.messages:
            if m.type == "T":
                return pgwire.column_names(m.body)
        return []

    @property
    def columns(self):
        for m in self.messages:
            if m.type == "T":
                return pgwire.columns(m.body)
        return []

    @property
    def dicts(self):
        names = self.names
        return [dict(zip(names, r)) for r in self.rows]

    @property
    def tags(self):
        return [m.body[:-1].decode() for m in self.messages if m.type == "C"]

    @property
    def errors(self):
        return [PgError(m.body) for m in self.messages if m.type == "E"]

    @property
    def notices(self):
        return [error_fields(m.body) for m in self.messages
                if m.type == "N"]

    @property
    def parameters(self):
        return dict(pgwire.two_strings(m.body) for m in self.messages
                    if m.type == "S")

    @property
    def status(self):
        for m in reversed(self.messages):
            if m.type == "Z":
                return m.body.decode()
        return None

    def __repr__(self):
        return f"Result({show(self.messages)})"


def login_steps(user, password):
    """A generator that logs in: yields bytes to send (or None), is sent the
    next Message, and ends after ReadyForQuery or at an error (PgError)."""
    scram = None
    out = None
    while True:
        msg = yield out
        out = None
        if msg.type == "E":
            raise PgError(msg.body)
        if msg.type == "Z":
            return
        if msg.type != "R":
            continue
        (code,) = struct.unpack_from("!i", msg.body)
        data = msg.body[4:]
        if code in (3, 5, 10) and password is None:
            raise Unexpected(f"password asked for, method {code}")
        if code == 3:
            out = pgwire.password(password)
        elif code == 5:
            out = pgwire.password(pgwire.md5_password(user, password, data))
        elif code == 10:
            scram = ScramClient(password)
            out = pgwire.sasl_initial("SCRAM-SHA-256", scram.first())
        elif code == 11:
            out = pgwire.sasl_response(scram.final(data))
        elif code == 12:
            scram.verify(data)
        elif code != 0:
            raise Unexpected(f"authentication request {code}")


class Session:
    """What the login told: parameters, key, and the last status."""

    def __init__(self):
        self.parameters = {}
        self.pid = None
        self.key = None
        self.status = None
        self.auth_methods = []

    def note(self, msg):
        if msg.type == "S":
            name, value = pgwire.two_strings(msg.body)
            self.parameters[name] = value
        elif msg.type == "K":
            (self.pid,) = struct.unpack_from("!I", msg.body)
            self.key = msg.body[4:]
        elif msg.type == "Z":
            self.status = msg.body.decode()
        elif msg.type == "R":
            self.auth_methods.append(struct.unpack_from("!i", msg.body)[0])


def open_socket(host, port, timeout=TIMEOUT):
    """host: an address, or a folder with a unix socket in it."""
    if host.startswith(("/", "@")):
        s = socket.socket(socket.AF_UNIX)
        path = f"{host}/.s.PGSQL.{port}"
        s.settimeout(timeout)
        s.connect("\0" + path[1:] if host.startswith("@") else path)
        return s
    s = socket.create_connection((host, port), timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class RawClient:
    """RawClient(host, port) only connects; login() or RawClient.open() logs
    in."""

    def __init__(self, host="127.0.0.1", port=None, timeout=TIMEOUT):
        self.host, self.port = host, port
        self.timeout = timeout
        self.sock = open_socket(host, port, timeout)
        self.splitter = Splitter()
        self.session = Session()
        self.all_received = []

    @classmethod
    def open(cls, host="127.0.0.1", port=None, user="app", database="test",
             password=None, protocol=pgwire.PROTOCOL_3, timeout=TIMEOUT,
             **parameters):
        c = cls(host, port, timeout)
        try:
            c.login(user, database, password, protocol, **parameters)
        except BaseException:
            c.close()
            raise
        return c

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    status = property(lambda self: self.session.status)
    pid = property(lambda self: self.session.pid)
    key = property(lambda self: self.session.key)
    parameters = property(lambda self: self.session.parameters)

    # sending

    def send(self, *parts):
        """All parts in one write."""
        self.sock.settimeout(self.timeout)
        self.sock.sendall(b"".join(parts))

    def send_split(self, data, sizes):
        """data in pieces of the given sizes (the last size repeats), each in
        its own segment."""
        at, i = 0, 0
        while at < len(data):
            n = sizes[min(i, len(sizes) - 1)]
            self.send(data[at:at + n])
            at += n
            i += 1

    # reading

    def read_bytes(self, n, timeout=None):
        """Exactly n bytes outside of the message format (answers to
        SSLRequest)."""
        out = b""
        deadline = time.monotonic() + (timeout or self.timeout)
        while len(out) < n:
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            part = self.sock.recv(n - len(out))
            if not part:
                raise Closed(f"closed after {out!r}")
            out += part
        return out

    def read(self, timeout=None):
        """The next message; Closed at the end, TimeoutError if it does not
        come in time."""
        deadline = time.monotonic() + (
            self.timeout if timeout is None else timeout)
        while True:
            msg = self.splitter.next()
            if msg is not None:
                self.session.note(msg)
                self.all_received.append(msg)
                return msg
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(
                    f"no message; half of one: {bytes(self.splitter.buf)!r};"
                    f" before: {show(self.all_received[-5:])}")
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError as e:
                raise Closed(str(e)) from e
            if not data:
                raise Closed("end of file; before: "
                             + show(self.all_received[-5:]))
            self.splitter.feed(data)

    def read_until(self, kind="Z", count=1, timeout=None):
        """A Result with all messages up to the count-th of a type."""
        out = []
        while count > 0:
            try:
                msg = self.read(timeout)
            except (TimeoutError, Closed) as e:
                raise type(e)(f"{e}; since the start of this answer:"
                              f" {show(out)}") from None
            out.append(msg)
            count -= msg.type == kind
        return Result(out)

    def expect(self, types, skip="", timeout=None):
        """Read as many messages as types has letters, of just these types;
        types in skip may come between.  Returns a Result."""
        out = []
        for want in types:
            while True:
                msg = self.read(timeout)
                if msg.type == want or msg.type not in skip:
                    break
            out.append(msg)
            if msg.type != want:
                raise Unexpected(f"expected {types}, got {show(out)}")
        return Result(out)

    def expect_error(self, sqlstate=None, timeout=None):
        """The next message is an ErrorResponse; returns it as PgError."""
        msg = self.read(timeout)
        if msg.type != "E":
            raise Unexpected(f"expected an error, got {show([msg])}")
        e = PgError(msg.body)
        if sqlstate is not None and e.sqlstate != sqlstate:
            raise Unexpected(f"expected {sqlstate}, got {e}")
        return e

    def expect_silence(self, seconds=0.05):
        """Nothing comes for this time."""
        try:
            msg = self.read(seconds)
        except TimeoutError:
            return
        raise Unexpected(f"expected silence, got {show([msg])}")

    def expect_closed(self, timeout=None):
        """The connection ends with nothing more to read."""
        try:
            msg = self.read(timeout)
        except Closed:
            return
        raise Unexpected(f"expected the end, got {show([msg])}")

    def drain(self, timeout=None):
        """All messages until the other side closes."""
        out = []
        try:
            while True:
                out.append(self.read(timeout))
        except Closed:
            return Result(out)

    # whole exchanges

    def login(self, user="app", database="test", password=None,
              protocol=pgwire.PROTOCOL_3, **parameters):
        """Startup to ReadyForQuery; the messages as a Result.  Raises PgError
        when refused."""
        params = {"user": user}
        if database is not None:
            params["database"] = database
        params.update(parameters)
        self.send(pgwire.startup(params, protocol))
        return self.finish_login(user, password)

    def finish_login(self, user, password=None):
        steps = login_steps(user, password)
        next(steps)
        out = []
        while True:
            msg = self.read()
            out.append(msg)
            try:
                data = steps.send(msg)
            except StopIteration:
                return Result(out)
            if data is not None:
                self.send(data)

    def query(self, sql, timeout=None, check=True):
        """A simple query; raises the first error unless check is False."""
        self.send(pgwire.query(sql))
        result = self.read_until("Z", timeout=timeout)
        if check and result.errors:
            raise result.errors[0]
        return result

    def value(self, sql):
        return self.query(sql).rows[0][0]

    def extended(self, sql, values=(), check=True):
        """Unnamed Parse, Bind, Describe, Execute, Sync in one write."""
        self.send(pgwire.parse("", sql), pgwire.bind(values=values),
                  pgwire.describe("P"), pgwire.execute(), pgwire.sync())
        result = self.read_until("Z")
        if check and result.errors:
            raise result.errors[0]
        return result

    def cancel(self, pid=None, key=None):
        """A cancel request on a connection of its own; returns once the other
        side has closed it."""
        with RawClient(self.host, self.port, self.timeout) as c:
            c.send(pgwire.cancel_request(
                self.pid if pid is None else pid,
                self.key if key is None else key))
            return c.drain()

    # ways to leave

    def close(self):
        """Close without a word."""
        self.sock.close()

    def quit(self):
        """Terminate, then close."""
        try:
            self.send(pgwire.terminate())
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        """RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)


__all__ = ["Closed", "Message", "PgError", "RawClient", "Result",
           "Unexpected", "login_steps", "open_socket"]
