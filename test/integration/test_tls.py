"""TLS towards clients: who gets it, what it shows, and what goes wrong."""

import os
import signal
import socket
import ssl
import subprocess
import threading

import psycopg2
import pymysql
import pytest
from cryptography.hazmat.primitives import serialization

from tools import carpool, pgwire as w
from tools.certs import Authority
from tools.raw import Closed, PgError, RawClient
from tools.wait import wait_until

MODES = ["disable", "allow", "prefer", "require"]


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def make(make_carpool, authority):
    """make(mode, **settings): a carpool with TLS."""
    def start(mode="prefer", databases=None, **kw):
        cert, key = authority.issue("server")
        return make_carpool(databases, client_tls_sslmode=mode,
                            client_tls_cert_file=cert,
                            client_tls_key_file=key, **kw)
    return start


def psql(cp, sql, **words):
    words = {"host": "127.0.0.1", "port": cp.port, "user": "app",
             "dbname": "test", **words}
    done = subprocess.run(
        ["psql", " ".join(f"{k}={v}" for k, v in words.items()), "-XAtc",
         sql], text=True, capture_output=True, timeout=30, check=False)
    return done.stdout.strip() if done.returncode == 0 else done.stderr


def context(authority=None, **kw):
    """What a client of Python's brings along."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
    else:
        c.load_verify_locations(authority.ca)
    for name, value in kw.items():
        setattr(c, name, value)
    return c


def secure(cp, tls=None, direct=False, session=None, login=True):
    """A RawClient under TLS."""
    c = cp.raw()
    if not direct:
        c.send(w.ssl_request())
        assert c.read_bytes(1) == b"S"
    c.sock = (tls or context()).wrap_socket(
        c.sock, server_hostname="localhost", session=session)
    if login:
        c.login("app", "test", cp.userlist.get("app"))
    return c


# who gets it

@pytest.mark.parametrize("mode", MODES)
def test_who_gets_it(make, mode):
    """Each of our modes with each of psql's."""
    cp = make(mode)
    for theirs in ("disable", "allow", "prefer", "require"):
        told = psql(cp, "\\conninfo", sslmode=theirs)
        if mode == "disable":
            want = "server does not support SSL" if theirs == "require" else \
                "You are connected"
            assert want in told and "SSL connection (" not in told, theirs
        elif theirs == "disable":
            assert ("SSL required" if mode == "require" else
                    "You are connected") in told
            assert "SSL connection (" not in told
        elif theirs == "allow" and mode != "require":
            assert "SSL connection (" not in told  # plain text comes first
        else:
            assert "SSL connection (" in told, theirs


def test_over_a_unix_socket_there_is_none(make):
    cp = make("require")
    told = psql(cp, "\\conninfo", host=cp.dir, sslmode="prefer")
    assert "You are connected" in told and "SSL connection (" not in told


def test_clients_verify_the_server(make, authority):
    cp = make()
    for host in ("127.0.0.1", "localhost"):
        assert psql(cp, "SELECT 1", host=host, sslmode="verify-full",
                    sslrootcert=authority.ca) == "1"
    other = Authority("another one")
    assert "certificate verify failed" in psql(
        cp, "SELECT 1", sslmode="verify-ca", sslrootcert=other.ca)


def test_what_is_told_of_it(make):
    cp = make()
    c = secure(cp)
    row = [r for r in cp.admin("SHOW CLIENTS") if r["user"] == "app"][0]
    assert row["tls"] == "TLSv1.3/TLS_AES_256_GCM_SHA384"
    assert "tls=TLSv1.3/" in cp.log
    c.close()
    cp.connect()
    assert [r["tls"] for r in cp.admin("SHOW CLIENTS")
            if r["user"] == "app"] == [""]


