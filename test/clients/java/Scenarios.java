import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/** The scenarios, each with sessions of its own. */
class Scenarios implements AutoCloseable {
    static final int CLIENTS = 8;
    static final String[] ZONES = {
        "Asia/Tokyo", "Europe/Lisbon", "America/Lima", "Asia/Dhaka"};

    final String driver;
    final String name;
    final List<Session> open = new ArrayList<>();

    interface Work<T> {
        T run(int i) throws Exception;
    }

    interface Attempt {
        void run() throws Exception;
    }

    Scenarios(String driver) {
        this.driver = driver;
        this.name = driver.replace('-', '_');
    }

    @Override
    public void close() throws SQLException {
        for (Session s : open) {
            s.close();
        }
    }

    Object run(String scenario) throws Exception {
        return switch (scenario) {
            case "version" -> "pgjdbc "
                    + org.postgresql.util.DriverInfo.DRIVER_VERSION + ", java "
                    + System.getProperty("java.version");
            case "storm" -> storm();
            case "interleave" -> interleave();
            case "reuse" -> reuse();
            case "errors" -> errors();
            case "rollback" -> rollback();
            case "pipeline" -> pipeline();
            case "cursor" -> cursor();
            case "copy" -> copy();
            case "settings" -> settings();
            case "startup" -> startup();
            case "listen" -> listen();
            case "cancel" -> cancel();
            case "schema" -> schema();
            case "advisory" -> advisory();
            case "temp" -> temp();
            case "prepare" -> prepare();
            case "discard" -> discard();
            case "pool" -> pool();
            default -> throw new AssertionError("no scenario " + scenario);
        };
    }

    synchronized Session connect(String options) throws SQLException {
        Session s = new Session(driver, options);
        open.add(s);
        return s;
    }

    List<Session> sessions(int number) throws Exception {
        List<Session> out = together(number, i -> new Session(driver, null));
        open.addAll(out);
        return out;
    }

