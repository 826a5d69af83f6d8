"""Prepared statements when a client, a server or the configuration they were
made under goes away, at any point."""

import pytest

from tools import pgwire as w
from tools.prepared import LOADED, ask, one_server, prepare, run
from tools.raw import Closed
from tools.soak import MINUTES
from tools.wait import wait_until

PIPELINE = [prepare("s3", "SELECT 3"), run("s1", "1"), w.sync(),
            run("s2"), w.close("S", "s2"), prepare("s2", "SELECT 'two'"),
            run("s2"), w.sync(), run("nobody"), run("s1", "2"), w.sync(),
            run("s3"), w.describe("S", "s1"), run("s1", "3"), w.sync()]


def _prepared(cp):
    c = cp.connect()
    ask(c, prepare("s1", "SELECT $1::int, 'mine'"), prepare("s2", "SELECT 2"))
    return c


@pytest.mark.soak
def test_client_vanishes_anywhere_in_a_pipeline(make_carpool):
    """After each byte of it; whoever comes next has what is its own, and the
    limit still holds."""
    cp = one_server(make_carpool, max_prepared_statements=2)
    b = cp.connect()
    ask(b, prepare("s1", "SELECT $1::int, 'other'"))
    data = b"".join(PIPELINE)
    for n in range(1, len(data), 1 if MINUTES else 11):
        a = _prepared(cp)
        a.send(data[:n])
        if n % 2:
            a.reset()
        else:
            a.close()
        assert ask(b, run("s1", str(n))).rows == [[str(n), "other"]]
        assert int(b.value(LOADED)) <= 2


@pytest.mark.soak
def test_server_dies_anywhere_in_a_pipeline(make_carpool, pg, fault):
    """The client is told or ends, and the next server has all it needs."""
    link = fault.listen(pg.port)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=1, server_login_retry=1)
    b = cp.connect()
    ask(b, prepare("s1", "SELECT $1::int, 'other'"), prepare("", "SELECT 5"))
    a = _prepared(cp)
    used = link.counts()["down"]
    a.send(*PIPELINE)
    a.read_until("Z", 4)
    whole = link.counts()["down"] - used
    for n in range(1, whole, max(1, whole // (60 if MINUTES else 12))):
        a = _prepared(cp)
        link.close_all()  # the limit counts from a connection's start
        wait_until(lambda: cp.servers_open() == 0, 10, "no server")
        before = link.counts()["down"]
        assert ask(a, run("s2")).rows == [["2"]]
        link.reset_after(link.counts()["down"] - before + n, "down")
        try:
            a.send(*PIPELINE)
            a.read_until("Z", 4)
        except (Closed, OSError):
            pass
        link.reset_after(-1, "down")
        link.close_all()
        got = ask(b, run("s1", str(n)), run(""))
        assert got.rows == [[str(n), "other"], ["5"]]


def test_cancel_and_kill_in_a_pipeline(make_carpool, pg):
    """A cancel hits a group with hidden messages; a KILL of the client in it;
    others on that server notice nothing."""
    cp = one_server(make_carpool, max_prepared_statements=2)
    b = cp.connect()
    ask(b, prepare("s1", "SELECT $1::int, 'other'"))
    for turn in range(6):
        a = _prepared(cp)
        ask(a, prepare("slow", "SELECT pg_sleep(10)"))
        ask(b, run("s1", "1"))
        a.send(run("s1", "1"), run("slow"), w.close("S", "s2"),
               prepare("s2", "SELECT 'two'"), w.sync(), run("s2"), w.sync())
        wait_until(lambda: "pg_sleep" in str(pg.query(
            "SELECT query FROM pg_stat_activity WHERE state = 'active'"
            " AND query LIKE '%%pg_sleep(10)'", ())), 10, "it to run")
        if turn % 2 == 0:
            a.cancel()
            got = a.read_until("Z", 2)
            assert [e.sqlstate for e in got.errors] == ["57014"]
            # The Close was skipped with the rest of its group.
            assert got.rows[-1] == ["2"]
            a.quit()
        else:
            row = [r for r in cp.admin("SHOW CLIENTS")
                   if r["database"] == "test" and r["state"] == "active"]
            cp.admin(f"KILL_CLIENT {row[0]['id']}")
            a.drain()
        assert ask(b, run("s1", str(turn))).rows == [[str(turn), "other"]]
        assert int(b.value(LOADED)) <= 2


def test_killed_servers_in_between(make_carpool, pg):
    cp = make_carpool(default_pool_size=2)
    a = _prepared(cp)
    for i in range(10):
        pg.terminate_all()
        wait_until(lambda: pg.connections() == 0, 10, "no server")
        assert ask(a, run("s1", str(i)), run("s2")).rows == [
            [str(i), "mine"], ["2"]]


def test_reload_changes_the_limit(make_carpool):
    """Smaller: what is too much goes.  None: names are refused, but those that
    a client has stay its own."""
    cp = one_server(make_carpool, max_prepared_statements=20)
    a = cp.connect()
    ask(a, *[prepare(f"s{i}", f"SELECT {i}") for i in range(10)])
    assert int(a.value(LOADED)) == 10
    cp.settings["max_prepared_statements"] = 2
    cp.reload()
    for _ in range(3):
        for i in range(10):
            assert ask(a, w.close("S", "n"), prepare("n", f"SELECT 'n{i}'"),
                       run("n")).rows == [[f"n{i}"]]
            assert ask(a, run(f"s{i}")).rows == [[str(i)]]
    assert int(a.value(LOADED)) <= 2
    cp.settings["max_prepared_statements"] = 0
    cp.reload()
    assert ask(a, run("s1")).errors[0].sqlstate == "0A000"
    assert ask(a, prepare("", "SELECT 1"), run("")).rows == [["1"]]
    cp.settings["max_prepared_statements"] = 5
    cp.reload()
    assert ask(a, run("s1")).rows == [["1"]]


def test_reload_changes_the_mode(make_carpool):
    """A client that is there when the mode becomes session's and back again
    finds what it had, or a clear error; others never find it."""
    cp = one_server(make_carpool)
    a = cp.connect()
    ask(a, prepare("s1", "SELECT 'a'"))
    for mode in ("session", "transaction", "statement", "transaction"):
        cp.settings["pool_mode"] = mode
        cp.reload()
        try:
            got = ask(a, run("s1"))
        except Closed:
            a = cp.connect()
            ask(a, prepare("s1", "SELECT 'a'"))
            got = ask(a, run("s1"))
        assert got.rows == [["a"]] or got.errors[0].sqlstate == "26000"
        if got.errors:
            ask(a, prepare("s1", "SELECT 'a'"))
        a.quit()
        b = cp.connect()
        assert ask(b, run("s1")).errors[0].sqlstate == "26000"
        b.quit()
        a = cp.connect()
        ask(a, prepare("s1", "SELECT 'a'"))
