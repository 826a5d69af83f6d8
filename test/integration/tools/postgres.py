"""A private PostgreSQL server."""

import os
import shutil
import signal
import subprocess

import psycopg2

from tools.account import SENTINEL, account, as_account, give, scratch
from tools.wait import free_port, wait_until

BIN = os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin")

# name: (password or None, pg_hba method)
USERS = {
    "app": (f"{SENTINEL}-app", "trust"),
    "app2": (f"{SENTINEL}-app2", "trust"),
    "u_plain": (f"{SENTINEL}-plain", "password"),
    "u_md5": (f"{SENTINEL}-md5", "md5"),
    "u_scram": (f"{SENTINEL}-scram", "scram-sha-256"),
}

_HBA = """\
local all postgres trust
host all postgres 127.0.0.1/32 trust
local replication postgres trust
host replication postgres 127.0.0.1/32 trust
{users}
local all all trust
host all all 127.0.0.1/32 trust
"""

_template = None


def _initdb():
    """The data folder that all servers are copied from."""
    global _template
    if _template is None:
        path = os.path.join(scratch("pgtemplate"), "data")
        subprocess.run(
            as_account([f"{BIN}/initdb", "-N", "--no-locale", "-E", "UTF8",
                        "-A", "trust", "-U", "postgres", "-D", path]),
            check=True, stdout=subprocess.DEVNULL)
        _template = path
    return _template


