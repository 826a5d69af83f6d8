"""Names and passwords of all kinds and lengths: each is only itself."""

import re
import struct

import pytest

from tools.login import PW, to_state
from tools.raw import PgError, RawClient


def verdict(make):
    try:
        with make() as c:
            return c.value("SELECT current_user")
    except PgError as e:
        return e.sqlstate
    except (ConnectionError, TimeoutError) as e:
        return type(e).__name__


def test_no_name_is_cut_into_another(make_carpool, make_pg):
    """Postgres cuts names of 64 bytes and more; carpool never does."""
    base = "u" * 63
    pg = make_pg()
    pg.query(f'CREATE ROLE "{base}" LOGIN')
    cp = make_carpool({"test": pg, "d" * 63: {"pg": pg, "dbname": "test"}},
                      auth_type="scram-sha-256", userlist={base: PW})
    for n in (1, 62, 63, 64, 65, 127, 128, 129, 996, 4096):
        got = verdict(lambda: RawClient.open(
            cp.host, cp.port, user="u" * n, password=PW))
        assert (got == base) == (n == 63), (n, got)
    for n in (62, 63, 64, 65, 127, 996, 4096):
        got = verdict(lambda: RawClient.open(
            cp.host, cp.port, user=base, database="d" * n, password=PW))
        assert (got == base) == (n == 63), (n, got)


STRANGE = [
    "with space", 'quo"ted', "apo'strophe", "semi;colon", "back\\slash",
    "K\u00f6nig", "\u540d\u524d", "%s%n", "$user", "*", "a,b", "-c",
    "two\nlines reason=none"]


def test_strange_names(make_carpool, pg):
    """Each is itself, to the server, in the refusal and in the log."""
    for name in STRANGE:
        quoted = '"' + name.replace('"', '""') + '"'
        pg.query(f"DROP ROLE IF EXISTS {quoted}")
        pg.query(f"CREATE ROLE {quoted} LOGIN")
    # The user list is a file of lines.
    listed = {n: PW for n in STRANGE if "\n" not in n}
    cp = make_carpool({"test": pg, "own": {"pg": pg, "dbname": "test"}},
                      auth_type="scram-sha-256", userlist=listed)
    for name in listed:
        assert cp.connect(name, password=PW).value(
            "SELECT current_user") == name
        with pytest.raises(PgError) as e:
            cp.connect(name, password=PW + "x")
        if name.isascii():
            assert e.value.message == \
                f'password authentication failed for user "{name}"'
    cp.settings["auth_type"] = "any"
    cp.reload()
    for name in STRANGE:
        assert cp.connect(name).value("SELECT current_user") == name
        with pytest.raises(PgError):
            cp.connect(name + "\n-unknown").query("SELECT 1")
    for line in cp.log.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\d .* (DEBUG|INFO|WARNING|ERROR) \w",
                        line), line
        assert "reason=none" not in re.sub(
            r'"(?:\\.|[^"\\])*"', "", line), line
    cp.close_clients()
    cp.settings["auth_type"] = "trust"
    cp.reload()


PASSWORDS = {
    "one byte": "x", "a space": " ", "64 bytes": "p" * 64,
    "128 bytes": "q" * 128, "996 bytes": "r" * 996, "2 KB": "t" * 2048,
    "4096 bytes": "v" * 4096, "60 KB": "w" * 60000,
    "looks like md5": "md5" + "0" * 31, "quotes": "a\"b'c\\d",
    "Latin": "pa\u00dfw\u00f6rd", "normal form": "e\u0301\u00a0x\u2168",
    "soft hyphen": "a\u00adb", "prohibited": "a\u0007b",
    "CJK": "\u5bc6\u7801",
}


def test_passwords_of_all_kinds(make_carpool, make_pg):
    """Through libpq and carpool to a server that has them as verifiers."""
    import psycopg2

    pg = make_pg()
    users = {f"p{i}": p for i, p in enumerate(PASSWORDS.values())}
    pg.query("SET password_encryption = 'scram-sha-256'")
    for user, password in users.items():
        pg.query(f"CREATE ROLE {user} LOGIN PASSWORD %s", (password,))
    hba = f"{pg.data}/pg_hba.conf"
    with open(hba) as f:
        text = f.read()
    with open(hba, "w") as f:
        f.write("".join(f"host all {u} 127.0.0.1/32 scram-sha-256\n"
                        for u in users) + text)
    pg.query("SELECT pg_reload_conf()")
    cp = make_carpool({"test": pg}, userlist=users, auth_type="trust")
    for method in ("scram-sha-256", "plain", "md5"):
        cp.settings["auth_type"] = method
        cp.reload()
        for user, password in users.items():
            what = (method, user, password[:20])
            conn = cp.psycopg2(user, password=password)
            with conn.cursor() as cur:
                cur.execute("SELECT current_user")
                assert cur.fetchone() == (user,), what
            conn.close()
            with pytest.raises(psycopg2.OperationalError) as e:
                cp.psycopg2(user, password=password[:-1] or "y")
            assert "password authentication failed" in str(e.value), what
    cp.close_clients()


def test_password_message_too_long(make_carpool):
    cp = make_carpool(auth_type="plain", userlist={"app": PW})
    for size in (65536, 1 << 20, 0x7fffffff):
        c = cp.raw()
        to_state(c, "first")
        c.send(b"p" + struct.pack("!i", size) + b"x" * 1000)
        assert c.expect_error("08P01").severity == "FATAL"
        c.close()
