"""Certificates for the tests: an authority, and what it vouches for."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .account import scratch


def _name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """Writes NAME.pem and NAME.key into a folder of its own."""

    def __init__(self, common="carpool's tests"):
        self.folder = scratch("certs")
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(common)
        self.cert = self._sign(self.name, self.key, [], True)
        self.ca = self._write("ca.pem", self.cert.public_bytes(
            serialization.Encoding.PEM))

    def _sign(self, name, key, names, is_ca=False):
        now = datetime.datetime.utcnow()
        build = x509.CertificateBuilder(
            issuer_name=self.name, subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(days=1),
            not_valid_after=now + datetime.timedelta(days=30))
        build = build.add_extension(
            x509.BasicConstraints(ca=is_ca, path_length=None), True)
        if names:
            build = build.add_extension(
                x509.SubjectAlternativeName(names), False)
        return build.sign(self.key, hashes.SHA256())

    def _write(self, name, data):
        path = f"{self.folder}/{name}"
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.chmod(path + ".new", 0o644)
        os.replace(path + ".new", path)
        return path

    def issue(self, name, common="localhost"):
        """Paths of a certificate for localhost and 127.0.0.1, or of a
        client's, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"),
                 x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        cert = self._sign(_name(common), key,
                          names if common == "localhost" else [])
        return (self._write(f"{name}.pem", cert.public_bytes(
                    serialization.Encoding.PEM)),
                self._write(f"{name}.key", key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption())))
