"""Cancel requests: they reach their own query and never another one's.

The server connection that a query ran on may be another client's a moment
later, so a late cancel is the danger; the fault proxy makes them late.
"""

import random
import signal
import struct
import threading
import time

import pytest

from tools import pgwire as w
from tools.raw import RawClient
from tools.soak import MINUTES as SOAK, scaled
from tools.wait import holds_for, wait_until

ROUNDS = scaled(2000, 6000, "CANCEL_ROUNDS")


def sleeping(pg):
    return pg.value("SELECT count(*) FROM pg_stat_activity"
                    " WHERE query LIKE '%%pg_sleep%%'"
                    " AND state = 'active' AND pid <> pg_backend_pid()")


def canceled(result):
    return [e.sqlstate for e in result.errors] == ["57014"]


@pytest.mark.parametrize("way", ["simple", "extended"])
def test_cancel_of_a_running_query(make_carpool, pg, way):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    if way == "simple":
        c.send(w.query("SELECT pg_sleep(30)"))
    else:
        c.send(w.parse("", "SELECT pg_sleep(30)"), w.bind(), w.execute(),
               w.sync())
    wait_until(lambda: sleeping(pg))
    assert c.cancel().messages == []
    got = c.read_until("Z", timeout=3)
    assert canceled(got) and got.status == "I"
    assert got.errors[0].message == \
        "canceling statement due to user request"
    assert c.value("SELECT 1") == "1"


def test_cancel_in_a_transaction(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.query("BEGIN")
    c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg))
    c.cancel()
    assert c.read_until("Z").status == "E"
    c.query("ROLLBACK")
    assert c.value("SELECT 1") == "1"


def test_cancel_in_session_mode(make_carpool, pg):
    cp = make_carpool(pool_mode="session")
    c = cp.connect()
    for _ in range(3):
        c.send(w.query("SELECT pg_sleep(30)"))
        wait_until(lambda: sleeping(pg))
        c.cancel()
        assert canceled(c.read_until("Z"))


@pytest.mark.parametrize("request_bytes", ["simple", "extended", "pipeline"])
def test_cancel_of_a_queued_client(make_carpool, pg, request_bytes):
    """Answered at once, without a server; the connection lives."""
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    group = (w.parse("", "SELECT 1"), w.bind(), w.execute(), w.sync())
    b.send(*{"simple": (w.query("SELECT 1"),), "extended": group,
             "pipeline": group + group}[request_bytes])
    cp.wait_pool(cl_waiting=1)
    b.cancel()
    got = b.read_until("Z", timeout=3)
    assert canceled(got) and got.status == "I"
    cp.wait_pool(cl_waiting=1 if request_bytes == "pipeline" else 0)
    a.query("COMMIT")
    if request_bytes == "pipeline":
        assert b.read_until("Z").rows == [["1"]]
    assert b.value("SELECT 2") == "2"


def test_queued_query_that_was_canceled_never_runs(make_carpool, pg):
    pg.query("CREATE TABLE IF NOT EXISTS canceled (a int);"
             "GRANT ALL ON canceled TO PUBLIC; TRUNCATE canceled", db="test")
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.send(w.query("INSERT INTO canceled VALUES (1)"))
    cp.wait_pool(cl_waiting=1)
    b.cancel()
    b.read_until("Z")
    a.query("COMMIT")
    a.query("SELECT 1")
    assert pg.value("SELECT count(*) FROM canceled", db="test") == 0


