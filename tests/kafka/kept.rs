//! What becomes of every record, and that it keeps all it came with.

use crate::support::kafka::{Kafka, Names};
use crate::support::records::{Record, header, now};
use crate::support::rows::{SEED, row};
use crate::support::service::Service;
use crate::support::{PATIENCE, poll_until};
use crate::{REASON, noise, scored, topics, wait_committed};

const MESSAGE: &str = "__streams.errors.message";

/// What has to become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Scored,
    Tombstone,
    DeadLetter(&'static str),
}

/// A record of the input and what has to become of it.
struct Case {
    record: Record,
    fate: Fate,
}

/// Thousands of records in ten partitions: one in three is out of the ordinary.
fn all_sorts() -> Vec<Case> {
    let sent = now();
    let mut cases = Vec::new();
    for number in 0..5000 {
        let plain = row(number);
        let fields = |from: usize, to: usize| {
            plain
                .split(',')
                .skip(from)
                .take(to - from)
                .collect::<Vec<_>>()
                .join(",")
        };
        let replaced = |column: usize, with: &[u8]| {
            let fields: Vec<&[u8]> = plain.split(',').map(str::as_bytes).collect();
            let fields = fields
                .iter()
                .enumerate()
                .map(|(position, field)| if position == column { with } else { *field });
            fields.collect::<Vec<_>>().join(&b","[..])
        };
        let bytes = |text: &str| text.as_bytes().to_vec();
        use Fate::{DeadLetter, Scored, Tombstone};
        let (value, fate) = match number % 75 {
            0 => (Some(bytes(SEED)), Scored),
            1 => (Some(bytes(&fields(0, 29))), Scored),
            2 => (Some(bytes(&format!("{},{}", fields(0, 28), fields(29, 31)))), Scored),
            3 => (Some(bytes(&format!("{plain}\n"))), Scored),
            4 => (Some(bytes(&format!("{plain}\r\n"))), Scored),
            5 => (Some(replaced(8, b"\"PS\"")), Scored),
            6 => (Some(replaced(16, b"\"S,\"\"N\"")), Scored),
            7 => (Some(replaced(10, b"N\xe4\xff\x80")), Scored),
            8 => (Some(replaced(8, b"P\xfc\"")), Scored),
            9 => (Some(replaced(5, b"2400")), Scored),
            10 => (Some(replaced(0, b"NA")), Scored),
            11 => (Some(bytes("")), DeadLetter("empty")),
            12 => (Some(bytes("\r\n")), DeadLetter("empty")),
            13 => (Some(bytes("1987,10,14")), DeadLetter("row_width")),
            14 => (Some(bytes(&format!("{plain},NO"))), DeadLetter("row_width")),
            15 => (Some(bytes(&format!("{plain}\n{plain}"))), DeadLetter("row_width")),
            16 => (Some(replaced(8, b"\"PS")), DeadLetter("unclosed_quote")),
            17 => (Some(replaced(5, b"7h30")), DeadLetter("not_a_number")),
            18 => (Some(replaced(0, b"\xff\xfe\x00")), DeadLetter("not_a_number")),
            19 => (Some(replaced(1, b"13")), DeadLetter("out_of_range")),
            20 => (Some(replaced(5, b"775")), DeadLetter("out_of_range")),
            21 => (Some(vec![b'x'; 64 * 1024 + 1]), DeadLetter("too_large")),
            22 | 23 => (None, Tombstone),
            24 => (None, DeadLetter("null_record")),
            _ => (Some(bytes(&plain)), Scored),
        };
        let key = match (fate, number % 4) {
            (Tombstone, _) => Some(format!("tombstone {number}").into_bytes()),
            (DeadLetter("null_record"), _) | (_, 0) => None,
            (_, 1) => Some(Vec::new()),
            (_, 2) => Some(b"\x00\xffkey".to_vec()),
            _ => Some(number.to_string().into_bytes()),
        };
        let headers = match number % 7 {
            0 => vec![
                header("trace", number.to_string()),
                header("trace", b"\xff\x00"),
                (b"nothing".to_vec(), None),
            ],
            1 => vec![header(b"not \xff\xfe UTF-8", "value"), header("", "")],
            2 => vec![header(REASON, "of an earlier service")],
            _ => Vec::new(),
        };
        // In no partition all of them are old, or the broker would delete it.
        let timestamp = if number.is_multiple_of(11) {
            561_168_000_000
        } else {
            sent - 5000 + i64::try_from(number).unwrap()
        };
        let partition = i32::try_from(number * 7 % 10).unwrap();
        cases.push(Case {
            record: Record {
                partition,
                key,
                value,
                timestamp,
                headers,
            },
            fate,
        });
    }
    // A row of a megabyte that does not compress.
    let record = Record {
        headers: vec![header("size", "large")],
        ..Record::new(3, Some("large"), noise(1_000_000))
    };
    cases.insert(
        2500,
        Case {
            record,
            fate: Fate::DeadLetter("too_large"),
        },
    );
    cases
}

