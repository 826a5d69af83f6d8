"""Rows of MySQL's protocol: what a query costs, and what idle clients do."""

import re
import socket
import struct
import time

import idle
import rows_count
from machine import raise_file_limit, which
from row import Row
from server import DATABASE, USER

CLIENTS = 32
TABLES = ["--tables=1", "--table-size=10000"]
CAPS = 1 << 3 | 1 << 9 | 1 << 13 | 1 << 15 | 1 << 19 | 1 << 24


class MysqlRow(Row):
    setup = "mysql"
    has_direct = True

    def suits(self, peer):
        return peer.speaks_mysql and super().suits(peer)


class Load(MysqlRow):
    """CPU for each query; run gives the count of them and the seconds."""

    columns = (("queries/s", "qps", 0), ("CPU us a query", "cpu", 1))

    def measure(self, bench, peer):
        bench.ready(peer, self.setup)
        self.run(bench, peer, 1000, 1)
        before = peer.cpu()
        run = self.run(bench, peer, 10 ** 9, bench.a.seconds)
        used = peer.cpu() - before
        return {"qps": run["count"] / run["seconds"],
                "cpu": used / 1e3 / run["count"] if peer.child else None}

    def run(self, bench, peer, count, seconds):
        """At most so many for each client, for so many seconds."""
        raise NotImplementedError


class Loop(Load):
    """SELECT 1 by a client that does nothing else."""

    def __init__(self, name, title, kind):
        self.name = name
        self.title = f"MySQL: {title}, {CLIENTS} clients"
        self.kind = kind

    def run(self, bench, peer, count, seconds):
        return bench.program(peer, "mysql", CLIENTS, self.kind, seconds,
                             count)


class Sysbench(Load):
    def __init__(self, name, test, mode, words):
        self.name = name
        self.title = f"MySQL: sysbench {test}, {words}, {CLIENTS} clients"
        self.test = test
        self.mode = mode

    def run(self, bench, peer, count, seconds):
        if not which("sysbench"):
            raise RuntimeError("sysbench is not installed")
        mariadb = bench.mariadb()
        if not mariadb.has_tables:
            self.sysbench(bench, mariadb.port, "prepare")
            mariadb.has_tables = True
        text = self.sysbench(bench, peer.port, "run", f"--time={seconds}",
                             f"--threads={CLIENTS}", "--report-interval=0")
        done = re.search(r"queries:\s+(\d+)\s", text)
        took = re.search(r"total time:\s+([0-9.]+)s", text)
        # Deadlocks between its clients are "ignored errors", and tried again.
        if not done or not took or not re.search(
                r"reconnects:\s+0 ", text):
            raise RuntimeError(f"sysbench through {peer.name}: {text[-800:]}")
        return {"count": int(done.group(1)), "seconds": float(took.group(1))}

    def sysbench(self, bench, port, verb, *more):
        return bench.load(None, [
            *bench.scratch.fifo, "sysbench", self.test, "--db-driver=mysql",
            "--mysql-host=127.0.0.1", f"--mysql-port={port}",
            f"--mysql-user={USER}", f"--mysql-db={DATABASE}",
            f"--db-ps-mode={self.mode}", *TABLES, *more, verb])


class IdleClients(idle.IdleClients):
    """Many clients of MySQL that have logged in and do nothing."""

    def grow(self, count):
        while len(self.sockets) < count:
            batch = {}
            for _ in range(min(self.BATCH, count - len(self.sockets))):
                s = socket.create_connection(("127.0.0.1", self.port), 10)
                batch[s.fileno()] = [s, b""]
                self.sockets.append(s)
            self.wait_ready(dict(batch), 0)
            login = struct.pack("<IIB23x", CAPS, 1 << 24, 45) + b"".join(
                word.encode() + b"\0" for word in
                (USER, "", DATABASE, "mysql_native_password"))
            packet = struct.pack("<I", len(login) | 1 << 24) + login
            for entry in batch.values():
                entry[0].sendall(packet)
                entry[1] = b""
            self.wait_ready(batch, 2)

    @staticmethod
    def is_whole(data, seq):
        """One packet of this number, which is no error?"""
        if len(data) < 5 or len(data) < 4 + int.from_bytes(data[:3], "little"):
            return False
        if data[3] != seq or data[4] == 0xff:
            raise RuntimeError(f"login failed: {data[:200]!r}")
        return True

    def wait_ready(self, batch, seq):  # pylint: disable=arguments-differ
        self.wait(batch, lambda data: self.is_whole(data, seq))


class BesideIdle(MysqlRow):
    """What a query costs beside many clients that do nothing."""

    name = "my-idle-cost"
    columns = (("CPU us, alone", "alone", 1), ("CPU us, beside", "beside", 1),
               ("ratio", "ratio", 2))
    only_poolers = True
    has_direct = False

    def __init__(self, load):
        self.load = load
        self.idle = min(5000, raise_file_limit() - 500)
        self.title = f"{load.title}, alone and beside {self.idle:,} idle " \
            "clients"

    def measure(self, bench, peer):
        bench.ready(peer, self.setup)
        clients = IdleClients(peer.port)
        try:
            before = self.load.measure(bench, peer)["cpu"]
            clients.grow(self.idle)
            beside = self.load.measure(bench, peer)["cpu"]
        finally:
            clients.close()
        time.sleep(0.5)
        # Alone again, so that a drift of the machine falls on both sides.
        alone = (before + self.load.measure(bench, peer)["cpu"]) / 2
        return {"alone": alone, "beside": beside, "ratio": beside / alone}


class Memory(idle.Memory):
    """The same of MySQL's clients."""

    name = "my-memory"
    setup = "mysql"
    clients = IdleClients

    def __init__(self):
        super().__init__()
        self.title = "MySQL: memory for each idle client"
        self.note = "Growth of VmRSS of a fresh process, trust login."

    def suits(self, peer):
        return peer.speaks_mysql and super().suits(peer)


class Counted:
    """A loop for the rows that count."""

    clients = CLIENTS
    setup = "mysql"
    only_poolers = False

    def __init__(self, loop):
        self.name = loop.name
        self.title = loop.title
        self.loop = loop

    def run(self, bench, peer, transactions):
        self.loop.run(bench, peer, transactions, 600)


TEXT = Loop("my-select", "SELECT 1 by its text", "text")
PREPARED = Loop("my-execute", "SELECT 1, prepared once", "prepared")

ROWS = [
    TEXT,
    PREPARED,
    Sysbench("my-point", "oltp_point_select", "disable", "texts"),
    Sysbench("my-point-prepared", "oltp_point_select", "auto",
             "prepared statements"),
    Sysbench("my-write", "oltp_read_write", "disable", "texts"),
    Sysbench("my-write-prepared", "oltp_read_write", "auto",
             "prepared statements"),
    BesideIdle(TEXT),
    Memory(),
    rows_count.Calls(Counted(TEXT), (100, 400)),
    rows_count.Calls(Counted(PREPARED), (100, 400)),
    rows_count.Instructions(Counted(TEXT), (50, 200)),
    rows_count.Instructions(Counted(PREPARED), (50, 200)),
]