class Postgres:
    """Start with start(), end with stop(); also a context manager.

    Listens on 127.0.0.1:port and on a unix socket in self.dir.  The user
    postgres logs in with trust, those of USERS with the method given there.
    """

    def __init__(self, max_connections=100, **settings):
        self.dir = scratch("pg")
        self.data = os.path.join(self.dir, "data")
        self.logfile = os.path.join(self.dir, "log")
        self.host = "127.0.0.1"
        self.port = free_port()
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.dir,
            "max_connections": max_connections,
            "shared_buffers": "16MB",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "timezone": "UTC",
            "lc_messages": "C",
            **settings,
        }
        self.proc = None
        self._admin = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def start(self):
        if not os.path.exists(self.data):
            subprocess.run(as_account(["cp", "-a", _initdb(), self.data]),
                           check=True)
            self._write_hba()
            fresh = True
        else:
            fresh = False
        args = [f"{BIN}/postgres", "-D", self.data, "-p", str(self.port)]
        for name, value in self.settings.items():
            args += ["-c", f"{name}={value}"]
        with open(self.logfile, "ab") as log:
            give(self.logfile)
            self.proc = subprocess.Popen(
                as_account(args), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        wait_until(self._answers, 30, "Postgres to accept connections")
        if fresh:
            self._create_users()
        return self

    def _answers(self):
        if self.proc.poll() is not None:
            raise RuntimeError(f"postgres ended: {self.log[-2000:]}")
        try:
            self._admin = self._open()
        except psycopg2.OperationalError:
            return False
        return True

    def _write_hba(self):
        lines = []
        for user, (_, method) in USERS.items():
            lines.append(f"local all {user} {method}")
            lines.append(f"host all {user} 127.0.0.1/32 {method}")
        path = os.path.join(self.data, "pg_hba.conf")
        with open(path, "w") as f:
            f.write(_HBA.format(users="\n".join(lines)))
        give(path)

    def _create_users(self):
        for user, (password, method) in USERS.items():
            kind = "md5" if method == "md5" else "scram-sha-256"
            self.query(f"SET password_encryption = '{kind}'")
            self.query(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
        self.query("RESET password_encryption")
        self.query("GRANT ALL ON SCHEMA public TO PUBLIC")
        self.query("CREATE DATABASE test")
        self.query("GRANT ALL ON SCHEMA public TO PUBLIC", db="test")

    def _open(self, db="postgres", user="postgres"):
        conn = psycopg2.connect(host=self.host, port=self.port, dbname=db,
                                user=user, connect_timeout=10,
                                application_name="outside-observer")
        conn.autocommit = True
        return conn

    def query(self, sql, args=None, db=None):
        """Run sql as superuser from outside; rows, or None without any."""
        if db:
            conn = self._open(db)
            try:
                return self._run(conn, sql, args)
            finally:
                conn.close()
        try:
            if self._admin.closed:
                self._admin = self._open()
            return self._run(self._admin, sql, args)
        except psycopg2.OperationalError:
            # the server may have been restarted by the test
            wait_until(self._answers, 15, "Postgres to be back")
            return self._run(self._admin, sql, args)

    @staticmethod
    def _run(conn, sql, args):
        with conn.cursor() as cur:
            cur.execute(sql, args)
            return cur.fetchall() if cur.description else None

    def value(self, sql, args=None, db=None):
        """The one value that sql returns."""
        return self.query(sql, args, db)[0][0]

    def activity(self, dbname=None):
        """Rows (pid, user, database, state, query) of all client backends
        but our own."""
        return self.query(
            "SELECT pid, usename, datname, state, query FROM pg_stat_activity"
            " WHERE backend_type = 'client backend'"
            " AND application_name <> 'outside-observer'"
            " AND (%s IS NULL OR datname = %s) ORDER BY backend_start, pid",
            (dbname, dbname))

    def connections(self, dbname=None):
        """Number of client backends (of one database), as the server sees
        them."""
        return len(self.activity(dbname))

    def pids(self, dbname=None):
        return [row[0] for row in self.activity(dbname)]

    def busy(self):
        """Client backends that are neither idle nor starting."""
        return [r for r in self.activity() if r[3] not in ("idle", None, "")]

    def terminate(self, pid):
        self.query("SELECT pg_terminate_backend(%s)", (pid,))

    def terminate_all(self):
        """End all client backends but our own."""
        self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE backend_type = 'client backend'"
                   " AND application_name <> 'outside-observer'")

    def secret(self, user):
        """What pg_authid stores for user: md5... or SCRAM-SHA-256$..."""
        return self.value("SELECT rolpassword FROM pg_authid"
                          " WHERE rolname = %s", (user,))

    def create_database(self, name, template="template1"):
        self.query(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        self.query("GRANT ALL ON SCHEMA public TO PUBLIC", db=name)

    def run(self, tool, *args, **kwargs):
        """Run one of Postgres' programs against this server."""
        env = dict(os.environ, PGHOST=self.host, PGPORT=str(self.port),
                   PGUSER="postgres")
        return subprocess.run([f"{BIN}/{tool}", *args], env=env, text=True,
                              capture_output=True, **kwargs)

    @property
    def log(self):
        if not os.path.exists(self.logfile):
            return ""
        with open(self.logfile, errors="replace") as f:
            return f.read()

    @property
    def pid(self):
        return self.proc.pid

    def kill(self):
        """kill -9 of the postmaster; its children notice and leave."""
        self._forget()
        os.kill(self.proc.pid, signal.SIGKILL)
        self.proc.wait()
        pidfile = os.path.join(self.data, "postmaster.pid")
        wait_until(lambda: not self._children_left(), 10,
                   "Postgres' processes to leave")
        if os.path.exists(pidfile):
            os.unlink(pidfile)

    def _children_left(self):
        return subprocess.run(
            ["pgrep", "-s", str(self.proc.pid)],
            stdout=subprocess.DEVNULL).returncode == 0

    def _forget(self):
        if self._admin is not None:
            self._admin.close()

    def stop(self, how="fast"):
        """End the server: smart, fast or immediate."""
        if self.proc is None or self.proc.poll() is not None:
            return
        self._forget()
        sig = {"smart": signal.SIGTERM, "fast": signal.SIGINT,
               "immediate": signal.SIGQUIT}[how]
        os.kill(self.proc.pid, sig)
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            os.kill(self.proc.pid, signal.SIGQUIT)
            self.proc.wait(10)

    def remove(self):
        self.stop("immediate")
        shutil.rmtree(self.dir, ignore_errors=True)
