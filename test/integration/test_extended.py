"""The extended protocol and everything that may stand in a pipeline: same
messages as direct, with servers shared after each transaction."""

import struct
import threading

import pytest

from tools import oracles, pgwire as w
from tools.carpool import sanitized
from tools.raw import RawClient
from tools.wait import wait_until


@pytest.fixture
def cp(make_carpool):
    return make_carpool(default_pool_size=1)


def both(pg, cp, *parts, count=1, sizes=None):
    """The answers to the same bytes, direct and through carpool; asserted to
    be equal."""
    data = b"".join(parts)
    out = []
    for way in (pg, cp):
        with RawClient.open(way.host, way.port) as c:
            if sizes:
                c.send_split(data, sizes)
            else:
                c.send(data)
            out.append(c.read_until("Z", count).messages)
    assert out[0] == out[1], (
        f"\ndirect:  {w.show(out[0])}\nthrough: {w.show(out[1])}")
    return out[1]


def group(sql, values=(), max_rows=0, describe=True):
    return b"".join([
        w.parse("", sql), w.bind(values=values),
        w.describe("P") if describe else b"", w.execute("", max_rows),
        w.sync()])


CASES = {
    "describe both": (
        w.parse("", "SELECT $1::int, $2::text"), w.describe("S"),
        w.bind(values=["1", "x"]), w.describe("P"), w.execute(), w.sync()),
    "no data": (w.parse("", "SET LOCAL work_mem = '1MB'"), w.describe("S"),
                w.bind(), w.describe("P"), w.execute(), w.sync()),
    "empty query": (w.parse("", ""), w.bind(), w.describe("P"), w.execute(),
                    w.sync()),
    "bad parse": (w.parse("", "SELEC"), w.bind(), w.execute(), w.sync()),
    "bad bind": (w.parse("", "SELECT $1::int"), w.bind(values=["x"]),
                 w.execute(), w.sync()),
    "bad execute": (w.parse("", "SELECT 1/$1::int"), w.bind(values=["0"]),
                    w.describe("P"), w.execute(), w.sync()),
    "wrong number of values": (w.parse("", "SELECT $1::int"), w.bind(),
                               w.execute(), w.sync()),
    "unknown portal": (w.execute("nope"), w.sync()),
    "describe unknown portal": (w.describe("P", "nope"), w.sync()),
    "close unknown": (w.close("S", "nope"), w.close("P", "nope"), w.sync()),
    "many unnamed": tuple(
        p for n in range(5) for p in (
            w.parse("", f"SELECT {n}"), w.bind(), w.execute())) + (w.sync(),),
    "named portals": (
        w.parse("", "SELECT generate_series(1, 5)"), w.bind("one"),
        w.bind("two"), w.execute("one", 2), w.execute("two", 3),
        w.execute("one"), w.close("P", "two"), w.execute("two"), w.sync()),
    "row limit": (
        w.parse("", "SELECT generate_series(1, 5)"), w.bind(),
        w.execute("", 2), w.execute("", 2), w.execute("", 2),
        w.execute("", 2), w.sync()),
    "row limit across groups": (
        w.parse("", "SELECT generate_series(1, 5)"), w.bind("p"),
        w.execute("p", 2), w.sync(), w.execute("p", 2), w.sync()),
    "transaction in groups": (
        group("BEGIN"), group("SELECT 1"), group("SELECT 1/0"),
        group("SELECT 2"), group("COMMIT"), group("SELECT 3")),
    "portal survives in a transaction": (
        group("BEGIN"),
        w.parse("", "SELECT generate_series(1, 9)"), w.bind("p"),
        w.execute("p", 2), w.sync(), w.execute("p", 3), w.sync(),
        w.execute("p"), w.sync(), group("COMMIT")),
    "queries and groups": (
        w.query("SELECT 1"), group("SELECT 2"), w.query("SELECT 3"),
        w.sync(), w.query("")),
    "query after an error is skipped": (
        w.parse("", "SELEC"), w.query("SELECT 1"),
        w.function_call(177, ["1", "2"]), w.parse("", "SELECT 1"), w.sync(),
        w.query("SELECT 2")),
    "query within a group": (
        w.parse("", "SELECT 1"), w.bind(), w.query("SELECT 2"),
        w.execute(), w.sync()),
    "commit in a group": (
        w.parse("", "BEGIN"), w.bind(), w.execute(),
        w.parse("", "SELECT 1"), w.bind(), w.execute(),
        w.parse("", "COMMIT"), w.bind(), w.execute(),
        w.parse("", "SELECT 2"), w.bind(), w.execute(), w.sync()),
    "function call": (w.function_call(177, ["2", "3"]),),
    "function call with binary": (
        w.function_call(177, [struct.pack("!i", 2), struct.pack("!i", 3)],
                        [1], 1),),
    "function call fails": (w.function_call(154, ["1", "0"]),),
    "function call of nothing": (w.function_call(0),),
    "function call in a transaction": (
        w.query("BEGIN"), w.function_call(177, ["1", "1"]),
        w.function_call(154, ["1", "0"]), w.function_call(177, ["1", "1"]),
        w.query("ROLLBACK")),
    "notices": (w.query(
        "DO $$ BEGIN RAISE NOTICE 'n'; RAISE WARNING 'w'; END $$"),
        group("DO $$ BEGIN RAISE NOTICE 'x'; END $$")),
    "parameter changes": (
        w.query("SET application_name = 'p1'"),
        group("SET application_name = 'p2'"),
        w.query("BEGIN; SET application_name = 'p3'; ROLLBACK")),
    "syncs": (w.sync(),) * 50,
    "stray copy messages": (w.copy_data(b"x"), w.copy_done(), w.copy_fail(),
                            w.query("SELECT 1")),
    "binary results": (
        w.parse("", "SELECT 1::int8, 'x'"),
        w.bind(result_formats=[1]), w.describe("P"), w.execute(), w.sync()),
    "nulls and types": (
        w.parse("", "SELECT $1, $2", [25, 20]),
        w.bind(values=[None, "9"]), w.execute(), w.sync()),
}




