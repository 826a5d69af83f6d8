"""The traps of pooling MySQL: what several clients on few servers see has to be
what each sees on a server of its own.

On MariaDB, and on MySQL 8 what both know, through carpool with two servers.
MYSQL_WAY=direct gives each client a connection of its own, which shows that the
tests themselves are right; MYSQL_WAY=naive sends them through a pooler that knows
transactions alone, where most have to fail."""

import struct

import pytest

from tools import mywire as w
from tools.myway import make_way
from tools.rawmysql import Closed, MyError
from tools.wait import wait_until

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF
MULTI = w.MULTI_STATEMENTS

SETUP = """
DROP PROCEDURE IF EXISTS begins_and_fails
CREATE PROCEDURE begins_and_fails() BEGIN START TRANSACTION;
    INSERT INTO trap (a) VALUES (1);
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'on purpose'; END
DROP PROCEDURE IF EXISTS changes_modes
CREATE PROCEDURE changes_modes() BEGIN SET sql_mode = 'ANSI_QUOTES';
    SET @inside = 5; CREATE TEMPORARY TABLE made (a INT);
    SET time_zone = '+05:00'; END
DROP FUNCTION IF EXISTS makes
CREATE FUNCTION makes() RETURNS INT BEGIN
    CREATE TEMPORARY TABLE IF NOT EXISTS made_by_function (a INT);
    RETURN 1; END
DROP TABLE IF EXISTS trap
CREATE TABLE trap (a INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(40))
    ENGINE=InnoDB
"""


of_mariadb = pytest.mark.of_mariadb


def pytest_generate_tests(metafunc):
    """On MariaDB, and on MySQL 8 what both know."""
    if "way" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("of_mariadb")
        metafunc.parametrize("way", ["mariadb"] if only else
                             ["mariadb", "mysql8"], indirect=True)


@pytest.fixture
def way(request):
    server = request.getfixturevalue(request.param)
    server.script(SETUP, "test")
    server.query("CREATE DATABASE IF NOT EXISTS other")
    made = make_way(request, server, ("test", "other"), default_pool_size=2,
                    mysql_default_database="test", local_infile=1)
    yield made
    made.close()


@pytest.fixture
def a(way):
    return way.open(caps=MODERN | MULTI)


@pytest.fixture
def b(way):
    return way.open(caps=MODERN | MULTI)


def code(c, sql):
    errors = c.query(sql, check=False).errors
    return errors[0].code if errors else None


def busy(c, times=3):
    """The other client's work, which moves servers about."""
    for n in range(times):
        assert c.value(f"SELECT {n}") == str(n)


# transactions

def test_2_a_procedure_that_begins_and_fails(way, a, b):
    """ERR has no status: the transaction is open all the same."""
    for end, left in (("ROLLBACK", 0), ("COMMIT", 1)):
        assert code(a, "CALL begins_and_fails()") == 1644
        busy(b)
        b.query("COMMIT")
        assert way.rows() == 0
        assert a.value("SELECT COUNT(*) FROM trap") == "1"
        a.query(end)
        assert way.rows() == left


def test_3_an_error_does_not_end_a_transaction(way, a, b):
    a.query("INSERT INTO trap (a) VALUES (1)")
    a.query("BEGIN")
    assert code(a, "INSERT INTO trap (a) VALUES (1)") == 1062
    busy(b)
    assert a.query("INSERT INTO trap (a) VALUES (2)").last.status & w.IN_TRANS
    a.query("ROLLBACK")
    assert way.rows() == 1


def test_4_a_deadlock_ends_one(way, a, b):
    a.query("INSERT INTO trap (a) VALUES (1), (2)")
    a.query("BEGIN")
    b.query("BEGIN")
    a.query("UPDATE trap SET b = 'a' WHERE a = 1")
    b.query("UPDATE trap SET b = 'b' WHERE a = 2")
    a.say(w.query("UPDATE trap SET b = 'a' WHERE a = 2"))
    wait_until(lambda: way.outside(
        "SELECT 1 FROM information_schema.innodb_trx"
        " WHERE trx_state = 'LOCK WAIT'"), 10,
        "one to wait for the other")
    b.say(w.query("UPDATE trap SET b = 'b' WHERE a = 1"))
    got = [c.finish(c.answer_of(w.QUERY)) for c in (a, b)]
    assert sorted(e.code for g in got for e in g.errors) == [1213]
    for c, answer in zip((a, b), got):
        if answer.errors:
            assert not c.query("INSERT INTO trap (b) VALUES ('after')"
                               ).last.status & w.IN_TRANS
        else:
            c.query("COMMIT")
    assert way.rows() == 3


def test_5_clients_without_autocommit_share(way):
    clients = [way.open() for _ in range(8)]
    for c in clients:
        c.query("SET autocommit = 0")
    for n in range(4):
        for i, c in enumerate(clients):
            c.query(f"INSERT INTO trap (b) VALUES ('{i}')")
            assert c.query("SELECT 1").last.status & w.IN_TRANS
            c.query("COMMIT" if n % 2 else "ROLLBACK")
    for c in clients:
        assert c.value("SELECT @@autocommit") == "0"
        assert not c.ping().status & w.AUTOCOMMIT
        c.query("ROLLBACK")
    assert way.rows() == 16


def test_6_a_savepoint_without_autocommit(way, a, b):
    a.query("SET autocommit = 0")
    a.query("SAVEPOINT s")
    busy(b)
    a.query("INSERT INTO trap (b) VALUES ('gone')")
    a.query("ROLLBACK TO SAVEPOINT s")
    a.query("COMMIT")
    assert way.rows() == 0


