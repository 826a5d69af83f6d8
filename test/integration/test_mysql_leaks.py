"""What one client leaves behind, in any way that it can be said: another one
has to find what a fresh connection has, and the client itself what it would find
on a connection of its own.

Each statement runs on a connection to the server itself, for what is right, then
on one client of a carpool with two servers while another looks, which gives the
client the other server; and once it is gone, a third one looks."""

import pytest

from tools import mywire as w
from tools.myanswer import MyError
from tools.rawmysql import RawMysql

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF | w.MULTI_STATEMENTS
OLDER = MODERN & ~w.DEPRECATE_EOF

SETUP = """
CREATE DATABASE IF NOT EXISTS other
DROP TABLE IF EXISTS leak
CREATE TABLE leak (a INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(40))
    ENGINE=InnoDB
INSERT INTO leak (b) VALUES ('x'), ('y'), ('z')
DROP FUNCTION IF EXISTS sets
CREATE FUNCTION sets() RETURNS INT BEGIN SET @f = 7;
    SET SESSION sort_buffer_size = 111111; RETURN 1; END
DROP FUNCTION IF EXISTS makes
CREATE FUNCTION makes() RETURNS INT BEGIN
    CREATE TEMPORARY TABLE made (a INT); RETURN 1; END
DROP PROCEDURE IF EXISTS sets_zone
CREATE PROCEDURE sets_zone() BEGIN SET time_zone = '+09:00'; SET @p = 1; END
DROP PROCEDURE IF EXISTS saves
CREATE PROCEDURE saves() BEGIN SAVEPOINT s;
    INSERT INTO leak (b) VALUES ('saved'); END
CREATE TRIGGER leak_counts BEFORE INSERT ON leak FOR EACH ROW
    SET @t = COALESCE(@t, 0) + 1
CREATE OR REPLACE VIEW leak_view AS SELECT sets() AS s
"""

# What is looked at: variables, then texts.
VARIABLES = """sql_mode time_zone autocommit tx_isolation tx_read_only
    character_set_client character_set_connection character_set_results
    collation_connection character_set_server collation_server
    character_set_database sort_buffer_size join_buffer_size tmp_table_size
    sql_select_limit foreign_key_checks unique_checks check_constraint_checks
    lc_time_names lc_messages default_storage_engine group_concat_max_len
    max_statement_time lock_wait_timeout innodb_lock_wait_timeout sql_log_bin
    in_transaction sql_safe_updates sql_notes sql_warnings sql_big_selects
    div_precision_increment insert_id completion_type optimizer_switch
    default_week_format old_mode max_sort_length sql_auto_is_null profiling
    long_query_time eq_range_index_dive_limit transaction_prealloc_size
    """.split()
LOOKS = ["SELECT " + ",".join(f"@@{name}" for name in VARIABLES),
         "SELECT ABS(@@timestamp - UNIX_TIMESTAMP(SYSDATE())) < 100000",
         "SELECT DATABASE(), CURRENT_ROLE()",
         "SELECT @a, @b, @f, @p, @t, @`a b`",
         "SELECT COUNT(*) FROM made", "EXECUTE prepared"]

