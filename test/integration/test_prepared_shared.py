"""Prepared statements of several clients over few servers: each client has its
own, no server holds more than its limit."""

import pytest

from tools import pgwire as w
from tools.prepared import (HELD, LOADED, ask, hold, let_go, one_server,
                            prepare, run)
from tools.raw import PgError


def test_a_statement_follows_its_client(make_carpool):
    """The other server has loaded it, and only once."""
    cp = make_carpool(default_pool_size=2)
    a, b = cp.connect(), cp.connect()
    ask(a, prepare("s1", "SELECT pg_backend_pid(), $1::int"))
    pids = {ask(a, run("s1", "1")).rows[0][0]}
    hold(b)
    pids |= {ask(a, run("s1", str(i))).rows[0][0] for i in range(5)}
    let_go(b)
    pids.add(ask(a, run("s1", "1")).rows[0][0])
    assert len(pids) == 2
    assert a.value(LOADED) == "1"


def test_equal_texts_share_one_statement(make_carpool):
    """20 clients, one text under 20 names: one statement on the server."""
    cp = one_server(make_carpool)
    clients = [cp.connect() for _ in range(20)]
    for n, c in enumerate(clients):
        assert ask(c, prepare(f"name {n}", "SELECT $1::int * 2"),
                   run(f"name {n}", str(n))).rows == [[str(2 * n)]]
    for n, c in enumerate(clients):
        assert ask(c, run(f"name {n}", str(n))).rows == [[str(2 * n)]]
    assert clients[0].value(HELD) == "1"


@pytest.mark.parametrize("most", [1, 2, 7])
def test_a_server_holds_no_more_than_its_limit(make_carpool, most):
    """Trap 5: errors in front of the Close and behind it, in one group and in
    many; the server never has more, and nobody misses a statement."""
    cp = one_server(make_carpool, max_prepared_statements=most)
    clients = [cp.connect() for _ in range(3)]
    for n, c in enumerate(clients):
        for i in range(4):
            assert ask(c, prepare(f"s{i}", f"SELECT {n}, {i}")).types == "1Z"
    for turn in range(12):
        for n, c in enumerate(clients):
            i = (turn + n) % 4
            good = run(f"s{i}")
            if turn % 3 == 0:
                assert ask(c, run("nobody"), good).types == "EZ"
            elif turn % 3 == 1:
                assert ask(c, good, run("nobody"),
                           run(f"s{3 - i}")).types == "2DCEZ"
            # several groups at once, each with another statement
            c.send(*[run(f"s{k}") + w.sync() for k in range(4)])
            got = c.read_until("Z", 4)
            assert got.rows == [[str(n), str(k)] for k in range(4)]
            assert int(c.value(LOADED)) <= most
    for c in clients:
        ask(c, *[w.close("S", f"s{i}") for i in range(4)])
    assert int(clients[0].value(LOADED)) <= most


def test_one_group_may_need_more_than_the_limit(make_carpool):
    """All of one group stays until it ends; later groups bring it down."""
    cp = one_server(make_carpool, max_prepared_statements=2)
    c = cp.connect()
    for _ in range(3):
        got = ask(c, *[w.close("S", f"s{i}") + prepare(f"s{i}", f"SELECT {i}")
                       for i in range(12)],
                  *[run(f"s{i}") for i in range(12)])
        assert got.rows == [[str(i)] for i in range(12)]
    for _ in range(5):
        assert ask(c, w.close("S", "n"), prepare("n", "SELECT 'n'"),
                   run("n")).rows == [["n"]]
        for i in range(12):
            assert ask(c, run(f"s{i}")).rows == [[str(i)]]
    assert int(c.value(LOADED)) <= 2


def test_search_paths_have_statements_of_their_own(make_carpool, pg):
    """Trap 14: the same text means another table."""
    for s in ("one", "two"):
        pg.query(f"DROP SCHEMA IF EXISTS {s} CASCADE; CREATE SCHEMA {s};"
                 f"CREATE TABLE {s}.w (a text);"
                 f"INSERT INTO {s}.w VALUES ('{s}');"
                 f"GRANT ALL ON SCHEMA {s} TO PUBLIC;"
                 f"GRANT ALL ON {s}.w TO PUBLIC", db="test")
    cp = one_server(make_carpool, ignore_startup_parameters="",
                    track_extra_parameters="search_path")
    try:
        clients = {s: cp.connect(search_path=s) for s in ("one", "two")}
    except PgError as e:
        pytest.skip(f"search_path is not carried here: {e.sqlstate}")
    for c in clients.values():
        assert ask(c, prepare("s1", "SELECT a FROM w")).types == "1Z"
    for _ in range(3):
        for s, c in clients.items():
            assert ask(c, run("s1")).rows == [[s]]


