"""How MySQL clients and servers are reached, and what they may say of
themselves on the way: unix sockets, attributes, collations that the login has no
byte for.  And procedures that give values back."""

import os

import pytest

from tools import mywire as w
from tools.myanswer import MyError
from tools.rawmysql import RawMysql

MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF


def entry(server, host=None):
    return (f"host={host or server.host} port={server.port} user=app"
            f" password={server.users['app'][0]}")


def by_file(carpool, **login):
    """A client over carpool's unix socket."""
    path = os.path.join(carpool.dir, f".s.MYSQL.{carpool.mysql_port}")
    c = RawMysql.open(path, **{"user": "app", "database": "test", **login})
    carpool.clients.append(c)
    return c


# unix sockets

@pytest.mark.parametrize("plugin", [w.NATIVE, w.SHA2])
def test_over_unix_sockets_on_both_sides(make_carpool, mariadb, plugin):
    carpool = make_carpool({}, mysql={"test": entry(mariadb, mariadb.socket)},
                           auth_type="scram-sha-256")
    password = mariadb.users["app"][0]
    carpool.userlist["app"] = password
    carpool.reload()
    c = by_file(carpool, password=password, plugin=plugin)
    assert c.value("SELECT CURRENT_USER()") == "app@localhost"
    assert c.query("SELECT 1").rows == [["1"]]
    with pytest.raises(MyError) as e:
        by_file(carpool, password="wrong", plugin=plugin)
    assert e.value.code == 1045
    row = carpool.console("SHOW CLIENTS").dicts
    assert [r["addr"] for r in row if r["database"] == "test"] == ["unix"]


def test_a_password_in_clear_needs_a_unix_socket(make_carpool, mariadb,
                                                 mysql8):
    """Where only MySQL's hash of it is known: over the network it comes
    under a key."""
    secret = mysql8.value("SELECT CONCAT('0x', HEX(authentication_string))"
                          " FROM mysql.user WHERE user = 'app'")
    password = mysql8.users["app"][0]
    carpool = make_carpool({}, mysql={"test": entry(mariadb)},
                           userlist={"app": secret},
                           auth_type="scram-sha-256")
    for way in ("network", "file"):
        def come(given):
            if way == "file":
                return by_file(carpool, password=given, plugin=w.SHA2)
            return carpool.my_connect(password=given, plugin=w.SHA2)
        c = come(password)
        # who was proven once is known by the fast way
        assert c.auth == ([w.SHA2, "full", "key"] if way == "network"
                          else [w.SHA2, "fast"])
        assert c.value("SELECT 2") == "2"
        with pytest.raises(MyError) as e:
            come(password + "x")
        assert e.value.code == 1045
    carpool.stop()
    carpool.start()
    assert by_file(carpool, password=password, plugin=w.SHA2).auth == [
        w.SHA2, "full"]


# what clients say of themselves

@pytest.mark.parametrize("size", [1, 200, 60000])
def test_attributes(make_carpool, mariadb, size):
    """Of any length; a shared server has carpool's own."""
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    attrs = {"_client_name": "libmysql", "": "", "program_name": "p" * size}
    assert carpool.my_connect(attrs=attrs).value("SELECT 1") == "1"


@pytest.mark.parametrize("collation", ["utf8mb4_unicode_520_nopad_ci",
                                       "utf8mb4_uca1400_ai_ci",
                                       "utf8mb4_thai_520_w2"])
@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_collations_above_255(make_carpool, mariadb, collation, caps):
    """Set by a text, as the byte of a login has no room; both clients on one
    server in turn."""
    (number,), = mariadb.query("SELECT ID FROM information_schema."
                               "COLLATION_CHARACTER_SET_APPLICABILITY WHERE"
                               f" FULL_COLLATION_NAME = '{collation}'")
    assert int(number) > 255
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=1)
    a, b = (carpool.my_connect(caps=caps) for _ in range(2))
    a.query(f"SET NAMES utf8mb4 COLLATE {collation}")
    b.query("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    for _ in range(3):
        for c, want in ((a, collation), (b, "utf8mb4_bin")):
            assert c.value("SELECT @@collation_connection") == want
            assert c.value("SELECT COLLATION('x')") == want
            assert c.value("SELECT @@character_set_client") == "utf8mb4"


# procedures

@pytest.mark.parametrize("caps", [w.BASE, MODERN])
def test_values_that_procedures_give_back(make_carpool, mariadb, caps):
    """By a variable, and as a row of a binary statement."""
    carpool = make_carpool({}, mysql={"test": mariadb}, default_pool_size=2)
    a, b = (carpool.my_connect(caps=caps) for _ in range(2))
    statement = a.prepare("CALL gives(?, ?)")
    for n in range(3):
        got = a.execute(statement, [n, 0])
        assert got.rows == [[2 * n]]
        assert got.sets[0].end.status & w.PS_OUT_PARAMS
        assert not got.last.status & w.PS_OUT_PARAMS
        b.query(f"CALL gives({n}, @given)")
        assert a.query("SELECT @given").rows == [[None]]
        assert b.query("SELECT @given").rows == [[str(2 * n)]]
        sets = a.query("CALL two_sets(5)").sets
        assert [s.rows for s in sets] == [[[b"5"]], [[b"6", b"x"]]]
