"""The configuration file and the command line."""

import os
import socket
import subprocess
import threading

import pytest

from tools import carpool
from tools.account import SENTINEL, give, scratch
from tools.fakepg import FakePg
from tools.postgres import BIN, USERS
from tools.raw import PgError, RawClient
from tools.wait import free_port, wait_until

BASE = """\
[databases]
test = host=127.0.0.1 port=5432 dbname=test
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
auth_type = trust
auth_file = {dir}/userlist.txt
"""


@pytest.fixture
def folder():
    path = scratch("config")
    with open(f"{path}/userlist.txt", "w") as f:
        f.write(f'"app" "{SENTINEL}-app"\n')
    os.chmod(f"{path}/userlist.txt", 0o600)
    give(f"{path}/userlist.txt")
    return path


def write(folder, text, name="carpool.ini"):
    path = f"{folder}/{name}"
    with open(path, "w") as f:
        f.write(text.replace("{dir}", folder))
    return give(path)


def check(folder, text):
    return carpool.run("--check", write(folder, text))


def errors(done):
    return done.stdout + done.stderr


def test_check_of_a_good_file(folder):
    done = check(folder, BASE)
    assert done.returncode == 0, errors(done)


@pytest.mark.parametrize("section", ["pgbouncer", "carpool"])
def test_both_names_of_the_section(folder, section):
    done = check(folder, BASE.replace("[pgbouncer]", f"[{section}]"))
    assert done.returncode == 0, errors(done)