def test_7_xa(way, a, b):
    a.query("XA START 'trap'")
    a.query("INSERT INTO trap (b) VALUES ('xa')")
    a.query("XA END 'trap'")
    busy(b)
    a.query("XA PREPARE 'trap'")
    busy(b)
    assert way.rows() == 0
    a.query("XA COMMIT 'trap'")
    assert way.rows() == 1


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_17_set_transaction_is_for_the_next_one(way, a, b, end):
    a.query("SET TRANSACTION READ ONLY")
    busy(b)
    b.query("INSERT INTO trap (b) VALUES ('b may')")
    a.query("BEGIN")
    busy(b)
    assert code(a, "INSERT INTO trap (b) VALUES ('a')") == 1792
    a.query(end)
    b.query("INSERT INTO trap (b) VALUES ('b may')")
    a.query("INSERT INTO trap (b) VALUES ('a may, too')")
    assert way.rows() == 3


def test_31_an_error_amid_several_statements(way, a, b):
    assert code(a, "BEGIN; INSERT INTO trap (b) VALUES ('x');"
                   " SELEC 1; COMMIT") == 1064
    busy(b)
    assert way.rows() == 0
    assert a.value("SELECT COUNT(*) FROM trap") == "1"
    a.query("ROLLBACK")
    assert way.rows() == 0


@pytest.mark.parametrize("leave", ["close", "reset", "quit"])
def test_42_a_client_leaves_amid_a_transaction(way, a, b, leave):
    a.query("BEGIN")
    a.query("INSERT INTO trap (a) VALUES (7)")
    getattr(a, leave)()
    assert b.query("INSERT INTO trap (a) VALUES (7)").last.affected == 1
    busy(b)
    assert way.rows() == 1


# what a session keeps

def test_1_a_function_that_leaves_something(way):
    """In the old style of EOF its tracker never comes."""
    with way.open(caps=w.BASE) as first:
        first.query("SELECT makes()")
        if way.is_direct or way.server.name == "mariadb":
            assert first.query("SELECT * FROM made_by_function").rows == []
    for _ in range(3):
        with way.open(caps=w.BASE) as c:
            assert code(c, "SELECT * FROM made_by_function") == 1146


def test_8_a_temporary_table_by_a_prepared_statement(way, a, b):
    s = a.prepare("CREATE TEMPORARY TABLE tt (a INT)")
    busy(b)
    a.execute(s)
    for n in range(3):
        a.query(f"INSERT INTO tt VALUES ({n})")
        assert code(b, "SELECT * FROM tt") == 1146
    assert a.value("SELECT COUNT(*) FROM tt") == "3"
    a.close()
    assert code(way.open(), "SELECT * FROM tt") == 1146


@pytest.mark.parametrize("sql", [
    "CREATE TEMPORARY TABLE tt (a INT)", "create temporary table tt (a int)",
    "CREATE/**/TEMPORARY\n\tTABLE tt (a INT)",
    "-- x\nCREATE # y\n TEMPORARY /* z */ TABLE tt (a INT)",
    "CREATE TEMPORARY TABLE IF NOT EXISTS tt (a INT)",
    "CREATE TEMPORARY TABLE tt AS SELECT 1 AS a",
    "CREATE TEMPORARY TABLE `tt` LIKE trap",
    "/*!50000 CREATE TEMPORARY TABLE tt (a INT) */",
    "CREATE /*! TEMPORARY */ TABLE tt (a INT)",
    "DO 1; CREATE TEMPORARY TABLE tt (a INT)",
])
def test_9_spellings_of_a_temporary_table(way, a, b, sql):
    made_by(way, a, b, sql)


@of_mariadb
@pytest.mark.parametrize("sql", [
    "CREATE OR REPLACE TEMPORARY TABLE tt (a INT)",
    "/*M!100000 CREATE TEMPORARY*/ TABLE tt (a INT)",
    "EXECUTE IMMEDIATE 'CREATE TEMPORARY TABLE tt (a INT)'",
    "BEGIN NOT ATOMIC CREATE TEMPORARY TABLE tt (a INT); END",
    "SET STATEMENT sql_mode = '' FOR CREATE TEMPORARY TABLE tt (a INT)",
])
def test_9_mariadbs_spellings(way, a, b, sql):
    made_by(way, a, b, sql)


def made_by(way, a, b, sql):
    a.query(sql)
    busy(b)
    b.query("DROP TABLE IF EXISTS trap")
    a.query("SELECT * FROM tt")
    assert code(b, "SELECT * FROM tt") == 1146
    a.query("DROP TEMPORARY TABLE tt")
    assert code(a, "SELECT * FROM tt") == 1146


def test_10_comments_that_are_code(way, a, b):
    a.query("/*!40101 SET NAMES latin1 */")
    a.query("/*M!100100 SET @v = 5 */")
    a.query("/* SET @v = 6 */ DO 1 /* ' */")
    a.query("SELECT 1 -- '; SET @v = 7")
    busy(b)
    assert a.query("SELECT @@character_set_client, @v").rows == [
        ["latin1", "5" if way.server.name == "mariadb" else None]]
    assert b.query("SELECT @@character_set_client, @v").rows == [
        ["utf8mb4", None]]


@pytest.mark.parametrize("sql", [
    "SELECT GET_LOCK('trap lock', 1)", "DO get_lock ('trap lock', 1)",
    "SELECT/**/GET_LOCK\n('trap lock',1)",
    "INSERT INTO trap (b) VALUES (GET_LOCK('trap lock', 1))",
    "SET @v = GET_LOCK('trap lock', 1)"])
def test_11_get_lock(way, a, b, sql):
    a.query(sql)
    busy(b)
    a.query("SELECT 1")
    assert b.value("SELECT GET_LOCK('trap lock', 0)") == "0"
    assert b.value("SELECT IS_FREE_LOCK('trap lock')") == "0"
    assert a.value("SELECT RELEASE_LOCK('trap lock')") == "1"
    assert b.value("SELECT GET_LOCK('trap lock', 0)") == "1"
    b.close()
    wait_until(lambda: a.value("SELECT IS_FREE_LOCK('trap lock')") == "1",
               10, "the lock of a closed connection to be free")


