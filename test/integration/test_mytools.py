"""The MySQL half of the tools: against a real MariaDB and a real MySQL without
carpool, and against each other."""

import struct

import pytest

from tools import myauth, mywire as w
from tools.fakemysql import CAPS_8, FakeMysql, Spoiler
from tools.mariadb import USERS, USERS_8
from tools.myanswer import MyError, Ok, ResultSet
from tools.mycrowd import my_crowd
from tools.naivepool import NaivePool
from tools.rawmysql import Closed, RawMysql, Unexpected
from tools.wait import wait_until

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF
MULTI = w.MULTI_STATEMENTS


def direct(server, user="app", host=None, **login):
    return RawMysql.open(host or server.host, server.port, user=user,
                         password=server.users[user][0],
                         **{"database": "test", **login})


# the servers

def test_server_seen_from_outside(either):
    before = either.connections()
    with direct(either) as c:
        c.query("SELECT 1")
        assert either.connections() == before + 1
        assert c.id in either.ids()
        c.say(w.query("SELECT SLEEP(30)"))
        wait_until(lambda: [r[0] for r in either.busy()] == [c.id])
        either.terminate(c.id)
        with pytest.raises((MyError, Closed)):
            c.finish(c.answer_of(w.QUERY)).check()
    wait_until(lambda: either.connections() == before)


def test_mariadb_killed_and_started_again(make_mariadb):
    server = make_mariadb(**{"max-connections": 20})
    with direct(server) as c:
        server.kill()
        c.expect_closed()
    server.start()
    with direct(server) as c:
        assert c.value("SELECT @@max_connections") == "20"
    assert server.value("SELECT COUNT(*) FROM test.sample") == 3


# logins

@pytest.mark.parametrize("user,steps", [
    ("app", [w.NATIVE]), ("u_none", [w.NATIVE]),
    ("u_ed25519", [w.NATIVE, w.ED25519])])
def test_raw_login_to_mariadb(mariadb, user, steps):
    with direct(mariadb, user) as c:
        assert c.auth == steps
        assert c.value("SELECT CURRENT_USER()") == user + "@localhost"
        assert "MariaDB" in c.version
        assert not c.greeting.caps & w.LONG_PASSWORD


@pytest.mark.parametrize("user,steps", [
    ("u_native", [w.SHA2, w.NATIVE]), ("u_none", [w.SHA2]),
    ("u_sha256", [w.SHA2, w.SHA256, "key"])])
def test_raw_login_to_mysql(mysql8, user, steps):
    with direct(mysql8, user) as c:
        assert c.auth == steps
        assert c.value("SELECT CURRENT_USER()") == user + "@localhost"
        assert c.version == "8.0.15"


def test_raw_login_by_caching_sha2(mysql8):
    """The whole password once, encrypted; fast from then on."""
    mysql8.query("FLUSH PRIVILEGES")  # forgets what it knew
    for steps in (["full", "key"], ["fast"], ["fast"]):
        with direct(mysql8, "app2") as c:
            assert c.auth == [w.SHA2, *steps]
    with direct(mysql8, "app2", plugin=w.NATIVE) as c:
        assert c.auth == [w.NATIVE, w.SHA2, "fast"]
    mysql8.query("FLUSH PRIVILEGES")
    for steps in (["full"], ["fast"]):
        with direct(mysql8, "app2", host=mysql8.socket) as c:
            assert c.auth == [w.SHA2, *steps]


@pytest.mark.parametrize("user", USERS)
def test_raw_wrong_password_at_mariadb(mariadb, user):
    with pytest.raises(MyError) as e:
        RawMysql.open(port=mariadb.port, user=user, password="wrong")
    assert (e.value.code, e.value.sqlstate) == (1045, "28000")


@pytest.mark.parametrize("user", USERS_8)
def test_raw_wrong_password_at_mysql(mysql8, user):
    with pytest.raises(MyError) as e:
        RawMysql.open(port=mysql8.port, user=user, password="wrong")
    assert (e.value.code, e.value.sqlstate) == (1045, "28000")


