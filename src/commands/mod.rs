//! The command line: one file a command.

mod audit;
mod demo;
mod evaluate;
mod health;
mod input;
mod model;
mod predictions;
mod replay;
mod score;
mod serve;
mod since;
mod table;
mod topics;
mod watch;

use crate::config::{self, Config};
use crate::stream::ClientFactory;
use crate::telemetry;
use clap::{Parser, Subcommand};
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

/// Scores US airline on-time records on Apache Kafka with a gradient-boosted tree model loaded from ONNX.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct SettingsArgs {
    /// Settings file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Brokers to connect to first, the setting kafka.bootstrap_servers
    #[arg(long, global = true, value_name = "HOST:PORT,…")]
    bootstrap_servers: Option<String>,
    /// Any other setting, such as --set output.format=csv; may be repeated
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains('.') => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected SECTION.KEY=VALUE".into()),
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: consume, score, produce
    Serve,
    /// Show it work without a broker: an embedded Kafka, the real service, a bundled sample
    Demo(demo::Args),
    /// Score rows from a file or standard input, without Kafka
    Score(score::Args),
    /// Send load to a running service and check what comes out
    Replay(replay::Args),
    /// Create the three topics, or check them
    Topics(topics::Args),
    /// Follow the predictions, each with the flight it was made for
    Watch(watch::Args),
    /// Score published predictions again, and compare
    Audit(audit::Args),
    /// Judge published predictions by truth that came later
    Evaluate(evaluate::Args),
    /// Show a model's card, or prove it
    Model(model::Args),
    /// Ask a running service how it is
    Health(health::Args),
}

/// How the process ends. The numbers are documented and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success = 0,
    /// Something else failed, such as reading a file.
    Error = 1,
    /// The command line or a setting is wrong.
    Configuration = 2,
    /// The model cannot be loaded or did not prove itself.
    Model = 3,
    /// The brokers refuse, cannot be reached at start, or topics are missing or cannot work.
    Kafka = 4,
    /// A worker failed again and again.
    Worker = 5,
    /// The service stopped before its last checkpoint was made.
    DrainIncomplete = 6,
    /// `score`, `evaluate`: some rows could not be scored or read.
    RowsRejected = 7,
    /// `health`: the service is not healthy or does not answer.
    Unhealthy = 8,
    /// `replay`: rows were lost, or outcomes were wrong or out of order.
    PromiseBroken = 9,
    /// `audit`: published predictions are not what their rows and models give.
    Different = 10,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}

/// A failed command: what to say, and how the process ends.
#[derive(Debug)]
pub struct Failed {
    pub exit: Exit,
    pub error: anyhow::Error,
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Failed {
            exit: Exit::Error,
            error: error.into(),
        }
    }
}

impl Exit {
    /// Ends a command with this exit and an error: `.map_err(|error| Exit::Model.with(error))`.
    pub fn with(self, error: impl Into<anyhow::Error>) -> Failed {
        Failed {
            exit: self,
            error: error.into(),
        }
    }
}

impl Cli {
    /// Runs the command.
    pub fn run(self, environment: impl Fn() -> Vec<(String, String)>) -> Result<Exit, Failed> {
        let config = self.settings.load(environment())?;
        let instance = {
            let variables = environment();
            config::instance_name(|name| {
                variables
                    .iter()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.clone())
            })
        };
        ClientFactory::new(config.kafka.clone(), instance.clone())
            .check(config.delivery.guarantee)
            .map_err(|problem| Exit::Configuration.with(anyhow::anyhow!("a librdkafka property: {problem}")))?;
        let log = match self.command {
            Command::Serve => config.log.clone(),
            // What a command shows is not to be lost among the service's ordinary news.
            _ => config.log.only_warnings(),
        };
        telemetry::init(&log).map_err(|error| Exit::Configuration.with(error))?;
        match self.command {
            Command::Serve => serve::run(config, instance),
            Command::Demo(args) => demo::run(args, config),
            Command::Score(args) => score::run(args, &config),
            Command::Replay(args) => replay::run(args, config, instance),
            Command::Topics(args) => topics::run(args, config, instance),
            Command::Watch(args) => watch::run(args, config, instance),
            Command::Audit(args) => audit::run(args, config, instance),
            Command::Evaluate(args) => evaluate::run(args, config, instance),
            Command::Model(args) => model::run(args, &config),
            Command::Health(args) => health::run(args, &config),
        }
    }
}

/// Shows a line on standard output. Where that is a closed pipe, nobody wants to see it.
fn show(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Shows a line on standard error, likewise.
fn complain(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

impl SettingsArgs {
    fn load(&self, environment: Vec<(String, String)>) -> Result<Config, Failed> {
        let mut overrides = self.set.clone();
        if let Some(servers) = &self.bootstrap_servers {
            overrides.push(("kafka.bootstrap_servers".into(), servers.clone()));
        }
        Config::load(self.config.as_deref(), environment, &overrides).map_err(|error| Exit::Configuration.with(error))
    }
}