@pytest.mark.parametrize("name,sql,values", [
    ("standard_conforming_strings", r"SELECT length('a\\b')::text",
     {"on": "4", "off": "3"}),
    ("DateStyle", "SELECT to_char('01/02/2003'::date, 'YYYY-MM-DD')",
     {"ISO, MDY": "2003-01-02", "ISO, DMY": "2003-02-01"}),
    ("TimeZone", "SELECT extract(epoch FROM"
     " '2020-06-01 12:00:00'::timestamptz)::bigint::text",
     {"UTC": "1591012800", "Europe/Berlin": "1591005600"}),
    ("client_encoding", "SELECT length('\xc3\xa9')::text",
     {"UTF8": "1", "LATIN1": "2"}),
])
@pytest.mark.parametrize("how", ["startup", "set"])
def test_settings_have_statements_of_their_own(make_carpool, how, name, sql,
                                               values):
    """Trap 14: one text and one server, but other settings when parsed."""
    cp = one_server(make_carpool)
    body = sql.encode("latin-1")
    clients = {}
    for v in values:
        if how == "startup":
            c = cp.connect(**{name: v})
        else:
            c = cp.connect()
            c.query(f"SET {name} = '{v}'")
        clients[v] = c
    for c in clients.values():
        assert ask(c, w.parse("s1", body)).types.replace("N", "") == "1Z"
    for _ in range(2):
        for v, c in clients.items():
            assert ask(c, run("s1")).rows == [[values[v]]]
            assert ask(c, w.parse("", body), run("")).rows == [[values[v]]]
    for v, c in clients.items():
        assert ask(c, run("")).rows == [[values[v]]]


def test_unnamed_statements_of_two_clients(make_carpool):
    """Trap 15: they take turns on one server; each has its own."""
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    ask(a, prepare("", "SELECT 'a', $1::int"))
    ask(b, prepare("", "SELECT 'b', $1::int"))
    for i in range(5):
        for c, n in ((a, "a"), (b, "b")):
            assert ask(c, run("", str(i))).rows == [[n, str(i)]]
            assert ask(c, w.describe("S")).types == "tTZ"


def test_a_long_unnamed_text_is_not_mixed_up(make_carpool):
    """One that is too long to be kept is there as long as its server keeps
    it, then it is missed; never another one's."""
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    ask(a, prepare("", f"SELECT length('{'x' * 9000}')"))
    assert ask(a, run("")).rows == [["9000"]]
    ask(b, prepare("", f"SELECT 'b', length('{'x' * 9000}')"))
    got = ask(a, run(""))
    assert [e.sqlstate for e in got.errors] == ["26000"] and not got.rows
    got = ask(b, run(""))
    assert got.rows == [["b", "9000"]] or got.errors[0].sqlstate == "26000"


def test_other_clients_discard_all(make_carpool):
    """Traps 15, 18: another client throws away all that the server has."""
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    ask(a, prepare("s1", "SELECT 'a'"), prepare("", "SELECT 'unnamed'"))
    for sql in ("DISCARD ALL", "DEALLOCATE ALL", "DISCARD PLANS",
                "SET work_mem = '5MB'", "RESET ALL"):
        b.query(sql)
        assert ask(a, run("s1")).rows == [["a"]], sql
        assert ask(a, run("")).rows == [["unnamed"]], sql
    ask(b, prepare("", "DEALLOCATE ALL"), run(""))
    assert ask(a, run("s1"), run("")).rows == [["a"], ["unnamed"]]


