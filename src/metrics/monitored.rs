//! The metrics of quality, drift and the challenger. They are made of a snapshot at each scrape.

use super::registered::opts;
use crate::lineup::Role;
use crate::monitoring::{Seen, Snapshot};
use crate::quality::{Confusion, Figures, Tally};
use prometheus::core::{Atomic, AtomicF64, AtomicU64, GenericCounterVec, Number};
use prometheus::{Error, GaugeVec, Registry};

/// The label values of `window`.
const TOTAL: &str = "total";
const SLIDING: &str = "sliding";

/// Registers everything that the snapshot tells.
pub fn register(registry: &Registry, snapshot: &Snapshot) -> Result<(), Error> {
    let add = Vectors(registry);
    quality_counters(&add, snapshot)?;
    quality_figures(&add, snapshot)?;
    drift(&add, snapshot)?;
    challenger(&add, snapshot)
}

/// What adds up over instances.
fn quality_counters(add: &Vectors<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    let scores = add.counters::<AtomicU64>(
        "quality_scores_total",
        "Scored rows that carried their truth, by bin of the positive label's probability (its upper bound) and by truth.",
        &["role", "sha256", "bin", "truth"],
    )?;
    let below = add.counters::<AtomicU64>(
        "quality_negatives_below_total",
        "Scored rows of negative truth in all lower bins.",
        &["role", "sha256", "bin"],
    )?;
    let verdicts = add.counters::<AtomicU64>(
        "quality_verdicts_total",
        "Scored rows that carried their truth, by verdict and truth: the confusion matrix.",
        &["role", "sha256", "verdict", "truth"],
    )?;
    let sums = add.counters::<AtomicF64>(
        "quality_score_sums_total",
        "Sum of the positive label's probability over scored rows that carried their truth, by tenth (its upper bound).",
        &["role", "sha256", "bin"],
    )?;
    let squared_error = add.counters::<AtomicF64>(
        "quality_squared_error_total",
        "Sum of squared errors of the positive label's probability; divided by rows, the Brier score.",
        &["role", "sha256"],
    )?;
    let log_loss = add.counters::<AtomicF64>(
        "quality_log_loss_total",
        "Sum of -ln of the probability given to what came true; divided by rows, the log loss.",
        &["role", "sha256"],
    )?;
    for seen in &snapshot.models {
        let (role, sha256) = names(seen);
        let tally = &seen.quality;
        for bin in tally.bins() {
            let upper = format!("{:.2}", bin.upper);
            for (truth, rows) in [("positive", bin.positives), ("negative", bin.negatives)] {
                scores.with_label_values(&[role, sha256, &upper, truth]).inc_by(rows);
            }
            below
                .with_label_values(&[role, sha256, &upper])
                .inc_by(bin.negatives_below);
        }
        for (upper, sum) in tally.score_sums() {
            let upper = format!("{upper:.2}");
            sums.with_label_values(&[role, sha256, &upper]).inc_by(sum);
        }
        for (verdict, truth, rows) in cells(tally.confusion()) {
            verdicts.with_label_values(&[role, sha256, verdict, truth]).inc_by(rows);
        }
        squared_error
            .with_label_values(&[role, sha256])
            .inc_by(tally.squared_error());
        log_loss.with_label_values(&[role, sha256]).inc_by(tally.log_loss());
    }
    Ok(())
}

fn cells(confusion: Confusion) -> [(&'static str, &'static str, u64); 4] {
    [
        ("positive", "positive", confusion.true_positives),
        ("positive", "negative", confusion.false_positives),
        ("negative", "positive", confusion.false_negatives),
        ("negative", "negative", confusion.true_negatives),
    ]
}

/// What this instance's rows say; figures of several instances do not add up.
fn quality_figures(add: &Vectors<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    type Read = fn(&Figures) -> Option<f64>;
    let figures: [(&str, &str, Read); 6] = [
        (
            "quality_auc",
            "Area under the ROC curve, of scores in 1,000 bins.",
            |figures| figures.auc.map(|auc| auc.value),
        ),
        (
            "quality_auc_bound",
            "How far the AUC can be from that of unbinned scores at most.",
            |figures| figures.auc.map(|auc| auc.bound),
        ),
        (
            "quality_brier_score",
            "Mean squared error of the positive label's probability.",
            |figures| Some(figures.brier),
        ),
        ("quality_mean_log_loss", "Log loss in nats.", |figures| {
            Some(figures.log_loss)
        }),
        (
            "quality_accuracy_ratio",
            "Share of verdicts that came true.",
            |figures| Some(figures.accuracy),
        ),
        (
            "quality_calibration_error_ratio",
            "Mean distance between probability and observed share over ten bins.",
            |figures| Some(figures.calibration_error),
        ),
    ];
    for (name, help, read) in figures {
        let gauges = add.gauges(name, help, &["role", "sha256", "window"])?;
        for seen in &snapshot.models {
            let (role, sha256) = names(seen);
            let tallies: [(&str, &Tally); 2] = [(TOTAL, &seen.quality), (SLIDING, &seen.recent_quality)];
            for (window, tally) in tallies {
                if let Some(value) = tally.figures().and_then(|figures| read(&figures)) {
                    gauges.with_label_values(&[role, sha256, window]).set(value);
                }
            }
        }
    }
    Ok(())
}

