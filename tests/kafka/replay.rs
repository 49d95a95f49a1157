//! `replay`: what it reports is what happened.

use crate::support::kafka::{Kafka, Names};
use crate::support::program::{Run, command};
use crate::support::records::{Record, header};
use crate::support::rows::row;
use crate::support::service::Service;
use crate::support::{PATIENCE, poll_until};
use crate::{REASON, on, scored};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Child, Command, Stdio};

const RUN: &str = "replay.run";
const PARTITION: &str = "replay.partition";
const SEQUENCE: &str = "replay.sequence";
const ATTEMPTS: &str = "replay.attempts";

/// `replay` while it runs. It is killed when this is dropped.
struct Replay(Option<Child>);

impl Replay {
    fn start(kafka: &Kafka, names: &Names, arguments: &[&str]) -> Replay {
        let mut command = command(&["replay", "--json", "--bootstrap-servers", &kafka.bootstrap_servers]);
        for setting in names.settings() {
            command.args(["--set", &setting]);
        }
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().expect("the program starts");
        kafka.keep(child.id());
        Replay(Some(child))
    }

    fn interrupt(&self) {
        let child = self.0.as_ref().expect("it runs");
        // It may have ended by now, which is what the signal is for.
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    }

    /// The report, and the exit code.
    fn end(mut self) -> (Value, Option<i32>) {
        let run = self.finish();
        let report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
        (report, run.code)
    }

