"""What the console tells of MySQL's clients, servers and pools beside those of
Postgres, and what it answers MySQL's clients themselves."""

import pytest

from tools import mywire as w
from tools import pgwire as pg
from tools.wait import wait_until

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF


@pytest.fixture
def make(make_carpool, mariadb):
    """make(size, **settings): a carpool in front of MariaDB alone."""
    def start(size=1, **settings):
        settings.setdefault("threads", 1)
        return make_carpool({}, mysql={"test": mariadb},
                            default_pool_size=size, **settings)

    return start


@pytest.fixture
def both(make_carpool, mariadb):
    """An entry of each protocol, both of one name."""
    return make_carpool(mysql={"test": mariadb})


def mysql_console(cp, user="admin"):
    return cp.my_connect(user=user, database="carpool",
                         password=cp.userlist[user])


def dicts(answer):
    names = answer.sets[-1].names
    return [dict(zip(names, row)) for row in answer.rows]


def pinned(cp, *expected):
    """The rows of SHOW PINS once they have these reasons."""
    wait_until(lambda: sorted(r["reason"] for r in cp.admin("SHOW PINS"))
               == sorted(expected), 10, f"pins {expected}")
    return cp.admin("SHOW PINS")


def test_each_row_says_its_protocol(both):
    a, b = both.connect(), both.my_connect(caps=MODERN)
    a.query("SELECT pg_advisory_lock(1)")
    b.value("SELECT GET_LOCK('a', 1)")
    a.send(pg.parse("one", "SELECT 1"), pg.sync())
    a.read_until("Z")
    b.prepare("SELECT 1")
    listener = both.connect()
    listener.query("LISTEN a")
    rows = pinned(both, "advisory_lock", "advisory_lock")
    assert {r["protocol"] for r in rows} == {"postgres", "mysql"}
    names = {r["id"]: r["protocol"] for r in rows}
    for c in both.admin("SHOW CLIENTS"):
        assert "protocol" not in c
        if c["id"] in names:
            mine = c["port"] == str(a.sock.getsockname()[1])
            assert names[c["id"]] == ("postgres" if mine else "mysql")
    for table in ("PIN_COUNTS", "PREPARED_STATEMENTS"):
        got = both.admin(f"SHOW {table}")
        assert [r["database"] for r in got] == ["test", "test"]
        assert {r["protocol"] for r in got} == {"postgres", "mysql"}, table
    row, = both.admin("SHOW LISTENERS")
    assert row["protocol"] == "postgres"


def test_explain_is_of_the_console_s_own_protocol(both):
    text = "EXPLAIN PIN 'SELECT GET_LOCK(''a'', 1)'"
    mine = mysql_console(both)
    for end, name in (("", "mysql"), (" test", "mysql"), (" test app", "mysql")):
        row, = dicts(mine.query(text + end))
        assert row["protocol"] == name
        assert (row["effect"], row["kind"]) == ("keeps the server",
                                                "advisory_lock")
        row, = both.admin(text + end)
        assert row["protocol"] == "postgres"
        assert row["effect"] == "runs on any server"


# What pins, what ends it (None: a reset of the connection), what SHOW PINS says
# of it, and whether a policy is about it.  (An XA transaction is an open one to
# MariaDB's status, and no pin.)
TEXTS = [
    ("CREATE TEMPORARY TABLE pinned (a INT)", None, "temp_table", True),
    ("SELECT GET_LOCK('console', 1)", None, "advisory_lock", True),
    ("HANDLER looked_at OPEN", None, "hold_cursor", True),
    ("SET @made = NOW()", None, "unknown_set", True),
    ("PREPARE made FROM 'SELECT 1'", None, "unknown_set", True),
    ("CALL does_nothing()", None, "unknown_set", True),
    ("SET ROLE NONE", None, "unknown_set", True),
    ("LOCK TABLES looked_at READ", "UNLOCK TABLES", "table_lock", False),
    ("FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES", "server_lock", False),
    ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "BEGIN; COMMIT",
     "transaction", False),
    ("SAVEPOINT a", "COMMIT", "transaction", False),
    ("/* pool: session */ SELECT 1", None, "asked", False),
]


@pytest.fixture
def tables(mariadb):
    mariadb.script("""
CREATE TABLE IF NOT EXISTS looked_at (a INT)
DROP PROCEDURE IF EXISTS does_nothing
CREATE PROCEDURE does_nothing() BEGIN END
""", "test")


def counts(cp):
    return {r["reason"]: (int(r["now"]), int(r["begun"]))
            for r in cp.admin("SHOW PIN_COUNTS")}


