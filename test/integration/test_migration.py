"""A migration runs through carpool: who prepares a statement behind it gets
what the tables are now, on every server, whatever the servers had loaded before
it (trap 13).  What becomes of statements from before stands in test_plans.py.
"""

import contextlib

import pytest

from test_plans import SQL, Servers, ask, error_of, prepare, run
from test_plans import run_described, table  # noqa: F401 (a fixture)
from tools import pgwire as w
from tools.raw import RawClient

ADD = "ALTER TABLE plans ADD COLUMN b int DEFAULT 2"
AGAIN = "CREATE TABLE plans AS SELECT 1 AS a, 2 AS b"


def queries(*texts):
    def change(c):
        for sql in texts:
            c.query(sql)
    return change


def executes(sql):
    def change(c):
        c.extended(sql)
    return change


# How a migration is sent; behind each the table has another column.
WAYS = {
    "alone": queries(ADD),
    "by Execute": executes(ADD),
    "in a transaction": queries("BEGIN", ADD, "SELECT 1", "COMMIT"),
    "among others": queries(f"SELECT 1; {ADD}; SELECT 2"),
    "with its COMMIT": queries(f"BEGIN; {ADD}; COMMIT"),
    "and a chain": queries("BEGIN", ADD, "COMMIT AND CHAIN", "ROLLBACK"),
    "behind a savepoint": queries(
        "BEGIN", ADD, "SAVEPOINT x", "SELECT 1", "ROLLBACK TO x", "COMMIT"),
    "made anew": queries("BEGIN", "DROP TABLE plans", AGAIN, "COMMIT"),
    "in a block of code": queries(f"DO $$ BEGIN {ADD}; END $$"),
    "of a view": queries(
        "BEGIN", "ALTER TABLE plans RENAME TO plans_of_old",
        "CREATE VIEW plans AS SELECT a, 2 AS b FROM plans_of_old", "COMMIT"),
}


@pytest.fixture
def plans(pg, table):  # noqa: F811
    yield table
    pg.query("DROP TABLE IF EXISTS plans_of_old CASCADE", db="test")


@pytest.fixture
def member(pg):
    """app2 may change what app owns; others have it the other way round."""
    pg.query("REVOKE app2 FROM app; GRANT app TO app2", db="test")
    yield
    pg.query("REVOKE app FROM app2", db="test")


@pytest.fixture
def pair(make_carpool, pg, plans):
    """Two servers, both with the statement loaded.  Of the same database there
    is another entry, in session mode."""
    with contextlib.ExitStack() as stack:
        cp = make_carpool({"test": pg, "other": {
            "pg": pg, "dbname": "test", "pool_mode": "session"}},
            default_pool_size=2)
        servers = Servers(cp, stack)
        for number in 0, 1:
            with servers.free(number), opened(servers) as c:
                prepare(c)
                assert run(c).rows == [["1"]]
        yield servers


def opened(servers, **kw):
    return RawClient.open(servers.cp.host, servers.cp.port, **kw)


def sees_both_columns(servers, c, number):
    """Prepared, described and run anew, with no error in between."""
    with servers.free(number):
        got = prepare(c)
        assert got.types == "1tTZ", got
        assert got.names == ["a", "b"]
        assert run(c).rows == [["1", "2"]]
        assert run_described(c).names == ["a", "b"]


@pytest.mark.parametrize("way", WAYS)
def test_who_prepares_after_it(pair, way):
    with pair.free(0), opened(pair) as owner:
        WAYS[way](owner)
    for number in 0, 1:
        with opened(pair) as c:
            sees_both_columns(pair, c, number)
    with opened(pair) as c:
        sees_both_columns(pair, c, 0)
        with pair.free(1):
            assert run(c).rows == [["1", "2"]]


@pytest.mark.parametrize("who", [
    {"user": "app2"}, {"database": "other"},
    {"database": "other", "user": "app2"}], ids=str)
def test_it_runs_through_another_pool(member, pair, who):
    with opened(pair, **who) as owner:
        owner.query(ADD)
    for number in 0, 1:
        with opened(pair) as c:
            sees_both_columns(pair, c, number)


