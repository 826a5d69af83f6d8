"""auth_query: users who are in no file, asked of the server."""

import time

import pytest

from tools import pgwire as w
from tools.account import SENTINEL
from tools.myanswer import MyError
from tools.postgres import USERS
from tools.raw import Closed, PgError, RawClient
from tools.scram import verifier
from tools.wait import wait_until

PW = f"{SENTINEL}-asked"
POOLER = f"{SENTINEL}-pooler"

# What operators install: the pooler may see secrets without being superuser.
LOOKUP = """
CREATE OR REPLACE FUNCTION lookup(INOUT u text, OUT s text) RETURNS record
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL
        ELSE rolpassword END
    FROM pg_authid WHERE rolname = u AND rolcanlogin $$
"""


@pytest.fixture
def users(pg):
    """Roles of these tests; the pooler is who asks."""
    names = ("pooler", "asked", "expired", "nologin", "without", "md5ed")
    pg.query("DROP FUNCTION IF EXISTS lookup", db="test")
    for name in names:
        pg.query(f"DROP ROLE IF EXISTS {name}")
    pg.query(f"CREATE ROLE pooler LOGIN SUPERUSER PASSWORD '{POOLER}'")
    pg.query(f"CREATE ROLE asked LOGIN PASSWORD '{PW}'")
    pg.query(f"CREATE ROLE expired LOGIN PASSWORD '{PW}'"
             " VALID UNTIL '2001-01-01'")
    pg.query(f"CREATE ROLE nologin NOLOGIN PASSWORD '{PW}'")
    pg.query("CREATE ROLE without LOGIN")
    pg.query("SET password_encryption = 'md5'")
    pg.query(f"CREATE ROLE md5ed LOGIN PASSWORD '{PW}'")
    pg.query("RESET password_encryption")
    yield pg
    pg.query("DROP FUNCTION IF EXISTS lookup", db="test")
    for name in names:
        pg.query(f"REVOKE ALL ON SCHEMA public FROM {name}", db="test")
        pg.query(f"DROP OWNED BY {name}", db="test")
        pg.query(f"DROP ROLE {name}")


@pytest.fixture
def make(make_carpool):
    def start(databases=None, **kw):
        kw = {"auth_type": "scram-sha-256", "auth_user": "pooler",
              "server_login_retry": 1,
              "userlist": {"pooler": POOLER}, **kw}
        cp = make_carpool(databases, start=False, **kw)
        cp.descriptor_slack = 2  # the connections that are asked
        if "u_scram" not in kw["userlist"]:
            del cp.userlist["u_scram"]
        return cp.start()
    return start


def told(cp, user, password=PW, database="test"):
    """Whom the server takes the client for, or the refusal."""
    try:
        c = cp.connect(user, database, password)
    except PgError as e:
        return f"{e.sqlstate} {e}"
    who = c.value("SELECT current_user")
    c.close()
    return who


def asked(pg):
    """How often the default query ran."""
    return pg.query("SELECT count(*) FROM pg_stat_activity WHERE"
                    " usename = 'pooler'")[0][0]


@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "plain"])
def test_who_gets_in(make, users, method):
    cp = make(auth_type=method)
    assert told(cp, "asked") == "asked"
    assert told(cp, "asked", "wrong").startswith("28P01")
    for user in ("expired", "nologin", "without", "nobody-here"):
        for password in (PW, ""):
            assert told(cp, user, password).startswith("28P01"), user
    assert told(cp, "app", cp.userlist["app"]) == "app"


def test_unknown_users_look_like_known_ones(make, users):
    """The same messages, the same salt each time."""
    cp = make()
    for user in ("asked", "nobody-here", "expired"):
        seen = []
        for _ in range(2):
            c = cp.raw()
            with pytest.raises(PgError) as e:
                c.login(user, "test", "wrong")
            assert e.value.sqlstate == "28P01"
            seen.append(str(e.value).replace(user, "X"))
            c.close()
        assert seen[0] == seen[1] and "X" in seen[0]