def test_12_locks_are_counted(way, a, b):
    for _ in range(2):
        assert a.value("SELECT GET_LOCK('twice', 1)") == "1"
    assert a.value("SELECT RELEASE_LOCK('nobody has this')") is None
    assert a.value("SELECT RELEASE_LOCK('twice')") == "1"
    busy(b)
    assert b.value("SELECT GET_LOCK('twice', 0)") == "0"
    assert b.value("SELECT RELEASE_LOCK('twice')") == "0"
    assert a.value("SELECT RELEASE_LOCK('twice')") == "1"
    assert b.value("SELECT GET_LOCK('twice', 0)") == "1"


@pytest.mark.parametrize("sql", [
    "SET @v = 5", "SELECT 5 INTO @v", "SELECT @v := 5", "SET @`v` := 5",
    "SELECT a.n FROM (SELECT 5 AS n) a INTO @v", "SET @u = 1, @v = 5",
    "SELECT 4 INTO @u; SELECT @u + 1 INTO @v",
    "PREPARE p FROM 'SET @v = ?'; SET @u = 5; EXECUTE p USING @u"])
def test_13_user_variables(way, a, b, sql):
    set_by(a, b, sql)


@of_mariadb
@pytest.mark.parametrize("sql", [
    "EXECUTE IMMEDIATE 'SET @v = 5'", "BEGIN NOT ATOMIC SET @v = 5; END"])
def test_13_mariadbs_user_variables(way, a, b, sql):
    set_by(a, b, sql)


def set_by(a, b, sql):
    a.query(sql)
    busy(b)
    assert b.value("SELECT @v") is None
    assert int(a.value("SELECT @v")) == 5
    a.reset_connection()
    assert a.value("SELECT @v") is None


def test_14_expressions_in_a_set(way, a, b):
    a.query("SET sql_mode = ''")
    for mode in ("ANSI_QUOTES", "PIPES_AS_CONCAT"):
        a.query(f"SET sql_mode = CONCAT(@@sql_mode, ',{mode}')")
        busy(b)
    assert set(a.value("SELECT @@sql_mode").split(",")) == {
        "ANSI_QUOTES", "PIPES_AS_CONCAT"}
    assert "ANSI_QUOTES" not in b.value("SELECT @@sql_mode")
    assert code(a, 'SELECT "nothing"') == 1054
    assert b.value('SELECT "text"') == "text"


@of_mariadb
def test_15_set_statement_is_for_one(way, a, b):
    before = a.value("SELECT @@sql_mode")
    assert a.value("SET STATEMENT sql_mode = 'ANSI' FOR"
                   " SELECT @@sql_mode LIKE '%ANSI%'") == "1"
    for c in (a, b, a):
        assert c.value("SELECT @@sql_mode") == before


def test_16_set_global_is_seen_by_new_clients(way, a, b):
    before = b.value("SELECT @@group_concat_max_len")
    a.query("SET GLOBAL group_concat_max_len = 12345")
    try:
        busy(b)
        assert b.value("SELECT @@group_concat_max_len") == before
        assert a.value("SELECT @@global.group_concat_max_len") == "12345"
        wait_until(lambda: way.open().value(
            "SELECT @@group_concat_max_len") == "12345", 20,
            "new clients to see it")
    finally:
        way.outside(f"SET GLOBAL group_concat_max_len = {before}")


def test_18_no_schema_is_no_schema(way, a):
    busy(a)
    c = way.open(database=None)
    for _ in range(2):
        assert c.value("SELECT DATABASE()") is None
        assert code(c, "SELECT * FROM trap") == 1046
        busy(a)
    c.query("USE test")
    assert c.value("SELECT COUNT(*) FROM trap") == "0"


def test_19_a_schema_that_goes_away(way, a, b):
    a.query("CREATE DATABASE short_lived")
    a.query("USE short_lived")
    busy(b)
    assert a.value("SELECT DATABASE()") == "short_lived"
    a.query("DROP DATABASE short_lived")
    busy(b)
    assert a.value("SELECT DATABASE()") is None
    assert b.value("SELECT DATABASE()") == "test"
    assert a.command(w.INIT_DB, "test").check()
    assert a.value("SELECT COUNT(*) FROM trap") == "0"


def test_19_a_schema_that_another_drops(way, a, b):
    """It is told so, and can choose another one."""
    way.outside("CREATE DATABASE IF NOT EXISTS short_lived")
    a.query("USE short_lived")
    busy(b)
    b.query("DROP DATABASE short_lived")
    busy(b)
    assert code(a, "SELECT COUNT(*) FROM trap") in (1049, 1146)
    assert code(a, "SELECT COUNT(*) FROM trap") in (1046, 1049, 1146)
    assert a.command(w.INIT_DB, "test").check()
    assert a.value("SELECT COUNT(*) FROM trap") == "0"


def test_a_schema_by_command_keeps_no_server(way):
    clients = [way.open(caps=MODERN) for _ in range(4)]
    for c in clients:
        c.command(w.INIT_DB, "other")
    for c in clients:
        assert c.value("SELECT DATABASE()") == "other"


def test_a_procedure_that_changes_the_session(way, a, b):
    a.query("CALL changes_modes()")
    busy(b)
    assert a.query("SELECT @@sql_mode, @inside, @@time_zone").rows[0][1:] \
        == ["5", "+05:00"]
    assert a.query("SELECT * FROM made").rows == []
    assert b.query("SELECT @inside, @@time_zone").rows == [[None, "+00:00"]]
    assert code(b, "SELECT * FROM made") == 1146


def test_lock_tables(way, a, b):
    a.query("LOCK TABLES trap WRITE")
    a.query("INSERT INTO trap (b) VALUES ('locked')")
    busy(b)
    b.say(w.query("SELECT COUNT(*) FROM trap"))
    b.expect_silence(0.2)
    assert code(a, "SELECT * FROM sample") == 1100
    a.query("UNLOCK TABLES")
    assert b.finish(b.answer_of(w.QUERY)).value == "1"