def test_who_had_it_before(pair):
    """As on connections of their own: an error until they prepare anew, and
    none afterwards."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(opened(pair)) for _ in range(6)]
        for i, c in enumerate(clients):
            with pair.free(i % 2):
                prepare(c)
        with pair.free(0), opened(pair) as owner:
            owner.query(ADD)
        for i, c in enumerate(clients):
            with pair.free(i // 2 % 2):
                assert error_of(run(c)) == [
                    ("0A000", "cached plan must not change result type")]
                ask(c, w.close("S", "s"))
            sees_both_columns(pair, c, i % 2)
            with pair.free(1 - i % 2):
                assert run(c).rows == [["1", "2"]]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_within_its_own_transaction(pair, end):
    """What it prepares behind its own change is of the changed table; behind a
    rollback nobody gets that."""
    with pair.free(0), opened(pair) as owner:
        owner.query("BEGIN")
        owner.query(ADD)
        got = prepare(owner)
        assert (got.types, got.names) == ("1tTZ", ["a", "b"])
        assert run(owner).rows == [["1", "2"]]
        owner.query(end)
        ask(owner, w.close("S", "s"))
        names = ["a", "b"] if end == "COMMIT" else ["a"]
        assert prepare(owner).names == names
    for number in 1, 0:
        with pair.free(number), opened(pair) as c:
            assert prepare(c).names == names
            assert len(run(c).rows[0]) == len(names)


def test_back_to_a_savepoint(pair):
    with pair.free(0), opened(pair) as owner:
        owner.query("BEGIN; SAVEPOINT x")
        owner.query(ADD)
        assert prepare(owner).names == ["a", "b"]
        owner.query("ROLLBACK TO x")
        ask(owner, w.close("S", "s"))
        got = prepare(owner)
        assert (got.types, got.names) == ("1tTZ", ["a"])
        owner.query("COMMIT")


def test_sql_prepare_after_it(pair):
    for number in 0, 1:
        with pair.free(number), opened(pair) as c:
            c.query(f"PREPARE s AS {SQL}")
            assert c.query("EXECUTE s").names == ["a"]
    with pair.free(0), opened(pair) as owner:
        owner.query(ADD)
    for number in 0, 1:
        with pair.free(number), opened(pair) as c:
            c.query(f"PREPARE s AS {SQL}")
            assert c.query("EXECUTE s").names == ["a", "b"]


def test_an_unnamed_statement_of_before(make_carpool, pg, plans):
    """The server's own, of the same text, which somebody else left there.
    Transactions begin and end by statements with names, since a Query would
    drop it."""
    def step(c, sql):
        ask(c, w.close("S", "x"), w.parse("x", sql))
        assert not ask(c, w.bind("", "x"), w.execute()).errors

    cp = make_carpool({"test": pg, "other": {"pg": pg, "dbname": "test"}},
                      default_pool_size=2)
    with contextlib.ExitStack() as stack:
        def client(database="test"):
            return stack.enter_context(RawClient.open(
                cp.host, cp.port, database=database))

        holders = [client(), client()]
        for holder in holders:
            step(holder, "BEGIN")
        for holder in holders:
            step(holder, "COMMIT")
            c = client()
            ask(c, w.parse("", SQL))
            assert ask(c, w.bind(), w.execute()).rows == [["1"]]
            step(holder, "BEGIN")
        client("other").query(ADD)
        c = client()
        step(holders[0], "COMMIT")
        ask(c, w.parse("", SQL))
        step(holders[0], "BEGIN")
        step(holders[1], "COMMIT")
        assert ask(c, w.bind(), w.describe("P"), w.execute()).rows == [
            ["1", "2"]]


def sent(cp):
    """Statements that servers were sent to prepare."""
    return sum(int(row["total_server_parse_count"])
               for row in cp.admin("SHOW STATS") if row["database"] == "test")


def test_a_seen_change_is_paid_once(pair):
    """Whoever comes after the first one needs no Parse of its own."""
    with pair.free(0), opened(pair) as owner:
        owner.query(ADD)
    for number in 0, 1:
        with opened(pair) as c:
            sees_both_columns(pair, c, number)
    before = sent(pair.cp)
    for i in range(6):
        with opened(pair) as c:
            sees_both_columns(pair, c, i % 2)
    assert sent(pair.cp) == before


QUIET = [
    "CREATE TEMP TABLE quiet (x int) ON COMMIT DROP",
    "CREATE TEMP TABLE quiet (x int); DROP TABLE quiet",
    "CREATE INDEX quiet ON plans (a); DROP INDEX quiet",
    "TRUNCATE plans; INSERT INTO plans VALUES (1)",
    "ANALYZE plans",
    "COMMENT ON TABLE plans IS 'quiet'",
]


@pytest.mark.parametrize("sql", QUIET)
def test_what_changes_no_statement_costs_nothing(pair, sql):
    with pair.free(0), opened(pair) as owner:
        owner.query(sql)
    before = sent(pair.cp)
    with pair.free(1), opened(pair) as c:
        assert prepare(c).types == "1tTZ"
        assert run(c).rows == [["1"]]
    assert sent(pair.cp) == before


def test_a_temporary_table_of_the_same_name(pair):
    """It hides the other one from what its client prepares, on its server, as
    long as it is there."""
    with pair.free(0):
        with opened(pair) as c:
            c.query("CREATE TEMP TABLE plans AS SELECT 'x' AS t, 'y' AS u")
            c.query("DROP TABLE plans")
            c.query("CREATE TEMP TABLE plans (t text, u text)")
            got = prepare(c)
            assert (got.types, got.names) == ("1tTZ", ["t", "u"])
            assert run(c).rows == []
        with opened(pair) as c:
            got = prepare(c)
            assert (got.types, got.names) == ("1tTZ", ["a"])
            assert run(c).rows == [["1"]]


def test_each_client_has_a_temporary_table_of_its_own(pair):
    """Of other columns than the last one's, gone with its transaction."""
    with pair.free(0), opened(pair) as c:
        for columns in "p int", "q int, r text", "p int":
            c.query("BEGIN")
            c.query(f"CREATE TEMP TABLE mine ({columns}) ON COMMIT DROP")
            got = ask(c, w.parse("m", "SELECT * FROM mine"),
                      w.describe("S", "m"))
            assert got.types == "1tTZ", got
            assert got.names == [col.split()[0] for col in columns.split(", ")]
            assert ask(c, w.bind("", "m"), w.execute()).types == "2CZ"
            c.query("COMMIT")
            ask(c, w.close("S", "m"))


