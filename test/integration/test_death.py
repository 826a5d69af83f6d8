"""Clients and servers that die: a client costs at most its own work, a
server at most the client that used it."""

import os
import signal
import threading
import time

import pytest

from tools import pgwire as w
from tools.raw import Closed, PgError, RawClient
from tools.wait import WaitError, wait_until

VANISH = ["close", "reset", "quit"]


@pytest.fixture
def table(pg):
    pg.query("DROP TABLE IF EXISTS dies; CREATE TABLE dies (a int primary"
             " key, n int); INSERT INTO dies VALUES (1, 0);"
             " GRANT ALL ON dies TO PUBLIC", db="test")


def one_server(make_carpool, **kw):
    return make_carpool(default_pool_size=1, **kw)


@pytest.mark.parametrize("vanish", VANISH)
def test_client_vanishes_in_a_transaction(make_carpool, pg, table, vanish):
    """Rolled back, its lock free, the server used again."""
    cp = one_server(make_carpool)
    a = cp.connect()
    pid = a.value("SELECT pg_backend_pid()")
    a.query("BEGIN")
    a.query("UPDATE dies SET n = 99")
    getattr(a, vanish)()
    b = cp.connect()
    start = time.monotonic()
    assert b.query("UPDATE dies SET n = n + 1 RETURNING n").rows == [["1"]]
    assert time.monotonic() - start < 1
    assert b.value("SELECT pg_backend_pid()") == pid


@pytest.mark.parametrize("vanish", VANISH)
def test_client_vanishes_in_a_failed_transaction(make_carpool, pg, vanish):
    cp = one_server(make_carpool)
    a = cp.connect()
    pid = a.value("SELECT pg_backend_pid()")
    a.query("BEGIN")
    a.query("SELECT 1/0", check=False)
    getattr(a, vanish)()
    assert cp.connect().value("SELECT pg_backend_pid()") == pid


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_client_vanishes_while_its_query_runs(make_carpool, pg, vanish):
    """The query is cancelled, not left to burn."""
    cp = one_server(make_carpool)
    a = cp.connect()
    a.send(w.query("SELECT pg_sleep(600)"))
    wait_until(lambda: pg.busy())
    getattr(a, vanish)()
    wait_until(lambda: not pg.busy(), 3, "the query to be cancelled")
    assert cp.connect().value("SELECT 1") == "1"


def cancel_comes(fake, seconds):
    try:
        return bool(wait_until(lambda: fake.cancels, seconds))
    except WaitError:
        return False


CANCELED = w.error("57014", "canceling statement due to user request") \
    + w.ready()


def test_only_the_last_request_of_a_vanished_client_is_cancelled(
        make_carpool, make_fake):
    """Requests sent together run one after the other or not at all: without
    the first, say a BEGIN, the second would do something else."""
    both, gone, seen = threading.Event(), threading.Event(), []

    def script(conn):
        conn.login()
        conn.expect_query("SELECT 'first'")
        conn.expect_query("SELECT 'second'")
        both.set()
        assert gone.wait(10)
        seen.append(cancel_comes(conn.fake, 0.3))
        conn.send(w.row_description("a"), w.data_row("first"),
                  w.complete("SELECT 1"), w.ready())
        seen.append(cancel_comes(conn.fake, 5))
        conn.send(CANCELED)
        conn.serve()

    fake = make_fake(script)
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a = cp.connect()
    a.send(w.query("SELECT 'first'"), w.query("SELECT 'second'"))
    assert both.wait(10)
    a.reset()
    cp.wait_pool(cl_active=0)
    gone.set()
    assert cp.connect().value("SELECT 'next'") == "next"
    assert seen == [False, True]
    assert len(fake.connections) == 1


