"""The diff harness: the same bytes direct and through carpool.

record() runs random groups directly against Postgres and keeps what was sent
and what came; replay() sends the same bytes elsewhere and gives each step's
answers to a Comparison, which finds the first difference.  Both sides have
databases of their own, copies of one template, and each client a table of its
own, so that nothing but the way differs.

What doc/design.md (section 11) says to differ is known by narrow rules.  Where
both sides are in the same state behind such a difference the script goes on;
where they are not it is over, and the steps that are lost are counted.
"""

import random
import threading

from tools.groups import Generator, SETUP, SETUP_ONCE, TABLES
from tools.pgwire import error_fields, show, split
from tools.raw import RawClient

TEMPLATE = "diff_template"


class Differs(AssertionError):
    """repeat: the environment that repeats the run."""

    def __init__(self, text, repeat):
        super().__init__(text)
        self.repeat = repeat


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
    # After five runs a server may keep a plan for all values, of which errors
    # come later; whose runs they are is another matter where it is shared.
    pg.query(f"ALTER DATABASE {name} SET plan_cache_mode = force_custom_plan")


def _run_step(client, owed, step):
    client.send_split(step.data, step.sizes)
    owed.sent(step.data)
    out = []
    while owed.waiting():
        m = client.read()
        owed.received(m.type)
        out.append(m)
    return out


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
            gen.observe(step, script.answers[-1])
        script.steps.append(gen.ending())
        script.answers.append(_run_step(client, owed, script.steps[-1]))
    except Exception as e:
        raise AssertionError(
            f"seed {seed} on {table}: {e!r}; owed {owed.queue}"
            f"\n  last step: {script.steps[-1]!r}") from e
    return script


def _code(m):
    return error_fields(m.body)["C"] if m.type in "EN" else None


def _is_load_refused(m):
    """What is told of a hidden Parse in a failed transaction."""
    return (m.type == "E" and _code(m) == "25P02" and
            error_fields(m.body)["R"] == "exec_parse_message")


def is_late_alike(a, b):
    """Both tell of the failed transaction, the second one of a hidden Parse."""
    if a.type != "E" or not _is_load_refused(b):
        return False
    fields = [error_fields(m.body) for m in (a, b)]
    for f in fields:
        for code in "FLR":
            f.pop(code, None)
    return fields[0] == fields[1]


def _ready(messages):
    """The place of the first ReadyForQuery; None: there is none."""
    return next((i for i, m in enumerate(messages) if m.type == "Z"), None)


class Comparison:
    """Answers to the steps of a script, compared with what the server told
    directly.  OVER: what follows cannot be compared."""

    # what a server that has the statement may tell of it in a failed
    # transaction: that it is of no use (25P02), that its name is taken or its
    # new text is wrong, that its Bind is
    TOLD_LATE = ("25P02", "42P05", "42601", "08P01")
    OVER = object()

    def __init__(self, script, session=False):
        self.script, self.session = script, session
        self.status = "I"
        self.parsed = False     # in this transaction, or described
        self.step = 0

    def add(self, got):
        """The next step's answers; True or OVER."""
        want, i, j = self.script.answers[self.step], 0, 0
        while i < len(want) or j < len(got):
            a = want[i] if i < len(want) else None
            b = got[j] if j < len(got) else None
            if a != b:
                rest = self._may_differ(want[i:], got[j:])
                if rest is None:
                    self._fail(a, b, want[max(0, i - 3):i + 4],
                               got[max(0, j - 3):j + 4])
                if rest is self.OVER:
                    return rest
                i, j = i + rest[0], j + rest[1]
                continue
            self._observe(a)
            i, j = i + 1, j + 1
        self.step += 1
        return True

    def _observe(self, m):
        if m.type == "Z":
            self.status = m.body.decode()
            self.parsed &= self.status != "I"
        self.parsed |= m.type in "1t"

    def _may_differ(self, want, got):
        """Where both go on alike: (messages of want, of got) from here; OVER;
        None: they may not differ."""
        if self.session or not want or not got:
            return None
        if self.status == "E" and _is_load_refused(got[0]):
            return self._late(want, got)
        if self.status == "T" and self._tells_of_snapshot(want[0], got[0]):
            return self.OVER
        return None

    def _late(self, want, got):
        """In a failed transaction no server loads a statement.  One that has
        not got it tells of the transaction; one that has it tells of the
        statement."""
        told, at = _ready(want), 0
        while want[at].type == "N":
            at += 1
        if want[at].type == "E" and _code(want[at]) in self.TOLD_LATE:
            return at + 1, 1
        if want[at].type != "t":
            return None
        # described, and the group went on: alike where it came to nothing
        if told is None or _ready(got) != 1 or want[told] != got[1]:
            return self.OVER
        kinds = {m.type for m in want[:told]}
        return (told, 1) if kinds <= set("tnTNE") else self.OVER

    def _tells_of_snapshot(self, *both):
        """A Parse takes the transaction's snapshot; one that carpool answers
        does not, and one that it adds does."""
        return self.parsed and any(
            m.type == "E" and _code(m) == "25001" and
            b"must be called before any query" in m.body for m in both)

    def _fail(self, a, b, want, got):
        s, n = self.script, self.step
        raise AssertionError(
            f"seed {s.seed} on {s.table}: step {n} differs: {a} is not {b}"
            f"\n  sent: {s.steps[n]!r}\n  direct:  {show(want)}"
            f"\n  through: {show(got)}")


def replay(client, script, session=False):
    """Send a script's bytes and compare the answers; the number of steps that
    could not be compared."""
    owed = Owed()
    compared = Comparison(script, session)
    for n, step in enumerate(script.steps):
        try:
            got = _run_step(client, owed, step)
        except Exception as e:
            raise AssertionError(
                f"seed {script.seed} on {script.table}, step {n}: {e!r}"
                f"\n  sent: {step!r}"
                f"\n  direct: {show(script.answers[n])}"
                f"\n  so far: {show(client.all_received[-20:])}") from e
        if compared.add(got) is Comparison.OVER:
            return len(script.steps) - n - 1
    return 0


def compare(script, answers):
    """Raise AssertionError at the first message that differs."""
    compared = Comparison(script)
    for got in answers:
        if compared.add(got) is Comparison.OVER:
            return


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
        self.messages = self.steps = self.lost = 0

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
            raise Differs(
                f"{len(errors)} of {self.clients} clients differ; "
                f"seed={self.seed}\n{errors[0]}\nseed={self.seed}",
                f"DIFF_SEED={self.seed} DIFF_GROUPS={self.groups}",
            ) from errors[0]
        self.messages = sum(len(s.stream) for s in scripts)
        self.steps = sum(len(s.steps) for s in scripts)
        return self

    def _one(self, script):
        with RawClient.open(self.way.host, self.way.port, user=self.user,
                            database=self.way_db, password=self.password,
                            timeout=20) as c:
            assert login_parameters(c) == self.parameters
            lost = replay(c, script, self.session)
            self.lost += lost
            if lost == 0:
                c.expect_silence(0.01)
