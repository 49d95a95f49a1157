//! Records that a topic would refuse must not stop the stream.

use crate::support::kafka::{Kafka, Names};
use crate::support::records::{Record, header};
use crate::support::rows::SEED;
use crate::support::service::Service;
use crate::{REASON, noise, source, topics, wait_committed};

/// Sends a record that fits none but the input topic, and one after it.
fn becomes_a_dead_letter(test: &str, record: Record, reason: &str) {
    let kafka = Kafka::shared();
    let names = Names::of(test);
    kafka.create_topic(&names.input, 1, &[("max.message.bytes", "2097152")]);
    topics(kafka, &names, &["--partitions", "1"]).exits(0);
    kafka.produce(&names.input, [&record, &Record::new(0, Some("after"), SEED)]);
    let service = Service::start_ready(kafka, &names, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    let metrics = service.metrics();
    service.stop();
    let letters = &kafka.read(&names.dead_letter)[0];
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].header(REASON), Some(reason), "{letters:?}");
    assert_eq!((&letters[0].key, &letters[0].value), (&record.key, &record.value));
    let outputs = &kafka.read(&names.output)[0];
    assert_eq!(
        outputs.iter().map(source).collect::<Vec<_>>(),
        [Some((0, 1))],
        "{outputs:?}"
    );
    assert_eq!(metrics.get("records_consumed_total"), Some(2.0));
    assert_eq!(
        metrics.sum("predictions_total"),
        1.0,
        "a prediction that became a dead letter is none"
    );
    assert_eq!(metrics.sum("dead_letters_total"), 1.0);
    assert_eq!(metrics.get("tombstones_total"), Some(0.0));
}

#[test]
fn a_prediction_that_is_too_large_for_its_topic_becomes_a_dead_letter() {
    let record = Record {
        headers: vec![header("noise", noise(1_500_000))],
        ..Record::new(0, Some("key"), SEED)
    };
    becomes_a_dead_letter("large-prediction", record, "output_too_large");
}

#[test]
fn a_tombstone_that_is_too_large_for_its_topic_becomes_a_dead_letter() {
    let headers = vec![header("noise", noise(1_500_000))];
    let record = Record {
        headers,
        value: None,
        ..Record::new(0, Some("key"), "")
    };
    becomes_a_dead_letter("large-tombstone", record, "output_too_large");
}

#[test]
fn a_row_that_fits_the_input_topic_only_because_it_is_compressed_becomes_a_dead_letter() {
    becomes_a_dead_letter(
        "compressed",
        Record::new(0, Some("key"), vec![b'x'; 6_000_000]),
        "too_large",
    );
}

#[test]
fn a_row_without_a_key_for_a_compacted_topic_becomes_a_dead_letter() {
    let kafka = Kafka::shared();
    let names = Names::of("compacted");
    kafka.create_topic(&names.input, 1, &[]);
    kafka.create_topic(&names.output, 1, &[("cleanup.policy", "compact")]);
    kafka.create_topic(&names.dead_letter, 1, &[]);
    let records = [
        Record::new(0, Some("key"), SEED),
        Record::new(0, None, SEED),
        Record::new(0, None, "broken"),
    ];
    kafka.produce(&names.input, &records);
    let service = Service::start_ready(kafka, &names, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    let places = |topic: &[Vec<Record>]| topic[0].iter().map(source).collect::<Vec<_>>();
    assert_eq!(places(&kafka.read(&names.output)), [Some((0, 0))]);
    let letters = kafka.read(&names.dead_letter);
    assert_eq!(places(&letters), [Some((0, 1)), Some((0, 2))]);
    assert_eq!(letters[0][0].header(REASON), Some("missing_key"), "{letters:?}");
    assert_eq!(letters[0][0].text(), SEED);
}

#[test]
fn topics_that_take_records_of_any_size_can_be_made_and_worked_on() {
    let kafka = Kafka::shared();
    let names = Names::of("any-size");
    let any_size = [("max.message.bytes", "2147483647")];
    kafka.create_topic(&names.input, 1, &any_size);
    kafka.create_topic(&names.output, 1, &any_size);
    topics(kafka, &names, &["--partitions", "1"])
        .exits(0)
        .says("any-size-dead: created");
    kafka.produce(&names.input, &[Record::new(0, None, SEED)]);
    let service = Service::start_ready(kafka, &names, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    assert_eq!(kafka.ends(&names.output), [1]);
}