def test_cancel_of_an_idle_client_does_nothing(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("SELECT 1")
    for _ in range(20):
        assert a.cancel().messages == []
        assert b.value("SELECT 2") == "2"
    assert a.value("SELECT 3") == "3"


def test_cancel_of_an_idle_transaction_does_nothing(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a = cp.connect()
    a.query("BEGIN")
    a.cancel()
    cp.wait_pool(cl_active_cancel_req=0, cl_waiting_cancel_req=0,
                 sv_active_cancel=0, sv_being_canceled=0)
    assert a.query("SELECT 1").status == "T"
    a.query("COMMIT")


def test_wrong_keys_do_nothing(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.send(w.query("SELECT pg_sleep(0.7), 'survived'"))
    wait_until(lambda: sleeping(pg))
    (key,) = struct.unpack("!I", c.key)
    server = pg.pids("test")[0]
    rng = random.Random(1)
    tries = [(c.pid, key ^ (1 << bit)) for bit in range(0, 32, 3)]
    tries += [(c.pid ^ (1 << bit), key) for bit in range(0, 32, 3)]
    tries += [(server, key), (server, 0), (0, 0), (0xFFFFFFFF, 0xFFFFFFFF)]
    tries += [(rng.getrandbits(32), rng.getrandbits(32)) for _ in range(50)]
    for pid, k in tries:
        assert c.cancel(pid, k).messages == []
    assert c.read_until("Z").rows[0][1] == "survived"


@pytest.mark.parametrize("size", [0, 2, 3, 5, 8, 32, 255, 300])
def test_keys_of_another_length_do_nothing(make_carpool, pg, size):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    with RawClient(cp.host, cp.port) as k:
        k.send(w.cancel_request(c.pid, (c.key * 80)[:size]))
        k.half_close()
        k.drain()
    assert c.value("SELECT 1") == "1"


def test_cancel_request_in_pieces(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg))
    with RawClient(cp.host, cp.port) as k:
        k.send(w.ssl_request())
        assert k.read_bytes(1) == b"N"
        k.send_split(w.cancel_request(c.pid, c.key), [1])
        k.drain()
    assert canceled(c.read_until("Z"))


def test_cancel_over_the_unix_socket(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.dir, cp.port) as c:
        c.send(w.query("SELECT pg_sleep(30)"))
        wait_until(lambda: sleeping(pg))
        c.cancel()
        assert canceled(c.read_until("Z"))


def test_cancel_while_the_pool_is_full(make_carpool, pg):
    """A cancel needs no free server place."""
    cp = make_carpool(default_pool_size=3, max_db_connections=3)
    running = [cp.connect() for _ in range(3)]
    queued = [cp.connect() for _ in range(3)]
    for c in running:
        c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg) == 3)
    for c in queued:
        c.send(w.query("SELECT pg_sleep(30)"))
    cp.wait_pool(cl_waiting=3)
    for c in queued + running:
        c.cancel()
        assert canceled(c.read_until("Z", timeout=5))


def test_cancel_by_a_client_that_does_not_read(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg))
    with RawClient(cp.host, cp.port) as k:
        k.send(w.cancel_request(c.pid, c.key))
        k.reset()
    assert canceled(c.read_until("Z", timeout=3))


def test_client_vanishes_while_its_cancel_is_on_the_way(
        make_carpool, pg, fault):
    link = fault.listen(pg.port)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=1)
    c = cp.connect()
    c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg))
    link.delay(50, "up")
    threading.Thread(target=c.cancel, daemon=True).start()
    wait_until(lambda: link.counts()["open"] == 2)
    c.reset()
    assert cp.connect().value("SELECT 1") == "1"
    wait_until(lambda: not pg.busy())


