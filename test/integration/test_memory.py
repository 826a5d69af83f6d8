"""What one client, one stranger, one pool can make carpool hold: the bounds
of doc/design.md, section 10, asserted on the blocks that carpool counts
itself, which no allocator's habit blurs, and on resident memory."""

import os
import subprocess
import threading
import time

import pytest

from tools import oracles, pgwire as w
from tools.account import as_account
from tools.carpool import sanitized
from tools.raw import Closed, PgError, RawClient
from tools.soak import MINUTES
from tools.wait import holds_for, wait_until

BLOCK = 16384
# In blocks: of each direction at most 128 KiB are queued, and one read of 64.
DIRECTION = 12
LINKED = 4 * DIRECTION
QUEUED = 5
# A buffer may hold its bytes in blocks that are not full.
SLACK = 2


def blocks(cp):
    """Blocks of buffers in use."""
    for row in cp.admin("SHOW MEM"):
        if row["name"] == "iobuf_cache":
            return int(row["used"])
    raise AssertionError("no iobuf_cache")


def flood(sock, data, patience=0.5):
    """Write until nothing more is taken for so long; the bytes taken."""
    taken = 0
    sock.settimeout(patience)
    try:
        while taken < len(data):
            taken += sock.send(data[taken:taken + (1 << 20)])
    except TimeoutError:
        pass
    return taken


@pytest.mark.soak
@pytest.mark.seconds(120 + int(60 * MINUTES))
def test_slow_readers_of_large_results(make_carpool, pg):
    """20 clients each ask for a large result and read next to nothing of it:
    the servers stand still in ClientWrite, carpool holds a fixed amount."""
    count, rows = (20, 1000) if MINUTES else (8, 60)
    cp = make_carpool(default_pool_size=count, tcp_socket_buffer=65536)
    cp.connect().query("SELECT 1")
    base = oracles.rss_bytes(cp.pid)
    slow = []
    for _ in range(count):
        c = cp.connect(timeout=60)
        c.send(w.query("SELECT repeat('x', 1000000)"
                       f" FROM generate_series(1, {rows})"))
        slow.append(c)

    def stopped():
        waits = pg.query("SELECT count(*) FROM pg_stat_activity WHERE"
                         " wait_event = 'ClientWrite'")[0][0]
        return int(waits) >= count

    wait_until(stopped, 30, "every server to wait in ClientWrite")
    for c in slow[:4]:
        for _ in range(20):
            c.sock.recv(1000)
    held = blocks(cp)
    assert 0 < held <= count * LINKED * SLACK, held
    grown = oracles.rss_bytes(cp.pid) - base
    most = (8 << 20) + count * LINKED * BLOCK
    if not sanitized():
        assert grown <= most, grown
    # Whoever is fast is not held up by them.
    assert cp.connect("u_plain").value("SELECT 5") == "5"
    began = time.monotonic()
    result = slow[-1].read_until("Z", timeout=60)
    seconds = time.monotonic() - began
    after = oracles.rss_bytes(cp.pid) - base
    print(f"{count} results of {rows} MB: {held} blocks held,"
          f" {grown >> 10} KiB grown; one read in {seconds:.1f} s,"
          f" {after >> 10} KiB grown then")
    assert result.types.count("D") == rows
    if not sanitized():
        assert after <= most, after
    for c in slow:
        c.close()
    wait_until(lambda: blocks(cp) <= SLACK, 20, "the blocks back")


