"""The console: every table with PgBouncer 1.25's columns and types, what it
answers, who may do what, and drivers that speak only the extended protocol."""

import json
import subprocess
import threading
import time

import psycopg2
import pytest

from tools import pgwire as w
from tools.account import SENTINEL
from tools.login import console
from tools.postgres import BIN
from tools.raw import PgError, RawClient
from tools.wait import wait_until

TEXT, INT, BIG, NUM = 25, 23, 20, 1700

CLIENTS = [
    ("type", TEXT), ("user", TEXT), ("database", TEXT),
    ("replication", TEXT), ("state", TEXT), ("addr", TEXT), ("port", INT),
    ("local_addr", TEXT), ("local_port", INT), ("connect_time", TEXT),
    ("request_time", TEXT), ("wait", INT), ("wait_us", INT),
    ("close_needed", INT), ("ptr", TEXT), ("link", TEXT),
    ("remote_pid", INT), ("tls", TEXT), ("application_name", TEXT),
    ("prepared_statements", INT), ("id", INT)]

COUNTERS = ["server_assignment_count", "xact_count", "query_count",
            "received", "sent", "xact_time", "query_time", "wait_time",
            "client_parse_count", "server_parse_count", "bind_count"]

TABLES = {
    "POOLS": [("database", TEXT), ("user", TEXT)] + [
        (n, INT) for n in (
            "cl_active", "cl_waiting", "cl_active_cancel_req",
            "cl_waiting_cancel_req", "sv_active", "sv_active_cancel",
            "sv_being_canceled", "sv_idle", "sv_used", "sv_tested",
            "sv_login", "maxwait", "maxwait_us")] + [
        ("pool_mode", TEXT), ("load_balance_hosts", TEXT)],
    "CLIENTS": CLIENTS,
    "SERVERS": CLIENTS,
    "DATABASES": [
        ("name", TEXT), ("host", TEXT), ("port", INT), ("database", TEXT),
        ("force_user", TEXT), ("pool_size", INT), ("min_pool_size", INT),
        ("reserve_pool_size", INT), ("server_lifetime", INT),
        ("pool_mode", TEXT), ("load_balance_hosts", TEXT),
        ("max_connections", INT), ("current_connections", INT),
        ("max_client_connections", INT), ("current_client_connections", INT),
        ("paused", INT), ("disabled", INT)],
    "STATS": [("database", TEXT)] + [
        (f"total_{n}", NUM) for n in COUNTERS] + [
        (f"avg_{'recv' if n == 'received' else n}", NUM) for n in COUNTERS],
    "STATS_TOTALS": [("database", TEXT)] + [
        ({"received": "bytes_received", "sent": "bytes_sent"}.get(n, n), NUM)
        for n in COUNTERS],
    "STATS_AVERAGES": [("database", TEXT)] + [
        ({"received": "bytes_received", "sent": "bytes_sent"}.get(
            n, f"avg_{n}" if n in COUNTERS[8:] else n), NUM)
        for n in COUNTERS],
    "TOTALS": [("name", TEXT), ("value", NUM)],
    "USERS": [
        ("name", TEXT), ("pool_size", TEXT), ("reserve_pool_size", TEXT),
        ("pool_mode", TEXT), ("max_user_connections", INT),
        ("current_connections", INT), ("max_user_client_connections", INT),
        ("current_client_connections", INT)],
    "LISTS": [("list", TEXT), ("items", INT)],
    "CONFIG": [("key", TEXT), ("value", TEXT), ("default", TEXT),
               ("changeable", TEXT)],
    "VERSION": [("version", TEXT)],
    "STATE": [("key", TEXT), ("value", TEXT)],
    "MEM": [("name", TEXT), ("size", INT), ("used", INT), ("free", INT),
            ("memtotal", INT)],
}

