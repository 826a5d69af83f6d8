"""Timeouts: each fires with its own words, and only in its own state."""

import time

import pytest

from tools import oracles, pgwire as w
from tools.raw import Closed, PgError
from tools.wait import holds_for, wait_until

# Seconds; timers may be up to a tenth late.  What sleeps here for a share of T
# lets that time pass, which is what the test is about.
T = 1


class Clock:
    def __init__(self):
        self.start = time.monotonic()

    def took(self, low, high):
        t = time.monotonic() - self.start
        assert low <= t <= high, f"took {t:.2f} s"


def fatal(c, sqlstate, word, timeout=5):
    """The client reads a FATAL and the end."""
    e = c.read_until("E", timeout=timeout).errors[0]
    assert e.sqlstate == sqlstate, e
    assert word in e.message.replace("_", " "), e
    assert e.severity == "FATAL"
    c.expect_closed()
    return e


def test_client_idle_timeout(make_carpool):
    cp = make_carpool(client_idle_timeout=T)
    c, busy = cp.connect(), cp.connect()
    clock = Clock()
    c.query("SELECT 1")
    busy.query("BEGIN")
    fatal(c, "57P05", "client idle timeout")
    clock.took(T - 0.1, T + 1.5)
    holds_for(lambda: busy.value("SELECT 1") == "1", T * 0.5)
    busy.query("COMMIT")


def test_client_idle_timeout_starts_again_with_each_query(make_carpool):
    cp = make_carpool(client_idle_timeout=T)
    c = cp.connect()
    for _ in range(6):
        assert c.value("SELECT 1") == "1"
        time.sleep(T * 0.3)
    assert c.value("SELECT pg_sleep(%f)" % (T * 1.5)) == ""


@pytest.mark.parametrize("status", ["T", "E"])
def test_idle_transaction_timeout(make_carpool, pg, status):
    cp = make_carpool(idle_transaction_timeout=T, default_pool_size=1)
    c = cp.connect()
    c.query("BEGIN")
    if status == "E":
        c.query("SELECT 1/0", check=False)
    clock = Clock()
    fatal(c, "25P03", "idle transaction timeout")
    clock.took(T - 0.2, T + 1.5)
    assert cp.connect().value("SELECT 1") == "1"
    wait_until(lambda: not pg.busy())


def test_idle_transaction_timeout_leaves_others_alone(make_carpool):
    cp = make_carpool(idle_transaction_timeout=T)
    c, d = cp.connect(), cp.connect()
    d.query("SELECT 1")
    c.query("BEGIN")
    c.query(f"SELECT pg_sleep({T * 1.5})")
    c.query("COMMIT")
    assert d.value("SELECT 1") == "1"


def test_idle_transaction_timeout_of_a_user(make_carpool):
    cp = make_carpool(users={"app2": {"idle_transaction_timeout": T}})
    a, b = cp.connect(), cp.connect("app2")
    a.query("BEGIN")
    b.query("BEGIN")
    fatal(b, "25P03", "idle transaction timeout")
    a.query("COMMIT")


def test_transaction_timeout(make_carpool, pg):
    cp = make_carpool(transaction_timeout=T, default_pool_size=1)
    c = cp.connect()
    clock = Clock()
    c.query("BEGIN")
    got = None
    while got is None and time.monotonic() < clock.start + 5:
        c.send(w.query("SELECT pg_sleep(0.05)"))
        m = c.read()
        while m.type not in "ZE":
            m = c.read()
        if m.type == "E":
            got = w.error_fields(m.body)
    clock.took(T - 0.2, T + 1.5)
    assert got["C"] == "25P04"
    assert "transaction timeout" in got["M"].replace("_", " ")
    c.expect_closed()
    assert cp.connect().value("SELECT 1") == "1"
    wait_until(lambda: not pg.busy())


def test_query_timeout(make_carpool, pg):
    cp = make_carpool(query_timeout=T, default_pool_size=1)
    c = cp.connect()
    clock = Clock()
    c.send(w.query("SELECT pg_sleep(60)"))
    fatal(c, "57014", "query timeout")
    clock.took(T - 0.2, T + 1.5)
    wait_until(lambda: not pg.busy(), 3)
    assert cp.connect().value("SELECT 1") == "1"