SETS = """
SET sql_mode = 'ANSI_QUOTES'
SET `sql_mode` = 'ANSI_QUOTES'
SET @@session.time_zone = '+02:00', @a = 5
SET @@sql_mode = 'ANSI_QUOTES', @@time_zone = '+02:00'
SET @@`sort_buffer_size` := 98304
SET @@old_mode = ''
SET @@autocommit = 0
SET @@character_set_client = latin1, @@collation_connection = utf8mb4_bin
SET @@insert_id = 1000
SET @@timestamp = 1000000
SET @@sort_buffer_size = 98304, @b = DATABASE()
SET session.sort_buffer_size = 98304
SET @@local.div_precision_increment = 8
SET default.key_buffer_size = 1
SET sql_mode = CONCAT(@@sql_mode, ',ANSI')
SET time_zone = @@global.time_zone
SET NAMES latin1
SET NAMES utf8mb4 COLLATE utf8mb4_bin
SET NAMES utf8mb4 COLLATE utf8mb4_bin, @@sort_buffer_size = 98304
SET NAMES gbk
SET CHARACTER SET latin1
SET collation_connection = 'latin1_german1_ci'
SET character_set_server = 'latin2'
SET collation_server = 'utf8mb3_bin'
SET character_set_database = 'latin2'
SET SESSION character_set_results = NULL
SET autocommit = 0
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE
SET tx_isolation = 'READ-COMMITTED'
SET @@session.tx_read_only = 1
SET SESSION default_storage_engine = MyISAM
SET storage_engine = Aria
SET old_mode = 'NO_PROGRESS_INFO'
SET completion_type = 1
SET SESSION optimizer_switch = 'index_merge=off'
SET SESSION sql_select_limit = 1
SET sql_select_limit = DEFAULT
SET foreign_key_checks = 0, unique_checks = 0
SET SESSION max_statement_time = 0.5
SET lc_time_names = 'de_DE', lc_messages = 'de_DE'
SET profiling = 1
SET sql_big_selects = 0, max_join_size = 5
SET SESSION long_query_time = 5, sql_warnings = 1, sql_notes = 0
SET check_constraint_checks = 0
SET SESSION sql_log_bin = 0
SET innodb_lock_wait_timeout = 3
SET SESSION eq_range_index_dive_limit = 5, join_buffer_size = 1111040
SET transaction_prealloc_size = 8192
SET sql_auto_is_null = 1
SET insert_id = 1000
SET timestamp = 1000000
SET rand_seed1 = 5
SET last_insert_id = 99
SET SESSION pseudo_thread_id = 5
SET ROLE NONE
SET session_track_schema = OFF
SET session_track_system_variables = '*'
SET session_track_system_variables = '', sql_mode = 'ANSI'
SET session_track_system_variables = '', NAMES latin1, @@time_zone = '+01:00'
SET @@session_track_system_variables = '', LOCAL time_zone = '+01:00', @a = 1
SET `session_track_system_variables` = '', `time_zone` = '+01:00'
SET session_track_system_variables = '', timestamp = 5, time_zone = '+01:00'
SET session_track_system_variables = '', time_zone = '+01:00', nosuch = 1
SET @@session_track_state_change = 1, time_zone = '+01:00'
SET STATEMENT sort_buffer_size = 200000 FOR SELECT 1
SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT 1
SET STATEMENT sql_mode = 'NO_BACKSLASH_ESCAPES' FOR SELECT 1
SET STATEMENT sql_mode = 'ANSI' FOR SET time_zone = '+04:00'
SET time_zone = '+01:00', nosuch = 1
SET time_zone = '+01:00', @b = 1, sql_mode = 'nonsense'
SET @a = 1, @b = 'abc'
SET @a := DATABASE()
SET @a = (SELECT MAX(a) FROM leak)
SET @a = _latin1'abc' COLLATE latin1_bin
SET @`a b` = 1
SET @'a' = 3
SET lock_wait_timeout = sets() + 50
SET @a = `sets`()
SET sql_mode = CONCAT(@@sql_mode, IF(sets(), ',ANSI', ''))
SET time_zone = (SELECT '+01:00' FROM leak_view)
SET optimizer_trace = 'enabled=on'
SET @@profiling = 1
"""
# What an error leaves behind of what ran before it.
FAILS = """
SELECT a INTO @a FROM leak
SELECT @a := 's', (SELECT a FROM leak)
SELECT sets(), (SELECT a FROM leak)
SELECT makes(), (SELECT a FROM leak)
SELECT GET_LOCK('leaks', 0), (SELECT a FROM leak)
INSERT INTO leak (a) VALUES (NULL), (1)
INSERT INTO leak SELECT 1, @a := 5
SET lock_wait_timeout = sets(), time_zone = 'nope'
SIGNAL SQLSTATE '45000'
"""
TEXTS = """
SELECT @a := 5
SELECT 5 INTO @a
SELECT b INTO @a FROM leak LIMIT 1
SELECT a, b INTO @a, @b FROM leak LIMIT 1
SELECT sets()
SELECT * FROM leak_view
VALUES (sets())
WITH q AS (SELECT sets() s) SELECT * FROM q
(SELECT sets())
SELECT * FROM (SELECT @a := 1) q
DO sets()
CALL sets_zone()
CALL saves()
ANALYZE FORMAT=JSON SELECT sets()
EXPLAIN SELECT sets()
INSERT INTO leak (b) VALUES (sets())
UPDATE leak SET b = 'n' WHERE a = @b := 1
DELETE FROM leak WHERE a = (@a := 100)
INSERT INTO leak (b) VALUES ('q') RETURNING a
USE other
CREATE TEMPORARY TABLE made (a INT)
CREATE TEMPORARY TABLE made AS SELECT * FROM leak
CREATE OR REPLACE TEMPORARY TABLE made (a INT)
/*!50000 CREATE TEMPORARY TABLE made (a INT) */
/*M!100100 CREATE TEMPORARY TABLE made (a INT) */
CREATE TEMPORARY SEQUENCE made
BEGIN
START TRANSACTION READ ONLY
START TRANSACTION WITH CONSISTENT SNAPSHOT
SAVEPOINT sp
XA START 'leak'
LOCK TABLES leak READ
HANDLER leak OPEN
PREPARE prepared FROM 'SELECT 1'
EXECUTE IMMEDIATE 'SET @a = 9'
EXECUTE IMMEDIATE 'SET SESSION sort_buffer_size = 99999'
EXECUTE IMMEDIATE 'CREATE TEMPORARY TABLE made (a INT)'
BEGIN NOT ATOMIC SET SESSION sort_buffer_size = 99999; SET @a = 3; END
IF 1 THEN SET SESSION sort_buffer_size = 99999; END IF
FLUSH TABLES leak WITH READ LOCK
SELECT SQL_CALC_FOUND_ROWS * FROM leak LIMIT 1
SELECT * FROM leak FOR UPDATE
CREATE TABLE IF NOT EXISTS leak_made (a INT)
GET DIAGNOSTICS @a = NUMBER
SIGNAL SQLSTATE '45000'
"""


