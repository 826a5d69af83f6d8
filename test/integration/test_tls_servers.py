"""TLS towards servers: which get it, what they must show, and what goes
wrong."""

import os
import socket
import threading

import psycopg2
import pytest

from tools import carpool, pgwire as w
from tools.account import give
from tools.certs import Authority
from tools.myanswer import MyError
from tools.raw import Closed, PgError
from tools.wait import wait_until

SECRET = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def authority():
    return Authority()


def own(paths):
    for path in paths:
        give(path)
        os.chmod(path, 0o600)
    return paths


@pytest.fixture
def secure_pg(make_pg, authority):
    cert, key = own(authority.issue("pg"))
    return make_pg(ssl="on", ssl_cert_file=cert, ssl_key_file=key,
                   ssl_ca_file=authority.ca)


@pytest.fixture
def secure_maria(make_mariadb, authority):
    cert, key = own(authority.issue("maria"))
    return make_mariadb(ssl_cert=cert, ssl_key=key, ssl_ca=authority.ca)


def told(cp, sql=SECRET, **kw):
    try:
        return cp.connect(**kw).value(sql)
    except PgError as e:
        return str(e)


def refused(cp, told, why):
    """The client hears what, the log why."""
    assert "no TLS with the server" in told
    cp.wait_log(why)


# Postgres

@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_listening_goes_under_tls(make_carpool, secure_pg, authority, mode):
    """The connection on which carpool listens is a server like any other."""
    cp = make_carpool({
        "test": {"pg": secure_pg, "dbname": "test", "sslmode": mode,
                 "sslrootcert": authority.ca}})
    cp.connect().query("LISTEN here")
    assert secure_pg.query(
        "SELECT count(*), bool_and(ssl) FROM pg_stat_activity JOIN pg_stat_ssl"
        " USING (pid) WHERE usename = 'app' AND application_name ="
        " 'carpool'") == [(1, True)]


def test_listening_is_refused_to_strangers(make_carpool, secure_pg):
    other = Authority("another one")
    cp = make_carpool({
        "test": {"pg": secure_pg, "dbname": "test", "sslmode": "require"}},
        server_connect_timeout=2)
    c = cp.connect()
    assert c.value("SELECT 1") == "1"
    cp.databases["test"] = {**cp.databases["test"], "sslmode": "verify-ca",
                            "sslrootcert": other.ca}
    cp.reload()
    with pytest.raises((PgError, Closed)):
        c.query("LISTEN here")
    cp.wait_log("listen_failed")
    assert "certificate verify failed" in cp.log


@pytest.mark.parametrize("mode, want", [
    ("disable", "f"), ("allow", "f"), ("prefer", "t"), ("require", "t"),
    ("verify-ca", "t"), ("verify-full", "t")])
def test_modes(make_carpool, secure_pg, authority, mode, want):
    cp = make_carpool({"test": secure_pg}, server_tls_sslmode=mode,
                      server_tls_ca_file=authority.ca)
    assert told(cp) == want
    row = [r for r in cp.admin("SHOW SERVERS") if r["database"] == "test"][0]
    assert (row["tls"] != "") == (want == "t")


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-full"])
def test_a_server_without(make_carpool, pg, authority, mode):
    cp = make_carpool(server_tls_sslmode=mode, server_login_retry=1,
                      server_tls_ca_file=authority.ca)
    if mode == "prefer":
        assert told(cp) == "f"
    else:
        refused(cp, told(cp), "has no TLS")


def test_what_servers_must_show(make_carpool, secure_pg):
    other = Authority("another one")
    cp = make_carpool({
        "unknown": {"pg": secure_pg, "dbname": "test", "sslmode": "verify-ca",
                    "sslrootcert": other.ca},
        "named": {"host": "localhost", "port": secure_pg.port,
                  "dbname": "test", "sslmode": "verify-full",
                  "sslrootcert": secure_pg.settings["ssl_ca_file"]},
        "nobody": {"pg": secure_pg, "dbname": "test", "sslmode": "require"}},
        server_login_retry=1)
    refused(cp, told(cp, database="unknown"),
            "self-signed certificate in certificate chain")
    assert told(cp, database="named") == "t"
    assert told(cp, database="nobody") == "t"


