"""Prepared statements of MySQL's protocol where servers are shared: what each
client executes is its own, whatever server it gets, and servers hold a bounded
number of them.

The traps about them are in test_mysql_traps.py; here stands what can be seen
only through carpool."""

import random

import pytest

from tools import mywire as w
from tools.wait import wait_until

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF

SETUP = """
DROP TABLE IF EXISTS kept
CREATE TABLE kept (a INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(40))
INSERT INTO kept (b) VALUES ('1'), ('2'), ('3'), ('4'), ('5')
"""


@pytest.fixture
def make(make_carpool, mariadb):
    """make(size, **settings): a carpool in front of MariaDB."""
    mariadb.script(SETUP, "test")

    def start(size=1, **settings):
        return make_carpool({}, mysql={"test": mariadb},
                            default_pool_size=size, **settings)

    return start


def held(server):
    return int(server.query(
        "SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")[0][1])


def code(answer):
    return answer.errors[0].code if answer.errors else None


@pytest.mark.tsan
@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_two_clients_on_one_server(make, mariadb, caps):
    before = held(mariadb)
    carpool = make(1)
    clients = [carpool.my_connect(caps=caps) for _ in range(2)]
    texts = [f"SELECT {n}, ?" for n in range(10)]
    statements = [{n: c.prepare(text) for n, text in enumerate(texts)}
                  for c in clients]
    for turn in range(3):
        for n in range(10):
            for who, c in enumerate(clients):
                got = c.execute(statements[who][n], [f"{who} {turn}"])
                assert got.rows == [[n, f"{who} {turn}"]]
    assert held(mariadb) - before == 10
    assert carpool.servers_open() == 1
    # their numbers are as on a server of one's own
    assert [s.id for s in statements[1].values()] == list(range(1, 11))
    for s in statements[0].values():
        clients[0].forget(s)
    assert code(clients[0].execute(statements[0][3], [1], check=False)) == 1243
    assert clients[1].execute(statements[1][3], [1]).rows == [[3, 1]]


@pytest.mark.tsan
def test_servers_hold_a_bounded_number(make, mariadb):
    before = held(mariadb)
    carpool = make(2, max_prepared_statements=5)
    clients = [carpool.my_connect(caps=MODERN) for _ in range(3)]
    chance = random.Random(5)
    statements = {}
    for n in range(60):
        for c in clients:
            statements[c, n] = c.prepare(f"SELECT {n} + ?")
        assert held(mariadb) - before <= 10
    for _ in range(300):
        c, n = chance.choice(list(statements))
        assert c.execute(statements[c, n], [5]).rows == [[n + 5]]
    assert held(mariadb) - before <= 10


def test_types_follow_the_client(make):
    """Each client's own last types count, though the server has but one such
    statement for all of them."""
    carpool = make(1)
    chance = random.Random(7)
    clients = [carpool.my_connect(caps=MODERN) for _ in range(3)]
    statements = [c.prepare("SELECT ?, ?, ?") for c in clients]
    types = [None] * 3

    def value(kind):
        return {"int": chance.randrange(1000), "text": f"{chance.random()}",
                "real": chance.randrange(100) / 4,
                "null": None}[kind]

    for _ in range(300):
        who = chance.randrange(3)
        with_types = types[who] is None or chance.random() < 0.3
        if with_types:
            types[who] = [chance.choice(["int", "text", "real", "null"])
                          for _ in range(3)]
        values = [value(kind) for kind in types[who]]
        if not with_types and chance.random() < 0.3:
            values[chance.randrange(3)] = None
        got = clients[who].execute(statements[who], values,
                                   with_types=with_types)
        assert got.rows == [values]


def test_without_types_that_nobody_sent(make):
    c = make(1).my_connect(caps=MODERN)
    s = c.prepare("SELECT ?")
    assert code(c.execute(s, [1], with_types=False, check=False)) == 1210
    assert c.execute(s, [1]).rows == [[1]]
    assert c.execute(s, [2], with_types=False).rows == [[2]]


