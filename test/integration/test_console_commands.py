"""Commands of the console that change what runs: PAUSE, RESUME, DISABLE,
ENABLE, RECONNECT, WAIT_CLOSE, KILL, KILL_CLIENT."""

import signal

import pytest

from tools import pgwire as w
from tools.login import console
from tools.raw import Closed, PgError
from tools.wait import wait_until


def test_pause_waits_for_transactions_and_closes_servers(make_carpool, pg):
    cp = make_carpool(default_pool_size=2)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    admin = console(cp)
    admin.send(w.query("PAUSE"))
    admin.expect_silence(0.1)
    b.send(w.query("SELECT 'b'"))
    b.expect_silence(0.1)
    assert a.value("SELECT 1") == "1"
    a.query("COMMIT")
    assert admin.expect("CZ", timeout=5).tags == ["PAUSE"]
    assert pg.connections("test") == 0
    assert cp.console("SHOW STATE").rows[1] == ["paused", "yes"]
    b.expect_silence(0.05)
    assert cp.console("RESUME").tags == ["RESUME"]
    assert b.read_until("Z").rows == [["b"]]


def test_pause_of_one_database(make_carpool, pg):
    cp = make_carpool({"test": pg, "postgres": pg})
    a, b = cp.connect(), cp.connect(database="postgres")
    assert cp.console("PAUSE test").tags == ["PAUSE"]
    a.send(w.query("SELECT 'a'"))
    assert b.value("SELECT 1") == "1"
    a.expect_silence(0.05)
    rows = {r["name"]: r["paused"] for r in cp.admin("SHOW DATABASES")}
    assert (rows["test"], rows["postgres"]) == ("1", "0")
    # new clients may log in meanwhile
    c = cp.raw()
    c.send(w.startup({"user": "app", "database": "test"}))
    cp.console("RESUME test")
    assert a.read_until("Z").rows == [["a"]]
    c.finish_login("app")


def test_pause_twice_and_resume_of_nothing(make_carpool):
    cp = make_carpool()
    cp.console("PAUSE test")
    with pytest.raises(PgError):
        cp.console("PAUSE test")
    cp.console("RESUME test")
    with pytest.raises(PgError):
        cp.console("RESUME test")
    assert cp.connect().value("SELECT 1") == "1"


def test_resume_while_pause_waits(make_carpool):
    """PAUSE never hangs: a RESUME ends it."""
    cp = make_carpool()
    a = cp.connect()
    a.query("BEGIN")
    one = console(cp)
    one.send(w.query("PAUSE"))
    one.expect_silence(0.05)
    console(cp).query("RESUME")
    assert one.read_until("Z", timeout=3)
    a.query("COMMIT")
    assert a.value("SELECT 1") == "1"


def test_admin_leaves_while_pause_waits(make_carpool):
    cp = make_carpool()
    a = cp.connect()
    a.query("BEGIN")
    one = console(cp)
    one.send(w.query("PAUSE"))
    one.expect_silence(0.05)
    one.reset()
    a.query("COMMIT")
    # whether the PAUSE went with its admin is not said; it must not stick
    if cp.console("SHOW STATE").rows[1] == ["paused", "yes"]:
        cp.console("RESUME")
    assert a.value("SELECT 1") == "1"


def test_paused_clients_wait_for_no_query_wait_timeout_forever(make_carpool):
    cp = make_carpool(query_wait_timeout=1)
    a = cp.connect()
    cp.console("PAUSE")
    a.send(w.query("SELECT 1"))
    e = a.read_until("E", timeout=4).errors[0]
    assert "query_wait_timeout" in e.message
    cp.console("RESUME")


def test_disable_and_enable(make_carpool):
    cp = make_carpool()
    a = cp.connect()
    assert cp.console("DISABLE test").tags == ["DISABLE"]
    with pytest.raises(PgError) as e:
        cp.connect()
    assert e.value.sqlstate == "57P03"
    assert a.value("SELECT 1") == "1", "who is in may stay"
    rows = {r["name"]: r["disabled"] for r in cp.admin("SHOW DATABASES")}
    assert rows["test"] == "1"
    assert cp.console("ENABLE test").tags == ["ENABLE"]
    assert cp.connect().value("SELECT 1") == "1"


