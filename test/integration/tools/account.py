"""Running as an ordinary user, and scratch folders that this user may write.

Postgres never runs as root, and carpool needs no root either: started by root,
both run as user postgres (or nobody).
"""

import atexit
import os
import pwd
import shutil
import tempfile

SENTINEL = "sEnTiNeL"  # part of every test password; must show in no log


def account():
    """The passwd entry under which daemons run."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("neither user postgres nor nobody exists")


def as_account(argv):
    """argv, changed so that it runs under account()."""
    if os.getuid() != 0:
        return list(argv)
    a = account()
    return ["setpriv", f"--reuid={a.pw_uid}", f"--regid={a.pw_gid}",
            "--clear-groups", "--", *argv]


def give(path):
    """Make path the property of account()."""
    if os.getuid() == 0:
        a = account()
        os.chown(path, a.pw_uid, a.pw_gid)
    return path


_root = None


def scratch(name):
    """A new empty folder, removed at exit unless KEEP_SCRATCH is set."""
    global _root
    if _root is None:
        _root = tempfile.mkdtemp(prefix="carpool-test.")
        os.chmod(_root, 0o755)
        give(_root)
        if not os.environ.get("KEEP_SCRATCH"):
            atexit.register(shutil.rmtree, _root, ignore_errors=True)
    path = tempfile.mkdtemp(prefix=name + ".", dir=_root)
    os.chmod(path, 0o755)
    return give(path)
