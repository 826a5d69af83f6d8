"""The PROXY protocol: clients behind a proxy that says who they are."""

import socket
import ssl
import struct
import threading

import pymysql
import pytest

from tools import pgwire as w
from tools.account import scratch
from tools.certs import Authority
from tools.login import PW
from tools.raw import Closed, RawClient
from tools.wait import wait_until

PROXY = "127.0.0.2"
V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source="10.1.2.3", port=40000):
    return f"PROXY TCP4 {source} 10.0.0.1 {port} 6432\r\n".encode()


def v2(source="10.1.2.3", port=40000, rest=b""):
    body = (socket.inet_aton(source) + socket.inet_aton("10.0.0.1")
            + struct.pack("!HH", port, 6432) + rest)
    return V2 + b"\x21\x11" + struct.pack("!H", len(body)) + body


LOCAL = V2 + b"\x20\0\0\0"
HEADERS = {"v1": v1(), "v2": v2(), "name": v2(rest=b"\x02\0\x02ab"),
           "long": v2(rest=b"\x04\x03\xe8" + bytes(1000))}


def arrive(port, source=PROXY):
    return socket.create_connection(("127.0.0.1", port), 10, (source, 0))


def client(cp, header, source=PROXY):
    """A RawClient that has come by way of a proxy."""
    c = cp.raw()
    c.sock.close()
    c.sock = arrive(cp.port, source)
    c.send(header)
    return c


@pytest.fixture
def make(make_carpool):
    def start(databases=None, **kw):
        return make_carpool(databases, **{
            "proxy_protocol_networks": f"{PROXY}/32, fd00::/8", **kw})
    return start


def clients(cp, user="app"):
    return [(r["addr"], r["port"]) for r in cp.admin("SHOW CLIENTS")
            if r["user"] == user]


@pytest.mark.parametrize("name", HEADERS)
def test_the_address_is_the_headers(make, name):
    cp = make(application_name_add_host=1)
    c = client(cp, HEADERS[name])
    c.login("app", "test")
    assert clients(cp) == [("10.1.2.3", "40000")]
    assert "10.1.2.3:40000" in c.value("SHOW application_name")
    cp.wait_log("addr=10.1.2.3 port=40000")
    c.close()
    wait_until(lambda: "client_close client=" in cp.log
               and "addr=10.1.2.3 reason=" in cp.log)


def test_in_one_write_and_in_pieces(make):
    """What follows in the same read is the client's; each byte may come
    alone."""
    cp = make(tcp_defer_accept=0)
    for header in HEADERS.values():
        c = client(cp, header + w.startup({"user": "app",
                                           "database": "test"}))
        c.read_until("Z")
        assert clients(cp) == [("10.1.2.3", "40000")]
        c.close()
        wait_until(lambda: clients(cp) == [])
    for header in (v1(), v2()):
        c = client(cp, b"")
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header:
            c.send(bytes([byte]))
        c.login("app", "test")
        assert clients(cp) == [("10.1.2.3", "40000")]
        c.close()
        wait_until(lambda: clients(cp) == [])


def test_the_proxy_itself(make):
    """Its looks whether we live count as its own."""
    cp = make()
    for header in (LOCAL, b"PROXY UNKNOWN\r\n"):
        c = client(cp, header)
        c.login("app", "test")
        assert clients(cp)[0][0] == PROXY
        c.close()
        wait_until(lambda: clients(cp) == [])


@pytest.mark.parametrize("what", [
    w.startup({"user": "app", "database": "test"}), w.ssl_request(),
    b"PROXY TCP4 10.1.2.3\r\n", V2 + b"\x21\x11\xff\xff", b"PROXY " + b"x" * 200,
    b"PROXY TCP4 10.1.2.3 10.0.0.1 40000 64"],
    ids=["startup", "ssl", "short", "long v2", "long v1", "cut"])
def test_wrong_and_missing(make, what):
    """Where it is asked for nothing else will do; no word is lost on it."""
    cp = make(tcp_defer_accept=0)
    c = client(cp, what)
    c.half_close()
    with pytest.raises((Closed, ConnectionError)):
        c.read()
    cp.wait_log("reason=proxy_header")


def test_nobody_else_may_say_it(make):
    """From elsewhere it is no message of the protocol's."""
    cp = make()
    for header in (v1(), v2()):
        c = client(cp, header, "127.0.0.1")
        c.send(w.startup({"user": "app", "database": "test"}))
        assert c.drain().errors[0].sqlstate == "08P01"
    assert "10.1.2.3" not in cp.log
    assert cp.connect().value("SELECT 1") == "1"


