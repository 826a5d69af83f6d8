"""Edges of transactions, groups and COPY at which a pooler may go wrong: what
is done must be what a direct connection would have done."""


import pytest

from tools import oracles, pgwire as w
from tools.carpool import sanitized
from tools.raw import RawClient
from tools.wait import wait_until



@pytest.fixture
def table(pg):
    pg.query("DROP TABLE IF EXISTS edges; CREATE TABLE edges (a int);"
             "GRANT ALL ON edges TO PUBLIC", db="test")
    return lambda: pg.value("SELECT count(*) FROM edges", db="test")


def run(sql):
    return w.parse("", sql) + w.bind() + w.execute()


@pytest.mark.parametrize("cut", [False, True])
def test_hidden_settings_commit_no_group(make_carpool, table, cut):
    """Two clients with other settings take turns on one server, so that
    carpool's own statements go before each group: a group whose end fails
    leaves nothing."""
    cp = make_carpool(default_pool_size=1)
    clients = [cp.connect(TimeZone=z, timeout=30)
               for z in ("Asia/Tokyo", "America/Lima")]
    group = (run("INSERT INTO edges VALUES (1)")
             + run("INSERT INTO edges VALUES (2)"), run("SELECT 1/0"),
             run("INSERT INTO edges VALUES (3)") + w.sync())
    for n in range(6):
        c = clients[n % 2]
        if cut:
            c.send(group[0], w.flush())
            assert c.expect("12C12C").tags == ["INSERT 0 1"] * 2
            c.send(group[1])
            assert c.expect("1E").errors[0].sqlstate == "22012"
            c.send(group[2])
            c.expect("Z")
        else:
            c.send(*group)
            assert c.read_until("Z").types == "12C12C1EZ"
    assert table() == 0