def test_raw_unknown_database(either):
    with pytest.raises(MyError) as e:
        direct(either, database="nowhere")
    assert e.value.code == 1049


def test_raw_unix_socket_and_attributes(mariadb):
    with direct(mariadb, host=mariadb.socket, attrs={"who": "x" * 300}) as c:
        assert c.query("SELECT 1").value == "1"


def test_secrets_are_what_the_servers_store(mariadb, mysql8):
    for server, user, column in ((mariadb, "app", "password"),
                                 (mysql8, "u_native",
                                  "authentication_string")):
        assert server.value(
            f"SELECT {column} FROM mysql.user WHERE user = '{user}'"
            " LIMIT 1") == myauth.native_secret(server.users[user][0])


def test_ed25519_both_sides():
    public = myauth.ed25519_public("secret")
    signed = myauth.ed25519_sign("secret", b"s" * 32)
    assert myauth.ed25519_check(public, b"s" * 32, signed)
    assert not myauth.ed25519_check(public, b"t" * 32, signed)


# commands

@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_raw_results(either, caps):
    with direct(either, caps=caps | MULTI) as c:
        a = c.query("SELECT 1 AS a, NULL AS b; SELECT 'x'; DO 1")
        assert [type(p) for p in a.parts] == [ResultSet, ResultSet, Ok]
        assert a.rows == [["1", None]] and a.sets[0].names == ["a", "b"]
        assert a.sets[1].rows == [[b"x"]]
        assert a.last.status == w.AUTOCOMMIT
        with pytest.raises(MyError) as e:
            c.query("SELECT nothing")
        assert (e.value.code, e.value.sqlstate) == (1054, "42S22")
        a = c.query("SELECT 2; SELECT missing; SELECT 3", check=False)
        assert len(a.sets) == 1 and a.errors[0].code == 1054
        assert c.query("SELECT 1 WHERE FALSE").rows == []
        c.query("CREATE TEMPORARY TABLE mine LIKE sample")
        ok = c.query("INSERT INTO mine (name) VALUES ('id')").last
        assert (ok.affected, ok.insert_id) == (1, 1)
        ok = c.query("UPDATE mine SET amount = 9").last
        assert ok.info == b"Rows matched: 1  Changed: 1  Warnings: 0"
        assert c.query("DELETE FROM mine").last.info == b""
        assert c.query("BEGIN").last.status & w.IN_TRANS
        assert c.query("SELECT 1").last.status & w.IN_TRANS
        assert not c.query("ROLLBACK").last.status & w.IN_TRANS
        assert c.query("SELECT 1/0").last.warnings == 1
        a = c.query("CALL two_sets(4)")
        assert [s.rows for s in a.sets] == [[[b"4"]], [[b"5", b"x"]]]
        assert isinstance(a.parts[-1], Ok)


def test_raw_multi_statements_only_when_negotiated(either):
    with direct(either) as c:
        assert c.query("SELECT 1; SELECT 2", check=False).errors[0].code \
            == 1064
        assert c.command(w.SET_OPTION, struct.pack("<H", 0)).last.is_eof
        assert len(c.query("SELECT 1; SELECT 2").sets) == 2
        c.command(w.SET_OPTION, struct.pack("<H", 1))
        assert c.query("SELECT 1; SELECT 2", check=False).errors


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_raw_other_commands(either, caps):
    with direct(either, caps=caps) as c:
        assert c.ping().status == w.AUTOCOMMIT
        assert b"Uptime" in c.command(w.STATISTICS).parts[0]
        assert c.command(w.INIT_DB, "mysql").check()
        assert c.value("SELECT DATABASE()") == "mysql"
        assert c.command(w.INIT_DB, "nope", check=False).errors[0].code \
            == 1049
        c.query("SET @v = 1")
        c.reset_connection()
        assert c.value("SELECT @v") is None
        fields = c.command(w.FIELD_LIST, b"user\0").sets[0]
        assert len(fields.columns) > 5
        assert c.command(0xee, check=False).errors[0].code == 1047
        assert "Query" in [r[4] for r in c.command(w.PROCESS_INFO).rows] \
            or c.command(w.PROCESS_INFO).rows