def test_rules_see_it(make):
    folder = scratch("proxy")
    hba = f"{folder}/hba.conf"
    with open(hba, "w", encoding="utf-8") as f:
        f.write("host pgbouncer admin 127.0.0.1/32 trust\n"
                "host all all 10.1.2.3/32 trust\n"
                f"host all all {PROXY}/32 reject\n")
    cp = make(auth_type="hba", auth_hba_file=hba)
    client(cp, v1()).login("app", "test")
    for header in (v1("10.1.2.4"), LOCAL):
        c = client(cp, header)
        with pytest.raises(Exception) as e:
            c.login("app", "test")
        assert e.value.sqlstate == "28000"


def test_before_tls(make):
    authority = Authority()
    cert, key = authority.issue("server")
    cp = make(client_tls_sslmode="require", client_tls_cert_file=cert,
              client_tls_key_file=key, auth_type="scram-sha-256",
              userlist={"app": PW})
    c = client(cp, v2())
    c.send(w.ssl_request())
    assert c.read_bytes(1) == b"S"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    c.sock = tls.wrap_socket(c.sock)
    c.login("app", "test", PW)
    assert clients(cp) == [("10.1.2.3", "40000")]


class Behind(pymysql.connections.Connection):
    """A PyMySQL connection by way of a proxy."""

    def __init__(self, port, header, **kw):
        super().__init__(host="127.0.0.1", port=port, defer_connect=True,
                         **kw)
        sock = arrive(port)
        sock.sendall(header)
        self.connect(sock)


def test_mysql_clients_are_greeted_at_once(make, mariadb):
    """Trap 51: with a header, and without one from the same network."""
    cp = make({}, mysql={"test": mariadb})
    words = {"user": "app", "password": cp.userlist["app"],
             "database": "test"}
    for header, addr in ((v1(), "10.1.2.3"), (v2(), "10.1.2.3"),
                         (LOCAL, PROXY), (b"", PROXY)):
        conn = Behind(cp.mysql_port, header, **words)
        with conn.cursor() as cur:
            cur.execute("SELECT 6*7")
            assert cur.fetchone() == (42,)
        assert clients(cp)[0][0] == addr
        conn.close()
        wait_until(lambda: clients(cp) == [])
    s = arrive(cp.mysql_port)
    s.sendall(b"PROXY TCP4 nonsense\r\n")
    while s.recv(4096):
        pass
    s.close()
    cp.wait_log("reason=proxy_header")


def test_many_over_all_threads(make):
    """The address goes along when a client moves; each has its own."""
    cp = make(threads=4, max_client_conn=200)
    made = []
    for i in range(60):
        c = client(cp, v1(f"10.1.2.{i + 1}", 40000 + i))
        c.login("app", "test")
        made.append(c)
    want = sorted((f"10.1.2.{i + 1}", str(40000 + i)) for i in range(60))
    assert sorted(clients(cp)) == want
    for c in made[::2]:
        c.close()
    wait_until(lambda: sorted(clients(cp)) == sorted(
        (f"10.1.2.{i + 1}", str(40000 + i)) for i in range(1, 60, 2)))


def test_reload(make):
    cp = make()
    cp.settings["proxy_protocol_networks"] = ""
    cp.reload()
    c = RawClient(cp.host, cp.port)
    c.sock.close()
    c.sock = arrive(cp.port)
    c.login("app", "test")
    assert clients(cp)[0][0] == PROXY
    c.close()


def test_half_a_header_before_the_greeting(make, mariadb):
    """The greeting waits for what servers say of themselves; what comes
    meanwhile does not lose it."""

    go = threading.Event()
    gate = socket.create_server(("127.0.0.1", 0))

    def relay():
        while True:
            try:
                s, _ = gate.accept()
            except OSError:
                return
            go.wait(20)
            up = socket.create_connection(("127.0.0.1", mariadb.port))
            for a, b in ((s, up), (up, s)):
                threading.Thread(target=pump, args=(a, b), daemon=True).start()

    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    threading.Thread(target=relay, daemon=True).start()
    try:
        cp = make({}, tcp_defer_accept=0, mysql={"test": {
            "host": "127.0.0.1", "port": gate.getsockname()[1],
            "user": "app", "password": mariadb.users["app"][0]}},
            userlist={"app": "x"})
        s = arrive(cp.mysql_port)
        s.sendall(v1()[:10])
        wait_until(lambda: clients_before_login(cp) == 1)
        go.set()
        s.settimeout(10)
        assert s.recv(4096)[4] == 10  # the greeting
        s.sendall(v1()[10:])
        s.close()
    finally:
        go.set()
        gate.close()


def clients_before_login(cp):
    return int({r["list"]: r["items"] for r in cp.admin("SHOW LISTS")}
               ["login_clients"])
