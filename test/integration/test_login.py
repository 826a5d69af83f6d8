"""Logging in: every method on either side, refusals, and startup packets."""

import struct

import pytest

from tools import pgwire
from tools.account import SENTINEL
from tools.pgwire import md5_secret
from tools.postgres import USERS
from tools.raw import PgError, Unexpected
from tools.scram import ScramClient, verifier
from tools.wait import wait_until

PW = f"{SENTINEL}-pw"
CLIENT_METHODS = {"trust": 0, "plain": 3, "md5": 5, "scram-sha-256": 10}


def forced(pg, user):
    """A database entry that logs in as one of the server's users."""
    return {"pg": pg, "dbname": "test", "user": user,
            "password": USERS[user][0]}


@pytest.mark.parametrize("method", CLIENT_METHODS)
def test_client_method_is_asked_for(make_carpool, method):
    cp = make_carpool(auth_type=method)
    c = cp.connect()
    assert c.session.auth_methods[0] == CLIENT_METHODS[method]
    assert c.session.auth_methods[-1] == 0
    assert c.value("SELECT current_user") == "app"


@pytest.mark.parametrize("server", ["u_plain", "u_md5", "u_scram"])
@pytest.mark.parametrize("client", CLIENT_METHODS)
def test_every_client_method_with_every_server_method(
        make_carpool, pg, client, server):
    """The password of the user list serves both sides."""
    cp = make_carpool(auth_type=client)
    c = cp.connect(server)
    assert c.value("SELECT current_user") == server


@pytest.mark.parametrize("server", ["u_plain", "u_md5", "u_scram"])
def test_forced_server_user(make_carpool, pg, server):
    cp = make_carpool({"test": forced(pg, server)},
                      auth_type="scram-sha-256")
    assert cp.connect().value("SELECT current_user") == server


@pytest.mark.parametrize("auth,stored", [
    ("md5", "clear"), ("md5", "md5"), ("md5", "scram"),
    ("scram-sha-256", "clear"), ("scram-sha-256", "scram"),
    ("plain", "clear"), ("plain", "md5"), ("plain", "scram"),
    ("trust", "clear"), ("trust", "md5"), ("trust", "scram")])
def test_forms_of_the_user_list(make_carpool, auth, stored):
    """Clear text, md5 and SCRAM secrets; md5 with a SCRAM secret means
    SCRAM."""
    secret = {"clear": PW, "md5": md5_secret("app", PW),
              "scram": verifier(PW)}[stored]
    cp = make_carpool(auth_type=auth, userlist={"app": secret})
    c = cp.connect(password=PW)
    assert c.value("SELECT 1") == "1"
    if auth == "md5":
        want = 10 if stored == "scram" else 5
        assert c.session.auth_methods[0] == want
    if auth != "trust":
        with pytest.raises(PgError) as e:
            cp.connect(password="wrong")
        assert e.value.sqlstate == "28P01"


def test_scram_secret_passes_through_to_the_server(make_carpool, pg):
    """Only the verifier is known, the same that the server has: the client's
    proof opens the server."""
    cp = make_carpool(auth_type="scram-sha-256",
                      userlist={"u_scram": pg.secret("u_scram")})
    c = cp.connect("u_scram", password=USERS["u_scram"][0])
    assert c.value("SELECT current_user") == "u_scram"


def test_md5_secret_logs_in_to_an_md5_server(make_carpool, pg):
    cp = make_carpool(auth_type="md5",
                      userlist={"u_md5": pg.secret("u_md5")})
    c = cp.connect("u_md5", password=USERS["u_md5"][0])
    assert c.value("SELECT current_user") == "u_md5"


@pytest.mark.parametrize("method", ["plain", "md5", "scram-sha-256"])
def test_unknown_user_looks_like_a_wrong_password(make_carpool, method):
    cp = make_carpool(auth_type=method)

    def attempt(user, password):
        c = cp.raw()
        with pytest.raises(PgError) as e:
            c.login(user, "test", password)
        c.expect_closed()
        f = dict(e.value.fields)
        f["M"] = f["M"].replace(user, "USER")
        return "".join(m.type for m in c.all_received), f

    wrong = attempt("app", "wrong")
    unknown = attempt("nobody-here", "wrong")
    assert wrong == unknown
    assert wrong[1]["C"] == "28P01"
    assert wrong[1]["S"] == "FATAL"
    assert wrong[1]["M"] == \
        'password authentication failed for user "USER"'


