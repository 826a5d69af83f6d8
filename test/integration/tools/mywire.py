"""Packets of the MySQL protocol: building, splitting, reading.

Builders return bytes, so a test can cut, change or repeat them.
"""

import struct
from typing import NamedTuple

MAX_PAYLOAD = 0xFFFFFF

# capabilities
LONG_PASSWORD = 1  # MySQL's; MariaDB leaves it out and says more in its word
FOUND_ROWS = 1 << 1
LONG_FLAG = 1 << 2
CONNECT_WITH_DB = 1 << 3
NO_SCHEMA = 1 << 4
COMPRESS = 1 << 5
ODBC = 1 << 6
LOCAL_FILES = 1 << 7
IGNORE_SPACE = 1 << 8
PROTOCOL_41 = 1 << 9
INTERACTIVE = 1 << 10
SSL = 1 << 11
IGNORE_SIGPIPE = 1 << 12
TRANSACTIONS = 1 << 13
RESERVED = 1 << 14
SECURE_CONNECTION = 1 << 15
MULTI_STATEMENTS = 1 << 16
MULTI_RESULTS = 1 << 17
PS_MULTI_RESULTS = 1 << 18
PLUGIN_AUTH = 1 << 19
CONNECT_ATTRS = 1 << 20
LENENC_AUTH = 1 << 21
EXPIRED_PASSWORDS = 1 << 22
SESSION_TRACK = 1 << 23
DEPRECATE_EOF = 1 << 24
OPTIONAL_METADATA = 1 << 25
ZSTD = 1 << 26
QUERY_ATTRIBUTES = 1 << 27
# MariaDB's own word
PROGRESS = 1
COM_MULTI = 1 << 1
BULK = 1 << 2
EXTENDED_METADATA = 1 << 3
CACHE_METADATA = 1 << 4
BULK_UNIT_RESULTS = 1 << 5

BASE = (LONG_PASSWORD | LONG_FLAG | PROTOCOL_41 | TRANSACTIONS |
        SECURE_CONNECTION | MULTI_RESULTS | PS_MULTI_RESULTS | PLUGIN_AUTH)

# status
IN_TRANS = 1
AUTOCOMMIT = 2
MORE_RESULTS = 8
CURSOR_EXISTS = 0x40
LAST_ROW_SENT = 0x80
PS_OUT_PARAMS = 0x1000
STATE_CHANGED = 0x4000

# commands
QUIT, INIT_DB, QUERY, FIELD_LIST, CREATE_DB, DROP_DB, REFRESH = range(1, 8)
STATISTICS, PROCESS_INFO = 0x09, 0x0a
PROCESS_KILL, DEBUG, PING = 0x0c, 0x0d, 0x0e
CHANGE_USER = 0x11
STMT_PREPARE, STMT_EXECUTE, STMT_LONG_DATA = 0x16, 0x17, 0x18
STMT_CLOSE, STMT_RESET, SET_OPTION, STMT_FETCH = 0x19, 0x1a, 0x1b, 0x1c
RESET_CONNECTION = 0x1f
BULK_EXECUTE = 0xfa
SILENT = (QUIT, STMT_LONG_DATA, STMT_CLOSE)
LAST_PREPARED = 0xFFFFFFFF  # MariaDB's "the one that was prepared last"

# types of columns and parameters
(DECIMAL, TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, INT24,
 DATE, TIME, DATETIME, YEAR) = range(14)
JSON, NEWDECIMAL, BLOB, VAR_STRING, STRING = 245, 246, 252, 253, 254
UNSIGNED = 0x20

NATIVE = "mysql_native_password"
SHA2 = "caching_sha2_password"
SHA256 = "sha256_password"
CLEAR = "mysql_clear_password"
ED25519 = "client_ed25519"


class Packet(NamedTuple):
    """One payload with the sequence number of its (last) packet."""

    seq: int
    payload: bytes


# what both sides send

def packet(payload, seq=0):
    """payload as packets; one of 16 MiB or more is cut."""
    out = []
    while True:
        part, payload = payload[:MAX_PAYLOAD], payload[MAX_PAYLOAD:]
        out.append(struct.pack("<I", len(part) | (seq & 0xFF) << 24) + part)
        seq += 1
        if len(part) < MAX_PAYLOAD:
            return b"".join(out)


