"""The diff harness: random groups, direct and through carpool, compared
message by message.  DIFF_GROUPS sets its length, DIFF_SEED repeats a run."""

import os

import pytest

from tools.diff import Difference
from tools.soak import scaled

GROUPS = scaled(60, 2500, "DIFF_GROUPS")
SEED = int(os.environ["DIFF_SEED"]) if "DIFF_SEED" in os.environ else None

pytestmark = pytest.mark.soak


def run(make_carpool, pg, name, clients, groups, session=False, way=None,
        **settings):
    d = Difference(pg, None, clients=clients, groups=groups, seed=SEED,
                   session=session, name=name).prepare()
    target = way or pg
    d.way = make_carpool(
        {d.way_db: {"host": "127.0.0.1", "port": target.port}}, **settings)
    d.run()
    print(f"seed {d.seed}: {d.messages} messages equal")


def test_one_client_on_one_server(make_carpool, pg):
    run(make_carpool, pg, "d_one", 1, GROUPS * 3, default_pool_size=1)


@pytest.mark.seconds(120)
@pytest.mark.parametrize("servers", [2, 5])
def test_many_clients_on_few_servers(make_carpool, pg, servers):
    run(make_carpool, pg, f"d_many{servers}", 16, GROUPS,
        default_pool_size=servers, threads=4)


def test_one_server_for_all(make_carpool, pg):
    run(make_carpool, pg, "d_all", 8, GROUPS, default_pool_size=1)


@pytest.mark.parametrize("most", [1, 2])
def test_few_statements_on_a_server(make_carpool, pg, most):
    """Nearly every statement is closed to make room for the next one."""
    run(make_carpool, pg, f"d_few{most}", 6, GROUPS, default_pool_size=most,
        max_prepared_statements=most)


@pytest.mark.parametrize("servers", [1, 8])
def test_session_mode(make_carpool, pg, servers):
    run(make_carpool, pg, f"d_sess{servers}", 8, GROUPS, session=True,
        pool_mode="session", default_pool_size=servers)


@pytest.mark.seconds(120)
@pytest.mark.parametrize("size", [1, 7])
def test_servers_answer_in_pieces(make_carpool, pg, fault, size):
    """Everything between carpool and Postgres comes cut in pieces."""
    link = fault.listen(pg.port)
    link.split(size)
    run(make_carpool, pg, f"d_cut{size}", 4, max(5, GROUPS // 6), way=link,
        default_pool_size=2)
