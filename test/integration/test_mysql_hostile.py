"""Malformed logins and commands of MySQL clients.  What has to come back is
what MariaDB and MySQL say, or either of them; and a bystander notices
nothing."""

import struct

import pytest

from tools import myauth, mywire as w
from tools.myanswer import MyError
from tools.myway import make_way
from tools.rawmysql import Closed

OK, SWITCH = "ok", "switch"


@pytest.fixture
def way(request, either):
    made = make_way(request, either)
    yield made
    made.close()


@pytest.fixture
def bystander(way):
    """Has to live on."""
    c = way.open()
    c.query("BEGIN")
    yield c
    assert c.query("SELECT 1").last.status & w.IN_TRANS
    with way.open() as new:
        assert new.value("SELECT 2") == "2"


def response(c, caps=w.BASE, **parts):
    password = c.password.encode()
    return w.handshake_response(**{
        "caps": caps & ~w.LONG_PASSWORD, "user": "app", "plugin": w.NATIVE,
        "auth": myauth.native(password, c.greeting.scramble), **parts})


LONG = w.BASE | w.CONNECT_ATTRS
OLD = w.BASE & ~w.SECURE_CONNECTION & ~w.PLUGIN_AUTH
# name: (payload from the client, its number, what may come)
LOGINS = {
    "nothing": (lambda c: b"", 1, {1043}),
    "one byte": (lambda c: b"\0", 1, {1043}),
    "zeros": (lambda c: bytes(32), 1, {1043, 1045, 1251}),
    "number 0": (response, 0, {1156}),
    "number 5": (response, 5, {1156}),
    "more behind": (lambda c: response(c) + b"more" * 10, 1, {OK}),
    "before 4.1": (lambda c: b"\x05\x20\0\0\1app\0", 1, {1043, 1045, 1251}),
    "no plugins, no password": (
        lambda c: response(c, OLD, auth=b""), 1, {1043, 1045, 1251}),
    "no plugin's name": (
        lambda c: response(c, w.BASE & ~w.PLUGIN_AUTH), 1, {OK, 1251}),
    "unknown plugin": (
        lambda c: response(c, plugin="no_such_plugin"), 1, {SWITCH}),
    # 1470: carpool says what is wrong with it
    "user of 10000": (lambda c: response(c, user="u" * 10000), 1,
                      {1043, 1045, 1470, SWITCH}),
    "no user": (lambda c: response(c, user=""), 1, {1045, SWITCH}),
    "database of 3000": (
        lambda c: response(c, w.BASE | w.CONNECT_WITH_DB,
                           database="d" * 3000), 1,
                           {1043, 1049, 1102, 1470, SWITCH}),
    "attributes of 60000": (
        lambda c: response(c, LONG, attrs={"a": "x" * 60000}), 1, {OK}),
    "attributes of 70000": (
        lambda c: response(c, LONG, attrs={"a": "x" * 70000}), 1, {1043}),
    "attributes that lie": (
        lambda c: response(c, LONG)[:-1] + b"\xfc\xff\xff", 1, {1043}),
    "proof too long": (lambda c: response(c, auth=b"x" * 200), 1,
                       {1043, 1045, SWITCH}),
    "proof too short": (lambda c: response(c, auth=b"x"), 1,
                        {1043, 1045, SWITCH}),
    "no proof": (lambda c: response(c, auth=b""), 1, {1045, SWITCH}),
    "character set 0": (lambda c: response(c, charset=0), 1, {OK}),
    "unknown character set": (lambda c: response(c, charset=200), 1, {OK}),
}


def heard(c, way):
    """OK, SWITCH or the number of the error behind which it ends."""
    p = c.read()
    if p.payload[:1] == b"\xff":
        error = MyError(p.payload)
        assert not 2000 <= error.code < 3000, error
        assert error.code < 5000, error
        c.expect_closed()
        return error.code
    if p.payload[:1] == b"\xfe" and way.server.name == "mysql":
        return OK  # or as good: nobody there begins with native
    return {b"\0": OK, b"\xfe": SWITCH}[p.payload[:1]]


def greeted(way):
    c = way.raw()
    c.greet()
    c.password = way.server.users["app"][0]
    return c


@pytest.mark.parametrize("name", LOGINS)
def test_malformed_logins(way, bystander, name):
    payload, seq, may_come = LOGINS[name]
    c = greeted(way)
    c.say(payload(c), seq)
    got = heard(c, way)
    assert got in may_come or got == OK and SWITCH in may_come