def text(value):
    return value.encode() if isinstance(value, str) else value


def cstr(value):
    return text(value) + b"\0"


def lenenc(n):
    if n < 0xfb:
        return bytes([n])
    if n < 1 << 16:
        return b"\xfc" + struct.pack("<H", n)
    if n < 1 << 24:
        return b"\xfd" + struct.pack("<I", n)[:3]
    return b"\xfe" + struct.pack("<Q", n)


def lenstr(value):
    value = text(value)
    return lenenc(len(value)) + value


# what a client sends: payloads

def ssl_request(caps, charset=45, max_packet=1 << 24, ext=0):
    return struct.pack("<IIB19xI", caps, max_packet, charset & 0xFF, ext)


def attributes(attrs):
    body = b"".join(lenstr(k) + lenstr(v) for k, v in attrs.items())
    return lenstr(body)


def handshake_response(caps, user, auth=b"", database=None, plugin=None,
                       ext=0, charset=45, attrs=None, max_packet=1 << 24):
    """auth goes in the form that the capabilities ask for."""
    out = ssl_request(caps, charset, max_packet, ext) + cstr(user)
    if caps & LENENC_AUTH:
        out += lenstr(auth)
    elif caps & SECURE_CONNECTION:
        out += bytes([len(auth)]) + auth
    else:
        out += cstr(auth)
    if caps & CONNECT_WITH_DB:
        out += cstr(database or "")
    if caps & PLUGIN_AUTH:
        out += cstr(plugin or "")
    if caps & CONNECT_ATTRS:
        out += attributes(attrs or {})
    return out


def change_user(user, auth=b"", database="", plugin=None, charset=45,
                attrs=None):
    out = bytes([CHANGE_USER]) + cstr(user) + bytes([len(auth)]) + auth
    out += cstr(database) + struct.pack("<H", charset)
    if plugin is not None:
        out += cstr(plugin)
    if attrs is not None:
        out += attributes(attrs)
    return out


def command(code, data=b""):
    return bytes([code]) + text(data)


def query(sql):
    return command(QUERY, sql)


def prepare(sql):
    return command(STMT_PREPARE, sql)


def binary_value(value):
    """(type, flags, bytes) of a parameter; a pair names the type itself, with
    the flags (0x80: unsigned) in its second byte."""
    if isinstance(value, tuple):
        kind, data = value
        return kind & 0xFF, kind >> 8, data
    if value is None:
        return NULL, 0, b""
    if isinstance(value, bool):
        return TINY, 0, struct.pack("<b", value)
    if isinstance(value, int):
        return LONGLONG, 0, struct.pack("<q", value)
    if isinstance(value, float):
        return DOUBLE, 0, struct.pack("<d", value)
    if isinstance(value, bytes):
        return BLOB, 0, lenstr(value)
    return VAR_STRING, 0, lenstr(value)


