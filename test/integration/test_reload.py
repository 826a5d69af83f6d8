"""RELOAD and SIGHUP: whole or not at all, and without one failed query."""

import os
import signal
import threading

import pytest

from tools import pgwire as w
from tools.raw import Closed, PgError, RawClient
from tools.wait import free_port, holds_for, wait_until


class Load:
    """Clients that query all the time; errors are kept."""

    def __init__(self, cp, n=6):
        self.cp, self.errors, self.count = cp, [], 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(i,),
                                         daemon=True) for i in range(n)]

    def _run(self, i):
        try:
            while not self.stop.is_set():
                with RawClient.open(self.cp.host, self.cp.port) as c:
                    for k in range(20):
                        assert c.value(f"SELECT '{i}.{k}'") == f"{i}.{k}"
                        c.query("BEGIN")
                        c.query("SELECT 1")
                        c.query("COMMIT")
                        self.count += 1
                    c.quit()
        except Exception as e:
            self.errors.append(e)

    def __enter__(self):
        for t in self.threads:
            t.start()
        wait_until(lambda: self.count > 10 or self.errors)
        return self

    def __exit__(self, *exc):
        self.stop.set()
        for t in self.threads:
            t.join(20)


def config(cp, key):
    return next(r["value"] for r in cp.admin("SHOW CONFIG")
                if r["key"] == key)


def test_reload_under_load_loses_nothing(make_carpool):
    cp = make_carpool(default_pool_size=4, threads=4)
    with Load(cp) as load:
        for n in range(40):
            cp.settings["default_pool_size"] = 2 + n % 5
            cp.settings["query_wait_timeout"] = 60 + n
            cp.databases[f"extra{n % 3}"] = "host=127.0.0.1 port=1"
            if n % 2:
                cp.databases.pop("extra0", None)
            assert cp.reload().tags == ["RELOAD"]
    assert load.errors == []


def test_sighup_reloads(make_carpool):
    cp = make_carpool(default_pool_size=4)
    with Load(cp, 2) as load:
        cp.settings["default_pool_size"] = 11
        cp.write()
        cp.signal(signal.SIGHUP)
        wait_until(lambda: config(cp, "default_pool_size") == "11")
    assert load.errors == []


@pytest.mark.parametrize("break_it", [
    "unknown setting", "bad value", "bad database", "no such include",
    "garbage", "missing file", "auth file missing"])
def test_bad_configuration_keeps_the_old_one(make_carpool, break_it):
    """Never half: a good change in the same file is not taken either."""
    cp = make_carpool(default_pool_size=4)
    c = cp.connect()
    cp.settings["default_pool_size"] = 9
    cp.databases["new"] = "host=127.0.0.1"
    cp.write()
    with open(cp.ini, "a") as f:
        f.write({"unknown setting": "no_such_setting = 1\n",
                 "bad value": "max_client_conn = many\n",
                 "bad database": "[databases]\nx = nonsense=1\n",
                 "no such include": "%include /nonexistent/file\n",
                 "garbage": "[[[\nwhat is this\n"}.get(break_it, ""))
    if break_it == "missing file":
        os.unlink(cp.ini)
    elif break_it == "auth file missing":
        os.unlink(cp.auth_file)
    with pytest.raises(PgError) as e:
        cp.console("RELOAD")
    assert e.value.severity == "ERROR"
    assert config(cp, "default_pool_size") == "4"
    with pytest.raises(PgError):
        cp.connect(database="new")
    assert c.value("SELECT 1") == "1"
    assert cp.connect().value("SELECT 2") == "2"
    if break_it in ("unknown setting", "bad value", "bad database"):
        cp.wait_log("carpool.ini line=")
    # and the next good one works
    assert cp.reload().tags == ["RELOAD"]
    assert config(cp, "default_pool_size") == "9"


def test_bad_configuration_by_sighup_keeps_the_old_one(make_carpool):
    cp = make_carpool()
    c = cp.connect()
    with open(cp.ini, "a") as f:
        f.write("no_such_setting = 1\n")
    cp.signal(signal.SIGHUP)
    cp.wait_log("no_such_setting")
    assert c.value("SELECT 1") == "1"


