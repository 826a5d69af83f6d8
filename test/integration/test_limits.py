"""Limits: never exceeded, seen from the server; first come, first served."""

import random
import signal
import threading
import time

import pytest

from tools import oracles, pgwire as w
from tools.meanwhile import Meanwhile
from tools.raw import PgError, RawClient
from tools.soak import scaled
from tools.wait import holds_for, wait_until

HAMMER_SECONDS = scaled(6.0, 55, "HAMMER_SECONDS")


def refused(cp, sqlstate, word, **kw):
    c = cp.raw()
    with pytest.raises(PgError) as e:
        c.login(**kw)
    assert e.value.sqlstate == sqlstate
    assert word in e.value.message + str(e.value.hint)
    assert e.value.severity == "FATAL"
    c.expect_closed()


def commit_all(clients):
    """Each client has sent BEGIN; commit in whatever order they are
    served."""
    left = list(clients)
    deadline = time.monotonic() + 20
    while left:
        assert time.monotonic() < deadline, f"{len(left)} never served"
        for c in list(left):
            try:
                c.read_until("Z", timeout=0.02)
            except TimeoutError:
                continue
            c.query("COMMIT")
            left.remove(c)


class Watch(Meanwhile):
    """Samples a number all the time; keeps the highest."""

    def __init__(self, sample):
        self.sample, self.highest, self.samples = sample, 0, 0

    def look(self):
        self.highest = max(self.highest, self.sample())
        self.samples += 1


@pytest.mark.soak
@pytest.mark.seconds(int(60 + 3 * HAMMER_SECONDS))
def test_hammer_a_pool_of_seven(make_carpool, make_pg):
    """Connects, disconnects, kills and reloads from all sides on four
    threads: never more than seven servers, and all clients progress."""
    pg = make_pg(max_connections=60)
    cp = make_carpool({"test": pg}, threads=4, default_pool_size=7,
                      max_client_conn=300, server_login_retry=0.1,
                      log_connections=0, log_disconnections=0)
    stop = threading.Event()
    wrong, done = [], [0] * 12

    def client(n):
        rng = random.Random(n)
        while not stop.is_set():
            try:
                with RawClient.open(cp.host, cp.port, timeout=20) as c:
                    for _ in range(rng.randint(1, 20)):
                        if stop.is_set():
                            return
                        use(rng, c, n)
                        done[n] += 1
                    rng.choice([c.close, c.reset, c.quit])()
            except (OSError, PgError):
                continue

    def use(rng, c, n):
        tag = f"{n}.{done[n]}"
        kind = rng.randrange(8)
        if kind == 0:
            c.query("BEGIN")
            c.query("SELECT 1")
            if rng.random() < 0.2:
                c.reset()
                raise ConnectionError
            c.query("COMMIT")
        elif kind == 1:
            c.query("SET work_mem = '5MB'")
        elif kind == 2:
            c.send(w.query("SELECT pg_sleep(0.01)"))
            c.cancel()
            c.read_until("Z")
        else:
            r = c.query(f"SELECT '{tag}'", check=False)
            if r.rows and r.rows != [[tag]]:
                wrong.append((tag, r))

    def operator():
        rng = random.Random(99)
        while not stop.is_set():
            kind = rng.randrange(5)
            try:
                if kind == 0:
                    cp.settings["default_pool_size"] = 7
                    cp.reload()
                elif kind == 1:
                    pids = pg.pids("test")
                    if pids:
                        pg.terminate(rng.choice(pids))
                elif kind == 2:
                    cp.console("RECONNECT test")
                elif kind == 3:
                    rows = cp.admin("SHOW CLIENTS")
                    ids = [r["id"] for r in rows
                           if r["database"] == "test" and r.get("id")]
                    if ids:
                        cp.console(f"KILL_CLIENT {rng.choice(ids)}")
                else:
                    cp.console("PAUSE test", timeout=20)
                    cp.console("RESUME test")
            except PgError:
                pass
            except OSError as e:
                wrong.append(("console", e))
                return
            time.sleep(0.02)  # a pace that leaves the clients some time

    threads = [threading.Thread(target=client, args=(n,), daemon=True)
               for n in range(len(done))]
    threads.append(threading.Thread(target=operator, daemon=True))
    with Watch(lambda: pg.connections("test")) as watch:
        for t in threads:
            t.start()
        stop.wait(HAMMER_SECONDS)
        stop.set()
        for t in threads:
            t.join(30)
    assert not any(t.is_alive() for t in threads)
    assert wrong == []
    assert 0 < watch.highest <= 7
    assert watch.samples > 50
    assert min(done) > 0, f"somebody starved: {done}"


