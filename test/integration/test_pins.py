"""Clients that keep their server: who is listed, told and counted, what the
administrator's verbs do with them, and EXPLAIN PIN."""

import contextlib
import os
import subprocess
import threading

import pytest

from tools.carpool import binary
from tools.raw import Closed, PgError
from tools.wait import wait_until

# What pins, what ends it, and the reason.
REASONS = [
    ("CREATE TEMP TABLE pinned (a int)", "DROP TABLE pinned", "temp_table"),
    ("SELECT pg_advisory_lock(77)", "SELECT pg_advisory_unlock(77)",
     "advisory_lock"),
    ("BEGIN; DECLARE kept CURSOR WITH HOLD FOR SELECT 1; COMMIT",
     "CLOSE kept", "hold_cursor"),
]


def backend(c):
    return c.value("SELECT pg_backend_pid()")


def reasons(cp):
    return [row["reason"] for row in cp.admin("SHOW PINS")]


def pins(cp, *expected):
    """The rows of SHOW PINS once they have these reasons: the server is asked
    behind the statement's answer."""
    wait_until(lambda: sorted(reasons(cp)) == sorted(expected), 10,
               f"pins {expected}")
    return cp.admin("SHOW PINS")


def counts(cp):
    return {row["reason"]: (int(row["now"]), int(row["begun"]))
            for row in cp.admin("SHOW PIN_COUNTS")}


@pytest.mark.parametrize("begin, end, reason", REASONS)
def test_a_pin_is_listed_until_it_ends(make_carpool, begin, end, reason):
    cp = make_carpool(default_pool_size=2)
    a, b = cp.connect(), cp.connect()
    assert reasons(cp) == []
    a.query(begin)
    mine = backend(a)
    row, = pins(cp, reason)
    assert (row["database"], row["user"]) == ("test", "app")
    assert row["reason"] == reason
    assert row["remote_pid"] == mine
    assert len(row["digest"]) == 16 and int(row["digest"], 16) != 0
    assert row["since"].endswith("UTC") and int(row["age"]) >= 0
    client, = [c for c in cp.admin("SHOW CLIENTS") if c["id"] == row["id"]]
    assert (client["state"], client["port"]) == ("active", row["port"])
    assert client["ptr"] == row["ptr"] and client["link"] == row["link"]
    assert counts(cp) == {reason: (1, 1)}
    for _ in range(3):
        assert backend(b) != mine
        assert backend(a) == mine
    a.query(end)
    pins(cp)
    assert counts(cp) == {reason: (0, 1)}
    cp.wait_pool(sv_active=0)


def test_a_pin_ends_with_its_client(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query(REASONS[0][0])
    pins(cp, "temp_table")
    a.close()
    pins(cp)
    assert b.value("SELECT count(*) FROM pg_class WHERE relname = 'pinned'"
                   ) == "0"


def pinned_by(cp, reason, text, **login):
    """A client that is pinned by this text, on whose server SHOW PINS says
    why, and another that gets another server."""
    a, b = cp.connect(**login), cp.connect(**login)
    a.query(text)
    mine = backend(a)
    row, = pins(cp, reason)
    assert (row["reason"], row["remote_pid"]) == (reason, mine)
    assert len(row["digest"]) == 16 and int(row["digest"], 16) != 0
    assert counts(cp) == {reason: (1, 1)}
    for _ in range(3):
        assert backend(b) != mine
        assert backend(a) == mine
    return a, mine


@pytest.mark.parametrize("end", ["UNLISTEN seen", "UNLISTEN *",
                                 "DISCARD ALL"])
def test_listen_pins(make_carpool, pg, end):
    """The server itself says to what it listens."""
    cp = make_carpool(default_pool_size=2, on_listen="pin")
    a, mine = pinned_by(cp, "listen", "LISTEN seen")
    rows = a.query("SELECT * FROM pg_listening_channels()").rows
    assert rows == [["seen"]]
    a.query(end)
    pins(cp)
    assert counts(cp) == {"listen": (0, 1)}
    # No other's server listens, and this one no longer does.
    cp.wait_pool(sv_active=0)
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(cp.connect()) for _ in range(2)]
        for c in others:
            c.query("BEGIN")
        assert mine in [backend(c) for c in others]
        for c in others:
            assert c.query("SELECT pg_listening_channels()").rows == []


