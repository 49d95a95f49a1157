//! Each record has its outcome, whoever fails.

use crate::cluster::{Cluster, Outcome, PARTITIONS, PATIENCE, SEED, TIMESTAMP, send};
use flight_delay_scorer::config::Guarantee;
use flight_delay_scorer::service::Ended;
use flight_delay_scorer::stream::header;
use rdkafka::producer::Producer;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Key, value, and what is expected to become of it.
type Input<'i> = (Option<&'i str>, Option<&'i [u8]>, &'static str);

#[test]
fn every_record_has_one_outcome_with_all_it_came_with() {
    let cluster = Cluster::start();
    let topics = cluster.create_topics();
    let service = cluster.serve(&topics);
    let producer = cluster.producer();
    let not_utf8 = [&SEED.as_bytes()[..46], b"\xe4", &SEED.as_bytes()[48..]].concat();
    let quoted = SEED.replacen("SAN", "\"SAN\"", 1);
    let inputs: [Input<'_>; 9] = [
        (Some("k"), Some(SEED.as_bytes()), "prediction"),
        (None, Some(quoted.as_bytes()), "prediction"),
        (Some("k"), Some(&not_utf8), "prediction"),
        (Some("gone"), None, "tombstone"),
        (None, None, "null_record"),
        (Some("k"), Some(b""), "empty"),
        (Some("k"), Some(b"1987,10,14"), "row_width"),
        (Some("k"), Some(b"1987,10,14,\"3"), "unclosed_quote"),
        (None, Some(&[b','; 70_000]), "too_large"),
    ];
    for partition in 0..PARTITIONS {
        for (key, value, _) in inputs {
            send(&producer, partition, key, value);
        }
    }

    for outcome in cluster.outcomes(inputs.len() * PARTITIONS as usize) {
        assert_eq!(outcome.timestamp, Some(TIMESTAMP));
        assert_eq!(outcome.headers[0], ("trace".to_owned(), b"abc".to_vec()));
        if outcome.value.is_none() && outcome.topic == topics.output.name {
            assert_eq!(outcome.key.as_deref(), Some(&b"gone"[..]));
            continue;
        }
        let (key, value, expected) = inputs[outcome.source_offset() as usize];
        assert_eq!(outcome.key.as_deref(), key.map(str::as_bytes));
        if expected == "prediction" {
            let json: serde_json::Value = serde_json::from_slice(outcome.value.as_ref().unwrap()).unwrap();
            assert_eq!(json["probabilities"]["YES"], 0.5680083102883521);
            assert_eq!(outcome.topic, topics.output.name);
        } else {
            assert_eq!(outcome.header(header::REASON), Some(expected));
            assert_eq!(
                outcome.header(header::PARTITION),
                Some(outcome.partition.to_string().as_str())
            );
            assert_eq!(outcome.header(header::TOPIC), Some(topics.input.name.as_str()));
            assert_eq!(outcome.value.as_deref(), value);
            assert_eq!(outcome.topic, topics.dead_letter.name);
        }
    }

    let totals = service.metrics.totals();
    let partitions = PARTITIONS as u64;
    assert_eq!(totals.consumed, 9 * partitions);
    assert_eq!(
        (totals.predictions, totals.tombstones, totals.dead_letters),
        (3 * partitions, partitions, 5 * partitions)
    );
    assert!(matches!(service.drain(), Ended::Drained(_)));
    assert_eq!(
        cluster.committed(),
        (0..PARTITIONS).map(|partition| (partition, 9)).collect()
    );
}

