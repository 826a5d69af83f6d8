"""Installs what a language's drivers need, once, and says why it cannot.

Each language has a cache folder named after its lock files and toolchain, in
CLIENTS_CACHE (default: carpool-clients in the user's cache folder).  A folder
is made under another name and renamed when it is whole, so a half one is never
used; a lock keeps two runs from doing the same.  Registries are those that
the machine's own npm, pip, go, cargo and mvn are configured for.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("CLIENTS_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
    "carpool-clients")
INSTALL_SECONDS = 900


class Missing(Exception):
    """These drivers cannot run here; the text says why."""


def output(*argv, cwd=None):
    """What a short command prints; Missing when it is not there."""
    try:
        done = subprocess.run(argv, text=True, capture_output=True, cwd=cwd,
                              timeout=60)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Missing(f"{argv[0]}: {e}") from None
    if done.returncode != 0:
        raise Missing(f"{' '.join(argv)}: {done.stderr.strip()[-300:]}")
    return (done.stdout or done.stderr).strip()


def numbers(version):
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def need(what, found, wanted):
    if numbers(found) < numbers(wanted):
        raise Missing(f"needs {what} {wanted}, found {found}")


def tool(name):
    if not shutil.which(name):
        raise Missing(f"no {name} on this machine")


# What a package manager says when nobody answers, not when it is refused.
UNREACHABLE = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH"
    r"|[Nn]ame or service not known|[Nn]ame resolution|dial tcp|i/o timeout"
    r"|[Cc]onnection refused|[Cc]onnection reset|[Cc]ould not resolve"
    r"|[Cc]ouldn't resolve|NewConnectionError|[Nn]etwork is unreachable"
    r"|[Uu]nknown host|[Tt]imed out|[Tt]imeout was reached|\b50[234]\b"
    r"|failed to download|[Cc]ould not transfer|Could not connect"
    r"|\(from versions: none\)|No plugin found for prefix")


def step(*argv, cwd, env=None):
    """One step of an installation."""
    try:
        done = subprocess.run(
            argv, text=True, cwd=cwd, timeout=INSTALL_SECONDS,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
    except subprocess.TimeoutExpired:
        raise Missing(f"{argv[0]}: not done in {INSTALL_SECONDS} s") from None
    if done.returncode == 0:
        return
    tail = " ".join(done.stdout.split())[-600:]
    if UNREACHABLE.search(done.stdout):
        raise Missing(f"the registry cannot be reached: ...{tail[-120:]}")
    raise RuntimeError(f"{' '.join(argv)}: status {done.returncode}: {tail}")


def cached(language, toolchain, files, make):
    """The folder that make(folder) filled for these files and toolchain."""
    digest = hashlib.sha256(toolchain.encode())
    for path in files:
        with open(path, "rb") as f:
            digest.update(os.path.basename(path).encode() + b"\0" + f.read())
    folder = os.path.join(CACHE, f"{language}-{digest.hexdigest()[:16]}")
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, language + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            part = folder + ".part"
            shutil.rmtree(part, ignore_errors=True)
            os.makedirs(part)
            try:
                make(part)
                os.rename(part, folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return folder


def sources(language, *names):
    return [os.path.join(HERE, language, name) for name in names]


def copy(language, names, folder):
    for path in sources(language, *names):
        shutil.copy(path, folder)


# --- the languages ------------------------------------------------------------

def c():
    """The folder of libpq's program."""
    tool("gcc")
    flags = output("pkg-config", "--cflags", "--libs", "libpq").split()
    names = ("libpq.c", "client.c", "queries.c", "sessions.c")

    def make(folder):
        step("gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-O1",
             "-g", *sources("c", *names), "-o", f"{folder}/client",
             "-pthread", *flags, cwd=folder)

    return cached("c", output("gcc", "--version"),
                  sources("c", "client.h", *names), make)


DEBIAN_PYTHON = "/usr/bin/python3"


def python(language="python", name="python"):
    """The folder of a virtual environment with requirements.txt."""
    version = output(DEBIAN_PYTHON, "--version")
    need("Python", version, "3.11")

    def make(folder):
        # Its scripts name the folder, so they are not used: it is renamed.
        step(DEBIAN_PYTHON, "-m", "venv", folder, cwd=folder)
        step(f"{folder}/bin/python", "-m", "pip", "install", "-q",
             "--require-hashes", "--only-binary", ":all:", "-r",
             *sources(language, "requirements.txt"), cwd=folder)

    return cached(name, version, sources(language, "requirements.txt"),
                  make)