SHOW_ROWS = {
    "TOTALS": [f"{p}_{n}" for p in ("total", "avg") for n in (
        "server_assignment_count", "xact_count", "query_count",
        "client_bytes", "server_bytes", "xact_time", "query_time",
        "wait_time", "ps_client_parse_count", "ps_server_parse_count",
        "ps_bind_count")],
    "LISTS": ["databases", "users", "peers", "pools", "peer_pools",
              "free_clients", "used_clients", "login_clients",
              "free_servers", "used_servers", "dns_names", "dns_zones",
              "dns_queries", "dns_pending"],
    "STATE": ["active", "paused", "suspended"],
}


@pytest.mark.parametrize("name", TABLES)
def test_columns_and_types(make_carpool, name):
    cp = make_carpool()
    c = cp.connect()
    c.query("SELECT 1")
    got = cp.console(f"SHOW {name}")
    assert got.columns[:len(TABLES[name])] == TABLES[name]
    assert len(got.columns) == len(TABLES[name])
    assert got.tags == ["SHOW"]
    if name in SHOW_ROWS:
        assert [r[0] for r in got.rows] == SHOW_ROWS[name]
    else:
        assert got.rows
    # any letter case, with and without semicolon
    for form in (f"show {name.lower()};", f"Show {name} ; ",
                 f"\n SHOW\t{name}"):
        assert cp.console(form).columns == got.columns


def test_show_pools_counts(make_carpool, pg):
    cp = make_carpool(default_pool_size=2)
    clients = [cp.connect() for _ in range(4)]
    for c in clients[:2]:
        c.query("BEGIN")
    clients[2].send(w.query("SELECT 1"))
    cp.wait_pool(cl_active=3, cl_waiting=1, sv_active=2, sv_idle=0)
    time.sleep(0.05)  # the age that maxwait_us has to show
    row = cp.pool()
    assert row["maxwait"] == 0 and row["maxwait_us"] >= 50000
    assert row["pool_mode"] == "transaction"
    for c in clients[:2]:
        c.query("COMMIT")
    clients[2].read_until("Z")
    cp.wait_pool(cl_active=4, cl_waiting=0, sv_active=0, sv_idle=2)
    assert cp.pool()["maxwait_us"] == 0


