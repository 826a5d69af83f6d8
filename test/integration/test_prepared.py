"""Prepared statements whose servers change: what a client reads is what one
server of its own would have said."""

import gc
import threading

import pytest

from tools import diff, oracles, pgwire as w
from tools.carpool import sanitized
from tools.crowd import crowd
from tools.pgwire import show
from tools.raw import Closed, PgError, RawClient
from tools.soak import MINUTES, scaled
from tools.wait import wait_until

HELD = "SELECT count(*) FROM pg_prepared_statements"
LOADED = ("SELECT count(*) FROM pg_prepared_statements"
          " WHERE name LIKE 'carpool%'")


def run(name, *values, max_rows=0):
    """Bind and Execute of a statement."""
    return w.bind("", name, values) + w.execute("", max_rows)


def prepare(name, sql, oids=()):
    return w.parse(name, sql, oids)


def ask(c, *messages):
    """One group with its Sync; the Result."""
    c.send(*messages, w.sync())
    return c.read_until("Z")


def hold(c):
    c.query("BEGIN")


def let_go(c):
    c.query("ROLLBACK")


# ---- the same as direct, whatever server it runs on ----

T = "t0"
INSERT = f"INSERT INTO {T} (a) VALUES ($1)"
COUNT = w.query(f"SELECT count(*) FROM {T}")
S = w.sync()
GOOD = prepare("s1", "SELECT $1::int + 1")
BAD = prepare("s1", "SELEC 1")

