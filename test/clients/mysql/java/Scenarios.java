import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The scenarios of ../../my_matrix.py for Java. */
class Scenarios implements AutoCloseable {
    static final int CLIENTS = 8;
    static final String[] ZONES = {"+01:00", "-05:30", "+09:00", "+00:00"};

    final String driver;
    final String name;
    final List<Session> open = new ArrayList<>();

    interface Work<T> {
        T run(int i) throws Exception;
    }

    Scenarios(String driver) {
        this.driver = driver;
        this.name = driver.replace("-", "_");
    }

    Object run(String scenario) throws Exception {
        return Scenarios.class.getDeclaredMethod(scenario).invoke(this);
    }

    @Override
    public void close() throws SQLException {
        for (Session s : open) {
            s.close();
        }
        open.clear();
    }

    static void same(Object got, Object wanted) {
        if (!String.valueOf(got).equals(String.valueOf(wanted))) {
            throw new AssertionError("got " + got + ", not " + wanted);
        }
    }

    synchronized Session connect() throws SQLException {
        Session s = new Session(driver);
        open.add(s);
        return s;
    }

    List<Session> sessions(int n) throws Exception {
        List<Session> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            all.add(connect());
        }
        return all;
    }

    <T> List<T> together(int n, Work<T> work) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(n);
        try {
            List<Callable<T>> jobs = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                int k = i;
                jobs.add(() -> work.run(k));
            }
            List<T> out = new ArrayList<>();
            for (Future<T> done : pool.invokeAll(jobs)) {
                out.add(done.get());
            }
            return out;
        } finally {
            pool.shutdown();
        }
    }

    /** The number of the error with which work fails. */
    static String code(Callable<?> work) throws Exception {
        try {
            work.call();
        } catch (SQLException e) {
            return String.valueOf(e.getErrorCode());
        }
        return "no error";
    }

    String table(String scenario, String columns) throws SQLException {
        String table = "t_" + name + "_" + scenario;
        Session s = connect();
        s.query("DROP TABLE IF EXISTS " + table);
        s.query("CREATE TABLE " + table + " (" + columns
                + ") ENGINE=InnoDB");
        return table;
    }

    Object version() throws Exception {
        return connect().conn.getMetaData().getDriverName() + " "
                + connect().conn.getMetaData().getDriverVersion();
    }

    Object storm() throws Exception {
        for (int round = 0; round < 2; round++) {
            together(20, i -> {
                try (Session s = new Session(driver)) {
                    same(s.query("SELECT ?", i), List.of(List.of("" + i)));
                }
                return null;
            });
        }
        return 40;
    }

    Object interleave() throws Exception {
        List<Session> all = sessions(CLIENTS);
        together(CLIENTS, i -> {
            for (int n = 0; n < 25; n++) {
                same(all.get(i).query("SELECT ? * 2, ?", n, "c" + i),
                        List.of(List.of("" + n * 2, "c" + i)));
            }
            return null;
        });
        return CLIENTS * 25;
    }

    Object prepared() throws Exception {
        String table = table("prepared", "a INT, b VARCHAR(40)");
        List<Session> all = sessions(CLIENTS);
        return together(CLIENTS, i -> {
            Session s = all.get(i);
            for (int n = 0; n < 6; n++) {
                s.query("INSERT INTO " + table + " VALUES (?, ?)", i,
                        "row " + n);
                same(s.query("SELECT a, b FROM " + table
                        + " WHERE a = ? ORDER BY b", i).size(), n + 1);
            }
            // more than the driver keeps
            for (int n = 0; n < 30; n++) {
                same(s.query("SELECT ? + " + n, 1),
                        List.of(List.of("" + (n + 1))));
            }
            return List.of(code(() -> s.query("SELEC ?", 1)),
                    s.query("SELECT ?, ?", 1.5, "x"));
        });
    }

    Object reuse() throws Exception {
        String table = table("reuse", "client INT, n INT");
        List<Session> all = sessions(CLIENTS);
        together(CLIENTS, i -> {
            Session s = all.get(i);
            for (int n = 1; n < 8; n++) {
                s.begin();
                s.query("INSERT INTO " + table + " VALUES (?, ?)", i, n);
                same(s.query("SELECT SUM(n) FROM " + table
                        + " WHERE client = ?", i),
                        List.of(List.of("" + n * (n + 1) / 2)));
                s.commit();
            }
            return null;
        });
        return connect().query("SELECT COUNT(*) FROM " + table);
    }

    Object errors() throws Exception {
        String table = table("errors", "a INT PRIMARY KEY");
        List<Session> all = sessions(4);
        return together(4, i -> {
            Session s = all.get(i);
            String insert = "INSERT INTO " + table + " VALUES (?)";
            s.query(insert, i);
            return List.of(
                    code(() -> s.query("SELECT missing + ?", i)),
                    code(() -> s.query("SELECT ? FROM not_there", i)),
                    code(() -> s.query(insert, i)),
                    code(() -> s.query("SELEC 1")),
                    s.query("SELECT ? + 1", i));
        });
    }

    Object rollback() throws Exception {
        String table = table("rollback", "a INT PRIMARY KEY");
        List<Session> all = sessions(2);
        Session s = all.get(0);
        String insert = "INSERT INTO " + table + " VALUES (?)";
        String count = "SELECT COUNT(*) FROM " + table;
        s.begin();
        s.query(insert, 1);
        List<Object> seen = new ArrayList<>();
        seen.add(code(() -> s.query(insert, 1)));
        s.query(insert, 2);
        seen.add(s.query(count));
        seen.add(all.get(1).query(count));
        s.rollback();
        seen.add(s.query(count));
        return seen;
    }

    Object insert_id() throws Exception {
        String table = table("insert_id",
                "a INT AUTO_INCREMENT PRIMARY KEY, b INT");
        List<Session> all = sessions(4);
        List<Object> seen = new ArrayList<>();
        for (int n = 0; n < 3; n++) {
            for (Session s : all) {
                s.query("INSERT INTO " + table + " (b) VALUES (?)", n);
                seen.add(s.lastId);
            }
            for (Session s : all) {
                seen.add(s.query("SELECT LAST_INSERT_ID()"));
            }
        }
        return seen;
    }

    Object settings() throws Exception {
        List<Session> all = sessions(4);
        for (int i = 0; i < 4; i++) {
            Session s = all.get(i);
            s.query("SET time_zone = '" + ZONES[i] + "'");
            s.query(i % 2 == 1 ? "SET sql_mode = 'ANSI_QUOTES'"
                    : "SET SESSION group_concat_max_len = 77");
            s.query("SET @own = " + i);
        }
        List<Object> seen = new ArrayList<>();
        for (int n = 0; n < 5; n++) {
            for (Session s : all) {
                seen.add(s.query("SELECT @@time_zone,"
                        + " @@sql_mode = 'ANSI_QUOTES', @own,"
                        + " @@group_concat_max_len"));
            }
        }
        return seen;
    }

    Object big() throws Exception {
        String table = table("big", "a INT, b LONGTEXT");
        Session s = connect();
        for (int n = 0; n < 3; n++) {
            s.query("INSERT INTO " + table + " VALUES (?, ?)", n,
                    "x".repeat(400000));
        }
        List<Object> seen = new ArrayList<>();
        for (List<String> row : s.query("SELECT b FROM " + table)) {
            seen.add(row.get(0).length());
        }
        seen.add(s.query("SELECT REPEAT('y', 17000000)").get(0).get(0)
                .length());
        return seen;
    }

    Object temp() throws Exception {
        List<Session> all = sessions(2);
        String table = "tt_" + name;
        all.get(0).query("CREATE TEMPORARY TABLE " + table + " (n INT)");
        for (int n = 0; n < 5; n++) {
            all.get(0).query("INSERT INTO " + table + " VALUES (?)", n);
            all.get(1).query("SELECT 1");
        }
        return List.of(
                all.get(0).query("SELECT COUNT(*) FROM " + table),
                code(() -> all.get(1).query("SELECT * FROM " + table)));
    }

    Object lock() throws Exception {
        List<Session> all = sessions(2);
        String lock = "lock_" + name;
        Session a = all.get(0);
        Session b = all.get(1);
        return List.of(a.query("SELECT GET_LOCK(?, 1)", lock),
                b.query("SELECT GET_LOCK(?, 0)", lock),
                a.query("SELECT RELEASE_LOCK(?)", lock),
                b.query("SELECT GET_LOCK(?, 0)", lock),
                b.query("SELECT RELEASE_LOCK(?)", lock));
    }

    /** Rows in portions, by a cursor where statements are prepared; left
     * early, too. */
    Object stream() throws Exception {
        String table = table("stream", "a INT");
        Session s = connect();
        StringBuilder values = new StringBuilder("(0)");
        for (int n = 1; n < 3000; n++) {
            values.append(", (").append(n).append(")");
        }
        s.query("INSERT INTO " + table + " VALUES " + values);
        List<Object> seen = new ArrayList<>();
        for (int most : new int[] {3000, 700}) {
            try (PreparedStatement p = s.bind("SELECT a FROM " + table
                    + " WHERE a >= ?", 0)) {
                p.setFetchSize(100);
                try (ResultSet rows = p.executeQuery()) {
                    seen.add(Session.read(rows, most).size());
                }
            }
        }
        seen.add(s.query("SELECT 1"));
        return seen;
    }

    Object batch() throws Exception {
        String table = table("batch", "a INT, b VARCHAR(40)");
        Session s = connect();
        try (PreparedStatement p = s.conn.prepareStatement(
                "INSERT INTO " + table + " VALUES (?, ?)")) {
            for (int n = 0; n < 500; n++) {
                p.setInt(1, n);
                p.setString(2, n % 7 == 0 ? null : "row " + n);
                p.addBatch();
            }
            p.executeBatch();
        }
        return s.query("SELECT COUNT(*), COUNT(b), SUM(a) FROM " + table);
    }

    Object cancel() throws Exception {
        List<Session> all = sessions(2);
        Session conn = all.get(0);
        Session other = all.get(1);
        ExecutorService pool = Executors.newSingleThreadExecutor();
        Future<String> seen = pool.submit(() ->
                code(() -> conn.query("SELECT SLEEP(30)")));
        pool.shutdown();
        long end = System.nanoTime() + 10_000_000_000L;
        while (other.query("SELECT COUNT(*) FROM"
                + " information_schema.processlist WHERE info ="
                + " 'SELECT SLEEP(30)'").get(0).get(0).equals("0")) {
            if (System.nanoTime() > end) {
                throw new AssertionError("the query does not run");
            }
            Thread.sleep(10);
        }
        conn.running.cancel();
        return List.of(seen.get(), conn.query("SELECT 1"),
                other.query("SELECT 2"));
    }

    /** HikariCP with 6 connections. */
    Object pool() throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(Session.url(driver));
        config.setMaximumPoolSize(6);
        config.setAutoCommit(false);
        try (HikariDataSource source = new HikariDataSource(config)) {
            together(60, i -> {
                try (Connection c = source.getConnection();
                        PreparedStatement s = c.prepareStatement("SELECT ?")) {
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