def other_server(carpool, c):
    """The client's next server has none of its statements."""
    carpool.admin("RECONNECT")
    wait_until(lambda: c.value("SELECT 1") == "1")


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_table_that_goes_away(make, mariadb, in_transaction):
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    mariadb.query("DROP TABLE IF EXISTS gone", db="test")
    mariadb.query("CREATE TABLE gone AS SELECT 1 AS x", db="test")
    s = a.prepare("SELECT x FROM gone")
    assert a.execute(s).rows == [[1]]
    mariadb.query("DROP TABLE gone", db="test")
    other_server(carpool, b)
    if in_transaction:
        a.query("BEGIN")
        a.query("INSERT INTO kept (b) VALUES ('mine')")
    for _ in range(3):
        assert code(a.execute(s, check=False)) == 1146
    if in_transaction:
        assert a.value("SELECT COUNT(*) FROM kept") == "6"
        a.query("ROLLBACK")
    assert b.value("SELECT COUNT(*) FROM kept") == "5"
    mariadb.query("CREATE TABLE gone AS SELECT 2 AS x", db="test")
    assert a.execute(s).rows == [[2]]


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_settings_of_the_prepare(make, caps):
    """A text means what it meant when it was prepared, on each server, and the
    session is the client's own again behind it."""
    carpool = make(1)
    a, b = (carpool.my_connect(caps=caps) for _ in range(2))
    a.query("SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT', NAMES latin1")
    s = a.prepare("SELECT \"b\" || 'x', ? FROM kept WHERE a = 3")
    a.query("SET sql_mode = '', NAMES utf8mb4, time_zone = '+03:00'")
    asked = "SELECT @@sql_mode, DATABASE(), @@character_set_client, " \
            "@@collation_connection, @@time_zone"
    mine = a.query(asked).rows
    assert mine[0][:2] == ["", "test"]
    for n in range(4):
        other_server(carpool, b)
        if n % 2:
            a.query("BEGIN")
        assert a.execute(s, [n]).rows == [["3x", n]]
        assert a.query(asked).rows == mine
        a.query("COMMIT")
        assert b.value("SELECT @@sql_mode") != ""


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_the_schema_of_the_prepare(make, mariadb, caps):
    mariadb.query("CREATE DATABASE IF NOT EXISTS other")
    carpool = make(2)
    a, b = (carpool.my_connect(caps=caps) for _ in range(2))
    s = a.prepare("SELECT COUNT(*), ? FROM kept")
    a.query("USE other")
    for n in range(3):
        assert a.execute(s, [n]).rows == [[5, n]]
        assert a.value("SELECT DATABASE()") == "other"
        assert b.value("SELECT DATABASE()") == "test"
        a.reset_connection()
        a.query("USE test")
        s = a.prepare("SELECT COUNT(*), ? FROM kept")
        other_server(carpool, b)
        a.query("USE other")


def test_a_schema_that_goes_away(make, mariadb):
    mariadb.query("CREATE DATABASE IF NOT EXISTS leaves")
    mariadb.query("CREATE TABLE leaves.t AS SELECT 1 AS x")
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    a.query("USE leaves")
    s = a.prepare("SELECT x FROM t")
    assert a.execute(s).rows == [[1]]
    a.query("USE test")
    mariadb.query("DROP DATABASE leaves")
    other_server(carpool, b)
    for _ in range(2):
        assert code(a.execute(s, check=False)) == 1049
        assert a.value("SELECT DATABASE()") == "test"
        assert b.value("SELECT DATABASE()") == "test"


def test_nothing_is_lost_in_front_of_it(make):
    """What the last statement left for the next one outlives a PREPARE."""
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    s = a.prepare("SELECT ROW_COUNT(), LAST_INSERT_ID()")
    other_server(carpool, b)
    a.query("BEGIN")
    a.query("INSERT INTO kept (b) VALUES ('x')")
    ident = a.value("SELECT MAX(a) FROM kept")
    a.query("UPDATE kept SET b = 'y' WHERE a > 2")
    assert a.execute(s).rows == [[4, int(ident)]]
    a.query("ROLLBACK")


