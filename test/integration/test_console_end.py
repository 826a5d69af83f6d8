"""How carpool ends: SHUTDOWN in its three forms, SIGTERM, SIGINT."""

import signal
import time

from tools import pgwire as w
from tools.login import console
from tools.raw import PgError, RawClient
from tools.wait import holds_for, wait_until


def ended(cp, timeout=10):
    return cp.proc.wait(timeout)


def shut(cp, command):
    """Say it on a console of its own and take no answer for granted."""
    c = console(cp)
    c.send(w.query(command))
    return c


def test_shutdown_at_once(make_carpool, pg):
    cp = make_carpool()
    a = cp.connect()
    a.query("BEGIN")
    cp.ends_itself()
    shut(cp, "SHUTDOWN")
    assert ended(cp) == 0
    wait_until(lambda: pg.connections("test") == 0)


def test_shutdown_wait_for_servers(make_carpool, pg):
    """Transactions end, idle clients are told, then the process ends."""
    cp = make_carpool()
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN")
    cp.ends_itself()
    shut(cp, "SHUTDOWN WAIT_FOR_SERVERS")
    wait_until(lambda: refuses(cp))
    assert a.value("SELECT 1") == "1"
    assert a.query("COMMIT").tags == ["COMMIT"]
    assert ended(cp) == 0
    del b


def refuses(cp):
    """No new client gets in."""
    try:
        c = RawClient.open(cp.host, cp.port, timeout=1)
    except (OSError, PgError):
        return True
    c.close()
    return False


def test_shutdown_wait_for_clients(make_carpool, pg):
    cp = make_carpool()
    a, b = cp.connect(), cp.connect()
    cp.ends_itself()
    shut(cp, "SHUTDOWN WAIT_FOR_CLIENTS")
    wait_until(lambda: refuses(cp))
    assert a.value("SELECT 1") == "1"
    assert b.value("SELECT 1") == "1"
    a.quit()
    holds_for(lambda: cp.proc.poll() is None, 0.2)
    b.quit()
    cp.close_clients()
    assert ended(cp) == 0


def test_sigterm_drains(make_carpool, pg):
    """Idle clients are closed with 57P01, the others at the end of their
    transaction, with its answer."""
    cp = make_carpool()
    idle, busy = cp.connect(), cp.connect()
    busy.query("BEGIN")
    cp.ends_itself()
    cp.signal(signal.SIGTERM)
    assert idle.expect_error("57P01", timeout=3).severity == "FATAL"
    idle.expect_closed()
    assert refuses(cp)
    assert busy.value("SELECT 'still'") == "still"
    busy.send(w.query("COMMIT"))
    assert busy.read_until("Z").tags == ["COMMIT"]
    got = busy.drain()
    assert [e.sqlstate for e in got.errors] == ["57P01"]
    assert ended(cp) == 0


def test_sigterm_has_a_deadline(make_carpool, pg):
    cp = make_carpool(shutdown_timeout=1)
    a = cp.connect()
    a.query("BEGIN")
    cp.ends_itself()
    start = time.monotonic()
    cp.signal(signal.SIGTERM)
    ended(cp)
    assert 0.8 < time.monotonic() - start < 5
    wait_until(lambda: pg.connections("test") == 0)


def test_second_sigterm_ends_at_once(make_carpool):
    cp = make_carpool()
    a = cp.connect()
    a.query("BEGIN")
    cp.ends_itself()
    cp.signal(signal.SIGTERM)
    wait_until(lambda: refuses(cp))
    cp.signal(signal.SIGTERM)
    ended(cp, 5)


def test_sigint_waits_for_servers(make_carpool):
    cp = make_carpool()
    a = cp.connect()
    a.query("BEGIN")
    cp.ends_itself()
    cp.signal(signal.SIGINT)
    wait_until(lambda: refuses(cp))
    assert a.query("COMMIT").tags == ["COMMIT"]
    assert ended(cp) == 0
