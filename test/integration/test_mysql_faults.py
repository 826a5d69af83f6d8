"""What goes wrong between carpool and MySQL's clients and servers: servers that
die at any byte, lie, restart or refuse; limits and timeouts, each with its own
number; the console's commands amid traffic.  It costs whom it concerns, and
nobody is told what is not so."""

import os
import random
import signal
import struct
import threading
import time

import pytest

from tools import mywire as w
from tools.fakemysql import Gone
from tools.mytagged import Tagged, prepare
from tools.raw import Closed
from tools.rawmysql import MyError
from tools.wait import holds_for, wait_until

T = 1
SHARE = {"tsan": 0.3, "asan": 0.6}.get(os.environ.get("BUILD"), 1)
USERS = {"app": "secret"}


def at(server):
    return {"host": server.host, "port": server.port}


def with_fake(make_carpool, fake, **settings):
    return make_carpool(
        {}, mysql={"test": {**at(fake), "user": "app",
                            "password": "secret"}},
        userlist={"app": "secret"},
        **{"default_pool_size": 1, "server_login_retry": 0.1, **settings})


def with_real(make_carpool, server, **settings):
    return make_carpool({}, mysql={"test": server},
                        **{"default_pool_size": 1, **settings})


def refused(c, code, timeout=10):
    """The client reads this error and the end."""
    e = c.expect_error(code, timeout)
    c.expect_closed(timeout)
    return e


def works(cp, timeout=15):
    """A new client is served: what was wrong was one server's, or for a
    time."""
    def asked():
        try:
            with cp.my_connect() as c:
                return c.value("SELECT 7") == "7"
        except (MyError, Closed, OSError):
            return False

    wait_until(asked, timeout, "a client to be served")


# servers that die or lie

ASKED = "SELECT 'the one'"


class Hook:
    """The answer to ASKED: bytes, and what the connection does then."""

    def __init__(self, fake):
        self.data, self.then = b"", "close"
        fake.answers[ASKED] = self

    def __call__(self, conn):
        conn.raw(self.data)
        if self.then == "reset":
            conn.reset()
        elif self.then == "close":
            conn.close()
        else:
            if self.data[4:5] == b"\xfb":
                # nobody's file comes
                assert conn.read_packet().payload == b""
                conn.ok()
            return
        raise Gone("on purpose")


def whole_answer():
    return w.numbered(w.result_set(["the one"], [["the one"], ["more"]]), 1)


def heard(c):
    """The packets up to the end or to an error, as one."""
    out, seq = b"", None
    try:
        while True:
            p = c.read(10)
            assert seq is None or p.seq == seq + 1 & 0xff
            seq = p.seq
            if p.payload[:1] == b"\xff":
                e = MyError(p.payload)
                assert not 2000 <= e.code < 3000, e
                break
            out += w.packet(p.payload, p.seq)
            if p.payload[:1] == b"\xfe" and p.seq > 3:
                break
    except Closed:
        pass
    return out


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_server_dies_at_every_byte_of_an_answer(make_carpool,
                                                  make_fake_mysql, how):
    """The client has what came of it, as whole packets, and an error or the
    end; the next one another server."""
    fake = make_fake_mysql(passwords=USERS)
    cp = with_fake(make_carpool, fake)
    hook, whole = Hook(fake), whole_answer()
    hook.then = how
    for n in range(len(whole) + 1):
        hook.data = whole[:n]
        a = cp.my_connect(caps=w.BASE)
        a.say(w.query(ASKED))
        got = heard(a)
        # a reset may overtake what was sent before it
        assert whole[:n].startswith(got) or got == whole, n
        if how == "close" and n == len(whole):
            assert got == whole
        if n < len(whole):
            assert cp.my_connect().value("SELECT 'next'") == "next"
        else:
            works(cp)  # its end may be seen a moment later
        cp.close_clients()


