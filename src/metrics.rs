//! All metrics: names, help texts, units and buckets. Callers say what happened, this file says how it counts.

mod monitored;
mod registered;

use crate::lineup::{Lineup, Offered, Role};
use crate::monitoring::Snapshot;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};
use registered::Registered;
use std::time::Duration;

/// From half a millisecond to a minute: an idle linger up to a backlog.
const LATENCY_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];
/// From ten microseconds, a batch of one row, to a second.
const STAGE_SECONDS: &[f64] = &[
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1, 1.0,
];
const BATCH_RECORDS: &[f64] = &[1.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1024.0];

/// A step of a batch, as a label of the stage durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From the first record of a batch to its last.
    Poll,
    /// Split, encode the features, run the model.
    Score,
    /// Encode the outputs and hand them to the producer.
    Produce,
}

impl Stage {
    const ALL: [(Stage, &'static str); 3] = [
        (Stage::Poll, "poll"),
        (Stage::Score, "score"),
        (Stage::Produce, "produce"),
    ];
}

/// What a rebalance did to this instance's partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebalance {
    Assigned,
    Revoked,
    /// Taken away without a chance for a last checkpoint.
    Lost,
}

impl Rebalance {
    const ALL: [(Rebalance, &'static str); 3] = [
        (Rebalance::Assigned, "assigned"),
        (Rebalance::Revoked, "revoked"),
        (Rebalance::Lost, "lost"),
    ];
}

/// The service's metrics. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    records_consumed: IntCounter,
    predictions: IntCounterVec,
    dead_letters: IntCounterVec,
    dead_letters_truncated: IntCounter,
    tombstones: IntCounter,
    timestamps_replaced: IntCounter,
    offset_resets: IntCounter,
    batch_records: Histogram,
    stage_seconds: HistogramVec,
    checkpoint_seconds: Histogram,
    checkpoint_failures: IntCounter,
    transactions_aborted: IntCounter,
    checkpoint_age: Gauge,
    end_to_end_seconds: Histogram,
    lag: IntGaugeVec,
    partitions_assigned: IntGauge,
    rebalances: IntCounterVec,
    worker_restarts: IntCounter,
    ready: IntGauge,
    memory_budget: IntGauge,
    model_info: IntGaugeVec,
    model_kernel: IntGaugeVec,
    model_reloads: IntCounterVec,
}

impl Metrics {
    /// Registers everything, with a zero for each value of a closed label set.
    ///
    /// `labels` are the model's, `dead_letter_reasons` the closed set of reasons.
    pub fn new(labels: &[String], dead_letter_reasons: &[&str]) -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let add = Registered(&registry);
        let metrics = Metrics {
            records_consumed: add.counter("records_consumed_total", "Records read from the input topic.")?,
            predictions: add.counters("predictions_total", "Predictions produced, by label.", "label", labels)?,
            dead_letters: add.counters(
                "dead_letters_total",
                "Records that could not be scored and went to the dead letter topic, by reason.",
                "reason",
                dead_letter_reasons,
            )?,
            dead_letters_truncated: add.counter(
                "dead_letters_truncated_total",
                "Dead letters without their value, because the dead letter topic does not take that much.",
            )?,
            tombstones: add.counter(
                "tombstones_total",
                "Records with a key and no value, passed on as they are.",
            )?,
            timestamps_replaced: add.counter(
                "timestamps_replaced_total",
                "Records whose timestamp the target topic would refuse and that carry the current time instead.",
            )?,
            offset_resets: add.counter(
                "offset_resets_total",
                "Positions that were out of the log's range and were reset by auto.offset.reset.",
            )?,
            batch_records: add.histogram("batch_records", "Records in a batch.", BATCH_RECORDS)?,
            stage_seconds: add.histograms(
                "stage_duration_seconds",
                "Time a batch spends in a stage.",
                STAGE_SECONDS,
                "stage",
                &Stage::ALL.map(|(_, name)| name),
            )?,
            checkpoint_seconds: add.histogram(
                "checkpoint_duration_seconds",
                "Time of a checkpoint: all outputs acknowledged and the offsets committed.",
                LATENCY_SECONDS,
            )?,
            checkpoint_failures: add.counter(
                "checkpoint_failures_total",
                "Checkpoints that failed and moved no offset.",
            )?,
            transactions_aborted: add.counter(
                "transactions_aborted_total",
                "Transactions that were aborted; their records were read and scored again.",
            )?,
            checkpoint_age: add.gauge(
                "checkpoint_age_seconds",
                "Time since the oldest of the workers' last checkpoints.",
            )?,
            end_to_end_seconds: add.histogram(
                "end_to_end_latency_seconds",
                "From the timestamp of a batch's oldest record until as many outputs are acknowledged as were sent up to the batch's end, or to the commit of its transaction.",
                LATENCY_SECONDS,
            )?,
            lag: add.int_gauges(
                "consumer_lag_records",
                "Records between the end of an owned partition and the next to be processed.",
                &["topic", "partition"],
            )?,
            partitions_assigned: add.int_gauge(
                "partitions_assigned",
                "Partitions of the input topic this instance owns.",
            )?,
            rebalances: add.counters(
                "rebalances_total",
                "Rebalances that changed this instance's partitions, by what they did.",
                "kind",
                &Rebalance::ALL.map(|(_, name)| name),
            )?,
            worker_restarts: add.counter("worker_restarts_total", "Workers that failed and were built again.")?,
            ready: add.int_gauge("ready", "1 when /health/ready answers 200.")?,
            memory_budget: add.int_gauge(
                "memory_budget_bytes",
                "Memory that the process keeps within: the setting memory.limit, or its container's limit.",
            )?,
            model_info: add.int_gauges(
                "model_info",
                "The models in service, by role: champion or challenger; always 1.",
                &["role", "name", "version", "sha256"],
            )?,
            model_kernel: add.int_gauges(
                "model_kernel",
                "1 where a fast kernel evaluates the model's trees, 0 where they have none: the scores are the same, and take many times as long.",
                &["role"],
            )?,
            model_reloads: add.counter_table(
                "model_reloads_total",
                "Models that were offered after the start or as a challenger, by role and by what became of them: loaded, unchanged or refused.",
                ["role", "result"],
                [&Role::ALL.map(Role::name), &["loaded", "unchanged", "refused"]],
            )?,
            registry: registry.clone(),
        };
        let build_info = add.int_gauges("build_info", "The running version; always 1.", &["version"])?;
        build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    pub fn keeps_within(&self, memory_bytes: u64) {
        self.memory_budget.set(memory_bytes.try_into().unwrap_or(i64::MAX));
    }

