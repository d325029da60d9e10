import java.nio.file.Path;
import java.util.Map;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.HttpConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.harness.Neo4jBuilders;

/** Runs a Neo4j until standard input closes. Arguments: folder for its data, port on 127.0.0.1, password. */
public final class Server {
    private Server() {}

    public static void main(String[] arguments) throws Exception {
        var address = new SocketAddress("127.0.0.1", Integer.parseInt(arguments[1]));
        var builder = Neo4jBuilders.newInProcessBuilder(Path.of(arguments[0]))
                .withDisabledServer()
                .withConfig(GraphDatabaseSettings.auth_enabled, true)
                .withConfig(GraphDatabaseSettings.pagecache_memory, 64L * 1024 * 1024)
                .withConfig(HttpConnector.enabled, false)
                .withConfig(BoltConnector.enabled, true)
                .withConfig(BoltConnector.listen_address, address);
        try (var neo4j = builder.build()) {
            neo4j.databaseManagementService()
                    .database("system")
                    .executeTransactionally(
                            "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED",
                            Map.of("password", arguments[2]));
            System.out.println(neo4j.boltURI());
            System.out.flush();
            while (System.in.read() >= 0) {
                // Nobody is expected to write anything.
            }
        }
        // Threads of the server may still be about.
        System.exit(0);
    }
}
