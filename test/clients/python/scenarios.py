"""The scenarios of ../matrix.py for Python drivers, over the small common face
that drivers.py gives to each driver."""

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

CLIENTS = 8


def together(jobs):
    """Runs all functions at once, each on a thread; their results in order."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [f.result() for f in [pool.submit(job) for job in jobs]]


def until(condition, what, seconds=10):
    """Waits until condition() is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)


class Scenarios:
    def __init__(self, driver):
        self.driver = driver
        self.name = driver.name.replace("-", "_")
        self.open = []

    def connect(self, **startup):
        conn = self.driver.connect(**startup)
        self.open.append(conn)
        return conn

    def connections(self, number):
        return together([self.connect] * number)

    def close(self):
        while self.open:
            self.open.pop().close()

    def code(self, work, *args):
        """The SQLSTATE with which work fails."""
        try:
            work(*args)
        except self.driver.Error as e:
            return self.driver.code(e)
        return "no error"

    def run(self, scenario):
        try:
            return getattr(self, scenario)()
        finally:
            self.close()

    def table(self, scenario, columns):
        """A new empty table; its name."""
        name = f"t_{self.name}_{scenario}"
        conn = self.connect()
        conn.run(f"DROP TABLE IF EXISTS {name}")
        conn.run(f"CREATE TABLE {name} ({columns})")
        conn.close()
        return name

    def version(self):
        return self.driver.version()

    def storm(self):
        def one(i):
            conn = self.driver.connect()
            try:
                assert conn.query("SELECT $1::int", i) == [(i,)]
            finally:
                conn.close()

        for _ in range(2):
            together([lambda i=i: one(i) for i in range(24)])
        return 48

    def interleave(self):
        conns = self.connections(CLIENTS)

        def one(conn, i):
            for n in range(25):
                got = conn.query("SELECT $1::int * 2, $2::text", n, f"c{i}")
                assert got == [(n * 2, f"c{i}")], got
                got = conn.query("SELECT $1::text || 'x'", f"{i}.{n}")
                assert got == [(f"{i}.{n}x",)], got

        together([lambda c=c, i=i: one(c, i) for i, c in enumerate(conns)])
        return CLIENTS * 50

    def reuse(self):
        table = self.table("reuse", "client int, n int")
        conns = self.connections(CLIENTS)

        def one(conn, i):
            for n in range(1, 8):
                conn.begin()
                conn.query(f"INSERT INTO {table} VALUES ($1::int, $2::int)",
                           i, n)
                got = conn.query(f"SELECT sum(n) FROM {table}"
                                 " WHERE client = $1::int", i)
                assert got == [(n * (n + 1) // 2,)], got
                conn.commit()

        together([lambda c=c, i=i: one(c, i) for i, c in enumerate(conns)])
        return int(conns[0].query(f"SELECT count(*) FROM {table}")[0][0])

    def errors(self):
        table = self.table("errors", "a int PRIMARY KEY")
        conns = self.connections(4)

        def one(conn, i):
            seen = []
            for n in range(3):
                key = i * 10 + n
                insert = f"INSERT INTO {table} VALUES ($1::int)"
                conn.query(insert, key)
                seen = [
                    self.code(conn.query, "SELECT missing + $1::int", n),
                    self.code(conn.query, "SELECT $1::int FROM not_there", n),
                    self.code(conn.query, "SELECT $1::int / 0", n),
                    self.code(conn.query, insert, key),
                ]
                assert conn.query("SELECT $1::int + 1", n) == [(n + 1,)]
            return seen

        return together([lambda c=c, i=i: one(c, i)
                         for i, c in enumerate(conns)])

    def rollback(self):
        table = self.table("rollback", "a int")
        conns = self.connections(4)
        insert = f"INSERT INTO {table} VALUES ($1::int)"
        count = f"SELECT count(*) FROM {table} WHERE a = $1::int"

        def one(conn, i):
            for _ in range(3):
                conn.begin()
                conn.query(insert, i)
                first = self.code(conn.query, "SELECT $1::int / 0", i)
                second = self.code(conn.query, count, i)
                conn.rollback()
                assert conn.query(count, i) == [(0,)]
            conn.begin()
            conn.query(insert, i)
            conn.commit()
            return [first, second, int(conn.query(count, i)[0][0])]

        return together([lambda c=c, i=i: one(c, i)
                         for i, c in enumerate(conns)])

    def pipeline(self):
        conns = self.connections(4)

        def one(conn, i):
            for _ in range(3):
                got = conn.pipeline("SELECT $1::int + 1",
                                    [(n,) for n in range(20)])
                assert got == [n + 1 for n in range(20)], got
                bad = self.code(conn.pipeline, "SELECT 10 / $1::int",
                                [(5,), (0,), (2,)])
                assert conn.query("SELECT $1::int", i) == [(i,)]
            return bad

        return together([lambda c=c, i=i: one(c, i)
                         for i, c in enumerate(conns)])

    def cursor(self):
        conns = self.connections(4)
        text = "SELECT g FROM generate_series(1, $1::int) g"

        def one(conn):
            total = 0
            conn.begin()
            for row in conn.stream(text, 70, 1000):
                total += row[0]
            conn.commit()
            conn.begin()
            few = []
            for row in conn.stream(text, 70, 100000):
                few.append(row[0])
                if len(few) == 100:
                    break
            conn.rollback()
            assert conn.query("SELECT $1::int", 5) == [(5,)]
            return [total, sum(few)]

        return together([lambda c=c: one(c) for c in conns])

    def copy(self):
        table = self.table("copy", "a int, b text")
        conns = self.connections(4)

        def one(conn, i):
            rows = [(i, f"row {n}") for n in range(300)]
            conn.copy_in(table, rows)
            out = conn.copy_out(f"SELECT b FROM {table} WHERE a = {i}"
                                " ORDER BY length(b), b")
            assert out == [f"row {n}" for n in range(300)], out[:5]
            bad = self.code(conn.copy_bad, table)
            return [len(out), bad, conn.query("SELECT $1::int", i)[0][0]]

        return together([lambda c=c, i=i: one(c, i)
                         for i, c in enumerate(conns)])

    def schemas(self, scenario, number):
        conn = self.connect()
        names = [f"s_{self.name}_{scenario}_{i}" for i in range(number)]
        for name in names:
            conn.run(f"DROP SCHEMA IF EXISTS {name} CASCADE")
            conn.run(f"CREATE SCHEMA {name}")
            conn.run(f"CREATE TABLE {name}.who AS SELECT '{name}'::text AS w")
        conn.close()
        return names

    ZONES = ["Asia/Tokyo", "Europe/Lisbon", "America/Lima", "Asia/Dhaka"]

    def watch_settings(self, conns, names):
        """Each connection has its own settings, again and again."""
        def one(conn, i):
            for n in range(10):
                assert conn.query("SELECT w FROM who WHERE $1::int >= 0",
                                  n) == [(names[i],)]
                assert conn.show("statement_timeout") == f"{i + 11}s"
                assert conn.show("timezone") == self.ZONES[i]

        together([lambda c=c, i=i: one(c, i) for i, c in enumerate(conns)])

    def defaults(self):
        conn = self.connect()
        return [conn.show(name) for name in
                ("search_path", "statement_timeout", "timezone")]

    def settings(self):
        names = self.schemas("settings", 4)
        conns = self.connections(4)
        for i, conn in enumerate(conns):
            conn.run(f"SET search_path = {names[i]}")
            conn.run(f"SET statement_timeout = '{i + 11}s'")
            conn.run(f"SET TIME ZONE '{self.ZONES[i]}'")
        self.watch_settings(conns, names)
        seen = self.defaults()
        conns[0].begin()
        conns[0].run("SET statement_timeout = '99s'")
        conns[0].rollback()
        self.watch_settings(conns, names)
        conns[1].run("RESET statement_timeout")
        conns[1].run("RESET search_path")
        return seen + [conns[1].show("statement_timeout"),
                       conns[1].show("search_path"),
                       conns[2].show("statement_timeout")]

    def startup(self):
        names = self.schemas("startup", 4)
        conns = [self.connect(search_path=names[i], timezone=self.ZONES[i],
                              statement_timeout=f"{i + 11}s")
                 for i in range(4)]
        self.watch_settings(conns, names)
        conns[0].run("SET statement_timeout = '99s'")
        conns[0].run("RESET statement_timeout")
        self.watch_settings(conns, names)
        return self.defaults()

    def listen(self):
        channel = f"news_{self.name}"
        listeners = self.connections(2)
        others = self.connections(4)
        for conn in listeners:
            conn.listen(channel)
        for n in range(3):
            others[n].run(f"NOTIFY {channel}, 'n{n}'")
        others[3].begin()
        others[3].run(f"NOTIFY {channel}, 'never'")
        others[3].rollback()
        others[3].begin()
        others[3].run(f"NOTIFY {channel}, 'n3'")
        others[3].commit()
        seen = [conn.notifications(4) for conn in listeners]
        assert listeners[0].query("SELECT $1::int", 3) == [(3,)]
        listeners[0].unlisten(channel)
        others[0].run(f"NOTIFY {channel}, 'last'")
        seen.append(listeners[1].notifications(1))
        assert listeners[0].query("SELECT $1::int", 4) == [(4,)]
        seen.append(listeners[0].notifications(0))
        return seen

    def cancel(self):
        conn, other = self.connections(2)
        out = []
        mark = f"mark {self.name} cancel"

        def sleeper():
            out.append(self.code(
                conn.query, f"SELECT pg_sleep($1::int) /* {mark} */", 30))

        thread = threading.Thread(target=sleeper)
        thread.start()
        until(lambda: other.query(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active'"
            " AND pid <> pg_backend_pid() AND query LIKE $1::text"
            " AND wait_event = 'PgSleep'", f"%{mark}%"), "the query to run")
        began = time.monotonic()
        conn.cancel()
        thread.join()
        assert time.monotonic() - began < 15, "canceled too late"
        assert other.query("SELECT $1::int", 2) == [(2,)]
        assert conn.query("SELECT $1::int", 1) == [(1,)]
        return out

    def schema(self):
        table = self.table("schema", "a int")
        conns = self.connections(4)
        owner = self.connect()
        owner.run(f"INSERT INTO {table} VALUES (1)")
        text = f"SELECT * FROM {table} WHERE a = $1::int"

        def read(conn):
            try:
                row = conn.query(text, 1)[0]
                assert row[0] == 1, row
                return f"{len(row)} columns"
            except self.driver.Error as e:
                return self.driver.code(e)

        def outside(conn):
            return [read(conn), read(conn), read(conn)]

        def inside(conn):
            conn.begin()
            seen = [read(conn)]
            (conn.commit if "columns" in seen[0] else conn.rollback)()
            return seen + [read(conn), read(conn)]

        out = []
        for name, way in (("first", outside), ("b", outside), ("c", inside)):
            if name != "first":
                owner.run(f"ALTER TABLE {table} ADD COLUMN {name} int")
            out.append(together([lambda c=c: way(c) for c in conns]))
        # Binary values are longer from now on.
        owner.run(f"ALTER TABLE {table} ALTER COLUMN a TYPE bigint")
        out.append(together([lambda c=c: outside(c) for c in conns]))
        return out

    def advisory(self):
        a, b = self.connections(2)
        key = 7001
        out = []

        def attempt():
            return b.query("SELECT pg_try_advisory_lock($1::int)", key)[0][0]

        a.query("SELECT pg_advisory_lock($1::int)", key)
        out.append(attempt())
        for n in range(3):
            a.begin()
            a.query("SELECT $1::int", n)
            a.commit()
        out.append(attempt())
        out.append(a.query("SELECT pg_advisory_unlock($1::int)", key)[0][0])
        out.append(attempt())
        out.append(b.query("SELECT pg_advisory_unlock($1::int)", key)[0][0])
        a.query("SELECT pg_advisory_lock($1::int)", key)
        a.close()
        out.append(until(attempt, "the lock of a closed connection"))
        out.append(b.query("SELECT pg_advisory_unlock($1::int)", key)[0][0])
        return out

    def temp(self):
        a, b, c = self.connections(3)
        name = f"tt_{self.name}"
        read = f"SELECT n FROM {name} WHERE n >= $1::int ORDER BY n"
        a.run(f"CREATE TEMPORARY TABLE {name} (n int)")
        for n in range(5):
            a.begin()
            a.query(f"INSERT INTO {name} VALUES ($1::int)", n)
            a.commit()
            assert c.query("SELECT $1::int", n) == [(n,)]
        out = [len(a.query(read, 0)), self.code(b.query, read, 0)]
        a.run(f"DROP TABLE {name}")
        out.append(self.code(a.query, read, 0))
        a.run(f"CREATE TEMPORARY TABLE {name} AS SELECT 8 AS n")
        out.append([int(r[0]) for r in a.query(read, 1)])
        a.close()
        out.append(self.code(b.query, read, 0))
        return out

    def prepare(self):
        conns = self.connections(CLIENTS)

        def one(conn, i):
            conn.run(f"PREPARE own (int) AS SELECT $1 + {i}")
            for n in range(5):
                assert conn.rows(f"EXECUTE own({n})") == [(n + i,)]
            conn.run("DEALLOCATE own")
            gone = self.code(conn.rows, "EXECUTE own(1)")
            conn.run("PREPARE own AS SELECT 'again'")
            assert conn.rows("EXECUTE own") == [("again",)]
            return gone

        return together([lambda c=c, i=i: one(c, i)
                         for i, c in enumerate(conns)])

    def discard(self):
        conns = self.connections(CLIENTS)

        def one(conn, i):
            text = f"SELECT $1::int + {i % 2}"
            for _ in range(6):
                assert conn.query(text, 1) == [(1 + i % 2,)]
            seen = []
            for command in ("DEALLOCATE ALL", "DISCARD ALL",
                            "DEALLOCATE ALL"):
                conn.run(command)
                seen.append(self.code(conn.query, text, 1))
                seen.append(self.code(conn.query, text, 1))
            return seen

        return together([lambda c=c, i=i: one(c, i)
                         for i, c in enumerate(conns)])

    def pool(self):
        return self.driver.pool()

    def queue(self):
        return self.driver.queue()


def say(*words):
    print(*words, flush=True)


def answer(driver, scenario):
    """Runs one scenario and says how it went; True when well."""
    try:
        seen = Scenarios(driver).run(scenario)
    except BaseException as e:
        text = " ".join(f"{type(e).__name__}: {e}".split())
        if os.environ.get("TRACE"):
            raise
        say("failed", scenario, text)
        return False
    say("ok", scenario, json.dumps(seen))
    return True


def main(make):
    driver = make(sys.argv[1])
    asked = sys.argv[2:] or (line.strip() for line in sys.stdin)
    return 0 if all([answer(driver, name) for name in asked if name]) else 1
