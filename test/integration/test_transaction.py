"""Sharing servers: transactions, the state that follows a client, the state
that must never reach another one, and the pool modes."""

import threading

import pytest

from tools import pgwire
from tools.crowd import crowd
from tools.raw import Closed, PgError
from tools.wait import holds_for, wait_until


def one_server(make_carpool, **kw):
    return make_carpool(default_pool_size=1, **kw)


def backend(c):
    return c.value("SELECT pg_backend_pid()")


def test_clients_take_turns_on_one_server(make_carpool, pg):
    cp = one_server(make_carpool)
    clients = [cp.connect() for _ in range(5)]
    pids = {backend(c) for _ in range(3) for c in clients}
    assert len(pids) == 1
    assert pg.connections("test") == 1
    cp.expect_totals(xacts=15, queries=15)


def test_a_transaction_keeps_its_server(make_carpool, pg):
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    mine = backend(a)
    b.send(pgwire.query("SELECT pg_backend_pid()"))
    cp.wait_pool(cl_active=1, cl_waiting=1, sv_active=1)
    b.expect_silence(0.05)
    assert backend(a) == mine
    a.query("COMMIT")
    assert b.read_until("Z").rows == [[mine]]
    cp.expect_totals(xacts=2, queries=5)


def test_two_transactions_at_a_time_have_two_servers(make_carpool, pg):
    cp = make_carpool(default_pool_size=2)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.query("BEGIN")
    assert backend(a) != backend(b)
    assert pg.connections("test") == 2
    a.query("COMMIT")
    b.query("ROLLBACK")


def test_a_failed_transaction_keeps_its_server(make_carpool):
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    assert a.query("SELECT 1/0", check=False).status == "E"
    b.send(pgwire.query("SELECT 1"))
    b.expect_silence(0.05)
    assert a.query("COMMIT").tags == ["ROLLBACK"]
    assert b.read_until("Z").rows == [["1"]]


def test_only_the_status_decides(make_carpool):
    """A transaction opened or closed within one string."""
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    r = a.query("BEGIN; SELECT 1; COMMIT; BEGIN")
    assert r.status == "T"
    b.send(pgwire.query("SELECT 2"))
    b.expect_silence(0.05)
    assert a.query("SELECT 3; COMMIT AND CHAIN").status == "T"
    b.expect_silence(0.05)
    a.query("COMMIT; SELECT 1")
    assert b.read_until("Z").rows == [["2"]]


def test_limit_is_never_exceeded(make_carpool, pg):
    cp = make_carpool(default_pool_size=3)
    seen, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            seen.append(pg.connections("test"))

    t = threading.Thread(target=watch)
    t.start()

    async def work(c, i):
        for n in range(10):
            assert await c.value(f"SELECT {i * 100 + n}") == str(i * 100 + n)

    try:
        crowd(40, work, **cp.open_args())
    finally:
        stop.set()
        t.join()
    assert max(seen) <= 3
    cp.expect_totals(xacts=400, queries=400)


# tracked parameters

TRACKED = [
    ("application_name", "alice's app", "Bob \\ co"),
    ("TimeZone", "Europe/Berlin", "Asia/Tokyo"),
    ("DateStyle", "German, DMY", "SQL, MDY"),
    ("IntervalStyle", "iso_8601", "sql_standard"),
    ("client_encoding", "LATIN1", "UTF8"),
    ("standard_conforming_strings", "off", "on"),
]


def literal(value):
    return "E'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.mark.parametrize("name,va,vb", TRACKED)
def test_tracked_parameters_follow_their_client(make_carpool, name, va, vb):
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    assert a.query(f"SET {name} = {literal(va)}").parameters[name] == va
    b.query(f"SET {name} = {literal(vb)}")
    for _ in range(3):
        assert a.value(f"SHOW {name}") == va
        assert b.value(f"SHOW {name}") == vb


