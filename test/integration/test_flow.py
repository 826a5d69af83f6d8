"""The flow of bytes: two directions that never wait for each other, slow
readers, very large messages, busy neighbours, and errors that arrive before
the connection ends."""

import socket
import subprocess
import threading
import time

import pytest

from tools import oracles, pgwire as w
from tools.carpool import sanitized
from tools.postgres import BIN
from tools.raw import RawClient


def group(sql):
    return w.parse("", sql) + w.bind() + w.execute() + w.sync()


def writes_all(client, data, seconds):
    """Does the other side take all of data, though nothing is read?"""
    client.sock.settimeout(seconds)
    try:
        client.sock.sendall(data)
    except TimeoutError:
        return False
    return True


@pytest.mark.seconds(120)
@pytest.mark.parametrize("up,down", [(200, 200), (4000, 4000), (4000, 40)])
def test_what_finishes_directly_finishes_through_carpool(
        make_carpool, pg, up, down):
    """Pipelines of growing size whose client reads only after it has written
    all: carpool's buffers add to the kernel's, they replace none."""
    cp = make_carpool(default_pool_size=1)
    one = group(f"SELECT repeat('r', {down}) /* {'p' * up} */")
    n, largest = 16, 0
    while n * (up + down) < 40 << 20 and n <= 8192:
        with RawClient.open(pg.host, pg.port, timeout=60) as c:
            if not writes_all(c, one * n, 1.0):
                break
            assert len(c.read_until("Z", n).rows) == n
        with RawClient.open(cp.host, cp.port, timeout=60) as c:
            assert writes_all(c, one * n, 30), f"{n} groups"
            assert len(c.read_until("Z", n).rows) == n
        largest = n
        n *= 2
    print(f"up to {largest} groups, {largest * len(one)} bytes up,"
          f" {largest * down} down")
    assert largest >= 16


def test_one_very_large_row(make_carpool, pg):
    """Streamed, not stored: neither by carpool nor in carpool's buffers."""
    size = 64 << 20
    cp = make_carpool(default_pool_size=1)
    c = cp.connect(timeout=60)
    base = most = oracles.rss_bytes(cp.pid)
    c.send(w.query(f"SELECT repeat('x', {size})"))
    head = c.read()
    assert head.type == "T" and c.splitter.buf[:1] in (b"", b"D")
    left = size + 5 + 2 + 4 - len(c.splitter.buf)
    while left > 0:
        part = c.sock.recv(min(left, 1 << 20))
        assert part
        left -= len(part)
        most = max(most, oracles.rss_bytes(cp.pid))
    c.splitter.buf.clear()
    assert c.expect("CZ").tags == ["SELECT 1"]
    if not sanitized():
        assert most - base < 16 << 20
    assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("kind", ["rows", "queries"])
def test_busy_neighbour_does_not_take_the_loop(make_carpool, pg, kind):
    """One thread, one client with an endless load, and another one whose
    short queries are answered all the same."""
    cp = make_carpool(threads=1)
    ended = threading.Event()
    if kind == "rows":
        load = subprocess.Popen(
            [f"{BIN}/psql", "-h", cp.host, "-p", str(cp.port), "-U", "app",
             "-d", "test", "-c", "COPY (SELECT repeat('x', 100) FROM"
             " generate_series(1, 1000000000)) TO STDOUT"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    else:
        busy = cp.connect(timeout=60)
        load = None
        block = w.query("SELECT 1") * 2000

        def read():
            while busy.sock.recv(1 << 20):
                pass

        def write():
            while not ended.is_set():
                busy.sock.sendall(block)

        def quietly(work):
            try:
                work()
            except OSError:
                pass

        for work in (read, write):
            threading.Thread(target=quietly, args=(work,),
                             daemon=True).start()
    try:
        cp.wait_pool(sv_active=1)
        c = cp.connect()
        times = []
        for i in range(150):
            start = time.monotonic()
            assert c.value(f"SELECT {i}") == str(i)
            times.append(time.monotonic() - start)
    finally:
        ended.set()
        if load is not None:
            load.kill()
            load.wait()
        else:
            busy.sock.shutdown(socket.SHUT_RDWR)
    times.sort()
    print(f"median {times[75] * 1000:.2f} ms, worst {times[-1] * 1000:.1f}")
    assert times[75] < 0.1 and times[-1] < 2


def test_slow_reader_gets_everything_and_delays_nobody(make_carpool, pg):
    """A few kilobytes at a time, while others use what it leaves."""
    cp = make_carpool(default_pool_size=2, threads=1)
    a, b = cp.connect(timeout=30), cp.connect()
    rows = 60000
    a.send(w.query("SELECT g, repeat('s', 200) FROM"
                   f" generate_series(1, {rows}) g"))
    data = b""
    for i in range(60):
        data += a.sock.recv(2048)
        assert b.value(f"SELECT {i}") == str(i)
    a.splitter.feed(data)
    got = a.read_until("Z", timeout=30)
    assert [r[0] for r in got.rows] == [str(i) for i in range(1, rows + 1)]


@pytest.mark.parametrize("pending", [0, 100, 300_000])
def test_error_is_read_before_the_end(make_carpool, pending):
    """A connection that is closed with unread input is reset, and a reset
    takes away what was sent before it.  So the error is written, the rest is
    read for a while, and then it ends."""
    cp = make_carpool(default_pool_size=1, query_wait_timeout=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.sock.setblocking(False)
    data = w.query("SELECT 'never'") + w.query("SELECT 1") * (pending // 14)
    sent = b.sock.send(data)
    assert sent > min(len(data), 100) // 2
    cp.wait_log("reason=query_wait_timeout", 10)
    # whatever may follow the error has come by now
    cp.wait_pool(cl_waiting=0)
    a.query("COMMIT")
    assert a.value("SELECT 2") == "2"
    e = b.read_until("E", timeout=5).errors[0]
    assert (e.severity, e.sqlstate) == ("FATAL", "53300")
    assert "query_wait_timeout" in e.message
    b.expect_closed(5)


@pytest.mark.parametrize("size", [1, 3, 65536])
def test_whole_session_cut_and_glued(make_carpool, pg, size):
    """The same bytes, from login to Terminate, in pieces and in one."""
    cp = make_carpool(default_pool_size=1)
    parts = [group("SELECT 'one'"), w.query("SELECT 'two'; SELECT 'three'"),
             group("SELECT 1/0"), w.query("BEGIN"), group("SELECT 'four'"),
             w.query("COMMIT"), w.function_call(177, ["2", "3"]),
             w.terminate()]
    with cp.raw() as c:
        c.send_split(w.startup({"user": "app", "database": "test"})
                     + b"".join(parts), [size])
        got = c.drain()
    assert [r[0] for r in got.rows] == ["one", "two", "three", "four"]
    assert [e.sqlstate for e in got.errors] == ["22012"]
    assert got.types.count("Z") == 8