#[test]
fn a_second_instance_takes_partitions_over_and_nothing_is_lost_or_repeated() {
    const ROWS: i64 = 400;
    let cluster = Cluster::start();
    let topics = cluster.create_topics();
    let producer = cluster.producer();
    let send_rows = || (0..ROWS).for_each(|row| send(&producer, row as i32 % PARTITIONS, None, Some(SEED.as_bytes())));
    let first = cluster.serve(&topics);
    send_rows();
    cluster.outcomes(ROWS as usize);
    let second = cluster.serve(&topics);
    let started = Instant::now();
    while !second.metric("flight_scorer_rebalances_total{kind=\"assigned\"} 1") {
        assert!(started.elapsed() < PATIENCE, "the second instance got no partitions");
        producer.poll(Duration::from_millis(50));
    }
    send_rows();
    let outcomes = cluster.outcomes(2 * ROWS as usize);
    assert!(second.metrics.totals().consumed > 0);
    assert!(matches!(second.drain(), Ended::Drained(_)));
    assert!(matches!(first.drain(), Ended::Drained(_)));
    assert_eq!(cluster.committed().values().sum::<i64>(), 2 * ROWS);
    assert_in_order_and_once(&outcomes, 2 * ROWS);
}

#[test]
fn a_commit_that_fails_in_passing_is_made_later() {
    let cluster = Cluster::start();
    let topics = cluster.create_topics();
    let errors = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
    ];
    cluster.kafka.fail_next(RDKafkaApiKey::OffsetCommit, &errors).unwrap();
    let service = cluster.serve(&topics);
    let producer = cluster.producer();
    send(&producer, 0, None, Some(SEED.as_bytes()));
    cluster.outcomes(1);
    let started = Instant::now();
    while cluster.committed() != BTreeMap::from([(0, 1)]) {
        assert!(started.elapsed() < PATIENCE, "{:?}", cluster.committed());
    }
    assert!(matches!(service.drain(), Ended::Drained(_)));
    assert_eq!(cluster.outcomes(1).len(), 1);
}

#[test]
fn a_record_that_is_not_delivered_is_scored_again_by_the_next_worker() {
    let cluster = Cluster::start();
    let topics = cluster.create_topics();
    let producer = cluster.producer();
    for partition in 0..PARTITIONS {
        send(&producer, partition, None, Some(SEED.as_bytes()));
    }
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(10));
    }
    // Not to be tried again by the producer: the worker is built again, and reads from the last commit.
    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN];
    cluster.kafka.fail_next(RDKafkaApiKey::Produce, &refused).unwrap();
    let service = cluster.serve(&topics);
    cluster.outcomes_in_every_partition();
    let started = Instant::now();
    let committed = || cluster.committed().values().sum::<i64>();
    while committed() < i64::from(PARTITIONS) {
        assert!(started.elapsed() < PATIENCE, "{}", committed());
    }
    assert!(service.metric("flight_scorer_worker_restarts_total 1"));
    assert!(matches!(service.drain(), Ended::Drained(_)));
}

/// What became of a service that met an error in a transaction.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// The same call again.
    Retried,
    /// Aborted, and its records read again.
    Aborted,
    /// A new worker with a new producer.
    Rebuilt,
    /// The end of the service, with the reason.
    Ended,
}

