"""Proofs of passwords, as MySQL's and MariaDB's plugins want them, both sides.

The curve is computed with Python's numbers: slow, and only for tests.
"""

import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tools import mywire as w

_P = 2 ** 255 - 19
_L = 2 ** 252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P


def _x_of(y, sign):
    xx = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P)
    x = pow(xx, (_P + 3) // 8, _P)
    if (x * x - xx) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - xx) % _P:
        raise ValueError("no point of the curve")
    return _P - x if x & 1 != sign else x


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = _add(out, point)
        point = _add(point, point)
        n >>= 1
    return out


_Y = 4 * pow(5, _P - 2, _P) % _P
_X = _x_of(_Y, 0)
_BASE = (_X, _Y, 1, _X * _Y % _P)


def _pack(point):
    z = pow(point[2], _P - 2, _P)
    x, y = point[0] * z % _P, point[1] * z % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _unpack(data):
    n = int.from_bytes(data, "little")
    y, sign = n & (1 << 255) - 1, n >> 255
    x = _x_of(y, sign)
    return x, y, 1, x * y % _P


def _sha512(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _ed25519_secret(password):
    digest = hashlib.sha512(password).digest()
    a = int.from_bytes(digest[:32], "little")
    a = a & (1 << 254) - 8 | 1 << 254
    return a, digest[32:]


def ed25519_public(password):
    """What the server keeps."""
    return _pack(_times(_ed25519_secret(w.text(password))[0], _BASE))


def ed25519_sign(password, message):
    a, prefix = _ed25519_secret(w.text(password))
    public = _pack(_times(a, _BASE))
    r = _sha512(prefix, message) % _L
    big_r = _pack(_times(r, _BASE))
    s = (r + _sha512(big_r, public, message) * a) % _L
    return big_r + s.to_bytes(32, "little")


def ed25519_check(public, message, signature):
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    h = _sha512(signature[:32], public, message) % _L
    right = _add(_unpack(signature[:32]), _times(h, _unpack(public)))
    return _pack(_times(s, _BASE)) == _pack(right)


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def native(password, scramble):
    if not password:
        return b""
    stage1 = hashlib.sha1(w.text(password)).digest()
    stage2 = hashlib.sha1(stage1).digest()
    return _xor(stage1, hashlib.sha1(scramble + stage2).digest())


def native_secret(password):
    """*HEX, as it stands in the table of users."""
    stage1 = hashlib.sha1(w.text(password)).digest()
    return "*" + hashlib.sha1(stage1).hexdigest().upper()


def sha2(password, scramble):
    """caching_sha2_password's fast way."""
    if not password:
        return b""
    stage1 = hashlib.sha256(w.text(password)).digest()
    stage2 = hashlib.sha256(stage1).digest()
    return _xor(stage1, hashlib.sha256(stage2 + scramble).digest())


def proof(plugin, password, scramble):
    """A client's first words for a plugin."""
    password = w.text(password or "")
    if plugin == w.NATIVE:
        return native(password, scramble)
    if plugin == w.SHA2:
        return sha2(password, scramble) or b"\0"
    if plugin == w.SHA256:
        return b"\x01" if password else b"\0"
    if plugin == w.CLEAR:
        return password + b"\0"
    if plugin == w.ED25519:
        return ed25519_sign(password, scramble) if password else b""
    raise ValueError(f"no plugin {plugin}")


_OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


def _masked(data, scramble):
    return bytes(c ^ scramble[i % len(scramble)] for i, c in enumerate(data))


def rsa_encrypt(pem, password, scramble):
    key = serialization.load_pem_public_key(pem)
    return key.encrypt(_masked(w.cstr(password), scramble), _OAEP)


class RsaKey:
    """A server's key; made once for all fake servers."""

    _shared = None

    def __init__(self):
        if RsaKey._shared is None:
            RsaKey._shared = rsa.generate_private_key(65537, 2048)
        self.key = RsaKey._shared

    @property
    def pem(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo)

    def decrypt(self, data, scramble):
        """The password, without its zero; ValueError when it is none."""
        return _masked(self.key.decrypt(data, _OAEP), scramble)[:-1]
