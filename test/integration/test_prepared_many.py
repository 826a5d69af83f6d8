"""Many prepared statements and many clients with them: whose answer is whose,
and what they cost."""

import socket
import threading

import pytest

from tools import oracles, pgwire as w
from tools.carpool import sanitized
from tools.crowd import crowd
from tools.prepared import LOADED, ask, one_server, prepare, run
from tools.raw import RawClient
from tools.soak import MINUTES, scaled


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


def short_life(address, n, filler):
    """Connect, prepare, ask, prepare anew, leave: all of it sent at once."""
    s = socket.create_connection(address, timeout=60)
    name = f"s{n}"
    s.sendall(b"".join([
        w.startup({"user": "app", "database": "test"}),
        prepare(name, f"SELECT 'a', {n}, '{filler}'"),
        prepare("", f"SELECT {n}, '{filler}'"), run(name), w.sync(),
        w.close("S", name), prepare(name, f"SELECT 'b', {n}, '{filler}'"),
        run(name), w.sync(), w.terminate()]))
    return s


def rows_until_closed(s):
    splitter, rows = w.Splitter(), []
    with s:
        while True:
            data = s.recv(65536)
            if not data:
                return rows
            splitter.feed(data)
            while (m := splitter.next()) is not None:
                if m.type == "E":
                    raise AssertionError(m)
                if m.type == "D":
                    rows.append(w.text_values(m.body)[:2])


@pytest.mark.soak
@pytest.mark.seconds(120)
def test_statements_go_with_their_clients(make_carpool):
    """Trap 28: connect, prepare, leave, each time with other texts."""
    rounds = scaled(2500 if sanitized() else 8000, 100000, "PREPARE_ROUNDS")
    cp = make_carpool(default_pool_size=2, log_connections=0,
                      log_disconnections=0)
    filler, batch = "y" * 500, 50
    sizes = []
    for start in range(0, rounds, batch):
        lives = [short_life((cp.host, cp.port), n, filler)
                 for n in range(start, start + batch)]
        for n, s in enumerate(lives, start):
            assert rows_until_closed(s) == [["a", str(n)], ["b", str(n)]]
        if start * 2 > rounds and start // batch % 8 == 0:
            sizes.append(oracles.rss_bytes(cp.pid))
    if not sanitized():
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
