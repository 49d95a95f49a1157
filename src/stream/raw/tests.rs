use super::*;
use crate::config::Kafka;
use crate::metrics::Metrics;
use crate::stream::EmbeddedKafka;
use crate::stream::headers::{self, Header};
use crate::stream::notes::{Change, Notes};
use crate::stream::producer::OutputRecord;
use crate::stream::vitals::Vitals;
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::{DeliveryResult, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(50);

/// Counts delivery reports.
#[derive(Default)]
struct Delivered(AtomicUsize);

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, delivery: &DeliveryResult<'_>, (): ()) {
        assert!(delivery.is_ok());
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn kafka() -> (EmbeddedKafka, ClientConfig) {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("rows", 3, 1).unwrap();
    kafka.create_topic("letters", 2, 1).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap_servers().unwrap());
    (kafka, config)
}

fn drain<C: ProducerContext>(producer: &BaseProducer<C>) {
    let deadline = Instant::now() + PATIENCE;
    while producer.in_flight_count() > 0 {
        assert!(Instant::now() < deadline, "records are not acknowledged");
        producer.poll(STEP);
    }
}

fn own(headers: Vec<Header<'_>>) -> OwnedHeaders {
    headers.into_iter().fold(OwnedHeaders::new(), headers::append)
}

/// Receives until there are so many records.
fn read<'c>(receiver: &'c Receiver, expected: usize, batch: &mut Batch<'c>) {
    let bytes = |batch: &Batch<'_>, from: usize| -> usize {
        let values = batch
            .iter()
            .skip(from)
            .map(|record| record.payload().map_or(0, <[u8]>::len));
        values.sum()
    };
    let deadline = Instant::now() + PATIENCE;
    while batch.len() < expected {
        assert!(Instant::now() < deadline, "{} of {expected} records", batch.len());
        let before = batch.len();
        let waited = receiver.wait(batch, STEP);
        assert_eq!(waited, (batch.len() > before).then(|| bytes(batch, before)));
        let before = batch.len();
        let came = receiver.receive(batch, 7);
        assert_eq!(came, (batch.len() - before, bytes(batch, before)));
        assert!(came.0 <= 7);
    }
}

