"""What an operator does, and what happens to him: pauses, signals, crashes,
wrong names, rights; and a long mixed run of all of it."""

import os
import random
import re
import signal
import stat
import subprocess
import threading
import time

import pytest

from tools import oracles, pgwire as w
from tools.account import account, as_account, give, scratch
from tools.carpool import binary, run, sanitized
from tools.crowd import crowd
from tools.login import console
from tools.raw import Closed, PgError, RawClient
from tools.soak import MINUTES
from tools.wait import free_port, wait_until

# --- PAUSE and RESUME -------------------------------------------------------

def test_pauses_and_resumes_at_once(make_carpool):
    """Several administrators at the same time, under load: each PAUSE returns
    exactly once, no state sticks and no client is lost."""
    cp = make_carpool(default_pool_size=4, max_client_conn=100)
    stop = threading.Event()
    problems = []

    def administrate(seed):
        rng = random.Random(seed)
        c = console(cp)
        while not stop.is_set():
            try:
                r = c.query(rng.choice(
                    ["PAUSE", "RESUME", "PAUSE test", "RESUME test"]),
                    timeout=10, check=False)
                codes = {e.sqlstate for e in r.errors}
                if codes - {"55000", "57014"}:
                    problems.append(r.errors)
            except (OSError, AssertionError) as e:
                problems.append(e)
                return

    def let_go():
        c = console(cp)
        while not stop.is_set():
            c.query("RESUME", check=False)
            c.query("RESUME test", check=False)
            time.sleep(0.01)  # so that pauses last

    async def work(client, i):
        return [await client.value(f"SELECT {i}") for _ in range(30)]

    threads = [threading.Thread(target=administrate, args=(i,))
               for i in range(3)] + [threading.Thread(target=let_go)]
    for t in threads:
        t.start()
    try:
        out = crowd(20, work, timeout=50, **cp.open_args())
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert out == [[str(i)] * 30 for i in range(20)]
    assert not problems, problems
    for command in ("RESUME", "RESUME test"):
        try:
            cp.console(command)
        except PgError as e:
            assert e.sqlstate == "55000"
    assert cp.connect().value("SELECT 1") == "1"


def test_login_while_everything_is_paused(make_carpool):
    """A login in flight, and one that begins during PAUSE, wait and go on."""
    cp = make_carpool()
    cp.connect().query("SELECT 1")
    cp.console("PAUSE")
    late = RawClient(cp.host, cp.port)
    late.send(w.startup({"user": "app", "database": "test"}))
    fresh = RawClient(cp.host, cp.port)
    fresh.send(w.startup({"user": "u_plain", "database": "test"}))
    late.finish_login("app")
    late.send(w.query("SELECT 'late'"))
    late.expect_silence()
    cp.console("RESUME")
    assert late.read_until("Z").rows == [["late"]]
    fresh.finish_login("u_plain")
    assert fresh.value("SELECT 1") == "1"
    late.close()
    fresh.close()


def test_administrator_leaves_while_a_command_waits(make_carpool):
    """What was ordered stands; the connection goes."""
    cp = make_carpool()
    a = cp.connect()
    a.query("BEGIN")
    cp.console("RECONNECT")
    for command in ("PAUSE", "WAIT_CLOSE"):
        one = console(cp)
        one.send(w.query(command))
        one.expect_silence(0.05)
        one.reset()
    wait_until(lambda: len([r for r in cp.admin("SHOW CLIENTS")
                            if r["database"] == "pgbouncer"]) == 1)
    a.query("COMMIT")
    assert cp.console("SHOW STATE").rows[1] == ["paused", "yes"]
    cp.console("RESUME")
    assert a.value("SELECT 1") == "1"


def test_right_is_that_of_the_configuration_in_force(make_carpool):
    """A reload that takes admin_users away holds for the next command."""
    cp = make_carpool(admin_users="admin, app")
    c = cp.connect("app", "pgbouncer")
    c.query("SHOW VERSION")
    c.query("RECONNECT")
    cp.settings["admin_users"] = "admin"
    cp.settings["stats_users"] = "stats, app"
    cp.reload()
    c.query("SHOW VERSION")
    with pytest.raises(PgError) as e:
        c.query("RECONNECT")
    assert e.value.sqlstate == "42501"
    cp.settings["stats_users"] = "stats"
    cp.reload()
    with pytest.raises(PgError) as e:
        c.query("SHOW VERSION")
    assert e.value.sqlstate == "42501"


# --- ends -------------------------------------------------------------------

def test_sigterm_while_paused(make_carpool, pg):
    """Nobody will resume any more: who waits is told, and it ends."""
    cp = make_carpool(shutdown_timeout=2)
    c = cp.connect()
    c.query("SELECT 1")
    cp.console("PAUSE")
    c.send(w.query("SELECT 2"))
    cp.wait_pool(cl_waiting=1)
    cp.ends_itself()
    cp.signal(signal.SIGTERM)
    try:
        assert c.read(15).type == "E"
    except Closed:
        pass
    assert cp.proc.wait(15) == 0