@pytest.mark.parametrize("begin, end, reason, has_policy", TEXTS)
def test_a_pin_is_listed_until_it_ends(make, tables, begin, end, reason,
                                       has_policy):
    cp = make(2)
    a, b = (cp.my_connect(caps=MODERN) for _ in range(2))
    a.query("SELECT 1")
    assert pinned(cp) == []
    a.query(begin)
    row, = pinned(cp, reason)
    assert (row["database"], row["user"]) == ("test", "app")
    assert row["protocol"] == "mysql"
    assert row["port"] == str(a.sock.getsockname()[1])
    assert len(row["digest"]) == 16 and int(row["digest"], 16) != 0
    assert row["since"].endswith("UTC") and int(row["age"]) >= 0
    client, = [c for c in cp.admin("SHOW CLIENTS") if c["id"] == row["id"]]
    assert client["state"] == "active"
    assert (client["ptr"], client["link"]) == (row["ptr"], row["link"])
    server, = [s for s in cp.admin("SHOW SERVERS") if s["link"] == row["ptr"]]
    assert server["remote_pid"] == row["remote_pid"]
    assert counts(cp) == {reason: (1, 1)}
    assert b.value("SELECT CONNECTION_ID() + 0") != row["remote_pid"]
    told = [r for r in cp.admin(
        "EXPLAIN PIN '" + begin.replace("'", "''") + "' test app")]
    assert {r["effect"] for r in told} == {"keeps the server"}
    assert {r["kind"] for r in told} == {reason if has_policy else None}
    assert all(r["protocol"] == "mysql" and r["reason"] for r in told)
    if end is None:
        a.reset_connection()
    else:
        for sql in end.split("; "):
            a.query(sql)
    pinned(cp)
    assert counts(cp) == {reason: (0, 1)}
    cp.wait_pool(sv_active=0)


def test_what_commands_pin(make):
    """No text says it: a cursor, a part of a parameter, a statement that is
    not shared."""
    cp = make(3, max_prepared_statements=10)
    a = cp.my_connect(caps=MODERN)
    text = "SELECT seq FROM seq_1_to_9"
    s = a.prepare(text)
    a.execute(s, flags=1)
    row, = pinned(cp, "hold_cursor")
    digests = {r["digest"] for r in cp.admin("SHOW PREPARED_STATEMENTS")}
    assert digests == {row["digest"]}
    a.ask(w.reset(s.id))
    pinned(cp)
    s = a.prepare("SELECT ?")
    a.say(w.long_data(s.id, 0, b"part"))
    a.ping()
    row, = pinned(cp, "statement")
    assert row["digest"] is not None
    a.execute(s, [b"x"])
    pinned(cp)
    long = a.prepare("SELECT '" + "x" * 70000 + "'")
    row, = pinned(cp, "statement")
    a.forget(long)
    a.ping()
    pinned(cp)
    assert counts(cp) == {"hold_cursor": (0, 1), "statement": (0, 2)}


def test_a_pin_has_its_statement_s_digest(make):
    """Alike but for constants and space is alike."""
    cp = make(3)
    digests = []
    for sql in ("SELECT GET_LOCK('a', 1)", "select  get_lock('b', 20)",
                "SELECT GET_LOCK('c', 1), 1"):
        c = cp.my_connect(caps=MODERN)
        c.query("SET @a = 1")
        c.query(sql)
        c.query("SELECT 1")
        row, = pinned(cp, "advisory_lock")
        digests.append(row["digest"])
        c.quit()
        pinned(cp)
    assert digests[0] == digests[1] != digests[2]


FIGURES = ("query_count", "xact_count", "client_parse_count",
           "server_parse_count", "bind_count")


def figures(cp):
    totals = cp.totals()
    return tuple(totals[name] for name in FIGURES)


class Tally:
    """A socket whose bytes are counted."""

    def __init__(self, sock):
        self.sock, self.sent, self.got = sock, 0, 0

    def sendall(self, data):
        self.sent += len(data)
        return self.sock.sendall(data)

    def recv(self, *args):
        data = self.sock.recv(*args)
        self.got += len(data)
        return data

    def __getattr__(self, name):
        return getattr(self.sock, name)


def test_known_numbers(make, tables):
    """Each command that a server answers is a query, each that ends outside of
    a transaction a transaction; and each text that carpool answers itself."""
    cp = make(1)
    a = cp.my_connect(caps=MODERN | w.MULTI_STATEMENTS)
    a.query("SELECT 1")
    at = figures(cp)
    assert at == (1, 1, 0, 0, 0)

    def expect(*more):
        nonlocal at
        at = tuple(x + y for x, y in zip(at, more))
        assert figures(cp) == at

    for _ in range(3):
        a.query("SELECT 1")
    expect(3, 3, 0, 0, 0)
    for sql in ("BEGIN", "SELECT 1", "SELECT 2", "COMMIT"):
        a.query(sql)
    expect(4, 1, 0, 0, 0)
    assert a.query("SELECT nothing", check=False).errors
    expect(1, 1, 0, 0, 0)
    a.query("SELECT 1; SELECT 2; SELECT 3")
    expect(1, 1, 0, 0, 0)
    a.ping()
    expect(0, 0, 0, 0, 0)
    s = a.prepare("SELECT ?")
    expect(1, 1, 1, 1, 0)
    for n in range(3):
        a.execute(s, [n])
    expect(3, 3, 0, 0, 3)
    b = cp.my_connect(caps=MODERN)
    t = b.prepare("SELECT ?")
    expect(1, 1, 1, 1, 0)
    b.execute(t, [1])
    expect(1, 1, 0, 0, 1)


