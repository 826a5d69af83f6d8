"""Who may log in from where, and how: auth_hba_file, auth_ident_file, and the
methods cert and peer."""

import os
import pwd
import socket
import ssl
import subprocess

import psycopg2
import pymysql
import pytest

from tools import pgwire as w
from tools.account import account, as_account, scratch
from tools.certs import Authority
from tools.login import PW
from tools.raw import PgError, RawClient
from tools.wait import wait_until

# In front of all rules.
CONSOLE = "host pgbouncer admin 127.0.0.1/32 scram-sha-256\n"

NO_CERT = {"sslcert": "/nonexistent", "sslkey": "/nonexistent"}


@pytest.fixture(scope="module")
def authority():
    return Authority()


class Rules:
    """auth_hba_file and auth_ident_file of a test."""

    def __init__(self):
        self.folder = scratch("hba")
        self.hba = f"{self.folder}/hba.conf"
        self.ident = f"{self.folder}/ident.conf"
        self.write("", "")

    def write(self, hba, ident=""):
        hba = CONSOLE + hba
        for path, text in ((self.hba, hba), (self.ident, ident)):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)


@pytest.fixture
def make(make_carpool, authority):
    """make(rules, ident, **settings): a carpool with TLS under rules."""
    def start(hba, ident="", databases=None, **kw):
        rules = Rules()
        rules.write(hba, ident)
        cert, key = authority.issue("server")
        kw = {"client_tls_sslmode": "prefer", "client_tls_cert_file": cert,
              "client_tls_key_file": key, "userlist": {"app": PW}, **kw}
        cp = make_carpool(databases, auth_type="hba",
                          auth_hba_file=rules.hba,
                          auth_ident_file=rules.ident, **kw)
        cp.rules = rules
        return cp
    return start


def psql(cp, sql="SELECT current_user", prefix=(), **words):
    """What psql got, or its complaint."""
    words = {"host": "127.0.0.1", "port": cp.port, "user": "app",
             "dbname": "test", "sslmode": "disable", **words}
    if words["host"][0] != "/":
        words = {**NO_CERT, **words}
    done = subprocess.run(
        [*prefix, "psql", " ".join(f"{k}={v}" for k, v in words.items()),
         "-XAtc", sql], text=True, capture_output=True, timeout=30,
        check=False, env={**os.environ, "PGPASSWORD": PW})
    return done.stdout.strip() if done.returncode == 0 else done.stderr


# rules

def test_ways_have_rules_of_their_own(make):
    """As Postgres has them: the first that fits counts."""
    cp = make("local all all trust\n"
              "hostssl all all 127.0.0.1/32 scram-sha-256\n"
              "hostnossl all all 127.0.0.1/32 reject\n")
    assert psql(cp, sslmode="require") == "app"
    assert psql(cp, sslmode="require", password="wrong").count(
        "password authentication failed") == 1
    told = psql(cp)
    assert 'the HBA file rejects host "127.0.0.1", user "app", database ' \
        '"test", no encryption' in told
    assert psql(cp, host=cp.dir, password="wrong") == "app"


def test_nobody_fits(make):
    cp = make("local all all md5\nhost test other all md5\n"
              "host carpool admin samehost md5\n")
    for database in ("test", "missing"):
        told = psql(cp, dbname=database)
        assert f'no entry of the HBA file for host "127.0.0.1", user "app", ' \
            f'database "{database}", no encryption' in told
    with pytest.raises(psycopg2.OperationalError) as e:
        cp.psycopg2()
    assert e.value.pgcode is None  # libpq tells none at a login
    with cp.raw() as c, pytest.raises(Exception) as e:
        c.login("app", "test", PW)
    assert e.value.sqlstate == "28000"
    cp.wait_log("reason=access")


def test_what_operators_paste(make):
    """The file that Debian's Postgres comes with."""
    cp = make("""
# Database administrative login by Unix domain socket
local   all             postgres                                peer

# TYPE  DATABASE        USER            ADDRESS                 METHOD
local   all             all                                     peer
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256
local   replication     all                                     peer
host    replication     all             127.0.0.1/32            scram-sha-256
host    replication     all             ::1/128                 scram-sha-256
""", listen_addr="127.0.0.1, ::1")
    assert psql(cp) == "app"
    assert psql(cp, host="::1") == "app"
    assert "peer authentication failed" in psql(cp, host=cp.dir)