@pytest.mark.soak
@pytest.mark.seconds(60 + ROUNDS // 20)
def test_cancels_never_hit_another_client(make_carpool, pg):
    """A runs short queries and cancels each of them at a random moment; B
    and C use the same servers and must never see a cancel.  A good share of
    the cancels must hit, else nothing is shown."""
    cp = make_carpool(default_pool_size=2)
    stop = threading.Event()
    foreign, served = [], [0]

    def bystander(n):
        with RawClient.open(cp.host, cp.port) as c:
            i = 0
            while not stop.is_set():
                i += 1
                if i % 3:
                    r = c.query(f"SELECT '{n}.{i}'", check=False)
                else:
                    r = c.extended("SELECT $1::text", [f"{n}.{i}"],
                                   check=False)
                served[0] += 1
                if r.errors or r.rows != [[f"{n}.{i}"]]:
                    foreign.append(repr(r))
                    return

    threads = [threading.Thread(target=bystander, args=(n,), daemon=True)
               for n in range(2)]
    for t in threads:
        t.start()
    hits = own_errors = 0
    rng = random.Random(56)
    try:
        with RawClient.open(cp.host, cp.port, timeout=20) as a:
            for i in range(ROUNDS):
                a.send(w.query(f"SELECT pg_sleep(0.002), {i}"))
                pause = rng.choice([0, 0, 0.0005, 0.001, 0.002])
                if pause:
                    time.sleep(pause)
                a.cancel()
                r = a.read_until("Z")
                if canceled(r):
                    hits += 1
                elif r.errors or r.rows[0][1] != str(i):
                    own_errors += 1
                if foreign:
                    break
    finally:
        stop.set()
        for t in threads:
            t.join()
    print(f"{ROUNDS} rounds: {hits} hits, {served[0]} foreign queries")
    assert foreign == []
    assert own_errors == 0
    assert hits > ROUNDS // 10
    assert served[0] > ROUNDS // 4


def test_cancels_in_flight_never_hit_the_next_query(make_carpool, pg):
    """The same client's next query may be hit only as directly; here each
    cancel is awaited, so the next one is safe."""
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    for i in range(100):
        c.send(w.query(f"SELECT {i}"))
        c.cancel()
        r = c.read_until("Z")
        assert canceled(r) or r.rows == [[str(i)]]


@pytest.mark.seconds(120)
def test_late_cancels_are_forced(make_carpool, pg, fault):
    """Servers go direct, cancel connections through a slow link: when the
    cancel arrives, the query is over and others wait for the server."""
    link = fault.listen(pg.port)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=1)
    a, b = cp.connect(timeout=20), cp.connect(timeout=20)
    b.query("SELECT 1")
    for i in range(25):
        a.send(w.query("SELECT pg_sleep(0.02)"))
        wait_until(lambda: sleeping(pg) or cp.pool()["sv_active"] == 0,
                   every=0.001)
        before = link.counts()["total"]
        link.delay(40, "up")
        t = threading.Thread(target=a.cancel)
        t.start()
        wait_until(lambda: link.counts()["total"] > before or
                   not t.is_alive(), every=0.001)
        b.send(w.query(f"SELECT pg_sleep(0.01), {i}"))
        assert canceled(ra := a.read_until("Z")) or ra.rows
        link.delay(0, "up")
        r = b.read_until("Z")
        assert not r.errors and r.rows[0][1] == str(i)
        t.join()


def test_late_cancel_against_a_fake_server(make_carpool, make_fake):
    """The server answers the query, then takes its time with the cancel
    connection: no other client gets the server before that is closed."""
    held = threading.Event()
    served_during_cancel = []

    def script(conn):
        conn.login()
        conn.expect_query("SELECT 'slow'")
        wait_until(lambda: conn.fake.cancels)
        conn.send(w.row_description("?column?"), w.data_row("slow"),
                  w.complete("SELECT 1"), w.ready())
        while True:
            m = conn.read()
            if m.type == "Q" and b"other" in m.body and not held.is_set():
                served_during_cancel.append(m)
            conn.answer(m.body[:-1].decode())

    def slow_cancel(conn, pid, key):
        time.sleep(0.3)  # time in which the server could be lent
        held.set()

    fake = make_fake(script)
    fake.cancel_script = slow_cancel
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1, max_db_connections=1)
    a, b = cp.connect(), cp.connect()
    a.send(w.query("SELECT 'slow'"))
    cp.wait_pool(sv_active=1)
    t = threading.Thread(target=a.cancel)
    t.start()
    wait_until(lambda: fake.cancels)
    b.send(w.query("SELECT 'other'"))
    assert a.read_until("Z").rows == [["slow"]]
    assert b.read_until("Z").rows == [["other"]]
    t.join()
    assert served_during_cancel == []
    pid, key, _ = fake.cancels[0]
    conn = fake.connections[0]
    assert (pid, key) == (conn.pid, conn.key)
    assert len(fake.cancels) == 1