# name: steps; each is sent at once and read to the end of its answers.
CASES = {
    "trap 1, duplicate": [
        [GOOD, S], [GOOD, S], [prepare("s1", "SELECT 2"), S],
        [run("s1", "4"), S], [w.query("SELECT 1")]],
    "trap 1, duplicate in one group": [
        [GOOD, prepare("s1", "SELECT 2"), run("s1", "4"), S],
        [run("s1", "4"), S]],
    "trap 1, duplicate in a pipeline": [
        [GOOD, S, GOOD, S, run("s1", "1"), S, GOOD, run("s1", "2"), S]],
    "trap 1, duplicate undoes its group": [
        [GOOD, S],
        [prepare("", INSERT), run("", "1001"), GOOD, S], [COUNT]],
    "trap 2, failed and right": [
        [BAD, S], [GOOD, S], [run("s1", "4"), S]],
    "trap 2, failed and right at once": [
        [BAD, S, GOOD, S, run("s1", "4"), S]],
    "trap 2, missing table": [
        [prepare("s1", "SELECT * FROM later"), S, run("s1"), S],
        [w.query("CREATE TABLE later (a int)")],
        [prepare("s1", "SELECT * FROM later"), S, run("s1"), S],
        [w.query("DROP TABLE later")]],
    "trap 3, unknown name behind good ones": [
        [GOOD, run("s1", "4"), run("nobody"), run("s1", "5"), S],
        [run("s1", "6"), S]],
    "trap 3, unknown names like carpool's": [
        [GOOD, run("s1", "4"), S],
        [run("carpool_1"), S], [w.describe("S", "carpool_1"), S],
        [run("carpool_0"), S], [run("carpool_no_such_statement"), S],
        [w.describe("S", "carpool_no_such_statement"), S],
        [run("carpool_"), S], [w.describe("S", "carpool_\"1\""), S],
        [w.close("S", "carpool_1"), run("s1", "1"), S]],
    "trap 3, a name of carpool's is a client's": [
        [prepare("carpool_1", "SELECT 'mine'"), S],
        [run("carpool_1"), S], [w.describe("S", "carpool_1"), S],
        [prepare("carpool_1", "SELECT 'again'"), S],
        [w.close("S", "carpool_1"), S], [run("carpool_1"), S]],
    "trap 4, load skipped": [
        [GOOD, S],
        [run("nobody"), run("s1", "1"), S], [run("s1", "2"), S],
        [run("nobody"), S, run("s1", "3"), S, run("s1", "4"), S]],
    "trap 4, Parse skipped": [
        [run("nobody"), GOOD, S], [run("s1", "2"), S],
        [run("nobody"), GOOD, S, run("s1", "2"), S, GOOD, S, run("s1", "5"),
         S]],
    "trap 6, its load fails": [
        [w.query("CREATE TABLE gone (a int)")],
        [prepare("s1", "SELECT a FROM gone"), S], [run("s1"), S],
        [w.query("DROP TABLE gone")], [run("s1"), S],
        [prepare("", INSERT), run("", "1002"), run("s1"), S], [COUNT],
        [w.query("CREATE TABLE gone (a int)")], [run("s1"), S],
        [w.query("DROP TABLE gone")]],
    "trap 7, fakes in their turn": [
        [GOOD, S],
        [w.close("S", "s1"), prepare("", "SELECT pg_sleep(0.01)"), run(""),
         w.close("S", "x"), GOOD, run("s1", "1"), w.close("S", "s1"), S,
         GOOD, run("s1", "2"), w.close("S", "y"), S]],
    "trap 7, fakes behind an error": [
        [GOOD, S],
        [w.close("S", "s1"), GOOD, prepare("", "SELECT 1/0"), run(""),
         w.close("S", "s1"), GOOD, S], [run("s1", "1"), S]],
    "trap 8, Parse in a failed transaction": [
        [GOOD, S], [w.query("BEGIN")], [w.query("SELECT 1/0")],
        [prepare("s2", "SELECT $1::int + 1"), S],
        [prepare("s3", "ROLLBACK"), S], [run("s3"), S],
        [run("s2", "1"), S], [run("s1", "1"), S]],
    "trap 8, the transaction fails in front of it": [
        [GOOD, S], [w.query("BEGIN")],
        [prepare("", "SELECT 1/0"), run(""), S,
         prepare("s2", "SELECT $1::int + 1"), S, run("s2", "1"), S],
        [w.query("ROLLBACK")], [run("s2", "1"), S]],
    "trap 9, unknown name undoes its group": [
        [prepare("", INSERT), run("", "1003"), run("nobody"), S], [COUNT]],
    "trap 9, unknown name fails its transaction": [
        [w.query("BEGIN")], [prepare("", INSERT), run("", "1004"), S],
        [run("nobody"), S], [w.query("COMMIT")], [COUNT]],
    "trap 9, a name like carpool's fails its transaction": [
        [w.query("BEGIN")], [prepare("", INSERT), run("", "1005"), S],
        [w.describe("S", "carpool_2"), S], [w.query("COMMIT")], [COUNT]],
    "trap 10, Close and Parse in one group": [
        [GOOD, S], [w.close("S", "s1"), prepare("s1", "SELECT 'new'"),
                    run("s1"), S],
        [run("s1"), S]],
    "trap 10, with an error in front": [
        [GOOD, S], [run("nobody"), w.close("S", "s1"),
                    prepare("s1", "SELECT 'new'"), run("s1"), S],
        [run("s1", "8"), S]],
    "trap 10, with an error in the middle": [
        [GOOD, S], [w.close("S", "s1"), prepare("s1", "SELECT $1::int"),
                    run("s1", "x"), prepare("s2", "SELECT 2"), S],
        [run("s1", "8"), S], [run("s2"), S]],
    "trap 10, with a failing Parse": [
        [GOOD, S], [w.close("S", "s1"), BAD, run("s1"), S],
        [run("s1", "8"), S], [GOOD, S, run("s1", "9"), S]],
    "trap 10, closed between groups in flight": [
        [GOOD, S, w.close("S", "s1"), S, run("s1", "1"), S, GOOD, S,
         run("s1", "2"), S, w.close("S", "s1"), GOOD, run("s1", "3"), S,
         w.close("S", "s1"), w.close("S", "s1"), S, run("s1", "4"), S]],
    "trap 11, Close of what is not there": [
        [w.close("S", "s9"), w.close("P", "p9"), w.close("S"), S],
        [prepare("", "SELECT 1"), run(""), w.close("S", "s9"), S],
        [w.close("S", "carpool_1"), S]],
    "trap 12, Describe alone": [
        [prepare("s1", f"SELECT a, b FROM {T} WHERE a < $1"), S],
        [w.describe("S", "s1"), S], [w.describe("S", "s1"), S],
        [prepare("", "SELECT $1::text AS t"), S], [w.describe("S"), S],
        [w.describe("S"), S], [run("", "x"), S]],
    "trap 15, unnamed in a later group": [
        [prepare("", "SELECT 'mine'"), S], [run(""), S],
        [w.describe("S"), S], [run(""), run(""), S],
        [run(""), S, run(""), S]],
    "trap 15, unnamed closed": [
        [prepare("", "SELECT 'mine'"), S], [w.close("S"), S], [run(""), S],
        [w.describe("S"), S]],
    "trap 15, unnamed in a failed group": [
        [prepare("", "SELECT 'mine'"), S],
        [run("nobody"), prepare("", "SELECT 'new'"), S], [run(""), S],
        [prepare("", "SELEC"), S], [run(""), S]],
    "trap 15, unnamed in a failed transaction": [
        [prepare("", "SELECT 'mine'"), S], [w.query("BEGIN")],
        [w.query("SELECT 1/0")], [w.query("ROLLBACK")], [run(""), S]],
    "trap 16, unnamed ones in one group": [
        [prepare("", "SELECT 1"), run(""), prepare("", "SELECT 2"),
         w.describe("S"), run(""), prepare("", "SELECT 3"), run(""), S],
        [run(""), S]],
    "trap 17, Query drops the unnamed one": [
        [prepare("", "SELECT 1"), S], [w.query("SELECT 2")], [run(""), S],
        [prepare("", "SELECT 3"), S, w.query(""), run(""), S],
        [prepare("", "SELECT 4"), S, w.function_call(871, ["u"]),
         run(""), S]],
    "trap 20, in a failed transaction": [
        [GOOD, S], [w.query("BEGIN")], [w.query("SELECT 1/0")],
        [w.close("S", "s1"), S], [w.close("S", "none"), S],
        [w.query("DEALLOCATE ALL")], [S], [w.query("ROLLBACK")],
        [run("s1", "1"), S]],
    "a portal over groups": [
        [w.query("BEGIN")], [GOOD, w.bind("p", "s1", ["4"]), S],
        [w.close("S", "s1"), S], [w.execute("p"), S],
        [w.describe("P", "p"), S], [w.query("COMMIT")]],
    "types": [
        [prepare("s1", "SELECT $1", [23]), prepare("s2", "SELECT $1", [25]),
         prepare("s3", "SELECT $1"), S],
        [w.describe("S", "s1"), S], [w.describe("S", "s2"), S],
        [w.describe("S", "s3"), S], [run("s1", "x"), S],
        [run("s2", "x"), S]],
    "broken Parse": [
        [w.frame("P", b"s1\0SELECT 1\0"), S], [run("s1"), S],
        [w.frame("P", b"s1\0SELECT 1\0\0\5"), S], [GOOD, S],
        [run("s1", "1"), S]],
    "long texts": [
        [prepare("s1", f"SELECT length('{'x' * 9000}')"), S],
        [run("s1"), S],
        [prepare("s2", f"SELECT length('{'x' * 60000}')"), run("s2"), S],
        [run("s2"), run("s1"), S], [w.describe("S", "s2"), S],
        [prepare("s2", f"SELECT length('{'x' * 60000}')"), S]],
    "long Binds": [
        [prepare("s1", "SELECT length($1), $2::int"), S],
        *[[run("s1", "y" * n, "7"), S, run("s1", "z", "8"), S]
          for n in (8100, 8192, 9000, 70000, 140000, 300000)],
        [run("s1", "y" * 9000, "x"), run("s1", "y", "1"), S],
        [run("s1", "y" * 140000), S], [run("nobody", "y" * 140000), S],
        [run("carpool_1", "y" * 140000), S], [run("s1", "y", "9"), S]],
    "COPY by name": [
        [prepare("s1", f"COPY {T} (a) FROM STDIN"), S],
        [run("s1"), w.copy_data(b"1010\n1011\n"), w.copy_done(), S],
        [run("s1"), S, w.copy_data(b"1012\n"), w.copy_done(), S],
        [run("s1"), w.copy_data(b"x\n"), w.copy_done(), GOOD, S],
        [COUNT], [w.close("S", "s1"), GOOD, run("s1", "1"), S]],
    "Flush": [
        [GOOD, w.flush(), run("s1", "1"), w.flush(), w.close("S", "s1"),
         w.flush(), S], [run("s1", "1"), S]],
    "BEGIN and COMMIT by name": [
        [prepare("b", "BEGIN"), prepare("c", "COMMIT"), S],
        [run("b"), S], [prepare("", INSERT), run("", "1020"), S],
        [run("c"), S], [COUNT],
        [run("b"), S, run("nobody"), S, run("c"), S], [COUNT]],
}


