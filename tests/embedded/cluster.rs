//! An embedded Kafka, the service on it, and what comes out.

use flight_delay_scorer::config::{Config, Guarantee};
use flight_delay_scorer::lineup::{self, Served};
use flight_delay_scorer::metrics::{Metrics, Now};
use flight_delay_scorer::monitoring::{Monitors, Snapshot};
use flight_delay_scorer::service::{Ended, Reload, Service};
use flight_delay_scorer::shutdown::Shutdown;
use flight_delay_scorer::stream::topics::Topics;
use flight_delay_scorer::stream::{ClientFactory, EmbeddedKafka, REASONS, header};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedHeaders, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub const SEED: &str =
    "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";
pub const PARTITIONS: i32 = 4;
pub const PATIENCE: Duration = Duration::from_secs(30);
/// A timestamp that only the producer of the input can have set.
pub const TIMESTAMP: i64 = 1_700_000_000_000;

/// An embedded Kafka with the service's topics.
pub struct Cluster {
    pub kafka: EmbeddedKafka,
    pub config: Config,
    pub factory: ClientFactory,
}

/// The service, in this process.
pub struct Running {
    pub shutdown: Shutdown,
    pub reload: Reload,
    pub thread: JoinHandle<Ended>,
    pub metrics: Metrics,
    pub served: Arc<Served>,
    pub monitors: Monitors,
}

impl Cluster {
    pub fn start() -> Cluster {
        // A second member waits for as long.
        Cluster::with_session_timeout("2000")
    }

    /// Milliseconds after which a member that was not heard of is taken for gone.
    pub fn with_session_timeout(milliseconds: &str) -> Cluster {
        let kafka = EmbeddedKafka::start(3).unwrap();
        let overrides = [
            ("kafka.bootstrap_servers", kafka.bootstrap_servers().unwrap()),
            ("kafka.consumer.fetch.wait.max.ms", "10".into()),
            ("kafka.consumer.session.timeout.ms", milliseconds.into()),
            ("kafka.consumer.heartbeat.interval.ms", "300".into()),
            ("delivery.checkpoint_interval", "200ms".into()),
        ];
        let config = Config::load(None, [], &overrides.map(|(key, value)| (key.to_owned(), value))).unwrap();
        let factory = ClientFactory::new(config.kafka.clone(), "test".into());
        Cluster { kafka, config, factory }
    }

    pub fn serve(&self, topics: &Topics) -> Running {
        let model = lineup::open(&self.config.model.path).unwrap();
        let metrics = Metrics::new(&model.metadata().labels, &REASONS).unwrap();
        let monitors = Monitors::new(1, self.config.monitoring.window);
        let (shutdown, reload) = (Shutdown::default(), Reload::default());
        let served = Arc::new(Served::new(model));
        let service = Service {
            config: self.config.clone(),
            instance: "test".into(),
            served: served.clone(),
            metrics: metrics.clone(),
            shutdown: shutdown.clone(),
            reload: reload.clone(),
            monitors: Some(monitors.clone()),
            topics: Some(topics.clone()),
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                service.run(listener).await
            })
        });
        Running {
            shutdown,
            reload,
            thread,
            metrics,
            served,
            monitors,
        }
    }

    pub fn create_topics(&self) -> Topics {
        self.kafka.create_topics(&self.config.kafka, PARTITIONS, 3).unwrap()
    }

    pub fn producer(&self) -> BaseProducer {
        self.factory
            .producer(99, Guarantee::AtLeastOnce, 1_000_000)
            .create()
            .unwrap()
    }

    /// What is in the output and dead letter topic, once there are `count` records.
    pub fn outcomes(&self, count: usize) -> Vec<Outcome> {
        self.outcomes_until(|outcomes| outcomes.len() >= count)
    }

    pub fn outcomes_in_every_partition(&self) {
        self.outcomes_until(|outcomes| {
            let partitions: BTreeSet<i32> = outcomes.iter().map(|outcome| outcome.partition).collect();
            partitions.len() == PARTITIONS as usize
        });
    }

    pub fn outcomes_until(&self, done: impl Fn(&[Outcome]) -> bool) -> Vec<Outcome> {
        let kafka = self.factory.settings();
        let consumer: BaseConsumer = self.factory.reader().set("fetch.wait.max.ms", "10").create().unwrap();
        let mut all = TopicPartitionList::new();
        for topic in [&kafka.output_topic, &kafka.dead_letter_topic] {
            for partition in 0..PARTITIONS {
                all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
            }
        }
        consumer.assign(&all).unwrap();
        let started = Instant::now();
        let mut outcomes = Vec::new();
        while !done(&outcomes) {
            assert!(started.elapsed() < PATIENCE, "{} outcomes", outcomes.len());
            if let Some(message) = consumer.poll(Duration::from_millis(50)) {
                outcomes.push(Outcome::of(&message.unwrap()));
            }
        }
        outcomes
    }

    /// Next offset of each partition as the group knows it.
    pub fn committed(&self) -> BTreeMap<i32, i64> {
        let kafka = self.factory.settings();
        let consumer: BaseConsumer = self.factory.admin().set("group.id", &kafka.group_id).create().unwrap();
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_range(&kafka.input_topic, 0, PARTITIONS - 1);
        let committed = consumer.committed_offsets(partitions, PATIENCE).unwrap();
        let known = |offset: Offset| match offset {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        committed
            .elements()
            .iter()
            .filter_map(|e| Some((e.partition(), known(e.offset())?)))
            .collect()
    }
}