def test_numbers_that_are_none(make):
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    s = a.prepare("SELECT 1")
    for ident in (0, s.id + 1, w.LAST_PREPARED - 1):
        got = b.pipeline(w.execute(ident), w.reset(ident), w.fetch(ident, 1),
                         w.bulk_execute(ident, [[1]]), w.close(ident),
                         w.long_data(ident, 0, "x"), bytes([w.PING]))
        assert [code(g) for g in got[:4]] == [1243] * 4
        assert got[-1].done and code(got[-1]) is None
    assert a.execute(s).rows == [[1]]


def test_one_text_twice(make):
    """A cursor on one of two equal statements is not the other's."""
    carpool = make(1)
    a = carpool.my_connect(caps=MODERN)
    one, two = (a.prepare("SELECT a FROM kept ORDER BY a") for _ in range(2))
    a.execute(one, flags=1)
    assert a.fetch(one, 2).rows == [[1], [2]]
    assert len(a.execute(two).rows) == 5
    a.execute(two, flags=1)
    assert a.fetch(two, 1).rows == [[1]]
    assert a.fetch(one, 1).rows == [[3]]
    three = a.prepare("SELECT a FROM kept ORDER BY a")
    assert len(a.execute(three).rows) == 5
    assert a.fetch(one, 5).rows == [[4], [5]]
    assert a.fetch(two, 5).rows == [[2], [3], [4], [5]]
    carpool.wait_pool(sv_active=0)
    for s in (one, two):
        a.fetch(s, 1, check=False)
    b = carpool.my_connect(caps=MODERN)
    assert b.value("SELECT 1") == "1"


def test_what_keeps_a_server_lets_go_of_it(make):
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    s = a.prepare("SELECT a, ? FROM kept ORDER BY a")

    def is_free():
        carpool.wait_pool(sv_active=0)
        assert b.value("SELECT 1") == "1"

    for end in (lambda: a.ask(w.reset(s.id)),
                lambda: a.execute(s, [1]),
                lambda: a.fetch(s, 9)):
        a.execute(s, [1], flags=1)
        carpool.wait_pool(sv_active=1)
        end()
        is_free()
    for end in (lambda: a.ask(w.reset(s.id)),
                lambda: a.execute(s, ["x"], long=(0,)),
                lambda: a.forget(s)):
        a.say(w.long_data(s.id, 0, "x" * 100))
        carpool.wait_pool(sv_active=1)
        end()
        is_free()
    s = a.prepare("SELECT ?")
    a.say(w.long_data(s.id, 0, "leaves"))
    carpool.wait_pool(sv_active=1)
    a.close()
    assert b.execute(b.prepare("SELECT ?"), ["kept"]).rows == [["kept"]]


def test_bulk(make):
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN, ext=w.BULK) for _ in range(2))
    text = "INSERT INTO kept (b) VALUES (?)"
    s, other = a.prepare(text), b.prepare(text)
    a.ask(w.bulk_execute(s.id, [["bulk"], ["bulk"]]))
    b.ask(w.bulk_execute(other.id, [[7], [7]]))
    a.ask(w.bulk_execute(s.id, [["bulk"], ["bulk"]], flags=0))
    assert a.value("SELECT COUNT(*) FROM kept WHERE b = 'bulk'") == "4"
    assert a.value("SELECT COUNT(*) FROM kept WHERE b = '7'") == "2"


@pytest.mark.parametrize("size", [70000, 300000, 17 << 20])
def test_a_text_too_long_to_keep(make, mariadb, size):
    before = held(mariadb)
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    text = f"SELECT ?, LENGTH('{'x' * size}')"
    s, small = a.prepare(text), a.prepare("SELECT ?")
    for n in range(3):
        assert a.execute(s, [n]).rows == [[n, size]]
        assert a.execute(small, [n]).rows == [[n]]
    carpool.wait_pool(sv_active=1)
    a.forget(s)
    assert b.value("SELECT 1") == "1"
    assert code(a.execute(s, [1], check=False)) == 1243
    assert a.execute(small, [5]).rows == [[5]]
    assert held(mariadb) - before <= 2


