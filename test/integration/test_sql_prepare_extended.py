"""SQL's PREPARE, EXECUTE and DEALLOCATE where drivers put them: inside a Parse
of the extended protocol, and among other statements of one simple query."""

import pytest

from test_sql_prepare import q, run, talk
from tools import pgwire as w
from tools.raw import RawClient

S = w.sync()


def x(sql, *values):
    """A text as most drivers send it."""
    return w.parse("", sql) + w.bind("", "", values) + w.describe("P") + (
        w.execute() + S)


def cached(name, sql):
    """A text as drivers send it that keep statements: described first."""
    return w.parse(name, sql) + w.describe("S", name) + S


def portal(name, sql):
    return w.parse("", sql) + w.bind(name, "")


EXTENDED = {
    "one by one": [
        x("PREPARE a AS SELECT 1"), x("EXECUTE a"), x("DEALLOCATE a"),
        x("EXECUTE a"), x("PREPARE a AS SELECT 2"), x("EXECUTE a"),
        x("DEALLOCATE PREPARE a"), x("DEALLOCATE a")],
    "kept by a driver": [
        cached("k1", "PREPARE a (int) AS SELECT $1 + 1"), run("k1"),
        cached("k2", "EXECUTE a(41)"), run("k2"), run("k2"),
        cached("k3", "DEALLOCATE a"), run("k3"), run("k2"), run("k3"),
        cached("k4", "EXECUTE a(41)"), run("k1"), run("k4"), run("k1"),
        q("EXECUTE a(1)"), run("k3"), run("k2")],
    "a name that is taken": [
        x("PREPARE a AS SELECT 1"), x("PREPARE a AS SELECT 2"),
        x("EXECUTE a"), q("PREPARE a AS SELECT 3"),
        w.parse("a", "SELECT 4") + S, run("a")],
    "one name space": [
        x("PREPARE a (int) AS SELECT $1 * 2"), run("a", "21"),
        w.describe("S", "a") + S, w.close("S", "a") + S, x("EXECUTE a(1)"),
        w.parse("a", "SELECT $1::int + 1") + S, x("EXECUTE a(41)"),
        q("EXECUTE a(41)"), x("DEALLOCATE a"), run("a", "1"),
        q("PREPARE a AS SELECT 'q'"), x("EXECUTE a"), x("DEALLOCATE a"),
        q("EXECUTE a")],
    "all of them": [
        x("PREPARE a AS SELECT 1"), w.parse("b", "SELECT 2") + S,
        x("DEALLOCATE ALL"), x("EXECUTE a"), run("b"),
        x("PREPARE a AS SELECT 3"), x("DEALLOCATE PREPARE ALL"),
        x("EXECUTE a"), x("DEALLOCATE ALL")],
    "all of them, and more in the same group": [
        q("PREPARE a AS SELECT 1"), w.parse("b", "SELECT 2") + S,
        portal("", "DEALLOCATE ALL") + w.execute() +
        w.parse("b", "SELECT 3") + run("b"), run("b"), q("EXECUTE a"),
        w.parse("c", "SELECT 4") + portal("", "DEALLOCATE ALL") +
        w.execute() + w.bind("", "c") + w.execute() + S, run("b")],
    "in one group": [
        portal("", "PREPARE a (int) AS SELECT $1 + 1") + w.execute() +
        portal("", "EXECUTE a(1)") + w.execute() +
        portal("", "DEALLOCATE a") + w.execute() +
        portal("", "PREPARE a AS SELECT 'new'") + w.execute() +
        portal("", "EXECUTE a") + w.execute() + S, q("EXECUTE a"),
        portal("", "DEALLOCATE a") + w.execute() +
        portal("", "EXECUTE a") + w.execute() +
        portal("", "PREPARE a AS SELECT 0") + w.execute() + S,
        q("EXECUTE a")],
    "in a pipeline": [
        x("PREPARE a AS SELECT 1") + x("EXECUTE a") + x("DEALLOCATE a") +
        x("EXECUTE a") + x("PREPARE a AS SELECT 2") + q("EXECUTE a") +
        q("DEALLOCATE a") + x("PREPARE a AS SELECT 3") + x("EXECUTE a")],
    "errors in a group": [
        q("PREPARE a AS SELECT 1"),
        w.parse("", "SELECT 1/0") + w.bind("", "") + w.execute() +
        portal("", "PREPARE b AS SELECT 2") + w.execute() +
        portal("", "DEALLOCATE a") + w.execute() + S,
        q("EXECUTE b"), q("EXECUTE a"),
        portal("", "DEALLOCATE a") + w.execute() +
        portal("", "PREPARE b AS SELECT 2") + w.execute() +
        portal("", "SELECT 1/0") + w.execute() +
        portal("", "DEALLOCATE b") + w.execute() + S,
        q("EXECUTE b"), q("EXECUTE a"),
        w.parse("", "CREATE TEMP TABLE not_made (a int)") +
        w.bind("", "") + w.execute() + portal("", "EXECUTE nope") +
        w.execute() + S, q("SELECT * FROM not_made")],
    "texts that fail": [
        x("PREPARE a AS SELECT * FROM no_such_table"), x("EXECUTE a"),
        x("PREPARE a AS SELECT no_such_column, 1"),
        x("  PREPARE  /* é */ a  (int) AS SELECT $1 + 'x'::text"),
        x("PREPARE a AS SELEC 1"), x("PREPARE a"), x("EXECUTE"),
        x("DEALLOCATE"), x("PREPARE a (int) AS SELECT $1"),
        x("EXECUTE a"), x("EXECUTE a('y')"), x("EXECUTE a(1, 2)"),
        x("EXECUTE a(1)"), x("EXECUTE a($1)", "1"),
        x("EXECUTE a(1)", "1"), x("EXECUTE a(1); EXECUTE a(2)"),
        x("PREPARE b AS SELECT 1; EXECUTE b"), q("EXECUTE b")],
    "quoted names": [
        x('PREPARE "A b""c" AS SELECT 1'), x('EXECUTE "A b""c"'),
        x('EXECUTE "a b""c"'), x("prepare X as select 5"), x('EXECUTE "x"'),
        x('/* y */ EXECUTE x -- z'), x('DEALLOCATE PREPARE "A b""c"'),
        x('EXECUTE "A b""c"')],
    "unknown names": [
        x("EXECUTE nope"), x("DEALLOCATE nope"), x("EXECUTE carpool_1"),
        x("DEALLOCATE carpool_1"), x("EXECUTE carpool_0"),
        x("PREPARE carpool_1 AS SELECT 'mine'"), x("EXECUTE carpool_1"),
        x("EXECUTE carpool_run"), x("DEALLOCATE carpool_run"),
        cached("k", "EXECUTE carpool_2"), run("k")],
    "in a transaction that fails": [
        x("PREPARE a AS SELECT 1"), q("BEGIN"), x("EXECUTE a"),
        x("SELECT 1/0"), x("EXECUTE a"), x("DEALLOCATE ALL"),
        x("DEALLOCATE a"), x("PREPARE b AS SELECT 1"), x("ROLLBACK"),
        x("EXECUTE a"), x("EXECUTE b")],
    "a transaction fails in front of it": [
        x("PREPARE a AS SELECT 1"), q("BEGIN"),
        x("SELECT 1/0") + x("PREPARE b AS SELECT 1") + x("DEALLOCATE a") +
        x("DEALLOCATE ALL"), q("ROLLBACK"), x("EXECUTE a"), x("EXECUTE b")],
    "in a transaction that rolls back": [
        x("BEGIN"), x("PREPARE a AS SELECT 1"), x("ROLLBACK"),
        x("EXECUTE a"), x("BEGIN"), x("DEALLOCATE a"), x("ROLLBACK"),
        x("EXECUTE a")],
    "portals with names": [
        q("BEGIN"), portal("p1", "PREPARE a AS SELECT generate_series(1, 5)")
        + S, portal("p2", "DEALLOCATE a") + S, w.describe("P", "p1") + S,
        w.execute("p1") + S, portal("p3", "EXECUTE a") + S,
        w.describe("P", "p3") + S, w.execute("p3", 2) + S,
        w.execute("p2") + w.execute("p3", 2) + S, w.execute("p3") + S,
        q("COMMIT"), x("EXECUTE a")],
    "portals that are gone": [
        portal("p1", "PREPARE a AS SELECT 1") + S, w.execute("p1") + S,
        x("EXECUTE a"), q("BEGIN"), portal("p1", "PREPARE a AS SELECT 1") +
        w.close("P", "p1") + S, w.execute("p1") + S, q("ROLLBACK"),
        x("EXECUTE a"), x("PREPARE a AS SELECT 1"), q("BEGIN"),
        portal("", "DEALLOCATE a") + S, q("SELECT 1"), w.execute() + S,
        q("ROLLBACK"), x("EXECUTE a"), q("BEGIN"), q("SAVEPOINT s"),
        portal("p1", "DEALLOCATE a") + S, q("ROLLBACK TO s"),
        w.execute("p1") + S, q("ROLLBACK"), x("EXECUTE a"), q("BEGIN"),
        portal("", "EXECUTE a") + S, q("SELECT 1"), w.execute() + S,
        q("ROLLBACK")],
    "behind other words": [
        x("PREPARE b (int) AS SELECT $1 AS n"),
        x("EXPLAIN (COSTS OFF) EXECUTE b(1)"),
        x("BEGIN"), x("CREATE TEMPORARY TABLE made AS EXECUTE b(2)"),
        x("SELECT sum(n) FROM made"), x("ROLLBACK"), x("DEALLOCATE b"),
        x("EXPLAIN EXECUTE b(1)")],
    "long texts": [
        x("PREPARE a AS SELECT length('" + "x" * 20000 + "')"),
        x("EXECUTE a"), x("PREPARE b (text) AS SELECT length($1)"),
        x("EXECUTE b('" + "y" * 30000 + "')"),
        cached("k", "EXECUTE b('" + "z" * 40000 + "')"), run("k"),
        x("DEALLOCATE b /*" + "z" * 9000 + "*/"), run("k")],
    "the unnamed statement stays": [
        x("PREPARE a AS SELECT 1"), w.parse("", "EXECUTE a") + S,
        run(""), w.describe("S") + S, x("DEALLOCATE a"), run(""),
        w.parse("", "EXECUTE a") + S, q("PREPARE a AS SELECT 2"), run("")],
    "a statement of the protocol that names another": [
        q("PREPARE a AS SELECT 1"), w.parse("s", "EXECUTE a") + S,
        run("s"), w.parse("s", "SELECT 1") + S, run("s"),
        w.close("S", "s") + S, run("s")],
}