def test_show_clients_and_servers(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    a = cp.connect(application_name="visible")
    b = cp.connect()
    a.query("BEGIN")
    b.send(w.query("SELECT 1"))
    cp.wait_pool(cl_waiting=1)
    rows = [r for r in cp.admin("SHOW CLIENTS") if r["database"] == "test"]
    assert len(rows) == 2
    row = next(r for r in rows if r["application_name"] == "visible")
    other = next(r for r in rows if r is not row)
    assert (row["type"], row["user"], row["state"]) == ("C", "app", "active")
    assert other["state"] == "waiting"
    assert int(row["port"]) == a.sock.getsockname()[1]
    assert (row["addr"], row["local_addr"]) == ("127.0.0.1", "127.0.0.1")
    assert int(row["local_port"]) == cp.port
    assert row["id"] != other["id"]
    (server,) = [r for r in cp.admin("SHOW SERVERS")
                 if r["database"] == "test"]
    assert (server["type"], server["state"]) == ("S", "active")
    assert int(server["remote_pid"]) == pg.pids("test")[0]
    assert int(server["port"]) == pg.port
    assert server["link"] == row["ptr"] and row["link"] == server["ptr"]
    a.query("COMMIT")
    b.read_until("Z")
    (server,) = [r for r in cp.admin("SHOW SERVERS")
                 if r["database"] == "test"]
    assert server["state"] == "idle"


def test_show_clients_lists_the_console_itself(make_carpool):
    cp = make_carpool()
    rows = cp.admin("SHOW CLIENTS")
    assert [(r["user"], r["database"]) for r in rows] == [
        ("admin", "pgbouncer")]


def test_show_many_clients(make_carpool):
    """Rows come some hundred a turn; none is lost or doubled."""
    cp = make_carpool(max_client_conn=1000, threads=4)
    for _ in range(600):
        cp.connect()
    rows = [r for r in cp.admin("SHOW CLIENTS") if r["database"] == "test"]
    assert len(rows) == 600
    assert len({r["id"] for r in rows}) == 600
    cp.rss_tolerance = 128 << 20


def test_show_databases(make_carpool, pg):
    cp = make_carpool({
        "test": {"pg": pg, "pool_size": 7, "max_db_connections": 9,
                 "pool_mode": "session", "reserve_pool_size": 2},
        "other": {"pg": pg, "dbname": "postgres", "user": "app2"}})
    cp.connect().query("SELECT 1")
    rows = {r["name"]: r for r in cp.admin("SHOW DATABASES")}
    t = rows["test"]
    assert (t["host"], int(t["port"]), t["database"]) == (
        "127.0.0.1", pg.port, "test")
    assert (t["pool_size"], t["max_connections"], t["pool_mode"],
            t["reserve_pool_size"]) == ("7", "9", "session", "2")
    assert (t["current_connections"], t["paused"], t["disabled"]) == (
        "1", "0", "0")
    assert t["current_client_connections"] == "1"
    assert (rows["other"]["database"], rows["other"]["force_user"]) == (
        "postgres", "app2")
    assert "pgbouncer" in rows


def test_show_users(make_carpool):
    cp = make_carpool(users={"app": {"pool_mode": "session",
                                     "max_user_connections": 3}})
    c = cp.connect()
    c.query("SELECT 1")
    rows = {r["name"]: r for r in cp.admin("SHOW USERS")}
    assert rows["app"]["pool_mode"] == "session"
    assert rows["app"]["max_user_connections"] == "3"
    assert rows["app"]["current_connections"] == "1"
    assert rows["app"]["current_client_connections"] == "1"


def test_show_config_and_set(make_carpool):
    cp = make_carpool(default_pool_size=4)

    def value(key):
        return next(r for r in cp.admin("SHOW CONFIG") if r["key"] == key)

    row = value("default_pool_size")
    assert (row["value"], row["default"], row["changeable"]) == (
        "4", "20", "yes")
    assert value("listen_port")["changeable"] == "no"
    assert value("pool_mode")["value"] == "transaction"
    assert value("query_wait_timeout")["value"] == "120"
    assert cp.console("SET default_pool_size = 9").tags == ["SET"]
    assert value("default_pool_size")["value"] == "9"
    cp.console("SET query_wait_timeout TO '7'")
    assert value("query_wait_timeout")["value"] == "7"
    cp.console("RELOAD")
    assert value("default_pool_size")["value"] == "4"


def test_show_config_has_every_setting_of_pgbouncer(make_carpool):
    known = """admin_users application_name_add_host auth_dbname auth_file
    auth_hba_file auth_ident_file auth_ldap_options auth_query auth_type
    auth_user autodb_idle_timeout cancel_wait_timeout client_idle_timeout
    client_login_timeout client_tls_ca_file client_tls_cert_file
    client_tls_ciphers client_tls_dheparams client_tls_ecdhcurve
    client_tls_key_file client_tls_protocols client_tls_sslmode
    client_tls13_ciphers conffile default_pool_size disable_pqexec
    dns_max_ttl dns_nxdomain_ttl dns_zone_check_period
    idle_transaction_timeout ignore_startup_parameters job_name listen_addr
    listen_backlog listen_port log_connections log_disconnections
    log_pooler_errors log_stats logfile max_client_conn
    max_db_client_connections max_db_connections max_packet_size
    max_prepared_statements max_user_client_connections
    max_user_connections min_pool_size peer_id pidfile pkt_buf pool_mode
    query_timeout query_wait_notify query_wait_timeout reserve_pool_size
    reserve_pool_timeout resolv_conf sbuf_loopcnt scram_iterations
    server_check_delay server_check_query server_connect_timeout
    server_fast_close server_idle_timeout server_lifetime
    server_login_retry server_reset_query server_reset_query_always
    server_round_robin server_tls_ca_file server_tls_cert_file
    server_tls_ciphers server_tls_key_file server_tls_protocols
    server_tls_sslmode server_tls13_ciphers so_reuseport stats_period
    stats_users suspend_timeout syslog syslog_facility syslog_ident
    tcp_defer_accept tcp_keepalive tcp_keepcnt tcp_keepidle tcp_keepintvl
    tcp_socket_buffer tcp_user_timeout track_extra_parameters
    transaction_timeout unix_socket_dir unix_socket_group unix_socket_mode
    user verbose""".split()
    cp = make_carpool()
    keys = [r["key"] for r in cp.admin("SHOW CONFIG")]
    assert set(known) - set(keys) == set()
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("command", [
    "SET nonsense = 1", "SET default_pool_size = many",
    "SET default_pool_size = -1", "SET listen_port = 7000",
    "SET pool_mode = sometimes", "SET", "SET a"])
def test_set_refuses(make_carpool, command):
    cp = make_carpool()
    before = cp.admin("SHOW CONFIG")
    with pytest.raises(PgError):
        cp.console(command)
    assert cp.admin("SHOW CONFIG") == before


def test_show_stats_counts(make_carpool):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    for _ in range(5):
        c.query("SELECT 1")
    c.query("BEGIN")
    c.query("SELECT 2")
    c.query("COMMIT")
    before = c.extended("SELECT 3").types
    assert before.endswith("Z")
    wait_until(lambda: cp.totals()["xact_count"] == 7)
    t = cp.totals()
    assert t["query_count"] == 9
    assert t["server_assignment_count"] == 7
    assert t["bytes_received"] > 100 and t["bytes_sent"] > 300
    assert t["query_time"] >= 0
    (row,) = [r for r in cp.admin("SHOW STATS") if r["database"] == "test"]
    assert row["total_xact_count"] == "7"


def test_stats_of_bytes_are_exact(make_carpool):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect()
    c.query("SELECT 1")
    wait_until(lambda: cp.totals()["xact_count"] == 1)
    cp.admin("SHOW CLIENTS")  # asks the worker: the turn has counted all
    before = cp.totals()
    sent = w.query("SELECT repeat('x', 1000)")
    got = c.query("SELECT repeat('x', 1000)")
    size = sum(len(m.body) + 5 for m in got.messages)
    wait_until(lambda: cp.totals()["xact_count"] == 2)
    cp.admin("SHOW CLIENTS")
    after = cp.totals()
    assert after["bytes_received"] - before["bytes_received"] == len(sent)
    assert after["bytes_sent"] - before["bytes_sent"] == size


def test_totals_are_kept_when_clients_and_pools_go(make_carpool):
    cp = make_carpool()
    for _ in range(3):
        c = cp.connect()
        c.query("SELECT 1")
        c.quit()
    cp.console("RECONNECT")
    cp.reload()
    cp.expect_totals(xacts=3, queries=3)


def test_show_version_state_lists_help(make_carpool):
    cp = make_carpool()
    assert "arpool" in cp.console("SHOW VERSION").rows[0][0]
    assert cp.console("SHOW STATE").rows == [
        ["active", "yes"], ["paused", "no"], ["suspended", "no"]]
    got = cp.console("SHOW HELP")
    assert got.notices and "SHOW" in json.dumps(got.notices)
    assert "\\n" in json.dumps(got.notices), "one command a line"
    assert got.tags == ["SHOW"]
    assert got.rows == []


def test_login_parameters_of_the_console(make_carpool):
    cp = make_carpool()
    p = console(cp).parameters
    assert p["server_version"][0].isdigit()
    assert p["client_encoding"] == "UTF8"
    assert p["server_encoding"] == "UTF8"
    assert p["DateStyle"].startswith("ISO")
    assert p["TimeZone"] == "GMT"
    assert p["standard_conforming_strings"] == "on"
    assert p["is_superuser"] == "on"


@pytest.mark.parametrize("database", ["pgbouncer", "carpool"])
def test_both_names_of_the_console(make_carpool, database):
    cp = make_carpool()
    assert console(cp, database=database).query("SHOW VERSION").rows


@pytest.mark.parametrize("command", [
    "SHOW nonsense", "nonsense", "SHOW", "PAUSE nonsense", "SELECT 1 FROM x",
    "KILL_CLIENT", "KILL_CLIENT abc", "KILL_CLIENT 99999999",
    "DISABLE nonsense", "SHOW POOLS; SHOW STATS", "SHOW POOLS extra",
    "'", '"', "SHOW 'POOLS", "x" * 1000])
def test_errors_leave_the_console_usable(make_carpool, command):
    cp = make_carpool()
    c = console(cp)
    r = c.query(command, check=False)
    assert [e.severity for e in r.errors] == ["ERROR"]
    assert len(r.errors[0].sqlstate) == 5
    assert c.query("SHOW VERSION").rows


def test_huge_console_command(make_carpool):
    """An error or the end, and the console goes on."""
    cp = make_carpool()
    c = console(cp)
    c.send(w.query("x" * 1000000))
    assert c.read_until("E").errors
    assert console(cp).query("SHOW VERSION").rows


def test_empty_console_query(make_carpool):
    cp = make_carpool()
    assert console(cp).query("").types in ("IZ", "EZ")


def test_suspend_and_fds_are_refused_for_now(make_carpool):
    cp = make_carpool()
    for command in ("SUSPEND", "SHOW FDS"):
        assert console(cp).query(command, check=False).errors


# what drivers ask at login

@pytest.mark.parametrize("command", [
    "SET client_encoding = 'UTF8'", "SET client_encoding TO 'UTF8'",
    "SHOW client_encoding", "SHOW default_transaction_isolation",
    "SHOW standard_conforming_strings", "SHOW datestyle", "SHOW timezone",
    "SET DateStyle = 'ISO'", "SET extra_float_digits = 3"])
def test_statements_of_drivers(make_carpool, command):
    cp = make_carpool()
    assert not console(cp).query(command).errors


def test_psycopg2(make_carpool):
    cp = make_carpool()
    conn = cp.psycopg2("admin", "pgbouncer")
    conn.autocommit = True
    with conn.cursor() as cur:
        cur.execute("SHOW POOLS")
        assert cur.description[0].name == "database"
        assert cur.fetchall()


def test_startup_parameters_of_drivers(make_carpool):
    cp = make_carpool()
    c = cp.connect("admin", "pgbouncer", extra_float_digits="2",
                   search_path="x", options="-c geqo=off")
    assert c.query("SHOW VERSION").rows


def test_psql(make_carpool):
    cp = make_carpool()
    done = subprocess.run(
        [f"{BIN}/psql", "-X", "-h", cp.host, "-p", str(cp.port), "-U",
         "admin", "-At", "-c", "SHOW STATE", "-c", "SHOW HELP",
         "pgbouncer"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert "paused|no" in done.stdout
    assert "SHOW" in done.stderr  # the help comes as a notice


def test_extended_protocol(make_carpool):
    cp = make_carpool()
    c = console(cp)
    got = c.extended("SHOW STATE")
    assert got.types == "12TDDDCZ"
    assert got.tags == ["SHOW"]
    c.send(w.parse("s1", "SHOW VERSION"), w.describe("S", "s1"), w.sync())
    assert c.expect("1tTZ").names == ["version"]
    for _ in range(2):
        c.send(w.bind("", "s1"), w.execute(), w.sync())
        assert c.expect("2DCZ").rows
    c.send(w.parse("", "SHOW nonsense"), w.bind(), w.execute(), w.sync(),
           w.query("SHOW VERSION"))
    got = c.read_until("Z", 2)
    assert len(got.errors) == 1 and got.rows
    c.send(w.sync(), w.flush(), w.sync())
    c.expect("ZZ")
    c.send(w.close("S", "s1"), w.sync())
    c.expect("3Z")


def test_extended_row_limit(make_carpool):
    """The limit may be ignored; rows are neither lost nor doubled."""
    cp = make_carpool()
    c = console(cp)
    c.send(w.parse("", "SHOW LISTS"), w.bind(), w.execute("", 5), w.flush())
    got = list(c.expect("12").messages)
    while got[-1].type not in "Cs":
        got.append(c.read())
        if got[-1].type == "s":
            c.send(w.execute("", 5), w.flush())
            got.append(c.read())
    c.send(w.sync())
    c.expect("Z")
    names = [w.text_values(m.body)[0] for m in got if m.type == "D"]
    assert names == SHOW_ROWS["LISTS"]


def test_console_takes_no_other_messages(make_carpool):
    cp = make_carpool()
    c = console(cp)
    c.send(w.function_call(177, ["1", "2"]))
    c.read_until("E")
    assert console(cp).query("SHOW VERSION").rows


def test_console_command_in_pieces(make_carpool):
    cp = make_carpool()
    c = console(cp)
    c.send_split(w.query("SHOW STATE"), [1])
    assert len(c.read_until("Z").rows) == 3
    c.send(*[w.query("SHOW STATE")] * 20)
    assert len(c.read_until("Z", 20).rows) == 60


# permissions

SHOWS = [f"SHOW {t}" for t in TABLES] + ["SHOW HELP"]
ADMIN_ONLY = ["RELOAD", "PAUSE", "PAUSE test", "RESUME", "RESUME test",
              "DISABLE test", "ENABLE test", "RECONNECT", "RECONNECT test",
              "KILL test", "KILL_CLIENT 1", "WAIT_CLOSE", "WAIT_CLOSE test",
              "SHUTDOWN", "SHUTDOWN WAIT_FOR_SERVERS",
              "SHUTDOWN WAIT_FOR_CLIENTS", "SUSPEND",
              "SET verbose = 1", "SHOW FDS"]


def test_permissions_of_stats_users(make_carpool):
    cp = make_carpool()
    c = console(cp, "stats")
    for command in SHOWS:
        assert not c.query(command).errors, command
    for command in ADMIN_ONLY:
        r = c.query(command, check=False)
        assert [e.sqlstate for e in r.errors] == ["42501"], command
        r = c.extended(command, check=False)
        assert [e.sqlstate for e in r.errors] == ["42501"], command
    assert cp.connect().value("SELECT 1") == "1"
    assert cp.console("SHOW STATE").rows[1] == ["paused", "no"]


def test_other_users_do_not_reach_the_console(make_carpool):
    cp = make_carpool()
    for user in ("app", "nobody-here"):
        for db in ("pgbouncer", "carpool"):
            with pytest.raises(PgError) as e:
                cp.connect(user, db)
            assert e.value.sqlstate in ("42501", "28P01", "28000")


@pytest.mark.parametrize("method", ["plain", "md5", "scram-sha-256"])
def test_console_wants_the_password(make_carpool, method):
    cp = make_carpool(auth_type=method)
    assert console(cp).query("SHOW VERSION").rows
    with pytest.raises(PgError) as e:
        cp.connect("admin", "pgbouncer", password=f"{SENTINEL}-no")
    assert e.value.sqlstate == "28P01"


def test_console_shows_no_secret(make_carpool):
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": 1,
                                "password": f"{SENTINEL}-db"}})
    for command in SHOWS:
        text = repr(cp.console(command).messages)
        assert SENTINEL not in text, command