def test_raw_change_user(either):
    user = "app2" if either.name == "mariadb" else "u_native"
    with direct(either) as c:
        c.query("SET @v = 1")
        c.change_user(user, either.users[user][0], "test")
        assert c.value("SELECT CONCAT(USER(), DATABASE(), ISNULL(@v))") \
            == user + "@localhosttest1"
        with pytest.raises(MyError):
            c.change_user(user, "wrong", "test")


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_raw_prepared(either, caps):
    with direct(either, caps=caps) as c:
        s = c.prepare("SELECT ? + 1 AS a, ? AS b, ? AS c")
        assert (s.params, s.columns) == (3, 3)
        assert len(s.param_defs) == len(s.column_defs) == 3
        assert c.execute(s, [41, "text", None]).rows == [
            [42, "text", None]]
        assert c.execute(s, [1.5, b"\xff\0", 2]).sets[0].rows[0][1] \
            == b"\xff\0"
        d = c.prepare("SELECT * FROM sample WHERE id < ? ORDER BY id")
        assert c.execute(d, [3]).rows == [
            [1, "one", "1.50", "2020-02-03 04:05:06", None],
            [2, "two", "2.50", "2020-02-03 04:05:06", None]]
        # the types of the last time hold
        assert c.execute(d, [2], with_types=False).rows[0][0] == 1
        c.say(w.long_data(s.id, 1, "long "))
        c.say(w.long_data(s.id, 1, "text"))
        assert c.execute(s, [1, b"", None], long=(1,)).rows[0][1] \
            == "long text"
        c.command(w.STMT_RESET, struct.pack("<I", s.id))
        nothing = c.prepare("DO 1")
        assert (nothing.params, nothing.columns) == (0, 0)
        assert isinstance(c.execute(nothing).parts[0], Ok)
        c.forget(s)
        assert c.execute(s, [1, 2, 3], check=False).errors[0].code == 1243
        with pytest.raises(MyError):
            c.prepare("SELEC")
        call = c.execute(c.prepare("CALL two_sets(?)"), [6])
        assert [r.rows for r in call.sets] == [[[6]], [[7, b"x"]]]


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_raw_cursor(either, caps):
    with direct(either, caps=caps) as c:
        s = c.prepare("SELECT id FROM sample WHERE id < ? ORDER BY id")
        a = c.execute(s, [100], flags=1)
        assert a.sets[0].rows == [] and a.last.status & w.CURSOR_EXISTS
        assert c.fetch(s, 2).rows == [[1], [2]]
        a = c.fetch(s, 2)
        assert a.rows == [[3]] and a.last.status & w.LAST_ROW_SENT
        assert c.fetch(s, 1, check=False).errors


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_raw_local_infile(either, caps):
    load = "LOAD DATA LOCAL INFILE 'some file' INTO TABLE loaded"
    either.query("CREATE OR REPLACE TABLE test.loaded (a INT)"
                 if either.name == "mariadb" else
                 "CREATE TABLE IF NOT EXISTS test.loaded (a INT)")
    with direct(either, caps=caps | w.LOCAL_FILES) as c:
        a = c.query(load)
        assert a.wanted == "some file"
        assert c.give_file(a, b"1\n2\n3\n", size=4).last.affected == 3
        a = c.query(load)
        assert c.give_file(a, None).last.affected == 0
        assert c.value("SELECT COUNT(*) FROM loaded") == "3"
        c.query("DROP TABLE loaded")


