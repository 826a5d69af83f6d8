"""A private MariaDB server, and a private MySQL one."""

import os
import shutil
import signal
import subprocess

import pymysql

from tools import jar, myauth
from tools.account import SENTINEL, account, as_account, give, scratch
from tools.wait import free_port, wait_until

# name: (password or None, how it is proved)
USERS = {
    "app": (f"{SENTINEL}-app", "native"),
    "app2": (f"{SENTINEL}-app2", "native"),
    "u_none": (None, "native"),
    "u_ed25519": (f"{SENTINEL}-ed25519", "ed25519"),
}
USERS_8 = {
    "app": (f"{SENTINEL}-app", "caching_sha2_password"),
    "app2": (f"{SENTINEL}-app2", "caching_sha2_password"),
    "u_none": (None, "caching_sha2_password"),
    "u_native": (f"{SENTINEL}-native", "mysql_native_password"),
    "u_sha256": (f"{SENTINEL}-sha256", "sha256_password"),
}

SAMPLES = """
CREATE TABLE sample (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40),
    amount DECIMAL(10,2), at DATETIME DEFAULT '2020-02-03 04:05:06',
    note TEXT) ENGINE=InnoDB;
INSERT INTO sample (name, amount) VALUES ('one', 1.5), ('two', 2.5),
    ('three', NULL);
CREATE PROCEDURE two_sets(IN n INT) BEGIN SELECT n AS a;
    SELECT n + 1 AS b, 'x' AS c; END;
CREATE PROCEDURE gives(IN n INT, OUT m INT) BEGIN SET m = n * 2; END;
CREATE PROCEDURE fails_inside() BEGIN START TRANSACTION;
    INSERT INTO sample (name) VALUES ('inside');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'on purpose'; END;
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2
"""

_templates = {}


class Server:
    """Start with start(), end with stop(); also a context manager.

    Listens on 127.0.0.1:port and on the unix socket self.socket.  root logs
    in without a password, the users of self.users with theirs; database test
    has SAMPLES."""

    users = USERS

    def __init__(self, **settings):
        self.dir = scratch(self.name)
        self.data = os.path.join(self.dir, "data")
        self.socket = os.path.join(self.dir, "s")
        self.logfile = os.path.join(self.dir, "log")
        self.host = "127.0.0.1"
        self.port = free_port()
        self.settings = {
            "datadir": self.data, "socket": self.socket, "port": self.port,
            "bind-address": self.host,
            "pid-file": os.path.join(self.dir, "pid"),
            "max-connections": 200,
            "innodb-buffer-pool-size": "16M",
            # survives a kill of the process
            "innodb-flush-log-at-trx-commit": 2,
            "sync-binlog": 0, "performance-schema": "OFF",
            "local-infile": 1, "secure-file-priv": "",
            "max-connect-errors": 1000000,
            "max-allowed-packet": "128M", "default-time-zone": "+00:00",
            "character-set-server": "utf8mb4", **self.extra, **settings,
        }
        self.proc = None
        self._admin = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.remove()

    def _template(self):
        """The data folder that all servers of this kind are copied from."""
        if self.name not in _templates:
            path = os.path.join(scratch(self.name + "template"), "data")
            done = subprocess.run(as_account(self.install(path)), text=True,
                                  stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            if done.returncode != 0:
                raise RuntimeError(f"{self.name}: {done.stdout[-2000:]}")
            _templates[self.name] = path
        return _templates[self.name]

    def start(self):
        fresh = not os.path.exists(self.data)
        if fresh:
            subprocess.run(as_account(["cp", "-a", "--reflink=auto",
                                       self._template(), self.data]),
                           check=True)
        args = [*self.program(), "--no-defaults"]
        for name, value in self.settings.items():
            args.append(f"--{name}={value}")
        with open(self.logfile, "ab") as log:
            give(self.logfile)
            self.proc = subprocess.Popen(
                as_account(args), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, cwd="/")
        wait_until(self._answers, 60, f"{self.name} to accept connections")
        if fresh:
            self._create_users()
        return self

    def _answers(self):
        if self.proc.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.log[-2000:]}")
        try:
            self._admin = self._open()
        except pymysql.err.OperationalError:
            return False
        return True

    def _create_users(self):
        for user, (password, how) in self.users.items():
            for host in ("localhost", "127.0.0.1"):
                self.query(f"CREATE USER {user}@'{host}' IDENTIFIED "
                           + self.identified(password, how))
                self.query(f"GRANT ALL ON *.* TO {user}@'{host}'")
        self.create_database("test")
        self.script(SAMPLES, "test")

    def _open(self, db=None):
        return pymysql.connect(
            unix_socket=self.socket, user="root", database=db,
            charset="utf8mb4", autocommit=True, connect_timeout=10,
            read_timeout=60,
            program_name="outside-observer")

    def query(self, sql, args=None, db=None):
        """Run sql as root from outside; rows, or None without any."""
        if db:
            conn = self._open(db)
            try:
                return self._run(conn, sql, args)
            finally:
                conn.close()
        try:
            return self._run(self._admin, sql, args)
        except (pymysql.err.OperationalError, pymysql.err.InterfaceError):
            # the server may have been restarted by the test
            wait_until(self._answers, 15, f"{self.name} to be back")
            return self._run(self._admin, sql, args)

    @staticmethod
    def _run(conn, sql, args):
        with conn.cursor() as cur:
            cur.execute(sql, args)
            return cur.fetchall() if cur.description else None

    def script(self, text, db):
        """Statements that end with a semicolon at the end of a line; those of
        a body are indented."""
        conn = self._open(db)
        statement = ""
        for line in text.strip().splitlines():
            if not line:
                continue
            if statement and not line.startswith(" "):
                self._run(conn, statement, None)
                statement = ""
            statement += line + "\n"
        self._run(conn, statement, None)
        conn.close()

    def value(self, sql, args=None, db=None):
        """The one value that sql returns."""
        return self.query(sql, args, db)[0][0]

    def activity(self, user=None):
        """Rows (id, user, database, command, info) of all connections but
        root's and the server's own."""
        return self.query(
            "SELECT id, user, db, command, info"
            " FROM information_schema.processlist"
            " WHERE user NOT IN ('root', 'system user', 'event_scheduler')"
            " AND (%s IS NULL OR user = %s) ORDER BY id", (user, user))

    def connections(self, user=None):
        return len(self.activity(user))

    def ids(self, user=None):
        return [row[0] for row in self.activity(user)]

    def busy(self):
        """Connections that run something."""
        return [r for r in self.activity() if r[3] == "Query"]

    def terminate(self, ident):
        self.query("KILL %d" % ident)

    def terminate_all(self):
        for ident in self.ids():
            try:
                self.terminate(ident)
            except pymysql.err.Error:
                pass  # it went by itself

    def status(self, name):
        """A global status value, as a number."""
        return int(self.query("SHOW GLOBAL STATUS LIKE %s", (name,))[0][1])

    def create_database(self, name):
        self.query(f"DROP DATABASE IF EXISTS `{name}`")
        self.query(f"CREATE DATABASE `{name}`")

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
        """kill -9."""
        os.kill(self.proc.pid, signal.SIGKILL)
        self.proc.wait()

    def stop(self):
        if self.proc is None or self.proc.poll() is not None:
            return
        if self._admin is not None and self._admin.open:
            self._admin.close()
        os.kill(self.proc.pid, signal.SIGTERM)
        try:
            self.proc.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def remove(self):
        """End it at once: nobody needs the data."""
        if self.proc is not None and self.proc.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