def execute(c, sql):
    prepared = c.ask(w.command(w.STMT_PREPARE, sql), False)
    if prepared.errors:
        return prepared
    return c.execute(prepared.statement, check=False)


def in_transaction(c, sql):
    c.query("BEGIN")
    answer = c.query(sql, check=False)
    c.query("COMMIT", check=False)
    return answer


WAYS = {
    "alone": lambda c, sql: c.query(sql, check=False),
    "prepared": execute,
    "among others": lambda c, sql: c.query(f"DO 1; {sql}; DO 2", check=False),
    "before an error": lambda c, sql: c.query(f"{sql}; x", check=False),
    "between comments": lambda c, sql: c.query(
        f"/* a */ -- b\n{sql} # c", check=False),
    "in a transaction": in_transaction,
}


def look(c):
    out = []
    for sql in LOOKS:
        answer = c.query(sql, check=False)
        out.append(answer.errors[0].code if answer.errors else answer.rows)
    return out


def differences(want, got):
    names = [*VARIABLES, *LOOKS[1:]]
    flat = [[*looks[0][0], *looks[1:]] for looks in (want, got)]
    return [(name, x, y) for name, x, y in zip(names, *flat) if x != y]


class Stage:
    def __init__(self, server, carpool, caps):
        self.server, self.carpool, self.caps = server, carpool, caps
        c = self.direct()
        self.fresh = look(c)
        c.quit()

    def direct(self):
        return RawMysql.open(self.server.host, self.server.port, user="app",
                             password=self.server.users["app"][0],
                             database="test", caps=self.caps)

    def come(self):
        return self.carpool.my_connect(caps=self.caps)

    def check(self, way, sql):
        """Who finds what it should not, and what."""
        self.server.script(SETUP, "test")
        c = self.direct()
        codes = [e.code for e in way(c, sql).errors]
        want = look(c)
        c.quit()
        self.server.script(SETUP, "test")
        out = []
        client, other = self.come(), self.come()
        got = [e.code for e in way(client, sql).errors]
        if got != codes:
            out.append((sql, "error", codes, got))
        out += self.see(sql, "the other", self.fresh, other)
        out += self.see(sql, "itself", want, client)
        client.close()
        other.close()
        third = self.come()
        out += self.see(sql, "the next", self.fresh, third)
        third.close()
        return out

    @staticmethod
    def see(sql, who, want, client):
        try:
            found = differences(want, look(client))
        except MyError as e:
            found = [str(e)]
        return [(sql, who, found)] if found else []


