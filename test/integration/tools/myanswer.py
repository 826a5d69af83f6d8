"""What a MySQL server answers to one command, packet by packet.

An Answer is told each packet and says when the answer is over.  It knows of the
protocol what a client has to know, and is written apart from carpool's own
rules, so that one can find the other's mistakes.
"""

import struct

from tools import mywire as w
from tools.mywire import Bytes


class MyError(Exception):
    """An ERR packet."""

    def __init__(self, payload):
        b = Bytes(payload, 1)
        self.payload = payload
        self.code = b.int(2)
        self.sqlstate = None
        if payload[3:4] == b"#":
            self.sqlstate = b.take(6)[1:].decode()
        self.message = b.rest().decode(errors="replace")
        super().__init__(f"{self.code} {self.sqlstate} {self.message}")


class Ok:
    """An OK packet, or the OK that ends a result set, or an EOF packet."""

    def __init__(self, payload, caps):
        self.payload = payload
        self.affected = self.insert_id = 0
        self.info = b""
        self.trackers = []
        self.is_eof = payload[0] == 0xfe and not caps & w.DEPRECATE_EOF
        b = Bytes(payload, 1)
        if payload[0] == 0xfe and len(payload) == 5:
            # also with DEPRECATE_EOF: after COM_SET_OPTION
            self.is_eof = True
        if self.is_eof:
            self.warnings, self.status = b.int(2), b.int(2)
            return
        self.affected, self.insert_id = b.lenenc(), b.lenenc()
        self.status, self.warnings = b.int(2), b.int(2)
        # Both servers put the length before the text, with SESSION_TRACK and
        # without.
        if b.left():
            self.info = b.lenstr()
        if (caps & w.SESSION_TRACK and self.status & w.STATE_CHANGED
                and b.left()):
            inner = Bytes(b.lenstr())
            while inner.left():
                self.trackers.append((inner.int(1), inner.lenstr()))

    @property
    def variables(self):
        out = {}
        for kind, data in self.trackers:
            b = Bytes(data)
            while kind == 0 and b.left():
                name = b.lenstr().decode()
                out[name] = b.lenstr().decode()
        return out

    @property
    def schema(self):
        for kind, data in self.trackers:
            if kind == 1:
                return Bytes(data).lenstr().decode()
        return None

    def __repr__(self):
        return (f"Ok(affected={self.affected} id={self.insert_id}"
                f" status={self.status:#x} warnings={self.warnings}"
                f" info={self.info!r} trackers={self.trackers})")


class Column:
    def __init__(self, payload, ext=0):
        b = Bytes(payload)
        self.payload = payload
        (self.catalog, self.schema, self.table, self.org_table, self.name,
         self.org_name) = (b.lenstr().decode(errors="replace")
                           for _ in range(6))
        self.extended = b.lenstr() if ext & w.EXTENDED_METADATA else None
        b.lenenc()
        self.charset, self.length = b.int(2), b.int(4)
        self.type, self.flags = b.int(1), b.int(2)
        self.decimals = b.int(1)


def text_row(payload):
    b, row = Bytes(payload), []
    while b.left():
        if b.data[b.at] == 0xfb:
            b.take(1)
            row.append(None)
        else:
            row.append(b.lenstr())
    return row


def _moment(b, kind):
    n = b.int(1)
    data = b.take(n)
    if kind == w.TIME:
        if not n:
            return b"00:00:00"
        minus, days, h, m, s = struct.unpack_from("<BIBBB", data)
        out = f"{'-' if minus else ''}{days * 24 + h:02}:{m:02}:{s:02}"
        if n == 12:
            out += f".{struct.unpack_from('<I', data, 8)[0]:06}"
        return out.encode()
    data += bytes(11 - n)
    year, month, day, h, m, s, micro = struct.unpack("<HBBBBBI", data)
    out = f"{year:04}-{month:02}-{day:02}"
    if kind != w.DATE:
        out += f" {h:02}:{m:02}:{s:02}"
        if n == 11:
            out += f".{micro:06}"
    return out.encode()