class MariaDB(Server):
    name = "mariadb"
    extra = {"skip-log-bin": "", "innodb-log-file-size": "4M",
             "plugin-load-add": "auth_ed25519"}

    @staticmethod
    def program():
        return ["/usr/sbin/mariadbd"]

    @staticmethod
    def install(path):
        return ["/usr/bin/mariadb-install-db", "--no-defaults",
                f"--datadir={path}", f"--tmpdir={os.path.dirname(path)}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db", "--skip-name-resolve",
                f"--user={account().pw_name}", "--innodb-log-file-size=4M"]

    @staticmethod
    def identified(password, how):
        if how == "ed25519":
            return f"VIA ed25519 USING PASSWORD('{password}')"
        return f"BY '{password or ''}'"


class MySQL(Server):
    """MySQL 8, whose users prove their passwords by caching_sha2_password.

    No Debian package has it; a library for Java's tests brings the program
    along (tools/jar.py; Missing where it cannot be had)."""

    name = "mysql"
    users = USERS_8
    extra = {"skip-log-bin": "", "mysqlx": "OFF",
             "default-authentication-plugin": "caching_sha2_password"}

    def __init__(self, **settings):
        self.base = jar.mysql()
        super().__init__(**{"basedir": self.base,
                            "lc-messages-dir": f"{self.base}/share",
                            **settings})

    def program(self):
        return [f"{self.base}/bin/mysqld"]

    def install(self, path):
        return [*self.program(), "--no-defaults", "--initialize-insecure",
                f"--basedir={self.base}", f"--datadir={path}",
                f"--lc-messages-dir={self.base}/share",
                "--innodb-log-file-size=4M", "--skip-log-bin"]

    @staticmethod
    def identified(password, how):
        return f"WITH {how} BY '{password or ''}'"


def native_secrets(users=None):
    """{user: *HEX} of those that prove their passwords by native."""
    return {user: myauth.native_secret(password)
            for user, (password, how) in (users or USERS).items()
            if password and how in ("native", "mysql_native_password")}
