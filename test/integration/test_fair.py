"""Tenants and workers beside each other: who gets how much."""

import asyncio
import select
import threading
import time

import pytest

from tools import pgwire as w
from tools.crowd import AsyncClient
from tools.raw import RawClient
from tools.soak import MINUTES as SOAK
from tools.wait import wait_until



class Tenant:
    """Clients of one user or database that query all the time, on a loop of
    a thread of their own."""

    def __init__(self, cp, n, sql="SELECT pg_sleep(0.004)", **who):
        self.cp, self.n, self.sql, self.who = cp, n, sql, who
        self.count, self.errors, self.waits = [0] * n, [], []
        self.stopping = False
        self.thread = threading.Thread(target=self._main, daemon=True)

    def _main(self):
        try:
            asyncio.run(self._all())
        except Exception as e:
            self.errors.append(e)

    async def _all(self):
        gate = asyncio.Semaphore(50)
        await asyncio.gather(*(self._one(i, gate) for i in range(self.n)))

    async def _one(self, i, gate):
        async with gate:
            c = await AsyncClient.open(**self.cp.open_args(
                timeout=60, **self.who))
        try:
            while not self.stopping:
                await c.query(self.sql)
                self.count[i] += 1
        except Exception as e:
            self.errors.append(e)
        finally:
            c.close()

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: min(self.count) > 0 or self.errors, 40,
                   "each client to be served once")
        return self

    def __exit__(self, *exc):
        self.stopping = True
        self.thread.join(30)
        assert self.errors == []


def wait_of(cp, database, seconds):
    """Mean time in the queue of that database's requests, in seconds."""
    before = cp.totals(database)
    time.sleep(seconds)  # the window that is measured
    after = cp.totals(database)
    served = (after["server_assignment_count"]
              - before["server_assignment_count"])
    return (after["wait_time"] - before["wait_time"]) / max(served, 1) / 1e6


@pytest.mark.soak
@pytest.mark.seconds(120)
@pytest.mark.parametrize("shared", [False, True])
def test_greedy_tenant(make_carpool, pg, shared):
    """Hundreds of clients of one tenant beside five of another.  With pools
    of their own, the small one's wait stays as it was; under a budget that
    both share it has its part of it, at once and without a login for each
    of its transactions."""
    limits = {"max_user_connections": 8} if shared else {}
    cp = make_carpool({"greedy": {"pg": pg, "dbname": "test"},
                       "small": {"pg": pg, "dbname": "test"}},
                      default_pool_size=20 if shared else 4,
                      max_client_conn=1000, query_wait_timeout=60,
                      log_connections=0, log_disconnections=0, **limits)
    with Tenant(cp, 5, database="small") as small:
        alone = wait_of(cp, "small", 0.7)
        with Tenant(cp, 500 if SOAK else 150, database="greedy") as greedy:
            logins = cp.log.count("server_login")
            ours, theirs = sum(small.count), sum(greedy.count)
            beside = wait_of(cp, "small", 1.5)
            ours = sum(small.count) - ours
            theirs = sum(greedy.count) - theirs
            logins = cp.log.count("server_login") - logins
    # 3 ms: its fifth client waits for one of four places
    assert beside < 2 * alone + 0.003, (alone, beside)
    # 4 of 8 places each
    assert ours > theirs / 4, (ours, theirs)
    assert logins <= 4


def test_idle_places_are_not_kept_from_others(make_carpool, pg):
    """A share that its pool does not use is another's before long."""
    cp = make_carpool({"one": {"pg": pg, "dbname": "test"},
                       "two": {"pg": pg, "dbname": "test"}},
                      max_user_connections=4)
    ones = [cp.connect(database="one") for _ in range(2)]
    twos = [cp.connect(database="two") for _ in range(4)]
    for c in ones + twos[:2]:
        c.query("BEGIN")
    for c in twos[2:]:
        c.send(w.query("BEGIN"))
    cp.wait_pool("two", cl_waiting=2)
    for c in ones:
        c.query("COMMIT")
    for c in twos[2:]:
        c.read_until("Z", timeout=5)
    for c in twos:
        c.query("COMMIT")


@pytest.mark.parametrize("order", ["in turn", "all at once"])
def test_small_pool_under_a_shared_budget(make_carpool, pg, order):
    """A thousand requests of one pool wait, then one of another comes: it
    is served long before them all are."""
    cp = make_carpool({"big": {"pg": pg, "dbname": "test"},
                       "one": {"pg": pg, "dbname": "test"}},
                      max_user_connections=2, default_pool_size=2,
                      max_client_conn=400, query_wait_timeout=60)
    lone = cp.connect(database="one")
    if order == "in turn":
        lone.query("SELECT 1")
    with Tenant(cp, 100, "SELECT pg_sleep(0.01)", database="big") as big:
        for n in range(3):
            before = sum(big.count)
            assert lone.query(f"SELECT '{n}'", timeout=20).rows == [[str(n)]]
            assert sum(big.count) - before < 200


