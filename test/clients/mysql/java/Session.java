import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** One connection of MariaDB's driver. */
class Session implements AutoCloseable {
    final Connection conn;
    volatile Statement running;
    long lastId;

    static String url(String driver) {
        return "jdbc:mariadb://" + System.getenv("MYSQL_HOST") + ":"
                + System.getenv("MYSQL_PORT") + "/"
                + System.getenv("MYSQL_DATABASE") + "?user="
                + System.getenv("MYSQL_USER") + "&password="
                + System.getenv("MYSQL_PASSWORD")
                + "&sslMode=disable&allowPublicKeyRetrieval=true"
                + (driver.endsWith("-prepared")
                    ? "&useServerPrepStmts=true&prepStmtCacheSize=20" : "");
    }

    Session(String driver) throws SQLException {
        conn = DriverManager.getConnection(url(driver));
    }

    PreparedStatement bind(String text, Object... args) throws SQLException {
        PreparedStatement s = conn.prepareStatement(text,
                text.startsWith("INSERT") ? Statement.RETURN_GENERATED_KEYS
                    : Statement.NO_GENERATED_KEYS);
        for (int i = 0; i < args.length; i++) {
            s.setObject(i + 1, args[i]);
        }
        return s;
    }

    static List<List<String>> read(ResultSet rows, int most)
            throws SQLException {
        List<List<String>> out = new ArrayList<>();
        int columns = rows.getMetaData().getColumnCount();
        while (out.size() < most && rows.next()) {
            List<String> row = new ArrayList<>();
            for (int i = 1; i <= columns; i++) {
                row.add(rows.getString(i));
            }
            out.add(row);
        }
        return out;
    }

    List<List<String>> query(String text, Object... args) throws SQLException {
        try (PreparedStatement s = bind(text, args)) {
            running = s;
            if (s.execute()) {
                return read(s.getResultSet(), Integer.MAX_VALUE);
            }
            if (text.startsWith("INSERT")) {
                try (ResultSet keys = s.getGeneratedKeys()) {
                    lastId = keys.next() ? keys.getLong(1) : 0;
                }
            }
            return List.of();
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

    @Override
    public void close() throws SQLException {
        conn.close();
    }
}
