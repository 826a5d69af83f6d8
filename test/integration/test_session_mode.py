"""Session mode: a client cannot tell carpool from the server.  Each case is
run directly and through carpool, and compared."""

import threading

import pytest

from tools import pgwire as w
from tools.raw import PgError, RawClient
from tools.wait import wait_until

LONG = "v" * 300

# What a startup packet may ask for.
STARTUPS = {
    "nothing": {},
    "application_name": {"application_name": "plain"},
    "application_name in utf-8": {"application_name": "M\u00fcller \u2603"},
    "application_name of any bytes": {
        "application_name": bytes(range(1, 256))},
    "application_name with quotes": {"application_name": "a'b\"c\\d$e"},
    "application_name of 300 bytes": {"application_name": LONG},
    "empty application_name": {"application_name": ""},
    "DateStyle": {"DateStyle": "German"},
    "datestyle in small letters": {"datestyle": "sql,dmy"},
    "DateStyle with spaces": {"DateStyle": " ISO ,  YMD"},
    "TimeZone": {"TimeZone": "Europe/Berlin"},
    "timezone in small letters": {"timezone": "europe/berlin"},
    "TIMEZONE as offset": {"TIMEZONE": "<+05>-05"},
    "IntervalStyle": {"IntervalStyle": "ISO_8601"},
    "client_encoding": {"client_encoding": "LATIN1"},
    "client_encoding spelled freely": {"client_encoding": "utf-8"},
    "client_encoding as unicode": {"client_encoding": "UNICODE"},
    "client_encoding quoted": {"client_encoding": "'utf-8'"},
    "standard_conforming_strings": {"standard_conforming_strings": "off"},
    "scs as number": {"standard_conforming_strings": "0"},
    "scs with a value to quote": {
        "standard_conforming_strings": "off",
        "application_name": "back\\slash 'and' \"quotes\""},
    "work_mem": {"work_mem": "77MB"},
    "search_path": {"search_path": "\"My Schema\", public"},
    "extra_float_digits": {"extra_float_digits": "-3"},
    "custom": {"custom.setting": "any 'text' \\ here"},
    "custom of 300 bytes": {"custom.long": LONG},
    "several": {"DateStyle": "SQL", "TimeZone": "Asia/Tokyo",
                "work_mem": "1MB", "statement_timeout": "5min",
                "application_name": "several"},
    "role": {"role": "app2"},
    "options -c": {"options": "-c TimeZone=Asia/Tokyo -c work_mem=3MB"},
    "options --": {"options": "--geqo=off --work-mem=2MB"},
    "options joined": {"options": "-cDateStyle=German -cfoo.bar=1"},
    "options with escapes": {
        "options": "-c application_name=two\\ words\\\\ -c a.b=\\'x\\'"},
    "options of letters": {"options": "-S 1234 -e -ft"},
    "options and a setting": {"options": "-c application_name=from_options",
                              "application_name": "from packet"},
    "empty options": {"options": ""},
    "replication off": {"replication": "false", "work_mem": "5MB"},
}

REFUSED = {
    "unknown setting": {"no_such_setting": "1"},
    "bad value": {"work_mem": "much"},
    "bad TimeZone": {"TimeZone": "No/Where"},
    "bad DateStyle": {"DateStyle": "Klingon"},
    "bad client_encoding": {"client_encoding": "EBCDIC"},
    "superuser's setting": {"log_statement": "none"},
    "postmaster's setting": {"shared_buffers": "1GB"},
    "out of range": {"extra_float_digits": "99"},
    "bad name": {"bad name.x": "1"},
    "role that does not exist": {"role": "nobody_here"},
    "role of others": {"role": "u_md5"},
    "bad option": {"options": "-Z"},
    "option without value": {"options": "-c"},
    "option without =": {"options": "-c geqo"},
    "bad value in options": {"options": "-c TimeZone=Mars"},
}

SHOWN = ("application_name", "DateStyle", "TimeZone", "IntervalStyle",
         "client_encoding", "standard_conforming_strings", "work_mem",
         "search_path", "extra_float_digits", "statement_timeout", "geqo",
         "fsync", "enable_seqscan", "role", "session_authorization")

VIEW = ("SELECT name, setting, reset_val, source FROM pg_settings"
        " WHERE source IN ('client', 'session') OR name LIKE '%.%'"
        " ORDER BY name")


@pytest.fixture(scope="module", autouse=True)
def roles(pg):
    pg.query("GRANT app2 TO app")


@pytest.fixture
def cp(make_carpool):
    return make_carpool(pool_mode="session", default_pool_size=2)


def told(c):
    """All that the login told, less what is each connection's own, and less
    the notices (of a name that is cut, say), which carpool does not keep."""
    return [m for m in c.all_received if m.type not in "KN"]


