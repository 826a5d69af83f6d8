"""Security of logins: what a stranger may learn, whose password counts after
a change, what is written where, and what wrong passwords cost others.

SOAK_MINUTES=n makes the tests of time and of brute force run that long."""

import os
import re
import socket
import statistics
import struct
import threading
import time

import pytest

from tools import pgwire
from tools.account import SENTINEL, give
from tools.carpool import run, sanitized
from tools.pgwire import md5_secret
from tools.postgres import USERS
from tools.raw import Closed, PgError, RawClient
from tools.scram import ScramClient, ScramServer, verifier
from tools.soak import MINUTES as SOAK
from tools.wait import wait_until

PW = f"{SENTINEL}-pw"
METHODS = ["trust", "plain", "md5", "scram-sha-256"]

# Iterations that take far longer than anything else that a login does.
DEAR = 300000


# one identity, one order of messages

def to_state(c, state, user="app", database="test", password=PW):
    """Take a login to the point where state is due."""
    c.send(pgwire.startup({"user": user, "database": database}))
    if state == "routed":
        return
    c.expect("R")
    if state == "sasl final":
        c.send(pgwire.sasl_initial("SCRAM-SHA-256",
                                   ScramClient(password).first()))
        c.expect("R")


INTRUDERS = {
    "startup": pgwire.startup({"user": "admin", "database": "pgbouncer"}),
    "ssl": pgwire.ssl_request(),
    "gss": pgwire.gssenc_request(),
    "cancel": pgwire.cancel_request(1, b"abcd"),
}


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("user", ["app", "nobody-here"])
def test_no_second_startup_packet(make_carpool, method, user):
    """Who the client is, is said once."""
    cp = make_carpool(auth_type=method, userlist={"app": PW})
    states = ["first"] + ["sasl final"] * method.startswith("scram")
    for database in ("test", "missing"):
        for state in states:
            for name, packet in INTRUDERS.items():
                c = cp.raw()
                to_state(c, state, user, database)
                c.send(packet + pgwire.password(PW)
                       + pgwire.query("SHOW USERS"))
                got = c.drain()
                what = (database, state, name)
                assert got.types == "E", what
                assert got.errors[0].sqlstate == "08P01", what
                assert got.errors[0].severity == "FATAL", what
                c.close()
    assert cp.connect().value("SELECT current_user") == "app"


def test_startup_packet_after_trust_is_no_login(make_carpool):
    """Under trust the login is over at once: what follows is a message."""
    cp = make_carpool()
    for name, packet in INTRUDERS.items():
        c = cp.raw()
        to_state(c, "routed")
        c.send(packet)
        c.half_close()
        got = c.drain()
        users = [m for m in got.messages if m.type == "Z"]
        assert len(users) <= 1, name
        assert "D" not in got.types, name


@pytest.mark.parametrize("method,state", [
    ("plain", "first"), ("md5", "first"), ("scram-sha-256", "first"),
    ("scram-sha-256", "sasl final")])
def test_every_message_type_in_every_login_state(
        make_carpool, method, state):
    """Nothing but 'p' moves a login; nothing at all is answered."""
    cp = make_carpool(auth_type=method, userlist={"app": PW})
    for kind in range(256):
        if kind == ord("p"):
            continue
        c = cp.raw()
        to_state(c, state)
        c.send(bytes([kind]) + pgwire.password(PW)[1:])
        got = c.drain()
        assert got.types == "E", kind
        assert got.errors[0].sqlstate == "08P01", kind
        c.close()


@pytest.mark.parametrize("first", [
    pgwire.password(PW), pgwire.query("SELECT 1"),
    pgwire.sasl_response(b"x")])
def test_password_before_startup(make_carpool, first):
    cp = make_carpool(auth_type="plain", userlist={"app": PW},
                      client_login_timeout=2)
    c = cp.raw()
    c.send(first)
    c.half_close()
    assert set(c.drain().types) <= {"E"}


