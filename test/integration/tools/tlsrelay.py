"""Somebody in the middle of a Postgres connection: ends the client's TLS with a
certificate of its own and begins another with the server, and may take
mechanisms from the server's list."""

import socket
import ssl
import threading

from . import pgwire as w


class TlsRelay:
    """with TlsRelay(port, cert, key) as relay: connect to relay.port."""

    def __init__(self, port, cert, key, hide=b""):
        self.target = port
        self.hide = hide
        self.theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.theirs.load_cert_chain(cert, key)
        self.ours = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ours.check_hostname = False
        self.ours.verify_mode = ssl.CERT_NONE
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        for s in (self.listener, *self.sockets):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,),
                             daemon=True).start()

    def _serve(self, s):
        try:
            while s.recv(8) != w.ssl_request():
                pass
            s.sendall(b"S")
            client = self.theirs.wrap_socket(s, server_side=True)
            up = socket.create_connection(("127.0.0.1", self.target))
            up.sendall(w.ssl_request())
            assert up.recv(1) == b"S"
            server = self.ours.wrap_socket(up)
            self.sockets += [client, server]
            client.settimeout(0.01)
            server.settimeout(0.01)
            self._pump(client, server)
        except OSError:
            s.close()

    def _pump(self, client, server):
        while True:
            for a, b in ((client, server), (server, client)):
                try:
                    data = a.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    return
                if a is server and self.hide:
                    data = self._without(data)
                b.sendall(data)

    def _without(self, data):
        """An authentication request with its list of mechanisms cut."""
        if data[:1] != b"R" or self.hide + b"\0" not in data:
            return data
        size = int.from_bytes(data[1:5], "big") - len(self.hide) - 1
        return (b"R" + size.to_bytes(4, "big")
                + data[5:].replace(self.hide + b"\0", b"", 1))
