use super::*;
use crate::config::Kafka;
use crate::stream::EmbeddedKafka;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaRespErr;

const PATIENCE: Duration = Duration::from_secs(20);
const RECORDS: i64 = 2000;

#[test]
fn records_are_found_in_any_order_and_those_that_are_not_there_are_told() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("rows", 3, 1).unwrap();
    kafka.create_topic("other", 1, 1).unwrap();
    let servers = kafka.bootstrap_servers().unwrap();
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &servers).create().unwrap();
    let values: Vec<String> = (0..RECORDS).map(|number| number.to_string()).collect();
    for value in &values {
        let record = BaseRecord::<(), str>::to("rows").partition(1).payload(value);
        producer
            .send(record.timestamp(1_000_000 + value.parse::<i64>().unwrap()))
            .unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    while producer.in_flight_count() > 0 && Instant::now() < deadline {
        producer.poll(STEP);
    }
    let settings = Kafka {
        bootstrap_servers: servers,
        ..Kafka::default()
    };
    let factory = ClientFactory::new(settings, "test".into());
    let mut cursor = Cursor::new(&factory, PATIENCE).unwrap();
    assert_eq!(cursor.ranges("rows", None).unwrap(), [0..0, 0..RECORDS, 0..0]);
    let mut at = |topic: &str, partition, offset| cursor.at(topic, partition, offset, || true).unwrap();
    // Near, far, back, and again.
    for offset in [0, 1, 2, 400, 1999, 3, 3, 1500, 1501] {
        let value = Some(offset.to_string().into_bytes());
        assert_eq!(at("rows", 1, offset), At::Record(Record { offset, value }));
    }
    for (topic, partition, offset) in [
        ("rows", 1, RECORDS),
        ("rows", 1, RECORDS + 100),
        ("rows", 1, i64::MAX),
        ("rows", 0, 0),
        ("rows", 3, 0),
        ("rows", -1, 0),
        ("nowhere", 0, 0),
        ("a\0b", 0, 0),
        ("", 0, 0),
        ("a b", 0, 0),
        ("..", 0, 0),
        (&"a".repeat(513), 0, 0),
    ] {
        assert_eq!(at(topic, partition, offset), At::End, "{topic:?} {partition} {offset}");
    }
    assert_eq!(at("rows", 1, -1), At::Gap);
    assert!(matches!(at("rows", 1, 0), At::Record(_)));
    let stopped = cursor.at("rows", 1, 9, || false).unwrap_err();
    assert!(stopped.to_string().starts_with("interrupted"), "{stopped}");
    let nowhere = cursor.ranges(&"a".repeat(513), None).unwrap_err();
    assert!(nowhere.to_string().ends_with(" does not exist"), "{nowhere}");

    // What the brokers say of a topic.
    for (error, expected) in [
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "nothing there"),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "nothing there"),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "denied"),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, "failed"),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN, "failed"),
    ] {
        kafka.fail_topic("other", error).unwrap();
        let found = match cursor.at("other", 0, 0, || true) {
            Ok(At::End) => "nothing there",
            Err(Failure::Denied(_)) => "denied",
            Err(_) => "failed",
            Ok(_) => "a record",
        };
        assert_eq!(found, expected, "{error:?}");
    }
}