@pytest.mark.seconds(120)
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("caps", [MODERN, OLDER])
def test_nothing_is_left_and_nothing_lost(make_carpool, mariadb, caps, how):
    mariadb.script(SETUP, "test")
    carpool = make_carpool({}, mysql={"test": mariadb, "other": mariadb},
                           default_pool_size=2, query_wait_timeout=10)
    stage = Stage(mariadb, carpool, caps)
    wrong = []
    for sql in (SETS + TEXTS).strip().split("\n"):
        wrong += stage.check(WAYS[how], sql)
    assert not wrong, "\n".join(map(repr, wrong))
    assert carpool.servers_open() <= 4


@pytest.mark.parametrize("caps", [MODERN, OLDER])
def test_what_a_function_does_in_set_statement(make_carpool, mariadb, caps):
    """SET STATEMENT hides it; nobody else sees it all the same."""
    mariadb.script(SETUP, "test")
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    stage = Stage(mariadb, carpool, caps)
    for what in ("SELECT sets()", "SELECT * FROM leak_view", "DO sets()",
                 "INSERT INTO leak (b) VALUES (sets())"):
        client, other = stage.come(), stage.come()
        client.query(f"SET STATEMENT max_statement_time = 1 FOR {what}")
        assert not stage.see(what, "the other", stage.fresh, other)
        client.close()
        other.close()


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("caps", [MODERN, OLDER])
def test_nothing_is_left_of_what_failed(make_carpool, mariadb, caps, how):
    """The server tells nothing of it.  (The client itself may find it gone.)"""
    mariadb.script(SETUP, "test")
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    stage = Stage(mariadb, carpool, caps)
    wrong = []
    for sql in FAILS.strip().split("\n"):
        mariadb.script(SETUP, "test")
        client = stage.come()
        assert WAYS[how](client, sql).errors
        client.close()
        other = stage.come()
        wrong += stage.see(sql, "the next", stage.fresh, other)
        if other.value("SELECT IS_FREE_LOCK('leaks')") != "1":
            wrong.append((sql, "lock"))
        other.close()
    assert not wrong, "\n".join(map(repr, wrong))


WARNS = ["SELECT CAST('secret' AS INT)", "DROP TABLE IF EXISTS secret",
         "SELECT * FROM secret", "DROP TABLE IF EXISTS secret; DO 1",
         "CALL warns()", "SELECT CAST('secret' AS INT); SELECT 1",
         "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'secret'"]
ASKS = ["SHOW WARNINGS", "DO 1; SHOW WARNINGS", "SHOW WARNINGS; DO 1",
        "SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "SELECT @@warning_count",
        "EXECUTE IMMEDIATE 'SHOW WARNINGS'", "CALL tells()",
        "GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT; SELECT @m",
        "GET DIAGNOSTICS @n = NUMBER; SELECT @n", "BEGIN; SHOW WARNINGS",
        "SET NAMES latin1; SHOW ERRORS"]