def test_pool_grows_and_waiters_are_served(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.send(w.query("SELECT 'b'"))
    cp.wait_pool(cl_waiting=1)
    cp.settings["default_pool_size"] = 2
    cp.reload()
    assert b.read_until("Z", timeout=3).rows == [["b"]]
    a.query("COMMIT")


def test_pool_shrinks(make_carpool, pg):
    cp = make_carpool(default_pool_size=5)
    clients = [cp.connect() for _ in range(5)]
    for c in clients:
        c.query("BEGIN")
    cp.settings["default_pool_size"] = 2
    cp.reload()
    for c in clients:
        assert c.value("SELECT 1") == "1"
    for c in clients:
        c.query("COMMIT")
    wait_until(lambda: pg.connections("test") <= 2)
    for c in clients:
        c.send(w.query("SELECT pg_sleep(0.02)"))
    holds_for(lambda: pg.connections("test") <= 2, 0.1)
    for c in clients:
        c.read_until("Z")


def test_database_is_added(make_carpool, pg):
    cp = make_carpool()
    with pytest.raises(PgError):
        cp.connect(database="postgres")
    cp.databases["postgres"] = pg
    cp.reload()
    assert cp.connect(database="postgres").value(
        "SELECT current_database()") == "postgres"


def test_database_is_removed(make_carpool, pg):
    """Its clients leave at the end of their transaction."""
    cp = make_carpool({"test": pg, "postgres": pg})
    idle, busy = cp.connect(), cp.connect()
    other = cp.connect(database="postgres")
    busy.query("BEGIN")
    del cp.databases["test"]
    cp.reload()
    with pytest.raises(PgError) as e:
        cp.connect()
    assert e.value.sqlstate == "3D000"
    assert busy.value("SELECT 1") == "1"
    busy.send(w.query("COMMIT"))
    assert busy.read_until("Z").tags == ["COMMIT"]
    for c in (idle, busy):
        try:
            c.send(w.query("SELECT 1"))
            got = c.read_until("E", timeout=3)
        except (Closed, OSError):
            continue
        assert got.errors[0].sqlstate in ("57P01", "3D000")
    assert other.value("SELECT 1") == "1"
    wait_until(lambda: pg.connections("test") == 0)


def test_user_is_added_removed_and_changed(make_carpool, pg):
    cp = make_carpool(auth_type="scram-sha-256")
    with pytest.raises(PgError):
        cp.connect("newcomer", password="pw1")
    cp.userlist["newcomer"] = "pw1"
    cp.databases["test"] = {"pg": pg, "user": "app"}
    cp.reload()
    c = cp.connect("newcomer", password="pw1")
    assert c.value("SELECT 1") == "1"
    cp.userlist["newcomer"] = "pw2"
    cp.reload()
    with pytest.raises(PgError):
        cp.connect("newcomer", password="pw1")
    assert cp.connect("newcomer", password="pw2").value("SELECT 1") == "1"
    del cp.userlist["newcomer"]
    cp.reload()
    with pytest.raises(PgError) as e:
        cp.connect("newcomer", password="pw2")
    assert e.value.sqlstate == "28P01"


def test_changed_target_replaces_servers(make_carpool, pg):
    """New transactions go to the new place, running ones end at the old."""
    cp = make_carpool({"test": {"pg": pg, "dbname": "test"}})
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    b.query("SELECT 1")
    cp.databases["test"] = {"pg": pg, "dbname": "postgres"}
    cp.reload()
    assert b.value("SELECT current_database()") == "postgres"
    assert a.value("SELECT current_database()") == "test"
    a.query("COMMIT")
    assert a.value("SELECT current_database()") == "postgres"
    wait_until(lambda: pg.connections("test") == 0)


def test_mode_changes_for_clients_that_are_in(make_carpool):
    cp = make_carpool(pool_mode="session", default_pool_size=1)
    a = cp.connect()
    a.query("SELECT 1")
    cp.settings["pool_mode"] = "transaction"
    cp.reload()
    b = cp.connect()
    a.query("SELECT 1")
    wait_until(lambda: a.value("SELECT 1") == "1")
    b.send(w.query("SELECT 'b'"))
    a.query("SELECT 1")
    assert b.read_until("Z", timeout=5).rows == [["b"]]


def test_restart_only_settings_are_said(make_carpool):
    cp = make_carpool()
    old = cp.settings["listen_port"]
    cp.settings["listen_port"] = free_port()
    assert cp.reload().tags == ["RELOAD"]
    cp.wait_log("listen_port")
    assert cp.connect().value("SELECT 1") == "1"
    cp.settings["listen_port"] = old


def test_admin_users_change(make_carpool):
    cp = make_carpool()
    cp.settings["admin_users"] = "admin, app"
    cp.reload()
    assert cp.connect("app", "pgbouncer").query("SHOW VERSION").rows


def test_reload_while_clients_wait_and_are_paused(make_carpool):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    cp.console("PAUSE test")
    a.send(w.query("SELECT 'a'"))
    b.send(w.query("SELECT 'b'"))
    for n in range(5):
        cp.settings["default_pool_size"] = 1 + n
        cp.reload()
    a.expect_silence(0.05)
    cp.console("RESUME test")
    assert a.read_until("Z").rows == [["a"]]
    assert b.read_until("Z").rows == [["b"]]


def test_reload_costs_no_idle_server(make_carpool, pg):
    """Nothing changed: servers stay."""
    cp = make_carpool()
    c = cp.connect()
    pid = c.value("SELECT pg_backend_pid()")
    for _ in range(3):
        cp.reload()
    holds_for(lambda: int(pid) in pg.pids("test"), 0.05, "the server")
    assert c.value("SELECT pg_backend_pid()") == pid