def test_servers_are_logged_in_to(make, users, pg):
    """By the keys that the client proved, as with a verifier in a file."""
    pg.query(f"ALTER ROLE u_scram PASSWORD '{verifier(PW)}'")
    try:
        cp = make()
        assert told(cp, "u_scram") == "u_scram"
        pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE usename = 'u_scram'")
        assert told(cp, "u_scram") == "u_scram"
    finally:
        pg.query("ALTER ROLE u_scram PASSWORD"
                 f" '{USERS['u_scram'][0]}'")


def test_an_md5_secret_serves_both_sides(make, users):
    cp = make(auth_type="md5")
    assert told(cp, "md5ed") == "md5ed"
    assert told(cp, "md5ed", "wrong").startswith("28P01")


def test_a_function_of_the_operators(make, users, pg):
    """auth_dbname and auth_query of an entry; a user who is no superuser."""
    pg.query("ALTER ROLE pooler NOSUPERUSER")
    pg.query(LOOKUP, db="test")
    pg.query("REVOKE ALL ON FUNCTION lookup FROM public", db="test")
    pg.query("GRANT EXECUTE ON FUNCTION lookup TO pooler", db="test")
    entry = {"pg": pg, "dbname": "postgres", "auth_dbname": "auth",
             "auth_query": "SELECT u, s FROM lookup($1)"}
    cp = make({"app": entry, "plain": {"pg": pg, "dbname": "test"},
               "auth": {"pg": pg, "dbname": "test"}})
    assert told(cp, "asked", database="app") == "asked"
    # The default query is not allowed to him.
    assert told(cp, "asked", database="plain").startswith("08001")
    cp.wait_log("permission denied")
    assert "auth_query_failed" in cp.log


def test_what_clients_say_does_not_reach_it(make, users, pg):
    """Trap 87: a search_path of the client's own is no search_path of the
    question."""
    pg.query("CREATE SCHEMA IF NOT EXISTS evil", db="test")
    pg.query("GRANT ALL ON SCHEMA evil TO public", db="test")
    pg.query("CREATE OR REPLACE VIEW evil.pg_authid AS SELECT"
             " 'asked'::name AS rolname, true AS rolcanlogin,"
             f" '{verifier('evil')}'::text AS rolpassword,"
             " NULL::timestamptz AS rolvaliduntil", db="test")
    try:
        cp = make(ignore_startup_parameters="options",
                  auth_query="SELECT rolname, rolpassword FROM pg_authid"
                  " WHERE rolname = $1 AND rolcanlogin")
        for words in ({"search_path": "evil, pg_catalog"},
                      {"options": "-c search_path=evil,pg_catalog"}):
            with pytest.raises((PgError, Closed)):
                RawClient.open(cp.host, cp.port, "asked", "test", "evil",
                               **words)
            assert told(cp, "asked") == "asked"
    finally:
        pg.query("DROP SCHEMA evil CASCADE", db="test")


def test_rows_of_others(make, users):
    """A query that answers with somebody else's row proves nothing."""
    cp = make(auth_query="SELECT 'asked', rolpassword FROM"
              " pg_catalog.pg_authid WHERE rolname = 'asked' OR $1 = ''")
    assert told(cp, "asked") == "asked"
    assert told(cp, "nologin").startswith("28P01")


def test_one_question_for_many(make, users, pg):
    """However many clients come at once; and answers are kept."""
    pg.query("CREATE TABLE IF NOT EXISTS questions (u text)", db="test")
    pg.query("CREATE OR REPLACE FUNCTION lookup(INOUT u text, OUT s text)"
             " RETURNS record LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
             " INSERT INTO public.questions VALUES (u);"
             " PERFORM pg_catalog.pg_sleep(0.3);"
             " SELECT rolname, rolpassword INTO u, s FROM"
             " pg_catalog.pg_authid WHERE rolname = u; END $$", db="test")

    def questions():
        return pg.query("SELECT count(*) FROM questions", db="test")[0][0]

    try:
        cp = make(auth_query="SELECT u, s FROM public.lookup($1)",
                  auth_query_ttl=300, max_client_conn=200)
        clients = [cp.raw() for _ in range(40)]
        for c in clients:
            c.send(w.startup({"user": "asked", "database": "test"}))
        assert all(c.read().type == "R" for c in clients)
        assert questions() == 1
        assert told(cp, "asked") == "asked"
        assert questions() == 1
        cp.console("RELOAD")
        wait_until(lambda: told(cp, "asked") == "asked" and questions() == 2)
    finally:
        pg.query("DROP TABLE questions", db="test")