def test_hidden_request_of_a_vanished_client_is_not_cancelled(
        make_carpool, make_fake):
    """Its query is on the way already and would run with the settings of
    another client."""
    slow, in_set, gone = (threading.Event() for _ in range(3))
    seen = []

    def script(conn):
        conn.login()
        while True:
            sql = conn.expect_query()
            if "TimeZone" in sql and slow.is_set():
                slow.clear()
                in_set.set()
                assert gone.wait(10)
                seen.append(cancel_comes(conn.fake, 0.3))
            elif sql == "SELECT 'own'":
                seen.append(cancel_comes(conn.fake, 5))
                conn.send(CANCELED)
                continue
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
    assert in_set.wait(10)
    b.reset()
    cp.wait_pool(cl_active=1)
    gone.set()
    assert a.value("SELECT 'next'") == "next"
    assert seen == [False, True]


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_pipeline_of_a_vanished_client_is_done_in_order(
        make_carpool, pg, table, vanish):
    """Whatever of it is done, all before it was done too: the first one
    waits for a lock when its client goes, and is not taken out of it."""
    cp = one_server(make_carpool)
    b = cp.connect()
    with RawClient.open(pg.host, pg.port) as holder:
        for n in range(5):
            pg.query("TRUNCATE dies", db="test")
            holder.query("BEGIN; LOCK TABLE dies")
            a = cp.connect()
            a.send(*[w.query(f"INSERT INTO dies VALUES ({i})")
                     for i in range(1, 8)])
            wait_until(lambda: pg.value(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock'") == 1)
            getattr(a, vanish)()
            cp.wait_pool(cl_active=1)
            holder.query("COMMIT")
            assert b.value("SELECT 1") == "1"
            rows = [r[0] for r in pg.query("SELECT a FROM dies ORDER BY a",
                                           db="test")]
            assert rows == list(range(1, len(rows) + 1)), f"round {n}"
            assert len(rows) >= 6


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_client_vanishes_with_an_unread_result(make_carpool, pg, vanish):
    cp = one_server(make_carpool)
    for _ in range(3):
        a = cp.connect()
        a.send(w.query("SELECT repeat('x', 1000) FROM"
                       " generate_series(1, 500000)"))
        a.expect("TDDD")
        getattr(a, vanish)()
        assert cp.connect().value("SELECT 'clean'") == "clean"
    wait_until(lambda: not pg.busy())


def test_client_vanishes_after_each_byte_of_a_result(make_carpool, pg):
    """The next client never reads a rest of it."""
    cp = one_server(make_carpool)
    other = cp.connect()
    for at in range(1, 60, 3):
        a = cp.connect()
        a.send(w.query("SELECT 'secret of a' FROM generate_series(1, 50)"))
        a.read_bytes(at)
        a.reset()
        r = other.query("SELECT 'other'")
        assert r.types == "TDCZ" and r.rows == [["other"]]


@pytest.mark.parametrize("at", ["parse", "bind", "execute", "error"])
def test_client_vanishes_in_an_open_group(make_carpool, pg, table, at):
    """No Sync is sent for it: what the group did is not committed."""
    cp = one_server(make_carpool)
    a = cp.connect()
    parts = [w.parse("", "UPDATE dies SET n = 5 RETURNING n")]
    if at != "parse":
        parts.append(w.bind())
    if at == "execute":
        parts.append(w.execute())
    if at == "error":
        parts.append(w.execute("nope"))
    a.send(*parts, w.flush())
    a.expect({"parse": "1", "bind": "12", "execute": "12DC",
              "error": "12E"}[at])
    a.reset()
    assert cp.connect().value("SELECT n FROM dies") == "0"
    wait_until(lambda: not pg.busy())


def test_client_vanishes_behind_a_committed_pipeline(
        make_carpool, pg, table):
    cp = one_server(make_carpool)
    a = cp.connect()
    a.send(*[w.query("UPDATE dies SET n = n + 1")] * 10)
    a.read_until("Z", 10)
    a.reset()
    assert cp.connect().value("SELECT n FROM dies") == "10"


def test_many_clients_vanish_and_servers_stay(make_carpool, pg):
    """Server connections survive clients that die in transactions."""
    cp = make_carpool(default_pool_size=3, max_client_conn=200)
    warm = [cp.connect() for _ in range(3)]
    for c in warm:
        c.query("BEGIN")
    for c in warm:
        c.query("COMMIT")
    pids = set(pg.pids("test"))
    assert len(pids) == 3
    for n in range(120):
        c = cp.connect()
        c.query("BEGIN")
        c.query("SELECT 1")
        c.reset() if n % 2 else c.close()
    assert cp.connect().value("SELECT 1") == "1"
    assert set(pg.pids("test")) == pids


def test_client_vanishes_in_the_queue(make_carpool, pg):
    cp = one_server(make_carpool)
    a = cp.connect()
    a.query("BEGIN")
    queued = [cp.connect() for _ in range(5)]
    for c in queued:
        c.send(w.query("SELECT 1"))
    cp.wait_pool(cl_waiting=5)
    for c in queued[::2]:
        c.reset()
    cp.wait_pool(cl_waiting=2)
    a.query("COMMIT")
    for c in queued[1::2]:
        assert c.read_until("Z").rows == [["1"]]


def test_client_vanishes_in_login(make_carpool):
    cp = make_carpool(auth_type="scram-sha-256", client_login_timeout=30)
    for n in range(30):
        c = cp.raw()
        if n % 3:
            c.send(w.startup({"user": "app", "database": "test"}))
        if n % 3 == 2:
            c.expect("R")
        c.reset() if n % 2 else c.close()
    assert cp.connect().value("SELECT 1") == "1"


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_server_dies_while_its_query_runs(make_carpool, pg, mode):
    """Its client reads the server's own words; others go on."""
    cp = make_carpool(pool_mode=mode, default_pool_size=2)
    a, b = cp.connect(), cp.connect()
    a.send(w.query("SELECT pg_sleep(600)"))
    wait_until(lambda: pg.busy())
    pg.terminate(pg.busy()[0][0])
    e = a.read_until("E", timeout=3).errors[0]
    assert (e.severity, e.sqlstate) == ("FATAL", "57P01")
    assert e.message == \
        "terminating connection due to administrator command"
    a.expect_closed()
    assert b.value("SELECT 1") == "1"
    assert cp.connect().value("SELECT 1") == "1"


def test_server_dies_between_statements_of_a_transaction(
        make_carpool, pg):
    cp = one_server(make_carpool)
    a = cp.connect()
    a.query("BEGIN")
    pg.terminate(pg.pids("test")[0])
    assert a.expect_error("57P01", timeout=3)
    a.expect_closed()
    assert cp.connect().value("SELECT 1") == "1"


def test_server_is_killed_hard(make_pg, make_carpool):
    """kill -9 of a backend takes all of them down; afterwards all is well."""
    pg = make_pg()
    cp = make_carpool({"test": pg}, default_pool_size=2)
    a = cp.connect()
    a.send(w.query("SELECT pg_sleep(600)"))
    wait_until(lambda: pg.busy())
    os.kill(pg.busy()[0][0], signal.SIGKILL)
    with pytest.raises(Closed):
        while True:
            assert a.read(3).type in "EN"

    def works():
        with RawClient.open(cp.host, cp.port) as c:
            return c.value("SELECT 1") == "1"

    def works_again():
        try:
            return works()
        except PgError:
            return False

    wait_until(works_again, 15)


def test_idle_server_that_was_closed_is_never_handed_out(make_carpool, pg):
    """pg_terminate_backend of idle servers: no client sees it."""
    cp = make_carpool(default_pool_size=3)
    clients = [cp.connect() for _ in range(3)]
    for _ in range(20):
        for c in clients:
            c.query("BEGIN")
        for c in clients:
            c.query("COMMIT")
        for pid in pg.pids("test"):
            pg.terminate(pid)
        wait_until(lambda: not pg.pids("test"))
        for c in clients:
            assert c.value("SELECT 1") == "1"


def test_message_on_an_idle_server_reaches_nobody(make_carpool, make_fake):
    """A FATAL closes the idle server, a NOTICE does not."""
    said = threading.Event()

    def script(conn):
        conn.login()
        conn.expect_query()
        conn.send(w.row_description("a"), w.data_row("1"),
                  w.complete("SELECT 1"), w.ready())
        conn.send(w.notice("hello, is anybody there"))
        said.set()
        conn.expect_query()
        conn.send(w.row_description("a"), w.data_row("2"),
                  w.complete("SELECT 1"), w.ready())
        conn.send(w.error("57P01", "terminating connection", "FATAL"))
        conn.close()

    fake = make_fake([script, None])
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    assert a.query("SELECT 1").types == "TDCZ"
    cp.wait_pool(sv_idle=1)
    assert said.wait(5)
    time.sleep(0.02)  # idle for long enough to be looked at first
    assert b.query("SELECT 2").types == "TDCZ"
    cp.wait_pool(sv_idle=0, sv_active=0)
    assert a.query("SELECT '3'").rows == [["3"]]
    b.expect_silence(0.02)


@pytest.mark.parametrize("when", ["whole", "first byte", "in the middle"])
def test_server_closes_in_its_answer(make_carpool, make_fake, when):
    answer = (w.row_description("a") + w.data_row("x" * 50)
              + w.complete("SELECT 1"))
    cut = {"whole": len(answer), "first byte": 1,
           "in the middle": len(answer) // 2}[when]

    def script(conn):
        conn.login()
        conn.expect_query()
        conn.send(answer[:cut])
        conn.close()

    fake = make_fake([script, None])
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.send(w.query("SELECT 1"))
    assert "Z" not in a.drain(3).types
    assert b.value("SELECT 2") == "2"


BROKEN = {
    "unknown type": w.frame("?", b"abc"),
    "length 0": b"T\0\0\0\0",
    "negative length": b"D\xff\xff\xff\xff",
    "error without fields": w.frame("E", b"\0"),
    "error without sqlstate": w.fields("E", S="ERROR", M="no code"),
    "error without end": w.frame("E", b"SERROR"),
    "unasked ready": w.ready() + w.ready(),
    "unknown status": w.ready("X"),
    "empty ready": w.frame("Z"),
    "parameter without value": w.frame("S", b"name"),
    "authentication again": w.auth(0),
    "copy out of nowhere": w.frame("W", b"\0\0\0"),
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_server_that_breaks_the_protocol_harms_only_its_client(
        make_carpool, make_fake, name):
    def script(conn):
        conn.login()
        conn.expect_query()
        conn.send(BROKEN[name])
        conn.wait_closed(3)

    def tolerant(conn):
        try:
            script(conn)
        except AssertionError:
            pass

    fake = make_fake([tolerant, None])
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1, query_timeout=1)
    a, b = cp.connect(), cp.connect()
    a.send(w.query("SELECT 1"))
    wait_until(lambda: fake.received("Q"))
    b.send(w.query("SELECT 'b'"))
    assert b.read_until("Z", timeout=8).rows == [["b"]]


def test_answers_cut_at_every_byte(make_carpool, make_fake):
    def script(conn):
        send = conn.send
        conn.send = lambda *parts: [
            send(b"".join(parts)[i:i + 1])
            for i in range(len(b"".join(parts)))]
        conn.login()
        conn.serve()

    fake = make_fake(script, auth="scram", passwords={
        "app": "sEnTiNeL-app"})
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    c = cp.connect()
    assert c.query("SELECT 'pieces'").rows == [["pieces"]]
    assert c.extended("SELECT 'more'").rows == [["more"]]
    assert c.query("SET application_name TO 'x'").tags == ["SET"]


def test_traffic_in_single_bytes_both_ways(make_carpool, pg, fault):
    link = fault.listen(pg.port)
    link.split(1)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    for n in range(5):
        assert a.value(f"SELECT 'a{n}'") == f"a{n}"
        assert b.extended("SELECT $1::text", [f"b{n}"]).rows == [[f"b{n}"]]
    assert len(a.query("SELECT generate_series(1, 300)").rows) == 300


def test_link_resets_after_random_bytes(make_carpool, pg, fault):
    """Wherever the server's link breaks, nobody reads a wrong answer."""
    link = fault.listen(pg.port)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=2, server_login_retry=0)
    wrong, good = [], [0]

    def work(n):
        for i in range(40):
            tag = f"{n}.{i}"
            try:
                with RawClient.open(cp.host, cp.port, timeout=15) as c:
                    for _ in range(3):
                        r = c.query(f"SELECT '{tag}'", check=False)
                        if r.rows and r.rows != [[tag]]:
                            wrong.append((tag, r.rows))
                        good[0] += not r.errors
            except (OSError, PgError):
                pass

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for at in (700, 450, 900, 520, 610, 1000, 480, 555) * 2:
        link.reset_after(at, "down")
        time.sleep(0.03)  # some traffic under each limit
    link.resume()
    for t in threads:
        t.join()
    assert wrong == []
    assert good[0] > 0
    assert cp.connect().value("SELECT 1") == "1"


def test_server_restarts_under_load(make_pg, make_carpool):
    """Queued clients wait, and service is back soon after the server is."""
    pg = make_pg()
    cp = make_carpool({"test": pg}, default_pool_size=3,
                      server_login_retry=0.5, query_wait_timeout=20)
    c = cp.connect()
    assert c.value("SELECT 1") == "1"
    pg.stop("fast")
    waiting = cp.raw()
    waiting.send(w.startup({"user": "app", "database": "test"}))
    waiting.send(w.query("SELECT 'after'"))
    pg.start()
    start = time.monotonic()
    assert waiting.read_until("Z").status == "I"
    assert waiting.read_until("Z").rows == [["after"]]
    assert time.monotonic() - start < 4
    assert c.value("SELECT 2") == "2"


def test_server_refuses_new_connections_for_now(make_carpool, make_fake):
    """53300 and 57P03 are no outage: waiters use what there is."""
    def full(conn):
        conn.send(w.error("53300", "sorry, too many clients already",
                          "FATAL"))

    fake = make_fake([None, full, full, full, full, full, None])
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=5, server_login_retry=0.2)
    clients = [cp.connect() for _ in range(5)]
    for c in clients:
        c.send(w.query("SELECT 1"))
    for c in clients:
        assert c.read_until("Z").rows == [["1"]]


def test_server_down_is_told_after_query_wait_timeout(make_carpool):
    from tools.wait import free_port
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": free_port()}},
                      query_wait_timeout=1, server_login_retry=0.2)
    c = cp.raw()
    start = time.monotonic()
    with pytest.raises(PgError) as e:
        c.login()
        c.query("SELECT 1")
    assert e.value.sqlstate in ("53300", "08001", "08006")
    assert time.monotonic() - start < 4