def test_mock_salt_of_an_unknown_user_is_stable(make_carpool):
    cp = make_carpool(auth_type="scram-sha-256")

    def salt(user):
        c = cp.raw()
        c.send(pgwire.startup({"user": user, "database": "test"}))
        c.expect("R")
        c.send(pgwire.sasl_initial("SCRAM-SHA-256", ScramClient("x").first()))
        parts = c.expect("R").messages[0].body[4:].decode().split(",")
        c.close()
        return parts[1:]

    assert salt("ghost") == salt("ghost")
    assert salt("ghost") != salt("spirit")
    assert salt("ghost")[1] == salt("app")[1], "iterations differ"
    assert len(salt("ghost")[0]) == len(salt("app")[0])


def test_empty_password_is_refused(make_carpool):
    cp = make_carpool(auth_type="plain", userlist={"app": ""})
    c = cp.raw()
    with pytest.raises(PgError) as e:
        c.login("app", "test", "")
    assert e.value.sqlstate == "28P01"


def test_user_without_secret_is_refused_under_trust(make_carpool):
    """auth_type trust still wants the user to be in the user list, as in
    PgBouncer."""
    cp = make_carpool()
    with pytest.raises(PgError) as e:
        cp.connect("nobody-here")
    assert e.value.sqlstate == "28P01"


def test_any_user_with_auth_type_any(make_carpool, pg):
    cp = make_carpool({"test": forced(pg, "u_scram")}, auth_type="any")
    assert cp.connect("whoever").value("SELECT current_user") == "u_scram"


def test_unknown_database(make_carpool):
    cp = make_carpool()
    with pytest.raises(PgError) as e:
        cp.connect(database="missing")
    assert e.value.sqlstate == "3D000"
    assert e.value.severity == "FATAL"
    assert e.value.message == 'database "missing" does not exist'


@pytest.mark.parametrize("method", ["plain", "md5", "scram-sha-256"])
def test_unknown_database_is_told_only_after_the_password(
        make_carpool, method):
    cp = make_carpool(auth_type=method)
    with pytest.raises(PgError) as e:
        cp.connect(database="missing", password="wrong")
    assert e.value.sqlstate == "28P01"
    with pytest.raises(PgError) as e:
        cp.connect(database="missing")
    assert e.value.sqlstate == "3D000"


def test_database_unknown_to_the_server(make_carpool, pg):
    cp = make_carpool({"test": {"pg": pg, "dbname": "not_there"}})
    with pytest.raises(PgError) as e:
        cp.connect().query("SELECT 1")
    assert e.value.sqlstate == "3D000"


def test_server_refuses_the_password(make_carpool, pg):
    cp = make_carpool({"test": {"pg": pg, "user": "u_scram",
                                "password": f"{SENTINEL}-bad"}})
    with pytest.raises(PgError) as e:
        cp.connect().query("SELECT 1")
    assert e.value.sqlstate in ("28P01", "08001")
    assert "password authentication failed" in e.value.message


def test_database_defaults_to_the_user(make_carpool, pg):
    cp = make_carpool({"app": {"pg": pg, "dbname": "test"}})
    c = cp.raw()
    c.login("app", None)
    assert c.value("SELECT current_database()") == "test"


def test_star_database(make_carpool, pg):
    cp = make_carpool({"*": {"pg": pg}})
    c = cp.connect(database="postgres")
    assert c.value("SELECT current_database()") == "postgres"
    c = cp.connect(database="test")
    assert c.value("SELECT current_database()") == "test"


def test_star_entry_never_reaches_the_console_name(make_carpool, pg):
    cp = make_carpool({"*": {"pg": pg}})
    with pytest.raises(PgError):
        cp.connect("app", database="pgbouncer")


ENCRYPTION = {"ssl": pgwire.ssl_request(), "gss": pgwire.gssenc_request()}


@pytest.mark.parametrize("order", [
    ("ssl",), ("gss",), ("ssl", "gss"), ("gss", "ssl")])
def test_encryption_requests_are_answered_n(make_carpool, order):
    cp = make_carpool()
    c = cp.raw()
    for name in order:
        c.send(ENCRYPTION[name])
        assert c.read_bytes(1) == b"N"
    c.login()
    assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("name", ENCRYPTION)
