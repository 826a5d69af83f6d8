"""What one client leaves on its server and what the next one finds there: every
kind of state under every policy, with one server for all; and settings that
follow their client."""

import random
import threading

import pytest

from tools import pgwire as w
from tools.raw import PgError, RawClient
from tools.wait import wait_until

LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
TEMP = "SELECT to_regclass('pg_temp.leak') IS NULL"
CURSORS = "SELECT count(*) FROM pg_cursors WHERE is_holdable"
CHANNELS = "SELECT count(*) FROM pg_listening_channels()"
CUSTOM = "SELECT coalesce(current_setting('my.leak', true), '') <> ''"

# setting: [(how it is made, how it is looked for, what others must see,
#            how it is taken away)]
STATE = {
    "on_temp_table": [
        ("CREATE TEMP TABLE leak (a int)", TEMP, "t", "DROP TABLE leak"),
        ("SELECT 1 AS a INTO TEMP leak", TEMP, "t", "DISCARD TEMP"),
        ("CREATE TEMP VIEW leak AS SELECT 1", TEMP, "t", "DISCARD ALL")],
    "on_advisory_lock": [
        ("SELECT pg_advisory_lock(1)", LOCKS, "0",
         "SELECT pg_advisory_unlock(1)"),
        ("SELECT pg_try_advisory_lock_shared(1, 2)", LOCKS, "0",
         "SELECT pg_advisory_unlock_all()")],
    "on_hold_cursor": [
        ("DECLARE leak CURSOR WITH HOLD FOR SELECT 1", CURSORS, "0",
         "CLOSE leak"),
        ("DECLARE leak SCROLL CURSOR WITH HOLD FOR SELECT 1", CURSORS, "0",
         "CLOSE ALL")],
    "on_listen": [
        ("LISTEN leak", CHANNELS, "0", "UNLISTEN leak"),
        ("LISTEN leak", CHANNELS, "0", "UNLISTEN *")],
    "on_unknown_set": [
        ("SET my.leak = 'k\u00e4se'", CUSTOM, "f", "RESET my.leak"),
        ("SET my.leak = 'k\u00e4se'", CUSTOM, "f", "RESET ALL")],
}
CASES = [pytest.param(setting, n, id=f"{setting} {n}")
         for setting, cases in STATE.items() for n in range(len(cases))]
REFUSED = {"on_temp_table", "on_advisory_lock", "on_hold_cursor", "on_listen"}


def one_server(make_carpool, **kw):
    cp = make_carpool(default_pool_size=1, **kw)
    return cp, cp.connect(), cp.connect()


def backend(c):
    return c.value("SELECT pg_backend_pid()")


@pytest.mark.parametrize("form", ["simple", "extended", "in a transaction"])
@pytest.mark.parametrize("setting, n", CASES)
def test_a_pin_ends_with_its_reason(make_carpool, setting, n, form):
    make, look, clean, undo = STATE[setting][n]
    cp, a, b = one_server(make_carpool, **{setting: "pin"})
    pid = backend(a)
    if form == "extended":
        a.extended(make)
    elif form == "simple":
        a.query(make)
    else:
        a.query("BEGIN")
        a.query(make)
        a.query("COMMIT")
    b.send(w.query(look))
    cp.wait_pool(cl_waiting=1)
    assert a.value(look) != clean, "a session of its own"
    assert backend(a) == pid
    a.query(undo)
    assert b.read_until("Z").rows == [[clean]]
    assert backend(b) == pid, "the server is kept"
    assert backend(a) == pid


@pytest.mark.parametrize("setting, n", CASES)
def test_what_a_pinned_client_leaves_is_cleaned(make_carpool, setting, n):
    make, look, clean, _ = STATE[setting][n]
    cp, a, b = one_server(make_carpool, **{setting: "pin"})
    pid = backend(a)
    a.query(make)
    b.send(w.query(look))
    cp.wait_pool(cl_waiting=1)
    a.reset()
    assert b.read_until("Z").rows == [[clean]]
    assert backend(b) == pid, "the server is kept"


@pytest.mark.parametrize("setting, n", CASES)
def test_reset_cleans_at_the_boundary(make_carpool, setting, n):
    make, look, clean, _ = STATE[setting][n]
    _, a, b = one_server(make_carpool, **{setting: "reset"})
    pid = backend(a)
    a.query(make)
    assert b.value(look) == clean
    assert a.value(look) == clean
    assert backend(b) == pid