def test_many_consoles_at_once(make_carpool):
    cp = make_carpool(threads=4)
    errors = []

    def work():
        try:
            with RawClient.open(cp.host, cp.port, user="admin",
                                database="pgbouncer") as c:
                for _ in range(20):
                    for t in ("POOLS", "CLIENTS", "SERVERS", "STATS"):
                        c.query(f"SHOW {t}")
        except Exception as e:
            errors.append(e)

    load = [cp.connect() for _ in range(10)]
    threads = [threading.Thread(target=work) for _ in range(6)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        for c in load:
            c.query("SELECT 1")
    assert errors == []


def test_console_answers_while_everything_is_stuck(make_carpool, make_fake):
    fake = make_fake(lambda conn: conn.stall())
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      max_client_conn=5)
    for _ in range(5):
        cp.raw().send(w.startup({"user": "app", "database": "test"}))
    start = time.monotonic()
    assert cp.admin("SHOW POOLS")
    assert time.monotonic() - start < 0.5
    fake.release()


def test_psycopg2_sees_a_clean_error(make_carpool):
    cp = make_carpool()
    conn = cp.psycopg2("stats", "pgbouncer")
    conn.autocommit = True
    with conn.cursor() as cur, pytest.raises(psycopg2.Error) as e:
        cur.execute("RELOAD")
    assert e.value.pgcode == "42501"