def test_a_changed_password(make, users, pg):
    """Counts when the answer has run out."""
    cp = make(auth_query_ttl=1)
    assert told(cp, "asked") == "asked"
    pg.query(f"ALTER ROLE asked PASSWORD '{PW}-new'")
    wait_until(lambda: told(cp, "asked", PW + "-new") == "asked")
    assert told(cp, "asked").startswith("28P01")


def test_not_kept_at_all(make, users, pg):
    cp = make(auth_query_ttl=0)
    assert told(cp, "asked") == "asked"
    pg.query(f"ALTER ROLE asked PASSWORD '{PW}-new'")
    assert told(cp, "asked", PW + "-new") == "asked"
    assert told(cp, "asked").startswith("28P01")


def test_its_connection_dies(make, users, pg):
    """Between two questions nobody notices; meanwhile who waits is told."""
    cp = make(auth_query_ttl=0)
    for _ in range(3):
        assert told(cp, "asked") == "asked"
        pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE usename = 'pooler'")
        wait_until(lambda: asked(pg) == 0)


def test_it_cannot_be_asked(make, users, pg):
    """Another reason than a wrong password, and no word of why."""
    cp = make(userlist={"pooler": "wrong"}, auth_user="u_scram")
    cp.userlist["u_scram"] = "wrong"
    cp.reload()
    got = told(cp, "asked")
    assert got.startswith("08001"), got
    assert "cannot be asked for" in got and "u_scram" not in got
    cp.wait_log("auth_query_failed database=test error=")
    cp.wait_log("password authentication failed for user")
    # Who is in a file needs nobody.
    assert told(cp, "app", cp.userlist["app"]) == "app"
    cp.userlist["u_scram"] = USERS["u_scram"][0]
    pg.query("ALTER ROLE u_scram SUPERUSER")
    try:
        cp.reload()
        wait_until(lambda: told(cp, "asked") == "asked")
    finally:
        pg.query("ALTER ROLE u_scram NOSUPERUSER")


def test_a_server_that_is_silent(make_carpool, make_fake):
    """Who waits is refused in time, by client_login_timeout or by the
    question's own; the console answers meanwhile."""
    def silent(c):
        c.read_startup()
        c.wait_closed()

    fake = make_fake(silent)
    cp = make_carpool({"test": {"host": "127.0.0.1", "port": fake.port}},
                      auth_type="scram-sha-256", auth_user="pooler",
                      client_login_timeout=1, userlist={"pooler": "x"})
    c = cp.raw()
    c.send(w.startup({"user": "asked", "database": "test"}))
    begin = time.monotonic()
    cp.admin("SHOW VERSION")
    assert time.monotonic() - begin < 1
    assert c.drain().errors[0].sqlstate == "57P05"


def test_clients_leave_while_it_is_asked(make, users):
    cp = make(auth_query_ttl=0)
    for _ in range(100):
        c = cp.raw()
        c.send(w.startup({"user": "asked", "database": "test"}))
        c.close()
    assert told(cp, "asked") == "asked"


def test_reload_while_it_is_asked(make, users):
    cp = make(auth_query_ttl=0)
    for _ in range(20):
        clients = [cp.raw() for _ in range(5)]
        for c in clients:
            c.send(w.startup({"user": "asked", "database": "test"}))
        cp.console("RELOAD")
        for c in clients:
            assert c.read().type == "R"
            c.close()


def test_mysql_users_are_not_asked_for(make, users, mariadb):
    """They are in files: this query is Postgres'."""
    cp = make(mysql={"my": mariadb})
    with pytest.raises(MyError) as e:
        cp.my_connect("asked", "my", password=PW)
    assert e.value.code == 1045


def test_strangers_are_asked_for_the_same_proof(make, users):
    """Servers have verifiers, whatever the file has of the pooler."""
    cp = make(auth_type="md5")
    for user in ("asked", "nobody-here", "expired"):
        c = cp.raw()
        c.send(w.startup({"user": user, "database": "test"}))
        assert c.read().body[:4] == b"\0\0\0\x0a", user
        c.close()