def test_mysql_clients(make, mariadb, authority):
    cp = make("prefer", {}, mysql={"test": mariadb})
    words = {"host": "127.0.0.1", "port": cp.mysql_port, "user": "app",
             "password": cp.userlist["app"] or "", "database": "test"}
    command = ["mariadb", "-h127.0.0.1", f"-P{cp.mysql_port}", "-uapp",
               f"-p{words['password']}", "test", "-N", "-e", "\\s SELECT 6*7"]
    for more, secret in ((["--ssl", f"--ssl-ca={authority.ca}",
                           "--ssl-verify-server-cert"], True),
                         (["--skip-ssl"], False)):
        done = subprocess.run([*command, *more], text=True, timeout=30,
                              capture_output=True, check=False)
        assert done.returncode == 0 and "42" in done.stdout, done.stderr
        assert ("Cipher in use is TLS" in done.stdout) == secret
    for ca in (authority.ca, None):
        conn = pymysql.connect(**words, **({"ssl": {"ca": ca}} if ca else {}))
        with conn.cursor() as cur:
            cur.execute("SELECT REPEAT('x', 3000000), %s", ("é",))
            assert cur.fetchone() == ("x" * 3000000, "é")
        conn.close()


def test_mysql_clients_must(make, mariadb):
    cp = make("require", {}, mysql={"test": mariadb})
    words = {"host": "127.0.0.1", "port": cp.mysql_port, "user": "app",
             "password": cp.userlist["app"] or "", "database": "test"}
    with pytest.raises(pymysql.err.OperationalError) as e:
        pymysql.connect(**words, ssl_disabled=True)
    assert e.value.args[0] == 3159
    pymysql.connect(**words, ssl={"check_hostname": False}).close()


# certificates of clients

@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_certificates_of_clients(make, authority, mode):
    cp = make(mode, client_tls_ca_file=authority.ca)
    cert, key = authority.issue("client", "app")
    os.chmod(key, 0o600)
    other = Authority("another one")
    wrong, wrong_key = other.issue("client", "app")
    os.chmod(wrong_key, 0o600)
    none = {"sslcert": "/nonexistent", "sslkey": "/nonexistent"}
    assert psql(cp, "SELECT 1", sslmode="require", sslcert=cert,
                sslkey=key) == "1"
    assert "certificate required" in psql(cp, "SELECT 1", sslmode="require",
                                          **none)
    assert "unknown ca" in psql(cp, "SELECT 1", sslmode="require",
                                sslcert=wrong, sslkey=wrong_key)
    assert "reason=tls" in cp.log


# versions and ciphers

@pytest.mark.parametrize("protocols, good, bad", [
    ("secure", "TLSv1.2", None), ("tlsv1.2", "TLSv1.2", "TLSv1.3"),
    ("tlsv1.3", "TLSv1.3", "TLSv1.2"), ("tlsv1.2,tlsv1.3", "TLSv1.3", None)])
def test_versions(make, protocols, good, bad):
    cp = make("require", client_tls_protocols=protocols)
    limits = {"ssl_min_protocol_version": good,
              "ssl_max_protocol_version": good, "sslmode": "require"}
    assert good in psql(cp, "\\conninfo", **limits)
    if bad:
        limits.update(ssl_min_protocol_version=bad,
                      ssl_max_protocol_version=bad)
        assert "SSL error" in psql(cp, "\\conninfo", **limits)


def test_ciphers_and_curves(make):
    cp = make("require", client_tls_ciphers="ECDHE-ECDSA-AES128-GCM-SHA256",
              client_tls13_ciphers="TLS_CHACHA20_POLY1305_SHA256",
              client_tls_ecdhcurve="secp384r1")
    assert "TLS_CHACHA20_POLY1305_SHA256" in psql(cp, "\\conninfo",
                                                  sslmode="require")
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" in psql(
        cp, "\\conninfo", sslmode="require",
        ssl_max_protocol_version="TLSv1.2")


@pytest.mark.parametrize("name, value", [
    ("cert_file", "/nonexistent"), ("key_file", "/nonexistent"),
    ("protocols", "tlsv9"), ("ciphers", "NONSENSE"),
    ("ecdhcurve", "nonsense")])
def test_what_cannot_be_is_refused(make_carpool, authority, name, value):
    """By --check as well, with the file's line."""
    cert, key = authority.issue("server")
    settings = {"client_tls_sslmode": "require", "client_tls_cert_file": cert,
                "client_tls_key_file": key, f"client_tls_{name}": value}
    cp = make_carpool(start=False, **settings)
    cp.write()
    done = carpool.run("--check", f"{cp.dir}/carpool.ini")
    assert done.returncode == 1
    assert "error: TLS towards clients" in done.stdout + done.stderr
    assert value in done.stdout + done.stderr