    fn finish(&mut self) -> Run {
        let child = self.0.as_mut().expect("it runs");
        poll_until("replay to end", 2 * PATIENCE, || {
            child.try_wait().unwrap().ok_or("it still runs")
        });
        let output = self.0.take().unwrap().wait_with_output();
        Run::from(output.expect("its output"))
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs it to its end.
fn replay(kafka: &Kafka, names: &Names, arguments: &[&str]) -> (Value, Option<i32>) {
    Replay::start(kafka, names, arguments).end()
}

/// The counts of a report that speak of faults, in the order lost, duplicated, out of order, wrong, unverified.
fn faults(report: &Value) -> [u64; 5] {
    ["lost", "duplicated", "out_of_order", "wrong", "unverified"].map(|name| report[name].as_u64().expect(name))
}

fn wait_for_records(kafka: &Kafka, topic: &str, count: i64) {
    poll_until("records", PATIENCE, || match kafka.ends(topic).iter().sum::<i64>() {
        some if some >= count => Ok(()),
        fewer => Err(format!("{fewer} of {count} in {topic}")),
    });
}

/// A file of rows, of which every tenth is bad, and how many there are of it.
fn file(gzipped: bool) -> (tempfile::NamedTempFile, u64, u64) {
    let rows = (0..500).map(|number| match number % 10 {
        0 => format!("{},too,short\n", number),
        _ => row(number) + "\n",
    });
    let text = rows.collect::<String>();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    if gzipped {
        let mut encoder = GzEncoder::new(&mut file, Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
    } else {
        file.write_all(text.as_bytes()).unwrap();
    }
    (file, 500, 50)
}

#[test]
fn a_service_that_runs_loses_repeats_reorders_and_changes_nothing() {
    let kafka = Kafka::shared();
    let names = Names::of("replay-good");
    kafka.create_topics(&names);
    let service = Service::start_ready(kafka, &names, &[]);

    let (plain, rows, bad) = file(false);
    let (gzipped, ..) = file(true);
    let (plain, gzipped) = (plain.path().to_str().unwrap(), gzipped.path().to_str().unwrap());
    let runs: [(&[&str], u64, u64); 4] = [
        (&["--file", plain, "--rate", "1000"], rows, bad),
        // The file twice and a half.
        (
            &["--file", gzipped, "--rate", "max", "--keys", "--rows", "1250"],
            1250,
            125,
        ),
        // Those of the file that are bad anyway fall on other rows than every fourth half of the time.
        (
            &["--rate", "max", "--rows", "2000", "--bad-rows", "12.5", "--keys"],
            2000,
            250,
        ),
        (&["--rate", "500", "--duration", "2s"], 1000, 0),
    ];
    for (arguments, rows, at_least_bad) in runs {
        let (report, code) = replay(kafka, &names, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {report:#}");
        assert_eq!(faults(&report), [0; 5], "{arguments:?}: {report:#}");
        assert_eq!(report["sent"], rows, "{arguments:?}: {report:#}");
        assert_eq!(report["acknowledged"], rows, "{report:#}");
        assert_eq!(report["unacknowledged"], 0, "{report:#}");
        let dead = report["dead_lettered"].as_u64().unwrap();
        // The sample has a few bad rows of its own.
        let sample = u64::from(!arguments.contains(&"--file")) * 5;
        assert!((at_least_bad..=at_least_bad + sample).contains(&dead), "{report:#}");
        assert_eq!(report["scored"], rows - dead, "{report:#}");
        assert_eq!(report["examples"], json!([]));
        let latency = |name: &str| report["latency_ms"][name].as_f64().unwrap();
        assert!(0.0 < latency("p50") && latency("p50") <= latency("p99"), "{report:#}");
        assert!(latency("p99") <= latency("max"), "{report:#}");
        assert_eq!(report["lag"], 0, "{report:#}");
    }
    // As long as it was to take, and no less.
    let (report, _) = replay(kafka, &names, &["--rate", "100", "--rows", "101"]);
    assert!(report["seconds"].as_f64().unwrap() >= 1.0, "{report:#}");
    let text = on(kafka, &names, "replay", &["--rows", "10"]).exits(0);
    text.says("sent            10, 10 acknowledged")
        .says("latency         p50");

    // The same outcomes held against another format are wrong.
    let (report, code) = replay(
        kafka,
        &names,
        &["--rows", "10", "--rate", "max", "--set", "output.format=text"],
    );
    assert_eq!((code, &report["wrong"]), (Some(9), &json!(10)), "{report:#}");
    service.stop();

    // Keys decide the partition, and each stays with its own.
    let mut partition_of = std::collections::BTreeMap::new();
    for record in kafka.read(&names.input).concat() {
        if let Some(key) = record.key {
            assert_eq!(*partition_of.entry(key).or_insert(record.partition), record.partition);
        }
    }
    assert!(partition_of.len() > 100, "{} keys", partition_of.len());
}

#[test]
fn what_a_killed_service_had_not_committed_comes_again_and_is_no_fault() {
    let kafka = Kafka::shared();
    let names = Names::of("replay-killed");
    kafka.create_topics(&names);
    // Nothing is committed before it is killed: all that it scored is scored again.
    let service = Service::start_ready(kafka, &names, &["delivery.checkpoint_interval=10m"]);
    let replay = Replay::start(kafka, &names, &["--rate", "500", "--rows", "3000", "--bad-rows", "1"]);
    poll_until("predictions", PATIENCE, || {
        match service.metrics().sum("predictions_total") {
            some if some >= 500.0 => Ok(()),
            few => Err(few),
        }
    });
    service.kill();
    let other = Service::start(kafka, &names, &[]);
    let (report, code) = replay.end();
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["sent"], 3000, "{report:#}");
    let [lost, duplicated, out_of_order, wrong, unverified] = faults(&report);
    assert_eq!((lost, out_of_order, wrong, unverified), (0, 0, 0, 0), "{report:#}");
    assert!(duplicated > 0, "{report:#}");
    let outcomes: i64 = [&names.output, &names.dead_letter]
        .into_iter()
        .flat_map(|topic| kafka.ends(topic))
        .sum();
    assert_eq!(duplicated, outcomes as u64 - 3000, "{report:#}");
    // The other waits for the end of the killed one's session.
    assert!(report["longest_stall_ms"].as_f64().unwrap() > 1000.0, "{report:#}");
    other.stop();
}

#[test]
fn without_a_service_everything_is_lost() {
    let kafka = Kafka::shared();
    let names = Names::of("replay-alone");
    kafka.create_topics(&names);
    let (report, code) = replay(kafka, &names, &["--rows", "25", "--rate", "max", "--wait", "1s"]);
    assert_eq!(code, Some(9), "{report:#}");
    assert_eq!((&report["sent"], &report["acknowledged"]), (&json!(25), &json!(25)));
    assert_eq!(faults(&report), [25, 0, 0, 0, 0], "{report:#}");
    assert_eq!(report["lag"], 25, "{report:#}");
    assert_eq!(report["examples"][0], "partition 0, sequence 0: lost");

    // Interrupted, it sends no more and waits for what it sent.
    let waiting = Replay::start(kafka, &names, &["--rate", "50", "--duration", "1h", "--wait", "1s"]);
    wait_for_records(kafka, &names.input, 26);
    waiting.interrupt();
    let (report, code) = waiting.end();
    assert_eq!((code, &report["lost"]), (Some(9), &report["sent"]), "{report:#}");
    // Interrupted again, it does not wait.
    let mut abandoned = Replay::start(kafka, &names, &["--rate", "50", "--duration", "1h"]);
    wait_for_records(kafka, &names.input, 26 + report["sent"].as_i64().unwrap());
    poll_until("the end", PATIENCE, || {
        abandoned.interrupt();
        let child = abandoned.0.as_mut().unwrap();
        child.try_wait().unwrap().ok_or("it still runs")
    });
    let run = abandoned.finish().exits(1).complains("interrupted");
    assert_eq!(run.stdout, "");
}

#[test]
fn without_brokers_it_ends_as_every_command_does() {
    let names = Names::of("replay-nowhere");
    let mut command = command(&["replay", "--bootstrap-servers", "127.0.0.1:1"]);
    command.args(["--set", "kafka.startup_timeout=1s", "--set", &names.settings()[0]]);
    let run = Run::from(command.output().unwrap()).exits(4);
    run.complains("no broker of 127.0.0.1:1 answers");
}

/// The test is the service, and breaks every promise once.
#[test]
fn each_fault_of_a_service_is_reported_with_its_place() {
    let kafka = Kafka::shared();
    let names = Names::of("replay-faults");
    kafka.create_topics(&names);
    let arguments = [
        "--rows",
        "50",
        "--rate",
        "max",
        "--wait",
        // Longer than this test takes to make the outcomes.
        "15s",
        "--set",
        "output.format=csv",
    ];
    let replay = Replay::start(kafka, &names, &arguments);
    wait_for_records(kafka, &names.input, 50);
    let inputs = kafka.read(&names.input);
    for (partition, inputs) in (0..).zip(&inputs) {
        assert_eq!(inputs.len(), 5);
        for (sequence, input) in (0..).zip(inputs) {
            assert_eq!(input.header(PARTITION), Some(&*format!("{partition}")));
            assert_eq!(input.header(SEQUENCE), Some(&*format!("{sequence}")));
            assert_eq!(input.header(RUN), inputs[0].header(RUN));
        }
    }
    let mut values = scored(
        inputs.iter().flatten().map(|input| input.value.as_deref().unwrap()),
        "csv",
    )
    .into_iter();
    let mut outputs = inputs.clone();
    for output in outputs.iter_mut().flatten() {
        output.value = values.next().map(String::into_bytes);
    }

    let repeated = outputs[0][1].clone();
    outputs[0].insert(3, repeated);
    outputs[1].remove(2);
    outputs[2].swap(1, 2);
    outputs[3][4].value = Some(b"YES,0.5,0.5".to_vec());
    outputs[4][0].timestamp -= 1;
    outputs[5][1].key = Some(b"PS1451".to_vec());
    let mut invented = outputs[6][4].clone();
    invented.headers.push(header(SEQUENCE, "5"));
    outputs[6].push(invented);
    // Of another run: none of this one's business.
    let mut other = outputs[7][0].clone();
    other.headers.push(header(RUN, "another"));
    outputs[7].push(other);
    let mut dead = inputs[8][3].clone();
    dead.headers.push(header(REASON, "row_width"));
    outputs[8].remove(3);
    kafka.produce(&names.dead_letter, [&dead]);
    kafka.produce(&names.output, outputs.iter().flatten());

    let (report, code) = replay.end();
    assert_eq!(code, Some(9), "{report:#}");
    assert_eq!(faults(&report), [1, 1, 1, 5, 0], "{report:#}");
    assert_eq!((&report["scored"], &report["dead_lettered"]), (&json!(48), &json!(1)));
    let examples: Vec<&str> = report["examples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e.as_str().unwrap())
        .collect();
    for expected in [
        "partition 0, sequence 1: duplicated",
        "partition 1, sequence 2: lost",
        "partition 2, sequence 1: out of order",
        "partition 3, sequence 4: wrong: not the prediction of this model for the row",
        "partition 4, sequence 0: wrong: its timestamp is not the row's",
        "partition 5, sequence 1: wrong: its key is not the row's",
        "partition 6, sequence 5: wrong: an outcome of a row that was not sent",
        "partition 8, sequence 3: wrong: a dead letter for a row that can be scored",
    ] {
        assert!(examples.contains(&expected), "{expected} is not in {report:#}");
    }
    assert_eq!(examples.len(), 8, "{report:#}");
}

#[test]
fn dead_letters_go_back_as_they_were_until_they_are_given_up() {
    let kafka = Kafka::shared();
    let names = Names::of("replay-dead");
    kafka.create_topics(&names);
    let service = Service::start_ready(kafka, &names, &[]);
    let short = Record {
        timestamp: 1_700_000_000_123,
        headers: vec![
            header("trace", "1"),
            header(b"\xff\xfe", b"\x00\x01"),
            // The input's own, of a name that the service adds: it stays.
            header("__streams.errors.topic", "Elsewhere"),
            (b"null".to_vec(), None),
        ],
        ..Record::new(5, Some("PS1451"), "hello")
    };
    let empty = Record::new(3, None, "");
    kafka.produce(&names.input, [&short, &empty]);
    wait_for_records(kafka, &names.dead_letter, 2);

    let from = |arguments: &[&str]| {
        let arguments = [&["--from", names.dead_letter.as_str(), "--json"], arguments].concat();
        let run = on(kafka, &names, "replay", &arguments).exits(0);
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    let sent = |sent: Value, left: Value, exhausted: u64| json!({"sent": sent, "left": left, "exhausted": exhausted, "refused": 0, "examples": []});
    let report = from(&["--reason", "row_width"]);
    assert_eq!(report, sent(json!({"row_width": 1}), json!({"empty": 1}), 0));
    let attempt = |record: &Record, attempts: &str| {
        let mut again = record.clone();
        again.headers.push(header(ATTEMPTS, attempts));
        again
    };
    assert_eq!(kafka.read(&names.input)[5], [short.clone(), attempt(&short, "1")]);
    wait_for_records(kafka, &names.dead_letter, 3);

    // What was left is sent now, and what came back since, each time once.
    for (letters, sent_now, exhausted) in [
        (5, json!({"empty": 1, "row_width": 1}), 0),
        (7, json!({"empty": 1, "row_width": 1}), 0),
        (8, json!({"empty": 1}), 1),
        (8, json!({}), 1),
        (8, json!({}), 0),
    ] {
        assert_eq!(from(&[]), sent(sent_now, json!({}), exhausted));
        wait_for_records(kafka, &names.dead_letter, letters);
    }
    let attempts = |record: &Record| {
        let again = ["1", "2", "3"].map(|attempts| attempt(record, attempts));
        [&[record.clone()][..], &again].concat()
    };
    let inputs = kafka.read(&names.input);
    assert_eq!((&inputs[5], &inputs[3]), (&attempts(&short), &attempts(&empty)));
    service.stop();

    // Another group has handled none, and serves another topic.
    let other = Names {
        input: "replay-other-in".into(),
        group: "replay-other".into(),
        ..names.clone()
    };
    kafka.create_topic(&other.input, 1, &[]);
    let run = on(kafka, &other, "replay", &["--from", &names.dead_letter]).exits(0);
    run.says("sent back   0")
        .says("refused     8")
        .says(&format!("it came from {}, not from {}", names.input, other.input));
    assert_eq!(kafka.ends(&other.input), [0]);
}