def look(c, parameters):
    """What a session sees of its settings: at first, changed and reset."""
    names = (*SHOWN, *(n for n in parameters if "." in n))
    out = [told(c)]
    for sql in ("; ".join(f"SHOW {n}" for n in names), VIEW,
                "SET application_name = 'changed'; SET work_mem = '9MB';"
                " SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC';"
                " SET standard_conforming_strings = on",
                "RESET application_name; SHOW application_name",
                "BEGIN; RESET DateStyle; ROLLBACK",
                "SHOW DateStyle; RESET TimeZone; SHOW TimeZone",
                "RESET ALL; SHOW work_mem; SHOW DateStyle", VIEW,
                "SET application_name TO 'again'; SET role TO DEFAULT",
                "DISCARD ALL", VIEW):
        got = c.query(sql, check=False).messages
        out.append((sql, [m if m.type != "D" else w.row_values(m.body)
                          for m in got]))
    return out


def first_difference(direct, through):
    for a, b in zip(direct, through):
        if a != b:
            return f"direct: {a}\nthrough: {b}"
    return None


@pytest.mark.seconds(180)
def test_startup_parameters_are_those_of_the_server(pg, cp):
    """Each connection on its own server, then on one that was used."""
    wrong = {}
    for name, parameters in STARTUPS.items():
        with RawClient.open(pg.host, pg.port, **parameters) as c:
            direct = look(c, parameters)
        for n in range(2):
            c = cp.connect(**parameters)
            through = look(c, parameters)
            c.quit()
            if through != direct:
                wrong[name, n] = first_difference(direct, through)
    assert not wrong


def test_startup_parameters_that_the_server_refuses(pg, cp):
    """Refused with the server's own words, and only who asked."""
    wrong = {}
    for name, parameters in REFUSED.items():
        fields = []
        for way in (pg, cp, cp):
            with pytest.raises(PgError) as e:
                RawClient.open(way.host, way.port, **parameters)
            fields.append(e.value.fields)
        with RawClient.open(cp.host, cp.port) as c:
            assert c.value("SELECT 1") == "1"
        if fields != fields[:1] * 3:
            wrong[name] = fields
    assert not wrong


def test_refused_and_taken_startups_at_once(pg, make_carpool):
    """Who asks for what the server refuses harms nobody in the queue."""
    cp = make_carpool(pool_mode="session", default_pool_size=2, threads=4)
    errors = []

    def good(n):
        try:
            for i in range(6):
                with RawClient.open(cp.host, cp.port, timeout=30,
                                    work_mem=f"{n + 1}MB") as c:
                    assert c.value("SHOW work_mem") == f"{n + 1}MB"
                    c.quit()
        except Exception as e:
            errors.append(e)

    def bad(n):
        try:
            for i in range(6):
                with pytest.raises(PgError) as e:
                    RawClient.open(cp.host, cp.port, timeout=30,
                                   work_mem=f"bad{n % 2}")
                assert e.value.sqlstate == "22023", e.value
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=f, args=(n,))
               for f in (good, bad) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []


def test_server_is_kept_for_who_asks_for_the_same(make_carpool, pg):
    cp = make_carpool(pool_mode="session", default_pool_size=5)
    seen = {}
    for _ in range(3):
        for zone in ("Asia/Tokyo", "America/Lima"):
            c = cp.connect(TimeZone=zone)
            pid = c.value("SELECT pg_backend_pid()")
            assert seen.setdefault(zone, pid) == pid
            assert c.value("SHOW TimeZone") == zone
            c.quit()
            cp.wait_pool(sv_active=0)
    assert pg.connections("test") == 2


def test_server_of_others_makes_room(make_carpool, pg):
    """A full pool: an idle server that was told something else goes."""
    cp = make_carpool(pool_mode="session", default_pool_size=1)
    pids = set()
    for n in range(4):
        c = cp.connect(work_mem=f"{n + 1}MB")
        assert c.value("SHOW work_mem") == f"{n + 1}MB"
        pids.add(c.value("SELECT pg_backend_pid()"))
        assert pg.connections("test") == 1
        c.quit()
    assert len(pids) == 4


@pytest.mark.parametrize("budget", ["default_pool_size",
                                    "max_db_connections"])
def test_many_startups_share_few_servers(make_carpool, pg, budget):
    """Never more servers than allowed, nobody waits for ever, each has what
    it asked for."""
    cp = make_carpool(pool_mode="session", threads=4, **{budget: 3})
    seen, errors, stop = [], [], threading.Event()

    def watch():
        while not stop.is_set():
            seen.append(pg.connections("test"))

    def work(n):
        try:
            for i in range(8):
                mem = f"{(n + i) % 5 + 1}MB"
                with RawClient.open(cp.host, cp.port, timeout=30,
                                    work_mem=mem) as c:
                    assert c.value("SHOW work_mem") == mem
                    c.query("SET work_mem = '99MB'")
                    c.query("RESET work_mem")
                    assert c.value("SHOW work_mem") == mem
                    if i % 2:
                        c.quit()
        except Exception as e:
            errors.append((n, e))

    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    watcher.start()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    stop.set()
    watcher.join()
    assert errors == []
    assert max(seen) <= 3