def told(m):
    """Without the place in the server's program."""
    if m.type != "E":
        return m
    fields = m.body.split(b"\0")
    return "E", [f for f in fields if f[:1] not in (b"F", b"L", b"R")]


def same(want, got):
    got = [m for m in got if m.type not in "NS"]
    return [told(m) for m in got] == [told(m) for m in want]


def play(cp, parts, want, between=None):
    with RawClient.open(cp.host, cp.port) as c:
        for n, (part, expected) in enumerate(zip(parts, want)):
            c.send(part)
            count = sum(m.type in "QS" for m in w.split(part))
            got = c.read_until("Z", count).messages
            assert same(expected, got), (
                f"step {n}: {part!r:.300}\n  direct:  {w.show(expected)}\n"
                f"  through: {w.show(got)}")
            if between is not None:
                between(c)


def compare(pg, make_carpool, parts):
    """Alone; behind a stranger of the same names on the one server; and with
    the server that was used last taken away after each step."""
    want = talk(pg, parts)
    cp = make_carpool(default_pool_size=1)
    play(cp, parts, want)
    with RawClient.open(cp.host, cp.port) as other:
        other.query("PREPARE a AS SELECT 'stranger'")
        other.query("PREPARE b AS SELECT 'stranger'")
        play(cp, parts, want)
        assert other.query("EXECUTE a").rows == [["stranger"]]
        assert other.query("EXECUTE b").rows == [["stranger"]]
    cp = make_carpool(default_pool_size=2, max_prepared_statements=2)
    with RawClient.open(cp.host, cp.port) as other:
        def move(c):
            if c.status != "I":
                return
            if other.status != "I":
                other.query("COMMIT")
            other.query("BEGIN")
        play(cp, parts, want, move)