@pytest.mark.parametrize("form", ["simple", "extended"])
@pytest.mark.parametrize("setting, n", CASES)
def test_reject_refuses_the_statement(make_carpool, setting, n, form):
    make, look, clean, _ = STATE[setting][n]
    _, a, b = one_server(make_carpool, **{setting: "reject"})
    run = a.query if form == "simple" else a.extended
    if setting not in REFUSED:
        run(make)  # only what it did tells, and that is cleaned
        assert b.value(look) == clean
        return
    with pytest.raises(PgError) as e:
        run(make)
    assert e.value.sqlstate == "0A000"
    assert setting in e.value.hint
    if setting == "on_advisory_lock":
        assert "pg_advisory_xact_lock" in e.value.hint
    assert b.value(look) == clean
    assert a.value("SELECT 1") == "1"
    # As an error of the server's it aborts what it stands in.
    a.query("BEGIN")
    with pytest.raises(PgError):
        run(make)
    assert a.query("SELECT 1", check=False).errors[0].sqlstate == "25P02"
    assert a.query("ROLLBACK").status == "I"


@pytest.mark.parametrize("setting, n", CASES)
def test_allow_leaves_it(make_carpool, setting, n):
    make, look, clean, _ = STATE[setting][n]
    _, a, b = one_server(make_carpool, **{setting: "allow"})
    a.query(make)
    assert b.value(look) != clean


def test_a_reason_that_goes_unseen_is_asked_for_while_others_wait(
        make_carpool, pg):
    """A function lets the lock go: no text says so."""
    pg.query("CREATE FUNCTION let_go() RETURNS bool LANGUAGE sql"
             " AS 'SELECT pg_advisory_unlock(5)'", db="test")
    cp, a, b = one_server(make_carpool)
    a.query("SELECT pg_advisory_lock(5)")
    b.send(w.query(LOCKS))
    cp.wait_pool(cl_waiting=1)
    a.query("SELECT let_go()")
    assert b.read_until("Z").rows == [["0"]]
    pg.query("DROP FUNCTION let_go()", db="test")


def library_server(make_carpool, pg, **kw):
    cp = make_carpool({"test": {"pg": pg, "user": "postgres"}},
                      default_pool_size=1, **kw)
    return cp, cp.connect(), cp.connect()


def test_a_library_pins_for_good(make_carpool, pg):
    cp, a, b = library_server(make_carpool, pg)
    pid = backend(a)
    a.query("LOAD 'plpgsql'")
    a.query("DISCARD ALL")
    b.send(w.query("SELECT pg_backend_pid()"))
    cp.wait_pool(user="postgres", cl_waiting=1)
    a.quit()
    assert b.read_until("Z").rows[0][0] != pid


@pytest.mark.parametrize("policy, same", [("reset", False), ("allow", True)])
def test_a_library_under_other_policies(make_carpool, pg, policy, same):
    _, a, b = library_server(make_carpool, pg, on_load=policy)
    pid = backend(a)
    a.query("LOAD 'plpgsql'")
    assert (backend(b) == pid) == same


def test_state_that_is_gone_with_its_transaction_pins_nobody(make_carpool):
    """ON COMMIT DROP, rolled back, or a lock that was not got."""
    cp, a, b = one_server(make_carpool)
    other = make_carpool(default_pool_size=1).connect()
    other.query("SELECT pg_advisory_lock(77)")
    for sql in ("BEGIN; CREATE TEMP TABLE leak (a int) ON COMMIT DROP; COMMIT",
                "BEGIN; CREATE TEMP TABLE leak (a int); ROLLBACK",
                "BEGIN; LISTEN leak; ROLLBACK",
                "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; ROLLBACK",
                "SELECT pg_try_advisory_lock(77)",
                "DO $$ BEGIN PERFORM set_config('a.b', 'c', true); END $$"):
        a.query(sql)
        assert b.value("SELECT 1") == "1", sql
    assert cp.pool()["sv_idle"] == 1


def test_what_a_block_of_code_leaves_is_found(make_carpool):
    cp, a, b = one_server(make_carpool)
    a.query("DO $$ BEGIN PERFORM set_config('work_mem', '7MB', false); END $$")
    assert b.value("SHOW work_mem") == "4MB"
    assert a.value("SHOW work_mem") == "7MB"
    a.query("DO $$ BEGIN EXECUTE 'CREATE TEMP TABLE leak (a int)'; END $$")
    b.send(w.query(TEMP))
    cp.wait_pool(cl_waiting=1)
    a.query("DO $$ BEGIN EXECUTE 'DROP TABLE leak'; END $$")
    assert b.read_until("Z").rows == [["t"]]


