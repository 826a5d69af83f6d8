"""What carpool is to reach, against what was measured.

A ratio of CPU is the median over the rounds of ratios within one round, since
what shares the machine changes from round to round.
"""

import statistics

from figures import paired, show, spread, table

ONE, TWO = "carpool, 1 thread", "carpool, 2 threads"
NEAR = 1.05  # what counts as "no change", given the noise


class Runs:
    """The figures of a run of the bench, by row and peer."""

    def __init__(self, runs):
        self.runs = runs

    def of(self, row, peer):
        return self.runs.get(row, {}).get(peer, [])

    def ratio(self, ours, theirs, key):
        """ours, theirs: (row, peer)."""
        return paired(self.of(*ours), self.of(*theirs), key)


def at_most(values, limit, digits=2):
    """What was measured, in words, and whether it is within the limit."""
    if not values:
        return None
    return spread(values, digits), statistics.median(values) <= limit


def under(runs, row, peer, their_peer, key="cpu"):
    """Below another peer, as a ratio."""
    values = runs.ratio((row, peer), (row, their_peer), key)
    if not values:
        return None
    return spread(values, 2), statistics.median(values) < 1


def counted(runs, row, peer, key, limit, digits):
    return at_most([r[key] for r in runs.of(row, peer)], limit, digits)


def idle_bytes(runs, peer, number):
    found = runs.of("memory", peer)
    steps = sorted(found[0]) if found else []
    if len(steps) <= number:
        return None
    return at_most([r[steps[number]] for r in found], 400, 0)


def added(runs, peer):
    """The latency that the best run adds, against both others."""
    names = ("direct", peer, "haproxy", "pgbouncer")
    best = [min((r["latency"] for r in runs.of("one", name)), default=None)
            for name in names]
    if None in best:
        return None
    direct, ours, *theirs = best
    words = [show(x - direct, 1) for x in (ours, *theirs)]
    return f"{words[0]} us; HAProxy {words[1]}, pgbouncer {words[2]}", \
        ours < min(theirs)


def bulk_aims(runs, peer, threads):
    for key, words in (("cpu", ""), ("default", ", default class")):
        for row, size, limit in (("rows-large", "1000 bytes", 0.73),
                                 ("rows-small", "one integer", 1)):
            yield (f"rows of {size}, {threads}{words}: CPU a GB at most "
                   f"{limit} of HAProxy's", at_most(runs.ratio(
                       (row, peer), (row, "haproxy"), key), limit))


def beyond_postgres(runs, peer):
    """Bytes of an idle client of MySQL beyond those of a Postgres one."""
    ours, theirs = runs.of("my-memory", peer), runs.of("memory", peer)
    return at_most([a[max(a)] - b[max(b)] for a, b in zip(ours, theirs)],
                   100, 0)


def mysql_aims(runs):
    for row, words in (("my-select", "SELECT 1 by its text"),
                       ("my-execute", "SELECT 1, prepared"),
                       ("my-point", "oltp_point_select, texts"),
                       ("my-point-prepared", "oltp_point_select, prepared"),
                       ("my-write", "oltp_read_write, texts"),
                       ("my-write-prepared", "oltp_read_write, prepared")):
        yield (f"MySQL: {words}, 1 thread: CPU at most 1.15 of HAProxy's",
               at_most(runs.ratio((row, ONE), (row, "haproxy"), "cpu"), 1.15))
    for peer in (ONE, TWO):
        threads = peer.removeprefix("carpool, ")
        yield (f"MySQL: an idle client, {threads}: at most 100 bytes more than "
               "a Postgres one", beyond_postgres(runs, peer))
        yield (f"MySQL: beside 5,000 idle clients, {threads}: CPU at most "
               f"{NEAR} of that alone",
               counted(runs, "my-idle-cost", peer, "ratio", NEAR, 2))


def list_of(runs):
    """(the aim, what was measured and whether it is met, or None)."""
    simple = ("simple", ONE)
    yield ("SELECT 1, 32 clients, 1 thread: CPU at most 1.12 of the relay's",
           at_most(runs.ratio(simple, ("simple", "bare relay"), "cpu"), 1.12))
    yield ("SELECT 1, 32 clients, 1 thread: at most 4.3 system calls a "
           "transaction",
           counted(runs, "calls-simple", ONE, "calls", 4.3, 2))
    yield ("SELECT 1, 32 clients, 1 thread: at most 2,400 user instructions a "
           "transaction",
           counted(runs, "instructions-simple", ONE, "instructions", 2400, 0))
    yield ("extended protocol: CPU at most 1.15 of simple",
           at_most(runs.ratio(("extended", ONE), simple, "cpu"), 1.15))
    for peer in (ONE, TWO):
        threads = peer.removeprefix("carpool, ")
        yield (f"prepared statements, {threads}: CPU at most 1.1 of simple",
               at_most(runs.ratio(("prepared", peer), ("tables", peer),
                                  "cpu"), 1.1))
    yield ("prepared statements, 1 thread: system calls at most 1.02 of "
           "simple", at_most(runs.ratio(("calls-prepared", ONE),
                                        ("calls-tables", ONE), "calls"), 1.02))
    yield ("a client of 20 prepared statements, 1 thread: at most 2,000 bytes "
           "more", counted(runs, "memory-statements", ONE, "bytes", 2000, 0))
    yield ("two threads: CPU at most 1.15 of one thread's",
           at_most(runs.ratio(("simple", TWO), simple, "cpu"), 1.15))
    yield ("two threads: within 10 % of each other",
           counted(runs, "balance", TWO, "uneven", 1.10, 2))
    for peer in (ONE, TWO):
        threads = peer.removeprefix("carpool, ")
        yield from bulk_aims(runs, peer, threads)
        for number, clients in enumerate(("1,000", "10,000")):
            yield (f"an idle client of {clients}, {threads}: at most 400 "
                   "bytes resident", idle_bytes(runs, peer, number))
        yield (f"beside 5,000 idle clients, {threads}: CPU at most {NEAR} of "
               "that alone",
               counted(runs, "idle-cost", peer, "ratio", NEAR, 2))
        for row, words in (("login-trust", "trust"),
                           ("login-verifier", "SCRAM, verifier"),
                           ("login-secret", "SCRAM, clear-text secret")):
            yield (f"a login, {words}, {threads}: CPU below pgbouncer's",
                   under(runs, row, peer, "pgbouncer"))
        yield (f"10,000 clients on 20 servers, {threads}: slowest wait at "
               "most twice the median",
               counted(runs, "crowd", peer, "ratio", 2, 2))
        yield (f"one client, best run, {threads}: adds less than HAProxy and "
               "pgbouncer", added(runs, peer))
    yield from mysql_aims(runs)


def table_of(runs):
    """The table of the aims that were measured; whether one is missed."""
    rows, is_missed = [], False
    for aim, result in list_of(Runs(runs)):
        if result:
            measured, is_met = result
            is_missed = is_missed or not is_met
            rows.append([aim, measured, "met" if is_met else "missed"])
    if not rows:
        return "", False
    return "**Aims** (ratios: of the same round, median (min..max))\n\n" + \
        table(["aim", "measured", ""], rows), is_missed