def test_pipeline_whose_answers_nobody_reads(make_carpool):
    """Carpool stops reading such a client, as Postgres does, and holds a
    fixed amount; when the client reads at last, no answer is missing."""
    cp = make_carpool(default_pool_size=2, tcp_socket_buffer=65536)
    one = w.query(f"SELECT '{'y' * 1000}'")
    number = 20000
    c = cp.connect(timeout=60)
    taken = flood(c.sock, one * number)
    assert taken < len(one) * number, "everything was taken"
    assert blocks(cp) <= LINKED * SLACK
    assert cp.connect().value("SELECT 1") == "1"
    whole = -(-taken // len(one))
    rest = one * whole

    def send_rest():
        c.sock.sendall(rest[taken:])

    c.sock.settimeout(60)
    sender = threading.Thread(target=send_rest)
    sender.start()
    answers = 0
    while answers < whole:
        answers += c.read(60).type == "Z"
    sender.join()
    c.expect_silence()


def test_huge_pipelines_while_no_server_is_free(make_carpool):
    """Who waits in the queue is read a little ahead and then not at all."""
    cp = make_carpool(default_pool_size=1, tcp_socket_buffer=65536,
                      query_wait_timeout=120)
    holder = cp.connect()
    holder.query("BEGIN")
    one = w.query("SELECT 'z" + "z" * 900 + "'")
    clients, sent = [], []
    before = blocks(cp)
    for _ in range(10):
        c = cp.connect(timeout=60)
        c.send(one)
        clients.append(c)
    cp.wait_pool(cl_waiting=10)
    for c in clients:
        sent.append(flood(c.sock, one * 8000, 0.2) + len(one))
    held = blocks(cp) - before
    assert held <= len(clients) * QUEUED * SLACK, held
    # Who does not read would keep the only server, as it would without us.
    for c in clients[1:]:
        c.close()
    holder.query("COMMIT")
    clients[0].read_until("Z", count=sent[0] // len(one), timeout=60)


@pytest.mark.parametrize("state", ["startup", "password"])
def test_strangers_cost_a_fixed_amount(make_carpool, state):
    """Who has not logged in yet sends as much as it can."""
    cp = make_carpool(auth_type="scram-sha-256", client_login_timeout=30)
    base = oracles.rss_bytes(cp.pid)
    before = blocks(cp)
    strangers = []
    for _ in range(40):
        c = cp.raw()
        if state == "startup":
            c.send(w.startup({"user": "app", "database": "test"})[:-1])
        else:
            c.send(w.startup({"user": "app", "database": "test"}))
            c.expect("R")
            c.send(b"p\0\0\xff\xf0" + b"SCRAM-SHA-256\0")
        try:
            flood(c.sock, b"\0" * 60000)
            flood(c.sock, b"\1" * (1 << 22))
        except OSError:
            pass  # it was told to go
        strangers.append(c)
    held = blocks(cp) - before
    assert held <= len(strangers) * DIRECTION * SLACK, held
    if not sanitized():
        grown = oracles.rss_bytes(cp.pid) - base
        assert grown <= len(strangers) * 2 * DIRECTION * BLOCK, grown


def test_console_statements_and_portals_are_capped(make_carpool):
    cp = make_carpool()
    c = cp.connect("admin", "pgbouncer")
    refused = 0
    for i in range(80):
        c.send(w.parse(f"s{i}", "SHOW VERSION"), w.sync())
        refused += any(e.sqlstate == "53400"
                       for e in c.read_until("Z").errors)
    assert refused == 80 - 64
    refused = 0
    for i in range(80):
        c.send(w.bind(f"p{i}", "s1"), w.sync())
        refused += any(e.sqlstate == "53400"
                       for e in c.read_until("Z").errors)
    assert refused == 80 - 64
    c.send(w.close("S", "s0"), w.parse("new", "SHOW VERSION"),
           w.bind("p1", "s1"), w.execute("p1"), w.sync())
    assert "D" in c.read_until("Z").types


# --- memory_limit ---------------------------------------------------------

def refused_for_memory(cp):
    try:
        RawClient.open(cp.host, cp.port, user="app",
                       password=cp.userlist["app"]).close()
    except PgError as e:
        assert e.sqlstate == "53200" and "memory_limit" in e.hint, e
        return True
    return False


@pytest.mark.parametrize("auth", ["trust", "scram-sha-256"])
def test_memory_limit_refuses_new_clients_alone(make_carpool, auth):
    cp = make_carpool(auth_type=auth)
    c = cp.connect()
    assert c.value("SELECT 1") == "1"
    cp.console("SET memory_limit = '1MB'")
    wait_until(lambda: refused_for_memory(cp), 10)
    cp.wait_log("memory_limit_reached")
    # Those who are in stay, and the console is open for who mends it.
    assert c.value("SELECT 2") == "2"
    assert cp.connect("admin", "pgbouncer").query("SHOW VERSION").rows
    cp.console("SET memory_limit = 0")
    assert cp.connect().value("SELECT 3") == "3"
    assert "memory_limit_left" in cp.log


def test_memory_limit_in_percent_of_what_there_is(make_carpool):
    cp = make_carpool(memory_limit="90%")
    shown = {r["key"]: r["value"] for r in cp.admin("SHOW CONFIG")}
    assert shown["memory_limit"] == "90%"
    assert cp.connect().value("SELECT 1") == "1"


def test_memory_limit_is_reached_and_left_by_itself(make_carpool):
    """Clients that take their time fill the memory; when they leave, new ones
    may come in again."""
    cp = make_carpool(default_pool_size=150, max_client_conn=500,
                      tcp_socket_buffer=65536)
    cp.connect().query("SELECT 1")
    limit = oracles.rss_bytes(cp.pid) + (16 << 20)
    cp.console(f"SET memory_limit = {limit}")
    stuck = []
    for _ in range(150):
        try:
            c = cp.connect(timeout=30)
        except PgError as e:
            assert e.sqlstate == "53200", e
            break
        c.send(w.query("SELECT repeat('x', 4000000)"))
        stuck.append(c)
    wait_until(lambda: refused_for_memory(cp), 20)
    assert stuck[0].read_until("Z", timeout=30).types.count("D") == 1
    if sanitized():
        return  # freed memory stays in quarantine
    for c in stuck:
        c.close()
    wait_until(lambda: not refused_for_memory(cp), 40)


@pytest.mark.skipif(sanitized(), reason="a sanitizer maps terabytes")
def test_address_space_runs_out(make_carpool):
    """The kernel says no to every allocation: connections fail, not the
    daemon, and later all is well again."""
    cp = make_carpool(max_client_conn=3000, default_pool_size=20)
    c = cp.connect()
    c.query("SELECT 1")
    with open(f"/proc/{cp.pid}/statm") as f:
        size = int(f.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    def limit(soft):
        subprocess.run(as_account(["prlimit", f"--pid={cp.pid}",
                                   f"--as={soft}:unlimited"]), check=True)

    limit(size)
    crowd, failed = [], 0
    for _ in range(1500):
        try:
            s = RawClient(cp.host, cp.port, timeout=2)
            s.send(w.startup({"user": "app", "database": "test"}))
            crowd.append(s)
        except OSError:
            failed += 1
    for s in crowd[:200]:
        try:
            s.finish_login("app")
            s.send(w.query("SELECT repeat('x', 1000000)"))
        except (PgError, Closed, OSError):
            failed += 1
    holds_for(lambda: cp.proc.poll() is None, 0.5)
    for s in crowd:
        s.close()
    limit("unlimited")
    wait_until(lambda: cp.connect().value("SELECT 4") == "4", 20)
    assert c.value("SELECT 5") == "5"
