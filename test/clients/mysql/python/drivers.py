"""PyMySQL, mysqlclient, MySQL's own Connector/Python, SQLAlchemy, and the
mariadb program, with one common face."""

import importlib.metadata
import os
import re
import subprocess

HOST, PORT = os.environ["MYSQL_HOST"], int(os.environ["MYSQL_PORT"])
USER, PASSWORD = os.environ["MYSQL_USER"], os.environ["MYSQL_PASSWORD"]
DATABASE = os.environ["MYSQL_DATABASE"]


class DbApiConn:
    """A connection of PEP 249; its cursors run one text each."""

    def __init__(self, conn):
        self.conn = conn

    def query(self, text, *args):
        with self.conn.cursor() as cur:
            cur.execute(text, args or None)
            rows = cur.fetchall() if cur.description else []
            self.last_id = cur.lastrowid
            self.affected = cur.rowcount
        return [list(row) for row in rows]

    def begin(self):
        self.conn.autocommit(False)

    def commit(self):
        self.conn.commit()
        self.conn.autocommit(True)

    def rollback(self):
        self.conn.rollback()
        self.conn.autocommit(True)

    def multi(self, text):
        """The rows of each result."""
        out = []
        with self.conn.cursor() as cur:
            cur.execute(text)
            while True:
                out.append([list(r) for r in cur.fetchall()]
                           if cur.description else [])
                if not cur.nextset():
                    return out

    def load(self, table, path):
        self.query(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {table}")
        return self.affected

    def stream(self, text):
        """Row by row, as the server sends them."""
        cur = self.conn.cursor(self.streaming)
        cur.execute(text)
        for row in cur:
            yield list(row)
        cur.close()

    def change_user(self):
        self.conn.change_user(USER, PASSWORD, DATABASE)

    def ping(self):
        self.conn.ping()

    def close(self):
        self.conn.close()


class PyMySQL:
    def __init__(self):
        import pymysql
        self.module = pymysql

    def version(self):
        # Its own says which mysqlclient it can stand in for.
        return "PyMySQL " + importlib.metadata.version("PyMySQL")

    def connect(self, **more):
        conn = DbApiConn(self.module.connect(
            host=HOST, port=PORT, user=USER, password=PASSWORD,
            database=DATABASE, autocommit=True, local_infile=True,
            client_flag=65536, **more))
        conn.streaming = self.module.cursors.SSCursor
        return conn

    def code(self, error):
        if isinstance(error, self.module.err.MySQLError):
            return error.args[0]
        raise error


class MySQLdb:
    def __init__(self):
        import MySQLdb
        import MySQLdb.cursors
        self.module = MySQLdb

    def version(self):
        return "mysqlclient " + self.module.__version__

    def connect(self, **more):
        conn = DbApiConn(self.module.connect(
            host=HOST, port=PORT, user=USER, passwd=PASSWORD, db=DATABASE,
            autocommit=True, local_infile=1, client_flag=65536, **more))
        conn.streaming = self.module.cursors.SSCursor
        return conn

    def code(self, error):
        if isinstance(error, self.module.MySQLError):
            return error.args[0]
        raise error


class ConnectorConn(DbApiConn):
    def __init__(self, conn, prepared):
        super().__init__(conn)
        self.prepared = prepared

    def query(self, text, *args):
        more = {"prepared": True} if self.prepared and args else {}
        with self.conn.cursor(**more) as cur:
            cur.execute(text, args)
            rows = cur.fetchall() if cur.with_rows else []
            self.last_id, self.affected = cur.lastrowid, cur.rowcount
        return [list(row) for row in rows]

    def begin(self):
        self.conn.start_transaction()

    def commit(self):
        self.conn.commit()

    def rollback(self):
        self.conn.rollback()

    def multi(self, text):
        out = []
        with self.conn.cursor() as cur:
            cur.execute(text)
            while True:
                out.append([list(r) for r in cur.fetchall()]
                           if cur.with_rows else [])
                if not cur.nextset():
                    return out

    def stream(self, text):
        with self.conn.cursor(buffered=False) as cur:
            cur.execute(text)
            for row in cur:
                yield list(row)

    def change_user(self):
        self.conn.cmd_change_user(USER, PASSWORD, DATABASE)


class Connector:
    def __init__(self, prepared=False, **more):
        import mysql.connector
        self.module, self.prepared = mysql.connector, prepared
        self.more = more

    def version(self):
        return "Connector/Python " + self.module.__version__

    def connect(self):
        return ConnectorConn(self.module.connect(
            host=HOST, port=PORT, user=USER, password=PASSWORD,
            database=DATABASE, autocommit=True, ssl_disabled=True,
            allow_local_infile=True, charset="utf8mb4",
            collation="utf8mb4_general_ci", **self.more), self.prepared)

    def code(self, error):
        if isinstance(error, self.module.Error):
            return error.errno
        raise error


class AlchemyConn:
    def __init__(self, engine):
        self.engine = engine
        self.conn = engine.connect()
        self.transaction = None

    def query(self, text, *args):
        from sqlalchemy import text as sql
        names = iter("abcdefgh")
        text = re.sub("%s", lambda _: ":" + next(names), text)
        result = self.conn.execute(sql(text), dict(zip("abcdefgh", args)))
        self.last_id = result.lastrowid if not result.returns_rows else 0
        self.affected = result.rowcount
        rows = ([list(row) for row in result] if result.returns_rows
                else [])
        # Since 2.0 each statement begins a transaction, for somebody to end.
        if self.transaction is None and hasattr(self.conn, "commit"):
            self.conn.commit()
        return rows

    def begin(self):
        self.transaction = self.conn.begin()

    def commit(self):
        self.transaction.commit()
        self.transaction = None

    def rollback(self):
        self.transaction.rollback()
        self.transaction = None

    def ping(self):
        self.query("SELECT 1")

    def stream(self, text):
        from sqlalchemy import text as sql
        options = self.conn.execution_options(stream_results=True)
        for row in options.execute(sql(text)):
            yield list(row)

    def close(self):
        self.conn.close()
        self.engine.dispose()


class Alchemy:
    def __init__(self, below):
        import sqlalchemy
        self.module, self.below = sqlalchemy, below

    def version(self):
        return f"SQLAlchemy {self.module.__version__} over {self.below}"

    def engine(self, **more):
        return self.module.create_engine(
            f"mysql+{self.below}://{USER}:{PASSWORD}@{HOST}:{PORT}/"
            f"{DATABASE}", **more)

    def connect(self):
        return AlchemyConn(self.engine(poolclass=self.module.pool.NullPool))

    def code(self, error):
        if isinstance(error, self.module.exc.DBAPIError):
            return error.orig.args[0]
        raise error

    def orm(self):
        """Objects, a nested transaction, a pool with pings."""
        from sqlalchemy import Column, ForeignKey, Integer, String
        from sqlalchemy.orm import Session, declarative_base, relationship
        base = declarative_base()

        class Person(base):
            __tablename__ = f"person_{self.below}"
            id = Column(Integer, primary_key=True)
            name = Column(String(40))
            notes = relationship("Note")

        class Note(base):
            __tablename__ = f"note_{self.below}"
            id = Column(Integer, primary_key=True)
            text = Column(String(100))
            person = Column(ForeignKey(f"person_{self.below}.id"))

        engine = self.engine(pool_size=3, pool_pre_ping=True)
        base.metadata.drop_all(engine)
        base.metadata.create_all(engine)
        seen = []
        for n in range(8):
            with Session(engine) as s:
                person = Person(name=f"p{n}", notes=[Note(text="one"),
                                                     Note(text="two")])
                s.add(person)
                s.flush()
                with s.begin_nested() as inner:
                    s.delete(person.notes[0])
                    s.flush()
                    inner.rollback()
                s.commit()
                seen.append([person.id, len(person.notes)])
        engine.dispose()
        return seen


class CliConn:
    """A mariadb program for each text: not one connection, but as many."""

    def run(self, text, *more):
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"-h{HOST}", f"-P{PORT}",
             f"-u{USER}", "--batch", "--skip-column-names", *more,
             DATABASE], input=text, text=True, capture_output=True,
            env={**os.environ, "MYSQL_PWD": PASSWORD}, timeout=20)
        if done.returncode != 0:
            raise CliError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def close(self):
        pass


