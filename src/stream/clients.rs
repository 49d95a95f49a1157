//! librdkafka properties of every client the service makes.

use super::failure::describe;
use super::topics::Topics;
use crate::config::{self, Guarantee};
use crate::memory::{Budget, KIB, Queues};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use std::str::FromStr;

/// Bytes in a produced batch: more costs memory, a quarter of it costs a quarter more CPU.
const BATCH_BYTES: usize = 256 * 1024;

/// librdkafka's limit of topic.metadata.propagation.max.ms.
const MOST_PATIENT_MS: u128 = 3_600_000;

/// Makes client configurations from the settings.
#[derive(Debug, Clone)]
pub struct ClientFactory {
    kafka: config::Kafka,
    instance: String,
    queues: Queues,
}

/// Properties that decide how much memory the clients use, which is otherwise derived from the budget.
const QUEUES: &[&str] = &[
    "queued.min.messages",
    "queued.max.messages.kbytes",
    "fetch.max.bytes",
    "max.partition.fetch.bytes",
    "fetch.message.max.bytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "batch.size",
];

impl ClientFactory {
    /// `instance` tells this process from its siblings, on other hosts and on this one.
    pub fn new(kafka: config::Kafka, instance: String) -> Self {
        ClientFactory {
            kafka,
            instance,
            queues: Queues::LARGEST,
        }
    }

    /// With queues for this many workers on these topics that keep within the budget.
    pub fn within(mut self, budget: &Budget, workers: usize, topics: &Topics) -> Self {
        // A fetch goes to the leader of a partition.
        let brokers = topics.brokers.min(topics.input.partitions.max(1) as usize);
        self.queues = Queues::within(budget.bytes, workers, brokers);
        let queues = &self.queues;
        tracing::info!(
            %budget,
            workers,
            brokers,
            consumer_records = queues.consumer_records,
            consumer_bytes = queues.consumer_bytes,
            fetch_bytes = queues.fetch_bytes,
            producer_records = queues.producer_records,
            producer_bytes = queues.producer_bytes,
            largest_record = queues.largest_record,
            "each worker's queues are sized for the memory budget"
        );
        let config::Kafka {
            common,
            consumer,
            producer,
            ..
        } = &self.kafka;
        let set = [common, consumer, producer]
            .into_iter()
            .flat_map(|properties| properties.iter());
        let theirs: Vec<&str> = set.map(|(name, _)| name).filter(|name| QUEUES.contains(name)).collect();
        if !theirs.is_empty() {
            tracing::warn!(
                properties = ?theirs,
                "queues are set by hand: whether the memory stays within the budget is up to these settings"
            );
        }
        let input = &topics.input;
        let may_have = input.limits.max_message_bytes;
        if may_have as u64 > queues.largest_record {
            tracing::warn!(
                "{} takes records of {may_have} bytes, the memory budget holds for those of up to {}",
                input.name,
                queues.largest_record
            );
        }
        self
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
            .set("queued.min.messages", self.queues.consumer_records.to_string())
            .set(
                "queued.max.messages.kbytes",
                (self.queues.consumer_bytes / KIB).to_string(),
            )
            .set("fetch.max.bytes", self.queues.fetch_bytes.to_string())
            // librdkafka wants no less than this to be fetched, and a thousand. A batch that is larger comes nevertheless.
            .set("message.max.bytes", self.queues.fetch_bytes.max(1000).to_string())
            // The default pauses fetching for a second whenever the queue is full: a factor of four.
            .set("fetch.queue.backoff.ms", "10")
            .set("topic.metadata.refresh.interval.ms", "60000")
            // Lag, and whether there is a broker, are as old as this at most.
            .set("statistics.interval.ms", "2000");
        self.pass_through(&mut config, &[&self.kafka.common, &self.kafka.consumer]);
        // What says that the input topic was replaced: a few lines for each look at the cluster.
        config.set_log_level(RDKafkaLogLevel::Debug);
        let debug = config.get("debug").map(|theirs| format!("{theirs},topic"));
        config.set("debug", debug.as_deref().unwrap_or("topic"));
        // Either of the two may have been set, for reasons that have nothing to do with the other.
        let bytes = |name| number::<u64>(&config, name);
        if let (Some(fetched), Some(record)) = (bytes("fetch.max.bytes"), bytes("message.max.bytes")) {
            config.set("fetch.max.bytes", fetched.max(record).to_string());
        }
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
            // That all others arrived is known when none is left.
            .set("delivery.report.only.error", "true")
            // As long as the topics are waited for at the start, so long a new producer waits for one that is gone.
            .set(
                "topic.metadata.propagation.max.ms",
                self.kafka.startup_timeout.as_millis().min(MOST_PATIENT_MS).to_string(),
            )
            // Topics limit the compressed batch, this limits the record before compression.
            .set("message.max.bytes", "1000000000")
            // The default queue is 1 GiB.
            .set("queue.buffering.max.messages", self.queues.producer_records.to_string())
            .set(
                "queue.buffering.max.kbytes",
                (self.queues.producer_bytes / KIB).to_string(),
            );
        if guarantee == Guarantee::ExactlyOnce {
            config.set("transaction.timeout.ms", config::TRANSACTION_TIMEOUT_MS.to_string());
        }
        self.pass_through(&mut config, &[&self.kafka.common, &self.kafka.producer]);
        if guarantee == Guarantee::ExactlyOnce {
            // The same id after a restart: the new producer ends at once what the old one left open.
            config.set(
                "transactional.id",
                format!("{}-{}-{worker}", self.kafka.group_id, self.instance),
            );
            // A record cannot be awaited longer than its transaction may last.
            let milliseconds = |name| number::<u64>(&config, name);
            let shorter = milliseconds("message.timeout.ms").min(milliseconds("transaction.timeout.ms"));
            if let Some(milliseconds) = shorter {
                config.set("message.timeout.ms", milliseconds.to_string());
            }
        }
        // A batch larger than its topic takes is refused as a whole.
        let batch = number(&config, "batch.size").unwrap_or(BATCH_BYTES);
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

/// A property that is a number.
pub fn number<T: FromStr>(config: &ClientConfig, name: &str) -> Option<T> {
    config.get(name)?.parse().ok()
}
