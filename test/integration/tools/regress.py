"""PostgreSQL's own regression suite, run by psql against any address.

The suite comes from Debian's source package of the server, fetched with the
machine's own apt sources into a scratch folder; its C functions are built
there with the headers of the server's development package.  Nothing of it is
kept.
"""

import glob
import os
import re
import subprocess
import time

from tools.account import as_account, give, scratch
from tools.postgres import BIN

MAJOR = re.search(r"/(\d+)/", BIN).group(1)
SOURCE = f"postgresql-{MAJOR}"
HEADERS = f"postgresql-server-dev-{MAJOR}"


class Unavailable(Exception):
    """The suite cannot be had here."""


def _run(*args, timeout=180, **kw):
    done = subprocess.run(args, capture_output=True, text=True,
                          timeout=timeout, **kw)
    if done.returncode != 0:
        raise Unavailable(f"{args[0]} {args[-1]}: "
                          + (done.stderr or done.stdout)[-300:])
    return done.stdout


class Apt:
    """An apt configuration of its own: the machine's sources, with source
    packages, and nothing else of the machine's."""

    def __init__(self, folder):
        self.folder = folder
        for part in ("state/lists/partial", "cache/archives/partial",
                     "sources", "got"):
            os.makedirs(os.path.join(folder, part))
        self._copy_sources()
        self.options = ["-qq"] + [o for name, value in (
            ("Dir::State", f"{folder}/state"),
            ("Dir::Cache", f"{folder}/cache"),
            ("Dir::Etc::sourceparts", f"{folder}/sources"),
            ("Dir::Etc::sourcelist", f"{folder}/none"),
            ("Acquire::Languages", "none"),
        ) for o in ("-o", f"{name}={value}")]
        if os.getuid() == 0:
            self.options += ["-o", "APT::Sandbox::User=root"]
        subprocess.run(["apt-get", *self.options, "update"],
                       capture_output=True, timeout=180)

    def _copy_sources(self):
        names = ["/etc/apt/sources.list",
                 *glob.glob("/etc/apt/sources.list.d/*.list"),
                 *glob.glob("/etc/apt/sources.list.d/*.sources")]
        for n, name in enumerate(names):
            if not os.path.exists(name):
                continue
            with open(name) as f:
                text = f.read()
            kind = name.rsplit(".", 1)[1]
            if kind == "sources":
                text = re.sub(r"(?mi)^Types:.*$", "Types: deb deb-src", text)
            else:
                text = "".join(
                    line + re.sub(r"^deb\b", "deb-src", line)
                    for line in text.splitlines(True)
                    if line.startswith("deb "))
                kind = "list"
            with open(f"{self.folder}/sources/{n}.{kind}", "w") as f:
                f.write(text)

    def get(self, command, name, versions):
        """Run an apt-get command for the first version that is there."""
        reason = None
        for version in versions:
            try:
                _run("apt-get", *self.options, *command, f"{name}={version}",
                     cwd=f"{self.folder}/got")
                return version
            except Unavailable as e:
                reason = e
        raise Unavailable(f"no {name}: {reason}")

    def versions(self, command, name, pattern):
        done = subprocess.run(["apt-cache", *self.options[1:], command, name],
                              capture_output=True, text=True, timeout=60)
        return re.findall(pattern, done.stdout, re.M)


def _installed():
    return _run("dpkg-query", "-W", "-f", "${source:Version}", SOURCE)