    pub fn serves_models(&self, lineup: &Lineup) {
        self.model_info.reset();
        self.model_kernel.reset();
        for role in Role::ALL {
            let Some(model) = lineup.model(role) else {
                continue;
            };
            let metadata = model.metadata();
            self.model_info
                .with_label_values(&[role.name(), &metadata.name, &metadata.version, model.sha256()])
                .set(1);
            self.model_kernel
                .with_label_values(&[role.name()])
                .set(i64::from(model.no_kernel().is_none()));
        }
        for label in &lineup.champion.metadata().labels {
            self.predictions.with_label_values(&[label]);
        }
    }

    pub fn offered_model(&self, role: Role, offered: &Offered) {
        let result = match offered {
            Offered::Taken(_) => "loaded",
            Offered::Unchanged => "unchanged",
            Offered::Refused(_) => "refused",
        };
        self.model_reloads.with_label_values(&[role.name(), result]).inc();
    }

    pub fn consumed_batch(&self, records: usize) {
        self.records_consumed.inc_by(records as u64);
        self.batch_records.observe(records as f64);
    }

    pub fn spent(&self, stage: Stage, time: Duration) {
        let name = name_of(&Stage::ALL, stage);
        self.stage_seconds
            .with_label_values(&[name])
            .observe(time.as_secs_f64());
    }

    pub fn predicted(&self, label: &str, count: u64) {
        self.predictions.with_label_values(&[label]).inc_by(count);
    }

    pub fn dead_lettered(&self, reason: &str) {
        self.dead_letters.with_label_values(&[reason]).inc();
    }

    pub fn truncated_dead_letter(&self) {
        self.dead_letters_truncated.inc();
    }

    pub fn passed_tombstone(&self) {
        self.tombstones.inc();
    }

    pub fn replaced_timestamp(&self) {
        self.timestamps_replaced.inc();
    }

    pub fn reset_offset(&self) {
        self.offset_resets.inc();
    }

    pub fn answered_batch(&self, latency: Duration) {
        self.end_to_end_seconds.observe(latency.as_secs_f64());
    }

    pub fn checkpointed(&self, time: Duration) {
        self.checkpoint_seconds.observe(time.as_secs_f64());
    }

    pub fn failed_checkpoint(&self) {
        self.checkpoint_failures.inc();
    }

    pub fn aborted_transaction(&self) {
        self.transactions_aborted.inc();
    }

    pub fn lags(&self, topic: &str, partition: i32, records: i64) {
        self.lag
            .with_label_values(&[topic, &partition.to_string()])
            .set(records);
    }

    pub fn owns_no_more(&self, topic: &str, partition: i32) {
        // An error means that no lag of this partition was ever known.
        let _ = self.lag.remove_label_values(&[topic, &partition.to_string()]);
    }

    pub fn rebalanced(&self, kind: Rebalance) {
        self.rebalances
            .with_label_values(&[name_of(&Rebalance::ALL, kind)])
            .inc();
    }

    pub fn restarted_worker(&self) {
        self.worker_restarts.inc();
    }

