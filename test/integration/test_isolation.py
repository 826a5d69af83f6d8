"""Nobody ever reads another one's answer, whatever goes wrong (ISO-01): many
clients on few servers, each answer marked with its asker and its number.

SOAK_MINUTES makes it a million answers and more.
"""

import os

import pytest

from tools.askers import Askers
from tools.carpool import sanitized

SOAK = float(os.environ.get("SOAK_MINUTES", "0"))
ANSWERS = int(SOAK * 200_000) if SOAK else 50_000
SECONDS = 120 + int(SOAK * 180)


def pooled(pg, name, port=None, **more):
    return {name: {"host": pg.host, "port": port or pg.port, **more}}


@pytest.mark.soak
@pytest.mark.seconds(SECONDS + 60)
def test_every_answer_reaches_its_asker(make_carpool, pg):
    askers = Askers(pg, "iso")
    cp = make_carpool(pooled(pg, "iso"), default_pool_size=5, threads=4,
                      max_client_conn=1000)
    got = askers.run(cp.port, SECONDS, answers=ANSWERS)
    assert got["answers"] >= ANSWERS
    assert got["hits_running"] > 20 and got["stalls"] > 2
    assert got["faults"]["gone_sending"] > 20
