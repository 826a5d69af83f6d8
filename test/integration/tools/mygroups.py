"""Random commands of a MySQL client, for the diff harness.

A Generator is asked for one step after another and told what the server
answered.  A step is one or more commands that go out in one write.  Prepared
statements are named by slots, because their numbers are the server's choice;
slots are few, so that they are taken, closed and missing at random.
"""

from tools import mywire as w

TABLES = 32  # one for each client, made by mydiff.prepare()

SETUP = """
CREATE TABLE t{n} (a INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(200),
    c DATETIME DEFAULT '2020-02-03 04:05:06', d DECIMAL(12,3), e BLOB,
    u INT UNIQUE, f DOUBLE, g DATE) ENGINE=InnoDB;
INSERT INTO t{n} (a, b, d, u) VALUES (1, 'one', 1.5, 1), (2, 'two', 2, 2),
    (3, 'three', NULL, 3), (4, NULL, 4.25, 4), (5, 'five', 5, NULL);
CREATE PROCEDURE fails{n}() BEGIN START TRANSACTION;
    INSERT INTO t{n} (b) VALUES ('inside');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'on purpose'; END;
CREATE PROCEDURE sets{n}(IN n INT) BEGIN SELECT n AS a;
    UPDATE t{n} SET b = 'set' WHERE a = n; SELECT n + 1 AS b, 'x' AS c; END;
CREATE PROCEDURE gives{n}(IN n INT, OUT m INT) BEGIN SET m = n * 2; END;
CREATE PROCEDURE modes{n}() BEGIN SET SESSION sql_mode = 'ANSI_QUOTES';
    SET @from_inside = 5; END;
CREATE PROCEDURE temp{n}() BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS
    made_inside (a INT); INSERT INTO made_inside VALUES (1); END;
CREATE FUNCTION twice{n}(n INT) RETURNS INT DETERMINISTIC RETURN n * 2;
"""

# What a SET may change, and what it is set to.
SETTINGS = {
    "sql_mode": ["''", "'ANSI_QUOTES'", "'NO_BACKSLASH_ESCAPES'", "DEFAULT",
                 "CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')", "'nonsense'"],
    "time_zone": ["'+00:00'", "'-05:30'", "'SYSTEM'", "'nowhere'"],
    "autocommit": ["0", "1", "1"],
    "group_concat_max_len": ["4", "1000", "DEFAULT"],
    "sql_select_limit": ["2", "DEFAULT", "DEFAULT"],
    "character_set_results": ["latin1", "utf8mb4", "NULL"],
    "div_precision_increment": ["2", "4", "DEFAULT"],
    "net_write_timeout": ["30", "DEFAULT"],
    "auto_increment_increment": ["1", "5"],
    "no_such_variable": ["1"],
}

SLOTS = ["s1", "s2", "s3", "s4"]
LONG_TEXT = [10, 300, 5000, 70000]


class Step:
    """Commands, the sizes of the single writes, and what goes for the file
    that the server may ask for."""

    def __init__(self, commands, sizes=(1 << 20,), file=None):
        self.commands, self.sizes, self.file = commands, list(sizes), file

    def __repr__(self):
        return "\n    ".join(
            str(c) if len(str(c)) < 200 else str(c)[:180] + "..."
            for c in self.commands)