@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_same_as_direct(pg, cp, name, cut):
    parts = CASES[name]
    with RawClient.open(pg.host, pg.port) as c:
        c.send(*parts, w.query("SELECT 'the end'"))
        direct = []
        while not any(b"the end" in m.body for m in direct):
            direct.append(c.read())
        direct += c.expect("CZ").messages
    count = sum(m.type == "Z" for m in direct)
    got = both(pg, cp, *parts, w.query("SELECT 'the end'"), count=count,
               sizes=[1] if cut == "bytes" else None)
    assert got == direct


@pytest.mark.parametrize("groups", [100, 2000])
def test_a_pipeline_of_many_groups(cp, groups):
    c = cp.connect()
    data = b"".join(group("SELECT $1::text", [str(i)], describe=False)
                    for i in range(groups))
    t = threading.Thread(target=c.sock.sendall, args=(data,))
    t.start()
    got = c.read_until("Z", groups)
    t.join()
    assert [r[0] for r in got.rows] == [str(i) for i in range(groups)]
    assert c.value("SELECT 1") == "1"


def test_pipelines_of_many_clients_share_servers(make_carpool):
    cp = make_carpool(default_pool_size=2)
    clients = [cp.connect() for _ in range(8)]
    for n, c in enumerate(clients):
        c.send(*(group("SELECT $1::text", [f"{n}.{i}"], describe=False)
                 for i in range(30)))
    for n, c in enumerate(clients):
        got = c.read_until("Z", 30)
        assert [r[0] for r in got.rows] == [f"{n}.{i}" for i in range(30)]


@pytest.mark.parametrize("ask", [
    w.query, lambda sql: group(sql, describe=False)], ids=["simple", "group"])
def test_a_server_is_kept_until_its_last_group_is_answered(make_carpool, ask):
    """Its first ReadyForQuery is no end while more is on its way."""
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.send(ask("SELECT 'first'"), ask("SELECT 'second', pg_sleep(0.3)"))
    assert a.read_until("Z").rows == [["first"]]
    b.send(ask("SELECT 'other'"))
    assert a.read_until("Z").rows == [["second", ""]]
    assert b.read_until("Z").rows == [["other"]]


