"""Messages of the PostgreSQL protocol 3.0: building, splitting, reading.

Builders return bytes, so a test can cut, change or repeat them.
"""

import hashlib
import struct
from typing import NamedTuple

PROTOCOL_3 = 196608
CANCEL_CODE = 80877102
SSL_CODE = 80877103
GSSENC_CODE = 80877104


class Message(NamedTuple):
    """One message; type is one character, body goes without the length."""

    type: str
    body: bytes

    def encode(self):
        return frame(self.type, self.body)


def frame(kind, body=b""):
    """A message with type byte and length."""
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def untyped(body):
    """A startup-phase packet: length and body, no type."""
    return struct.pack("!i", len(body) + 4) + body


def cstr(text):
    return (text.encode() if isinstance(text, str) else text) + b"\0"


# what a client sends

def startup(params, protocol=PROTOCOL_3):
    body = struct.pack("!i", protocol)
    for name, value in params.items():
        body += cstr(name) + cstr(value)
    return untyped(body + b"\0")


def ssl_request():
    return untyped(struct.pack("!i", SSL_CODE))


def gssenc_request():
    return untyped(struct.pack("!i", GSSENC_CODE))


def cancel_request(pid, key):
    """key as bytes or as a number of four bytes."""
    if isinstance(key, int):
        key = struct.pack("!I", key & 0xFFFFFFFF)
    return untyped(struct.pack("!iI", CANCEL_CODE, pid & 0xFFFFFFFF) + key)


def password(text):
    return frame("p", cstr(text))


def sasl_initial(mechanism, data):
    return frame("p", cstr(mechanism) + struct.pack("!i", len(data)) + data)


def sasl_response(data):
    return frame("p", data)


def query(sql):
    return frame("Q", cstr(sql))


def parse(name, sql, oids=()):
    body = cstr(name) + cstr(sql) + struct.pack("!h", len(oids))
    return frame("P", body + b"".join(struct.pack("!I", o) for o in oids))


def _values(values):
    out = struct.pack("!h", len(values))
    for v in values:
        if v is None:
            out += struct.pack("!i", -1)
        else:
            v = v.encode() if isinstance(v, str) else v
            out += struct.pack("!i", len(v)) + v
    return out


def _formats(formats):
    return struct.pack("!h", len(formats)) + b"".join(
        struct.pack("!h", f) for f in formats)


def bind(portal="", statement="", values=(), formats=(), result_formats=()):
    """values: bytes, str or None each."""
    return frame("B", cstr(portal) + cstr(statement) + _formats(formats)
                 + _values(values) + _formats(result_formats))


def describe(kind, name=""):
    """kind: 'S' statement or 'P' portal."""
    return frame("D", kind.encode() + cstr(name))


def execute(portal="", max_rows=0):
    return frame("E", cstr(portal) + struct.pack("!i", max_rows))


def close(kind, name=""):
    return frame("C", kind.encode() + cstr(name))


def flush():
    return frame("H")


def sync():
    return frame("S")


def terminate():
    return frame("X")


def copy_data(data):
    return frame("d", data)


def copy_done():
    return frame("c")


def copy_fail(text="failed"):
    return frame("f", cstr(text))


def function_call(oid, values=(), formats=(), result_format=0):
    return frame("F", struct.pack("!I", oid) + _formats(formats)
                 + _values(values) + struct.pack("!h", result_format))


# what a server sends

def auth(code, data=b""):
    return frame("R", struct.pack("!i", code) + data)


def parameter(name, value):
    return frame("S", cstr(name) + cstr(value))


def backend_key(pid, key):
    return frame("K", struct.pack("!II", pid, key))


def ready(status="I"):
    return frame("Z", status.encode())


def complete(tag):
    return frame("C", cstr(tag))


def fields(kind, **values):
    body = b"".join(k.encode() + cstr(v) for k, v in values.items())
    return frame(kind, body + b"\0")


def error(sqlstate, text, severity="ERROR", **more):
    return fields("E", S=severity, V=severity, C=sqlstate, M=text, **more)


def notice(text, sqlstate="00000", severity="NOTICE"):
    return fields("N", S=severity, V=severity, C=sqlstate, M=text)


def row_description(*names, oid=25):
    body = struct.pack("!h", len(names))
    for n in names:
        body += cstr(n) + struct.pack("!IhIhih", 0, 0, oid, -1, -1, 0)
    return frame("T", body)


def data_row(*values):
    return frame("D", _values(values))


# reading

class Splitter:
    """Turns a byte stream into messages."""

    def __init__(self, limit=1 << 31):
        self.buf = bytearray()
        self.limit = limit

    def feed(self, data):
        self.buf += data

    def next(self):
        """The next whole Message, or None."""
        if len(self.buf) < 5:
            return None
        (length,) = struct.unpack_from("!I", self.buf, 1)
        if length < 4 or length > self.limit:
            raise ValueError(f"message with length {length}:"
                             f" {bytes(self.buf[:40])!r}")
        if len(self.buf) < length + 1:
            return None
        msg = Message(chr(self.buf[0]), bytes(self.buf[5:length + 1]))
        del self.buf[:length + 1]
        return msg


def split(data):
    """All messages of a whole byte string."""
    s = Splitter()
    s.feed(data)
    out = []
    while True:
        m = s.next()
        if m is None:
            assert not s.buf, f"half a message: {bytes(s.buf[:40])!r}"
            return out
        out.append(m)


def error_fields(body):
    """{'S': 'ERROR', 'C': '42601', ...} of an E or N message."""
    out = {}
    for part in body.split(b"\0"):
        if part:
            out[chr(part[0])] = part[1:].decode(errors="replace")
    return out


def column_names(body):
    return [c[0] for c in columns(body)]


def columns(body):
    """[(name, type oid)] of a RowDescription."""
    (count,) = struct.unpack_from("!h", body)
    at, out = 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        name = body[at:end].decode()
        oid = struct.unpack_from("!IhIhih", body, end + 1)[2]
        out.append((name, oid))
        at = end + 1 + 18
    return out


def row_values(body):
    """Values of a DataRow: bytes or None."""
    (count,) = struct.unpack_from("!h", body)
    at, out = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        if length < 0:
            out.append(None)
        else:
            out.append(body[at:at + length])
            at += length
    return out


def text_values(body):
    return [None if v is None else v.decode() for v in row_values(body)]


def two_strings(body):
    """Also what is no UTF-8: a client may have said it."""
    a, b = body.split(b"\0")[:2]
    return (a.decode(errors="surrogateescape"),
            b.decode(errors="surrogateescape"))


def md5_password(user, text, salt):
    inner = hashlib.md5(text.encode() + user.encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()


def md5_secret(user, text):
    return "md5" + hashlib.md5(text.encode() + user.encode()).hexdigest()


def show(messages):
    """A short readable form of messages, for failures."""
    out = []
    for m in messages:
        if m.type in "EN":
            f = error_fields(m.body)
            out.append(f"{m.type}[{f.get('C')} {f.get('M')}]")
        elif m.type == "Z":
            out.append(f"Z[{m.body.decode()}]")
        elif m.type == "C":
            out.append(f"C[{m.body[:-1].decode(errors='replace')}]")
        else:
            out.append(f"{m.type}[{m.body[:40]!r}]")
    return " ".join(out)
