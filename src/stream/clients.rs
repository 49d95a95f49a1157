//! librdkafka properties of every client the service makes.

use super::failure::describe;
use crate::config;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// Bytes in a produced batch: more costs memory, a quarter of it costs a quarter more CPU.
const BATCH_BYTES: usize = 256 * 1024;

/// Makes client configurations from the settings.
#[derive(Debug, Clone)]
pub struct ClientFactory {
    kafka: config::Kafka,
    instance: String,
}

impl ClientFactory {
    /// `instance` tells this process from its siblings, see [`config::instance_name`].
    pub fn new(kafka: config::Kafka, instance: String) -> Self {
        ClientFactory { kafka, instance }
    }

    pub fn settings(&self) -> &config::Kafka {
        &self.kafka
    }

    /// Whether librdkafka takes every property.
    ///
    /// # Errors
    /// What it says of the first that it does not take.
    pub fn check(&self) -> Result<(), String> {
        for config in [
            self.admin(),
            self.reader(),
            self.consumer(0),
            self.producer(0, BATCH_BYTES),
        ] {
            config.create_native_config().map_err(|error| describe(&error))?;
        }
        Ok(())
    }

    /// For metadata and administration.
    pub fn admin(&self) -> ClientConfig {
        let mut config = self.base("admin");
        self.pass_through(&mut config, &[&self.kafka.common]);
        config
    }

    /// For reading a topic outside the group, such as `watch` does.
    pub fn reader(&self) -> ClientConfig {
        let mut config = self.base("reader");
        config
            .set("group.id", format!("{}-reader", self.kafka.group_id))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("fetch.queue.backoff.ms", "10");
        self.pass_through(&mut config, &[&self.kafka.common, &self.kafka.consumer]);
        config
    }

    /// For a worker's consumer.
    pub fn consumer(&self, worker: usize) -> ClientConfig {
        let mut config = self.base(&worker.to_string());
        config
            .set("group.id", &self.kafka.group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            // Eager assignors stop the whole group at every change.
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "15000")
            .set("max.poll.interval.ms", "300000")
            // The first is the real bound for small rows, both count payload only.
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.max.bytes", "4194304")
            // The default pauses fetching for a second whenever the queue is full: a factor of four.
            .set("fetch.queue.backoff.ms", "10")
            .set("topic.metadata.refresh.interval.ms", "60000")
            .set("statistics.interval.ms", "5000");
        self.pass_through(&mut config, &[&self.kafka.common, &self.kafka.consumer]);
        config
    }

    /// For a worker's producer, to topics of which the smaller takes `max_message_bytes`.
    pub fn producer(&self, worker: usize, max_message_bytes: usize) -> ClientConfig {
        let mut config = self.base(&worker.to_string());
        config
            // Implies acks=all and at most five requests in flight: order is kept.
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("compression.type", "lz4")
            .set("message.timeout.ms", "120000")
            // Topics limit the compressed batch, this limits the record before compression.
            .set("message.max.bytes", "1000000000")
            // The default queue is 1 GiB.
            .set("queue.buffering.max.messages", "20000")
            .set("queue.buffering.max.kbytes", "32768");
        self.pass_through(&mut config, &[&self.kafka.common, &self.kafka.producer]);
        // A batch larger than its topic takes is refused as a whole.
        let batch = config
            .get("batch.size")
            .and_then(|bytes| bytes.parse().ok())
            .unwrap_or(BATCH_BYTES);
        config.set("batch.size", batch.min(max_message_bytes).to_string());
        config
    }

    fn base(&self, client: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        // Not debug: log lines count as records in flight, and a drain would cause more of them than it reads.
        config.set_log_level(RDKafkaLogLevel::Info);
        config
            .set("bootstrap.servers", &self.kafka.bootstrap_servers)
            .set(
                "client.id",
                format!("{}-{}-{client}", self.kafka.group_id, self.instance),
            )
            .set("allow.auto.create.topics", "false")
            // Pushed metrics can crash the client (librdkafka issue 4833).
            .set("enable.metrics.push", "false")
            .set("socket.keepalive.enable", "true")
            // OpenSSL is built in: without the probe it does not find the system's authorities.
            .set("ssl.ca.location", "probe");
        config
    }

    fn pass_through(&self, config: &mut ClientConfig, properties: &[&config::Properties]) {
        for (name, value) in properties.iter().flat_map(|properties| properties.iter()) {
            config.set(name, value);
        }
    }
}
