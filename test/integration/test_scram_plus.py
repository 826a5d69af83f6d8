"""SCRAM-SHA-256-PLUS: logins tied to the server's certificate, on both
sides."""

import hashlib
import os
import ssl
import subprocess

import pytest

from tools import pgwire as w
from tools.account import give
from tools.certs import Authority
from tools.login import PW
from tools.postgres import USERS
from tools.raw import PgError
from tools.scram import ScramClient, verifier
from tools.tlsrelay import TlsRelay
from tools.wait import wait_until

PLUS = "SCRAM-SHA-256-PLUS"
SECRETS = {"clear": PW, "verifier": verifier(PW)}


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def make(make_carpool, authority):
    """make(mode, secret, **settings): a carpool that asks for SCRAM."""
    def start(mode="prefer", secret=PW, databases=None, **kw):
        cert, key = authority.issue("server")
        return make_carpool(databases, auth_type="scram-sha-256",
                            client_tls_sslmode=mode,
                            client_tls_cert_file=cert,
                            client_tls_key_file=key,
                            userlist={"app": secret}, **kw)
    return start


def psql(port, **words):
    words = {"host": "127.0.0.1", "port": port, "user": "app",
             "dbname": "test", "sslmode": "require", **words}
    done = subprocess.run(
        ["psql", " ".join(f"{k}={v}" for k, v in words.items()), "-XAtc",
         "SELECT 1"], text=True, capture_output=True, timeout=30,
        check=False, env={**os.environ, "PGPASSWORD": PW})
    return done.stdout.strip() if done.returncode == 0 else done.stderr


# clients

@pytest.mark.parametrize("secret", SECRETS)
def test_psql(make, secret):
    cp = make(secret=SECRETS[secret])
    for binding in ("require", "prefer", "disable"):
        assert psql(cp.port, channel_binding=binding) == "1"
        assert "password authentication failed" in psql(
            cp.port, channel_binding=binding, password="wrong")
    # Over a unix socket and in clear there is nothing to tie it to.
    assert "channel binding" in psql(cp.port, channel_binding="require",
                                     sslmode="disable")
    assert psql(cp.port, sslmode="disable") == "1"
    assert psql(cp.port, host=cp.dir) == "1"


def test_psql_at_a_new_certificate(make, authority):
    """The one of the connection counts, not the newest."""
    cp = make()
    c = secure(cp)
    cp.settings["client_tls_cert_file"], cp.settings["client_tls_key_file"] \
        = authority.issue("newer")
    cp.reload()
    assert psql(cp.port, channel_binding="require") == "1"
    login(c, PLUS, binding_of(c))
    c.close()


def test_somebody_in_the_middle(make, authority):
    """A password that goes through another's certificate proves nothing, nor
    where the list was cut."""
    cp = make()
    cert, key = authority.issue("middle")
    with TlsRelay(cp.port, cert, key) as relay:
        for binding in ("require", "prefer"):
            told = psql(relay.port, channel_binding=binding)
            assert "malformed SCRAM message" in told, told
        # Who does not care is not helped.
        assert psql(relay.port, channel_binding="disable") == "1"
    with TlsRelay(cp.port, cert, key, hide=PLUS.encode()) as relay:
        assert "malformed SCRAM message" in psql(relay.port)
        assert "channel binding" in psql(relay.port,
                                         channel_binding="require")


def secure(cp):
    c = cp.raw()
    c.send(w.ssl_request())
    assert c.read_bytes(1) == b"S"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    c.sock = tls.wrap_socket(c.sock)
    c.send(w.startup({"user": "app", "database": "test"}))
    return c


def binding_of(c):
    return hashlib.sha256(c.sock.getpeercert(True)).digest()


def login(c, mechanism, binding, gs2="p=tls-server-end-point,,"):
    """As a client does that says just this; raises PgError."""
    assert c.read().body[4:] == b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"
    scram = ScramClient(PW, gs2=gs2, binding=binding)
    c.send(w.sasl_initial(mechanism, scram.first()))
    challenge = c.read()
    if challenge.type == "E":
        raise PgError(challenge.body)
    c.send(w.sasl_response(scram.final(challenge.body[4:])))
    done = c.read()
    if done.type == "E":
        raise PgError(done.body)
    scram.verify(done.body[4:])
    c.read_until("Z")


