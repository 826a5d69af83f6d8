"""The ways to the server that are set side by side."""

import base64
import hashlib
import hmac
import os
import re
import time

from machine import free_port, say, stop, which
from server import DATABASE, USER

POOL = 10
CROWD_POOL = 20
SECRET = "a secret of the bench"

# What a pooler's configuration differs in: size of the pool, auth_type,
# and what stands in the auth_file.
SETUPS = {
    "plain": (POOL, "trust", ""),
    "crowd": (CROWD_POOL, "trust", ""),
    "verifier": (POOL, "scram-sha-256", "verifier"),
    "secret": (POOL, "scram-sha-256", SECRET),
    "mysql": (POOL, "trust", ""),
}


def verifier(secret, rounds=4096):
    """As Postgres keeps it in pg_authid."""
    salt = b"salt of the bench"[:16]
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, rounds)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    text = [base64.b64encode(x).decode() for x in (salt, stored, server)]
    return f"SCRAM-SHA-256${rounds}:{text[0]}${text[1]}:{text[2]}"


def pooler_ini(scratch, name, port, server_port, setup, more=""):
    pool, auth, secret = SETUPS[setup]
    if secret == "verifier":
        secret = verifier(SECRET)
    users = scratch.file(f"users-{setup}.txt", f'"{USER}" "{secret}"\n')
    section, listen = "databases", f"listen_port = {port}"
    if setup == "mysql":
        section = "mysql_databases"
        listen = f"listen_port = {free_port()}\nmysql_listen_port = {port}"
    return scratch.file(name + ".ini", f"""\
[{section}]
{DATABASE} = host=127.0.0.1 port={server_port} dbname={DATABASE}

[pgbouncer]
listen_addr = 127.0.0.1
{listen}
unix_socket_dir =
auth_type = {auth}
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 11000
log_connections = 0
log_disconnections = 0
{more}""")


class Peer:
    """A way to the server.  child is None for the direct one."""

    pools = False
    speaks_mysql = True
    loses_statements = False  # named ones, when the server changes

    def __init__(self, name, program):
        self.name = name
        self.program = program
        self.child = None
        self.port = None
        self.setup = None

    def why_missing(self):
        return None if self.program and os.access(self.program, os.X_OK) \
            else "not installed"

    def start(self, scratch, server_port, setup="plain", wrapper=None):
        self.port = free_port()
        self.setup = setup
        self.program = scratch.reachable(self.program)
        self.child = scratch.start(
            self.file_name(), self.command(scratch, server_port), self.port,
            wrapper, 15 if wrapper is None else 60)

    def stop(self, patience=10):
        stop(self.child, patience=patience)
        self.child = None
        self.setup = None

    def file_name(self):
        return re.sub(r"\W+", "-", self.name)

    def command(self, scratch, server_port):
        raise NotImplementedError

    def thread_cpu(self):
        """Nanoseconds that each live thread has run."""
        threads = {}
        if self.child is None:
            return threads
        folder = f"/proc/{self.child.pid}/task"
        for task in os.listdir(folder):
            try:
                with open(f"{folder}/{task}/schedstat",
                          encoding="ascii") as f:
                    threads[task] = int(f.read().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass
        return threads

    def cpu(self):
        """Nanoseconds that the process has run, ended threads included.

        The clock of another process: clock_getcpuclockid(3) makes its
        number in this way.
        """
        if self.child is None:
            return 0
        return time.clock_gettime_ns(~self.child.pid << 3 | 2)

    def rss(self):
        """Resident bytes."""
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) \
                * 1024


class Direct(Peer):
    def why_missing(self):
        return None

    def start(self, scratch, server_port, setup="plain", wrapper=None):
        self.port = server_port
        self.setup = setup


class Relay(Peer):
    def command(self, scratch, server_port):
        return [self.program, str(self.port), str(server_port)]


class Haproxy(Peer):
    def command(self, scratch, server_port):
        path = scratch.file("haproxy.cfg", f"""\
global
    nbthread 1
    maxconn 2000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgres
    bind 127.0.0.1:{self.port} maxconn 2000
    server one 127.0.0.1:{server_port}
""")
        return [self.program, "-db", "-q", "-f", path]


class Pgbouncer(Peer):
    pools = True
    speaks_mysql = False
    loses_statements = True  # before 1.21

    def command(self, scratch, server_port):
        return [self.program, "-q", pooler_ini(
            scratch, "pgbouncer", self.port, server_port, self.setup)]


class Carpool(Peer):
    pools = True

    def __init__(self, name, program, threads):
        super().__init__(name, program)
        self.threads = threads

    def why_missing(self):
        return None if os.access(self.program, os.X_OK) else "not built"

    def command(self, scratch, server_port):
        return [self.program, "-q", pooler_ini(
            scratch, self.file_name(), self.port, server_port, self.setup,
            f"threads = {self.threads}\n")]


def carpools(programs):
    """One and two threads of each binary; programs: PATH or LABEL=PATH."""
    found = []
    for words in programs:
        label, _, path = words.rpartition("=")
        name = f"carpool {label}".strip()
        path = os.path.abspath(path)
        found += [Carpool(f"{name}, 1 thread", path, 1),
                  Carpool(f"{name}, 2 threads", path, 2)]
    return found


def find(out, programs, only):
    """The peers that are there and wanted; says which are not there."""
    peers = []
    for peer in [
            Direct("direct", None),
            Relay("bare relay", os.path.abspath(out + "/bench/relay")),
            Haproxy("haproxy", which("haproxy")),
            Pgbouncer("pgbouncer", which("pgbouncer")),
            *carpools(programs or [out + "/release/carpool"])]:
        if only and peer.name != "direct" and not any(
                word in peer.name for word in only):
            continue
        why = peer.why_missing()
        if why:
            say(f"{peer.name}: {why}, left out")
        else:
            peers.append(peer)
    return peers