def test_query_timeout_does_not_count_waiting(make_carpool):
    cp = make_carpool(query_timeout=T * 2, default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.send(w.query("SELECT 'b'"))
    for _ in range(6):
        time.sleep(T * 0.4)
        a.query("SELECT 1")
    a.query("COMMIT")
    assert b.read_until("Z").rows == [["b"]]


def test_query_timeout_does_not_fire_between_queries(make_carpool):
    cp = make_carpool(query_timeout=T)
    c = cp.connect()
    c.query("BEGIN")
    time.sleep(T * 1.6)
    assert c.value("SELECT 1") == "1"
    c.query("COMMIT")


def test_query_timeout_of_a_user(make_carpool):
    cp = make_carpool(users={"app2": {"query_timeout": T}})
    a, b = cp.connect(), cp.connect("app2")
    a.send(w.query(f"SELECT pg_sleep({T * 2})"))
    b.send(w.query("SELECT pg_sleep(60)"))
    fatal(b, "57014", "query timeout")
    assert not a.read_until("Z").errors


@pytest.mark.parametrize("stage", ["nothing", "half a packet",
                                   "before the password"])
def test_client_login_timeout(make_carpool, stage):
    # Deferred, a connection that says nothing is never even accepted.
    cp = make_carpool(client_login_timeout=T, auth_type="md5",
                      tcp_defer_accept=0)
    c = cp.raw()
    packet = w.startup({"user": "app", "database": "test"})
    if stage == "half a packet":
        c.send(packet[:9])
    elif stage == "before the password":
        c.send(packet)
        c.expect("R")
    clock = Clock()
    got = c.drain(timeout=5)
    clock.took(T - 0.2, T + 1.5)
    if stage == "before the password":
        assert got.errors[0].sqlstate == "57P05"
        assert "client_login_timeout" in got.errors[0].message


def test_client_login_timeout_ends_with_the_login(make_carpool):
    cp = make_carpool(client_login_timeout=T)
    c = cp.connect()
    time.sleep(T * 1.6)
    assert c.value("SELECT 1") == "1"


def test_server_idle_timeout(make_carpool, pg):
    cp = make_carpool(server_idle_timeout=T)
    c = cp.connect()
    clock = Clock()
    c.query("SELECT 1")
    wait_until(lambda: pg.connections("test") == 0, 5)
    clock.took(T - 0.2, T + 2)
    assert c.value("SELECT 1") == "1"


def test_server_idle_timeout_keeps_the_minimum(make_carpool, pg):
    cp = make_carpool(server_idle_timeout=T, min_pool_size=1)
    c = cp.connect()
    c.query("SELECT 1")
    holds_for(lambda: pg.connections("test") >= 0, T * 2.5, every=0.2)
    wait_until(lambda: pg.connections("test") == 1)


def test_server_lifetime(make_carpool, pg):
    """A server that is old enough is closed when free, in no transaction."""
    cp = make_carpool(server_lifetime=T, default_pool_size=1)
    c = cp.connect()
    c.query("BEGIN")
    pid = c.value("SELECT pg_backend_pid()")
    time.sleep(T * 1.5)
    assert c.value("SELECT pg_backend_pid()") == pid
    c.query("COMMIT")
    wait_until(lambda: int(pid) not in pg.pids("test"))
    assert c.value("SELECT pg_backend_pid()") != pid


def test_server_lifetime_0_uses_a_server_once(make_carpool):
    cp = make_carpool(server_lifetime=0, default_pool_size=1)
    c = cp.connect()
    pids = {c.value("SELECT pg_backend_pid()") for _ in range(4)}
    assert len(pids) == 4


def test_server_lifetime_has_jitter(make_carpool, pg):
    """Servers made together do not end together."""
    cp = make_carpool(server_lifetime=4, default_pool_size=20,
                      min_pool_size=0)
    clients = [cp.connect() for _ in range(20)]
    for c in clients:
        c.query("BEGIN")
    for c in clients:
        c.query("COMMIT")
    seen = []
    deadline = time.monotonic() + 9
    while time.monotonic() < deadline and (not seen or seen[-1][1]):
        seen.append((time.monotonic(), pg.connections("test")))
        time.sleep(0.02)
    counts = [n for _, n in seen]
    assert counts[0] == 20 and counts[-1] == 0
    assert len(set(counts)) >= 4, "all closed at one moment"


def test_server_connect_timeout(make_carpool, make_fake):
    """A server that takes the startup packet and says nothing."""
    fake = make_fake([lambda conn: conn.wait_closed(8), None])
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      server_connect_timeout=T, server_login_retry=0.1)
    c = cp.raw()
    clock = Clock()
    c.login()
    assert c.value("SELECT 1") == "1"
    clock.took(T - 0.2, T + 3)
    assert len(fake.connections) == 2