def test_cancel_that_the_server_never_closes(make_carpool, make_fake):
    """The held server is given up after cancel_wait_timeout; others are
    served and nothing leaks."""
    def script(conn):
        conn.login()
        conn.expect_query("SELECT 'slow'")
        wait_until(lambda: conn.fake.cancels)
        conn.send(w.row_description("?column?"), w.data_row("slow"),
                  w.complete("SELECT 1"), w.ready())
        conn.serve()

    fake = make_fake([script, None])
    fake.cancel_script = lambda conn, pid, key: conn.stall()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1, cancel_wait_timeout=1)
    a, b = cp.connect(), cp.connect()
    a.send(w.query("SELECT 'slow'"))
    cp.wait_pool(sv_active=1)
    t = threading.Thread(target=a.cancel, daemon=True)
    t.start()
    assert a.read_until("Z").rows == [["slow"]]
    b.send(w.query("SELECT 'other'"))
    assert b.read_until("Z", timeout=5).rows == [["other"]]
    t.join()
    cp.wait_pool(cl_active_cancel_req=0, cl_waiting_cancel_req=0,
                 sv_being_canceled=0, sv_active_cancel=0)


def test_duplicate_cancels_make_one_request(make_carpool, make_fake):
    def script(conn):
        conn.login()
        conn.expect_query("SELECT 'slow'")
        conn.stall()
        conn.send(w.error("57014", "canceling statement"), w.ready())
        conn.serve()

    fake = make_fake(script)
    fake.cancel_script = lambda conn, pid, key: conn.stall()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a = cp.connect()
    a.send(w.query("SELECT 'slow'"))
    cp.wait_pool(sv_active=1)
    threads = [threading.Thread(target=a.cancel) for _ in range(20)]
    for t in threads:
        t.start()
    wait_until(lambda: fake.cancels)
    cp.admin("SHOW POOLS")
    fake.release()
    for t in threads:
        t.join()
    assert a.read_until("Z").errors[0].sqlstate == "57014"
    assert len(fake.cancels) == 1


def test_storm_of_cancels_is_bounded_at_the_server(make_carpool, pg, fault):
    """Connections for cancels stay below the pool's own number."""
    link = fault.listen(pg.port)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=5, max_client_conn=200)
    clients = [cp.connect() for _ in range(5)]
    for c in clients:
        c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg) == 5)
    # All that go out are there at once.
    link.stall("up")
    threads = [threading.Thread(target=c.cancel)
               for c in clients for _ in range(20)]
    for t in threads:
        t.start()
    wait_until(lambda: link.counts()["open"] > 5)
    holds_for(lambda: link.counts()["open"] <= 10, 0.5)
    link.resume()
    for t in threads:
        t.join()
    for c in clients:
        assert canceled(c.read_until("Z", timeout=5))


def test_cancel_over_the_servers_unix_socket(make_carpool, pg):
    cp = make_carpool({"test": {"host": pg.dir, "port": pg.port}},
                      default_pool_size=1)
    c = cp.connect()
    c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg))
    c.cancel()
    assert canceled(c.read_until("Z", timeout=5))
    assert c.value("SELECT 1") == "1"


@pytest.mark.soak
@pytest.mark.seconds(120 + int(SOAK * 60))
def test_random_keys_hit_nobody(make_carpool, pg):
    """Neither keys out of the blue nor those next to one that is good; and
    the log is not filled with them."""
    tries = int(SOAK * 20_000) or 1500
    cp = make_carpool(default_pool_size=2, log_connections=0,
                      log_disconnections=0)
    clients = [cp.connect() for _ in range(2)]
    for c in clients:
        c.send(w.query("SELECT 'alive' FROM pg_sleep(1.5)"))
    wait_until(lambda: sleeping(pg) == 2)
    before = len(cp.log.splitlines())
    rng = random.Random(3)
    for i in range(tries):
        pid, key = rng.choice(clients).pid, rng.getrandbits(32)
        if i % 3 == 0:
            pid = rng.getrandbits(31)
        elif i % 3 == 1:
            pid += rng.choice([-1, 1, 1 << 24])
        with RawClient(cp.host, cp.port) as k:
            k.send(w.cancel_request(pid, key))
            if i % 10 == 0:
                assert k.drain().messages == []
    for c in clients:
        assert c.read_until("Z", timeout=10).rows == [["alive"]]
    assert len(cp.log.splitlines()) - before < 100


