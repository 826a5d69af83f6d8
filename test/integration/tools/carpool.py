"""A carpool daemon with a configuration made from Python values."""

import os
import shutil
import signal
import subprocess

import psycopg2

from tools import oracles
from tools.account import SENTINEL, account, as_account, give, scratch
from tools.mariadb import Server
from tools.postgres import USERS, Postgres
from tools.raw import Closed, PgError, RawClient
from tools.rawmysql import RawMysql
from tools.wait import free_port, wait_until

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))

CONSOLE_USERS = {
    "admin": f"{SENTINEL}-admin",
    "stats": f"{SENTINEL}-stats",
}

# Workers of each daemon; races are worth more of them.
THREADS = os.environ.get("CARPOOL_TEST_THREADS") or (
    "4" if os.environ.get("CARPOOL_BUILD") == "tsan" else "2")

# Settings that only carpool has: left out when $CARPOOL is a pgbouncer, which
# is how the tests themselves are tried.
OWN_SETTINGS = {"threads", "shutdown_timeout", "server_login_limit",
                "memory_limit", "core_dumps"}


def _find_binary():
    build = os.environ.get("CARPOOL_BUILD", "release")
    for path in (os.environ.get("CARPOOL"), f"{TOP}/build/{build}/carpool",
                 f"{TOP}/carpool"):
        if path and os.path.exists(path):
            return os.path.realpath(path)
    return None


def _reachable(path):
    return subprocess.run(as_account(["test", "-x", path]),
                          stderr=subprocess.DEVNULL).returncode == 0


_binary = None


def binary():
    """The program under test, where an ordinary user may run it."""
    global _binary
    if _binary is None:
        path = _find_binary()
        assert path, "no carpool: set CARPOOL, or run make first"
        if not _reachable(path):
            copy = os.path.join(scratch("bin"), os.path.basename(path))
            shutil.copy(path, copy)
            os.chmod(copy, 0o755)
            path = copy
        _binary = path
    return _binary


def is_pgbouncer():
    return os.path.basename(binary()) == "pgbouncer"


_sanitized = None


def sanitized():
    """True for a build with a sanitizer in it."""
    global _sanitized
    if _sanitized is None:
        with open(binary(), "rb") as f:
            text = f.read()
        _sanitized = b"__asan_init" in text or b"__tsan_init" in text
    return _sanitized


def sanitizer_environment(folder, env=()):
    """Options that write reports to folder/san.PID, with those of env."""
    env = dict(env)
    path = f"log_path={folder}/san"
    out = {}
    for name, options in (
            # failmalloc stands before the sanitizer's library.
            ("ASAN_OPTIONS",
             "detect_leaks=1:exitcode=99:verify_asan_link_order=0"),
            ("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=0"),
            ("TSAN_OPTIONS", "exitcode=66:second_deadlock_stack=1"),
            ("LSAN_OPTIONS", "")):
        given = os.environ.get(name), env.get(name)
        out[name] = ":".join(p for p in (options, *given, path) if p)
    return out


def run(*args, env=None, timeout=20, stdin=None):
    """Run the binary to its end (--check and the like)."""
    folder = scratch("run")
    done = subprocess.run(
        as_account([binary(), *args]), text=True, capture_output=True,
        timeout=timeout, input=stdin,
        env={**os.environ, **sanitizer_environment(folder), **(env or {})})
    oracles.no_reports(f"{folder}/san*")
    return done


def _quote(value):
    """A value of a [databases] entry, quoted where needed."""
    text = str(value)
    if text == "" or any(c in text for c in " '"):
        return "'" + text.replace("'", "''") + "'"
    return text


def entry(value, name=None):
    """One line's right side: a string, a dict, or a server (same database
    name there)."""
    if isinstance(value, (Postgres, Server)):
        value = {"host": value.host, "port": value.port}
    if isinstance(value, dict):
        out = {}
        for k, v in value.items():
            if k == "pg":
                out.update(host=v.host, port=v.port)
            else:
                out[k] = v
        return " ".join(f"{k}={_quote(v)}" for k, v in out.items())
    return value


