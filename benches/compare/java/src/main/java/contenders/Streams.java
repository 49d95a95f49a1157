package contenders;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/** A Kafka Streams application with one thread. */
final class Streams {
    /** The partition of the record under way. There is one thread, and what it forwards is in the sink at once. */
    private int partition;

    private Streams() {}

    static void run(Settings settings) throws IOException, InterruptedException {
        Streams application = new Streams();
        Path state = Files.createTempDirectory("contenders");
        KafkaStreams streams = new KafkaStreams(application.topology(settings).build(), properties(settings, state));
        CountDownLatch end = new CountDownLatch(1);
        Stop stop = new Stop(end::countDown);
        boolean well = false;
        try (streams) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.setStateListener((now, before) -> {
                if (now == KafkaStreams.State.ERROR) end.countDown();
            });
            streams.start();
            end.await();
            well = streams.state() != KafkaStreams.State.ERROR && streams.close(Duration.ofSeconds(30));
            if (well) {
                streams.cleanUp();
                Files.deleteIfExists(state);
            }
        } finally {
            stop.ended(well);
        }
        if (!well) System.exit(1);
    }

    private StreamsBuilder topology(Settings settings) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(settings.input(), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .processValues(Scorer::new)
                .to(settings.output(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray())
                        .withStreamPartitioner(samePartition()));
        return builder;
    }

    private static Properties properties(Settings settings, Path state) {
        Properties properties = settings.common();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.group());
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, "1");
        properties.put(
                StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                settings.exactlyOnce() ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Long.toString(settings.commitIntervalMs()));
        properties.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, "5000");
        properties.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        settings.consumer().forEach((name, value) -> properties.put(StreamsConfig.mainConsumerPrefix((String) name), value));
        settings.producer().forEach((name, value) -> properties.put(StreamsConfig.producerPrefix((String) name), value));
        return properties;
    }

    private StreamPartitioner<byte[], byte[]> samePartition() {
        List<Optional<Set<Integer>>> partitions = new ArrayList<>();
        return (topic, key, value, count) -> {
            while (partitions.size() < count) partitions.add(Optional.of(Set.of(partitions.size())));
            return partitions.get(partition);
        };
    }

    private final class Scorer extends ContextualFixedKeyProcessor<byte[], byte[], byte[]> {
        private final Scoring scoring = new Scoring();
        private byte[] source;

        @Override
        public void process(FixedKeyRecord<byte[], byte[]> record) {
            RecordMetadata from = context().recordMetadata().orElseThrow();
            // A processor is of one task, and that of one partition.
            if (source == null) source = Scoring.source(from.topic(), from.partition());
            byte[] row = record.value();
            byte[] prediction = scoring.score(row, 0, row.length, source, from.offset());
            if (prediction == null) {
                throw new IllegalStateException(
                        from.topic() + "-" + from.partition() + ", offset " + from.offset() + " cannot be scored");
            }
            partition = from.partition();
            context().forward(record.withValue(prediction));
        }
    }
}