def test_secret_part_of_keys_is_random(make_carpool):
    """Each of the 32 bits is set in about half of the keys."""
    cp = make_carpool(max_client_conn=1000)
    keys = []
    for _ in range(400):
        with RawClient.open(cp.host, cp.port) as c:
            keys.append(struct.unpack("!I", c.key)[0])
    assert len(set(keys)) == len(keys)
    for bit in range(32):
        ones = sum(k >> bit & 1 for k in keys)
        assert 130 < ones < 270, f"bit {bit}: {ones} of {len(keys)}"
    steps = {b - a for a, b in zip(keys, keys[1:])}
    assert len(steps) > len(keys) - 5


@pytest.mark.parametrize("ask", ["3.0", "3.2"])
def test_key_has_four_bytes_whatever_was_asked_for(make_carpool, pg, ask):
    """3.2 is answered by 3.0, whose keys have four bytes; and they work."""
    cp = make_carpool(default_pool_size=1)
    protocol = {"3.0": 196608, "3.2": 196610}[ask]
    c = cp.connect(protocol=protocol)
    assert len(c.key) == 4
    c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg))
    c.cancel()
    assert canceled(c.read_until("Z", timeout=5))


@pytest.mark.soak
@pytest.mark.seconds(120 + int(SOAK * 60))
def test_many_cancels_that_the_server_never_closes(make_carpool, make_fake):
    """Each holds its server until cancel_wait_timeout, then both are given
    up: whenever the signal comes, it hits nobody.  Descriptors and counters
    come back, the console answers."""
    rounds, size = (10 if SOAK else 2), 20
    used_again = []

    def script(conn):
        conn.login()
        conn.expect_query("SELECT 'slow'")
        wait_until(lambda: conn.pid in [c[0] for c in conn.fake.cancels])
        conn.answer("SELECT 'slow'")
        used_again.extend(conn.wait_closed(30))

    fake = make_fake(script)
    fake.cancel_script = lambda conn, pid, key: conn.stall()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=size, cancel_wait_timeout=1)
    clients = [cp.connect(timeout=30) for _ in range(size)]
    for _ in range(rounds):
        asked = len(fake.cancels)
        for c in clients:
            c.send(w.query("SELECT 'slow'"))
        threads = []
        for c in clients:
            wait_until(lambda: cp.pool()["sv_active"] > 0)
            threads.append(threading.Thread(target=c.cancel, daemon=True))
            threads[-1].start()
        for c in clients:
            r = c.read_until("Z")
            assert r.rows == [["slow"]] or canceled(r)
        assert cp.admin("SHOW POOLS")
        for t in threads:
            t.join(20)
            assert not t.is_alive()
        cp.wait_pool(cl_active_cancel_req=0, cl_waiting_cancel_req=0,
                     sv_being_canceled=0, sv_active_cancel=0)
        assert asked <= len(fake.cancels) <= asked + size
    assert len(fake.cancels) > 0
    assert used_again == []


@pytest.mark.soak
@pytest.mark.seconds(120 + int(SOAK * 60))
def test_flood_of_cancels_harms_nobody(make_carpool, pg, fault):
    """As many as two threads can send, with good keys: at most one
    connection a server more, and the queries of others are fine."""
    seconds = 10 if SOAK else 1.5
    link = fault.listen(pg.port)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=3)
    keys, ended, sent, wrong = [], threading.Event(), [0], []

    def flood():
        while not ended.is_set():
            with RawClient(cp.host, cp.port) as k:
                k.send(w.cancel_request(*random.choice(keys)))
            sent[0] += 1

    def run_queries():
        with RawClient.open(cp.host, cp.port) as c:
            keys.append((c.pid, c.key))
            while not ended.is_set():
                r = c.query("SELECT 'hit' FROM pg_sleep(0.01)", check=False)
                if not canceled(r) and r.rows != [["hit"]]:
                    wrong.append(repr(r))

    def quietly(work):
        try:
            work()
        except Exception as e:
            wrong.append(repr(e))

    threads = [threading.Thread(target=quietly, args=(t,))
               for t in (run_queries, run_queries)]
    for t in threads:
        t.start()
    bystander = cp.connect()
    wait_until(lambda: len(keys) == 2)
    threads += [threading.Thread(target=quietly, args=(flood,))
                for _ in range(2)]
    for t in threads[2:]:
        t.start()
    most, n, end = 0, 0, time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            n += 1
            assert bystander.value(f"SELECT {n}") == str(n)
            if n % 10 == 0:
                most = max(most, link.counts()["open"])
    finally:
        ended.set()
        for t in threads:
            t.join()
    print(f"{sent[0]} cancels, {n} queries of a bystander, {most} open")
    assert wrong == []
    assert sent[0] > 100 and most <= 6


