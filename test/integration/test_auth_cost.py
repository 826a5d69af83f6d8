"""What logins cost and what their times give away: keys that are derived once,
guessing, wrong passwords, half-open logins.

SOAK_MINUTES=n makes the tests of time and of brute force run that long."""

import socket
import statistics
import threading
import time

import pytest

from tools import oracles, pgwire
from tools.account import SENTINEL
from tools.carpool import sanitized
from tools.login import PW, to_state
from tools.pgwire import md5_secret
from tools.raw import Closed, RawClient
from tools.scram import ScramClient, verifier
from tools.soak import MINUTES as SOAK
from tools.wait import wait_until

# Iterations that take far longer than anything else that a login does.
DEAR = 300000


# what a stranger may learn

class Proven(ScramClient):
    """A client that does its own PBKDF2 only once."""
    made = {}

    def final(self, server_first):
        import hashlib

        real = hashlib.pbkdf2_hmac

        def once(*args):
            if args not in self.made:
                self.made[args] = real(*args)
            return self.made[args]

        hashlib.pbkdf2_hmac = once
        try:
            return super().final(server_first)
        finally:
            hashlib.pbkdf2_hmac = real


@pytest.fixture
def dear(make_carpool, monkeypatch):
    """dear(userlist, **settings): a carpool with SCRAM whose PBKDF2 is DEAR,
    but for the tests' own console; clients do theirs only once."""
    monkeypatch.setattr("tools.raw.ScramClient", Proven)
    made = []

    def make(userlist, iterations=DEAR, **kw):
        cp = make_carpool(userlist=userlist, client_login_timeout=60, **kw)
        cp.settings.update(auth_type="scram-sha-256",
                           scram_iterations=iterations)
        cp.reload()
        made.append(cp)
        return cp

    yield make
    for cp in made:
        cp.settings.update(auth_type="trust")
        cp.reload()


def refused_after(cp, user):
    """Seconds from client-final with a wrong proof to the refusal."""
    with RawClient(cp.host, cp.port, timeout=30) as c:
        to_state(c, "sasl final", user)
        nonce = c.all_received[-1].body[4:].split(b",")[0]
        text = b"c=biws," + nonce + b",p=" + b"A" * 43 + b"="
        start = time.perf_counter()
        c.send(pgwire.sasl_response(text))
        c.expect_error("28P01")
        return time.perf_counter() - start