def test_prepare_transaction_frees_the_server(make_pg, make_carpool):
    """Its tag is that of no usual end, its status is."""
    pg = make_pg(max_prepared_transactions=2)
    cp = make_carpool({"test": pg}, default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    a.query("BEGIN; CREATE TABLE two_phase (a int)")
    b.send(w.query("SELECT 'b'"))
    b.expect_silence(0.05)
    got = a.query("PREPARE TRANSACTION 'edge'")
    assert (got.tags, got.status) == (["PREPARE TRANSACTION"], "I")
    assert b.read_until("Z").rows == [["b"]]
    assert b.query("COMMIT PREPARED 'edge'").tags == ["COMMIT PREPARED"]
    assert a.value("SELECT count(*) FROM two_phase") == "0"


def test_procedure_that_commits_and_chain(make_carpool, pg, table):
    pg.query("CREATE OR REPLACE PROCEDURE edge_commits() LANGUAGE plpgsql AS"
             " 'BEGIN INSERT INTO edges VALUES (1); COMMIT;"
             " INSERT INTO edges VALUES (2); ROLLBACK; END';"
             "GRANT ALL ON PROCEDURE edge_commits() TO PUBLIC", db="test")
    cp = make_carpool(default_pool_size=1)
    a, b = cp.connect(), cp.connect()
    assert a.query("CALL edge_commits()").status == "I"
    assert b.value("SELECT sum(a) FROM edges") == "1"
    a.query("BEGIN; INSERT INTO edges VALUES (3)")
    assert a.query("COMMIT AND CHAIN").status == "T"
    b.send(w.query("SELECT sum(a) FROM edges"))
    b.expect_silence(0.05)
    a.query("INSERT INTO edges VALUES (10)")
    assert a.query("ROLLBACK AND CHAIN").status == "T"
    assert a.query("ROLLBACK").status == "I"
    assert b.read_until("Z").rows == [["4"]]


EMPTY = [w.query(t) for t in ("", ";", ";;", " ", "-- x", "/* /* */ */",
                              "-- a\n;; /* b */")] + [
    run(t) + w.sync() for t in ("", ";", "-- x", "/* */")]


def test_texts_without_a_statement(pg, make_carpool):
    cp = make_carpool(default_pool_size=1)
    out = []
    for way in (pg, cp):
        with RawClient.open(way.host, way.port) as c:
            c.send(*EMPTY)
            out.append(c.read_until("Z", len(EMPTY)).messages)
            for data in EMPTY:
                c.send(data)
                out[-1] += c.read_until("Z").messages
            c.query("BEGIN")
            c.send(*EMPTY)
            out[-1] += c.read_until("Z", len(EMPTY)).messages
    assert out[0] == out[1]


@pytest.mark.parametrize("end", ["half close", "terminate"])
def test_committed_work_is_told_to_who_says_no_more(make_carpool, table,
                                                    end):
    """A pipeline of commits, and then nothing more is sent: each answer
    comes."""
    cp = make_carpool(default_pool_size=1)
    for n in range(5):
        c = cp.connect()
        data = b"".join(run("INSERT INTO edges VALUES (1)") + w.sync()
                        for _ in range(50))
        if end == "terminate":
            c.send(data, w.terminate())
        else:
            c.send(data)
            c.half_close()
        assert c.drain().tags == ["INSERT 0 1"] * 50
    assert table() == 250


@pytest.mark.seconds(120)
@pytest.mark.parametrize("way", ["simple", "extended"])
def test_long_copy_that_fails_early(make_carpool, pg, table, way):
    """The second row is bad and the client pours on, without a look at the
    answer.  The server is others' and the client's again."""
    cp = make_carpool(default_pool_size=1)
    c, other = cp.connect(timeout=60), cp.connect(timeout=60)
    sql = "COPY edges FROM STDIN"
    c.send(w.query(sql) if way == "simple"
           else w.parse("", sql) + w.bind() + w.execute())
    c.expect("G", skip="12")
    c.send(w.copy_data(b"1\nbad\n"))
    rows = w.copy_data(b"7\n" * 8000)
    for _ in range(1500 if not sanitized() else 300):
        c.send(rows)
    if way == "simple":
        # no end of the data: the server waits for none either
        assert c.expect("EZ").errors[0].sqlstate == "22P02"
    else:
        c.send(w.copy_done(), w.sync())
        assert c.expect("EZ").errors[0].sqlstate == "22P02"
    assert other.value("SELECT 'other'") == "other"
    assert c.value("SELECT 'me'") == "me"
    assert table() == 0


@pytest.mark.seconds(120)
@pytest.mark.parametrize("then", ["reads on", "vanishes"])
def test_copy_out_to_a_stalled_client(make_carpool, pg, then):
    """It holds its server and bounded memory, and delays nobody else."""
    cp = make_carpool(default_pool_size=2)
    cp.rss_tolerance = 48 << 20
    c, other = cp.connect(timeout=60), cp.connect(timeout=60)
    base = oracles.rss_bytes(cp.pid)
    lines = 200000
    c.send(w.query("COPY (SELECT repeat('o', 1000) FROM"
                   f" generate_series(1, {lines})) TO STDOUT"))
    wait_until(lambda: pg.value(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event = 'ClientWrite'") == 1, 30)
    for _ in range(20):
        assert other.value("SELECT 'on'") == "on"
    if not sanitized():
        assert oracles.rss_bytes(cp.pid) - base < 16 << 20
    if then == "vanishes":
        c.reset()
        wait_until(lambda: not pg.busy(), 30)
    else:
        got = c.read_until("Z")
        assert got.types.count("d") == lines
        assert got.tags == [f"COPY {lines}"]
    assert cp.connect().value("SELECT 1") == "1"


@pytest.mark.parametrize("text", ["BEGIN", "SELECT 1; BEGIN",
                                  "START TRANSACTION READ ONLY",
                                  "BEGIN; SELECT 1/0"])
def test_statement_mode_leaves_no_transaction_behind(make_carpool, pg, text):
    """Refused, rolled back, and the server is used again."""
    cp = make_carpool(pool_mode="statement", default_pool_size=1)
    other = cp.connect()
    pid = other.value("SELECT pg_backend_pid()")
    for _ in range(3):
        a = cp.connect()
        a.send(w.query(text))
        errors = a.drain(timeout=10).errors
        assert errors[-1].sqlstate == "0A000"
        assert errors[-1].severity == "FATAL"
        assert other.value("SELECT pg_backend_pid()") == pid
    assert pg.busy() == []