class Stranger:
    """What another client does between two steps, on the server that the one
    under test has just used."""

    def __init__(self, cp, database):
        self.a = cp.connect(database=database)
        self.turn = 0

    def between(self, status):
        if status != "I":
            return
        self.turn += 1
        if self.turn % 3 == 0:
            self.a.query("DISCARD ALL")
        elif self.turn % 3 == 1:
            ask(self.a, w.close("S", "s1"), prepare("s1", "SELECT 'foreign'"),
                prepare("", "SELECT 'foreign'"), run("s1"), run(""))
        else:
            ask(self.a, prepare("", "SELECT 'other'"),
                w.close("S", "s2"), prepare("s2", "SELECT $1::int + 1"),
                run("nobody"))


class Mover:
    """Takes the server that was used last out of the pool, so that the next
    group runs on the other one."""

    def __init__(self, cp, database):
        self.a = cp.connect(database=database)

    def between(self, status):
        if status == "I" and self.a.status == "I":
            hold(self.a)
        elif self.a.status != "I":
            let_go(self.a)


WAYS = {
    "stranger": (Stranger, {"default_pool_size": 1}),
    "moved": (Mover, {"default_pool_size": 2}),
    "limit 1": (Stranger, {"default_pool_size": 1,
                           "max_prepared_statements": 1}),
    "limit 2, moved": (Mover, {"default_pool_size": 2,
                               "max_prepared_statements": 2}),
}


