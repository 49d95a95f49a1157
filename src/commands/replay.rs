//! `replay`: load for a running service, and the proof that each row came out once, in order and right.

mod bar;

use super::serve::load_model;
use super::{Exit, Failed, show};
use crate::config::Config;
use crate::replay::{
    BadRows, Control, DeadLetters, Extent, MAX_ROWS, Offsets, Outcome, Plan, Progress, Rate, Rows, Run, Schedule,
    Watcher,
};
use crate::scoring::Scoring;
use crate::service::Signals;
use crate::shutdown::Shutdown;
use crate::stream::{ClientFactory, Failure, REASONS, topics};
use anyhow::{Context, anyhow};
use bar::Bar;
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// For the commit of a checkpoint that is due.
const COMMIT: Duration = Duration::from_secs(5);
/// The clock of a run is exact for a little longer.
const LONGEST: Duration = Duration::from_secs(100 * 3600);

/// Sends rows to the input topic of a running service, reads its predictions and dead letters, and reports what was
/// lost, came twice, out of order or wrong, and how long it took. The settings have to be those of the service: its
/// model and format decide what is right. Ctrl-C stops sending; a second one ends it without a report.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer replay --rate 5000 --duration 1m --bad-rows 0.1")]
pub struct Args {
    /// CSV rows, plain or gzipped, sent again and again [default: the bundled sample]
    #[arg(long)]
    file: Option<PathBuf>,
    /// Rows a second, whatever the service does, or max
    #[arg(long, value_name = "N|max", default_value = "1000")]
    rate: Rate,
    /// Send for this long, such as 90s or 5m
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "rows")]
    duration: Option<Duration>,
    /// Send this many rows [default: each row once]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_ROWS))]
    rows: Option<u64>,
    /// Give each row its carrier and flight number as key, which decides the partition as Kafka's producers do
    #[arg(long)]
    keys: bool,
    /// Spoil this share of the rows, so that they become dead letters
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    bad_rows: BadRows,
    /// How long outcomes may be missing without any progress before they count as lost
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// Send the dead letters of this topic back to where they came from, instead of rows; a run begins where the last
    /// one ended
    #[arg(long, value_name = "TOPIC", conflicts_with_all = ["file", "rate", "duration", "rows", "keys", "bad_rows", "wait"])]
    from: Option<String>,
    /// Send only those with this reason back; may be repeated
    #[arg(long, requires = "from", value_parser = REASONS)]
    reason: Vec<String>,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) => Err("at most 100h".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn percent(text: &str) -> Result<BadRows, String> {
    let percent = text.parse().ok().and_then(BadRows::percent);
    percent.ok_or_else(|| "expected a number from 0 to 100".into())
}

pub(super) fn run(args: Args, config: Config, instance: String) -> Result<Exit, Failed> {
    match &args.from {
        None => send_load(&args, config, instance),
        Some(topic) => send_back(topic, &args, config, instance),
    }
}

fn send_load(args: &Args, config: Config, instance: String) -> Result<Exit, Failed> {
    let model = load_model(&config)?;
    let format = config.output.format;
    let plan = args.plan(Scoring::new(&model, format)?, config.delivery.checkpoint_interval())?;
    let kafka = |failure: Failure| Exit::Kafka.with(failure);
    let stop = listen_for_signals();
    let patience = config.kafka.startup_timeout;
    let factory = ClientFactory::new(config.kafka, instance);
    let topics = topics::describe(&factory, patience, || !stop.is_requested()).map_err(kafka)?;
    let run = Run::new(&factory, &topics, &model, format, &plan).map_err(kafka)?;
    let mut screen = Screen {
        stop,
        bar: Bar::on_terminal(|| Offsets::new(&factory, topics.input.partitions)).map_err(kafka)?,
    };
    let report = run.run(&mut screen).map_err(kafka)?;
    drop(screen);
    let report = report.ok_or_else(|| anyhow!("interrupted before every row had its outcome"))?;
    if args.json {
        show(format_args!("{}", serde_json::to_string(&report)?));
    } else {
        show(format_args!("{}", report.to_string().trim_end()));
    }
    match report.keeps_the_promise() {
        true => Ok(Exit::Success),
        false => Ok(Exit::PromiseBroken),
    }
}

fn send_back(topic: &str, args: &Args, config: Config, instance: String) -> Result<Exit, Failed> {
    let kafka = |failure: Failure| Exit::Kafka.with(failure);
    let stop = listen_for_signals();
    let patience = config.kafka.startup_timeout;
    let factory = ClientFactory::new(config.kafka, instance);
    let topics = topics::describe(&factory, patience, || !stop.is_requested()).map_err(kafka)?;
    let reasons = args.reason.iter().cloned().collect();
    let letters = DeadLetters::find(&factory, &topics, topic, reasons).map_err(kafka)?;
    let sent_back = letters.send_back(|| !stop.is_requested()).map_err(kafka)?;
    if args.json {
        show(format_args!("{}", serde_json::to_string(&sent_back)?));
    } else {
        show(format_args!("{}", sent_back.to_string().trim_end()));
    }
    Ok(Exit::Success)
}

impl Args {
    fn plan(&self, mut scoring: Scoring, checkpoint_interval: Duration) -> Result<Plan, Failed> {
        // Rows that are never sent need not be kept.
        let limit = self.rows.map_or(usize::MAX, |rows| rows as usize);
        let rows = match &self.file {
            None => Rows::sample(limit, self.bad_rows, &mut scoring)?,
            Some(path) => {
                let name = path.display();
                let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
                let rows = Rows::read(file, limit, self.bad_rows, &mut scoring);
                rows.with_context(|| format!("cannot read {name}"))?
            }
        };
        let extent = match (self.duration, self.rows) {
            (Some(duration), _) => Extent::Duration(duration),
            (None, count) => Extent::Rows(count.unwrap_or(rows.len() as u64)),
        };
        let schedule = Schedule {
            rate: self.rate,
            extent,
        };
        if schedule
            .rows()
            .is_some_and(|rows| rows > MAX_ROWS || schedule.due(rows) > Some(LONGEST))
        {
            return Err(Exit::Configuration.with(anyhow!("a run is of {MAX_ROWS} rows and 100 hours at most")));
        }
        Ok(Plan {
            rows,
            schedule,
            keys: self.keys,
            wait: self.wait,
            commit: checkpoint_interval + COMMIT,
        })
    }
}

/// The first SIGINT or SIGTERM stops the sending, the second ends the run.
fn listen_for_signals() -> Shutdown {
    let stop = Shutdown::default();
    let listener = stop.clone();
    // Ends with the process.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let followed: io::Result<Infallible> = runtime.and_then(|runtime| {
            runtime.block_on(async { Ok(Signals::listen()?.obey(listener, Duration::ZERO, None).await) })
        });
        let Err(error) = followed;
        tracing::warn!(%error, "cannot listen for signals");
    });
    stop
}

struct Screen {
    stop: Shutdown,
    bar: Option<Bar>,
}

impl Watcher for Screen {
    fn watch(&mut self, progress: Progress) -> Control {
        if let Some(bar) = &mut self.bar {
            bar.draw(&progress);
        }
        if self.stop.is_abandoned() {
            Control::Abandon
        } else if self.stop.is_requested() {
            Control::StopSending
        } else {
            Control::GoOn
        }
    }

    fn outcome(&mut self, _: &Outcome<'_>) {}
}
