"""What keeps a MySQL client on its server ends when the client takes it back, not
only with the client: on a pool of one the second client is served then, while the
first stays connected, and finds a clean server."""

import pytest

from tools import mywire as w
from tools.myway import make_way
from tools.rawmysql import RawMysql

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF

LOCK = "SELECT GET_LOCK('pin one', 0)"
UNLOCK = "SELECT RELEASE_LOCK('pin one') AS done"
FREE = "SELECT IS_FREE_LOCK('pin one') + IS_FREE_LOCK('pin two')"


def pytest_generate_tests(metafunc):
    """On both servers, and in both styles of EOF where rows are read."""
    ways = [("mariadb", w.BASE), ("mysql8", MODERN)]
    if metafunc.definition.name != "test_in_doubt_the_server_stays":
        ways.append(("mariadb", MODERN))
    metafunc.parametrize("way, caps", ways, indirect=["way"],
                         ids=["mariadb-old", "mysql8", "mariadb"][:len(ways)])


@pytest.fixture
def way(request):
    server = request.getfixturevalue(request.param)
    server.script("DROP TABLE IF EXISTS pinned\n"
                  "CREATE TABLE pinned (a INT)", "test")
    made = make_way(request, server, default_pool_size=1)
    yield made
    made.close()


@pytest.fixture
def a(way, caps):
    return way.open(caps=caps | w.MULTI_STATEMENTS)


@pytest.fixture
def b(way):
    return way.open(caps=MODERN)


def code(c, sql):
    errors = c.query(sql, check=False).errors
    return errors[0].code if errors else None


def held(way, a, b, *texts):
    """After each of these the client keeps its server."""
    for sql in texts:
        a.query(sql)
    if not way.is_direct:
        b.say(w.query("SELECT 'served'"))
        b.expect_silence(0.1)


def let_go(way, a, b, *texts):
    """After the last of these b is served, while a is there."""
    for sql in texts:
        a.query(sql)
    if way.is_direct:
        assert b.value("SELECT 'served'") == "served"
    else:
        assert b.finish(b.answer_of(w.QUERY)).value == "served"


@pytest.mark.parametrize("begin, end", [
    ([LOCK], [UNLOCK]),
    ([LOCK, LOCK], [UNLOCK, UNLOCK]),
    ([LOCK, "SELECT GET_LOCK('pin two', 0) x"],
     [UNLOCK, "SELECT RELEASE_LOCK('pin two')"]),
    ([LOCK], ["SELECT RELEASE_ALL_LOCKS()"]),
    (["CREATE TEMPORARY TABLE tt (a INT)"], ["DROP TEMPORARY TABLE tt"]),
    (["CREATE TEMPORARY TABLE tt (a INT)", "CREATE TEMPORARY TABLE uu (a INT)"],
     ["DROP TEMPORARY TABLE tt", "DROP TEMPORARY TABLE uu"]),
    (["PREPARE p FROM 'SELECT 1'"], ["DEALLOCATE PREPARE p"]),
    (["PREPARE p FROM 'SELECT 1'", "PREPARE q FROM 'SELECT 2'"],
     ["DROP PREPARE q", "DEALLOCATE PREPARE p"]),
    (["HANDLER pinned OPEN"], ["HANDLER pinned CLOSE"]),
    (["HANDLER pinned OPEN", "HANDLER pinned OPEN AS other"],
     ["HANDLER other CLOSE", "HANDLER pinned CLOSE"]),
    (["LOCK TABLES pinned WRITE"], ["UNLOCK TABLES"]),
])
def test_what_is_taken_back_keeps_no_server(way, a, b, begin, end):
    a.query("SELECT 1")
    held(way, a, b, *begin)
    for sql in end[:-1]:
        a.query(sql)
    if not way.is_direct:
        b.expect_silence(0.1)
    let_go(way, a, b, end[-1])
    # Nothing of it is left, and the next one pins anew.
    assert b.value(FREE) == "2"
    for sql in ("SELECT * FROM tt", "SELECT * FROM uu", "EXECUTE p",
                "HANDLER pinned READ FIRST", "HANDLER other READ FIRST"):
        # What it may have done keeps it until it leaves.
        with way.open() as c:
            assert code(c, sql) is not None
    held(way, a, b, *begin)
    let_go(way, a, b, *end)