@pytest.mark.parametrize("name,va,vb", [
    t for t in TRACKED if t[0] not in (
        "IntervalStyle", "standard_conforming_strings")])
def test_startup_values_follow_their_client(make_carpool, name, va, vb):
    cp = one_server(make_carpool)
    a, b = cp.connect(**{name: va}), cp.connect(**{name: vb})
    for _ in range(2):
        assert a.value(f"SHOW {name}") == va
        assert b.value(f"SHOW {name}") == vb


def test_parameters_differing_only_in_case_or_length(make_carpool):
    cp = one_server(make_carpool)
    values = ["Foo", "foo", "x" * 63, "x" * 62 + "y", "", "'\"\\"]
    clients = [cp.connect() for _ in values]
    for c, v in zip(clients, values):
        c.query(f"SET application_name = {literal(v)}")
    for _ in range(2):
        for c, v in zip(clients, values):
            assert c.value("SHOW application_name") == v


def test_set_rolled_back_and_set_local(make_carpool):
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    a.query("SET application_name = 'kept'")
    a.query("BEGIN")
    a.query("SET application_name = 'undone'")
    r = a.query("ROLLBACK")
    assert r.parameters["application_name"] == "kept"
    a.query("BEGIN; SET LOCAL application_name = 'local'; COMMIT")
    b.query("SET application_name = 'other'")
    assert a.value("SHOW application_name") == "kept"


def test_parameters_set_by_a_function(make_carpool):
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    a.query("SELECT set_config('application_name', 'by function', false)")
    assert a.parameters["application_name"] == "by function"
    assert b.value("SHOW application_name") != "by function"
    assert a.value("SHOW application_name") == "by function"


def test_reset_gives_the_clients_own_startup_value(make_carpool):
    cp = one_server(make_carpool)
    a, b = cp.connect(application_name="a0"), cp.connect(
        application_name="b0")
    a.query("SET application_name = 'a1'")
    b.query("SELECT 1")
    a.query("RESET application_name")
    assert a.value("SHOW application_name") == "a0"
    assert b.value("SHOW application_name") == "b0"


def test_parameters_cost_no_statement_of_their_own_when_equal(
        make_carpool, make_fake):
    fake = make_fake()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    for _ in range(3):
        a.query("SELECT 1")
        b.query("SELECT 2")
    assert [q for q in fake.queries() if q] == ["SELECT 1", "SELECT 2"] * 3


def test_refused_startup_value_does_not_loop(make_carpool):
    cp = one_server(make_carpool)
    try:
        c = cp.connect(TimeZone="No/Where")
        c.query("SELECT 1", check=False)
    except (PgError, Closed):
        pass
    assert cp.connect().value("SELECT 1") == "1"


# state that nobody else may see

