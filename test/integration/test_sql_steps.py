"""Several statements of one simple Query that name prepared ones: texts at
random, and ends in the middle of one (trap 19).  What each of them does when
nothing goes wrong is in test_sql_prepare.py."""

import os
import random
import subprocess

import pytest

from tools import pgwire as w
from tools.raw import RawClient
from tools.soak import MINUTES as SOAK, scaled
from tools.wait import wait_until

pytestmark = pytest.mark.tsan

NAMES = ["a", "b", "c"]
ROUNDS = scaled(12, 300, "STEPS_ROUNDS")
SEED = int(os.environ.get("STEPS_SEED", random.randrange(1 << 30)))


def ask(c, sql):
    c.send(w.query(sql))
    return [m for m in c.read_until("Z").messages if m.type not in "NS"]


def piece(rng, has_failed):
    name = rng.choice(NAMES)
    kinds = {
        "prepare": f"PREPARE {name} AS SELECT {rng.randrange(9)}, '{name}'",
        "typed": f"PREPARE {name} (int) AS SELECT $1 + {rng.randrange(9)}",
        "execute": f"EXECUTE {name}",
        "argument": f"EXECUTE {name}({rng.randrange(9)})",
        "deallocate": f"DEALLOCATE {name}",
        "all": "DEALLOCATE ALL",
        "discard": "DISCARD ALL",
        "select": f"SELECT {rng.randrange(9)}",
        "set": "SET DateStyle TO 'ISO, DMY'",
        "error": "SELECT 1/0",
        "column": "SELECT nope",
        "syntax": "/* \u00e4 */ nonsense",
        "begin": "BEGIN", "commit": "COMMIT", "rollback": "ROLLBACK",
    }
    weights = [6, 4, 9, 4, 5, 1, 1, 4, 1, 1, 1, 0.5, 2, 2, 2]
    kind = rng.choices(list(kinds), weights)[0]
    # A failed transaction loads nothing, also where its end comes first.
    if has_failed and kind in ("execute", "argument"):
        kind = "select"
    return kinds[kind]


def texts_are_the_same(rng, pg, cp, clients):
    """Each client has a connection of its own for a model."""
    pairs = [(RawClient.open(pg.host, pg.port),
              RawClient.open(cp.host, cp.port)) for _ in range(clients)]
    failed = dict.fromkeys(range(clients), False)
    try:
        for _ in range(30):
            i = rng.randrange(clients)
            # No more in a transaction at once than there are servers.
            if len([k for k in failed if failed[k] is not False]) > 1:
                i = rng.choice([k for k in failed if failed[k] is not False])
            text = "; ".join(piece(rng, failed[i] == "E")
                             for _ in range(rng.randrange(1, 6)))
            want, got = (ask(c, text) for c in pairs[i])
            assert got == want, f"client {i}: {text}"
            status = want[-1].body.decode()
            failed[i] = status if status != "I" else False
    finally:
        for direct, through in pairs:
            direct.close()
            through.close()


def test_texts_at_random(make_carpool, pg):
    cp = make_carpool(default_pool_size=2, max_prepared_statements=5)
    for n in range(ROUNDS):
        seed = SEED + n
        try:
            texts_are_the_same(random.Random(seed), pg, cp, 3)
        except AssertionError as e:
            raise AssertionError(f"{e}\nSTEPS_SEED={seed}") from None


if SOAK:
    test_texts_at_random = pytest.mark.soak(test_texts_at_random)


def sleeping(pg):
    return pg.value("SELECT count(*) FROM pg_stat_activity WHERE"
                    " wait_event = 'PgSleep'")


IN_THE_MIDDLE = ("PREPARE a AS SELECT 1; DEALLOCATE b; SELECT pg_sleep(60);"
                 " PREPARE c AS SELECT 3; DEALLOCATE d")


def assert_half_done(c):
    """What came before the sleep has come to pass, and no more."""
    assert c.query("EXECUTE a").rows == [["1"]]
    assert c.query("EXECUTE d").rows == [["4"]]
    for name in "bc":
        error = c.query(f"EXECUTE {name}", check=False).errors[0]
        assert error.sqlstate == "26000" and f'"{name}"' in error.message


def test_cancel_in_the_middle(make_carpool, pg):
    cp = make_carpool(default_pool_size=2)
    with RawClient.open(cp.host, cp.port) as c, \
            RawClient.open(cp.host, cp.port) as other:
        c.query("PREPARE b AS SELECT 2; PREPARE d AS SELECT 4")
        c.send(w.query(IN_THE_MIDDLE))
        wait_until(lambda: sleeping(pg))
        c.cancel()
        got = c.read_until("Z")
        assert got.errors[0].sqlstate == "57014"
        assert got.tags == ["PREPARE", "DEALLOCATE"]
        assert_half_done(c)
        # The one that was used last is held, so there is another.
        other.query("BEGIN")
        assert_half_done(c)
        other.query("COMMIT")


