"""What MySQL clients are greeted with, and how carpool comes to know it."""

import pytest

from tools import mywire as w
from tools.fakemysql import ASKER
from tools.myanswer import MyError
from tools.wait import wait_until

USERS = {"app": "secret"}


def entry(fake):
    return f"host={fake.host} port={fake.port} user=app password=secret"


class Asked:
    """A server's script that notes what those send who only ask for the
    greeting.  switch: the plugin by which it asks for another proof."""

    def __init__(self, switch=None):
        self.switch, self.askers = switch, []

    def __call__(self, conn):
        conn.greet()
        conn.read_response()
        if conn.user != ASKER:
            assert conn.authenticate()
            conn.ok()
            conn.serve()
        elif self.switch:
            assert conn.switch(self.switch) == b""
            conn.err(1045, "Access denied", "28000")
            self.askers.append(conn.wait_closed())
        else:
            self.askers.append(conn.logins)
            conn.refuse_asker()


@pytest.mark.parametrize("switch", [None, w.SHA2, "no_such_plugin"])
def test_a_host_is_asked_once_and_has_no_broken_login(
        make_carpool, make_fake_mysql, switch):
    """Servers count connections that end before a login, and hear a host no
    more that has too many of them."""
    asked = Asked(switch)
    fake = make_fake_mysql(asked, passwords=USERS)
    carpool = make_carpool({}, mysql={n: entry(fake) for n in "abc"})
    for database in "abc":
        c = carpool.my_connect(database=database)
        assert c.greeting.version == fake.version
        c.query("SELECT 1")
    wait_until(lambda: len(asked.askers) == 1, what="the question")
    carpool.reload()
    wait_until(lambda: len(asked.askers) == 2, what="the one after a reload")


def test_clients_are_greeted_with_what_all_servers_can(
        make_carpool, make_fake_mysql):
    lesser = make_fake_mysql(passwords=USERS, ext=0,
                             caps=w.BASE | w.PLUGIN_AUTH | w.SESSION_TRACK)
    better = make_fake_mysql(passwords=USERS)
    carpool = make_carpool({}, mysql={"a": entry(better), "b": entry(lesser)})
    c = carpool.my_connect(database="a", password="secret")
    assert c.greeting.caps & better.caps & ~lesser.caps & w.MULTI_RESULTS == 0
    assert c.greeting.ext == 0


def test_a_greeting_that_never_comes_costs_the_login_alone(
        make_carpool, make_fake_mysql):
    """The next client has it asked for again."""
    fake = make_fake_mysql([lambda conn: conn.stall(), None],
                           passwords=USERS)
    carpool = make_carpool({}, mysql={"a": entry(fake)},
                           server_connect_timeout=1, client_login_timeout=10)
    with pytest.raises(MyError) as e:
        carpool.my_connect(database="a", password="secret")
    assert e.value.code == 1429
    carpool.my_connect(database="a", password="secret").query("SELECT 1")