WARNERS = """
DROP PROCEDURE IF EXISTS warns
CREATE PROCEDURE warns() DROP TABLE IF EXISTS secret
DROP PROCEDURE IF EXISTS tells
CREATE PROCEDURE tells() BEGIN GET DIAGNOSTICS @n = NUMBER; SELECT @n; END
"""


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("how", ["alone", "prepared", "in a transaction"])
def test_warnings_are_nobody_elses(make_carpool, mariadb, how, begun, gone):
    """However they came to be, and however another asks for them."""
    mariadb.script(WARNERS, "test")
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    wrong = []
    for warn in WARNS:
        for sql in ASKS:
            client, other = (carpool.my_connect(caps=MODERN) for _ in "12")
            WAYS[how](client, warn)
            if gone or "CALL" in warn:  # which keeps the server
                client.close()
            if begun:
                other.query("BEGIN")
            answer = other.query(sql, check=False)
            told = [answer.rows, [str(e) for e in answer.errors]]
            other.close()
            client.close()
            if any(x in repr(told) for x in ("secret", "'1'", "'2'")):
                wrong.append((warn, sql, told))
    assert not wrong, "\n".join(map(repr, wrong))


TRACES = """
SET profiling = 1
SET @@profiling = 1
SET @@session.profiling = 1, @a = 1
SET `profiling` = ON
SET PROFILING := 1
CALL profiles()
SET optimizer_trace = 'enabled=on'
SET @@optimizer_trace = 'enabled=on'
"""
TRACERS = """
DROP PROCEDURE IF EXISTS profiles
CREATE PROCEDURE profiles() SET profiling = 1
DROP TABLE IF EXISTS leak
CREATE TABLE leak (a INT AUTO_INCREMENT PRIMARY KEY, b INT)
"""


def traces(c):
    profiles = c.query("SHOW PROFILES").rows
    traced = c.query("SELECT * FROM information_schema.OPTIMIZER_TRACE").rows
    return "secret" in repr([profiles, traced])


@pytest.mark.parametrize("server", ["mariadb", "mysql8"])
@pytest.mark.parametrize("mode", ["transaction", "session"])
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("how", ["alone", "prepared", "in a transaction"])
def test_traces_are_nobody_elses(make_carpool, request, how, reset, mode,
                                 server):
    """SHOW PROFILES, and MySQL's OPTIMIZER_TRACE, outlive a reset."""
    server = request.getfixturevalue(server)
    server.script(TRACERS, "test")
    carpool = make_carpool({}, mysql={"test": server}, default_pool_size=1,
                           pool_mode=mode)
    for sql in TRACES.strip().split("\n"):
        client = carpool.my_connect(caps=MODERN)
        WAYS[how](client, sql)
        client.query("SELECT a FROM leak WHERE b + 1 = 'secret'")
        assert traces(client), sql  # its own are there
        if reset:
            assert client.command(w.RESET_CONNECTION).oks
        client.close()
        other = carpool.my_connect(caps=MODERN)
        assert not traces(other), sql
        other.close()


MAKES = """
INSERT INTO leak (b) VALUES (1)
INSERT INTO leak (b) VALUES (1) RETURNING b
REPLACE INTO leak (b) VALUES (1) RETURNING b
ANALYZE INSERT INTO leak (b) VALUES (1)
ANALYZE FORMAT=JSON INSERT INTO leak (b) VALUES (1)
INSERT INTO leak (b) WITH q AS (SELECT 1 x) SELECT x FROM q
"""


@pytest.mark.parametrize("first", ["DO 1", "SET sql_select_limit = 0"])
@pytest.mark.parametrize("how", ["alone", "prepared", "in a transaction"])
@pytest.mark.parametrize("caps", [MODERN, OLDER])
def test_numbers_of_rows_that_tell_none(make_carpool, mariadb, caps, how,
                                        first):
    """LAST_INSERT_ID() behind an INSERT that answers with rows."""
    mariadb.script("DROP TABLE IF EXISTS leak\n"
                   "CREATE TABLE leak (a INT AUTO_INCREMENT PRIMARY KEY,"
                   " b INT)", "test")
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    client, other = (carpool.my_connect(caps=caps) for _ in "12")
    client.query(first)
    for n, sql in enumerate(MAKES.strip().split("\n")):
        WAYS[how](client, sql)
        other.query("INSERT INTO leak (a) VALUES (NULL)")
        assert client.value("SELECT LAST_INSERT_ID() LIMIT 1") == \
            str(2 * n + 1), sql
        assert other.value("SELECT LAST_INSERT_ID()") == str(2 * n + 2), sql


