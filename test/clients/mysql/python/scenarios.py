"""The scenarios of ../../my_matrix.py for Python."""

import json
import os
import sys
import tempfile
import threading
import traceback

CLIENTS = 8
ZONES = ["+01:00", "-05:30", "+09:00", "+00:00"]


def together(jobs):
    """Run them at once; their results in order."""
    out = [None] * len(jobs)
    errors = []

    def one(n):
        try:
            out[n] = jobs[n]()
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=one, args=(n,))
               for n in range(len(jobs))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return out


class Scenarios:
    def __init__(self, name, driver):
        self.name, self.driver = name.replace("-", "_"), driver
        self.open = []

    def connect(self):
        conn = self.driver.connect()
        self.open.append(conn)
        return conn

    def connections(self, n):
        return together([self.connect] * n)

    def close(self):
        for conn in self.open:
            try:
                conn.close()
            except Exception:
                pass

    def table(self, scenario, columns):
        name = f"t_{self.name}_{scenario}"
        c = self.connect()
        c.query(f"DROP TABLE IF EXISTS {name}")
        c.query(f"CREATE TABLE {name} ({columns}) ENGINE=InnoDB")
        return name

    def code(self, work, *args):
        try:
            work(*args)
        except Exception as e:
            return self.driver.code(e)
        return "no error"

    def version(self):
        return self.driver.version()

    def storm(self):
        def job(n):
            c = self.driver.connect()
            try:
                assert c.query("SELECT %s", n) == [[n]]
            finally:
                c.close()
        for _ in range(2):
            together([lambda n=n: job(n) for n in range(20)])
        return 40

    def interleave(self):
        conns = self.connections(CLIENTS)

        def job(i):
            for n in range(25):
                got = conns[i].query("SELECT %s * 2, %s", n, f"c{i}")
                assert got == [[n * 2, f"c{i}"]], got
        together([lambda i=i: job(i) for i in range(CLIENTS)])
        return CLIENTS * 25

    def reuse(self):
        table = self.table("reuse", "client INT, n INT")
        conns = self.connections(CLIENTS)

        def job(i):
            for n in range(1, 8):
                conns[i].begin()
                conns[i].query(f"INSERT INTO {table} VALUES (%s, %s)", i, n)
                got = conns[i].query(f"SELECT SUM(n) FROM {table}"
                                     " WHERE client = %s", i)
                assert int(got[0][0]) == n * (n + 1) / 2, got
                conns[i].commit()
        together([lambda i=i: job(i) for i in range(CLIENTS)])
        return self.connect().query(f"SELECT COUNT(*) FROM {table}")

    def errors(self):
        table = self.table("errors", "a INT PRIMARY KEY")
        out = []
        for i, c in enumerate(self.connections(4)):
            insert = f"INSERT INTO {table} VALUES (%s)"
            c.query(insert, i)
            out.append([
                self.code(c.query, "SELECT missing + %s", i),
                self.code(c.query, "SELECT %s FROM not_there", i),
                self.code(c.query, insert, i), self.code(c.query, "SELEC 1"),
                c.query("SELECT %s + 1", i)])
        return out

    def rollback(self):
        table = self.table("rollback", "a INT PRIMARY KEY")
        c, other = self.connections(2)
        c.begin()
        c.query(f"INSERT INTO {table} VALUES (1)")
        twice = self.code(c.query, f"INSERT INTO {table} VALUES (1)")
        c.query(f"INSERT INTO {table} VALUES (2)")
        seen = [twice, c.query(f"SELECT COUNT(*) FROM {table}"),
                other.query(f"SELECT COUNT(*) FROM {table}")]
        c.rollback()
        return seen + [c.query(f"SELECT COUNT(*) FROM {table}")]

    def insert_id(self):
        table = self.table("insert_id",
                           "a INT AUTO_INCREMENT PRIMARY KEY, b INT")
        conns = self.connections(4)
        out = []
        for n in range(3):
            for i, c in enumerate(conns):
                c.query(f"INSERT INTO {table} (b) VALUES (%s)", i)
                out.append(c.last_id)
            out.append([c.query("SELECT LAST_INSERT_ID()")[0][0]
                        for c in conns])
        return out

    def settings(self):
        conns = self.connections(4)
        for i, c in enumerate(conns):
            c.query(f"SET time_zone = '{ZONES[i]}'")
            c.query("SET sql_mode = 'ANSI_QUOTES'" if i % 2 else
                    "SET SESSION group_concat_max_len = 77")
            c.query(f"SET @own = {i}")
            if i == 2:
                c.query("SET NAMES latin1")
        out = []
        for _ in range(5):
            for c in conns:
                out.append(c.query(
                    "SELECT @@time_zone, @@sql_mode = 'ANSI_QUOTES', @own,"
                    " @@group_concat_max_len, @@character_set_client"))
        return out

    def big(self):
        table = self.table("big", "a INT, b LONGTEXT")
        c = self.connect()
        for n in range(3):
            c.query(f"INSERT INTO {table} VALUES (%s, %s)", n, "x" * 400000)
        rows = c.query(f"SELECT a, b FROM {table} ORDER BY a")
        one = c.query("SELECT REPEAT('y', 17000000)")[0][0]
        many = c.query("SELECT a.n * 10 + b.n FROM (SELECT 1 AS n UNION"
                       " SELECT 2 UNION SELECT 3) a JOIN (SELECT 1 AS n"
                       " UNION SELECT 2) b ORDER BY 1")
        return [[r[0], len(r[1])] for r in rows] + [len(one), many]

    def temp(self):
        a, b = self.connections(2)
        name = f"tt_{self.name}"
        a.query(f"CREATE TEMPORARY TABLE {name} (n INT)")
        for n in range(5):
            a.query(f"INSERT INTO {name} VALUES (%s)", n)
            b.query("SELECT 1")
        return [a.query(f"SELECT COUNT(*) FROM {name}"),
                self.code(b.query, f"SELECT * FROM {name}")]

    def lock(self):
        a, b = self.connections(2)
        name = f"lock_{self.name}"
        return [a.query("SELECT GET_LOCK(%s, 1)", name),
                b.query("SELECT GET_LOCK(%s, 0)", name),
                a.query("SELECT RELEASE_LOCK(%s)", name),
                b.query("SELECT GET_LOCK(%s, 0)", name),
                b.query("SELECT RELEASE_LOCK(%s)", name)]

    def multi(self):
        c = self.connect()
        return [c.multi("SELECT 1; SELECT 2, 3; DO 1; SELECT 4"),
                self.code(c.multi, "SELECT 1; SELEC 2; SELECT 3"),
                c.multi("SELECT 5")]

    def load(self):
        table = self.table("load", "a INT, b VARCHAR(20)")
        with tempfile.NamedTemporaryFile("w", delete=False) as f:
            f.write("".join(f"{n}\trow {n}\n" for n in range(2000)))
        try:
            c = self.connect()
            return [c.load(table, f.name),
                    c.query(f"SELECT SUM(a) FROM {table}")[0][0].__str__(),
                    self.code(c.load, "not_there", f.name)]
        finally:
            os.unlink(f.name)

    def stream(self):
        table = self.table("stream", "a INT")
        c = self.connect()
        c.query(f"INSERT INTO {table} VALUES " + ", ".join(
            f"({n})" for n in range(3000)))
        total = sum(row[0] for row in c.stream(f"SELECT a FROM {table}"))
        return [total, c.query("SELECT 1")]

    def change_user(self):
        c = self.connect()
        c.query("SET @own = 3")
        c.change_user()
        return c.query("SELECT @own, DATABASE()")

    def orm(self):
        return self.driver.orm()

    def script(self):
        return self.driver.script()

    def dump(self):
        return self.driver.dump()


def answer(name, driver, scenario):
    s = Scenarios(name, driver)
    try:
        seen = getattr(s, scenario)()
        print("ok", scenario, json.dumps(seen, default=str), flush=True)
        return True
    except Exception as e:
        if os.environ.get("TRACE"):
            traceback.print_exc()
        print("failed", scenario,
              " ".join(f"{type(e).__name__}: {e}".split()), flush=True)
        return False
    finally:
        s.close()


def main(name, driver):
    asked = sys.argv[2:] or (line.strip() for line in sys.stdin)
    good = True
    for scenario in asked:
        if scenario:
            good = answer(name, driver, scenario) and good
    return 0 if good else 1
