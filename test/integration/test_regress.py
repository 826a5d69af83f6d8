"""PostgreSQL's own regression suite through carpool in session mode: every
byte that psql prints is the same as on a direct connection.

Both forms take minutes and run in `make soak` alone: a short one of the tests
in which the protocol matters most, and the whole suite, direct twice (what
differs by itself), and through carpool with servers used once and with servers
used again.
"""

import pytest

from tools import regress
from tools.account import SENTINEL
from tools.carpool import Carpool
from tools.postgres import Postgres
from tools.soak import MINUTES

pytestmark = [pytest.mark.soak,
              pytest.mark.skipif(not MINUTES, reason="runs in make soak")]

# Notices, errors in all places, COPY, cursors, settings, large objects,
# statements by name, sessions that begin again (\c).
SHORT = """test_setup boolean char varchar int8 float8 strings date timestamptz
interval horology copy copyselect copydml insert create_function_c create_misc
create_procedure create_type errors drop_if_exists select transactions portals
portals_p2 namespace prepared_xacts guc async misc_functions psql plancache
prepare conversion truncate sequence largeobject with xml copy2 rangefuncs
returning plpgsql advisory_lock encoding limit""".split()

# Tests that see that a server process has had a session before: it has
# loaded plpgsql already (guc), has a schema for temporary tables (temp), and
# is not counted as a new session (stats).  No reset undoes these.
SEES_ITS_PAST = {"guc", "temp", "stats"}


@pytest.fixture(scope="module")
def suite():
    try:
        return regress.Suite().fetch()
    except (regress.Unavailable, OSError) as e:
        pytest.skip(f"PostgreSQL's source package cannot be had: {e}")


def run(suite, label, only, application=None, **settings):
    """Direct without settings, else through carpool; on a fresh server."""
    with Postgres(max_prepared_transactions=2, shared_buffers="64MB",
                  max_connections=60) as pg:
        suite.prepare(pg)
        if not settings:
            return suite.run(label, pg.host, pg.port, only, application)
        with Carpool({"*": pg}, pool_mode="session", default_pool_size=30,
                     userlist={"postgres": f"{SENTINEL}-regress"},
                     **settings) as cp:
            cp.rss_tolerance = 64 << 20
            return suite.run(label, cp.host, cp.port, only, application)


def say(suite, label, results, differ):
    print(f"{label}: {len(regress.outputs(results))} files,"
          f" {suite.seconds[label]:.0f} s, differences: {differ or 0}")


@pytest.mark.seconds(300)
def test_regression_suite_short(suite):
    """On servers that many sessions use, one after the other."""
    direct = run(suite, "direct", SHORT, "regress")
    through = run(suite, "through", SHORT, "regress", server_lifetime=3600)
    differ = regress.differences(direct, through)
    say(suite, "through", through, differ)
    assert len(regress.outputs(through)) == len(SHORT)
    assert set(differ) <= SEES_ITS_PAST


@pytest.mark.seconds(3600)
def test_regression_suite_whole(suite):
    direct = run(suite, "direct1", None, "regress")
    again = run(suite, "direct2", None, "regress")
    by_itself = set(regress.differences(direct, again))
    say(suite, "direct2", again, sorted(by_itself))
    for label, lifetime, known in (("once", 0, set()),
                                   ("again", 3600, SEES_ITS_PAST)):
        through = run(suite, label, None, "regress",
                      server_lifetime=lifetime)
        differ = set(regress.differences(direct, through))
        say(suite, label, through, sorted(differ))
        assert len(regress.outputs(through)) > 200
        assert differ - by_itself <= known
