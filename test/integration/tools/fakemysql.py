"""A scripted MySQL server.

    def script(conn):
        conn.login()                       # greeting, password, OK
        conn.expect(mywire.QUERY, b"SELECT 1")
        conn.answer(mywire.result_set(["1"], [["1"]], conn.caps))
        conn.stall()

    with FakeMysql(script) as fake:
        ...

One thread a connection.  A list of scripts gives each connection its own (the
last one repeats).  Without a script, serve() answers like a small server.  What
goes out can be spoiled on the way: see Spoiler.
"""

import os
import re
import socket
import struct
import threading
import time

from tools import myauth, mywire as w
from tools.mywire import Bytes, Response, Splitter, show

VERSION = "5.5.5-10.11.99-MariaDB"
# what MariaDB 10.11 says of itself, less TLS and compression
CAPS = 0x81fff7fe & ~(w.SSL | w.COMPRESS)
EXT = 0x1d
# MySQL 8, less the same
CAPS_8 = 0xc3ffffff & ~(w.SSL | w.COMPRESS)


# as carpool calls itself where it wants to know the greeting alone
ASKER = "carpool_asks_version"


class Gone(Exception):
    """The other side closed, or the fake server is being stopped."""


class Spoiler:
    """What happens to a connection's bytes on their way out.

    size: pieces of so many bytes, each a segment of its own.  die_after: the
    connection ends when so many bytes have gone out, by close or by reset.
    change: {number of the byte: another value}."""

    def __init__(self, size=None, die_after=None, how="close", change=None):
        self.size, self.die_after = size, die_after
        self.how, self.change = how, change or {}

    def apply(self, data, sent):
        """The bytes that go out, and whether that is the end."""
        data = bytearray(data)
        for at, value in self.change.items():
            if sent <= at < sent + len(data):
                data[at - sent] = value
        if self.die_after is None or sent + len(data) < self.die_after:
            return bytes(data), False
        return bytes(data[:self.die_after - sent]), True


