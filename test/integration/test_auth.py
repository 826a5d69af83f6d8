"""Security of logins: one identity and one order of messages, whose password
counts after a change, servers that cheat, the console, what is written
where."""

import os
import struct
import threading

import pytest

from tools import oracles, pgwire
from tools.account import SENTINEL
from tools.carpool import sanitized
from tools.login import PW, to_state
from tools.postgres import USERS
from tools.raw import Closed, PgError, RawClient
from tools.scram import ScramClient, ScramServer, verifier
from tools.wait import wait_until

METHODS = ["trust", "plain", "md5", "scram-sha-256"]

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
    before = oracles.cpu_total(cp.pid)
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
        assert oracles.cpu_total(cp.pid) - before < 3


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