def test_bytes_behind_an_encryption_request_are_refused(make_carpool, name):
    cp = make_carpool()
    c = cp.raw()
    c.send(ENCRYPTION[name] + pgwire.startup(
        {"user": "app", "database": "test"}))
    got = b""
    try:
        while data := c.sock.recv(1000):
            got += data
    except ConnectionError:
        pass
    assert b"Z\0\0\0\5I" not in got, "logged in"


@pytest.mark.parametrize("method", ["trust", "md5", "scram-sha-256"])
def test_startup_cut_at_every_byte(make_carpool, method):
    cp = make_carpool(auth_type=method)
    packet = pgwire.startup({"user": "app", "database": "test",
                             "application_name": "cut"})
    for at in range(1, len(packet)):
        c = cp.raw()
        c.send(packet[:at])
        c.send(packet[at:])
        c.finish_login("app", cp.userlist["app"])
        c.quit()
    c = cp.raw()
    c.send_split(packet, [1])
    c.finish_login("app", cp.userlist["app"])
    assert c.value("SHOW application_name") == "cut"


def test_newer_minor_version_is_negotiated(make_carpool):
    cp = make_carpool()
    c = cp.raw()
    got = c.login(protocol=(3 << 16) | 9999,
                  **{"_pq_.grease": "x", "_pq_.other": "y"})
    v = [m for m in got.messages if m.type == "v"]
    assert len(v) == 1
    newest, count = struct.unpack_from("!ii", v[0].body)
    assert newest in (0, 3 << 16)  # the protocol's text says minor version
    assert count == 2
    assert v[0].body[8:] == b"_pq_.grease\0_pq_.other\0"
    assert c.value("SELECT 1") == "1"


def test_pq_option_alone_is_negotiated(make_carpool):
    cp = make_carpool()
    got = cp.raw().login(**{"_pq_.thing": "1"})
    assert got.types.count("v") == 1


def test_plain_3_0_needs_no_negotiation(make_carpool):
    cp = make_carpool()
    assert "v" not in cp.raw().login().types


def test_protocol_2_is_refused_in_its_own_format(make_carpool):
    """As PostgreSQL: an old client cannot read the errors of 3.0."""
    cp = make_carpool()
    c = cp.raw()
    c.send(pgwire.startup({"user": "app", "database": "test"},
                          protocol=2 << 16))
    got = b""
    while data := c.sock.recv(1000):
        got += data
    assert got.startswith(b"E"), got
    assert b"unsupported frontend protocol 2.0" in got, got


@pytest.mark.parametrize("protocol", [0, 4 << 16, 0x12345678])
def test_other_major_versions_are_refused(make_carpool, protocol):
    cp = make_carpool()
    c = cp.raw()
    with pytest.raises(PgError) as e:
        c.login(protocol=protocol)
    assert e.value.sqlstate == "0A000"
    c.expect_closed()


def test_protocol_2_is_refused(make_carpool):
    """In whatever form: its errors have no length."""
    cp = make_carpool()
    c = cp.raw()
    c.send(pgwire.startup({"user": "app", "database": "test"}, 2 << 16))
    got = b""
    try:
        while data := c.sock.recv(1000):
            got += data
    except ConnectionError:
        pass
    assert not got.startswith(b"R")


@pytest.mark.parametrize("value", ["true", "database", "on", "1"])
def test_replication_is_refused_with_a_hint(make_carpool, value):
    cp = make_carpool()
    with pytest.raises(PgError) as e:
        cp.connect(replication=value)
    assert e.value.sqlstate == "0A000"
    assert "replication" in e.value.message
    assert e.value.hint


def test_replication_off_is_nothing_special(make_carpool):
    cp = make_carpool()
    for value in ("false", "off", "0", "no"):
        assert cp.connect(replication=value).value("SELECT 1") == "1"