def test_flush_brings_the_answers_so_far(cp):
    c = cp.connect()
    c.send(w.parse("", "SELECT generate_series(1, 3)"), w.describe("S"),
           w.flush())
    c.expect("1tT")
    c.expect_silence()
    c.send(w.bind(), w.flush())
    c.expect("2")
    c.send(w.execute("", 2), w.flush())
    c.expect("DDs")
    c.send(w.execute("", 2), w.flush())
    c.expect("DC")
    c.send(w.sync())
    c.expect("Z")


def test_a_group_without_sync_keeps_its_server(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.send(w.parse("", "SELECT 'a'"), w.flush())
    a.expect("1")
    b.send(w.query("SELECT 'b'"))
    b.expect_silence()
    a.send(w.bind(), w.execute(), w.sync())
    assert a.expect("2DCZ").rows == [["a"]]
    assert b.read_until("Z").rows == [["b"]]


def test_an_error_comes_without_sync_or_flush(cp):
    """The server flushes an error at once; clients wait for it."""
    c = cp.connect()
    c.send(w.parse("", "SELEC"))
    assert c.expect_error("42601", timeout=2)
    c.send(w.sync())
    c.expect("Z")


def test_bare_syncs_need_no_server(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    for _ in range(20):
        b.send(w.sync())
        assert b.expect("Z").status == "I"
    b.send(*[w.sync()] * 10000)
    assert b.read_until("Z", 10000).types == "Z" * 10000
    a.query("COMMIT")


def test_sync_keeps_its_order_behind_a_query(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.send(w.query("SELECT 'first'"), w.sync(), w.sync())
    b.expect_silence()
    a.query("COMMIT")
    assert b.expect("TDCZZZ").rows == [["first"]]


def test_flush_alone_is_answered_by_nothing(cp):
    c = cp.connect()
    c.send(w.flush())
    c.expect_silence()
    assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("size", [8000, 70000, 3_000_000])
def test_large_messages_either_way(cp, size):
    c = cp.connect()
    text = "ab" * (size // 2)
    got = c.extended("SELECT $1::text", [text])
    assert got.rows == [[text]]
    assert c.value(f"SELECT '{text}'") == text
    assert c.value(f"SELECT repeat('y', {size})") == "y" * size


def test_many_rows(cp):
    c = cp.connect()
    got = c.query("SELECT g, repeat('z', 50) FROM"
                  " generate_series(1, 50000) g")
    assert [r[0] for r in got.rows] == [
        str(i) for i in range(1, 50001)]


def test_large_result_is_streamed_not_stored(make_carpool, pg):
    """A client that does not read costs bounded memory, and the server waits
    for it."""
    cp = make_carpool()
    c = cp.connect()
    base = oracles.rss_bytes(cp.pid)
    c.send(w.query("SELECT repeat('x', 1000) FROM"
                   " generate_series(1, 200000)"))
    wait_until(lambda: pg.value(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event = 'ClientWrite'") == 1)
    if not sanitized():
        assert oracles.rss_bytes(cp.pid) - base < 16 << 20
    # and another client is served meanwhile
    assert cp.connect().value("SELECT 1") == "1"
    n = 0
    while True:
        m = c.read()
        n += m.type == "D"
        if m.type == "Z":
            break
    assert n == 200000


def test_large_bind_waits_for_no_buffer(make_carpool, pg):
    """The message goes on while it comes; memory stays bounded."""
    cp = make_carpool()
    cp.rss_tolerance = 48 << 20
    c = cp.connect(timeout=30)
    base = oracles.rss_bytes(cp.pid)
    big = b"q" * (60 << 20)
    c.send(w.parse("", "SELECT length($1::text)"), w.bind(values=[big]),
           w.execute(), w.sync())
    assert c.expect("12DCZ", timeout=30).rows == [[str(60 << 20)]]
    if not sanitized():
        assert oracles.rss_bytes(cp.pid) - base < 24 << 20


def test_writer_that_reads_only_afterwards(pg, cp):
    """Every pipeline size that finishes directly finishes through carpool."""
    for n in (10, 100, 300):
        data = b"".join(group("SELECT repeat('r', 300)", describe=False)
                        for _ in range(n))
        for way in (pg, cp):
            with RawClient.open(way.host, way.port) as c:
                c.send(data)
                assert len(c.read_until("Z", n).rows) == n


def test_max_packet_size(make_carpool):
    cp = make_carpool(max_packet_size=10000)
    c = cp.connect()
    assert c.value(f"SELECT length('{'x' * 5000}')") == "5000"
    c.send(w.query("SELECT '" + "x" * 20000 + "'"))
    e = c.expect_error()
    assert "max_packet_size" in e.message + str(e.hint)
    c.expect_closed()
    assert cp.connect().value("SELECT 1") == "1"


BAD_MESSAGES = {
    "length 0": b"Q" + struct.pack("!i", 0),
    "length 3": b"Q" + struct.pack("!i", 3),
    "negative length": b"Q" + struct.pack("!i", -1),
    "length 2^31": b"P" + struct.pack("!I", 1 << 31) + b"x",
    "unknown type": w.frame("?", b"abc"),
    "type 0": b"\0" + struct.pack("!i", 4),
    "server's type": w.ready(),
    "password": w.password("late"),
    "startup": w.startup({"user": "admin", "database": "pgbouncer"}),
}


def test_malformed_messages_end_only_their_client(make_carpool):
    cp = make_carpool(default_pool_size=1)
    other = cp.connect()
    for name, data in BAD_MESSAGES.items():
        c = cp.connect()
        c.send(data)
        c.half_close()
        got = c.drain()
        assert all(e.sqlstate == "08P01" for e in got.errors), name
        assert other.value("SELECT 1") == "1", name


MALFORMED_BODIES = {
    "query without end": w.frame("Q", b"SELECT 1"),
    "query with text behind": w.frame("Q", b"SELECT 1\0rest"),
    "empty query body": w.frame("Q", b""),
    "parse without count": w.frame("P", b"\0SELECT 1\0"),
    "bind cut": w.frame("B", b"\0\0\0\1"),
    "describe without kind": w.frame("D", b""),
    "describe with bad kind": w.frame("D", b"X\0"),
    "execute cut": w.frame("E", b"\0\0"),
    "close cut": w.frame("C", b"S"),
    "sync with body": w.frame("S", b"zzzz"),
    "function call cut": w.frame("F", b"\0\0"),
}


def test_malformed_bodies_do_no_harm(make_carpool, pg):
    """Whatever is answered, it is an error or the end, and the next client
    on the server is well."""
    cp = make_carpool(default_pool_size=1)
    other = cp.connect()
    for name, data in MALFORMED_BODIES.items():
        c = cp.connect()
        c.send(data, w.sync(), w.terminate())
        got = c.drain()
        assert not got.rows or name.startswith("query"), name
        assert other.value("SELECT 'ok'") == "ok", name


def test_half_a_message_holds_no_server_busy(make_carpool, pg):
    """A client sends the head of a Bind and vanishes: nothing half-sent
    stays on a server."""
    cp = make_carpool(default_pool_size=1)
    for vanish in ("close", "reset"):
        c = cp.connect()
        c.send(w.parse("", "SELECT $1::text"),
               b"B" + struct.pack("!i", 1 << 20) + b"\0\0")
        getattr(c, vanish)()
        assert cp.connect().value("SELECT 1") == "1"
        wait_until(lambda: not pg.busy())


def test_terminate_behind_a_pipeline_lets_it_finish(make_carpool, pg):
    pg.query("CREATE TABLE IF NOT EXISTS ended (a int)", db="test")
    pg.query("GRANT ALL ON ended TO PUBLIC", db="test")
    pg.query("TRUNCATE ended", db="test")
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.send(w.query("INSERT INTO ended VALUES (1)"), w.terminate())
    assert c.drain().tags == ["INSERT 0 1"]
    wait_until(lambda: pg.value("SELECT count(*) FROM ended",
                                db="test") == 1)


def test_half_close_still_gets_its_answer(cp):
    c = cp.connect()
    c.send(w.query("SELECT pg_sleep(0.1), 'answer'"))
    c.half_close()
    assert c.drain().rows[0][1] == "answer"


def test_disable_pqexec(make_carpool):
    cp = make_carpool(disable_pqexec=1)
    c = cp.connect()
    assert c.extended("SELECT 1").rows == [["1"]]
    c.send(w.query("SELECT 1"))
    assert c.expect_error().sqlstate in ("0A000", "08P01")
