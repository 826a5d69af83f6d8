"""What comes from strangers and from clients that do everything that the
protocol allows: startup packets as Postgres judges them, other protocols on
our ports, traffic cut into pieces, and messages as large as they may be.

SOAK_MINUTES=n: fields of 900 MB, SQL of 100 MB and many more random groups."""

import random
import socket
import struct
import threading
import time

import pytest

from tools import oracles, pgwire as w
from tools.carpool import sanitized
from tools.diff import Difference
from tools.meanwhile import Meanwhile
from tools.raw import Closed, PgError, RawClient, Result
from tools.soak import MINUTES as SOAK
from tools.wait import wait_until

MIB = 1 << 20


# startup packets: the same verdict as from the server

V3 = struct.pack("!i", 3 << 16)
FILL = b"application_name\0"


def packet(*pairs, version=V3, end=b"\0"):
    return w.untyped(version + b"".join(
        p.encode() + b"\0" for p in pairs) + end)


def filled(size):
    """A good packet of exactly this many bytes."""
    head = V3 + b"user\0app\0database\0test\0" + FILL
    return w.untyped(head + b"x" * (size - 4 - len(head) - 2) + b"\0\0")


STARTUPS = {
    "plain": packet("user", "app", "database", "test"),
    "user twice": packet("user", "nobody", "database", "test", "user", "app"),
    "user twice, the last is unknown":
        packet("user", "app", "database", "test", "user", ""),
    "database twice": packet("user", "app", "database", "missing",
                             "database", "test"),
    "setting twice": packet("user", "app", "database", "test",
                            "application_name", "a", "application_name", "b"),
    "setting in two spellings":
        packet("user", "app", "database", "test", "application_name", "a",
               "APPLICATION_NAME", "b"),
    "empty database": packet("user", "app", "database", ""),
    "no database": packet("user", "app"),
    "empty user": packet("user", "", "database", "test"),
    "no user": packet("database", "test"),
    "nothing": packet(),
    "no end of the list": packet("user", "app", "database", "test", end=b""),
    "bytes behind the end": packet("user", "app", "database", "test",
                                   end=b"\0\0\0"),
    "name without a value": packet("user", "app", "database", "test", "x"),
    "value without an end": packet("user", "app", "database", end=b"test"),
    "only a version": w.untyped(V3),
    "no version": w.untyped(b""),
    "length 7": struct.pack("!i", 7) + b"\0\3\0",
    "length 0": bytes(8),
    "exactly 10,000": filled(10000),
    "10,000 behind the length": filled(10004),
    "10,001 behind the length": filled(10005),
    "an empty name": packet("user", "app", "database", "test", "", "x"),
    "protocol 3.1": packet("user", "app", "database", "test",
                           version=struct.pack("!i", (3 << 16) + 1)),
    "protocol 3.2": packet("user", "app", "database", "test",
                           version=struct.pack("!i", (3 << 16) + 2)),
    "protocol 3.9999": packet("user", "app", "database", "test",
                              "_pq_.grease", "1",
                              version=struct.pack("!i", (3 << 16) + 9999)),
    "_pq_ option": packet("user", "app", "database", "test", "_pq_.a", "1",
                          "_pq_.b", "2"),
    "_pq_ option twice": packet("user", "app", "database", "test",
                                "_pq_.a", "1", "_pq_.a", "2"),
    "protocol 2.0": packet("user", "app", version=struct.pack("!i", 2 << 16)),
    "protocol 1.0": packet("user", "app", version=struct.pack("!i", 1 << 16)),
    "protocol 4.0": packet("user", "app", version=struct.pack("!i", 4 << 16)),
    "ssl": w.ssl_request(),
}


def verdict(host, port, *parts):
    """Send the parts, each after the answer to the one before; what came:
    bytes outside of messages, types, SQLSTATE, the session's name."""
    out = []
    with RawClient(host, port, timeout=10) as c:
        try:
            for part in parts[:-1]:
                c.send(part)
                out.append(c.read_bytes(1))
                if out[-1] != b"N":
                    return out
            c.send(parts[-1])
            if parts[-1] in (w.ssl_request(), w.gssenc_request()):
                return out + [c.read_bytes(1)]
            got = c.read_until("Z")
            out += [[m.body for m in got.messages if m.type == "v"],
                    c.value("SHOW application_name"),
                    c.value("SELECT current_user"),
                    c.value("SELECT current_database()")]
        except (Closed, ConnectionError):
            got = Result(c.all_received)
            out += [got.types.replace("N", "")]
            if got.types == "E":
                out += [got.errors[0].severity, got.errors[0].sqlstate]
    return out