def play(c, steps, between=None):
    """Send the steps; the answers of each."""
    owed, out = diff.Owed(), []
    for messages in steps:
        if between is not None:
            between(c.status)
        data = b"".join(messages)
        c.send(data)
        owed.sent(data)
        got = []
        while owed.waiting():
            m = c.read()
            owed.received(m.type)
            got.append(m)
        out.append(got)
    return out


def same(name, steps, want, got):
    for n, (a, b) in enumerate(zip(want, got)):
        if len(a) == len(b) and all(
                x == y or diff.is_late_alike(x, y) for x, y in zip(a, b)):
            continue
        raise AssertionError(
            f"{name}, step {n}: {steps[n]!r:.300}\n  direct:  {show(a)}"
            f"\n  through: {show(b)}")


def direct(pg, database):
    return RawClient.open(pg.host, pg.port, user="app", database=database)


@pytest.mark.seconds(120)
@pytest.mark.parametrize("way", WAYS)
def test_same_as_direct(make_carpool, pg, way):
    """Every case by a client of its own, once direct and once through."""
    one, two = "prep_direct", "prep_way"
    diff.prepare(pg, one)
    diff.prepare(pg, two)
    for db in (one, two):
        pg.query("GRANT ALL ON SCHEMA public TO PUBLIC", db=db)
    make, settings = WAYS[way]
    cp = make_carpool({two: pg}, **settings)
    other = make(cp, two)
    for name, steps in CASES.items():
        with direct(pg, one) as c:
            want = play(c, steps)
        c = cp.connect(database=two)
        same(name, steps, want, play(c, steps, other.between))
        c.expect_silence(0.001)
        c.close()
        if other.a.status != "I":
            let_go(other.a)


