//! Instances that join, leave, stop and crash: nothing is lost, and nothing is repeated without a crash.

use crate::support::kafka::{Kafka, Names};
use crate::support::records::{Producer, Record};
use crate::support::rows::row;
use crate::support::service::Service;
use crate::support::{PATIENCE, poll_until};
use crate::{source, wait_committed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// How often each offset of each partition of the input came out, by the predictions in JSON.
pub struct Delivered {
    times: Vec<BTreeMap<i64, usize>>,
}

impl Delivered {
    pub fn of(kafka: &Kafka, names: &Names) -> Delivered {
        let times = kafka
            .read(&names.output)
            .into_iter()
            .enumerate()
            .map(|(partition, outputs)| {
                let mut times = BTreeMap::new();
                for output in &outputs {
                    let (from, offset) = source(output).expect("a source");
                    assert_eq!(from, i32::try_from(partition).unwrap(), "{output:?}");
                    let seen = times.entry(offset).or_insert(0);
                    *seen += 1;
                    // What comes again, after a crash, comes in order too; what comes first must never be overtaken.
                    let first = *seen == 1;
                    let latest = times.last_key_value().map(|(&latest, _)| latest);
                    assert!(
                        !first || latest == Some(offset),
                        "{offset} of partition {partition} came after {latest:?}"
                    );
                }
                times
            });
        Delivered { times: times.collect() }
    }

    /// Checks that nothing is missing below these ends, and returns how many came more than once.
    pub fn duplicates(&self, ends: &[i64]) -> usize {
        for (partition, (times, &end)) in self.times.iter().zip(ends).enumerate() {
            let missing: Vec<i64> = (0..end).filter(|offset| !times.contains_key(offset)).collect();
            assert!(
                missing.is_empty(),
                "partition {partition} lost {} of {end}: {missing:?}",
                missing.len()
            );
            assert_eq!(
                times.len(),
                usize::try_from(end).unwrap(),
                "partition {partition} has outputs without input"
            );
        }
        self.times
            .iter()
            .flat_map(BTreeMap::values)
            .map(|times| times - 1)
            .sum()
    }
}

/// The settings of a guarantee.
const AT_LEAST_ONCE: &[&str] = &["delivery.guarantee=at_least_once"];
const EXACTLY_ONCE: &[&str] = &[
    "delivery.guarantee=exactly_once",
    "delivery.checkpoint_interval=100ms",
    // What a killed instance leaves open ends soon.
    "kafka.producer.transaction.timeout.ms=5000",
];

#[test]
fn instances_share_the_partitions_and_nothing_is_lost_or_repeated_when_one_joins_or_leaves() {
    join_and_leave("share", AT_LEAST_ONCE);
}

#[test]
fn no_transaction_is_aborted_because_an_instance_joins_or_leaves() {
    let aborted = join_and_leave("share-exactly", EXACTLY_ONCE);
    // With a membership of an earlier moment each of the rebalances, two for an instance that joins, would abort one in
    // every instance. What cannot be helped is the moment in which the group is in its new generation and a member does
    // not know of it yet.
    assert!(aborted <= 3.0, "{aborted} transactions were aborted");
}

/// Instances come and go one by one and all at once. Returns how many transactions were aborted.
fn join_and_leave(test: &str, guarantee: &[&str]) -> f64 {
    let kafka = Kafka::shared();
    let names = Names::of(test);
    kafka.create_topics(&names);
    let mut aborted = 0.0;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let producer = Producer::new(kafka);
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                for _ in 0..50 {
                    producer.send(
                        &names.input,
                        &Record::new(number % 10, None, row(number as usize % 100_000)),
                    );
                    number += 1;
                }
                producer.finish();
            }
        });
        // Also where an assertion fails: the thread above must come to its end.
        let _done = OnDrop(|| done.store(true, Ordering::Relaxed));
        let mut services = Vec::new();
        for _ in 0..3 {
            services.push(Service::start(kafka, &names, guarantee));
            share(&services);
        }
        let first = services.remove(0);
        let scored = first.metrics().sum("predictions_total");
        assert!(scored > 0.0, "the first instance has scored nothing");
        aborted += first.metrics().get("transactions_aborted_total").unwrap();
        first.stop();
        share(&services);
        done.store(true, Ordering::Relaxed);
        // The ends are those of all that is sent only when the last of it is.
        sender.join().unwrap();
        wait_committed(kafka, &names, &services);
        for service in &services {
            let metrics = service.metrics();
            assert!(
                metrics.sum("predictions_total") > 0.0,
                "an instance has scored nothing:\n{}",
                service.stderr()
            );
            assert_eq!(
                metrics.get("rebalances_total{kind=\"lost\"}"),
                Some(0.0),
                "{}",
                service.stderr()
            );
            assert_eq!(metrics.get("worker_restarts_total"), Some(0.0), "{}", service.stderr());
            aborted += metrics.get("transactions_aborted_total").unwrap();
        }
        // All at once: each leaves while the group rebalances because of the others.
        services.iter().for_each(Service::sigterm);
        services
            .into_iter()
            .for_each(|service| assert_eq!(service.wait_exit(), Some(0), "{}", service.stderr()));
    });
    wait_committed(kafka, &names, &[]);
    let duplicates = Delivered::of(kafka, &names).duplicates(&kafka.ends(&names.input));
    assert_eq!(duplicates, 0, "records scored twice though nothing failed");
    aborted
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Waits until each instance has partitions of its own, and all of them together have all ten.
fn share(services: &[Service]) {
    poll_until("the partitions to be shared", PATIENCE, || {
        let shares: Vec<_> = services.iter().map(Service::partitions).collect();
        let sum: usize = shares.iter().map(|share| share.len()).sum();
        let all: BTreeSet<_> = shares.iter().flatten().copied().collect();
        let fair = shares.iter().all(|share| !share.is_empty());
        if fair && sum == 10 && all.len() == 10 {
            Ok(())
        } else {
            Err(shares)
        }
    });
    services.iter().for_each(Service::wait_ready);
}

