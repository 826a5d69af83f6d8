"""Peers that lie: lengths of messages that never come, servers that break
their login or never cease to talk, and sessions changed at random.

Whatever one of them does, the daemon lives, others are served in time, and
nothing is kept for it.  MUTATE_SEED repeats a run.
"""

import os
import random
import struct
import threading
import time

import pytest

from tools import oracles, pgwire as w
from tools.carpool import sanitized
from tools.mutate import mutate
from tools.raw import Closed, PgError, RawClient
from tools.soak import scaled

SEED = int(os.environ.get("MUTATE_SEED") or random.randrange(1 << 30))

# Generous: the machine may have other work.
IN_TIME = 5


def at(fake):
    return {"host": fake.host, "port": fake.port}


def served_in_time(cp, rounds=5):
    """The clients of another pool notice nothing."""
    for n in range(rounds):
        began = time.monotonic()
        c = cp.connect(database="test")
        assert c.value(f"SELECT {n}") == str(n)
        c.quit()
        cp.clients.remove(c)
        assert time.monotonic() - began < IN_TIME


# Headers alone

HELLO = w.startup({"user": "app", "database": "test"})
FIRST = b"n,,n=,r=abcdefghijklmnopqrstuvwx"

HEADERS = {
    "startup packet": ("trust", [], struct.pack("!I", 10004)),
    "startup of 2^31-1": ("trust", [], struct.pack("!I", (1 << 31) - 1)),
    "password": ("plain", [HELLO], b"p" + struct.pack("!I", 65535)),
    "password of 2^32-1": ("plain", [HELLO], b"p\xff\xff\xff\xff"),
    "sasl": ("scram-sha-256", [HELLO], b"p" + struct.pack("!I", 1024)),
    "second sasl": ("scram-sha-256",
                    [HELLO, w.sasl_initial("SCRAM-SHA-256", FIRST)],
                    b"p" + struct.pack("!I", 1024)),
    "query of 2^31-1": ("trust", [HELLO], b"Q\x7f\xff\xff\xff"),
    "query of 2^31": ("trust", [HELLO], b"Q\x80\0\0\0"),
    "copy data of 2^31-1": ("trust", [HELLO], b"d\x7f\xff\xff\xff"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_header_alone_costs_neither_memory_nor_time(make_carpool, name):
    """Announcing much is no way to have memory kept, or a core spun."""
    many = 100
    auth, before, header = HEADERS[name]
    cp = make_carpool(auth_type=auth, max_client_conn=1000)
    served_in_time(cp, 1)
    base = oracles.rss_bytes(cp.pid)
    for _ in range(many):
        c = cp.raw()
        for part in before:
            c.send(part)
            c.read()
        c.send(header)
    served_in_time(cp)
    if not sanitized():
        # The login's own state and a socket's buffers are part of it.
        assert oracles.rss_bytes(cp.pid) - base < many * 65536
    oracles.cpu_idle(cp.pid)


def padded(total, pairs):
    """A startup packet of that many bytes in all."""
    body = struct.pack("!i", 3 << 16) + b"".join(
        w.cstr(k) + w.cstr(v) for k, v in pairs)
    body += b"application_name\0"
    body += b"x" * (total - 4 - len(body) - 2) + b"\0\0"
    return struct.pack("!i", len(body) + 4) + body


@pytest.mark.parametrize("total,good", [(9999, True), (10000, True),
                                        (10004, True), (10005, False)])
def test_startup_packet_at_the_limit(make_carpool, total, good):
    cp = make_carpool()
    c = cp.raw()
    packet = padded(total, [("user", "app"), ("database", "test")])
    assert len(packet) == total
    c.send_split(packet, [1000] * 20)
    if good:
        assert c.read_until("Z").status == "I"
    else:
        c.half_close()
        assert "Z" not in c.drain().types


def test_startup_packet_of_thousands_of_parameters(make_carpool):
    """Known ones many times: the last one counts.  Unknown ones: refused."""
    cp = make_carpool()
    pairs = [("TimeZone", f"UTC+{n % 9}") for n in range(500)]
    c = cp.raw()
    began = time.monotonic()
    c.send(w.untyped(struct.pack("!i", 3 << 16) + b"user\0app\0database\0test\0"
                     + b"".join(w.cstr(k) + w.cstr(v) for k, v in pairs)
                     + b"\0"))
    assert c.read_until("Z").parameters["TimeZone"] == pairs[-1][1]
    d = cp.raw()
    d.send(w.untyped(struct.pack("!i", 3 << 16) + b"user\0app\0database\0test\0"
                     + b"".join(b"%03x\0\0" % n for n in range(1900)) + b"\0"))
    d.expect_error()
    d.expect_closed()
    assert time.monotonic() - began < IN_TIME


# Servers that break their login

OK = w.auth(0)
KEY = w.backend_key(7, 8)

LOGINS = {
    "ready at once": [w.ready()],
    "ready in a transaction": [OK, KEY, w.ready("T")],
    "ready without status": [OK, KEY, w.frame("Z")],
    "ready twice": [OK, KEY, w.ready(), w.ready()],
    "unknown type": [OK, w.frame("y", b"x")],
    "row": [OK, w.row_description("x"), w.data_row("1")],
    "row behind the login": [OK, KEY, w.ready(), w.data_row("1")],
    "error without sqlstate": [w.fields("E", S="FATAL", M="no code")],
    "error without end": [w.frame("E", b"SFATAL\0Mx")],
    "error without anything": [w.frame("E")],
    "unknown method": [w.auth(77)],
    "method without code": [w.frame("R", b"\0\0")],
    "short salt": [w.auth(5, b"ab")],
    "long salt": [w.auth(5, b"abcdefgh" * 100)],
    "no mechanism": [w.auth(10, b"\0")],
    "mechanisms without end": [w.auth(10, b"SCRAM-SHA-256")],
    "challenge at once": [w.auth(11, b"r=x,s=c2FsdA==,i=1")],
    "ok twice": [OK, OK, KEY, w.ready()],
    "key of one byte": [OK, w.frame("K", b"x"), w.ready()],
    "keys of 64 kB": [OK, w.frame("K", b"x" * 65000), w.ready()],
    "key twice": [OK, KEY, KEY, w.ready()],
    "parameter without value": [OK, w.frame("S", b"TimeZone\0")],
    "length 3": [b"R\0\0\0\3"],
    "length 2^31": [b"R\x80\0\0\0"],
    "length 2^32-1": [OK + b"S\xff\xff\xff\xff"],
    "length of 64 kB, nothing else": [b"R\0\1\0\0"],
    "ssh": [b"SSH-2.0-OpenSSH_9.2p1\r\n"],
    "nothing": [],
    "thousands of parameters": [
        OK, *(w.parameter(f"p{n}", "x" * 40) for n in range(3000)), KEY,
        w.ready()],
}

# What is wrong only behind a login that is right: whether the client has that
# server by then is a matter of time.
LATE = ("ready twice", "row behind the login")


def test_servers_that_break_their_login_harm_only_their_pool(
        make_carpool, make_fake):
    def script(name):
        def run(conn):
            conn.send(*LOGINS[name])
            conn.wait_closed(30)
        return run

    fakes = {n: make_fake([script(n), None] if n in LATE else script(n),
                          timeout=60) for n in LOGINS}
    names = {n: f"db{i}" for i, n in enumerate(LOGINS)}
    cp = make_carpool(
        {**{names[n]: at(fake) for n, fake in fakes.items()},
         "test": at(make_fake(timeout=60))},
        server_connect_timeout=1, query_wait_timeout=2, query_timeout=5,
        server_login_retry=1)
    clients = {}
    for n, db in names.items():
        clients[n] = cp.raw(timeout=30)
        clients[n].send(w.startup({"user": "app", "database": db}),
                        w.query("SELECT 'x'"))
    for n, c in clients.items():
        if n in LATE:
            c.read_until("Z")
            got = c.read().type
            assert got in "TE", (n, got)
        else:
            got = c.drain().types
            assert "D" not in got and "Z" not in got, (n, got)
            assert fakes[n].connections, n
        served_in_time(cp, 1)


# Servers that never cease to talk

TALK = {
    "notices": lambda n: w.notice("x" * 500),
    "one parameter": lambda n: w.parameter("TimeZone", f"UTC+{n % 9}"),
    "ever new parameters": lambda n: w.parameter(f"p{n}", "x" * 100),
    "notifications": lambda n: w.frame("A", struct.pack("!i", 1) + b"a\0b\0"),
}


def talks(what, until):
    """Send without end, until closed or until the event."""
    def talk(conn):
        n = 0
        while not until.is_set():
            conn.send(b"".join(TALK[what](n + k) for k in range(20)))
            n += 20
    return talk


@pytest.mark.seconds(180)
@pytest.mark.parametrize("when", ["login", "idle", "answer"])
@pytest.mark.parametrize("what", TALK)
def test_server_that_never_ceases_to_talk(make_carpool, make_fake, what, when):
    over = threading.Event()
    talking, ended = threading.Event(), threading.Event()
    talk = talks(what, over)

    def script(conn):
        if when == "login":
            conn.authenticate()
        else:
            conn.login()
            conn.expect_query()
        if when == "idle":
            conn.send(w.complete("SELECT 0"), w.ready())
        talking.set()
        try:
            talk(conn)
        finally:
            ended.set()

    fake = make_fake(script)
    cp = make_carpool({"bad": at(fake), "test": at(make_fake(timeout=60))},
                      server_connect_timeout=1, query_wait_timeout=2)
    try:
        c = cp.raw(timeout=30)
        c.send(w.startup({"user": "app", "database": "bad"}),
               w.query("SELECT 1"))
        assert talking.wait(10)
        base = oracles.rss_bytes(cp.pid)
        served_in_time(cp)
        if when == "login":
            # Nobody can log in; he is told, and the server is let go.
            c.expect_error(timeout=20)
            assert ended.wait(20)
        served_in_time(cp)
        if not sanitized():
            assert oracles.rss_bytes(cp.pid) - base < 8 << 20
        c.close()
    finally:
        over.set()
    # What is still under way, some megabytes of tiny messages, is read first.
    assert ended.wait(60)
    oracles.cpu_idle(cp.pid, timeout=60)


# Sessions changed at random

SESSIONS = [
    [HELLO, w.query("SELECT 1"), w.terminate()],
    [HELLO, w.query("BEGIN"), w.query("SELECT 1; SELECT 2"),
     w.query("SELECT nothing"), w.query("ROLLBACK"), w.terminate()],
    [HELLO, w.parse("", "SELECT $1::text"), w.bind(values=["x"]),
     w.describe("P"), w.execute(), w.sync(), w.terminate()],
    [HELLO, w.parse("", "SELECT generate_series(1, 9)"), w.bind(),
     w.execute("", 3), w.flush(), w.execute("", 3), w.close("P"), w.sync()],
    [HELLO, w.query("COPY (SELECT 1) TO STDOUT"),
     w.query("CREATE TEMP TABLE m (a text); COPY m FROM STDIN"),
     w.copy_data(b"x\n"), w.copy_data(b"y\n"), w.copy_done(),
     w.query("DROP TABLE m")],
    [HELLO, w.parse("", "SELECT 1"), w.bind(), w.execute(), w.sync(),
     w.parse("", "SELECT x"), w.bind(), w.sync(), w.function_call(1),
     w.query("")],
    [w.gssenc_request(), w.ssl_request(), HELLO, w.query("SELECT 1")],
    [w.startup({"user": "app", "database": "test", "TimeZone": "UTC",
                "options": "-c DateStyle=ISO"}), w.sync(), w.flush(),
     w.query("SET TimeZone = 'UTC'"), w.query("DISCARD ALL")],
    [w.cancel_request(1, 2)],
    [w.startup({"user": "stats", "database": "pgbouncer"}),
     w.query("SHOW POOLS"), w.parse("", "SHOW STATS"), w.describe("S"),
     w.bind(), w.execute(), w.sync()],
    [HELLO, w.query("SELECT repeat('x', 20000)"),
     w.query("SELECT '" + "y" * 9000 + "'")],
]


def mutants(seconds):
    """(number, seed) until the time is up."""
    end = time.monotonic() + seconds
    n = 0
    while n < 20 or time.monotonic() < end:
        yield n, SEED + n
        n += 1


@pytest.mark.soak
def test_mutated_sessions_harm_nobody(make_carpool, pg):
    """Each is over when it has ended, and the bystander's answers are his
    own."""
    cp = make_carpool(default_pool_size=3, client_login_timeout=5,
                      query_timeout=10, max_packet_size=100000)
    bystander = cp.connect()
    for n, seed in mutants(scaled(3.0, 50)):
        rng = random.Random(seed)
        data = mutate(rng, rng.choice(SESSIONS))
        with RawClient(cp.host, cp.port, timeout=20) as c:
            try:
                c.send_split(data, [rng.choice((1, 7, 100, 5000))] * 3)
                c.half_close()
                c.drain()
            except TimeoutError:
                raise AssertionError(f"seed {seed}: no end") from None
            except (OSError, Closed):
                pass  # reset, since it was closed with bytes unread
        assert bystander.value(f"SELECT {n}") == str(n), seed
    print(f"seed {SEED}: {n + 1} sessions")


@pytest.mark.soak
def test_mutated_answers_harm_only_their_pool(make_carpool, make_fake):
    """The server's login and answers are changed now and then."""
    def script(conn):
        rng = random.Random(SEED + conn.number)
        send = conn.send

        def almost(*parts):
            send(mutate(rng, parts) if parts and rng.random() < 0.2
                 else b"".join(parts))

        conn.send = almost
        conn.login()
        conn.serve()

    def tolerant(conn):
        try:
            script(conn)
        except (AssertionError, ValueError, IndexError, AttributeError):
            pass

    fake = make_fake(tolerant, timeout=5)
    cp = make_carpool({"bad": at(fake), "test": at(make_fake(timeout=60))},
                      default_pool_size=3, server_login_retry=0,
                      server_connect_timeout=1, query_wait_timeout=2,
                      query_timeout=1)
    bystander = cp.connect()
    for n, seed in mutants(scaled(3.0, 50)):
        try:
            with RawClient.open(cp.host, cp.port, database="bad",
                                timeout=20) as c:
                c.query(f"SELECT 'a{n}'", check=False)
                c.extended(f"SELECT 'b{n}'", check=False)
        except TimeoutError:
            raise AssertionError(f"seed {seed}: no end") from None
        except (OSError, PgError, ValueError, AssertionError, struct.error,
                IndexError):
            pass  # what a server says wrong is the client's to bear
        assert bystander.value(f"SELECT 'c{n}'") == f"c{n}", seed
    print(f"seed {SEED}: {n + 1} sessions, {len(fake.connections)} servers")