@pytest.mark.parametrize("name", EXTENDED)
def test_in_a_parse(pg, make_carpool, name):
    compare(pg, make_carpool, EXTENDED[name])


def test_preparing_what_the_server_has_keeps_no_server(make_carpool):
    """It is answered without the server, which was asked for."""
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as a, \
            RawClient.open(cp.host, cp.port) as b:
        a.query("PREPARE a AS SELECT 1")
        a.query("PREPARE b AS SELECT 1")
        assert b.value("SELECT 2") == "2"
        assert b.query("PREPARE c AS SELECT 1").tags == ["PREPARE"]
        assert a.query("EXECUTE b").rows == [["1"]]


def test_a_text_that_is_too_long_is_not_taken_for_another(make_carpool):
    """More than 64 KiB cannot be turned into carpool's names: refused, so
    that it never runs what it was not meant for."""
    cp = make_carpool(default_pool_size=1)
    long = "y" * 70000

    def refused(got):
        return got.errors[0].sqlstate == "54000"

    with RawClient.open(cp.host, cp.port) as a, \
            RawClient.open(cp.host, cp.port) as b:
        a.query("PREPARE a (text) AS SELECT 'of another', length($1)")
        assert a.query("EXECUTE a('x')").rows == [["of another", "1"]]
        for text in (f"EXECUTE carpool_1('{long}')",
                     f"/* a */ EXECUTE carpool_1('{long}')",
                     f"PREPARE carpool_1 AS SELECT '{long}'",
                     f"EXPLAIN EXECUTE carpool_1('{long}')"):
            assert refused(b.query(text, check=False))
            b.send(x(text))
            assert refused(b.read_until("Z"))
            b.query("BEGIN")
            b.send(x(text))
            assert refused(b.read_until("Z"))
            assert b.query("ROLLBACK").tags == ["ROLLBACK"]
            b.query("BEGIN")
            assert refused(b.query(text, check=False))
            assert b.query("COMMIT").tags == ["ROLLBACK"]
            assert b.value("SELECT 2") == "2"
        assert b.value(f"SELECT length('{long}')") == "70000"
        b.query(f"CREATE TEMP TABLE long AS SELECT '{long}' AS text")
        assert b.value("SELECT length(text) FROM long") == "70000"
        b.query("DROP TABLE long")
        assert a.query("EXECUTE a('x')").rows == [["of another", "1"]]


