"""Logins step by step and at the console; the password of the tests."""

from . import pgwire
from .account import SENTINEL
from .scram import ScramClient

PW = f"{SENTINEL}-pw"


def to_state(c, state, user="app", database="test", password=PW):
    """Take a login to the point where state is due."""
    c.send(pgwire.startup({"user": user, "database": database}))
    if state == "routed":
        return
    c.expect("R")
    if state == "sasl final":
        c.send(pgwire.sasl_initial("SCRAM-SHA-256",
                                   ScramClient(password).first()))
        c.expect("R")


def console(cp, user="admin", database="pgbouncer"):
    """A client of the console; cp.console() has one of its own."""
    return cp.connect(user, database)
