"""CPU for each GB (10^9 bytes) of rows, read and written by one client.

Under SCHED_FIFO a proxy is woken for nearly every piece that the server
writes; in the default class it runs later and finds larger ones.  The CPU for
each GB is another in each, so both are shown.
"""

from row import Row

LARGE_ROWS, LARGE_BYTES = 100000, 1000
SMALL_ROWS = 1000000


def make_tables(postgres):
    """Once: rows that cost the server little to send, and a sink."""
    if postgres.query("SELECT to_regclass('large')"):
        return
    postgres.query(f"""
        CREATE UNLOGGED TABLE sink (t text);
        CREATE UNLOGGED TABLE large AS SELECT repeat('x', {LARGE_BYTES}) AS t
            FROM generate_series(1, {LARGE_ROWS})""")
    postgres.query("VACUUM ANALYZE large")


class Bulk(Row):
    """words: a load of bench/load and what stands behind the times."""

    columns = (("CPU s a GB", "cpu", 2), ("MB/s", "rate", 0),
               ("CPU s a GB, default class", "default", 2))
    cost = "cpu"
    has_direct = True

    def __init__(self, name, title, times, load, *words):
        self.name = name
        self.title = title
        self.times = times
        self.words = words
        self.load_name = load

    def measure(self, bench, peer):
        make_tables(bench.postgres)
        bench.ready(peer)
        figures = self.run(bench, peer)
        if bench.scratch.fifo:
            with bench.default_class(peer):
                figures["default"] = self.run(bench, peer)["cpu"]
        return figures

    def run(self, bench, peer):
        bench.program(peer, self.load_name, 1, *self.words)
        before = peer.cpu()
        run = bench.program(peer, self.load_name, self.times, *self.words)
        used = (peer.cpu() - before) / 1e9
        return {
            "cpu": used / (run["bytes"] / 1e9) if peer.child else None,
            "rate": run["bytes"] / 1e6 / run["seconds"],
        }


ROWS = [
    Bulk("rows-large", "100,000 rows of 1000 bytes, SELECT", 4,
         "read", "SELECT t FROM large"),
    Bulk("rows-small", "1,000,000 rows of one integer, SELECT", 4,
         "read", f"SELECT generate_series(1, {SMALL_ROWS})"),
    Bulk("out-large", "100,000 rows of 1000 bytes, COPY to the client", 4,
         "read", "COPY large TO STDOUT"),
    Bulk("out-small", "1,000,000 rows of one integer, COPY to the client", 4,
         "read", f"COPY (SELECT generate_series(1, {SMALL_ROWS})) TO STDOUT"),
    Bulk("in-large", "rows of 1000 bytes, COPY from the client, 100 MB", 2,
         "write", "COPY sink FROM STDIN WHERE t = ''", LARGE_BYTES, 100000000),
    Bulk("in-small", "rows of 8 bytes, COPY from the client, 20 MB", 2,
         "write", "COPY sink FROM STDIN WHERE t = ''", 8, 20000000),
]
