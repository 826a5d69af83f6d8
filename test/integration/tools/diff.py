"""The diff harness: the same bytes direct and through carpool.

record() runs random groups directly against Postgres and keeps what was sent
and what came; replay() sends the same bytes elsewhere; compare() finds the
first difference.  Both sides have databases of their own, copies of one
template, and each client a table of its own, so that nothing but the way
differs.
"""

import random
import threading

from tools.groups import Generator, SETUP, SETUP_ONCE, TABLES
from tools.pgwire import error_fields, show, split
from tools.raw import RawClient

LATE_CODES = ("08P01", "42P05", "42601")
TEMPLATE = "diff_template"


class Owed:
    """What a client may still expect, from what it sent and read."""

    def __init__(self):
        self.queue = []
        self.copy_in = False   # the server waits for copy data
        self.skipping = False  # until the next Sync

    def sent(self, data):
        for m in split(data):
            self._sent(m.type)

    def _sent(self, kind):
        if kind in "Hd" or (self.skipping and kind != "S"):
            return
        if kind in "cf":
            if self.copy_in:
                self.copy_in = False
            elif self.queue:
                self.queue.append("c")
        elif kind == "S" and self.copy_in:
            return
        else:
            self.skipping = False
            self.queue.append(kind)

    def received(self, kind):
        if kind in "NSA":
            return
        while self.queue and self.queue[0] == "c":
            self.queue.pop(0)
        assert self.queue, f"nothing is owed, but {kind} came"
        head = self.queue[0]
        if kind == "G":
            self._enter_copy()
        elif head in "QFS":
            if kind == "E" and head == "Q":
                self.copy_in = False
            if kind == "Z":
                self.queue.pop(0)
        elif kind == "E":
            self._skip()
        elif kind in {"P": "1", "B": "2", "C": "3", "D": "Tn",
                      "E": "CIs"}[head]:
            self.queue.pop(0)
        while self.queue and self.queue[0] == "c":
            self.queue.pop(0)

    def _enter_copy(self):
        """Syncs up to the end of the copy are read and ignored."""
        rest = self.queue[1:]
        if "c" in rest:
            at = rest.index("c")
            rest = [k for k in rest[:at] if k != "S"] + rest[at + 1:]
        else:
            rest = [k for k in rest if k != "S"]
            self.copy_in = True
        self.queue[1:] = rest

    def _skip(self):
        self.copy_in = False
        if "S" in self.queue:
            del self.queue[:self.queue.index("S")]
        else:
            self.queue.clear()
            self.skipping = True

    def waiting(self):
        """Something more must come before the client sends."""
        return bool(self.queue) and not self.copy_in


class Script:
    """Steps and the answers to each of them."""

    def __init__(self, seed, table):
        self.seed, self.table = seed, table
        self.steps = []
        self.answers = []

    @property
    def stream(self):
        return [m for a in self.answers for m in a]

    def step_of(self, index):
        """(number of the step, step) that made message index."""
        for n, a in enumerate(self.answers):
            if index < len(a):
                return n
            index -= len(a)
        return len(self.steps) - 1


def prepare(pg, name):
    """A fresh database with the tables of all clients."""
    if not pg.query("SELECT 1 FROM pg_database WHERE datname = %s",
                    (TEMPLATE,)):
        pg.create_database(TEMPLATE)
        sql = SETUP_ONCE + "".join(SETUP.format(n=n) for n in range(TABLES))
        pg.query(sql, db=TEMPLATE)
        pg.query("GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC",
                 db=TEMPLATE)
    pg.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    pg.create_database(name, TEMPLATE)


def _run_step(client, owed, step):
    client.send_split(step.data, step.sizes)
    owed.sent(step.data)
    out = []
    while owed.waiting():
        m = client.read()
        owed.received(m.type)
        out.append(m)
    return out


def _is_told_apart(status, answers):
    """In a failed transaction no server loads a statement, so one that has not
    got it tells of the transaction what another would tell of the statement:
    that its Bind is wrong, that its name is taken, what it returns."""
    for m in answers:
        if m.type == "Z":
            status = m.body.decode()
        elif status == "E" and (m.type == "t" or m.type == "E" and
                                error_fields(m.body)["C"] in LATE_CODES):
            return True
    return False


