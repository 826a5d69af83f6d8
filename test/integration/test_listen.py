"""LISTEN and NOTIFY where servers are shared: carpool hears for its clients."""

import os
import signal
import struct
import threading
import time

import psycopg
import pytest

from tools import pgwire
from tools.carpool import sanitized
from tools.crowd import crowd
from tools.postgres import USERS
from tools.raw import PgError, RawClient
from tools.soak import MINUTES
from tools.wait import wait_until


def notifications(client):
    """All that the client was told so far: (channel, payload, pid)."""
    out = []
    for m in client.all_received:
        if m.type == "A":
            (pid,) = struct.unpack_from("!I", m.body)
            channel, payload = pgwire.two_strings(m.body[4:])
            out.append((channel, payload, pid))
    return out


def told(client):
    return [(channel, payload) for channel, payload, _ in
            notifications(client)]


def hear(client, count, timeout=20):
    """Read until the client was told count notifications in all."""
    deadline = time.monotonic() + timeout
    while len(told(client)) < count:
        client.read(max(0.01, deadline - time.monotonic()))
    return told(client)


def hear_last(client, payload="end", timeout=20):
    """Read until this payload comes; all payloads before it."""
    deadline = time.monotonic() + timeout
    while not told(client) or told(client)[-1][1] != payload:
        client.read(max(0.01, deadline - time.monotonic()))
    return [p for _, p in told(client)][:-1]


def listeners(pg, database="test"):
    """Process ids of the server's sessions that are carpool's listeners."""
    return [int(r[0]) for r in pg.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND"
        " application_name = 'carpool'", (database,))]


def listener(carpool):
    """The row of SHOW LISTENERS."""
    (row,) = carpool.admin("SHOW LISTENERS")
    return row


def notify(pg, channel, payload="", database="test"):
    pg.query("SELECT pg_notify(%s, %s)", (channel, payload), db=database)


def test_everyone_hears_each_event_once_and_in_order(make_carpool, pg):
    """Trap 74: many clients, few servers, and the listener is one more."""
    carpool = make_carpool(default_pool_size=2, max_client_conn=200)
    clients = [carpool.connect() for _ in range(100)]
    for c in clients:
        assert c.query("LISTEN events").types == "CZ"
    for i in range(20):
        notify(pg, "events", str(i))
    other = carpool.connect()
    for i in range(20, 40):
        other.query(f"NOTIFY events, '{i}'")
    notify(pg, "events", "end")
    for c in clients:
        assert hear_last(c) == [str(i) for i in range(40)]
    assert len(listeners(pg)) == 1
    assert len(pg.pids("test")) <= 3
    # Nobody's server listens any more.
    assert other.query("SELECT pg_listening_channels()").rows == []
    other.expect_silence()


def test_transactions_decide(make_carpool, pg):
    carpool = make_carpool(default_pool_size=1)
    c = carpool.connect()
    c.query("BEGIN")
    c.query("LISTEN kept")
    c.query("COMMIT")
    c.query("BEGIN")
    c.query("LISTEN lost")
    c.query("ROLLBACK")
    c.query("BEGIN")
    c.query("LISTEN failed")
    c.query("SELECT 1/0", check=False)
    c.query("COMMIT")
    c.query("BEGIN; LISTEN first; SAVEPOINT s; LISTEN second;"
            " ROLLBACK TO s; COMMIT")
    c.query("LISTEN half; SELECT 1/0", check=False)
    for name in ("lost", "failed", "second", "half", "kept", "first"):
        notify(pg, name, name)
    notify(pg, "kept", "end")
    assert hear_last(c) == ["kept", "first"]