def test_killed_hard_under_load_and_started_again(make_carpool, pg):
    """kill -9: clients learn it at once, the server ends the sessions, and
    what it left (pid file, sockets) is in nobody's way."""
    cp = make_carpool(pidfile=os.path.join(scratch("pid"), "pid"),
                      default_pool_size=3)
    give(os.path.dirname(cp.settings["pidfile"]))
    clients = [cp.connect() for _ in range(6)]
    clients[0].query("BEGIN")
    clients[0].query("SELECT txid_current()")
    for c in clients[1:3]:
        c.send(w.query("SELECT pg_sleep(0.3)"))
    cp.proc.kill()
    cp.proc.wait()
    for c in clients:
        with pytest.raises((Closed, OSError)):
            while True:
                c.read(5)
    cp.close_clients()
    wait_until(lambda: pg.connections("test") == 0, 10)
    assert os.path.exists(cp.settings["pidfile"])
    cp.launch()
    wait_until(cp._ready, 15)
    assert cp.connect().value("SELECT 1") == "1"
    with RawClient.open(cp.dir, cp.port) as c:
        assert c.value("SELECT 2") == "2"


# --- names and rights -------------------------------------------------------

HOSTILE = "x\n2026-01-01 00:00:00.000 UTC [1] ERROR forged user=root\x1b[31m\"'"


def test_names_cannot_forge_log_lines(make_carpool):
    cp = make_carpool(verbose=1, ignore_startup_parameters="evil")
    hostile = HOSTILE[:60]
    for user, database in ((hostile, "test"), ("app", hostile),
                           ("app", "pgbouncer")):
        with RawClient(cp.host, cp.port) as c:
            with pytest.raises((PgError, Closed)):
                c.login(user, database, evil=HOSTILE)
    c = cp.connect(application_name=HOSTILE)
    assert c.value("SELECT 1") == "1"
    rows = [r for r in cp.admin("SHOW CLIENTS") if r["database"] == "test"]
    assert len(rows) == 1
    for line in cp.log.splitlines():
        assert not line.startswith("2026-01-01"), line
        assert re.match(r"\d{4}-\d\d-\d\d [\d:.]+ \S+ \[\d+\] [A-Z]+ \w+",
                        line), line
        assert "\x1b" not in line


def test_socket_folder_too_long(make_carpool):
    folder = os.path.join(scratch("long"), "x" * 120)
    os.mkdir(folder)
    give(folder)
    cp = make_carpool(start=False, unix_socket_dir=folder)
    cp.write()
    done = run(cp.ini)
    assert done.returncode == 1
    assert "too long" in done.stderr + done.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="needs two accounts")
def test_console_of_the_daemons_own_account(make_carpool):
    """As pgbouncer over the unix socket: for who has the daemon's own uid,
    without a password; for nobody else, not even root."""
    cp = make_carpool(auth_type="scram-sha-256")
    with pytest.raises(PgError):
        RawClient.open(cp.dir, cp.port, user="pgbouncer",
                       database="pgbouncer", password="no")
    done = subprocess.run(
        as_account(["psql", "-h", cp.dir, "-p", str(cp.port), "-U",
                    "pgbouncer", "-w", "-Atc", "SHOW VERSION", "pgbouncer"]),
        text=True, capture_output=True, cwd="/")
    assert "carpool" in done.stdout.lower(), done


def test_include_loop_is_refused(make_carpool):
    cp = make_carpool(start=False)
    cp.tail = f"%include {cp.ini}\n"
    cp.write()
    done = run("--check", cp.ini)
    assert done.returncode == 1
    assert re.search(rf"{cp.ini}:\d+", done.stderr), done


# --- the process ------------------------------------------------------------

def readelf(*flags):
    return subprocess.run(["readelf", "-W", *flags, binary()], text=True,
                          capture_output=True, check=True).stdout


def test_binary_is_hardened():
    assert re.search(r"Type:\s+DYN", readelf("-h"))
    assert re.search(r"FLAGS_1.*PIE", readelf("-d"))
    assert re.search(r"BIND_NOW|FLAGS.*NOW", readelf("-d"))
    segments = readelf("-l")
    assert "GNU_RELRO" in segments
    stack = re.search(r"GNU_STACK.*?(R\w*)\s+0x", segments)[1]
    assert "E" not in stack
    symbols = readelf("-s")
    assert "__stack_chk_fail" in symbols
    if not sanitized():
        assert re.search(r"__\w+_chk@", symbols)


def status(pid, name):
    with open(f"/proc/{pid}/status") as f:
        return re.search(rf"^{name}:\s+(.*)$", f.read(), re.M)[1]