def test_server_login_retry(make_carpool, make_fake):
    """After a failed login the next one waits; logins are not hammered."""
    def broken(conn):
        conn.send(w.error("57P03", "the database system is starting up",
                          "FATAL"))

    fake = make_fake(broken)
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      server_login_retry=T, query_wait_timeout=T * 3)
    c = cp.raw()
    with pytest.raises(PgError) as e:
        c.login()
        c.query("SELECT 1")
    assert 2 <= len(fake.connections) <= 6
    assert "starting up" in str(e.value.fields)


def test_wrong_server_password_is_told_at_once(make_carpool, pg):
    """Credentials that are refused concern all waiters; no use to wait."""
    cp = make_carpool({"test": {"pg": pg, "user": "u_md5",
                                "password": "wrong"}},
                      query_wait_timeout=30)
    clock = Clock()
    with pytest.raises(PgError):
        cp.connect().query("SELECT 1")
    clock.took(0, 5)


def test_server_check_query(make_carpool, make_fake):
    """Asked only of a server that was idle for server_check_delay."""
    fake = make_fake()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      server_check_query="select 42",
                      server_check_delay=T, default_pool_size=1)
    c = cp.connect()
    c.query("SELECT 1")
    c.query("SELECT 2")
    assert "select 42" not in fake.queries()
    time.sleep(T * 1.5)
    c.query("SELECT 3")
    got = [q for q in fake.queries() if q]
    assert got.count("select 42") == 1
    assert got.index("select 42") < got.index("SELECT 3")


def test_server_that_fails_its_check_is_replaced(make_carpool, make_fake):
    def dead(conn):
        conn.login()
        while True:
            sql = conn.expect_query()
            if sql == "select 42" and conn.fake.armed:
                return conn.close()
            conn.answer(sql)

    fake = make_fake([dead, None])
    fake.armed = False
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      server_check_query="select 42",
                      server_check_delay=0, default_pool_size=1)
    c = cp.connect()
    c.query("SELECT 1")
    fake.armed = True
    assert c.value("SELECT 7") == "7"
    assert len(fake.connections) == 2


def test_connect_query(make_carpool, pg):
    cp = make_carpool({"test": {
        "pg": pg, "connect_query": "SET work_mem = '44MB'"}},
        default_pool_size=1)
    c = cp.connect()
    assert c.value("SHOW work_mem") == "44MB"


def test_connect_query_that_fails(make_carpool, pg):
    """The server may be used or refused; nothing hangs or spins."""
    cp = make_carpool({"test": {"pg": pg, "connect_query": "SELECT 1/0"}},
                      query_wait_timeout=T, server_login_retry=0.2)
    try:
        assert cp.connect().value("SELECT 1") == "1"
    except (PgError, Closed):
        pass


def test_timers_cost_nothing_when_idle(make_carpool):
    """Many idle clients with a timeout each: the CPU stays idle (the
    oracle looks again at the end)."""
    cp = make_carpool(client_idle_timeout=60, max_client_conn=300)
    for _ in range(200):
        cp.connect()
    oracles.cpu_idle(cp.pid, limit=0.03)
    cp.rss_tolerance = 64 << 20
