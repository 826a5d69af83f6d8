"""The tools themselves: against a real Postgres without carpool, and each
oracle shown the violation that it exists for."""

import os
import socket
import struct
import subprocess
import sys
import time

import pytest

from tools import diff, groups, oracles, pgwire
from tools.account import SENTINEL, scratch
from tools.crowd import crowd
from tools.diff import Difference
from tools.fakepg import FakePg
from tools.oracles import Violation
from tools.postgres import USERS
from tools.raw import Closed, PgError, RawClient, Unexpected
from tools.scram import ScramClient, ScramError, ScramServer, verifier
from tools.wait import WaitError, free_port, holds_for, wait_until


def direct(pg, user="app", **kw):
    return RawClient.open(pg.host, pg.port, user=user,
                          password=USERS[user][0], **kw)


# waiting

def test_a_port_is_given_once():
    """Two servers on one number would be one server."""
    ports = [free_port() for _ in range(2000)]
    assert len(set(ports)) == len(ports)


def test_wait_until_returns_and_fails():
    answers = iter([0, None, "yes"])
    assert wait_until(lambda: next(answers), 1, "an answer") == "yes"
    with pytest.raises(WaitError, match="never"):
        wait_until(lambda: False, 0.05, "never")


def test_holds_for_notices():
    with pytest.raises(AssertionError):
        holds_for(lambda: False, 0.05)


# Postgres

def test_postgres_seen_from_outside(pg):
    before = pg.connections("test")
    with direct(pg) as c:
        c.query("BEGIN")
        assert pg.connections("test") == before + 1
        assert c.pid in pg.pids("test")
        wait_until(lambda: [r[0] for r in pg.busy()] == [c.pid])
    wait_until(lambda: pg.connections("test") == before)


def test_postgres_kill_and_restart(make_pg):
    pg = make_pg(max_connections=10)
    with direct(pg) as c:
        pg.kill()
        with pytest.raises(Closed):
            while True:
                c.read()
    pg.start()
    with direct(pg) as c:
        assert c.value("SELECT 1") == "1"
    assert pg.value("SHOW max_connections") == "10"


def test_postgres_terminate(pg):
    with direct(pg) as c:
        pg.terminate(c.pid)
        assert c.expect_error("57P01").severity == "FATAL"
        c.expect_closed()


# raw client

@pytest.mark.parametrize("user,code", [
    ("app", 0), ("u_plain", 3), ("u_md5", 5), ("u_scram", 10)])
def test_raw_login(pg, user, code):
    with direct(pg, user) as c:
        assert c.session.auth_methods[0] == code
        assert c.value("SELECT current_user") == user
        assert c.parameters["server_version"].startswith("15")
        assert c.status == "I"


@pytest.mark.parametrize("user", ["u_plain", "u_md5", "u_scram"])
def test_raw_login_wrong_password(pg, user):
    with pytest.raises(PgError) as e:
        RawClient.open(pg.host, pg.port, user=user, password="wrong")
    assert e.value.sqlstate == "28P01"


def test_raw_unix_socket(pg):
    with RawClient.open(pg.dir, pg.port) as c:
        assert c.value("SELECT inet_client_addr()") is None


def test_raw_ssl_request(pg):
    with RawClient(pg.host, pg.port) as c:
        c.send(pgwire.ssl_request())
        assert c.read_bytes(1) == b"N"
        c.login()


def test_raw_query_and_errors(pg):
    with direct(pg) as c:
        r = c.query("SELECT 1 AS a, NULL AS b; SELECT 'x'")
        assert r.types == "TDCTDCZ"
        assert r.rows == [["1", None], ["x"]]
        assert r.names == ["a", "b"]
        with pytest.raises(PgError) as e:
            c.query("SELECT nothing")
        assert e.value.sqlstate == "42703"
        assert c.query("").types == "IZ"