def test_logins_cut_at_every_byte(way, bystander):
    """The packet says that it is whole."""
    whole = len(response(greeted(way)))
    for n in range(whole):
        c = greeted(way)
        c.say(response(c)[:n], 1)
        got = heard(c, way)
        assert got == 1043 if n < 32 else got in (1043, 1045, SWITCH, OK), n
        c.close()


def test_login_in_single_bytes(way, bystander):
    c = greeted(way)
    c.caps = w.BASE
    c.send_split(w.packet(response(c), 1), [1])
    assert heard(c, way) == OK


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
    struct.pack("!ii", 8, 80877103), b"\xff" * 40, b"SSH-2.0-x\r\n"])
def test_strangers(way, bystander, data):
    """Other protocols: an error if the packet seems whole, else the end with
    the client."""
    c = way.raw()
    c.greet()
    c.send(data)
    try:
        c.half_close()
    except OSError:
        pass  # it has been ended already
    for p in c.drain():
        assert p.payload[:1] == b"\xff"


# command: what may come; None: nothing
COMMANDS = {
    b"": {1047}, b"\x00": {1047}, b"\x0b": {1047}, b"\x0f": {1047},
    b"\x10": {1047}, b"\x13": {1047}, b"\x14": {1047}, b"\x1d": {1047},
    b"\x20": {1047, 1524}, b"\x50": {1047}, b"\xfe": {1047},
    b"\xff": {1047}, b"\xfa": {1047, 1835}, b"\x17": {1835},
    b"\x17\1\0\0": {1835}, b"\x1c": {1835, 1243}, b"\x1c\1\0\0": {1835, 1243},
    b"\x1a": {1835, 1243}, b"\x19": {None, 1835}, b"\x19\1\0": {None, 1835},
    b"\x18": {None, 1835}, b"\x18\1\0\0": {None, 1835},
    w.long_data(77, 0, "x"): {None}, w.close(77): {None},
    b"\x1b": {OK, 1835}, b"\x0c": {1094, 1835}, b"\x04": {1103, 1835},
    b"\x04missing\0": {1146}, b"\x02": {1046}, b"\x02nowhere": {1049},
    b"\x03": {1065}, b"\x16": {1065}, b"\x0emore": {OK}, b"\x1fx": {OK},
    w.execute(77): {1243}, w.reset(77): {1243}, w.fetch(77, 1): {1243},
    w.set_option(9): {1047}, w.process_kill(0x7fffffff): {1094},
}


@pytest.mark.parametrize("payload", COMMANDS, ids=lambda p: p.hex()[:12])
def test_malformed_commands(way, bystander, payload):
    """Answered, and the connection goes on."""
    c = way.open()
    c.send(w.packet(payload), w.packet(b"\x0e"))
    got = None
    p = c.read()
    if None not in COMMANDS[payload] or p.payload[:1] == b"\xff":
        assert p.seq == 1
        got = (MyError(p.payload).code if p.payload[:1] == b"\xff" else OK)
        p = c.read()
    assert got in COMMANDS[payload]
    assert p.seq == 1 and p.payload[:1] == b"\0"
    assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("payload", [b"", b"\1\0\0", b"app", b"app\0",
                                     b"app\0\x14short", b"\0" * 3])
def test_malformed_change_user(way, bystander, payload):
    """An answer or the end, and nobody is another user by it."""
    c = way.open()
    c.say(b"\x11" + payload)
    c.half_close()
    try:
        while True:
            p = c.read()
            assert p.payload[:1] != b"\0"
    except Closed:
        pass


def test_wrong_number_of_a_command(way, bystander):
    for seq in (1, 7, 255):
        c = way.open()
        c.say(w.query("SELECT 1"), seq)
        assert c.expect_error(1156).sqlstate == "08S01"
        c.expect_closed()


def test_parameters_that_lie(way, bystander):
    """MariaDB takes a length that is too large for an empty text."""
    c = way.open()
    s = c.prepare("SELECT ?")
    for data in (b"", b"\0", b"\0\1", b"\0\1\xfd", b"\0\1\xfd\0",
                 b"\0\1\xfd\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff",
                 b"\0\1\xfd\0\xfc\xff\xff", b"\0\1\x08\0\1\2"):
        answer = c.ask(struct.pack("<BIBI", w.STMT_EXECUTE, s.id, 0, 1)
                       + data, check=False)
        assert answer.errors or b"\xfd" in data, data
    assert c.execute(s, [5]).rows == [[5]]