class CliError(Exception):
    pass


class Cli:
    def version(self):
        done = subprocess.run(["mariadb", "--version"], capture_output=True,
                              text=True)
        return " ".join(done.stdout.split()[:5]).rstrip(",")

    def connect(self):
        return CliConn()

    def code(self, error):
        return int(re.search(r"ERROR (\d+)", str(error)).group(1))

    def script(self):
        """Several statements on one connection, with its table of names
        (no -A), warnings shown, and an error in the middle."""
        c = CliConn()
        text = ("CREATE TEMPORARY TABLE tt (a INT);\n"
                "INSERT INTO tt VALUES (1), (2);\nBEGIN;\n"
                "UPDATE tt SET a = a + 1;\nSELECT SUM(a) FROM tt;\n"
                "ROLLBACK;\nSELECT 1/0;\nSHOW WARNINGS;\n"
                "delimiter //\nSELECT 1; SELECT 2//\ndelimiter ;\n"
                "SET @v = 5;\nSELECT @v, LAST_INSERT_ID();\n"
                "SELECT nothing;\nSELECT 'after';\n")
        out = c.run(text, "--force", "--table=FALSE")
        try:
            c.run("SELECT 1;\nSELECT nothing;\nSELECT 2;\n")
        except CliError as e:
            out.append(self.code(e))
        return out

    def dump(self):
        """mariadb-dump, and what it wrote back into another database."""
        c = CliConn()
        c.run("DROP TABLE IF EXISTS dumped; CREATE TABLE dumped"
              " (a INT AUTO_INCREMENT PRIMARY KEY, b LONGTEXT, c BLOB);"
              "INSERT INTO dumped (b, c) VALUES (REPEAT('x', 3000000),"
              " x'00FF0A27'), (NULL, 'it''s'), ('tab\\t\\\\', NULL);"
              "DROP DATABASE IF EXISTS dump_copy; CREATE DATABASE dump_copy")
        argv = ["mariadb-dump", "--no-defaults", f"-h{HOST}", f"-P{PORT}",
                f"-u{USER}", "--skip-dump-date"]
        env = {**os.environ, "MYSQL_PWD": PASSWORD}
        texts = []
        for more in (["--single-transaction"], ["--lock-tables"]):
            done = subprocess.run([*argv, *more, DATABASE, "dumped"],
                                  capture_output=True, env=env, check=False)
            if done.returncode != 0:
                raise CliError(done.stderr.decode())
            texts.append(done.stdout)
            subprocess.run(["mariadb", *argv[1:5], "dump_copy"], env=env,
                           input=done.stdout, check=True)
        sums = c.run("CHECKSUM TABLE dumped, dump_copy.dumped")
        return [len(texts[0]), texts[0] == texts[1], sums[0][1] == sums[1][1]]