def record(client, seed, groups, table="t0", session=False):
    """Run random groups over client; a Script."""
    script = Script(seed, table)
    gen = Generator(random.Random(seed), table, session)
    owed = Owed()
    try:
        while groups > 0 or gen.queue:
            groups -= not gen.queue
            step = gen.next()
            script.steps.append(step)
            script.answers.append([])
            script.answers[-1] = _run_step(client, owed, step)
            if not session and _is_told_apart(gen.status,
                                              script.answers[-1]):
                # the script ends here, with the transaction open
                script.steps.pop()
                script.answers.pop()
                return script
            gen.observe(step, script.answers[-1])
        script.steps.append(gen.ending())
        script.answers.append(_run_step(client, owed, script.steps[-1]))
    except Exception as e:
        raise AssertionError(
            f"seed {seed} on {table}: {e!r}; owed {owed.queue}"
            f"\n  last step: {script.steps[-1]!r}") from e
    return script


def is_late_alike(a, b):
    """The words about a failed transaction, from another place of the server's
    source."""
    if a is None or b is None or a.type != "E" or b.type != "E":
        return False
    fields = [error_fields(m.body) for m in (a, b)]
    for f in fields:
        for code in "FLR":
            f.pop(code, None)
    return fields[0] == fields[1] and fields[0]["C"] == "25P02"


def replay(client, script):
    """Send a script's bytes; the answers, step by step."""
    owed = Owed()
    out = []
    for n, step in enumerate(script.steps):
        try:
            out.append(_run_step(client, owed, step))
        except Exception as e:
            raise AssertionError(
                f"seed {script.seed} on {script.table}, step {n}: {e!r}"
                f"\n  sent: {step!r}"
                f"\n  direct: {show(script.answers[n])}"
                f"\n  so far: {show(client.all_received[-20:])}") from e
    return out


def compare(script, answers):
    """Raise AssertionError at the first message that differs."""
    want, got = script.stream, [m for a in answers for m in a]
    for i in range(max(len(want), len(got))):
        a = want[i] if i < len(want) else None
        b = got[i] if i < len(got) else None
        if a == b or is_late_alike(a, b):
            continue
        n = script.step_of(i)
        raise AssertionError(
            f"seed {script.seed} on {script.table}: message {i} differs,"
            f" step {n}: {a} is not {b}\n  sent: {script.steps[n]!r}"
            f"\n  direct:  {show(want[max(0, i - 3):i + 4])}"
            f"\n  through: {show(got[max(0, i - 3):i + 4])}")


def login_parameters(client):
    """What the login told, less what may differ."""
    return dict(client.parameters)


class Difference:
    """Runs n clients with random groups each, first direct, one after the
    other, then through another way, all at once."""

    def __init__(self, pg, way, clients=1, groups=30, seed=None,
                 session=False, name="diff", user="app", password=None):
        assert clients <= TABLES
        self.pg, self.way = pg, way
        self.clients, self.groups = clients, groups
        self.seed = random.SystemRandom().randrange(10 ** 9) \
            if seed is None else seed
        self.session = session
        self.user, self.password = user, password
        self.direct_db, self.way_db = f"{name}_direct", f"{name}_way"
        self.messages = 0

    def prepare(self):
        prepare(self.pg, self.direct_db)
        prepare(self.pg, self.way_db)
        return self

    def _direct(self):
        return RawClient.open(self.pg.host, self.pg.port, user=self.user,
                              database=self.direct_db,
                              password=self.password)

    def run(self):
        scripts = []
        for n in range(self.clients):
            with self._direct() as c:
                self.parameters = login_parameters(c)
                scripts.append(record(c, self.seed * 1000 + n, self.groups,
                                      f"t{n}", self.session))
        errors = []

        def one(script):
            try:
                self._one(script)
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
                f"{len(errors)} of {self.clients} clients differ; "
                f"seed={self.seed}\n{errors[0]}") from errors[0]
        self.messages = sum(len(s.stream) for s in scripts)
        return self

    def _one(self, script):
        with RawClient.open(self.way.host, self.way.port, user=self.user,
                            database=self.way_db, password=self.password,
                            timeout=20) as c:
            assert login_parameters(c) == self.parameters
            compare(script, replay(c, script))
            c.expect_silence(0.01)
