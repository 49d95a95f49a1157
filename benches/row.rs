//! What a row costs from its bytes to those of its prediction in JSON: nanoseconds on one core, the median of many
//! batches of 1,024 rows of the bundled sample with the shipped model.
//!
//! `cargo bench --bench row` prints one line a figure. `decode` is splitting, identity and features; `encode` the
//! flight and its prediction, with where it came from; `batch` all of it, with the scoring; `observe` what monitoring
//! adds. A word behind `--` chooses the figures that have it in their name.

use flight_delay_scorer::flight::{Identity, RowReader};
use flight_delay_scorer::lineup::Lineup;
use flight_delay_scorer::model::{Model, Scorer};
use flight_delay_scorer::monitoring::{Monitors, Observer};
use flight_delay_scorer::output::{Encoder, Format, Source};
use flight_delay_scorer::sample;
use flight_delay_scorer::scoring::Scoring;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: usize = 1_024;
const BATCHES: usize = 2_000;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted.as_str()));
    let model = Arc::new(Model::embedded().expect("the embedded model is proven"));
    let rows = scored_rows(&model);
    let figures: [(&str, Figure); 4] = [
        ("row decode", decode),
        ("row encode", encode),
        ("row batch", batch),
        ("row observe", observe),
    ];
    for (name, figure) in figures.into_iter().filter(|(name, _)| is_wanted(name)) {
        println!("{name} {:.1}", figure(&model, &rows));
    }
}

type Figure = fn(&Arc<Model>, &[&'static [u8]]) -> f64;

/// The rows of the sample that can be scored: some are broken on purpose.
fn scored_rows(model: &Arc<Model>) -> Vec<&'static [u8]> {
    let mut scoring = Scoring::new(model, Format::Json).expect("the embedded model runs");
    let rows = sample::rows().map(str::as_bytes);
    rows.filter(|row| scoring.push(row).is_ok()).collect()
}

/// Nanoseconds a row. Each batch begins where the one before ended: processors learn a batch by heart that is always
/// the same. `time` tells how long its batch took.
fn median(rows: &[&'static [u8]], mut time: impl FnMut(&[&'static [u8]]) -> Duration) -> f64 {
    let mut endless = rows.iter().copied().cycle();
    let mut times: Vec<Duration> = (0..BATCHES)
        .map(|_| {
            let batch: Vec<_> = endless.by_ref().take(ROWS).collect();
            time(&batch)
        })
        .collect();
    times.sort_unstable();
    times[BATCHES / 2].as_nanos() as f64 / ROWS as f64
}

fn source(offset: usize) -> Source<'static> {
    Source {
        topic: "AirlineInputTopic",
        partition: 3,
        offset: 40_000_000 + offset as i64,
    }
}

fn decode(model: &Arc<Model>, rows: &[&'static [u8]]) -> f64 {
    let mut reader = RowReader::default();
    let mut scorer = model.scorer().expect("the embedded model runs");
    median(rows, |batch| {
        let started = Instant::now();
        scorer.clear();
        for value in batch {
            let row = reader.read(value).expect("the row was read before");
            black_box(row.identity().expect("the flight was read before"));
            scorer.push(&row).expect("the row was scored before");
        }
        started.elapsed()
    })
}

fn encode(model: &Arc<Model>, rows: &[&'static [u8]]) -> f64 {
    let encoder = Encoder::new(Format::Json, model);
    let mut scorer = model.scorer().expect("the embedded model runs");
    let (mut flight, mut value) = (Vec::new(), Vec::new());
    median(rows, |batch| {
        let mut readers: Vec<_> = batch.iter().map(|_| RowReader::default()).collect();
        let flights = identities(&mut readers, batch, &mut scorer);
        let scores = scorer.score().expect("the embedded model scores");
        let started = Instant::now();
        for (place, (identity, prediction)) in flights.iter().zip(scores.iter()).enumerate() {
            flight.clear();
            value.clear();
            encoder.flight(identity, &mut flight);
            encoder.prediction(&prediction, &flight, Some(source(place)), &mut value);
            black_box(&value);
        }
        started.elapsed()
    })
}

fn identities<'r>(readers: &'r mut [RowReader], batch: &[&'static [u8]], scorer: &mut Scorer) -> Vec<Identity<'r>> {
    scorer.clear();
    let identity = |(reader, value): (&'r mut RowReader, &&'static [u8])| {
        let row = reader.read(value).expect("the row was read before");
        scorer.push(&row).expect("the row was scored before");
        row.identity().expect("the flight was read before")
    };
    readers.iter_mut().zip(batch).map(identity).collect()
}

fn batch(model: &Arc<Model>, rows: &[&'static [u8]]) -> f64 {
    let mut scoring = Scoring::new(model, Format::Json).expect("the embedded model runs");
    let mut value = Vec::new();
    median(rows, |batch| {
        let started = Instant::now();
        scoring.clear();
        for row in batch {
            scoring.push(row).expect("the row was scored before");
        }
        let scored = scoring.score().expect("the embedded model scores");
        for place in 0..batch.len() {
            value.clear();
            scored.write(place, Some(source(place)), &mut value);
            black_box(&value);
        }
        started.elapsed()
    })
}

fn observe(model: &Arc<Model>, rows: &[&'static [u8]]) -> f64 {
    let lineup = Lineup {
        champion: model.clone(),
        challenger: None,
    };
    let monitors = Monitors::new(1, Duration::from_secs(3_600));
    let mut observer = Observer::new(monitors.of_worker(0).expect("there is one"), &lineup);
    let mut scorer = model.scorer().expect("the embedded model runs");
    median(rows, |batch| {
        let mut readers: Vec<_> = batch.iter().map(|_| RowReader::default()).collect();
        scorer.clear();
        let read = |(reader, value)| {
            let row = RowReader::read(reader, value).expect("the row was read before");
            scorer.push(&row).expect("the row was scored before");
            row
        };
        let seen: Vec<_> = readers.iter_mut().zip(batch.iter().copied()).map(read).collect();
        let unknown = scorer.unknown_categories().to_vec();
        let scores = scorer.score().expect("the embedded model scores");
        let started = Instant::now();
        observer.clear();
        for row in &seen {
            observer.push(row);
        }
        observer.scored(scores);
        observer.unknown_categories(&unknown);
        started.elapsed()
    })
}
