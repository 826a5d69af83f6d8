"""What MySQL clients set when they connect is answered without a server, once
one of them has been seen to set it; the server counts what it is asked."""

import pytest

from tools import mywire as w
from tools.rawmysql import RawMysql
from tools.wait import wait_until

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF

# What drivers send first.
FIRST = ["SET NAMES utf8mb4",
         "SET AUTOCOMMIT = 0",
         "SET character_set_results='utf8mb4', autocommit=1,"
         " sql_mode='ANSI_QUOTES,STRICT_TRANS_TABLES'",
         "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
         "set session time_zone = '+05:00'"]

SEEN = ("SELECT @@character_set_client, @@autocommit, @@sql_mode, @@time_zone,"
        " @@session.tx_isolation")


@pytest.fixture
def make(make_carpool, mariadb):
    """make(size, **settings): a carpool in front of MariaDB."""
    def start(size=1, **settings):
        settings.setdefault("threads", 1)
        return make_carpool({}, mysql={"test": mariadb},
                            default_pool_size=size, **settings)

    return start


def asked(server):
    return int(server.query("SHOW GLOBAL STATUS LIKE 'Com_set_option'")[0][1])


def told(answer):
    return (answer.last.status, answer.last.warnings, answer.last.affected,
            answer.last.info, sorted(answer.last.trackers))


def begin(c):
    return [told(c.query(sql)) for sql in FIRST]


@pytest.mark.tsan
@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_first_statements_need_no_server(make, mariadb, caps):
    carpool = make(1)
    first = carpool.my_connect(caps=caps)
    answers = begin(first)
    values = first.query(SEEN).rows
    clients = [carpool.my_connect(caps=caps) for _ in range(5)]
    before = asked(mariadb)
    # Nobody else gets the only server while a transaction is open.
    first.query("BEGIN")
    for c in clients:
        assert begin(c) == answers
    first.query("COMMIT")
    assert asked(mariadb) == before
    for c in clients:
        assert c.query(SEEN).rows == values


def test_each_client_as_it_wants_to_be_told(make, mariadb):
    """One that tracks nothing learnt it, one that tracks is told."""
    carpool = make(1)
    blind, seeing = (carpool.my_connect(caps=c) for c in (w.BASE, MODERN))
    password = mariadb.users["app"][0]
    for c in (blind, seeing, carpool.my_connect(caps=w.BASE)):
        direct = RawMysql.open(mariadb.host, mariadb.port, user="app",
                               password=password, database="test",
                               caps=c.caps)
        assert begin(c) == begin(direct)
        direct.close()


def test_what_is_not_of_the_session_goes_to_the_server(make, mariadb):
    carpool = make(1)
    texts = ["SET @a = 1", "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
             "SET sql_mode = DEFAULT", "SET CHARACTER SET utf8mb4",
             "SET time_zone = @@global.time_zone", "SET timestamp = 5",
             "SET last_insert_id = 7"]
    for sql in texts:
        for _ in range(3):
            c = carpool.my_connect(caps=MODERN)
            before = asked(mariadb)
            c.query(sql)
            assert asked(mariadb) > before, sql
            c.close()


def test_errors_are_not_remembered(make):
    carpool = make(1)
    for _ in range(3):
        c = carpool.my_connect(caps=MODERN)
        answer = c.query("SET time_zone = 'no/where'", check=False)
        assert answer.errors[0].code == 1298
        # What an error left is not taken for what follows it.
        c.command(w.INIT_DB, "test")
        assert c.query("SET time_zone = 'no/where'", check=False).errors
        assert c.value("SELECT @@time_zone") != "no/where"


def test_the_same_text_from_another_state(make):
    """SET autocommit changes one value, not what came before it."""
    carpool = make(1)
    for zone in ("+01:00", "+02:00", "+01:00", "+02:00"):
        c = carpool.my_connect(caps=MODERN)
        c.query(f"SET time_zone = '{zone}'")
        c.query("SET autocommit = 0")
        assert c.query("SELECT @@time_zone, @@autocommit").rows == [[zone,
                                                                     "0"]]
        c.query("ROLLBACK")


def test_a_reload_forgets(make, mariadb):
    carpool = make(1)
    for _ in range(2):
        begin(carpool.my_connect(caps=MODERN))
    c = carpool.my_connect(caps=MODERN)
    before = asked(mariadb)
    begin(c)
    assert asked(mariadb) == before
    carpool.console("RELOAD")
    begin(carpool.my_connect(caps=MODERN))
    assert asked(mariadb) > before


def test_only_the_latest_are_kept(make, mariadb):
    carpool = make(1)
    for n in range(300):
        carpool_client = carpool.my_connect(caps=MODERN)
        carpool_client.query(f"SET net_write_timeout = {1000 + n}")
        assert carpool_client.value("SELECT @@net_write_timeout") == str(
            1000 + n)
        carpool_client.close()
    for n, is_kept in ((299, True), (0, False)):
        before = asked(mariadb)
        c = carpool.my_connect(caps=MODERN)
        c.query(f"SET net_write_timeout = {1000 + n}")
        assert (asked(mariadb) == before) == is_kept
        c.close()