def test_null_asks_for_the_number(make_carpool, mariadb):
    """With sql_auto_is_null, whoever wrote the last row."""
    mariadb.script("DROP TABLE IF EXISTS leak\n"
                   "CREATE TABLE leak (a INT AUTO_INCREMENT PRIMARY KEY,"
                   " b INT)", "test")
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    client, other = (carpool.my_connect(caps=MODERN) for _ in "12")
    client.query("SET sql_auto_is_null = 1")
    client.query("INSERT INTO leak (b) VALUES (1)")
    other.query("INSERT INTO leak (b) VALUES (2)")
    assert client.query("SELECT b FROM leak WHERE a IS NULL").rows == [["1"]]
    assert other.query("SELECT b FROM leak WHERE a IS NULL").rows == []


@pytest.mark.parametrize("mode, sql", [
    ("ANSI_QUOTES", r"""SELECT "a\"b", @q := 5, "c\"d" """),
    ("NO_BACKSLASH_ESCAPES", r"""SELECT 'a\'b', @q := 5, 'c\'d' """)])
@pytest.mark.parametrize("caps", [MODERN, OLDER])
def test_quotes_of_one_statement(make_carpool, mariadb, caps, mode, sql):
    """A text is read by the session's sql_mode, not by that of the statement
    before it."""
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    client = carpool.my_connect(caps=caps)
    client.query(f"SET STATEMENT sql_mode = '{mode}' FOR SELECT 1")
    client.query(sql)
    client.close()
    assert carpool.my_connect(caps=caps).value("SELECT @q") is None


def test_an_empty_string_is_carried(make_carpool, mariadb):
    """Also to a session in which '' would be NULL."""
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    client, other = (carpool.my_connect(caps=MODERN) for _ in "12")
    client.query("SET @a = ''")
    for _ in "12":
        other.query("SET sql_mode = 'EMPTY_STRING_IS_NULL'")
        other.query("SELECT COUNT(*) FROM information_schema.schemata")
        assert client.query("SELECT @a, CHARSET(@a), COLLATION(@a)").rows == \
            [["", "utf8mb4", "utf8mb4_general_ci"]]
        client.query("SET sql_mode = 'EMPTY_STRING_IS_NULL'")


def test_empty_settings_are_carried(make_carpool, mariadb):
    """Also to a server whose session takes '' for NULL."""
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    client, other = (carpool.my_connect(caps=MODERN) for _ in "12")
    client.query("SET sql_mode = ''")
    number = client.query("SELECT CONNECTION_ID() + 0").rows
    other.query("SET sql_mode = 'EMPTY_STRING_IS_NULL', old_mode = ''")
    assert client.query("SELECT @@sql_mode, DATABASE()").rows == [["", "test"]]
    assert other.query("SELECT @@old_mode, '' IS NULL").rows == [["", "1"]]
    assert client.query("SELECT CONNECTION_ID() + 0").rows == number


@pytest.mark.parametrize("mode", ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES",
                                  "STRICT_ALL_TABLES"])
def test_a_reset_keeps_the_logins_characters(make_carpool, mariadb, mode):
    """Also where it changes how texts are quoted."""
    mariadb.script("DROP TABLE IF EXISTS leak\n"
                   "CREATE TABLE leak (b VARCHAR(40) CHARSET utf8mb4)", "test")
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    client = carpool.my_connect(caps=MODERN, charset=8)  # latin1
    client.query(f"SET sql_mode = '{mode}'")
    client.query("CREATE TEMPORARY TABLE made (a INT)")
    assert client.command(w.RESET_CONNECTION).oks
    client.query(b"INSERT INTO leak VALUES ('caf\xe9')")
    assert client.query("SELECT HEX(b), @@character_set_client FROM leak"
                        ).rows == [["636166C3A9", "latin1"]]