def test_reconnect_replaces_servers_when_free(make_carpool, pg):
    cp = make_carpool(default_pool_size=2)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.query("SELECT 1")
    held = a.value("SELECT pg_backend_pid()")
    before = set(pg.pids("test"))
    assert cp.console("RECONNECT").tags == ["RECONNECT"]
    assert a.value("SELECT pg_backend_pid()") == held
    a.query("COMMIT")
    wait_until(lambda: not before & set(pg.pids("test")))
    assert int(b.value("SELECT pg_backend_pid()")) not in before


def test_wait_close(make_carpool, pg):
    cp = make_carpool()
    a = cp.connect()
    a.query("BEGIN")
    before = set(pg.pids("test"))
    cp.console("RECONNECT test")
    one = console(cp)
    one.send(w.query("WAIT_CLOSE test"))
    one.expect_silence(0.1)
    a.query("COMMIT")
    assert one.expect("CZ", timeout=5).tags == ["WAIT_CLOSE"]
    wait_until(lambda: not before & set(pg.pids("test")))
    assert cp.console("WAIT_CLOSE").tags == ["WAIT_CLOSE"]


def test_kill_database(make_carpool, pg):
    cp = make_carpool({"test": pg, "postgres": pg})
    a, b = cp.connect(), cp.connect(database="postgres")
    a.query("BEGIN")
    assert cp.console("KILL test").tags == ["KILL"]
    assert a.expect_error("57P01").severity == "FATAL"
    a.expect_closed()
    wait_until(lambda: pg.connections("test") == 0)
    assert b.value("SELECT 1") == "1"
    # left paused
    c = cp.connect()
    c.send(w.query("SELECT 1"))
    cp.wait_pool(cl_waiting=1)
    cp.console("RESUME test")
    assert c.read_until("Z").rows == [["1"]]


def test_kill_client(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(application_name="victim"), cp.connect()
    a.query("BEGIN")
    (ident,) = [r["id"] for r in cp.admin("SHOW CLIENTS")
                if r["application_name"] == "victim"]
    assert cp.console(f"KILL_CLIENT {ident}").tags == ["KILL_CLIENT"]
    assert a.expect_error("57P01").severity == "FATAL"
    a.expect_closed()
    assert b.value("SELECT 1") == "1"
    wait_until(lambda: console(cp).query(f"KILL_CLIENT {ident}",
                                         check=False).errors)


def test_kill_of_a_running_and_a_queued_client(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(application_name="a"), cp.connect(
        application_name="b")
    a.send(w.query("SELECT pg_sleep(60)"))
    cp.wait_pool(sv_active=1)
    b.send(w.query("SELECT 1"))
    cp.wait_pool(cl_waiting=1)
    ids = {r["application_name"]: r["id"] for r in cp.admin("SHOW CLIENTS")}
    cp.console(f"KILL_CLIENT {ids['b']}")
    assert b.read_until("E").errors[0].sqlstate == "57P01"
    cp.console(f"KILL_CLIENT {ids['a']}")
    with pytest.raises(Closed):
        while True:
            a.read(3)
    wait_until(lambda: not pg.busy(), 3)
    assert cp.connect().value("SELECT 1") == "1"


def test_sigusr1_pauses_and_sigusr2_resumes(make_carpool):
    cp = make_carpool()
    a = cp.connect()
    a.query("SELECT 1")
    cp.signal(signal.SIGUSR1)
    wait_until(lambda: cp.console("SHOW STATE").rows[1] == ["paused", "yes"])
    a.send(w.query("SELECT 'later'"))
    a.expect_silence(0.05)
    cp.signal(signal.SIGUSR2)
    assert a.read_until("Z").rows == [["later"]]
