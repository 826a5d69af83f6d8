"""A scripted PostgreSQL server.

    def script(conn):
        conn.login()                   # startup, trust, ReadyForQuery
        conn.expect("Q", b"SELECT 1\\0")
        conn.send(pgwire.complete("SELECT 0"))
        conn.stall()

    with FakePg(script) as fake:
        ...

One thread a connection.  A list of scripts gives each connection its own (the
last one repeats).  Without a script, serve() answers like a small Postgres.
Cancel requests are no connections to the scripts: they go to fake.cancels.
"""

import os
import re
import socket
import struct
import threading
import time

from tools import pgwire
from tools.pgwire import Splitter, show
from tools.scram import ScramServer, verifier

PARAMETERS = {
    "server_version": "15.99",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "IntervalStyle": "postgres",
    "standard_conforming_strings": "on",
    "integer_datetimes": "on",
    "is_superuser": "off",
    "session_authorization": "app",
    "application_name": "",
    "default_transaction_read_only": "off",
    "in_hot_standby": "off",
}


class Gone(Exception):
    """The other side closed, or the fake server is being stopped."""


class FakeConn:
    """One connection of the pooler to the fake server."""

    def __init__(self, fake, sock, number):
        self.fake, self.sock, self.number = fake, sock, number
        self.pid = 1000 + number
        self.key = struct.unpack("!I", os.urandom(4))[0]
        self.splitter = Splitter()
        self.startup_params = {}
        self.received = []
        self.bytes_in = b""
        self.status = "I"

    # reading

    def _recv(self, timeout=None):
        deadline = time.monotonic() + (timeout or self.fake.timeout)
        while True:
            if self.fake.stopping:
                raise Gone("stopping")
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"nothing to read; so far {show(self.received)}")
            self.sock.settimeout(0.1)
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            except OSError as e:
                raise Gone(str(e)) from None
            if not data:
                raise Gone("closed by the pooler")
            self.bytes_in += data
            return data

    def read_startup(self):
        """The body of the next packet without a type."""
        buf = self.splitter.buf
        while len(buf) < 4 or len(buf) < struct.unpack_from("!I", buf)[0]:
            self.splitter.feed(self._recv())
        (length,) = struct.unpack_from("!I", buf)
        body = bytes(buf[4:length])
        del buf[:length]
        return body

    def read(self, timeout=None):
        """The next message."""
        while True:
            msg = self.splitter.next()
            if msg is not None:
                self.received.append(msg)
                if msg.type == "X":
                    raise Gone("terminated")
                return msg
            self.splitter.feed(self._recv(timeout))

    def expect(self, kind, body=None):
        """The next message is of this type (and has just this body)."""
        msg = self.read()
        if msg.type != kind or (body is not None and msg.body != body):
            raise AssertionError(f"fake server expected {kind}"
                                 f" {body!r}, got {show([msg])}")
        return msg

    def expect_query(self, sql=None):
        """A simple query (with this text); its text."""
        msg = self.expect("Q")
        text = msg.body[:-1].decode()
        if sql is not None and text != sql:
            raise AssertionError(f"expected {sql!r}, got {text!r}")
        return text

    def expect_types(self, kinds):
        return [self.expect(k) for k in kinds]

    # writing

    def send(self, *parts):
        try:
            self.sock.settimeout(self.fake.timeout)
            self.sock.sendall(b"".join(parts))
        except OSError as e:
            raise Gone(str(e)) from None

    def send_split(self, data, size=1, pause=0.0):
        """data in pieces of size bytes, each in a segment of its own."""
        for at in range(0, len(data), size):
            self.send(data[at:at + size])
            if pause:
                time.sleep(pause)

    def stall(self, seconds=None):
        """Neither read nor write, until the fake server is stopped or
        release() is called."""
        self.fake.released.wait(seconds)

    def wait_closed(self, timeout=None):
        """Read until the pooler closes; what it sent before."""
        out = []
        try:
            while True:
                out.append(self.read(timeout))
        except Gone:
            return out

    def close(self):
        self.sock.close()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    # whole exchanges

    def authenticate(self, method=None):
        """Check the client's password by trust, clear, md5 or scram."""
        method = method or self.fake.auth
        user = self.startup_params.get("user", "")
        secret = self.fake.passwords.get(user)
        good = True
        if method == "clear":
            self.send(pgwire.auth(3))
            good = self.expect("p").body == pgwire.cstr(secret)
        elif method == "md5":
            salt = os.urandom(4)
            self.send(pgwire.auth(5, salt))
            want = pgwire.md5_password(user, secret, salt)
            good = self.expect("p").body == pgwire.cstr(want)
        elif method == "scram":
            good = self._scram(secret)
        if not good:
            self.send(pgwire.error(
                "28P01", f'password authentication failed for user "{user}"',
                severity="FATAL"))
            raise Gone("wrong password")
        self.send(pgwire.auth(0))

    def _scram(self, secret):
        server = ScramServer(self.fake.verifier(secret))
        self.send(pgwire.auth(10, b"SCRAM-SHA-256\0\0"))
        body = self.expect("p").body
        at = body.index(b"\0") + 5
        self.send(pgwire.auth(11, server.first(body[at:])))
        try:
            final = server.final(self.expect("p").body)
        except Exception:
            return False
        self.send(pgwire.auth(12, final))
        return True

    def greet(self, **parameters):
        """What follows AuthenticationOk."""
        params = {**PARAMETERS, **self.fake.parameters, **parameters}
        for name in ("application_name", "client_encoding", "DateStyle",
                     "TimeZone", "IntervalStyle"):
            for given, value in self.startup_params.items():
                if given.lower() == name.lower():
                    params[name] = value
        self.send(*(pgwire.parameter(k, v) for k, v in params.items()),
                  pgwire.backend_key(self.pid, self.key), pgwire.ready())

    def login(self, method=None, **parameters):
        self.authenticate(method)
        self.greet(**parameters)

    # a small server

    def serve(self):
        """Answer simple and extended queries until the pooler leaves."""
        failed = False
        while True:
            msg = self.read()
            if msg.type == "Q":
                self.answer(msg.body[:-1].decode())
            elif msg.type == "S":
                failed = False
                self.send(pgwire.ready(self.status))
            elif not failed:
                failed = not self._extended(msg)

    def _extended(self, msg):
        if msg.type == "P":
            self.sql = pgwire.two_strings(msg.body)[1]
            self.send(pgwire.frame("1"))
        elif msg.type == "B":
            self.send(pgwire.frame("2"))
        elif msg.type == "C":
            self.send(pgwire.frame("3"))
        elif msg.type == "D":
            if msg.body[:1] == b"S":
                self.send(pgwire.frame("t", b"\0\0"))
            self.send(pgwire.row_description("?column?")
                      if self._row(self.sql) is not None
                      else pgwire.frame("n"))
        elif msg.type == "E":
            self.send(*self._result(self.sql, with_names=False))
        elif msg.type == "F":
            self.send(pgwire.error("0A000", "no functions here"),
                      pgwire.ready(self.status))
        elif msg.type not in "Hdcf":
            self.send(pgwire.error("08P01", f"message {msg.type}"))
            return False
        return True

    def answer(self, sql):
        """The whole answer to a simple query."""
        hook = self.fake.answers.get(sql)
        if hook is not None:
            return hook(self) if callable(hook) else self.send(hook)
        parts = [s for s in sql.split(";") if s.strip()]
        out = []
        for part in parts:
            out += self._result(part.strip())
        self.send(*(out or [pgwire.frame("I")]), pgwire.ready(self.status))

    def _row(self, sql):
        m = re.match(r"select\s+'?([^';]*)'?$", sql.strip(), re.I)
        return m.group(1) if m else None

    def _result(self, sql, with_names=True):
        word = sql.split()[0].upper() if sql.split() else ""
        if not word:
            return [pgwire.frame("I")]
        row = self._row(sql)
        if row is not None:
            names = [pgwire.row_description("?column?")] if with_names else []
            return [*names, pgwire.data_row(row), pgwire.complete("SELECT 1")]
        if word in ("BEGIN", "START"):
            self.status = "T"
        elif word in ("COMMIT", "ROLLBACK", "END", "ABORT"):
            self.status = "I"
        out = []
        if word == "SET":
            out = self._set(sql)
        tag = sql.upper() if word in ("DISCARD", "DEALLOCATE") else word
        return [pgwire.complete(tag), *out]

    def _set(self, sql):
        m = re.match(r"set\s+(\w+)\s*(?:=|to)\s*'?([^']*)'?$", sql, re.I)
        known = {n.lower(): n for n in PARAMETERS}
        if m and m.group(1).lower() in known:
            return [pgwire.parameter(known[m.group(1).lower()], m.group(2))]
        return []