def execute(ident, values=(), flags=0, with_types=True, long=()):
    """values: None, int, float, str, bytes or (type, bytes); long: places of
    those that went before as long data."""
    out = struct.pack("<BIBI", STMT_EXECUTE, ident, flags, 1)
    if not values:
        return out
    nulls = bytearray((len(values) + 7) // 8)
    types, data = b"", b""
    for i, value in enumerate(values):
        kind, extra, coded = binary_value(value)
        if value is None:
            nulls[i // 8] |= 1 << i % 8
        types += bytes([kind, extra])
        if i not in long:
            data += coded
    out += bytes(nulls) + bytes([with_types])
    return out + (types if with_types else b"") + data


def long_data(ident, place, data):
    return struct.pack("<BIH", STMT_LONG_DATA, ident, place) + text(data)


def fetch(ident, rows):
    return struct.pack("<BII", STMT_FETCH, ident, rows)


def close(ident):
    return struct.pack("<BI", STMT_CLOSE, ident)


def reset(ident):
    return struct.pack("<BI", STMT_RESET, ident)


def set_option(option):
    """0: several statements on, 1: off."""
    return struct.pack("<BH", SET_OPTION, option)


def process_kill(ident):
    return struct.pack("<BI", PROCESS_KILL, ident)


def bulk_execute(ident, rows, flags=0x80):
    """MariaDB: the types go with the first row, 0 before each value."""
    out = struct.pack("<BIH", BULK_EXECUTE, ident, flags)
    first = [binary_value(v) for v in rows[0]]
    if flags & 0x80:
        out += b"".join(bytes([kind, extra]) for kind, extra, _ in first)
    for row in rows:
        for value in row:
            out += (b"\1" if value is None
                    else b"\0" + binary_value(value)[2])
    return out


# what a server sends: payloads

def greeting(version, ident, scramble, caps, ext=0, charset=45,
             status=AUTOCOMMIT, plugin=NATIVE):
    if caps & LONG_PASSWORD:
        ext = 0
    out = b"\x0a" + cstr(version) + struct.pack("<I", ident)
    out += scramble[:8] + b"\0" + struct.pack(
        "<HBHHB6xI", caps & 0xFFFF, charset & 0xFF, status, caps >> 16,
        len(scramble) + 1 if caps & PLUGIN_AUTH else 0, ext)
    out += scramble[8:] + b"\0"
    return out + (cstr(plugin) if caps & PLUGIN_AUTH else b"")


def trackers(*entries):
    """(type, payload) each; the payload of a variable or schema is made by
    tracked_variable() and lenstr()."""
    return b"".join(bytes([kind]) + lenstr(data) for kind, data in entries)


def tracked_variable(name, value):
    return 0, lenstr(name) + lenstr(value)


def tracked_schema(name):
    return 1, lenstr(name)


def ok(affected=0, insert_id=0, status=AUTOCOMMIT, warnings=0, info="",
       caps=BASE, track=None, header=0):
    """track: bytes of trackers(), left out where caps lack SESSION_TRACK."""
    track = track if caps & SESSION_TRACK else None
    if track:
        status |= STATE_CHANGED
    out = bytes([header]) + lenenc(affected) + lenenc(insert_id)
    out += struct.pack("<HH", status, warnings)
    if info or track:
        out += lenstr(info)
    return out + (lenstr(track) if track else b"")


def eof(status=AUTOCOMMIT, warnings=0):
    return struct.pack("<BHH", 0xfe, warnings, status)


def err(code, message, sqlstate="HY000"):
    """sqlstate None: as before the login, without one."""
    mark = b"" if sqlstate is None else b"#" + text(sqlstate)
    return struct.pack("<BH", 0xff, code) + mark + text(message)


def auth_switch(plugin, scramble):
    return b"\xfe" + cstr(plugin) + scramble + b"\0"


def auth_more(data):
    return b"\x01" + data


def column(name, kind=VAR_STRING, charset=45, length=1024, flags=0,
           decimals=0, schema="", table="", org_name=None, extended=None):
    out = lenstr("def") + lenstr(schema) + lenstr(table) + lenstr(table)
    out += lenstr(name) + lenstr(name if org_name is None else org_name)
    if extended is not None:
        out += lenstr(extended)
    return out + struct.pack("<BHIBHBxx", 12, charset, length, kind, flags,
                             decimals)


def text_row(*values):
    return b"".join(b"\xfb" if v is None else lenstr(
        v if isinstance(v, (str, bytes)) else str(v)) for v in values)


def binary_row(*values):
    """Of strings only."""
    nulls = bytearray((len(values) + 9) // 8)
    for i, v in enumerate(values):
        if v is None:
            nulls[(i + 2) // 8] |= 1 << (i + 2) % 8
    return b"\0" + bytes(nulls) + b"".join(
        lenstr(v) for v in values if v is not None)


def prepare_ok(ident, columns, params, warnings=0):
    return struct.pack("<BIHHxH", 0, ident, columns, params, warnings)


def numbered(payloads, seq):
    """The payloads as packets that follow each other."""
    out = []
    for payload in payloads:
        out.append(packet(payload, seq))
        seq += 1 + len(payload) // MAX_PAYLOAD
    return b"".join(out)


def result_set(names, rows, caps=BASE, status=AUTOCOMMIT, warnings=0,
               binary=False, **more):
    """The payloads of one result set in the form that caps ask for."""
    make = binary_row if binary else text_row
    end = eof(status, warnings)
    out = [lenenc(len(names)), *(column(n, **more) for n in names)]
    if caps & DEPRECATE_EOF:
        end = ok(status=status, warnings=warnings, caps=caps, header=0xfe)
    else:
        out.append(eof(status))
    return [*out, *(make(*row) for row in rows), end]


# reading

class Splitter:
    """Turns a byte stream into payloads; what was cut is joined."""

    def __init__(self):
        self.buf = bytearray()
        self.parts = []

    def feed(self, data):
        self.buf += data

    def next(self):
        """The next whole Packet, or None."""
        while len(self.buf) >= 4:
            word = struct.unpack_from("<I", self.buf)[0]
            length, seq = word & MAX_PAYLOAD, word >> 24
            if len(self.buf) < 4 + length:
                return None
            self.parts.append(bytes(self.buf[4:4 + length]))
            del self.buf[:4 + length]
            if length < MAX_PAYLOAD:
                payload, self.parts = b"".join(self.parts), []
                return Packet(seq, payload)
        return None


def split(data):
    """All packets of a whole byte string."""
    s = Splitter()
    s.feed(data)
    out = []
    while True:
        p = s.next()
        if p is None:
            assert not s.buf, f"half a packet: {bytes(s.buf[:40])!r}"
            return out
        out.append(p)


class Bytes:
    """Reads one value after another."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        assert self.left() >= n, f"too short: {self.data[:60]!r}"
        self.at += n
        return self.data[self.at - n:self.at]

    def rest(self):
        return self.take(self.left())

    def int(self, n):
        return int.from_bytes(self.take(n), "little")

    def signed(self, n):
        return int.from_bytes(self.take(n), "little", signed=True)

    def lenenc(self):
        first = self.int(1)
        if first < 0xfb:
            return first
        return self.int({0xfc: 2, 0xfd: 3, 0xfe: 8}[first])

    def lenstr(self):
        return self.take(self.lenenc())

    def cstr(self):
        end = self.data.find(b"\0", self.at)
        if end < 0:
            return self.rest()
        out = self.take(end - self.at)
        self.at += 1
        return out


class Greeting:
    def __init__(self, payload):
        self.payload = payload
        b = Bytes(payload, 1)
        self.protocol = payload[0]
        self.version = b.cstr().decode()
        self.id = b.int(4)
        self.scramble = b.take(8)
        b.take(1)
        self.caps = b.int(2)
        self.charset = b.int(1)
        self.status = b.int(2)
        self.caps |= b.int(2) << 16
        self.auth_length = b.int(1)
        b.take(6)
        self.ext = b.int(4)
        if self.caps & LONG_PASSWORD:
            self.ext = 0
        if self.caps & SECURE_CONNECTION:
            self.scramble += b.take(max(13, self.auth_length - 8))[:-1]
        self.plugin = (b.cstr().decode() if self.caps & PLUGIN_AUTH
                       else NATIVE)


class Response:
    """A client's handshake response, read as a server has to."""

    def __init__(self, payload):
        b = Bytes(payload)
        self.payload = payload
        self.caps = b.int(4)
        self.max_packet = b.int(4)
        self.charset = b.int(1)
        b.take(19)
        self.ext = b.int(4)
        self.user = self.database = self.plugin = None
        self.auth, self.attrs = b"", {}
        self.is_ssl = not b.left()
        if self.is_ssl:
            return
        self.user = b.cstr().decode(errors="surrogateescape")
        if self.caps & LENENC_AUTH:
            self.auth = b.lenstr()
        elif self.caps & SECURE_CONNECTION:
            self.auth = b.take(b.int(1))
        else:
            self.auth = b.cstr()
        if self.caps & CONNECT_WITH_DB:
            self.database = b.cstr().decode(errors="surrogateescape")
        if self.caps & PLUGIN_AUTH:
            self.plugin = b.cstr().decode()
        if self.caps & CONNECT_ATTRS and b.left():
            inner = Bytes(b.lenstr())
            while inner.left():
                name = inner.lenstr().decode()
                self.attrs[name] = inner.lenstr().decode()


def show(packets):
    """A short readable form, for failures."""
    return " ".join(f"{p.seq}[{p.payload[:40]!r}"
                    f"{'...' if len(p.payload) > 40 else ''}]"
                    for p in packets)