# direct TLS

def test_direct(make, authority):
    """sslnegotiation=direct: ALPN is a must."""
    cp = make("require")
    tls = context(authority)
    tls.set_alpn_protocols(["postgresql"])
    c = secure(cp, tls, direct=True)
    assert c.sock.selected_alpn_protocol() == "postgresql"
    assert c.value("SELECT 1") == "1"
    with pytest.raises(PgError) as e:
        secure(cp, direct=True)
    assert "ALPN" in str(e.value)
    tls.set_alpn_protocols(["h2"])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure(cp, tls, direct=True)
    assert secure(cp).value("SELECT 1") == "1"


# what goes wrong

def test_bytes_before_the_handshake_are_refused(make):
    """Else they would be taken for the first of what came under TLS."""
    cp = make()
    stuffed = w.startup({"user": "app", "database": "test"})
    c = cp.raw()
    c.send(w.ssl_request() + stuffed)
    error = c.read()
    assert error.type == "E" and b"unencrypted data" in error.body
    c.expect_closed()
    # and under TLS there is no other one
    c = secure(cp, login=False)
    c.send(w.ssl_request())
    assert c.read_bytes(1) in (b"N", b"E")


def test_nonsense_in_place_of_a_handshake(make):
    cp = make()
    for data in (b"\0" * 100, w.startup({"user": "app"}), b"\x16\x03\x01\0\0",
                 b"GET / HTTP/1.1\r\n\r\n"):
        c = cp.raw()
        c.send(w.ssl_request())
        assert c.read_bytes(1) == b"S"
        c.send(data)
        c.half_close()
        with pytest.raises((Closed, ConnectionError)):
            while True:
                c.read_bytes(1)
    assert secure(cp).value("SELECT 1") == "1"
    wait_until(lambda: "reason=tls" in cp.log, 5, "it is logged")


def test_a_handshake_has_its_time(make):
    """client_login_timeout covers it."""
    cp = make(client_login_timeout="1")
    c = cp.raw()
    c.send(w.ssl_request())
    assert c.read_bytes(1) == b"S"
    c.expect_closed(timeout=10)
    wait_until(lambda: "reason=client_login_timeout" in cp.log, 5, "it is logged")


def test_leaving_amid_a_handshake(make, authority):
    """At each byte of it."""
    cp = make()
    data = hello(authority)
    for n in range(0, len(data), 7):
        c = cp.raw()
        c.send(w.ssl_request())
        assert c.read_bytes(1) == b"S"
        c.send(data[:n])
        if n % 2:
            c.reset()
        else:
            c.close()
    assert secure(cp).value("SELECT 1") == "1"


