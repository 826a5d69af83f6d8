"""Unmodified clients: psql, pgbench, pg_dump, psycopg2, psycopg, and the two
Node drivers."""

import os
import subprocess
import sys
import threading

import psycopg
import psycopg2
import psycopg2.extras
import pytest

from tools import carpool
from tools.account import scratch
from tools.postgres import BIN

sys.path.append(os.path.join(carpool.TOP, "test/clients"))
import programs  # noqa: E402


def tool(cp, name, *args, user="app", check=True, timeout=50, **kw):
    env = dict(os.environ, PGHOST=cp.host, PGPORT=str(cp.port), PGUSER=user,
               PGPASSWORD=cp.userlist.get(user, ""), PGDATABASE="test")
    done = subprocess.run([f"{BIN}/{name}", *args], env=env, text=True,
                          capture_output=True, timeout=timeout, **kw)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("auth", ["trust", "md5", "scram-sha-256"])
def test_psql(make_carpool, auth):
    cp = make_carpool(auth_type=auth)
    done = tool(cp, "psql", "-X", "-At", "-c", "SELECT 1", "-c",
                "SELECT current_user")
    assert done.stdout == "1\napp\n"


def test_psql_script(make_carpool):
    cp = make_carpool()
    script = """
\\set ON_ERROR_STOP 1
BEGIN;
CREATE TABLE psql_t (a int);
COPY psql_t FROM STDIN;
1
2
\\.
\\copy psql_t TO '/dev/null'
COMMIT;
SELECT sum(a) FROM psql_t;
DROP TABLE psql_t;
\\d
\\l
"""
    done = tool(cp, "psql", "-X", "-At", input=script)
    assert "\n3\n" in done.stdout


@pytest.fixture
def bench_database(pg):
    if not pg.query("SELECT 1 FROM pg_database WHERE datname = 'bench'"):
        pg.create_database("bench")
        pg.run("pgbench", "-i", "-s", "2", "-q", "bench", check=True)
        pg.query("GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC",
                 db="bench")
    return {"pg": pg, "dbname": "bench"}


@pytest.mark.parametrize("mode,protocol", [
    ("transaction", "simple"), ("transaction", "extended"),
    ("session", "prepared"), ("session", "simple")])
def test_pgbench(make_carpool, pg, bench_database, mode, protocol):
    cp = make_carpool({"bench": bench_database}, pool_mode=mode,
                      default_pool_size=5, max_client_conn=100)
    clients = 5 if mode == "session" else 40
    done = tool(cp, "pgbench", "-n", "-M", protocol, "-c", str(clients),
                "-j", "2", "-t", "25", "bench")
    n = clients * 25
    assert f"transactions actually processed: {n}/{n}" in done.stdout
    assert "number of failed transactions: 0 " in done.stdout
    assert pg.connections("bench") <= 5
    if mode == "transaction":
        # pgbench itself asks twice at its start
        own = cp.totals("bench")["xact_count"] - n
        assert 0 <= own <= 4


def test_pgbench_select_only_balances(make_carpool, bench_database, pg):
    cp = make_carpool({"bench": bench_database}, default_pool_size=10,
                      max_client_conn=300, threads=4)
    cp.rss_tolerance = 64 << 20
    done = tool(cp, "pgbench", "-n", "-S", "-c", "200", "-j", "2", "-t",
                "10", "bench")
    assert "transactions actually processed: 2000/2000" in done.stdout
    assert pg.connections("bench") <= 10


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_pg_dump_and_restore(make_carpool, pg, bench_database, form):
    pg.query("DROP DATABASE IF EXISTS restored WITH (FORCE)")
    pg.create_database("restored")
    cp = make_carpool({"bench": bench_database,
                       "restored": {"pg": pg}}, pool_mode="session",
                      userlist={"postgres": "x"})
    path = os.path.join(scratch("dump"), "dump")
    if form == "plain":
        tool(cp, "pg_dump", "-f", path, "bench", user="postgres")
        tool(cp, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", path,
             "restored", user="postgres")
    else:
        tool(cp, "pg_dump", "-Fc", "-f", path, "bench", user="postgres")
        tool(cp, "pg_restore", "-j", "2", "-d", "restored", path,
             user="postgres")
    for table in ("accounts", "branches", "tellers"):
        sql = (f"SELECT count(*), sum(hashtext(t::text)) FROM"
               f" pgbench_{table} t")
        assert pg.query(sql, db="restored") == pg.query(sql, db="bench")
    # a dump leaves nothing behind for the next client
    c = cp.connect("postgres", "bench")
    assert c.value("SHOW search_path") == '"$user", public'
    assert c.value("SHOW default_transaction_read_only") == "off"


