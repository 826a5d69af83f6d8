import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.List;

/** A Java driver runs scenarios: see ../matrix.py. */
public class Client {
    static boolean answer(String driver, String scenario) {
        try (Scenarios scenarios = new Scenarios(driver)) {
            System.out.println("ok " + scenario + " "
                    + json(scenarios.run(scenario)));
            return true;
        } catch (Throwable e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            if (System.getenv("TRACE") != null) {
                e.printStackTrace();
            }
            System.out.println("failed " + scenario + " "
                    + cause.toString().replaceAll("\\s+", " "));
            return false;
        }
    }

    static String json(Object seen) {
        if (seen instanceof List<?> list) {
            StringBuilder out = new StringBuilder("[");
            for (Object one : list) {
                out.append(out.length() > 1 ? "," : "").append(json(one));
            }
            return out.append("]").toString();
        }
        return "\"" + String.valueOf(seen).replace("\\", "\\\\")
                .replace("\"", "\\\"").replace("\n", " ") + "\"";
    }

    public static void main(String[] args) throws Exception {
        boolean good = true;
        if (args.length > 1) {
            for (String scenario : Arrays.asList(args).subList(1, args.length)) {
                good &= answer(args[0], scenario);
            }
        } else {
            BufferedReader lines = new BufferedReader(
                    new InputStreamReader(System.in));
            String line;
            while ((line = lines.readLine()) != null) {
                good &= answer(args[0], line.trim());
            }
        }
        System.exit(good ? 0 : 1);
    }
}