def test_one_text_may_execute_more_than_the_limit(make_carpool):
    """What was loaded for a text is not closed for the rest of it."""
    cp = make_carpool(default_pool_size=2, max_prepared_statements=1)
    with RawClient.open(cp.host, cp.port) as c, \
            RawClient.open(cp.host, cp.port) as other:
        for n in range(5):
            c.query(f"PREPARE s{n} AS SELECT {n}")
        for _ in range(3):
            other.query("BEGIN")
            got = c.query(";".join(f"EXECUTE s{n}" for n in range(5)))
            assert got.rows == [[str(n)] for n in range(5)]
            other.query("COMMIT")


def test_names_that_are_nobodys_are_not_anothers(make_carpool):
    """Whatever way a client asks for a name of carpool's own."""
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as a, \
            RawClient.open(cp.host, cp.port) as b:
        for n in range(3):
            a.query(f"PREPARE s{n} AS SELECT 'of a'")
            a.query(f"EXECUTE s{n}")
        for n in range(10):
            for part in (x(f"EXECUTE carpool_{n}"),
                         x(f"DEALLOCATE carpool_{n}"),
                         cached("k", f"EXECUTE carpool_{n}") + run("k") +
                         w.close("S", "k") + S,
                         w.parse("s", f"EXECUTE carpool_{n}") + S +
                         q("EXECUTE s") + x("EXECUTE s") +
                         w.close("S", "s") + S):
                b.send(part)
                count = sum(m.type in "QS" for m in w.split(part))
                assert not b.read_until("Z", count).rows
        for n in range(3):
            assert a.query(f"EXECUTE s{n}").rows == [["of a"]]