STATE = {
    "work_mem": ("SET work_mem = '77MB'", "SHOW work_mem"),
    "search_path": ("SET search_path = pg_catalog", "SHOW search_path"),
    "SET SESSION": ("SET SESSION statement_timeout = 12345",
                    "SHOW statement_timeout"),
    "SET TIME ZONE is tracked": ("SET TIME ZONE 'Asia/Tokyo'",
                                 "SHOW TimeZone"),
    "set_config": ("SELECT set_config('work_mem', '78MB', false)",
                   "SHOW work_mem"),
    "SET ROLE": ("SET ROLE app2", "SELECT current_user"),
    "read only": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                  "SHOW transaction_read_only"),
    "PREPARE": ("PREPARE leak AS SELECT 1",
                "SELECT count(*) FROM pg_prepared_statements"
                " WHERE name NOT LIKE 'carpool%'"),
    "LISTEN": ("LISTEN leak",
               "SELECT count(*) FROM pg_listening_channels()"),
    "temp table": ("CREATE TEMP TABLE leak (a int)",
                   "SELECT to_regclass('pg_temp.leak')"),
    "temporary table as": ("CREATE TEMPORARY TABLE leak AS SELECT 1",
                           "SELECT to_regclass('pg_temp.leak')"),
    "temp view": ("CREATE TEMP VIEW leak AS SELECT 1",
                  "SELECT to_regclass('pg_temp.leak')"),
    "temp sequence": ("CREATE LOCAL TEMP SEQUENCE leak",
                      "SELECT to_regclass('pg_temp.leak')"),
    "select into temp": ("SELECT 1 AS a INTO TEMP leak",
                         "SELECT to_regclass('pg_temp.leak')"),
    "advisory lock": (
        "SELECT pg_advisory_lock(4711)",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
    "try advisory lock": (
        "SELECT pg_try_advisory_lock_shared(4711)",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
    "hold cursor": ("DECLARE leak CURSOR WITH HOLD FOR SELECT 1",
                    "SELECT count(*) FROM pg_cursors"
                    " WHERE name = 'leak'"),
}

# What nobody can carry over: the client keeps its server.
PINS = ["temp table", "temporary table as", "temp view",
        "temp sequence", "select into temp", "advisory lock",
        "try advisory lock", "hold cursor"]

FORMS = {
    "simple": lambda c, sql: c.query(sql),
    "extended": lambda c, sql: c.extended(sql),
    "comment": lambda c, sql: c.query(
        "/* a /* nested */ comment */ -- and\n  " + sql.lower()
        if "'" not in sql else "/* x */ " + sql),
    "last of many": lambda c, sql: c.query(f"SELECT 1; {sql}; SELECT 2"),
    "transaction": lambda c, sql: (c.query("BEGIN"), c.query(sql),
                                   c.query("COMMIT")),
    "transaction in a string": lambda c, sql: c.query(
        f"BEGIN; {sql}; COMMIT"),
    "one byte at a time": lambda c, sql: (
        c.send_split(pgwire.query(sql), [1]), c.read_until("Z")),
}


@pytest.mark.parametrize("form", FORMS)
def test_state_never_reaches_the_next_client(make_carpool, pg, form):
    """Each kind of session state, made by one client, looked for by another
    on the same server."""
    pg.query("GRANT app2 TO app")
    cp = one_server(make_carpool)
    b = cp.connect()
    pid = backend(b)
    before = {name: b.value(look) for name, (_, look) in STATE.items()}
    leaks = []
    for name, (make, look) in STATE.items():
        a = cp.connect()
        FORMS[form](a, make)
        b.send(pgwire.query(look))
        if name in PINS:
            cp.wait_pool(cl_waiting=1)
            b.expect_silence(0.02)
            a.quit()
        if b.read_until("Z").rows != [[before[name]]]:
            leaks.append(name)
        a.close()
    assert leaks == []
    assert backend(b) == pid, "a cleaned server is used again"


def test_state_made_with_a_bound_parameter(make_carpool):
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    before = b.value("SHOW work_mem")
    a.extended("SELECT set_config($1, $2, false)", ["work_mem", "66MB"])
    assert b.value("SHOW work_mem") == before


def test_state_of_a_failed_statement_of_many(make_carpool):
    """The string failed as a whole after its SET had worked outside of a
    transaction."""
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    before = b.value("SHOW work_mem")
    a.query("SET work_mem = '55MB'; COMMIT; SELECT 1/0", check=False)
    assert b.value("SHOW work_mem") == before


def test_state_left_by_a_client_that_vanished(make_carpool):
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    before = b.value("SHOW work_mem")
    a.send(pgwire.query("SET work_mem = '54MB'"))
    a.reset()
    assert b.value("SHOW work_mem") == before


def test_clean_statements_bring_no_reset(make_carpool, make_fake):
    fake = make_fake()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a = cp.connect()
    for sql in ("SELECT 1", "BEGIN", "INSERT", "COMMIT",
                "SET application_name TO 'x'", "SELECT 'set work_mem'"):
        a.query(sql)
    a.quit()
    cp.connect().query("SELECT 2")
    assert not [q for q in fake.queries() if "DISCARD" in q]


def test_dirty_server_is_reset_once_by_discard_all(make_carpool, make_fake):
    """Its answer to what the client left behind cannot be understood."""
    fake = make_fake()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("SET work_mem TO '1MB'")
    wait_until(lambda: cp.admin("SHOW PINS"))
    a.quit()
    b.query("SELECT 1")
    b.query("SELECT 2")
    got = fake.queries()
    assert got.count("DISCARD ALL") == 1
    assert got.index("DISCARD ALL") < got.index("SELECT 1")


def test_reset_that_fails_costs_the_server(make_carpool, make_fake):
    def fails(conn):
        conn.send(pgwire.error("XX000", "no discard today"),
                  pgwire.ready())

    fake = make_fake()
    fake.answers["DISCARD ALL"] = fails
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("SET work_mem TO '1MB'")
    wait_until(lambda: cp.admin("SHOW PINS"))
    a.quit()
    assert b.value("SELECT 7") == "7"
    assert len(fake.connections) == 2


def test_server_reset_query_always(make_carpool, make_fake):
    fake = make_fake()
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      server_reset_query_always=1,
                      server_reset_query="DISCARD PLANS")
    c = cp.connect()
    c.query("SELECT 1")
    wait_until(lambda: "DISCARD PLANS" in fake.queries())


