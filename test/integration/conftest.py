"""Fixtures.  Everything that a test starts is stopped, and looked at by the
oracles, when the test ends."""

import faulthandler
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from tools.carpool import Carpool  # noqa: E402
from tools.fakemysql import FakeMysql  # noqa: E402
from tools.fakepg import FakePg  # noqa: E402
from tools.faultproxy import FaultProxy  # noqa: E402
from tools.jar import Missing  # noqa: E402
from tools.mariadb import MariaDB, MySQL  # noqa: E402
from tools.myway import WAY  # noqa: E402
from tools.postgres import Postgres  # noqa: E402
from tools.soak import patience  # noqa: E402
from tools.wait import wait_until  # noqa: E402

TEST_SECONDS = int(os.environ.get("TEST_SECONDS", "60"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    # a test of MySQL starts carpool when it is told to
    starts = {"make_carpool"} | ({"way"} if WAY == "carpool" else set())
    for item in items:
        # races are carpool's: one MySQL server shows them as well as two
        if (starts & set(getattr(item, "fixturenames", ())) and
                "mysql8" not in item.name):
            item.add_marker("tsan")
        # make soak runs what carries its marker, nothing else.
        if (not item.get_closest_marker("soak") and
                {"MINUTES", "SOAK", "scaled"} & set(
                    item.function.__code__.co_names)):
            raise pytest.UsageError(
                f"{item.nodeid}: a long form without the marker soak")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    setattr(item, "report_" + report.when, report)
    if report.failed:
        for daemon in getattr(item, "daemons", ()):
            report.sections.append(("log of " + type(daemon).__name__,
                                    daemon.log[-6000:]))
        repeat = getattr(call.excinfo.value, "repeat", None)
        if repeat is not None:
            item.session.repeats.append(f"{repeat}  {item.nodeid}")


def pytest_sessionstart(session):
    session.repeats = []


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    """The last lines are what repeats the random tests that failed."""
    yield
    for line in session.repeats:
        print(f"\nrepeat: {line}", end="" if line is not session.repeats[-1]
              else "\n")


class TooLong(BaseException):
    """Not an Exception, so that no wait takes it for 'not yet'."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    mark = item.get_closest_marker("seconds")
    seconds = mark.args[0] if mark else TEST_SECONDS
    if item.get_closest_marker("soak"):
        seconds = patience(seconds)

    def too_long(*_):
        faulthandler.dump_traceback(all_threads=True)
        raise TooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _failed(request):
    report = getattr(request.node, "report_call", None)
    return report is None or report.failed


@pytest.fixture(scope="session")
def pg():
    """One server for all tests that do not harm it."""
    with Postgres(max_connections=200) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb():
    """One MariaDB for all tests that do not harm it."""
    with MariaDB() as server:
        yield server


@pytest.fixture(scope="session")
def mysql8():
    """One MySQL 8 for all tests that do not harm it."""
    try:
        server = MySQL()
    except Missing as e:
        pytest.skip(f"no MySQL: {e}")
    with server:
        yield server


@pytest.fixture(params=["mariadb", "mysql8"])
def either(request):
    """MariaDB, then MySQL 8."""
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def nothing_left_behind(request):
    """What a failed test leaves on the common servers does not fail the next
    one."""
    servers = [request.getfixturevalue(name)
               for name in ("pg", "mariadb", "mysql8")
               if name in request.fixturenames]
    yield
    for server in servers:
        server.terminate_all()
        wait_until(lambda: server.connections() == 0, 10,
                   "the server's old connections to end")


@pytest.fixture
def make_pg(request):
    """make_pg(**settings): a server of the test's own."""
    made = []
    request.node.daemons = getattr(request.node, "daemons", [])

    def make(**kw):
        server = Postgres(**kw)
        made.append(server)
        request.node.daemons.append(server)
        return server.start()

    yield make
    for server in made:
        server.remove()


@pytest.fixture
def make_mariadb(request):
    """make_mariadb(**settings): a MariaDB of the test's own."""
    made = []
    request.node.daemons = getattr(request.node, "daemons", [])

    def make(**kw):
        server = MariaDB(**kw)
        made.append(server)
        request.node.daemons.append(server)
        return server.start()

    yield make
    for server in made:
        server.remove()


@pytest.fixture
def make_carpool(request, pg):
    """make_carpool(databases=None, **settings): a running carpool, by default
    with database test on pg; checked by all oracles at the end."""
    made = []
    request.node.daemons = getattr(request.node, "daemons", [])

    def make(databases=None, start=True, **kw):
        carpool = Carpool(
            {"test": pg} if databases is None else databases, **kw)
        made.append(carpool)
        request.node.daemons.append(carpool)
        return carpool.start() if start else carpool

    yield make
    failures = []
    for carpool in made:
        try:
            carpool.finish(failed=_failed(request))
        except Exception as e:
            failures.append(e)
    if failures:
        raise failures[0]


@pytest.fixture
def make_fake():
    """make_fake(handler=None, **kw): a fake server; a failure in one of its
    scripts fails the test."""
    made = []

    def make(*args, **kw):
        fake = FakePg(*args, **kw)
        made.append(fake)
        return fake.start()

    yield make
    for fake in made:
        fake.stop()


@pytest.fixture
def make_fake_mysql():
    """make_fake_mysql(script=None, **kw): a fake MySQL server; a failure in
    one of its scripts fails the test."""
    made = []

    def make(*args, **kw):
        fake = FakeMysql(*args, **kw)
        made.append(fake)
        return fake.start()

    yield make
    for fake in made:
        fake.stop()


@pytest.fixture
def fault():
    """A fault proxy: fault.listen(port) gives a Link."""
    with FaultProxy() as proxy:
        yield proxy
