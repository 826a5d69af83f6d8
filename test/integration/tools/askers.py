"""Runs test/load/askers: many clients that know their own answers."""

import glob
import json
import os
import signal
import subprocess
import threading
import time

from tools.account import scratch
from tools.wait import wait_until

_TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
_SOURCES = sorted(glob.glob(f"{_TOP}/test/load/*.[ch]"))

SETUP = """
CREATE TABLE iso_rows (tag text, n int);
CREATE FUNCTION iso_tell(text) RETURNS text LANGUAGE plpgsql AS
    'BEGIN RAISE NOTICE ''told %'', $1; RETURN $1; END';
GRANT ALL ON iso_rows TO PUBLIC;
"""

_binary = None


def binary():
    """The build's product, or one compiled for this run."""
    global _binary
    if _binary is None:
        build = os.path.dirname(os.environ.get("CARPOOL", "")) or \
            f"{_TOP}/build/release"
        path = f"{build}/load/askers"
        newest = max(os.path.getmtime(p) for p in _SOURCES)
        if not os.path.exists(path) or os.path.getmtime(path) < newest:
            path = os.path.join(scratch("load"), "askers")
            subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o",
                            path, *[p for p in _SOURCES
                                    if p.endswith(".c")]], check=True)
        _binary = path
    return _binary


class Stalls(threading.Thread):
    """Now and then stops a server process for a while."""

    def __init__(self, pg, database, pause=0.5, longest=0.3):
        super().__init__(daemon=True)
        self.pg, self.database = pg, database
        self.pause, self.longest = pause, longest
        self.count = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(self.pause):
            pids = self.pg.pids(self.database)
            if not pids:
                continue
            pid = pids[self.count % len(pids)]
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                continue
            try:
                self.ended.wait(self.longest * (1 + self.count % 3) / 3)
            finally:
                self._go_on(pid)
            self.count += 1

    @staticmethod
    def _go_on(pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.join()


class Wrong(AssertionError):
    """An answer was foreign, out of order or missing."""


class Askers:
    """Askers(pg, "name") makes a database of that name; run(port, ...) lets
    them ask, judges what they left in it, and returns their counts."""

    def __init__(self, pg, database):
        self.pg, self.database = pg, database
        pg.query(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        pg.create_database(database)
        pg.query(SETUP, db=database)
        self.ledger = os.path.join(scratch("askers"), "ledger")

    def run(self, port, seconds, stall=True, **options):
        """options: those of the program, _ for -."""
        args = [binary(), "--port", str(port), "--database", self.database,
                "--ledger", self.ledger]
        for name, value in options.items():
            args.append("--" + name.replace("_", "-"))
            if value is not True:
                args.append(str(value))
        began = time.monotonic()
        if stall:
            with Stalls(self.pg, self.database) as stalls:
                done = self._run(args, seconds)
        else:
            done = self._run(args, seconds)
        if done.returncode != 0:
            raise Wrong(f"askers: status {done.returncode}\n{done.stderr}")
        counts = json.loads(done.stdout)
        counts["stalls"] = stalls.count if stall else 0
        counts["seconds"] = round(time.monotonic() - began, 1)
        counts["rows"] = self.judge()
        print(json.dumps(counts))
        return counts

    @staticmethod
    def _run(args, seconds):
        try:
            return subprocess.run(args, capture_output=True, text=True,
                                  timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Wrong(f"not done within {seconds} s") from None

    def _rows(self):
        return dict(self.pg.query(
            "SELECT tag, count(*) FROM iso_rows GROUP BY tag",
            db=self.database))

    def judge(self):
        """Each sure row is there and no other one; of those whose client
        did not see the end, all or none."""
        wait_until(lambda: not [r for r in self.pg.activity(self.database)
                                if r[3] != "idle"], 20,
                   "what was left behind to end")
        rows = self._rows()
        wrong = []
        with open(self.ledger) as f:
            for line in f:
                tag, count, how = line.split()
                found = rows.pop(tag, 0)
                if found != int(count) and (how == "sure" or found != 0):
                    wrong.append(f"{tag}: {found} rows, {count} {how}")
        wrong += [f"{tag}: {n} rows of nobody" for tag, n in rows.items()]
        if wrong:
            raise Wrong(f"{len(wrong)} wrong: {wrong[:10]}")
        return self.pg.value("SELECT count(*) FROM iso_rows",
                             db=self.database)