def test_not_in_session_mode(make, mariadb):
    carpool = make(4, pool_mode="session")
    for _ in range(3):
        c = carpool.my_connect(caps=MODERN)
        before = asked(mariadb)
        c.query("SET NAMES utf8mb4")
        assert asked(mariadb) > before
        c.close()


# What drivers and tools ask first.
PROBES = ["SELECT @@version_comment LIMIT 1",
          "select @@session.tx_isolation",
          "/* who asks */SELECT  @@session.auto_increment_increment AS"
          " auto_increment_increment, @@character_set_client AS cs,"
          " @@sql_mode, @@wait_timeout AS wait_timeout;",
          "SELECT @@max_allowed_packet,@@wait_timeout"]


def questions(server):
    return int(server.query("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1])


@pytest.mark.tsan
@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_first_questions_need_no_server(make, mariadb, caps):
    carpool = make(1)
    first = carpool.my_connect(caps=caps)
    password = mariadb.users["app"][0]
    direct = RawMysql.open(mariadb.host, mariadb.port, user="app",
                           password=password, database="test", caps=caps)
    answers = [direct.query(sql) for sql in PROBES]
    direct.close()
    for _ in range(2):
        for sql, want in zip(PROBES, answers):
            got = first.query(sql)
            assert (got.rows, told(got)) == (want.rows, told(want))
    clients = [carpool.my_connect(caps=caps) for _ in range(5)]
    before = questions(mariadb)
    # Nobody else gets the only server while a transaction is open.
    first.query("BEGIN")
    for c in clients:
        for sql, want in zip(PROBES, answers):
            got = c.query(sql)
            assert (got.rows, told(got)) == (want.rows, told(want))
            assert got.sets[0].names == want.sets[0].names
    first.query("COMMIT")
    assert questions(mariadb) == before


def test_what_set_global_changes_is_asked_each_time(make, mariadb):
    carpool = make(1)
    c = carpool.my_connect(caps=MODERN)
    for value in ("", "SET @greeted = 1", ""):
        mariadb.query(f"SET GLOBAL init_connect = '{value}'")
        assert c.value("SELECT @@init_connect") == value


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_warnings_end_with_a_question_wherever_it_is_answered(make, caps):
    carpool = make(1)
    c, other = (carpool.my_connect(caps=caps) for _ in range(2))
    for _ in range(2):
        c.query("DO 1/0")
        assert len(c.query("SHOW WARNINGS").rows) == 1
        c.query("SELECT @@wait_timeout")
        other.query("SELECT 1 FROM (SELECT 1) AS t")
        assert c.query("SHOW WARNINGS").rows == []


def test_questions_are_answered_by_the_state_that_asks(make):
    carpool = make(1)
    text = "SELECT @@sql_mode, @@time_zone, @@autocommit"
    for n in range(3):
        for mode in ("ANSI_QUOTES", "NO_ZERO_DATE"):
            c = carpool.my_connect(caps=MODERN)
            c.query(f"SET sql_mode = '{mode}', time_zone = '+0{n}:00'")
            for _ in range(2):
                assert c.query(text).rows == [[mode, f"+0{n}:00", "1"]]
            c.query("SET autocommit = 0")
            assert c.query(text).rows == [[mode, f"+0{n}:00", "0"]]
            c.query("ROLLBACK")
            c.close()
    # Without autocommit, and in another form.
    for caps in (w.BASE, MODERN):
        c = carpool.my_connect(caps=caps)
        assert c.query(text).rows == c.query(text).rows


def test_what_may_be_another_answer_is_asked(make, mariadb):
    carpool = make(1)
    texts = ["SELECT @@timestamp", "SELECT @@hostname",
             "SELECT @@global.wait_timeout", "SELECT @@warning_count",
             "SELECT @@version, NOW()", "SELECT @@version FROM DUAL",
             "SELECT @@wait_timeout + 1", "SELECT @@version LIMIT 10",
             "SELECT /*! @@hostname, */ @@version", "SELECT @@last_insert_id"]
    c = carpool.my_connect(caps=MODERN)
    for sql in texts:
        for _ in range(3):
            before = questions(mariadb)
            c.query(sql)
            assert questions(mariadb) > before, sql


def test_questions_are_asked_again(make, mariadb):
    """In a transaction, and when the answer is old."""
    carpool = make(1)
    c = carpool.my_connect(caps=MODERN)
    for _ in range(2):
        c.query("BEGIN")
        before = questions(mariadb)
        c.query("SELECT @@version")
        assert questions(mariadb) > before
        c.query("COMMIT")
    c.query("SELECT @@version")
    wait_until(lambda: [before := questions(mariadb),
                        c.query("SELECT @@version"),
                        questions(mariadb) > before][-1], 20,
               "an old answer to be asked for again")
