"""What servers do by themselves: the facts on which carpool's view of a MySQL
session's state relies (doc/mysql.md), asked of a real MariaDB without carpool.
A new version that does otherwise is found here first."""

import pytest

from tools import mywire as w
from tools.rawmysql import RawMysql

CAPS = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF
TRACKERS = ("SET session_track_system_variables='*',session_track_schema=ON,"
            "session_track_state_change=ON,"
            "session_track_transaction_info='CHARACTERISTICS',NAMES utf8mb4")
CHANGED = (2, b"1")


def direct(server, user="app", **login):
    return RawMysql.open(server.host, server.port, user=user,
                         password=server.users[user][0],
                         **{"database": "test", "caps": CAPS, **login})


@pytest.fixture
def c(mariadb):
    with direct(mariadb) as conn:
        conn.query(TRACKERS)
        yield conn


def told(conn, sql):
    """(variables, other trackers) of a statement's OK."""
    ok = conn.query(sql).last
    return ok.variables, [t for t in ok.trackers if t[0] != 0]


def row(conn, sql):
    return [v.decode() if isinstance(v, bytes) else v
            for v in conn.query(sql).rows[0]]


def test_first_statement_tells_of_itself(mariadb):
    with direct(mariadb) as conn:
        variables, _ = told(conn, TRACKERS)
        assert variables["session_track_system_variables"] == "*"
        assert variables["character_set_connection"] == "utf8mb4"
        variables, _ = told(conn, "SET @@session.autocommit="
                                  "@@session.autocommit,"
                                  "@@session.collation_connection="
                                  "@@session.collation_connection")
        assert set(variables) == {"autocommit", "collation_connection"}


def test_collation_of_set_names_is_not_told(c):
    for sql in ("SET NAMES utf8mb4 COLLATE utf8mb4_bin",
                "SET CHARACTER SET latin1"):
        variables, _ = told(c, sql)
        assert set(variables) == {"character_set_client",
                                  "character_set_connection",
                                  "character_set_results"}
    c.query("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    variables, _ = told(c, "SET @@session.collation_connection="
                           "@@session.collation_connection")
    assert variables == {"collation_connection": "utf8mb4_bin"}


@pytest.mark.parametrize("sql,name", [
    ("SET collation_connection = latin1_bin", "character_set_connection"),
    ("SET storage_engine = MyISAM", "default_storage_engine"),
    ("SET tmp_table_size = 1048576", "tmp_memory_table_size"),
    ("SET log_slow_query_time = 3", "long_query_time"),
    ("SET max_join_size = 100", "sql_big_selects"),
    ("SET wsrep_causal_reads = 1", "wsrep_sync_wait"),
])
def test_some_change_what_they_do_not_tell(c, sql, name):
    before = row(c, f"SELECT @@session.{name}")
    variables, _ = told(c, sql)
    assert len(variables) == 1 and name not in variables
    assert row(c, f"SELECT @@session.{name}") != before


def test_timestamp_tells_the_old_one(c):
    assert told(c, "SET timestamp = 1")[0] == {"timestamp": "1.000000"}
    assert told(c, "SET timestamp = DEFAULT")[0] == {"timestamp": "1.000000"}


def test_null_is_told_as_empty(c):
    assert told(c, "SET character_set_results = NULL")[0] == {
        "character_set_results": ""}


def test_default_is_not_what_the_login_had(mariadb):
    with direct(mariadb, charset=8) as conn:  # latin1
        conn.query(TRACKERS)
        conn.query("SET NAMES latin1")
        variables, _ = told(conn, "SET @@session.character_set_client="
                                  "DEFAULT")
        assert variables == {"character_set_client": "utf8mb4"}


