"""How long the clients of a crowd wait for their turn at few servers."""

from machine import raise_file_limit
from peers import CROWD_POOL
from row import Row

TURNS = 4


class Crowd(Row):
    name = "crowd"
    columns = (("median ms", "later_median", 0), ("p99 ms", "later_p99", 0),
               ("slowest ms", "later_slowest", 0),
               ("slowest / median", "ratio", 2),
               ("first turn: median ms", "first_median", 0),
               ("slowest ms", "first_slowest", 0))
    only_poolers = True

    def __init__(self):
        self.clients = min(10000, raise_file_limit() - 500)
        self.title = f"Waits of {self.clients:,} clients on {CROWD_POOL} " \
            f"servers, a query of 1 ms"
        self.note = f"All ask at once and then {TURNS - 1} times more, each " \
            "as soon as it has its answer; the first turn, in which the " \
            "queue fills, stands apart.  A peer has a row only if every " \
            "client had all its turns."

    def measure(self, bench, peer):
        bench.fresh(peer, "crowd")
        run = bench.program(peer, "crowd", self.clients, TURNS,
                            "SELECT pg_sleep(0.001)")
        figures = {key: value / 1e3 for key, value in run.items()}
        figures["ratio"] = run["later_slowest"] / run["later_median"]
        peer.stop()
        return figures


ROWS = [Crowd()]
