"""SQL's PREPARE, EXECUTE and DEALLOCATE in transaction mode: one name space
with the protocol's statements, on servers that are shared (traps 18 to 20)."""

import pytest

from tools import pgwire as w
from tools.raw import RawClient


def talk(way, parts):
    """What each part is answered with, server's own notices aside."""
    out = []
    with RawClient.open(way.host, way.port) as c:
        for part in parts:
            c.send(part)
            count = sum(m.type in "QS" for m in w.split(part))
            got = c.read_until("Z", count).messages
            out.append([m for m in got if m.type not in "NS"])
    return out


def q(sql):
    return w.query(sql)


def run(name, *values):
    return b"".join([w.bind("", name, values), w.describe("P"), w.execute(),
                     w.sync()])


CASES = {
    "prepare, execute, deallocate": [
        q("PREPARE a AS SELECT 1"), q("EXECUTE a"), q("DEALLOCATE a"),
        q("EXECUTE a"), q("PREPARE a AS SELECT 2"), q("EXECUTE a")],
    "types and arguments": [
        q("PREPARE add (int, int) AS SELECT $1 + $2;"),
        q("EXECUTE add(1, 2)"), q(" execute /* x */ ADD (3, 4) ; "),
        q("EXECUTE add(1)"), q("EXECUTE add('x', 2)"),
        q("/* y */ EXECUTE add(5, 6)"), q("-- z\nDEALLOCATE add"),
        q("/* y */ EXECUTE add(5, 6)"), q("/* nothing */"), q("--")],
    "quoted names": [
        q('PREPARE "A b""c" AS SELECT 1'), q('EXECUTE "A b""c"'),
        q('EXECUTE "a b""c"'), q('PREPARE "x" AS SELECT 5'), q("EXECUTE X"),
        q('DEALLOCATE PREPARE "A b""c"'), q('EXECUTE "A b""c"')],
    "a name that is taken": [
        q("PREPARE a AS SELECT 1"), q("PREPARE a AS SELECT 2"),
        q("EXECUTE a"), w.parse("a", "SELECT 3") + w.sync(), run("a")],
    "prepared by SQL, bound by the protocol": [
        q("PREPARE a (int) AS SELECT $1 * 2"), run("a", "21"),
        w.describe("S", "a") + w.sync(), w.close("S", "a") + w.sync(),
        q("EXECUTE a(1)")],
    "parsed by the protocol, executed by SQL": [
        w.parse("a", "SELECT $1::int + 1") + w.sync(), q("EXECUTE a(41)"),
        q("DEALLOCATE a"), run("a", "1")],
    "deallocate all": [
        q("PREPARE a AS SELECT 1"), w.parse("b", "SELECT 2") + w.sync(),
        q("DEALLOCATE ALL"), q("EXECUTE a"), run("b"),
        q("DEALLOCATE PREPARE ALL")],
    "unknown names": [
        q("EXECUTE nope"), q("DEALLOCATE nope"), run("nope"),
        q("EXECUTE carpool_1"), q("DEALLOCATE carpool_1")],
    "in a transaction that fails": [
        q("PREPARE a AS SELECT 1"), q("BEGIN"), q("EXECUTE a"),
        q("SELECT 1/0"), q("EXECUTE a"), q("DEALLOCATE ALL"),
        q("DEALLOCATE a"), q("PREPARE b AS SELECT 1"), q("ROLLBACK"),
        q("EXECUTE a"), q("EXECUTE b")],
    "prepared in a transaction that rolls back": [
        q("BEGIN"), q("PREPARE a AS SELECT 1"), q("ROLLBACK"),
        q("EXECUTE a")],
    "deallocated in a transaction that rolls back": [
        q("PREPARE a AS SELECT 1"), q("BEGIN"), q("DEALLOCATE a"),
        q("ROLLBACK"), q("EXECUTE a")],
    "a PREPARE that fails": [
        q("PREPARE a AS SELECT * FROM no_such_table"), q("EXECUTE a"),
        q("PREPARE a AS SELECT 1"), q("EXECUTE a")],
    "several executions in one text": [
        q("PREPARE a AS SELECT 1"), q("PREPARE b (int) AS SELECT $1"),
        q("EXECUTE a; EXECUTE b(7); EXECUTE a"),
        q("BEGIN; EXECUTE b(8); COMMIT"), q("SELECT ';'; SELECT 2;"),
        q("EXPLAIN (COSTS OFF) EXECUTE b(1)")],
    "discard": [
        q("PREPARE a AS SELECT 1"), q("DISCARD PLANS"), q("EXECUTE a"),
        q("DISCARD ALL"), q("EXECUTE a"), q("PREPARE a AS SELECT 2"),
        q("EXECUTE a")],
    "the unnamed statement goes": [
        w.parse("", "SELECT 1") + w.sync(), q("DEALLOCATE ALL"), run("")],
    "a long text": [
        q("PREPARE a AS SELECT '" + "x" * 20000 + "'"), q("EXECUTE a"),
        q("PREPARE b (text) AS SELECT length($1)"),
        q("EXECUTE b('" + "y" * 30000 + "')")],
    "a pipeline": [
        q("PREPARE a AS SELECT 1") + q("EXECUTE a") + q("DEALLOCATE a") +
        q("EXECUTE a") + w.parse("a", "SELECT 2") + run("a") +
        q("EXECUTE a")],
}


