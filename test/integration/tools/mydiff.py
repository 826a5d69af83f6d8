"""The diff harness for MySQL: the same commands direct and through carpool.

record() runs random steps directly against the server and keeps what was said
and what came; replay() says the same elsewhere; compare() finds the first
difference.  Both sides have databases of their own with names of one length,
and each client a table of its own, so that nothing but the way differs.  What
a server numbers as it likes (prepared statements) is compared by our names.
"""

import random
import re
import threading

from tools import mywire as w
from tools.mygroups import SETUP, TABLES, Generator
from tools.mywire import show
from tools.rawmysql import RawMysql

# What clients may be like: capabilities, MariaDB's word, character set.
MODERN = w.BASE | w.SESSION_TRACK | w.DEPRECATE_EOF
KINDS = [
    (w.BASE, 0, 45), (MODERN, 0, 45), (w.BASE | w.FOUND_ROWS, 0, 33),
    (MODERN | w.MULTI_STATEMENTS, 0, 45),
    (w.BASE | w.MULTI_STATEMENTS | w.LOCAL_FILES, 0, 8),
    (w.BASE | w.SESSION_TRACK | w.LOCAL_FILES, 0, 45),
    (MODERN | w.FOUND_ROWS, w.EXTENDED_METADATA | w.BULK, 45),
    (w.BASE | w.DEPRECATE_EOF | w.IGNORE_SPACE, 0, 45),
]
NO_SUCH = 0x7ffffff0  # no server gets so far