def test_results_behind_an_option(make_carpool, mariadb):
    """COM_SET_OPTION costs the server, but nothing of its client's."""
    mariadb.script("DROP TABLE IF EXISTS leak\n"
                   "CREATE TABLE leak (a INT AUTO_INCREMENT PRIMARY KEY,"
                   " b INT)", "test")
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    client = carpool.my_connect(caps=MODERN)
    for sql in ("INSERT INTO leak (b) VALUES (1)",
                "SELECT CAST('x' AS INT)"):
        client.query("BEGIN")
        assert not client.command(w.SET_OPTION, b"\0\0").errors
        client.query(sql)
        client.query("COMMIT")
        if sql.startswith("INSERT"):
            assert client.value("SELECT LAST_INSERT_ID()") == "1"
        else:
            assert len(client.query("SHOW WARNINGS").rows) == 1


@pytest.mark.parametrize("ask", ["SHOW WARNINGS", "SELECT @@warning_count"])
@pytest.mark.parametrize("how", ["alone", "prepared"])
def test_warnings_of_what_carpool_sets(make_carpool, mariadb, how, ask):
    """A deprecated variable of another is taken back without a word."""
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1,
                           max_prepared_statements=1)
    client, other = (carpool.my_connect(caps=MODERN) for _ in "12")
    prepared = other.ask(w.command(w.STMT_PREPARE, ask), False).statement
    for _ in range(3):
        client.query("SET big_tables = 1")
        client.query("SELECT COUNT(*) FROM information_schema.schemata")
        answer = (other.query(ask) if how == "alone"
                  else other.execute(prepared))
        assert answer.rows in ([], [["0"]], [[0]])


# What real drivers and frameworks set, and other people's functions.
FREE = """
SET SESSION sql_mode = TRIM(BOTH ',' FROM REPLACE(@@sql_mode, 'ANSI', ''))
SET time_zone = TIME_FORMAT(TIMEDIFF(NOW(), UTC_TIMESTAMP), '+%H:%i')
SET lc_time_names = SUBSTRING_INDEX('de_DE.utf8', '.', 1)
SET sql_mode = (SELECT REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', ''))
SET @@SESSION.sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')
SET sql_safe_updates = NOT (1), sort_buffer_size = CAST(POWER(2, 16) AS INT)
SET sql_safe_updates = 'x' LIKE ('%x%') AND (1)
"""
HELD = """
SET time_zone = test.version()
SET time_zone = `version`()
SET time_zone = zone()
SET time_zone = (SELECT z FROM zones)
"""
ZONES = """
DROP FUNCTION IF EXISTS zone
CREATE FUNCTION zone() RETURNS VARCHAR(9) BEGIN SET @f = 7; RETURN '+03:00'; END
DROP FUNCTION IF EXISTS version
CREATE FUNCTION version() RETURNS VARCHAR(9)
    BEGIN SET @f = 7; RETURN '+03:00'; END
CREATE OR REPLACE VIEW zones AS SELECT zone() AS z
"""


def test_what_a_set_calls(make_carpool, mariadb):
    """The server's own functions keep nobody; others may do anything."""
    mariadb.script(ZONES, "test")
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1,
                           query_wait_timeout=3)
    other = carpool.my_connect(caps=MODERN)
    for sql in FREE.strip().split("\n"):
        client = carpool.my_connect(caps=MODERN)
        client.query(sql)
        assert other.value("SELECT 1") == "1", sql
        client.close()
    for sql in HELD.strip().split("\n"):
        client = carpool.my_connect(caps=MODERN)
        client.query(sql, check=False)
        client.close()
        assert other.value("SELECT @f") is None, sql
