"""COPY in and out, its failures, and clients that leave in the middle."""

import itertools
import random
import threading

import pytest

from tools import pgwire as w
from tools.pgwire import show
from tools.raw import RawClient
from tools.wait import wait_until


@pytest.fixture
def table(pg):
    pg.query("DROP TABLE IF EXISTS copied;"
             "CREATE TABLE copied (a int, b text);"
             "GRANT ALL ON copied TO PUBLIC", db="test")
    return lambda: pg.value("SELECT count(*) FROM copied", db="test")


@pytest.fixture
def cp(make_carpool):
    return make_carpool(default_pool_size=1)


COPY = "COPY copied FROM STDIN"
START = {
    "simple": (w.query(COPY),),
    "extended": (w.parse("", COPY), w.bind(), w.execute(), w.flush()),
}
END = {"simple": b"", "extended": w.sync()}


def begin(c, way):
    c.send(*START[way])
    c.expect("G", skip="12")


@pytest.mark.parametrize("way", START)
def test_copy_in(cp, table, way):
    c = cp.connect()
    begin(c, way)
    for i in range(100):
        c.send(w.copy_data(f"{i}\trow {i}\n".encode()))
    c.send(w.copy_done(), END[way])
    assert c.expect("CZ").tags == ["COPY 100"]
    assert table() == 100
    assert cp.connect().value("SELECT 1") == "1"


@pytest.mark.parametrize("way", START)
def test_copy_in_large(cp, table, way):
    c = cp.connect()
    begin(c, way)
    line = b"1\t" + b"x" * 997 + b"\n"
    for _ in range(40):
        c.send(w.copy_data(line * 250))
    c.send(w.copy_done(), END[way])
    assert c.expect("CZ").tags == ["COPY 10000"]


def test_copy_in_all_in_one_write(cp, table):
    c = cp.connect()
    c.send(w.query(COPY), w.copy_data(b"1\tx\n"), w.copy_done(),
           w.query("SELECT 'next'"))
    assert c.expect("GCZTDCZ").rows == [["next"]]
    assert table() == 1


def test_copy_in_with_sync_sent_early(cp, table):
    """Drivers send Execute and Sync together; the server reads that Sync
    inside the COPY and ignores it."""
    c = cp.connect()
    b = cp.connect()
    c.send(w.parse("", COPY), w.bind(), w.execute(), w.sync())
    c.expect("12G")
    c.send(w.copy_data(b"1\tx\n"), w.copy_done(), w.sync())
    assert c.expect("CZ").tags == ["COPY 1"]
    # a lost count would keep the server or answer out of step
    assert b.value("SELECT 'b'") == "b"
    assert c.value("SELECT 'c'") == "c"
    c.expect_silence()


def test_copy_in_with_everything_pipelined(cp, table):
    c = cp.connect()
    group = (w.parse("", COPY), w.bind(), w.execute(), w.sync(),
             w.copy_data(b"1\tx\n"), w.copy_done(), w.sync())
    c.send(*group, *group, w.query("SELECT 1"))
    assert c.expect("12GCZ12GCZTDCZ").rows == [["1"]]
    assert table() == 2


@pytest.mark.parametrize("end", ["bad row", "CopyFail"])
def test_failing_copy_in_with_sync_sent_early(make_carpool, pg, table, end):
    """The early Sync is swallowed, the last one is answered, wherever the
    client's writes are cut."""
    parts = (w.parse("", COPY), w.bind(), w.execute(), w.sync(),
             w.copy_data(b"1\tx\n" if end == "CopyFail" else b"x\ty\n"),
             w.copy_fail("no") if end == "CopyFail" else w.copy_done(),
             w.sync())
    cp = make_carpool(default_pool_size=1)
    data = b"".join(parts)
    for cut in list(range(1, len(data))) + [len(data)]:
        c, other = cp.connect(timeout=3), cp.connect()
        other.send(w.query("SELECT 'other'"))
        c.send(data[:cut])
        other.read_until("Z")
        c.send(data[cut:])
        c.expect("12GEZ")
        assert c.value("SELECT 'next'") == "next"
        c.quit()
        other.quit()
    assert table() == 0