def same_newest(answer):
    """The newest version is named as a whole number or as a minor one."""
    return [[v[:0] + b"\0\0\0\0" + v[4:] for v in a] if isinstance(a, list)
            else a for a in answer]


# Where carpool is another than Postgres: it says why it closes where Postgres
# does not, or says it in words that the client can read.
MORE_WORDS = {"no version", "length 7", "length 0", "protocol 1.0",
              "10,001 behind the length"}


def test_startup_packets_as_postgres_judges_them(make_carpool, pg):
    if not pg.query("SELECT 1 FROM pg_database WHERE datname = 'app'"):
        pg.create_database("app")
    cp = make_carpool({"test": pg, "app": pg}, client_login_timeout=5)
    different = []
    for name, data in STARTUPS.items():
        want = same_newest(verdict(pg.host, pg.port, data))
        got = same_newest(verdict(cp.host, cp.port, data))
        if name in MORE_WORDS and want == [""] and got[0] in ("", "E"):
            continue
        if want != got:
            different.append((name, want, got))
    assert not different, "\n".join(map(str, different))
    cp.close_clients()
    cp.console("KILL app")


ENCRYPTION = {"s": w.ssl_request(), "g": w.gssenc_request()}


@pytest.mark.parametrize("order", ["sss", "gsg", "sgs", "gg", "ss", "sgg"])
def test_encryption_is_asked_for_once_each(make_carpool, pg, order):
    """As Postgres without either: the second of a kind is no request any more,
    but a protocol that nobody speaks."""
    parts = [ENCRYPTION[o] for o in order] + [STARTUPS["plain"]]
    cp = make_carpool()
    got = verdict(cp.host, cp.port, *parts)
    again = [order[:n].count(o) for n, o in enumerate(order)].index(1)
    assert got == [b"N"] * again + [b"E"]
    if "g" not in order:  # Debian's own may speak GSSAPI
        assert got == verdict(pg.host, pg.port, *parts)


def test_negotiated_once(make_carpool):
    """A minor version and options that are not known: one answer for all."""
    cp = make_carpool()
    c = cp.raw()
    c.send(STARTUPS["protocol 3.9999"])
    got = c.read_until("Z")
    assert got.types.count("v") == 1 and got.types[0] == "v", got.types
    assert c.query("SELECT 1").types.count("v") == 0


# other protocols and none, on every port

HELLO = bytes.fromhex("16030100a5010000a10303") + bytes(range(160))
RANDOM = random.Random(7)
STRANGERS = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    "HTTP POST": b"POST /v1 HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"
                 + b"{}" * 2500,
    "TLS hello": HELLO,
    "SSH banner": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "SMTP": b"EHLO mail.example.com\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "MySQL": b"\x20\0\0\1\x85\xa6\3\0" + bytes(28),
    "1 MB of random": RANDOM.randbytes(MIB),
    "zeros": bytes(100000),
    "ones": b"\xff" * 100000,
    "one byte": b"\0",
    "half a length": b"\0\0",
    "nothing": b"",
    "half a startup": packet("user", "app")[:-3],
    "a TLS hello after N": (w.ssl_request(), HELLO),
    "HTTP after N": (w.ssl_request(), b"GET / HTTP/1.0\r\n\r\n"),
}


