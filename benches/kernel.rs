//! What the trees cost, through tract and on one thread: `cargo bench --bench kernel -- [DIRECTORY]`.
//!
//! A directory holds, for each forest, a folder with `model.onnx`, `rows.f32` (a matrix of floats, 4,096 rows) and
//! `expected.f64` (the probability that its trainer gives each row): `benches/compare/kernel/run` makes them. Each
//! line of the output is `kernel INSTRUCTIONS FOREST BATCH NANOSECONDS`, for one row in a batch of so many.

use flight_delay_scorer::model::{BareGraph, Features, Instructions};
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

const ROWS: usize = 4096;
const BATCHES: [usize; 2] = [1024, 1];
const REPETITIONS: usize = 15;
const REPETITION: Duration = Duration::from_millis(200);
/// What floats may differ by from the doubles of the trainer.
const TOLERANCE: f64 = 1e-5;

fn main() -> Result<(), Box<dyn Error>> {
    // What cargo adds begins with dashes.
    let directory = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = directory.unwrap_or_else(|| "target/compare/kernel".to_owned());
    let mut forests: Vec<_> = fs::read_dir(&directory)
        .map_err(|error| format!("{directory}: {error}: benches/compare/kernel/run trains the forests"))?
        .collect::<Result<_, _>>()?;
    forests.sort_by_key(|forest| forest.file_name().len());
    for forest in forests {
        let name = forest.file_name().to_string_lossy().into_owned();
        for instructions in Instructions::ALL
            .into_iter()
            .filter(|instructions| instructions.are_available())
        {
            Instructions::use_at_most(instructions);
            time(&forest.path(), &name, instructions)?;
        }
    }
    Ok(())
}

fn time(forest: &Path, name: &str, instructions: Instructions) -> Result<(), Box<dyn Error>> {
    let rows: Vec<f32> = numbers(&forest.join("rows.f32"), f32::from_le_bytes)?;
    let expected: Vec<f64> = numbers(&forest.join("expected.f64"), f64::from_le_bytes)?;
    let width = rows.len() / ROWS;
    let mut graph = BareGraph::new(&fs::read(forest.join("model.onnx"))?, width, 2)?;
    graph.run(Features::F32(&rows))?;
    let scores = graph.scores();
    if scores.len() != 2 * expected.len() {
        let (count, rows) = (scores.len(), expected.len());
        return Err(format!("{name}: {count} scores of {rows} rows, there should be two of each").into());
    }
    let positive = scores.into_iter().skip(1).step_by(2);
    for (row, (score, expected)) in positive.zip(&expected).enumerate() {
        if (score - expected).abs() > TOLERANCE {
            return Err(format!("{name}, row {row}: {score}, but the trainer says {expected}").into());
        }
    }
    for batch in BATCHES {
        let mut times: Vec<f64> = Vec::new();
        // Other rows each time: a processor learns those that come again.
        let mut batches = rows.chunks_exact(batch * width).cycle();
        for _ in 0..REPETITIONS {
            let started = Instant::now();
            let mut scored = 0;
            while started.elapsed() < REPETITION {
                for rows in batches.by_ref().take(64) {
                    graph.run(Features::F32(black_box(rows)))?;
                    scored += batch;
                }
            }
            times.push(started.elapsed().as_nanos() as f64 / scored as f64);
        }
        times.sort_by(f64::total_cmp);
        println!("kernel {instructions} {name} {batch} {:.1}", times[REPETITIONS / 2]);
    }
    Ok(())
}

fn numbers<T, const SIZE: usize>(path: &Path, number: fn([u8; SIZE]) -> T) -> Result<Vec<T>, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes.as_chunks().0.iter().map(|bytes| number(*bytes)).collect())
}