/// Rows in ten partitions, more than a service that is slowed down by [`SLOW`] scores in a few seconds.
pub fn backlog(kafka: &Kafka, names: &Names) -> Vec<i64> {
    kafka.create_topics(names);
    let records = (0..50_000).map(|number| Record::new(number % 10, None, row(number as usize)));
    let producer = Producer::new(kafka);
    records.for_each(|record| producer.send(&names.input, &record));
    producer.finish();
    vec![5000; 10]
}

/// A few thousand records a second: a short queue that lingers.
pub const SLOW: &[&str] = &[
    "kafka.producer.queue.buffering.max.messages=500",
    "kafka.producer.linger.ms=50",
];

pub fn wait_for_predictions(service: &Service) {
    poll_until("predictions", PATIENCE, || {
        match service.metrics().sum("predictions_total") {
            0.0 => Err(service.stderr()),
            some => Ok(some),
        }
    });
}

fn total(offsets: &[i64]) -> i64 {
    offsets.iter().sum()
}

/// However slow the machine is: a member that is taken for gone has its rows scored again.
const PATIENT: &str = "kafka.consumer.session.timeout.ms=45000";

#[test]
fn a_stop_in_mid_stream_loses_nothing_and_repeats_nothing() {
    let kafka = Kafka::shared();
    let names = Names::of("stop");
    let ends = backlog(kafka, &names);
    let service = Service::start(kafka, &names, &[SLOW, &[PATIENT]].concat());
    wait_for_predictions(&service);
    service.stop();
    let committed = kafka.committed(&names.group, &names.input, 10);
    assert!(
        (1..total(&ends)).contains(&total(&committed)),
        "not in mid-stream: {committed:?}"
    );
    assert_eq!(
        kafka.ends(&names.output),
        committed,
        "outputs at the end, and what is committed"
    );

    let service = Service::start(kafka, &names, &["workers.count=3", PATIENT]);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    assert_eq!(
        Delivered::of(kafka, &names).duplicates(&ends),
        0,
        "records scored twice though nothing failed"
    );
}

