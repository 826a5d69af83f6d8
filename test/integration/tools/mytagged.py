"""Many MySQL clients that know their own answers: each asks for what carries its
name and a number, in all the ways that there are, and finds out at once when it
reads another one's.

    crowd = Tagged(port, password, seed=1)
    crowd.run(answers=10_000, clients=200)
"""

import asyncio
import collections
import random
import time

from tools import mywire as w
from tools.myanswer import MyError
from tools.mycrowd import AsyncMysql
from tools.raw import Closed

SETUP = """
CREATE TABLE tagged (id INT AUTO_INCREMENT PRIMARY KEY, tag VARCHAR(60),
    KEY (tag)) ENGINE=InnoDB
CREATE PROCEDURE tagged_sets(IN t VARCHAR(60)) BEGIN SELECT t AS a;
    SELECT t AS b, 2 AS c; END
"""

KILLED = 1317
MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF | w.MULTI_STATEMENTS
OLD = w.BASE | w.MULTI_STATEMENTS


def prepare(server, database):
    server.query(f"DROP DATABASE IF EXISTS {database}")
    server.query(f"CREATE DATABASE {database}")
    server.script(SETUP, database)


class Wrong(AssertionError):
    """An answer that is not the asker's."""


class Life:
    """One client's connection, and what it asks."""

    def __init__(self, crowd, name):
        self.crowd, self.name = crowd, name
        self.rng = random.Random(name)
        self.number = 0
        self.kind = None
        self.c = None

    def tag(self):
        self.number += 1
        return f"{self.name}_{self.number}"

    def same(self, got, expected):
        if got != expected:
            raise Wrong(f"{self.kind} of {self.name}: {got!r:.200} in place"
                        f" of {expected!r:.200}")
        self.crowd.answers += 1

    async def ask(self, sql, expected):
        self.same(await self.c.value(sql), expected)

    # the ways to ask

    async def plain(self):
        t = self.tag()
        await self.ask(f"SELECT '{t}'", t)

    async def rows(self):
        t, n = self.tag(), self.rng.randrange(1, 200)
        got = await self.c.query(
            f"SELECT CONCAT('{t}_', seq), REPEAT('{t}', 20)"
            f" FROM seq_1_to_{n}" if self.crowd.has_sequences else
            " UNION ALL ".join(f"SELECT '{t}_{i + 1}', REPEAT('{t}', 20)"
                               for i in range(n)))
        self.same(got.rows, [[f"{t}_{i + 1}", t * 20] for i in range(n)])

    async def large(self):
        t, n = self.tag(), self.rng.randrange(1, self.crowd.large)
        await self.ask(f"SELECT REPEAT('{t}', {n})", t * n)

    async def transaction(self):
        t = self.tag()
        await self.c.query(self.rng.choice(["BEGIN", "START TRANSACTION"]))
        for _ in range(self.rng.randrange(1, 4)):
            await self.c.query(f"INSERT INTO tagged (tag) VALUES ('{t}')")
        await self.ask(f"SELECT tag FROM tagged WHERE tag LIKE"
                       f" '{self.name}\\_%' ORDER BY id DESC LIMIT 1", t)
        await self.c.query("ROLLBACK")
        await self.ask(f"SELECT COUNT(*) FROM tagged WHERE tag = '{t}'", "0")

    async def committed(self):
        """What was said to be written is there."""
        t = self.tag()
        await self.c.query(f"INSERT INTO tagged (tag) VALUES ('{t}')")
        self.crowd.written += 1
        await self.ask(f"SELECT tag FROM tagged WHERE tag = '{t}'", t)

    async def without_autocommit(self):
        t = self.tag()
        await self.c.query("SET autocommit = 0")
        await self.ask(f"SELECT '{t}' FROM (SELECT COUNT(*) FROM tagged) x", t)
        await self.c.query(f"INSERT INTO tagged (tag) VALUES ('{t}')")
        await self.c.query("ROLLBACK")
        await self.ask("SELECT @@autocommit", "0")
        await self.c.query("SET autocommit = 1")

    async def error(self):
        t = self.tag()
        try:
            await self.c.query(f"SELECT {t}_nowhere")
        except MyError as e:
            if e.code != 1054:
                raise
            self.same(f"'{t}_nowhere'" in e.message, True)
        else:
            raise Wrong("no error")

    async def setting(self):
        zone = f"+{self.rng.randrange(10, 13)}:{self.rng.randrange(10, 60)}"
        await self.c.query(f"SET time_zone = '{zone}'")
        for _ in range(3):
            await self.ask("SELECT @@time_zone", zone)

    async def variable(self):
        t = self.tag()
        await self.c.query(f"SET @tag = '{t}'")
        await self.ask("SELECT @tag", t)
        await self.forget()
        await self.ask("SELECT @tag", None)

    async def temporary(self):
        t = self.tag()
        await self.c.query("CREATE TEMPORARY TABLE mine (a VARCHAR(60))")
        await self.c.query(f"INSERT INTO mine VALUES ('{t}')")
        await self.ask("SELECT a FROM mine", t)
        await self.forget()

    async def insert_id(self):
        await self.c.query("BEGIN")
        got = await self.c.query("INSERT INTO tagged (tag) VALUES ('')")
        await self.ask("SELECT LAST_INSERT_ID()", str(got.last.insert_id))
        await self.c.query("ROLLBACK")

    async def prepared(self):
        t = self.tag()
        s = await self.c.prepare(f"SELECT ?, '{t}'")
        for n in range(self.rng.randrange(1, 4)):
            got = await self.c.execute(s, [f"{t} {n}"])
            self.same(got.rows, [[f"{t} {n}", t]])
        await self.c.send(w.packet(w.close(s.id)))

    async def pipeline(self):
        tags = [self.tag() for _ in range(self.rng.randrange(2, 20))]
        await self.c.send(*(w.packet(w.query(f"SELECT '{t}'"))
                            for t in tags))
        for t in tags:
            got = await self.c.finish(w.QUERY)
            self.same(got.check().value, t)

    async def several(self):
        tags = [self.tag() for _ in range(3)]
        got = await self.c.query("; ".join(f"SELECT '{t}'" for t in tags))
        self.same([s.rows for s in got.sets], [[[t.encode()]] for t in tags])

    async def procedure(self):
        t = self.tag()
        got = await self.c.query(f"CALL tagged_sets('{t}')")
        self.same([s.rows for s in got.sets],
                  [[[t.encode()]], [[t.encode(), b"2"]]])

    async def ping(self):
        await self.c.ask(bytes([w.PING]))
        await self.c.ask(bytes([w.INIT_DB]) + self.crowd.database.encode())
        self.crowd.answers += 2

    async def slow(self):
        """What others stop."""
        t = self.tag()
        self.crowd.slow.add(self.c.id)
        try:
            got = await self.c.query(f"SELECT SLEEP(0.2), '{t}'")
            self.same(got.rows[0][1], t)
        finally:
            self.crowd.slow.discard(self.c.id)

    async def kill(self):
        """Another one's query; it may have ended by then."""
        if not self.crowd.slow:
            return
        target = self.rng.choice(sorted(self.crowd.slow))
        self.crowd.killed.add(target)
        try:
            await self.c.query(f"KILL QUERY {target}")
        except MyError as e:
            if e.code != 1094:
                raise
        self.crowd.done["kills"] += 1

    async def forget(self):
        await self.c.ask(bytes([w.RESET_CONNECTION]))

    # the ways to leave

    async def leave(self):
        how = self.rng.choice(self.crowd.leaves)
        self.crowd.done[f"leaves by {how}"] += 1
        if how == "quit":
            await self.c.quit()
        elif how == "amid a packet":
            whole = w.packet(w.query(f"SELECT '{self.tag()}'"))
            await self.c.send(whole[:self.rng.randrange(1, len(whole))])
        elif how == "amid a query":
            await self.c.send(w.packet(w.query(
                self.rng.choice(["SELECT SLEEP(0.1)", "BEGIN",
                                 f"SELECT REPEAT('{self.tag()}', 100000)",
                                 "SET @tag = 'left'",
                                 "SET time_zone = '+13:13'"]))))
            if self.rng.random() < 0.5:
                await asyncio.sleep(self.rng.random() * 0.02)
        elif how == "amid a transaction":
            await self.c.query("BEGIN")
            await self.c.query(
                f"INSERT INTO tagged (tag) VALUES ('{self.tag()}')")
        self.c.reset()

    async def run(self):
        while not self.crowd.is_over():
            try:
                await self.connection()
            except (MyError, Closed, OSError):
                if not self.crowd.tolerates:
                    raise
                self.crowd.done["ended"] += 1
                await asyncio.sleep(0.02)

    async def connection(self):
        self.c = await AsyncMysql.open(
            port=self.crowd.port, user="app", timeout=60,
            password=self.crowd.password, database=self.crowd.database,
            caps=OLD if self.rng.random() < 0.9 else MODERN)
        self.crowd.done["logins"] += 1
        try:
            for _ in range(self.rng.randrange(1, 12)):
                if self.crowd.is_over():
                    break
                await self.one()
            await self.leave()
        except MyError as e:
            if e.code != KILLED or self.c.id not in self.crowd.killed:
                raise
            self.crowd.done["killed leaving"] += 1
        finally:
            self.c.close()

    async def one(self):
        kind = self.kind = self.rng.choice(self.crowd.kinds)
        try:
            await getattr(self, kind)()
            self.crowd.done[kind] += 1
        except MyError as e:
            if e.code != KILLED or self.c.id not in self.crowd.killed:
                raise
            self.crowd.done["killed"] += 1
            if kind == "pipeline":
                raise
            await self.forget()