BAD = {
    "unknown setting": ("no_such_setting = 1", "no_such_setting"),
    "bad number": ("max_client_conn = many", "max_client_conn"),
    "negative": ("default_pool_size = -4", "default_pool_size"),
    "bad port": ("listen_port = 99999", "listen_port"),
    "bad mode": ("pool_mode = sometimes", "pool_mode"),
    "bad auth type": ("auth_type = magic", "auth_type"),
    "bad time": ("query_timeout = soon", "query_timeout"),
    "no key": ("= 5", ""),
    "no value sign": ("just words", ""),
    "unknown section": ("[nonsense]\na = 1", "nonsense"),
    "bad database key": ("[databases]\nx = host=a colour=red", "colour"),
    "bad database port": ("[databases]\nx = host=a port=http", "port"),
    "open quote": ("[databases]\nx = host='a", ""),
    "bad user key": ("[users]\nu = colour=red", "colour"),
    "long database name": ("[databases]\n" + "d" * 64 + " = host=a", ""),
    "reserved database name": ("[databases]\npgbouncer = host=a",
                               "pgbouncer"),
    "include that is missing": ("%include {dir}/missing.ini", "missing.ini"),
    "include of itself": ("%include {dir}/carpool.ini", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_name_file_and_line(folder, name):
    line, word = BAD[name]
    text = BASE + line + "\n"
    done = check(folder, text)
    assert done.returncode == 1
    last = text.count("\n")
    number = 8 if name == "unknown section" else last
    assert f"carpool.ini:{number}" in errors(done), errors(done)
    assert word in errors(done)


def test_all_errors_are_reported(folder):
    done = check(folder, BASE + "a1 = 1\nmax_client_conn = x\na2 = 2\n")
    assert done.returncode == 1
    for n in (8, 9, 10):
        assert f"carpool.ini:{n}" in errors(done)


def test_start_with_a_bad_file_fails_the_same_way(folder):
    done = carpool.run(write(folder, BASE + "a1 = 1\n"))
    assert done.returncode == 1
    assert "carpool.ini:8" in errors(done)


def test_missing_file_and_missing_argument(folder):
    done = carpool.run(f"{folder}/nothing.ini")
    assert done.returncode == 1 and "nothing.ini" in errors(done)
    done = carpool.run(env={"DATABASE_URL": ""})
    assert done.returncode != 0 and errors(done)


def test_auth_file_is_missing(folder):
    os.unlink(f"{folder}/userlist.txt")
    done = check(folder, BASE)
    assert done.returncode == 1 and "userlist.txt" in errors(done)


@pytest.mark.parametrize("line", [
    '"a" "unfinished', 'a "x"', '"a"', '"a" x', '"' + "u" * 200 + '" "x"'])
def test_errors_of_the_user_list(folder, line):
    with open(f"{folder}/userlist.txt", "w") as f:
        f.write('"app" "x"\n' + line + "\n")
    done = check(folder, BASE)
    assert "userlist.txt:2" in errors(done), errors(done)


def test_user_list_comments_quotes_and_empty_lines(folder):
    with open(f"{folder}/userlist.txt", "w") as f:
        f.write('; comment\n\n"q""uote" "s""ecret"\n"app" ""\n')
    assert check(folder, BASE).returncode == 0


SECURITY = [
    "auth_type = hba", "auth_type = cert", "auth_type = pam",
    "auth_type = ldap", "auth_type = hba\nauth_hba_file = {dir}/none",
    "client_tls_sslmode = require", "client_tls_sslmode = verify-ca",
    "client_tls_sslmode = verify-full", "client_tls_sslmode = prefer",
    "server_tls_sslmode = verify-ca", "server_tls_sslmode = verify-full",
    "[databases]\na = host=h auth_user=pgb auth_dbname=b"]


def test_only_a_hash_of_who_asks(folder):
    with open(f"{folder}/userlist.txt", "a") as f:
        f.write(f'"pooler" "md5{"0" * 32}"\n')
    done = check(folder, BASE + "auth_user = pooler\n")
    assert done.returncode == 0
    assert "only a hash of the password" in errors(done)


@pytest.mark.parametrize("line", SECURITY)
def test_settings_whose_absence_weakens_security_are_refused(folder, line):
    with open(f"{folder}/hba.conf", "w") as f:
        f.write("host all all all reject\n")
    done = check(folder, BASE + line + "\n")
    assert done.returncode == 1, line
    assert "carpool.ini:" in errors(done)


LATER = ["syslog = 1", "suspend_timeout = 3",
         "[peers]\n1 = host=127.0.0.1"]


@pytest.mark.parametrize("line", LATER)
def test_settings_of_later_versions_bring_one_warning(folder, line):
    done = check(folder, BASE + line + "\n")
    assert done.returncode == 0, errors(done)


def test_a_full_pgbouncer_file_is_taken(folder):
    """Comments, odd spacing, quotes and old names, as people have them."""
    done = check(folder, """\
;; comment
# another
[databases]
forcedb = host=127.0.0.1 port=300 user=baz password='it''s' """
                 """client_encoding=UNICODE datestyle=ISO """
                 """connect_query='SELECT 1'
bardb = host=localhost dbname=bazdb
multi = host=10.0.0.1,10.0.0.2 port=5432 load_balance_hosts=round-robin
nondefaultdb = pool_size=50 reserve_pool=10
* = host=testserver
[users]
app = pool_mode=session max_user_connections=10
[pgbouncer]
  logfile = {dir}/log
pidfile={dir}/pid
listen_addr =   127.0.0.1
listen_port = 6432
unix_socket_dir = {dir}
unix_socket_mode = 0777
auth_type = md5
auth_file = {dir}/userlist.txt
admin_users = user2, someadmin, otheradmin
stats_users = stats, root
pool_mode = session
server_reset_query = DISCARD ALL
server_reset_query_always = 0
ignore_startup_parameters = extra_float_digits, options
server_check_query = select 1
server_check_delay = 30
application_name_add_host = 1
max_client_conn = 100
default_pool_size = 20
min_pool_size = 0
reserve_pool_size = 5
reserve_pool_timeout = 3.5
max_db_connections = 50
max_user_connections = 50
server_round_robin = 1
log_connections = 1
syslog = 0
server_lifetime = 1200
server_idle_timeout = 60
server_connect_timeout = 15
query_timeout = 0
query_wait_timeout = 0
client_idle_timeout = 60
client_login_timeout = 60
autodb_idle_timeout = 3600
suspend_timeout = 10
pkt_buf = 4096
listen_backlog = 4096
tcp_defer_accept = 0
tcp_socket_buffer = 0
tcp_keepalive = 1
dns_max_ttl = 15
track_extra_parameters = IntervalStyle
stats_period = 60
job_name = pgbouncer
""")
    assert done.returncode == 0, errors(done)


def test_long_lines_are_never_split(make_carpool, pg):
    """Lines far over the INI library's 200 bytes."""
    names = ", ".join(f"admin{n}" for n in range(300))
    cp = make_carpool(
        {"test": {"pg": pg, "connect_query":
                  "SET work_mem = '45MB' /* " + "x" * 5000 + " */"}},
        admin_users="admin, " + names, userlist={"admin299": "x"})
    assert cp.connect("admin299", "pgbouncer").query("SHOW VERSION").rows
    assert cp.connect().value("SHOW work_mem") == "45MB"


def test_include(make_carpool, folder, pg):
    """%include is resolved against the working directory, as in
    PgBouncer."""
    cp = make_carpool(start=False, tail="%include more.ini\n")
    with open(f"{cp.dir}/more.ini", "w") as f:
        f.write("default_pool_size = 13\n[databases]\n"
                f"second = host=127.0.0.1 port={pg.port} dbname=test\n")
    give(f"{cp.dir}/more.ini")
    cp.start()
    assert next(r["value"] for r in cp.admin("SHOW CONFIG")
                if r["key"] == "default_pool_size") == "13"
    assert cp.connect(database="second").value("SELECT 1") == "1"


def test_error_in_an_included_file_names_that_file(folder):
    write(folder, "\n\nnonsense = 1\n", "more.ini")
    done = check(folder, BASE + "%include {dir}/more.ini\n")
    assert done.returncode == 1
    assert "more.ini:3" in errors(done)


def test_crlf_bom_and_missing_last_newline(folder):
    done = check(folder, BASE.replace("\n", "\r\n"))
    assert done.returncode == 0, errors(done)
    done = check(folder, BASE.rstrip("\n"))
    assert done.returncode == 0, errors(done)
    done = check(folder, "\ufeff" + BASE)
    assert done.returncode == 0 or "carpool.ini:1" in errors(done)


def test_version_help_and_unknown_flags():
    for flag in ("-V", "--version"):
        done = carpool.run(flag)
        assert done.returncode == 0 and "arpool" in done.stdout
    for flag in ("-h", "--help"):
        done = carpool.run(flag)
        assert done.returncode == 0 and "--check" in done.stdout
    done = carpool.run("--no-such-flag")
    assert done.returncode != 0 and errors(done)


def test_print_config_hides_secrets_and_can_be_read_again(folder):
    text = BASE + "[databases]\nother = host=a password=" + SENTINEL + "\n"
    done = carpool.run("--print-config", write(folder, text))
    assert done.returncode == 0, errors(done)
    assert SENTINEL not in errors(done)
    assert "default_pool_size = 20" in done.stdout
    again = check(folder, done.stdout)
    assert again.returncode == 0, errors(again)


def test_environment_wins_over_the_file_and_loses_to_a_flag(folder):
    path = write(folder, BASE + "default_pool_size = 5\n")
    done = carpool.run("--print-config", path,
                       env={"CARPOOL_DEFAULT_POOL_SIZE": "6"})
    assert "default_pool_size = 6" in done.stdout
    done = carpool.run("-v", "--print-config", path,
                       env={"CARPOOL_VERBOSE": "0"})
    assert "verbose = 1" in done.stdout
    done = carpool.run("--check", path,
                       env={"CARPOOL_DEFAULT_POOL_SIZE": "x"})
    assert done.returncode == 1
    assert "CARPOOL_DEFAULT_POOL_SIZE" in errors(done)


def url_daemon(args, env, port):
    return subprocess.Popen(
        carpool.as_account([carpool.binary(), *args]),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "CARPOOL_LISTEN_PORT": str(port),
             "CARPOOL_UNIX_SOCKET_DIR": "", **env})


@pytest.mark.parametrize("way", ["flag", "environment"])
def test_url_is_a_whole_configuration(pg, way):
    """127.0.0.1, transaction mode, SCRAM as the URL's user."""
    port = free_port()
    password = USERS["u_scram"][0]
    url = f"postgresql://u_scram:{password}@127.0.0.1:{pg.port}/test"
    p = url_daemon(["--url", url] if way == "flag" else [],
                   {} if way == "flag" else {"DATABASE_URL": url}, port)
    try:
        def login():
            return RawClient.open("127.0.0.1", port, user="u_scram",
                                  password=password, database="test")

        c = wait_until(login, 10, "carpool --url to answer")
        with c:
            assert c.session.auth_methods[0] == 10
            assert c.value("SELECT current_user") == "u_scram"
    finally:
        p.terminate()
        p.wait(10)
        p.stdout.close()


def test_daemon_writes_pid_and_log(folder, pg):
    port = free_port()
    os.chmod(folder, 0o777)
    path = write(folder, BASE.replace("6432", str(port)).replace(
        "5432", str(pg.port)) + "pidfile = {dir}/pid\nlogfile = {dir}/log\n"
        "unix_socket_dir = {dir}\n")
    done = carpool.run("-d", path)
    assert done.returncode == 0, errors(done)
    wait_until(lambda: os.path.exists(f"{folder}/pid"))
    pid = int(open(f"{folder}/pid").read())
    try:
        def value():
            with RawClient.open("127.0.0.1", port) as c:
                return c.value("SELECT 1")

        assert wait_until(value, 10) == "1"
        assert os.path.getsize(f"{folder}/log") > 0
        # a second one on the same port and pid file is refused
        again = carpool.run(path)
        assert again.returncode == 1
    finally:
        os.kill(pid, 15)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10)
    assert not os.path.exists(f"{folder}/pid")