def test_unlisten(make_carpool, pg):
    carpool = make_carpool(default_pool_size=1)
    c = carpool.connect()
    c.query("LISTEN a; LISTEN b; LISTEN c")
    c.query("UNLISTEN a")
    c.query("BEGIN; UNLISTEN b; ROLLBACK")
    c.query("BEGIN")
    c.query("UNLISTEN c")
    c.query("COMMIT")
    for name in ("a", "b", "c"):
        notify(pg, name, name)
    notify(pg, "b", "end")
    assert hear_last(c) == ["b"]
    c.extended("UNLISTEN *")
    c.query("LISTEN d")
    for name in ("a", "b", "c", "d"):
        notify(pg, name, name)
    assert hear(c, 3)[2] == ("d", "d")
    c.query("DISCARD ALL")
    notify(pg, "d", "nobody")
    c.expect_silence(0.3)


def test_names_and_payloads(make_carpool, pg):
    carpool = make_carpool(default_pool_size=1)
    c = carpool.connect()
    names = ['plain', '"Mixed Case"', '"with""quote"', '"semi;colon--"',
             '"überall"', 'FOLDED', '"' + "x" * 63 + '"']
    for name in names:
        c.query(f"LISTEN {name}")
    for i, name in enumerate(names):
        c.query(f"NOTIFY {name}, '{i}'")
    c.query("SELECT pg_notify('plain', repeat('ä', 3900))")
    want = [n.strip('"').replace('""', '"') for n in names]
    want[5] = "folded"
    got = hear(c, len(names) + 1)
    assert got[:-1] == [(n, str(i)) for i, n in enumerate(want)]
    assert got[-1] == ("plain", "ä" * 3900)
    c.query('UNLISTEN "with""quote"; UNLISTEN Folded')
    c.query("NOTIFY \"with\"\"quote\", 'no'; NOTIFY folded, 'no';"
            " NOTIFY plain, 'end'")
    assert hear_last(c)[len(names) + 1:] == []


def test_who_notified(make_carpool, pg):
    """The pid is the one that the notifier got from carpool, and a client
    hears itself once, as itself."""
    carpool = make_carpool(default_pool_size=1)
    a, b = carpool.connect(), carpool.connect()
    for c in (a, b):
        c.query("LISTEN who")
    a.query("NOTIFY who, 'a'")
    hear(a, 1), hear(b, 1)
    b.query("BEGIN; NOTIFY who, 'b'; COMMIT")
    hear(a, 2), hear(b, 2)
    with psycopg.connect(host=pg.host, port=pg.port, user="app",
                         dbname="test", autocommit=True) as direct:
        direct.execute("NOTIFY who, 'direct'")
        pid = direct.info.backend_pid
        want = [("who", "a", a.pid), ("who", "b", b.pid),
                ("who", "direct", pid)]
        for c in (a, b):
            hear(c, 3)
            assert notifications(c) == want


NOTIFIES = [
    ("NOTIFY", lambda c, n: c.query(f"NOTIFY who, '{n}'")),
    ("simple", lambda c, n: c.query(f"SELECT pg_notify('who', '{n}')")),
    ("unnamed", lambda c, n: c.extended(f"SELECT PG_NOTIFY('who', '{n}')")),
    ("named", lambda c, n: c.query(f"EXECUTE tell('{n}')")),
    ("none", lambda c, n: c.query("SELECT 1")),
]


