"""Nobody ever reads another one's answer, whatever goes wrong (ISO-01): many
clients on few servers, each answer marked with its asker and its number.

SOAK_MINUTES makes it a million answers and more.
"""

import os
import random
import struct
import threading

import pytest

from tools import pgwire as w
from tools.askers import Askers
from tools.soak import MINUTES as SOAK
from tools.wait import wait_until

ANSWERS = int(SOAK * 200_000) or (
    20_000 if os.environ.get("BUILD") == "tsan" else 50_000)
SECONDS = 300 + int(SOAK * 240)


def start(make_carpool, pg, name, port=None, **settings):
    """A carpool whose few servers all askers share."""
    settings = {"default_pool_size": 5, "threads": 4, "max_client_conn": 1000,
                "query_wait_notify": 0, **settings}
    return make_carpool({name: {"host": pg.host, "port": port or pg.port}},
                        **settings)


@pytest.mark.soak
@pytest.mark.seconds(SECONDS + 60)
def test_every_answer_reaches_its_asker(make_carpool, pg):
    askers = Askers(pg, "iso")
    cp = start(make_carpool, pg, "iso")
    got = askers.run(cp.port, SECONDS, answers=ANSWERS)
    assert got["answers"] >= ANSWERS
    assert got["hits_running"] > 20 and got["stalls"] > 2
    assert got["faults"]["gone_sending"] > 20


@pytest.mark.soak
@pytest.mark.seconds(SECONDS + 60)
@pytest.mark.parametrize("askers", [6, 20])
def test_answers_where_servers_are_now_and_then_free(make_carpool, pg,
                                                     askers):
    """Without anybody waiting whole pipelines are on a server at a time."""
    name = f"iso_{askers}"
    load = Askers(pg, name)
    cp = start(make_carpool, pg, name, threads=2)
    answers = int(SOAK * 40_000) if SOAK else 8000
    got = load.run(cp.port, SECONDS, answers=answers, askers=askers,
                   faults=40, think_us=6000)
    assert got["answers"] >= answers


@pytest.mark.soak
@pytest.mark.seconds(SECONDS + 60)
@pytest.mark.parametrize("side", ["clients", "servers"])
def test_answers_in_single_bytes(make_carpool, pg, fault, side):
    """The same with all that passes cut in single bytes."""
    name = f"iso_cut_{side}"
    askers = Askers(pg, name)
    if side == "servers":
        link = fault.listen(pg.port)
        port = start(make_carpool, pg, name, link.port).port
    else:
        link = fault.listen(start(make_carpool, pg, name).port)
        port = link.port
    link.split(1)
    answers = int(SOAK * 10_000) if SOAK else 2000
    got = askers.run(port, SECONDS, answers=answers, askers=50, big=400)
    assert got["answers"] >= answers


@pytest.mark.soak
@pytest.mark.seconds(SECONDS + 60)
def test_answers_over_a_slow_and_stalling_link(make_carpool, pg, fault):
    """Cancels come late, results back up, and now and then nothing moves
    between carpool and its servers."""
    askers = Askers(pg, "iso_slow")
    link = fault.listen(pg.port)
    cp = start(make_carpool, pg, "iso_slow", link.port)
    link.delay(3)
    ended = threading.Event()

    def stall():
        while not ended.wait(0.4):
            link.stall("both")
            ended.wait(0.2)
            link.resume()
            link.delay(3)

    t = threading.Thread(target=stall, daemon=True)
    t.start()
    answers = int(SOAK * 10_000) if SOAK else 4000
    try:
        got = askers.run(cp.port, SECONDS, answers=answers, askers=60)
    finally:
        ended.set()
        t.join()
    assert got["answers"] >= answers and got["hits_running"] > 2


# the single cases of it

@pytest.mark.soak
@pytest.mark.seconds(60 + int(SOAK * 30))
def test_client_leaves_anywhere_in_a_large_result(make_carpool, pg):
    """The next client's answer is its own, at once, however much of the
    result was on its way."""
    cp = make_carpool(default_pool_size=1)
    rng = random.Random(2)
    b = cp.connect()
    for n in range(int(SOAK * 10) or 12):
        a = cp.connect()
        a.send(w.query(f"SELECT 'secret {n}', repeat('x', 990) FROM"
                       " generate_series(1, 50000)"))
        left = int(10 ** rng.uniform(0, 7))
        while left > 0:
            left -= len(a.sock.recv(min(left, 1 << 18)))
        b.send(w.query(f"SELECT 'mine {n}'"))
        if n % 2:
            a.reset()
        else:
            a.close()
        assert b.read_until("Z", timeout=10).rows == [[f"mine {n}"]]
    wait_until(lambda: not pg.busy())


def test_rolled_back_settings(make_carpool, pg):
    """The server's reports are the truth, whatever the statement was."""
    pg.query("CREATE OR REPLACE FUNCTION named() RETURNS text LANGUAGE sql"
             " SET application_name = 'inside'"
             " AS $$SELECT current_setting('application_name')$$", db="test")
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(application_name="a"), cp.connect(application_name="b")
    for statements in (
            ["SELECT named()"],
            ["BEGIN", "SAVEPOINT s", "SET application_name = 'x'",
             "ROLLBACK TO s", "COMMIT"],
            ["BEGIN", "SELECT set_config('application_name', 'y', true)",
             "COMMIT"],
            ["BEGIN", "SET application_name = 'z'", "SELECT 1/0", "COMMIT"],
            ["BEGIN; SET application_name = 'v'; ROLLBACK"],
            ["SET LOCAL application_name = 'w'"]):
        for sql in statements:
            a.query(sql, check=False)
        assert b.value("SHOW application_name") == "b", statements
        assert a.value("SHOW application_name") == "a", statements
        assert a.parameters["application_name"] == "a", statements


