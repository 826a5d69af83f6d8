"""Texts too long to be waited for, and what they name: statements that carpool
prepared on the server for others never run, wherever in a text they stand and
however it is cut on its way."""

import pytest

from tools import pgwire as w
from tools.raw import RawClient

KIB = 1024
BEGINNING = 8 * KIB  # of a message: is always waited for
HEADER = 5

NAMINGS = {
    "execute": "EXECUTE carpool_1('x')",
    "in capitals": "execute CARPOOL_1('x')",
    "in quotes": 'EXECUTE "carpool_1"(\'x\')',
    "escaped": "EXECUTE U&\"c\\0061rpool_1\"('x')",
    "behind a comment": "/* ; */ EXECUTE -- '\n carpool_1('x')",
    "explain": "EXPLAIN (ANALYZE) EXECUTE carpool_1('x')",
    "create": "CREATE TABLE long_copy AS EXECUTE carpool_1('x')",
    "deallocate": "DEALLOCATE carpool_1",
    "deallocate prepare": "DEALLOCATE PREPARE carpool_1",
    "prepare": "PREPARE carpool_2 AS SELECT 2",
}

HARMLESS = {
    "constant": "SELECT '; EXECUTE carpool_1(1);'",
    "escapes": "SELECT E'\\'; EXECUTE carpool_1(1);'",
    "dollar quotes": "SELECT $a$; EXECUTE carpool_1(1); $$ $a$",
    "comment": "SELECT 1 /* ; /* */ EXECUTE carpool_1(1); */",
    "line": "SELECT 1 -- ; EXECUTE carpool_1(1)\n",
    "name in quotes": 'SELECT 1 AS "; EXECUTE carpool_1(1);"',
    "column": "SELECT 1 AS carpool_1",
    "its own": "PREPARE own AS SELECT 1; EXECUTE own; DEALLOCATE own",
}


@pytest.fixture
def cp(make_carpool):
    """One server, on which somebody has carpool_1, and a table of traces."""
    cp = make_carpool(default_pool_size=1)
    with RawClient.open(cp.host, cp.port) as a:
        a.query("DROP TABLE IF EXISTS long_trace, long_copy; "
                "CREATE TABLE long_trace (i int)")
        a.query("PREPARE a (text) AS SELECT 'of another', length($1)")
        assert a.query("EXECUTE a('x')").rows == [["of another", "1"]]
        cp.other = a
        yield cp
        assert a.query("EXECUTE a('x')").rows == [["of another", "1"]]
        assert a.value("SELECT count(*) FROM long_trace") == "0"
        a.query("DROP TABLE long_trace")


def text_with(statement, before, size):
    """A Query of which statement begins before bytes behind the header; all of
    it would leave a trace."""
    begin = "INSERT INTO long_trace VALUES (1); SELECT '"
    text = begin + "y" * (before - len(begin) - 2) + "';" + statement
    end = "; SELECT '"
    pad = size - HEADER - len(text) - len(end) - 2
    if pad >= 0:
        text += end + "z" * pad + "'"
    return w.query(text)


def send(client, data, cuts=()):
    """In pieces; the other side may have had enough before the end."""
    try:
        for at, to in zip((0, *cuts), (*cuts, len(data))):
            client.send(data[at:to])
    except OSError:
        pass


def is_ended(client):
    """Did the connection end with the error, and without a row before it?"""
    error = client.expect_error("54000")
    client.expect_closed()
    return error.severity == "FATAL"


def assert_no_such_name(got, what):
    """A PREPARE makes one of the client's own."""
    if what == "prepare":
        assert not got.errors
    else:
        assert got.errors[0].sqlstate in ("26000", "0A000", "42601")


@pytest.mark.parametrize("what", NAMINGS)
def test_behind_others_in_a_short_text(cp, what):
    """A client that has no names at all: the server has no such one either."""
    with RawClient.open(cp.host, cp.port) as b:
        got = b.query("SELECT 1; " + NAMINGS[what], check=False)
        assert "D" not in got.types or got.rows == [["1"]]
        assert_no_such_name(got, what)
        assert b.value("SELECT 2") == "2"