class Speaker:
    """One client's side: says steps and keeps the numbers of statements."""

    def __init__(self, client, databases, names):
        self.client = client
        # the script's names of databases and ours
        self.pairs = list(zip(names, databases))
        self.ids = {}
        self.columns = {}

    def here(self, text):
        for name, ours in self.pairs:
            text = text.replace(name, ours)
        return text

    def payload(self, c):
        kind, args = c[0], c[1:]
        ident = self.ids.get(args[0], NO_SUCH) if args else None
        if kind == "query":
            return w.query(self.here(args[0]))
        if kind == "prepare":
            return w.prepare(self.here(args[1]))
        if kind == "execute":
            return w.execute(ident, args[1], args[2], long=args[3])
        if kind == "long":
            return w.long_data(ident, args[1], args[2])
        if kind == "init_db":
            return w.command(w.INIT_DB, self.here(args[0]))
        return {
            "close": lambda: w.close(ident),
            "stmt_reset": lambda: w.reset(ident),
            "fetch": lambda: w.fetch(ident, args[1]),
            "ping": lambda: bytes([w.PING]),
            "reset_connection": lambda: bytes([w.RESET_CONNECTION]),
            "field_list": lambda: w.command(w.FIELD_LIST, w.cstr(args[0])),
            "set_option": lambda: w.set_option(args[0]),
            "raw": lambda: args[0],
        }[kind]()

    def say(self, step, heard=None):
        """Send the step; an Answer for each command, also added to heard as
        soon as it has begun."""
        client = self.client
        payloads = [self.payload(c) for c in step.commands]
        client.send_split(b"".join(map(w.packet, payloads)), step.sizes)
        out = [] if heard is None else heard
        for command, payload in zip(step.commands, payloads):
            kw = {}
            if command[0] == "execute":
                kw["cursor"] = bool(command[3])
            elif command[0] == "fetch":
                kw["columns"] = self.columns.get(command[1], ())
            answer = client.answer_of(payload[0], **kw)
            out.append(answer)
            client.finish(answer, None, 1 + len(payload) // w.MAX_PAYLOAD)
            if answer.wanted is not None:
                client.give_file(answer, step.file)
            self.note(command, answer)
        return out

    def note(self, command, answer):
        if command[0] == "prepare" and not answer.errors:
            self.ids[command[1]] = answer.statement.id
        elif command[0] == "execute" and command[3] and answer.sets:
            self.columns[command[1]] = answer.sets[0].columns

    def common(self, answer):
        """An answer's packets, with all names as in the script."""
        out = []
        for i, p in enumerate(answer.packets):
            payload = p.payload
            if i == 0 and answer.code == w.STMT_PREPARE and (
                    payload[0] == 0):
                payload = b"\0????" + payload[5:]
            for name, ours in self.pairs:
                payload = payload.replace(ours.encode(), name.encode())
            # with the byte before it: in a row that is the text's length
            payload = re.sub(
                rb"(?s).((?:Unknown prepared|The) statement"
                rb" (?:handler )?\()\d+", rb"?\1?", payload)
            if payload[:1] == b"\xfe" and len(payload) == 5:
                # An EOF says that something changed and never what; carpool
                # leaves that out, for it may be about its own trackers.
                payload = payload[:4] + bytes([payload[4] & ~0x40])
            out.append(w.Packet(p.seq, in_order(payload)))
        return out


def in_order(payload):
    """The changed variables of an OK by their names: servers tell them in the
    order of a hash table, which depends on what a session set before."""
    if payload[:1] not in (b"\0", b"\xfe"):
        return payload
    parts = re.findall(rb"(?s)\0.[\x04-\x7f][a-z_]{3,}[\0-\xfa][^\0]*",
                       payload)
    if len(parts) < 2 or not payload.endswith(b"".join(parts)):
        return payload
    return payload[:-len(b"".join(parts))] + b"".join(sorted(parts))


class Script:
    """Steps and the packets that answered each of them."""

    def __init__(self, seed, number, kind):
        self.seed, self.number, self.kind = seed, number, kind
        self.steps, self.answers = [], []


def record(speaker, script, count, session=False, is_mariadb=True):
    """Run random steps; the script gets them."""
    names = [name for name, _ in speaker.pairs]
    gen = Generator(random.Random(script.seed), script.number, names,
                    speaker.client.caps, session, is_mariadb)
    for n in range(count + 1):
        step = gen.next() if n < count else gen.ending()
        heard = []
        try:
            speaker.say(step, heard)
        except Exception as e:
            raise AssertionError(
                f"seed {script.seed}, step {n}, direct: {e!r}\n"
                f"  sent: {step!r}\n  heard: {heard}") from e
        gen.observe(step, heard)
        script.steps.append(step)
        script.answers.append([speaker.common(a) for a in heard])
    return script


def replay(speaker, script):
    """Say what a script says, and compare each answer."""
    for n, step in enumerate(script.steps):
        heard = []
        try:
            speaker.say(step, heard)
        except Exception as e:
            raise AssertionError(
                f"seed {script.seed} on t{script.number}, step {n}: {e!r}\n"
                f"  sent: {step!r}\n  direct: {script.answers[n]}\n"
                f"  so far: {heard}") from e
        compare(script, n, [speaker.common(a) for a in heard])


def compare(script, n, answers):
    """Raise AssertionError at the first packet of step n that differs."""
    for i, (want, got) in enumerate(zip(script.answers[n], answers)):
        for k in range(max(len(want), len(got))):
            a = want[k] if k < len(want) else None
            b = got[k] if k < len(got) else None
            if a != b:
                before = "\n    ".join(map(repr, script.steps[max(0, n - 4):n]))
                raise AssertionError(
                    f"seed {script.seed} on t{script.number}, step {n},"
                    f" command {i}, packet {k}: {a} is not {b}"
                    f"\n  sent: {script.steps[n].commands[:i + 1]}"
                    f"\n  direct:  {show(want[max(0, k - 3):k + 4])}"
                    f"\n  through: {show(got[max(0, k - 3):k + 4])}"
                    f"\n  kind {script.kind}; before:\n    {before}")


def prepare(server, name, clients):
    """Fresh databases with the tables of all clients."""
    for database in names_of(name):
        server.create_database(database)
        server.script("".join(SETUP.format(n=n) for n in range(clients)),
                      database)


def names_of(name):
    """The two databases of one side."""
    return [name + "_x", name + "_y"]


class Difference:
    """Runs n clients with random steps each, first direct, one after the
    other, then through another way, all at once."""

    def __init__(self, server, way, clients=1, steps=60, seed=None,
                 session=False, name="diff", user="app"):
        assert clients <= TABLES
        self.server, self.way = server, way
        self.clients, self.steps = clients, steps
        self.seed = (random.SystemRandom().randrange(10 ** 9)
                     if seed is None else seed)
        self.session, self.user = session, user
        self.direct, self.through = name + "_a", name + "_b"
        self.packets = 0

    def prepare(self):
        for name in (self.direct, self.through):
            prepare(self.server, name, self.clients)
        return self

    def speaker(self, where, script, side):
        caps, ext, charset = script.kind
        databases = names_of(side)
        client = RawMysql.open(
            where.host, where.port, timeout=20, user=self.user,
            password=self.server.users[self.user][0], caps=caps, ext=ext,
            charset=charset, database=databases[0])
        return Speaker(client, databases, names_of(self.direct))

    def run(self):
        scripts = []
        for n in range(self.clients):
            seed = self.seed * 1000 + n
            kind = KINDS[(self.seed + n) % len(KINDS)]
            script = Script(seed, n, kind)
            speaker = self.speaker(self.server, script, self.direct)
            with speaker.client:
                record(speaker, script, self.steps, self.session,
                       self.server.name == "mariadb")
            scripts.append(script)
        errors = []

        def one(script):
            try:
                speaker = self.speaker(self.way, script, self.through)
                with speaker.client:
                    replay(speaker, script)
                    speaker.client.expect_silence(0.01)
            except Exception as e:
                errors.append(e)

        threads = [threading.Thread(target=one, args=(s,), daemon=True)
                   for s in scripts]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if errors:
            raise AssertionError(
                f"{len(errors)} of {self.clients} clients differ;"
                f" seed={self.seed}\n{errors[0]}") from errors[0]
        self.compare_tables()
        self.packets = sum(len(a) for s in scripts for step in s.answers
                           for a in step)
        return self

    def compare_tables(self):
        """What is left in the tables is the same, too."""
        for n in range(self.clients):
            left = [self.server.query(f"SELECT * FROM t{n} ORDER BY a",
                                      db=names_of(side)[0])
                    for side in (self.direct, self.through)]
            assert left[0] == left[1], (
                f"seed={self.seed}: t{n} is {left[0]}, through {left[1]}")
