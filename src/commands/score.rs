//! `score`: rows in, predictions out, no Kafka.

use super::serve::load_model;
use super::{Exit, Failed, complain, input};
use crate::config::Config;
use crate::flight::Lines;
use crate::output::Format;
use crate::scoring::Scoring;
use anyhow::Context;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

const BATCH: usize = 1024;

/// Each line is one row; a header line is recognised. Rows that cannot be scored are reported on standard error
/// with their line number, the others are scored, and the exit code is 7.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer score --format csv flights.csv")]
pub struct Args {
    /// CSV file in the on-time schema, plain or gzipped; - is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// json, csv or text [default: the setting output.format]
    #[arg(long)]
    format: Option<Format>,
}

pub(super) fn run(args: Args, config: &Config) -> Result<Exit, Failed> {
    let model = load_model(config)?;
    let (input, name) = input::open(&args.file)?;
    let mut batches = Batches {
        scoring: Scoring::new(&model, args.format.unwrap_or(config.output.format))?,
        line: Vec::new(),
        out: BufWriter::new(io::stdout().lock()),
    };
    match batches.score(input, &name) {
        Ok(0) => Ok(Exit::Success),
        Ok(_) => Ok(Exit::RowsRejected),
        // The reader of a pipe, such as `head`, has seen enough.
        Err(error)
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) =>
        {
            Ok(Exit::Success)
        }
        Err(error) => Err(error.into()),
    }
}

struct Batches<W> {
    scoring: Scoring,
    line: Vec<u8>,
    out: W,
}

impl<W: Write> Batches<W> {
    /// Scores every line and returns how many could not be scored.
    fn score(&mut self, input: impl Read, name: &str) -> anyhow::Result<u64> {
        let mut rejected = 0;
        let reading = || format!("cannot read {name}");
        let mut lines = Lines::new(input).with_context(reading)?;
        while let Some((number, row)) = lines.read().with_context(reading)? {
            if let Err(rejection) = self.scoring.push(row) {
                rejected += 1;
                complain(format_args!(
                    "{name}, line {number}: {}: {rejection}",
                    rejection.reason.as_str()
                ));
            }
            if self.scoring.len() == BATCH {
                self.write_batch()?;
            }
        }
        self.write_batch()?;
        self.out.flush()?;
        Ok(rejected)
    }

    fn write_batch(&mut self) -> anyhow::Result<()> {
        let rows = self.scoring.len();
        let scored = self.scoring.score()?;
        for row in 0..rows {
            self.line.clear();
            scored.write(row, None, &mut self.line);
            self.line.push(b'\n');
            self.out.write_all(&self.line)?;
        }
        self.scoring.clear();
        Ok(())
    }
}