class FakeConn:
    """One connection of the pooler to the fake server."""

    def __init__(self, fake, sock, number):
        self.fake, self.sock, self.number = fake, sock, number
        self.id = 1000 + number
        self.splitter = Splitter()
        self.response = None
        self.caps = self.ext = 0
        self.user = self.schema = None
        self.scramble = _scramble()
        self.received = []  # (command, rest)
        self.logins = []    # every packet of the client's login
        self.seq = 0        # of the next packet that goes out
        self.status = w.AUTOCOMMIT
        self.sent = 0
        self.statements = {}
        self.auth = []

    # reading

    def _recv(self, timeout=None):
        deadline = time.monotonic() + (timeout or self.fake.timeout)
        while True:
            if self.fake.stopping:
                raise Gone("stopping")
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"nothing to read; so far {self.received[-5:]}")
            self.sock.settimeout(0.1)
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            except OSError as e:
                raise Gone(str(e)) from None
            if not data:
                raise Gone("closed by the pooler")
            return data

    def read_packet(self, timeout=None):
        """The next Packet; what goes out then has the numbers behind it."""
        while True:
            p = self.splitter.next()
            if p is not None:
                self.seq = p.seq + 1 & 0xFF
                return p
            self.splitter.feed(self._recv(timeout))

    def read(self, timeout=None):
        """The next command: (code, rest)."""
        p = self.read_packet(timeout)
        if self.fake.strict and p.seq != len(p.payload) // w.MAX_PAYLOAD:
            raise AssertionError(f"a command with number {p.seq}:"
                                 f" {show([p])}")
        got = (p.payload[0], p.payload[1:])
        self.received.append(got)
        if got[0] == w.QUIT:
            raise Gone("quit")
        return got

    def expect(self, code, rest=None):
        """The next command is this one (with just this behind it)."""
        got = self.read()
        if got[0] != code or (rest is not None and got[1] != w.text(rest)):
            raise AssertionError(f"fake server expected {code:#x} {rest!r},"
                                 f" got {got[0]:#x} {got[1][:200]!r}")
        return got[1]

    def expect_query(self, sql=None):
        return self.expect(w.QUERY, sql).decode()

    # writing

    def raw(self, data):
        """Bytes as they are, less what the spoiler does to them."""
        spoiler = self.fake.spoiler_of(self)
        data, is_last = spoiler.apply(data, self.sent)
        self.sent += len(data)
        try:
            self.sock.settimeout(self.fake.timeout)
            for at in range(0, len(data), spoiler.size or len(data) or 1):
                self.sock.sendall(data[at:at + (spoiler.size or len(data))])
        except OSError as e:
            raise Gone(str(e)) from None
        if is_last:
            self.reset() if spoiler.how == "reset" else self.close()
            raise Gone("the spoiler's end")

    def send(self, *payloads):
        """Payloads with the sequence numbers that are due, in one write."""
        out = b""
        for payload in payloads:
            out += w.packet(payload, self.seq)
            self.seq = self.seq + 1 + len(payload) // w.MAX_PAYLOAD & 0xFF
        self.raw(out)

    def answer(self, payloads):
        self.send(*payloads)

    def ok(self, **kw):
        kw.setdefault("status", self.status)
        self.send(w.ok(caps=self.caps, **kw))

    def err(self, code, message, sqlstate="HY000"):
        self.send(w.err(code, message, sqlstate))

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
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    # the login

    def greet(self, **kw):
        """The greeting; kw replaces parts of it."""
        fake = self.fake
        parts = {"version": fake.version, "ident": self.id,
                 "scramble": self.scramble, "caps": fake.caps,
                 "ext": fake.ext, "plugin": fake.greets_with, **kw}
        self.seq = 0
        self.send(w.greeting(**parts))

    def read_response(self):
        p = self.read_packet()
        self.logins.append(p)
        self.response = Response(p.payload)
        self.caps = self.response.caps & self.fake.caps
        self.ext = 0 if self.caps & w.LONG_PASSWORD else (
            self.response.ext & self.fake.ext)
        self.user, self.schema = self.response.user, self.response.database
        return self.response

    def authenticate(self, plugin=None):
        """Check the password by plugin, after a switch where the client
        began with another one.  False: it was wrong."""
        plugin = plugin or self.fake.plugin
        given, auth = self.response.plugin, self.response.auth
        self.auth.append(given)
        if plugin != given or (plugin == w.ED25519 and len(auth) != 64):
            auth = self.switch(plugin)
        return self.check(plugin, auth)

    def switch(self, plugin, scramble=None):
        """Ask for another plugin; its first words."""
        self.auth.append(plugin)
        size = 32 if plugin == w.ED25519 else 20
        self.scramble = scramble or _scramble(size)
        if plugin == w.ED25519:
            self.send(b"\xfe" + w.cstr(plugin) + self.scramble)
        else:
            self.send(w.auth_switch(plugin, self.scramble))
        return self.read_login()

    def read_login(self):
        p = self.read_packet()
        self.logins.append(p)
        return p.payload

    def check(self, plugin, auth):
        secret = w.text(self.fake.passwords.get(self.user) or "")
        if plugin == w.ED25519:
            return myauth.ed25519_check(myauth.ed25519_public(secret),
                                        self.scramble, auth)
        if plugin == w.SHA2 and secret and auth not in (b"", b"\0"):
            return self._check_sha2(secret, auth)
        if plugin == w.SHA256 and secret:
            return self.rsa_password(auth) == secret
        return auth == myauth.proof(plugin, secret, self.scramble)

    def _check_sha2(self, secret, auth):
        """Fast if the server still knows the user, else the whole
        password, by RSA."""
        if self.user in self.fake.known:
            if auth != myauth.sha2(secret, self.scramble):
                return False
            self.send(w.auth_more(b"\x03"))
            self.auth.append("fast")
            return True
        self.auth.append("full")
        self.send(w.auth_more(b"\x04"))
        good = self.rsa_password(self.read_login()) == secret
        if good:
            self.fake.known.add(self.user)
        return good

    def rsa_password(self, data):
        """The password that comes encrypted, after the key if that is asked
        for; on a unix socket clear."""
        if self.sock.family == socket.AF_UNIX:
            return data[:-1]
        if data in (b"\x01", b"\x02"):
            self.auth.append("key")
            self.send(w.auth_more(self.fake.key.pem))
            data = self.read_login()
        try:
            return self.fake.key.decrypt(data, self.scramble)
        except ValueError:
            return None

    def login(self, plugin=None, track=None, **greeting):
        """From the greeting to OK."""
        self.greet(**greeting)
        self.read_response()
        if self.response.is_ssl:
            raise Gone("TLS is not spoken here")
        if self.user == ASKER:
            self.refuse_asker()
        if not self.authenticate(plugin):
            self.err(1045, f"Access denied for user '{self.user}'"
                     "@'127.0.0.1' (using password: YES)", "28000")
            raise Gone("wrong password")
        self.ok(track=track)

    def refuse_asker(self):
        """Who asks for the greeting has sent all that a login may take."""
        assert self.read_login() == b"", "no answer to a switch"
        self.err(1045, "Access denied", "28000")
        raise Gone("an asker")

    # a small server

    def serve(self):
        """Answer commands until the pooler leaves."""
        while True:
            code, rest = self.read()
            if code == w.QUERY:
                self.answer_query(rest.decode(errors="surrogateescape"))
            elif code not in w.SILENT:
                self._answer_command(code, rest)

    def _answer_command(self, code, rest):
        if code == w.STMT_PREPARE:
            self._prepare(rest.decode())
        elif code == w.STMT_EXECUTE:
            self._execute(rest)
        elif code == w.INIT_DB:
            self.schema = rest.decode()
            self.ok(track=w.trackers(w.tracked_schema(rest)))
        elif code == w.RESET_CONNECTION:
            self.status = w.AUTOCOMMIT
            self.statements.clear()
            self.ok()
        elif code == w.STATISTICS:
            self.send(b"Uptime: 1  Threads: 1")
        elif code == w.SET_OPTION:
            self.send(w.eof(self.status))
        elif code in (w.PING, w.STMT_RESET, w.PROCESS_KILL):
            self.ok()
        elif code == w.CHANGE_USER:
            self._change_user(rest)
        else:
            self.err(1047, "Unknown command", "08S01")

    def _change_user(self, rest):
        b = Bytes(rest)
        self.user = b.cstr().decode()
        b.take(b.int(1))
        self.schema = b.cstr().decode()
        if not self.check(w.NATIVE, self.switch(w.NATIVE)):
            self.err(1045, "Access denied", "28000")
            raise Gone("wrong password")
        self.status = w.AUTOCOMMIT
        self.ok()

    def _prepare(self, sql):
        ident = len(self.statements) + 1
        params = sql.count("?")
        self.statements[ident] = (sql, params)
        names = [] if self._row(sql) is None else ["?"]
        out = [w.prepare_ok(ident, len(names), params)]
        for group in (["?"] * params, names):
            out += [w.column(n) for n in group]
            if group and not self.caps & w.DEPRECATE_EOF:
                out.append(w.eof(self.status))
        self.answer(out)

    def _execute(self, rest):
        ident = struct.unpack_from("<I", rest)[0]
        if ident not in self.statements:
            self.err(1243, "Unknown prepared statement handler"
                     f" ({ident}) given to mysqld_stmt_execute")
            return
        self.answer_query(self.statements[ident][0], binary=True)

    def answer_query(self, sql, binary=False):
        """The whole answer to a text."""
        hook = self.fake.answers.get(sql)
        if hook is not None:
            return hook(self) if callable(hook) else self.send(*hook)
        parts = [s.strip() for s in sql.split(";") if s.strip()]
        out = []
        for i, part in enumerate(parts or [""]):
            more = w.MORE_RESULTS if i + 1 < len(parts) else 0
            out += self._result(part, more, binary)
        return self.answer(out)

    @staticmethod
    def _row(sql):
        m = re.match(r"select\s+'?([^';]*)'?$", sql.strip(), re.I)
        return m.group(1) if m else None

    def _result(self, sql, more, binary):
        row = self._row(sql)
        if row is not None:
            return w.result_set(["?"], [[row]], self.caps,
                                self.status | more, binary=binary)
        words = sql.upper().split()
        track = None
        if words[:1] == ["BEGIN"] or words[:2] == ["START", "TRANSACTION"]:
            self.status |= w.IN_TRANS
        elif words[:1] in (["COMMIT"], ["ROLLBACK"]):
            self.status &= ~w.IN_TRANS
        elif words[:1] == ["SET"]:
            track = self._set(sql)
        elif not words:
            return [w.err(1065, "Query was empty", "42000")]
        return [w.ok(status=self.status | more, caps=self.caps,
                     track=track)]

    @staticmethod
    def _set(sql):
        entries = re.findall(r"(?:set|,)\s*(?:session\s+|@@)?(\w+)\s*=\s*"
                             r"'?([^',]*)'?", sql, re.I)
        return w.trackers(*(w.tracked_variable(n.lower(), v)
                            for n, v in entries), (2, b"1"))


