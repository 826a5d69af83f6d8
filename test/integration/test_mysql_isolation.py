"""No MySQL client ever reads another one's answer, whatever goes wrong
(ISO-01): many clients on few servers, each answer marked with its asker and its
number.  SOAK_MINUTES makes it longer, SEED another one."""

import os
import threading

import pytest

from tools.mytagged import Tagged, prepare
from tools.soak import scaled
from tools.wait import wait_until

SHARE = {"tsan": 0.3, "asan": 0.6}.get(os.environ.get("BUILD"), 1)
SEED = int(os.environ.get("SEED") or 1)

pytestmark = pytest.mark.soak


def start(make_carpool, server, name, port=None, **settings):
    """A carpool whose five servers all share; port: of a link to them."""
    prepare(server, name)
    link = {"host": server.host, "port": port or server.port}
    cp = make_carpool({}, mysql={name: link}, userlist={
        "app": server.users["app"][0]}, **{
            "default_pool_size": 5, "threads": 4, "max_client_conn": 1000,
            **settings})
    cp.rss_tolerance = 64 << 20
    return cp


def crowd(server, port, name, **more):
    return Tagged(port, server.users["app"][0], name, SEED,
                  has_sequences=server.name == "mariadb", **more)


def at_rest(server, name, written):
    """Nobody's query runs on, nothing is half done; what clients were told
    was written is there."""
    wait_until(lambda: not server.busy(), 10, "queries to end")
    wait_until(lambda: server.value(
        "SELECT COUNT(*) FROM information_schema.innodb_trx") == 0, 10,
        "transactions to end")
    assert server.value(f"SELECT COUNT(*) FROM {name}.tagged") >= written


@pytest.mark.seconds(150)
def test_every_answer_reaches_its_asker(make_carpool, either):
    cp = start(make_carpool, either, "iso")
    got = crowd(either, cp.mysql_port, "iso").run(
        scaled(int(9000 * SHARE), 9000))
    assert got.done["kills"] > 20 and got.done["killed"] > 5, got.done
    at_rest(either, "iso", got.written)


@pytest.mark.seconds(150)
@pytest.mark.parametrize("side", ["clients", "servers"])
def test_answers_in_single_bytes(make_carpool, mariadb, fault, side):
    """The same with all that passes cut in single bytes."""
    name = f"iso_cut_{side}"
    if side == "servers":
        link = fault.listen(mariadb.port)
        port = start(make_carpool, mariadb, name, link.port).mysql_port
    else:
        link = fault.listen(start(make_carpool, mariadb, name).mysql_port)
        port = link.port
    link.split(1)
    got = crowd(mariadb, port, name, large=300).run(
        scaled(int(1200 * SHARE), 1200), clients=40)
    at_rest(mariadb, name, got.written)


@pytest.mark.seconds(150)
def test_answers_over_a_slow_and_stalling_link(make_carpool, mariadb, fault):
    """Kills come late, answers back up, and now and then nothing moves
    between carpool and its servers."""
    link = fault.listen(mariadb.port)
    cp = start(make_carpool, mariadb, "iso_slow", link.port)
    link.delay(3)
    ended = threading.Event()

    def stall():
        while not ended.wait(0.4):
            link.stall("both")
            ended.wait(0.2)
            link.resume()
            link.delay(3)

    t = threading.Thread(target=stall, daemon=True)
    t.start()
    try:
        got = crowd(mariadb, cp.mysql_port, "iso_slow").run(
            scaled(int(1500 * SHARE), 1500), clients=60)
    finally:
        ended.set()
        t.join()
    at_rest(mariadb, "iso_slow", got.written)


@pytest.mark.seconds(120)
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_servers_never_exceed_the_limit(make_carpool, mariadb, mode):
    """PAR-08: what the server itself counts, with no KILL under way (which
    takes a login of its own)."""
    cp = start(make_carpool, mariadb, "iso_limit", pool_mode=mode,
               default_pool_size=3)
    most, ended = [0], threading.Event()

    def count():
        while not ended.wait(0.02):
            most.append(mariadb.connections("app"))

    t = threading.Thread(target=count, daemon=True)
    t.start()
    kinds = [k for k in Tagged.KINDS if k not in ("slow", "kill")]
    try:
        got = crowd(mariadb, cp.mysql_port, "iso_limit", kinds=kinds,
                    leaves=["quit"]).run(
            scaled(int(1500 * SHARE), 1500), clients=60)
    finally:
        ended.set()
        t.join()
    assert max(most) <= 3, max(most)
    at_rest(mariadb, "iso_limit", got.written)


@pytest.mark.seconds(120)
def test_two_clients_on_one_server(make_carpool, mariadb):
    """The smallest pool there is; nobody waits for ever."""
    cp = start(make_carpool, mariadb, "iso_two", default_pool_size=1)
    got = crowd(mariadb, cp.mysql_port, "iso_two").run(
        scaled(int(1500 * SHARE), 1500), clients=2)
    at_rest(mariadb, "iso_two", got.written)