def test_port_in_use(make_carpool):
    cp = make_carpool()
    done = carpool.run(cp.ini)
    assert done.returncode == 1
    assert str(cp.port) in errors(done)


def test_unix_sockets_on_both_sides(make_carpool, pg):
    cp = make_carpool({"test": {"host": pg.dir, "port": pg.port}},
                      unix_socket_mode="0700")
    with RawClient.open(cp.dir, cp.port) as c:
        assert c.value("SELECT inet_client_addr()") is None
    path = f"{cp.dir}/.s.PGSQL.{cp.port}"
    assert os.stat(path).st_mode & 0o777 == 0o700


def test_abstract_unix_socket(make_carpool, pg):
    name = f"@carpool-{free_port()}"
    cp = make_carpool(unix_socket_dir=name)
    with RawClient.open(name, cp.port) as c:
        assert c.value("SELECT 1") == "1"


def test_only_a_unix_socket(make_carpool, pg):
    cp = make_carpool(start=False, listen_addr=None)
    cp.write()
    cp.launch()
    cp.host = cp.dir
    wait_until(cp._ready, 15)
    cp._take_base()
    assert cp.connect().value("SELECT 1") == "1"


def test_stale_unix_socket_is_replaced(make_carpool):
    cp = make_carpool(start=False)
    s = socket.socket(socket.AF_UNIX)
    path = f"{cp.dir}/.s.PGSQL.{cp.port}"
    s.bind(path)
    s.close()
    give(path)
    cp.start()
    with RawClient.open(cp.dir, cp.port) as c:
        assert c.value("SELECT 1") == "1"