# while something else goes on

def test_cancel_while_paused(make_carpool, pg):
    """The client is told at once, no server is used, and it lives on."""
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.query("SELECT 1")
    cp.console("PAUSE test")
    c.send(w.query("SELECT 'never'"))
    cp.wait_pool(cl_waiting=1)
    c.cancel()
    assert canceled(c.read_until("Z", timeout=5))
    assert pg.connections("test") == 0
    cp.console("RESUME test")
    assert c.value("SELECT 2") == "2"


def test_cancel_during_login(make_carpool, pg):
    """A key that was not given yet, or whose client has gone, is nobody's."""
    cp = make_carpool(auth_type="scram-sha-256", default_pool_size=1)
    good = cp.connect()
    gone = cp.connect()
    pid, key = gone.pid, gone.key
    gone.quit()
    half = cp.raw()
    half.send(w.startup({"user": "app", "database": "test"}))
    half.expect("R")
    good.send(w.query("SELECT 'alive' FROM pg_sleep(0.3)"))
    wait_until(lambda: sleeping(pg))
    for n in range(1, 5):
        good.cancel(n, 0)
        good.cancel(good.pid + n, 0)
    good.cancel(pid, key)
    assert good.read_until("Z").rows == [["alive"]]


def test_late_cancel_never_hits_a_reset(make_carpool, pg, fault):
    """The query is over and its server about to be cleaned when its cancel
    arrives; the next client has the same server, clean."""
    link = fault.listen(pg.port)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=1, server_reset_query_always=1,
                      server_reset_query="SELECT pg_sleep(0.05)")
    a, b = cp.connect(timeout=20), cp.connect(timeout=20)
    first = a.value("SELECT pg_backend_pid()")
    for n in range(12):
        if n % 3 == 0:
            a.query("SET work_mem = '77MB'")
        a.send(w.query("SELECT pg_sleep(0.02)"))
        wait_until(lambda: pg.busy(), every=0.001)
        link.delay(30, "up")
        t = threading.Thread(target=a.cancel)
        t.start()
        assert canceled(r := a.read_until("Z")) or r.rows
        b.send(w.query("SELECT pg_backend_pid(),"
                       " current_setting('work_mem')"))
        t.join()
        link.delay(0, "up")
        assert b.read_until("Z").rows == [[first, "4MB"]], f"round {n}"


def test_cancel_while_shutting_down(make_carpool, pg):
    cp = make_carpool(default_pool_size=1, shutdown_timeout=2)
    c, waiting = cp.connect(), cp.connect()
    c.send(w.query("SELECT pg_sleep(30)"))
    wait_until(lambda: sleeping(pg))
    waiting.send(w.query("SELECT pg_sleep(30)"))
    cp.wait_pool(cl_waiting=1)
    keys = [(x.pid, x.key) for x in (c, waiting)]
    cp.ends_itself()
    cp.signal(signal.SIGTERM)
    wait_until(lambda: "drain" in cp.log or "shutdown" in cp.log)
    for pid, key in keys:
        # new connections may be refused by now
        try:
            with RawClient(cp.host, cp.port) as k:
                k.send(w.cancel_request(pid, key))
                k.drain()
        except OSError:
            pass
    for x in (c, waiting):
        # whichever way it ends: never with an answer, and never by a crash
        got = x.drain(timeout=30)
        assert not got.rows
        assert {e.sqlstate for e in got.errors} <= {"57014", "57P01"}
    assert cp.proc.wait(25) == 0
