"""Unmodified drivers see through carpool, in transaction mode with few
servers, what they see on connections of their own."""

import json

STALE = "0A000"  # cached plan must not change result type


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
    (how, direct), (how_through, through) = pair(language, driver).ask(
        scenario)
    assert how == "ok", f"directly: {direct}"
    assert how_through == "ok", f"through carpool: {through}"
    assert same(json.loads(direct), json.loads(through)), (
        f"directly {direct}, through carpool {through}")
