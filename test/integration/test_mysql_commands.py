"""Commands and settings of MySQL that are carpool's own doing: files of the
client, the version that it is told, the key for its password, options, other
users, large commands, unknown ones."""

import hashlib
import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
import pytest

from tools import mywire as w, oracles
from tools.account import as_account
from tools.carpool import binary
from tools.mariadb import MariaDB
from tools.myanswer import MyError
from tools.raw import Closed
from tools.rawmysql import RawMysql
from tools.wait import wait_until

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF
LOAD = "LOAD DATA LOCAL INFILE 'x' INTO TABLE loaded"
USERS = {"app": "secret"}


def entry(fake):
    return f"host={fake.host} port={fake.port} user=app password=secret"


@pytest.fixture
def table(mariadb):
    mariadb.script("CREATE OR REPLACE TABLE loaded (a TEXT)", "test")
    return mariadb


@pytest.fixture
def make(make_carpool, mariadb):
    """carpool in front of MariaDB."""
    def made(**settings):
        settings.setdefault("default_pool_size", 1)
        return make_carpool({}, mysql={"test": mariadb, "other": mariadb},
                            userlist={u: p[0] or "" for u, p in
                                      mariadb.users.items()}, **settings)
    mariadb.query("CREATE DATABASE IF NOT EXISTS other")
    return made


# files of the client

def test_files_are_not_offered_by_default(make, table):
    carpool = make()
    c = carpool.my_connect(caps=MODERN | w.LOCAL_FILES)
    assert not c.greeting.caps & w.LOCAL_FILES
    assert c.query(LOAD, check=False).errors
    assert c.value("SELECT COUNT(*) FROM loaded") == "0"


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
@pytest.mark.parametrize("has_bit", [False, True])
def test_a_server_may_not_ask_for_files(
        make_carpool, make_fake_mysql, has_bit, caps):
    """Nobody who did not agree is asked, whatever the server does."""
    got = []

    def script(conn):
        conn.login()
        while True:
            code, rest = conn.read()
            if b"please" in rest:
                conn.send(b"\xfb/etc/passwd")
                got.append(conn.read_packet().payload)
                conn.ok(affected=7)
            elif code == w.QUERY:
                conn.answer_query(rest.decode())
            else:
                conn._answer_command(code, rest)

    fake = make_fake_mysql(script, passwords=USERS)
    carpool = make_carpool({}, mysql={"test": entry(fake)}, userlist=USERS,
                           local_infile=0 if has_bit else 1)
    c = carpool.my_connect(
        caps=caps | (w.LOCAL_FILES if has_bit else 0), exact=has_bit)
    for n in range(3):
        answer = c.query("SELECT 'please'", check=False)
        assert answer.wanted is None
        assert [e.code for e in answer.errors] == [1148]
        assert c.value("SELECT 5") == "5"
        assert got == [b""] * (n + 1)


def test_files_pass_in_any_size(make, table):
    carpool = make(local_infile=1)
    c = carpool.my_connect(caps=MODERN | w.LOCAL_FILES)
    b = carpool.my_connect()
    rows = b"".join(b"row %d\n" % n for n in range(200_000))
    for size in (w.MAX_PAYLOAD, 65536, 999):
        c.query("DELETE FROM loaded")
        ok = c.give_file(c.query(LOAD), rows, size=size).last
        assert ok.affected == 200_000
        assert b.value("SELECT COUNT(*) FROM loaded") == "200000"
    ok = c.give_file(c.query(LOAD), b"").last
    assert ok.affected == 0
    # the next command may come with the file's end
    c.query(LOAD)
    c.sock.sendall(w.packet(b"one\n", 2) + w.packet(b"", 3)
                   + w.packet(w.query("SELECT 'next'")))
    first = c.finish(c.answer_of(w.QUERY), seq=4)
    assert first.last.affected == 1
    assert c.finish(c.answer_of(w.QUERY)).value == "next"


@pytest.mark.parametrize("how", ["close", "reset", "kill"])
def test_a_file_that_breaks_off(make, table, how):
    carpool = make(local_infile=1)
    c = carpool.my_connect(caps=MODERN | w.LOCAL_FILES)
    b = carpool.my_connect()
    c.query(LOAD)
    c.say(b"half\n" * 1000, c.next_seq)
    if how == "kill":
        b.query(f"KILL {c.id}")
        with pytest.raises((Closed, MyError)):
            c.say(b"", 3)
            c.finish(c.answer_of(w.QUERY), seq=None).check()
    else:
        getattr(c, how)()
    # the pool has one server, which waited for the file
    assert b.value("SELECT 1") == "1"
    assert b.value("SELECT COUNT(*) FROM loaded") in ("0", "1000")