def test_pool_size_of_database_and_user(make_carpool, pg):
    """The user's pool_size wins over the database's, that over the
    default."""
    cp = make_carpool({"test": pg,
                       "two": {"pg": pg, "dbname": "test", "pool_size": 2}},
                      users={"app2": {"pool_size": 3}}, default_pool_size=1)
    for db, user, n in (("test", "app", 1), ("two", "app", 2),
                        ("test", "app2", 3), ("two", "app2", 3)):
        clients = [cp.connect(user, db) for _ in range(5)]
        for c in clients:
            c.send(w.query("BEGIN"))
        cp.wait_pool(db, user, sv_active=n, cl_waiting=5 - n)
        commit_all(clients)
        cp.close_clients()


def test_pool_size_0_means_unlimited(make_carpool, pg):
    cp = make_carpool(default_pool_size=0)
    clients = [cp.connect() for _ in range(30)]
    for c in clients:
        c.query("BEGIN")
    assert pg.connections("test") == 30
    for c in clients:
        c.query("COMMIT")


def test_min_pool_size(make_carpool, pg):
    """Opened once a client has come, kept without one."""
    cp = make_carpool(min_pool_size=3, default_pool_size=5)
    c = cp.connect()
    c.query("SELECT 1")
    wait_until(lambda: pg.connections("test") == 3)
    c.quit()
    pg.terminate(pg.pids("test")[0])
    wait_until(lambda: pg.connections("test") == 3)
    holds_for(lambda: pg.connections("test") <= 3, 0.1)


@pytest.mark.parametrize("setting", ["max_db_connections",
                                     "max_user_connections"])
def test_budgets_over_pools(make_carpool, pg, setting):
    """Servers of several pools together stay within the shared budget, idle
    ones of another pool are closed for it, and everybody is served."""
    if setting == "max_db_connections":
        pools = [("test", "app"), ("test", "app2"), ("test", "postgres")]
    else:
        pools = [("test", "app"), ("postgres", "app"), ("template1", "app")]
    cp = make_carpool({"test": pg, "postgres": pg, "template1": pg},
                      userlist={"postgres": "x"}, default_pool_size=4,
                      threads=4, **{setting: 5})
    done = []

    def work(db, user):
        with RawClient.open(cp.host, cp.port, user=user, database=db,
                            timeout=20) as c:
            for _ in range(25):
                c.query("SELECT pg_sleep(0.001)")
            done.append((db, user))

    threads = [threading.Thread(target=work, args=p, daemon=True)
               for p in pools * 5]
    with Watch(lambda: pg.connections()) as watch:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert len(done) == 15
    assert watch.highest <= 5


def test_budget_of_a_single_user(make_carpool, pg):
    cp = make_carpool({"test": pg, "postgres": pg},
                      users={"app": {"max_user_connections": 1}},
                      default_pool_size=4)
    a, b = cp.connect(), cp.connect(database="postgres")
    a.query("BEGIN")
    b.send(w.query("SELECT 1"))
    b.expect_silence(0.1)
    a.query("COMMIT")
    assert b.read_until("Z").rows == [["1"]]


def test_idle_server_of_another_pool_makes_room(make_carpool, pg):
    cp = make_carpool(max_db_connections=1)
    a, b = cp.connect("app"), cp.connect("app2")
    for _ in range(4):
        assert a.value("SELECT current_user") == "app"
        assert b.value("SELECT current_user") == "app2"
        assert pg.connections("test") <= 1


