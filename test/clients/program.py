"""A driver's program at work: asked for one scenario after another."""

import os
import selectors
import signal
import subprocess
import time

VERSIONS = {}  # of each driver that ran, as it says itself
SCENARIO_SECONDS = float(os.environ.get("SCENARIO_SECONDS", "25"))


class Program:
    """Program(argv, environment): ask(scenario) gives (how, text), how being
    ok or failed.  One that failed or did not answer in time is ended, and the
    next question starts a new one, so that nothing of it is left."""

    def __init__(self, argv, env, cwd, log):
        self.argv = argv
        self.env = env
        self.cwd = cwd
        self.log = log
        self.proc = None

    def start(self):
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(
                self.argv, env=self.env, cwd=self.cwd,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True)
        self.rest = b""

    def ask(self, scenario, seconds=SCENARIO_SECONDS):
        if self.proc is None or self.proc.poll() is not None:
            self.start()
        try:
            self.proc.stdin.write(scenario.encode() + b"\n")
            self.proc.stdin.flush()
            how, text = self.answer(scenario, time.monotonic() + seconds)
        except BrokenPipeError:
            how, text = "failed", "the program ended"
        if how != "ok":
            self.stop()
        return how, text

    def answer(self, scenario, end):
        """Reads lines until the answer; others are the driver's chatter."""
        while True:
            line = self.line(end)
            if line is None:
                return "failed", "no answer in time"
            if line == "":
                return "failed", f"the program ended: {self.tail()}"
            how, _, rest = line.partition(" ")
            name, _, text = rest.rstrip("\n").partition(" ")
            if how in ("ok", "failed") and name == scenario:
                return how, text

    def line(self, end):
        """A line, "" at the end of the output, None when time is over."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.proc.stdout, selectors.EVENT_READ)
            while b"\n" not in self.rest:
                left = end - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return None
                data = os.read(self.proc.stdout.fileno(), 65536)
                if not data:
                    return ""
                self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode(errors="replace") + "\n"

    def tail(self):
        with open(self.log, errors="replace") as f:
            return " ".join(f.read()[-1500:].split())

    def stop(self):
        """Ends the program; killed when it does not go by itself."""
        if self.proc is None:
            return
        for stream in (self.proc.stdin, self.proc.stdout):
            try:
                stream.close()
            except OSError:
                pass
        try:
            # One that hangs shall not take its time.
            self.proc.wait(0.3)
        except subprocess.TimeoutExpired:
            os.killpg(self.proc.pid, signal.SIGKILL)
            self.proc.wait()
        self.proc = None