# what the client is told

def test_another_version(make):
    carpool = make(mysql_server_version="8.0.99-like")
    c = carpool.my_connect()
    assert c.greeting.version == "8.0.99-like"
    assert "MariaDB" in c.value("SELECT VERSION()")
    carpool.settings["mysql_server_version"] = "5.5.5-10.99.1-MariaDB"
    carpool.reload()
    wait_until(lambda: carpool.my_connect().greeting.version
               == "5.5.5-10.99.1-MariaDB", 5, "the new version")
    assert c.value("SELECT 1") == "1"


# Of some password; that nobody knows it does not matter.
SHA2_SECRET = ("0x24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503"
               "974624D34504B5A424679354856336868686F52485A736E4A733368786E"
               "427575516C73446469496537")


def key_of(carpool):
    """The key that a client is shown, which does not know the password."""
    c = RawMysql(carpool.host, carpool.mysql_port)
    carpool.clients.append(c)
    with pytest.raises(MyError) as e:
        c.login(user="app", password="not this", database="test",
                plugin=w.SHA2)
    assert e.value.code == 1045
    return next(p.payload[1:] for p in c.all_received
                if p.payload.startswith(b"\x01-----BEGIN"))


@pytest.mark.parametrize("has_file", [False, True])
def test_the_key_for_passwords(make_carpool, make_fake_mysql, tmp_path,
                               has_file):
    """From the file it is the same after a restart."""
    fake = make_fake_mysql(passwords=USERS)
    settings = {}
    if has_file:
        pair = rsa.generate_private_key(65537, 2048)
        path = tmp_path / "key.pem"
        path.write_bytes(pair.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        for p in (path, *list(path.parents)[:3]):
            p.chmod(0o755)
        settings["mysql_rsa_key_file"] = path
    settings["auth_type"] = "scram-sha-256"
    shown = [key_of(make_carpool({}, mysql={"test": entry(fake)},
                                 userlist={"app": SHA2_SECRET}, **settings))
             for _ in range(2)]
    if has_file:
        assert set(shown) == {pair.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo)}
    else:
        assert len(set(shown)) == 2