def may_be_looked_into(pid):
    """By another process of the same user."""
    return subprocess.run(as_account(["cat", f"/proc/{pid}/environ"]),
                          capture_output=True).returncode == 0


def test_no_new_privileges_and_no_dumps(make_carpool):
    cp = make_carpool()
    assert status(cp.pid, "NoNewPrivs") == "1"
    if not sanitized():
        assert not may_be_looked_into(cp.pid)
        assert may_be_looked_into(make_carpool(core_dumps=1).pid)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be refused")
def test_root_is_refused_or_given_up(make_carpool):
    cp = make_carpool(start=False, listen_port=free_port())
    cp.write()
    os.chown(cp.ini, 0, 0)
    done = subprocess.run([binary(), cp.ini], text=True, capture_output=True,
                          timeout=20)
    assert done.returncode == 1 and "must not run as root" in done.stderr
    name = account().pw_name
    proc = subprocess.Popen([binary(), "-u", name, cp.ini],
                            stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: status(proc.pid, "Uid").split()
                   == [str(account().pw_uid)] * 4, 10)
        assert status(proc.pid, "Gid").split() == [
            str(account().pw_gid)] * 4
    finally:
        proc.terminate()
        proc.wait(20)
    assert stat.S_ISREG(os.stat(cp.ini).st_mode)


# --- a long mixed run -------------------------------------------------------

@pytest.mark.soak
@pytest.mark.seconds(60 + int(90 * MINUTES))
def test_everything_at_once_for_long(make_carpool, pg, fault):
    """Mixed load with tagged answers through a network that is cut now and
    then, databases and users that come and go, RELOAD, RECONNECT: no answer
    is another's, memory and descriptors stay level."""
    seconds = 60 * MINUTES or 6
    every = 20 if MINUTES else 1.5
    link = fault.listen(pg.port)
    near = {"host": "127.0.0.1", "port": link.port, "dbname": "test"}
    cp = make_carpool({"test": near}, default_pool_size=5,
                      max_client_conn=200, server_login_retry=0.2,
                      log_connections=0, log_disconnections=0)
    end = time.monotonic() + seconds
    wrong, done, sizes = [], [0], []

    def load(seed):
        rng = random.Random(seed)
        number = 0
        while time.monotonic() < end:
            try:
                with RawClient.open(cp.host, cp.port, user="app",
                                    timeout=10) as c:
                    for _ in range(rng.randrange(1, 60)):
                        number += 1
                        tag = f"{seed}-{number}"
                        kind = rng.randrange(4)
                        if kind == 0:
                            got = c.extended("SELECT $1::text",
                                             [tag]).rows[0][0]
                        elif kind == 1:
                            c.query("BEGIN")
                            got = c.value(f"SELECT '{tag}'")
                            c.query(rng.choice(["COMMIT", "ROLLBACK"]))
                        elif kind == 2:
                            rows = c.query(
                                f"SELECT '{tag}', repeat('x', 20000) FROM"
                                " generate_series(1, 20)").rows
                            got = {r[0] for r in rows}.pop()
                        else:
                            got = c.value(f"SELECT '{tag}'")
                        if got != tag:
                            wrong.append((tag, got))
                        done[0] += 1
            except (PgError, OSError, AssertionError):
                continue

    threads = [threading.Thread(target=load, args=(i,)) for i in range(6)]
    for t in threads:
        t.start()
    rng, turn = random.Random(7), 0
    while time.monotonic() < end:
        turn += 1
        name = f"extra{turn % 5}"
        if turn % 2:
            cp.databases[name] = near
            cp.userlist[name] = "extra"
        else:
            cp.databases.pop(name, None)
            cp.userlist.pop(name, None)
        cp.settings["default_pool_size"] = rng.randrange(2, 7)
        cp.reload()
        if turn % 3 == 0:
            cp.console("RECONNECT")
        if name in cp.databases:
            try:
                with RawClient.open(cp.host, cp.port, user="app",
                                    database=name) as c:
                    c.query("SELECT 1")
            except (PgError, OSError):
                pass
        link.reset_all()
        sizes.append((oracles.rss_bytes(cp.pid),
                      len(oracles.descriptors(cp.pid) or ())))
        time.sleep(every)  # the load runs meanwhile
    for t in threads:
        t.join()
    assert not wrong, wrong[:5]
    assert done[0] > 50
    if not sanitized() and len(sizes) >= 12:
        third = len(sizes) // 3
        early = max(s[0] for s in sizes[third:2 * third])
        late = max(s[0] for s in sizes[2 * third:])
        assert late - early < 4 << 20, sizes
        assert max(s[1] for s in sizes[third:]) < 80, sizes
    wait_until(lambda: cp.connect().value("SELECT 1") == "1", 15)
