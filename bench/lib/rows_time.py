"""Rows of CPU time and latency under pgbench."""

import time

from figures import show, spread, table
from idle import IdleClients
from machine import raise_file_limit
from row import Row


class Load(Row):
    """CPU for each transaction of one load of pgbench."""

    columns = (("transactions/s", "tps", 0), ("CPU us a transaction", "cpu", 1))
    cost = "cpu"
    has_direct = True

    def __init__(self, name, title, arguments):
        self.name = name
        self.title = title
        self.arguments = arguments

    def measure(self, bench, peer):
        bench.ready(peer)
        return self.run(bench, peer, bench.a.seconds)

    def run(self, bench, peer, seconds):
        before = peer.cpu()
        run = bench.pgbench(peer, self.arguments, seconds=seconds)
        used = peer.cpu() - before
        run["cpu"] = used / 1e3 / run["count"] if peer.child else None
        return run


class Prepared(Load):
    """Statements are prepared once, by name, and only used from then on."""

    note = "Debian's pgbouncer loses named statements and has no row: compare " \
        "with carpool's own `tables`."
    keeps_statements = True


class Balance(Row):
    """How evenly the threads of a peer share the work."""

    name = "balance"
    title = "SELECT 1, 32 clients, two threads: the busier thread's CPU " \
        "over the other's"
    note = "Saturated in the scheduler's default class (under SCHED_FIFO " \
        "whoever runs first keeps its core), and at 6,000 transactions a " \
        "second, where each client asks as often as any other."
    columns = (("saturated", "uneven", 2), ("6,000/s", "at_rate", 2))
    arguments = ["-f", "SELECT1", "-M", "simple", "-c", "32"]

    def suits(self, peer):
        return getattr(peer, "threads", 1) > 1

    def measure(self, bench, peer):
        bench.ready(peer)
        at_rate = self.uneven(bench, peer, "-R", "6000")
        with bench.default_class(peer):
            return {"at_rate": at_rate, "uneven": self.uneven(bench, peer)}

    def uneven(self, bench, peer, *more):
        before = peer.thread_cpu()
        bench.pgbench(peer, [*self.arguments, *more],
                      seconds=bench.a.seconds)
        shares = sorted(now - before.get(thread, 0) for thread, now in
                        peer.thread_cpu().items())
        return shares[-1] / shares[-2]


class OneClient(Load):
    """Short runs: the best says what the proxy adds, the others the noise."""

    columns = Load.columns + (("latency us", "latency", 1),)

    def rounds(self, a):
        return a.rounds if a.quick else 10

    def measure(self, bench, peer):
        bench.ready(peer)
        return self.run(bench, peer, 1)

    def table(self, peers, runs):
        direct = best(runs.get("direct"))
        rows = []
        for peer in peers:
            if runs.get(peer.name):
                mine = runs[peer.name]
                rows.append([peer.name] + [
                    spread([r[key] for r in mine], digits)
                    for _, key, digits in self.columns] + [
                    show(best(mine), 1),
                    "-" if peer.name == "direct" or direct is None
                    else show(best(mine) - direct, 1)])
        head = [""] + [heading for heading, _, _ in self.columns] + \
            ["best us", "added us, best to best"]
        return self.heading() + table(head, rows)


def best(runs):
    return min(r["latency"] for r in runs) if runs else None


class BesideIdle(Row):
    """What a query costs beside many clients that do nothing."""

    name = "idle-cost"
    columns = (("CPU us, alone", "alone", 1), ("CPU us, beside", "beside", 1),
               ("ratio", "ratio", 2))
    only_poolers = True
    arguments = ["-f", "SELECT1", "-M", "simple", "-c", "32"]

    def __init__(self):
        self.idle = min(5000, raise_file_limit() - 500)
        self.title = "SELECT 1, 32 clients, alone and beside " \
                     f"{self.idle:,} idle clients"

    def measure(self, bench, peer):
        bench.ready(peer)
        clients = IdleClients(peer.port)
        try:
            before = self.cost_now(bench, peer)
            clients.grow(self.idle)
            beside = self.cost_now(bench, peer)
        finally:
            clients.close()
        time.sleep(0.5)
        # Alone again, so that a drift of the machine falls on both sides.
        alone = (before + self.cost_now(bench, peer)) / 2
        return {"alone": alone, "beside": beside, "ratio": beside / alone}

    def cost_now(self, bench, peer):
        bench.pgbench(peer, self.arguments, count=100)
        before = peer.cpu()
        run = bench.pgbench(peer, self.arguments, seconds=bench.a.seconds)
        return (peer.cpu() - before) / 1e3 / run["count"]


ROWS = [
    Load("simple", "SELECT 1, simple protocol, 32 clients",
         ["-f", "SELECT1", "-M", "simple", "-c", "32"]),
    Load("extended", "SELECT 1, extended protocol, 32 clients",
         ["-f", "SELECT1", "-M", "extended", "-c", "32"]),
    Load("tables", "pgbench -S, simple protocol, 32 clients",
         ["-S", "-M", "simple", "-c", "32"]),
    Prepared("prepared", "pgbench -S, prepared statements, 32 clients",
             ["-S", "-M", "prepared", "-c", "32"]),
    OneClient("one", "SELECT 1, simple protocol, 1 client",
              ["-f", "SELECT1", "-M", "simple", "-c", "1"]),
    Load("connections",
         "SELECT 1, a connection for each transaction, 16 clients",
         ["-f", "SELECT1", "-M", "simple", "-c", "16", "-C"]),
    BesideIdle(),
    Balance(),
]