# named and unnamed statements in transaction mode

def test_named_statement_is_refused_clearly(make_carpool):
    cp = one_server(make_carpool, max_prepared_statements=0)
    c = cp.connect()
    c.send(pgwire.parse("s1", "SELECT 1"), pgwire.bind("", "s1"),
           pgwire.execute(), pgwire.sync())
    e = c.expect("EZ").errors[0]
    assert e.sqlstate == "0A000"
    assert "pool_mode" in (e.message + str(e.hint))
    assert c.value("SELECT 2") == "2"


def test_refused_statement_aborts_its_group(make_carpool, pg):
    """What ran before it in the group is rolled back, as after any error."""
    pg.query("CREATE TABLE IF NOT EXISTS refused (a int)", db="test")
    pg.query("GRANT ALL ON refused TO PUBLIC", db="test")
    pg.query("TRUNCATE refused", db="test")
    cp = one_server(make_carpool, max_prepared_statements=0)
    c = cp.connect()
    c.send(pgwire.parse("", "INSERT INTO refused VALUES (1)"),
           pgwire.bind(), pgwire.execute(),
           pgwire.parse("s1", "SELECT 1"), pgwire.sync())
    got = c.read_until("Z")
    assert got.errors[0].sqlstate == "0A000"
    assert pg.value("SELECT count(*) FROM refused", db="test") == 0


def test_refused_statement_aborts_its_transaction(make_carpool):
    cp = one_server(make_carpool, max_prepared_statements=0)
    c = cp.connect()
    c.query("BEGIN")
    c.send(pgwire.parse("s1", "SELECT 1"), pgwire.sync())
    got = c.expect("EZ")
    assert got.status == "E"
    assert c.query("COMMIT").tags == ["ROLLBACK"]


def test_named_statements_are_never_mixed_up(make_carpool):
    """Two clients use one name for different texts: no answer of the other
    one, whatever else happens."""
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    for _ in range(3):
        for c, n in ((a, 1), (b, 2)):
            c.send(pgwire.parse("same", f"SELECT {n}"),
                   pgwire.bind("", "same"), pgwire.execute(), pgwire.sync())
            assert all(r == [str(n)] for r in c.read_until("Z").rows)


def test_unnamed_statement_in_one_group(make_carpool):
    cp = one_server(make_carpool)
    assert cp.connect().extended("SELECT $1::int", ["5"]).rows == [["5"]]