@pytest.mark.parametrize("left", [
    ["LOCK TABLES sample READ"],
    ["LOCK TABLES trap WRITE"],
    ["SET TRANSACTION READ ONLY"],
    ["XA START 'left'", "INSERT INTO trap (b) VALUES ('a')", "XA END 'left'",
     "XA PREPARE 'left'"],
], ids=["read", "write", "once", "xa"])
def test_what_keeps_a_server_ends_with_its_client(way, a, b, left):
    for text in left:
        a.query(text)
    a.close()
    if left[0].startswith("XA"):
        b.query("XA ROLLBACK 'left'")
    assert b.query("INSERT INTO trap (b) VALUES ('b')").last.affected == 1
    assert b.value("SELECT COUNT(*) FROM sample") is not None


def test_handler_stays_open(way, a, b):
    a.query("INSERT INTO trap (b) VALUES ('one'), ('two')")
    a.query("HANDLER trap OPEN")
    busy(b)
    assert len(a.query("HANDLER trap READ FIRST").rows) == 1
    busy(b)
    assert a.query("HANDLER trap READ NEXT").rows[0][1] == "two"
    a.query("HANDLER trap CLOSE")


def test_47_character_sets_after_a_reset(way, b):
    c = way.open(charset=8)
    c.query("SET NAMES utf8mb4")
    busy(b)
    assert c.value("SELECT @@character_set_client") == "utf8mb4"
    c.reset_connection()
    busy(b)
    # MariaDB: as at the login; MySQL: the server's own
    assert c.value("SELECT @@character_set_client") == (
        "latin1" if way.server.name == "mariadb" else "utf8mb4")
    assert b.value("SELECT @@character_set_client") == "utf8mb4"


@pytest.mark.parametrize("sql, name", [
    ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", "utf8mb4_bin"),
    ("SET NAMES latin1 COLLATE latin1_bin", "latin1_bin"),
    ("DO 1; SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'", "utf8mb4_bin")])
def test_47_collations_go_with_their_client(way, a, b, sql, name):
    before = b.value("SELECT @@collation_connection")
    assert before != name
    a.query(sql)
    for _ in range(3):
        busy(b)
        assert b.value("SELECT @@collation_connection") == before
        assert a.value("SELECT @@collation_connection") == name


def test_48_half_characters(way, a, b):
    a.query("SET NAMES gbk")
    busy(b)
    a.say(w.query(b"SELECT HEX('\xbf\x5c'), @v"))
    assert a.finish(a.answer_of(w.QUERY)).rows == [["BF5C", None]]
    assert b.value("SELECT @@character_set_client") == "utf8mb4"


