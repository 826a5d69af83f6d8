"""SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides; clients may tie it
to a channel."""

import base64
import hashlib
import hmac
import os


def _h(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def _b64(data):
    return base64.b64encode(data).decode()


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class ScramError(Exception):
    pass


class ScramClient:
    """first() -> server's first -> final() -> server's final -> verify()."""

    def __init__(self, password, user="", nonce=None, gs2="n,,",
                 binding=b""):
        self.password = password.encode()
        self.nonce = nonce or _b64(os.urandom(18))
        self.gs2 = gs2
        self.binding = binding
        self.bare = f"n={user},r={self.nonce}"
        self.signature = None

    def first(self):
        return (self.gs2 + self.bare).encode()

    def final(self, server_first):
        text = server_first.decode()
        parts = dict(p.split("=", 1) for p in text.split(","))
        if not parts["r"].startswith(self.nonce):
            raise ScramError("the server's nonce does not extend ours")
        salted = hashlib.pbkdf2_hmac("sha256", self.password,
                                     base64.b64decode(parts["s"]),
                                     int(parts["i"]))
        bind = _b64(self.gs2.encode() + self.binding)
        without = f"c={bind},r={parts['r']}"
        auth = f"{self.bare},{text},{without}".encode()
        key = _h(salted, b"Client Key")
        proof = _xor(key, _h(hashlib.sha256(key).digest(), auth))
        self.signature = _b64(_h(_h(salted, b"Server Key"), auth))
        return f"{without},p={_b64(proof)}".encode()

    def verify(self, server_final):
        if server_final.decode() != f"v={self.signature}":
            raise ScramError("the server's signature is wrong")


def verifier(password, iterations=4096, salt=None):
    """What Postgres stores for password."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt,
                                 iterations)
    stored = hashlib.sha256(_h(salted, b"Client Key")).digest()
    return (f"SCRAM-SHA-256${iterations}:{_b64(salt)}"
            f"${_b64(stored)}:{_b64(_h(salted, b'Server Key'))}")


class ScramServer:
    """first(client's first) -> final(client's final); ScramError if wrong."""

    def __init__(self, secret, nonce=None):
        _, params, keys = secret.split("$")
        self.iterations, self.salt = params.split(":")
        stored, server = keys.split(":")
        self.stored = base64.b64decode(stored)
        self.server = base64.b64decode(server)
        self.nonce = nonce or _b64(os.urandom(18))

    def first(self, client_first):
        text = client_first.decode()
        gs2, self.bare = text[:text.index("n=")], text[text.index("n="):]
        self.gs2 = gs2
        nonce = self.bare.split("r=", 1)[1]
        self.full = nonce + self.nonce
        self.text = f"r={self.full},s={self.salt},i={self.iterations}"
        return self.text.encode()

    def final(self, client_final):
        without, proof = client_final.decode().rsplit(",p=", 1)
        if without != f"c={_b64(self.gs2.encode())},r={self.full}":
            raise ScramError("channel binding or nonce differs")
        auth = f"{self.bare},{self.text},{without}".encode()
        key = _xor(base64.b64decode(proof), _h(self.stored, auth))
        if hashlib.sha256(key).digest() != self.stored:
            raise ScramError("wrong password")
        return f"v={_b64(_h(self.server, auth))}".encode()