def test_nobody_can_change_what_the_questions_mean(make_carpool, pg):
    """Functions, operators and tables of the client's own in its path."""
    pg.query("CREATE SCHEMA trap; GRANT ALL ON SCHEMA trap TO PUBLIC;"
             "CREATE FUNCTION trap.never(text, text) RETURNS bool LANGUAGE sql"
             " AS 'SELECT false';"
             "CREATE OPERATOR trap.= (FUNCTION = trap.never, LEFTARG = text,"
             " RIGHTARG = text);"
             "CREATE VIEW trap.pg_settings AS SELECT ''::text AS name"
             " WHERE false;"
             "CREATE FUNCTION trap.current_setting(text) RETURNS text"
             " LANGUAGE sql AS $$SELECT 'none'$$;"
             "CREATE FUNCTION trap.set_config(text, text, bool) RETURNS text"
             " LANGUAGE sql AS $$SELECT ''$$")
    _, a, b = one_server(make_carpool)
    a.query("SET search_path = trap, pg_catalog; SET work_mem = '7MB'")
    assert b.value("SHOW work_mem") == "4MB"
    assert b.value("SHOW search_path") == '"$user", public'
    assert a.value("SHOW work_mem") == "7MB"
    assert a.value("SHOW search_path") == "trap, pg_catalog"
    pg.query("DROP SCHEMA trap CASCADE")


# settings


def test_values_come_back_as_they_were(make_carpool):
    """Letter case, quotes, backslashes, lists and length (trap 70)."""
    _, a, b = one_server(make_carpool)
    values = ["Foo", "foo", "it''s", "back\\slash", "x" * 300, "a, b", '"q"',
              " spaced ", ""]
    for value in values:
        a.query(f"SET my.text = '{value}'")
        want = value.replace("''", "'")
        b.query("SELECT 1")
        assert a.value("SHOW my.text") == want
    for path in ['a, b', '"A b", "$user"', '"quo""te"', "''"]:
        a.query(f"SET search_path = {path}")
        want = a.value("SHOW search_path")
        assert b.value("SHOW search_path") == '"$user", public'
        assert a.value("SHOW search_path") == want


def test_a_reset_goes_back_to_the_clients_own_start(make_carpool):
    """Trap 68, for what the server reports and what it does not."""
    cp, _, b = one_server(make_carpool)
    a = cp.connect(work_mem="5MB", search_path="pg_catalog",
                   application_name="mine")
    for undo in ("RESET ALL", "DISCARD ALL", "SET work_mem TO DEFAULT;"
                 "RESET search_path; SET application_name = DEFAULT"):
        a.query("SET work_mem = '9MB'; SET search_path = x;"
                "SET application_name = y")
        assert b.value("SHOW work_mem") == "4MB"
        a.query(undo)
        assert b.value("SHOW search_path") == '"$user", public'
        assert a.value("SHOW work_mem") == "5MB", undo
        assert a.value("SHOW search_path") == "pg_catalog", undo
        assert a.value("SHOW application_name") == "mine", undo


def test_roles_go_with_their_client(make_carpool, pg):
    """Trap 72: role, identity, and settings that only another may set."""
    pg.query("GRANT app2 TO app")
    cp = make_carpool({"test": {"pg": pg, "user": "postgres"}},
                      default_pool_size=1)
    a, b, c = cp.connect(), cp.connect(), cp.connect()
    who = "SELECT session_user, current_user, current_setting('log_statement')"
    a.query("SET log_statement = 'ddl'; SET ROLE app2")
    b.query("SET SESSION AUTHORIZATION app; SET ROLE app2")
    for _ in range(3):
        assert a.query(who).rows == [["postgres", "app2", "ddl"]]
        assert b.query(who).rows == [["app", "app2", "none"]]
        assert c.query(who).rows == [["postgres", "postgres", "none"]]
    a.query("RESET ROLE")
    b.query("RESET SESSION AUTHORIZATION")
    assert a.query(who).rows == [["postgres", "postgres", "ddl"]]
    assert b.query(who).rows == [["postgres", "postgres", "none"]]


