"""CPU for each login: connect, one SELECT 1, close.

Clients keep their SCRAM keys as long as the salt stays, so that they do not
spend the machine on PBKDF2.
"""

from peers import SECRET
from row import Row

CLIENTS = 8
NO_LIMIT = 1 << 30


def password(setup):
    """What the load needs to know to log in."""
    return [] if setup == "plain" else [SECRET]


class Logins(Row):
    columns = (("logins/s", "rate", 0), ("CPU us a login", "cpu", 1))
    cost = "cpu"
    only_poolers = True

    def __init__(self, name, title, setup):
        self.name = name
        self.title = f"Logins, {title}, {CLIENTS} at a time"
        self.setup = setup

    def measure(self, bench, peer):
        bench.ready(peer, self.setup)
        words = password(self.setup)
        bench.program(peer, "logins", CLIENTS, 1, NO_LIMIT, *words)
        before = peer.cpu()
        run = bench.program(peer, "logins", CLIENTS, bench.a.seconds,
                            NO_LIMIT, *words)
        return {
            "cpu": (peer.cpu() - before) / 1e3 / run["logins"],
            "rate": run["logins"] / run["seconds"],
        }


ROWS = [
    Logins("login-trust", "trust", "plain"),
    Logins("login-verifier", "SCRAM, a verifier in the auth_file", "verifier"),
    Logins("login-secret", "SCRAM, a clear-text secret in the auth_file",
           "secret"),
]
