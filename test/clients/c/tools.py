"""psql and pgbench run scenarios: see ../matrix.py."""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

BIN = os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin")
CLIENTS = 4

# :me is another number in each of the clients that run at once.
PSQL = {
    "storm": "SELECT :me;\n",
    "rollback": """
DROP TABLE IF EXISTS psql_rollback_:me;
CREATE TABLE psql_rollback_:me (a int);
BEGIN;
INSERT INTO psql_rollback_:me VALUES (1);
SELECT 1/0;
SELECT 2;
ROLLBACK;
SELECT count(*) FROM psql_rollback_:me;
\\set ON_ERROR_ROLLBACK on
BEGIN;
INSERT INTO psql_rollback_:me VALUES (1);
SELECT 1/0;
COMMIT;
SELECT count(*) FROM psql_rollback_:me;
DROP TABLE psql_rollback_:me;
""",
    "cursor": """
\\set FETCH_COUNT 7
SELECT g + :me FROM generate_series(1, 20) g;
BEGIN;
DECLARE c CURSOR FOR SELECT generate_series(1, 9);
FETCH 3 FROM c;
MOVE 2 FROM c;
FETCH NEXT FROM c;
COMMIT;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT generate_series(1, 4) + :me;
COMMIT;
FETCH 2 FROM held;
FETCH 2 FROM held;
CLOSE held;
""",
    "copy": """
DROP TABLE IF EXISTS psql_copy_:me;
CREATE TABLE psql_copy_:me (a int);
COPY psql_copy_:me FROM STDIN;
1
2
\\.
COPY psql_copy_:me FROM STDIN;
bad
\\.
COPY psql_copy_:me TO STDOUT;
DROP TABLE psql_copy_:me;
""",
    "settings": """
SET search_path = public, pg_catalog;
\\set limit :me 's'
SET statement_timeout = :'limit';
SET TIME ZONE 'Asia/Tokyo';
SHOW search_path;
SHOW statement_timeout;
SHOW TIME ZONE;
BEGIN;
SET LOCAL statement_timeout = 0;
SHOW statement_timeout;
SET datestyle = 'German';
ROLLBACK;
SHOW statement_timeout;
SHOW datestyle;
SET ROLE pg_monitor;
RESET ALL;
SHOW search_path;
SHOW statement_timeout;
SHOW TIME ZONE;
""",
    "startup": """
SHOW statement_timeout;
SHOW search_path;
SELECT :me;
SHOW statement_timeout;
SET statement_timeout = 0;
SHOW statement_timeout;
RESET statement_timeout;
SHOW statement_timeout;
""",
    "temp": """
CREATE TEMPORARY TABLE psql_temp AS SELECT :me AS a;
SELECT a FROM psql_temp;
INSERT INTO psql_temp VALUES (5);
SELECT a FROM psql_temp;
SELECT pg_advisory_lock(8000 + :me);
SELECT pg_advisory_unlock(8000 + :me);
SELECT pg_advisory_unlock(8000 + :me);
DISCARD TEMP;
SELECT a FROM psql_temp;
""",
    "prepare": """
PREPARE one AS SELECT :me;
PREPARE one AS SELECT 2;
EXECUTE one;
PREPARE two (int, text) AS SELECT $1 + :me, $2;
EXECUTE two (1, 'x');
SELECT name FROM pg_prepared_statements ORDER BY name;
DEALLOCATE one;
EXECUTE one;
EXECUTE two (2, 'y');
DEALLOCATE PREPARE two;
EXECUTE two (3, 'z');
""",
    "discard": """
PREPARE one AS SELECT :me;
DEALLOCATE ALL;
EXECUTE one;
PREPARE one AS SELECT 7;
EXECUTE one;
SET statement_timeout = 5000;
DISCARD ALL;
SHOW statement_timeout;
EXECUTE one;
""",
    "listen": """
LISTEN psql_:me;
NOTIFY psql_:me, 'first';
BEGIN;
NOTIFY psql_:me, 'never';
ROLLBACK;
NOTIFY psql_:me, 'second';
UNLISTEN psql_:me;
NOTIFY psql_:me, 'third';
SELECT 1;
""",
}

PIPELINE = """\
\\set n random(1, 1000)
\\startpipeline
SELECT :n + 1;
SELECT :n + 2;
UPDATE pgbench_branches SET bbalance = bbalance + 1 WHERE bid = 1;
SELECT 1 FROM pgbench_branches WHERE bid = :n;
\\endpipeline
BEGIN;
SELECT aid FROM pgbench_accounts WHERE aid = :n FOR UPDATE;
SELECT :n + 1;
COMMIT;
"""


def run(*argv, stdin="", **env):
    done = subprocess.run(
        [f"{BIN}/{argv[0]}", *argv[1:]], text=True, input=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
        env={**os.environ, **env})
    return done.stdout


def psql(scenario, me):
    env = {}
    if scenario == "startup":
        env["PGOPTIONS"] = f"-c statement_timeout={me}s -c search_path=p{me}"
    text = run("psql", "-X", "-q", "-At", "-v", f"me={me}",
               "-v", "VERBOSITY=sqlstate", stdin=PSQL[scenario], **env)
    # The pid of the notifier is another in each run.
    return re.sub(r"with PID \d+", "with PID n", text).split("\n")


def all_psql(scenario):
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(lambda me: psql(scenario, me),
                             range(1, CLIENTS + 1)))


def bench():
    out = run("pgbench", "-i", "-q", "-s", "1")
    assert "done" in out, out
    seen = []
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(PIPELINE)
        script.flush()
        for args in (["-S"], ["-N"], ["-b", "tpcb-like"],
                     ["-f", script.name], ["-S", "-C"]):
            # A thread for each client: pgbench waits for the answer to a
            # Parse, and so for a server that another client of the same
            # thread may hold, in a transaction that cannot go on meanwhile.
            out = run("pgbench", "-n", "-M", "prepared", "-c", "8", "-j", "8",
                      "-t", "20" if "-C" in args else "40", *args)
            seen += re.findall(r"actually processed: (\S+)", out) or [out]
            seen += re.findall(r"failed transactions: (\d+)", out)
    return seen


def version(driver):
    return run(driver, "--version").strip()


def answer(driver, scenario):
    try:
        seen = (version(driver) if scenario == "version" else
                bench() if scenario == "bench" else all_psql(scenario))
    except Exception as e:
        print("failed", scenario, " ".join(f"{type(e).__name__}: {e}".split()),
              flush=True)
        return False
    print("ok", scenario, json.dumps(seen), flush=True)
    return True


if __name__ == "__main__":
    asked = sys.argv[2:] or (line.strip() for line in sys.stdin)
    sys.exit(0 if all([answer(sys.argv[1], s) for s in asked if s]) else 1)
