"""Waiting: the one place where a test lets time pass."""

import random
import socket
import time

_given = set()  # by free_port


class WaitError(AssertionError):
    """What was waited for did not come in time."""


def wait_until(cond, timeout=10.0, what="a condition", every=0.005):
    """Call cond() until it is true and return its value.

    cond may raise AssertionError or OSError to say "not yet".  After timeout
    seconds WaitError names what was waited for and the last answer.
    """
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = cond()
            if last:
                return last
        except (AssertionError, OSError) as e:
            last = e
        if time.monotonic() >= deadline:
            raise WaitError(f"{what}: not within {timeout} s; last: {last!r}")
        time.sleep(every)
        every = min(every * 1.3, 0.1)


def holds_for(cond, seconds, what="a condition", every=0.01):
    """Assert that cond() stays true for the given time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert cond(), f"{what} did not hold"
        time.sleep(every)


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on, another with each call.

    Taken below the range that the kernel gives to outgoing connections, so
    that a client's own port cannot take it before the server does.  What was
    given is not free any more, though its server may only be about to start.
    """
    while True:
        port = random.SystemRandom().randrange(15000, 31000)
        if port in _given:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