def test_users_and_databases(make, pg):
    cp = make("host test app samehost trust\n"
              "host sameuser all 127.0.0.0 255.0.0.0 trust\n"
              "host \"two,three\",four all samenet trust\n",
              databases={n: {"pg": pg, "dbname": "test"}
                         for n in ("test", "app", "four", "other")})
    for database, good in (("test", True), ("app", True), ("four", True),
                           ("other", False)):
        assert (psql(cp, dbname=database) == "app") == good, database


def test_reload(make):
    """The next client is judged by the new rules; nobody is dropped, and what
    is wrong is refused."""
    cp = make("host all all all trust\n")
    c = cp.connect()
    cp.rules.write("host all all all reject\n")
    cp.reload()
    wait_until(lambda: "rejects" in psql(cp))
    assert c.value("SELECT 1") == "1"
    cp.rules.write("host all all all trust\nhost all all nowhere trust\n")
    with pytest.raises(PgError):
        cp.reload()
    cp.wait_log(f"file={cp.rules.hba} line=3")
    assert "rejects" in psql(cp)


def test_the_daemons_own_account_needs_no_rule(make):
    """Whoever wrote rules that fit nobody gets in to mend them."""
    cp = make("host nothing nobody all md5\n")
    words = {"host": cp.dir, "user": "pgbouncer", "dbname": "pgbouncer"}
    assert "carpool" in psql(cp, "SHOW VERSION", as_account([]), **words)
    if os.getuid() == 0: # who else there is, is not the daemon's
        assert "no entry" in psql(cp, "SHOW VERSION", **words)


def test_mysql_clients(make, mariadb):
    cp = make("local all all trust\n"
              "hostssl test app samehost md5\n",
              databases={}, mysql={"test": mariadb}, userlist={})
    words = {"host": "127.0.0.1", "port": cp.mysql_port, "user": "app",
             "password": cp.userlist["app"], "database": "test"}
    pymysql.connect(**words, ssl={"check_hostname": False}).close()
    with pytest.raises(pymysql.err.OperationalError) as e:
        pymysql.connect(**words, ssl_disabled=True)
    assert e.value.args[0] == 1045
    assert "no entry of the HBA file" in e.value.args[1]
    with pytest.raises(pymysql.err.OperationalError) as e:
        pymysql.connect(**{**words, "password": "x"},
                        ssl={"check_hostname": False})
    assert e.value.args[0] == 1045 and "Access denied" in e.value.args[1]


# certificates

def issue(authority, name):
    cert, key = authority.issue(f"client-{name}".replace(" ", "_"), name)
    os.chmod(key, 0o600)
    return {"sslmode": "require", "sslcert": cert, "sslkey": key}


def secure(cp, shown):
    """The console over TLS, with a certificate."""
    c = RawClient(cp.host, cp.port)
    c.send(w.ssl_request())
    assert c.read_bytes(1) == b"S"
    c.sock = context(shown).wrap_socket(c.sock)
    c.login("admin", "pgbouncer")
    return c


def context(shown):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.load_cert_chain(shown["sslcert"], shown["sslkey"])
    return tls


def test_certificates_stand_for_users(make_carpool, authority):
    """auth_type cert: no password is asked for, and no other user's."""
    cert, key = authority.issue("server")
    cp = make_carpool(auth_type="cert", client_tls_sslmode="verify-full",
                      client_tls_cert_file=cert, client_tls_key_file=key,
                      client_tls_ca_file=authority.ca, userlist={"app": PW},
                      start=False)
    cp.open_console = lambda: secure(cp, issue(authority, "admin"))
    cp.start()
    mine = issue(authority, "app")
    assert psql(cp, **mine) == "app"
    assert 'certificate authentication failed for user "app"' in psql(
        cp, **issue(authority, "joe"))
    # Nobody who is not known, whatever he shows.
    assert "failed" in psql(cp, user="joe", **issue(authority, "joe"))
    assert "certificate required" in psql(cp, sslmode="require")
    assert "SSL" in psql(cp) or "TLS" in psql(cp)