@pytest.mark.parametrize("user", ["app", "stranger"])
@pytest.mark.parametrize("mechanism, gs2, right, state", [
    (PLUS, "p=tls-server-end-point,,", True, None),
    (PLUS, "p=tls-server-end-point,,", False, "08P01"),
    (PLUS, "n,,", True, "08P01"), (PLUS, "y,,", True, "08P01"),
    (PLUS, "p=tls-unique,,", True, "08P01"),
    ("SCRAM-SHA-256", "y,,", True, "08P01"),
    ("SCRAM-SHA-256", "n,,", True, None),
    ("SCRAM-SHA-256", "p=tls-server-end-point,,", True, "08P01"),
    ("SCRAM-SHA-256-MINUS", "n,,", True, "08P01")])
def test_what_clients_say(make, mechanism, gs2, right, state, user):
    """The same to a user who is not there, up to the proof."""
    cp = make()
    c = secure(cp)
    if user == "stranger":
        c.close()
        cp.userlist.pop("app")
        cp.reload()
        c = secure(cp)
        state = state or "28P01"
    binding = binding_of(c) if right else b"x" * 32
    if gs2[0] != "p":
        binding = b""
    if state is None:
        login(c, mechanism, binding, gs2)
    else:
        with pytest.raises(PgError) as e:
            login(c, mechanism, binding, gs2)
        assert e.value.sqlstate == state
    c.close()


# servers

@pytest.fixture
def secure_pg(make_pg, authority):
    cert, key = authority.issue("pg")
    for path in (cert, key):
        give(path)
        os.chmod(path, 0o600)
    return make_pg(ssl="on", ssl_cert_file=cert, ssl_key_file=key)


def entry(port, binding, **words):
    user, password = "u_scram", USERS["u_scram"][0]
    return {"host": "127.0.0.1", "port": port, "dbname": "test", "user": user,
            "password": password, "sslmode": "require",
            "channel_binding": binding, **words}


def told(cp, database, user="app"):
    try:
        return cp.connect(user, database).value("SELECT 1")
    except PgError as e:
        return str(e)


def test_servers(make_carpool, secure_pg, authority):
    """Each way with the server itself, and with somebody in between."""
    cert, key = authority.issue("middle")
    ways = ("prefer", "require", "disable")
    with TlsRelay(secure_pg.port, cert, key) as relay, \
            TlsRelay(secure_pg.port, cert, key, PLUS.encode()) as cutter:
        cp = make_carpool({
            f"{name}_{way}": entry(port, way)
            for name, port in (("direct", secure_pg.port),
                               ("relay", relay.port), ("cut", cutter.port))
            for way in ways})
        for way in ways:
            assert told(cp, f"direct_{way}") == "1"
            # The server notices both.
            assert (told(cp, f"relay_{way}") == "1") == (way == "disable")
            assert (told(cp, f"cut_{way}") == "1") == (way == "disable")
        cp.wait_log("channel_binding=require, but the server does not offer")
        cp.wait_log("channel binding check failed")


def test_servers_that_cannot(make_carpool, pg, secure_pg):
    """Without TLS, or without a proof at all, nothing is tied to anything."""
    cp = make_carpool({
        "clear": entry(pg.port, "require", sslmode="disable"),
        "trust": entry(secure_pg.port, "require", user="app"),
        "md5": entry(secure_pg.port, "require", user="u_md5",
                     password=USERS["u_md5"][0]),
        "fine": entry(pg.port, "prefer", sslmode="disable")})
    for database in ("clear", "trust", "md5"):
        assert told(cp, database) != "1", database
    assert told(cp, "fine") == "1"
    wait_until(lambda: cp.log.count(
        "channel_binding=require, but the server") >= 3)


def test_keys_are_passed_through(make, secure_pg, authority):
    """With a verifier alone, tied to each side's own certificate."""
    secure_pg.query(f"ALTER ROLE u_scram PASSWORD '{SECRETS['verifier']}'")
    cp = make(secret=PW, databases={"test": {
        "pg": secure_pg, "dbname": "test", "sslmode": "require",
        "channel_binding": "require"}})
    cp.userlist["u_scram"] = SECRETS["verifier"]
    cp.reload()
    assert psql(cp.port, user="u_scram", channel_binding="require") == "1"
