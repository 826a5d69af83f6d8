"""Allocations that fail: each costs one connection at most, never the daemon,
and leaks nothing (RES-05)."""

import os
import random
import threading
import time

import pytest

from tools import mywire as mw
from tools import pgwire as w
from tools.preload import FailMalloc
from tools.raw import PgError, RawClient
from tools.rawmysql import MyError, RawMysql
from tools.soak import MINUTES as SOAK
from tools.wait import wait_until

SECONDS = 60 * SOAK or 1.5

# A command, and what undoes it.
COMMANDS = [
    *((f"SHOW {what}", None) for what in (
        "POOLS", "CLIENTS", "SERVERS", "STATS", "DATABASES", "CONFIG",
        "LISTS", "MEM", "TOTALS", "USERS", "SOCKETS", "HELP", "DNS_HOSTS",
        "PINS", "PIN_COUNTS", "PREPARED_STATEMENTS", "STATES")),
    ("RELOAD", None), ("SET verbose = 0", None), ("RECONNECT", None),
    ("KILL_CLIENT 1", None), ("PAUSE", "RESUME"),
    ("DISABLE test", "ENABLE test"), ("KILL other", "RESUME other")]

ERRORS = (PgError, MyError, OSError, AssertionError)


def shape(messages):
    """The types in their order, rows as one; and how many rows."""
    types = "".join(m.type for m in messages)
    return types.replace("D", ""), types.count("D")


def test_a_console_answer_is_whole_or_none(make_carpool, pg):
    """An answer that cannot be written ends the connection: its end alone
    would pass for success, a part of a table for the whole."""
    faults = FailMalloc()
    cp = make_carpool({"test": pg}, env=faults.env, log_connections=0)
    commands = ["DISABLE test", "ENABLE test", "SHOW CONFIG", "SHOW HELP",
                "PAUSE nobody"]
    cp.descriptor_slack = 2

    def answer(command):
        cp.console("SHOW VERSION")  # logs in where it must
        return cp._console.query(command, check=False)

    whole = {c: shape(answer(c).messages) for c in commands}
    faults.fail(50000)
    done = 0
    for _ in range(300):
        for command in commands:
            try:
                got = answer(command)
            except ERRORS:
                cp._console = None
                continue
            if got.errors and got.errors[0].sqlstate == "53200":
                continue
            assert shape(got.messages) == whole[command], command
            done += 1
    faults.fail(0)
    assert done > 20 and faults.failed > 20


def work(cp, rng, seconds):
    """One client's life over and over, until time is up."""
    end = time.monotonic() + seconds
    done = 0
    while time.monotonic() < end:
        try:
            c = RawClient.open(
                cp.host, cp.port, user="app", timeout=2,
                password=cp.userlist["app"],
                database=rng.choice(["test", "test", "other"]),
                application_name=f"a{rng.randrange(9)}")
        except ERRORS:
            continue
        try:
            for _ in range(rng.randrange(1, 6)):
                kind = rng.randrange(5)
                if kind == 0:
                    c.query("BEGIN")
                    c.query("SELECT repeat('x', 100000)")
                    c.query("COMMIT")
                elif kind == 1:
                    c.extended("SELECT $1::text", ["y" * 5000])
                elif kind == 2:
                    c.send(*[w.query("SELECT 1")] * 40)
                    c.read_until("Z", count=40)
                elif kind == 3:
                    c.query("SET DateStyle = 'German'")
                    c.cancel()
                else:
                    c.query("SELECT pg_sleep(0.01)")
                done += 1
        except ERRORS:
            pass
        finally:
            c.close()
    return done


MY_WORK = [
    lambda c, n: [c.query(sql) for sql in (
        "BEGIN", "SELECT REPEAT('x', 100000)", "COMMIT")],
    lambda c, n: c.execute(c.prepare(f"SELECT ?, {n}"), ["y" * 5000]),
    lambda c, n: [c.query(f"SET sql_mode = 'ANSI_QUOTES', @v = {n}"),
                  c.query("SELECT @v, @@sql_mode")],
    lambda c, n: [c.query(f"SELECT GET_LOCK('l{n}', 0)"),
                  c.query(f"SELECT RELEASE_LOCK('l{n}')")],
    lambda c, n: [c.query("CREATE TEMPORARY TABLE tt (a INT)"),
                  c.reset_connection()],
    lambda c, n: [c.command(mw.INIT_DB, "other"), c.query("SELECT 1"),
                  c.command(mw.INIT_DB, "test")],
    lambda c, n: c.query("SELECT '" + "z" * 70000 + "'"),
    lambda c, n: c.query(f"KILL QUERY {c.id + 1}", check=False),
    lambda c, n: [c.query("SET autocommit = 0"), c.query("COMMIT")],
    lambda c, n: c.fetch(c_cursor(c), 2),
]