def test_server_that_accepts_and_never_answers(make_carpool, pg, fault):
    link = fault.listen(pg.port)
    link.blackhole()
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port},
                       "good": {"pg": pg, "dbname": "test"}},
                      server_connect_timeout=1, server_login_retry=0.2,
                      query_wait_timeout=10)
    c = cp.raw()
    c.send(w.startup({"user": "app", "database": "test"}))
    wait_until(lambda: link.counts()["total"] >= 1)
    assert cp.connect(database="good").value("SELECT 1") == "1"
    wait_until(lambda: link.counts()["total"] >= 2, 5, "another try")
    link.resume()
    c.finish_login("app")
    assert c.value("SELECT 1") == "1"


def test_frozen_server_does_not_freeze_other_pools(make_pg, make_carpool,
                                                   pg):
    frozen = make_pg()
    cp = make_carpool({"test": pg, "frozen": {"pg": frozen,
                                              "dbname": "test"}})
    f, c = cp.connect(database="frozen"), cp.connect()
    f.query("SELECT 1")
    pids = [frozen.pid] + frozen.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        f.send(w.query("SELECT 'thawed'"))
        for _ in range(20):
            assert c.value("SELECT 1") == "1"
        assert cp.admin("SHOW POOLS")
        f.expect_silence(0.05)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert f.read_until("Z").rows == [["thawed"]]