def test_49_backslashes(way, a, b):
    a.query(r"SELECT '\'; SET @v = 1; SELECT '")
    assert a.value("SELECT @v") is None
    a.query("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
    busy(b)
    assert len(a.query(r"SELECT '\'; SET @v = 1; SELECT ''").sets) == 2
    busy(b)
    assert a.value("SELECT @v") == "1"
    assert b.value("SELECT @v") is None


VARIABLES = """SELECT variable_name, session_value, variable_type,
    enum_value_list FROM information_schema.system_variables
    WHERE session_value IS NOT NULL AND read_only = 'NO'
    AND variable_scope LIKE 'SESSION%' ORDER BY 1"""
# Not values of a session, or such as end it.
NOT_ASKED = {"TIMESTAMP", "RAND_SEED1", "RAND_SEED2", "PSEUDO_THREAD_ID",
             "PROFILING", "AUTOCOMMIT", "IN_TRANSACTION", "LAST_INSERT_ID",
             "INSERT_ID", "IDENTITY", "ERROR_COUNT", "WARNING_COUNT",
             "DEBUG_SYNC", "SESSION_TRACK_SYSTEM_VARIABLES",
             # set for all in truth
             "SQL_SLAVE_SKIP_COUNTER", "MAX_RELAY_LOG_SIZE"}


def _values(c):
    return {r[0]: r[1] for r in c.query(VARIABLES).rows
            if r[0] not in NOT_ASKED}


def _other(value, kind, words):
    """Another value of a variable, as SQL; None when there is none."""
    if kind == "BOOLEAN":
        return "0" if value == "ON" else "1"
    if kind in ("ENUM", "SET", "FLAGSET") and words:
        words = words.split(",")
        return next((f"'{x}'" for x in words if x != value), None)
    if "INT" in kind:
        return str(max(1, int(value) // 2) if int(value) > 1 else 2)
    return None


@of_mariadb
def test_55_no_variable_reaches_another_client(way, a, b):
    base = _values(b)
    for name, value, kind, words in a.query(VARIABLES).rows:
        other = None if name in NOT_ASKED else _other(value, kind, words)
        if other is None or code(a, f"SET SESSION {name} = {other}"):
            continue
        if name in ("SQL_SELECT_LIMIT", "MAX_STATEMENT_TIME"):
            a.query(f"SET SESSION {name} = DEFAULT")
    mine = _values(a)
    assert sum(mine[name] != base[name] for name in base) > 100
    busy(b)
    assert _values(b) == base
    assert _values(a) == mine
    a.close()
    assert _values(way.open(caps=MODERN | MULTI)) == base


def test_reset_and_change_user_forget_all(way, a, b):
    def dirt():
        a.query("SET @v = 1, time_zone = '+02:00'")
        a.query("CREATE TEMPORARY TABLE tt (a INT)")
        a.query("SELECT GET_LOCK('dirt', 1)")
        a.query("BEGIN")
        a.query("INSERT INTO trap (b) VALUES ('gone')")
        return a.prepare("SELECT 1")

    for clean in (a.reset_connection, lambda: a.change_user(
            "app", way.server.users["app"][0], "test")):
        s = dirt()
        clean()
        busy(b)
        assert a.query("SELECT @v, @@time_zone").rows == [[None, "+00:00"]]
        assert code(a, "SELECT * FROM tt") == 1146
        assert b.value("SELECT GET_LOCK('dirt', 0)") == "1"
        b.query("DO RELEASE_LOCK('dirt')")
        assert a.execute(s, check=False).errors[0].code == 1243
        assert way.rows() == 0


# what a server keeps of the last statement

@pytest.mark.parametrize("sql", [
    "SELECT LAST_INSERT_ID()", "SELECT LAST_INSERT_ID() FROM DUAL;",
    "select last_insert_id ( ) as x", "SELECT @@last_insert_id",
    "SELECT @@identity", "SELECT 0 + LAST_INSERT_ID()",
    "/* x */ SELECT (SELECT LAST_INSERT_ID())"])
def test_36_last_insert_id(way, a, b, sql):
    a.query("INSERT INTO trap (b) VALUES ('a')")
    b.query("INSERT INTO trap (b) VALUES ('b'), ('b')")
    busy(b)
    assert a.value(sql) == "1"
    assert b.value(sql) == "2"
    a.query("INSERT INTO trap (a, b) VALUES (70, 'own')")
    assert a.value(sql) == "1"
    a.query("SELECT LAST_INSERT_ID(40)")
    busy(b)
    assert a.value(sql) == "40"


def test_36_numbers_of_others_are_not_taken(way, a, b):
    """An explicit value leaves the number as it was: the client's own."""
    b.query("INSERT INTO trap (a, b) VALUES (500, 'x')")
    a.query("INSERT INTO trap (b) VALUES ('a')")
    for n in range(4):
        b.query(f"INSERT INTO trap (a, b) VALUES ({n + 1000}, 'explicit')")
        busy(a)
        assert b.value("SELECT LAST_INSERT_ID()") == "0"
    a.query("BEGIN")
    a.query("INSERT INTO trap (b) VALUES ('made')")
    own = a.value("SELECT LAST_INSERT_ID()")
    a.query("INSERT INTO trap (a, b) VALUES (9000, 'explicit')")
    a.query("COMMIT")
    busy(b)
    assert a.value("SELECT LAST_INSERT_ID()") == own
    a.query("SET last_insert_id = 77")
    busy(b)
    assert a.value("SELECT LAST_INSERT_ID()") == "77"
    assert a.value("SELECT LAST_INSERT_ID(0)") == "0"
    busy(b)
    assert a.value("SELECT LAST_INSERT_ID()") == "0"


def test_36_last_insert_id_in_a_statement(way, a, b):
    a.query("INSERT INTO trap (b) VALUES ('parent')")
    b.query("INSERT INTO trap (b) VALUES ('other')")
    busy(b, 1)
    a.query("INSERT INTO trap (b) VALUES (LAST_INSERT_ID())")
    s = b.prepare("SELECT LAST_INSERT_ID() + ?")
    busy(a)
    assert way.outside("SELECT b FROM trap WHERE a = 3") == (("1",),)
    assert b.execute(s, [10]).rows == [[12]]


def test_37_warnings(way, a, b):
    assert a.query("SELECT 1/0").last.warnings == 1
    busy(b)
    assert a.query("SHOW WARNINGS").rows == [
        ["Warning", "1365", "Division by 0"]]
    code(a, "SELEC 1")
    busy(b)
    assert a.query("SHOW WARNINGS").rows[0][1] == "1064"
    assert b.query("SHOW WARNINGS").rows == []


def test_37_nobody_sees_warnings_of_others(way, a, b):
    """They outlive statements that have no tables."""
    for _ in range(4):
        a.query("SELECT 1/0, 'private'")
        a.query("DO 1")
        assert b.query("SHOW WARNINGS").rows == []
        assert b.query("SHOW COUNT(*) WARNINGS").rows == [["0"]]
        b.query("DO 1")


@of_mariadb  # MySQL's COMMIT takes them away
def test_37_warnings_of_a_transaction(way, a, b):
    a.query("BEGIN")
    a.query("INSERT IGNORE INTO trap (b) VALUES (REPEAT('x', 60))")
    assert a.query("SHOW COUNT(*) WARNINGS").rows[0][0] != "0"
    told = a.query("SHOW WARNINGS").rows
    a.query("COMMIT")
    busy(b)
    assert a.query("  show\n WARNINGS ; ").rows == told
    a.query("SELECT COUNT(*) FROM trap")
    busy(b)
    assert a.query("SHOW WARNINGS").rows == []


def test_37_many_warnings(way, a, b):
    sql = "SELECT " + ", ".join(f"{n}/0" for n in range(64))
    a.query("SET max_error_count = 64")
    assert a.query(sql).last.warnings == 64
    busy(b)
    assert len(a.query("SHOW WARNINGS").rows) == 64


def test_38_found_rows(way, a, b):
    a.query("INSERT INTO trap (b) VALUES ('1'), ('2'), ('3')")
    a.query("SELECT SQL_CALC_FOUND_ROWS * FROM trap LIMIT 1")
    busy(b)
    assert a.value("SELECT FOUND_ROWS()") == "3"


# prepared statements

def test_20_one_text_in_two_schemas(way):
    way.outside("DROP TABLE IF EXISTS other.trap")
    way.outside("CREATE TABLE other.trap AS SELECT 'other' AS b")
    way.outside("INSERT INTO test.trap (b) VALUES ('test')")
    one, two = way.open(), way.open()
    two.query("USE other")
    statements = [c.prepare("SELECT b FROM trap") for c in (one, two)]
    for _ in range(3):
        for c, s, want in zip((one, two), statements, ("test", "other")):
            assert c.execute(s).rows == [[want]]
    # it stays with the schema in which it was prepared
    one.query("USE other")
    assert one.execute(statements[0]).rows == [["test"]]
    ansi = way.open()
    ansi.query("SET sql_mode = 'ANSI_QUOTES'")
    plain = one.prepare('SELECT "b" FROM trap')
    quoted = ansi.prepare('SELECT "b" FROM trap')
    for _ in range(2):
        assert one.execute(plain).rows == [["b"]]
        assert ansi.execute(quoted).rows == [["test"]]


def test_21_types_of_parameters_are_remembered(way, a, b):
    s = a.prepare("SELECT ? + 1, ?")
    assert a.execute(s, [1, "one"]).rows == [[2, "one"]]
    for n in range(4):
        busy(b)
        b.execute(b.prepare("SELECT ? + 1, ?"), ["7", 8])
        assert a.execute(s, [n, f"{n}"], with_types=False).rows == [
            [n + 1, f"{n}"]]


def test_22_a_table_changes_under_a_statement(way, a, b):
    s = a.prepare("SELECT * FROM trap")
    a.execute(s)
    b.query("ALTER TABLE trap ADD COLUMN c INT DEFAULT 5")
    b.query("INSERT INTO trap (b) VALUES ('x')")
    got = a.execute(s)
    assert got.sets[0].names == ["a", "b", "c"]
    assert got.rows == [[1, "x", 5]]


@of_mariadb
def test_23_the_statement_prepared_last(way, a, b):
    s = a.prepare("SELECT 'first'")
    for n in range(3):
        busy(b)
        got = a.pipeline(w.prepare(f"SELECT ? + {n}"),
                         w.execute(w.LAST_PREPARED, [5]),
                         w.execute(s.id))
        assert got[1].rows == [[5 + n]] and got[2].rows == [["first"]]
        got = a.pipeline(w.prepare("SELEC ?"),
                         w.execute(w.LAST_PREPARED, [5]))
        assert [g.errors[0].code for g in got] == [1064, 1243]


def test_25_long_data(way, a, b):
    s = a.prepare("INSERT INTO trap (b) VALUES (LENGTH(?))")
    for n in range(3):
        for _ in range(4):
            a.say(w.long_data(s.id, 0, "x" * 500000))
            busy(b, 1)
        a.execute(s, [b""], long=(0,))
    assert way.outside("SELECT DISTINCT b FROM trap") == (("2000000",),)
    a.say(w.long_data(s.id, 0, "dropped"))
    a.command(w.STMT_RESET, struct.pack("<I", s.id))
    a.execute(s, ["kept"])
    assert way.outside("SELECT b FROM trap WHERE a = 4") == (("4",),)


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_26_cursors(way, b, caps):
    way.outside("INSERT INTO trap (b) VALUES (1), (2), (3), (4), (5)")
    c = way.open(caps=caps)
    s = c.prepare("SELECT a FROM trap ORDER BY a")
    for _ in range(2):
        c.execute(s, flags=1)
        busy(b)
        assert c.fetch(s, 2).rows == [[1], [2]]
        busy(b)
        assert c.value("SELECT 'between'") == "between"
        assert c.fetch(s, 2).rows == [[3], [4]]
    c.command(w.STMT_RESET, struct.pack("<I", s.id))
    assert c.fetch(s, 1, check=False).errors[0].code == 1421
    c.execute(s, flags=1)
    c.forget(s)
    busy(b)
    assert c.value("SELECT 1") == "1"


# the wire

def test_27_a_file_of_the_client(way, b):
    load = "LOAD DATA LOCAL INFILE 'x' INTO TABLE trap (b)"
    without = way.open(caps=MODERN)
    answer = without.query(load, check=False)
    if answer.wanted is not None:  # MariaDB asks all the same
        answer = without.give_file(answer, None)
    else:
        assert answer.errors
    c = way.open(caps=MODERN | w.LOCAL_FILES)
    answer = c.query(load)
    busy(b)
    assert c.give_file(answer, b"one\ntwo\n", size=3).last.affected == 2
    answer = c.query(load)
    c.say(b"half", c.next_seq)
    c.reset()
    busy(b)
    assert b.value("SELECT COUNT(*) FROM trap") in ("2", "3")


def test_28_29_large_values(way, a):
    """Rows that begin with 0xFE, pieces that begin with anything."""
    for n in (w.MAX_PAYLOAD - 5, w.MAX_PAYLOAD - 4, w.MAX_PAYLOAD):
        got = a.query(f"SELECT REPEAT(x'FF', {n}), 'behind'").sets[0].rows
        assert [len(got[0][0]), got[0][1]] == [n, b"behind"]
        got = a.query(f"SELECT REPEAT(x'FE', {n})").sets[0].rows
        assert len(got[0][0]) == n
    size = w.MAX_PAYLOAD + 100
    assert a.value("SELECT LENGTH('%s')" % ("\0" * size)) == str(size)


def test_30_a_hundred_commands_at_once(way, a, b):
    s = a.prepare("SELECT ?")
    commands, want = [], []
    for n in range(20):
        commands += [w.query(f"SELECT {n}"), w.execute(s.id, [n]),
                     w.query("BEGIN" if n % 2 else "COMMIT"),
                     w.query("SELEC"), bytes([w.PING])]
        want += [str(n), n]
    got = a.pipeline(*commands, sizes=[17, 400, 1 << 20])
    assert [g.value for g in got if g.sets] == want
    assert sum(len(g.errors) for g in got) == 20
    assert a.query("COMMIT") and b.value("SELECT 1") == "1"


def test_32_several_statements_only_for_those_who_asked(way, a):
    assert len(a.query("SELECT 1; SELECT 2").sets) == 2
    c = way.open(caps=MODERN)
    for _ in range(3):
        assert code(c, "SELECT 1; SELECT 2") == 1064
        assert len(a.query("SELECT 1; SELECT 2").sets) == 2
    c.command(w.SET_OPTION, b"\0\0")
    assert len(c.query("SELECT 1; SELECT 2").sets) == 2
    a.command(w.SET_OPTION, b"\1\0")
    assert code(a, "SELECT 1; SELECT 2") == 1064
    assert code(way.open(caps=MODERN), "SELECT 1; SELECT 2") == 1064


def test_33_found_rows_or_changed_rows(way):
    way.outside("INSERT INTO trap (b) VALUES ('x')")
    found, changed = way.open(caps=w.BASE | w.FOUND_ROWS), way.open()
    for _ in range(3):
        assert found.query("UPDATE trap SET b = b").last.affected == 1
        assert changed.query("UPDATE trap SET b = b").last.affected == 0


@pytest.mark.parametrize("caps", [w.BASE, w.BASE | w.SESSION_TRACK, MODERN])
def test_34_35_nothing_more_in_an_ok(way, b, caps):
    """The text is whole, and trackers are those that the client asked
    for."""
    way.outside("INSERT INTO trap (b) VALUES ('x')")
    c = way.open(caps=caps)
    for _ in range(2):
        b.query("SET NAMES latin1")
        b.query("SET time_zone = '+03:00', sql_mode = ''")
        b.query("USE other")
        ok = c.query("UPDATE trap SET b = 'x'").last
        assert ok.info == b"Rows matched: 1  Changed: 0  Warnings: 0"
        assert not ok.trackers and not ok.status & w.STATE_CHANGED
        assert not c.query("DO 1").last.trackers
        b.query("USE test")
    ok = c.query("SET time_zone = '+04:00', sql_mode = ''").last
    assert ok.variables == ({"time_zone": "+04:00"}
                            if caps & w.SESSION_TRACK else {})


@of_mariadb
@pytest.mark.parametrize("sql", [
    "SET session_track_system_variables = 'sql_mode'",
    "SET session_track_system_variables = '', session_track_schema = OFF",
    "SET @@session.session_track_state_change = 0, autocommit = 1",
    "SET SESSION session_track_transaction_info = 'OFF'; DO 1"])
def test_35_a_client_that_is_told_less(way, a, b, sql):
    """What it sets is followed all the same."""
    a.query(sql)
    for n in range(3):
        a.query(f"SET time_zone = '+0{n + 1}:00', sql_mode = 'ANSI'")
        a.query("USE other")
        busy(b)
        assert b.query("SELECT @@time_zone, @@sql_mode LIKE '%ANSI%',"
                       " DATABASE()").rows == [["+00:00", "0", "test"]]
        assert a.query("SELECT @@time_zone, @@sql_mode LIKE '%ANSI%',"
                       " DATABASE()").rows == [
                           [f"+0{n + 1}:00", "1", "other"]]
        a.query("SET TRANSACTION READ ONLY")
        busy(b)
        b.query("INSERT INTO trap (b) VALUES ('b may')")
        assert code(a, "INSERT INTO test.trap (b) VALUES ('x')") == 1792


@of_mariadb
@pytest.mark.parametrize("sql", [
    "SET session_track_system_variables = 'autocommit', time_zone = '+05:00'",
    "SET time_zone = '+05:00', session_track_system_variables = ''",
    "SET session_track_transaction_info = 'OFF'; SET time_zone = '+05:00'",
    "SET session_track_system_variables = ''; SET time_zone = '+05:00'",
    "SET session_track_system_variables = ''; SET time_zone = '+05:00'; x"])
def test_35_what_is_set_with_the_list_is_its_clients(way, a, b, sql):
    """The server tells of none of it."""
    a.query(sql, check=False)
    for _ in range(2):
        busy(b)
        assert b.value("SELECT @@time_zone") == "+00:00"
        assert a.value("SELECT @@time_zone") == "+05:00"
    a.close()
    for c in (b, way.open(), way.open()):
        for _ in range(3):
            assert c.value("SELECT @@time_zone") == "+00:00"


@of_mariadb
def test_35_the_list_stays_its_clients(way, a, b):
    """As a direct connection has it: also what it is made of, and on every
    server."""
    told = []
    for c in (a, b):
        c.query("SET session_track_system_variables ="
                " CONCAT(@@session_track_system_variables, ',sql_mode')")
        c.query("SET session_track_schema = 0")
    a.query("SET session_track_system_variables ="
            " CONCAT(@@session_track_system_variables, ',wait_timeout'),"
            " session_track_state_change = ON")
    for _ in range(3):
        for c in (a, b):
            ok = c.query("SET sql_mode = 'ANSI_QUOTES', wait_timeout = 999,"
                         " sort_buffer_size = 65536, time_zone = '+01:00'")
            told.append((c is a, ok.last.variables.keys(),
                         [kind for kind, _ in ok.last.trackers]))
            assert not c.query("USE other").last.schema
            c.query("USE test")
        busy(b)
    for is_a, names, kinds in told:
        assert set(names) == {"sql_mode", "time_zone"} | (
            {"wait_timeout"} if is_a else set())
        assert (2 in kinds) == is_a
    # in a transaction, where the server is there already
    a.query("BEGIN")
    a.query("SET session_track_system_variables ="
            " CONCAT(@@session_track_system_variables, ',sort_buffer_size')")
    a.query("COMMIT")
    busy(b)
    assert a.query("SET sort_buffer_size = 70000").last.variables == {
        "sort_buffer_size": "70000"}
    assert code(a, "SET session_track_system_variables = 'nothing'") == 1193
    a.query("SET session_track_system_variables = DEFAULT")
    assert a.query("SET sql_mode = ''").last.variables == {}
    a.reset_connection()
    assert a.query("USE other").last.schema == "other"


# what is another's by a second statement, and by a reset

def ask_last(c, how):
    if how == "text":
        return c.value("SELECT LAST_INSERT_ID()")
    return str(c.execute(c.prepare("SELECT LAST_INSERT_ID()")).value)


@pytest.mark.parametrize("how", ["text", "prepared"])
@pytest.mark.parametrize("before", ["BEGIN", "SET autocommit = 0",
                                    "SELECT @x := 1", "SAVEPOINT s"])
def test_36_an_id_asked_for_later_on(way, a, b, before, how):
    """Not by the statement that got the server, but by one behind it."""
    a.query("INSERT INTO trap (b) VALUES ('a')")
    b.query("ALTER TABLE trap AUTO_INCREMENT = 1000")
    b.query("INSERT INTO trap (b) VALUES ('b')")
    assert b.value("SELECT LAST_INSERT_ID()") == "1000"
    busy(b)
    a.query(before)
    a.query("SELECT COUNT(*) FROM trap")
    assert ask_last(a, how) == "1"
    # an explicit value leaves it as it was
    a.query("INSERT INTO trap (a) VALUES (5)")
    assert ask_last(a, how) == "1"
    a.query("INSERT INTO trap (b) VALUES (LAST_INSERT_ID())")
    assert a.value("SELECT b FROM trap WHERE a = 1001") == "1"
    assert ask_last(a, how) == "1001"
    a.query("COMMIT")
    assert ask_last(a, how) == "1001"
    assert ask_last(b, how) == "1000"


def test_36_an_id_in_stored_code(way, a, b):
    way.outside("DROP PROCEDURE IF EXISTS tells_id")
    way.outside("CREATE PROCEDURE tells_id() SELECT LAST_INSERT_ID()")
    a.query("INSERT INTO trap (b) VALUES ('a')")
    b.query("ALTER TABLE trap AUTO_INCREMENT = 1000")
    b.query("INSERT INTO trap (b) VALUES ('b')")
    assert a.query("CALL tells_id()").rows == [["1"]]


@pytest.mark.parametrize("holds", [False, True])
def test_a_reset_takes_back_what_a_status_tells(way, a, b, holds):
    """By it drivers choose how they quote."""
    a.query("SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES',"
            " autocommit = 0")
    if holds:
        a.query("INSERT INTO trap (b) VALUES ('x')")
    else:
        busy(b)
    assert a.reset_connection().last.status == w.AUTOCOMMIT
    assert a.ping().status == w.AUTOCOMMIT
    assert a.value(r"SELECT '\''") == "'"
    assert way.rows() == 0


def test_numbers_of_statements_go_on_behind_a_reset(way, a):
    old = a.prepare("SELECT 1")
    a.reset_connection()
    new = a.prepare("INSERT INTO trap (b) VALUES ('x')")
    assert new.id != old.id
    assert a.execute(old, check=False).errors[0].code == 1243
    assert way.rows() == 0


@pytest.mark.parametrize("end", ["leaves", "resets", "changes user"])
def test_a_role_is_its_clients(way, a, b, end):
    """Nothing takes it from a server, not even a reset: nobody else gets that
    one.  (The client has it on behind a reset where it is alone.)"""
    way.outside("CREATE ROLE IF NOT EXISTS trapped")
    way.outside("GRANT trapped TO app@localhost")
    a.query("SET ROLE trapped")
    assert a.value("SELECT CURRENT_ROLE()") in ("trapped", "`trapped`@`%`")
    if end == "leaves":
        a.close()
    elif end == "resets":
        a.reset_connection()
    else:
        a.change_user("app", way.server.users["app"][0], "test")
    others = [b, way.open(), way.open()]
    for _ in range(3):
        for c in others:
            assert c.value("SELECT CURRENT_ROLE()") in (None, "NONE")


# canceling

def test_40_ids(way, a, b):
    assert a.value("SELECT CONNECTION_ID()") == str(a.id)
    busy(b)
    assert a.value("select connection_id()") == str(a.id)
    assert a.id != b.id


@of_mariadb
def test_39_40_kill_softly(way, a, b):
    kill_query(way, a, b, "KILL SOFT QUERY %d")


@pytest.mark.parametrize("how", ["KILL QUERY %d", "/* x */ kill query %d"])
def test_39_40_kill_query(way, a, b, how):
    kill_query(way, a, b, how)


def kill_query(way, a, b, how):
    for _ in range(3):
        a.say(w.query("SELECT SLEEP(30)"))
        wait_until(lambda: way.outside(
            "SELECT 1 FROM information_schema.processlist"
            " WHERE info = 'SELECT SLEEP(30)'"))
        b.query(how % a.id)
        got = a.finish(a.answer_of(w.QUERY))
        assert got.errors[0].code == 1317 if got.errors \
            else got.value == "1"
        assert a.value("SELECT 1") == "1"
        busy(b)


def test_40_ids_of_many(way, b):
    """Clients that went to another thread behind their greeting, too."""
    many = [way.open(caps=MODERN) for _ in range(12)]
    assert len({c.id for c in many}) == 12
    for c in many:
        assert c.value("SELECT CONNECTION_ID()") == str(c.id)
        b.query(f"KILL QUERY {c.id}")
        assert c.value("SELECT 'lives'") == "lives"


@pytest.mark.parametrize("sql, name", [
    ("SELECT CONNECTION_ID()", "CONNECTION_ID()"),
    ("select connection_id ( ) ;", "connection_id ( )"),
    (" SELECT\tConnection_Id() AS me", "me"),
    ("SELECT CONNECTION_ID() `my id`", "my id"),
    ("SELECT CONNECTION_ID() ass", "ass")])
def test_40_the_column_of_an_id(way, a, sql, name):
    for c in (a, way.open(caps=w.BASE)):
        answer = c.query(sql)
        assert answer.sets[0].names == [name]
        assert answer.rows == [[str(c.id)]]


def test_40_kill_of_itself(way, a, b):
    with pytest.raises((Closed, MyError)):
        a.query(f"KILL {a.id}")
        a.query("SELECT 1")
    assert b.value("SELECT 1") == "1"


def test_40_kill_connection(way, a, b):
    b.command(w.PROCESS_KILL, struct.pack("<I", a.id))
    with pytest.raises((Closed, MyError)):
        a.query("SELECT 1")
        a.query("SELECT 2")
    assert code(b, f"KILL {a.id}") == 1094
    busy(b)


def test_41_a_client_leaves_amid_a_query(way, a, b):
    mark = "SELECT SLEEP(20)"
    a.say(w.query(mark))
    wait_until(lambda: way.outside(
        "SELECT 1 FROM information_schema.processlist"
        f" WHERE info = '{mark}'"))
    a.close()
    busy(b)
    if way.is_direct:
        way.server.terminate_all()  # it would sleep on
    wait_until(lambda: not way.outside(
        "SELECT 1 FROM information_schema.processlist"
        f" WHERE info = '{mark}'"), 10, "the query to end")