def test_login_waits_for_no_server_that_is_known(make_carpool):
    """The session's settings are known from an earlier one: it logs in while
    the pool is full, and waits with its first query."""
    cp = make_carpool(pool_mode="session", default_pool_size=1)
    a = cp.connect(work_mem="7MB")
    a.query("BEGIN")
    b = cp.connect(work_mem="7MB")
    b.send(w.query("SHOW work_mem"))
    b.expect_silence(0.05)
    a.quit()
    assert b.read_until("Z").rows == [["7MB"]]


def test_login_with_new_settings_waits_in_a_full_pool(make_carpool):
    cp = make_carpool(pool_mode="session", default_pool_size=1)
    a = cp.connect()
    a.query("BEGIN")
    b = cp.raw()
    b.send(w.startup({"user": "app", "database": "test",
                      "work_mem": "8MB"}))
    b.expect_silence(0.05)
    a.quit()
    b.finish_login("app")
    assert b.value("SHOW work_mem") == "8MB"


def test_ignored_startup_parameters_are_dropped(make_carpool):
    cp = make_carpool(pool_mode="session",
                      ignore_startup_parameters="work_mem,options")
    c = cp.connect(work_mem="11MB", options="-c TimeZone=Asia/Tokyo",
                   application_name="kept")
    assert c.value("SHOW work_mem") == "4MB"
    assert c.value("SHOW TimeZone") == "UTC"
    assert c.value("SHOW application_name") == "kept"


def test_values_of_the_database_entry_are_defaults(make_carpool, pg):
    cp = make_carpool(
        {"test": {"pg": pg, "timezone": "Asia/Tokyo",
                  "datestyle": "SQL, DMY"}}, pool_mode="session")
    c = cp.connect(DateStyle="German")
    assert c.value("SHOW TimeZone") == "Asia/Tokyo"
    assert c.value("SHOW DateStyle") == "German, DMY"
    c = cp.connect(options="-c timezone=UTC")
    assert c.value("SHOW TimeZone") == "UTC"


def test_application_name_with_its_host(make_carpool, pg):
    """Another one for each client, so it is set, and the server is shared."""
    cp = make_carpool(pool_mode="session", default_pool_size=1,
                      application_name_add_host=1)
    pids = set()
    for _ in range(2):
        c = cp.connect(application_name="me", work_mem="6MB")
        name = c.value("SHOW application_name")
        assert name.startswith("me - 127.0.0.1:")
        assert c.value("SHOW work_mem") == "6MB"
        c.query("SET application_name = 'x'")
        c.query("RESET application_name")
        assert c.value("SHOW application_name") == name
        pids.add(c.value("SELECT pg_backend_pid()"))
        c.quit()
    assert len(pids) == 1


def test_mode_of_a_user_decides_about_startup_parameters(make_carpool):
    cp = make_carpool(users={"app2": {"pool_mode": "session"}})
    assert cp.connect("app2", work_mem="5MB").value("SHOW work_mem") == "5MB"
    assert cp.connect(work_mem="5MB").value("SHOW work_mem") == "5MB"
    # In transaction mode the value is set when a server is first needed.
    with pytest.raises(PgError):
        cp.connect("app2", work_mem="much")
    c = cp.connect(work_mem="much")
    c.send(w.query("SELECT 1"))
    assert c.expect_error().severity == "FATAL"


def test_transaction_mode_keeps_its_servers_neutral(make_carpool, pg):
    """A database of both modes: sessions' servers are not the others'."""
    cp = make_carpool({"test": pg}, default_pool_size=2,
                      users={"app2": {"pool_mode": "session"}})
    for _ in range(2):
        a = cp.connect(TimeZone="Asia/Tokyo")
        b = cp.connect("app2", TimeZone="Asia/Tokyo", work_mem="5MB")
        assert a.value("SHOW TimeZone") == b.value("SHOW TimeZone")
        a.quit()
        b.quit()
        cp.wait_pool(sv_idle=1)
        cp.wait_pool(user="app2", sv_idle=1)  # else it is still reset
    assert pg.connections("test") == 2


def test_mode_that_changes_under_sessions(make_carpool, pg):
    """Sessions of before go on with what they were told, also on servers of
    the other kind; and back."""
    cp = make_carpool(pool_mode="session", default_pool_size=2)
    c = cp.connect(TimeZone="asia/tokyo", work_mem="5MB")
    assert c.value("SHOW TimeZone") == "Asia/Tokyo"
    for mode in ("transaction", "session", "transaction"):
        cp.settings["pool_mode"] = mode
        cp.reload()
        for _ in range(3):
            assert c.value("SHOW TimeZone") == "Asia/Tokyo"
        other = cp.connect()
        assert other.value("SHOW TimeZone") == "UTC"
        assert other.value("SHOW work_mem") == "4MB"
        other.quit()


