"""What every row of the bench has in common, and the load of pgbench."""

import contextlib
import os
import re
import subprocess

from figures import spread, table
from machine import FIFO_PRIORITY, schedule
from mariadb import MariaDB
from server import DATABASE, USER


class Row:
    """One table: a load, and what is measured of each peer under it.

    columns: (heading, key of the figures, digits).
    cost: the key that is compared with pgbouncer's.
    """

    name = None
    title = None
    columns = ()
    cost = None
    setup = "plain"
    note = None         # a sentence below the title
    only_poolers = False
    keeps_statements = False  # not for poolers that lose named statements
    exact = False       # counts do not depend on the noise: one round
    has_direct = False  # the direct way has figures of its own

    def suits(self, peer):
        if peer.name == "direct":
            return self.has_direct
        if self.keeps_statements and peer.loses_statements:
            return False
        return peer.pools or not self.only_poolers

    def rounds(self, a):
        return 1 if self.exact else a.rounds

    def measure(self, bench, peer):
        """Figures of one run, by the keys of the columns."""
        raise NotImplementedError

    def table(self, peers, runs):
        rows = [[peer.name] +
                [spread([r.get(key) for r in runs[peer.name]], digits)
                 if digits is not None else runs[peer.name][-1][key]
                 for _, key, digits in self.columns]
                for peer in peers if runs.get(peer.name)]
        head = [""] + [heading for heading, _, _ in self.columns]
        kept = [i for i in range(len(head)) if any(r[i] != "-" for r in rows)]
        return self.heading() + table(
            [head[i] for i in kept], [[r[i] for i in kept] for r in rows])

    def heading(self):
        return f"**{self.title}** (`{self.name}`)\n\n" + \
            (self.note + "\n\n" if self.note else "")


class Bench:
    """What the rows need to run: the server, the folder, the arguments."""

    def __init__(self, a, scratch, postgres):
        self.a = a
        self.scratch = scratch
        self.postgres = postgres
        self.made_mariadb = None
        self.why_no_mariadb = None
        self.select1 = scratch.file("select1.sql", "SELECT 1;\n")

    def mariadb(self):
        """The server of MySQL's protocol, started when a row needs it."""
        if self.why_no_mariadb:
            raise RuntimeError(self.why_no_mariadb)
        if self.made_mariadb is None:
            try:
                self.made_mariadb = MariaDB(self.scratch)
            except RuntimeError as e:
                self.why_no_mariadb = str(e)
                raise
        return self.made_mariadb

    def stop(self):
        self.postgres.stop()
        if self.made_mariadb:
            self.made_mariadb.stop()

    def server_port(self, setup):
        return (self.mariadb() if setup == "mysql" else self.postgres).port

    def ready(self, peer, setup="plain"):
        """Has the peer run in this setup, its pool warm."""
        if peer.setup == setup:
            return
        peer.stop()
        peer.start(self.scratch, self.server_port(setup), setup)
        if setup == "mysql":
            return
        if setup == "plain" or not peer.pools:
            self.pgbench(peer, ["-f", "SELECT1", "-c", "32"], count=20)

    def fresh(self, peer, setup="plain", wrapper=None):
        """A new process of the peer, under the wrapper if there is one."""
        peer.stop()
        peer.start(self.scratch, self.server_port(setup), setup, wrapper)

    @contextlib.contextmanager
    def default_class(self, peer):
        """Server, peer and loads without SCHED_FIFO for a while."""
        fifo, self.scratch.fifo = self.scratch.fifo, []
        if fifo:
            self.schedule(peer, os.SCHED_OTHER, 0)
        try:
            yield
        finally:
            self.scratch.fifo = fifo
            if fifo:
                self.schedule(peer, os.SCHED_FIFO, FIFO_PRIORITY)

    def schedule(self, peer, policy, priority):
        for pid in self.postgres.processes():
            schedule(pid, policy, priority)
        if peer.child:
            schedule(peer.child.pid, policy, priority)

    def pgbench(self, peer, arguments, seconds=None, count=None):
        """One run, of so many seconds or transactions for each client."""
        command = [*self.scratch.fifo, "pgbench", "-n", "-h", "127.0.0.1",
                   "-p", str(peer.port), "-U", USER, "-j", "1",
                   *(["-t", str(count)] if count else ["-T", str(seconds)]),
                   *[self.select1 if a == "SELECT1" else a
                     for a in arguments], DATABASE]
        text = self.load(peer, command)
        done = re.search(r"actually processed: (\d+)", text)
        tps = re.search(r"^tps = ([0-9.]+)", text, re.M)
        failed = re.search(r"failed transactions: (\d+)", text)
        if not done or not tps or (failed and failed.group(1) != "0"):
            raise RuntimeError(f"pgbench through {peer.name}: {text[-800:]}")
        clients = int(arguments[arguments.index("-c") + 1])
        return {
            "count": int(done.group(1)),
            "tps": float(tps.group(1)),
            "latency": clients * 1e6 / float(tps.group(1)),
        }

    def program(self, peer, *words):
        """Runs bench/load against the peer; its figures by name."""
        load = os.path.join(self.a.out, "bench/load")
        text = self.load(peer, [
            *self.scratch.fifo, load, words[0], str(peer.port), USER,
            DATABASE, *map(str, words[1:])])
        return {key: float(value) for key, value in
                re.findall(r"^(\w+) ([0-9.]+)$", text, re.M)}

    @staticmethod
    def load(peer, command):
        r = subprocess.run(command, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False)
        if r.returncode != 0:
            raise RuntimeError(
                f"{command[0]} through {peer.name if peer else 'nothing'}: "
                f"{r.stdout[-800:]}")
        return r.stdout
