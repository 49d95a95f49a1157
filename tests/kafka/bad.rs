//! What nobody should send and nobody should do to topics, and what becomes of it.
//!
//! Elsewhere: topics that do not exist and an input topic that is deleted (`start`), compacted topics and records
//! without a key, rows and predictions that are larger than the other topics take (`limits`), timestamps from the future
//! (`forms`), rows that cannot be scored for any other reason (`kept`).

use crate::support::kafka::{Kafka, Names};
use crate::support::records::{Record, header};
use crate::support::rows::{SEED, row};
use crate::support::service::Service;
use crate::support::{PATIENCE, poll_until};
use crate::{REASON, noise, on, source, topics, wait_committed};

const MESSAGE: &str = "__streams.errors.message";
const LEFT_OUT: &str = "flight_scorer.errors.left_out";

/// So that what happens to topics is seen soon.
const REFRESH: &str = "kafka.consumer.topic.metadata.refresh.interval.ms=1000";

#[test]
fn a_row_of_10_megabytes_and_one_of_10_000_commas_become_dead_letters() {
    let kafka = Kafka::shared();
    let names = Names::of("bad-rows");
    kafka.create_topic(&names.input, 1, &[("max.message.bytes", "12000000")]);
    topics(kafka, &names, &["--partitions", "1"]).exits(0);
    let records = [
        Record::new(0, Some("large"), noise(10_000_000)),
        Record::new(0, Some("commas"), ",".repeat(10_000)),
        Record::new(0, Some("good"), SEED),
    ];
    kafka.produce(&names.input, &records);
    let service = Service::start_ready(kafka, &names, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    assert_eq!(service.metrics().get("dead_letters_truncated_total"), Some(0.0));
    service.stop();
    let letters = &kafka.read(&names.dead_letter)[0];
    let reasons: Vec<_> = letters.iter().map(|letter| letter.header(REASON).unwrap()).collect();
    assert_eq!(reasons, ["too_large", "row_width"]);
    for (letter, record) in letters.iter().zip(&records) {
        assert!(letter.value == record.value && letter.key == record.key, "{letter:?}");
    }
    assert_eq!(kafka.ends(&names.output), [1]);
}

#[test]
fn a_dead_letter_that_is_larger_than_its_topic_takes_goes_there_without_its_value() {
    let kafka = Kafka::shared();
    let names = Names::of("truncated");
    let dead_uncompressed = "truncated-dead-uncompressed";
    kafka.create_topic(&names.input, 1, &[("max.message.bytes", "12000000")]);
    kafka.create_topic(&names.output, 1, &[]);
    kafka.create_topic(&names.dead_letter, 1, &[]);
    kafka.create_topic(dead_uncompressed, 1, &[("compression.type", "uncompressed")]);
    let large_header = header("noise", noise(1_500_000));
    let mut records = vec![
        Record::new(0, Some("noise"), noise(10_000_000)),
        Record::new(0, Some("even"), vec![b'x'; 6_000_000]),
        Record {
            headers: vec![large_header],
            ..Record::new(0, Some("header"), "broken")
        },
        Record {
            key: Some(noise(1_500_000)),
            ..Record::new(0, None, "broken")
        },
        Record::new(0, Some("good"), SEED),
    ];
    // Compressed, these lie on both sides of what the topic takes.
    let text: String = (0..10_000).map(row).collect();
    for bytes in (500_000..1_050_000).step_by(25_000) {
        records.push(Record::new(
            0,
            Some("edge"),
            [&noise(bytes)[..], text.as_bytes()].concat(),
        ));
    }
    kafka.produce(&names.input, &records);

    let left_out = |letters: &[Record], service: &Service| {
        assert_eq!(letters.len(), records.len() - 1, "one for each record but the good one");
        let truncated = letters
            .iter()
            .filter(|letter| letter.header(LEFT_OUT).is_some())
            .count();
        let metrics = service.metrics();
        assert_eq!(metrics.get("dead_letters_truncated_total"), Some(truncated as f64));
        assert_eq!(metrics.sum("dead_letters_total"), letters.len() as f64);
        letters[..4]
            .iter()
            .map(|letter| letter.header(LEFT_OUT).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let some = |parts: &str| Some(parts.to_owned());

    let service = Service::start_ready(kafka, &names, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    let letters = kafka.read(&names.dead_letter).remove(0);
    let expected = [some("value"), None, some("value,headers"), some("value,headers,key")];
    assert_eq!(left_out(&letters, &service), expected);
    service.stop();
    for (offset, letter) in letters[..4].iter().enumerate() {
        assert_eq!(source(letter), Some((0, offset as i64)), "{letter:?}");
    }
    assert_eq!((&letters[0].key, &letters[0].value), (&records[0].key, &None));
    assert_eq!(letters[0].header(REASON), Some("too_large"));
    let message = letters[0].header(MESSAGE).unwrap();
    assert!(message.contains("(10000000 bytes)"), "{message}");
    assert!(
        message.ends_with(&format!("stands in {}, partition 0, offset 0", names.input)),
        "{message}"
    );
    assert_eq!(letters[1].value, records[1].value);
    assert_eq!((&letters[3].key, &letters[3].value), (&None, &None));
    let edge: Vec<bool> = letters[4..].iter().map(|letter| letter.value.is_some()).collect();
    assert!(
        edge[0] && !edge[edge.len() - 1],
        "the sizes are not on both sides: {edge:?}"
    );

    // Where nothing is compressed, neither by the producer nor in the topic, the plain size decides.
    for (number, dead_letter, settings) in [
        (1, &*names.dead_letter, &["kafka.producer.compression.type=none"][..]),
        (2, dead_uncompressed, &[]),
    ] {
        let names = Names {
            group: format!("truncated-group-{number}"),
            dead_letter: dead_letter.to_owned(),
            ..names.clone()
        };
        let before = usize::try_from(kafka.ends(dead_letter)[0]).unwrap();
        let service = Service::start_ready(kafka, &names, settings);
        wait_committed(kafka, &names, std::slice::from_ref(&service));
        let letters = kafka.read(dead_letter).remove(0).split_off(before);
        let expected = [
            some("value"),
            some("value"),
            some("value,headers"),
            some("value,headers,key"),
        ];
        assert_eq!(left_out(&letters, &service), expected);
        service.stop();
    }
}

#[test]
fn rows_of_partitions_that_are_added_are_scored() {
    let kafka = Kafka::shared();
    let names = Names::of("grown");
    kafka.create_topic(&names.input, 2, &[]);
    kafka.create_topic(&names.output, 3, &[]);
    kafka.create_topic(&names.dead_letter, 3, &[]);
    let service = Service::start_ready(kafka, &names, &[REFRESH]);
    kafka.add_partitions(&names.input, 5);
    let records: Vec<Record> = (0..50)
        .map(|number| Record::new(number % 5, None, row(number as usize)))
        .collect();
    poll_until("the new partitions to be known", PATIENCE, || {
        match kafka.ends(&names.input).len() {
            5 => Ok(()),
            fewer => Err(fewer),
        }
    });
    kafka.produce(&names.input, &records);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    assert_eq!(service.partitions().len(), 5);
    service.stop();
    assert_eq!(kafka.ends(&names.output), [20, 20, 10]);
}

#[test]
fn an_output_topic_that_takes_little_is_refused_or_worked_with() {
    let kafka = Kafka::shared();
    let names = Names::of("narrow");
    kafka.create_topic(&names.input, 1, &[]);
    kafka.create_topic(&names.output, 1, &[("max.message.bytes", "4096")]);
    kafka.create_topic(&names.dead_letter, 1, &[]);
    let narrower = Names {
        output: "narrower-out".into(),
        ..names.clone()
    };
    kafka.create_topic(&narrower.output, 1, &[("max.message.bytes", "500")]);
    on(kafka, &narrower, "serve", &["--set", "http.listen=127.0.0.1:0"])
        .exits(4)
        .complains("narrower-out: max.message.bytes is 500, a prediction can need 2048");

    let mut records: Vec<Record> = (0..1000).map(|number| Record::new(0, None, row(number))).collect();
    records[500].headers.push(header("noise", noise(5000)));
    kafka.produce(&names.input, &records);
    let service = Service::start_ready(kafka, &names, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    assert_eq!(kafka.ends(&names.output), [999]);
    let letters = &kafka.read(&names.dead_letter)[0];
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(
        (letters[0].header(REASON), source(&letters[0])),
        (Some("output_too_large"), Some((0, 500)))
    );
}

/// Deletes the input topic of a service that has scored 40 rows of it, makes it again with 100, and checks that each of
/// these is scored: none may be taken for one of the old.
fn input_made_again(test: &str, settings: &[&str], meanwhile: impl FnOnce(&Service)) {
    let kafka = Kafka::shared();
    let names = Names::of(test);
    kafka.create_topics(&names);
    let rows = |count: i32| {
        let records = (0..count).map(|number| Record::new(number % 10, None, row(number as usize)));
        kafka.produce(&names.input, &records.collect::<Vec<_>>());
    };
    rows(40);
    let service = Service::start_ready(kafka, &names, settings);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    kafka.delete_topic(&names.input);
    meanwhile(&service);
    kafka.create_topic(&names.input, 10, &[]);
    rows(100);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    assert_eq!(kafka.ends(&names.output), [14; 10]);
}

#[test]
fn an_input_topic_that_is_deleted_and_made_again_is_read_from_its_start() {
    input_made_again("again", &[REFRESH], |service| {
        poll_until("the topic to be missed", PATIENCE, || {
            match service.get("/health/ready") {
                (503, body) => Ok(body),
                other => Err((other, service.stderr())),
            }
        });
    });
}

#[test]
fn an_input_topic_that_is_made_again_before_anybody_missed_it_is_read_from_its_start() {
    input_made_again("at-once", &[], |_| ());
}

/// A service that has scored one row and then has its output topic deleted before the second.
fn without_output(kafka: &Kafka, names: &Names, settings: &[&str]) -> Service {
    kafka.create_topics(names);
    let service = Service::start_ready(kafka, names, settings);
    kafka.produce(&names.input, &[Record::new(0, None, SEED)]);
    wait_committed(kafka, names, std::slice::from_ref(&service));
    kafka.delete_topic(&names.output);
    kafka.produce(&names.input, &[Record::new(0, None, SEED)]);
    service
}

#[test]
fn an_output_topic_that_is_deleted_ends_the_service_with_its_name_and_no_offset_moves() {
    let kafka = Kafka::shared();
    let names = Names::of("no-output");
    let service = without_output(kafka, &names, &["kafka.startup_timeout=2s"]);
    assert_eq!(service.wait_exit(), Some(4), "{}", service.stderr());
    let log = service.stderr();
    let last = log.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.contains(&names.output), "{log}");
    assert!(last.contains("flight-delay-scorer topics"), "{log}");
    assert_eq!(kafka.committed(&names.group, &names.input, 10)[0], 1);
}

#[test]
fn an_output_topic_that_is_deleted_and_made_again_gets_what_was_not_written() {
    let kafka = Kafka::shared();
    let names = Names::of("new-output");
    let service = without_output(kafka, &names, &[]);
    // As long as the topic is missed nothing is committed.
    assert_eq!(kafka.committed(&names.group, &names.input, 10)[0], 1);
    kafka.create_topic(&names.output, 10, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    let outputs = &kafka.read(&names.output)[0];
    assert_eq!(outputs.iter().map(source).collect::<Vec<_>>(), [Some((0, 1))]);
}