def test_raw_trackers(either):
    with direct(either, caps=MODERN) as c:
        assert c.query("USE mysql").last.schema == "mysql"
        c.query("SET session_track_system_variables = '*'")
        ok = c.query("SET sql_mode = 'ANSI_QUOTES'").last
        assert ok.variables["sql_mode"] == "ANSI_QUOTES"
        c.query("SET session_track_state_change = ON")
        assert (2, b"1") in c.query("SET @v = 7").last.trackers


def test_raw_mariadb_only(mariadb):
    """Bulk, the id that stands for the last statement, metadata in words of
    its own."""
    mariadb.query("CREATE OR REPLACE TABLE test.bulk"
                  " (a BIGINT, b VARCHAR(20), j JSON, i INET6)")
    with direct(mariadb, caps=MODERN, ext=w.BULK | w.EXTENDED_METADATA) as c:
        assert c.ext == w.BULK | w.EXTENDED_METADATA
        s = c.prepare("INSERT INTO bulk (a, b) VALUES (?, ?)")
        c.say(w.bulk_execute(s.id, [(1, "one"), (2, None), (3, "three")]))
        a = c.finish(c.answer_of(w.BULK_EXECUTE)).check()
        assert a.last.affected == 3
        got = c.query("SELECT * FROM bulk").sets[0]
        assert len(got.rows) == 3
        assert b"json" in got.columns[2].extended
        assert b"inet6" in got.columns[3].extended
        first, second = c.pipeline(
            w.prepare("SELECT ? + 1"),
            w.execute(w.LAST_PREPARED, [5]))
        assert second.rows == [[6]]
        bad, none = c.pipeline(w.prepare("SELEC"),
                               w.execute(w.LAST_PREPARED, [5]))
        assert bad.errors[0].code == 1064 and none.errors
    mariadb.query("DROP TABLE test.bulk")


@pytest.mark.parametrize("sizes", [(1 << 20,), (1,), (3, 5, 1000)])
def test_raw_pipeline(either, sizes):
    with direct(either, caps=MODERN) as c:
        got = c.pipeline(w.query("SELECT 1"), w.command(w.PING),
                         w.query("SELEC"), w.prepare("SELECT ?"),
                         w.query("SELECT 2"), sizes=sizes)
        assert got[0].value == "1" and got[4].value == "2"
        assert got[2].errors and got[3].statement.params == 1


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_raw_packets_of_16_mb(mariadb, more):
    n = w.MAX_PAYLOAD + more
    with direct(mariadb, timeout=30) as c:
        # the value and its length are the whole row
        a = c.query(f"SELECT REPEAT(x'FF', {n - 4})")
        assert len(a.sets[0].raw[0]) == n
        text = "SELECT LENGTH('%s')"
        size = n - 1 - len(text % "")
        assert c.value(text % ("x" * size)) == str(size)


def test_raw_wrong_sequence_number(mariadb):
    with direct(mariadb) as c:
        c.say(w.query("SELECT 1"), seq=7)
        assert c.expect_error(1156).sqlstate == "08S01"


def test_raw_refuses_the_unexpected():
    def script(conn):
        conn.login()
        conn.expect_query("one")
        conn.seq += 1
        conn.ok()
        conn.expect_query("two")
        conn.ok()
        conn.ok()
        conn.wait_closed()

    with FakeMysql(script) as fake:
        with RawMysql.open(port=fake.port) as c:
            with pytest.raises(Unexpected, match="sequence 2"):
                c.query("one")
            c.query("two")
            with pytest.raises(Unexpected):
                c.expect_silence()
            with pytest.raises(TimeoutError):
                c.read(timeout=0.05)


def test_crowd_of_mysql_clients(either):
    async def work(c, i):
        s = await c.prepare("SELECT ? + 1")
        got = await c.execute(s, [i])
        with pytest.raises(MyError):
            await c.query("SELEC")
        return int(await c.value(f"SELECT {got.value}")) - 1

    assert my_crowd(60, work, port=either.port, user="app",
                    password=either.users["app"][0],
                    caps=MODERN) == list(range(60))


