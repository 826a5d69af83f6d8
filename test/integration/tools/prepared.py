"""What the tests of prepared statements have in common."""

from . import pgwire as w

HELD = "SELECT count(*) FROM pg_prepared_statements"
LOADED = ("SELECT count(*) FROM pg_prepared_statements"
          " WHERE name LIKE 'carpool%'")


def run(name, *values, max_rows=0):
    """Bind and Execute of a statement."""
    return w.bind("", name, values) + w.execute("", max_rows)


def prepare(name, sql, oids=()):
    return w.parse(name, sql, oids)


def ask(c, *messages):
    """One group with its Sync; the Result."""
    c.send(*messages, w.sync())
    return c.read_until("Z")


def hold(c):
    c.query("BEGIN")


def let_go(c):
    c.query("ROLLBACK")


def one_server(make_carpool, **settings):
    return make_carpool(default_pool_size=1, **settings)
