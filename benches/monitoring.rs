//! What it costs to watch quality and drift, by row: batches of 1,024 rows of the bundled sample, with the features
//! and scores of the shipped model.
//!
//! `cargo bench --bench monitoring`. A figure for a batch, divided by 1,024, is that of a row, and so is the inverse
//! of its rate of items. No benchmark may allocate: no line of allocations is shown below a benchmark's.

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use flight_delay_scorer::drift::{Counts, Reference};
use flight_delay_scorer::flight::{Row, RowReader};
use flight_delay_scorer::lineup::Lineup;
use flight_delay_scorer::model::{Features, Model, Scorer};
use flight_delay_scorer::monitoring::{Monitors, Observer};
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

/// A row stays as long as its reader.
fn readers() -> Vec<RowReader> {
    // Some rows are broken on purpose.
    std::iter::repeat_with(RowReader::default).take(ROWS + 10).collect()
}

/// Gives the scorer the first rows of the sample that can be scored.
fn push_rows<'r>(readers: &'r mut [RowReader], scorer: &mut Scorer) -> Vec<Row<'r>> {
    let read = |(row, reader): (&'static str, &'r mut RowReader)| {
        let row = reader.read(row.as_bytes()).ok()?;
        scorer.push(&row).ok()?;
        Some(row)
    };
    let rows: Vec<_> = sample::rows().zip(readers).filter_map(read).take(ROWS).collect();
    assert_eq!(rows.len(), ROWS);
    rows
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
        push_rows(&mut readers(), &mut scorer);
        let predictions = scorer.score().expect("the embedded model scores");
        let Features::F64(features) = predictions.features() else {
            panic!("the embedded model is one of doubles");
        };
        let features = features.to_vec();
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

    fn count_drift(&self, counts: &mut Counts) {
        let score = |row: usize| self.scores[row].0.score;
        self.reference.observe(Features::F64(&self.features), score, counts);
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
fn drift(bencher: Bencher) {
    let batch = Batch::new();
    let mut counts = Counts::default();
    // The first rows allocate the counts.
    batch.count_drift(&mut counts);
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| batch.count_drift(&mut counts));
}

/// The counting of a row where monitoring is on, in the slots of an hour.
#[divan::bench]
fn quality_and_drift(bencher: Bencher) {
    let batch = Batch::new();
    let window = Duration::from_secs(3_600);
    let (mut quality, mut drift) = (Sliding::<Tally>::new(window), Sliding::new(window));
    let mut count = || {
        let now = Instant::now();
        batch.count_drift(drift.current(now));
        batch.count_quality(quality.current(now));
    };
    // A new slot is what allocates, every five minutes.
    count();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(count);
}

/// All that a row costs where monitoring is on and there is no challenger: its truth is read, the worker's monitor is
/// locked, and it is counted.
#[divan::bench]
fn observer(bencher: Bencher) {
    let model = Arc::new(Model::embedded().expect("the embedded model is proven"));
    let mut scorer = model.scorer().expect("the embedded model runs");
    let mut readers = readers();
    let rows = push_rows(&mut readers, &mut scorer);
    let unknown = scorer.unknown_categories().to_vec();
    let scores = scorer.score().expect("the embedded model scores");
    let lineup = Lineup {
        champion: model.clone(),
        challenger: None,
    };
    let monitors = Monitors::new(1, Duration::from_secs(3_600));
    let monitor = monitors.of_worker(0).expect("there is one");
    let mut observer = Observer::new(monitor, &lineup);
    let mut observe = || {
        observer.clear();
        for row in &rows {
            observer.push(row);
        }
        observer.scored(scores);
        observer.unknown_categories(&unknown);
    };
    // Buffers and a new slot are what allocates.
    observe();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(observe);
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