@pytest.mark.parametrize("message", ["bind", "describe"])
def test_unnamed_statement_of_another_client_is_never_used(
        make_carpool, message):
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    a.send(pgwire.parse("", "SELECT 'mine'"), pgwire.sync())
    a.expect("1Z")
    b.send(pgwire.parse("", "SELECT 'foreign'"), pgwire.sync())
    b.expect("1Z")
    if message == "bind":
        a.send(pgwire.bind(), pgwire.execute(), pgwire.sync())
    else:
        a.send(pgwire.describe("S"), pgwire.sync())
    got = a.read_until("Z")
    assert got.types == ("2DCZ" if message == "bind" else "tTZ")
    assert got.rows == ([["mine"]] if message == "bind" else [])
    # and the server is as good as before
    assert b.extended("SELECT 'b'").rows == [["b"]]


def test_unnamed_statement_never_parsed(make_carpool):
    cp = one_server(make_carpool)
    b, a = cp.connect(), cp.connect()
    b.extended("SELECT 'foreign'")
    a.send(pgwire.bind(), pgwire.execute(), pgwire.sync())
    assert a.expect("EZ").errors[0].sqlstate == "26000"


def test_missing_unnamed_statement_aborts_its_group(make_carpool, pg):
    pg.query("CREATE TABLE IF NOT EXISTS missed (a int)", db="test")
    pg.query("GRANT ALL ON missed TO PUBLIC", db="test")
    pg.query("TRUNCATE missed", db="test")
    cp = one_server(make_carpool)
    a = cp.connect()
    a.query("BEGIN")
    a.query("INSERT INTO missed VALUES (1)")
    a.send(pgwire.bind(), pgwire.execute(), pgwire.sync())
    got = a.expect("EZ")
    assert got.errors[0].sqlstate == "26000"
    assert got.status == "E"
    assert a.query("COMMIT").tags == ["ROLLBACK"]
    assert pg.value("SELECT count(*) FROM missed", db="test") == 0


def test_unnamed_statement_lives_in_a_transaction(make_carpool):
    cp = one_server(make_carpool)
    a = cp.connect()
    a.query("BEGIN")
    a.send(pgwire.parse("", "SELECT $1::text"), pgwire.sync())
    a.expect("1Z")
    for v in ("x", "y"):
        a.send(pgwire.bind(values=[v]), pgwire.execute(), pgwire.sync())
        assert a.expect("2DCZ").rows == [[v]]
    a.query("COMMIT")
    a.send(pgwire.bind(values=["z"]), pgwire.execute(), pgwire.sync())
    assert a.expect("EZ").errors[0].sqlstate == "26000"


def test_simple_query_drops_the_unnamed_statement(make_carpool):
    cp = one_server(make_carpool)
    a = cp.connect()
    a.query("BEGIN")
    a.send(pgwire.parse("", "SELECT 1"), pgwire.sync())
    a.expect("1Z")
    a.query("SELECT 2")
    a.send(pgwire.bind(), pgwire.execute(), pgwire.sync())
    assert a.expect("EZ").errors[0].sqlstate == "26000"
    a.query("ROLLBACK")


# pool modes

def test_session_mode_keeps_server_and_state(make_carpool, pg):
    cp = make_carpool(pool_mode="session", default_pool_size=1)
    a = cp.connect()
    pid = backend(a)
    a.query("SET work_mem = '33MB'")
    a.query("PREPARE mine AS SELECT 3")
    a.send(pgwire.parse("s", "SELECT 4"), pgwire.sync())
    a.expect("1Z")
    b = cp.connect()
    b.send(pgwire.query("SHOW work_mem"))
    b.expect_silence(0.05)
    assert backend(a) == pid
    assert a.value("SHOW work_mem") == "33MB"
    assert a.value("EXECUTE mine") == "3"
    a.send(pgwire.bind("", "s"), pgwire.execute(), pgwire.sync())
    assert a.expect("2DCZ").rows == [["4"]]
    a.quit()
    assert b.read_until("Z").rows == [["4MB"]]
    assert b.value("SELECT count(*) FROM pg_prepared_statements"
                   " WHERE name NOT LIKE 'carpool%'") == "0"
    assert backend(b) == pid


