"""Prepared statements whose servers change: what a client reads is what one
server of its own would have said."""

import pytest

from tools import diff, pgwire as w
from tools.pgwire import show
from tools.prepared import ask, hold, let_go, prepare, run
from tools.raw import RawClient

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
    "trap 15, unnamed closed before an error, seen behind it": [
        [prepare("", "SELECT 1"), w.close("S"), w.execute("nowhere"),
         w.describe("S"), S, w.describe("S"), S],
        [prepare("", "SELECT 2"), S, w.close("S"), w.execute("nowhere"),
         run(""), S, run(""), S, w.describe("S"), S],
        [prepare("", "SELECT 3"), S],
        [prepare("", "SELECT 4"), w.execute("nowhere"), w.close("S"),
         w.describe("S"), S, run(""), S, w.close("S"), run(""), S],
        [prepare("", "SELECT 5"), w.close("S"), prepare("", "SELECT 6"),
         w.execute("nowhere"), w.describe("S"), S, run(""), S]],
    "trap 15, unnamed kept by an error in a transaction": [
        [prepare("", "BEGIN"), run(""), w.execute("nowhere"),
         prepare("", "SELECT 1"), S],
        [w.bind("", "", ["0"]), S], [w.describe("S"), S], [run(""), S],
        [prepare("", "SELECT 2"), S], [run(""), S], [w.query("ROLLBACK")],
        [run(""), S]],
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