class FakePg:
    """fake.connections has all FakeConns, fake.cancels the cancel requests
    as (pid, key, time)."""

    def __init__(self, script=None, auth="trust", passwords=None,
                 parameters=None, timeout=10, host="127.0.0.1", port=0):
        self.scripts = script if isinstance(script, list) else [script]
        self.auth = auth
        self.passwords = dict(passwords or {})
        self.parameters = dict(parameters or {})
        self.timeout = timeout
        self.answers = {}
        self.connections = []
        self.cancels = []
        self.cancel_script = None
        self.errors = []
        self.stopping = False
        self.released = threading.Event()
        self._verifiers = {}
        self._threads = []
        self._lock = threading.Lock()
        self._listener = None
        self.host, self.port = host, port

    def start(self):
        self._listener = socket.create_server((self.host, self.port),
                                              backlog=256)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *exc):
        self.stop(check=kind is None)

    def _spawn(self, target, *args):
        t = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(t)
        t.start()

    def _accept(self):
        self._listener.settimeout(0.1)
        while not self.stopping:
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._run, sock)

    def _run(self, sock):
        conn = FakeConn(self, sock, 0)
        try:
            self._serve(conn)
        except Gone:
            pass
        except Exception as e:
            self.errors.append(f"connection {conn.number}: {e!r}")
        finally:
            sock.close()

    def _serve(self, conn):
        while True:
            body = conn.read_startup()
            (code,) = struct.unpack_from("!I", body)
            if code in (pgwire.SSL_CODE, pgwire.GSSENC_CODE):
                conn.send(b"N")
                continue
            break
        if code == pgwire.CANCEL_CODE:
            pid, key = struct.unpack_from("!II", body, 4)
            self.cancels.append((pid, key, time.monotonic()))
            if self.cancel_script is not None:
                self.cancel_script(conn, pid, key)
            return
        names = [p.decode() for p in body[4:].split(b"\0")]
        conn.startup_params = dict(zip(names[0::2], names[1::2]))
        conn.startup_params.pop("", None)
        with self._lock:
            conn.number = len(self.connections)
            conn.pid = 1000 + conn.number
            self.connections.append(conn)
        script = self.scripts[min(conn.number, len(self.scripts) - 1)]
        if script is None:
            conn.login()
            conn.serve()
        else:
            script(conn)

    def verifier(self, secret):
        if secret not in self._verifiers:
            self._verifiers[secret] = verifier(secret or "")
        return self._verifiers[secret]

    def release(self):
        """End all stalls."""
        self.released.set()

    def received(self, kind=None):
        """Messages of all connections, in order for each."""
        return [m for c in self.connections for m in c.received
                if kind is None or m.type == kind]

    def queries(self):
        return [m.body[:-1].decode() for m in self.received("Q")]

    def stop(self, check=True):
        self.stopping = True
        self.released.set()
        if self._listener is not None:
            self._listener.close()
        for t in self._threads:
            t.join(5)
        if check and self.errors:
            raise AssertionError("fake server: " + "; ".join(self.errors))