#[test]
fn every_error_in_a_transaction_leads_where_its_kind_leads() {
    use RDKafkaApiKey as Request;
    use RDKafkaRespErr as Error;
    let cases = [
        (
            Request::InitProducerId,
            Error::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            Fate::Retried,
        ),
        (
            Request::InitProducerId,
            Error::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
            Fate::Retried,
        ),
        (
            Request::AddPartitionsToTxn,
            Error::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
            Fate::Retried,
        ),
        (
            Request::AddOffsetsToTxn,
            Error::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            Fate::Retried,
        ),
        (
            Request::TxnOffsetCommit,
            Error::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            Fate::Retried,
        ),
        (
            Request::EndTxn,
            Error::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            Fate::Retried,
        ),
        (
            Request::TxnOffsetCommit,
            Error::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            Fate::Aborted,
        ),
        (
            Request::TxnOffsetCommit,
            Error::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            Fate::Aborted,
        ),
        (Request::Produce, Error::RD_KAFKA_RESP_ERR_UNKNOWN, Fate::Aborted),
        (
            Request::AddPartitionsToTxn,
            Error::RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
            Fate::Rebuilt,
        ),
        (
            Request::AddOffsetsToTxn,
            Error::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
            Fate::Rebuilt,
        ),
        (Request::EndTxn, Error::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, Fate::Rebuilt),
        (
            Request::TxnOffsetCommit,
            Error::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            Fate::Ended,
        ),
        (
            Request::AddPartitionsToTxn,
            Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            Fate::Ended,
        ),
        (
            Request::InitProducerId,
            Error::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            Fate::Ended,
        ),
    ];
    for (request, error, expected) in cases {
        let mut cluster = Cluster::start();
        cluster.config.delivery.guarantee = Guarantee::ExactlyOnce;
        // Rights that are missing are not waited for.
        cluster.config.kafka.startup_timeout = Duration::ZERO;
        let topics = cluster.create_topics();
        let producer = cluster.producer();
        for partition in 0..PARTITIONS {
            send(&producer, partition, None, Some(SEED.as_bytes()));
        }
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::from_millis(10));
        }
        cluster.kafka.fail_next(request, &[error]).unwrap();
        let service = cluster.serve(&topics);
        let case = format!("{request:?} answered with {error:?}");
        println!("{case}");
        if expected == Fate::Ended {
            let started = Instant::now();
            while !service.thread.is_finished() {
                assert!(started.elapsed() < PATIENCE, "{case}: goes on\n{}", service.scrape());
                std::thread::yield_now();
            }
            let ended = service.thread.join().unwrap();
            assert!(matches!(ended, Ended::Refused(_)), "{case}: {ended:?}");
            continue;
        }
        // This Kafka knows transactions by name only: what was aborted can be read all the same.
        cluster.outcomes_in_every_partition();
        let metric = |name: &str| !service.metric(&format!("flight_scorer_{name}_total 0"));
        let started = Instant::now();
        while service.metric("flight_scorer_checkpoint_duration_seconds_count 0")
            || match expected {
                Fate::Aborted => !metric("transactions_aborted"),
                Fate::Rebuilt => !metric("worker_restarts"),
                _ => false,
            }
        {
            assert!(
                started.elapsed() < PATIENCE,
                "{case}: not {expected:?}\n{}",
                service.scrape()
            );
            std::thread::yield_now();
        }
        let (aborted, rebuilt) = (metric("transactions_aborted"), metric("worker_restarts"));
        let fate = match (aborted, rebuilt) {
            (false, false) => Fate::Retried,
            (true, false) => Fate::Aborted,
            _ => Fate::Rebuilt,
        };
        assert_eq!(fate, expected, "{case}");
        assert!(matches!(service.drain(), Ended::Drained(_)), "{case}");
    }
}

#[test]
fn a_drain_and_a_second_start_lose_nothing_and_repeat_nothing() {
    const ROWS: usize = 6_000;
    // However slow the machine is: a member that is taken for gone has its rows scored again.
    let cluster = Cluster::with_session_timeout("30000");
    let topics = cluster.create_topics();
    let producer = cluster.producer();
    for row in 0..ROWS {
        send(&producer, row as i32 % PARTITIONS, None, Some(SEED.as_bytes()));
    }
    let first = cluster.serve(&topics);
    cluster.outcomes(1);
    assert!(matches!(first.drain(), Ended::Drained(_)));
    let drained: i64 = cluster.committed().values().sum();
    let second = cluster.serve(&topics);
    let outcomes = cluster.outcomes(ROWS);
    assert!(matches!(second.drain(), Ended::Drained(_)));
    assert_eq!(
        cluster.committed().values().sum::<i64>(),
        ROWS as i64,
        "the first run had committed {drained}"
    );
    assert_in_order_and_once(&outcomes, ROWS as i64);
}

/// `rows` were sent, to one partition after the other.
fn assert_in_order_and_once(outcomes: &[Outcome], rows: i64) {
    for partition in 0..PARTITIONS {
        let of_partition = outcomes.iter().filter(|outcome| outcome.partition == partition);
        let offsets: Vec<i64> = of_partition.map(Outcome::source_offset).collect();
        assert_eq!(offsets, (0..rows / i64::from(PARTITIONS)).collect::<Vec<_>>());
    }
}