#[test]
fn every_record_becomes_one_prediction_dead_letter_or_tombstone_with_all_it_came_with() {
    let kafka = Kafka::shared();
    let names = Names::of("all-sorts");
    kafka.create_topic(&names.input, 10, &[("max.message.bytes", "2097152")]);
    topics(kafka, &names, &[])
        .exits(0)
        .says("all-sorts-in: exists")
        .says("all-sorts-dead: created");

    let cases = all_sorts();
    kafka.produce(&names.input, cases.iter().map(|case| &case.record));
    let service = Service::start_ready(kafka, &names, &[]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    let count = |fate: &dyn Fn(Fate) -> bool| cases.iter().filter(|case| fate(case.fate)).count() as f64;
    let metrics = poll_until("the lag to be known as zero", PATIENCE, || {
        let metrics = service.metrics();
        let lags = metrics.all("consumer_lag_records");
        if lags.len() == 10 && lags.iter().all(|(_, lag)| *lag == 0.0) {
            Ok(metrics)
        } else {
            Err(metrics)
        }
    });
    assert_eq!(metrics.get("records_consumed_total"), Some(cases.len() as f64));
    assert_eq!(metrics.sum("predictions_total"), count(&|fate| fate == Fate::Scored));
    assert_eq!(
        metrics.get("tombstones_total"),
        Some(count(&|fate| fate == Fate::Tombstone))
    );
    assert_eq!(metrics.get("timestamps_replaced_total"), Some(0.0));
    assert_eq!(metrics.get("worker_restarts_total"), Some(0.0), "{}", service.stderr());
    assert_eq!(
        metrics.get("checkpoint_failures_total"),
        Some(0.0),
        "{}",
        service.stderr()
    );
    assert_eq!(metrics.get("partitions_assigned"), Some(10.0));
    for (labels, letters) in metrics.all("dead_letters_total") {
        let expected =
            count(&|fate| matches!(fate, Fate::DeadLetter(reason) if labels == format!("reason=\"{reason}\"")));
        assert_eq!(letters, expected, "dead letters with {labels}");
    }
    service.stop();

    // By partition and offset of the input: partitions in their order, as they were produced.
    let mut inputs = vec![Vec::new(); 10];
    for case in &cases {
        inputs[usize::try_from(case.record.partition).unwrap()].push(case);
    }
    assert_eq!(
        kafka.ends(&names.input),
        inputs.iter().map(|cases| cases.len() as i64).collect::<Vec<_>>()
    );
    let rows = inputs.iter().flatten().filter(|case| case.fate == Fate::Scored);
    let mut expected = scored(rows.map(|case| case.record.value.as_deref().unwrap()), "json").into_iter();

    let outputs = kafka.read(&names.output);
    let letters = kafka.read(&names.dead_letter);
    for (partition, inputs) in inputs.iter().enumerate() {
        let (mut outputs, mut letters) = (outputs[partition].iter(), letters[partition].iter());
        for (offset, Case { record: input, fate }) in inputs.iter().enumerate() {
            let place = format!("partition {partition}, offset {offset}: {input:?}, which should be {fate:?}");
            let expected = match fate {
                Fate::Scored => {
                    let json = expected.next().expect("a line of `score` for each row");
                    let source = format!(
                        r#"{{"topic":"{}","partition":{partition},"offset":{offset}}}"#,
                        names.input
                    );
                    let json = format!(r#"{},"source":{source}}}"#, json.strip_suffix('}').unwrap());
                    Record {
                        value: Some(json.into_bytes()),
                        ..input.clone()
                    }
                }
                Fate::Tombstone => input.clone(),
                Fate::DeadLetter(reason) => {
                    let mut letter = input.clone();
                    letter.headers.push(header(REASON, reason));
                    letter.headers.push(header("__streams.errors.topic", &names.input));
                    letter
                        .headers
                        .push(header("__streams.errors.partition", partition.to_string()));
                    letter
                        .headers
                        .push(header("__streams.errors.offset", offset.to_string()));
                    letter
                }
            };
            let next = if matches!(fate, Fate::DeadLetter(_)) {
                letters.next()
            } else {
                outputs.next()
            };
            let mut found = next.unwrap_or_else(|| panic!("nothing was made of {place}")).clone();
            if let Fate::DeadLetter(_) = fate {
                // Its words are not part of the promise.
                let message = found.headers.iter().position(|(key, _)| key == MESSAGE.as_bytes());
                let message = message.unwrap_or_else(|| panic!("no message for {place}"));
                assert!(
                    found.headers.remove(message).1.is_some_and(|text| !text.is_empty()),
                    "{place}"
                );
            }
            assert_eq!(found, expected, "{place}");
        }
        assert_eq!(
            outputs.next(),
            None,
            "more outputs than inputs in partition {partition}"
        );
        assert_eq!(
            letters.next(),
            None,
            "more dead letters than bad inputs in partition {partition}"
        );
    }
}