class Suite:
    """fetch() once, then run() as often as one likes."""

    def __init__(self):
        self.folder = scratch("regress")
        self.build = os.path.join(self.folder, "build")
        self.seconds = {}

    def fetch(self):
        installed = _installed()
        apt = Apt(os.path.join(self.folder, "apt"))
        known = apt.versions("showsrc", SOURCE, r"^Version: (\S+)$")
        self.version = apt.get(["source", "--download-only"], SOURCE,
                               [installed, *reversed(known)])
        apt.get(["download"], HEADERS, [installed, *apt.versions(
            "madison", HEADERS, r"\| *(\S+) *\|")])
        got = os.path.join(apt.folder, "got")
        # the suite alone: the whole source is ten times as much
        os.mkdir(f"{self.folder}/src")
        _run("tar", "-x", "-C", f"{self.folder}/src",
             "--strip-components=1", "--wildcards", "-f",
             glob.glob(f"{got}/*.orig.tar.*")[0], "*/src/test/regress/*")
        _run("dpkg-deb", "-x", glob.glob(f"{got}/*.deb")[0],
             f"{self.folder}/dev")
        self.source = os.path.join(self.folder, "src/src/test/regress")
        os.makedirs(f"{self.build}/lib")
        os.chmod(f"{self.build}/lib", 0o755)
        _run("gcc", "-O1", "-fPIC", "-shared", "-w",
             f"-I{self.folder}/dev/usr/include/postgresql/{MAJOR}/server",
             "-o", f"{self.build}/lib/regress.so",
             f"{self.source}/regress.c")
        for name in ("autoinc", "refint"):
            os.symlink(f"{os.path.dirname(BIN)}/lib/{name}.so",
                       f"{self.build}/lib/{name}.so")
        subprocess.run(["chmod", "-R", "a+rX", self.folder], check=True)
        give(self.build)
        return self

    def groups(self):
        """The parallel groups of the schedule, as lists of names."""
        with open(f"{self.source}/parallel_schedule") as f:
            return [line.split()[1:] for line in f
                    if line.startswith("test:")]

    def prepare(self, pg):
        """A fresh database as the suite wants it."""
        pg.query("CREATE DATABASE regression TEMPLATE template0")
        for name, value in (
                ("lc_messages", "C"), ("lc_monetary", "C"),
                ("lc_numeric", "C"), ("lc_time", "C"),
                ("bytea_output", "hex"),
                ("timezone_abbreviations", "Default")):
            pg.query(f"ALTER DATABASE regression SET {name} TO '{value}'")

    def _start(self, name, host, port, application):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("PG", "LC_", "LANG"))}
        env.update(
            PGHOST=host, PGPORT=str(port), PGUSER="postgres",
            PGTZ="PST8PDT", PGDATESTYLE="Postgres, MDY",
            PGOPTIONS="-c intervalstyle=postgres_verbose",
            PGAPPNAME=application or f"pg_regress/{name}",
            PG_ABS_SRCDIR=self.source, PG_ABS_BUILDDIR=self.build,
            PG_LIBDIR=f"{self.build}/lib", PG_DLSUFFIX=".so")
        out = open(f"{self.build}/results/{name}.out", "wb")
        with open(f"{self.source}/sql/{name}.sql") as sql, out:
            return subprocess.Popen(
                as_account([f"{BIN}/psql", "-X", "-a", "-q", "-d",
                            "regression", "-v", "HIDE_TABLEAM=on", "-v",
                            "HIDE_TOAST_COMPRESSION=on"]),
                stdin=sql, stdout=out, stderr=subprocess.STDOUT,
                env=env, cwd=self.build)

    def run(self, label, host, port, only=None, application=None,
            at_a_time=20):
        """Run the suite (or the tests in only); the folder of results.

        application: the application_name of all, so that a pooler may give
        one server to many of them; None: another one for each, as the
        suite's own driver has it.
        """
        results = f"{self.build}/results"
        os.makedirs(results)
        give(results)
        began = time.monotonic()
        for group in self.groups():
            names = [n for n in group if only is None or n in only]
            while names:
                running = [self._start(n, host, port, application)
                           for n in names[:at_a_time]]
                names = names[at_a_time:]
                for p in running:
                    p.wait()
        self.seconds[label] = time.monotonic() - began
        kept = f"{self.folder}/{label}"
        os.rename(results, kept)
        return kept

    def unexpected(self, results):
        """Names whose output is none of those that the suite expects."""
        out = []
        for path in sorted(glob.glob(f"{results}/*.out")):
            name = os.path.basename(path)[:-4]
            with open(path, "rb") as f:
                text = f.read()
            known = glob.glob(f"{self.source}/expected/{name}.out") + \
                glob.glob(f"{self.source}/expected/{name}_[0-9].out")
            if not any(open(k, "rb").read() == text for k in known):
                out.append(name)
        return out


def outputs(results):
    return {os.path.basename(p)[:-4]: open(p, "rb").read()
            for p in glob.glob(f"{results}/*.out")}


def differences(a, b):
    """Names of the tests whose outputs differ."""
    a, b = outputs(a), outputs(b)
    return sorted(n for n in a.keys() | b.keys() if a.get(n) != b.get(n))