@pytest.mark.soak
@pytest.mark.seconds(int(120 + SOAK * 120))
def test_wrong_password_takes_as_long_for_everybody(dear):
    """A user who is here now, one who was never here, one whose secret serves
    no SCRAM, and one who does not exist."""
    cp = dear({"app": PW, "never": PW + "2",
               "hashed": md5_secret("hashed", PW)}, iterations=DEAR // 8)
    users = ["app", "never", "hashed", "nobody-here", "neither"]
    cp.connect("app", password=PW)  # its keys are kept now
    times = {u: [] for u in users}
    low, high, medians = 0, 0, {}
    end = time.monotonic() + SOAK * 60
    # Few samples tell chance from work only where nothing else runs: more are
    # taken until they agree, as those of unequal work never do.
    while (len(times["app"]) < 7 or time.monotonic() < end
           or (high >= low * 1.6 and len(times["app"]) < 100)):
        for u in users:
            times[u].append(refused_after(cp, u))
        medians = {u: statistics.median(t) for u, t in times.items()}
        low, high = min(medians.values()), max(medians.values())
    assert high < low * 1.6, medians
    assert low > 0.002, f"no work was done: {medians}"


def test_challenge_costs_no_work(dear):
    """The first answer comes at once for everybody."""
    cp = dear({"app": PW}, iterations=20 * DEAR)
    for user in ("app", "nobody-here"):
        with RawClient(cp.host, cp.port) as c:
            c.send(pgwire.startup({"user": user, "database": "test"}))
            c.expect("R")
            start = time.perf_counter()
            c.send(pgwire.sasl_initial("SCRAM-SHA-256",
                                       ScramClient(PW).first()))
            c.expect("R")
            took = time.perf_counter() - start
            assert took < 0.8, (user, took)


# work that is done once

def login_time(cp, **kw):
    start = time.perf_counter()
    cp.connect(**kw).quit()
    return time.perf_counter() - start


def test_keys_of_a_clear_secret_are_derived_once(dear):
    """The first login pays, the others do not; nor do they after a reload that
    changes nothing, nor while strangers guess."""
    cp = dear({"app": PW})
    login_time(cp)  # warms the client up
    later = statistics.median(login_time(cp) for _ in range(5))
    cp.reload()
    after = statistics.median(login_time(cp) for _ in range(5))
    wrong = refused_after(cp, "app")
    assert wrong > 2 * max(later, after), (wrong, later, after)


def test_keys_for_servers_are_derived_once(make_carpool, make_fake):
    """Twenty servers open at once with one password: at most each helper
    derives the keys, not each server."""
    fake = make_fake(auth="scram", passwords={"app": PW})
    fake._verifiers[PW] = verifier(PW, 100000)
    cp = make_carpool({"test": {"host": fake.host, "port": fake.port}},
                      userlist={"app": PW}, default_pool_size=24,
                      server_login_limit=24)
    one = cp.connect(password=PW)
    one.query("BEGIN")
    before = oracles.cpu_total(cp.pid)
    others = [cp.connect(password=PW) for _ in range(20)]
    for c in others:
        c.query("BEGIN")
    spent = oracles.cpu_total(cp.pid) - before
    for c in others + [one]:
        c.query("COMMIT")
    start = time.process_time()
    verifier(PW, 100000)
    work = time.process_time() - start
    assert len(fake.connections) >= 21
    assert spent < 10 * work, (spent, work)


def test_costly_logins_leave_the_workers_alone(dear):
    """One worker: a query takes no longer while helpers are at work."""
    cp = dear({"app": PW}, iterations=DEAR // 2, threads=1)
    c = cp.connect(password=PW)
    guessers = [threading.Thread(target=refused_after,
                                 args=(cp, "nobody-here"), daemon=True)
                for _ in range(8)]
    start = time.monotonic()
    for t in guessers:
        t.start()
    times = []
    while any(t.is_alive() for t in guessers):
        at = time.monotonic()
        c.query("SELECT 1")
        times.append(time.monotonic() - at)
    took = time.monotonic() - start
    # On the worker the guesses would stand in one row before a query.
    assert len(times) > 10, times
    assert statistics.median(times) < took / 20, (took, times[:5])


@pytest.mark.soak
@pytest.mark.seconds(int(90 + SOAK * 90))
def test_guessing_leaves_good_logins_alone(dear):
    """Wrong passwords fill the helpers' queue; who is known does not stand in
    it.  The log says from where they came."""
    cp = dear({"app": PW}, iterations=DEAR // 2)
    cp.connect(password=PW).quit()
    stop = threading.Event()
    refused = []

    def guess(n):
        while not stop.is_set():
            try:
                refused.append(refused_after(
                    cp, "app" if n % 2 else "nobody-here"))
            except (Closed, OSError):
                pass

    threads = [threading.Thread(target=guess, args=(n,), daemon=True)
               for n in range(8)]
    for t in threads:
        t.start()
    try:
        wait_until(lambda: len(refused) > 4, 60, "some refusals")
        times = []
        end = time.monotonic() + SOAK * 60
        while len(times) < 10 or time.monotonic() < end:
            times.append(login_time(cp, password=PW))
    finally:
        stop.set()
        for t in threads:
            t.join(60)
    assert statistics.median(times) < statistics.median(refused) / 3, (
        times, refused)
    lines = [ln for ln in cp.log.splitlines()
             if "reason=auth_failed" in ln]
    assert lines and all("addr=127.0.0.1" in ln for ln in lines), lines[:3]


# constant time

def trimmed(values):
    values = sorted(values)[:int(len(values) * 0.8)]
    return statistics.mean(values), statistics.variance(values), len(values)


@pytest.mark.soak
@pytest.mark.seconds(int(60 + SOAK * 120))
@pytest.mark.parametrize("method", ["plain", "md5"])
def test_right_prefixes_take_no_longer(make_carpool, method):
    """Passwords that are right for n bytes, in turn: no difference of times
    beyond chance."""
    secret = f"{SENTINEL}-" + "k" * 500
    stored = secret if method == "plain" else None
    cp = make_carpool(auth_type=method, userlist={"app": stored or secret})
    tries = {"none": "x" * len(secret),
             "all but one": secret[:-1] + "x"}
    times = {k: [] for k in tries}

    def attempt(kind):
        with RawClient(cp.host, cp.port) as c:
            to_state(c, "first")
            text = tries[kind]
            if method == "md5":
                salt = c.all_received[-1].body[4:]
                right = pgwire.md5_password("app", secret, salt)
                text = ("md5" + "x" * 32 if kind == "none"
                        else right[:-1] + "x")
            start = time.perf_counter()
            c.send(pgwire.password(text))
            c.expect_error("28P01")
            times[kind].append(time.perf_counter() - start)

    rounds = 10000 if SOAK else 150
    for _ in range(rounds):
        for kind in tries:
            attempt(kind)
    a, b = (trimmed(times[k]) for k in tries)
    t = (a[0] - b[0]) / (a[1] / a[2] + b[1] / b[2]) ** 0.5
    assert abs(t) < 8, (t, a, b)


@pytest.mark.soak
@pytest.mark.seconds(int(60 + SOAK * 60))
def test_half_open_logins_take_no_slot(make_carpool):
    """Silent connections count in no limit of clients, cost little, are
    refused beyond a bound of their own, and go in time."""
    cp = make_carpool(max_client_conn=20, client_login_timeout=4,
                      tcp_defer_accept=0)
    base = oracles.rss_bytes(cp.pid)
    silent = []
    for n in range(90):
        s = socket.create_connection((cp.host, cp.port))
        if n % 3:
            s.sendall(pgwire.startup({"user": "app"})[:n % 9])
        silent.append(s)
    good = [cp.connect() for _ in range(15)]
    assert all(c.value("SELECT 1") == "1" for c in good)
    if not sanitized():
        assert oracles.rss_bytes(cp.pid) - base < 8 << 20
    # Far more than are let in: refused at once, in words.
    more = [cp.raw() for _ in range(80)]
    assert more[-1].expect_error().sqlstate == "53300"
    wait_until(lambda: "reason=client_login_timeout" in cp.log, 20)
    for s in silent:
        s.settimeout(20)
        try:
            while s.recv(1000):
                pass
        except ConnectionError:
            pass
        s.close()
    assert good[0].value("SELECT 1") == "1"
    cp.close_clients()
    assert cp.connect().value("SELECT 1") == "1"
