"""A table changes under statements that clients keep: rows never come in
another shape than the client was told (trap 13)."""

import contextlib

import pytest

from tools import pgwire as w
from tools.raw import PgError, RawClient

OUTDATED = ("0A000", "cached plan must not change result type")


@pytest.fixture
def table(pg):
    def reset():
        pg.query("DROP TABLE IF EXISTS plans; CREATE TABLE plans (a int);"
                 "INSERT INTO plans VALUES (1); ALTER TABLE plans OWNER TO app",
                 db="test")
    reset()
    return reset


CHANGES = {
    "a column more": "ALTER TABLE plans ADD COLUMN b int DEFAULT 2",
    "another type": "ALTER TABLE plans ALTER COLUMN a TYPE text",
    "another name": "ALTER TABLE plans RENAME COLUMN a TO c",
}
SQL = "SELECT * FROM plans"


def ask(c, *parts):
    c.send(*parts, w.sync())
    return c.read_until("Z")


def prepare(c, describe=True):
    return ask(c, w.parse("s", SQL), w.describe("S", "s") if describe else b"")


def run(c):
    """Without a description, as drivers do once they have one."""
    return ask(c, w.bind("", "s"), w.execute())


def run_described(c):
    return ask(c, w.bind("", "s"), w.describe("P"), w.execute())


def prepare_again(c):
    return ask(c, w.close("S", "s"), w.parse("s", SQL), w.describe("S", "s"))


def plain(result):
    """What must be the same as direct: of an error its code and its words."""
    return [seen(m) for m in result.messages if m.type not in "NS"]


def seen(m):
    """The table is made anew for each walk, so its number differs."""
    if m.type == "T":
        return w.columns(m.body)
    error = PgError(m.body) if m.type == "E" else None
    return m if error is None else (error.sqlstate, error.message)


def error_of(result):
    return [(e.sqlstate, e.message) for e in result.errors]


class Servers:
    """Two servers, both held by somebody; a test says which one is free."""

    def __init__(self, cp, stack):
        self.cp = cp
        self.holders = {}
        held = [stack.enter_context(RawClient.open(cp.host, cp.port))
                for _ in range(2)]
        for holder in held:
            holder.query("BEGIN")
            self.holders[holder.value("SELECT pg_backend_pid()")] = holder
        self.pids = list(self.holders)
        assert len(self.pids) == 2

    @contextlib.contextmanager
    def free(self, number):
        holder = self.holders[self.pids[number]]
        holder.query("COMMIT")
        yield
        holder.query("BEGIN")
        assert holder.value("SELECT pg_backend_pid()") == self.pids[number]


@pytest.fixture
def two(make_carpool):
    with contextlib.ExitStack() as stack:
        yield Servers(make_carpool(default_pool_size=2), stack)


# What a client does, a step at a time; "change" is somebody else's.
STEPS = {
    "told, run": [prepare, run, "change", run, run, prepare_again, run, run],
    "told, described": [prepare, run_described, "change", run_described,
                        prepare_again, run_described],
    "told, asked again": [
        prepare, "change",
        lambda c: ask(c, w.describe("S", "s"), w.bind("", "s"), w.execute()),
        prepare_again, run],
    "in a transaction": [
        prepare, run, "change", lambda c: c.query("BEGIN"), run,
        lambda c: c.query("SELECT 1", check=False), run,
        lambda c: c.query("ROLLBACK"), prepare_again, run],
    "behind others in its group": [
        prepare, run, "change",
        lambda c: ask(c, w.parse("", "SELECT 1"), w.bind(), w.execute(),
                      w.bind("", "s"), w.execute(), w.execute()),
        prepare_again, run],
}


def walk(pg, way, table, steps, change, before=None):
    """The answers to the steps of one client."""
    table()
    out = []
    with RawClient.open(way.host, way.port) as c:
        for i, step in enumerate(steps):
            if step == "change":
                pg.query(change, db="test")
                continue
            with before(i) if before else contextlib.nullcontext():
                out.append(plain(step(c)))
    return out


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", STEPS)
def test_one_server(pg, make_carpool, table, name, change):
    cp = make_carpool(default_pool_size=1)
    direct = walk(pg, pg, table, STEPS[name], CHANGES[change])
    assert walk(pg, cp, table, STEPS[name], CHANGES[change]) == direct