def _scramble(size=20):
    """Bytes of 33 to 126 only, without "$"."""
    return bytes(33 + b % 94 if b % 94 != 3 else 64 for b in os.urandom(size))


class FakeMysql:
    """fake.connections has all FakeConns.

    plugin: how passwords are proved; greets_with: the plugin of the greeting
    (by default the same).  passwords: {user: clear text}.  known: users whose
    password caching_sha2_password has in its cache.  spoilers: one for each
    connection, the last one repeats.  strict: commands must begin with
    number 0."""

    def __init__(self, script=None, plugin=w.NATIVE, passwords=None,
                 version=VERSION, caps=CAPS, ext=EXT, greets_with=None,
                 spoilers=(), strict=True, timeout=10, host="127.0.0.1",
                 port=0):
        self.scripts = script if isinstance(script, list) else [script]
        self.plugin, self.greets_with = plugin, greets_with or plugin
        self.passwords = dict(passwords or {})
        self.version, self.caps, self.ext = version, caps, ext
        self.spoilers = list(spoilers) or [Spoiler()]
        self.strict, self.timeout = strict, timeout
        self.answers = {}
        self.known = set()
        self.connections = []
        self.errors = []
        self.stopping = False
        self.released = threading.Event()
        self._threads = []
        self._lock = threading.Lock()
        self._listener = None
        self._key = None
        self.host, self.port = host, port

    @property
    def key(self):
        if self._key is None:
            self._key = myauth.RsaKey()
        return self._key

    def spoiler_of(self, conn):
        return self.spoilers[min(conn.number, len(self.spoilers) - 1)]

    def start(self):
        if self.host.startswith("/"):
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self.host)
            self._listener.listen(256)
            os.chmod(self.host, 0o777)
        else:
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
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                conn = FakeConn(self, sock, len(self.connections))
                self.connections.append(conn)
            self._spawn(self._run, conn)

    def _run(self, conn):
        script = self.scripts[min(conn.number, len(self.scripts) - 1)]
        try:
            if script is None:
                conn.login()
                conn.serve()
            else:
                script(conn)
        except Gone:
            pass
        except Exception as e:
            self.errors.append(f"connection {conn.number}: {e!r}")
        finally:
            conn.sock.close()

    def release(self):
        """End all stalls."""
        self.released.set()

    def received(self, code=None):
        """Commands of all connections, in order for each."""
        return [c for conn in self.connections for c in conn.received
                if code is None or c[0] == code]

    def queries(self):
        return [rest.decode(errors="surrogateescape")
                for _, rest in self.received(w.QUERY)]

    def stop(self, check=True):
        self.stopping = True
        self.released.set()
        if self._listener is not None:
            self._listener.close()
        for t in self._threads:
            t.join(5)
        if check and self.errors:
            raise AssertionError("fake server: " + "; ".join(self.errors))
