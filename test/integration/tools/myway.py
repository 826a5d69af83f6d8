"""Where the MySQL clients of a test go: through carpool, which is the usual way,
to the server itself, or through a pooler that is wrong on purpose.  MYSQL_WAY
says it: carpool, direct, naive."""

import os

from tools.naivepool import NaivePool
from tools.rawmysql import RawMysql

WAY = os.environ.get("MYSQL_WAY") or "carpool"


class Way:
    def __init__(self, server, host, port):
        self.server, self.host, self.port = server, host, port
        self.clients = []

    is_direct = property(lambda self: self.port == self.server.port)

    def raw(self):
        """A client that has only connected."""
        self.clients.append(RawMysql(self.host, self.port))
        return self.clients[-1]

    def open(self, user="app", database="test", **login):
        c = RawMysql.open(self.host, self.port, user=user, database=database,
                          password=self.server.users[user][0], **login)
        self.clients.append(c)
        return c

    def outside(self, sql):
        """What another connection to the server sees, past carpool."""
        return self.server.query(sql, db="test")

    def rows(self):
        return self.server.value("SELECT COUNT(*) FROM test.trap")

    def close(self):
        for c in self.clients:
            c.close()


def make_way(request, server, databases=("test",), **settings):
    """A Way for this run; settings are carpool's."""
    if WAY == "direct":
        return Way(server, server.host, server.port)
    if WAY == "naive":
        pool = NaivePool(server).start()
        request.addfinalizer(pool.stop)
        return Way(server, pool.host, pool.port)
    carpool = request.getfixturevalue("make_carpool")(
        {}, mysql={name: server for name in databases}, **settings)
    return Way(server, carpool.host, carpool.mysql_port)