BAD_SASL = {
    "lying length": lambda f: b"SCRAM-SHA-256\0"
    + struct.pack("!I", len(f) + 1) + f,
    "length 2^31": lambda f: b"SCRAM-SHA-256\0\x80\0\0\0" + f,
    "length 2^32-2": lambda f: b"SCRAM-SHA-256\0\xff\xff\xff\xfe" + f,
    "-1 with data": lambda f: b"SCRAM-SHA-256\0\xff\xff\xff\xff" + f,
    "no end of the name": lambda f: b"SCRAM-SHA-256",
    "nothing": lambda f: b"",
    "no length": lambda f: b"SCRAM-SHA-256\0",
    "half a length": lambda f: b"SCRAM-SHA-256\0\0\0",
}
BAD_FIRST = {
    "empty": "", "no header": "n=,r=abc", "bound": "p=tls-unique,,n=,r=abc",
    "identity": "n,a=admin,n=,r=abc", "no nonce": "n,,n=", "long":
    "n,,n=,r=" + "a" * 2000, "extension": "n,,m=1,n=,r=abc",
    "comma in the nonce": "n,,n=,r=a,b", "NUL": "n,,n=,r=a\0b",
    "only a header": "n,,", "no name": "n,,r=abc",
}
BAD_FINAL = {
    "empty": lambda g: b"",
    "no proof": lambda g: g[:g.rindex(b",p=")],
    "half a proof": lambda g: g[:-8],
    "no padding": lambda g: g.rstrip(b"="),
    "more behind it": lambda g: g + b",x=1",
    "other binding": lambda g: g.replace(b"c=biws", b"c=eSws"),
    "other nonce": lambda g: g.replace(b"r=", b"r=A", 1),
    "mandatory extension": lambda g: g.replace(b",p=", b",m=x,p="),
    "NUL": lambda g: g + b"\0",
    "long": lambda g: g.replace(b",p=", b",x=" + b"y" * 60000 + b",p="),
}


@pytest.mark.parametrize("user", ["app", "nobody-here"])
def test_malformed_sasl_is_refused(make_carpool, user):
    """The same refusal whether there is such a user or not."""
    cp = make_carpool(auth_type="scram-sha-256", userlist={"app": PW})

    def refused(c, what):
        got = c.drain()
        assert got.types == "E", (what, got)
        assert got.errors[0].sqlstate == "08P01", (what, got)
        c.close()

    def begun():
        c = cp.raw()
        to_state(c, "first", user)
        return c

    for name, make in BAD_SASL.items():
        c = begun()
        c.send(pgwire.frame("p", make(ScramClient(PW).first())))
        refused(c, name)
    for name, text in BAD_FIRST.items():
        c = begun()
        c.send(pgwire.sasl_initial("SCRAM-SHA-256", text.encode()))
        refused(c, name)
    for name, spoil in BAD_FINAL.items():
        c = begun()
        s = ScramClient(PW)
        c.send(pgwire.sasl_initial("SCRAM-SHA-256", s.first()))
        first = c.expect("R").messages[0].body[4:]
        c.send(pgwire.sasl_response(spoil(s.final(first))))
        refused(c, name)
    assert cp.connect().value("SELECT 1") == "1"


# what a stranger may learn

class Proven(ScramClient):
    """A client that does its own PBKDF2 only once."""
    made = {}

    def final(self, server_first):
        import hashlib

        real = hashlib.pbkdf2_hmac

        def once(*args):
            if args not in self.made:
                self.made[args] = real(*args)
            return self.made[args]

        hashlib.pbkdf2_hmac = once
        try:
            return super().final(server_first)
        finally:
            hashlib.pbkdf2_hmac = real


@pytest.fixture
def dear(make_carpool, monkeypatch):
    """dear(userlist, **settings): a carpool with SCRAM whose PBKDF2 is DEAR,
    but for the tests' own console; clients do theirs only once."""
    monkeypatch.setattr("tools.raw.ScramClient", Proven)
    made = []

    def make(userlist, iterations=DEAR, **kw):
        cp = make_carpool(userlist=userlist, client_login_timeout=60, **kw)
        cp.settings.update(auth_type="scram-sha-256",
                           scram_iterations=iterations)
        cp.reload()
        made.append(cp)
        return cp

    yield make
    for cp in made:
        cp.settings.update(auth_type="trust")
        cp.reload()


def refused_after(cp, user):
    """Seconds from client-final with a wrong proof to the refusal."""
    with RawClient(cp.host, cp.port, timeout=30) as c:
        to_state(c, "sasl final", user)
        nonce = c.all_received[-1].body[4:].split(b",")[0]
        text = b"c=biws," + nonce + b",p=" + b"A" * 43 + b"="
        start = time.perf_counter()
        c.send(pgwire.sasl_response(text))
        c.expect_error("28P01")
        return time.perf_counter() - start


