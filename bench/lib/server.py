"""The Postgres server behind all peers."""

import os
import signal
import time

from machine import free_port, output, stop

USER = "bench"
DATABASE = "bench"

OPTIONS = {
    "listen_addresses": "127.0.0.1", "max_connections": "250",
    "shared_buffers": "384MB", "fsync": "off", "synchronous_commit": "off",
    "full_page_writes": "off", "autovacuum": "off", "jit": "off",
    "max_parallel_workers_per_gather": "0",
}


class Postgres:
    def __init__(self, scratch, scale):
        self.scratch = scratch
        self.child = None
        self.bin = self.find()
        self.port = free_port()
        data = scratch.file("data")
        scratch.run(self.bin + "/initdb", "-D", data, "-U", USER, "-A",
                    "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        command = [self.bin + "/postgres", "-D", data, "-p", str(self.port),
                   "-k", scratch.path]
        for name, value in OPTIONS.items():
            command += ["-c", f"{name}={value}"]
        self.child = scratch.start("postgres", command, self.port)
        for _ in range(100):
            try:
                self.client("psql", "-X", "-q", "-c",
                            "CREATE DATABASE " + DATABASE, "postgres")
                break
            except RuntimeError:
                time.sleep(0.1)
        self.client("pgbench", "-i", "-q", "-s", str(scale), DATABASE)

    @staticmethod
    def find():
        folders = [output("pg_config", "--bindir")]
        base = "/usr/lib/postgresql"
        if os.path.isdir(base):
            folders += [f"{base}/{v}/bin" for v in
                        sorted(os.listdir(base), key=lambda v: -float(v))]
        for folder in folders:
            if os.access(folder + "/initdb", os.X_OK) and \
                    os.access(folder + "/postgres", os.X_OK):
                return folder
        raise RuntimeError("no Postgres server: packaging/deps/install demo")

    def client(self, program, *arguments):
        return self.scratch.run(program, "-h", "127.0.0.1", "-p",
                                str(self.port), "-U", USER, *arguments)

    def query(self, sql):
        return self.client("psql", "-X", "-q", "-A", "-t", "-c", sql,
                           DATABASE).strip()

    def processes(self):
        pid = self.child.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [pid, *map(int, f.read().split())]

    def stop(self):
        stop(self.child, signal.SIGINT)
        self.child = None
