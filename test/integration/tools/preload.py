"""Libraries that are loaded before a daemon, to fail it in ways that nothing
outside of it can: test/fault/preload.  env goes to Carpool(env=...)."""

import mmap
import os
import struct
import subprocess

from tools.account import give, scratch

_TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


def _library(name):
    """The build's product, or one compiled for this run."""
    source = f"{_TOP}/test/fault/preload/{name}.c"
    build = os.environ.get("CARPOOL_BUILD", "release")
    folder = os.environ.get("CARPOOL_TOOLS", f"{_TOP}/build/{build}")
    if os.environ.get("FAULTPROXY"):
        folder = os.path.dirname(os.path.dirname(os.environ["FAULTPROXY"]))
    path = f"{folder}/fault/{name}.so"
    if not os.path.exists(path) or (
            os.path.getmtime(path) < os.path.getmtime(source)):
        path = os.path.join(scratch("fault"), f"{name}.so")
        subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-shared",
                        "-fPIC", "-o", path, source, "-ldl"], check=True)
    # Where the daemon's account may read it.
    copy = os.path.join(scratch("preload"), f"{name}.so")
    with open(path, "rb") as f, open(copy, "wb") as g:
        g.write(f.read())
    os.chmod(copy, 0o755)
    return copy


def _numbers(name):
    """A file of eight zero bytes that both sides map."""
    path = os.path.join(scratch(name), "numbers")
    with open(path, "wb") as f:
        f.write(bytes(8))
    give(path)
    with open(path, "r+b") as f:
        return path, mmap.mmap(f.fileno(), 8)


class FailMalloc:
    """Nothing fails until fail() is called."""

    def __init__(self):
        path, self.map = _numbers("failmalloc")
        self.env = {"FAILMALLOC": path, "LD_PRELOAD": _library("failmalloc")}

    def fail(self, per_million):
        """So many of a million allocations fail from now on."""
        self.map[0:4] = struct.pack("=I", per_million)

    @property
    def failed(self):
        """How many have failed so far."""
        return struct.unpack("=I", self.map[4:8])[0]


class StepClock:
    """The wall clock of a daemon; right until step() is called."""

    def __init__(self):
        path, self.map = _numbers("stepclock")
        self.env = {"STEPCLOCK": path, "LD_PRELOAD": _library("stepclock")}

    def step(self, seconds):
        """So many seconds are added to the true time from now on."""
        self.map[0:8] = struct.pack("=q", seconds)