def hello(authority):
    """What a client says first."""
    out = ssl.MemoryBIO()
    obj = context(authority).wrap_bio(ssl.MemoryBIO(), out,
                                      server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        obj.do_handshake()
    return out.read()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_in_pieces(make, fault, size):
    """However the network cuts it."""
    cp = make()
    link = fault.listen(cp.port)
    link.split(size)
    told = psql(cp, "SELECT repeat('x', 30000)", port=link.port,
                sslmode="require")
    assert told == "x" * 30000


def test_cut_off_under_tls(make):
    """Without a farewell, amid a transaction: the server is free again."""
    cp = make(default_pool_size=1)
    for end in (RawClient.reset, RawClient.close):
        c = secure(cp)
        c.query("BEGIN")
        end(c)
        assert secure(cp).value("SELECT 1") == "1"


# much data, many clients

def test_large_results_and_slow_readers(make):
    cp = make(default_pool_size=2)
    conn = psycopg2.connect(host="127.0.0.1", port=cp.port, user="app",
                            dbname="test", sslmode="require")
    with conn.cursor() as cur:
        cur.execute("SELECT repeat('x', 100000) FROM generate_series(1, 500)")
        assert sum(len(row[0]) for row in cur) == 50_000_000
    conn.close()
    slow = secure(cp)
    slow.send(w.query("SELECT repeat('x', 1000000)"
                      " FROM generate_series(1, 50)"))
    assert secure(cp).value("SELECT 1") == "1"
    n = sum(1 for m in slow.read_until("Z", timeout=30).messages
            if m.type == "D")
    assert n == 50


def test_copy_both_ways(make):
    cp = make()
    c = secure(cp)
    c.query("CREATE TEMP TABLE t (a int, b text)")
    c.query("BEGIN")
    c.query("CREATE TEMP TABLE u (a int, b text)")
    c.send(w.query("COPY u FROM STDIN"))
    c.expect("G")
    rows = b"".join(b"%d\t%s\n" % (n, b"y" * 500) for n in range(5000))
    for at in range(0, len(rows), 9999):
        c.send(w.copy_data(rows[at:at + 9999]))
    c.send(w.copy_done())
    c.read_until("Z")
    got = c.query("COPY u TO STDOUT")
    assert b"".join(m.body for m in got.messages if m.type == "d") == rows
    c.query("ROLLBACK")


@pytest.mark.parametrize("threads", [1, 4])
def test_many_clients_on_few_servers(make, threads):
    cp = make("require", default_pool_size=3, threads=threads)
    wrong = []

    def work(n):
        try:
            tls = context()
            for i in range(10):
                c = secure(cp, tls)
                for _ in range(5):
                    assert c.value(f"SELECT {n * 1000 + i}") == \
                        str(n * 1000 + i)
                c.close()
        except Exception as e:  # told below
            wrong.append(e)

    crowd = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    assert not wrong, wrong[0]
    assert cp.servers_open() <= 3


def test_cancel(make):
    """libpq 15 sends it in clear, whatever the connection was."""
    cp = make("require", default_pool_size=1)
    conn = psycopg2.connect(host="127.0.0.1", port=cp.port, user="app",
                            dbname="test", sslmode="require")
    timer = threading.Timer(0.3, conn.cancel)
    timer.start()
    with conn.cursor() as cur, \
            pytest.raises(psycopg2.errors.QueryCanceled):
        cur.execute("SELECT pg_sleep(20)")
    conn.close()


# resumption

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(make, version):
    """On every thread, and after a reload."""
    cp = make(threads=4)
    tls = context(minimum_version=version, maximum_version=version)
    c = secure(cp, tls)
    c.value("SELECT 1")
    assert not c.sock.session_reused
    session = c.sock.session
    c.close()
    for _ in range(8):
        c = secure(cp, tls, session=session)
        assert c.sock.session_reused
        assert c.value("SELECT 1") == "1"
        c.close()
    cp.console("RELOAD")
    assert secure(cp, tls, session=session).sock.session_reused


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_a_ticket_is_no_certificate(make, authority, version):
    """One from before they were asked for, or of another authority's time,
    resumes nothing; one of now does."""
    cp = make()
    cert, key = authority.issue("client", "app")
    tls = context(minimum_version=version, maximum_version=version)
    c = secure(cp, tls)
    c.value("SELECT 1")
    session = c.sock.session
    cp.settings.update(client_tls_sslmode="verify-ca",
                       client_tls_ca_file=authority.ca)
    cp.write()
    cp.console("RELOAD")
    cp.close_clients()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure(cp, tls, session=session)
    good = context(minimum_version=version, maximum_version=version)
    good.load_cert_chain(cert, key)
    c = secure(cp, good)
    c.value("SELECT 1")
    session = c.sock.session
    assert secure(cp, good, session=session).sock.session_reused
    cp.settings["client_tls_ca_file"] = Authority("another one").ca
    cp.write()
    cp.console("RELOAD")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secure(cp, good, session=session)


# reload

def number(c):
    return ssl.DER_cert_to_PEM_cert(c.sock.getpeercert(True))


def test_reload(make, authority):
    """New files serve new connections; a bad one changes nothing."""
    cp = make()
    old = secure(cp)
    authority.issue("server")
    cp.console("RELOAD")
    new = secure(cp)
    assert number(new) != number(old)
    assert old.value("SELECT 1") == "1"
    with open(f"{authority.folder}/server.pem", "w", encoding="ascii") as f:
        f.write("nonsense")
    with pytest.raises(PgError) as e:
        cp.console("RELOAD")
    assert "certificate" in str(e.value)
    assert number(secure(cp)) == number(new)
    for c in (old, new):
        assert c.value("SELECT 1") == "1"


def test_reload_switches_it_on_and_off(make, authority):
    cp = make("disable")
    plain = cp.connect()
    cp.settings["client_tls_sslmode"] = "require"
    cp.write()
    cp.console("RELOAD")
    under = secure(cp)
    assert plain.value("SELECT 1") == "1"
    with pytest.raises(PgError):
        cp.connect()
    cp.settings["client_tls_sslmode"] = "disable"
    cp.write()
    cp.signal(signal.SIGHUP)
    wait_until(lambda: offers(cp) == b"N", 5, "no TLS any more")
    assert under.value("SELECT 1") == "1"


def offers(cp):
    with socket.create_connection(("127.0.0.1", cp.port), 5) as s:
        s.sendall(w.ssl_request())
        return s.recv(1)


def test_a_key_under_a_passphrase(make_carpool, authority):
    """Nobody is asked for it."""
    cert, key = authority.issue("server")
    with open(key, "rb") as f:
        plain = serialization.load_pem_private_key(f.read(), None)
    locked = f"{authority.folder}/locked.key"
    with open(locked, "wb") as f:
        f.write(plain.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret")))
    cp = make_carpool(start=False, client_tls_sslmode="require",
                      client_tls_cert_file=cert, client_tls_key_file=locked)
    cp.write()
    done = carpool.run("--check", f"{cp.dir}/carpool.ini")
    assert done.returncode == 1
    assert f'key "{locked}"' in done.stdout + done.stderr


def test_a_reader_who_stops_and_goes_on(make):
    """Both ways at once, with full sockets: nothing gets stuck."""
    cp = make()
    c = secure(cp)
    for n in range(20):
        big = "x" * 400000
        c.send(*[w.query(f"SELECT '{big}', repeat('y', 3000000)")] * 3)
        for _ in range(3):
            rows = c.read_until("Z", timeout=20).rows
            assert len(rows[0][1]) == 3000000, n


def s_client(cp, sql, *options):
    """What openssl's own client gets for a query, as bytes."""
    said = w.startup({"user": "app", "database": "test"}) + w.query(sql)
    client = subprocess.Popen(
        ["openssl", "s_client", "-quiet", "-starttls", "postgres", *options,
         "-connect", f"127.0.0.1:{cp.port}"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        client.stdin.write(said)
        client.stdin.flush()
        os.set_blocking(client.stdout.fileno(), False)
        got = b""

        def whole():
            nonlocal got
            got += client.stdout.read() or b""
            return got.count(b"Z\0\0\0\5I") == 2

        wait_until(whole, 10, "both answers")
        return got
    finally:
        client.kill()
        client.wait()


def test_small_records(make):
    """A client that takes 512 bytes at a time gets long results, too."""
    cp = make()
    for n in (100, 2000, 300000):
        got = s_client(cp, f"SELECT repeat('x', {n})", "-maxfraglen", "512")
        assert b"x" * n in got


def test_the_end_of_tls_and_then_of_the_socket(make):
    """Two edges: the second one keeps no core busy."""
    cp = make()
    c = secure(cp)
    c.send(w.query("SELECT pg_sleep(0.5)"))
    c.sock.settimeout(0.2)
    with pytest.raises((TimeoutError, ssl.SSLError)):
        c.sock.unwrap()  # close_notify goes out; the other one waits
    used = cpu(cp.pid)
    c.sock.shutdown(socket.SHUT_WR)
    cp.wait_log("client_close client=2")  # asking the console would cost CPU
    assert cpu(cp.pid) - used < 0.25


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("name, value", [
    ("protocols", "all:!tlsv1.0"), ("protocols", "!tlsv1.0,!tlsv1.1"),
    ("ecdhcurve", "none"), ("ciphers", "insecure")])
def test_words_of_pgbouncer(make, name, value):
    cp = make("require", **{f"client_tls_{name}": value})
    assert "TLSv1.3" in psql(cp, "\\conninfo", sslmode="require")