_INTEGERS = {w.TINY: 1, w.SHORT: 2, w.YEAR: 2, w.LONG: 4, w.INT24: 4,
             w.LONGLONG: 8}


def binary_row(payload, columns):
    n = (len(columns) + 9) // 8
    nulls, b, row = payload[1:1 + n], Bytes(payload, 1 + n), []
    for i, c in enumerate(columns):
        if nulls[(i + 2) // 8] >> (i + 2) % 8 & 1:
            row.append(None)
        elif c.type in _INTEGERS:
            size = _INTEGERS[c.type]
            row.append(b.int(size) if c.flags & w.UNSIGNED
                       else b.signed(size))
        elif c.type == w.FLOAT:
            row.append(struct.unpack("<f", b.take(4))[0])
        elif c.type == w.DOUBLE:
            row.append(struct.unpack("<d", b.take(8))[0])
        elif c.type in (w.DATE, w.TIME, w.DATETIME, w.TIMESTAMP):
            row.append(_moment(b, c.type))
        else:
            row.append(b.lenstr())
    assert not b.left(), f"more than a row: {payload!r}"
    return row


class ResultSet:
    def __init__(self, columns, binary=False):
        self.columns = columns
        self.binary = binary
        self.raw = []
        self.end = None

    @property
    def names(self):
        return [c.name for c in self.columns]

    @property
    def rows(self):
        """Text rows as lists of bytes, binary ones as Python's values."""
        if self.binary:
            return [binary_row(p, self.columns) for p in self.raw]
        return [text_row(p) for p in self.raw]


class Prepared:
    def __init__(self, payload):
        b = Bytes(payload, 1)
        self.id, self.columns, self.params = b.int(4), b.int(2), b.int(2)
        b.take(1)
        self.warnings = b.int(2)
        self.param_defs, self.column_defs = [], []


class Answer:
    """Answer(code, caps): feed() each packet until done.

    parts has Ok, MyError, ResultSet, Prepared or bytes (COM_STATISTICS), in
    order.  wanted is the name of the file that the server waits for."""

    def __init__(self, code, caps, ext=0, cursor=False, columns=()):
        self.code, self.caps, self.ext = code, caps, ext
        self.cursor = cursor
        self.parts, self.packets = [], []
        self.done = code in w.SILENT
        self.wanted = None
        self.binary = code in (w.STMT_EXECUTE, w.STMT_FETCH, w.BULK_EXECUTE)
        self._step = {
            w.STATISTICS: self._statistics, w.FIELD_LIST: self._fields,
            w.STMT_PREPARE: self._prepare, w.STMT_FETCH: self._row,
        }.get(code, self._start)
        if code == w.STMT_FETCH:
            self.parts.append(ResultSet(list(columns), True))
        elif code == w.FIELD_LIST:
            self.parts.append(ResultSet([]))

    def feed(self, p):
        """True when this packet was the last one."""
        assert not self.done, f"nothing is owed, but {w.show([p])} came"
        self.packets.append(p)
        if p.payload[:1] == b"\xff" and not self._is_progress(p.payload):
            self.parts.append(MyError(p.payload))
            self.done = True
        elif p.payload[:1] != b"\xff" or self._step == self._statistics:
            self._step(p.payload)
        return self.done

    def _is_progress(self, payload):
        return self.ext & w.PROGRESS and payload[1:3] == b"\xff\xff"

    def _ok(self, payload):
        part = Ok(payload, self.caps)
        self._ended(part, part)

    def _ended(self, part, end):
        if part is not None:
            self.parts.append(part)
        self._step = self._start
        self.done = not end.status & w.MORE_RESULTS

    def _start(self, payload):
        first = payload[0]
        if first in (0, 0xfe):
            # 0xfe: COM_SET_OPTION and the like; MySQL adds trackers to it
            self._ok(payload)
        elif first == 0xfb:
            self.wanted = payload[1:].decode()
        else:
            b = Bytes(payload)
            self.left = b.lenenc()
            self.defs = []
            self._step = self._define
            if self.ext & w.CACHE_METADATA and not b.int(1):
                self.defs = None
                self._step = self._after_defs
                if self.caps & w.DEPRECATE_EOF:
                    self._rows_follow()

    def _define(self, payload):
        self.defs.append(Column(payload, self.ext))
        self.left -= 1
        if self.left:
            return
        if self.caps & w.DEPRECATE_EOF and not self.cursor:
            self._rows_follow()
        elif self.caps & w.DEPRECATE_EOF:
            self._step = self._cursor_or_row
        else:
            self._step = self._after_defs

    def _rows_follow(self):
        self.parts.append(ResultSet(self.defs, self.binary))
        self._step = self._row

    def _after_defs(self, payload):
        assert payload[0] == 0xfe and len(payload) == 5, payload
        self._rows_follow()
        self._maybe_cursor(Ok(payload, self.caps))

    def _cursor_or_row(self, payload):
        self._rows_follow()
        self._row(payload)

    def _maybe_cursor(self, end):
        if self.cursor and end.status & w.CURSOR_EXISTS:
            self.parts[-1].end = end
            self.done = not end.status & w.MORE_RESULTS

    def _is_end(self, payload):
        most = w.MAX_PAYLOAD if self.caps & w.DEPRECATE_EOF else 9
        return payload[:1] == b"\xfe" and len(payload) < most

    def _row(self, payload):
        rows = self.parts[-1]
        if not self._is_end(payload):
            rows.raw.append(payload)
            return
        rows.end = Ok(payload, self.caps)
        self._ended(None, rows.end)

    def _statistics(self, payload):
        self.parts.append(payload)
        self.done = True

    def _fields(self, payload):
        rows = self.parts[0]
        if not self._is_end(payload):
            rows.columns.append(Column(payload, self.ext))
            return
        rows.end = Ok(payload, self.caps)
        self.done = True

    def _prepare(self, payload):
        self.statement = Prepared(payload)
        self.parts.append(self.statement)
        self._step = self._prepared
        self._skip = not self.caps & w.DEPRECATE_EOF
        self._groups = [
            (n, into) for n, into in (
                (self.statement.params, self.statement.param_defs),
                (self.statement.columns, self.statement.column_defs)) if n]
        self.done = not self._groups

    def _prepared(self, payload):
        count, into = self._groups[0]
        if len(into) < count:
            into.append(Column(payload, self.ext))
            if len(into) < count or self._skip:
                return
        else:
            assert payload[0] == 0xfe and len(payload) == 5, payload
        self._groups.pop(0)
        self.done = not self._groups

    # what tests ask for

    @property
    def errors(self):
        return [p for p in self.parts if isinstance(p, MyError)]

    @property
    def sets(self):
        return [p for p in self.parts if isinstance(p, ResultSet)]

    @property
    def rows(self):
        """The first result set's, text as str."""
        rows = self.sets[0].rows
        return [[v.decode(errors="surrogateescape")
                 if isinstance(v, bytes) else v for v in row]
                for row in rows]

    @property
    def value(self):
        return self.rows[0][0]

    @property
    def last(self):
        """The last OK or EOF: status, warnings, trackers."""
        for part in reversed(self.parts):
            if isinstance(part, Ok):
                return part
            if isinstance(part, ResultSet) and part.end is not None:
                return part.end
        return None

    @property
    def oks(self):
        return [p for p in self.parts if isinstance(p, Ok)]

    def check(self):
        if self.errors:
            raise self.errors[0]
        return self

    def __repr__(self):
        return f"Answer({w.show(self.packets)})"