def test_names_are_checked(make_carpool, make_pg, authority):
    cert, key = own(authority.issue("elsewhere", "db.example"))
    server = make_pg(ssl="on", ssl_cert_file=cert, ssl_key_file=key)
    cp = make_carpool({
        "full": {"pg": server, "dbname": "test", "sslmode": "verify-full",
                 "sslrootcert": authority.ca},
        "ca": {"pg": server, "dbname": "test", "sslmode": "verify-ca",
               "sslrootcert": authority.ca}}, server_login_retry=1)
    refused(cp, told(cp, database="full"), "mismatch")
    assert told(cp, database="ca") == "t"


def test_our_own_certificate(make_carpool, secure_pg, authority):
    cert, key = own(authority.issue("ours", "app"))
    cp = make_carpool({"test": secure_pg}, server_tls_sslmode="require",
                      server_tls_cert_file=cert, server_tls_key_file=key)
    assert told(cp, "SELECT client_dn FROM pg_stat_ssl"
                    " WHERE pid = pg_backend_pid()") == "/CN=app"


def test_urls(make_carpool, secure_pg, authority):
    def url(parameters):
        return (f"postgresql://127.0.0.1:{secure_pg.port}/test"
                f"?{parameters}")
    cp = make_carpool({
        "a": url("sslmode=require"), "b": url("sslmode=no-verify"),
        "c": url(f"sslmode=verify-full&sslrootcert={authority.ca}"),
        "d": url(f"sslmode=require&sslrootcert={authority.ca}"),
        "e": url("sslmode=disable"), "f": url("ssl=true"),
        "g": url("sslaccept=strict")}, server_login_retry=1)
    assert [told(cp, database=name) for name in "abcdef"] == \
        ["t", "t", "t", "t", "f", "t"]
    refused(cp, told(cp, database="g"), "certificate")


@pytest.fixture
def letters():
    """letters(data): the port of a server that answers each SSLRequest with
    that, and says nothing more."""
    made = []

    def start(data):
        listener = socket.create_server(("127.0.0.1", 0))
        made.append(listener)

        def serve():
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                made.append(sock)
                assert sock.recv(8, socket.MSG_WAITALL) == w.ssl_request()
                sock.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for sock in made:
        # wakes an accept, which a close alone does not
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_bytes_behind_the_letter_are_refused(make_carpool, letters, mode):
    """They would be taken for what came under TLS."""
    port = letters(b"S" + w.error("28000", "injected"))
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": port}},
                      server_tls_sslmode=mode, server_login_retry=1,
                      query_wait_timeout=3)
    assert "injected" not in told(cp) + cp.log
    cp.wait_log("broke the protocol")


def test_a_server_that_never_shakes_hands(make_carpool, letters):
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": letters(b"S")}},
                      server_tls_sslmode="require", server_login_retry=1,
                      server_connect_timeout=1, query_wait_timeout=3)
    told(cp)
    cp.wait_log("no login within server_connect_timeout")


@pytest.mark.parametrize("size", [1, 7])
def test_in_pieces(make_carpool, secure_pg, fault, size):
    link = fault.listen(secure_pg.port)
    link.split(size)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": link.port}},
                      server_tls_sslmode="require")
    assert told(cp, "SELECT repeat('x', 20000)") == "x" * 20000


def test_much_data(make_carpool, secure_pg):
    cp = make_carpool({"test": secure_pg}, server_tls_sslmode="require",
                      default_pool_size=2)
    c = cp.connect()
    rows = c.query("SELECT repeat('x', 100000) FROM generate_series(1, 300)"
                   ).rows
    assert sum(len(r[0]) for r in rows) == 30_000_000
    c.query("BEGIN")
    c.query("CREATE TEMP TABLE u (a text)")
    c.send(w.query("COPY u FROM STDIN"))
    c.expect("G")
    for _ in range(300):
        c.send(w.copy_data(b"y" * 50000 + b"\n"))
    c.send(w.copy_done())
    c.read_until("Z")
    assert c.value("SELECT sum(length(a)) FROM u") == str(300 * 50000)
    c.query("ROLLBACK")