def test_dump_is_the_same_as_direct(make_carpool, pg, bench_database):
    cp = make_carpool({"bench": bench_database}, pool_mode="session",
                      userlist={"postgres": "x"})
    through = tool(cp, "pg_dump", "bench", user="postgres").stdout
    direct = pg.run("pg_dump", "bench").stdout

    def text(dump):
        # newer tools print a random word against injected commands
        return [line for line in dump.splitlines()
                if not line.startswith(("\\restrict", "\\unrestrict"))]

    assert text(through) == text(direct)


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_psycopg2(make_carpool, mode):
    cp = make_carpool(pool_mode=mode, default_pool_size=2)
    conns = [cp.psycopg2() for _ in range(2)]
    with conns[0] as conn, conn.cursor() as cur:
        cur.execute("CREATE TABLE IF NOT EXISTS py2 (a int, b text)")
        cur.execute("TRUNCATE py2")
        psycopg2.extras.execute_values(
            cur, "INSERT INTO py2 VALUES %s", [(i, "x") for i in range(50)])
    with conns[1] as conn, conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM py2 WHERE b = %s", ("x",))
        assert cur.fetchone() == (50,)
    with conns[0] as conn, conn.cursor("named") as cur:
        cur.itersize = 7
        cur.execute("SELECT a FROM py2 ORDER BY a")
        assert [r[0] for r in cur] == list(range(50))
    with pytest.raises(psycopg2.errors.DivisionByZero):
        with conns[0] as conn, conn.cursor() as cur:
            cur.execute("SELECT 1/0")
    with conns[0] as conn, conn.cursor() as cur:
        cur.execute("SELECT 'well'")
        assert cur.fetchone() == ("well",)


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_psycopg3(make_carpool, mode):
    """Automatic prepared statements in session mode, none in transaction
    mode."""
    cp = make_carpool(pool_mode=mode, default_pool_size=2,
                      auth_type="scram-sha-256")
    threshold = 2 if mode == "session" else None
    conninfo = (f"host={cp.host} port={cp.port} user=app dbname=test"
                f" password={cp.userlist['app']}")
    with psycopg.connect(conninfo, prepare_threshold=threshold) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS py3 (a int, b text)")
        conn.execute("TRUNCATE py3")
        conn.commit()
        for i in range(12):
            got = conn.execute("SELECT %s::int + 1, %s::text", (i, "t"))
            assert got.fetchone() == (i + 1, "t")
        with conn.cursor() as cur:
            with cur.copy("COPY py3 FROM STDIN") as copy:
                for i in range(100):
                    copy.write_row((i, "copied"))
            cur.executemany("INSERT INTO py3 VALUES (%s, %s)",
                            [(i, "many") for i in range(20)])
        conn.commit()
        assert conn.execute("SELECT count(*) FROM py3").fetchone() == (120,)
        with conn.cursor("server_side") as cur:
            cur.execute("SELECT a FROM py3 WHERE b = 'copied' ORDER BY a")
            assert len(cur.fetchmany(30)) == 30
            assert len(cur.fetchall()) == 70
        with pytest.raises(psycopg.errors.UndefinedTable):
            conn.execute("SELECT * FROM not_there")
        conn.rollback()
        if psycopg.Pipeline.is_supported():
            with conn.pipeline():
                many = [conn.execute("SELECT %s::int", (i,))
                        for i in range(50)]
            assert [c.fetchone()[0] for c in many] == list(range(50))


def test_psycopg3_cancel(make_carpool):
    cp = make_carpool()
    with psycopg.connect(host=cp.host, port=cp.port, user="app",
                         dbname="test", autocommit=True,
                         prepare_threshold=None) as conn:
        threading.Timer(0.2, conn.cancel).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("SELECT pg_sleep(30)")
        assert conn.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("protocol", ["simple", "extended"])
@pytest.mark.parametrize("text", [
    "CREATE TEMPORARY TABLE wiped (a int)", "DISCARD ALL", "DEALLOCATE ALL"])
def test_statements_outlive_a_cleaned_server(make_carpool, text, protocol):
    """What another client did takes all statements of the server away."""
    cp = make_carpool(default_pool_size=1)
    conninfo = f"host={cp.host} port={cp.port} user=app dbname=test"
    with psycopg.connect(conninfo, autocommit=True,
                         prepare_threshold=0) as conn:
        assert conn.execute("SELECT %s::int", (1,)).fetchone() == (1,)
        other = cp.connect()
        {"simple": other.query, "extended": other.extended}[protocol](text)
        other.close()  # which ends its hold on the server
        assert conn.execute("SELECT %s::int", (2,)).fetchone() == (2,)


@pytest.fixture(scope="session")
def node():
    """A folder with the drivers of test/clients/node installed."""
    try:
        return programs.node_folder()
    except programs.Missing as e:
        pytest.skip(str(e))


@pytest.mark.seconds(180)
@pytest.mark.parametrize("driver", ["pg", "postgres"])
@pytest.mark.parametrize("mode,style", [("session", "named"),
                                        ("transaction", "unnamed")])
def test_node_drivers(make_carpool, node, driver, mode, style):
    cp = make_carpool(pool_mode=mode, auth_type="scram-sha-256",
                      default_pool_size=8 if mode == "session" else 3,
                      ignore_startup_parameters="extra_float_digits")
    url = (f"postgres://app:{cp.userlist['app']}@{cp.host}:{cp.port}/test")
    done = subprocess.run(
        ["node", "drivers.mjs", driver, style], cwd=node, text=True,
        capture_output=True, timeout=60,
        env={**os.environ, "DATABASE_URL": url})
    assert done.stdout == "ok\n", done.stdout + done.stderr
