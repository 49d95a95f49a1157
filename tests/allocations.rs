//! Once the buffers have grown, a row is read, scored, written and observed without a single allocation: what a batch
//! allocates does not depend on how many rows it has.

use flight_delay_scorer::lineup::Lineup;
use flight_delay_scorer::model::{Model, ModelError};
use flight_delay_scorer::monitoring::{Monitors, Observer};
use flight_delay_scorer::output::{Format, Source};
use flight_delay_scorer::sample;
use flight_delay_scorer::scoring::Scoring;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

struct Counting;

thread_local! {
    /// Allocations of this thread: the test runner has threads of its own.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: everything is passed on to the system's allocator; counting allocates nothing and cannot unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The path of a worker's batch between poll and produce.
struct Path {
    scoring: Scoring,
    observer: Observer,
    value: Vec<u8>,
}

impl Path {
    fn new(model: Model, format: Format) -> Path {
        let lineup = Lineup {
            champion: Arc::new(model),
            challenger: None,
        };
        let monitor = Monitors::new(1, Duration::from_secs(3_600)).of_worker(0).unwrap();
        Path {
            scoring: Scoring::new(&lineup.champion, format).unwrap(),
            observer: Observer::new(monitor, &lineup),
            value: Vec::new(),
        }
    }

    fn process(&mut self, rows: &[&[u8]]) {
        self.scoring.clear();
        self.observer.clear();
        for row in rows {
            let observer = &mut self.observer;
            self.scoring.push_seen(row, |row| observer.push(row)).unwrap();
        }
        let scored = self.scoring.score().unwrap();
        for row in 0..rows.len() {
            let source = Source {
                topic: "AirlineInputTopic",
                partition: 3,
                offset: i64::MAX - row as i64,
            };
            self.value.clear();
            scored.write(row, Some(source), &mut self.value);
            assert!(!self.value.is_empty());
        }
        self.observer.scored(scored.scores());
        self.observer
            .unknown_categories(self.scoring.scorer().unknown_categories());
    }

    fn allocations(&mut self, batches: &[&[&[u8]]]) -> u64 {
        let before = COUNT.get();
        for batch in batches {
            self.process(batch);
        }
        COUNT.get() - before
    }
}

/// Rows of the sample that can be scored, in batches of 1,024. One in sixteen has what few real rows have: quotes,
/// text that JSON escapes or that is not UTF-8, and airports that the model does not know.
fn batches(scoring: &mut Scoring) -> Vec<Vec<&'static [u8]>> {
    const RARE: &[u8] = b"2013,11,1,5,455,500,641,651,\"U\\S\"\"\",\"1895\",N192UW,106,111,88,-10,-5,E\xe4R,\x01,529,\
        NA,NA,0,NA,0,NA,NA,NA,NA,NA,NO,NO";
    let rows = sample::rows().map(str::as_bytes);
    let mut rows: Vec<_> = rows.filter(|row| scoring.push(row).is_ok()).collect();
    for row in rows.iter_mut().step_by(16) {
        *row = RARE;
    }
    rows.chunks_exact(1_024).map(<[_]>::to_vec).collect()
}

fn prove(model: fn() -> Result<Model, ModelError>) {
    for format in [Format::Json, Format::Csv, Format::Text] {
        let mut path = Path::new(model().unwrap(), format);
        let batches = batches(&mut path.scoring);
        let large: Vec<_> = batches.iter().map(Vec::as_slice).collect();
        let small: Vec<_> = large.iter().map(|batch| &batch[..256]).collect();
        path.allocations(&large);
        let (small, large) = (path.allocations(&small), path.allocations(&large));
        let count = batches.len();
        println!("{format:?}, {count} batches: {large} allocations with 1,024 rows each, {small} with 256");
        assert!(small > 0, "a batch allocates, for its tensors");
        assert_eq!(large, small, "{format:?}");
    }
}

#[test]
fn a_row_allocates_nothing_with_the_first_model() {
    prove(Model::embedded);
}

#[test]
fn a_row_allocates_nothing_with_the_second_model() {
    prove(Model::embedded_challenger);
}