def test_raw_extended_pipeline(pg):
    with direct(pg) as c:
        c.send(pgwire.parse("", "SELECT $1::int + 1", [23]),
               pgwire.describe("S"),
               pgwire.bind(values=["41"]), pgwire.describe("P"),
               pgwire.execute(), pgwire.sync(),
               pgwire.parse("", "SELECT x"), pgwire.bind(), pgwire.sync())
        r = c.expect("1tT2TDCZEZ")
        assert r.rows == [["42"]]
        assert r.errors[0].sqlstate == "42703"


def test_raw_function_call(pg):
    with direct(pg) as c:
        c.send(pgwire.function_call(177, ["2", "3"]))
        r = c.expect("VZ")
        assert r.messages[0].body == struct.pack("!i", 1) + b"5"


def test_raw_copy(pg):
    with direct(pg) as c:
        c.query("CREATE TEMP TABLE t (a int)")
        c.send(pgwire.query("COPY t FROM STDIN"))
        c.expect("G")
        c.send(pgwire.copy_data(b"1\n2\n"), pgwire.copy_done())
        assert c.expect("CZ").tags == ["COPY 2"]
        r = c.query("COPY t TO STDOUT")
        assert r.types == "HddcCZ"
        c.send(pgwire.query("COPY t FROM STDIN"))
        c.expect("G")
        c.send(pgwire.copy_fail("no"))
        assert c.expect("EZ").errors[0].sqlstate == "57014"


def test_raw_cancel(pg):
    with direct(pg) as c:
        c.send(pgwire.query("SELECT pg_sleep(30)"))
        wait_until(lambda: any(r[0] == c.pid for r in pg.busy()))
        c.cancel()
        assert c.read_until("Z").errors[0].sqlstate == "57014"


def test_raw_split_writes(pg):
    with direct(pg) as c:
        c.send_split(pgwire.query("SELECT 'split'"), [1])
        assert c.read_until("Z").rows == [["split"]]


def test_raw_refuses_the_unexpected(pg):
    with direct(pg) as c:
        c.send(pgwire.query("SELECT 1"))
        with pytest.raises(Unexpected):
            c.expect("CZ")
        c.read_until("Z")
        c.expect_silence()
        with pytest.raises(TimeoutError):
            c.read(timeout=0.05)
        c.send(pgwire.terminate())
        c.expect_closed()


def test_crowd_of_clients(pg):
    async def work(c, i):
        return int((await c.query(f"SELECT {i}")).rows[0][0])

    got = crowd(60, work, host=pg.host, port=pg.port, user="u_scram",
                password=USERS["u_scram"][0])
    assert got == list(range(60))


# scram

def test_scram_both_sides():
    secret = verifier("pw", 100)
    client, server = ScramClient("pw"), ScramServer(secret)
    client.verify(server.final(client.final(server.first(client.first()))))
    client, server = ScramClient("other"), ScramServer(secret)
    with pytest.raises(ScramError):
        server.final(client.final(server.first(client.first())))


def test_scram_verifier_is_what_postgres_stores(pg):
    assert pg.secret("u_scram").startswith("SCRAM-SHA-256$4096:")
    pg.query("CREATE ROLE scram_probe LOGIN PASSWORD '%s'"
             % verifier("probe", 4096))
    try:
        salt = pg.secret("scram_probe").split(":")[1]
        assert len(salt) > 20
    finally:
        pg.query("DROP ROLE scram_probe")


def test_md5_secret_is_what_postgres_stores(pg):
    assert pg.secret("u_md5") == pgwire.md5_secret("u_md5",
                                                   USERS["u_md5"][0])


# fake server

def test_fake_serves_by_default():
    with FakePg() as fake:
        with RawClient.open(port=fake.port, user="x") as c:
            assert c.query("SELECT 1").rows == [["1"]]
            assert c.query("BEGIN").status == "T"
            assert c.query("SELECT 'a'; COMMIT").tags == ["SELECT 1",
                                                          "COMMIT"]
            assert c.query("").types == "IZ"
            assert c.query("DISCARD ALL").tags == ["DISCARD ALL"]
            r = c.query("SET application_name TO 'me'")
            assert r.parameters == {"application_name": "me"}
            assert c.extended("SELECT 7").rows == [["7"]]
        assert fake.queries()[0] == "SELECT 1"
        assert fake.connections[0].startup_params["user"] == "x"