@pytest.mark.seconds(120)
def test_same_as_direct_in_single_bytes(make_carpool, pg, fault):
    """The server's answers come byte by byte, so that every hidden answer and
    every fake has a turn of its own."""
    one, two = "prep_direct", "prep_way"
    diff.prepare(pg, one)
    diff.prepare(pg, two)
    for db in (one, two):
        pg.query("GRANT ALL ON SCHEMA public TO PUBLIC", db=db)
    link = fault.listen(pg.port)
    link.split(1, "down")
    cp = make_carpool({two: {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=2, max_prepared_statements=2)
    other = Mover(cp, two)
    for name, steps in CASES.items():
        if name.startswith("long"):
            continue
        with direct(pg, one) as c:
            want = play(c, steps)
        c = cp.connect(database=two)
        same(name, steps, want, play(c, steps, other.between))
        c.close()
        if other.a.status != "I":
            let_go(other.a)


# ---- what is not a comparison ----

def one_server(make_carpool, **settings):
    return make_carpool(default_pool_size=1, **settings)


def servers_of(c):
    return c.value("SELECT pg_backend_pid()")


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


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_many_clients_on_two_servers(make_carpool, mode):
    """50 clients with 20 statements each, all with the same names and other
    texts: every answer is its asker's."""
    cp = make_carpool(default_pool_size=2, max_prepared_statements=30,
                      pool_mode=mode, threads=4)

    async def work(c, n):
        for i in range(20):
            await c.send(w.parse(f"s{i}", f"SELECT {n}, {i}, $1::int"),
                         w.sync())
            await c.read_until("Z")
        for turn in range(4):
            parts = []
            for i in range(20):
                k = (i * 7 + turn + n) % 20
                parts += [run(f"s{k}", str(turn)), w.sync()]
                if i == 11:
                    parts += [run("nobody"), run("s1", "0"), w.sync()]
            await c.send(*parts)
            got = await c.read_until("Z", 21, timeout=50)
            want = [[str(n), str((i * 7 + turn + n) % 20), str(turn)]
                    for i in range(20)]
            assert got.rows == want

    crowd(50, work, **cp.open_args(timeout=50))


def test_statement_mode(make_carpool):
    cp = make_carpool(pool_mode="statement", default_pool_size=2)
    a, b = cp.connect(), cp.connect()
    ask(a, prepare("s1", "SELECT $1::int"), prepare("", "SELECT 'u'"))
    for i in range(6):
        ask(b, w.close("S", "s1"), prepare("s1", f"SELECT 'b{i}'"),
            prepare("", "SELECT 'foreign'"))
        assert ask(a, run("s1", str(i)), run("")).rows == [[str(i)], ["u"]]
        assert ask(b, run("s1")).rows == [[f"b{i}"]]


# ---- endings, at any point ----

PIPELINE = [prepare("s3", "SELECT 3"), run("s1", "1"), w.sync(),
            run("s2"), w.close("S", "s2"), prepare("s2", "SELECT 'two'"),
            run("s2"), w.sync(), run("nobody"), run("s1", "2"), w.sync(),
            run("s3"), w.describe("S", "s1"), run("s1", "3"), w.sync()]


def _prepared(cp):
    c = cp.connect()
    ask(c, prepare("s1", "SELECT $1::int, 'mine'"), prepare("s2", "SELECT 2"))
    return c


def test_client_vanishes_anywhere_in_a_pipeline(make_carpool):
    """After each byte of it; whoever comes next has what is its own, and the
    limit still holds."""
    cp = one_server(make_carpool, max_prepared_statements=2)
    b = cp.connect()
    ask(b, prepare("s1", "SELECT $1::int, 'other'"))
    data = b"".join(PIPELINE)
    for n in range(1, len(data), 1 if MINUTES else 11):
        a = _prepared(cp)
        a.send(data[:n])
        if n % 2:
            a.reset()
        else:
            a.close()
        assert ask(b, run("s1", str(n))).rows == [[str(n), "other"]]
        assert int(b.value(LOADED)) <= 2


def test_server_dies_anywhere_in_a_pipeline(make_carpool, pg, fault):
    """The client is told or ends, and the next server has all it needs."""
    link = fault.listen(pg.port)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      default_pool_size=1, server_login_retry=1)
    b = cp.connect()
    ask(b, prepare("s1", "SELECT $1::int, 'other'"), prepare("", "SELECT 5"))
    a = _prepared(cp)
    used = link.counts()["down"]
    a.send(*PIPELINE)
    a.read_until("Z", 4)
    whole = link.counts()["down"] - used
    for n in range(1, whole, max(1, whole // (60 if MINUTES else 12))):
        a = _prepared(cp)
        link.close_all()  # the limit counts from a connection's start
        wait_until(lambda: cp.servers_open() == 0, 10, "no server")
        before = link.counts()["down"]
        assert ask(a, run("s2")).rows == [["2"]]
        link.reset_after(link.counts()["down"] - before + n, "down")
        try:
            a.send(*PIPELINE)
            a.read_until("Z", 4)
        except (Closed, OSError):
            pass
        link.reset_after(-1, "down")
        link.close_all()
        got = ask(b, run("s1", str(n)), run(""))
        assert got.rows == [[str(n), "other"], ["5"]]


def test_cancel_and_kill_in_a_pipeline(make_carpool, pg):
    """A cancel hits a group with hidden messages; a KILL of the client in it;
    others on that server notice nothing."""
    cp = one_server(make_carpool, max_prepared_statements=2)
    b = cp.connect()
    ask(b, prepare("s1", "SELECT $1::int, 'other'"))
    for turn in range(6):
        a = _prepared(cp)
        ask(a, prepare("slow", "SELECT pg_sleep(10)"))
        ask(b, run("s1", "1"))
        a.send(run("s1", "1"), run("slow"), w.close("S", "s2"),
               prepare("s2", "SELECT 'two'"), w.sync(), run("s2"), w.sync())
        wait_until(lambda: "pg_sleep" in str(pg.query(
            "SELECT query FROM pg_stat_activity WHERE state = 'active'"
            " AND query LIKE '%%pg_sleep(10)'", ())), 10, "it to run")
        if turn % 2 == 0:
            a.cancel()
            got = a.read_until("Z", 2)
            assert [e.sqlstate for e in got.errors] == ["57014"]
            # The Close was skipped with the rest of its group.
            assert got.rows[-1] == ["2"]
            a.quit()
        else:
            row = [r for r in cp.admin("SHOW CLIENTS")
                   if r["database"] == "test" and r["state"] == "active"]
            cp.admin(f"KILL_CLIENT {row[0]['id']}")
            a.drain()
        assert ask(b, run("s1", str(turn))).rows == [[str(turn), "other"]]
        assert int(b.value(LOADED)) <= 2


def test_killed_servers_in_between(make_carpool, pg):
    cp = make_carpool(default_pool_size=2)
    a = _prepared(cp)
    for i in range(10):
        pg.terminate_all()
        wait_until(lambda: pg.connections() == 0, 10, "no server")
        assert ask(a, run("s1", str(i)), run("s2")).rows == [
            [str(i), "mine"], ["2"]]


def test_reload_changes_the_limit(make_carpool):
    """Smaller: what is too much goes.  None: names are refused, but those that
    a client has stay its own."""
    cp = one_server(make_carpool, max_prepared_statements=20)
    a = cp.connect()
    ask(a, *[prepare(f"s{i}", f"SELECT {i}") for i in range(10)])
    assert int(a.value(LOADED)) == 10
    cp.settings["max_prepared_statements"] = 2
    cp.reload()
    for _ in range(3):
        for i in range(10):
            assert ask(a, w.close("S", "n"), prepare("n", f"SELECT 'n{i}'"),
                       run("n")).rows == [[f"n{i}"]]
            assert ask(a, run(f"s{i}")).rows == [[str(i)]]
    assert int(a.value(LOADED)) <= 2
    cp.settings["max_prepared_statements"] = 0
    cp.reload()
    assert ask(a, run("s1")).errors[0].sqlstate == "0A000"
    assert ask(a, prepare("", "SELECT 1"), run("")).rows == [["1"]]
    cp.settings["max_prepared_statements"] = 5
    cp.reload()
    assert ask(a, run("s1")).rows == [["1"]]


def test_reload_changes_the_mode(make_carpool):
    """A client that is there when the mode becomes session's and back again
    finds what it had, or a clear error; others never find it."""
    cp = one_server(make_carpool)
    a = cp.connect()
    ask(a, prepare("s1", "SELECT 'a'"))
    for mode in ("session", "transaction", "statement", "transaction"):
        cp.settings["pool_mode"] = mode
        cp.reload()
        try:
            got = ask(a, run("s1"))
        except Closed:
            a = cp.connect()
            ask(a, prepare("s1", "SELECT 'a'"))
            got = ask(a, run("s1"))
        assert got.rows == [["a"]] or got.errors[0].sqlstate == "26000"
        if got.errors:
            ask(a, prepare("s1", "SELECT 'a'"))
        a.quit()
        b = cp.connect()
        assert ask(b, run("s1")).errors[0].sqlstate == "26000"
        b.quit()
        a = cp.connect()
        ask(a, prepare("s1", "SELECT 'a'"))


# ---- memory ----

@pytest.mark.soak
@pytest.mark.seconds(120)
def test_statements_of_many_clients(make_carpool):
    """1,000 clients with the same 20 statements: a name costs little, a text
    is there once, and all of it goes."""
    count = 1000 if MINUTES or not sanitized() else 200
    cp = make_carpool(default_pool_size=4, max_client_conn=2000)
    before = oracles.rss_bytes(cp.pid)
    text = "SELECT $1::int, '%s'" % ("x" * 1000)
    clients = []
    for _ in range(count):
        c = cp.connect(timeout=60)
        c.send(*[prepare(f"statement number {i}", text + f" || '{i}'")
                 for i in range(20)], w.sync())
        clients.append(c)
    for c in clients:
        assert c.read_until("Z").types == "1" * 20 + "Z"
    if not sanitized():
        each = (oracles.rss_bytes(cp.pid) - before) / count
        assert each < 16 << 10, f"{each:.0f} bytes a client"
    for i, c in enumerate(clients[::50]):
        name = f"statement number {i % 20}"
        assert ask(c, run(name, "1")).rows[0][0] == "1"
    assert int(clients[0].value(LOADED)) == 20


@pytest.mark.soak
@pytest.mark.seconds(120)
def test_statements_go_with_their_clients(make_carpool):
    """Trap 28: connect, prepare, leave, each time with another text."""
    rounds = scaled(2500 if sanitized() else 8000, 40000, "PREPARE_ROUNDS")
    cp = make_carpool(default_pool_size=2, log_connections=0,
                      log_disconnections=0)
    filler = "y" * 500

    async def work(c, n):
        for i in range(per_client):
            name = f"s{n}"
            await c.send(w.parse(name, f"SELECT {n}, {i}, '{filler}'"),
                         w.parse("", f"SELECT {i}, '{filler}'"),
                         run(name), w.sync())
            got = await c.read_until("Z")
            assert got.rows[0][:2] == [str(n), str(i)]
            if i < per_client - 1:
                await c.send(w.close("S", name), w.sync())
                await c.read_until("Z")

    per_client, batch = 4, 100
    sizes = []
    for n in range(0, rounds, batch * per_client):
        crowd(batch, work, **cp.open_args(timeout=60))
        if n * 2 > rounds:
            sizes.append(oracles.rss_bytes(cp.pid))
        gc.collect()
    if sizes and not sanitized():
        assert sizes[-1] - sizes[0] < 6 << 20, sizes


def test_names_that_aim_at_one_place(make_carpool):
    """Thousands of names and of texts: nothing grows slow."""
    cp = one_server(make_carpool, max_prepared_statements=50)
    c = cp.connect(timeout=60)
    count = 3000
    c.send(*[prepare(f"n{i}", "SELECT %d" % (i % 40)) for i in range(count)],
           w.sync())
    assert c.read_until("Z").types == "1" * count + "Z"
    c.send(*[run(f"n{i}") for i in range(0, count, 7)], w.sync())
    assert c.read_until("Z").rows == [[str(i % 40)]
                                      for i in range(0, count, 7)]
    c.send(*[w.close("S", f"n{i}") for i in range(count)], w.sync())
    assert c.read_until("Z").types == "3" * count + "Z"


def test_too_many_statements_of_one_client(make_carpool):
    """16,384 names, or 16 MiB of text: then a clear error, and the client
    goes on."""
    cp = one_server(make_carpool)
    c = cp.connect(timeout=60)
    text = "SELECT '%s'" % ("x" * 60000)
    made = 0
    while made < 400:
        got = ask(c, prepare(f"n{made}", text + f", {made}"))
        if got.errors:
            break
        made += 1
    assert 250 < made < 300
    assert got.errors[0].sqlstate == "53400"
    assert ask(c, run("n3")).rows[0][1] == "3"
    ask(c, w.close("S", "n5"))
    assert ask(c, prepare("again", text)).types == "1Z"


def test_threads_share_servers(make_carpool):
    """Servers go from worker to worker with what they hold."""
    cp = make_carpool(default_pool_size=2, threads=4,
                      max_prepared_statements=5)
    errors = []

    def one(n):
        try:
            c = RawClient.open(cp.host, cp.port, user="app", database="test",
                               timeout=40)
            with c:
                for i in range(6):
                    ask(c, prepare(f"s{i}", f"SELECT {i}, $1::int"))
                for turn in range(15):
                    i = (turn * 5 + n) % 6
                    got = ask(c, run(f"s{i}", str(n)))
                    assert got.rows == [[str(i), str(n)]], got
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors[0]
