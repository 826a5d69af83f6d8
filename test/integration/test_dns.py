"""Names of hosts: how long answers hold, addresses that change, zones, and
name servers that never answer."""

import signal
import threading
import time

import pytest

from tools.nameserver import SOA, NameServer
from tools.raw import Closed, PgError
from tools.wait import free_port, holds_for, wait_until

PW = "sEnTiNeL-names"
HOST = "db.zone.test"


@pytest.fixture
def ns():
    server = NameServer()
    yield server
    server.stop()


@pytest.fixture
def two(make_fake):
    """Two servers on one port: 127.0.0.2 and 127.0.0.3."""
    port = free_port()
    return [make_fake(host=f"127.0.0.{n}", port=port) for n in (2, 3)]


def entries(two, *names, host=HOST):
    return {name: {"host": host, "port": two[0].port} for name in names}


def hosts(cp):
    return {r["hostname"]: r for r in cp.admin("SHOW DNS_HOSTS")}


def wait_over(ns):
    """Past a time to live of 1 s: nobody asks while no server is opened."""
    asked = ns.count(HOST)
    holds_for(lambda: ns.count(HOST) == asked, 1.2, "silence", every=0.1)


def servers_at(cp, addr):
    return [r for r in cp.admin("SHOW SERVERS") if r["addr"] == addr]


@pytest.mark.tsan
def test_address_changes_at_the_end_of_its_time(make_carpool, ns, two):
    """New servers go to the new address; of the old ones the idle go at once
    and those in use after their transaction."""
    old, new = two
    ns.names[HOST] = (["127.0.0.2"], 1)
    cp = make_carpool(entries(two, "test", "other"), resolv_conf=ns.conf,
                      dns_max_ttl=600)
    busy, idle = cp.connect(), cp.connect()
    busy.query("BEGIN")
    idle.query("SELECT 'idle'")
    assert (len(old.connections), len(new.connections)) == (2, 0)
    ns.names[HOST] = (["127.0.0.3"], 600)
    wait_over(ns)
    assert ns.count(HOST) == 1
    assert len(servers_at(cp, "127.0.0.2")) == 2
    assert cp.connect(database="other").value("SELECT 'new'") == "new"
    assert "SELECT 'new'" in new.queries()
    wait_until(lambda: len(servers_at(cp, "127.0.0.2")) == 1, 10,
               "the idle server to go")
    assert f"address_lost host={HOST} addr=127.0.0.2" in cp.log
    assert servers_at(cp, "127.0.0.2")[0]["close_needed"] == "1"
    assert busy.value("SELECT 'in it'") == "in it"
    busy.query("COMMIT")
    assert "SELECT 'in it'" in old.queries()
    wait_until(lambda: servers_at(cp, "127.0.0.2") == [], 10,
               "the server in use to go")
    assert busy.value("SELECT 'after'") == "after"
    assert "SELECT 'after'" in new.queries()
    assert 0 < int(hosts(cp)[HOST]["ttl"]) <= 600
    assert hosts(cp)[HOST]["addrs"] == "127.0.0.3"


def test_server_fast_close_holds_for_addresses(make_carpool, ns, two):
    """Session mode: as with RECONNECT, the client goes after its
    transaction."""
    ns.names[HOST] = (["127.0.0.2"], 1)
    cp = make_carpool(entries(two, "test", "other"), resolv_conf=ns.conf,
                      pool_mode="session", server_fast_close=1)
    c = cp.connect()
    c.query("SELECT 1")
    ns.names[HOST] = (["127.0.0.3"], 1)
    wait_over(ns)
    cp.connect(database="other").query("SELECT 1")
    wait_until(lambda: servers_at(cp, "127.0.0.2") == [], 10,
               "the session's server to go")
    with pytest.raises((PgError, Closed)):
        c.query("SELECT 2")


def test_other_order_and_more_addresses_retire_nobody(make_carpool, ns, two):
    ns.names[HOST] = (["127.0.0.2", "127.0.0.3"], 1)
    cp = make_carpool(entries(two, "test", "other", "third"),
                      resolv_conf=ns.conf)
    c = cp.connect()
    c.query("SELECT 1")
    before = len(servers_at(cp, "127.0.0.2") + servers_at(cp, "127.0.0.3"))
    for addrs, database in ((["127.0.0.3", "127.0.0.2"], "other"),
                            (["127.0.0.4", "127.0.0.3", "127.0.0.2"],
                             "third")):
        ns.names[HOST] = (addrs, 1)
        wait_over(ns)
        cp.connect(database=database).query("SELECT 1", timeout=20)
    assert ns.count(HOST) == 3
    assert before == 1 and "address_lost" not in cp.log
    assert c.value("SELECT 2") == "2"


