//! librdkafka properties of every client the service makes.

use super::failure::describe;
use crate::config::{self, Guarantee};
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
    /// `instance` tells this process from its siblings, on other hosts and on this one.
    pub fn new(kafka: config::Kafka, instance: String) -> Self {
        ClientFactory { kafka, instance }
    }

    pub fn settings(&self) -> &config::Kafka {
        &self.kafka
    }

    /// Whether librdkafka takes every property of the clients that this guarantee needs.
    ///
    /// # Errors
    /// What it says of the first that it does not take.
    pub fn check(&self, guarantee: Guarantee) -> Result<(), String> {
        for config in [
            self.admin(),
            self.reader(),
            self.consumer(0),
            self.producer(0, guarantee, BATCH_BYTES),
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
            // It never joins the group; with a name of its own it would need a right of its own.
            .set("group.id", &self.kafka.group_id)
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
            // Lag, and whether there is a broker, are as old as this at most.
            .set("statistics.interval.ms", "2000");
        self.pass_through(&mut config, &[&self.kafka.common, &self.kafka.consumer]);
        config
    }

    /// For a worker's producer, to topics of which the smaller takes `max_message_bytes`.
    pub fn producer(&self, worker: usize, guarantee: Guarantee, max_message_bytes: usize) -> ClientConfig {
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
        if guarantee == Guarantee::ExactlyOnce {
            // Readers of committed records wait this long for a worker that crashed.
            config.set("transaction.timeout.ms", "15000");
        }
        self.pass_through(&mut config, &[&self.kafka.common, &self.kafka.producer]);
        if guarantee == Guarantee::ExactlyOnce {
            // The same id after a restart: the new producer ends at once what the old one left open.
            config.set(
                "transactional.id",
                format!("{}-{}-{worker}", self.kafka.group_id, self.instance),
            );
            // A record cannot be awaited longer than its transaction may last.
            let milliseconds = |name| config.get(name).and_then(|ms| ms.parse::<u64>().ok());
            let shorter = milliseconds("message.timeout.ms").min(milliseconds("transaction.timeout.ms"));
            if let Some(milliseconds) = shorter {
                config.set("message.timeout.ms", milliseconds.to_string());
            }
        }
        // A batch larger than its topic takes is refused as a whole.
        let batch = config
            .get("batch.size")
            .and_then(|bytes| bytes.parse().ok())
            .unwrap_or(BATCH_BYTES);
        config.set("batch.size", batch.min(max_message_bytes).to_string());
        config
    }

    /// For the producer of `replay`, which outlives broker failures of minutes, to a topic that takes
    /// `max_message_bytes`.
    pub fn replay_producer(&self, max_message_bytes: usize) -> ClientConfig {
        let mut config = self.base("replay");
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("compression.type", "lz4")
            .set("message.timeout.ms", "300000")
            .set("message.max.bytes", "1000000000")
            .set("batch.size", BATCH_BYTES.min(max_message_bytes).to_string())
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "65536");
        self.pass_through(&mut config, &[&self.kafka.common, &self.kafka.producer]);
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
