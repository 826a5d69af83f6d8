"""A MySQL client that sends exactly the bytes it is told and reads exact
packets.

No conversion, no buffering of requests, no recovery: what a test writes is what
goes over the wire.
"""

import socket
import struct
import time

from tools import myauth, mywire as w
from tools.myanswer import Answer, MyError, Ok
from tools.mywire import Greeting, Packet, Splitter, show
from tools.raw import TIMEOUT, Closed, Unexpected


def open_socket(host, port, timeout=TIMEOUT):
    """host: an address, or the path of a unix socket."""
    if host.startswith(("/", "@")):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect("\0" + host[1:] if host.startswith("@") else host)
        return s
    s = socket.create_connection((host, port), timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def fitting(caps, greeting):
    """caps less what the server has not got.  MariaDB's own word is read only
    from clients that leave LONG_PASSWORD out."""
    return caps & (greeting.caps | w.LONG_PASSWORD)


class Login:
    """A client's side of a login, without the socket: first() and answer()
    give the bytes to send.

    plugin: the one to begin with, by default the server's.  exact: send caps
    and ext as they are, even bits that the server has not got.  is_local: a
    clear password harms nobody.  auth gets the steps: plugins, "fast",
    "full", "key"."""

    def __init__(self, greeting, user="app", password=None, database=None,
                 caps=w.BASE, ext=0, plugin=None, charset=45, attrs=None,
                 exact=False, is_local=False, auth=None):
        if database is not None:
            caps |= w.CONNECT_WITH_DB
        if attrs:
            caps |= w.CONNECT_ATTRS
        if ext:
            caps &= ~w.LONG_PASSWORD
        if not exact:
            caps = fitting(caps, greeting)
            ext &= greeting.ext
        self.greeting, self.caps, self.ext = greeting, caps, ext
        self.user, self.password, self.database = user, password, database
        self.charset, self.attrs = charset, attrs
        self.plugin = plugin or greeting.plugin
        self.scramble = greeting.scramble
        self.is_local = is_local
        self.auth = [] if auth is None else auth
        self.welcome = None

    def proof(self):
        self.auth.append(self.plugin)
        return myauth.proof(self.plugin, self.password, self.scramble)

    def first(self):
        return w.packet(w.handshake_response(
            self.caps, self.user, self.proof(), self.database, self.plugin,
            self.ext, self.charset, self.attrs), 1)

    def answer(self, p):
        """What to send after this packet; welcome is set by the last one."""
        kind = p.payload[:1]
        if kind == b"\xff":
            raise MyError(p.payload)
        if kind == b"\0":
            self.welcome = Ok(p.payload, self.caps)
            return None
        if kind == b"\xfe":
            name, _, data = p.payload[1:].partition(b"\0")
            self.plugin = name.decode()
            # MariaDB's ed25519 has no zero behind its 32 bytes
            self.scramble = (data if self.plugin == w.ED25519
                             else data[:-1])
            out = self.proof()
        elif kind == b"\x01":
            out = self._more(p.payload[1:])
        else:
            raise Unexpected(f"in the login: {show([p])}")
        return None if out is None else w.packet(out, p.seq + 1)

    def _more(self, data):
        """caching_sha2_password and sha256_password have more to say."""
        if data == b"\x03":
            self.auth.append("fast")
            return None
        if data == b"\x04":
            self.auth.append("full")
            return w.cstr(self.password) if self.is_local else b"\x02"
        if data.startswith(b"-----BEGIN"):
            self.auth.append("key")
            return myauth.rsa_encrypt(data, self.password, self.scramble)
        raise Unexpected(f"{self.plugin} says {data!r}")


class ChangeUser(Login):
    """COM_CHANGE_USER on a connection that is logged in."""

    def __init__(self, before, user, password=None, database="", **more):
        super().__init__(before.greeting, user, password,
                         is_local=before.is_local, plugin=w.NATIVE)
        self.caps, self.ext = before.caps, before.ext
        self.database, self.more = database, more

    def first(self):
        return w.packet(w.change_user(self.user, self.proof(), self.database,
                                      self.plugin, **self.more))


class RawMysql:
    """RawMysql(host, port) only connects; login() or RawMysql.open() logs in.

    caps and ext are what was negotiated; auth has the steps of the login."""

    def __init__(self, host="127.0.0.1", port=None, timeout=TIMEOUT):
        self.host, self.port, self.timeout = host, port, timeout
        self.sock = open_socket(host, port, timeout)
        self.splitter = Splitter()
        self.all_received = []
        self.greeting = None
        self.caps = self.ext = 0
        self.auth = []
        self.user = self.welcome = None
        self.cursors = {}

    @classmethod
    def open(cls, host="127.0.0.1", port=None, timeout=TIMEOUT, **login):
        c = cls(host, port, timeout)
        try:
            c.login(**login)
        except BaseException:
            c.close()
            raise
        return c

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    id = property(lambda self: self.greeting.id)
    version = property(lambda self: self.greeting.version)

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

    def say(self, payload, seq=0):
        self.send(w.packet(payload, seq))

    # reading

    def read(self, timeout=None):
        """The next Packet; Closed at the end, TimeoutError if it does not
        come in time."""
        deadline = time.monotonic() + (
            self.timeout if timeout is None else timeout)
        while True:
            p = self.splitter.next()
            if p is not None:
                self.all_received.append(p)
                del self.all_received[:-1000]
                return p
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(
                    "no packet; a part of one:"
                    f" {bytes(self.splitter.buf[:80])!r}; before:"
                    f" {show(self.all_received[-5:])}")
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(1 << 18)
            except TimeoutError:
                continue
            except ConnectionError as e:
                raise Closed(str(e)) from e
            if not data:
                raise Closed("end of file; before: "
                             + show(self.all_received[-5:]))
            self.splitter.feed(data)

    def answer_of(self, code, **kw):
        return Answer(code, self.caps, self.ext, **kw)

    def finish(self, answer, timeout=None, seq=1):
        """Read until the answer is over (or the server waits for a file);
        sequence numbers follow from seq on, None: any."""
        while not answer.done and answer.wanted is None:
            p = self.read(timeout)
            if seq is not None:
                if p.seq != self._last_of(p, seq):
                    raise Unexpected(f"sequence {p.seq} after {seq - 1}:"
                                     f" {show([p])}")
                seq = p.seq + 1 & 0xFF
            answer.feed(p)
        self.next_seq = seq
        return answer

    @staticmethod
    def _last_of(p, seq):
        return seq + len(p.payload) // w.MAX_PAYLOAD & 0xFF

    def expect_error(self, code=None, timeout=None):
        """The next packet is an ERR; returns it as MyError."""
        p = self.read(timeout)
        if p.payload[:1] != b"\xff":
            raise Unexpected(f"expected an error, got {show([p])}")
        e = MyError(p.payload)
        if code is not None and e.code != code:
            raise Unexpected(f"expected {code}, got {e}")
        return e

    def expect_silence(self, seconds=0.05):
        """Nothing comes for this time."""
        try:
            p = self.read(seconds)
        except TimeoutError:
            return
        raise Unexpected(f"expected silence, got {show([p])}")

    def expect_closed(self, timeout=None):
        """The connection ends with nothing more to read."""
        try:
            p = self.read(timeout)
        except Closed:
            return
        raise Unexpected(f"expected the end, got {show([p])}")

    def drain(self, timeout=None):
        """All packets until the other side closes."""
        out = []
        try:
            while True:
                out.append(self.read(timeout))
        except Closed:
            return out

    # the login

    def greet(self):
        """Read the greeting; MyError if the server refuses instead."""
        p = self.read()
        if p.payload[:1] == b"\xff":
            raise MyError(p.payload)
        self.greeting = Greeting(p.payload)
        return self.greeting

    def login(self, user="app", password=None, database=None, **more):
        """From the greeting to OK, which is returned; MyError when refused.
        more: see Login."""
        if self.greeting is None:
            self.greet()
        return self._log_in(Login(
            self.greeting, user, password, database, auth=self.auth,
            is_local=self.sock.family == socket.AF_UNIX, **more))

    def _log_in(self, login):
        self.caps, self.ext = login.caps, login.ext
        self.user = login
        self.send(login.first())
        while login.welcome is None:
            data = login.answer(self.read())
            if data is not None:
                self.send(data)
        self.welcome = login.welcome
        return self.welcome

    # whole exchanges

    def command(self, code, data=b"", check=True, timeout=None, **kw):
        """One command; its Answer.  Raises the first error unless check is
        False."""
        return self.ask(w.command(code, data), check, timeout, **kw)

    def ask(self, payload, check=True, timeout=None, **kw):
        """The same for a payload that is whole."""
        self.say(payload)
        answer = self.finish(self.answer_of(payload[0], **kw), timeout,
                             1 + len(payload) // w.MAX_PAYLOAD)
        return answer.check() if check else answer

    def query(self, sql, check=True, timeout=None):
        return self.command(w.QUERY, sql, check, timeout)

    def value(self, sql):
        return self.query(sql).value

    def pipeline(self, *payloads, sizes=(1 << 20,), check=False, **kw):
        """All commands in one write; their Answers."""
        self.send_split(b"".join(map(w.packet, payloads)), sizes)
        out = [self.finish(self.answer_of(p[0], **kw), None,
                           1 + len(p) // w.MAX_PAYLOAD) for p in payloads]
        for answer in out if check else ():
            answer.check()
        return out

    def give_file(self, answer, data, size=1 << 16, timeout=None):
        """The contents that LOAD DATA LOCAL asked for; None: no such file."""
        seq = self.next_seq
        parts = [data[i:i + size] for i in range(0, len(data or b""), size)]
        for part in parts:
            self.say(part, seq)
            seq = seq + 1 & 0xFF
        self.say(b"", seq)
        answer.wanted = None
        return self.finish(answer, timeout, seq + 1 & 0xFF)

    def prepare(self, sql):
        return self.command(w.STMT_PREPARE, sql).statement

    def execute(self, statement, values=(), flags=0, check=True, **kw):
        """statement: a Prepared, or a number."""
        ident = getattr(statement, "id", statement)
        answer = self.ask(w.execute(ident, values, flags, **kw), False,
                          cursor=bool(flags))
        if flags and answer.sets:
            self.cursors[ident] = answer.sets[0].columns
        return answer.check() if check else answer

    def fetch(self, statement, rows, check=True):
        ident = getattr(statement, "id", statement)
        return self.ask(w.fetch(ident, rows), check,
                        columns=self.cursors.get(ident, ()))

    def forget(self, statement):
        """COM_STMT_CLOSE, to which nobody answers."""
        self.say(w.close(getattr(statement, "id", statement)))

    def ping(self):
        return self.command(w.PING).last

    def reset_connection(self):
        return self.command(w.RESET_CONNECTION)

    def change_user(self, user, password=None, database="", **more):
        """COM_CHANGE_USER, with the greeting's scramble or after a switch."""
        return self._log_in(ChangeUser(self.user, user, password, database,
                                       **more))

    # ways to leave

    def close(self):
        """Close without a word."""
        self.sock.close()

    def quit(self):
        """COM_QUIT, then close."""
        try:
            self.say(bytes([w.QUIT]))
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


__all__ = ["Closed", "MyError", "Packet", "RawMysql", "Unexpected",
           "open_socket"]