def test_mode_that_changes_during_a_login(make_carpool, pg):
    """Routed as a session, answered as a transaction: the login ends well
    and nobody is held up by it."""
    cp = make_carpool(pool_mode="session", default_pool_size=2,
                      auth_type="plain", userlist={"app": "pw"})
    with RawClient(cp.host, cp.port, timeout=20) as c:
        c.send(w.startup({"user": "app", "database": "test",
                          "application_name": "foo"}))
        assert c.read().type == "R"
        cp.settings["pool_mode"] = "transaction"
        cp.reload()
        other = cp.connect(password="pw")
        assert other.value("SELECT 1") == "1"
        c.send(w.password("pw"))
        c.read_until("Z")
        assert c.query("SELECT 2").rows == [["2"]]
        assert other.value("SELECT 3") == "3"


def test_min_pool_size_opens_what_sessions_want(make_carpool, pg):
    cp = make_carpool(pool_mode="session", min_pool_size=2,
                      default_pool_size=2)
    c = cp.connect(work_mem="5MB")
    pid = c.value("SELECT pg_backend_pid()")
    wait_until(lambda: pg.connections("test") == 2)
    d = cp.connect(work_mem="5MB")
    wait_until(lambda: len(set(pg.pids("test"))) == 2)
    pids = {str(p) for p in pg.pids("test")}
    assert d.value("SELECT pg_backend_pid()") in pids - {pid}


# The server's last words


def ends(c):
    """What comes until the end: messages as they came."""
    return [(m.type, w.error_fields(m.body)) for m in c.drain(timeout=8)
            .messages]


ENDS = {
    "terminated while idle": ("SELECT 1", None, {}),
    "terminated in a transaction": ("BEGIN", None, {}),
    "terminated in a failed one": ("BEGIN; SELECT 1/0", None, {}),
    "idle_session_timeout": ("SET idle_session_timeout = 300", 1, {}),
    "idle_session_timeout at startup": (
        "SELECT 1", 1, {"idle_session_timeout": "300"}),
    "idle_in_transaction_session_timeout": (
        "SET idle_in_transaction_session_timeout = 300; BEGIN", 1, {}),
    "ends itself": (
        "SELECT 1", "SELECT pg_terminate_backend(pg_backend_pid())", {}),
    "loses synchronisation": (
        "COPY ends_here FROM STDIN", w.query("SELECT 1"), {}),
}


def end_of(pg, way, sql, then, parameters):
    """How a session ends."""
    c = RawClient.open(way.host, way.port, **parameters)
    c.send(w.query(sql))
    c.read_until("G" if sql.startswith("COPY") else "Z")
    if isinstance(then, str):
        c.send(w.query(then))
    elif isinstance(then, bytes):
        c.send(then)
    elif then is None:
        (pid,) = pg.pids("test")
        pg.terminate(pid)
    out = ends(c)
    c.close()
    wait_until(lambda: not pg.pids("test"))
    return out


def test_what_the_server_says_when_it_ends_a_session(pg, make_carpool):
    """Its own code and text, nothing before or after it."""
    pg.query("CREATE TABLE IF NOT EXISTS ends_here (a text);"
             "GRANT ALL ON ends_here TO PUBLIC", db="test")
    cp = make_carpool(pool_mode="session")
    for name, (sql, then, parameters) in ENDS.items():
        direct = end_of(pg, pg, sql, then, parameters)
        assert any(kind == "E" for kind, _ in direct), name
        assert end_of(pg, cp, sql, then, parameters) == direct, name


def test_server_that_shuts_down_says_so_to_sessions(make_pg, make_carpool):
    out = []
    for through in (False, True):
        pg = make_pg()
        way = pg if not through else make_carpool(
            {"test": pg}, pool_mode="session")
        c = RawClient.open(way.host, way.port)
        c.query("SELECT 1")
        pg.stop("fast")
        out.append(ends(c))
        c.close()
    assert out[0] == out[1]


def test_what_a_dead_server_does_not_say(pg, make_carpool, make_fake):
    """A connection that just ends: carpool says what happened, since the
    server did not."""
    def script(conn):
        conn.login()
        conn.expect_query()
        conn.send(w.complete("SELECT 0"), w.ready())
        conn.close()

    fake = make_fake([script, None])
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      pool_mode="session")
    c = cp.connect()
    c.query("SELECT 1")
    got = ends(c)
    assert [(k, f["C"]) for k, f in got] == [("E", "08006")]
