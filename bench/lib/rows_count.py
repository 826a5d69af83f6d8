"""Rows that count: system calls and instructions for each transaction.

Each peer is run twice for different numbers of transactions and the
difference of the counts is divided by the difference of the numbers, so that
starting up and logging in fall out.  Counts do not depend on how busy the
machine is; only the sharing of one epoll_wait by several events does.
"""

import glob
import os
import re
import signal
import subprocess
import time

import rows_bulk
import rows_login
from machine import stop, which
from row import Row


class Counted(Row):
    """load: a function of the bench, the peer and the transactions of each
    of so many clients; counts: these transactions in the two runs."""

    exact = True
    tool = None

    def __init__(self, load, counts):
        self.load = load
        self.name = f"{self.prefix}-{load.name}"
        self.title = f"{self.words}: {load.title}"
        self.setup = load.setup
        self.only_poolers = load.only_poolers
        self.keeps_statements = getattr(load, "keeps_statements", False)
        self.counts = counts

    def suits(self, peer):
        return super().suits(peer) and (
            peer.speaks_mysql or self.setup != "mysql")

    def measure(self, bench, peer):
        if not which(self.tool):
            raise RuntimeError(f"{self.tool} is not installed")
        few, many = (self.count(bench, peer, n) for n in self.counts)
        apart = self.load.clients * (self.counts[1] - self.counts[0])
        return self.figures({key: (n - few.get(key, 0)) / apart
                             for key, n in many.items()})

    def count(self, bench, peer, transactions):
        """What the tool counted in a whole run, by name."""
        raise NotImplementedError

    def figures(self, each):
        raise NotImplementedError