def test_own_discard_all(make_carpool):
    """The client's own names are gone, as it was told."""
    cp = one_server(make_carpool)
    a = cp.connect()
    for sql in ("DISCARD ALL", "DEALLOCATE ALL"):
        ask(a, prepare("s1", "SELECT 'a'"))
        a.query(sql)
        assert ask(a, run("s1")).errors[0].sqlstate == "26000"
        assert ask(a, prepare("s1", "SELECT 'b'"), run("s1")).rows == [["b"]]
        ask(a, w.close("S", "s1"))


def test_text_that_is_too_long(make_carpool, pg):
    """More than 64 KiB are refused, and what ran before in the group is
    undone."""
    pg.query("CREATE TABLE IF NOT EXISTS long_text (a int)", db="test")
    pg.query("TRUNCATE long_text; GRANT ALL ON long_text TO PUBLIC",
             db="test")
    cp = one_server(make_carpool)
    c = cp.connect()
    text = f"SELECT length('{'x' * 70000}')"
    got = ask(c, prepare("", "INSERT INTO long_text VALUES (1)"), run(""),
              prepare("s1", text), run("s1"))
    assert got.types == "12CEZ" and got.errors[0].sqlstate == "54000"
    assert c.value("SELECT count(*) FROM long_text") == "0"
    # without a server the same
    got = ask(c, prepare("s1", text), run("s1"))
    assert got.types == "EZ" and got.errors[0].sqlstate == "54000"
    assert ask(c, run("s1")).errors[0].sqlstate == "26000"
    c.query("BEGIN")
    assert ask(c, prepare("s1", text)).status == "E"
    assert c.query("COMMIT").tags == ["ROLLBACK"]
    assert ask(c, prepare("", text), run("")).rows == [["70000"]]


def test_close_needs_no_server(make_carpool):
    """Trap 11."""
    cp = one_server(make_carpool)
    a, b = cp.connect(), cp.connect()
    ask(a, prepare("s1", "SELECT 1"))
    hold(b)
    assert ask(a, w.close("S", "s1"), w.close("S", "x")).types == "33Z"
    assert cp.pool()["cl_waiting"] == 0
    let_go(b)
    assert ask(a, run("s1")).errors[0].sqlstate == "26000"


def test_a_name_is_free_when_its_client_is_gone(make_carpool):
    """Nothing of one client is found by the next one with the same names."""
    cp = one_server(make_carpool)
    a = cp.connect()
    ask(a, prepare("s1", "SELECT 'old'"), prepare("", "SELECT 'old'"))
    a.quit()
    b = cp.connect()
    assert ask(b, run("s1")).errors[0].sqlstate == "26000"
    assert ask(b, run("")).errors[0].sqlstate == "26000"
    assert ask(b, w.describe("S", "s1")).errors[0].sqlstate == "26000"
    assert ask(b, prepare("s1", "SELECT 'new'"), run("s1")).rows == [["new"]]


def test_a_group_that_waits_for_its_errors(make_carpool):
    """Traps 2, 4 and 10 at once: many groups in one write, each of which
    hangs on how the one before ended."""
    cp = make_carpool(default_pool_size=2)
    a = cp.connect()
    parts, want = [], ""
    for i in range(60):
        parts += [prepare("s", f"SELECT {i}"), w.sync(), run("s"), w.sync()]
        want += "1Z2DCZ"
        if i % 3 == 0:
            parts += [prepare("s", "SELECT 'no'"), w.sync()]
            want += "EZ"
        elif i % 3 == 1:
            parts += [run("nobody"), w.close("S", "s"), w.sync()]
            want += "EZ"
        parts += [w.close("S", "s"), w.sync(), run("s"), w.sync()]
        want += "3ZEZ"
    a.send(*parts)
    got = a.read_until("Z", want.count("Z"), timeout=30)
    assert got.types == want
    assert got.rows == [[str(i)] for i in range(60)]


def test_statement_mode(make_carpool):
    cp = make_carpool(pool_mode="statement", default_pool_size=2)
    a, b = cp.connect(), cp.connect()
    ask(a, prepare("s1", "SELECT $1::int"), prepare("", "SELECT 'u'"))
    for i in range(6):
        ask(b, w.close("S", "s1"), prepare("s1", f"SELECT 'b{i}'"),
            prepare("", "SELECT 'foreign'"))
        assert ask(a, run("s1", str(i)), run("")).rows == [[str(i)], ["u"]]
        assert ask(b, run("s1")).rows == [[f"b{i}"]]