BAD_PACKETS = {
    "length 0": struct.pack("!i", 0),
    "length 4": struct.pack("!i", 4),
    "length 7": struct.pack("!i", 7),
    "length 2^31": struct.pack("!I", 0x80000000),
    "length 2^32-1": struct.pack("!I", 0xFFFFFFFF),
    "length over the limit": struct.pack("!i", 10001),
    "one letter": struct.pack("!ii", 9, 3 << 16) + b"u",
    "name without end": pgwire.untyped(
        struct.pack("!i", 3 << 16) + b"user\0app"),
    "no end of the list": pgwire.untyped(
        struct.pack("!i", 3 << 16) + b"user\0app\0"),
    "nothing in it": pgwire.untyped(struct.pack("!i", 3 << 16) + b"\0"),
    "empty user": pgwire.untyped(
        struct.pack("!i", 3 << 16) + b"user\0\0\0"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00" * 40,
    "zeros": bytes(1000),
    "a query": pgwire.query("SELECT 1"),
    "a password": pgwire.password("x"),
}


def test_bad_first_packets_end_the_connection(make_carpool):
    cp = make_carpool(client_login_timeout=2)
    for name, packet in BAD_PACKETS.items():
        c = cp.raw()
        c.send(packet)
        c.half_close()
        assert "Z" not in c.drain().types, name
    assert cp.connect().value("SELECT 1") == "1"


def test_no_user_name(make_carpool):
    cp = make_carpool()
    c = cp.raw()
    c.send(pgwire.startup({"database": "test"}))
    assert c.expect_error("28000").severity == "FATAL"
    c.expect_closed()


@pytest.mark.parametrize("name,value", [("user", "u" * 128),
                                        ("database", "d" * 64)])
def test_names_too_long_are_refused(make_carpool, name, value):
    cp = make_carpool()
    c = cp.raw()
    with pytest.raises(PgError):
        c.login(**{name: value})
    c.expect_closed()


@pytest.mark.parametrize("method", ["plain", "md5", "scram-sha-256"])
def test_other_messages_instead_of_the_password(make_carpool, method):
    cp = make_carpool(auth_type=method)
    for extra in (pgwire.query("SELECT 1"), pgwire.sync(),
                  pgwire.terminate(), pgwire.parse("", "SELECT 1"),
                  pgwire.startup({"user": "admin", "database": "test"}),
                  pgwire.ssl_request(), pgwire.copy_data(b"x")):
        c = cp.raw()
        c.send(pgwire.startup({"user": "app", "database": "test"}))
        c.expect("R")
        c.send(extra)
        c.half_close()
        got = c.drain()
        assert "Z" not in got.types, extra
        assert bytes(4) not in [m.body for m in got.messages
                                if m.type == "R"], extra


def test_sasl_response_twice(make_carpool):
    cp = make_carpool(auth_type="scram-sha-256")
    c = cp.raw()
    c.send(pgwire.startup({"user": "app", "database": "test"}))
    c.expect("R")
    s = ScramClient(cp.userlist["app"])
    c.send(pgwire.sasl_initial("SCRAM-SHA-256", s.first()))
    c.expect("R")
    c.send(pgwire.sasl_initial("SCRAM-SHA-256", s.first()))
    assert c.expect_error().severity == "FATAL"
    c.expect_closed()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "PLAIN", ""])
def test_unknown_sasl_mechanism(make_carpool, mechanism):
    cp = make_carpool(auth_type="scram-sha-256")
    c = cp.raw()
    c.send(pgwire.startup({"user": "app", "database": "test"}))
    c.expect("R")
    c.send(pgwire.sasl_initial(mechanism, ScramClient("x").first()))
    c.expect_error()
    c.expect_closed()


def test_ignored_and_unknown_startup_parameters(make_carpool):
    cp = make_carpool(ignore_startup_parameters="extra_float_digits")
    c = cp.connect(extra_float_digits="3", work_mem="5MB")
    assert c.value("SHOW extra_float_digits") == "1"
    assert c.value("SHOW work_mem") == "5MB"
    with pytest.raises(PgError) as e:
        cp.connect(is_superuser="on")
    assert "unsupported startup parameter" in e.value.message
    assert "is_superuser" in e.value.message


def test_startup_parameters_reach_the_server(make_carpool):
    cp = make_carpool(default_pool_size=1)
    c = cp.connect(application_name="mine", TimeZone="Europe/Paris",
                   DateStyle="German", client_encoding="LATIN1")
    assert c.value("SHOW application_name") == "mine"
    assert c.value("SHOW TimeZone") == "Europe/Paris"
    assert c.value("SHOW DateStyle") == "German, DMY"
    assert c.value("SHOW client_encoding") == "LATIN1"
    assert c.parameters["application_name"] == "mine"
    assert c.parameters["TimeZone"] == "Europe/Paris"


def test_startup_options(make_carpool):
    cp = make_carpool()
    c = cp.connect(options="-c TimeZone=Asia/Tokyo"
                           " --application-name=opt")
    assert c.value("SHOW TimeZone") == "Asia/Tokyo"
    assert c.value("SHOW application_name") == "opt"