@pytest.mark.parametrize("method", ["clear", "md5", "scram"])
def test_fake_logins(method):
    with FakePg(auth=method, passwords={"u": "secret"}) as fake:
        with RawClient.open(port=fake.port, user="u",
                            password="secret") as c:
            assert c.query("SELECT 1").rows == [["1"]]
        with pytest.raises(PgError) as e:
            RawClient.open(port=fake.port, user="u", password="wrong")
        assert e.value.sqlstate == "28P01"


def test_fake_script_for_each_connection():
    def first(conn):
        conn.login()
        conn.expect_query("one")
        conn.send_split(pgwire.complete("ONE") + pgwire.ready())
        # A reset may overtake what was sent before: not until it was read.
        conn.expect_query("bye")
        conn.reset()

    def second(conn):
        conn.login(server_version="3.14")
        conn.expect_query("two")
        conn.half_close()
        conn.wait_closed()

    with FakePg([first, second]) as fake:
        with RawClient.open(port=fake.port) as a, \
                RawClient.open(port=fake.port) as b:
            assert b.parameters["server_version"] == "3.14"
            assert a.query("one").tags == ["ONE"]
            a.send(pgwire.query("bye"))
            with pytest.raises(Closed):
                a.read()
            b.send(pgwire.query("two"))
            b.expect_closed()


def test_fake_records_cancels():
    with FakePg() as fake:
        with RawClient.open(port=fake.port) as c:
            c.cancel()
            wait_until(lambda: fake.cancels)
            assert fake.cancels[0][:2] == (
                c.pid, struct.unpack("!I", c.key)[0])


def test_fake_reports_a_failed_script():
    def script(conn):
        conn.login()
        conn.expect_query("this")

    fake = FakePg(script).start()
    with RawClient.open(port=fake.port) as c:
        c.send(pgwire.query("that"))
        c.expect_closed()
    with pytest.raises(AssertionError, match="that"):
        fake.stop()


def test_fake_stalls_until_released():
    def script(conn):
        conn.login()
        conn.stall()
        conn.serve()

    with FakePg(script) as fake, RawClient.open(port=fake.port) as c:
        c.send(pgwire.query("SELECT 1"))
        c.expect_silence()
        fake.release()
        assert c.read_until("Z").rows == [["1"]]


# fault proxy