class Generator:
    """caps: what the client negotiated.  session: also what only a server of
    one's own can keep (ROW_COUNT, COM_CHANGE_USER's likes)."""

    def __init__(self, rng, number, databases, caps, session=False,
                 is_mariadb=True):
        self.rng, self.n, self.databases = rng, number, databases
        self.table = f"t{number}"
        self.caps, self.session = caps, session
        self.is_mariadb = is_mariadb
        self.statements = {}  # slot: (number of parameters, has a cursor)
        self.kinds = [
            (self.simple, 40), (self.transaction, 16), (self.settings, 12),
            (self.prepare, 8), (self.execute, 26), (self.statement, 8),
            (self.temporary, 8), (self.variables, 8), (self.results, 10),
            (self.pipeline, 10), (self.calls, 6), (self.locks, 5),
            (self.schema, 5), (self.large, 3), (self.load, 4),
            (self.others, 5), (self.text_prepared, 5), (self.cursor, 6),
            (self.savepoints, 4), (self.multi, 8), (self.handler, 2),
        ]
        if is_mariadb:
            self.kinds.append((self.of_mariadb, 4))

    # the outside

    def next(self):
        kinds, weights = zip(*self.kinds)
        made = self.rng.choices(kinds, weights)[0]()
        if isinstance(made, Step):
            return made
        return Step(made, self._sizes())

    def observe(self, step, answers):
        """What became of the statements that the step prepared."""
        for command, answer in zip(step.commands, answers):
            if command[0] == "prepare":
                good = not answer.errors
                self.statements.pop(command[1], None)
                if good:
                    self.statements[command[1]] = answer.statement.params

    @staticmethod
    def ending():
        return Step([("query", "ROLLBACK")])

    def _sizes(self):
        r = self.rng.random()
        if r < 0.6:
            return [1 << 20]
        if r < 0.7:
            return [1, 1, 1, 1, 1, 1 << 20]
        return [self.rng.randint(1, 60) for _ in range(4)] + [1 << 20]

    # statements

    def _id(self):
        return self.rng.randint(1, 30)

    def good(self):
        """A statement that usually works."""
        t, i, rng = self.table, self._id(), self.rng
        return rng.choice([
            "SELECT 1", "SELECT NULL, 'text', 1.5, TRUE, 2e3",
            f"SELECT * FROM {t} ORDER BY a",
            f"SELECT * FROM {t} WHERE a = {i}",
            f"SELECT a, c, g FROM {t} ORDER BY a LIMIT 3",
            f"SELECT GROUP_CONCAT(b ORDER BY a) FROM {t}",
            f"INSERT INTO {t} (b) VALUES ('new {i}')",
            f"INSERT INTO {t} (b, u) VALUES ('m', NULL), ('n', NULL)",
            f"INSERT INTO {t} (a, b) VALUES ({i}, 'given')"
            " ON DUPLICATE KEY UPDATE b = CONCAT(b, '+')",
            f"INSERT IGNORE INTO {t} (a, b) VALUES ({i}, 'ignored')",
            f"REPLACE INTO {t} (a, b) VALUES ({i}, 'replaced')",
            f"UPDATE {t} SET b = b WHERE a < 4",
            f"UPDATE {t} SET b = 'changed', d = {i} WHERE a = {i}",
            f"DELETE FROM {t} WHERE a = {i}", f"SELECT COUNT(*) FROM {t}",
            f"SELECT twice{self.n}({i})", "DO 1", "SELECT 1/0",
            "SELECT CAST('12x' AS SIGNED)", "SELECT DATABASE()",
            "SELECT @@autocommit, @@sql_mode, @@time_zone",
            "SHOW VARIABLES LIKE 'character_set_r%'",
            f"SHOW COLUMNS FROM {t}", "SELECT 'q\\'uote', '\\\\'",
            'SELECT "quoted"', "SELECT 'a' || 'b'", "SELECT 1/3",
            f"SELECT REPEAT('x', {rng.choice(LONG_TEXT)})",
            "/* why */ SELECT 2 -- end", "/*!40101 SELECT 3 */",
            f"SELECT * FROM {t} WHERE FALSE", "SELECT _latin1 x'E9'",
            f"SELECT {i} FOR UPDATE" if self.is_mariadb else "SELECT 5",
            f"(SELECT 1) UNION (SELECT {i})",
        ])

    def bad(self):
        t = self.table
        return self.rng.choice([
            "SELEC 1", "SELECT * FROM missing", f"SELECT nothing FROM {t}",
            f"INSERT INTO {t} (a) VALUES (1), (1)",
            f"INSERT INTO {t} (u) VALUES (1), (1)", "SELECT (", "",
            "SELECT 1 +", f"INSERT INTO {t} (nothing) VALUES (1)",
            "SET sql_mode = 'nonsense'", "USE nowhere", "CALL nothing()",
            f"UPDATE {t} SET u = 1 WHERE a > 1", "ROLLBACK TO SAVEPOINT no",
            "SELECT 1; SELECT 2", "SIGNAL SQLSTATE '45000'",
            "SELECT (SELECT 1 UNION SELECT 2)",
        ])

    def any(self):
        return self.good() if self.rng.random() < 0.8 else self.bad()

    def control(self):
        return self.rng.choice([
            "BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION", "COMMIT",
            "START TRANSACTION READ ONLY", "COMMIT AND CHAIN",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT", "ROLLBACK",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        ])

    # steps

    def simple(self):
        return [("query", self.any())]

    def transaction(self):
        return [("query", self.control())]

    def savepoints(self):
        return [("query", self.rng.choice([
            "SAVEPOINT s", "ROLLBACK TO s", "RELEASE SAVEPOINT s"]))]

    def _set(self):
        rng = self.rng
        parts = []
        for name in rng.sample(sorted(SETTINGS), rng.choice([1, 1, 1, 2])):
            scope = rng.choice(["", "", "SESSION ", "@@"])
            parts.append(f"{scope}{name} = {rng.choice(SETTINGS[name])}")
        return "SET " + ", ".join(parts)

    def settings(self):
        text = self._set() if self.rng.random() < 0.7 else self.rng.choice([
            "SET NAMES latin1", "SET NAMES utf8mb4", "SET NAMES utf8mb4"
            " COLLATE utf8mb4_bin", "SET CHARACTER SET latin1",
            "SET NAMES nonsense", "SET sql_warnings = 1, foreign_key_checks"
            " = 0", "SET timestamp = 1000000, insert_id = 500",
            "SET timestamp = DEFAULT"])
        return [("query", text)]

    def variables(self):
        return [("query", self.rng.choice([
            "SET @v = 5", "SET @v = 'text', @w = NULL", "SELECT @v, @w",
            "SELECT @v := 6", "SELECT 7 INTO @w", "SELECT @from_inside",
            f"SELECT MAX(a) INTO @v FROM {self.table}", "SELECT @v",
            "SET @v = @v + 1"]))]

    def results(self):
        """What a server keeps of the last statement."""
        choices = [
            "SELECT LAST_INSERT_ID()", "SHOW WARNINGS",
            "SELECT LAST_INSERT_ID() AS x",
            f"INSERT INTO {self.table} (d) VALUES (LAST_INSERT_ID())",
        ]
        if self.session:
            choices += ["SELECT ROW_COUNT()", "SHOW ERRORS",
                        "SELECT @@warning_count", "SHOW COUNT(*) WARNINGS"]
        if self.rng.random() < 0.2:
            return [("query", f"SELECT SQL_CALC_FOUND_ROWS * FROM"
                     f" {self.table} ORDER BY a LIMIT 1"),
                    ("query", "SELECT FOUND_ROWS()")]
        return [("query", self.rng.choice(choices))]

    def temporary(self):
        i = self._id()
        return [("query", self.rng.choice([
            "CREATE TEMPORARY TABLE tt (a INT)", "DROP TABLE tt",
            "CREATE TEMPORARY TABLE IF NOT EXISTS tt (a INT)",
            "CREATE TEMPORARY TABLE tu AS SELECT 1 AS a",
            f"INSERT INTO tt VALUES ({i})", "SELECT * FROM tt",
            "SELECT * FROM tu", "DROP TEMPORARY TABLE IF EXISTS tt, tu",
            "SELECT * FROM made_inside"]))]

    def locks(self):
        name = f"lock {self.table} of {self.databases[0]}"
        return [("query", self.rng.choice([
            f"SELECT GET_LOCK('{name}', 1)", f"DO GET_LOCK('{name}', 1)",
            f"SELECT RELEASE_LOCK('{name}')", f"SELECT IS_FREE_LOCK('{name}')",
            "SELECT RELEASE_ALL_LOCKS()", f"LOCK TABLES {self.table} WRITE",
            "UNLOCK TABLES", "UNLOCK TABLES",
            f"LOCK TABLES {self.table} READ"]))]

    def schema(self):
        name = self.rng.choice([*self.databases, self.databases[0],
                                "nowhere"])
        if self.rng.random() < 0.5:
            return [("init_db", name)]
        return [("query", f"USE {name}")]

    def handler(self):
        t = self.table
        return [("query", f"HANDLER {t} OPEN"),
                ("query", f"HANDLER {t} READ `PRIMARY` FIRST"),
                ("query", f"HANDLER {t} READ `PRIMARY` NEXT LIMIT 2"),
                ("query", f"HANDLER {t} CLOSE")]

    def calls(self):
        n, i = self.n, self._id()
        return [("query", self.rng.choice([
            f"CALL sets{n}({i})", f"CALL gives{n}({i}, @out)",
            "SELECT @out", f"CALL fails{n}()", f"CALL fails{n}()",
            f"CALL modes{n}()", f"CALL temp{n}()"]))]

    def text_prepared(self):
        return [("query", self.rng.choice([
            "PREPARE p FROM 'SELECT ? + 1 AS a'",
            f"PREPARE p FROM 'SELECT * FROM {self.table} WHERE a < ?'",
            "EXECUTE p USING @v", "EXECUTE p", "DEALLOCATE PREPARE p"]))]

    def multi(self):
        parts = [self.any() for _ in range(self.rng.randint(2, 4))]
        if self.rng.random() < 0.3:
            parts[0] = self.control()
        return [("query", "; ".join(p for p in parts if "--" not in p))]

    def large(self):
        n = self.rng.choice([3000, 16380, 40000, 300000])
        return [("query", self.rng.choice([
            f"SELECT LENGTH('{'y' * n}')",
            f"SELECT REPEAT('q', {n}), REPEAT('r', {n})",
            f"INSERT INTO {self.table} (e) VALUES ('{'b' * (n // 8)}')"]))]

    def load(self):
        """A file for the server, if the client may."""
        name = self.rng.choice([self.table, self.table, "missing"])
        rows = "".join(f"{self._id() + 100}\tloaded\n"
                       for _ in range(self.rng.choice([0, 1, 40])))
        return Step([("query", f"LOAD DATA LOCAL INFILE 'rows' IGNORE INTO"
                      f" TABLE {name} (a, b)")],
                    file=self.rng.choice([None, rows.encode()]))

    def others(self):
        return [self.rng.choice([
            ("ping",), ("ping",), ("field_list", self.table),
            ("field_list", "missing"), ("set_option", 0), ("set_option", 1),
            ("set_option", 9), ("raw", b"\xee?"), ("reset_connection",)])]

    def of_mariadb(self):
        t = self.table
        return [("query", self.rng.choice([
            "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT \"a\"",
            "EXECUTE IMMEDIATE 'SELECT 1 + ?' USING 4",
            f"INSERT INTO {t} (b) VALUES ('r') RETURNING a, b",
            f"DELETE FROM {t} WHERE a > 20 RETURNING a",
            "BEGIN NOT ATOMIC SET @v = 11; SELECT @v; END"]))]

    # prepared statements

    def _text(self):
        """(text, values) of a statement to prepare."""
        t, i, rng = self.table, self._id(), self.rng
        return rng.choice([
            "SELECT ? + 1 AS a", "SELECT ?, ?, ?",
            f"SELECT * FROM {t} WHERE a < ? ORDER BY a",
            f"INSERT INTO {t} (b, f) VALUES (?, ?)",
            f"INSERT INTO {t} (a, b) VALUES (?, ?)",
            f"UPDATE {t} SET b = ? WHERE a = ?", f"DELETE FROM {t} WHERE a = ?",
            f"CALL sets{self.n}(?)", f"SELECT a FROM {t} ORDER BY a",
            "SELECT * FROM missing", "SELEC ?", "DO ?", "SELECT 1/?",
            "CREATE TEMPORARY TABLE tt (a INT)", "SET @v = ?", "BEGIN",
            "COMMIT", f"SELECT {i}, '{'w' * rng.choice([1, 9000])}'",
        ])

    def prepare(self):
        slot = self.rng.choice(SLOTS)
        out = [("prepare", slot, self._text())]
        if slot in self.statements and self.rng.random() < 0.8:
            out.insert(0, ("close", slot))
            self.statements.pop(slot)
        return out

    def _values(self, count):
        rng = self.rng
        return tuple(rng.choice([
            rng.randint(-5, 30), rng.randint(1, 30), None, "text", 1.5,
            b"\x00\xff", "x" * rng.choice(LONG_TEXT), str(rng.randint(1, 9)),
            (w.TINY, b"\x07"), (w.LONG | 0x8000, b"\xff\xff\xff\xff"),
            (w.DATE, b"\x04\xe4\x07\x02\x1d")]) for _ in range(count))

    def _slot(self):
        known = sorted(self.statements)
        if known and self.rng.random() < 0.93:
            return self.rng.choice(known)
        return self.rng.choice(SLOTS)

    def execute(self):
        if not self.statements:
            return self.prepare()
        slot = self._slot()
        count = self.statements.get(slot, 1)
        out = []
        if count and self.rng.random() < 0.06:
            for _ in range(self.rng.randint(1, 3)):
                out.append(("long", slot, self.rng.randrange(count),
                            "part" * self.rng.randint(1, 999)))
            values = tuple(b"" for _ in range(count))
            long = tuple(c[2] for c in out)
            return [*out, ("execute", slot, values, 0, long)]
        return [("execute", slot, self._values(count), 0, ())]

    def statement(self):
        """What else is done with one."""
        slot = self._slot()
        if self.rng.random() < 0.5:
            self.statements.pop(slot, None)
            return [("close", slot)]
        return [("stmt_reset", slot)]

    def cursor(self):
        slot = self._slot()
        count = self.statements.get(slot)
        if count is None:
            return [("fetch", slot, 1)]
        rng = self.rng
        out = [("execute", slot, tuple(rng.randint(1, 9)
                                       for _ in range(count)), 1, ())]
        steps = [[c] for c in out + [("fetch", slot, rng.randint(1, 4))
                                     for _ in range(rng.randint(1, 3))]]
        return [c for s in steps for c in s] if rng.random() < 0.5 else out

    def pipeline(self):
        """Several commands in one write.  None that a step of its own needs:
        an answer that hangs on what the client says next."""
        out = []
        kinds = (self.simple, self.simple, self.transaction, self.execute,
                 self.settings, self.variables, self.others, self.results)
        for _ in range(self.rng.choice([2, 3, 8, 20])):
            out += self.rng.choice(kinds)()
        return [c for c in out if c[0] != "prepare"] or self.simple()