def test_host_list_goes_on_to_the_next(make_carpool, pg):
    cp = make_carpool({"test": {"host": "127.1.1.1,127.0.0.1",
                                "port": pg.port}},
                      server_login_retry=0.1, server_connect_timeout=2)
    assert cp.connect().value("SELECT 1") == "1"


@pytest.mark.parametrize("balance", ["round-robin", "disable"])
def test_load_balance_hosts(make_carpool, balance):
    """Two servers on one port and two addresses."""
    port = free_port()
    fakes = []
    for host in ("127.0.0.1", "127.0.0.2"):
        fake = FakePg()
        fake._listener = socket.create_server((host, port))
        fake.host, fake.port = host, port
        threading.Thread(target=fake._accept, daemon=True).start()
        fakes.append(fake)
    try:
        cp = make_carpool({"test": {
            "host": "127.0.0.1,127.0.0.2", "port": port,
            "load_balance_hosts": balance}}, default_pool_size=4)
        clients = [cp.connect() for _ in range(4)]
        for c in clients:
            c.query("BEGIN")
        for c in clients:
            c.query("COMMIT")
        counts = [len(f.connections) for f in fakes]
        assert sum(counts) >= 4
        if balance == "disable":
            assert counts[1] == 0
        else:
            assert min(counts) >= 1
    finally:
        for fake in fakes:
            fake.stop()


def test_host_name_is_resolved(make_carpool, pg):
    cp = make_carpool({"test": {"host": "localhost", "port": pg.port}})
    assert cp.connect().value("SELECT 1") == "1"


def test_host_name_that_does_not_exist(make_carpool, pg):
    cp = make_carpool({"bad": {"host": "no-such-host.invalid"},
                       "test": pg}, query_wait_timeout=2)
    with pytest.raises((PgError, ConnectionError)):
        c = cp.raw(timeout=20)
        c.login(database="bad")
        c.query("SELECT 1")
    assert cp.connect().value("SELECT 1") == "1"


def test_application_name_add_host(make_carpool, pg):
    cp = make_carpool(application_name_add_host=1)
    c = cp.connect(application_name="me")
    assert c.value("SHOW application_name") == \
        "me - 127.0.0.1:%d" % c.sock.getsockname()[1]


def test_startup_values_of_a_database(make_carpool, pg):
    cp = make_carpool({"test": {
        "pg": pg, "timezone": "Asia/Tokyo", "datestyle": "German",
        "client_encoding": "LATIN1"}})
    assert cp.connect().value("SHOW TimeZone") == "Asia/Tokyo"


def test_ini_is_what_psql_needs(make_carpool):
    cp = make_carpool()
    done = subprocess.run(
        [f"{BIN}/psql", "-X", "-At", "-h", cp.dir, "-p", str(cp.port),
         "-U", "app", "-c", "SELECT 'unix'", "test"],
        capture_output=True, text=True, timeout=20)
    assert done.stdout == "unix\n", done.stderr