@pytest.mark.parametrize("by", ["itself", "another"])
def test_the_server_ends_in_the_middle(make_carpool, pg, by):
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as c, \
            RawClient.open(cp.host, cp.port) as other:
        other.query("PREPARE a AS SELECT 'other'")
        c.query("PREPARE b AS SELECT 2; PREPARE d AS SELECT 4")
        if by == "itself":
            c.send(w.query(IN_THE_MIDDLE.replace(
                "pg_sleep(60)", "pg_terminate_backend(pg_backend_pid())")))
        else:
            c.send(w.query(IN_THE_MIDDLE))
            wait_until(lambda: sleeping(pg))
            pg.value("SELECT count(pg_terminate_backend(pid)) FROM"
                     " pg_stat_activity WHERE wait_event = 'PgSleep'")
        got = c.read_until("E").messages
        assert [m.type for m in got if m.type not in "TDNS"] == [
            "C", "C", "E"]
        c.expect_closed()
        assert other.query("EXECUTE a").rows == [["other"]]
        assert other.query("PREPARE b AS SELECT 5; EXECUTE b").rows == [["5"]]


def test_the_client_ends_in_the_middle(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as other:
        for _ in range(3):
            with RawClient.open(cp.host, cp.port) as c:
                c.query("PREPARE b AS SELECT 2; PREPARE d AS SELECT 4")
                c.send(w.query(IN_THE_MIDDLE))
                wait_until(lambda: sleeping(pg))
            got = other.query("PREPARE a AS SELECT 'other'; EXECUTE a;"
                              " DEALLOCATE a; EXECUTE b", check=False)
            assert got.rows == [["other"]]
            assert got.errors[0].sqlstate == "26000"
        # Nothing under the name of a client is on the server.
        assert other.query("SELECT name FROM pg_prepared_statements WHERE"
                           " left(name, 8) <> 'carpool_'").rows == []


def test_the_server_keeps_no_more_than_it_may(make_carpool, pg):
    """Whatever texts prepare and leave, also those that fail."""
    cp = make_carpool(default_pool_size=1, max_prepared_statements=5)
    with RawClient.open(cp.host, cp.port) as c:
        for i in range(40):
            c.query(f"PREPARE a AS SELECT {i}; SELECT 1; DEALLOCATE a")
            c.query(f"PREPARE a AS SELECT {i}; SELECT 1/0; DEALLOCATE a",
                    check=False)
            c.query(f"SET work_mem = '{64 + i}kB'; DEALLOCATE a;"
                    " PREPARE b AS SELECT 1; DEALLOCATE b; SELECT 1/0",
                    check=False)
        # Beside them there is a spare for each place of a text.
        assert int(c.value("SELECT count(*) FROM pg_prepared_statements"
                           " WHERE name !~ '^carpool_0'")) <= 5 + 1
        assert int(c.value("SELECT count(*) FROM pg_prepared_statements"
                           " WHERE name ~ '^carpool_0'")) <= 4


def test_refused_states_are_refused_among_others(make_carpool):
    cp = make_carpool(default_pool_size=1, on_temp_table="reject",
                      on_advisory_lock="reject")
    with RawClient.open(cp.host, cp.port) as c:
        c.query("PREPARE a AS SELECT 1")
        for text in ("EXECUTE a; CREATE TEMP TABLE x (y int)",
                     "SELECT pg_advisory_lock(1); DEALLOCATE a"):
            error = c.query(text, check=False).errors[0]
            assert error.sqlstate == "0A000"
        assert c.query("EXECUTE a").rows == [["1"]]


SCRIPT = r"""
PREPARE a (int) AS SELECT $1 \; EXECUTE a(1) \; EXECUTE a(2);
EXECUTE a(3);
BEGIN \; DEALLOCATE a \; PREPARE a AS SELECT 'new' \; EXECUTE a;
EXECUTE a \; COMMIT;
EXECUTE a \; EXECUTE nope \; EXECUTE a;
DEALLOCATE a \; EXECUTE a;
"""


def test_psql(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)

    def run(way):
        done = subprocess.run(
            ["psql", "-X", "-At", f"host={way.host} port={way.port} user=app"
             " password=secret dbname=test"], input=SCRIPT, text=True,
            capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    direct = run(pg)
    assert direct[1].split() == [
        "PREPARE", "1", "2", "3", "BEGIN", "DEALLOCATE", "PREPARE", "new",
        "new", "COMMIT", "new", "DEALLOCATE"]
    assert run(cp) == direct