@pytest.mark.parametrize("loaded", ["nowhere", "on both"])
@pytest.mark.parametrize("name", ["told, run", "told, described"])
def test_another_server_for_each_step(pg, two, table, name, loaded):
    """Servers that have the statement since before, and that have not."""
    def before(i):
        if i == 0 and loaded == "on both":
            with two.free(1), RawClient.open(two.cp.host, two.cp.port) as o:
                prepare(o)
                run(o)
        return two.free(i % 2)

    change = CHANGES["a column more"]
    direct = walk(pg, pg, table, STEPS[name], change)
    got = walk(pg, two.cp, table, STEPS[name], change, before)
    assert got == direct


@pytest.mark.parametrize("change", CHANGES)
def test_told_on_one_run_on_another(pg, two, table, change):
    """The server that loads it anew would send other rows."""
    with RawClient.open(two.cp.host, two.cp.port) as c:
        with two.free(0):
            assert prepare(c).types == "1tTZ"
        pg.query(CHANGES[change], db="test")
        with two.free(1):
            assert error_of(run(c)) == [OUTDATED]
            assert error_of(run(c)) == [OUTDATED]
        with two.free(0):
            got = prepare_again(c)
            assert got.types == "31tTZ"
        for number in 1, 0, 1:
            with two.free(number):
                assert run(c).types == "2DCZ"


def test_in_a_transaction_it_fails(pg, two, table):
    with RawClient.open(two.cp.host, two.cp.port) as c:
        with two.free(0):
            prepare(c)
        pg.query(CHANGES["a column more"], db="test")
        with two.free(1):
            c.query("BEGIN")
            got = run(c)
            assert error_of(got) == [OUTDATED]
            assert got.status == "E"
            assert c.query("SELECT 1", check=False).errors[0].sqlstate == (
                "25P02")
            assert run(c).errors[0].sqlstate == "25P02"
            assert c.query("ROLLBACK").status == "I"


def test_changed_through_carpool(two, table):
    """By the client itself, on the server that has it."""
    with RawClient.open(two.cp.host, two.cp.port) as c:
        with two.free(0):
            prepare(c)
            run(c)
        with two.free(1):
            c.query(CHANGES["a column more"])
            assert error_of(run(c)) == [OUTDATED]
        with two.free(0):
            assert prepare_again(c).types == "31tTZ"
            assert run(c).rows == [["1", "2"]]
        with two.free(1):
            assert run(c).rows == [["1", "2"]]


def test_the_same_rows_go_on(pg, two, table):
    """A change that rows do not show is nobody's concern."""
    with RawClient.open(two.cp.host, two.cp.port) as c:
        with two.free(0):
            prepare(c)
        pg.query("CREATE INDEX ON plans (a);"
                 "ALTER TABLE plans ALTER COLUMN a SET NOT NULL", db="test")
        for number in 1, 0, 1:
            with two.free(number):
                assert run(c).types == "2DCZ"


def test_who_always_asks_for_the_rows(pg, two, table):
    """The description of the portal is what it goes by."""
    with RawClient.open(two.cp.host, two.cp.port) as c:
        with two.free(0):
            prepare(c, describe=False)
        pg.query(CHANGES["a column more"], db="test")
        with two.free(1):
            got = run_described(c)
            assert got.names == ["a", "b"] and got.rows == [["1", "2"]]


def test_one_error_for_each_client(pg, two, table):
    """Whoever prepares anew meets no statement of before, on any server."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient.open(two.cp.host,
                                                      two.cp.port))
                   for _ in range(10)]
        for number in 0, 1:
            with two.free(number):
                for c in clients:
                    got = prepare(c) if number == 0 else run(c)
                    assert not got.errors
        pg.query(CHANGES["a column more"], db="test")
        for i, c in enumerate(clients):
            with two.free(i % 2):
                assert error_of(run(c)) == [OUTDATED]
            for number in 1, 0:
                with two.free(number):
                    assert prepare_again(c).types == "31tTZ"
                    assert run(c).rows == [["1", "2"]]
            with two.free(1):
                assert run(c).rows == [["1", "2"]]