def test_a_lone_query_costs_one_server(make_carpool, pg):
    """A busy pool gives one place up for another pool's waiter, not all of
    its servers while that one's end is on its way."""
    cp = make_carpool({"big": {"pg": pg, "dbname": "test"},
                       "one": {"pg": pg, "dbname": "test"}},
                      max_user_connections=8, default_pool_size=8,
                      query_wait_timeout=60, server_idle_timeout=1)
    lone = cp.connect(database="one")

    def logins():
        return cp.log.count(" server_login ")

    with Tenant(cp, 12, "SELECT pg_sleep(0.005)", database="big"):
        before = logins()
        for n in range(5):
            assert lone.query(f"SELECT '{n}'", timeout=20).rows == [[str(n)]]
            wait_until(lambda: cp.pool("one")["sv_idle"] == 0)
        # Each turn: one of the lone pool's, one more of the busy one's.
        assert logins() - before <= 5 * 4


def test_sixteen_threads_and_seven_places(make_carpool, pg):
    """More threads than places: never one too many, and all progress."""
    from test_limits import Watch
    cp = make_carpool(threads=16, default_pool_size=7, max_client_conn=200)
    with Watch(lambda: pg.connections("test")) as watch:
        with Tenant(cp, 48, "SELECT pg_sleep(0.001)") as tenant:
            wait_until(lambda: min(tenant.count) >= 5, 40)
    assert watch.highest <= 7, watch.highest
    assert watch.samples > 20


# Workers


def workers_of(clients):
    """How many clients each worker has: the first byte of a key names it."""
    out = {}
    for c in clients:
        out[c.pid >> 24] = out.get(c.pid >> 24, 0) + 1
    return out


@pytest.mark.soak
def test_workers_after_an_uneven_loss(make_carpool):
    """Clients spread over four workers; all of two workers' leave, and as
    many come again: no worker then has more than twice another's."""
    n = 400 if SOAK else 160
    cp = make_carpool(threads=4, max_client_conn=1000, default_pool_size=16)
    clients = [cp.connect() for _ in range(n)]
    spread = workers_of(clients)
    assert len(spread) == 4
    assert max(spread.values()) <= 2 * min(spread.values()), spread
    stay = [c for c in clients if c.pid >> 24 in (0, 1)]
    for c in clients:
        if c not in stay:
            c.reset()
    wait_until(lambda: cp.pool()["cl_active"] == len(stay))
    clients = stay + [cp.connect() for _ in range(n - len(stay))]
    spread = workers_of(clients)
    assert len(spread) == 4
    assert max(spread.values()) <= 2 * min(spread.values()), spread


def test_no_worker_sits_on_idle_servers(make_carpool, pg):
    """All servers are idle on one worker: the clients of the others get
    them, without one being opened or a waiter left."""
    cp = make_carpool(threads=4, default_pool_size=12, max_client_conn=300)
    clients = [cp.connect() for _ in range(80)]
    # Three of the four workers are homes of such a pool, at random.
    one = clients[0].pid >> 24
    first = [c for c in clients if c.pid >> 24 == one]
    others = [c for c in clients if c.pid >> 24 != one]
    assert len(first) >= 12 and len(others) >= 12
    for c in first[:12]:
        c.query("BEGIN")
    for c in first[:12]:
        c.query("COMMIT")
    pids = set(pg.pids("test"))
    assert len(pids) == 12
    for c in first:
        c.reset()
    for c in others[:12]:
        c.send(w.query("BEGIN"))
    for c in others[:12]:
        assert c.read_until("Z", timeout=10).tags == ["BEGIN"]
    assert cp.pool()["cl_waiting"] == 0
    assert set(pg.pids("test")) == pids
    for c in others[:12]:
        c.query("COMMIT")


# State


