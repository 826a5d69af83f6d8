"""Random groups of frontend messages, for the diff harness.

A Generator is asked for one step after another and told what the server
answered, so that it knows the transaction status.  Statements have few names,
so that these are taken, closed, asked for and missing at random.  In
transaction mode it makes nothing that is documented to differ from a direct
connection: no session state but the tracked parameters, and no statement whose
meaning hangs on one that may change between its Parse and its Bind.
"""

from tools import pgwire as w

TABLES = 48  # one for each client, made by diff.prepare()

SETUP = """
CREATE TABLE t{n} (a int PRIMARY KEY, b text,
    c timestamptz DEFAULT '2020-02-03 04:05:06+00', d interval DEFAULT '1 day',
    e int REFERENCES t{n} DEFERRABLE INITIALLY DEFERRED);
INSERT INTO t{n} (a, b) SELECT i, 'row ' || i FROM generate_series(1, 20) i;
"""

SETUP_ONCE = """
CREATE PROCEDURE commits() LANGUAGE plpgsql AS
    'BEGIN COMMIT; PERFORM 1; ROLLBACK; END';
CREATE FUNCTION tells(text) RETURNS int LANGUAGE plpgsql AS
    'BEGIN RAISE NOTICE ''told %', $1; RAISE WARNING ''warned''; RETURN 7; END';
"""
SETUP_ONCE = SETUP_ONCE.replace("%', $1", "%'', $1")

TRACKED = {
    "application_name": ["one", "two two", "O''Brien", ""],
    "TimeZone": ["UTC", "Europe/Berlin", "America/New_York"],
    "DateStyle": ["ISO, MDY", "German, DMY", "SQL, DMY"],
    "IntervalStyle": ["postgres", "iso_8601", "sql_standard"],
    "standard_conforming_strings": ["on", "off"],
    "client_encoding": ["UTF8", "LATIN1"],
}

CONTROL = [
    "BEGIN", "COMMIT", "ROLLBACK", "BEGIN", "COMMIT", "ROLLBACK",
    "START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY",
    "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s",
    "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "END", "ABORT",
]


NAMES = ["s1", "s2", "s3", "a longer name \" of one"]
WRONG_NAMES = ["nobody", "carpool_1", "carpool_2", "carpool_x", "carpool_"]


class Step:
    """Bytes to send, the sizes of the single writes, and what they are."""

    def __init__(self, messages, sizes):
        self.messages = messages
        self.data = b"".join(messages)
        self.sizes = sizes

    def __eq__(self, other):
        return (self.data, self.sizes) == (other.data, other.sizes)

    def __repr__(self):
        out = []
        for m in w.split(self.data):
            body = m.body if len(m.body) < 90 else m.body[:80] + b"..."
            out.append(f"{m.type} {body!r}")
        return "\n    ".join(out)