def test_reserve_pool(make_carpool, pg):
    """The reserve opens after reserve_pool_timeout, not before."""
    cp = make_carpool(default_pool_size=1, reserve_pool_size=2,
                      reserve_pool_timeout=1)
    clients = [cp.connect() for _ in range(5)]
    start = time.monotonic()
    for c in clients:
        c.send(w.query("BEGIN"))
    cp.wait_pool(sv_active=1, cl_waiting=4)
    holds_for(lambda: pg.connections("test") == 1, 0.4)
    cp.wait_pool(sv_active=3, cl_waiting=2)
    assert time.monotonic() - start > 0.8
    holds_for(lambda: pg.connections("test") == 3, 0.2)
    commit_all(clients)


def test_max_client_conn(make_carpool):
    cp = make_carpool(max_client_conn=5)
    clients = [cp.connect() for _ in range(5)]
    refused(cp, "53300", "max_client_conn")
    # the console is not counted
    assert cp.admin("SHOW VERSION")
    clients[0].quit()
    wait_until(lambda: cp.pool()["cl_active"] <= 4)
    assert cp.connect().value("SELECT 1") == "1"


def test_max_db_client_connections(make_carpool, pg):
    cp = make_carpool({"test": pg, "postgres": pg},
                      max_db_client_connections=2)
    a, _ = cp.connect(), cp.connect("app2")
    refused(cp, "53300", "max_db_client_connections")
    cp.connect(database="postgres")
    a.quit()
    wait_until(lambda: cp.pool()["cl_active"] == 0)
    cp.connect()


def test_max_user_client_connections(make_carpool, pg):
    cp = make_carpool({"test": pg, "postgres": pg},
                      max_user_client_connections=2)
    a, _ = cp.connect(), cp.connect(database="postgres")
    refused(cp, "53300", "max_user_client_connections")
    cp.connect("app2")
    a.quit()
    wait_until(lambda: cp.pool()["cl_active"] == 0)
    cp.connect()


def test_limits_given_by_database_and_user(make_carpool, pg):
    cp = make_carpool(
        {"test": {"pg": pg, "max_db_client_connections": 1},
         "postgres": pg}, users={"app2": {"max_user_client_connections": 1}})
    cp.connect()
    refused(cp, "53300", "max_db_client_connections")
    cp.connect("app2", "postgres")
    refused(cp, "53300", "max_user_client_connections", user="app2",
            database="postgres")


