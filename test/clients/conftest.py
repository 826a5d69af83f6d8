"""One Postgres and one carpool for all drivers.

The tests ask each driver's program for a scenario twice: directly, which shows
how the driver itself behaves, and through carpool with few servers.
"""

import json
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../integration"))
sys.path.insert(0, HERE)

from tools.account import scratch  # noqa: E402
from tools.carpool import Carpool  # noqa: E402
from tools.postgres import USERS, Postgres  # noqa: E402
from tools.wait import wait_until  # noqa: E402

import programs  # noqa: E402
from program import VERSIONS, Program  # noqa: E402

# CLIENTS_MODE=session, with servers for all, tries out the scenarios themselves.
MODE = os.environ.get("CLIENTS_MODE") or "transaction"
SERVERS = 2 if MODE == "transaction" else 60
LISTENERS = 1  # of carpool's own, in which LISTEN may be gathered
RESULTS = {}


def pytest_generate_tests(metafunc):
    if "scenario" in metafunc.fixturenames:
        cases = metafunc.module.cases(os.environ.get("CLIENTS_LANGUAGE"))
        metafunc.parametrize("language,driver,scenario", cases, ids=[
            "-".join(case) for case in cases])


@pytest.fixture(scope="session")
def pg():
    with Postgres(max_connections=200) as server:
        server.query("GRANT CREATE ON DATABASE test TO app")
        yield server


@pytest.fixture(scope="session")
def carpool(pg):
    with Carpool({"test": pg}, pool_mode=MODE,
                 default_pool_size=SERVERS, max_client_conn=500,
                 auth_type="scram-sha-256") as daemon:
        daemon.rss_tolerance = 64 << 20
        yield daemon


def environment(port):
    password = USERS["app"][0]
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("PG")}
    env.update(
        DATABASE_URL=f"postgresql://app:{password}@127.0.0.1:{port}/test",
        PGHOST="127.0.0.1", PGPORT=str(port), PGUSER="app",
        PGPASSWORD=password, PGDATABASE="test", PGSSLMODE="disable",
        PYTHONDONTWRITEBYTECODE="1", TZ="UTC")
    return env


class Pair:
    """A driver's program beside Postgres and behind carpool."""

    def __init__(self, pg, carpool, language, driver):
        self.pg = pg
        self.carpool = carpool
        argv, folder = programs.command(language, driver)
        logs = scratch("clients")
        self.direct = Program(argv, environment(pg.port), folder,
                              f"{logs}/direct")
        self.through = Program(argv, environment(carpool.port), folder,
                               f"{logs}/through")
        how, text = self.direct.ask("version")
        assert how == "ok", text
        VERSIONS[driver] = json.loads(text)

    def ask(self, scenario):
        """What both say: (how, text) twice."""
        direct = self.direct.ask(scenario)
        wait_until(lambda: self.servers() <= SERVERS + LISTENERS, 20,
                   "the direct connections to end")
        through = self.through.ask(scenario)
        assert self.servers() <= SERVERS + LISTENERS, "too many servers"
        return direct, through

    def servers(self):
        return self.pg.connections("test")

    def stop(self):
        self.direct.stop()
        self.through.stop()


@pytest.fixture(scope="session")
def pair(pg, carpool):
    """pair(language, driver): the Pair, of which there is one at a time."""
    current = {}

    def get(language, driver):
        if driver not in current:
            for other in current.values():
                if isinstance(other, Pair):
                    other.stop()
            current.clear()
            try:
                current[driver] = Pair(pg, carpool, language, driver)
            except programs.Missing as e:
                current[driver] = e
        if isinstance(current[driver], programs.Missing):
            pytest.skip(f"{driver}: {current[driver]}")
        return current[driver]

    yield get
    for last in current.values():
        if isinstance(last, Pair):
            last.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" or report.outcome != "passed":
        driver = getattr(item, "callspec", None)
        if driver is not None:
            name = driver.params["driver"]
            RESULTS.setdefault(name, {})[
                driver.params["scenario"]] = report.outcome


def pytest_terminal_summary(terminalreporter):
    """A line for each driver: its version, and what was not as directly."""
    terminalreporter.section("drivers")
    for driver, results in RESULTS.items():
        bad = [s for s, outcome in results.items() if outcome == "failed"]
        good = sum(outcome == "passed" for outcome in results.values())
        terminalreporter.write_line(
            f"{driver:22} {VERSIONS.get(driver, 'not run'):44}"
            f" {good:2} of {len(results):2}"
            + (f"  not: {' '.join(bad)}" if bad else ""))
