"""Unmodified drivers of MySQL see through carpool what they see on connections
of their own.

With MYSQL_WAY=direct their second connection is direct as well, which shows what
the scenarios need, and that they say the same each time.  CLIENTS_SERVER=mysql asks a MySQL 8, whose users have
caching_sha2_password, in place of MariaDB.
"""

import json
import os

import pytest

import my_matrix
import my_programs
import programs
from program import VERSIONS, Program

from tools.account import scratch
from tools.carpool import Carpool
from tools.jar import Missing
from tools.mariadb import MariaDB, MySQL
from tools.wait import wait_until

cases = my_matrix.cases
SERVERS = 2  # of a pool, for 20 clients


@pytest.fixture(scope="module")
def server():
    """The server behind all; secure_file_priv and local_infile are open."""
    kind = MySQL if os.environ.get("CLIENTS_SERVER") == "mysql" else MariaDB
    try:
        made = kind(**{"max-connections": 300})
    except Missing as e:
        pytest.skip(str(e))
    with made:
        yield made


class Way:
    def __init__(self, host, port):
        self.host, self.port = host, port


@pytest.fixture(scope="module")
def way(server):
    """Where the drivers' second connection goes."""
    if os.environ.get("MYSQL_WAY") == "direct":
        yield Way(server.host, server.port)
        return
    with Carpool({}, mysql={"test": server, "dump_copy": server},
                 default_pool_size=SERVERS, max_client_conn=500,
                 local_infile=1, mysql_default_database="test",
                 auth_type="scram-sha-256") as daemon:
        daemon.rss_tolerance = 64 << 20
        yield Way(daemon.host, daemon.mysql_port)


def environment(server, where, user):
    password = server.users[user][0]
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("MYSQL_", "MARIADB_"))}
    env.update(
        DATABASE_URL=f"mysql://{user}:{password}@{where.host}:{where.port}"
        "/test",
        MYSQL_HOST=where.host, MYSQL_PORT=str(where.port), MYSQL_USER=user,
        MYSQL_PASSWORD=password, MYSQL_DATABASE="test",
        PYTHONDONTWRITEBYTECODE="1", TZ="UTC")
    return env


class Pair:
    """A driver's program beside the server and behind carpool."""

    def __init__(self, server, way, language, driver):
        self.server = server
        self.is_pooled = way.port != server.port
        self.user = "app"
        if driver in my_matrix.NATIVE_ONLY and "u_native" in server.users:
            self.user = "u_native"
        argv, folder = my_programs.command(language, driver)
        logs = scratch("clients")
        self.direct = Program(argv, environment(server, server, self.user),
                              folder, f"{logs}/direct")
        self.through = Program(argv, environment(server, way, self.user),
                               folder, f"{logs}/through")
        how, text = self.direct.ask("version")
        assert how == "ok", text
        VERSIONS[driver] = json.loads(text)

    def ask(self, scenario):
        """What both say: (how, text) twice."""
        # carpool keeps its servers from one scenario to the next
        kept = self.server.connections(self.user) if self.is_pooled else 0
        direct = self.direct.ask(scenario)
        wait_until(lambda: self.server.connections(self.user) <= kept, 20,
                   "the direct connections to end")
        return direct, self.through.ask(scenario)

    def stop(self):
        self.direct.stop()
        self.through.stop()


@pytest.fixture(scope="module")
def my_pair(server, way):
    """my_pair(language, driver): the Pair, of which there is one at a
    time."""
    current = {}

    def get(language, driver):
        if driver not in current:
            for other in current.values():
                if isinstance(other, Pair):
                    other.stop()
            current.clear()
            try:
                current[driver] = Pair(server, way, language, driver)
            except programs.Missing as e:
                current[driver] = e
        if isinstance(current[driver], programs.Missing):
            pytest.skip(f"{driver}: {current[driver]}")
        return current[driver]

    yield get
    for last in current.values():
        if isinstance(last, Pair):
            last.stop()


def test_mysql_driver(my_pair, language, driver, scenario):
    (how, direct), (how_through, through) = my_pair(language, driver).ask(
        scenario)
    assert how == "ok", f"directly: {direct}"
    assert how_through == "ok", f"through carpool: {through}"
    assert json.loads(direct) == json.loads(through)