@pytest.mark.parametrize("begin, no_end, still", [
    # Not the lock that it has, one that it had not, an answer too few.
    ([LOCK], ["SELECT RELEASE_LOCK('pin two')"], LOCK),
    ([LOCK, LOCK], [UNLOCK], LOCK),
    # Nobody knows how many these take, or give back.
    (["SELECT GET_LOCK('pin one', 0), GET_LOCK('pin two', 0)"], [UNLOCK], LOCK),
    ([LOCK, "DO GET_LOCK('pin two', 0)"], [UNLOCK], LOCK),
    (["SELECT GET_LOCK('pin one', 0) FROM (SELECT 1 UNION SELECT 2) AS t"],
     [UNLOCK], LOCK),
    (["DO 1; " + LOCK, "SELECT GET_LOCK('pin two', 0)"], [UNLOCK], LOCK),
    (["SET @got = GET_LOCK('pin one', 0)"], [UNLOCK], LOCK),
    # IF EXISTS may have found none; a table of the same name; an error.
    (["CREATE TEMPORARY TABLE tt (a INT)"],
     ["DROP TEMPORARY TABLE IF EXISTS nothing"], "SELECT * FROM tt"),
    (["CREATE TEMPORARY TABLE tt (a INT)", "CREATE TABLE IF NOT EXISTS base (a "
      "INT)"], ["DROP TABLE base"], "SELECT * FROM tt"),
    (["CREATE TEMPORARY TABLE tt (a INT)"],
     ["DROP TEMPORARY TABLE nothing"], "SELECT * FROM tt"),
    (["CREATE TEMPORARY TABLE tt (a INT); CREATE TEMPORARY TABLE uu (a INT)"],
     ["DROP TEMPORARY TABLE uu"], "SELECT * FROM tt"),
    (["PREPARE p FROM 'SELECT 1'", "PREPARE q FROM 'SELECT 1'"],
     ["DEALLOCATE PREPARE nothing", "DEALLOCATE PREPARE q"], "EXECUTE p"),
    (["HANDLER pinned OPEN", "HANDLER pinned OPEN AS other"],
     ["HANDLER nothing CLOSE", "HANDLER other CLOSE"],
     "HANDLER pinned READ FIRST"),
])
def test_in_doubt_the_server_stays(way, a, b, begin, no_end, still):
    for sql in begin:
        a.query(sql)
    for sql in no_end:
        a.query(sql, check=False)
    held(way, a, b, still)
    a.close()
    if not way.is_direct:
        assert b.finish(b.answer_of(w.QUERY)).value == "served"
    assert b.value(FREE) == "2"


def test_locks_by_prepared_statements(way, a, b):
    take = a.prepare("SELECT GET_LOCK(?, 0)")
    give = a.prepare("SELECT RELEASE_LOCK(?)")
    assert a.execute(take, ["pin one"]).rows == [[1]]
    assert a.execute(take, ["pin two"]).rows == [[1]]
    assert a.execute(give, ["pin one"]).rows == [[1]]
    assert a.execute(give, ["pin one"]).rows == [[None]]
    held(way, a, b)
    assert a.execute(give, ["pin two"]).rows == [[1]]
    let_go(way, a, b)
    assert b.value(FREE) == "2"


def test_a_lock_that_another_has_keeps_no_server(way, a, b):
    holder = RawMysql.open(way.server.host, way.server.port, user="app",
                           database="test",
                           password=way.server.users["app"][0])
    assert holder.value(LOCK) == "1"
    assert a.value(LOCK) == "0"
    assert b.value(LOCK) == "0"
    held(way, a, b, "SELECT GET_LOCK('pin two', 0)")
    assert a.value(LOCK) == "0"
    assert a.value(UNLOCK) == "0"
    if not way.is_direct:
        b.expect_silence(0.1)
    let_go(way, a, b, "SELECT RELEASE_LOCK('pin two')")
    holder.close()