# What a client may send that has seen its COPY fail; the Syncs in front of the
# bad row may be COPY's data or not, and only the server knows.
HEADS = {
    "pipelined": [(w.sync(), w.copy_data(b"bad\n"))],
    "later data": [(w.sync(),), (w.copy_data(b"bad\n"),)],
    "flush": [(w.flush(),), (w.copy_data(b"bad\n"), w.sync())],
    "glued": [(w.sync(), w.copy_data(b"bad\n"), w.copy_done(), w.sync())],
    "many": [(w.sync(), w.copy_data(b"1\tx\n"), w.sync(),
              w.copy_data(b"bad\n"), w.sync(), w.sync())],
}
TAILS = {
    "named": [(w.parse("s1", "SELECT 1"), w.bind("", "s1"), w.execute(),
               w.sync())],
    "close": [(w.close("S", "s9"), w.sync())],
    "bind": [(w.bind(), w.sync())],
    "query": [(w.query("SELECT 2"),), (w.sync(),)],
    "done": [(w.copy_done(), w.sync()),
             (w.parse("s1", "SELECT 1"), w.sync())],
    "describe": [(w.parse("s1", "SELECT 1"), w.describe("S", "s1"),
                  w.flush()), (w.sync(),)],
    "prepare": [(w.query("PREPARE s2 AS SELECT 3"),), (w.sync(),),
                (w.query("PREPARE s2 AS SELECT 3"),)],
}


def after_a_failed_copy(c, table, begin, head, tail):
    """All that the client is told from its COPY on."""
    if begin:
        c.query("BEGIN")
    first, *more = HEADS[head]
    c.send(w.parse("", f"COPY {table} FROM STDIN"), w.bind(), w.execute(),
           *first)
    for part in more:
        c.expect("12G")
        c.send(*part)
    got = c.read_until("E").messages
    for part in TAILS[tail]:
        c.send(*part)
    c.send(w.sync(), w.query("ROLLBACK; SELECT 'end'"))
    while not (got[-1].type == "D" and b"end" in got[-1].body):
        got.append(c.read())
    c.expect("CZ")
    return [show([m]) for m in got]


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_what_follows_a_failed_copy(make_carpool, pg, table, mode):
    """Nothing of it hangs, and what is passed over is what the server passes
    over: in trigger_copied COPY fails before it reads anything."""
    pg.query("DROP TABLE IF EXISTS trigger_copied;"
             "CREATE TABLE trigger_copied (a int, b text);"
             "GRANT ALL ON trigger_copied TO PUBLIC;"
             "CREATE OR REPLACE FUNCTION refuse_copy() RETURNS trigger"
             " LANGUAGE plpgsql AS"
             " $$ BEGIN RAISE EXCEPTION 'refused'; END $$;"
             "CREATE TRIGGER t BEFORE INSERT ON trigger_copied"
             " EXECUTE FUNCTION refuse_copy()", db="test")
    cp = make_carpool(default_pool_size=1, pool_mode=mode)
    differ = []
    for case in itertools.product(["copied", "trigger_copied"],
                                  [False, True], HEADS, TAILS):
        out = []
        for way in (pg, cp):
            with RawClient.open(way.host, way.port) as c:
                try:
                    out.append(after_a_failed_copy(c, *case))
                except (OSError, AssertionError) as e:
                    out.append(repr(e))
        if out[0] != out[1]:
            differ.append((case, *out))
    assert differ == []
    assert table() == 0


@pytest.mark.parametrize("way", START)
def test_copy_fail(cp, table, way):
    c = cp.connect()
    begin(c, way)
    c.send(w.copy_data(b"1\tx\n"), w.copy_fail("changed my mind"), END[way])
    e = c.expect("EZ").errors[0]
    assert e.sqlstate == "57014" and "changed my mind" in e.message
    assert table() == 0
    assert cp.connect().value("SELECT 1") == "1"


@pytest.mark.parametrize("way", START)
def test_server_fails_midway(cp, table, way):
    """A bad row while data keeps coming; late messages are dropped, for
    this client and for the next one on the server."""
    c, other = cp.connect(), cp.connect()
    begin(c, way)
    c.send(w.copy_data(b"1\tx\nbad\n"))
    c.send(w.copy_data(b"2\tx\n"))
    if way == "simple":
        assert c.expect("EZ").errors[0].sqlstate == "22P02"
        assert other.value("SELECT 'free'") == "free"
        for _ in range(50):
            c.send(w.copy_data(b"3\tx\n" * 100))
        c.send(w.copy_done())
    else:
        assert c.expect("E").errors[0].sqlstate == "22P02"
        c.send(w.copy_data(b"3\tx\n"), w.copy_done(), w.sync())
        c.expect("Z")
    assert other.value("SELECT 'other'") == "other"
    assert c.value("SELECT 'me'") == "me"
    assert table() == 0


def test_late_copy_data_takes_no_server(make_carpool, table):
    cp = make_carpool(default_pool_size=1)
    c, other = cp.connect(), cp.connect()
    begin(c, "simple")
    c.send(w.copy_data(b"bad\nrow\n" * 10))
    c.expect("EZ")
    other.query("BEGIN")
    c.send(*[w.copy_data(b"late\n")] * 100, w.copy_done())
    c.send(w.sync())
    assert c.expect("Z").status == "I"
    assert cp.pool()["cl_waiting"] == 0
    other.query("COMMIT")