def test_session_mode_gives_a_server_back_when_the_client_vanishes(
        make_carpool, pg):
    cp = make_carpool(pool_mode="session", default_pool_size=1)
    a = cp.connect()
    a.query("LISTEN something")
    a.reset()
    b = cp.connect()
    assert b.value("SELECT count(*) FROM pg_listening_channels()") == "0"


def test_listen_in_session_mode_delivers(make_carpool, pg):
    cp = make_carpool(pool_mode="session")
    a = cp.connect()
    a.query("LISTEN chan")
    pg.query("NOTIFY chan, 'hello'", db="test")
    msg = a.read()
    assert msg.type == "A" and b"chan\0hello\0" in msg.body


@pytest.mark.parametrize("way", ["simple", "extended"])
def test_statement_mode_refuses_transactions(make_carpool, pg, way):
    cp = make_carpool(pool_mode="statement", default_pool_size=1)
    a = cp.connect()
    assert a.value("SELECT 1") == "1"
    if way == "simple":
        a.send(pgwire.query("BEGIN"))
    else:
        a.send(pgwire.parse("", "BEGIN"), pgwire.bind(), pgwire.execute(),
               pgwire.sync())
    while True:
        try:
            m = a.read()
        except Closed:
            break
        if m.type == "Z":
            assert m.body == b"I"
            break
    errors = [m for m in a.all_received if m.type == "E"]
    assert pgwire.error_fields(errors[0].body)["C"] == "0A000"
    assert cp.connect().value("SELECT 2") == "2"
    wait_until(lambda: pg.busy() == [])


def test_statement_mode_shares_after_each_statement(make_carpool):
    cp = make_carpool(pool_mode="statement", default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    for _ in range(3):
        assert a.value("SELECT 'a'") == "a"
        assert b.value("SELECT 'b'") == "b"


def test_mode_of_database_and_user(make_carpool, pg):
    """A database's mode wins over the global one, a user's over both."""
    cp = make_carpool(
        {"test": pg, "sess": {"pg": pg, "dbname": "test",
                              "pool_mode": "session"}},
        users={"app2": {"pool_mode": "session"}}, default_pool_size=1)
    a = cp.connect()
    a.query("SET work_mem = '9MB'")
    assert cp.connect().value("SHOW work_mem") != "9MB"
    for c in (cp.connect(database="sess"), cp.connect("app2")):
        c.query("SET work_mem = '9MB'")
        holds_for(lambda c=c: c.value("SHOW work_mem") == "9MB", 0.05)


def test_pools_are_kept_apart_by_user_and_database(make_carpool, pg):
    cp = make_carpool({"test": pg, "postgres": pg}, default_pool_size=1)
    seen = set()
    for user in ("app", "app2"):
        for db in ("test", "postgres"):
            c = cp.connect(user, db)
            row = c.query("SELECT current_user, session_user,"
                          " current_database(), pg_backend_pid()").rows[0]
            assert row[:3] == [user, user, db]
            seen.add(row[3])
    assert len(seen) == 4


def test_each_answer_reaches_its_asker(make_carpool):
    """Many clients on few servers; each answer is marked."""
    cp = make_carpool(default_pool_size=4)

    async def work(c, i):
        for n in range(25):
            tag = f"client {i} round {n}"
            r = n % 4
            if r == 0:
                assert await c.value(f"SELECT '{tag}'") == tag
            elif r == 1:
                got = await c.extended("SELECT $1::text", [tag])
                assert got.rows == [[tag]]
            elif r == 2:
                await c.query("BEGIN")
                assert await c.value(f"SELECT '{tag}'") == tag
                await c.query("COMMIT")
            else:
                got = await c.query(f"SELECT '{tag}' FROM"
                                    " generate_series(1, 200)")
                assert all(v == [tag] for v in got.rows)
                assert len(got.rows) == 200

    crowd(50, work, **cp.open_args())
