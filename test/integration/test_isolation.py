"""Nobody ever reads another one's answer, whatever goes wrong (ISO-01): many
clients on few servers, each answer marked with its asker and its number.

SOAK_MINUTES makes it a million answers and more.
"""

import os
import threading

import pytest

from tools.askers import Askers

SOAK = float(os.environ.get("SOAK_MINUTES", "0"))
ANSWERS = int(SOAK * 200_000) if SOAK else 50_000
SECONDS = 120 + int(SOAK * 180)


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
    answers = int(SOAK * 40_000) if SOAK else 15_000
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
    answers = int(SOAK * 10_000) if SOAK else 3000
    try:
        got = askers.run(cp.port, SECONDS, answers=answers, askers=60)
    finally:
        ended.set()
        t.join()
    assert got["answers"] >= answers and got["hits_running"] > 2