def test_what_is_answered_here_is_a_query(make, tables):
    cp = make(1)
    a, b = (cp.my_connect(caps=MODERN) for _ in range(2))
    a.query("SET autocommit = 0")
    before = cp.totals()
    b.query("SET autocommit = 0")
    a.query("COMMIT")
    a.query("rollback work;")
    assert a.value("SELECT CONNECTION_ID()") == str(a.id)
    assert a.query("KILL 4000000000", check=False).errors
    after = cp.totals()
    assert after["server_assignment_count"] == before[
        "server_assignment_count"]
    assert after["query_count"] == before["query_count"] + 5
    assert after["xact_count"] == before["xact_count"] + 5
    # In a transaction it is a query, not more.
    a.query("SELECT a FROM looked_at")
    a.value("SELECT CONNECTION_ID()")
    a.query("COMMIT")
    now = cp.totals()
    assert now["query_count"] == after["query_count"] + 3
    assert now["xact_count"] == after["xact_count"] + 1


def test_bytes_are_those_of_the_clients(make):
    cp = make(1)
    a = cp.my_connect(caps=MODERN)
    a.query("SELECT 1")
    a.sock = Tally(a.sock)
    before = cp.totals()
    a.query("SELECT REPEAT('x', 100000)")
    a.query("SET autocommit = 1")
    a.execute(a.prepare("SELECT ?"), ["y" * 3000])
    after = cp.totals()
    assert after["bytes_received"] - before["bytes_received"] == a.sock.sent
    assert after["bytes_sent"] - before["bytes_sent"] == a.sock.got


def states(cp, **columns):
    """SHOW STATES: what differs, and how many are in it."""
    return {r["settings"]: (int(r["clients"]), int(r["servers"]))
            for r in cp.admin("SHOW STATES")
            if all(r[k] == v for k, v in columns.items())}


def test_show_states(make, mariadb):
    mariadb.query("CREATE DATABASE IF NOT EXISTS other")
    cp = make(1, threads=2)
    clients = [cp.my_connect(caps=MODERN) for _ in range(4)]
    clients[0].query("SELECT 1")
    usual, = states(cp)
    assert states(cp) == {usual: (4, 1)}
    for c in clients[:2]:
        c.query("SET sql_mode = 'ANSI_QUOTES', @secret = 'word'")
    clients[2].command(w.INIT_DB, "other")
    got = states(cp)
    changed, = [s for s in got if "ANSI_QUOTES" in s]
    other, = [s for s in got if "schema=other" in s]
    assert "sql_mode=ANSI_QUOTES" in changed
    assert "@secret" in changed and "word" not in changed
    assert {s: n for s, (n, _) in got.items() if n} == {
        usual: 1, changed: 2, other: 1}
    assert got[other] == (1, 1)
    assert sum(n for _, n in got.values()) == 1
    for c in clients:
        c.reset_connection()
        c.command(w.INIT_DB, "test")
    clients[0].query("SELECT 1")
    assert sum(n for n, _ in states(cp).values()) == 4
    for r in cp.admin("SHOW STATES"):
        assert (r["database"], r["user"], r["protocol"]) == ("test", "app",
                                                             "mysql")
        assert len(r["state"]) == 16


def test_show_states_of_postgres(make_carpool, mariadb):
    both = make_carpool(mysql={"test": mariadb}, default_pool_size=1)
    a, b, c = (both.connect(application_name="same") for _ in range(3))
    d = both.my_connect()
    a.query("SELECT 1")
    usual, = states(both, protocol="postgres")
    assert "application_name=same" in usual and "server_version" not in usual
    assert states(both, protocol="postgres") == {usual: (3, 1)}
    b.query("SET TimeZone = 'Asia/Tokyo'")
    c.query("SET work_mem = '5MB'")
    both.wait_pool(sv_active=0)
    b.query("SELECT 1")
    got = states(both, protocol="postgres")
    tokyo, = [s for s in got if "Asia/Tokyo" in s]
    assert got[usual][0] == got[tokyo][0] == 1
    memory, = [s for s in got if "work_mem=5MB" in s]
    assert got[memory][0] == 1
    assert sum(n for _, n in got.values()) == 1
    d.query("SELECT 1")
    assert list(states(both, protocol="mysql").values()) == [(1, 1)]
    both.connect().query("SET my.secret = 'word'")
    assert "word" not in str(both.admin("SHOW STATES"))


def test_session_mode_has_no_states(make):
    cp = make(2, pool_mode="session")
    cp.my_connect().query("SELECT 1")
    assert cp.admin("SHOW STATES") == []
