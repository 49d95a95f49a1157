//! Another model while the service runs.

use crate::cluster::{Cluster, Outcome, PATIENCE, Running, SEED, send};
use flight_delay_scorer::service::Ended;
use flight_delay_scorer::stream::header;
use rdkafka::producer::{BaseProducer, Producer};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A model that looks the day of the week up, and has none for Sunday.
const FAILS_ON_SUNDAY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/challenger/fails-on-sunday.onnx"
);

/// The file of the model that is served.
struct File {
    _directory: tempfile::TempDir,
    path: PathBuf,
    original: Vec<u8>,
}

impl File {
    fn new() -> File {
        let directory = tempfile::tempdir().unwrap();
        let original = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/airline-gbm.onnx")).unwrap();
        let file = File {
            path: directory.path().join("model.onnx"),
            _directory: directory,
            original,
        };
        file.write(&file.original);
        file
    }

    fn write(&self, onnx: &[u8]) {
        std::fs::write(&self.path, onnx).unwrap();
    }

    /// The original with a text in it replaced by another of the same length.
    fn with(&self, from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let at = self
            .original
            .windows(from.len())
            .position(|part| part == from.as_bytes());
        let at = at.unwrap_or_else(|| panic!("no {from} in the model"));
        [&self.original[..at], to.as_bytes(), &self.original[at + from.len()..]].concat()
    }
}

fn wait_for(service: &Running, metric: &str) {
    let started = Instant::now();
    while !service.metric(metric) {
        assert!(started.elapsed() < PATIENCE, "no {metric} in\n{}", service.scrape());
        std::thread::yield_now();
    }
}

fn model_of(outcome: &Outcome) -> String {
    let json: serde_json::Value = serde_json::from_slice(outcome.value.as_ref().unwrap()).unwrap();
    json["model"]["sha256"].as_str().unwrap().to_owned()
}

fn send_seed(producer: &BaseProducer) {
    send(producer, 0, None, Some(SEED.as_bytes()));
    producer.poll(Duration::from_millis(1));
}

#[test]
fn a_reload_takes_a_proven_model_and_refuses_any_other() {
    let file = File::new();
    let mut cluster = Cluster::start();
    cluster.config.model.path = file.path.clone();
    let topics = cluster.create_topics();
    let service = cluster.serve(&topics);
    let producer = cluster.producer();
    send_seed(&producer);
    let first = model_of(&cluster.outcomes(1)[0]);

    let refused = [
        file.original[..file.original.len() / 2].to_vec(),
        file.with("0.4319916897116479", "0.4419916897116479"),
        file.with("\"column\":\"Year\"", "\"column\":\"Yeer\""),
    ];
    for (number, onnx) in (1..).zip(&refused) {
        file.write(onnx);
        service.reload.request();
        wait_for(
            &service,
            &format!("flight_scorer_model_reloads_total{{result=\"refused\",role=\"champion\"}} {number}"),
        );
    }
    send_seed(&producer);
    assert_eq!(
        model_of(&cluster.outcomes(2)[1]),
        first,
        "the refused models changed nothing"
    );

    file.write(&file.original);
    service.reload.request();
    wait_for(
        &service,
        "flight_scorer_model_reloads_total{result=\"unchanged\",role=\"champion\"} 1",
    );
    file.write(&file.with("\"version\":\"1\"", "\"version\":\"2\""));
    service.reload.request();
    wait_for(
        &service,
        "flight_scorer_model_reloads_total{result=\"loaded\",role=\"champion\"} 1",
    );
    send_seed(&producer);
    let outcomes = cluster.outcomes(3);
    let second = model_of(&outcomes[2]);
    assert_ne!(second, first);
    assert!(service.scrape().lines().any(|line| {
        line.starts_with("flight_scorer_model_info{") && line.contains("version=\"2\"") && line.contains(&second)
    }));
    service.drain();
}

#[test]
fn a_row_on_which_the_model_fails_is_a_dead_letter_and_stops_nothing() {
    let mut cluster = Cluster::start();
    cluster.config.model.path = FAILS_ON_SUNDAY.into();
    let topics = cluster.create_topics();
    let producer = cluster.producer();
    let sunday = SEED.replacen(",14,3,", ",14,7,", 1);
    // One batch.
    for row in [SEED, &sunday, SEED, "no row", &sunday, SEED] {
        send(&producer, 0, None, Some(row.as_bytes()));
    }
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(10));
    }
    let service = cluster.serve(&topics);
    let outcomes = cluster.outcomes(6);
    let reasons = |topic: &str| -> Vec<_> {
        let of_topic = outcomes.iter().filter(|outcome| outcome.topic == topic);
        of_topic
            .map(|outcome| (outcome.source_offset(), outcome.header(header::REASON)))
            .collect()
    };
    assert_eq!(reasons(&topics.output.name), [(0, None), (2, None), (5, None)]);
    let letters = [
        (1, Some("model_failed")),
        (3, Some("row_width")),
        (4, Some("model_failed")),
    ];
    assert_eq!(reasons(&topics.dead_letter.name), letters);
    assert!(matches!(service.drain(), Ended::Drained(totals) if totals.predictions == 3 && totals.dead_letters == 3));
}

#[test]
fn a_challenger_publishes_nothing_and_harms_nothing() {
    let mut cluster = Cluster::start();
    cluster.config.model.challenger = FAILS_ON_SUNDAY.into();
    let topics = cluster.create_topics();
    let service = cluster.serve(&topics);
    let producer = cluster.producer();
    wait_for(
        &service,
        "flight_scorer_model_reloads_total{result=\"loaded\",role=\"challenger\"} 1",
    );
    send_seed(&producer);
    cluster.outcomes(1);
    wait_for(
        &service,
        "flight_scorer_challenger_rows_total{result=\"scored\",sha256=\"f6fab50dcdb8\"} 1",
    );

    let sunday = SEED.replacen(",14,3,", ",14,7,", 1);
    send(&producer, 0, None, Some(sunday.as_bytes()));
    cluster.outcomes(2);
    wait_for(
        &service,
        "flight_scorer_challenger_failures_total{sha256=\"f6fab50dcdb8\"} 1",
    );
    send_seed(&producer);
    let outcomes = cluster.outcomes(3);
    let first = model_of(&outcomes[0]);
    assert!(outcomes.iter().all(|outcome| model_of(outcome) == first));
    wait_for(
        &service,
        &format!(
            "flight_scorer_quality_verdicts_total{{role=\"champion\",sha256=\"{first}\",truth=\"positive\",verdict=\"positive\"}} 3"
        ),
    );
    assert!(service.metric("flight_scorer_challenger_rows_total{result=\"scored\",sha256=\"f6fab50dcdb8\"} 1"));
    assert!(matches!(service.drain(), Ended::Drained(totals) if totals.predictions == 3));
}

#[test]
fn a_challenger_that_cannot_be_loaded_is_done_without() {
    let mut cluster = Cluster::start();
    cluster.config.model.challenger = "no such file".into();
    let topics = cluster.create_topics();
    let service = cluster.serve(&topics);
    let producer = cluster.producer();
    send_seed(&producer);
    cluster.outcomes(1);
    wait_for(
        &service,
        "flight_scorer_model_reloads_total{result=\"refused\",role=\"challenger\"} 1",
    );
    assert!(matches!(service.drain(), Ended::Drained(totals) if totals.predictions == 1));
}