def test_what_a_superuser_set_is_not_for_others_to_take_back(make_carpool,
                                                             pg):
    pg.query("CREATE ROLE setter SUPERUSER; GRANT setter TO app")
    cp, a, b = one_server(make_carpool)
    a.query("SET ROLE setter")
    a.query("SET log_statement = 'ddl'")
    a.query("RESET ROLE")
    b.send(w.query("SHOW log_statement"))
    cp.wait_pool(cl_waiting=1)
    a.quit()
    assert b.read_until("Z").rows == [["none"]]
    pg.query("DROP ROLE setter")


CUSTOM_SETS = {
    "SET": lambda c: c.query("SET my.leak = 'x'"),
    "SET in a transaction": lambda c: c.query(
        "BEGIN; SET my . leak = 'y'; SET my.leak TO 'x'; COMMIT"),
    "set_config": lambda c: c.query(
        "SELECT set_config('my.leak', lower('X'), false)"),
    "parameters": lambda c: c.extended("SELECT set_config($1, $2, false)",
                                       ["my.leak", "x"]),
    "DO": lambda c: c.query("DO $$BEGIN SET my.leak = 'x'; END$$"),
    "extended": lambda c: c.extended("SET my.leak = 'x'"),
    "a long text": lambda c: c.query(
        "SET my.leak = 'x' /* " + "-" * 50000 + "*/"),
}


@pytest.mark.parametrize("how", CUSTOM_SETS)
def test_settings_that_no_view_lists(make_carpool, how):
    """Names with a dot, as row-level security goes by them."""
    cp, a, b = one_server(make_carpool)
    CUSTOM_SETS[how](a)
    b.send(w.query(CUSTOM))
    if how == "a long text":
        cp.wait_pool(cl_waiting=1)
        a.query("DISCARD ALL")
    assert b.read_until("Z").rows == [["f"]]
    if how != "a long text":
        assert a.value("SHOW my.leak") == "x"
        assert b.value(CUSTOM) == "f"


def test_read_only_is_the_clients_own(make_carpool):
    """Trap 73: what pg_dump leaves behind."""
    _, a, b = one_server(make_carpool)
    a.query("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY,"
            " ISOLATION LEVEL SERIALIZABLE; SET statement_timeout = 0")
    look = ("SELECT current_setting('transaction_read_only'),"
            " current_setting('transaction_isolation')")
    for _ in range(2):
        assert b.query(look).rows == [["off", "read committed"]]
        assert a.query(look).rows == [["on", "serializable"]]


def test_a_role_that_is_gone_refuses_its_client(make_carpool, pg):
    pg.query("CREATE ROLE leaver; GRANT leaver TO app")
    _, a, b = one_server(make_carpool)
    a.query("SET ROLE leaver")
    assert b.value("SELECT current_user") == "app"
    pg.query("DROP ROLE leaver")
    a.send(w.query("SELECT 1"))
    e = a.expect_error()
    assert (e.severity, e.sqlstate) == ("FATAL", "22023")
    assert b.value("SELECT current_user") == "app"


def test_a_value_that_a_server_refuses_is_told_once(make_carpool, pg):
    """Trap 71: the client goes on with the server's value."""
    cp = make_carpool({"test": pg}, default_pool_size=1)
    pg.query("GRANT SET ON PARAMETER log_statement TO app")
    a, b = cp.connect(), cp.connect()
    a.query("SET log_statement = 'ddl'")
    b.query("SELECT 1")
    pg.query("REVOKE SET ON PARAMETER log_statement FROM app")
    r = a.query("SHOW log_statement")
    assert r.rows == [["none"]]
    assert [n["M"] for n in r.notices] == [
        'server refused the session\'s value of "log_statement"']
    b.query("SELECT 1")
    r = a.query("SHOW log_statement")
    assert (r.rows, r.notices) == ([["none"]], [])


DRIVERS = {
    "extra_float_digits": ({"extra_float_digits": "3"},
                           "SHOW extra_float_digits", "3"),
    "search_path": ({"search_path": "a, b"}, "SHOW search_path", "a, b"),
    "timeout": ({"statement_timeout": "5000"}, "SHOW statement_timeout",
                "5s"),
    "options": ({"options": "-c work_mem=6MB --geqo=off"},
                "SELECT current_setting('work_mem')||current_setting('geqo')",
                "6MBoff"),
    "escapes": ({"options": "-c search_path=a\\,\\ b"}, "SHOW search_path",
                "a, b"),
    "role": ({"options": "-c role=app2"}, "SELECT current_user", "app2"),
    "urls of other tools": (
        {"pgbouncer": "true", "connection_limit": "1", "pool_timeout": "3",
         "schema": "x", "statement_cache_size": "0"},
        "SHOW search_path", '"$user", public'),
}