class Tagged:
    KINDS = ["plain"] * 4 + [
        "rows", "large", "transaction", "committed", "without_autocommit",
        "error", "setting", "variable", "temporary", "insert_id", "prepared",
        "pipeline", "several", "procedure", "ping", "slow", "kill"]
    LEAVES = ["quit", "amid a packet", "amid a query", "amid a transaction",
              "without a word"]

    def __init__(self, port, password, database, seed, kinds=None,
                 leaves=None, large=5000, has_sequences=True,
                 tolerates=False):
        self.port, self.password, self.database = port, password, database
        self.seed, self.large = seed, large
        self.has_sequences = has_sequences
        self.kinds = kinds or self.KINDS
        self.leaves = leaves or self.LEAVES
        # Of connections that end under them, and of KILL.
        self.tolerates = tolerates
        self.failure = None
        self.answers = self.written = 0
        self.slow, self.killed = set(), set()
        self.done = collections.Counter()

    def is_over(self):
        return self.answers >= self.wanted or time.monotonic() > self.end

    def run(self, answers, clients=200, seconds=60):
        self.wanted = answers
        self.end = time.monotonic() + seconds

        async def all_of_them():
            tasks = [asyncio.ensure_future(Life(self, f"s{self.seed}c{i}").run())
                     for i in range(clients)]
            try:
                await asyncio.wait_for(asyncio.gather(*tasks), seconds + 60)
            finally:
                for t in tasks:
                    t.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        try:
            asyncio.run(all_of_them())
        except (AssertionError, MyError, Closed, OSError) as e:
            e.args = (f"{e!r} (seed {self.seed}, done {dict(self.done)})",)
            self.failure = e
            raise
        return self