@pytest.mark.parametrize("name", CASES)
def test_same_as_direct(pg, make_carpool, name):
    """Also with a stranger at work on the same server in between."""
    cp = make_carpool(default_pool_size=1)
    direct = talk(pg, CASES[name])
    assert talk(cp, CASES[name]) == direct
    with RawClient.open(cp.host, cp.port) as other:
        other.query("PREPARE a AS SELECT 'stranger'")
        assert talk(cp, CASES[name]) == direct
        assert other.query("EXECUTE a").rows == [["stranger"]]


@pytest.mark.parametrize("name", CASES)
def test_another_server_for_each_step(pg, make_carpool, name):
    """The server that was used last is held by somebody else."""
    cp = make_carpool(default_pool_size=2)
    direct = talk(pg, CASES[name])
    with RawClient.open(cp.host, cp.port) as c, \
            RawClient.open(cp.host, cp.port) as other:
        holds = False
        for part, want in zip(CASES[name], direct):
            c.send(part)
            count = sum(m.type in "QS" for m in w.split(part))
            got = c.read_until("Z", count).messages
            assert [m for m in got if m.type not in "NS"] == want
            if got[-1].body == b"I":
                if holds:
                    other.query("COMMIT")
                other.query("BEGIN")
                holds = True


def test_deallocate_all_costs_no_server(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as c, \
            RawClient.open(cp.host, cp.port) as other:
        other.query("BEGIN")
        assert c.query("DEALLOCATE ALL").tags == ["DEALLOCATE ALL"]
        c.send(w.close("S", "x"), w.sync())
        assert c.read_until("Z").types == "3Z"
        other.query("COMMIT")


def test_strangers_keep_theirs(make_carpool):
    """What one client discards, another on the same server still has."""
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as a, \
            RawClient.open(cp.host, cp.port) as b:
        for c, value in ((a, 1), (b, 2)):
            c.query(f"PREPARE s AS SELECT {value}")
            c.send(w.parse("p", f"SELECT {value}"), w.sync())
            c.read_until("Z")
        for sql in ("DEALLOCATE ALL", "DISCARD ALL"):
            a.query(sql)
            assert b.query("EXECUTE s").rows == [["2"]]
            b.send(run("p"))
            assert b.read_until("Z").rows == [["2"]]
            assert a.query("EXECUTE s", check=False).errors[0].sqlstate == (
                "26000")
            a.query("PREPARE s AS SELECT 1")


def test_prepare_among_others_is_refused_clearly(make_carpool):
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as c:
        got = c.query("PREPARE a AS SELECT 1; SELECT 2", check=False)
        assert got.errors[0].sqlstate == "0A000"
        assert got.status == "I"
        c.query("BEGIN")
        got = c.query("DEALLOCATE ALL; SELECT 2", check=False)
        assert got.errors[0].sqlstate == "0A000"
        assert got.status == "E"
        c.query("ROLLBACK")
        assert c.value("SELECT 3") == "3"


def test_what_carpool_answers_frees_the_server(make_carpool, pg):
    """A PREPARE of what the server has is answered by carpool, and the server
    is free for others."""
    way = make_carpool(default_pool_size=1)
    with RawClient.open(way.host, way.port) as a, \
            RawClient.open(way.host, way.port) as b:
        for sql in ["PREPARE a AS SELECT 1", "DEALLOCATE a",
                    "PREPARE a AS SELECT 1"]:
            a.send(q(sql))
            a.read_until("Z")
        b.send(q("SELECT 2"))
        b.read_until("Z")
