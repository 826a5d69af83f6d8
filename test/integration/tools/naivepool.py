"""A pooler of MySQL that knows transactions and nothing else.

Each command outside of a transaction goes to another server than the last
one, so that what a session leaves there is missed by its owner and seen by
others.  Tests of
isolation have to fail through it: MYSQL_WAY=naive shows those that do.
"""

import threading

from tools import mywire as w
from tools.fakemysql import CAPS, EXT, FakeMysql, Gone
from tools.rawmysql import RawMysql

SERVERS = 2


class NaivePool:
    """NaivePool(server).start(): clients come to host and port."""

    def __init__(self, server):
        self.server = server
        self.fake = FakeMysql(self._session, caps=CAPS, ext=EXT & ~w.PROGRESS,
                              passwords={u: p for u, (p, _) in
                                         server.users.items()},
                              version="5.5.5-10.11.99-MariaDB", strict=False)
        self.pools = {}
        self.lock = threading.Lock()

    host = property(lambda self: self.fake.host)
    port = property(lambda self: self.fake.port)

    def start(self):
        self.fake.start()
        return self

    def stop(self):
        self.fake.stop(check=False)
        for servers in self.pools.values():
            for s, _ in servers:
                s.close()

    def _next(self, caps, ext, last):
        """A free server of the same capabilities, not the last one."""
        with self.lock:
            servers = self.pools.setdefault((caps, ext), [])
            free = [s for s in servers
                    if s is not last and not s[1].locked()]
            if free and len(servers) >= SERVERS:
                found = free[0]
            else:
                found = (RawMysql.open(
                    self.server.host, self.server.port, user="app",
                    password=self.server.users["app"][0], caps=caps, ext=ext,
                    database="test"), threading.Lock())
                servers.append(found)
            found[1].acquire()
            return found

    def _session(self, conn):
        conn.login()
        caps, held, last = conn.caps & ~w.CONNECT_WITH_DB, None, None
        try:
            while True:
                code, rest = conn.read()
                held = last = held or self._next(caps, conn.ext, last)
                if not self._carry(conn, held[0], bytes([code]) + rest):
                    held[1].release()
                    held = None
        except Gone:
            if held is not None:
                held[0].query("ROLLBACK", check=False)
                held[1].release()

    @staticmethod
    def _carry(conn, server, payload):
        """One command and its answer; True within a transaction."""
        server.say(payload)
        cursor = payload[0] == w.STMT_EXECUTE and payload[5]
        answer = server.answer_of(payload[0], cursor=bool(cursor))
        while not answer.done:
            p = server.read()
            answer.feed(p)
            conn.seq = p.seq - len(p.payload) // w.MAX_PAYLOAD & 0xFF
            conn.send(p.payload)
            if answer.wanted is not None:
                raise Gone("files are not for this one")
        return bool(answer.last and answer.last.status & w.IN_TRANS)
