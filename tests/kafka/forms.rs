//! The forms of a prediction, on the wire and on the screen.

use crate::support::kafka::{Kafka, Names};
use crate::support::program;
use crate::support::records::{Record, now};
use crate::support::rows::{SEED, SEED_1999_CSV, SEED_CSV, row, seed_1999};
use crate::support::service::Service;
use crate::{on, scored, wait_committed};
use std::collections::HashMap;

/// More than the reach of Kafka's own limit of an hour.
const TWO_HOURS: i64 = 2 * 60 * 60 * 1000;

#[test]
fn csv_goes_to_the_inputs_partition_modulo_those_of_the_output_and_a_timestamp_from_the_future_is_replaced() {
    let kafka = Kafka::shared();
    let names = Names::of("modulo");
    kafka.create_topic(
        &names.input,
        10,
        &[("message.timestamp.after.max.ms", "9223372036854775807")],
    );
    kafka.create_topic(&names.output, 4, &[]);
    kafka.create_topic(&names.dead_letter, 3, &[]);
    let started = now();
    let mut records = Vec::new();
    for number in 0..40 {
        let value = if number / 10 == 3 {
            "broken".to_owned()
        } else {
            row(number)
        };
        records.push(Record::new(
            i32::try_from(number % 10).unwrap(),
            Some(&number.to_string()),
            value,
        ));
    }
    for future in [5, 35] {
        records[future].timestamp = started + TWO_HOURS;
    }
    kafka.produce(&names.input, &records);
    let service = Service::start_ready(kafka, &names, &["output.format=csv"]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    assert_eq!(service.metrics().get("timestamps_replaced_total"), Some(2.0));
    assert!(
        service.stderr().contains("modulo 4"),
        "no warning in the log:\n{}",
        service.stderr()
    );
    service.stop();

    let rows = scored(
        records[..30].iter().map(|record| record.value.as_deref().unwrap()),
        "csv",
    );
    let outputs = kafka.read(&names.output);
    let letters = kafka.read(&names.dead_letter);
    for (topic, partitions, numbers) in [(&outputs, 4, 0..30), (&letters, 3, 30..40)] {
        let found: usize = topic.iter().map(Vec::len).sum();
        assert_eq!(found, numbers.len(), "{topic:?}");
        for number in numbers {
            let partition = number % 10 % partitions;
            let key = number.to_string();
            let of_key = |record: &&Record| record.key.as_deref() == Some(key.as_bytes());
            let found = topic[partition].iter().find(of_key);
            let found = found.unwrap_or_else(|| panic!("{key} is not in partition {partition} of {topic:?}"));
            let expected = rows.get(number).map_or("broken", String::as_str);
            assert_eq!(found.text(), expected, "{key}");
            if records[number].timestamp > started + 60_000 {
                let near = started..now() + 60_000;
                assert!(
                    near.contains(&found.timestamp),
                    "{key} has the timestamp {} not in {near:?}",
                    found.timestamp
                );
            } else {
                assert_eq!(found.timestamp, records[number].timestamp, "{key}");
            }
        }
    }
    // Order within one partition of the input holds in the one it goes to.
    for partition in &outputs {
        let mut last = HashMap::new();
        for record in partition {
            let number: usize = std::str::from_utf8(record.key.as_deref().unwrap())
                .unwrap()
                .parse()
                .unwrap();
            assert!(
                last.insert(number % 10, number) < Some(number),
                "{number} out of order in {partition:?}"
            );
        }
    }
}

/// The original's block, for a row that is scored like this.
fn block(row: &str, csv: &str) -> String {
    let (label, probabilities) = csv.split_once(',').unwrap();
    format!(
        "#####################\nFlight Input:{row}\nLabel (aka prediction) is flight departure delayed: {label}\n\
         Class probabilities: {probabilities}\n#####################\n"
    )
}

#[test]
fn the_originals_block_is_shown_by_watch_and_by_serve_and_health_tells_how_it_is() {
    let kafka = Kafka::shared();
    let names = Names::of("show");
    kafka.create_topics(&names);
    kafka.produce(&names.input, &[Record::new(7, None, SEED)]);
    let service = Service::start_ready(kafka, &names, &["log.sample_every=1"]);
    for probe in ["live", "ready", "startup"] {
        program::run(&["health", probe, "--url", &service.url], b"")
            .exits(0)
            .says("\"ok\"");
    }
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    let watched = on(kafka, &names, "watch", &["--from-beginning", "--max", "1"]).exits(0);
    assert_eq!(watched.stdout, block(SEED, SEED_CSV), "{watched:#?}");
    kafka.produce(&names.input, &[Record::new(7, None, seed_1999())]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    assert_eq!(
        service.stdout(),
        block(SEED, SEED_CSV) + &block(&seed_1999(), SEED_1999_CSV)
    );
    let url = service.url.clone();
    service.stop();
    program::run(&["health", "--url", &url], b"").exits(8).complains(&url);
}

#[test]
fn text_is_the_originals_line_and_a_group_goes_on_where_another_service_of_its_name_left_off() {
    let kafka = Kafka::shared();
    let names = Names::of("takeover");
    kafka.create_topics(&names);
    let records: Vec<Record> = (0..200)
        .map(|number| Record::new(number % 10, Some(&number.to_string()), SEED))
        .collect();
    kafka.produce(&names.input, &records);
    kafka.produce(&names.input, &[Record::new(4, Some("1999"), seed_1999())]);
    let before: Vec<i64> = (0..10).collect();
    kafka.commit(&names.group, &names.input, &before);
    let service = Service::start_ready(kafka, &names, &["output.format=text"]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    for (partition, outputs) in kafka.read(&names.output).iter().enumerate() {
        let expected = (partition..20).map(|offset| (offset * 10 + partition).to_string());
        let expected: Vec<_> = expected.chain((partition == 4).then(|| "1999".to_owned())).collect();
        let keys: Vec<_> = outputs
            .iter()
            .map(|record| String::from_utf8(record.key.clone().unwrap()).unwrap())
            .collect();
        assert_eq!(keys, expected, "keys in partition {partition}");
        for (output, key) in outputs.iter().zip(keys) {
            let label = if key == "1999" { "NO" } else { "YES" };
            assert_eq!(output.text(), format!("Prediction: Is Airline delayed? => {label}"));
            let model = output.header("flight_scorer.model");
            assert_eq!(model, Some("airline-gbm@ac9cca7041ca"));
        }
    }
}