def knock(connect, data, done):
    s = connect()
    s.settimeout(30)
    start = time.monotonic()
    parts = data if isinstance(data, tuple) else (data,)
    try:
        for part in parts[:-1]:
            s.sendall(part)
            s.recv(1)
        s.sendall(parts[-1])
        while s.recv(65536):
            pass
    except ConnectionError:
        pass
    done.append(time.monotonic() - start)
    s.close()


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_strangers_go_in_time_with_one_line_each(make_carpool, way):
    """Closed before the login timeout (and a little), said once, and nobody
    else notices."""
    cp = make_carpool(client_login_timeout=3, tcp_defer_accept=0)

    def tcp():
        return socket.create_connection((cp.host, cp.port))

    def unix():
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"{cp.dir}/.s.PGSQL.{cp.port}")
        return s

    connect = {"tcp": tcp, "unix": unix}[way]
    base = oracles.rss_bytes(cp.pid)
    before = cp.log.count("client_close")
    took = {n: [] for n in STRANGERS}
    threads = [threading.Thread(target=knock, args=(connect, d, took[n]))
               for n, d in STRANGERS.items()]
    for t in threads:
        t.start()
    c = cp.connect()
    while any(t.is_alive() for t in threads):
        assert c.value("SELECT 1") == "1"
        time.sleep(0.02)  # asked now and then while they come
    slow = {n: t for n, t in took.items() if not t or t[0] > 3 + 5}
    assert not slow, slow
    wait_until(lambda: cp.log.count("client_close") - before
               == len(STRANGERS), 5, "one line for each")
    assert cp.log.count("client_close") - before == len(STRANGERS)
    for n in ("HTTP", "TLS hello", "SSH banner", "1 MB of random", "MySQL"):
        assert took[n][0] < 2.5, ("waits for the timeout", n, took[n])
    if not sanitized():
        assert oracles.rss_bytes(cp.pid) - base < 8 * MIB


# traffic in pieces

class Shuffle(Meanwhile):
    """Changes how a link cuts, all the time."""

    pause = 0.003

    def __init__(self, *links):
        self.links = links
        self.rng = random.Random(5)

    def look(self):
        for link in self.links:
            for way in ("up", "down"):
                link.split(self.rng.choice([1, 2, 3, 5, 17, 100, 0]), way)


@pytest.mark.soak
@pytest.mark.seconds(int(120 + SOAK * 120))
@pytest.mark.parametrize("cut", ["bytes", "random", "glued"])
def test_same_answers_however_traffic_is_cut(make_carpool, pg, fault, cut):
    """Random groups direct, and through carpool with both of its sides cut
    into single bytes, into random segments, or late and glued together."""
    groups = 200 if SOAK else 5
    name = f"d_{cut}"
    d = Difference(pg, None, clients=3, groups=groups, name=name).prepare()
    back = fault.listen(pg.port)
    cp = make_carpool({d.way_db: {"host": back.host, "port": back.port}},
                      default_pool_size=2)
    front = fault.listen(cp.port)
    d.way = front
    if cut == "random":
        with Shuffle(front, back):
            d.run()
    else:
        for link in (front, back):
            if cut == "bytes":
                link.split(1)
            else:
                link.delay(7)
        d.run()
    print(f"seed {d.seed}: {d.messages} messages equal")
    front.close_all()


@pytest.mark.parametrize("method", ["plain", "md5", "scram-sha-256"])
def test_logins_in_single_bytes_both_ways(make_carpool, pg, fault, method):
    """All methods, on both sides of carpool."""
    from tools.postgres import USERS

    back = fault.listen(pg.port)
    back.split(1)
    user = {"plain": "u_plain", "md5": "u_md5"}.get(method, "u_scram")
    cp = make_carpool({"test": {"host": back.host, "port": back.port}},
                      auth_type=method)
    front = fault.listen(cp.port)
    front.split(1)
    for password in (USERS[user][0], "wrong"):
        try:
            with RawClient.open(front.host, front.port, user=user,
                                password=password, timeout=20) as c:
                assert password != "wrong"
                assert c.value("SELECT current_user") == user
        except PgError as e:
            assert (password, e.sqlstate) == ("wrong", "28P01")
    front.close_all()


# as large as it may be

class Peak(Meanwhile):
    """The most memory that carpool takes while something runs."""

    pause = 0.01

    def __init__(self, cp):
        self.cp = cp
        self.base = self.most = oracles.rss_bytes(cp.pid)

    def look(self):
        self.most = max(self.most, oracles.rss_bytes(self.cp.pid))

    def __exit__(self, kind, *exc):
        super().__exit__(kind, *exc)
        if kind is None and not sanitized():
            assert self.most - self.base < 24 * MIB, (
                f"{(self.most - self.base) >> 20} MiB more")


def read_row(c, size):
    """Read a T, a D of one field of this size, C, Z; only the sizes are
    looked at."""
    got, kinds, left = 0, b"", b""
    sock = c.sock
    sock.settimeout(120)
    while not kinds.endswith(b"Z"):
        while len(left) < 5:
            left += sock.recv(65536)
        kind, length = left[:1], struct.unpack_from("!I", left, 1)[0] + 1
        kinds += kind
        if kind == b"D":
            got = length - 1 - 4 - 2 - 4
        have = min(len(left), length)
        left = left[have:]
        length -= have
        while length > 0:
            part = sock.recv(MIB)
            assert part
            if len(part) > length:
                left = part[length:]
            length -= min(length, len(part))
    assert (kinds, got) == (b"TDCZ", size), (kinds, got)


