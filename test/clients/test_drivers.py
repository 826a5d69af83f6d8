"""Unmodified drivers see through carpool, in transaction mode with few
servers, what they see on connections of their own."""

import json
import os

import pytest

import matrix

cases = matrix.cases
STALE = "0A000"  # cached plan must not change result type


# Where carpool is known not to be right yet; CLIENTS_KNOWN=1 asks all the
# same.  doc/testing.md says more.
KNOWN = {
    "prepare": (("psql",), "it sees carpool's names in a view"),
}


def known(driver, scenario):
    """Why this cannot be asked, or None."""
    drivers, reason = KNOWN.get(scenario, ((), None))
    if reason is None or os.environ.get("CLIENTS_KNOWN"):
        return None
    return reason if not drivers or driver in drivers else None


def same(direct, through):
    """Equal; only that carpool may repair a statement gone stale, which a
    driver has to report when it is alone with its server."""
    if isinstance(direct, list) and isinstance(through, list):
        return len(direct) == len(through) and all(
            map(same, direct, through))
    if direct == STALE and isinstance(through, str):
        return through == STALE or through.endswith(" columns")
    return direct == through


def test_driver(pair, language, driver, scenario):
    reason = known(driver, scenario)
    if reason is not None and os.environ.get("CLIENTS_MODE") != "session":
        pytest.skip(f"known to differ: {reason}")
    (how, direct), (how_through, through) = pair(language, driver).ask(
        scenario)
    assert how == "ok", f"directly: {direct}"
    assert how_through == "ok", f"through carpool: {through}"
    assert same(json.loads(direct), json.loads(through)), (
        f"directly {direct}, through carpool {through}")