def userlist_text(users):
    return "".join(
        '"%s" "%s"\n' % (n.replace('"', '""'), s.replace('"', '""'))
        for n, s in users.items())


def ini_text(settings, databases, users=None, section="pgbouncer", mysql=None):
    lines = ["[databases]"]
    lines += [f"{n} = {entry(v, n)}" for n, v in databases.items()]
    if mysql:
        lines.append("[mysql_databases]")
        lines += [f"{n} = {entry(v, n)}" for n, v in mysql.items()]
    if users:
        lines.append("[users]")
        lines += [f"{n} = {entry(v, n)}" for n, v in users.items()]
    lines.append(f"[{section}]")
    lines += [f"{k} = {v}" for k, v in settings.items() if v is not None]
    return "\n".join(lines) + "\n"


class Carpool:
    """Carpool(databases, ...).start() ... check() ... stop().

    settings are those of section [pgbouncer]; None takes a default away.
    mysql has the entries of [mysql_databases], whose clients come to
    mysql_port.
    under is a command that runs the daemon, such as prlimit.
    After a change of self.settings, databases, users or userlist, reload()
    writes the files and says RELOAD.
    """

    def __init__(self, databases, users=None, userlist=None,
                 section="pgbouncer", env=None, args=(), tail="",
                 under=(), mysql=None, **settings):
        self.dir = scratch("carpool")
        self.port = free_port()
        self.host = "127.0.0.1"
        self.ini = os.path.join(self.dir, "carpool.ini")
        self.auth_file = os.path.join(self.dir, "userlist.txt")
        self.stderr = os.path.join(self.dir, "log")
        self.databases = dict(databases)
        self.mysql = dict(mysql or {})
        self.users = dict(users or {})
        self.section = section
        self.tail = tail
        self.userlist = {n: p for n, (p, _) in USERS.items()}
        self.userlist.update(CONSOLE_USERS)
        self.userlist.update(userlist or {})
        self.settings = {
            "listen_addr": self.host,
            "listen_port": self.port,
            "unix_socket_dir": self.dir,
            "auth_type": "trust",
            "auth_file": self.auth_file,
            "admin_users": "admin",
            "stats_users": "stats",
            "pool_mode": "transaction",
            "server_login_retry": 1,
            "threads": THREADS,
            **settings,
        }
        if self.mysql:
            self.mysql_port = free_port()
            self.settings.setdefault("mysql_listen_port", self.mysql_port)
        for server in self.mysql.values():
            for name, (password, _) in getattr(server, "users", {}).items():
                self.userlist.setdefault(name, password or "")
        self.env = dict(env or {})
        self.args = list(args)
        self.under = list(under)
        self.proc = None
        self.clients = []
        self.closers = []
        self.expected = {}
        self.extra_logs = []
        self.rss_tolerance = 32 << 20
        self.descriptor_slack = 0
        self._console = None
        # A test whose console takes another login has its own.
        self.open_console = self._open_console
        self._checked = False

    # starting and stopping

    def write(self):
        settings = dict(self.settings)
        if is_pgbouncer():
            for name in OWN_SETTINGS:
                settings.pop(name, None)
        with open(self.ini, "w") as f:
            f.write(ini_text(settings, self.databases, self.users,
                             self.section, self.mysql) + self.tail)
        with open(self.auth_file, "w") as f:
            f.write(userlist_text(self.userlist))
        os.chmod(self.auth_file, 0o600)
        give(self.ini)
        give(self.auth_file)

    def start(self):
        self.write()
        self.launch()
        wait_until(self._ready, 15, "carpool's console to answer")
        self._take_base()
        return self

    def launch(self):
        """Start the process without waiting for anything."""
        with open(self.stderr, "ab") as log:
            give(self.stderr)
            self.proc = subprocess.Popen(
                as_account(
                    [*self.under, binary(), *self.args, self.ini]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.dir, start_new_session=True,
                env={**os.environ, **self.env,
                     **sanitizer_environment(self.dir, self.env)})

    def _ready(self):
        if self.proc.poll() is not None:
            raise RuntimeError(f"carpool ended with status"
                               f" {self.proc.returncode}: {self.log[-3000:]}")
        try:
            self.console("SHOW VERSION")
        except (OSError, PgError):
            return False
        return True

    def _take_base(self):
        fds = oracles.descriptors(self.pid)
        self.base_descriptors = None if fds is None else (
            len(fds) - self.servers_open())
        self.base_rss = oracles.rss_bytes(self.pid)

    def stop(self, sig=None, timeout=20):
        """End the daemon at once; the exit status."""
        self.close_clients()
        if self.proc is None:
            return None
        if self.proc.poll() is None:
            if sig is None:
                sig = signal.SIGTERM if is_pgbouncer() else signal.SIGQUIT
            self.signal(sig)
        try:
            return self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise oracles.Violation(f"no end after signal {sig}") from None

    def signal(self, sig):
        os.kill(self.proc.pid, sig)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *exc):
        self.finish(failed=kind is not None)

    @property
    def pid(self):
        return self.proc.pid

    @property
    def log(self):
        out = ""
        for path in (self.stderr, *self.extra_logs):
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    out += f.read()
        return out

    def wait_log(self, text, timeout=5):
        wait_until(lambda: text in self.log, timeout, f"{text!r} in the log")

    # clients

    def connect(self, user="app", database="test", password=None, **kw):
        """A logged-in RawClient, closed at the end of the test."""
        if password is None:
            password = self.userlist.get(user)
        c = RawClient.open(self.host, self.port, user=user,
                           database=database, password=password, **kw)
        self.clients.append(c)
        return c

    def my_connect(self, user="app", database="test", **login):
        """A logged-in RawMysql, closed at the end of the test."""
        login.setdefault("password", self.userlist.get(user))
        c = RawMysql.open(self.host, self.mysql_port, user=user,
                          database=database, **login)
        self.clients.append(c)
        return c

    def raw(self, **kw):
        """A RawClient that has only connected."""
        c = RawClient(self.host, self.port, **kw)
        self.clients.append(c)
        return c

    def psycopg2(self, user="app", database="test", password=None, **kw):
        conn = psycopg2.connect(
            host=self.host, port=self.port, user=user, dbname=database,
            password=password or self.userlist.get(user), **kw)
        self.closers.append(conn.close)
        return conn

    def open_args(self, **kw):
        """Arguments for crowd()."""
        user = kw.get("user", "app")
        return {"host": self.host, "port": self.port, "user": user,
                "database": "test", "password": self.userlist.get(user),
                **kw}

    def close_clients(self):
        for c in self.clients:
            c.close()
        for close in self.closers:
            close()
        self.clients, self.closers = [], []
        if self._console is not None:
            self._console.close()
            self._console = None

    # the console

    def _open_console(self):
        # Over its unix socket no TLS is asked for.
        must = str(self.settings.get("client_tls_sslmode", "disable"))
        return RawClient.open(
            self.dir if must.startswith(("require", "verify"))
            else self.host, self.port, user="admin", database="pgbouncer",
            password=self.userlist.get("admin"))

    def console(self, command, timeout=None):
        """Run a console command as admin; the Result."""
        if self._console is None:
            self._console = self.open_console()
        try:
            return self._console.query(command, timeout=timeout)
        except (Closed, OSError):
            self._console.close()
            self._console = None
            raise

    def admin(self, command, timeout=None):
        """Rows of a console command as dicts."""
        return self.console(command, timeout).dicts

    def pool(self, database="test", user="app"):
        """The row of SHOW POOLS, numbers as int; zeros if there is none."""
        for row in self.admin("SHOW POOLS"):
            if (row["database"], row["user"]) == (database, user):
                return {k: int(v) if v is not None and v.isdigit() else v
                        for k, v in row.items()}
        return dict.fromkeys(oracles.GAUGES + ("sv_idle", "sv_used"), 0)

    def wait_pool(self, database="test", user="app", timeout=10, **values):
        """Wait until the gauges have these values."""
        def same():
            row = self.pool(database, user)
            assert {k: row[k] for k in values} == values, row
            return True

        wait_until(same, timeout, f"pool with {values}")

    def servers_open(self):
        """Server connections, whatever they are doing."""
        return len([r for r in self.admin("SHOW SERVERS")
                    if r["database"] not in oracles.CONSOLES])

    def totals(self, database="test"):
        """The row of SHOW STATS_TOTALS as numbers."""
        for row in self.admin("SHOW STATS_TOTALS"):
            if row["database"] == database:
                return {k: int(v) for k, v in row.items() if k != "database"}
        return {}

    def reload(self):
        """Write the files again and say RELOAD."""
        self.write()
        return self.console("RELOAD")

    # oracles

    def expect_totals(self, database="test", xacts=None, queries=None,
                      **columns):
        """What SHOW STATS_TOTALS must show at the end of the test."""
        if xacts is not None:
            columns["xact_count"] = xacts
        if queries is not None:
            columns["query_count"] = queries
        self.expected.setdefault(database, {}).update(columns)

    def _postgres(self):
        out = []
        for value in self.databases.values():
            if isinstance(value, dict):
                value = value.get("pg")
            if isinstance(value, Postgres) and value not in out:
                out.append(value)
        return [pg for pg in out
                if pg.proc is not None and pg.proc.poll() is None]

    def ends_itself(self):
        """The test makes the daemon end: only the oracles for after the end
        look at it."""
        self._checked = True

    def check(self):
        """All oracles that need the running daemon."""
        self._checked = True
        oracles.alive(self.proc)
        self.close_clients()
        checks = [
            lambda: oracles.gauges_zero(lambda: self.admin("SHOW POOLS")),
            lambda: oracles.totals_equal(
                lambda: self.admin("SHOW STATS_TOTALS"), self.expected),
            lambda: oracles.cpu_idle(self.pid),
            lambda: oracles.no_reports(f"{self.dir}/san*"),
            lambda: oracles.no_secrets(
                [], [oracles.command_line(self.pid)]),
        ]
        if self.base_descriptors is not None:
            checks.append(lambda: oracles.descriptors_back(
                self.pid, self.base_descriptors + self.descriptor_slack,
                self.servers_open))
        if not sanitized():
            checks.append(lambda: oracles.memory_back(
                self.pid, self.base_rss, self.rss_tolerance))
        for pg in self._postgres():
            checks.append(lambda pg=pg: oracles.servers_at_rest(pg.busy))
        oracles.collect(*checks)

    def check_ended(self, status):
        """Oracles for after the end."""
        def ended_well():
            if status != 0 and not is_pgbouncer():
                raise oracles.Violation(f"exit status {status}")

        oracles.collect(
            ended_well,
            lambda: oracles.no_reports(f"{self.dir}/san*"),
            lambda: oracles.no_secrets([self.stderr, *self.extra_logs]))

    def finish(self, failed=False):
        """check() and stop().  After a failed test only what tells more than
        the failure: a dead daemon, a report, a secret."""
        if self.proc is None:
            return
        ended = self.proc.poll() is not None
        if ended and self._checked:
            return self.check_ended(self.proc.returncode)
        try:
            if failed:
                # a sanitizer's report says why it is dead
                oracles.collect(
                    lambda: oracles.alive(self.proc),
                    lambda: oracles.no_reports(f"{self.dir}/san*"))
            elif not ended:
                self.check()
        finally:
            status = self.stop()
        self.check_ended(status)


__all__ = ["Carpool", "binary", "entry", "ini_text", "is_pgbouncer", "run",
           "sanitized", "userlist_text", "account"]