    /// All metrics in the Prometheus text format, those of the snapshot among them.
    pub fn render(&self, now: &Now, monitored: Option<&Snapshot>) -> Result<Vec<u8>, prometheus::Error> {
        self.checkpoint_age.set(now.checkpoint_age.as_secs_f64());
        self.partitions_assigned.set(now.partitions as i64);
        self.ready.set(now.ready.into());
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        if let Some(snapshot) = monitored {
            let registry = Registry::new();
            monitored::register(&registry, snapshot)?;
            TextEncoder::new().encode(&registry.gather(), &mut text)?;
        }
        Ok(text)
    }

    pub fn totals(&self) -> Totals {
        let sum = |counters: &IntCounterVec| {
            let families = counters.collect();
            let metrics = families.iter().flat_map(|family| family.get_metric());
            metrics.map(|metric| metric.get_counter().get_value() as u64).sum()
        };
        Totals {
            consumed: self.records_consumed.get(),
            predictions: sum(&self.predictions),
            dead_letters: sum(&self.dead_letters),
            tombstones: self.tombstones.get(),
        }
    }
}

/// What is true at the time of a scrape, rather than counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Now {
    /// Since the oldest of the workers' last checkpoints.
    pub checkpoint_age: Duration,
    /// Partitions owned by all workers together.
    pub partitions: usize,
    pub ready: bool,
}

/// What went through since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    pub consumed: u64,
    pub predictions: u64,
    pub dead_letters: u64,
    pub tombstones: u64,
}

fn name_of<T: PartialEq>(names: &[(T, &'static str)], value: T) -> &'static str {
    names
        .iter()
        .find(|(known, _)| *known == value)
        .map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineup::Served;
    use crate::model::Model;
    use std::sync::Arc;

    fn metrics() -> Metrics {
        Metrics::new(&["NO".into(), "YES".into()], &["empty", "row_width"]).unwrap()
    }

    #[test]
    fn every_series_of_a_closed_set_starts_at_zero() {
        let text = String::from_utf8(metrics().render(&Now::default(), None).unwrap()).unwrap();
        for line in [
            "flight_scorer_predictions_total{label=\"YES\"} 0",
            "flight_scorer_dead_letters_total{reason=\"row_width\"} 0",
            "flight_scorer_rebalances_total{kind=\"lost\"} 0",
            "flight_scorer_stage_duration_seconds_count{stage=\"score\"} 0",
            "flight_scorer_ready 0",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
        assert!(text.contains("process_resident_memory_bytes"));
    }

    #[test]
    fn a_model_with_a_kernel_is_told_apart() {
        let metrics = metrics();
        metrics.serves_models(&Served::new(Arc::new(Model::embedded().unwrap())).lineup());
        let text = String::from_utf8(metrics.render(&Now::default(), None).unwrap()).unwrap();
        assert!(text.contains("\nflight_scorer_model_kernel{role=\"champion\"} 1\n"));
    }

    #[test]
    fn the_pages_have_every_metric_with_its_help() {
        let metrics = metrics();
        metrics.lags("In", 0, 0);
        metrics.serves_models(&Served::new(Arc::new(Model::embedded().unwrap())).lineup());
        let monitored = Registry::new();
        monitored::register(&monitored, &crate::monitoring::tests::sample_against_itself()).unwrap();
        let pages = [include_str!("../README.md"), include_str!("../docs/monitoring.md")].concat();
        for family in metrics.registry.gather().into_iter().chain(monitored.gather()) {
            if family.name().starts_with("flight_scorer_") {
                let row = pages
                    .lines()
                    .find(|line| line.starts_with(&format!("| `{}` |", family.name())));
                assert!(
                    row.is_some_and(|row| row.contains(family.help())),
                    "{}: {}",
                    family.name(),
                    family.help()
                );
            }
        }
    }

    #[test]
    fn totals_add_up_labels() {
        let metrics = metrics();
        metrics.consumed_batch(6);
        metrics.predicted("YES", 2);
        metrics.predicted("NO", 1);
        metrics.dead_lettered("empty");
        metrics.passed_tombstone();
        let totals = metrics.totals();
        assert_eq!((totals.consumed, totals.predictions), (6, 3));
        assert_eq!((totals.dead_letters, totals.tombstones), (1, 1));
    }

    #[test]
    fn a_partition_that_is_gone_has_no_lag() {
        let metrics = metrics();
        metrics.lags("In", 3, 17);
        let text = |m: &Metrics| String::from_utf8(m.render(&Now::default(), None).unwrap()).unwrap();
        assert!(text(&metrics).contains("flight_scorer_consumer_lag_records{partition=\"3\",topic=\"In\"} 17"));
        metrics.owns_no_more("In", 3);
        assert!(!text(&metrics).contains("partition=\"3\""));
    }
}
