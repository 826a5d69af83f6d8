"""A name server over UDP on 127.0.0.1 that answers what a test says.

    ns.names["db.test"] = (["127.0.0.2"], 30)   # addresses, time to live
    ns.zones["test"] = 7                        # serial number
    ns.mute.add("slow.test")                    # asked, but never answered

Every other name does not exist.
"""

import os
import socket
import struct
import threading

from tools.account import scratch

A, SOA, AAAA = 1, 6, 28


class NameServer:
    """ns.asked has all questions as (name, type); ns.conf is a resolv.conf
    that names this server."""

    def __init__(self, options="timeout:5 attempts:2"):
        self.names, self.zones, self.mute = {}, {}, set()
        self.asked, self.errors = [], []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.conf = os.path.join(scratch("names"), "resolv.conf")
        with open(self.conf, "w") as f:
            f.write(f"nameserver 127.0.0.1:{self.port}\n"
                    f"options {options}\n")
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def count(self, name, kind=A):
        return self.asked.count((name, kind))

    def stop(self):
        self._stopping = True
        self._thread.join(5)
        self._socket.close()
        if self.errors:
            raise AssertionError("name server: " + "; ".join(self.errors))

    def _serve(self):
        self._socket.settimeout(0.1)
        while not self._stopping:
            try:
                data, client = self._socket.recvfrom(4096)
                answer = self._answer(data)
                if answer is not None:
                    self._socket.sendto(answer, client)
            except TimeoutError:
                continue
            except Exception as e:
                self.errors.append(repr(e))

    def _answer(self, data):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        name = ".".join(labels)
        (kind,) = struct.unpack_from("!H", data, at + 1)
        self.asked.append((name, kind))
        if name in self.mute:
            return None
        found = name in self.names or (kind == SOA and name in self.zones)
        records = list(self._records(name, kind))
        return (data[:2] + struct.pack("!HHHHH", 0x8180 if found else 0x8183,
                                       1, len(records), 0, 0)
                + data[12:at + 5] + b"".join(records))

    def _records(self, name, kind):
        if kind == SOA and name in self.zones:
            body = b"\0\0" + struct.pack("!IIIII", self.zones[name], 60, 60,
                                         60, 60)
            yield self._record(SOA, 60, body)
        family = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(kind)
        addrs, ttl = self.names.get(name, ([], 0))
        for addr in addrs:
            if family == (socket.AF_INET6 if ":" in addr else socket.AF_INET):
                yield self._record(kind, ttl, socket.inet_pton(family, addr))

    @staticmethod
    def _record(kind, ttl, body):
        return struct.pack("!HHHIH", 0xc00c, kind, 1, ttl, len(body)) + body