ANSWERS = {
    "a packet of nothing": w.packet(b"", 1),
    "number 0": w.packet(w.ok(), 0),
    "number 2": w.packet(w.ok(), 2),
    "half an OK": w.packet(w.ok()[:4], 1),
    "a byte of an OK": w.packet(b"\0", 1),
    "half an error": w.packet(b"\xff\x10", 1),
    "a byte of an error": w.packet(b"\xff", 1),
    "no columns": w.packet(b"\xfc", 1),
    "2^24 columns": w.packet(b"\xfd\xff\xff\xff", 1),
    "2^64 columns": w.packet(b"\xfe" + b"\xff" * 8, 1),
    "a file, please": w.packet(b"\xfb/etc/passwd", 1),
    "an end in place of a column": w.numbered([b"\x01", w.eof()], 1),
    "an OK in place of a column": w.numbered([b"\x01", w.ok()], 1),
    "a row's number": w.numbered([b"\x01", w.column("a"), w.eof()], 1)
    + w.packet(b"\x01a", 77),
    "more results that never come": w.numbered(
        [w.ok(status=w.AUTOCOMMIT | w.MORE_RESULTS)], 1),
    "trackers that lie": w.packet(
        b"\0\0\0\x02\x40\0\0\0\xfc\xff\xff\0\x05abc", 1),
    "one answer too many": w.packet(w.ok(), 1) * 2,
    "another answer behind it": whole_answer() + whole_answer(),
    "what nobody asked for": w.packet(w.ok(), 1) + b"x" * 70000,
    "16 MB that never come": b"\xff\xff\xff\x01" + b"a" * 1000,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_servers_that_lie(make_carpool, make_fake_mysql, name):
    """Nothing of it reaches another client, and nobody waits for it longer
    than query_timeout."""
    fake = make_fake_mysql(passwords=USERS, strict=False)
    cp = with_fake(make_carpool, fake, query_timeout=T)
    hook = Hook(fake)
    hook.data, hook.then = ANSWERS[name], "go on"
    a, b = cp.my_connect(caps=w.BASE), cp.my_connect(caps=w.BASE)
    a.say(w.query(ASKED))
    b.say(w.query("SELECT 'own'"))
    answer = b.finish(b.answer_of(w.QUERY), 15)
    assert answer.value == "own"
    for n in range(5):
        assert cp.my_connect(caps=w.BASE).value(f"SELECT 'n{n}'") == f"n{n}"
    heard_of(a)


def heard_of(c):
    """What the one who asked was told is up to the server; a file of its
    own nobody is asked for."""
    try:
        while True:
            assert c.read(0.05).payload[:1] != b"\xfb"
    except (Closed, TimeoutError):
        pass


def login_bytes(data):
    def script(conn):
        conn.raw(data)
        conn.wait_closed(5)
    return script


LOGINS = {
    "an error in place of the greeting": login_bytes(
        w.packet(b"\xff\x10\x04Too many connections", 0)),
    "no greeting": login_bytes(w.packet(b"", 0)),
    "another protocol": login_bytes(w.packet(b"\x09" + b"5.5\0" * 9, 0)),
    "half a greeting": login_bytes(w.packet(b"\x0a5.5.5-10", 0)),
    "number 1": login_bytes(w.packet(w.ok(), 1)),
    "HTTP": login_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "the end": lambda conn: conn.close(),
}


@pytest.mark.parametrize("name", LOGINS)
def test_servers_that_break_their_login(make_carpool, make_fake_mysql, name):
    """FAI-06: the next try goes well, and it is not hammered."""
    fake = make_fake_mysql(passwords=USERS)
    cp = with_fake(make_carpool, fake)
    works(cp)
    before = len(fake.connections)
    fake.scripts = [LOGINS[name]]
    a = cp.my_connect()
    cp.console("RECONNECT")
    a.say(w.query("SELECT 'late'"))
    wait_until(lambda: len(fake.connections) >= before + 2, 10,
               "another try")
    fake.scripts = [None]
    try:
        assert a.finish(a.answer_of(w.QUERY), 15).check().value == "late"
    except (MyError, Closed):
        pass  # refusals may be told to those who wait
    works(cp)
    assert len(fake.connections) < before + 60


@pytest.mark.parametrize("state", [
    "idle", "at rest", "in a transaction", "amid a query", "amid rows",
    "with a lock", "prepared", "all"])
def test_servers_killed_in_every_state(make_carpool, mariadb, state):
    """FAI-01: one error or none, and the pool is filled again."""
    cp = with_real(make_carpool, mariadb)
    a = cp.my_connect()
    a.query("SELECT 1")
    running = state in ("amid a query", "amid rows", "all")
    if state == "in a transaction":
        a.query("BEGIN")
    elif state == "with a lock":
        a.query("SELECT GET_LOCK('faults', 1)")
    elif state == "prepared":
        s = a.prepare("SELECT ?")
        a.execute(s, [1])
    elif state == "amid rows":
        a.say(w.query("SELECT REPEAT('x', 1000), SLEEP(0.001) FROM"
                      " seq_1_to_100000"))
        a.read()
    elif running:
        a.say(w.query("SELECT SLEEP(30)"))
        wait_until(mariadb.busy, 10, "the query")
    for ident in mariadb.ids("app"):
        mariadb.query(f"KILL {ident}")
    wait_until(lambda: mariadb.connections("app") == 0, 10, "their end")
    if state == "amid rows":
        assert heard(a)
    elif running:
        with pytest.raises((MyError, Closed)):
            a.finish(a.answer_of(w.QUERY), 10).check()
    elif state in ("idle", "at rest", "prepared"):
        try:
            assert a.value("SELECT 2") == "2"
        except (MyError, Closed):
            assert state != "at rest"
    else:
        with pytest.raises((MyError, Closed)):
            a.query("SELECT 2")
    works(cp)


@pytest.mark.seconds(120)
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_server_restarts_under_load(make_carpool, make_mariadb, sig):
    """FAI-02: errors while it is away, then all is well; no wrong answer."""
    server = make_mariadb()
    prepare(server, "iso")
    cp = make_carpool({}, mysql={"iso": at(server)}, userlist={
        "app": server.users["app"][0]}, default_pool_size=4,
        server_login_retry=0.1, query_wait_timeout=20)
    crowd = Tagged(cp.mysql_port, server.users["app"][0], "iso", 3,
                   tolerates=True)
    t = threading.Thread(target=lambda: crowd.run(
        10 ** 9, clients=20, seconds=9), daemon=True)
    t.start()
    for _ in range(2):
        before = crowd.answers
        wait_until(lambda: crowd.answers > before + 100, 20, "answers")
        server.proc.send_signal(sig)
        server.proc.wait(30)
        server.start()
    before = crowd.answers
    wait_until(lambda: crowd.answers > before + 100, 20, "answers again")
    t.join(90)
    assert crowd.failure is None, crowd.failure
    assert server.value("SELECT COUNT(*) FROM iso.tagged") >= crowd.written


def test_a_stalled_server_costs_its_client_alone(make_carpool, mariadb,
                                                 fault):
    """FAI-03: its query ends by query_timeout, other pools notice
    nothing."""
    link = fault.listen(mariadb.port)
    cp = make_carpool({}, mysql={
        "test": {"host": link.host, "port": link.port},
        "other": {**at(mariadb), "dbname": "test"}},
        userlist={"app": mariadb.users["app"][0]}, query_timeout=T,
        default_pool_size=1, server_connect_timeout=2)
    a, b = cp.my_connect(), cp.my_connect(database="other")
    a.query("SELECT 1")
    link.stall("both")
    a.say(w.query("SELECT 'never'"))
    for n in range(20):
        assert b.value(f"SELECT {n}") == str(n)
    refused(a, 3024)
    link.resume()
    works(cp)


# limits and timeouts

def test_query_timeout(make_carpool, mariadb):
    cp = with_real(make_carpool, mariadb, query_timeout=T)
    c = cp.my_connect()
    start = time.monotonic()
    c.say(w.query("SELECT SLEEP(60)"))
    refused(c, 3024)
    assert T - 0.2 <= time.monotonic() - start < T + 5
    wait_until(lambda: not mariadb.busy(), 5, "the query to end")
    works(cp)


def test_query_wait_timeout(make_carpool, mariadb):
    cp = with_real(make_carpool, mariadb, query_wait_timeout=T)
    a, b = cp.my_connect(), cp.my_connect()
    a.query("BEGIN")
    b.say(w.query("SELECT 1"))
    refused(b, 1205)
    assert a.value("SELECT 2") == "2"
    a.query("COMMIT")
    works(cp)


def test_idle_transaction_timeout(make_carpool, mariadb):
    mariadb.query("CREATE TABLE IF NOT EXISTS test.idles (a INT)")
    mariadb.query("DELETE FROM test.idles")
    cp = with_real(make_carpool, mariadb, idle_transaction_timeout=T)
    c, d = cp.my_connect(), cp.my_connect()
    c.query("BEGIN")
    c.query("INSERT INTO idles VALUES (1)")
    refused(c, 1927)
    assert d.value("SELECT COUNT(*) FROM idles") == "0"


def test_client_idle_timeout(make_carpool, mariadb):
    cp = with_real(make_carpool, mariadb, client_idle_timeout=T)
    c, busy = cp.my_connect(), cp.my_connect()
    busy.query("BEGIN")
    refused(c, 1159)
    holds_for(lambda: busy.value("SELECT 1") == "1", T * 0.5)
    busy.query("COMMIT")


@pytest.mark.parametrize("stage", ["nothing", "half a packet"])
def test_client_login_timeout(make_carpool, mariadb, stage):
    from tools.rawmysql import RawMysql
    cp = with_real(make_carpool, mariadb, client_login_timeout=T)
    c = RawMysql(cp.host, cp.mysql_port)
    cp.clients.append(c)
    c.greet()
    if stage != "nothing":
        c.send(b"\x50\0\0\1\x05")
    start = time.monotonic()
    for p in c.drain(10):
        assert p.payload[:1] == b"\xff"
    assert T - 0.2 <= time.monotonic() - start < T + 5


def test_max_client_conn(make_carpool, mariadb):
    """RES-04: the one too many is told, and the place is free again."""
    cp = with_real(make_carpool, mariadb, max_client_conn=4)
    held = []
    with pytest.raises(MyError) as e:
        while len(held) < 6:
            held.append(cp.my_connect())
    assert e.value.code == 1040 and len(held) in (3, 4)
    for c in held:
        assert c.value("SELECT 1") == "1"
    held[0].quit()

    def comes():
        try:
            return cp.my_connect().value("SELECT 1") == "1"
        except MyError as e:  # it has not been seen to leave yet
            assert e.code == 1040
            return False

    wait_until(comes, 5)


@pytest.mark.parametrize("setting,code", [
    ("max_user_client_connections", 1226),
    ("max_db_client_connections", 1040)])
def test_limits_of_a_user_and_a_database(make_carpool, mariadb, setting,
                                         code):
    cp = with_real(make_carpool, mariadb, **{setting: 2})
    held = [cp.my_connect() for _ in range(2)]
    for _ in range(3):
        with pytest.raises(MyError) as e:
            cp.my_connect()
        assert e.value.code == code
    held.pop().quit()
    wait_until(lambda: cp.my_connect().value("SELECT 1") == "1", 5)


# modes

def test_session_mode_keeps_all_that_a_session_has(make_carpool, mariadb):
    cp = with_real(make_carpool, mariadb, pool_mode="session",
                   default_pool_size=2)
    a, b = cp.my_connect(), cp.my_connect()
    for c, name in ((a, "a"), (b, "b")):
        c.query(f"SET @who = '{name}'")
        c.query("CREATE TEMPORARY TABLE mine (a CHAR(1))")
        c.query(f"INSERT INTO mine VALUES ('{name}')")
    for c, name in ((a, "a"), (b, "b")):
        assert c.value("SELECT @who") == name
        assert c.value("SELECT a FROM mine") == name
    a.quit()
    b.quit()
    for _ in range(2):
        c = cp.my_connect()
        assert c.value("SELECT @who") is None
        assert c.query("SELECT a FROM mine", check=False).errors


def test_statement_mode_has_no_transactions(make_carpool, mariadb):
    """Refused, and taken back."""
    mariadb.query("CREATE OR REPLACE PROCEDURE test.begins() BEGIN"
                  " START TRANSACTION; END")
    cp = with_real(make_carpool, mariadb, pool_mode="statement")
    a, b = cp.my_connect(), cp.my_connect()
    for n in range(5):
        assert a.value(f"SELECT {n}") == b.value(f"SELECT {n}") == str(n)
    for text in ("BEGIN", "START TRANSACTION READ ONLY",
                 "SELECT 1; BEGIN", "CALL begins()"):
        c = cp.my_connect(caps=w.BASE | w.MULTI_STATEMENTS
                          if ";" in text else w.BASE)
        got = c.query(text, check=False)
        assert got.errors[-1].code == 1235, text
        c.expect_closed()
    assert b.value("SELECT 1") == "1"
    c = cp.my_connect()
    c.query("SET autocommit = 0")
    assert c.query("SELECT * FROM sample", check=False).errors
    works(cp)


# the console amid traffic

@pytest.mark.seconds(120)
def test_commands_amid_traffic(make_carpool, mariadb):
    """PAUSE, RESUME, RELOAD and RECONNECT cost nobody an answer."""
    prepare(mariadb, "iso_cmd")
    cp = make_carpool({}, mysql={"iso_cmd": at(mariadb)}, userlist={
        "app": mariadb.users["app"][0]}, default_pool_size=4)
    kinds = [k for k in Tagged.KINDS if k not in ("slow", "kill")]
    crowd = Tagged(cp.mysql_port, mariadb.users["app"][0], "iso_cmd", 5,
                   kinds=kinds)
    t = threading.Thread(target=lambda: crowd.run(
        10 ** 9, clients=20, seconds=5), daemon=True)
    t.start()
    wait_until(lambda: crowd.answers > 50, 20, "answers")
    rng = random.Random(1)
    done = 0
    while t.is_alive() and time.monotonic() < crowd.end - 0.5:
        command = rng.choice(["PAUSE", "RELOAD", "RECONNECT",
                              "RECONNECT iso_cmd", "PAUSE iso_cmd",
                              "SHOW CLIENTS", "SHOW SERVERS", "SHOW PINS",
                              "SHOW PREPARED_STATEMENTS", "SHOW POOLS"])
        cp.console(command, timeout=30)
        if command.startswith("PAUSE"):
            cp.console(command.replace("PAUSE", "RESUME"))
        done += 1
    t.join(60)
    assert crowd.failure is None, crowd.failure
    assert done > 10 and crowd.answers > 200


@pytest.mark.seconds(120)
def test_kill_amid_traffic(make_carpool, mariadb):
    """KILL ends connections; nobody is answered wrongly for it."""
    prepare(mariadb, "iso_end")
    cp = make_carpool({}, mysql={"iso_end": at(mariadb)}, userlist={
        "app": mariadb.users["app"][0]}, default_pool_size=4)
    crowd = Tagged(cp.mysql_port, mariadb.users["app"][0], "iso_end", 6,
                   tolerates=True)
    t = threading.Thread(target=lambda: crowd.run(
        10 ** 9, clients=20, seconds=4), daemon=True)
    t.start()
    while t.is_alive() and time.monotonic() < getattr(
            crowd, "end", time.monotonic() + 9) - 0.5:
        before = crowd.answers
        wait_until(lambda: crowd.answers > before + 20 or not t.is_alive(),
                   20, "answers")
        cp.console("KILL iso_end")
        cp.console("RESUME iso_end")
    t.join(60)
    assert crowd.failure is None, crowd.failure
    assert crowd.done["ended"] > 3, crowd.done


@pytest.mark.parametrize("kind", ["CHAIN", "RELEASE"])
def test_a_transaction_that_begins_anew_when_it_ends(make_carpool, mariadb,
                                                     kind):
    """completion_type holds for carpool's own ROLLBACK as well, which must
    end it all the same."""
    cp = with_real(make_carpool, mariadb)
    other = cp.my_connect()
    for end in ("COMMIT", "leaves in it", "leaves behind it"):
        c = cp.my_connect()
        c.query("BEGIN")
        c.query(f"SET completion_type = '{kind}'")
        if end == "COMMIT":
            assert bool(c.query("COMMIT").last.status
                        & w.IN_TRANS) == (kind == "CHAIN")
        elif end == "leaves behind it":
            c.query("ROLLBACK AND NO CHAIN NO RELEASE")
            assert not other.query("SELECT 1").last.status & w.IN_TRANS
            # without a server at hand
            if kind == "CHAIN":
                assert c.query("COMMIT").last.status & w.IN_TRANS
        c.close()
        assert other.value("SELECT @@completion_type") == "NO_CHAIN"
        assert other.value("SELECT @@in_transaction") == "0"


def test_short_timeouts_end_no_shared_server(make_carpool, mariadb):
    """A client's wait_timeout is its own: the server, idle for longer, is
    there for the next one."""
    cp = with_real(make_carpool, mariadb)
    c = cp.my_connect()
    ident = c.value("SELECT @@pseudo_thread_id")
    c.query("SET wait_timeout = 1, interactive_timeout = 1")
    idle = (f"SELECT TIME > 2 FROM information_schema.PROCESSLIST"
            f" WHERE ID = {ident}")
    wait_until(lambda: mariadb.value(idle) == 1, 10, "idle for longer")
    assert cp.my_connect().value("SELECT @@pseudo_thread_id") == ident


# AUTH-13, PAR-08

@pytest.mark.parametrize("size", [0, 1, 31, 4000, 70000, (1 << 24) - 2])
def test_first_packets_of_any_size(make_carpool, mariadb, size):
    """Refused or not understood; nothing is kept of it."""
    from tools.rawmysql import RawMysql
    cp = with_real(make_carpool, mariadb)
    works(cp)
    c = RawMysql(cp.host, cp.mysql_port)
    cp.clients.append(c)
    c.greet()
    try:
        c.send(struct.pack("<I", size)[:3] + b"\1" + b"\xff" * size)
        c.half_close()
    except OSError:
        pass  # it was refused before all of it was read
    try:
        for p in c.drain(10):
            assert p.payload[:1] == b"\xff"
    except (Closed, OSError):
        pass
    works(cp)


@pytest.mark.parametrize("plugin", [w.CLEAR, "dialog", "auth_gssapi_client"])
def test_no_password_in_clear_is_asked_for_or_given(make_carpool,
                                                    make_fake_mysql, plugin):
    """A server that asks for the clear password over the network gets
    nothing that tells it."""
    told = []

    def script(conn):
        conn.greet()
        conn.read_response()
        if conn.user == "app":
            conn.send(w.auth_switch(plugin, conn.scramble))
            try:
                told.append(conn.read_login())
            except Gone:
                told.append(None)
            conn.err(1045, "Access denied", "28000")
        else:
            conn.refuse_asker()

    fake = make_fake_mysql(script, passwords=USERS)
    cp = with_fake(make_carpool, fake, query_wait_timeout=3)
    try:
        c = cp.my_connect(password="secret")
        with pytest.raises((MyError, Closed)):
            c.query("SELECT 1")
    except (MyError, Closed):
        pass
    wait_until(lambda: told, 10, "the server's question")
    assert all(t is None or b"secret" not in t for t in told)