@pytest.mark.tsan
@pytest.mark.parametrize("what", NAMINGS)
def test_in_the_beginning(cp, what):
    """Refused as a statement: nothing has gone out yet.  A text of up to
    64 KiB is seen whole, and there is no such name."""
    with RawClient.open(cp.host, cp.port) as b:
        send(b, text_with(NAMINGS[what], 4000, 10 * KIB))
        assert_no_such_name(b.read_until("Z"), what)
        assert b.value("SELECT 2") == "2"
        b.query("DELETE FROM long_trace")
        send(b, text_with(NAMINGS[what], 4000, 70 * KIB))
        got = b.read_until("Z")
        assert got.types == "EZ" and got.errors[0].sqlstate == "54000"
        assert b.value("SELECT 2") == "2"


@pytest.mark.tsan
@pytest.mark.parametrize("what", NAMINGS)
def test_behind_the_beginning(cp, what):
    """The server never gets the text's end, so it has run nothing of it."""
    statement = NAMINGS[what]
    for before, size in ((BEGINNING - HEADER - 6, 70 * KIB),
                         (9 * KIB, 66 * KIB), (9 * KIB, 70 * KIB),
                         (69 * KIB, 70 * KIB), (70 * KIB, 0)):
        with RawClient.open(cp.host, cp.port) as b:
            send(b, text_with(statement, before, size))
            assert is_ended(b)


def test_in_a_text_of_a_mebibyte(cp):
    for before, size in ((9 * KIB, KIB * KIB), (500 * KIB, KIB * KIB),
                         (KIB * KIB, 0)):
        with RawClient.open(cp.host, cp.port) as b:
            send(b, text_with(NAMINGS["execute"], before, size))
            assert is_ended(b)


@pytest.mark.tsan
def test_wherever_it_is_cut(cp):
    before = 65 * KIB
    statement = 'EXECUTE "carpool_1"(1)'
    data = text_with(statement, before, 0)
    for cut in range(HEADER + before - 1, len(data), 3):
        with RawClient.open(cp.host, cp.port) as b:
            b.send(data[:cut])
            # Somebody else's answer: by then carpool may have seen the piece.
            with RawClient.open(cp.host, cp.port, database="carpool",
                                user="stats") as console:
                console.query("SHOW VERSION")
            send(b, data[cut:])
            assert is_ended(b)


def test_in_a_transaction(cp):
    """It ends with its connection."""
    with RawClient.open(cp.host, cp.port) as b:
        b.query("BEGIN")
        b.query("INSERT INTO long_trace VALUES (2)")
        send(b, text_with(NAMINGS["execute"], 66 * KIB, 70 * KIB))
        assert is_ended(b)


@pytest.mark.parametrize("place", [0, 4000, BEGINNING - 12, 9 * KIB,
                                   69 * KIB])
def test_behind_a_comment_in_a_parse(cp, place):
    gap = "/*" + "y" * place + "*/"
    data = w.parse("", gap + "EXECUTE carpool_1('" + "z" * 70000 + "')") + (
        w.bind("", "") + w.execute() + w.sync())
    with RawClient.open(cp.host, cp.port) as b:
        send(b, data)
        if place < BEGINNING - 100:
            got = b.read_until("Z")
            assert got.types == "EZ" and got.errors[0].sqlstate == "54000"
            assert b.value("SELECT 2") == "2"
        else:
            assert is_ended(b)


@pytest.mark.parametrize("what", HARMLESS)
def test_what_only_looks_like_it(cp, what):
    with RawClient.open(cp.host, cp.port) as b:
        for before in (7 * KIB, 9 * KIB, 66 * KIB):
            pad = "y" * before
            got = b.query(f"SELECT '{pad}'; {HARMLESS[what]}; "
                          f"SELECT length('{'z' * 70000}')")
            assert got.rows[-1] == ["70000"]


@pytest.mark.parametrize("before", [4000, 9 * KIB, 60 * KIB])
def test_names_of_the_client_behind_others(cp, before):
    """Up to 64 KiB they are found wherever they stand."""
    with RawClient.open(cp.host, cp.port) as b:
        b.query("PREPARE mine AS SELECT 'mine'")
        got = b.query(f"SELECT length('{'y' * before}'); EXECUTE mine")
        assert got.rows == [[str(before)], ["mine"]]


def test_where_nothing_is_prepared_for_others_nothing_is_refused(make_carpool):
    cp = make_carpool(default_pool_size=1, pool_mode="session")
    pad = "y" * 70000
    with RawClient.open(cp.host, cp.port) as b:
        got = b.query(f"SELECT '{pad}'; PREPARE carpool_1 AS SELECT 'mine'; "
                      "EXECUTE carpool_1")
        assert got.rows[-1] == ["mine"]