def generate_prisma(folder):
    """Prisma's client, from schema.prisma."""
    step("node", "node_modules/prisma/build/index.js", "generate",
         "--schema", "schema.prisma", cwd=folder,
         env={"CHECKPOINT_DISABLE": "1",
              # It is not used here, and would be downloaded.
              "PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true"})


def node():
    """The folder with node_modules."""
    tool("npm")
    version = output("node", "--version")
    need("node", version, "20")
    names = ("package.json", "package-lock.json", "schema.prisma")

    def make(folder):
        copy("node", names, folder)
        step("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
             cwd=folder)
        generate_prisma(folder)

    return cached("node", version, sources("node", *names), make)


def wanted_go(language):
    with open(sources(language, "go.mod")[0]) as f:
        return re.search(r"^go (\S+)", f.read(), re.M).group(1)


def go(language="go", name="go"):
    """The folder of the program."""
    tool("go")
    version = output("go", "version")
    need("go", re.search(r"go([\d.]+)", version).group(1),
         wanted_go(language))
    folder = os.path.join(HERE, language)
    names = sorted(os.listdir(folder))

    def make(made):
        step("go", "build", "-mod=readonly", "-trimpath", "-o",
             f"{made}/client", ".", cwd=folder,
             env={"GOTOOLCHAIN": "local"})

    return cached(name, version, sources(language, *names), make)


def rust():
    """The folder of the program.

    Cargo.lock in the tree does not say where its registry is.  Cargo itself
    is asked for it: it writes a lock file of its own first.
    """
    tool("cargo")
    version = output("rustc", "--version")
    with open(sources("rust", "Cargo.toml")[0]) as f:
        wanted = re.search(r'^rust-version = "(.*)"', f.read(), re.M).group(1)
    need("rust", version, wanted)
    names = ["Cargo.toml", "Cargo.lock"] + sorted(
        os.path.join("src", name)
        for name in os.listdir(os.path.join(HERE, "rust", "src")))

    def make(folder):
        copy("rust", ["Cargo.toml"], folder)
        shutil.copytree(os.path.join(HERE, "rust", "src"),
                        os.path.join(folder, "src"))
        step("cargo", "generate-lockfile", cwd=folder)
        with open(os.path.join(folder, "Cargo.lock")) as f:
            source = re.search(r'^source = "registry\+.*"', f.read(), re.M)
        with open(sources("rust", "Cargo.lock")[0]) as f:
            text = f.read().replace('source = "registry"', source.group(0))
        with open(os.path.join(folder, "Cargo.lock"), "w") as f:
            f.write(text)
        step("cargo", "build", "--locked", cwd=folder,
             env={"CARGO_TARGET_DIR": f"{CACHE}/rust-target"})
        shutil.copy(f"{CACHE}/rust-target/debug/client", folder)

    return cached("rust", version, sources("rust", *names), make)


def jar_list(language):
    """(group:artifact:version, SHA-256) of each line of jars.txt."""
    with open(sources(language, "jars.txt")[0]) as f:
        return [line.split() for line in f if line.strip()]


def java(language="java", name="java", shared=()):
    """The folder of the classes, with the jars beside them.  shared: sources
    of the folder java that are compiled with them."""
    tool("mvn")
    version = output("javac", "-version")
    need("java", version, "17")
    names = ["jars.txt"] + sorted(
        n for n in os.listdir(os.path.join(HERE, language))
        if n.endswith(".java"))
    files = sources(language, *names) + sources("java", *shared)

    def make(folder):
        for artifact, digest in jar_list(language):
            step("mvn", "-q", "-B", "dependency:copy",
                 f"-Dartifact={artifact}", f"-DoutputDirectory={folder}",
                 cwd=folder)
            _, library, number = artifact.split(":")
            jar = os.path.join(folder, f"{library}-{number}.jar")
            with open(jar, "rb") as f:
                if hashlib.sha256(f.read()).hexdigest() != digest:
                    raise RuntimeError(f"{artifact} is not as in jars.txt")
        step("javac", "-cp", f"{folder}/*", "-d", folder,
             *[path for path in files if path.endswith(".java")],
             cwd=folder)

    return cached(name, version, files, make)