def test_many_parameters(make):
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    for many in (9, 3000, 16384, 40000):
        s = a.prepare(f"SELECT 1 IN ({','.join('?' * many)})")
        assert a.execute(s, [1] * many).rows == [[1]]
        if many <= 16384:
            assert b.value("SELECT 1") == "1"
        assert a.execute(s, [2] * many, with_types=False).rows == [[0]]
        a.forget(s)
        assert b.value("SELECT 1") == "1"


@pytest.mark.parametrize("settings", [{"pool_mode": "session"},
                                      {"max_prepared_statements": 0}])
def test_not_shared(make, settings):
    """The numbers are the server's then, and the client stays with it."""
    carpool = make(1, **settings)
    a = carpool.my_connect(caps=MODERN)
    s = a.prepare("SELECT ?")
    assert a.execute(s, [1]).rows == [[1]]
    assert a.execute(s, [2], with_types=False).rows == [[2]]
    carpool.wait_pool(sv_active=1)
    a.close()
    b = carpool.my_connect(caps=MODERN)
    assert code(b.execute(s, [1], check=False)) == 1243


def test_flags_belong_to_the_execute(make):
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    lock = a.prepare("SELECT GET_LOCK('mine', 0)")
    temp = a.prepare("CREATE TEMPORARY TABLE tt (a INT)")
    setter = a.prepare("SET @v = 5")
    zone = a.prepare("SET time_zone = '+04:00'")
    assert b.value("SELECT 1") == "1"
    for s in (setter, zone):
        a.execute(s)
        assert b.query("SELECT @v, @@time_zone").rows == [[None, "+00:00"]]
    assert a.query("SELECT @v, @@time_zone").rows == [["5", "+04:00"]]
    assert a.execute(lock).rows == [[1]]
    carpool.wait_pool(sv_active=1)
    a.execute(temp)
    a.reset_connection()
    assert code(a.execute(lock, check=False)) == 1243
    assert code(b.query("SELECT * FROM tt", check=False)) == 1146


def test_the_console_tells(make):
    carpool = make(1)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    text = "SELECT 'told', ?"
    for c in (a, b):
        c.execute(c.prepare(text), [1])
    b.prepare("SELECT 2")
    rows = carpool.admin("SHOW PREPARED_STATEMENTS")
    row = next(r for r in rows if int(r["length"]) == len(text))
    assert (row["clients"], row["servers"]) == ("2", "1")
    totals = carpool.totals()
    assert totals["client_parse_count"] == 3
    assert totals["bind_count"] == 2
    assert totals["server_parse_count"] == 3
    carpool.admin("RECONNECT")
    statement = a.prepare("SELECT 3")
    a.forget(statement)
    a.ping()
    assert "2" in {r["prepared_statements"]
                   for r in carpool.admin("SHOW CLIENTS")}


def test_a_client_prepares_too_many(make):
    carpool = make(1, max_prepared_statements=10)
    a = carpool.my_connect(caps=MODERN)
    text = "SELECT '" + "x" * 60000 + "', {}"
    got = None
    for n in range(300):
        got = a.command(w.STMT_PREPARE, text.format(n), check=False)
        if got.errors:
            break
    assert code(got) == 1461
    assert a.value("SELECT 1") == "1"
    assert a.execute(1).rows[0][1] == 0


def test_kill_prepared(make):
    carpool = make(2)
    a, b = (carpool.my_connect(caps=MODERN) for _ in range(2))
    s = a.prepare(f"KILL QUERY {b.id}")
    b.say(w.query("SELECT SLEEP(20)"))
    wait_until(lambda: carpool.pool()["sv_active"] == 1)
    a.execute(s)
    b.finish(b.answer_of(w.QUERY))
    assert b.value("SELECT 1") == "1"
