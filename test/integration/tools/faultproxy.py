"""Control of test/fault/faultproxy, the proxy that makes bad networks."""

import os
import socket
import subprocess

from tools.account import scratch

_SOURCE = os.path.abspath(os.path.join(
    os.path.dirname(__file__), "../../fault/faultproxy.c"))
_TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))

_binary = None


def binary():
    """The build's product, or one compiled for this run."""
    global _binary
    if _binary is None:
        build = os.environ.get("CARPOOL_BUILD", "release")
        folder = os.environ.get("CARPOOL_TOOLS", f"{_TOP}/build/{build}")
        for path in (os.environ.get("FAULTPROXY"),
                     f"{folder}/fault/faultproxy"):
            if path and os.path.exists(path) and (
                    os.path.getmtime(path) >= os.path.getmtime(_SOURCE)):
                _binary = path
                break
        else:
            _binary = os.path.join(scratch("fault"), "faultproxy")
            subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o",
                            _binary, _SOURCE], check=True)
    return _binary


class FaultProxy:
    def __enter__(self):
        self.proc = subprocess.Popen([binary()], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        port = int(self.proc.stdout.readline().split()[1])
        self.control = socket.create_connection(("127.0.0.1", port), 10)
        self.reader = self.control.makefile("r")
        return self

    def __exit__(self, *exc):
        self.control.close()
        self.proc.stdin.close()  # it ends with its standard input
        try:
            self.proc.wait(5)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc.stdout.close()

    def command(self, text):
        """Send one line; the words after 'ok'."""
        self.control.sendall(text.encode() + b"\n")
        answer = self.reader.readline().split()
        if not answer or answer[0] != "ok":
            raise RuntimeError(f"fault proxy: {text!r}: {' '.join(answer)}")
        return answer[1:]

    def listen(self, target, port=0):
        """A listener that forwards to 127.0.0.1:target."""
        ident, port = self.command(f"listen {port} {target}")
        return Link(self, int(ident), int(port))


class Link:
    """One listener.  way is up (client to server), down or both; all modes
    act on connections that exist and on new ones."""

    host = "127.0.0.1"

    def __init__(self, proxy, ident, port):
        self.proxy, self.ident, self.port = proxy, ident, port

    def _say(self, word, *args):
        return self.proxy.command(
            " ".join(str(a) for a in (word, self.ident, *args)))

    def delay(self, ms, way="both"):
        """Each byte comes this much later."""
        self._say("delay", way, ms)

    def split(self, size, way="both"):
        """Segments of at most this many bytes; 0 = as they come."""
        self._say("split", way, size)

    def reset_after(self, count, way="both"):
        """RST on both sides once a connection has carried so many bytes that
        way, counted from its start; -1 = never."""
        self._say("reset-after", way, count)

    def stall(self, way="both"):
        """Read nothing more that way; connections stay open."""
        self._say("stall", way)

    def blackhole(self):
        """Accept new connections and never do anything with them."""
        self._say("blackhole")

    def drop(self):
        """The other side's packets vanish, those of new connections too:
        nothing is acknowledged, and nothing comes back."""
        self._say("drop")

    def refuse(self):
        """Reset new connections at once."""
        self._say("refuse")

    def resume(self):
        """All modes back to plain forwarding; black-holed connections are
        forwarded now."""
        self._say("resume")

    def close_all(self):
        """Close all connections on both sides."""
        self._say("close")

    def reset_all(self):
        self._say("reset")

    def counts(self):
        """{"open", "total", "up", "down"}: connections, bytes forwarded."""
        words = self._say("count")
        return dict(zip(("open", "total", "up", "down"), map(int, words)))