def test_rules_with_certificates(make, authority):
    """They are asked for, and others get in without."""
    cp = make("hostssl all app 127.0.0.1/32 cert map=m\n"
              "hostssl all app2 127.0.0.1/32 md5 clientcert=verify-full\n"
              "hostssl all app3 127.0.0.1/32 md5 clientcert=verify-ca\n"
              "host all all 127.0.0.1/32 md5\n",
              "m \"Joe Doe\" app\nm /^(.*)@example\\.com$ \\1\n",
              client_tls_ca_file=authority.ca,
              userlist={"app": PW, "app2": PW, "app3": PW, "admin": PW})
    joe, mine = issue(authority, "Joe Doe"), issue(authority, "app")
    assert psql(cp, **joe) == "app"
    assert psql(cp, **issue(authority, "app@example.com")) == "app"
    assert "certificate authentication failed" in psql(cp, **mine)
    assert "certificate authentication failed" in psql(cp, sslmode="require")
    # Beside a password.
    app2 = issue(authority, "app2")
    for user, shown, good in (("app2", app2, True), ("app2", joe, False),
                              ("app3", joe, True), ("admin", joe, True)):
        told = psql(cp, "SHOW VERSION" if user == "admin" else "SELECT 1",
                    user=user,
                    dbname="carpool" if user == "admin" else "test", **shown)
        refused = "certificate authentication failed" in told
        assert refused != good, (user, told)
    for user in ("app2", "app3"):
        assert "certificate authentication failed" in psql(
            cp, user=user, sslmode="require")
        assert "password authentication failed" in psql(
            cp, user=user, password="x", **app2)
    assert "SHOW" not in psql(cp, "SHOW VERSION", user="admin",
                              dbname="carpool")
    # What nobody vouches for gets no further than the handshake.
    other = Authority("another one")
    assert "unknown ca" in psql(cp, **issue(other, "Joe Doe"))
    cp.wait_log(f'rule={cp.rules.hba}:3 method=md5 map= name="Joe Doe"')


def test_resumed_sessions_keep_their_certificate(make, authority):
    """A ticket stands for the certificate that was shown for it, no more."""
    cp = make("hostssl all all all cert\n", client_tls_ca_file=authority.ca,
              userlist={"app": PW, "app2": PW}, client_tls_protocols="tlsv1.2")
    tls = context(issue(authority, "app"))
    session = None
    for user, good in (("app", True), ("app", True), ("app2", False)):
        c = cp.raw()
        c.send(w.ssl_request())
        assert c.read_bytes(1) == b"S"
        c.sock = tls.wrap_socket(c.sock, session=session)
        assert c.sock.session_reused == (session is not None)
        session = c.sock.session
        c.send(w.startup({"user": user, "database": "test"}))
        assert (c.read().type == "R") == good
        c.close()


# unix sockets

def as_user(name):
    entry = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}",
            "--clear-groups", "--"]


def test_who_is_at_a_unix_socket(make, mariadb):
    me = pwd.getpwuid(os.getuid()).pw_name
    cp = make("local all app peer map=m\nlocal all all peer\n",
              f"m {me} app\n", mysql={"test": mariadb},
              userlist={me: PW, "stranger": PW})
    assert psql(cp, host=cp.dir, password="wrong") == "app"
    assert 'peer authentication failed for user "stranger"' in psql(
        cp, host=cp.dir, user="stranger")
    path = f"{cp.dir}/.s.MYSQL.{cp.mysql_port}"
    pymysql.connect(unix_socket=path, user="app", password="wrong",
                    database="test").close()
    with pytest.raises(pymysql.err.OperationalError) as e:
        pymysql.connect(unix_socket=path, user="stranger", password=PW,
                        database="test")
    assert e.value.args[0] == 1045
    assert "no entry" in psql(cp)


@pytest.mark.skipif(os.getuid() != 0, reason="other accounts need root")
def test_other_accounts_are_others(make):
    cp = make("local all all peer map=m\n", "m root app\n")
    assert psql(cp, host=cp.dir) == "app"
    assert "peer authentication failed" in psql(
        cp, prefix=as_user(account().pw_name), host=cp.dir)


def test_clients_leave_while_they_are_looked_up(make):
    """The name is asked for on another thread."""
    cp = make("local all all peer\n")
    for _ in range(200):
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"{cp.dir}/.s.PGSQL.{cp.port}")
        s.sendall(w.startup({"user": "app", "database": "test"}))
        s.close()
    wait_until(lambda: cp.admin("SHOW LISTS") is not None)
    assert "no entry" in psql(cp) or "failed" in psql(cp, host=cp.dir)


def test_peer_over_the_network_is_nobody(make_carpool):
    me = pwd.getpwuid(os.getuid()).pw_name
    cp = make_carpool(auth_type="peer", userlist={"app": PW, me: PW},
                      admin_users=me, start=False)
    cp.open_console = lambda: RawClient.open(cp.dir, cp.port, user=me,
                                             database="pgbouncer")
    cp.start()
    assert 'peer authentication failed for user "app"' in psql(cp)
