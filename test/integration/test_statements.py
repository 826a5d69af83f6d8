"""What the console tells of prepared statements: who holds them, and counters."""

import pytest

from tools import pgwire as w
from tools.raw import PgError
from tools.wait import wait_until

ONE, TWO = "SELECT $1::int", "SELECT 'two', $1::text, $2"
COUNTS = ("client_parse_count", "server_parse_count", "bind_count")


def prepare(c, name, sql, oids=()):
    c.send(w.parse(name, sql, oids), w.sync())
    assert c.read_until("Z").types == "1Z"


def run(c, name, *values):
    c.send(w.bind("", name, values), w.execute(), w.sync())
    return c.read_until("Z").rows


def held(cp, **only):
    """(length, parameters, clients, servers) of each, longest first."""
    rows = [r for r in cp.admin("SHOW PREPARED_STATEMENTS")
            if all(r[k] == v for k, v in only.items())]
    return sorted(((int(r["length"]), int(r["parameters"]),
                    int(r["clients"]), int(r["servers"])) for r in rows),
                  reverse=True)


def counts(cp, prefix="total_"):
    (row,) = [r for r in cp.admin("SHOW STATS") if r["database"] == "test"]
    return tuple(int(row[prefix + n]) for n in COUNTS)


@pytest.mark.tsan
def test_who_holds_which_statement(make_carpool, pg):
    cp = make_carpool({"test": {"pg": pg}, "other": {"pg": pg,
                                                     "dbname": "postgres"}},
                      default_pool_size=2)
    assert held(cp) == []
    a, b = cp.connect(), cp.connect()
    elsewhere = cp.connect(database="other")
    prepare(a, "x", ONE)
    prepare(a, "y", TWO, [25, 23])
    prepare(a, "again", ONE)
    prepare(b, "z", ONE)
    prepare(elsewhere, "x", ONE)
    assert held(cp, database="test", user="app") == [
        (len(TWO), 2, 1, 1), (len(ONE), 0, 2, 1)]
    assert held(cp, database="other") == [(len(ONE), 0, 1, 1)]
    # A second server needs it too.
    a.query("BEGIN")
    run(a, "x", "1")
    run(b, "z", "1")
    a.query("COMMIT")
    assert held(cp, database="test")[1] == (len(ONE), 0, 2, 2)
    rows = cp.admin("SHOW PREPARED_STATEMENTS")
    assert len({r["digest"] for r in rows}) == 2
    assert all(len(r["digest"]) == 16 for r in rows)
    assert "SELECT" not in str(rows)
    # Clients leave, servers keep.
    a.send(w.close("S", "x"), w.close("S", "again"), w.sync())
    a.read_until("Z")
    b.quit()
    wait_until(lambda: held(cp, database="test") == [
        (len(TWO), 2, 1, 1), (len(ONE), 0, 0, 2)])
    for c in (a, elsewhere):
        c.quit()
    cp.console("RECONNECT")
    wait_until(lambda: held(cp) == [])


def test_numbers_of_clients_and_servers(make_carpool, pg):
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(application_name="a"), cp.connect(application_name="b")
    for i in range(3):
        prepare(a, f"s{i}", f"SELECT {i}")
    prepare(b, "s", "SELECT 0")
    prepare(b, "", "SELECT 7")
    rows = {r["application_name"]: r["prepared_statements"]
            for r in cp.admin("SHOW CLIENTS") if r["database"] == "test"}
    assert rows == {"a": "3", "b": "1"}
    (server,) = [r for r in cp.admin("SHOW SERVERS")
                 if r["database"] == "test"]
    assert server["prepared_statements"] == "3"


def test_counters(make_carpool):
    cp = make_carpool(default_pool_size=1, stats_period=1)
    a, b = cp.connect(), cp.connect()
    prepare(a, "x", ONE)
    prepare(b, "y", ONE)
    assert counts(cp) == (2, 1, 0)
    for c, name in ((a, "x"), (b, "y"), (a, "x")):
        assert run(c, name, "5") == [["5"]]
    assert counts(cp) == (2, 1, 3)
    # Unnamed ones and simple queries are none of these.
    a.extended("SELECT 1")
    a.query("SELECT 1")
    assert counts(cp) == (2, 1, 3)
    totals = {r["name"]: int(r["value"]) for r in cp.admin("SHOW TOTALS")}
    assert [totals[f"total_ps_{n}"] for n in COUNTS] == [2, 1, 3]

    def averages():
        for _ in range(50):
            run(a, "x", "5")
        return counts(cp, "avg_")[2] > 0
    wait_until(averages)


def test_many_holders(make_carpool):
    """Clients are looked at in rounds; none is lost or counted twice."""
    cp = make_carpool(threads=2, default_pool_size=2)
    clients = [cp.connect() for _ in range(80)]
    for c in clients:
        c.send(*[w.parse(f"s{i}", f"SELECT {i % 10}") for i in range(20)],
               w.sync())
    for c in clients:
        c.read_until("Z")
    rows = cp.admin("SHOW PREPARED_STATEMENTS")
    assert len(rows) == 10
    assert {r["clients"] for r in rows} == {"80"}


def test_stats_users_may_ask(make_carpool):
    cp = make_carpool(stats_users="app2")
    c = cp.connect("app2", "pgbouncer")
    assert c.query("SHOW PREPARED_STATEMENTS").names == [
        "database", "user", "digest", "length", "parameters", "clients",
        "servers", "protocol"]
    with pytest.raises(PgError):
        c.query("SHOW PREPARED_STATEMENTS x")