@pytest.mark.parametrize("sql", [
    "SET SESSION AUTHORIZATION app2", "SET ROLE app2",
    "SELECT set_config('role', 'app2', false)",
    "BEGIN; SET SESSION AUTHORIZATION app2; COMMIT"])
def test_identity_stays_with_its_client(make_carpool, pg, sql):
    """A role or an identity that one client takes is never another one's,
    not even a superuser's."""
    cp = make_carpool({"test": {"pg": pg, "user": "postgres"}},
                      default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    look = "SELECT current_user, session_user"
    assert b.query(look).rows == [["postgres", "postgres"]]
    a.query(sql)
    got = b.query(look + ", current_setting('is_superuser')")
    assert got.rows == [["postgres", "postgres", "on"]]
    assert b.parameters["session_authorization"] == "postgres"
    assert b.parameters["is_superuser"] == "on"
    a.quit()
    assert cp.connect().query(look).rows == [["postgres", "postgres"]]


OPENS = {
    "second statement": "SELECT 1; BEGIN",
    "after comments": "-- x\n/* y /* z */ */ begin",
    "start transaction": "/**/START TRANSACTION READ ONLY",
    "chain": "BEGIN; COMMIT AND CHAIN",
    "after a failed one": "BEGIN; SELECT 1; COMMIT; BEGIN; SAVEPOINT a",
}
CLOSES = {
    "many statements": "SELECT 1; SELECT 2; SELECT 'BEGIN'; SELECT 3",
    "begin in text": "SELECT 'x;BEGIN', $$BEGIN;$$, 1 AS \"BEGIN\"",
    "commit at the end": "BEGIN; SELECT 1; COMMIT",
    "procedure that commits": "CALL ends(); SELECT 1",
    "savepoints": "BEGIN; " + "SAVEPOINT s; " * 50 + "COMMIT; SELECT 1",
    "implicit transaction": "SELECT 1; SELECT 1/0; SELECT 2",
}


def test_server_is_shared_only_at_the_end_of_a_transaction(
        make_carpool, pg):
    """The last result, and outside of a transaction: not what the text
    looks like."""
    pg.query("CREATE OR REPLACE PROCEDURE ends() LANGUAGE plpgsql AS"
             " 'BEGIN COMMIT; PERFORM 1; ROLLBACK; END'", db="test")
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    for name, sql in CLOSES.items():
        assert a.query(sql, check=False).status == "I", name
        assert b.value("SELECT 'free'") == "free", name
    for name, sql in OPENS.items():
        assert a.query(sql).status == "T", name
        b.send(w.query("SELECT 'waits'"))
        cp.wait_pool(cl_waiting=1, sv_active=1)
        mine = a.query("SELECT 'mine'; SELECT 'too'")
        assert mine.rows == [["mine"], ["too"]], name
        a.query("COMMIT")
        assert b.read_until("Z").rows == [["waits"]], name


@pytest.mark.parametrize("begun", ["parse", "bind alone", "query", "copy"])
def test_half_a_message_holds_a_server_only_to_the_limit(
        make_carpool, pg, begun):
    """A client that stalls in the middle of a message, as an overloaded one
    does: nothing runs, so somebody has to say when it is enough."""
    cp = make_carpool(default_pool_size=1, query_timeout=1)
    half = b"B" + struct.pack("!i", 1 << 20) + b"\0\0\0\0\0\1"
    a, b = cp.connect(), cp.connect()
    b.query("SELECT 1")
    if begun == "parse":
        a.send(w.parse("", "SELECT $1::text"), half)
    elif begun == "bind alone":
        a.send(half)
    elif begun == "query":
        a.send(w.query("SELECT '" + "x" * (1 << 20) + "'")[:500_000])
    else:
        a.send(w.query("COPY (SELECT 1) TO STDOUT"), w.parse("", "SELECT 1"),
               half)
    b.send(w.query("SELECT 'served'"))
    assert b.read_until("Z", timeout=20).rows == [["served"]]
    wait_until(lambda: not pg.busy())


def test_nothing_is_kept_of_results(make_carpool, pg):
    """The same text by another user, and after the right is gone."""
    pg.query("CREATE TABLE IF NOT EXISTS private (a int);"
             "TRUNCATE private; INSERT INTO private VALUES (1);"
             "REVOKE ALL ON private FROM PUBLIC;"
             "GRANT SELECT ON private TO app", db="test")
    cp = make_carpool()
    a, b = cp.connect(), cp.connect("app2")
    for ask in (lambda c: c.query("SELECT a FROM private", check=False),
                lambda c: c.extended("SELECT a FROM private", check=False)):
        assert ask(a).rows == [["1"]]
        assert [e.sqlstate for e in ask(b).errors] == ["42501"]
    pg.query("REVOKE ALL ON private FROM app", db="test")
    assert [e.sqlstate for e in ask(a).errors] == ["42501"]