def test_hostile_startup_options_cost_nothing(make_carpool):
    cp = make_carpool()
    for options in ("-c", "-c =", "-c =x", "--=x", "-", "--", "\\",
                    "-c a=\\", "'", " " * 500, "-c" * 4000):
        c = cp.raw(timeout=5)
        try:
            c.login(options=options)
        except (PgError, ConnectionError):
            pass
        assert cp.connect().value("SELECT 1") == "1"


def test_login_parameters_are_those_of_the_server(make_carpool, pg):
    from tools.raw import RawClient

    cp = make_carpool()
    with RawClient.open(pg.host, pg.port) as direct:
        assert cp.connect().parameters == direct.parameters


def test_keys_are_unlike_each_other(make_carpool):
    cp = make_carpool()
    seen = {(c.pid, c.key) for c in (cp.connect() for _ in range(30))}
    assert len(seen) == 30
    assert len({k for _, k in seen}) > 25


@pytest.mark.parametrize("auth", ["clear", "md5", "scram"])
def test_login_to_a_fake_server(make_carpool, make_fake, auth):
    fake = make_fake(auth=auth, passwords={"app": PW})
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      userlist={"app": PW}, auth_type="scram-sha-256")
    assert cp.connect().value("SELECT 5") == "5"


def _rogue(first):
    """A server whose SCRAM starts with this message."""
    def script(conn):
        conn.send(pgwire.auth(10, b"SCRAM-SHA-256\0\0"))
        body = conn.expect("p").body
        nonce = body[body.index(b"r=") + 2:].decode()
        conn.send(pgwire.auth(11, first(nonce).encode()))
        conn.wait_closed()
    return script


ROGUE = {
    "iterations 2^31-1": lambda n: f"r={n}abc,s=c2FsdA==,i=2147483647",
    "iterations 0": lambda n: f"r={n}abc,s=c2FsdA==,i=0",
    "iterations -5": lambda n: f"r={n}abc,s=c2FsdA==,i=-5",
    "no salt": lambda n: f"r={n}abc,s=,i=4096",
    "foreign nonce": lambda n: "r=somethingelse,s=c2FsdA==,i=4096",
    "nonce not extended": lambda n: f"r={n},s=c2FsdA==,i=4096",
    "long nonce": lambda n: f"r={n}" + "x" * 60000 + ",s=c2FsdA==,i=4096",
    "nothing": lambda n: "",
    "an error": lambda n: "e=other-error",
}


@pytest.mark.parametrize("name", ROGUE)
def test_rogue_scram_server_harms_only_its_pool(
        make_carpool, make_fake, pg, name):
    fake = make_fake(_rogue(ROGUE[name]))
    cp = make_carpool({"bad": {"host": fake.host, "port": fake.port},
                       "test": pg}, query_wait_timeout=2)
    c = cp.raw()
    try:
        c.login(database="bad", password=cp.userlist["app"])
        c.query("SELECT 1", check=True)
        raise Unexpected("the rogue server was believed")
    except (PgError, ConnectionError):
        pass
    assert cp.connect().value("SELECT 1") == "1"


def test_server_that_skips_its_signature_is_not_believed(
        make_carpool, make_fake):
    def script(conn):
        conn.send(pgwire.auth(10, b"SCRAM-SHA-256\0\0"))
        body = conn.expect("p").body
        nonce = body[body.index(b"r=") + 2:].decode()
        conn.send(pgwire.auth(
            11, f"r={nonce}abc,s=c2FsdA==,i=4096".encode()))
        conn.expect("p")
        conn.send(pgwire.auth(0))
        try:
            conn.greet()
            conn.serve()
        finally:
            conn.fake.queries_seen = conn.received

    fake = make_fake(script)
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      query_wait_timeout=2)
    c = cp.raw()
    with pytest.raises((PgError, ConnectionError)):
        c.login(password=cp.userlist["app"])
        c.query("SELECT 1")
    assert fake.queries() == []


def test_secrets_stay_out_of_a_verbose_log(make_carpool, pg):
    cp = make_carpool({"test": forced(pg, "u_plain")}, verbose=3,
                      auth_type="plain")
    cp.connect().query("SELECT 1")
    with pytest.raises(PgError):
        cp.connect(password=f"{SENTINEL}-typo")
    cp.admin("SHOW CONFIG")
    cp.reload()
    wait_until(lambda: "app" in cp.log)  # the oracle reads the log
