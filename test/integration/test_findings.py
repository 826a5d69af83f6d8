"""Regressions: what a review of the running program found.  Each test fails
on the program as it was before its repair, the first one only by luck."""

import random
import signal
import threading
import time

from tools import pgwire as w
from tools.raw import RawClient
from tools.wait import WaitError, holds_for, wait_until

T = 1  # seconds; timers may be up to a tenth late


def sleeping(pg):
    return pg.value("SELECT count(*) FROM pg_stat_activity"
                    " WHERE query LIKE '%%pg_sleep%%'"
                    " AND state = 'active' AND pid <> pg_backend_pid()")


def send_without_sync(c, seconds):
    """A sleep whose answer the client waits for by Flush alone."""
    c.send(w.parse("", f"SELECT pg_sleep({seconds})"), w.bind(), w.execute(),
           w.flush())


def ends_with(c, sqlstate, timeout=3):
    """The next message is a FATAL of this kind, and then the end."""
    e = c.expect_error(sqlstate, timeout=timeout)
    assert e.severity == "FATAL", e
    c.expect_closed()


def spin(seconds):
    """A pause finer than the scheduler's."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


# A cancel and carpool's own requests


def test_cancel_never_leaves_another_clients_settings(make_carpool, pg):
    """Two clients that differ in a setting share a server, so each round
    begins with a hidden SET; a cancel may not end that one.  A hit on the
    SET is rare here; the next test makes it certain."""
    cp = make_carpool(default_pool_size=1, threads=1)
    zones = ["Asia/Tokyo", "America/Lima"]
    clients = [cp.connect(TimeZone=z) for z in zones]
    rng = random.Random(11)
    answers = 0
    for n in range(150):
        c, zone = clients[n % 2], zones[n % 2]
        c.send(w.query("SELECT current_setting('TimeZone'),"
                       " pg_sleep(0.002)"))
        spin(rng.random() * 0.0006)
        c.cancel()
        r = c.read_until("Z", timeout=5)
        if r.errors:
            assert [e.sqlstate for e in r.errors] == ["57014"]
        else:
            assert r.rows[0][0] == zone, f"round {n}"
            answers += 1
    for c, zone in zip(clients, zones):
        assert c.value("SHOW TimeZone") == zone
    print(f"{answers} of 150 answered")


def test_cancel_waits_for_the_end_of_a_hidden_request(make_carpool,
                                                      make_fake):
    """The server is slow with a SET that it took before, so that the query
    follows at once: no cancel comes before the SET is over."""
    slow, in_set = threading.Event(), threading.Event()
    hit, zones = [], []

    def canceled(fake, seconds):
        try:
            return bool(wait_until(lambda: fake.cancels, seconds))
        except WaitError:
            return False

    def script(conn):
        conn.login()
        zone = None
        while True:
            sql = conn.expect_query()
            refuse = False
            if "TimeZone" in sql and slow.is_set():
                in_set.set()
                refuse = canceled(conn.fake, 0.3)
                hit.append(refuse)
            elif sql == "SELECT 'own'":
                zones.append(zone)
                refuse = canceled(conn.fake, 3)
            if refuse:
                conn.send(w.error("57014", "canceling statement due to user"
                                  " request"), w.ready())
                continue
            if "TimeZone" in sql:
                zone = sql
            conn.answer(sql)

    fake = make_fake(script)
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a = cp.connect(TimeZone="Asia/Tokyo")
    b = cp.connect(TimeZone="America/Lima")
    for c in (a, b, a):
        c.query("SELECT 1")
    slow.set()
    b.send(w.query("SELECT 'own'"))
    assert in_set.wait(5)
    b.cancel()
    r = b.read_until("Z", timeout=8)
    assert [e.sqlstate for e in r.errors] == ["57014"]
    assert hit == [False], "the hidden SET was canceled"
    assert len(zones) == 1 and "Lima" in zones[0]


# Ends


def test_sigterm_ends_a_session_after_its_transaction(make_carpool):
    cp = make_carpool(pool_mode="session", shutdown_timeout=20)
    c = cp.connect()
    idle = cp.connect()
    c.query("BEGIN")
    cp.ends_itself()
    cp.signal(signal.SIGTERM)
    ends_with(idle, "57P01")
    assert c.value("SELECT 'still'") == "still"
    c.send(w.query("COMMIT"))
    assert c.read_until("Z", timeout=3).tags == ["COMMIT"]
    ends_with(c, "57P01")
    assert cp.proc.wait(5) == 0


def test_fast_close_ends_idle_sessions(make_carpool, pg):
    """Who is in a transaction keeps its server to the end of it."""
    cp = make_carpool(pool_mode="session", server_fast_close=1)
    idle, busy = cp.connect(), cp.connect()
    idle.query("SELECT 1")
    busy.query("BEGIN")
    old = pg.pids("test")
    cp.console("RECONNECT")
    idle.drain(timeout=3)
    assert busy.value("SELECT 'still'") == "still"
    busy.send(w.query("COMMIT"))
    assert busy.read_until("Z", timeout=3).tags == ["COMMIT"]
    busy.drain(timeout=3)
    wait_until(lambda: not set(old) & set(pg.pids("test")), 3)
    assert cp.connect().value("SELECT 1") == "1"


# A query under Flush is a running query


def test_client_idle_timeout_spares_a_query_under_flush(make_carpool):
    cp = make_carpool(client_idle_timeout=T)
    c = cp.connect()
    send_without_sync(c, T * 1.7)
    assert c.read_until("C", timeout=T * 4).errors == []
    c.send(w.sync())
    assert c.read_until("Z").status == "I"


def test_idle_transaction_timeout_spares_a_query_under_flush(make_carpool):
    cp = make_carpool(idle_transaction_timeout=T)
    c = cp.connect()
    c.query("BEGIN")
    send_without_sync(c, T * 1.7)
    assert c.read_until("C", timeout=T * 4).errors == []
    c.send(w.sync())
    assert c.read_until("Z").status == "T"
    assert c.query("COMMIT").tags == ["COMMIT"]


def test_query_timeout_hits_a_query_under_flush(make_carpool, pg):
    cp = make_carpool(query_timeout=T)
    c = cp.connect()
    send_without_sync(c, 30)
    e = c.read_until("E", timeout=T * 3).errors[0]
    assert (e.severity, e.sqlstate) == ("FATAL", "57014")
    c.expect_closed()
    wait_until(lambda: not pg.busy(), 3)


def test_cancel_hits_a_query_under_flush(make_carpool, pg):
    cp = make_carpool()
    c = cp.connect()
    send_without_sync(c, 30)
    wait_until(lambda: sleeping(pg))
    c.cancel()
    assert c.read_until("E", timeout=3).errors[0].sqlstate == "57014"
    c.send(w.sync())
    assert c.read_until("Z").status == "I"
    assert c.value("SELECT 1") == "1"


# Servers


def test_server_whose_check_query_fails_is_not_used_again(make_carpool):
    """The error is an answer, yet not one that lets the server be used."""
    cp = make_carpool(server_check_query="SELECT 1/0", default_pool_size=1,
                      server_check_delay=T * 0.2, query_wait_timeout=5)
    c = cp.connect()
    pids = []
    for _ in range(3):
        pids.append(c.value("SELECT pg_backend_pid()"))
        time.sleep(T * 0.4)  # older than server_check_delay
    assert len(set(pids)) == len(pids), pids


def test_no_server_passes_a_check_query_that_always_fails(make_carpool):
    """With no delay each server is asked first, so nobody is served; that
    is said when query_wait_timeout is over."""
    cp = make_carpool(server_check_query="SELECT 1/0", default_pool_size=1,
                      server_check_delay=0, query_wait_timeout=T)
    c = cp.connect()
    c.send(w.query("SELECT pg_backend_pid()"))
    e = c.expect_error("53300", timeout=T * 4)
    assert "query_wait_timeout" in e.message
    c.expect_closed()


def test_reload_that_closes_sooner_closes_idle_servers(make_carpool, pg):
    cp = make_carpool(server_idle_timeout=600)
    c = cp.connect()
    c.query("SELECT 1")
    assert pg.connections("test") == 1
    cp.settings["server_idle_timeout"] = T
    cp.reload()
    wait_until(lambda: pg.connections("test") == 0, T + 2)
    assert c.value("SELECT 1") == "1"


def test_min_pool_size_of_a_forced_user_needs_no_client(make_carpool, pg):
    make_carpool({"test": {"pg": pg, "user": "app2", "min_pool_size": 3}})
    wait_until(lambda: pg.connections("test") == 3, 5)
    assert {r[1] for r in pg.activity("test")} == {"app2"}
    holds_for(lambda: pg.connections("test") == 3, 0.2)


def test_reload_that_takes_a_forced_user_away(make_carpool, pg):
    """Nobody goes on as a user that is no longer given: clients of before
    end at their boundary, new ones are themselves."""
    cp = make_carpool({"test": {"pg": pg, "user": "app2"}})
    idle, busy = cp.connect(), cp.connect()
    assert idle.value("SELECT current_user") == "app2"
    busy.query("BEGIN")
    cp.databases["test"] = pg
    cp.reload()
    assert cp.connect().value("SELECT current_user") == "app"
    assert busy.value("SELECT current_user") == "app2"
    busy.send(w.query("COMMIT"))
    assert busy.read_until("Z", timeout=3).tags == ["COMMIT"]
    for c in (idle, busy):
        ends_with(c, "57P01")
    wait_until(lambda: "app2" not in {r[1] for r in pg.activity("test")}, 3)


def test_lone_waiter_of_another_pool_is_served(make_carpool, pg):
    """One place for two pools, and one of them has waiters all the time."""
    cp = make_carpool(max_db_connections=1, query_wait_timeout=8)
    stop = threading.Event()
    errors, served = [], [0]

    def work():
        try:
            with RawClient.open(cp.host, cp.port, timeout=20) as c:
                while not stop.is_set():
                    c.query("SELECT pg_sleep(0.005)")
                    served[0] += 1
        except Exception as e:
            errors.append(e)

    lone = cp.connect("app2")
    threads = [threading.Thread(target=work, daemon=True) for _ in range(5)]
    for t in threads:
        t.start()
    try:
        wait_until(lambda: served[0] > 20 or errors)
        for _ in range(4):
            lone.send(w.query("SELECT current_user"))
            assert lone.read_until("Z", timeout=6).rows == [["app2"]]
        before = served[0]
        wait_until(lambda: served[0] > before + 10 or errors, 5)
    finally:
        stop.set()
        for t in threads:
            t.join(10)
    assert errors == []


# Workers and keys


def test_first_client_has_a_process_id(make_carpool):
    """Drivers take 0 for no key at all."""
    cp = make_carpool(start=False, threads=1)
    cp.write()
    cp.launch()
    first = wait_until(cp.connect, 10, "the first client")
    assert first.pid != 0
    assert all(cp.connect().pid != 0 for _ in range(5))
    for c in cp.clients:
        c.close()
    wait_until(cp._ready, 10)
    cp._take_base()


def test_unix_socket_clients_spread_over_the_workers(make_carpool):
    """The first byte of a key is the worker's number."""
    cp = make_carpool(threads=2)
    clients = [RawClient.open(cp.dir, cp.port) for _ in range(16)]
    cp.clients += clients
    workers = [c.pid >> 24 for c in clients]
    assert min(workers.count(n) for n in (0, 1)) >= 3, workers


def test_half_closed_clients_get_late_answers(make_carpool):
    """The end may come with the query, and the server may be another
    worker's or still to be opened."""
    cp = make_carpool(threads=2)
    for n in range(6):
        c = cp.connect()
        c.send(w.query(f"SELECT pg_sleep(0.2), '{n}'"))
        c.half_close()
        rows = c.drain(timeout=3).rows
        assert rows == [["", str(n)]], f"client {n}"


def test_failed_check_makes_no_login_storm(make_carpool):
    """Servers that fail their check are opened with a pause."""
    cp = make_carpool(server_check_query="SELECT 1/0", server_check_delay=0,
                      default_pool_size=1, query_wait_timeout=2,
                      server_login_retry=1)
    c = cp.connect()
    c.send(w.query("SELECT 1"))
    c.expect_error("53300", timeout=5)
    closed = [line for line in cp.log.splitlines() if "server_close" in line]
    assert 1 <= len(closed) <= 8, closed
