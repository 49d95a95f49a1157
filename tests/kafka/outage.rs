//! Brokers that are gone, or do not answer.

use crate::group::{Delivered, SLOW, backlog, wait_for_predictions};
use crate::support::kafka::{Kafka, Names};
use crate::support::records::Record;
use crate::support::rows::SEED;
use crate::support::service::Service;
use crate::support::{PATIENCE, poll_until};
use crate::wait_committed;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// A broker for one test at a time, which may do to it what it likes.
fn broker() -> MutexGuard<'static, Kafka> {
    static BROKER: OnceLock<Mutex<Kafka>> = OnceLock::new();
    let broker = BROKER.get_or_init(|| Mutex::new(Kafka::start(&[])));
    broker.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_ready_because(service: &Service, why: &str) {
    poll_until("the service to be not ready", PATIENCE, || {
        service.assert_running();
        match service.get("/health/ready") {
            (503, body) if body.contains(why) => Ok(()),
            other => Err(other),
        }
    });
    assert_eq!(service.get("/health/live").0, 200, "{}", service.stderr());
}

#[test]
fn without_brokers_the_service_lives_is_not_ready_and_comes_back_by_itself() {
    let kafka = &*broker();
    let services: Vec<_> = ["at_least_once", "exactly_once"]
        .iter()
        .map(|guarantee| {
            let names = Names::of(&format!("outage-{guarantee}"));
            kafka.create_topics(&names);
            let service = Service::start_ready(kafka, &names, &[&format!("delivery.guarantee={guarantee}")]);
            (names, service)
        })
        .collect();
    kafka.signal(1, "KILL");
    for (_, service) in &services {
        not_ready_because(service, "no broker can be reached");
    }
    kafka.revive();
    for (names, service) in &services {
        service.wait_ready();
        kafka.produce(&names.input, &[Record::new(3, None, SEED)]);
        wait_committed(kafka, names, std::slice::from_ref(service));
    }
    for (names, service) in services {
        service.stop();
        assert_eq!(kafka.read(&names.output)[3].len(), 1);
    }
}

#[test]
fn a_stop_that_cannot_finish_ends_with_its_grace_or_a_second_signal_and_says_what_is_left() {
    let kafka = &*broker();
    let start = |test: &str, grace: &str| {
        let names = Names::of(test);
        backlog(kafka, &names);
        let grace = format!("shutdown.grace={grace}");
        let service = Service::start(
            kafka,
            &names,
            &[SLOW, &[&grace, "delivery.checkpoint_interval=1h"]].concat(),
        );
        wait_for_predictions(&service);
        service
    };
    let (short, long) = (start("short-grace", "1s"), start("long-grace", "1h"));
    kafka.signal(1, "STOP");
    for service in [&short, &long] {
        service.sigterm();
    }
    not_ready_because(&long, "the service is stopping");
    assert_eq!(short.wait_exit(), Some(6), "{}", short.stderr());
    long.assert_running();
    long.sigterm();
    assert_eq!(long.wait_exit(), Some(6), "{}", long.stderr());
    kafka.signal(1, "CONT");
    for service in [&short, &long] {
        let receipt = service.logged("stopped").expect("a receipt");
        let left = receipt["not_committed"].as_u64().unwrap();
        assert!(left > 0, "{receipt}");
        let log = service.stderr();
        let last = log.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("error: ") && last.contains(&format!("leaves {left} records")),
            "{log}"
        );
    }
}

#[test]
fn an_aborted_transaction_is_read_again_from_its_first_record() {
    let kafka = &*broker();
    let names = Names::of("abort");
    let ends = backlog(kafka, &names);
    let settings = [
        "delivery.guarantee=exactly_once",
        // Long enough that the broker stops in the middle of a transaction and not of its commit.
        "delivery.checkpoint_interval=3s",
        "kafka.producer.message.timeout.ms=1000",
        "kafka.consumer.session.timeout.ms=45000",
    ];
    let settings = [&settings, SLOW].concat();
    let service = Service::start(kafka, &names, &settings);
    wait_for_predictions(&service);
    // What was sent is not acknowledged in time, and may be in the log all the same.
    kafka.signal(1, "STOP");
    poll_until("the end of the transaction", PATIENCE, || {
        service
            .logged("the transaction is aborted, its records are read again")
            .ok_or_else(|| service.stderr())
    });
    kafka.signal(1, "CONT");
    wait_committed(kafka, &names, std::slice::from_ref(&service));
    let metrics = service.metrics();
    assert_eq!(
        metrics.get("transactions_aborted_total"),
        Some(1.0),
        "{}",
        service.stderr()
    );
    assert_eq!(metrics.get("worker_restarts_total"), Some(0.0), "{}", service.stderr());
    service.stop();
    assert_eq!(
        Delivered::of(kafka, &names).duplicates(&ends),
        0,
        "records scored twice"
    );
}
