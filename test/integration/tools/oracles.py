"""What must hold after every test, whatever the test itself looked at.

Each function looks at one thing and raises Violation.  They take plain values
(a process id, rows, a path), so test_tools.py can show each of them a
violation and see it found.
"""

import glob
import os
import time

from tools.account import SENTINEL
from tools.wait import WaitError, wait_until

# Gauges of SHOW POOLS that are zero once nobody uses a pool.  sv_idle and
# sv_used count servers at rest.
GAUGES = ("cl_active", "cl_waiting", "cl_active_cancel_req",
          "cl_waiting_cancel_req", "sv_active", "sv_active_cancel",
          "sv_being_canceled", "sv_tested", "sv_login")

CONSOLES = ("pgbouncer", "carpool")


class Violation(AssertionError):
    """An oracle found something."""


def _settle(cond, timeout, what):
    try:
        wait_until(cond, timeout, what)
    except WaitError as e:
        raise Violation(str(e)) from None


def alive(proc):
    """The daemon runs."""
    if proc.poll() is not None:
        raise Violation(f"the daemon ended with status {proc.returncode}")


def no_reports(pattern):
    """No sanitizer wrote a report to a file of this pattern."""
    for path in glob.glob(pattern):
        with open(path, errors="replace") as f:
            text = f.read()
        if text.strip():
            raise Violation(f"sanitizer report {path}:\n{text[:6000]}")


def cpu_seconds(pid):
    """CPU time of the process' live threads, in seconds by thread."""
    out = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/schedstat") as f:
                out[tid] = int(f.read().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            continue
    return out


def cpu_total(pid):
    return sum(cpu_seconds(pid).values())


def cpu_share(pid, window=0.1):
    """The share of one CPU that the process takes over a window."""
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(window)
    after, end = cpu_seconds(pid), time.monotonic()
    used = sum(after[t] - before.get(t, 0.0) for t in after)
    return used / (end - start)


def cpu_idle(pid, limit=0.05, timeout=5.0):
    """CPU use comes down to below limit."""
    seen = []

    def quiet():
        seen.append(round(cpu_share(pid), 3))
        return seen[-1] < limit

    try:
        wait_until(quiet, timeout, "CPU back to idle")
    except WaitError:
        raise Violation(f"CPU not idle; shares seen: {seen[-8:]}") from None


def descriptors(pid):
    """{descriptor: what it is}; None where we may not look."""
    out = {}
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except PermissionError:
        return None
    for name in names:
        try:
            out[name] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue
    return out


def descriptors_back(pid, base, allowed, timeout=5.0):
    """No more descriptors than base plus allowed() (servers in the pools)."""
    def back():
        now = descriptors(pid)
        return now is None or len(now) <= base + allowed()

    try:
        wait_until(back, timeout, "descriptors back to base")
    except WaitError:
        now = descriptors(pid)
        raise Violation(
            f"{len(now)} descriptors, {base} at the start and {allowed()}"
            f" servers; they are: {sorted(now.values())}") from None


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory_back(pid, base, tolerance, timeout=3.0):
    """Resident memory within tolerance of base."""
    _settle(lambda: rss_bytes(pid) <= base + tolerance, timeout,
            f"resident memory below {(base + tolerance) >> 20} MiB"
            f" (now {rss_bytes(pid) >> 20})")


def gauges_zero(pools, timeout=5.0):
    """pools() = rows of SHOW POOLS as dicts; all gauges come to zero."""
    def bad():
        return [(r["database"], r["user"], g, r[g])
                for r in pools() if r["database"] not in CONSOLES
                for g in GAUGES if int(r.get(g) or 0) != 0]

    try:
        wait_until(lambda: not bad(), timeout, "SHOW POOLS gauges at zero")
    except WaitError:
        raise Violation(f"gauges of SHOW POOLS not zero: {bad()}") from None


def totals_equal(stats, expected, timeout=3.0):
    """stats() = rows of SHOW STATS_TOTALS as dicts;
    expected = {database: {column: number}}."""
    def differences():
        rows = {r["database"]: r for r in stats()}
        return [(db, col, n, rows.get(db, {}).get(col))
                for db, cols in expected.items() for col, n in cols.items()
                if int(rows.get(db, {}).get(col) or 0) != n]

    try:
        wait_until(lambda: not differences(), timeout, "totals")
    except WaitError:
        raise Violation("totals differ (database, column, expected, shown):"
                        f" {differences()}") from None


def servers_at_rest(busy, timeout=5.0):
    """busy() = client backends that are active or in a transaction."""
    _settle(lambda: not busy(), timeout,
            f"servers at rest in pg_stat_activity: {busy()}")


def no_secrets(paths, extra=(), sentinel=SENTINEL):
    """No file (nor text of extra) has a test password in it."""
    texts = []
    for path in paths:
        if os.path.exists(path):
            with open(path, errors="replace") as f:
                texts.append((path, f.read()))
    texts += [("text", t) for t in extra]
    for name, text in texts:
        at = text.find(sentinel)
        if at >= 0:
            line = text[:at].rsplit("\n", 1)[-1] + text[at:].split("\n")[0]
            raise Violation(f"a secret in {name}: {line}")


def command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        return f.read().replace(b"\0", b" ").decode(errors="replace")


def collect(*checks):
    """Run all checks and raise one Violation with what all of them found."""
    found = []
    for check in checks:
        try:
            check()
        except Violation as e:
            found.append(str(e))
    if found:
        raise Violation("\n".join(found))