def test_query_in_the_middle_of_copy_in(pg, cp, table):
    """Same as direct: PostgreSQL loses synchronisation and closes."""
    out = []
    for way in (pg, cp):
        with RawClient.open(way.host, way.port) as c:
            begin(c, "simple")
            c.send(w.copy_data(b"1\tx\n"), w.query("SELECT 1"))
            out.append([(e.severity, e.sqlstate, e.message)
                        for e in c.drain().errors])
    assert out[0] == out[1]
    assert table() == 0
    assert cp.connect().value("SELECT 1") == "1"


@pytest.mark.parametrize("way", START)
@pytest.mark.parametrize("vanish", ["close", "reset", "quit"])
def test_client_dies_in_copy_in(make_carpool, pg, table, way, vanish):
    """Never half a file: the copy is failed, not completed."""
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    begin(c, way)
    c.send(w.copy_data(b"1\tx\n2\ty\n"))
    getattr(c, vanish)()
    assert cp.connect().value("SELECT 1") == "1"
    wait_until(lambda: not pg.busy())
    assert table() == 0


def test_client_dies_in_a_copy_message(make_carpool, pg, table):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    begin(c, "simple")
    c.send(w.copy_data(b"1\tx\n"), w.copy_data(b"2\tyyyyyyyyy\n")[:9])
    c.reset()
    assert cp.connect().value("SELECT 1") == "1"
    assert table() == 0


def test_client_dies_in_a_transaction_with_a_finished_copy(
        make_carpool, pg, table):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.query("BEGIN")
    begin(c, "simple")
    c.send(w.copy_data(b"1\tx\n"), w.copy_done())
    c.expect("CZ")
    c.reset()
    assert cp.connect().value("SELECT 1") == "1"
    assert table() == 0


def test_copy_out(cp, table, pg):
    pg.query("INSERT INTO copied SELECT i, 'r' FROM"
             " generate_series(1, 1000) i", db="test")
    c = cp.connect()
    got = c.query("COPY copied TO STDOUT")
    assert got.types == "H" + "d" * 1000 + "cCZ"
    assert got.tags == ["COPY 1000"]
    c.send(w.parse("", "COPY copied TO STDOUT"), w.bind(), w.execute(),
           w.sync())
    assert c.read_until("Z").types == "12H" + "d" * 1000 + "cCZ"


def test_copy_out_that_fails(cp):
    c = cp.connect()
    got = c.query("COPY (SELECT 1/(100 - i) FROM generate_series(1, 200) i)"
                  " TO STDOUT", check=False)
    assert got.types.startswith("Hd") and got.types.endswith("dEZ")
    assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("vanish", ["close", "reset"])
def test_client_dies_in_copy_out(make_carpool, pg, vanish):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.send(w.query("COPY (SELECT repeat('x', 1000) FROM"
                   " generate_series(1, 1000000)) TO STDOUT"))
    c.expect("Hddd")
    getattr(c, vanish)()
    assert cp.connect().value("SELECT 1") == "1"
    wait_until(lambda: not pg.busy())


def test_server_dies_in_copy_in(make_carpool, pg, table):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    begin(c, "simple")
    c.send(w.copy_data(b"1\tx\n"))
    pg.terminate(pg.pids("test")[0])
    with pytest.raises(OSError):
        while True:
            c.send(w.copy_data(b"1\tx\n"))
            m = c.read()
            assert m.type in "EN"
    assert cp.connect().value("SELECT 1") == "1"
    assert table() == 0


def test_failing_copies_of_many_clients(make_carpool, pg, table):
    """Early Syncs, failures and random cuts while servers are scarce."""
    cp = make_carpool(default_pool_size=2, threads=4)
    errors = []

    def work(n):
        rng = random.Random(n)
        try:
            with RawClient.open(cp.host, cp.port) as c:
                for _ in range(25):
                    end = rng.choice([w.copy_fail("no"),
                                      w.copy_data(b"zz\n") + w.copy_done()])
                    data = b"".join((
                        w.parse("", COPY), w.bind(), w.execute(), w.sync(),
                        w.copy_data(b"1\tx\n"), end, w.sync()))
                    c.send_split(data, [rng.randint(1, len(data))
                                        for _ in range(4)])
                    c.expect("12GEZ")
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []
    assert table() == 0


def test_copies_between_many_clients(make_carpool, table):
    cp = make_carpool(default_pool_size=2)
    clients = [cp.connect() for _ in range(6)]
    for c in clients:
        c.send(w.query(COPY), *[w.copy_data(b"1\tx\n")] * 50, w.copy_done(),
               w.query("SELECT 'done'"))
    for c in clients:
        assert c.expect("GCZTDCZ").rows == [["done"]]
    assert table() == 300