@pytest.mark.soak
@pytest.mark.seconds(300)
def test_one_large_field_is_streamed(make_carpool, pg):
    """The client does not read before the server can write no more."""
    size = (900 if SOAK else 32 if sanitized() else 256) * MIB
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    with Peak(cp):
        c.send(w.query(f"SELECT repeat('x', {size})"))
        wait_until(lambda: pg.query(
            "SELECT 1 FROM pg_stat_activity WHERE usename = 'app'"
            " AND wait_event = 'ClientWrite'"), 60, "backpressure")
        read_row(c, size)
    assert c.value("SELECT 1") == "1"


@pytest.mark.soak
@pytest.mark.seconds(120)
def test_large_sql_text_is_streamed(make_carpool, pg):
    """In a Query and in a Parse; what is behind it is not mistaken."""
    size = (100 if SOAK else 5 if sanitized() else 40) * MIB
    cp = make_carpool(default_pool_size=1)
    c = cp.connect(timeout=100)
    text = "SELECT length('" + "y" * size + "')"
    with Peak(cp):
        assert c.value(text) == str(size)
        assert c.extended(text).rows == [[str(size)]]
        comment = "/*" + "z" * size + "*/ SELECT 5"
        assert c.value(comment) == "5"
    assert c.value("SELECT 1") == "1"


def test_many_columns_and_many_parameters(make_carpool, pg):
    """1,600 columns, 65,535 parameters, and one of each too many."""
    cp = make_carpool(default_pool_size=1)
    columns = ", ".join(f"{n} AS c{n}" for n in range(1600))
    too_wide = ", ".join(f"c{n} int" for n in range(1601))
    params = [str(n % 10) for n in range(65535)]
    adds = "SELECT " + "+".join(f"${n + 1}::int" for n in range(0, 65535,
                                                                655))
    used = "SELECT $65535::int"
    answers = []
    for host, port in ((pg.host, pg.port), (cp.host, cp.port)):
        with RawClient.open(host, port, timeout=30) as c:
            out = [c.query(f"SELECT {columns}").messages,
                   c.query(f"CREATE TEMP TABLE wide ({too_wide})",
                           check=False).errors[0].sqlstate]
            out.append(c.query("SELECT " + ", ".join(["1"] * 1665),
                               check=False).errors[0].sqlstate)
            for sql in (adds, used):
                text = sql + " WHERE $65535::int IS NOT NULL"
                oids = struct.pack("!H", 65535) + struct.pack("!I", 23) \
                    * 65535
                c.send(w.frame("P", b"\0" + text.encode() + b"\0" + oids),
                       bind_all(params), w.execute(), w.sync())
                out.append(c.read_until("Z").messages)
            answers.append(out)
    assert answers[0] == answers[1]
    assert any(m.type == "D" for m in answers[1][-1])


def bind_all(params):
    body = b"\0\0" + struct.pack("!HH", 0, len(params))
    body += b"".join(struct.pack("!i", len(p)) + p.encode() for p in params)
    return w.frame("B", body + struct.pack("!H", 0))


@pytest.mark.parametrize("sql", ["", " ", ";", ";;", "--", "/* */", "\n"])
def test_empty_queries(make_carpool, pg, sql):
    answers = []
    cp = make_carpool()
    for host, port in ((pg.host, pg.port), (cp.host, cp.port)):
        with RawClient.open(host, port) as c:
            answers.append([c.query(sql).messages,
                            c.extended(sql).messages,
                            c.query("BEGIN").messages,
                            c.query(sql).messages,
                            c.query("COMMIT").messages])
    assert answers[0] == answers[1]


# replication

REPLICATION = ["true", "on", "yes", "1", "database", "TRUE", "t"]


def test_replication_never_reaches_a_pool(make_carpool, make_fake):
    """Refused, and no server is opened for it, in whatever words."""
    fake = make_fake()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}})
    for value in REPLICATION:
        with pytest.raises(PgError) as e:
            cp.connect(replication=value)
        assert e.value.sqlstate == "0A000", value
    assert not fake.connections
    with pytest.raises(PgError):
        cp.connect(replication="perhaps")
    assert not fake.connections