@pytest.mark.soak
@pytest.mark.seconds(int(120 + SOAK * 120))
def test_wrong_password_takes_as_long_for_everybody(dear):
    """A user who is here now, one who was never here, one whose secret serves
    no SCRAM, and one who does not exist."""
    cp = dear({"app": PW, "never": PW + "2",
               "hashed": md5_secret("hashed", PW)}, iterations=DEAR // 8)
    users = ["app", "never", "hashed", "nobody-here", "neither"]
    cp.connect("app", password=PW)  # its keys are kept now
    times = {u: [] for u in users}
    end = time.monotonic() + SOAK * 60
    while len(times["app"]) < 7 or time.monotonic() < end:
        for u in users:
            times[u].append(refused_after(cp, u))
    medians = {u: statistics.median(t) for u, t in times.items()}
    low, high = min(medians.values()), max(medians.values())
    assert high < low * 1.6, medians
    assert low > 0.002, f"no work was done: {medians}"


def test_challenge_costs_no_work(dear):
    """The first answer comes at once for everybody."""
    cp = dear({"app": PW}, iterations=20 * DEAR)
    for user in ("app", "nobody-here"):
        with RawClient(cp.host, cp.port) as c:
            c.send(pgwire.startup({"user": user, "database": "test"}))
            c.expect("R")
            start = time.perf_counter()
            c.send(pgwire.sasl_initial("SCRAM-SHA-256",
                                       ScramClient(PW).first()))
            c.expect("R")
            took = time.perf_counter() - start
            assert took < 0.8, (user, took)


# work that is done once

def login_time(cp, **kw):
    start = time.perf_counter()
    cp.connect(**kw).quit()
    return time.perf_counter() - start


def test_keys_of_a_clear_secret_are_derived_once(dear):
    """The first login pays, the others do not; nor do they after a reload that
    changes nothing, nor while strangers guess."""
    cp = dear({"app": PW})
    login_time(cp)  # warms the client up
    later = statistics.median(login_time(cp) for _ in range(5))
    cp.reload()
    after = statistics.median(login_time(cp) for _ in range(5))
    wrong = refused_after(cp, "app")
    assert wrong > 2 * max(later, after), (wrong, later, after)


def test_keys_for_servers_are_derived_once(make_carpool, make_fake):
    """Twenty servers open at once with one password: at most each helper
    derives the keys, not each server."""
    fake = make_fake(auth="scram", passwords={"app": PW})
    fake._verifiers[PW] = verifier(PW, 100000)
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      userlist={"app": PW}, default_pool_size=24,
                      server_login_limit=24)
    one = cp.connect(password=PW)
    one.query("BEGIN")
    before = cpu_seconds(cp)
    others = [cp.connect(password=PW) for _ in range(20)]
    for c in others:
        c.query("BEGIN")
    spent = cpu_seconds(cp) - before
    for c in others + [one]:
        c.query("COMMIT")
    start = time.process_time()
    verifier(PW, 100000)
    work = time.process_time() - start
    assert len(fake.connections) >= 21
    assert spent < 10 * work, (spent, work)


def cpu_seconds(cp):
    from tools import oracles

    return sum(oracles.cpu_seconds(cp.pid).values())


