"""The diff harness for MySQL: what is the same on two direct connections, and
the differences that it has to find.  MYDIFF_STEPS sets its length, MYDIFF_SEED
repeats a run; with MYSQL_WAY=carpool one side goes through carpool."""

import os
import socket
import threading

import pytest

from tools.mydiff import Difference, names_of
from tools.myway import make_way
from tools.soak import scaled

STEPS = scaled(50, 5000, "MYDIFF_STEPS")
SEED = int(os.environ["MYDIFF_SEED"]) if "MYDIFF_SEED" in os.environ else None

pytestmark = pytest.mark.soak


@pytest.fixture
def way(request):
    """way(server, name, **settings): where the second side goes."""
    def make(server, name, **settings):
        if "MYSQL_WAY" not in os.environ:
            return server
        return make_way(request, server, names_of(name + "_b"),
                        local_infile=1, **settings)

    return make


@pytest.mark.parametrize("session", [False, True])
def test_same_on_both_ways(either, way, session):
    name = f"d{session:d}"
    d = Difference(either, None, clients=8, steps=STEPS, seed=SEED,
                   session=session, name=name).prepare()
    d.way = way(either, name, default_pool_size=8 if session else 2,
                pool_mode="session" if session else "transaction")
    d.run()
    print(f"seed {d.seed}: {d.packets} packets equal")


def test_in_pieces(mariadb, fault):
    link = fault.listen(mariadb.port)
    link.split(1)
    Difference(mariadb, link, clients=4, steps=max(5, STEPS // 6), seed=SEED,
               name="cut").prepare().run()


class Liar:
    """A relay to a server that changes what the server says."""

    def __init__(self, server, before, after):
        assert len(before) == len(after)
        self.server, self.change = server, (before, after)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1",
                                               self.server.port))
            threading.Thread(target=self._carry, daemon=True,
                             args=(client, server, None)).start()
            threading.Thread(target=self._carry, daemon=True,
                             args=(server, client, self.change)).start()

    @staticmethod
    def _carry(source, target, change):
        try:
            while data := source.recv(1 << 20):
                target.sendall(data.replace(*change) if change else data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


@pytest.mark.parametrize("before,after", [
    (b"\x03two", b"\x03TWO"),            # a value in a row
    (b"\x07\x00\x00\x01\x00\x00\x00\x03\x00",
     b"\x07\x00\x00\x01\x00\x00\x00\x02\x00"),  # BEGIN's status
    (b"#42S22", b"#42S21"),              # an SQLSTATE
    (b"\x01\x00\x00\x01", b"\x01\x00\x00\x02"),  # a sequence number
])
def test_it_finds_what_differs(mariadb, before, after):
    liar = Liar(mariadb, before, after)
    try:
        d = Difference(mariadb, liar, clients=2, steps=150, seed=4,
                       name="lie").prepare()
        with pytest.raises(AssertionError, match="seed=4"):
            d.run()
    finally:
        liar.close()


def test_it_finds_what_is_left_in_a_table(mariadb):
    """A write that is lost without a word."""
    d = Difference(mariadb, mariadb, clients=1, steps=5, seed=4,
                   name="left").prepare()
    mariadb.query("INSERT INTO t0 (a, b) VALUES (99, 'more')",
                  db="left_b_x")
    with pytest.raises(AssertionError, match="t0 is|differ"):
        d.run()
