package contenders;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.ByteBufferDeserializer;

/** A consumer and a producer in one thread. Whatever goes wrong ends the process; the next begins at the last commit. */
final class Loop implements ConsumerRebalanceListener {
    private static final Duration WAIT = Duration.ofMillis(100);

    private final Settings settings;
    // Values are read where the fetch has them, and not copied out of it first.
    private final KafkaConsumer<byte[], ByteBuffer> consumer;
    private final KafkaProducer<byte[], byte[]> producer;
    private final Scoring scoring = new Scoring();
    private final Map<TopicPartition, byte[]> sources = new HashMap<>();
    /** Where each partition goes on, of what is not committed. */
    private final Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
    private volatile Exception undelivered;
    private final Callback delivered = (metadata, error) -> {
        if (error != null) undelivered = error;
    };

    private Loop(Settings settings) {
        this.settings = settings;
        Properties reading = settings.common();
        reading.putAll(settings.consumer());
        reading.put(ConsumerConfig.GROUP_ID_CONFIG, settings.group());
        reading.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        reading.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        reading.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, CooperativeStickyAssignor.class.getName());
        consumer = new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteBufferDeserializer());
        Properties writing = settings.common();
        writing.putAll(settings.producer());
        if (settings.exactlyOnce()) {
            writing.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, settings.group() + "-" + UUID.randomUUID());
            writing.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, "15000");
        }
        producer = new KafkaProducer<>(writing, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static void run(Settings settings) throws Exception {
        Loop loop = new Loop(settings);
        // No wake-up: it would also break off a commit, and a poll takes no longer than WAIT.
        Stop stop = new Stop(() -> {});
        boolean well = false;
        try (KafkaProducer<byte[], byte[]> producer = loop.producer;
                KafkaConsumer<byte[], ByteBuffer> consumer = loop.consumer) {
            if (settings.exactlyOnce()) producer.initTransactions();
            consumer.subscribe(List.of(settings.input()), loop);
            loop.work(stop);
            well = true;
        } finally {
            stop.ended(well);
        }
    }

    private void work(Stop stop) throws Exception {
        long interval = settings.commitIntervalMs() * 1_000_000;
        long committed = System.nanoTime();
        while (!stop.asked()) {
            ConsumerRecords<byte[], ByteBuffer> records = consumer.poll(WAIT);
            if (!records.isEmpty()) process(records);
            long now = System.nanoTime();
            if (now - committed >= interval) {
                commit();
                committed = now;
            }
        }
        commit();
    }

    private void process(ConsumerRecords<byte[], ByteBuffer> records) {
        if (settings.exactlyOnce() && next.isEmpty()) producer.beginTransaction();
        for (TopicPartition partition : records.partitions()) {
            byte[] source = sources.computeIfAbsent(partition, of -> Scoring.source(of.topic(), of.partition()));
            List<ConsumerRecord<byte[], ByteBuffer>> ofPartition = records.records(partition);
            for (ConsumerRecord<byte[], ByteBuffer> record : ofPartition) {
                ByteBuffer value = record.value();
                int from = value.arrayOffset() + value.position();
                byte[] prediction = scoring.score(value.array(), from, value.remaining(), source, record.offset());
                if (prediction == null) {
                    throw new IllegalStateException(partition + ", offset " + record.offset() + " cannot be scored");
                }
                producer.send(
                        new ProducerRecord<>(settings.output(), partition.partition(), record.timestamp(), record.key(),
                                prediction, record.headers()),
                        delivered);
            }
            ConsumerRecord<byte[], ByteBuffer> last = ofPartition.get(ofPartition.size() - 1);
            next.put(partition, new OffsetAndMetadata(last.offset() + 1, last.leaderEpoch(), ""));
        }
    }

    private void commit() {
        if (next.isEmpty()) return;
        if (settings.exactlyOnce()) {
            producer.sendOffsetsToTransaction(next, consumer.groupMetadata());
            producer.commitTransaction();
        } else {
            producer.flush();
            if (undelivered != null) throw new IllegalStateException("a record was not delivered", undelivered);
            try {
                consumer.commitSync(next);
            } catch (RebalanceInProgressException again) {
                // The next poll gets on with the rebalance, the next commit covers what this one does not.
                return;
            }
        }
        next.clear();
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        commit();
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        throw new IllegalStateException(partitions + " were lost");
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
}