impl Running {
    pub fn scrape(&self) -> String {
        let snapshot = self.snapshot();
        String::from_utf8(self.metrics.render(&Now::default(), Some(&snapshot)).unwrap()).unwrap()
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.monitors, &self.served.lineup())
    }

    /// Whether this line is among the metrics.
    pub fn metric(&self, line: &str) -> bool {
        self.scrape().lines().any(|have| have == line)
    }

    pub fn drain(self) -> Ended {
        self.shutdown.request(Duration::from_secs(8));
        self.thread.join().unwrap()
    }
}

#[derive(Debug)]
pub struct Outcome {
    pub topic: String,
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub timestamp: Option<i64>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Outcome {
    pub fn of(message: &impl Message<Headers = BorrowedHeaders>) -> Outcome {
        Outcome {
            topic: message.topic().into(),
            partition: message.partition(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            timestamp: message.timestamp().to_millis(),
            headers: headers(message),
        }
    }

    pub fn header(&self, key: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name == key)?;
        std::str::from_utf8(&found.1).ok()
    }

    pub fn source_offset(&self) -> i64 {
        match self.header(header::OFFSET) {
            Some(offset) => offset.parse().unwrap(),
            None => {
                let json: serde_json::Value = serde_json::from_slice(self.value.as_ref().unwrap()).unwrap();
                assert_eq!(json["source"]["partition"], self.partition);
                json["source"]["offset"].as_i64().unwrap()
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the headers of this test have UTF-8 keys")]
fn headers(message: &impl Message<Headers = BorrowedHeaders>) -> Vec<(String, Vec<u8>)> {
    let all = message.headers().into_iter().flat_map(|headers| headers.iter());
    all.map(|found| (found.key.to_owned(), found.value.unwrap_or_default().to_vec()))
        .collect()
}

pub fn send(producer: &BaseProducer, partition: i32, key: Option<&str>, value: Option<&[u8]>) {
    let mut record = BaseRecord::<str, [u8]>::to("AirlineInputTopic")
        .partition(partition)
        .timestamp(TIMESTAMP);
    record.key = key;
    record.payload = value;
    record.headers = Some(OwnedHeaders::new().insert(Header {
        key: "trace",
        value: Some("abc"),
    }));
    while let Err((error, unsent)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
        producer.poll(Duration::from_millis(10));
        record = unsent;
    }
    producer.poll(Duration::ZERO);
}
