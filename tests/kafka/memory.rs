//! The service stays within its memory budget, whatever waits for it in the input topic.

use crate::support::kafka::{Kafka, Names};
use crate::support::poll_until;
use crate::support::program;
use crate::support::records::{Producer, Record};
use crate::support::rows::row;
use crate::support::service::Service;
use crate::{noise, wait_committed};
use std::time::Duration;

const MIB: u64 = 1 << 20;
/// A build without optimisation scores some 20,000 rows a second, and a hundredth of that on a machine at its limit.
const BACKLOG_PATIENCE: Duration = Duration::from_secs(600);

/// Works through the backlog with this budget in MiB and holds the process to it. Returns the service, still running, and
/// by how many bytes it grew after the first third.
fn within(limit: u64, kafka: &Kafka, names: &Names, settings: &[&str]) -> (Service, i64) {
    let total = kafka.ends(&names.input).iter().sum::<i64>() as f64;
    let budget = format!("memory.limit={limit}MiB");
    let service = Service::start(kafka, names, &[&[&*budget], settings].concat());
    let consumed = |records: f64| {
        poll_until("records to be consumed", BACKLOG_PATIENCE, || {
            service.assert_running();
            match service.metrics().get("records_consumed_total") {
                Some(seen) if seen >= records => Ok(()),
                seen => Err(seen),
            }
        })
    };
    consumed(total / 3.0);
    let early = service.memory("VmRSS");
    consumed(total);
    let (late, most) = (service.memory("VmRSS"), service.memory("VmHWM"));
    wait_committed(kafka, names, std::slice::from_ref(&service));
    println!("budget {limit} MiB; resident after a third {early}, at the end {late}, at most {most} bytes");
    assert!(most <= limit * MIB, "{most} bytes were resident:\n{}", service.stderr());
    (service, late as i64 - early as i64)
}

/// What lingers fills the producer's queue as a slow broker would.
const LINGER: &[&str] = &["kafka.producer.linger.ms=300"];

#[test]
fn a_backlog_of_rows_is_worked_through_within_the_budget() {
    let kafka = Kafka::shared();
    let names = Names::of("backlog");
    kafka.create_topics(&names);
    let producer = Producer::new(kafka);
    for number in 0..200_000 {
        producer.send(
            &names.input,
            &Record::new(number % 10, None, row(number as usize % 100_000)),
        );
    }
    producer.finish();
    let (service, growth) = within(256, kafka, &names, LINGER);
    assert!(growth <= 16 * MIB as i64, "grew by {growth} bytes");
    let sized = service
        .logged("each worker's queues are sized for the memory budget")
        .expect("a line in the log");
    assert_eq!(sized["budget"], "256 MiB (the setting memory.limit)");
    assert_eq!(sized["consumer_records"], 20_000);
    service.stop();
    // Near the smallest that is taken, where queues of the usual sizes would not do.
    let again = Names {
        group: "backlog-again".into(),
        ..names
    };
    within(80, kafka, &again, LINGER).0.stop();
}

#[test]
fn rows_of_a_megabyte_among_good_ones_are_worked_through_within_the_budget() {
    let kafka = Kafka::shared();
    let names = Names::of("megabytes");
    kafka.create_topics(&names);
    let incompressible = noise(1_000_000);
    let compressible = row(1).repeat(20_000);
    let producer = Producer::new(kafka);
    for number in 0..4000 {
        let partition = number % 10;
        producer.send(&names.input, &Record::new(partition, None, row(number as usize)));
        if number % 10 == 7 {
            let bytes = [65_537, 200_000, 500_000, 1_000_000][number as usize / 10 % 4];
            producer.send(&names.input, &Record::new(partition, None, &incompressible[..bytes]));
            producer.send(&names.input, &Record::new(partition, None, &compressible[..bytes]));
        }
    }
    producer.finish();
    let (service, _) = within(256, kafka, &names, &[]);
    let metrics = service.metrics();
    // More where a machine at its limit cost the service its membership for a moment.
    assert!(metrics.sum("predictions_total") >= 4000.0, "{metrics:?}");
    assert!(
        metrics.get("dead_letters_total{reason=\"too_large\"}") >= Some(800.0),
        "{metrics:?}"
    );
    service.stop();
}

#[test]
fn a_budget_that_is_too_small_for_the_workers_is_refused() {
    let settings = ["memory.limit=90MiB", "workers.count=2", "http.listen=127.0.0.1:0"];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    program::run(&[&["serve"], &*arguments].concat(), b"")
        .exits(2)
        .complains("90 MiB (the setting memory.limit)")
        .complains("it takes 100 MiB");
}

#[test]
fn queues_that_are_set_by_hand_win_and_the_log_says_whose_the_budget_is_then() {
    let kafka = Kafka::shared();
    let names = Names::of("by-hand");
    kafka.create_topics(&names);
    let by_hand = [
        "kafka.consumer.queued.min.messages=500",
        "kafka.common.message.max.bytes=5000000",
    ];
    let service = Service::start_ready(kafka, &names, &by_hand);
    let warning =
        service.logged("queues are set by hand: whether the memory stays within the budget is up to these settings");
    assert_eq!(warning.expect("a warning")["properties"], "[\"queued.min.messages\"]");
    service.stop();
}