def test_churn_at_the_limit_leaves_no_count_behind(make_carpool):
    cp = make_carpool(max_client_conn=10, default_pool_size=3, threads=4)

    def churn(n):
        rng = random.Random(n)
        for _ in range(60):
            try:
                c = RawClient.open(cp.host, cp.port)
                if rng.random() < 0.5:
                    c.query("SELECT 1")
                rng.choice([c.close, c.reset, c.quit])()
            except (PgError, OSError):
                pass

    threads = [threading.Thread(target=churn, args=(n,)) for n in range(15)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    wait_until(lambda: cp.pool()["cl_active"] == 0)
    clients = [cp.connect() for _ in range(10)]
    refused(cp, "53300", "max_client_conn")
    assert all(c.value("SELECT 1") == "1" for c in clients)


@pytest.mark.parametrize("threads", [1, 4])
def test_first_come_first_served(make_carpool, threads):
    """Served in the order in which they asked, over all threads."""
    cp = make_carpool(default_pool_size=1, threads=threads)
    holder = cp.connect()
    holder.query("BEGIN")
    clients = [cp.connect() for _ in range(12)]
    random.Random(5).shuffle(clients)
    for n, c in enumerate(clients):
        c.send(w.query("SELECT clock_timestamp()"))
        cp.wait_pool(cl_waiting=n + 1)
        time.sleep(0.003)  # more than the millisecond that may be swapped
    holder.query("COMMIT")
    times = [c.read_until("Z").rows[0][0] for c in clients]
    assert times == sorted(times)


def test_nobody_overtakes_the_queue(make_carpool):
    """A client that asks again at once stands behind those who wait."""
    cp = make_carpool(default_pool_size=1, threads=4)
    clients = [cp.connect() for _ in range(4)]
    counts = [0] * 4
    stop = threading.Event()

    def work(n):
        while not stop.is_set():
            clients[n].query("SELECT pg_sleep(0.002)")
            counts[n] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    stop.wait(1)
    stop.set()
    for t in threads:
        t.join()
    assert max(counts) <= 1.3 * min(counts) + 3, counts


def test_no_waiter_while_a_place_is_free(make_carpool, pg):
    """After raising the pool size, RESUME, or a failed login nobody waits
    for a server that could be opened."""
    cp = make_carpool(default_pool_size=1)
    clients = [cp.connect() for _ in range(3)]
    clients[0].query("BEGIN")
    for c in clients[1:]:
        c.send(w.query("BEGIN"))
    cp.wait_pool(cl_waiting=2)
    cp.settings["default_pool_size"] = 3
    cp.reload()
    for c in clients[1:]:
        c.read_until("Z", timeout=3)
    for c in clients:
        c.query("COMMIT")


def test_query_wait_timeout(make_carpool):
    cp = make_carpool(default_pool_size=1, query_wait_timeout=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    start = time.monotonic()
    b.send(w.query("SELECT 1"))
    e = b.read_until("E", timeout=5).errors[0]
    assert 0.8 < time.monotonic() - start < 3
    assert e.sqlstate == "53300"
    assert "query_wait_timeout" in e.message
    a.query("COMMIT")
    assert cp.connect().value("SELECT 2") == "2"


def test_query_wait_notify(make_carpool):
    cp = make_carpool(default_pool_size=1, query_wait_notify=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.send(w.query("SELECT 1"))
    assert b.read(timeout=4).type == "N"
    a.query("COMMIT")
    assert b.expect("TDCZ").rows == [["1"]]


def test_login_waits_for_no_server_of_a_full_pool(make_carpool):
    """A client can log in while all servers are busy."""
    cp = make_carpool(default_pool_size=1)
    a = cp.connect()
    a.query("BEGIN")
    assert cp.connect().status == "I"
    a.query("COMMIT")


def test_listener_limit_pauses_accepting(make_carpool):
    """Out of descriptors: no spinning, and service for those who are in."""
    cp = make_carpool(under=["prlimit", "--nofile=64:64"],
                      max_client_conn=200)
    c = cp.connect()
    c.query("SELECT 1")
    extra = []
    for _ in range(100):
        s = RawClient(cp.host, cp.port, timeout=1)
        s.send(w.startup({"user": "app", "database": "test"}))
        extra.append(s)
    oracles.cpu_idle(cp.pid)
    assert c.value("SELECT 2") == "2"
    for s in extra:
        s.close()

    def connects():
        try:
            with RawClient.open(cp.host, cp.port, timeout=2) as x:
                return x.value("SELECT 3") == "3"
        except PgError:
            return False

    wait_until(connects, 10)


def test_servers_login_limit_of_the_server(make_pg, make_carpool):
    """max_connections of the server below the pool's size: everybody is
    served by the servers that there are."""
    pg = make_pg(max_connections=8, superuser_reserved_connections=3)
    cp = make_carpool({"test": pg}, default_pool_size=20,
                      server_login_retry=0.2)
    clients = [cp.connect() for _ in range(15)]
    for c in clients:
        c.send(w.query("SELECT pg_sleep(0.01), 'x'"))
    for c in clients:
        assert c.read_until("Z", timeout=15).rows[0][1] == "x"


def test_sigstop_of_nothing(make_carpool):
    """A stopped and continued daemon makes no mass timeout."""
    cp = make_carpool(client_idle_timeout=30, query_wait_timeout=30)
    c = cp.connect()
    c.query("SELECT 1")
    cp.signal(signal.SIGSTOP)
    time.sleep(0.3)  # stopped for so long
    cp.signal(signal.SIGCONT)
    assert c.value("SELECT 1") == "1"