def test_an_error_tells_of_a_change_nobody_saw(pg, pair):
    """One client gets it; then no other one that prepares anew."""
    with opened(pair) as held:
        with pair.free(0):
            prepare(held)
            run(held)
        pg.query(ADD, db="test")
        with pair.free(0):
            assert run(held).errors[0].sqlstate == "0A000"
    for number in 1, 0:
        with opened(pair) as c:
            sees_both_columns(pair, c, number)


def test_who_asks_for_the_rows_each_time(pg, pair):
    """The description behind each Bind is what it goes by: it meets no error,
    in transactions neither.  Unless the change went by unseen: then one, and
    nobody else gets another."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(opened(pair)) for _ in range(3)]
        for i, c in enumerate(clients):
            with pair.free(i % 2):
                ask(c, w.parse("s", SQL))
                assert run_described(c).rows == [["1"]]
        with pair.free(0), opened(pair) as owner:
            owner.query(ADD)
        for number in 0, 1:
            for i, c in enumerate(clients):
                with pair.free(number):
                    if i == 0:
                        c.query("BEGIN")
                    got = run_described(c)
                    assert (got.names, got.rows) == (["a", "b"], [["1", "2"]])
                    if i == 0:
                        c.query("COMMIT")
        pg.query("ALTER TABLE plans DROP COLUMN b", db="test")
        with pair.free(0):
            assert run_described(clients[0]).errors[0].sqlstate == "0A000"
        for number in 0, 1:
            for c in clients:
                with pair.free(number):
                    got = run_described(c)
                    assert (got.names, got.rows) == (["a"], [["1"]])


@pytest.mark.parametrize("seen", [True, False])
def test_who_asked_for_the_rows_once(pg, make_carpool, plans, seen):
    """Told by a portal, it gets no other rows from a server that loads the
    statement anew; then the error that drivers know by its routine."""
    with contextlib.ExitStack() as stack:
        servers = Servers(make_carpool(default_pool_size=2), stack)
        c = stack.enter_context(opened(servers))
        with servers.free(0):
            ask(c, w.parse("s", SQL))
            assert run_described(c).rows == [["1"]]
            assert run(c).rows == [["1"]]
            if seen:
                with opened(servers) as owner:
                    owner.query(ADD)
        if not seen:
            pg.query(ADD, db="test")
        for number in 1, 0:
            with servers.free(number):
                error = run(c).errors[0]
                assert error.sqlstate == "0A000"
                assert error.fields["R"] == "RevalidateCachedQuery"