@pytest.fixture
def echo():
    """A server that sends back what it gets."""
    import threading
    server = socket.create_server(("127.0.0.1", 0))

    def serve(s):
        with s:
            try:
                while data := s.recv(65536):
                    s.sendall(data)
            except OSError:
                pass

    def accept():
        while True:
            try:
                s, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(s,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def plain(port):
    s = socket.create_connection(("127.0.0.1", port), 5)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_exactly(s, n):
    out = b""
    while len(out) < n:
        part = s.recv(65536)
        if not part:
            return out
        out += part
    return out


def test_fault_pass_and_counts(fault, echo):
    link = fault.listen(echo)
    data = os.urandom(300000)
    with plain(link.port) as s:
        import threading
        t = threading.Thread(target=s.sendall, args=(data,))
        t.start()
        assert read_exactly(s, len(data)) == data
        t.join()
        assert link.counts() == {"open": 1, "total": 1, "up": len(data),
                                 "down": len(data)}
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b""
    wait_until(lambda: link.counts()["open"] == 0)


def test_fault_delay(fault, echo):
    link = fault.listen(echo)
    link.delay(60, "up")
    link.delay(40, "down")
    with plain(link.port) as s:
        start = time.monotonic()
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        assert 0.099 <= time.monotonic() - start < 1.0


def test_fault_split(fault, echo):
    link = fault.listen(echo)
    link.split(1, "down")
    with plain(link.port) as s:

        def was_cut():
            """A reader that comes late finds the pieces put together."""
            s.sendall(b"abcdefgh")
            first = s.recv(100)
            rest = read_exactly(s, 8 - len(first))
            assert first + rest == b"abcdefgh"
            return rest

        wait_until(was_cut, what="an answer in pieces")


def test_fault_reset_after(fault, echo):
    link = fault.listen(echo)
    link.reset_after(5, "down")
    with plain(link.port) as s:
        s.sendall(b"0123456789")
        with pytest.raises(ConnectionResetError):
            assert len(read_exactly(s, 10)) <= 5
            s.recv(1)


def test_fault_stall_and_resume(fault, echo):
    link = fault.listen(echo)
    with plain(link.port) as s:
        s.sendall(b"a")
        assert s.recv(1) == b"a"
        link.stall("down")
        s.sendall(b"b")
        s.settimeout(0.1)
        with pytest.raises(TimeoutError):
            s.recv(1)
        link.resume()
        s.settimeout(5)
        assert s.recv(1) == b"b"


def test_fault_blackhole_and_refuse(fault, echo):
    link = fault.listen(echo)
    link.blackhole()
    with plain(link.port) as s:
        s.sendall(b"hello")
        s.settimeout(0.1)
        with pytest.raises(TimeoutError):
            s.recv(1)
        link.resume()
        s.settimeout(5)
        assert read_exactly(s, 5) == b"hello"
        link.refuse()
        with pytest.raises(ConnectionError):
            with plain(link.port) as other:
                other.sendall(b"x")
                other.recv(1)
                other.sendall(b"x")
                raise ConnectionResetError if other.recv(1) == b"" else None
        link.close_all()
        assert s.recv(1) == b""


def test_fault_drop(fault, echo):
    """Nothing is acknowledged, so the kernel's own limit ends the
    connection; new ones never stand; afterwards all is well."""
    link = fault.listen(echo)
    with plain(link.port) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        link.drop()
        s.setsockopt(socket.IPPROTO_TCP, 18, 300)  # TCP_USER_TIMEOUT
        s.sendall(b"y")
        with pytest.raises(TimeoutError):
            s.recv(1)
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", link.port), 0.2)
    link.resume()
    with plain(link.port) as s:
        s.sendall(b"z")
        assert s.recv(1) == b"z"


def test_fault_reset_all_and_dead_target(fault, echo):
    link = fault.listen(echo)
    with plain(link.port) as s:
        s.sendall(b"x")
        s.recv(1)
        link.reset_all()
        with pytest.raises(ConnectionResetError):
            s.recv(1)
    dead = fault.listen(free_port())
    with pytest.raises(ConnectionResetError):
        with plain(dead.port) as s:
            s.recv(1)


def test_fault_before_postgres(pg, fault):
    link = fault.listen(pg.port)
    link.split(1)
    with RawClient.open(port=link.port, user="u_scram",
                        password=USERS["u_scram"][0]) as c:
        assert c.value("SELECT 'whole'") == "whole"


# oracles: each finds what it is for, and is content otherwise

@pytest.fixture
def program():
    """program(text): a Python process that runs text, then sleeps."""
    made = []

    def start(text):
        p = subprocess.Popen(
            [sys.executable, "-c", text + "\nprint('up', flush=True)\n"
             "import time\ntime.sleep(60)"], stdout=subprocess.PIPE)
        made.append(p)
        return p

    yield start
    for p in made:
        p.kill()
        p.wait()
        p.stdout.close()


def up(p):
    assert p.stdout.readline() == b"up\n"
    return p.pid


def test_oracle_alive(program):
    p = program("")
    up(p)
    oracles.alive(p)
    p.kill()
    p.wait()
    with pytest.raises(Violation):
        oracles.alive(p)


def test_oracle_reports():
    folder = scratch("san")
    oracles.no_reports(f"{folder}/san*")
    with open(f"{folder}/san.123", "w") as f:
        f.write("WARNING: ThreadSanitizer: data race")
    with pytest.raises(Violation, match="data race"):
        oracles.no_reports(f"{folder}/san*")


def test_oracle_cpu(program):
    pid = up(program(""))
    oracles.cpu_idle(pid)
    p = program("print('up', flush=True)\nwhile True: pass")
    pid = up(p)
    with pytest.raises(Violation, match="CPU"):
        oracles.cpu_idle(pid, timeout=0.5)


def test_oracle_descriptors(program):
    pid = up(program(""))
    base = len(oracles.descriptors(pid))
    oracles.descriptors_back(pid, base, lambda: 0)
    pid = up(program("a = [open('/dev/null') for _ in range(3)]"))
    oracles.descriptors_back(pid, base, lambda: 3)
    with pytest.raises(Violation, match="/dev/null"):
        oracles.descriptors_back(pid, base, lambda: 2, timeout=0.2)


def test_oracle_memory(program):
    base = oracles.rss_bytes(up(program("")))
    pid = up(program("a = bytearray(40 << 20)"))
    oracles.memory_back(pid, base, 64 << 20)
    with pytest.raises(Violation, match="memory"):
        oracles.memory_back(pid, base, 16 << 20, timeout=0.2)


@pytest.mark.parametrize("gauge", oracles.GAUGES)
def test_oracle_gauges(gauge):
    row = dict.fromkeys(oracles.GAUGES, "0")
    row.update(database="test", user="app", sv_idle="3")
    oracles.gauges_zero(lambda: [row])
    row[gauge] = "1"
    with pytest.raises(Violation, match=gauge):
        oracles.gauges_zero(lambda: [row], timeout=0.05)
    row["database"] = "pgbouncer"
    oracles.gauges_zero(lambda: [row])


def test_oracle_totals():
    rows = [{"database": "test", "xact_count": "4", "query_count": "5"}]
    oracles.totals_equal(lambda: rows, {"test": {"xact_count": 4,
                                                 "query_count": 5}})
    with pytest.raises(Violation, match="xact_count"):
        oracles.totals_equal(lambda: rows, {"test": {"xact_count": 3}},
                             timeout=0.05)
    with pytest.raises(Violation):
        oracles.totals_equal(lambda: [], {"test": {"xact_count": 3}},
                             timeout=0.05)


def test_oracle_servers_at_rest(pg):
    oracles.servers_at_rest(pg.busy)
    with direct(pg) as c:
        c.query("BEGIN")
        with pytest.raises(Violation, match="idle in transaction"):
            oracles.servers_at_rest(pg.busy, timeout=0.1)
        c.query("ROLLBACK")
        oracles.servers_at_rest(pg.busy)


def test_oracle_secrets(program):
    path = os.path.join(scratch("log"), "log")
    with open(path, "w") as f:
        f.write("user=app event=login\n")
    oracles.no_secrets([path, "/nonexistent"])
    with open(path, "a") as f:
        f.write(f"password is {USERS['app'][0]}\n")
    with pytest.raises(Violation, match="password is"):
        oracles.no_secrets([path])
    pid = up(program(f"# {SENTINEL}"))
    with pytest.raises(Violation):
        oracles.no_secrets([], [oracles.command_line(pid)])


def test_oracles_are_collected():
    def bad(text):
        def check():
            raise Violation(text)
        return check

    oracles.collect(lambda: None)
    with pytest.raises(Violation) as e:
        oracles.collect(bad("first"), lambda: None, bad("second"))
    assert "first" in str(e.value) and "second" in str(e.value)


# diff harness

@pytest.mark.parametrize("session", [False, True])
def test_diff_direct_against_direct(pg, session):
    d = Difference(pg, pg, clients=16, groups=40, session=session,
                   name=f"same{int(session)}").prepare().run()
    assert d.messages > 1000


def test_diff_generator_is_deterministic(pg):
    diff.prepare(pg, "det")
    scripts = []
    for _ in range(2):
        diff.prepare(pg, "det")
        with direct(pg, database="det") as c:
            scripts.append(diff.record(c, 42, 30))
    assert scripts[0].steps == scripts[1].steps
    assert scripts[0].stream == scripts[1].stream


def test_diff_finds_a_difference(pg):
    diff.prepare(pg, "finds")
    with direct(pg, database="finds") as c:
        script = diff.record(c, 7, 10)
    answers = [list(a) for a in script.answers]
    diff.compare(script, answers)
    for n, change in enumerate((
            lambda a: a.pop(),
            lambda a: a.append(pgwire.Message("N", b"")),
            lambda a: a.__setitem__(0, a[0]._replace(body=b"x")))):
        changed = [list(a) for a in answers]
        change(changed[-1 if n != 2 else 3])
        with pytest.raises(AssertionError, match="seed 7"):
            diff.compare(script, changed)


def _told(code, text, routine="exec_bind_message"):
    return pgwire.Message("E", f"SERROR\0C{code}\0M{text}\0R{routine}\0\0"
                          .encode())


def _ready(status):
    return pgwire.Message("Z", status.encode())


REFUSED = _told("25P02", "aborted", "exec_parse_message")
DESCRIBED = [pgwire.Message("t", b"\0\0"), pgwire.Message("n", b"")]
SNAPSHOT = _told("25001", "SET must be called before any query", "check")


@pytest.mark.parametrize("status, direct, through, verdict", [
    ("E", [_told("08P01", "no")], [REFUSED], True),
    ("E", [_told("25P02", "aborted")], [REFUSED], True),
    ("E", [pgwire.Message("N", b"Mw\0\0"), _told("42601", "no")], [REFUSED],
     True),
    ("E", [*DESCRIBED, _told("25P02", "aborted")], [REFUSED], True),
    ("E", [*DESCRIBED, pgwire.Message("1", b"")], [REFUSED], "over"),
    ("E", [_told("26000", "no")], [REFUSED], "differs"),
    ("E", [_told("08P01", "no")], [_told("25P02", "aborted")], "differs"),
    ("E", [_told("08P01", "no")], [REFUSED, DESCRIBED[1]], "differs"),
    ("T", [_told("08P01", "no")], [REFUSED], "differs"),
    ("I", [_told("08P01", "no")], [REFUSED], "differs"),
    ("T", [pgwire.Message("C", b"SET\0")], [SNAPSHOT], "over"),
    ("T", [SNAPSHOT], [pgwire.Message("C", b"SET\0")], "over"),
    ("I", [SNAPSHOT], [pgwire.Message("C", b"SET\0")], "differs"),
])
def test_diff_knows_what_may_differ(status, direct, through, verdict):
    script = diff.Script(7, "t0")
    before = [_ready("T"), *DESCRIBED, _ready(status)]
    script.steps = [groups.Step([pgwire.sync()], [1])] * 2
    script.answers = [before, [*direct, _ready("E")]]
    compared = diff.Comparison(script)
    assert compared.add(list(before)) is True
    if verdict == "differs":
        with pytest.raises(AssertionError, match="step 1 differs"):
            compared.add([*through, _ready("E")])
    else:
        got = compared.add([*through, _ready("E")])
        assert got is (diff.Comparison.OVER if verdict == "over" else True)


def test_diff_owed_knows_swallowed_syncs():
    owed = diff.Owed()
    owed.sent(pgwire.parse("", "COPY t FROM STDIN") + pgwire.bind()
              + pgwire.execute() + pgwire.sync() + pgwire.copy_done()
              + pgwire.sync())
    for kind in "12GC":
        assert owed.waiting()
        owed.received(kind)
    assert owed.queue == ["S"]
    owed.received("Z")
    assert not owed.waiting()