@pytest.mark.parametrize("sql,trackers", [
    ("CREATE TEMPORARY TABLE facts (a INT)", [CHANGED]),
    ("CREATE TEMPORARY TABLE facts AS SELECT 1", []),
    ("SELECT 1 INTO @v", []),
    ("SELECT @v := 1", []),
    ("SET @v = 1", [CHANGED]),
    ("SELECT GET_LOCK('facts', 0)", []),
    ("FLUSH TABLES test.sample WITH READ LOCK", None),
    ("PREPARE facts FROM 'SELECT 1'", [CHANGED]),
    ("SET TRANSACTION READ ONLY", [(4, b"\x1aSET TRANSACTION READ ONLY;")]),
    ("SET @@tx_read_only = 1", [(4, b"\x1aSET TRANSACTION READ ONLY;")]),
    ("LOCK TABLES sample READ", None),
])
def test_what_trackers_tell(c, sql, trackers):
    variables, others = told(c, sql)
    assert not variables
    if trackers is not None:
        assert others == trackers
    elif sql.startswith("LOCK"):
        assert (5, b"\x08_______L") in others
    else:
        assert CHANGED not in others


def test_drop_of_a_temporary_table_is_silent(c):
    c.query("CREATE TEMPORARY TABLE facts (a INT)")
    assert told(c, "DROP TABLE facts") == ({}, [])


def test_set_statement_tells_of_its_end_later(c):
    assert told(c, "SET STATEMENT time_zone = '+09:00' FOR SELECT 1")[0] == {
        "time_zone": "+09:00"}
    assert told(c, "SET @v = 1")[0] == {"time_zone": "+00:00"}


def test_dropped_schema_is_told_as_empty(c, mariadb):
    mariadb.query("CREATE DATABASE facts_gone")
    c.query("USE facts_gone")
    ok = c.query("DROP DATABASE facts_gone").last
    assert (1, b"\x00") in ok.trackers and ok.status & 0x100
    assert row(c, "SELECT DATABASE()") == [None]


def test_schema_takes_its_collation_along(c):
    c.query("SET collation_database = latin1_bin")
    variables, others = told(c, "USE test")
    assert not variables and (1, b"\x04test") in others
    assert row(c, "SELECT @@collation_database") != ["latin1_bin"]


def test_set_is_all_or_nothing(c):
    c.query("SET time_zone = '+05:00', nope = 1", check=False)
    assert row(c, "SELECT @@time_zone") == ["+00:00"]


def test_numbers_are_not_strings(c):
    assert c.query("SET lock_wait_timeout = '5'",
                   check=False).errors[0].code == 1232
    for value in ("'+03:00'", "x'2B30333A3030'", "_utf8mb4 x'2B30333A3030'"):
        assert told(c, f"SET @@session.time_zone = {value}")[0] == {
            "time_zone": "+03:00"}


def test_reset_forgets_more_than_the_client_did(mariadb):
    with direct(mariadb, caps=CAPS | w.IGNORE_SPACE) as conn:
        conn.query(TRACKERS)
        conn.query("SET time_zone = '+05:00'")
        mode = row(conn, "SELECT @@sql_mode")[0]
        assert "IGNORE_SPACE" in mode.split(",")
        ok = conn.reset_connection()
        assert not ok.last.trackers
        assert row(conn, "SELECT @@time_zone, @@session_track_schema,"
                         " @@session_track_state_change, DATABASE()") == [
            "+00:00", "1", "0", "test"]
        assert "IGNORE_SPACE" not in row(conn, "SELECT @@sql_mode")[0]


def test_init_connect_is_lost_by_a_reset(make_mariadb):
    server = make_mariadb(**{"init-connect": "SET sql_mode='ANSI'"})
    server.query("CREATE USER plain@'127.0.0.1'")
    server.query("GRANT SELECT ON test.* TO plain@'127.0.0.1'")
    server.users = {**server.users, "plain": (None, "native")}
    with direct(server, user="plain") as conn:
        assert "ANSI" in row(conn, "SELECT @@sql_mode")[0]
        conn.reset_connection()
        assert "ANSI" not in row(conn, "SELECT @@sql_mode")[0]


def test_executable_comments_by_version(c):
    major = int(row(c, "SELECT SUBSTRING_INDEX(VERSION(), '.', 1)")[0])
    assert row(c, "SELECT 1 /*!50699 +1 */ /*!50700 +10 */ /*!99999 +100 */"
                  "/*!100000 +1000 */ /*M!50700 +10000 */ /*!999999 +2 */"
                  "/*! +100000 */") == ["111002"] and major >= 10


def test_a_latin1_space_parts_words(mariadb):
    with direct(mariadb, charset=8) as conn:
        conn.query(b"SET\xa0@facts = 7")
        assert row(conn, "SELECT @facts") == ["7"]
