import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** One connection of pgjdbc. Each query is prepared; the driver keeps it. */
class Session implements AutoCloseable {
    final Connection conn;
    volatile Statement running;

    static String url() {
        return "jdbc:postgresql://" + System.getenv("PGHOST") + ":"
                + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    }

    static Properties properties(String driver) {
        Properties p = new Properties();
        p.setProperty("user", System.getenv("PGUSER"));
        p.setProperty("password", System.getenv("PGPASSWORD"));
        p.setProperty("sslmode", "disable");
        switch (driver) {
            case "pgjdbc-prepare-1" -> p.setProperty("prepareThreshold", "1");
            case "pgjdbc-autosave" -> {
                p.setProperty("prepareThreshold", "1");
                p.setProperty("autosave", "conservative");
            }
            default -> { }
        }
        return p;
    }

    Session(String driver, String options) throws SQLException {
        Properties p = properties(driver);
        if (options != null) {
            p.setProperty("options", options);
        }
        conn = DriverManager.getConnection(url(), p);
    }

    PreparedStatement bind(String text, Object... args) throws SQLException {
        PreparedStatement s = conn.prepareStatement(
                text.replaceAll("\\$\\d", "?"));
        for (int i = 0; i < args.length; i++) {
            s.setObject(i + 1, args[i]);
        }
        return s;
    }

    List<List<String>> query(String text, Object... args) throws SQLException {
        try (PreparedStatement s = bind(text, args)) {
            running = s;
            List<List<String>> out = new ArrayList<>();
            if (s.execute()) {
                ResultSet rows = s.getResultSet();
                int columns = rows.getMetaData().getColumnCount();
                while (rows.next()) {
                    List<String> row = new ArrayList<>();
                    for (int i = 1; i <= columns; i++) {
                        row.add(rows.getString(i));
                    }
                    out.add(row);
                }
            }
            return out;
        }
    }

    String value(String text, Object... args) throws SQLException {
        return query(text, args).get(0).get(0);
    }

    void run(String text) throws SQLException {
        try (Statement s = conn.createStatement()) {
            s.execute(text);
        }
    }

    void begin() throws SQLException {
        conn.setAutoCommit(false);
    }

    void commit() throws SQLException {
        conn.commit();
        conn.setAutoCommit(true);
    }

    void rollback() throws SQLException {
        conn.rollback();
        conn.setAutoCommit(true);
    }

    /** The sum of a batch's update counts. */
    int batch(String text, int... args) throws SQLException {
        int sum = 0;
        try (PreparedStatement s = bind(text)) {
            for (int arg : args) {
                s.setInt(1, arg);
                s.addBatch();
            }
            for (int count : s.executeBatch()) {
                sum += count;
            }
        }
        return sum;
    }

    /** The sum of the first rows, fetched 70 at a time. */
    long stream(String text, int arg, int most) throws SQLException {
        long sum = 0;
        begin();
        try (PreparedStatement s = bind(text, arg)) {
            s.setFetchSize(70);
            try (ResultSet rows = s.executeQuery()) {
                for (int n = 0; n < most && rows.next(); n++) {
                    sum += rows.getInt(1);
                }
            }
        }
        commit();
        return sum;
    }

    void copyIn(String table, String data) throws Exception {
        conn.unwrap(PGConnection.class).getCopyAPI().copyIn(
                "COPY " + table + " FROM STDIN", new StringReader(data));
    }

    String copyOut(String query) throws Exception {
        StringWriter out = new StringWriter();
        conn.unwrap(PGConnection.class).getCopyAPI().copyOut(
                "COPY (" + query + ") TO STDOUT", out);
        return out.toString();
    }

    List<String> notifications(int number) throws SQLException {
        List<String> out = new ArrayList<>();
        long end = System.nanoTime() + 10_000_000_000L;
        while (out.size() < number) {
            if (System.nanoTime() > end) {
                throw new AssertionError("heard only " + out);
            }
            PGNotification[] notes = conn.unwrap(PGConnection.class)
                    .getNotifications(100);
            for (PGNotification note : notes == null
                    ? new PGNotification[0] : notes) {
                out.add(note.getParameter());
            }
        }
        return out;
    }

    @Override
    public void close() throws SQLException {
        conn.close();
    }
}
