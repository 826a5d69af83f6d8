"""The MariaDB server behind all peers, for the rows of MySQL's protocol."""

import os
import time

from machine import free_port, stop, which
from server import DATABASE, USER

OPTIONS = {
    "bind-address": "127.0.0.1", "max-connections": "400",
    "innodb-buffer-pool-size": "256M", "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "OFF", "max-prepared-stmt-count": "100000",
}


class MariaDB:
    """USER has no password: what servers check is not what is measured."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.child = None
        self.program, install = which("mariadbd"), which("mariadb-install-db")
        if not self.program or not install:
            raise RuntimeError("no MariaDB server: packaging/deps/install demo")
        self.port = free_port()
        folder = scratch.file("mariadb")
        os.makedirs(folder + "/tmp")
        os.chown(folder, *scratch.owner)
        os.chown(folder + "/tmp", *scratch.owner)
        self.socket = folder + "/socket"
        scratch.run(install, "--no-defaults", f"--datadir={folder}/data",
                    f"--tmpdir={folder}/tmp", "--skip-test-db",
                    "--auth-root-authentication-method=normal",
                    "--skip-name-resolve")
        command = [self.program, "--no-defaults", f"--datadir={folder}/data",
                   f"--tmpdir={folder}/tmp", f"--socket={self.socket}",
                   f"--port={self.port}", f"--pid-file={folder}/pid",
                   "--skip-name-resolve"]
        command += [f"--{name}={value}" for name, value in OPTIONS.items()]
        self.child = scratch.start("mariadb", command, self.port)
        try:
            self.query(f"CREATE DATABASE {DATABASE}")
            self.query(f"CREATE USER {USER}@'%'")
            self.query(f"GRANT ALL ON *.* TO {USER}@'%'")
        except RuntimeError:
            self.stop()
            raise
        self.has_tables = False

    def query(self, sql):
        for left in reversed(range(100)):
            try:
                return self.scratch.run(
                    "mariadb", "--no-defaults", "-S", self.socket, "-u",
                    "root", "-e", sql)
            except RuntimeError:
                if left == 0:
                    raise
                time.sleep(0.1)

    def stop(self):
        stop(self.child)
        self.child = None