@pytest.mark.tsan
@pytest.mark.parametrize("listens", [False, True])
def test_who_notified_where_all_want_the_server(make_carpool, pg, listens):
    """The server goes to somebody else when it is known what it has told."""
    carpool = make_carpool(default_pool_size=1)
    rounds = 60
    hearer = carpool.connect()
    hearer.query("LISTEN who")
    clients = [carpool.connect() for _ in NOTIFIES]
    clients[3].query("PREPARE tell AS SELECT pg_notify('who', $1)")
    if listens:
        for c in clients:
            c.query("LISTEN who")

    def work(c, how, say):
        for n in range(rounds):
            say(c, f"{how} {n}")

    threads = [threading.Thread(target=work, args=(c, how, say))
               for c, (how, say) in zip(clients, NOTIFIES)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    hear(hearer, 4 * rounds)
    pids = {how: c.pid for c, (how, _) in zip(clients, NOTIFIES)}
    for _, payload, pid in notifications(hearer):
        assert pid == pids[payload.split()[0]], payload
    carpool.wait_pool(sv_active=0, cl_waiting=0)


def test_a_notifier_that_leaves(make_carpool, pg):
    """Its server is free, also while a stopped listener is waited for."""
    carpool = make_carpool(default_pool_size=1)
    hearer, c, other = (carpool.connect() for _ in range(3))
    hearer.query("LISTEN who")
    (pid,) = listeners(pg)
    os.kill(pid, signal.SIGSTOP)
    try:
        c.query("NOTIFY who, '1'")
        c.close()
        assert other.value("SELECT 1") == "1"
        other.query("NOTIFY who, '2'")
        # The next one waits for it, for a second at most.
        assert other.value("SELECT 2") == "2"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert hear(hearer, 2) == [("who", "1"), ("who", "2")]


def test_listen_and_notify_in_one_transaction(make_carpool, pg):
    """The server itself tells of it before carpool listens."""
    carpool = make_carpool(default_pool_size=1)
    c = carpool.connect()
    c.query("LISTEN own; NOTIFY own, '1'")
    c.query("NOTIFY own, '2'")
    hear(c, 2)
    c.query("LISTEN own; NOTIFY own, '3'; NOTIFY own, 'end'")
    hear_last(c)
    assert notifications(c) == [("own", p, c.pid)
                                for p in ("1", "2", "3", "end")]


def test_only_between_transactions(make_carpool, pg):
    carpool = make_carpool(default_pool_size=2)
    c = carpool.connect()
    c.query("LISTEN t")
    c.query("BEGIN")
    notify(pg, "t", "1")
    c.query("SELECT pg_sleep(0.2)")
    c.expect_silence(0.2)
    assert told(c) == []
    c.query("COMMIT")
    assert hear(c, 1) == [("t", "1")]
    c.send(pgwire.query("SELECT pg_sleep(0.5)"))
    notify(pg, "t", "2")
    types = c.read_until("Z").types
    assert "A" not in types.split("T")[1].split("C")[0]
    assert hear(c, 2)[1] == ("t", "2")


def extended(text):
    return b"".join((pgwire.parse("", text), pgwire.bind(), pgwire.execute(),
                     pgwire.sync()))


OWN = [
    (pgwire.query("NOTIFY own, 'a'"), "CAZ"),
    (pgwire.query("BEGIN; NOTIFY own, 'b'; NOTIFY own, 'c'; COMMIT"),
     "CCCCAAZ"),
    (pgwire.query("SELECT pg_catalog.PG_Notify('own', 'd')"), "TDCAZ"),
    (extended("SELECT pg_notify('own', 'e')"), "12DCAZ"),
    (pgwire.query("BEGIN; NOTIFY own, 'never'; ROLLBACK"), "CCCZ"),
    (pgwire.query("BEGIN"), "CZ"),
    (pgwire.query("NOTIFY own, 'f'"), "CZ"),
    (extended("COMMIT"), "12CAZ"),
    (pgwire.parse("named", "NOTIFY own, 'g'") + pgwire.sync(), "1Z"),
    (pgwire.bind("", "named") + pgwire.execute() + pgwire.sync(), "2CAZ"),
    (pgwire.query("CREATE TEMP TABLE pins (a int)"), "CZ"),
    (pgwire.query("NOTIFY own, 'h'"), "CAZ"),
    (pgwire.query("LISTEN other; NOTIFY other, 'i'; NOTIFY own, 'j'"),
     "CCCAAZ"),
    (pgwire.query("UNLISTEN own; NOTIFY other, 'k'"), "CCAZ"),
    (pgwire.query("DISCARD ALL"), "CZ"),
    (pgwire.query("NOTIFY own, 'nobody'"), "CZ"),
]


def test_told_before_ready(make_carpool, pg):
    """What a transaction of one's own tells comes before its end, as directly,
    also while others take the server."""
    carpool = make_carpool(default_pool_size=2)
    other = carpool.connect()
    other.query("LISTEN own")
    with RawClient.open(pg.host, pg.port) as direct:
        for c in (direct, carpool.connect()):
            c.query("LISTEN own")
            for data, types in OWN:
                c.send(data)
                got = c.read_until("Z").types
                assert got == types, data
                other.query("SELECT 1")


def test_told_at_the_transactions_end(make_carpool, pg):
    """What others told meanwhile, too."""
    carpool = make_carpool(default_pool_size=2)
    c, other = carpool.connect(), carpool.connect()
    for client in (c, other):
        client.query("LISTEN t")
    c.query("BEGIN")
    other.query("NOTIFY t, '1'")
    pg.query("NOTIFY t, '2'", db="test")
    hear(other, 2)
    # Both workers were told before: it is there, or about to be.
    wait_until(lambda: listener(carpool)["heard"] == "2", 5, "it to be heard")
    assert c.query("SELECT 1").types == "TDCZ"
    assert c.query("COMMIT").types == "CAAZ"
    assert told(c) == [("t", "1"), ("t", "2")]


@pytest.mark.parametrize("how", ["stopped", "gone"])
def test_nobody_waits_for_a_listener_that_hears_nothing(make_carpool, pg, how):
    carpool = make_carpool(default_pool_size=2)
    c = carpool.connect()
    c.query("LISTEN t")
    (pid,) = listeners(pg)
    if how == "stopped":
        os.kill(pid, signal.SIGSTOP)
    else:
        pg.query("ALTER DATABASE test CONNECTION LIMIT 1")
        pg.terminate(pid)
        wait_until(lambda: listener(carpool)["state"] == "lost", 10,
                   "the listener to be lost")
        c.expect("N")
    try:
        assert c.query("NOTIFY t, 'end'").types == "CZ"
    finally:
        if how == "stopped":
            os.kill(pid, signal.SIGCONT)
        pg.query("ALTER DATABASE test CONNECTION LIMIT -1")
    if how == "stopped":
        assert hear_last(c) == []


@pytest.mark.parametrize("how", ["simple", "extended", "split"])
def test_pipelined(make_carpool, pg, how):
    """What stands behind a LISTEN is answered in its turn."""
    carpool = make_carpool(default_pool_size=1)
    c = carpool.connect()
    one = (pgwire.query("LISTEN p") if how == "simple" else b"".join((
        pgwire.parse("", "LISTEN p"), pgwire.bind(), pgwire.execute(),
        pgwire.sync())))
    data = one + pgwire.query("NOTIFY p, '1'") + pgwire.query("SELECT 7")
    c.send_split(data, [7] if how == "split" else [len(data)])
    result = c.read_until("Z", count=3)
    assert result.rows == [["7"]]
    assert result.tags == ["LISTEN", "NOTIFY", "SELECT 1"]
    assert hear(c, 1) == [("p", "1")]
    c.send(pgwire.query("LISTEN q"), pgwire.terminate())
    assert c.drain().types == "CZ"


def test_a_foreign_notification_reaches_nobody(make_carpool, pg):
    """Trap 75: a server that listens behind carpool's back tells whoever is
    linked, which is dropped."""
    carpool = make_carpool(default_pool_size=1)
    a, b = carpool.connect(), carpool.connect()
    pg.query("CREATE OR REPLACE FUNCTION behind() RETURNS void LANGUAGE"
             " plpgsql AS $$ BEGIN EXECUTE 'LIS' || 'TEN behind'; END $$",
             db="test")
    a.query("SELECT behind()")
    notify(pg, "behind", "x")
    for c in (a, b):
        c.query("SELECT 1")
        c.query("BEGIN; NOTIFY behind, 'y'; COMMIT")
        c.query("SELECT 1")
        assert told(c) == []


@pytest.mark.parametrize("how", ["notice", "close"])
def test_a_lost_listener(make_carpool, pg, how):
    """Trap 76: told, and nothing is told before it listens again."""
    carpool = make_carpool(default_pool_size=2, listen_lost=how)
    c, idle = carpool.connect(), carpool.connect()
    c.query("LISTEN a; LISTEN b")
    (pid,) = listeners(pg)
    (row,) = carpool.admin("SHOW LISTENERS")
    assert (row["database"], row["user"], row["state"], row["channels"],
            row["remote_pid"]) == ("test", "app", "active", "2", str(pid))
    pg.terminate(pid)
    if how == "close":
        c.expect_error("08006")
        c.expect_closed()
        idle.query("SELECT 1")
        return
    first = c.expect("N").notices[0]["M"]
    assert "listen_lost" in first
    second = c.expect("N").notices[0]["M"]
    assert "listens again" in second
    wait_until(lambda: len(listeners(pg)) == 1, 10, "one listener")
    notify(pg, "a", "1")
    notify(pg, "b", "end")
    assert hear_last(c) == ["1"]
    idle.query("LISTEN a")
    notify(pg, "a", "2")
    assert hear(idle, 1) == [("a", "2")]
    assert hear(c, 3)[2] == ("a", "2")
    idle.expect_silence()
    assert "N" not in [m.type for m in idle.all_received]


def test_a_client_that_does_not_read(make_carpool, pg):
    """Its queue is bounded and its end is said; the others go on."""
    carpool = make_carpool(default_pool_size=2, listen_queue=100000,
                           tcp_socket_buffer=65536)
    slow, good, within = (carpool.connect() for _ in range(3))
    for c in (slow, good, within):
        c.query("LISTEN flood")
    within.query("BEGIN")
    carpool.rss_tolerance = 64 << 20
    count = 0
    while carpool.log.count("reason=listen_queue") < 2:
        pg.query("SELECT pg_notify('flood', i || repeat('x', 7000))"
                 " FROM generate_series(%s, %s) i", (count, count + 29),
                 db="test")
        count += 30
        hear(good, count)
        assert count < 10000
    # Who stays in a transaction has the same bound.
    e = PgError(next(m for m in within.drain().messages
                     if m.type == "E").body)
    assert e.sqlstate == "54000"
    payloads = [p for _, p in told(good)]
    assert payloads == [f"{i}{'x' * 7000}" for i in range(count)]


def test_channels_are_bounded(make_carpool, pg):
    """Who wants more than it may have is told and closed, with its others."""
    carpool = make_carpool(default_pool_size=1, listen_channels=3)
    c, many, stays = (carpool.connect() for _ in range(3))
    for client in (c, stays):
        client.query("LISTEN a; LISTEN b")
        client.query("LISTEN b; LISTEN c")
    stays.query("UNLISTEN a; LISTEN d")
    for client, text in ((c, "LISTEN d"),
                         (many, "; ".join(f"LISTEN x{i}" for i in range(9)))):
        client.send(pgwire.query(text))
        (e,) = client.drain().errors
        assert (e.severity, e.sqlstate) == ("FATAL", "54000")
        assert "listen_channels" in e.message
    wait_until(lambda: listener(carpool)["channels"] == "3", 5,
               "the others' channels to be dropped")
    for name in ("x0", "a", "d"):
        notify(pg, name, name)
    assert hear(stays, 1) == [("d", "d")]
    stays.expect_silence(0.1)


def test_without_a_password_the_client_is_pinned(make_carpool, pg):
    """Only SCRAM keys are known: libpq could not log in."""
    carpool = make_carpool(
        default_pool_size=2, auth_type="scram-sha-256",
        userlist={"u_scram": pg.secret("u_scram")})
    password = USERS["u_scram"][0]
    c = carpool.connect(user="u_scram", password=password)
    other = carpool.connect(user="u_scram", password=password)
    c.query("LISTEN pinned")
    assert "on_listen" in c.expect("N").notices[0]["M"]
    pid = c.value("SELECT pg_backend_pid()")
    assert c.query("LISTEN more").notices == []
    assert other.value("SELECT pg_backend_pid()") != pid
    assert c.value("SELECT pg_backend_pid()") == pid
    notify(pg, "pinned", "1")
    assert hear(c, 1) == [("pinned", "1")]
    assert listeners(pg) == []
    # The pin ends with its reason, and then anybody may have the server.
    c.query("UNLISTEN *")
    wait_until(lambda: carpool.pool(user="u_scram")["sv_active"] == 0, 5,
               "the pin to end")


def test_pinned_client_leaves_nothing(make_carpool, pg):
    carpool = make_carpool(default_pool_size=1, on_listen="pin")
    c = carpool.connect()
    c.query("LISTEN gone")
    c.expect_silence()
    c.close()
    other = carpool.connect()
    assert other.query("SELECT pg_listening_channels()").rows == []
    notify(pg, "gone")
    other.query("SELECT 1")
    assert told(other) == []


def test_another_encoding_pins(make_carpool, pg):
    carpool = make_carpool(default_pool_size=1)
    c = carpool.connect(client_encoding="LATIN1")
    c.query('LISTEN x')
    c.expect("N")
    notify(pg, "x", "ä")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        m = c.read()
        if m.type == "A":
            assert m.body[4:] == b"x\0\xe4\0"
            return


@pytest.mark.parametrize("encoding", ["'utf-8'", "Utf_8", "UNICODE"])
def test_the_same_encoding_does_not_pin(make_carpool, pg, encoding):
    """The server's own encoding, as drivers spell it."""
    carpool = make_carpool(default_pool_size=1)
    c, other = (carpool.connect(client_encoding=encoding) for _ in range(2))
    direct = RawClient.open(pg.host, pg.port, client_encoding=encoding)
    assert c.parameters["client_encoding"] == \
        direct.parameters["client_encoding"]
    direct.close()
    for n, client in enumerate((c, other)):
        client.query(f"LISTEN x{n}")
        assert client.value("SELECT 1") == "1"
    assert carpool.admin("SHOW PINS") == []
    other.query("NOTIFY x0, 'ä'")
    assert hear(c, 1) == [("x0", "ä")]
    for client in (c, other):
        assert "N" not in [m.type for m in client.all_received]


def test_limits_count_the_listener(make_carpool, pg):
    """It has a place under max_db_connections and takes it from idle servers,
    but it is none of the pool's."""
    carpool = make_carpool({"test": {"pg": pg, "pool_size": 2,
                                     "max_db_connections": 2}})
    a, b = carpool.connect(), carpool.connect()
    for c in (a, b):
        c.query("BEGIN")
    for c in (a, b):
        c.query("COMMIT")
    assert len(pg.pids("test")) == 2
    a.query("LISTEN x")
    assert len(pg.pids("test")) <= 2 and len(listeners(pg)) == 1
    b.query("NOTIFY x, '1'")
    assert hear(a, 1) == [("x", "1")]
    assert len(pg.pids("test")) == 2
    a.query("UNLISTEN *")
    wait_until(lambda: listeners(pg) == [], 10, "the listener to go")
    for c in (a, b):
        c.query("BEGIN")
    assert len(pg.pids("test")) == 2


def test_one_place_alone_pins(make_carpool, pg):
    carpool = make_carpool({"test": {"pg": pg, "max_db_connections": 1}})
    c = carpool.connect()
    c.query("LISTEN x")
    c.expect("N")
    notify(pg, "x", "1")
    assert hear(c, 1) == [("x", "1")]


def test_no_listener_to_be_had(make_carpool, pg):
    """The client is told and closed: LISTEN would hear nothing."""
    carpool = make_carpool(
        {"test": {"pg": pg, "pool_size": 2}}, server_connect_timeout=2)
    c = carpool.connect()
    c.query("SELECT 1")
    pg.query("ALTER DATABASE test CONNECTION LIMIT 1")
    try:
        c.send(pgwire.query("LISTEN x"))
        result = c.drain(timeout=20)
        assert result.types == "CE"
        e = result.errors[0]
        assert e.sqlstate == "08001" and "too many" in e.detail
    finally:
        pg.query("ALTER DATABASE test CONNECTION LIMIT -1")


def test_reload_disable_and_reconnect(make_carpool, pg):
    carpool = make_carpool(default_pool_size=2)
    c = carpool.connect()
    c.query("LISTEN x")
    carpool.reload()
    carpool.console("DISABLE test")
    notify(pg, "x", "1")
    assert hear(c, 1) == [("x", "1")]
    carpool.console("ENABLE test")
    (pid,) = listeners(pg)
    carpool.console("RECONNECT test")
    c.expect("NN")
    wait_until(lambda: listeners(pg) not in ([], [pid]), 10,
               "another listener")
    notify(pg, "x", "2")
    assert hear(c, 2)[1] == ("x", "2")


def test_the_database_is_removed(make_carpool, pg):
    carpool = make_carpool({"test": pg, "also": {"pg": pg,
                                                  "dbname": "test"}})
    c = carpool.connect(database="also")
    c.query("LISTEN x")
    assert len(listeners(pg)) == 1
    del carpool.databases["also"]
    carpool.reload()
    c.expect_error("57P01")
    wait_until(lambda: listeners(pg) == [], 10, "the listener to go")


def test_shutdown(make_carpool, pg):
    carpool = make_carpool(default_pool_size=2)
    c = carpool.connect()
    c.query("LISTEN x")
    carpool.ends_itself()
    carpool.signal(signal.SIGTERM)
    c.expect_error("57P01")
    assert carpool.proc.wait(20) == 0
    wait_until(lambda: pg.pids("test") == [], 10, "the server to be alone")


def test_statement_mode(make_carpool, pg):
    carpool = make_carpool(default_pool_size=1, pool_mode="statement")
    c = carpool.connect()
    c.query("LISTEN s")
    c.query("NOTIFY s, '1'")
    assert hear(c, 1) == [("s", "1")]


def test_session_mode_is_untouched(make_carpool, pg):
    carpool = make_carpool(default_pool_size=1, pool_mode="session")
    c = carpool.connect()
    c.query("LISTEN s")
    result = c.query("NOTIFY s, '1'")
    assert result.types == "CAZ"
    assert listeners(pg) == []


def test_psycopg(make_carpool, pg):
    carpool = make_carpool(default_pool_size=1)
    with psycopg.connect(host=carpool.host, port=carpool.port, user="app",
                         dbname="test", autocommit=True,
                         prepare_threshold=None) as conn:
        conn.execute("LISTEN p")
        got = []
        notify(pg, "p", "1")
        notify(pg, "p", "2")
        for n in conn.notifies():
            got.append((n.channel, n.payload))
            if len(got) == 2:
                break
        assert got == [("p", "1"), ("p", "2")]


@pytest.mark.seconds(180)
@pytest.mark.soak
def test_a_crowd_costs_one_connection(make_carpool, pg):
    """Ten thousand in the long form."""
    n = 200 if sanitized() else 10000 if MINUTES else 2000
    carpool = make_carpool(default_pool_size=2, max_client_conn=n + 10)
    carpool.rss_tolerance = 256 << 20
    here = []

    async def work(client, i):
        await client.query("LISTEN crowd")
        here.append(i)
        if len(here) == n:
            assert len(pg.pids("test")) <= 3
            assert len(listeners(pg)) == 1
            for k in range(3):
                notify(pg, "crowd", str(k))
        got = (await client.read_until("A", count=3, timeout=120)).messages
        return [pgwire.two_strings(m.body[4:])[1] for m in got]

    answers = crowd(n, work, timeout=150, **carpool.open_args())
    assert answers == [["0", "1", "2"]] * n


def test_clients_come_and_go(make_carpool, pg):
    """Subscriptions of clients that leave, also in the middle of a LISTEN."""
    carpool = make_carpool(default_pool_size=2)
    stays = carpool.connect()
    stays.query("LISTEN ch0")
    for i in range(60):
        c = carpool.connect()
        c.send(pgwire.query(f"LISTEN ch{i % 3}"))
        if i % 2:
            c.read_until("Z")
        c.close() if i % 3 else c.reset()
        if i % 10 == 0:
            notify(pg, "ch0", str(i))
    notify(pg, "ch0", "end")
    assert hear_last(stays) == [str(i) for i in range(0, 60, 10)]
    stays.close()
    wait_until(lambda: listeners(pg) == [], 10, "the listener to go")