    static <T> List<T> together(int number, Work<T> work) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(number);
        try {
            List<Future<T>> futures = new ArrayList<>();
            for (int i = 0; i < number; i++) {
                int n = i;
                futures.add(pool.submit(() -> work.run(n)));
            }
            List<T> out = new ArrayList<>();
            for (Future<T> f : futures) {
                out.add(f.get());
            }
            return out;
        } catch (ExecutionException e) {
            throw new RuntimeException(e.getCause());
        } finally {
            pool.shutdown();
        }
    }

    static void same(Object got, Object wanted) {
        if (!String.valueOf(got).equals(String.valueOf(wanted))) {
            throw new AssertionError("got " + got + ", not " + wanted);
        }
    }

    /** The SQLSTATE with which it fails. */
    static String code(Attempt attempt) throws Exception {
        try {
            attempt.run();
        } catch (SQLException e) {
            return e.getSQLState();
        }
        return "no error";
    }

    String table(String scenario, String columns) throws SQLException {
        String table = "t_" + name + "_" + scenario;
        try (Session s = new Session(driver, null)) {
            s.run("DROP TABLE IF EXISTS " + table);
            s.run("CREATE TABLE " + table + " (" + columns + ")");
        }
        return table;
    }

    Object storm() throws Exception {
        for (int round = 0; round < 2; round++) {
            together(24, i -> {
                try (Session s = new Session(driver, null)) {
                    same(s.value("SELECT $1::int", i), i);
                }
                return null;
            });
        }
        return 48;
    }

    Object interleave() throws Exception {
        List<Session> all = sessions(CLIENTS);
        together(CLIENTS, i -> {
            Session s = all.get(i);
            for (int n = 0; n < 25; n++) {
                same(s.query("SELECT $1::int * 2, $2::text", n, "c" + i),
                        List.of(List.of(n * 2, "c" + i)));
                String own = i + "." + n;
                same(s.value("SELECT $1::text || 'x'", own), own + "x");
            }
            return null;
        });
        return CLIENTS * 50;
    }

    Object reuse() throws Exception {
        String table = table("reuse", "client int, n int");
        List<Session> all = sessions(CLIENTS);
        together(CLIENTS, i -> {
            Session s = all.get(i);
            for (int n = 1; n < 8; n++) {
                s.begin();
                s.query("INSERT INTO " + table + " VALUES ($1::int, $2::int)",
                        i, n);
                same(s.value("SELECT sum(n) FROM " + table
                        + " WHERE client = $1::int", i), n * (n + 1) / 2);
                s.commit();
            }
            return null;
        });
        return all.get(0).value("SELECT count(*) FROM " + table);
    }

    Object errors() throws Exception {
        String table = table("errors", "a int PRIMARY KEY");
        String insert = "INSERT INTO " + table + " VALUES ($1::int)";
        List<Session> all = sessions(4);
        return together(4, i -> {
            Session s = all.get(i);
            List<String> seen = new ArrayList<>();
            for (int n = 0; n < 3; n++) {
                int m = n;
                seen.clear();
                s.query(insert, i * 10 + n);
                seen.add(code(() -> s.query("SELECT missing + $1::int", m)));
                seen.add(code(() ->
                        s.query("SELECT $1::int FROM not_there", m)));
                seen.add(code(() -> s.query("SELECT $1::int / 0", m)));
                seen.add(code(() -> s.query(insert, i * 10 + m)));
                same(s.value("SELECT $1::int + 1", n), n + 1);
            }
            return seen;
        });
    }

    Object rollback() throws Exception {
        String table = table("rollback", "a int");
        String insert = "INSERT INTO " + table + " VALUES ($1::int)";
        String count = "SELECT count(*) FROM " + table + " WHERE a = $1::int";
        List<Session> all = sessions(4);
        return together(4, i -> {
            Session s = all.get(i);
            List<String> seen = new ArrayList<>();
            for (int n = 0; n < 3; n++) {
                seen.clear();
                s.begin();
                s.query(insert, i);
                seen.add(code(() -> s.query("SELECT $1::int / 0", i)));
                seen.add(code(() -> s.query(count, i)));
                s.rollback();
                same(s.value(count, i), 0);
            }
            s.begin();
            s.query(insert, i);
            s.commit();
            seen.add(s.value(count, i));
            return seen;
        });
    }

    Object pipeline() throws Exception {
        String table = table("pipeline", "a int");
        String insert = "INSERT INTO " + table + " VALUES (10 / $1::int)";
        List<Session> all = sessions(4);
        List<String> bad = together(4, i -> {
            Session s = all.get(i);
            String seen = "";
            for (int n = 0; n < 3; n++) {
                same(s.batch(insert, IntStream.rangeClosed(1, 20).toArray()),
                        20);
                seen = code(() -> s.batch(insert, 5, 0, 2));
                same(s.value("SELECT $1::int", i), i);
            }
            return seen;
        });
        return List.of(bad, all.get(0).value("SELECT count(*) FROM " + table));
    }

    Object cursor() throws Exception {
        String text = "SELECT g FROM generate_series(1, $1::int) g";
        List<Session> all = sessions(4);
        return together(4, i -> {
            Session s = all.get(i);
            long total = s.stream(text, 1000, 2000);
            long few = s.stream(text, 100000, 100);
            same(s.value("SELECT $1::int", 5), 5);
            return List.of(total, few);
        });
    }

    Object copy() throws Exception {
        String table = table("copy", "a int, b text");
        List<Session> all = sessions(4);
        return together(4, i -> {
            Session s = all.get(i);
            StringBuilder in = new StringBuilder();
            StringBuilder out = new StringBuilder();
            for (int n = 0; n < 300; n++) {
                in.append(i + "\trow " + n + "\n");
                out.append("row " + n + "\n");
            }
            s.copyIn(table, in.toString());
            same(s.copyOut("SELECT b FROM " + table + " WHERE a = " + i
                    + " ORDER BY length(b), b"), out);
            String bad = code(() -> s.copyIn(table, "1\tgood\nbad\tbad\n"));
            return List.of(bad, s.value("SELECT $1::int", i));
        });
    }

    List<String> schemas(String scenario) throws SQLException {
        List<String> names = new ArrayList<>();
        try (Session s = new Session(driver, null)) {
            for (int i = 0; i < 4; i++) {
                String schema = "s_" + name + "_" + scenario + "_" + i;
                s.run("DROP SCHEMA IF EXISTS " + schema + " CASCADE");
                s.run("CREATE SCHEMA " + schema);
                s.run("CREATE TABLE " + schema + ".who AS SELECT '" + schema
                        + "'::text AS w");
                names.add(schema);
            }
        }
        return names;
    }

    /** Each session has its own settings, again and again. */
    static void watch(List<Session> all, List<String> names)
            throws Exception {
        together(all.size(), i -> {
            Session s = all.get(i);
            for (int n = 0; n < 10; n++) {
                same(s.value("SELECT w FROM who WHERE $1::int >= 0", n),
                        names.get(i));
                same(s.value("SHOW statement_timeout"), (i + 11) + "s");
                same(s.value("SHOW timezone"), ZONES[i]);
            }
            return null;
        });
    }

    List<String> defaults() throws SQLException {
        try (Session s = new Session(driver, null)) {
            return new ArrayList<>(List.of(s.value("SHOW search_path"),
                    s.value("SHOW statement_timeout"),
                    s.value("SHOW timezone")));
        }
    }

    Object settings() throws Exception {
        List<String> names = schemas("settings");
        List<Session> all = sessions(4);
        for (int i = 0; i < 4; i++) {
            all.get(i).run("SET search_path = " + names.get(i));
            all.get(i).run("SET statement_timeout = '" + (i + 11) + "s'");
            all.get(i).run("SET TIME ZONE '" + ZONES[i] + "'");
        }
        watch(all, names);
        List<String> seen = defaults();
        all.get(0).begin();
        all.get(0).run("SET statement_timeout = '99s'");
        all.get(0).rollback();
        watch(all, names);
        all.get(1).run("RESET statement_timeout");
        all.get(1).run("RESET search_path");
        seen.add(all.get(1).value("SHOW statement_timeout"));
        seen.add(all.get(1).value("SHOW search_path"));
        seen.add(all.get(2).value("SHOW statement_timeout"));
        return seen;
    }

    Object startup() throws Exception {
        List<String> names = schemas("startup");
        List<Session> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Session s = connect("-c search_path=" + names.get(i)
                    + " -c statement_timeout=" + (i + 11) + "s");
            // The driver always says its own time zone at the start.
            s.run("SET TIME ZONE '" + ZONES[i] + "'");
            all.add(s);
        }
        watch(all, names);
        all.get(0).run("SET statement_timeout = '99s'");
        all.get(0).run("RESET statement_timeout");
        watch(all, names);
        return defaults();
    }

    Object listen() throws Exception {
        String channel = "news_" + name;
        List<Session> all = sessions(2);
        List<Session> others = sessions(4);
        for (Session s : all) {
            s.run("LISTEN " + channel);
        }
        for (int n = 0; n < 3; n++) {
            others.get(n).run("NOTIFY " + channel + ", 'n" + n + "'");
        }
        Session last = others.get(3);
        last.begin();
        last.run("NOTIFY " + channel + ", 'never'");
        last.rollback();
        last.begin();
        last.run("NOTIFY " + channel + ", 'n3'");
        last.commit();
        List<Object> seen = new ArrayList<>();
        seen.add(all.get(0).notifications(4));
        seen.add(all.get(1).notifications(4));
        same(all.get(0).value("SELECT $1::int", 3), 3);
        all.get(0).run("UNLISTEN " + channel);
        others.get(0).run("NOTIFY " + channel + ", 'last'");
        seen.add(all.get(1).notifications(1));
        same(all.get(0).value("SELECT $1::int", 4), 4);
        seen.add(all.get(0).notifications(0));
        return seen;
    }

    Object cancel() throws Exception {
        List<Session> all = sessions(2);
        Session conn = all.get(0);
        Session other = all.get(1);
        String mark = "mark " + name + " cancel";
        ExecutorService pool = Executors.newSingleThreadExecutor();
        Future<String> seen = pool.submit(() -> code(() -> conn.query(
                "SELECT pg_sleep($1::int) /* " + mark + " */", 30)));
        pool.shutdown();
        long end = System.nanoTime() + 10_000_000_000L;
        while (other.value("SELECT count(*) FROM pg_stat_activity"
                + " WHERE state = 'active' AND pid <> pg_backend_pid()"
                + " AND query LIKE $1::text AND wait_event = 'PgSleep'",
                "%" + mark + "%").equals("0")) {
            if (System.nanoTime() > end) {
                throw new AssertionError("the query does not run");
            }
            Thread.sleep(10);
        }
        conn.running.cancel();
        String state = seen.get();
        same(other.value("SELECT $1::int", 2), 2);
        same(conn.value("SELECT $1::int", 1), 1);
        return state;
    }

    Object schema() throws Exception {
        String table = table("schema", "a int");
        List<Session> all = sessions(4);
        Session owner = sessions(1).get(0);
        owner.run("INSERT INTO " + table + " VALUES (1)");
        String text = "SELECT * FROM " + table + " WHERE a = $1::int";
        Work<String> read = i -> {
            try {
                List<String> row = all.get(i).query(text, 1).get(0);
                same(row.get(0), 1);
                return row.size() + " columns";
            } catch (SQLException e) {
                return e.getSQLState();
            }
        };
        Work<List<String>> outside = i ->
                List.of(read.run(i), read.run(i), read.run(i));
        Work<List<String>> inside = i -> {
            all.get(i).begin();
            String first = read.run(i);
            if (first.endsWith("columns")) {
                all.get(i).commit();
            } else {
                all.get(i).rollback();
            }
            return List.of(first, read.run(i), read.run(i));
        };
        List<Object> seen = new ArrayList<>();
        seen.add(together(4, outside));
        owner.run("ALTER TABLE " + table + " ADD COLUMN b int");
        seen.add(together(4, outside));
        owner.run("ALTER TABLE " + table + " ADD COLUMN c int");
        seen.add(together(4, inside));
        // Binary values are longer from now on.
        owner.run("ALTER TABLE " + table + " ALTER COLUMN a TYPE bigint");
        seen.add(together(4, outside));
        return seen;
    }

    Object advisory() throws Exception {
        List<Session> all = sessions(2);
        Session a = all.get(0);
        Session b = all.get(1);
        int key = 7005;
        String attempt = "SELECT pg_try_advisory_lock($1::int)";
        String unlock = "SELECT pg_advisory_unlock($1::int)";
        a.query("SELECT pg_advisory_lock($1::int)", key);
        List<String> seen = new ArrayList<>(List.of(b.value(attempt, key)));
        for (int n = 0; n < 3; n++) {
            a.begin();
            same(a.value("SELECT $1::int", n), n);
            a.commit();
        }
        seen.add(b.value(attempt, key));
        seen.add(a.value(unlock, key));
        seen.add(b.value(attempt, key));
        seen.add(b.value(unlock, key));
        a.query("SELECT pg_advisory_lock($1::int)", key);
        a.close();
        long end = System.nanoTime() + 10_000_000_000L;
        while (b.value(attempt, key).equals("f")) {
            if (System.nanoTime() > end) {
                throw new AssertionError("a closed session keeps its lock");
            }
            Thread.sleep(10);
        }
        seen.add(b.value(unlock, key));
        return seen;
    }

    Object temp() throws Exception {
        List<Session> all = sessions(3);
        Session a = all.get(0);
        Session b = all.get(1);
        String table = "tt_" + name;
        String read = "SELECT n FROM " + table + " WHERE n >= $1::int";
        a.run("CREATE TEMPORARY TABLE " + table + " (n int)");
        for (int n = 0; n < 5; n++) {
            a.begin();
            a.query("INSERT INTO " + table + " VALUES ($1::int)", n);
            a.commit();
            same(all.get(2).value("SELECT $1::int", n), n);
        }
        List<Object> seen = new ArrayList<>();
        seen.add(a.query(read, 0).size());
        seen.add(code(() -> b.query(read, 0)));
        a.run("DROP TABLE " + table);
        seen.add(code(() -> a.query(read, 0)));
        a.run("CREATE TEMPORARY TABLE " + table + " AS SELECT 8 AS n");
        seen.add(code(() -> a.query(read, 1)));
        a.close();
        seen.add(code(() -> b.query(read, 0)));
        return seen;
    }

    Object prepare() throws Exception {
        List<Session> all = sessions(CLIENTS);
        return together(CLIENTS, i -> {
            Session s = all.get(i);
            s.run("PREPARE own (int) AS SELECT $1 + " + i);
            for (int n = 0; n < 5; n++) {
                same(s.value("EXECUTE own(" + n + ")"), n + i);
            }
            s.run("DEALLOCATE own");
            return code(() -> s.run("EXECUTE own(1)"));
        });
    }

    Object discard() throws Exception {
        List<Session> all = sessions(CLIENTS);
        return together(CLIENTS, i -> {
            Session s = all.get(i);
            String text = "SELECT $1::int + " + i % 2;
            List<String> seen = new ArrayList<>();
            for (int n = 0; n < 6; n++) {
                same(s.value(text, 1), 1 + i % 2);
            }
            for (String all_ : List.of("DEALLOCATE ALL", "DISCARD ALL",
                    "DEALLOCATE ALL")) {
                s.run(all_);
                seen.add(code(() -> s.query(text, 1)));
                seen.add(code(() -> s.query(text, 1)));
            }
            return seen;
        });
    }

    /** HikariCP with 6 connections. */
    Object pool() throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(Session.url());
        config.setDataSourceProperties(Session.properties(driver));
        config.setUsername(System.getenv("PGUSER"));
        config.setPassword(System.getenv("PGPASSWORD"));
        config.setMaximumPoolSize(6);
        config.setAutoCommit(false);
        try (HikariDataSource source = new HikariDataSource(config)) {
            together(60, i -> {
                try (Connection c = source.getConnection();
                        PreparedStatement s =
                                c.prepareStatement("SELECT ?::int")) {
                    s.setInt(1, i);
                    try (ResultSet rows = s.executeQuery()) {
                        rows.next();
                        same(rows.getInt(1), i);
                    }
                    c.commit();
                }
                return null;
            });
        }
        return 60;
    }
}