def c_cursor(c):
    s = c.prepare("SELECT seq FROM seq_1_to_9")
    c.execute(s, flags=1)
    return s


def my_work(cp, rng, seconds):
    """The same with MySQL's commands."""
    end = time.monotonic() + seconds
    done = 0
    caps = mw.BASE | mw.SESSION_TRACK | rng.choice([0, mw.DEPRECATE_EOF])
    while time.monotonic() < end:
        try:
            c = RawMysql.open(cp.host, cp.mysql_port, user="app", timeout=2,
                              password=cp.userlist["app"], caps=caps,
                              database=rng.choice(["test", "test", "other"]))
        except ERRORS:
            continue
        try:
            for _ in range(rng.randrange(1, 6)):
                rng.choice(MY_WORK)(c, rng.randrange(9))
                done += 1
        except ERRORS:
            pass
        finally:
            c.close()
    return done


def undo(cp, command):
    """Again and again, until it was done or there was nothing to do."""
    def done():
        try:
            cp.console(command, timeout=2)
        except PgError as e:
            return e.sqlstate == "55000"
        return True

    wait_until(done, 20, command)


def console(cp, rng, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        command, undoing = rng.choice(COMMANDS)
        try:
            cp.console(command, timeout=2)
        except ERRORS:
            pass
        if undoing:
            undo(cp, undoing)
        time.sleep(0.02)  # the clients are to get something done too


@pytest.mark.soak
@pytest.mark.seconds(int(60 + 2 * SECONDS))
@pytest.mark.parametrize("auth,per_million", [
    ("trust", 1000), ("trust", 50000),
    # OpenSSL takes thousands of pieces for one login.
    ("scram-sha-256", 100)])
def test_failed_allocations(make_carpool, pg, auth, per_million):
    faults = FailMalloc()
    cp = make_carpool({"test": pg, "other": {"pg": pg, "dbname": "test"}},
                      env=faults.env, auth_type=auth, default_pool_size=4,
                      query_wait_timeout=2, server_login_retry=0.1,
                      client_login_timeout=2, log_connections=0)
    under_load(cp, faults, work, per_million)
    wait_until(lambda: cp.connect().value("SELECT 7") == "7", 15)


def under_load(cp, faults, work, per_million):
    seed = int(os.environ.get("SEED", "1"))
    done = []
    cp.descriptor_slack = 2
    faults.fail(per_million)
    # On a slow machine one turn makes few allocations.
    for turn in range(5):
        threads = [threading.Thread(
            target=lambda i=i: done.append(
                work(cp, random.Random(seed + i), SECONDS)))
            for i in range(turn * 7, turn * 7 + 6)]
        threads.append(threading.Thread(
            target=console, args=(cp, random.Random(seed + turn), SECONDS)))
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if faults.failed > 5:
            break
    faults.fail(0)
    print(f"{faults.failed} allocations failed, {sum(done)} requests went well")
    assert faults.failed > 5 and (sum(done) > 0 or per_million == 50000)
    cp.console("RELOAD")


@pytest.mark.soak
@pytest.mark.seconds(int(60 + 2 * SECONDS))
@pytest.mark.parametrize("per_million", [1000, 50000])
def test_failed_allocations_of_mysql(make_carpool, mariadb, per_million):
    faults = FailMalloc()
    mariadb.query("CREATE DATABASE IF NOT EXISTS other")
    cp = make_carpool({}, mysql={"test": mariadb, "other": mariadb},
                      env=faults.env, auth_type="trust", default_pool_size=4,
                      query_wait_timeout=2, server_login_retry=0.1,
                      client_login_timeout=2, log_connections=0)
    under_load(cp, faults, my_work, per_million)
    wait_until(lambda: cp.my_connect().value("SELECT 7") == "7", 15)


def test_mysqls_console_answer_is_whole_or_none(make_carpool, mariadb):
    faults = FailMalloc()
    cp = make_carpool({}, mysql={"test": mariadb}, env=faults.env,
                      log_connections=0)
    cp.descriptor_slack = 2
    clients = []

    def answer(command):
        if not clients:
            clients.append(RawMysql.open(
                cp.host, cp.mysql_port, user="admin", timeout=5,
                password=cp.userlist["admin"], database="carpool"))
        return clients[0].query(command, check=False)

    def told(got):
        return [s.names for s in got.sets], [len(s.raw) for s in got.sets]

    commands = ["SHOW CONFIG", "SHOW HELP", "SHOW LISTS",
                "EXPLAIN PIN 'SELECT 1; SELECT GET_LOCK(1, 1)'"]
    whole = {c: told(answer(c)) for c in commands}
    faults.fail(50000)
    done = 0
    for _ in range(300):
        for command in commands:
            try:
                got = answer(command)
            except ERRORS:
                clients.clear()
                continue
            if got.errors:
                continue
            assert told(got) == whole[command], command
            done += 1
    faults.fail(0)
    assert done > 20 and faults.failed > 20