fn drift(add: &Vectors<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    let values = add.counters::<AtomicU64>(
        "drift_rows_total",
        "Rows given to the champion, by feature (or its score) and bin of values; in large batches every fourth row counts for four.",
        &["sha256", "feature", "bin"],
    )?;
    let expected = add.gauges(
        "drift_training_ratio",
        "Share of training rows, by feature (or score) and bin of values.",
        &["sha256", "feature", "bin"],
    )?;
    let index = add.gauges(
        "drift_psi",
        "Population stability index of the sliding window against training, by feature or for the score.",
        &["sha256", "feature"],
    )?;
    let unknown = add.counters::<AtomicU64>(
        "unknown_categories_total",
        "Values that training did not know, by column.",
        &["sha256", "column"],
    )?;
    for (seen, flights) in snapshot
        .models
        .iter()
        .filter_map(|seen| Some((seen, seen.flights.as_ref()?)))
    {
        let (_, sha256) = names(seen);
        for drift in &flights.drift {
            for bin in &drift.bins {
                let labels = [sha256, &drift.name, &bin.name];
                values.with_label_values(&labels).inc_by(bin.rows);
                expected.with_label_values(&labels).set(bin.expected);
            }
        }
        for drift in &flights.recent_drift {
            if let Some(psi) = drift.psi {
                index.with_label_values(&[sha256, &drift.name]).set(psi);
            }
        }
        for (column, count) in &flights.unknown {
            unknown.with_label_values(&[sha256, column.name()]).inc_by(*count);
        }
    }
    Ok(())
}

fn challenger(add: &Vectors<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    let rows = add.counters::<AtomicU64>(
        "challenger_rows_total",
        "Rows that the champion scored, by what the challenger made of them: scored or rejected.",
        &["sha256", "result"],
    )?;
    let failures = add.counters::<AtomicU64>(
        "challenger_failures_total",
        "Workers in which the challenger failed and was put aside until another takes its place.",
        &["sha256"],
    )?;
    let seconds = add.counters::<AtomicF64>(
        "challenger_seconds_total",
        "Time the workers spent on the challenger.",
        &["sha256"],
    )?;
    let agreement = add.gauges(
        "challenger_agreement_ratio",
        "Share of rows on which champion and challenger give the same verdict.",
        &["sha256", "window"],
    )?;
    let difference = add.gauges(
        "challenger_auc_difference",
        "AUC of the challenger less that of the champion on the same rows: the value, and its 95 % interval from low to high.",
        &["sha256", "window", "estimate"],
    )?;
    let challenger = snapshot.model(Role::Challenger);
    let Some((seen, compared)) = challenger.zip(snapshot.comparison.as_ref()) else {
        return Ok(());
    };
    let ((_, sha256), shadow) = (names(seen), compared.shadow);
    rows.with_label_values(&[sha256, "scored"]).inc_by(shadow.scored);
    rows.with_label_values(&[sha256, "rejected"]).inc_by(shadow.rejected);
    failures.with_label_values(&[sha256]).inc_by(shadow.failures);
    seconds.with_label_values(&[sha256]).inc_by(shadow.seconds);
    for (window, comparison) in [(TOTAL, &compared.total), (SLIDING, &compared.recent)] {
        let Some(figures) = comparison.figures() else {
            continue;
        };
        agreement.with_label_values(&[sha256, window]).set(figures.agreement);
        if let Some(found) = figures.auc_difference {
            for (estimate, value) in [("value", found.value), ("low", found.low), ("high", found.high)] {
                difference.with_label_values(&[sha256, window, estimate]).set(value);
            }
        }
    }
    Ok(())
}

fn names(seen: &Seen) -> (&'static str, &str) {
    (seen.role.name(), seen.model.short_sha256())
}

/// Makes vectors under the service's prefix and registers them.
struct Vectors<'r>(&'r Registry);

impl Vectors<'_> {
    fn counters<N: Atomic<T: Number> + 'static>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<GenericCounterVec<N>, Error> {
        let counters = GenericCounterVec::new(opts(name, help), labels)?;
        self.0.register(Box::new(counters.clone()))?;
        Ok(counters)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
        let gauges = GaugeVec::new(opts(name, help), labels)?;
        self.0.register(Box::new(gauges.clone()))?;
        Ok(gauges)
    }
}
