//! Records into and out of topics, with everything they carry.

use super::PATIENCE;
use super::kafka::Kafka;
use rdkafka::bindings as native;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaRespErr as Code;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_void};
use std::ptr;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A header; its key may be any bytes but zero.
pub type Header = (Vec<u8>, Option<Vec<u8>>);

pub fn header(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Header {
    (key.as_ref().to_vec(), Some(value.as_ref().to_vec()))
}

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    pub headers: Vec<Header>,
}

impl Record {
    /// A record with a value and the current time.
    pub fn new(partition: i32, key: Option<&str>, value: impl AsRef<[u8]>) -> Record {
        Record {
            partition,
            key: key.map(|key| key.as_bytes().to_vec()),
            value: Some(value.as_ref().to_vec()),
            timestamp: now(),
            headers: Vec::new(),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(self.value.as_deref().unwrap_or_default()).expect("the value is UTF-8")
    }

    /// The last header of that name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rev().find(|(key, _)| key == name.as_bytes())?;
        value.as_deref().and_then(|value| std::str::from_utf8(value).ok())
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| show(bytes));
        let headers = self.headers.iter().map(|(key, value)| (show(key), shown(value)));
        f.debug_struct("Record")
            .field("partition", &self.partition)
            .field("key", &shown(&self.key))
            .field("value", &shown(&self.value))
            .field("timestamp", &self.timestamp)
            .field("headers", &headers.collect::<Vec<_>>())
            .finish()
    }
}

fn show(bytes: &[u8]) -> String {
    const SHOWN: usize = 300;
    match bytes.get(..SHOWN) {
        Some(start) if bytes.len() > SHOWN => format!("{}… ({} bytes)", start.escape_ascii(), bytes.len()),
        _ => bytes.escape_ascii().to_string(),
    }
}

pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A producer of records with any bytes anywhere.
pub struct Producer {
    client: BaseProducer<Failures>,
}

#[derive(Default)]
struct Failures(Mutex<Vec<String>>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, delivery: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = delivery {
            self.0.lock().unwrap().push(error.to_string());
        }
    }
}

impl Producer {
    pub fn new(kafka: &Kafka) -> Producer {
        let mut config = kafka.client();
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            // So that what does not fit the topic when it is sent can fit it when compressed.
            .set("compression.type", "zstd")
            .set("message.max.bytes", "20000000")
            .set("batch.size", "200000");
        Producer {
            client: config.create_with_context(Failures::default()).expect("a producer"),
        }
    }

    #[allow(unsafe_code)]
    pub fn send(&self, topic: &str, record: &Record) {
        let topic = CString::new(topic).unwrap();
        let part = |part: &Option<Vec<u8>>| match part {
            // Dangling for an empty one, but not null: empty is not missing.
            Some(bytes) => (bytes.as_ptr().cast_mut().cast::<c_void>(), bytes.len()),
            None => (ptr::null_mut(), 0),
        };
        let ((value, value_bytes), (key, key_bytes)) = (part(&record.value), part(&record.key));
        loop {
            // SAFETY: the client is alive; each type tag is followed by the arguments librdkafka documents for it;
            // value and key are copied; the headers are librdkafka's once the call succeeds, else destroyed here.
            let code = unsafe {
                let headers = native::rd_kafka_headers_new(record.headers.len());
                for (key, value) in &record.headers {
                    let (value, bytes) = part(value);
                    let length = isize::try_from(key.len()).unwrap();
                    let bytes = isize::try_from(bytes).unwrap();
                    native::rd_kafka_header_add(headers, key.as_ptr().cast(), length, value, bytes);
                }
                use native::rd_kafka_vtype_t as tag;
                let code = native::rd_kafka_producev(
                    self.client.client().native_ptr(),
                    tag::RD_KAFKA_VTYPE_TOPIC,
                    topic.as_ptr(),
                    tag::RD_KAFKA_VTYPE_PARTITION,
                    record.partition,
                    tag::RD_KAFKA_VTYPE_MSGFLAGS,
                    native::RD_KAFKA_MSG_F_COPY,
                    tag::RD_KAFKA_VTYPE_VALUE,
                    value,
                    value_bytes,
                    tag::RD_KAFKA_VTYPE_KEY,
                    key,
                    key_bytes,
                    tag::RD_KAFKA_VTYPE_TIMESTAMP,
                    record.timestamp,
                    tag::RD_KAFKA_VTYPE_HEADERS,
                    headers,
                    tag::RD_KAFKA_VTYPE_END,
                );
                if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                    native::rd_kafka_headers_destroy(headers);
                }
                code
            };
            match code {
                Code::RD_KAFKA_RESP_ERR_NO_ERROR => return,
                Code::RD_KAFKA_RESP_ERR__QUEUE_FULL => self.client.poll(Duration::from_millis(10)),
                other => panic!("cannot produce {record:?}: {other:?}"),
            };
        }
    }

    /// Waits until everything is acknowledged.
    pub fn finish(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.client.in_flight_count() > 0 {
            self.client.poll(Duration::from_millis(10));
            assert!(Instant::now() < deadline, "records are not acknowledged");
        }
        let failures = self.client.context().0.lock().unwrap();
        assert!(failures.is_empty(), "records were not delivered: {failures:?}");
    }
}

impl Kafka {
    pub fn produce<'r>(&self, topic: &str, records: impl IntoIterator<Item = &'r Record>) {
        let producer = Producer::new(self);
        for record in records {
            producer.send(topic, record);
        }
        producer.finish();
    }

    /// Everything that is in the topic now and committed, by partition, in the order of the offsets.
    pub fn read(&self, topic: &str) -> Vec<Vec<Record>> {
        let ends = self.settled_ends(topic);
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", "tests")
            .set("enable.auto.commit", "false")
            .set("fetch.queue.backoff.ms", "10")
            // Transactions leave marks in the log, so that its length is not a number of records.
            .set("enable.partition.eof", "true")
            .create()
            .expect("a consumer");
        let mut assignment = TopicPartitionList::new();
        for partition in (0..).take(ends.len()) {
            assignment
                .add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let mut open: BTreeSet<usize> = (0..ends.len()).collect();
        let mut partitions = vec![Vec::new(); ends.len()];
        let deadline = Instant::now() + PATIENCE;
        while !open.is_empty() {
            assert!(
                Instant::now() < deadline,
                "{open:?} of {topic} cannot be read to the end"
            );
            match consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&usize::try_from(partition).unwrap());
                }
                Some(message) => {
                    let message = message.expect("a record");
                    partitions[usize::try_from(message.partition()).unwrap()].push(record(&message));
                }
            }
        }
        partitions
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    Record {
        partition: message.partition(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        headers: headers(message),
    }
}

/// The crate's own accessors panic where a key is not UTF-8.
#[allow(unsafe_code)]
fn headers(message: &BorrowedMessage<'_>) -> Vec<Header> {
    let mut all = Vec::new();
    // SAFETY: the message is alive and so are its headers; keys end with a zero, values have `size` bytes.
    unsafe {
        let mut headers = ptr::null_mut();
        if native::rd_kafka_message_headers(message.ptr(), &mut headers) != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return all;
        }
        let (mut key, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        while native::rd_kafka_header_get_all(headers, all.len(), &mut key, &mut value, &mut size)
            == Code::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            let value = (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), size).to_vec());
            all.push((CStr::from_ptr(key).to_bytes().to_vec(), value));
        }
    }
    all
}