class Generator:
    def __init__(self, rng, table, session=False):
        self.rng = rng
        self.table = table
        self.session = session
        self.status = "I"
        self.queue = []
        self.kinds = [
            (self.simple, 30), (self.transaction, 14), (self.extended, 30),
            (self.pipeline, 12), (self.flushes, 10), (self.function, 4),
            (self.copy_in, 8), (self.copy_out, 4), (self.syncs, 3),
            (self.mixed, 5), (self.stray_copy, 2), (self.cursor, 3),
            (self.large, 3), (self.prepared, 12), (self.reused, 8),
            (self.escapes, 3),
        ]

    # the outside

    def next(self):
        """The next Step."""
        if not self.queue:
            kinds, weights = zip(*self.kinds)
            make = self.rng.choices(kinds, weights)[0]
            self.queue = [list(s) for s in make()]
        messages = self.queue.pop(0)
        return Step(messages, self._sizes(sum(map(len, messages))))

    def observe(self, step, answers):
        """What the server answered to the step."""
        for m in answers:
            if m.type == "Z":
                self.status = m.body.decode()

    def ending(self):
        """A step that leaves no transaction open."""
        return Step([w.query("ROLLBACK")], [1 << 20])

    def _sizes(self, total):
        r = self.rng.random()
        if r < 0.5:
            return [1 << 20]
        if r < 0.6 and total < 300:
            return [1]
        return [self.rng.randint(1, max(1, total)) for _ in range(4)]

    # statements

    def _id(self):
        return self.rng.randint(1, 30)

    def good(self):
        """A statement that usually works."""
        t, i = self.table, self._id()
        return self.rng.choice([
            "SELECT 1", "SELECT NULL, 'text', 1.5, true",
            f"SELECT * FROM {t} ORDER BY a",
            f"SELECT * FROM {t} WHERE a = {i}",
            f"SELECT a, c, d FROM {t} ORDER BY a LIMIT 3",
            f"INSERT INTO {t} (a, b) VALUES ({i}, 'new {i}')"
            " ON CONFLICT (a) DO NOTHING",
            f"INSERT INTO {t} (a) VALUES ({i})",
            f"INSERT INTO {t} (a, e) VALUES ({i + 40}, {i + 50})"
            " ON CONFLICT DO NOTHING",
            f"UPDATE {t} SET b = 'changed' WHERE a = {i} RETURNING a, b",
            f"UPDATE {t} SET b = b || '+' WHERE a < {i}",
            f"DELETE FROM {t} WHERE a = {i}",
            f"SELECT count(*) FROM {t}",
            "SELECT generate_series(1, %d)" % self.rng.randint(0, 300),
            "SELECT tells('it')", "SHOW TimeZone", "SHOW application_name",
            "SHOW DateStyle", "SELECT '2024-05-06 07:08:09+00'::timestamptz",
            "SELECT interval '1 day 2 hours'",
            f"SELECT repeat('x', {self.rng.choice([10, 5000, 70000])})",
            "VALUES (1, 'a'), (2, 'b')", "SELECT",
            "DO $$ BEGIN RAISE NOTICE 'from do'; END $$",
            self._set(), self._set(), "SET LOCAL work_mem = '5MB'",
        ])

    def bad(self):
        t = self.table
        return self.rng.choice([
            "SELEC 1", "SELECT 1/0", "SELECT * FROM missing",
            f"INSERT INTO {t} (a) VALUES (1), (1)", "SELECT 'x'::int",
            f"SELECT missing FROM {t}", "SELECT (", "SET TimeZone = 'Nowhere'",
            "DO $$ BEGIN RAISE EXCEPTION 'ouch' USING ERRCODE = 'P9999',"
            " HINT = 'help', DETAIL = 'much'; END $$",
            "SELECT generate_series(1, 50), 1/(25 - generate_series(1, 50))",
        ])

    def _set(self):
        name = self.rng.choice(sorted(TRACKED))
        local = self.rng.choice(["", "", "SESSION ", "LOCAL "])
        value = self.rng.choice(TRACKED[name])
        return f"SET {local}{name} = '{value}'"

    def empty(self):
        return self.rng.choice(["", ";", " ", "-- nothing", "/* x */", ";;"])

    def control(self):
        return self.rng.choice(CONTROL)

    def any(self):
        r = self.rng.random()
        if r < 0.70:
            return self.good()
        if r < 0.85:
            return self.bad()
        if r < 0.95:
            return self.control()
        return self.empty()

    # steps

    def simple(self):
        r = self.rng.random()
        if r < 0.65:
            return [[w.query(self.any())]]
        if r < 0.7:
            return [[w.query("CALL commits()")]]
        parts = [self.any() for _ in range(self.rng.randint(2, 5))]
        text = "; ".join(p for p in parts if not p.startswith("--"))
        return [[w.query(text)]]

    def transaction(self):
        if self.status == "I":
            return [[w.query("BEGIN")]]
        return [[w.query(self.control())]]

    def escapes(self):
        """What hangs on standard_conforming_strings is not parsed to be bound
        later, when that may be another."""
        sql = r"SELECT 'back\slash'"
        if self.rng.random() < 0.5:
            return [[w.query(f"{self._set()}; {sql}")]]
        return [[w.parse("", sql), w.bind(), w.describe("P"), w.execute(),
                 w.sync(), w.query(sql)]]

    def function(self):
        oid, values = self.rng.choice([
            (177, ["2", "3"]), (177, ["2", "x"]), (871, ["upper"]),
            (0, []), (154, ["1", "0"]), (177, ["1"])])
        return [[w.function_call(oid, values)]]

    def syncs(self):
        return [[w.sync()] * self.rng.randint(1, 20)]

    def large(self):
        n = self.rng.choice([3000, 9000, 40000, 200000])
        return self.rng.choice([
            [[w.query(f"SELECT length('{'y' * n}')")]],
            [[w.parse("", "SELECT length($1::text), $1::text"),
              w.bind(values=["z" * n]), w.describe("P"), w.execute(),
              w.sync()]],
            [[w.query(f"SELECT repeat('q', {n}) FROM"
                      " generate_series(1, 8)")]],
        ])

    def _statement(self):
        """A Parse and values for its Bind."""
        r = self.rng.random()
        if r < 0.35:
            sql, oids, values = self.rng.choice([
                ("SELECT $1::int + 1", [23], ["41"]),
                ("SELECT $1::int + 1", [], ["x"]),
                (f"SELECT * FROM {self.table} WHERE a < $1 ORDER BY a", [],
                 [str(self._id())]),
                ("SELECT $1, $2", [25, 25], ["a", None]),
                ("SELECT $1", [25], []),
            ])
        else:
            sql = self.good() if r < 0.75 else self.any()
            oids, values = [], []
        return sql, oids, values

    def _name(self):
        """Names of statements: most often the unnamed one's."""
        r = self.rng.random()
        if r < 0.5:
            return ""
        return self.rng.choice(NAMES if r < 0.96 else WRONG_NAMES)

    def _group(self, end):
        """Messages of one group."""
        rng, out = self.rng, []
        for _ in range(rng.randint(1, 3)):
            sql, oids, values = self._statement()
            name = self._name()
            if rng.random() < 0.7 and name not in WRONG_NAMES:
                out.append(w.parse(name, sql, oids))
            if rng.random() < 0.3:
                out.append(w.describe("S", name))
            if rng.random() < 0.1:
                out.append(w.close(rng.choice("SP"), rng.choice(["x", "p9"])))
            if rng.random() < 0.1:
                continue
            # never an Execute without its Bind: PostgreSQL 15.20 crashes on
            # a portal left over in an aborted transaction
            portal = rng.choice(["", "", "", "p1"])
            out.append(w.bind(portal, name, values,
                              result_formats=rng.choice([(), (), (1,)])))
            if rng.random() < 0.4:
                out.append(w.describe("P", portal))
            for _ in range(rng.choice([0, 1, 1, 1, 3])):
                out.append(w.execute(portal, rng.choice([0, 0, 0, 1, 2, 7])))
            if rng.random() < 0.1:
                out.append(w.close("P", portal))
            if rng.random() < 0.2:
                out.append(w.close("S", name))
            if rng.random() < 0.05:
                out.append(w.execute("nowhere"))
            if rng.random() < 0.05:
                out.append(w.flush())
        return out + end

    def extended(self):
        return [self._group([w.sync()])]

    def pipeline(self):
        out = []
        for _ in range(self.rng.randint(2, self.rng.choice([4, 20]))):
            out += self._group([w.sync()])
            if self.rng.random() < 0.05:
                out.append(w.sync())
        return [out]

    def _prepare(self, name):
        """A Parse that is good most often, and values for its Bind."""
        t = self.table
        # a longer unnamed one stays on the server on which it was parsed
        sizes = [8100, 8200, 30000] if name else [8100]
        sql, oids, values = self.rng.choice([
            ("SELECT $1::int + 1", [], ["41"]),
            ("SELECT $1::int + 1", [23], ["42"]),
            ("SELECT $1, $2", [25, 25], ["a", "b"]),
            ("SELECT 1", [], []),
            (f"SELECT a, b FROM {t} WHERE a < $1 ORDER BY a", [], ["4"]),
            (f"INSERT INTO {t} (a) VALUES ($1)", [], [str(self._id())]),
            (f"UPDATE {t} SET b = 'p' WHERE a = $1 RETURNING a", [], ["3"]),
            ("SELECT 1 / $1::int", [], [self.rng.choice(["1", "0"])]),
            ("SELECT * FROM missing", [], []), ("SELEC 2", [], []),
            ("BEGIN", [], []), ("COMMIT", [], []), ("ROLLBACK", [], []),
            ("SHOW TimeZone", [], []),
            ("SELECT '%s'" % ("w" * self.rng.choice(sizes)), [], []),
        ])
        return w.parse(name, sql, oids), values

    def prepared(self):
        """Statements by name, in several groups that are sent at once, with
        all that may be wrong about a name."""
        rng, out, values = self.rng, [], {}
        for _ in range(rng.choice([1, 1, 2, 4, 12])):
            for _ in range(rng.randint(1, 6)):
                name = rng.choice(NAMES + [""])
                if rng.random() < 0.04:
                    name = rng.choice(WRONG_NAMES)
                what = rng.choice("PPPCDBBBBB")
                if what == "P" and name not in WRONG_NAMES:
                    parse, values[name] = self._prepare(name)
                    out.append(parse)
                elif what == "C":
                    out.append(w.close("S", name))
                elif what == "D":
                    out.append(w.describe("S", name))
                else:
                    some = values.get(name, [])
                    if rng.random() < 0.1:
                        some = ["7"]
                    out += [w.bind("", name, some), w.execute()]
            out.append(w.sync())
            if rng.random() < 0.1:
                out.append(w.query(self.any()))
        return [out]

    def reused(self):
        """The way of drivers: prepared once, then bound again and again, with
        other things between."""
        rng, name = self.rng, self.rng.choice(NAMES)
        parse, values = self._prepare(name)
        steps = [[w.close("S", name), parse, w.describe("S", name),
                  w.sync()]]
        for _ in range(rng.randint(1, 5)):
            steps.append([w.bind("", name, values), w.describe("P"),
                          w.execute(), w.sync()])
            if rng.random() < 0.4:
                steps += self.simple()
        return steps

    def flushes(self):
        """One group in several steps, each awaited through Flush."""
        rng = self.rng
        sql, oids, values = self._statement()
        steps = [[w.parse("", sql, oids), w.describe("S"), w.flush()],
                 [w.bind("p2", "", values), w.flush()]]
        for _ in range(rng.randint(1, 4)):
            steps.append([w.execute("p2", rng.choice([0, 1, 5])), w.flush()])
        steps.append([w.sync()])
        return steps[:rng.randint(1, len(steps) - 1)] + [steps[-1]]

    def mixed(self):
        """A simple query or a function call within a group."""
        middle = self.rng.choice([w.query(self.any()),
                                  w.function_call(177, ["4", "5"])])
        head = self._group([])
        tail = self._group([w.sync()])
        return [head + [middle] + tail]

    def cursor(self):
        if self.status != "T":
            return self.transaction()
        return [[w.query(f"DECLARE k CURSOR FOR SELECT * FROM {self.table}"
                         " ORDER BY a")],
                [w.query("FETCH 3 FROM k")], [w.query("MOVE 2 IN k")],
                [w.parse("", "FETCH NEXT FROM k"), w.bind(), w.describe("P"),
                 w.execute(), w.sync()], [w.query("CLOSE k")]]

    def _rows(self):
        """CopyData messages; rows cut at any place."""
        rng = self.rng
        text = "".join(f"{rng.randint(100, 10 ** 6)}\tcopied {i}\n"
                       for i in range(rng.choice([0, 1, 5, 200])))
        if rng.random() < 0.35:
            text += rng.choice(["bad\trow\n", "1\ttwice\n", "12\n", "\\.x\n"])
        data = text.encode()
        out = []
        while data:
            n = rng.randint(1, len(data))
            out.append(w.copy_data(data[:n]))
            data = data[n:]
        return out

    def copy_in(self):
        rng = self.rng
        target = self.table if rng.random() < 0.9 else "missing"
        sql = f"COPY {target} (a, b) FROM STDIN"
        rows = self._rows()
        end = w.copy_done() if rng.random() < 0.75 else w.copy_fail("no more")
        r = rng.random()
        if r < 0.3:
            return [[w.query(sql)], rows + [end]]
        if r < 0.45:
            return [[w.query(sql), *rows, end]]
        if r < 0.6:
            return [[w.query(f"SELECT 1; {sql}; SELECT 2"), *rows, end]]
        start = [w.parse("", sql), w.bind(), w.execute()]
        # the COPY is not bound again: nobody would send its data
        drop = [w.query("SELECT 'copied'")]
        if r < 0.75:
            return [start + [w.flush()], rows + [end, w.sync()], drop]
        # the way of drivers: Sync at once; the server reads and ignores it
        return [start + [w.sync(), *rows, end, w.sync()], drop]

    def copy_out(self):
        sql = self.rng.choice([
            f"COPY (SELECT * FROM {self.table} ORDER BY a) TO STDOUT",
            "COPY (SELECT repeat('c', 3000) FROM generate_series(1, 50))"
            " TO STDOUT",
            "COPY (SELECT 1/(5 - i) FROM generate_series(1, 9) i) TO STDOUT",
            f"COPY {self.table} TO STDOUT (FORMAT nonsense)",
        ])
        if self.rng.random() < 0.5:
            return [[w.query(sql)]]
        return [[w.parse("", sql), w.bind(), w.describe("P"), w.execute(),
                 w.sync()]]

    def stray_copy(self):
        """Copy messages outside of COPY are ignored by the server."""
        return [[w.copy_data(b"late\n"), self.rng.choice(
            [w.copy_done(), w.copy_fail()]), w.query("SELECT 'after'")]]
