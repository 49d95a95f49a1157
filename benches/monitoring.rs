//! What it costs to watch quality and drift, by row: batches of 1,024 rows of the bundled sample, with the features
//! and scores of the shipped model.
//!
//! `cargo bench --bench monitoring`. A figure for a batch, divided by 1,024, is that of a row, and so is the inverse
//! of its rate of items. No benchmark may allocate: no line of allocations is shown below a benchmark's.

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use flight_delay_scorer::drift::{Counts, Reference};
use flight_delay_scorer::flight::RowReader;
use flight_delay_scorer::model::{Features, Model};
use flight_delay_scorer::quality::{Comparison, Sliding, Tally, Verdict};
use flight_delay_scorer::sample;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const ROWS: usize = 1_024;

fn main() {
    divan::main();
}

/// Rows with their features, scores, verdicts and truth.
struct Batch {
    reference: Reference,
    features: Vec<f64>,
    scores: Vec<(Verdict, bool)>,
}

impl Batch {
    fn new() -> Batch {
        let model = Arc::new(Model::embedded().expect("the embedded model is proven"));
        let mut scorer = model.scorer().expect("the embedded model runs");
        let mut reader = RowReader::default();
        for row in sample::rows() {
            if scorer.len() < ROWS
                && let Ok(row) = reader.read(row.as_bytes())
            {
                // A row that is broken on purpose is left out.
                let _ = scorer.push(&row);
            }
        }
        assert_eq!(scorer.len(), ROWS);
        let Features::F64(features) = scorer.features() else {
            panic!("the embedded model is one of doubles");
        };
        let features = features.to_vec();
        let predictions = scorer.score().expect("the embedded model scores");
        let verdicts = predictions.iter().map(|prediction| Verdict {
            score: prediction.positive().to_f64(),
            positive: prediction.is_positive(),
        });
        // Whatever the truth is, it must not be easy to foresee.
        let scores = (1u64..).zip(verdicts).map(|(number, verdict)| {
            let random = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1 << 24) as f64;
            (verdict, random < verdict.score)
        });
        Batch {
            reference: Reference::new(model.metadata()).expect("the embedded model has a profile"),
            features,
            scores: scores.collect(),
        }
    }

    fn count_quality(&self, tally: &mut Tally) {
        for &(verdict, truth) in &self.scores {
            tally.observe(verdict.score, verdict.positive, truth);
        }
    }

    fn count_scores(&self, counts: &mut Counts) {
        for (verdict, _) in &self.scores {
            self.reference.observe_score(verdict.score, counts);
        }
    }
}

#[divan::bench]
fn quality(bencher: Bencher) {
    let batch = Batch::new();
    let mut tally = Tally::default();
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| batch.count_quality(&mut tally));
}

#[divan::bench]
fn drift_of_features(bencher: Bencher) {
    let batch = Batch::new();
    let mut counts = Counts::default();
    let features = Features::F64(&batch.features);
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| batch.reference.observe(features, &mut counts));
}

#[divan::bench]
fn drift_of_scores(bencher: Bencher) {
    let batch = Batch::new();
    let mut counts = Counts::default();
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| batch.count_scores(&mut counts));
}

/// All that a row costs where monitoring is on, in the slots of an hour.
#[divan::bench]
fn quality_and_drift(bencher: Bencher) {
    let batch = Batch::new();
    let window = Duration::from_secs(3_600);
    let (mut quality, mut drift) = (Sliding::<Tally>::new(window), Sliding::new(window));
    let mut count = || {
        let now = Instant::now();
        let (tally, counts) = (quality.current(now), drift.current(now));
        batch.reference.observe(Features::F64(&batch.features), counts);
        for &(verdict, truth) in &batch.scores {
            tally.observe(verdict.score, verdict.positive, truth);
            batch.reference.observe_score(verdict.score, counts);
        }
    };
    // A new slot is what allocates, every five minutes.
    count();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(count);
}

/// What a challenger adds to its own scoring.
#[divan::bench]
fn comparison(bencher: Bencher) {
    let batch = Batch::new();
    let mut comparison = Comparison::default();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        for &(verdict, truth) in &batch.scores {
            let other = Verdict {
                score: 1.0 - verdict.score,
                positive: !verdict.positive,
            };
            comparison.observe(verdict, other, Some(truth));
        }
    });
}