def test_settings_stay_on_their_servers(make_carpool, make_fake):
    """Two clients that differ in a setting, two idle servers: each has its
    own again, and no setting is sent any more."""
    fake = make_fake()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=2, threads=1)
    clients = [cp.connect(application_name=n) for n in ("one", "two")]
    for c in clients:
        c.query("BEGIN")
    for c in clients:
        c.query("COMMIT")

    def settings():
        return [q for q in fake.queries() if "application_name" in q]

    sent = len(settings())
    assert sent == 2
    for n in range(20):
        c = clients[(n * n // 3) % 2]
        assert c.value(f"SELECT '{n}'") == str(n)
    assert len(settings()) == sent, settings()


# Words and figures


def test_refusal_is_read_past_unread_input(make_carpool):
    """query_wait_timeout hits a client that has sent much more than was
    read, and goes on sending: its words still come, not a reset."""
    cp = make_carpool(default_pool_size=1, query_wait_timeout=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.send(*[w.query("SELECT 1 -- " + "x" * 1000)] * 300)
    assert select.select([b.sock], [], [], 10)[0]
    for _ in range(5):
        b.send(w.query("SELECT 2"))
        time.sleep(0.01)  # a write of its own each
    e = b.read_until("E", timeout=10).errors[0]
    assert e.sqlstate == "53300" and "query_wait_timeout" in e.message
    b.expect_closed()
    a.query("COMMIT")


def test_totals_outlive_pools(make_carpool, pg):
    """A pool that nobody uses is forgotten; its database's totals are not,
    and a reload leaves them alone, too."""
    cp = make_carpool({"*": pg}, autodb_idle_timeout=1, server_idle_timeout=1)
    c = cp.connect()
    for _ in range(5):
        c.query("SELECT 1")
    c.quit()

    def is_gone():
        return not any(r["database"] == "test"
                       for r in cp.admin("SHOW POOLS"))

    wait_until(is_gone, 20, "the pool to be forgotten")
    assert cp.totals()["xact_count"] == 5
    cp.reload()
    assert cp.totals()["xact_count"] == 5
    cp.connect().query("SELECT 1")
    cp.expect_totals(xacts=6, queries=6)


def test_totals_are_the_clients_own(make_carpool, pg):
    """Settings, resets, checks, cancelled and failed queries: what carpool
    itself asks is not counted, what clients ask is counted once."""
    cp = make_carpool({"test": {"pg": pg, "connect_query": "SELECT 'own'"}},
                      default_pool_size=1, server_check_query="SELECT 'check'",
                      server_check_delay=0)
    a = cp.connect(TimeZone="Asia/Tokyo")
    b = cp.connect(TimeZone="America/Lima")
    for c in (a, b, a, b):
        c.query("SELECT 1")
    a.query("SET work_mem = '5MB'")  # a reset follows
    b.query("SELECT 1/0", check=False)
    a.send(w.query("SELECT pg_sleep(60)"))
    wait_until(lambda: pg.busy())
    a.cancel()
    assert a.read_until("Z").errors[0].sqlstate == "57014"
    b.query("BEGIN")
    b.extended("SELECT 1")
    b.query("COMMIT")
    b.send(w.sync())  # needs no server
    b.read_until("Z")
    cp.expect_totals(xacts=8, queries=10)


# PAUSE


@pytest.mark.parametrize("who", ["copy in", "copy out", "query", "idle",
                                 "waiting", "session"])
def test_pause_waits_for(make_carpool, pg, who):
    """PAUSE lets whoever works end its transaction, or its session in session
    mode, and starts nothing new; RESUME lets all go on."""
    pg.query("DROP TABLE IF EXISTS paused; CREATE TABLE paused (n int);"
             " GRANT ALL ON paused TO PUBLIC", db="test")
    cp = make_carpool(default_pool_size=1, pool_mode="session"
                      if who == "session" else "transaction")
    c, other = cp.connect(), cp.connect()
    c.query("SELECT 1")
    if who == "waiting":
        c.query("BEGIN")
    elif who == "query":
        c.send(w.query("SELECT pg_sleep(0.5), 'slow'"))
        wait_until(lambda: pg.busy())
    elif who == "copy in":
        c.send(w.query("COPY paused FROM stdin"))
        c.expect("G")
    elif who == "copy out":
        c.send(w.query("COPY (SELECT repeat('x', 1000) FROM"
                       " generate_series(1, 200000)) TO stdout"))
        c.expect("Hdd")
    admin = RawClient.open(cp.host, cp.port, user="admin",
                           database="pgbouncer",
                           password=cp.userlist["admin"])
    cp.clients.append(admin)
    if who == "waiting":
        other.send(w.query("SELECT 'other'"))
        cp.wait_pool(cl_waiting=1)
    admin.send(w.query("PAUSE test"))
    if who != "idle":
        admin.expect_silence(0.15)
    if who in ("waiting", "session"):
        assert c.value("SELECT 'still'") == "still"
    if who == "waiting":
        c.query("COMMIT")
    elif who == "session":
        c.quit()
    elif who == "query":
        assert c.read_until("Z").rows == [["", "slow"]]
    elif who == "copy in":
        c.send(w.copy_data(b"1\n"), w.copy_done())
        assert c.read_until("Z").tags == ["COPY 1"]
    elif who == "copy out":
        assert c.read_until("Z", timeout=30).tags == ["COPY 200000"]
    assert admin.read_until("Z", timeout=20).tags == ["PAUSE"]
    wait_until(lambda: not pg.pids("test"))
    if who != "waiting":
        other.send(w.query("SELECT 'other'"))
    other.expect_silence(0.1)
    cp.console("RESUME test")
    assert other.read_until("Z").rows == [["other"]]
    if who != "session":
        assert c.value("SELECT 'again'") == "again"