@pytest.mark.parametrize("begin, end", [
    ("SET pin.name = 'käse'", "RESET pin.name"),
    ("SET pin.name = 'käse'", "DISCARD ALL")])
def test_an_unknown_setting_pins(make_carpool, begin, end):
    cp = make_carpool(default_pool_size=2)
    a, _ = pinned_by(cp, "unknown_set", begin)
    assert a.value("SHOW pin.name") == "käse"
    a.query(end)
    pins(cp)
    assert counts(cp) == {"unknown_set": (0, 1)}
    cp.wait_pool(sv_active=0)


def test_what_carpool_prepared_pins_nobody(make_carpool):
    """A DO is asked what it left; statements that the server holds for all
    clients, made by SQL's PREPARE, are nothing of its own."""
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("PREPARE p AS SELECT 1")
    for text in ("DO $$ BEGIN PERFORM 1; END $$", "SET work_mem = '5MB'",
                 "DO $$ BEGIN SET work_mem = '6MB'; END $$"):
        b.query(text)
        assert a.query("EXECUTE p").rows == [["1"]]
    assert b.value("SHOW work_mem") == "6MB"
    assert counts(cp) == {}
    b.query("DO $$ BEGIN EXECUTE 'PREPARE own AS SELECT 2'; END $$")
    pins(cp, "unknown_set")
    b.query("DO $$ BEGIN EXECUTE 'DEALLOCATE own'; END $$")
    pins(cp)


def test_a_library_pins(make_carpool, pg):
    """For good: what is loaded cannot be unloaded, so the server goes with its
    client."""
    cp = make_carpool({"test": {"pg": pg, "user": "postgres"}},
                      default_pool_size=2)
    a, mine = pinned_by(cp, "load", "LOAD 'plpgsql'")
    a.query("DISCARD ALL")
    assert [r["reason"] for r in cp.admin("SHOW PINS")] == ["load"]
    assert backend(a) == mine
    assert mine in map(str, pg.pids("test"))
    a.close()
    pins(cp)
    assert counts(cp) == {"load": (0, 1)}
    wait_until(lambda: mine not in map(str, pg.pids("test")), 10,
               "its server to end")


def test_the_digest_is_that_of_the_statement(make_carpool):
    cp = make_carpool(default_pool_size=3)
    clients = [cp.connect() for _ in range(3)]
    for c, text in zip(clients, (
            "SELECT pg_advisory_lock(1)",
            "/* by hand */ select  PG_ADVISORY_LOCK( 22 );",
            "SELECT pg_advisory_lock_shared(3)")):
        c.query(text)
    rows = {r["port"]: r["digest"] for r in pins(cp, *["advisory_lock"] * 3)}
    assert len(rows) == 3
    assert len(set(rows.values())) == 2


def test_the_notice_comes_once_for_each_reason(make_carpool):
    cp = make_carpool(default_pool_size=1, pin_notice=1)
    a = cp.connect()

    def told(text, *expected):
        """What comes with a text, and until the next one is answered."""
        notices = a.query(text).notices
        pins(cp, *expected)
        return notices + a.query("SELECT 1").notices

    first = told(REASONS[0][0], "temp_table")
    assert len(first) == 1
    assert "temporary tables (temp_table)" in str(first)
    assert told("SELECT 2", "temp_table") == []
    assert told(REASONS[0][1]) == []
    assert told(REASONS[0][0], "temp_table") == []
    assert "advisory_lock" in str(told(REASONS[1][0], "temp_table",
                                       "advisory_lock"))


