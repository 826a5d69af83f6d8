"""Allocations of a daemon that fail: test/fault/preload/failmalloc.c."""

import mmap
import os
import struct
import subprocess

from tools.account import give, scratch

_TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
_SOURCE = f"{_TOP}/test/fault/preload/failmalloc.c"

_library = None


def library():
    """The build's product, or one compiled for this run."""
    global _library
    if _library is None:
        build = os.environ.get("CARPOOL_BUILD", "release")
        folder = os.environ.get("CARPOOL_TOOLS", f"{_TOP}/build/{build}")
        faultproxy = os.environ.get("FAULTPROXY")
        if faultproxy:
            folder = os.path.dirname(os.path.dirname(faultproxy))
        path = f"{folder}/fault/failmalloc.so"
        if not os.path.exists(path) or (
                os.path.getmtime(path) < os.path.getmtime(_SOURCE)):
            path = os.path.join(scratch("fault"), "failmalloc.so")
            subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2",
                            "-shared", "-fPIC", "-o", path, _SOURCE, "-ldl"],
                           check=True)
        _library = path
    return _library


class FailMalloc:
    """env goes to Carpool(env=...); nothing fails until fail() is called."""

    def __init__(self):
        self.path = os.path.join(scratch("failmalloc"), "numbers")
        with open(self.path, "wb") as f:
            f.write(bytes(8))
        give(self.path)
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 8)
        self.env = {"FAILMALLOC": self.path, "LD_PRELOAD": library()}

    def fail(self, per_million):
        """So many of a million allocations fail from now on."""
        self.map[0:4] = struct.pack("=I", per_million)

    @property
    def failed(self):
        """How many have failed so far."""
        return struct.unpack("=I", self.map[4:8])[0]
