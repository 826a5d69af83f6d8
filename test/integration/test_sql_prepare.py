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


# Several statements in one Query.
AMONG_OTHERS = {
    "prepared and executed": [
        q("PREPARE a AS SELECT 1; EXECUTE a"), q("EXECUTE a"),
        q("SELECT 5; PREPARE b (int) AS SELECT $1 + 1; EXECUTE b(1);"),
        q("EXECUTE b(2); EXECUTE a; EXECUTE b(3)"), run("b", "7")],
    "prepared, executed and deallocated": [
        q("PREPARE a AS SELECT 1; EXECUTE a; DEALLOCATE a"),
        q("EXECUTE a"),
        q("PREPARE a AS SELECT 1; EXECUTE a; DEALLOCATE PREPARE a;"),
        q("PREPARE a AS SELECT 2; EXECUTE a")],
    "a transaction in one text": [
        q("BEGIN; PREPARE a AS SELECT 1; EXECUTE a; COMMIT"),
        q("EXECUTE a"),
        q("BEGIN; PREPARE b AS SELECT 2; EXECUTE b; ROLLBACK"),
        q("EXECUTE b")],
    "a text that leaves its transaction open": [
        q("BEGIN; PREPARE a AS SELECT 1"), q("EXECUTE a; EXECUTE a"),
        q("DEALLOCATE a; PREPARE a AS SELECT 2; EXECUTE a"),
        q("EXECUTE a; COMMIT"), q("EXECUTE a")],
    "deallocated between others": [
        q("PREPARE a AS SELECT 1"), q("SELECT 1; DEALLOCATE a; SELECT 2"),
        q("EXECUTE a"), q("SELECT 3; DEALLOCATE a; SELECT 4"),
        q("PREPARE a AS SELECT 6"), q("EXECUTE a")],
    "all deallocated between others": [
        q("PREPARE a AS SELECT 1"), w.parse("b", "SELECT 2") + w.sync(),
        q("EXECUTE a; DEALLOCATE ALL; SELECT 2"), q("EXECUTE a"), run("b"),
        q("DEALLOCATE ALL; PREPARE a AS SELECT 3; EXECUTE a"),
        q("EXECUTE a"), q("DEALLOCATE ALL; EXECUTE a"), q("EXECUTE a"),
        q("DEALLOCATE ALL; PREPARE a AS SELECT 4; EXECUTE a; DEALLOCATE a;"
          "EXECUTE a"),
        q("PREPARE a AS SELECT 5; DEALLOCATE ALL; DEALLOCATE a")],
    "two names of one text": [
        q("PREPARE a AS SELECT 1"), q("PREPARE b AS SELECT 1"),
        q("DEALLOCATE a; EXECUTE b"), q("EXECUTE a"), q("EXECUTE b"),
        q("PREPARE a AS SELECT 1"), q("DEALLOCATE a; DEALLOCATE b; SELECT 1"),
        q("EXECUTE a"), q("EXECUTE b"),
        q("PREPARE a AS SELECT 1; PREPARE b AS SELECT 1; DEALLOCATE a;"
          "EXECUTE b; EXECUTE a"), q("EXECUTE b")],
    "which of two names an error is about": [
        q("PREPARE a AS SELECT 1; PREPARE b AS SELECT 1"),
        q("DEALLOCATE ALL"),
        q("PREPARE a AS SELECT 1"), q("PREPARE b AS SELECT 1"),
        q("EXECUTE a; EXECUTE b(1)"),
        q("EXECUTE b; PREPARE a AS SELECT 2")],
    "names that are taken": [
        q("PREPARE a AS SELECT 1"), q("SELECT 1; PREPARE a AS SELECT 2"),
        q("EXECUTE a; PREPARE b AS SELECT 3; PREPARE b AS SELECT 4;"
          "SELECT 1"), q("EXECUTE b"),
        q("DEALLOCATE a; PREPARE a AS SELECT 5"), q("EXECUTE a"),
        q("DEALLOCATE a; PREPARE a AS SELECT 6; PREPARE a AS SELECT 7"),
        q("EXECUTE a"), w.parse("a", "SELECT 8") + w.sync()],
    "names that are unknown": [
        q("PREPARE a AS SELECT 1"), q("EXECUTE a; EXECUTE nope; EXECUTE a"),
        q("EXECUTE nope; PREPARE b AS SELECT 2"), q("EXECUTE b"),
        q("SELECT 1; EXECUTE carpool_1"), q("SELECT 1; DEALLOCATE carpool_1"),
        q("DEALLOCATE a; EXECUTE a"), q("EXECUTE a"),
        q("SELECT 1; DEALLOCATE nope; DEALLOCATE nope")],
    "nobody's names, of a client that has none": [
        q("SELECT 1; EXECUTE carpool_1"), q("SELECT 1; EXECUTE carpool_01"),
        q("SELECT 1; DEALLOCATE carpool_2; SELECT 2")],
    "an error in each place": [
        q("SELECT 1/0; PREPARE a AS SELECT 1; EXECUTE a"), q("EXECUTE a"),
        q("PREPARE a AS SELECT 1; SELECT 1/0; EXECUTE a"), q("EXECUTE a"),
        q("EXECUTE a; DEALLOCATE a; SELECT 1/0"), q("EXECUTE a"),
        q("PREPARE a AS SELECT 2; SELECT nope; PREPARE b AS SELECT 3"),
        q("EXECUTE a"), q("EXECUTE b"),
        q("SELECT 1/0; DEALLOCATE a; SELECT 1"), q("EXECUTE a"),
        q("SELECT 1; DEALLOCATE a; SELECT 1/0; PREPARE a AS SELECT 4"),
        q("EXECUTE a"),
        q("PREPARE a AS SELECT nope; PREPARE b AS SELECT 5"),
        q("PREPARE b AS SELECT 5; PREPARE a AS SELECT nope"),
        q("EXECUTE b"), q("EXECUTE a"),
        q("PREPARE c AS SELECT 6; EXECUTE c; EXECUTE c(1)"), q("EXECUTE c"),
        q("PREPARE d AS SELECT 7; nonsense"), q("EXECUTE d")],
    "places in the text": [
        q("PREPARE a (int) AS SELECT $1"),
        q("EXECUTE a(1); SELECT nope"), q("EXECUTE a('x'); EXECUTE a(2)"),
        q("EXECUTE a(1); EXECUTE a(2); EXECUTE a(nope)"),
        q("DEALLOCATE a; PREPARE a AS SELECT 1; SELECT nope, 1"),
        q("/* \u00e4\u00f6 */ SELECT '\u20ac'; PREPARE \"\u00e4\" AS SELECT '\u20ac', nope"),
        q("PREPARE long_name_of_a_statement AS SELECT nope"),
        q("PREPARE b AS SELECT 1; PREPARE c AS SELECT nope"),
        q("SELECT 1; EXECUTE nope; nonsense")],
    "in a transaction that fails": [
        q("PREPARE a AS SELECT 1"), q("BEGIN"), q("SELECT 1/0"),
        q("DEALLOCATE a; SELECT 1"), q("PREPARE b AS SELECT 1; SELECT 1"),
        q("ROLLBACK; PREPARE b AS SELECT 2; EXECUTE b"), q("EXECUTE b"),
        q("BEGIN; SELECT 1/0; COMMIT"), q("SELECT 1"),
        q("ROLLBACK; DEALLOCATE a; SELECT 3"), q("EXECUTE a"),
        q("BEGIN; SELECT 1/0"), q("ROLLBACK; DEALLOCATE ALL"),
        q("EXECUTE b")],
    "savepoints": [
        q("BEGIN; SAVEPOINT s; PREPARE a AS SELECT 1; ROLLBACK TO s;"
          "EXECUTE a; COMMIT"), q("EXECUTE a"),
        q("BEGIN; SAVEPOINT s; DEALLOCATE a; ROLLBACK TO s; COMMIT"),
        q("EXECUTE a")],
    "DISCARD ALL among others is the server's to refuse": [
        q("PREPARE a AS SELECT 1"), q("SELECT 1; DISCARD ALL"),
        q("EXECUTE a"), q("PREPARE b AS SELECT 2; DISCARD ALL; EXECUTE b"),
        q("EXECUTE b"), q("DISCARD PLANS; EXECUTE a; DISCARD SEQUENCES")],
    "settings in the same text": [
        q("SET DateStyle TO 'ISO, DMY'; PREPARE a AS SELECT date '1/2/2003';"
          "SET DateStyle TO 'ISO, MDY'; EXECUTE a"),
        q("PREPARE b AS SELECT date '1/2/2003'"), q("EXECUTE b"),
        q("PREPARE c AS SELECT date '1/2/2003'; EXECUTE c; EXECUTE b"),
        q("BEGIN; SET LOCAL DateStyle TO 'ISO, DMY'"),
        q("ROLLBACK; PREPARE d AS SELECT date '3/4/2005'; EXECUTE d"),
        q("PREPARE e AS SELECT date '3/4/2005'"), q("EXECUTE e")],
    "tables in the same text": [
        q("BEGIN; CREATE TABLE steps_t (a int); "
          "PREPARE a AS INSERT INTO steps_t VALUES (1) RETURNING a + 0;"
          "EXECUTE a; EXECUTE a; PREPARE b AS SELECT count(*) FROM steps_t;"
          "EXECUTE b"), q("EXECUTE b; ALTER TABLE steps_t ADD b int"),
        q("ROLLBACK; SELECT 1")],
    "an explained and a created one": [
        q("PREPARE a (int) AS SELECT $1 AS x; EXPLAIN (COSTS OFF) "
          "EXECUTE a(1)"),
        q("BEGIN; CREATE TEMP TABLE steps_x ON COMMIT DROP AS EXECUTE a(4);"
          "SELECT x + 0 FROM steps_x; COMMIT"),
        q("SELECT 1; CREATE TABLE steps_y AS EXECUTE nope; EXECUTE a(1)")],
    "quoted names among others": [
        q('PREPARE "A;b""c" AS SELECT \';\'; EXECUTE "A;b""c"; SELECT 1'),
        q('SELECT $$ ; EXECUTE x $$; /* ; DEALLOCATE ALL */ '
          'EXECUTE "A;b""c"; -- ; PREPARE\nSELECT 2'),
        q('PREPARE "" AS SELECT 1; SELECT 2'), q('SELECT 2; EXECUTE ""')],
    "with the protocol's": [
        w.parse("a", "SELECT $1::int + 1") + w.sync(),
        q("EXECUTE a(1); PREPARE b AS SELECT 5"), run("b"),
        q("DEALLOCATE a; SELECT 1") + w.parse("a", "SELECT 2") + run("a"),
        q("SELECT 1; DEALLOCATE ALL") + w.parse("a", "SELECT 3") + run("a"),
        q("SELECT 1; DEALLOCATE b") + run("a"),
        w.parse("", "SELECT 4") + w.sync(), q("SELECT 1; EXECUTE a"), run("")],
    "a pipeline of texts": [
        q("PREPARE a AS SELECT 1; EXECUTE a") + q("EXECUTE a; DEALLOCATE a") +
        q("EXECUTE a; SELECT 1") + q("PREPARE a AS SELECT 2; SELECT 3") +
        run("a") + q("SELECT 4; DEALLOCATE ALL; PREPARE a AS SELECT 5") +
        w.parse("b", "SELECT 6") + run("b") + run("a") + q("EXECUTE a")],
    "long texts": [
        q("SELECT '" + "x" * 9000 + "'; PREPARE a AS SELECT 1; EXECUTE a"),
        q("EXECUTE a"), q("SELECT '" + "x" * 9000 + ";'; EXECUTE carpool_1"),
        q("SELECT '" + "y" * 40000 + "'; DEALLOCATE a; EXECUTE a"),
        q("SELECT '" + "z" * 20000 + "';")],
    "as many as there may be": [
        q(";".join(f"PREPARE s{i} AS SELECT {i}" for i in range(32))),
        q(";".join(f"EXECUTE s{i}" for i in range(32))),
        q(";".join(f"DEALLOCATE s{i}" for i in range(31, -1, -1))),
        q("EXECUTE s7")],
}
CASES.update({"among others: " + name: parts
              for name, parts in AMONG_OTHERS.items()})


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


def test_more_than_a_text_may_name(make_carpool):
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as c:
        c.query("BEGIN")
        got = c.query(";".join(["SELECT 1"] + ["EXECUTE a"] * 33),
                      check=False)
        assert got.errors[0].sqlstate == "54000"
        assert "32" in got.errors[0].message and got.status == "E"
        c.query("ROLLBACK")
        assert c.value("SELECT 3") == "3"