def test_no_notice_unless_asked_for(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a = cp.connect()
    assert a.query(REASONS[0][0]).notices == []
    pins(cp, "temp_table")
    assert a.query("SELECT 1").notices == []


def test_pause_waits_for_a_pin(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a = cp.connect()
    a.query(REASONS[1][0])
    pins(cp, "advisory_lock")
    done = threading.Event()
    admin = cp.connect(user="admin", database="pgbouncer",
                       password=cp.userlist["admin"])

    def pause():
        admin.query("PAUSE", timeout=30)
        done.set()

    thread = threading.Thread(target=pause)
    thread.start()
    try:
        wait_until(lambda: "yes" in str(cp.admin("SHOW STATE")), 10, "PAUSE")
        mine = backend(a)
        assert backend(a) == mine and not done.is_set()
        a.query(REASONS[1][1])
        assert done.wait(20)
    finally:
        cp.admin("RESUME")
        thread.join()
    assert backend(a)


def test_reconnect_leaves_a_pinned_server(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a = cp.connect()
    a.query(REASONS[0][0])
    pins(cp, "temp_table")
    mine = backend(a)
    cp.admin("RECONNECT")
    assert backend(a) == mine
    assert a.value("SELECT count(*) FROM pinned") == "0"
    a.query(REASONS[0][1])
    cp.admin("WAIT_CLOSE", timeout=20)
    assert backend(a) != mine


def test_kill_client_ends_a_pin(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query(REASONS[1][0])
    row, = pins(cp, "advisory_lock")
    cp.admin(f"KILL_CLIENT {row['id']}")
    with pytest.raises((PgError, Closed)):
        a.query("SELECT 1")
    assert b.value("SELECT pg_try_advisory_lock(77)") == "t"


def test_a_policy_of_a_user_and_of_a_database(make_carpool, pg):
    cp = make_carpool(
        {"test": pg, "loose": {**entry_of(pg), "on_temp_table": "reset"}},
        users={"app": {"on_advisory_lock": "reset"}}, default_pool_size=1)
    a = cp.connect()
    a.query(REASONS[1][0])
    cp.wait_pool(sv_active=0)
    assert counts(cp) == {}
    a.query(REASONS[0][0])
    pins(cp, "temp_table")
    b = cp.connect(database="loose")
    b.query(REASONS[0][0])
    cp.wait_pool(database="loose", sv_active=0)
    assert counts(cp) == {"temp_table": (1, 1)}


def entry_of(pg):
    return {"host": pg.host, "port": pg.port, "dbname": "test"}


def test_a_reload_changes_the_policy(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a = cp.connect()
    cp.settings["on_temp_table"] = "reset"
    cp.reload()
    a.query(REASONS[0][0])
    cp.wait_pool(sv_active=0)
    assert counts(cp) == {}
    row, = cp.admin("EXPLAIN PIN 'create temp table t ()'")
    assert row["policy"] == "reset"
    shown = {r["key"]: r["value"] for r in cp.admin("SHOW CONFIG")}
    assert shown["on_temp_table"] == "reset"
    assert shown["on_listen"] == "emulate"


@pytest.mark.parametrize("line", [
    "on_temp_table = emulate", "on_load = keep", "pin_notice = maybe"])
def test_what_cannot_work_is_refused(tmp_path, line):
    ini = tmp_path / "carpool.ini"
    ini.write_text("[databases]\na = host=h\n[carpool]\nauth_type = trust\n"
                   f"listen_addr = 127.0.0.1\n{line}\n")
    os.chmod(tmp_path, 0o755)
    got = subprocess.run([binary(), "--check", str(ini)],
                         capture_output=True, text=True, timeout=30)
    assert got.returncode != 0
    assert f"{ini}:6" in got.stdout + got.stderr


def test_explain_pin(make_carpool):
    cp = make_carpool(users={"app": {"on_listen": "reject"}})
    got = cp.admin("EXPLAIN PIN 'SELECT 1; LISTEN a; SET work_mem = 1; "
                   "CREATE TEMP TABLE t AS SELECT pg_advisory_lock(1)'")
    assert [(r["effect"], r["kind"], r["policy"]) for r in got] == [
        ("runs on any server", None, None),
        ("is emulated", "listen", "emulate"),
        ("follows the client", None, None),
        ("keeps the server", "temp_table", "pin"),
        ("keeps the server", "advisory_lock", "pin")]
    assert got[1]["statement"] == "LISTEN a" and got[1]["reason"]
    row, = cp.admin("EXPLAIN PIN 'LISTEN a' test app")
    assert (row["effect"], row["policy"]) == ("is refused", "reject")
    with pytest.raises(PgError) as e:
        cp.console("EXPLAIN PIN 'LISTEN a' nowhere")
    assert "no such database" in str(e.value)
    help_text = str(cp.console("SHOW HELP").notices)
    assert "EXPLAIN PIN 'sql' [db [user]]" in help_text.replace("\\'", "'")
