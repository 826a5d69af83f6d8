"""Many clients that log in and do nothing; what each costs in memory."""

import select
import socket
import struct
import time

from machine import raise_file_limit
from row import Row
from server import DATABASE, USER


def startup_packet():
    body = struct.pack("!i", 196608)
    for text in ("user", USER, "database", DATABASE, ""):
        body += text.encode() + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


class IdleClients:
    """Many clients that have logged in and do nothing."""

    BATCH = 100

    def __init__(self, port):
        self.port = port
        self.sockets = []

    def grow(self, count):
        packet = startup_packet()
        while len(self.sockets) < count:
            batch = {}
            for _ in range(min(self.BATCH, count - len(self.sockets))):
                s = socket.create_connection(("127.0.0.1", self.port), 10)
                s.sendall(packet)
                batch[s.fileno()] = [s, b""]
                self.sockets.append(s)
            self.wait_ready(batch)

    @staticmethod
    def is_ready(data):
        if data[:1] == b"E":
            raise RuntimeError(f"login failed: {data[:200]!r}")
        return data.endswith(b"Z\0\0\0\5I")

    def wait_ready(self, batch):
        self.wait(batch, self.is_ready)

    @staticmethod
    def wait(batch, is_ready):
        """Until each has read what is_ready takes."""
        poll = select.poll()
        for fd in batch:
            poll.register(fd, select.POLLIN)
        while batch:
            events = poll.poll(20000)
            if not events:
                raise RuntimeError("clients were not logged in for 20 s")
            for fd, _ in events:
                entry = batch[fd]
                data = entry[0].recv(65536)
                entry[1] += data
                if not data:
                    raise RuntimeError(f"login failed: {entry[1][:200]!r}")
                if is_ready(entry[1]):
                    poll.unregister(fd)
                    del batch[fd]

    def prepare(self, texts):
        """Each prepares the texts, under names as drivers give them."""
        packet = b"".join(message(b"P", f"stmt_{i}\0{text}\0\0\0".encode())
                          for i, text in enumerate(texts)) + message(b"S")
        for at in range(0, len(self.sockets), self.BATCH):
            batch = {}
            for s in self.sockets[at:at + self.BATCH]:
                s.sendall(packet)
                batch[s.fileno()] = [s, b""]
            self.wait_ready(batch)

    def close(self):
        for s in self.sockets:
            s.close()
        self.sockets = []


class Memory(Row):
    """Growth of the resident memory of a fresh process."""

    name = "memory"
    only_poolers = True
    clients = IdleClients

    def __init__(self):
        most = raise_file_limit() - 500
        self.steps = [min(n, most) for n in (1000, 10000)]
        self.title = "Memory for each idle client"
        self.note = "Growth of VmRSS of a fresh process, trust login.  " \
            "Relay and HAProxy do not pool and have no row."
        self.columns = [(f"bytes, {n:,} clients", n, 0) for n in self.steps]

    def rounds(self, a):
        return 1 if a.quick else min(a.rounds, 3)

    def measure(self, bench, peer):
        bench.fresh(peer, self.setup)
        clients = self.clients(peer.port)
        try:
            clients.grow(20)
            clients.close()
            time.sleep(0.5)
            base = peer.rss()
            figures = {}
            for count in self.steps:
                clients.grow(count)
                time.sleep(0.3)
                figures[count] = (peer.rss() - base) / count
            return figures
        finally:
            clients.close()
            peer.stop()


class StatementMemory(Row):
    """Growth by what clients prepare, beside what they cost idle."""

    name = "memory-statements"
    only_poolers = True
    keeps_statements = True
    CLIENTS, STATEMENTS = 1000, 20

    def __init__(self):
        self.title = f"Memory for the {self.STATEMENTS} named statements of " \
            f"each of {self.CLIENTS:,} clients"
        self.note = "Growth of VmRSS over that of the idle clients; all " \
            "prepare the same texts, as clients of one program do."
        self.columns = [("bytes a client", "bytes", 0)]

    def rounds(self, a):
        return 1 if a.quick else min(a.rounds, 3)

    def measure(self, bench, peer):
        bench.fresh(peer)
        clients = IdleClients(peer.port)
        try:
            clients.grow(self.CLIENTS)
            time.sleep(0.5)
            base = peer.rss()
            clients.prepare([f"SELECT abalance + {i} FROM pgbench_accounts "
                             "WHERE aid = $1" for i in range(self.STATEMENTS)])
            time.sleep(0.5)
            return {"bytes": (peer.rss() - base) / self.CLIENTS}
        finally:
            clients.close()
            peer.stop()


ROWS = [Memory(), StatementMemory()]