# the fake server

def test_fake_serves_by_default():
    with FakeMysql(passwords={"app": "pw"}) as fake:
        with RawMysql.open(port=fake.port, password="pw",
                           caps=MODERN | MULTI, database="d") as c:
            assert c.value("SELECT 1") == "1"
            assert c.query("BEGIN").last.status & w.IN_TRANS
            assert len(c.query("SELECT 'a'; COMMIT").parts) == 2
            ok = c.query("SET sql_mode='x', time_zone='+01:00'").last
            assert ok.variables == {"sql_mode": "x", "time_zone": "+01:00"}
            s = c.prepare("SELECT ?")
            assert c.execute(s, ["z"]).rows == [["?"]]
            assert c.execute(99, check=False).errors[0].code == 1243
            assert c.ping().status == w.AUTOCOMMIT
            c.command(w.INIT_DB, "other")
            c.command(w.SET_OPTION, b"\0\0")
            c.reset_connection()
            c.change_user("app", "pw")
            assert c.command(0xee, check=False).errors[0].code == 1047
            c.quit()
            wait_until(lambda: fake.received(w.QUIT))
        conn = fake.connections[0]
        assert conn.response.user == "app"
        assert conn.response.database == "d"
        assert fake.queries()[:2] == ["SELECT 1", "BEGIN"]


@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_fake_speaks_both_eof_styles(caps):
    with FakeMysql() as fake, RawMysql.open(port=fake.port, caps=caps) as c:
        s = c.prepare("SELECT 5")
        assert c.execute(s).rows == [["5"]]
        assert c.value("SELECT 6") == "6"


@pytest.mark.parametrize("plugin", [w.NATIVE, w.SHA2, w.SHA256, w.CLEAR,
                                    w.ED25519])
@pytest.mark.parametrize("greets_with", [None, w.NATIVE, w.SHA2])
def test_fake_logins(plugin, greets_with):
    with FakeMysql(plugin=plugin, greets_with=greets_with,
                   passwords={"u": "secret", "none": ""}) as fake:
        for _ in range(2):
            with RawMysql.open(port=fake.port, user="u",
                               password="secret") as c:
                assert c.value("SELECT 1") == "1"
        assert fake.connections[0].auth == c_auth(plugin, greets_with)
        with pytest.raises(MyError) as e:
            RawMysql.open(port=fake.port, user="u", password="wrong")
        assert e.value.code == 1045


def c_auth(plugin, greets_with):
    begin = [greets_with] if greets_with and greets_with != plugin else []
    if plugin == w.ED25519 and not begin:
        begin = []
    more = {w.SHA2: ["full", "key"], w.SHA256: ["key"]}.get(plugin, [])
    return [*begin, plugin, *more]


def test_fake_as_mysql_8():
    with FakeMysql(version="8.0.40", caps=CAPS_8, plugin=w.SHA2,
                   passwords={"u": "secret"}) as fake:
        for steps in (["full", "key"], ["fast"]):
            with RawMysql.open(port=fake.port, user="u",
                               password="secret") as c:
                assert c.auth == [w.SHA2, *steps]
                assert c.version == "8.0.40" and c.greeting.ext == 0


def test_fake_on_a_unix_socket(tmp_path):
    path = str(tmp_path / "s")
    with FakeMysql(host=path, plugin=w.SHA2, passwords={"u": "pw"}):
        with RawMysql.open(path, user="u", password="pw") as c:
            assert c.auth == [w.SHA2, "full"]
            assert c.value("SELECT 1") == "1"


def test_fake_refuses_in_place_of_the_greeting():
    def script(conn):
        conn.err(1040, "Too many connections", "08004")

    with FakeMysql(script) as fake:
        with pytest.raises(MyError) as e:
            RawMysql.open(port=fake.port)
        assert e.value.code == 1040