def test_cancel(make_carpool, secure_pg):
    """Under TLS as well: the server takes no other."""
    cp = make_carpool({"test": secure_pg}, server_tls_sslmode="require",
                      default_pool_size=1)
    conn = psycopg2.connect(host="127.0.0.1", port=cp.port, user="app",
                            dbname="test")
    timer = threading.Timer(0.5, conn.cancel)
    timer.start()
    with conn.cursor() as cur, pytest.raises(psycopg2.errors.QueryCanceled):
        cur.execute("SELECT pg_sleep(20)")
    conn.close()
    assert told(cp, "SELECT 1") == "1"


@pytest.mark.parametrize("settings", [
    {"server_tls_sslmode": "verify-full"},
    {"server_tls_ca_file": "/nonexistent"},
    {"server_tls_cert_file": "/nonexistent"}])
def test_what_cannot_be_is_refused(make_carpool, pg, settings):
    cp = make_carpool(start=False, **{"server_tls_sslmode": "require",
                                      **settings})
    cp.write()
    done = carpool.run("--check", f"{cp.dir}/carpool.ini")
    assert done.returncode == 1
    assert "TLS towards servers" in done.stdout + done.stderr


def test_reload(make_carpool, secure_pg):
    cp = make_carpool({"test": secure_pg}, server_tls_sslmode="disable")
    assert told(cp) == "f"
    cp.settings["server_tls_sslmode"] = "require"
    cp.write()
    cp.console("RELOAD")
    cp.console("RECONNECT")
    wait_until(lambda: told(cp) == "t", 10, "TLS")


# MySQL

CIPHER = "SHOW STATUS LIKE 'Ssl_cipher'"


def my_told(cp, database="test"):
    try:
        return cp.my_connect(database=database).query(CIPHER).rows[0][1]
    except MyError as e:
        return str(e)


@pytest.mark.parametrize("mode, want", [
    ("disable", False), ("prefer", True), ("require", True),
    ("verify-ca", True), ("verify-full", True)])
def test_mysql_modes(make_carpool, secure_maria, authority, mode, want):
    cp = make_carpool({}, mysql={"test": secure_maria},
                      server_tls_sslmode=mode,
                      server_tls_ca_file=authority.ca)
    assert my_told(cp).startswith("TLS" if want else "") and \
        (my_told(cp) != "") == want


def test_mysql_a_server_without(make_carpool, mariadb):
    cp = make_carpool({}, mysql={"test": mariadb},
                      server_tls_sslmode="require", server_login_retry=1)
    refused(cp, my_told(cp), "has no TLS")


def test_mysql_entries(make_carpool, secure_maria, authority):
    other = Authority("another one")
    base = {"host": "127.0.0.1", "port": secure_maria.port, "dbname": "test"}
    cp = make_carpool({}, mysql={
        "a": {**base, "ssl-mode": "REQUIRED"},
        "b": {**base, "ssl-mode": "VERIFY_IDENTITY", "ssl-ca": authority.ca},
        "c": {**base, "ssl-mode": "VERIFY_CA", "ssl-ca": other.ca},
        "d": f"mysql://127.0.0.1:{secure_maria.port}/test?ssl-mode=REQUIRED",
        "e": f"mysql://127.0.0.1:{secure_maria.port}/test?sslaccept=strict"},
        server_login_retry=1)
    for name in "abd":
        assert my_told(cp, name).startswith("TLS"), name
    for name in "ce":
        refused(cp, my_told(cp, name), "certificate")


def test_mysql_kill(make_carpool, secure_maria):
    cp = make_carpool({}, mysql={"test": secure_maria},
                      server_tls_sslmode="require", default_pool_size=1)
    a, b = cp.my_connect(), cp.my_connect()
    timer = threading.Timer(0.5, lambda: b.query(f"KILL QUERY {a.id}"))
    timer.start()
    answer = a.query("SELECT SLEEP(20)", check=False, timeout=15)
    timer.join()
    assert answer.errors or answer.rows == [["1"]]