#[test]
fn what_is_sent_comes_out_as_it_was_and_what_is_refused_keeps_its_headers() {
    let (_kafka, mut config) = kafka();
    let producer = config
        .clone()
        .set("message.max.bytes", "2000")
        .create_with_context(Delivered::default())
        .unwrap();
    let sender = Sender::new(producer, "rows", "letters").unwrap();
    let record = |target, partition| OutputRecord {
        target,
        partition,
        key: None,
        value: None,
        timestamp: None,
        headers: None,
    };
    let mut full = OutputRecord {
        key: Some(b"k\0\xff"),
        value: Some(b"value"),
        timestamp: Some(1_000_000_000_001),
        headers: Some(own(vec![(b"\xff", Some(b"one")), (b"two", None), (b"\xff", Some(b""))])),
        ..record(Target::Output, 2)
    };
    sender.send(&mut full).unwrap();
    assert!(full.headers.is_none());
    let mut empty = OutputRecord {
        key: Some(b""),
        value: Some(b""),
        ..record(Target::DeadLetter, 1)
    };
    sender.send(&mut empty).unwrap();
    sender.send(&mut record(Target::DeadLetter, 1)).unwrap();
    let large = [b'x'; 3000];
    let mut refused = OutputRecord {
        value: Some(&large),
        headers: Some(own(vec![(b"kept", None)])),
        ..record(Target::Output, 0)
    };
    assert_eq!(sender.send(&mut refused), Err(Code::MessageSizeTooLarge));
    let kept = refused.headers.unwrap();
    assert_eq!(
        headers::each(kept.as_borrowed()).collect::<Vec<_>>(),
        [(&b"kept"[..], None)]
    );
    drain(sender.client());
    assert_eq!(sender.client().context().0.load(Ordering::Relaxed), 3);

    let reader: BaseConsumer = config.set("group.id", "test").create().unwrap();
    let mut partitions = TopicPartitionList::new();
    for (topic, partition) in [("rows", 0), ("rows", 2), ("letters", 1)] {
        partitions
            .add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
    }
    reader.assign(&partitions).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut found = Vec::new();
    while found.len() < 3 && Instant::now() < deadline {
        found.extend(reader.poll(STEP).map(|message| message.unwrap()));
    }
    found.sort_by_key(|message| (message.topic().to_owned(), message.offset()));
    let [first, second, third] = &found[..] else {
        panic!("{} records", found.len());
    };
    assert_eq!((first.topic(), first.partition()), ("letters", 1));
    assert_eq!((first.key(), first.payload()), (Some(&b""[..]), Some(&b""[..])));
    assert_eq!((second.key(), second.payload()), (None, None));
    assert!(second.headers().is_none());
    assert_eq!((third.topic(), third.partition()), ("rows", 2));
    assert_eq!(
        (third.key(), third.payload()),
        (Some(&b"k\0\xff"[..]), Some(&b"value"[..]))
    );
    assert_eq!(third.timestamp().to_millis(), Some(1_000_000_000_001));
    let expected: [Header<'_>; 3] = [(b"\xff", Some(b"one")), (b"two", None), (b"\xff", Some(b""))];
    assert_eq!(headers::all(third).collect::<Vec<_>>(), expected);
}

#[test]
fn a_name_that_no_topic_can_have_is_no_target() {
    let (_kafka, config) = kafka();
    for name in ["a\0b", &"a".repeat(600)] {
        let producer = config.create_with_context(Delivered::default()).unwrap();
        assert!(Sender::new(producer, "rows", name).is_err(), "{name:?}");
    }
}

#[test]
fn records_are_received_as_they_were_sent_and_a_change_is_answered_when_the_worker_likes() {
    const MANY: i32 = 300;
    let (kafka, config) = kafka();
    let producer: BaseProducer = config.create().unwrap();
    let whole = BaseRecord::to("rows")
        .partition(1)
        .key(&b"k\0\xff"[..])
        .payload(&b"value"[..])
        .timestamp(1_000_000_000_001)
        .headers(own(vec![(b"\xff", Some(b"one")), (b"two", None)]));
    producer.send(whole).unwrap();
    producer
        .send(BaseRecord::<[u8], [u8]>::to("rows").partition(1).key(b"").payload(b""))
        .unwrap();
    producer
        .send(BaseRecord::<[u8], [u8]>::to("rows").partition(1))
        .unwrap();
    for number in 0..MANY {
        let value = number.to_string();
        producer
            .send(BaseRecord::<(), str>::to("rows").partition(0).payload(&value))
            .unwrap();
    }
    drain(&producer);

    let metrics = Metrics::new(&[], &[]).unwrap();
    let notes = Notes::new("rows".into(), Arc::new(Vitals::default()), metrics);
    let config = crate::stream::ClientFactory::new(
        Kafka {
            bootstrap_servers: kafka.bootstrap_servers().unwrap(),
            ..Kafka::default()
        },
        "test".into(),
    )
    .consumer(0);
    let receiver = Receiver::subscribe(&config, "rows", notes).unwrap();
    let mut batch = Batch::with_capacity(8);
    let deadline = Instant::now() + PATIENCE;
    let change = loop {
        assert!(Instant::now() < deadline, "no assignment");
        assert_eq!(receiver.wait(&mut batch, STEP), None);
        match receiver.notes().change() {
            Some(change) => break change,
            None => continue,
        }
    };
    let Change::Assign(partitions) = change else {
        panic!("{change:?}");
    };
    assert_eq!(partitions.elements_for_topic("rows").len(), 3);
    // Nothing comes before the answer.
    assert_eq!(receiver.wait(&mut batch, STEP), None);
    assert!(receiver.notes().change().is_some());
    receiver.assign(&partitions).unwrap();
    assert!(receiver.notes().change().is_none());
    assert!(!receiver.assignment_lost());

    read(&receiver, MANY as usize + 3, &mut batch);
    let numbers: Vec<_> = batch.iter().filter(|record| record.partition() == 0).collect();
    for (offset, record) in (0..).zip(&numbers) {
        assert_eq!(record.offset(), offset);
        assert_eq!(record.payload(), Some(offset.to_string().as_bytes()));
        assert_eq!((record.topic(), record.key()), ("rows", None));
    }
    assert_eq!(numbers.len(), MANY as usize);
    batch.retain(|record| record.partition() == 1);
    let [first, second, third] = &batch.iter().collect::<Vec<_>>()[..] else {
        panic!("{} records", batch.len());
    };
    assert_eq!(
        (first.key(), first.payload()),
        (Some(&b"k\0\xff"[..]), Some(&b"value"[..]))
    );
    assert_eq!(first.timestamp(), Some(1_000_000_000_001));
    let found: Vec<_> = headers::each(first.headers().unwrap()).collect();
    assert_eq!(found, [(&b"\xff"[..], Some(&b"one"[..])), (b"two", None)]);
    assert_eq!((second.key(), second.payload()), (Some(&b""[..]), Some(&b""[..])));
    assert_eq!((third.key(), third.payload()), (None, None));
    assert!(third.headers().is_none());
    assert!(third.timestamp().is_some());
    batch.clear();
    assert!(batch.is_empty());

    // Again from the middle.
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("rows", 0, Offset::Offset(290)).unwrap();
    receiver.seek(&offsets, PATIENCE).unwrap();
    offsets.elements()[0].error().unwrap();
    read(&receiver, 10, &mut batch);
    let offsets: Vec<i64> = batch.iter().map(|record| record.offset()).collect();
    assert_eq!(offsets, (290..300).collect::<Vec<i64>>());
    assert!(receiver.notes().take_errors().is_empty());
}