#[test]
fn a_kill_in_mid_stream_loses_nothing() {
    let (delivered, committed, ends) = kill("kill", AT_LEAST_ONCE);
    println!("{} records were scored twice", delivered.duplicates(&ends));
    for (times, &committed) in delivered.times.iter().zip(&committed) {
        let early = times.range(..committed).filter(|(_, times)| **times > 1).count();
        assert_eq!(
            early, 0,
            "records scored twice though they were committed before the crash"
        );
    }
}

#[test]
fn a_kill_in_mid_transaction_loses_nothing_and_repeats_nothing() {
    let (delivered, _, ends) = kill("kill-exactly", EXACTLY_ONCE);
    assert_eq!(delivered.duplicates(&ends), 0, "records scored twice");
}

/// An instance is killed in mid stream and another goes on. Returns what came out, what was committed at the kill, and
/// the ends of the input.
fn kill(test: &str, guarantee: &[&str]) -> (Delivered, Vec<i64>, Vec<i64>) {
    let kafka = Kafka::shared();
    let names = Names::of(test);
    let ends = backlog(kafka, &names);
    let service = Service::start(kafka, &names, &[guarantee, SLOW].concat());
    poll_until("a commit", PATIENCE, || {
        match total(&kafka.committed(&names.group, &names.input, 10)) {
            0 => Err(service.stderr()),
            some => Ok(some),
        }
    });
    service.kill();
    let committed = kafka.committed(&names.group, &names.input, 10);
    assert!(total(&committed) < total(&ends), "not in mid-stream: {committed:?}");

    let service = Service::start(kafka, &names, guarantee);
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    service.stop();
    (Delivered::of(kafka, &names), committed, ends)
}

#[test]
fn a_frozen_instance_loses_its_partitions_and_goes_on_when_it_wakes_up() {
    let (delivered, ends) = freeze("freeze", AT_LEAST_ONCE);
    println!("{} records were scored twice", delivered.duplicates(&ends));
}

#[test]
fn a_frozen_instance_commits_nothing_that_its_successor_commits() {
    let (delivered, ends) = freeze("freeze-exactly", EXACTLY_ONCE);
    assert_eq!(delivered.duplicates(&ends), 0, "records scored twice");
}

/// An instance is stopped for longer than its session in mid stream, another takes over, and both go on.
fn freeze(test: &str, guarantee: &[&str]) -> (Delivered, Vec<i64>) {
    let kafka = Kafka::shared();
    let names = Names::of(test);
    let ends = backlog(kafka, &names);
    let settings = [guarantee, SLOW].concat();
    let zombie = Service::start(kafka, &names, &settings);
    wait_for_predictions(&zombie);
    zombie.signal("STOP");
    let other = Service::start(kafka, &names, &settings);
    poll_until("the other instance to have all partitions", PATIENCE, || {
        match other.partitions().len() {
            10 => Ok(()),
            some => Err((some, other.stderr())),
        }
    });
    zombie.signal("CONT");
    share_two(&zombie, &other);
    wait_committed(kafka, &names, &[]);
    let metrics = zombie.metrics();
    assert_eq!(
        metrics.get("rebalances_total{kind=\"lost\"}"),
        Some(1.0),
        "{}",
        zombie.stderr()
    );
    assert_eq!(metrics.get("worker_restarts_total"), Some(0.0), "{}", zombie.stderr());
    zombie.stop();
    other.stop();
    (Delivered::of(kafka, &names), ends)
}

fn share_two(one: &Service, other: &Service) {
    poll_until("the partitions to be shared", PATIENCE, || {
        match (one.partitions().len(), other.partitions().len()) {
            (5, 5) => Ok(()),
            shares => Err((shares, one.stderr())),
        }
    });
}
