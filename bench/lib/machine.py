"""Processes, ports and the scratch folder: what the bench starts and stops."""

import os
import pwd
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

FIFO_PRIORITY = 10
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

_given = set()  # by free_port


def say(*words):
    print(*words, flush=True)


def which(name):
    return shutil.which(name, path=PATH)


def output(*command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              check=False).stdout.strip()
    except OSError:
        return ""


def free_port():
    """Below the ports that the kernel gives to clients; another each time."""
    while True:
        port = random.randrange(15000, 31000)
        if port in _given:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port


def is_open(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def raise_file_limit():
    """As many open files as the machine lets us have; returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 20), hard))
    return min(hard, 1 << 20)


def fifo_prefix():
    """The words that give a command SCHED_FIFO; none where that is denied.

    Processes of that class are disturbed by nothing else on the machine.
    """
    chrt = which("chrt")
    prefix = [chrt, "--fifo", str(FIFO_PRIORITY)]
    if chrt and subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL,
                               check=False).returncode == 0:
        return prefix
    return []


def schedule(pid, policy, priority):
    """Puts all threads of a process into a class of the scheduler."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setscheduler(int(thread), policy,
                                  os.sched_param(priority))
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended


class Scratch:
    """The folder, and the user that the servers run as: never root."""

    def __init__(self, fifo=()):
        self.path = tempfile.mkdtemp(prefix="carpool-bench.")
        self.fifo = list(fifo)
        self.prefix = []
        self.owner = (-1, -1)
        if os.geteuid() == 0:
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                user = pwd.getpwnam("nobody")
            self.owner = (user.pw_uid, user.pw_gid)
            os.chown(self.path, *self.owner)
            self.prefix = ["setpriv", "--reuid", str(user.pw_uid), "--regid",
                           str(user.pw_gid), "--clear-groups"]
        os.chmod(self.path, 0o755)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, name, text=None):
        path = os.path.join(self.path, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            os.chown(path, *self.owner)
        return path

    def reachable(self, program):
        """The program, or a copy where it is closed to the servers' user."""
        if subprocess.run([*self.prefix, "test", "-x", program],
                          check=False).returncode == 0:
            return program
        copy = self.file(f"{len(os.listdir(self.path))}-" +
                         os.path.basename(program))
        shutil.copy(program, copy)
        os.chmod(copy, 0o755)
        return copy

    def run(self, *command):
        env = dict(os.environ, HOME=self.path)
        r = subprocess.run([*self.prefix, *command], cwd=self.path, env=env,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, check=False)
        if r.returncode != 0:
            raise RuntimeError(" ".join(command) + "\n" + r.stdout)
        return r.stdout

    def start(self, name, command, port, wrapper=None, patience=15):
        """A server, once its port is open.

        wrapper: words before the command in place of those for SCHED_FIFO.
        """
        words = self.fifo if wrapper is None else list(wrapper)
        log = self.file(name + ".log")
        with open(log, "ab") as f:
            child = subprocess.Popen(
                [*self.prefix_with(words), *command], cwd=self.path,
                stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                start_new_session=True, env=dict(os.environ, HOME=self.path))
        end = time.monotonic() + patience
        while not is_open(port):
            if child.poll() is not None or time.monotonic() > end:
                stop(child)
                with open(log, errors="replace", encoding="utf-8") as f:
                    raise RuntimeError(f"{name} did not start:\n" +
                                       f.read()[-2000:])
            time.sleep(0.02)
        return child

    def prefix_with(self, words):
        """SCHED_FIFO needs the rights that setpriv gives away."""
        if words == self.fifo:
            return [*words, *self.prefix]
        return [*self.prefix, *words]


def stop(child, how=signal.SIGTERM, patience=10):
    if child is None or child.poll() is not None:
        return
    child.send_signal(how)
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
