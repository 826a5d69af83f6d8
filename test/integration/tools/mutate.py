"""Bytes that are almost right: recorded messages, changed at random."""

import struct

LENGTHS = (0, 1, 3, 4, 5, 255, 256, 8191, 8192, 65535, 65536, 1 << 24,
           (1 << 31) - 1, 1 << 31, (1 << 32) - 1)


def _flip(rng, data):
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)


def _byte(rng, data):
    data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7f, 0xff, 0x53, 0x51))


def _length(rng, data):
    """A length, or what stands where one could."""
    at = rng.randrange(len(data))
    data[at:at + 4] = struct.pack("!I", rng.choice(LENGTHS))


def _cut(rng, data):
    at = rng.randrange(len(data))
    del data[at:at + rng.choice((1, 1, 2, 5, 30))]


def _insert(rng, data):
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 1, 4, 40)))


def _tail(rng, data):
    del data[rng.randrange(len(data)):]


_BYTES = (_flip, _flip, _byte, _length, _length, _cut, _insert, _tail)


def _order(rng, messages):
    i, k = rng.randrange(len(messages)), rng.randrange(len(messages))
    messages[i], messages[k] = messages[k], messages[i]


def _repeat(rng, messages):
    messages.insert(rng.randrange(len(messages)),
                    bytes(rng.choice(messages)))


def _drop(rng, messages):
    if len(messages) > 1:
        del messages[rng.randrange(len(messages))]


def _kind(rng, messages):
    i = rng.randrange(len(messages))
    messages[i] = rng.choice(messages)[:1] + messages[i][1:]


_MESSAGES = (_order, _repeat, _drop, _kind)


def mutate(rng, messages):
    """One to three changes of a list of messages; the bytes."""
    messages = list(messages)
    for _ in range(rng.choice((0, 1, 1, 2))):
        rng.choice(_MESSAGES)(rng, messages)
    data = bytearray(b"".join(messages))
    for _ in range(rng.choice((0, 1, 1, 2))):
        if data:
            rng.choice(_BYTES)(rng, data)
    return bytes(data)