def test_show_dns_hosts(make_carpool, ns, two):
    """A name's own time to live, at most dns_max_ttl; numeric hosts and unix
    sockets are no names."""
    for name, ttl in (("short.test", 100), ("long.test", 9000)):
        ns.names[name] = (["127.0.0.2"], ttl)
    cp = make_carpool({
        **entries(two, "short", host="short.test"),
        **entries(two, "long", host="long.test"),
        **entries(two, "numeric", host="127.0.0.3")},
        resolv_conf=ns.conf, dns_max_ttl=500)
    for database in ("short", "long", "numeric"):
        cp.connect(database=database).query("SELECT 1")
    rows = hosts(cp)
    assert set(rows) == {"short.test", "long.test"}
    assert 50 < int(rows["short.test"]["ttl"]) <= 100
    assert 400 < int(rows["long.test"]["ttl"]) <= 500
    assert not any("127" in name for name, _ in ns.asked)
    lists = {r["list"]: r["items"] for r in cp.admin("SHOW LISTS")}
    assert lists["dns_names"] == "2" and lists["dns_zones"] == "1"
    assert lists["dns_queries"] == "0"


@pytest.mark.tsan
def test_zone_check(make_carpool, ns, two):
    """With dns_zone_check_period a new serial number is enough, whatever the
    records' time and though nobody opens a server."""
    old, new = two
    ns.names[HOST] = (["127.0.0.2"], 9000)
    ns.zones["zone.test"] = 41
    cp = make_carpool(entries(two, "test"), resolv_conf=ns.conf,
                      dns_max_ttl=9000, dns_zone_check_period=1)
    c = cp.connect()
    c.query("SELECT 1")

    def zone():
        return cp.admin("SHOW DNS_ZONES")[0]

    wait_until(lambda: zone()["serial"] == "41", 20, "the serial number")
    assert (zone()["zonename"], zone()["count"]) == ("zone.test", "1")
    ns.names[HOST] = (["127.0.0.3"], 9000)
    names = ns.count(HOST)
    asked = ns.count("zone.test", SOA)
    wait_until(lambda: ns.count("zone.test", SOA) > asked + 1, 20, "looks")
    assert ns.count(HOST) == names and len(new.connections) == 0
    ns.zones["zone.test"] = 42
    wait_until(lambda: servers_at(cp, "127.0.0.2") == [], 20,
               "the old server to go")
    assert c.value("SELECT 'new'") == "new"
    assert "SELECT 'new'" in new.queries()
    # and off again
    cp.console("SET dns_zone_check_period = 0")
    wait_until(lambda: {r["list"]: r["items"] for r in cp.admin("SHOW LISTS")}
               ["dns_queries"] == "0", 10, "the last look to end")
    asked = ns.count("zone.test", SOA)
    holds_for(lambda: ns.count("zone.test", SOA) == asked, 1.5, "silence")


@pytest.mark.tsan
def test_names_that_hang_hold_up_no_login(make_carpool, make_fake):
    """As many as there are threads for names: passwords have threads of
    their own.  Nor do they hold up the end."""
    ns = NameServer("timeout:30 attempts:1")
    fake = make_fake()
    lost = [f"mute{n}.test" for n in range(4)]
    ns.mute.update(lost)
    cp = make_carpool(
        {"test": {"host": fake.host, "port": fake.port},
         **{name: f"host={name}" for name in lost}},
        userlist={"app": PW}, auth_type="scram-sha-256",
        resolv_conf=ns.conf, server_connect_timeout=60)
    errors = []

    def ask(name):
        try:
            cp.connect(database=name, timeout=60)
        except (OSError, PgError) as e:
            errors.append(e)

    threads = [threading.Thread(target=ask, args=(name,)) for name in lost]
    for t in threads:
        t.start()
    try:
        wait_until(lambda: all(ns.count(name) for name in lost), 20,
                   "all names to be asked for")
        start = time.monotonic()
        assert cp.connect(timeout=20).value("SELECT 1") == "1"
        assert time.monotonic() - start < 15
        assert errors == []
        lists = {r["list"]: r["items"] for r in cp.admin("SHOW LISTS")}
        assert lists["dns_queries"] == "4"
        start = time.monotonic()
        cp.ends_itself()
        assert cp.stop(signal.SIGQUIT) == 0
        assert time.monotonic() - start < 15
    finally:
        for t in threads:
            t.join(60)
        ns.stop()
    assert len(errors) == 4


def test_resolv_conf_that_is_not_there(make_carpool, two):
    """Said in words; the system's file is no substitute."""
    cp = make_carpool(entries(two, "test"), resolv_conf="/nowhere/resolv.conf",
                      query_wait_timeout=3)
    with pytest.raises(PgError) as e:
        cp.connect(timeout=30)
    assert "resolv_conf: No such file" in str(e.value.detail)
