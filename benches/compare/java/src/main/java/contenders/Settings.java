package contenders;

import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;

/** The options of a contender, and what its clients are set to in consequence. */
record Settings(
        String servers, String input, String output, String group, String compression, String linger,
        boolean exactlyOnce, long commitIntervalMs) {
    private static final Set<String> NAMES = Set.of(
            "--bootstrap-servers", "--input-topic", "--output-topic", "--group", "--compression", "--linger-ms",
            "--guarantee", "--commit-interval-ms");

    static Settings parse(String[] options) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < options.length; i += 2) {
            if (!NAMES.contains(options[i]) || i + 1 == options.length) {
                throw new IllegalArgumentException("\"" + options[i] + "\" is unknown or has no value");
            }
            values.put(options[i], options[i + 1]);
        }
        for (String name : NAMES) {
            if (!values.containsKey(name)) throw new IllegalArgumentException(name + " is missing");
        }
        String guarantee = values.get("--guarantee");
        if (!Set.of("at_least_once", "exactly_once").contains(guarantee)) {
            throw new IllegalArgumentException("--guarantee is \"" + guarantee + "\"");
        }
        return new Settings(
                values.get("--bootstrap-servers"), values.get("--input-topic"), values.get("--output-topic"),
                values.get("--group"), values.get("--compression"), values.get("--linger-ms"),
                guarantee.equals("exactly_once"), Long.parseLong(values.get("--commit-interval-ms")));
    }

    /** For both clients. */
    Properties common() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        properties.put("enable.metrics.push", "false");
        // As large as the system lets them grow, which is what librdkafka does.
        properties.put("receive.buffer.bytes", "-1");
        properties.put("send.buffer.bytes", "-1");
        return properties;
    }

    Properties consumer() {
        Properties properties = new Properties();
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, "15000");
        properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "5000");
        // librdkafka does not check them either, unless it is told to.
        properties.put(ConsumerConfig.CHECK_CRCS_CONFIG, "false");
        return properties;
    }

    Properties producer() {
        Properties properties = new Properties();
        // With these two it is idempotent by default.
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, "5");
        properties.put(ProducerConfig.LINGER_MS_CONFIG, linger);
        properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, compression);
        properties.put(ProducerConfig.BATCH_SIZE_CONFIG, Integer.toString(256 * 1024));
        properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, Integer.toString(32 * 1024 * 1024));
        properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, Integer.toString(4 * 1024 * 1024));
        return properties;
    }
}