@pytest.mark.parametrize("content", [None, "", "no key\n"])
def test_a_bad_key_is_told_at_the_start(make_carpool, tmp_path, content):
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_text(content)
    for p in list(path.parents)[:3]:
        p.chmod(0o755)
    carpool = make_carpool({}, mysql={"test": "host=127.0.0.1 port=1"})
    carpool.stop()
    carpool.settings["mysql_rsa_key_file"] = path
    carpool.write()
    done = subprocess.run(as_account([binary(), carpool.ini]), text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 1 and "mysql_rsa_key_file" in done.stderr


# the wire

@pytest.fixture(scope="module")
def roomy():
    """A server that takes large commands."""
    with MariaDB(max_allowed_packet="128M", net_read_timeout=60) as server:
        yield server


@pytest.fixture
def large(make_carpool, roomy):
    return make_carpool({}, mysql={"test": roomy},
                        userlist={"app": roomy.users["app"][0]},
                        default_pool_size=2,
                        # what is freed is no part of what is looked at
                        env={"ASAN_OPTIONS": "quarantine_size_mb=1"})


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_commands_and_rows_of_40_mb(large, caps):
    """Streamed: carpool keeps neither."""
    c, b = large.my_connect(caps=caps, timeout=60), large.my_connect()
    size = 40 << 20
    want = hashlib.md5(b"x" * size).hexdigest()
    for n in range(2):
        assert c.value("SELECT MD5('%s')" % ("x" * size)) == want
        assert b.value("SELECT 'between'") == "between"
        row = c.query(f"SELECT REPEAT('y', {size}), 'behind'").sets[0].rows
        assert [len(row[0][0]), row[0][1]] == [size, b"behind"]
        assert b.value("SELECT 'between'") == "between"
    # the pieces of a command that sets something count as one
    c.query("SET @big = 5 /* %s */" % ("x" * size))
    assert b.value("SELECT @big") is None
    assert c.value("SELECT @big") == "5"
    assert oracles.rss_bytes(large.pid) < large.base_rss + (16 << 20)


@pytest.mark.parametrize("size", [
    w.MAX_PAYLOAD - 1, w.MAX_PAYLOAD, w.MAX_PAYLOAD + 1, 2 * w.MAX_PAYLOAD])
def test_commands_around_16_mb(large, size):
    """One that fills its last packet ends with an empty one."""
    c = large.my_connect(timeout=60)
    frame = b"\3SELECT LENGTH('')"
    sql = b"SELECT LENGTH('%s')" % (b"z" * (size - len(frame)))
    assert c.value(sql) == str(size - len(frame))
    got = c.pipeline(w.query(sql), w.query("SELECT 2"), bytes([w.PING]))
    assert [g.value for g in got[:2]] == [str(size - len(frame)), "2"]
    # what no server gets is dropped whole
    c.send_split(w.packet(b"\x77" + b"z" * (size - 1))
                 + w.packet(w.query("SELECT 3")), [1 << 20])
    unknown = c.finish(c.answer_of(w.QUERY), seq=None)
    assert unknown.errors[0].code == 1047
    assert c.finish(c.answer_of(w.QUERY)).value == "3"


def test_a_command_that_is_too_large_for_the_server(make_carpool):
    """The server answers in the midst of it, and may be gone then."""
    with MariaDB(max_allowed_packet="1M") as server:
        carpool = make_carpool({}, mysql={"test": server},
                               userlist={"app": server.users["app"][0]},
                               default_pool_size=1)
        c, b = carpool.my_connect(timeout=60), carpool.my_connect()
        try:
            c.say(w.query("SELECT LENGTH('%s')" % ("z" * (40 << 20))))
            got = c.finish(c.answer_of(w.QUERY), seq=None)
            assert got.errors[0].code == 1153
            assert c.value("SELECT 1") == "1"
        except (Closed, OSError):
            pass
        assert b.value("SELECT 1") == "1"


def test_unknown_commands_leave_the_connection(make, mariadb):
    c = make().my_connect()
    for command in (0x00, 0x0b, 0x0f, 0x10, 0x14, 0x1d, 0x21, 0x77, 0xfe):
        for rest in (b"", b"x" * 100):
            answer = c.ask(bytes([command]) + rest, check=False)
            assert answer.errors[0].code == 1047
            assert c.value("SELECT 1") == "1"
    for command in (0x08, 0x0d, 0x12, 0x13, 0x15, 0x1e, 0x20):
        assert c.command(command, b"\0" * 20, check=False).errors
        assert c.value("SELECT 1") == "1"
    for short in (bytes([w.SET_OPTION]), bytes([w.SET_OPTION, 1]),
                  bytes([w.PROCESS_KILL, 1]), bytes([w.STMT_RESET]),
                  bytes([w.STMT_EXECUTE, 1, 0, 0, 0])):
        assert c.ask(short, check=False).errors[0].code == 1835
        assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("is_linked", [False, True])
@pytest.mark.parametrize("seq", [1, 2, 255])
def test_a_wrong_sequence_number_ends_the_connection(
        make, mariadb, seq, is_linked):
    carpool = make()
    c, b = carpool.my_connect(), carpool.my_connect()
    if is_linked:
        c.query("BEGIN")
    c.say(w.query("SELECT 1"), seq)
    with pytest.raises((Closed, MyError)):
        c.finish(c.answer_of(w.QUERY), seq=None).check()
        c.read()
    assert b.value("SELECT 1") == "1"
    wait_until(lambda: c.sock.recv(100) == b"", 5, "the end")


def test_options(make, mariadb):
    """COM_SET_OPTION, also amid a transaction, which it leaves as it is."""
    carpool = make()
    c, b = carpool.my_connect(caps=MODERN), carpool.my_connect(caps=MODERN)
    two = "SELECT 1; SELECT 2"
    for linked in (False, True, False):
        if linked:
            c.query("BEGIN")
        for option, sets in ((b"\0\0", 2), (b"\1\0", 0), (b"\0\0", 2)):
            answer = c.command(w.SET_OPTION, option)
            assert answer.last.status & w.IN_TRANS == linked
            got = c.query(two, check=False)
            assert len(got.sets) == sets and bool(got.errors) == (not sets)
        assert c.command(w.SET_OPTION, b"\2\0", check=False
                         ).errors[0].code == 1047
        c.query("COMMIT")
        assert b.query(two, check=False).errors[0].code == 1064
    c.reset_connection()
    assert len(c.query(two).sets) == 2


# another user

def test_another_user_and_schema(make, mariadb):
    carpool = make(max_client_conn=10)
    c, b = carpool.my_connect(), carpool.my_connect()
    app = mariadb.users["app"][0]
    c.query("SET @v = 1, time_zone = '+02:00'")
    c.query("USE other")
    c.query("BEGIN")
    for database, has in (("other", "other"), ("test", "test")):
        c.change_user("app", app, database)
        assert c.query("SELECT DATABASE(), @v, @@time_zone").rows == [
            [has, None, b.value("SELECT @@time_zone")]]
        assert c.value("SELECT CONNECTION_ID()") == str(c.id)
        assert b.value("SELECT DATABASE()") == "test"
    b.query(f"KILL QUERY {c.id}")
    assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("user, password, database, code", [
    ("app", "wrong", "test", 1045), ("nobody", "x", "test", 1045),
    ("app", None, "not_there", 1049)])
@pytest.mark.parametrize("is_linked", [False, True])
def test_a_change_of_user_that_fails_ends_the_connection(
        make, mariadb, user, password, database, code, is_linked):
    carpool = make(auth_type="scram-sha-256")
    c, b = carpool.my_connect(), carpool.my_connect()
    if is_linked:
        c.query("BEGIN")
    with pytest.raises(MyError) as e:
        c.change_user(user, password or mariadb.users["app"][0], database)
    assert e.value.code == code
    wait_until(lambda: c.sock.recv(100) == b"", 5, "the end")
    assert b.value("SELECT 1") == "1"


def test_the_limits_count_who_changes(make, mariadb):
    """Each change gives a place back and takes one."""
    carpool = make(max_db_client_connections=2)
    c, b = carpool.my_connect(), carpool.my_connect(database="other")
    app = mariadb.users["app"][0]
    for _ in range(5):
        c.change_user("app", app, "other")
        c.change_user("app", app, "test")
    d = carpool.my_connect(database="other")
    with pytest.raises(MyError) as e:
        c.change_user("app", app, "other")
    assert e.value.code in (1040, 1226, 1203)
    for other in (b, d):
        assert other.value("SELECT 1") == "1"


def test_why_nobody_can_prove_a_secret_is_logged(make, mariadb):
    """The client hears what a stranger hears."""
    carpool = make(auth_type="scram-sha-256")
    carpool.userlist["app"] = "md5" + "0" * 32
    carpool.reload()
    with pytest.raises(MyError) as e:
        carpool.my_connect(password="x")
    assert e.value.code == 1045
    carpool.wait_log("cannot prove")


# the end of a transaction that there is not

@pytest.mark.parametrize("sql", ["ROLLBACK", "commit", " Commit Work ; "])
def test_the_end_of_no_transaction_needs_no_server(make, mariadb, sql):
    """Drivers send it before they lay a connection by."""
    carpool = make()
    busy, idle = carpool.my_connect(), carpool.my_connect()
    idle.query("SET autocommit = 0")
    busy.query("BEGIN")
    for _ in range(3):
        assert idle.query(sql).last.status & w.IN_TRANS == 0
    busy.query("ROLLBACK AND CHAIN")
    assert busy.query("SELECT 1").last.status & w.IN_TRANS
    busy.query("ROLLBACK")
    assert idle.value("SELECT 1") == "1"


# numbers of clients in long texts

@pytest.mark.parametrize("size", [9000, 100000])
def test_a_long_kill_reaches_no_server(make, mariadb, size):
    """A server would take the number for one of its own."""
    carpool = make(default_pool_size=2)
    victim = carpool.my_connect()
    victim.query("BEGIN")
    ident = victim.value("SELECT @@pseudo_thread_id")
    c = carpool.my_connect()
    with pytest.raises((Closed, MyError)):
        c.query("KILL /* %s */ %s" % ("x" * size, ident))
    assert victim.query("SELECT 1").last.status & w.IN_TRANS
    long = carpool.my_connect()
    assert long.value("SELECT /* %s */ 5" % ("x" * size)) == "5"