@pytest.mark.parametrize("name", DRIVERS)
def test_no_driver_is_turned_away(make_carpool, pg, name):
    pg.query("GRANT app2 TO app")
    said, look, want = DRIVERS[name]
    cp = make_carpool(default_pool_size=1)
    plain = cp.connect()
    before = plain.value(look)
    c = cp.connect(**said)
    for _ in range(2):
        assert c.value(look) == want
        assert plain.value(look) == before


@pytest.mark.parametrize("said", [{"nonsense": "1"}, {"work_mem": "much"},
                                  {"options": "-c role=nobody_here"}])
def test_a_bad_start_value_is_the_servers_to_refuse(make_carpool, said):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect(**said)
    c.send(w.query("SELECT 1"))
    e = c.expect_error()
    assert e.severity == "FATAL"
    assert e.sqlstate in ("42704", "22023")
    assert cp.connect().value("SELECT 1") == "1"


def test_other_reports_change_nothing_of_the_clients(make_carpool, make_pg):
    """Trap 66: the server's own settings change while clients have theirs."""
    pg = make_pg()
    cp = make_carpool({"test": pg}, default_pool_size=2)
    a, b = cp.connect(), cp.connect(TimeZone="Asia/Tokyo")
    a.query("SET work_mem = '5MB'")
    b.query("SELECT 1")
    pg.query("ALTER SYSTEM SET TimeZone = 'Europe/Rome'")
    pg.query("ALTER SYSTEM SET work_mem = '6MB'")
    pg.query("SELECT pg_reload_conf()")
    wait_until(lambda: cp.connect().value("SHOW work_mem") == "6MB")
    for _ in range(3):
        assert a.value("SHOW work_mem") == "5MB"
        assert b.value("SHOW TimeZone") == "Asia/Tokyo"


# random scripts

NAMES = {"work_mem": ["5MB", "6MB", "7MB"], "search_path": ["a", "b, c"],
         "TimeZone": ["Asia/Tokyo", "UTC"], "my.own": ["x", "y''z"],
         "statement_timeout": ["0", "50s"], "role": ["app2", "none"],
         "geqo": ["on", "off"], "application_name": ["p", "q"]}


def steps(rng, count):
    """SET, RESET and transactions in any order, some of them refused."""
    for _ in range(count):
        name = rng.choice(list(NAMES))
        value = rng.choice(NAMES[name])
        yield rng.choice([
            f"SET {name} = '{value}'", f"SET {name} = '{value}'",
            f"SET LOCAL {name} = '{value}'", f"RESET {name}", "RESET ALL",
            f"SET {name} TO DEFAULT", "DISCARD ALL", "BEGIN", "COMMIT",
            "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "SELECT 1/0",
            f"SELECT set_config('{name}', '{value}', false)",
            f"SELECT set_config('{name}', '{value}', true)",
            f"DO $$BEGIN PERFORM set_config('{name}','{value}',false);END$$",
            f"BEGIN; SET {name} = '{value}'; ROLLBACK",
            f"SET {name} = '{value}'; SELECT 1/0"])


def run_script(c, seed, count):
    rng, seen = random.Random(seed), []
    names = ", ".join(f"coalesce(current_setting('{n}', true), '')"
                      for n in NAMES)
    for sql in steps(rng, count):
        r = c.query(sql, check=False)
        seen.append((sql, r.status, [e.sqlstate for e in r.errors]))
        r = c.query(f"SELECT {names}", check=False)
        seen.append((sql, r.status, r.rows))
    return seen


@pytest.mark.parametrize("seed", range(4))
def test_random_scripts_see_what_they_would_alone(make_carpool, pg, seed):
    """Trap 69: six clients on two servers, each as on one of its own."""
    pg.query("GRANT app2 TO app")
    cp = make_carpool(default_pool_size=2)
    want, got = {}, {}

    def run(into, n, port):
        with RawClient.open(port=port, database="test") as c:
            into[n] = run_script(c, seed * 100 + n, 40)

    for n in range(6):
        run(want, n, pg.port)
    threads = [threading.Thread(target=run, args=(got, n, cp.port))
               for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for n in range(6):
        for i, (a, b) in enumerate(zip(want[n], got[n])):
            assert a == b, f"client {n}, step {i}"
        assert len(want[n]) == len(got[n])