@pytest.mark.parametrize("how", ["close", "reset"])
def test_fake_dies_at_every_byte(how):
    """Of the greeting, the OK of the login and the first answer."""
    with FakeMysql() as fake, RawMysql.open(port=fake.port) as c:
        c.query("SELECT 1")
        whole = fake.connections[0].sent
    step = 1 if how == "close" else 7
    spoilers = [Spoiler(die_after=n, how=how)
                for n in range(1, whole, step)]
    with FakeMysql(spoilers=spoilers) as fake:
        for n in range(len(spoilers)):
            with pytest.raises((Closed, ConnectionError)):
                with RawMysql.open(port=fake.port) as c:
                    c.query("SELECT 1")
            assert fake.connections[n].sent == spoilers[n].die_after


def test_fake_answers_in_pieces_and_changes_bytes():
    spoilers = [Spoiler(size=1), Spoiler(change={4: 9})]
    with FakeMysql(spoilers=spoilers) as fake:
        with RawMysql.open(port=fake.port) as c:
            assert c.value("SELECT 'pieces'") == "pieces"
        with RawMysql(port=fake.port) as c:
            assert c.greet().protocol == 9


def test_fake_script_for_each_connection():
    def first(conn):
        conn.login(version="5.7.44")
        conn.expect_query("one")
        conn.err(1205, "Lock wait timeout exceeded")
        conn.expect_query("two")
        conn.raw(b"\x01\x00\x00\x05\xff")
        conn.wait_closed()

    def second(conn):
        conn.login(track=w.trackers(w.tracked_schema("d")))
        conn.half_close()
        conn.wait_closed()

    with FakeMysql([first, second]) as fake:
        with RawMysql.open(port=fake.port) as a, \
                RawMysql.open(port=fake.port, caps=MODERN) as b:
            assert a.version == "5.7.44" and b.welcome.schema == "d"
            assert a.query("one", check=False).errors[0].code == 1205
            a.say(w.query("two"))
            assert a.read() == (5, b"\xff")
            b.expect_closed()


def test_fake_reports_a_failed_script():
    def script(conn):
        conn.login()
        conn.expect_query("this")

    fake = FakeMysql(script).start()
    with RawMysql.open(port=fake.port) as c:
        c.say(w.query("that"))
        c.expect_closed()
    with pytest.raises(AssertionError, match="that"):
        fake.stop()


def test_fake_wants_commands_to_begin_at_zero():
    fake = FakeMysql().start()
    with RawMysql.open(port=fake.port) as c:
        c.say(w.query("SELECT 1"), seq=3)
        c.expect_closed()
    with pytest.raises(AssertionError, match="number 3"):
        fake.stop()


# the fault proxy

def test_fault_proxy_with_mysql(mariadb, fault):
    link = fault.listen(mariadb.port)
    link.split(1)
    with RawMysql.open(port=link.port, password=USERS["app"][0]) as c:
        assert c.value("SELECT 'split'") == "split"
        link.resume()
        link.stall("down")
        c.say(w.query("SELECT 2"))
        c.expect_silence()
        link.resume()
        assert c.finish(c.answer_of(w.QUERY)).value == "2"
        link.reset_all()
        with pytest.raises(Closed):
            c.read()


# the naive pool

def test_naive_pool_mixes_its_clients_up(mariadb):
    pool = NaivePool(mariadb).start()
    try:
        with RawMysql.open(port=pool.port, user="app",
                           password=USERS["app"][0]) as a:
            for _ in range(2):
                a.query("SET @v = 5")
            a.query("BEGIN")
            first = a.value("SELECT CONNECTION_ID()")
            assert a.value("SELECT CONNECTION_ID()") == first
            a.query("COMMIT")
            got = {a.value("SELECT CONNECTION_ID()") for _ in range(4)}
            assert len(got) == 2
            with RawMysql.open(port=pool.port, user="app",
                               password=USERS["app"][0]) as b:
                assert b.value("SELECT @v") == "5"
    finally:
        pool.stop()