def test_costly_logins_leave_the_workers_alone(dear):
    """One worker: a query takes no longer while helpers are at work."""
    cp = dear({"app": PW}, iterations=DEAR // 2, threads=1)
    c = cp.connect(password=PW)
    guessers = [threading.Thread(target=refused_after,
                                 args=(cp, "nobody-here"), daemon=True)
                for _ in range(8)]
    start = time.monotonic()
    for t in guessers:
        t.start()
    times = []
    while any(t.is_alive() for t in guessers):
        at = time.monotonic()
        c.query("SELECT 1")
        times.append(time.monotonic() - at)
    took = time.monotonic() - start
    # On the worker the guesses would stand in one row before a query.
    assert len(times) > 10, times
    assert statistics.median(times) < took / 20, (took, times[:5])


@pytest.mark.soak
@pytest.mark.seconds(int(90 + SOAK * 90))
def test_guessing_leaves_good_logins_alone(dear):
    """Wrong passwords fill the helpers' queue; who is known does not stand in
    it.  The log says from where they came."""
    cp = dear({"app": PW}, iterations=DEAR // 2)
    cp.connect(password=PW).quit()
    stop = threading.Event()
    refused = []

    def guess(n):
        while not stop.is_set():
            try:
                refused.append(refused_after(
                    cp, "app" if n % 2 else "nobody-here"))
            except (Closed, OSError):
                pass

    threads = [threading.Thread(target=guess, args=(n,), daemon=True)
               for n in range(8)]
    for t in threads:
        t.start()
    try:
        wait_until(lambda: len(refused) > 4, 60, "some refusals")
        times = []
        end = time.monotonic() + SOAK * 60
        while len(times) < 10 or time.monotonic() < end:
            times.append(login_time(cp, password=PW))
    finally:
        stop.set()
        for t in threads:
            t.join(60)
    assert statistics.median(times) < statistics.median(refused) / 3, (
        times, refused)
    lines = [ln for ln in cp.log.splitlines()
             if "reason=auth_failed" in ln]
    assert lines and all("addr=127.0.0.1" in ln for ln in lines), lines[:3]


# changes

def test_changed_and_dropped_users_after_reload(make_carpool):
    """Neither an old password nor a dropped user gets in again, whatever was
    kept of them; and never one with another's password."""
    cp = make_carpool(auth_type="scram-sha-256",
                      userlist={"app": PW, "app2": PW + "2"})

    def refused(user, password):
        with pytest.raises(PgError) as e:
            cp.connect(user, password=password)
        assert e.value.sqlstate == "28P01"

    for _ in range(2):
        cp.connect("app", password=PW)
        cp.connect("app2", password=PW + "2")
    refused("app", PW + "2")
    refused("app2", PW)
    cp.userlist.update(app=PW + "-new")
    del cp.userlist["app2"]
    cp.reload()
    for _ in range(2):
        refused("app", PW)
        refused("app2", PW + "2")
        assert cp.connect("app", password=PW + "-new").value("SELECT 1")
    cp.userlist.update(app=PW, app2=PW)
    cp.reload()
    refused("app", PW + "-new")
    refused("app2", PW + "2")
    assert cp.connect("app", password=PW).value("SELECT current_user") == "app"
    assert cp.connect("app2", password=PW).value(
        "SELECT current_user") == "app2"


def test_three_users_at_once(make_carpool):
    """Each with a password of his own: none gets in with another's."""
    users = {"app": PW + "1", "app2": PW + "2", "u_plain": USERS["u_plain"][0]}
    cp = make_carpool(auth_type="scram-sha-256", userlist=users)
    found = []

    def work(user):
        for n in range(6):
            for other, password in users.items():
                try:
                    c = RawClient.open(cp.host, cp.port, user=user,
                                       password=password)
                    got = c.value("SELECT current_user")
                    c.close()
                    if other != user or got != user:
                        found.append((user, other, got))
                except PgError as e:
                    if other == user or e.sqlstate != "28P01":
                        found.append((user, other, str(e)))

    threads = [threading.Thread(target=work, args=(u,)) for u in users]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not found


def test_server_password_changes(make_carpool, make_pg):
    """Kept keys of a server's password go with the password, on either
    side."""
    pg = make_pg()
    cp = make_carpool({"test": {"pg": pg, "user": "u_scram",
                                "password": USERS["u_scram"][0]}},
                      server_login_retry=0)
    assert cp.connect().value("SELECT current_user") == "u_scram"
    pg.query(f"ALTER ROLE u_scram PASSWORD '{PW}-second'")
    cp.console("RECONNECT")
    wait_until(lambda: cp.servers_open() == 0, 10, "servers to go")
    with pytest.raises(PgError) as e:
        cp.connect().query("SELECT 1")
    assert "password authentication failed" in e.value.message
    cp.databases["test"]["password"] = f"{PW}-second"
    cp.reload()
    assert cp.connect().value("SELECT current_user") == "u_scram"
    # The same password under a new salt.
    pg.query(f"ALTER ROLE u_scram PASSWORD '{PW}-second'")
    cp.console("RECONNECT")
    assert cp.connect().value("SELECT current_user") == "u_scram"


def test_proven_keys_go_with_their_verifier(make_carpool, make_pg):
    """Pass-through: keys that a client proved open servers only as long as
    its verifier stands, and never in place of a forced password."""
    pg = make_pg()
    cp = make_carpool(
        {"test": {"pg": pg},
         "forced": {"pg": pg, "dbname": "test", "user": "u_md5",
                    "password": USERS["u_md5"][0]},
         "wrong": {"pg": pg, "dbname": "test", "user": "u_scram",
                   "password": f"{SENTINEL}-not-it"}},
        auth_type="scram-sha-256", server_login_retry=0,
        userlist={"u_scram": pg.secret("u_scram")})
    password = USERS["u_scram"][0]

    def connect(database):
        return cp.connect("u_scram", database, password=password)

    old = connect("test")
    assert old.value("SELECT current_user") == "u_scram"
    assert connect("forced").value("SELECT current_user") == "u_md5"
    with pytest.raises(PgError) as e:
        connect("wrong").query("SELECT 1")
    assert "password authentication failed" in e.value.message
    # The password changes on the server, then in the user list.
    password = f"{PW}-third"
    pg.query(f"ALTER ROLE u_scram PASSWORD '{password}'")
    cp.userlist["u_scram"] = pg.secret("u_scram")
    cp.reload()
    cp.console("RECONNECT")
    wait_until(lambda: cp.servers_open() == 0, 10, "servers to go")
    failures = pg.log.count("password authentication failed")
    old.send(pgwire.query("SELECT 1"))  # in with the old password
    assert "cannot answer" in old.expect_error("08001").message
    assert pg.log.count("password authentication failed") == failures
    assert connect("test").value("SELECT current_user") == "u_scram"
    with pytest.raises(PgError) as e:
        cp.connect("u_scram", password=USERS["u_scram"][0])
    assert e.value.sqlstate == "28P01"


# servers that cheat

def challenged(after):
    """A server that does SCRAM up to the client's proof, then after(conn,
    server), and then goes on as if all were well."""
    def script(conn):
        server = ScramServer(verifier(PW))
        conn.send(pgwire.auth(10, b"SCRAM-SHA-256\0\0"))
        body = conn.expect("p").body
        conn.send(pgwire.auth(
            11, server.first(body[body.index(b"\0") + 5:])))
        after(conn, server)
        conn.send(pgwire.auth(0))
        conn.greet()
        conn.serve()
    return script


def too_much(conn):
    """One iteration more than is allowed: no proof may come."""
    conn.send(pgwire.auth(10, b"SCRAM-SHA-256\0\0"))
    nonce = conn.expect("p").body.split(b"r=")[1]
    conn.send(pgwire.auth(11, b"r=%sx,s=c2FsdA==,i=100001" % nonce))
    assert not conn.wait_closed()


CHEATS = {
    "wrong signature": challenged(lambda c, s: c.send(
        pgwire.auth(12, s.final(c.expect("p").body)[:-6] + b"AAAAA="))),
    "error in place of the signature": challenged(lambda c, s: (
        c.expect("p"), c.send(pgwire.auth(12, b"e=other")))),
    "no signature": challenged(lambda c, s: c.expect("p")),
    "clear text after SCRAM began": challenged(
        lambda c, s: (c.expect("p"), c.send(pgwire.auth(3)))),
    "md5 after SCRAM began": challenged(
        lambda c, s: (c.expect("p"), c.send(pgwire.auth(5, b"salt")))),
    "SCRAM once more": challenged(lambda c, s: (
        c.expect("p"), c.send(pgwire.auth(10, b"SCRAM-SHA-256\0\0")))),
    "more work than is allowed": too_much,
    "unknown method": lambda c: (c.send(pgwire.auth(7)), c.wait_closed()),
}


def test_cheating_servers_learn_nothing(make_carpool, make_fake, pg):
    """Neither a password nor an answer to another method; what they ask of
    our CPU is bounded; the pool beside them works."""
    fakes = {n: make_fake(s) for n, s in CHEATS.items()}
    bad = {f"bad{i}": {"host": f.host, "port": f.port}
           for i, f in enumerate(fakes.values())}
    cp = make_carpool({**bad, "test": pg}, userlist={"app": PW},
                      query_wait_timeout=2)
    before = cpu_seconds(cp)
    believed = []

    def ask(database):
        try:
            with RawClient(cp.host, cp.port, timeout=20) as c:
                c.login("app", database, PW)
                believed.append(c.query("SELECT 1"))
        except (PgError, ConnectionError):
            pass

    threads = [threading.Thread(target=ask, args=(d,)) for d in bad]
    for t in threads:
        t.start()
    assert cp.connect(password=PW).value("SELECT 1") == "1"
    for t in threads:
        t.join()
    assert not believed
    for name, fake in fakes.items():
        assert fake.connections and not fake.errors, (name, fake.errors)
        for m in fake.received("p"):
            assert PW.encode() not in m.body, name
            assert not m.body.startswith(b"md5"), name
        assert not fake.received("Q"), name
    if not sanitized():
        assert cpu_seconds(cp) - before < 3


# the console

def spoken(cp, c, command):
    """The SQLSTATE of the refusal, or 'ok'."""
    r = c.query(command, check=False)
    return r.errors[0].sqlstate if r.errors else "ok"


# (command, who may): a admin, s stats; what is left is for nobody.
COMMANDS = [
    *[(f"SHOW {t}", "as") for t in (
        "VERSION", "STATE", "LISTS", "POOLS", "CLIENTS", "SERVERS", "STATS",
        "CONFIG", "DATABASES", "USERS", "HELP", "TOTALS", "MEM")],
    *[(c, "a") for c in (
        "SET verbose = 0", "PAUSE test", "RESUME test", "DISABLE test",
        "ENABLE test", "RECONNECT test", "KILL_CLIENT 123456789", "RELOAD",
        "WAIT_CLOSE test", "KILL test", "RESUME test")],
]


def test_console_commands_by_role_and_way(make_carpool):
    """Every command by everybody: administrator, statistics, ordinary user,
    over TCP and over the unix socket."""
    cp = make_carpool(auth_type="scram-sha-256")
    ways = {"tcp": cp.host, "unix": cp.dir}
    for way, host in ways.items():
        for who in ("admin", "stats"):
            c = RawClient.open(host, cp.port, user=who, database="pgbouncer",
                               password=cp.userlist[who])
            cp.clients.append(c)
            for command, may in COMMANDS:
                want = who[0] in may
                got = spoken(cp, c, command)
                assert (got != "42501") == want, (way, who, command, got)
        for who in ("app", "nobody-here", "pgbouncer", ""):
            for name in ("pgbouncer", "carpool"):
                if (who, way) == ("pgbouncer", "unix"):
                    continue  # the daemon's own account
                with pytest.raises((PgError, ConnectionError)) as e:
                    RawClient.open(host, cp.port, user=who, database=name,
                                   password=cp.userlist.get(who, PW))
                assert "SELECT" not in str(e.value)


def test_own_account_only_by_unix_socket(make_carpool):
    """`pgbouncer` without a password: only whoever runs the daemon, only by
    the unix socket.  Root is another user."""
    cp = make_carpool(auth_type="scram-sha-256")
    with pytest.raises(PgError) as e:
        cp.connect("pgbouncer", "pgbouncer", password=PW)
    assert e.value.sqlstate in ("42501", "28P01")
    if os.getuid() == 0:
        with pytest.raises(PgError):
            RawClient.open(cp.dir, cp.port, user="pgbouncer",
                           database="pgbouncer", password=PW)


def test_names_like_the_console(make_carpool, pg):
    """Only the two exact names are the console; an entry `*` stands for all
    others."""
    cp = make_carpool({"*": {"pg": pg, "dbname": "test"}})
    for name in ("PGBOUNCER", "pgbouncer ", "Carpool", "pgbouncer2",
                 "postgres"):
        c = cp.connect("app", name)
        assert c.value("SELECT current_database()") == "test", name
    with pytest.raises(PgError):
        cp.connect("app", "pgbouncer")


TRICKS = [
    "SHOW POOLS; RELOAD", "SHOW POOLS -- ; RELOAD", "SHOW/**/POOLS",
    "RELOAD'", "SHOW POOLS\\; RELOAD", "SELECT * FROM pg_shadow",
    "show users; select 1", "\N{FULLWIDTH LATIN CAPITAL LETTER R}ELOAD",
    "SHOW " + "POOLS" * 10000]


def test_tricks_at_the_console(make_carpool):
    """With a statistics user: nothing of an administrator's is run."""
    cp = make_carpool()
    c = cp.connect("stats", "pgbouncer")
    for command in TRICKS:
        c.query(command, check=False, timeout=20)
        assert c.query("SHOW STATE").rows[1] == ["paused", "no"], command[:40]
        assert "config_reload" not in cp.log, command[:40]


def test_nobody_is_known_by_default():
    """What is installed has no password in it, so its administrators cannot
    log in before somebody gives them one."""
    top = os.path.join(os.path.dirname(__file__), "../..")
    with open(f"{top}/etc/userlist.txt") as f:
        assert not [ln for ln in f if ln.strip() and ln[0] != ";"]
    with open(f"{top}/etc/carpool.ini") as f:
        lines = [ln for ln in f if ln.strip() and ln.lstrip()[0] not in ";#"]
    assert not [ln for ln in lines if "password" in ln]
    (auth,) = [ln for ln in lines if ln.startswith("auth_type")]
    assert auth.split()[2] in ("scram-sha-256", "md5")


# what is written where

def test_no_secret_shows_outside(make_carpool, pg):
    """At the highest log level, after logins of all kinds and refusals."""
    cp = make_carpool(
        {"test": {"pg": pg, "user": "u_scram",
                  "password": USERS["u_scram"][0]}, "direct": {
                      "pg": pg, "dbname": "test"}},
        auth_type="plain", verbose=3, userlist={"app": PW})
    cp.connect(password=PW).query("SELECT 1")
    cp.connect("u_md5", "direct",
               password=USERS["u_md5"][0]).query("SELECT 1")
    for wrong in (f"{SENTINEL}-typo", f"{SENTINEL}" * 400):
        with pytest.raises(PgError) as e:
            cp.connect(password=wrong)
        assert SENTINEL not in str(e.value.fields)
    with pytest.raises((PgError, Closed)):
        cp.connect(options=f"-c password={SENTINEL}").query("SELECT 1")
    cp.userlist["app"] = f"{PW}-changed"
    cp.reload()
    for table in ("CONFIG", "DATABASES", "USERS", "CLIENTS", "SERVERS"):
        assert SENTINEL not in str(cp.admin(f"SHOW {table}")), table
    for name in ("cmdline", "environ"):
        try:
            with open(f"/proc/{cp.pid}/{name}", "rb") as f:
                assert SENTINEL.encode() not in f.read(), name
        except PermissionError:
            pass
    assert SENTINEL not in cp.log


def soft_core_limit(pid):
    with open(f"/proc/{pid}/limits") as f:
        (line,) = [ln for ln in f if ln.startswith("Max core file size")]
    return line.split()[4]


def test_no_core_is_written(make_carpool):
    """Memory holds secrets: the daemon asks for no core, unless it is told
    to."""
    unlimited = ["prlimit", "--core=unlimited:unlimited"]
    assert soft_core_limit(make_carpool(under=unlimited).pid) == "0"
    cp = make_carpool(under=unlimited, core_dumps=1)
    assert soft_core_limit(cp.pid) == "unlimited"


def test_readable_secrets_bring_a_warning(make_carpool):
    """A file of secrets for all eyes; a link is followed; a file that is gone
    keeps what was known."""
    cp = make_carpool(userlist={"app": PW}, auth_type="plain")
    assert "can read this file" not in cp.log
    os.chmod(cp.auth_file, 0o644)
    cp.console("RELOAD")
    cp.wait_log("every user of this machine can read this file")
    line = [ln for ln in cp.log.splitlines() if "can read this file" in ln][0]
    assert "config_warning" in line and cp.auth_file in line
    other = cp.auth_file + ".moved"
    os.rename(cp.auth_file, other)
    os.chmod(other, 0o600)
    os.symlink(other, cp.auth_file)
    os.lchown(cp.auth_file, *_ids(other))
    cp.console("RELOAD")
    assert cp.connect(password=PW).value("SELECT 1") == "1"
    assert cp.log.count("can read this file") == 1
    os.unlink(cp.auth_file)
    with pytest.raises(PgError):
        cp.console("RELOAD")
    assert cp.connect(password=PW).value("SELECT 1") == "1"


def _ids(path):
    st = os.stat(path)
    return st.st_uid, st.st_gid


# names and passwords

def verdict(make):
    try:
        with make() as c:
            return c.value("SELECT current_user")
    except PgError as e:
        return e.sqlstate
    except (ConnectionError, TimeoutError) as e:
        return type(e).__name__


def test_no_name_is_cut_into_another(make_carpool, make_pg):
    """Postgres cuts names of 64 bytes and more; carpool never does."""
    base = "u" * 63
    pg = make_pg()
    pg.query(f'CREATE ROLE "{base}" LOGIN')
    cp = make_carpool({"test": pg, "d" * 63: {"pg": pg, "dbname": "test"}},
                      auth_type="scram-sha-256", userlist={base: PW})
    for n in (1, 62, 63, 64, 65, 127, 128, 129, 996, 4096):
        got = verdict(lambda: RawClient.open(
            cp.host, cp.port, user="u" * n, password=PW))
        assert (got == base) == (n == 63), (n, got)
    for n in (62, 63, 64, 65, 127, 996, 4096):
        got = verdict(lambda: RawClient.open(
            cp.host, cp.port, user=base, database="d" * n, password=PW))
        assert (got == base) == (n == 63), (n, got)


STRANGE = [
    "with space", 'quo"ted', "apo'strophe", "semi;colon", "back\\slash",
    "K\u00f6nig", "\u540d\u524d", "%s%n", "$user", "*", "a,b", "-c",
    "two\nlines reason=none"]


def test_strange_names(make_carpool, pg):
    """Each is itself, to the server, in the refusal and in the log."""
    for name in STRANGE:
        quoted = '"' + name.replace('"', '""') + '"'
        pg.query(f"DROP ROLE IF EXISTS {quoted}")
        pg.query(f"CREATE ROLE {quoted} LOGIN")
    # The user list is a file of lines.
    listed = {n: PW for n in STRANGE if "\n" not in n}
    cp = make_carpool({"test": pg, "own": {"pg": pg, "dbname": "test"}},
                      auth_type="scram-sha-256", userlist=listed)
    for name in listed:
        assert cp.connect(name, password=PW).value(
            "SELECT current_user") == name
        with pytest.raises(PgError) as e:
            cp.connect(name, password=PW + "x")
        if name.isascii():
            assert e.value.message == \
                f'password authentication failed for user "{name}"'
    cp.settings["auth_type"] = "any"
    cp.reload()
    for name in STRANGE:
        assert cp.connect(name).value("SELECT current_user") == name
        with pytest.raises(PgError):
            cp.connect(name + "\n-unknown").query("SELECT 1")
    for line in cp.log.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\d .* (DEBUG|INFO|WARNING|ERROR) \w",
                        line), line
        assert "reason=none" not in re.sub(
            r'"(?:\\.|[^"\\])*"', "", line), line
    cp.close_clients()
    cp.settings["auth_type"] = "trust"
    cp.reload()


PASSWORDS = {
    "one byte": "x", "a space": " ", "64 bytes": "p" * 64,
    "128 bytes": "q" * 128, "996 bytes": "r" * 996, "2 KB": "t" * 2048,
    "4096 bytes": "v" * 4096, "60 KB": "w" * 60000,
    "looks like md5": "md5" + "0" * 31, "quotes": "a\"b'c\\d",
    "Latin": "pa\u00dfw\u00f6rd", "normal form": "e\u0301\u00a0x\u2168",
    "soft hyphen": "a\u00adb", "prohibited": "a\u0007b",
    "CJK": "\u5bc6\u7801",
}


def test_passwords_of_all_kinds(make_carpool, make_pg):
    """Through libpq and carpool to a server that has them as verifiers."""
    import psycopg2

    pg = make_pg()
    users = {f"p{i}": p for i, p in enumerate(PASSWORDS.values())}
    pg.query("SET password_encryption = 'scram-sha-256'")
    for user, password in users.items():
        pg.query(f"CREATE ROLE {user} LOGIN PASSWORD %s", (password,))
    hba = f"{pg.data}/pg_hba.conf"
    with open(hba) as f:
        text = f.read()
    with open(hba, "w") as f:
        f.write("".join(f"host all {u} 127.0.0.1/32 scram-sha-256\n"
                        for u in users) + text)
    pg.query("SELECT pg_reload_conf()")
    cp = make_carpool({"test": pg}, userlist=users, auth_type="trust")
    for method in ("scram-sha-256", "plain", "md5"):
        cp.settings["auth_type"] = method
        cp.reload()
        for user, password in users.items():
            what = (method, user, password[:20])
            conn = cp.psycopg2(user, password=password)
            with conn.cursor() as cur:
                cur.execute("SELECT current_user")
                assert cur.fetchone() == (user,), what
            conn.close()
            with pytest.raises(psycopg2.OperationalError) as e:
                cp.psycopg2(user, password=password[:-1] or "y")
            assert "password authentication failed" in str(e.value), what
    cp.close_clients()


def test_password_message_too_long(make_carpool):
    cp = make_carpool(auth_type="plain", userlist={"app": PW})
    for size in (65536, 1 << 20, 0x7fffffff):
        c = cp.raw()
        to_state(c, "first")
        c.send(b"p" + struct.pack("!i", size) + b"x" * 1000)
        assert c.expect_error("08P01").severity == "FATAL"
        c.close()


# constant time

def trimmed(values):
    values = sorted(values)[:int(len(values) * 0.8)]
    return statistics.mean(values), statistics.variance(values), len(values)


@pytest.mark.soak
@pytest.mark.seconds(int(60 + SOAK * 120))
@pytest.mark.parametrize("method", ["plain", "md5"])
def test_right_prefixes_take_no_longer(make_carpool, method):
    """Passwords that are right for n bytes, in turn: no difference of times
    beyond chance."""
    secret = f"{SENTINEL}-" + "k" * 500
    stored = secret if method == "plain" else None
    cp = make_carpool(auth_type=method, userlist={"app": stored or secret})
    tries = {"none": "x" * len(secret),
             "all but one": secret[:-1] + "x"}
    times = {k: [] for k in tries}

    def attempt(kind):
        with RawClient(cp.host, cp.port) as c:
            to_state(c, "first")
            text = tries[kind]
            if method == "md5":
                salt = c.all_received[-1].body[4:]
                right = pgwire.md5_password("app", secret, salt)
                text = ("md5" + "x" * 32 if kind == "none"
                        else right[:-1] + "x")
            start = time.perf_counter()
            c.send(pgwire.password(text))
            c.expect_error("28P01")
            times[kind].append(time.perf_counter() - start)

    rounds = 10000 if SOAK else 150
    for _ in range(rounds):
        for kind in tries:
            attempt(kind)
    a, b = (trimmed(times[k]) for k in tries)
    t = (a[0] - b[0]) / (a[1] / a[2] + b[1] / b[2]) ** 0.5
    assert abs(t) < 8, (t, a, b)


# slots

@pytest.mark.soak
@pytest.mark.seconds(int(60 + SOAK * 60))
def test_half_open_logins_take_no_slot(make_carpool):
    """Silent connections count in no limit of clients, cost little, are
    refused beyond a bound of their own, and go in time."""
    from tools import oracles

    cp = make_carpool(max_client_conn=20, client_login_timeout=4,
                      tcp_defer_accept=0)
    base = oracles.rss_bytes(cp.pid)
    silent = []
    for n in range(90):
        s = socket.create_connection((cp.host, cp.port))
        if n % 3:
            s.sendall(pgwire.startup({"user": "app"})[:n % 9])
        silent.append(s)
    good = [cp.connect() for _ in range(15)]
    assert all(c.value("SELECT 1") == "1" for c in good)
    if not sanitized():
        assert oracles.rss_bytes(cp.pid) - base < 8 << 20
    # Far more than are let in: refused at once, in words.
    more = [cp.raw() for _ in range(80)]
    assert more[-1].expect_error().sqlstate == "53300"
    wait_until(lambda: "reason=client_login_timeout" in cp.log, 20)
    for s in silent:
        s.settimeout(20)
        try:
            while s.recv(1000):
                pass
        except ConnectionError:
            pass
        s.close()
    assert good[0].value("SELECT 1") == "1"
    cp.close_clients()
    assert cp.connect().value("SELECT 1") == "1"