class Calls(Counted):
    """strace is attached to a warm process and sees one run of pgbench."""

    tool, prefix, words = "strace", "calls", "System calls"
    cost = "calls"
    columns = (("system calls a transaction", "calls", 2),
               ("of which", "which", None))

    def count(self, bench, peer, transactions):
        bench.ready(peer, self.setup)
        path = bench.scratch.file("calls")
        child = subprocess.Popen(
            ["strace", "-f", "-c", "-o", path, "-p", str(peer.child.pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        try:
            line = child.stderr.readline()
            if "ttached" not in line:
                raise RuntimeError("strace: " + line.strip())
            wait_traced(peer.child.pid)
            self.load.run(bench, peer, transactions)
        finally:
            stop(child, signal.SIGINT)
            child.stderr.close()
        with open(path, encoding="ascii") as f:
            return self.parse(f.read())

    @staticmethod
    def parse(text):
        """Calls by name, and those that failed by "name!"."""
        counts = {}
        for line in text.splitlines():
            words = line.split()
            if re.fullmatch(r"[\d.]+", words[0] if words else "") and \
                    words[-1] != "total":
                counts[words[-1]] = int(words[3])
                if len(words) == 6:
                    counts[words[-1] + "!"] = int(words[4])
        return counts

    def figures(self, each):
        calls = {k: n for k, n in each.items() if k[-1] != "!"}
        words = []
        for name, n in sorted(calls.items(), key=lambda item: -item[1]):
            if n >= 0.005:
                failed = each.get(name + "!", 0)
                words.append(f"{name} {n:.2f}" + (
                    f" ({failed:.2f} failed)" if failed >= 0.005 else ""))
        return {"calls": sum(calls.values()), "which": ", ".join(words)}


def wait_traced(pid):
    """Until every thread has its tracer."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        traced = True
        for path in glob.glob(f"/proc/{pid}/task/*/status"):
            with open(path, encoding="ascii", errors="replace") as f:
                traced = traced and "TracerPid:\t0\n" not in f.read()
        if traced:
            return
        time.sleep(0.01)
    raise RuntimeError("strace did not reach every thread")


class Instructions(Counted):
    """Instructions in user space, libraries included."""

    tool, prefix, words = "valgrind", "instructions", "User instructions"
    cost = "instructions"
    columns = (("user instructions a transaction", "instructions", 0),)

    def count(self, bench, peer, transactions):
        folder = bench.scratch.file("callgrind")
        os.makedirs(folder, exist_ok=True)
        os.chown(folder, *bench.scratch.owner)
        for path in glob.glob(folder + "/*"):
            os.unlink(path)
        bench.fresh(peer, self.setup, [
            "valgrind", "-q", "--tool=callgrind", "--fair-sched=yes",
            f"--callgrind-out-file={folder}/out.%p"])
        try:
            self.load.run(bench, peer, transactions)
        finally:
            peer.stop(patience=60)
        total = 0
        for path in glob.glob(folder + "/*"):
            with open(path, encoding="utf-8", errors="replace") as f:
                for line in f:
                    if line.startswith("totals:"):
                        total += int(line.split()[1])
            if bench.a.keep:
                keep(path, bench.a.keep, f"{peer.file_name()}-{self.name}-"
                                         f"{transactions}.callgrind")
        if total == 0:
            raise RuntimeError(f"callgrind counted nothing of {peer.name}")
        return {"instructions": total}

    def figures(self, each):
        return each


def keep(path, folder, name):
    os.makedirs(folder, exist_ok=True)
    with open(path, "rb") as f, open(os.path.join(folder, name), "wb") as g:
        g.write(f.read())


class Queries:
    """pgbench, with so many clients that stay."""

    setup = "plain"
    only_poolers = False

    def __init__(self, name, title, clients, *arguments):
        self.name = name
        self.title = title
        self.clients = clients
        self.arguments = [*arguments, "-c", str(clients)]

    def run(self, bench, peer, transactions):
        bench.pgbench(peer, self.arguments, count=transactions)


class Logins:
    """Connect, one SELECT 1, close."""

    clients = rows_login.CLIENTS
    only_poolers = True

    def __init__(self, name, title, setup):
        self.name = name
        self.title = title
        self.setup = setup

    def run(self, bench, peer, transactions):
        bench.program(peer, "logins", self.clients, 1000, transactions,
                      *rows_login.password(self.setup))


class Rows:
    """One client that reads the same rows again and again."""

    clients = 1
    setup = "plain"
    only_poolers = False

    def __init__(self, bulk):
        self.name = bulk.name
        self.title = "a query of " + bulk.title
        self.words = bulk.words

    def run(self, bench, peer, transactions):
        rows_bulk.make_tables(bench.postgres)
        bench.program(peer, "read", transactions, *self.words)


SIMPLE = Queries("simple", "SELECT 1, simple protocol, 32 clients", 32,
                 "-f", "SELECT1", "-M", "simple")
EXTENDED = Queries("extended", "SELECT 1, extended protocol, 32 clients", 32,
                   "-f", "SELECT1", "-M", "extended")
TABLES = Queries("tables", "pgbench -S, simple protocol, 32 clients", 32,
                 "-S", "-M", "simple")
PREPARED = Queries("prepared", "pgbench -S, prepared statements, 32 clients",
                   32, "-S", "-M", "prepared")
PREPARED.keeps_statements = True
ONE = Queries("one", "SELECT 1, simple protocol, 1 client", 1,
              "-f", "SELECT1", "-M", "simple")
TRUST = Logins("login-trust", "a login, trust", "plain")
VERIFIER = Logins("login-verifier", "a login, SCRAM, a verifier in the "
                  "auth_file", "verifier")

ROWS = [
    Calls(SIMPLE, (100, 400)),
    Calls(EXTENDED, (100, 400)),
    Calls(PREPARED, (100, 400)),
    Calls(TABLES, (100, 400)),
    Calls(ONE, (500, 3500)),
    Calls(TRUST, (20, 100)),
    Calls(VERIFIER, (20, 100)),
    *[Calls(Rows(bulk), (1, 4)) for bulk in rows_bulk.ROWS[:2]],
    Instructions(SIMPLE, (50, 200)),
    Instructions(EXTENDED, (50, 200)),
    Instructions(TABLES, (50, 200)),
    Instructions(PREPARED, (50, 200)),
    Instructions(TRUST, (20, 100)),
    Instructions(VERIFIER, (20, 100)),
    *[Instructions(Rows(bulk), (1, 3)) for bulk in rows_bulk.ROWS[:2]],
]
