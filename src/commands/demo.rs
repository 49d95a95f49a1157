//! `demo`: the service at work, without a broker.

use super::serve::{load_model, prepare};
use super::{Exit, Failed, show};
use crate::config::Config;
use crate::lineup::{Role, Served};
use crate::model::Model;
use crate::monitoring::{Monitors, Snapshot};
use crate::output::{Format, Published, console_block};
use crate::quality::side_by_side;
use crate::replay::{BadRows, Control, Extent, Outcome, Plan, Progress, Rate, Report, Rows, Run, Schedule, Watcher};
use crate::sample;
use crate::scoring::Scoring;
use crate::service::{Ended, Service, Signals};
use crate::shutdown::Shutdown;
use crate::stream::topics::Topics;
use crate::stream::{ClientFactory, EmbeddedKafka};
use anyhow::{Context, anyhow};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 10;
/// Far above what the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts three embedded brokers and the real service on them, replays a bundled sample, and shows what comes out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer demo --keep")]
pub struct Args {
    /// Leave the service and its status page up until Ctrl-C
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(args: Args, given: Config) -> Result<Exit, Failed> {
    let model = load_model(&given)?;
    let kafka = EmbeddedKafka::start(BROKERS).context("cannot start the embedded Kafka")?;
    let config = demo_config(given, kafka.bootstrap_servers()?, args.keep)?;
    let topics = kafka
        .create_topics(&config.kafka, PARTITIONS, BROKERS)
        .context("cannot create the topics")?;
    show(format_args!(
        "Embedded Kafka: {BROKERS} brokers, topics of {PARTITIONS} partitions x {BROKERS}."
    ));

    let shutdown = Shutdown::default();
    let factory = ClientFactory::new(config.kafka.clone(), "demo".into());
    let format = config.output.format;
    let service = RunningService::start(config, model.clone(), topics.clone(), shutdown.clone())?;
    show(format_args!(
        "Service: http://{} (model {}, {} golden rows proven).",
        service.address,
        model.metadata().name,
        model.metadata().golden.rows.len()
    ));
    let (served, monitors) = (service.served.clone(), service.monitors.clone());

    let shown = replay(&factory, &topics, &model, format, shutdown.clone());
    if let (Ok(predictions), Some(monitors)) = (&shown, monitors) {
        let snapshot = judged(&monitors, &served, *predictions, &shutdown);
        show(format_args!("\n{}", quality(&snapshot).trim_end()));
    }
    if args.keep && shown.is_ok() {
        show(format_args!("\nThe service stays up; Ctrl-C ends it."));
    } else {
        shutdown.request(Duration::from_secs(8));
    }
    let ended = service.join()?;
    shown?;
    match ended {
        Ended::Drained(_) => Ok(Exit::Success),
        other => Err(anyhow!("the service ended with {other:?}").into()),
    }
}

/// The given settings, on the embedded brokers and in a hurry.
fn demo_config(given: Config, bootstrap_servers: String, keep: bool) -> Result<Config, Failed> {
    let hurry = [
        ("kafka.bootstrap_servers", bootstrap_servers.as_str()),
        ("kafka.consumer.fetch.wait.max.ms", "10"),
        ("delivery.checkpoint_interval", "500ms"),
    ];
    let overrides: Vec<_> = hurry.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let fast = Config::load(None, [], &overrides).map_err(|error| Exit::Configuration.with(error))?;
    let mut config = Config {
        kafka: fast.kafka,
        delivery: fast.delivery,
        ..given
    };
    if !keep {
        config.http.listen.set_port(0);
        config.http.listen.set_ip([127, 0, 0, 1].into());
    }
    Ok(config)
}

/// The real service on a thread of its own.
struct RunningService {
    address: std::net::SocketAddr,
    served: Arc<Served>,
    monitors: Option<Monitors>,
    thread: JoinHandle<Ended>,
}

impl RunningService {
    fn start(config: Config, model: Arc<Model>, topics: Topics, shutdown: Shutdown) -> Result<RunningService, Failed> {
        let (listen, grace) = (config.http.listen, config.shutdown.grace);
        let own_challenger = config.monitoring.enabled && config.model.challenger.as_os_str().is_empty();
        let service = Service {
            topics: Some(topics),
            ..prepare(config, "demo".into(), model, shutdown.clone())?
        };
        if own_challenger {
            service
                .served
                .offer(Role::Challenger, Model::embedded_challenger().map(Arc::new));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(listen))
            .with_context(|| format!("cannot listen on {listen} (the setting http.listen)"))
            .map_err(|error| Exit::Configuration.with(error))?;
        let address = listener.local_addr()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::listen().context("cannot listen for signals")?
        };
        let (served, monitors) = (service.served.clone(), service.monitors.clone());
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    ended = service.run(listener) => ended,
                    never = signals.obey(shutdown, grace, None) => match never {},
                }
            })
        });
        Ok(RunningService {
            address,
            served,
            monitors,
            thread,
        })
    }

    fn join(self) -> anyhow::Result<Ended> {
        self.thread.join().map_err(|_| anyhow!("the service panicked"))
    }
}

/// What the demo shows of the outcomes, beside the report.
struct Shown {
    shutdown: Shutdown,
    labels: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
    /// The block of the first row.
    first: String,
}

impl Watcher for Shown {
    fn watch(&mut self, _: Progress) -> Control {
        // The service has stopped, too.
        if self.shutdown.is_requested() {
            Control::Abandon
        } else {
            Control::GoOn
        }
    }

    fn outcome(&mut self, outcome: &Outcome<'_>) {
        if let Some(reason) = outcome.reason {
            *self.reasons.entry(reason.to_owned()).or_default() += 1;
        } else if let Ok(published) = Published::read(outcome.value.unwrap_or_default()) {
            if (outcome.partition, outcome.sequence) == (0, 0) {
                let row = sample::rows().next().map(str::as_bytes);
                self.first = console_block(row, &published.label, &published.probabilities);
            }
            *self.labels.entry(published.label.into_owned()).or_default() += 1;
        }
    }
}

/// Sends the sample and shows what became of it. Returns how many predictions came out.
fn replay(
    factory: &ClientFactory,
    topics: &Topics,
    model: &Arc<Model>,
    format: Format,
    shutdown: Shutdown,
) -> Result<u64, Failed> {
    let rows = Rows::sample(usize::MAX, BadRows::default(), &mut Scoring::new(model, format)?)?;
    let plan = Plan {
        schedule: Schedule {
            rate: Rate::Max,
            extent: Extent::Rows(rows.len() as u64),
        },
        rows,
        keys: false,
        wait: PATIENCE,
        // All that there can be came out: nobody is going to kill this service.
        commit: Duration::ZERO,
    };
    let mut shown = Shown {
        shutdown,
        labels: BTreeMap::new(),
        reasons: BTreeMap::new(),
        first: String::new(),
    };
    let run = Run::new(factory, topics, model, format, &plan)?;
    let report = run.run(&mut shown)?;
    let report = report.ok_or_else(|| anyhow!("the service stopped before every row had its outcome"))?;
    shown.print(&report);
    if !report.keeps_the_promise() {
        return Err(Exit::PromiseBroken.with(anyhow!("rows were lost, wrong or out of order:\n{report}")));
    }
    Ok(report.scored)
}

impl Shown {
    fn print(&self, report: &Report) {
        show(format_args!("\n{}", self.first));
        show(format_args!(
            "rows          {} in {:.2} s, {:.0} rows/s",
            report.sent, report.seconds, report.rows_per_second
        ));
        show(format_args!(
            "predictions   {}: {}",
            report.scored,
            counts(&self.labels)
        ));
        show(format_args!(
            "dead letters  {}: {}",
            report.dead_lettered,
            counts(&self.reasons)
        ));
        show(format_args!(
            "checked       {} lost, {} duplicated, {} out of order, {} wrong",
            report.lost, report.duplicated, report.out_of_order, report.wrong
        ));
        show(format_args!(
            "latency       p50 {:.0} ms, p99 {:.0} ms, all rows sent at once",
            report.latency_ms.p50, report.latency_ms.p99
        ));
    }
}

/// What the service saw of the models, once it has judged so many rows: the last of them are judged after their
/// predictions are on their way.
fn judged(monitors: &Monitors, served: &Served, predictions: u64, shutdown: &Shutdown) -> Snapshot {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let snapshot = Snapshot::take(monitors, &served.lineup());
        let judged = snapshot.model(Role::Champion).map_or(0, |seen| seen.scored);
        if judged >= predictions || Instant::now() >= deadline || shutdown.wait(Duration::from_millis(10)) {
            return snapshot;
        }
    }
}

/// How good both models were on the rows that carry their truth.
fn quality(snapshot: &Snapshot) -> String {
    let named = |role| {
        let seen = snapshot.model(role)?;
        Some((seen.model.metadata().name.as_str(), seen.quality.figures()?))
    };
    match (named(Role::Champion), named(Role::Challenger)) {
        (Some((champion, first)), Some((challenger, second))) => {
            let compared = snapshot.comparison.as_ref();
            let compared = compared.and_then(|compared| compared.total.figures());
            side_by_side((champion, &first), (challenger, &second), compared.as_ref())
        }
        (Some((_, figures)), None) => figures.to_string(),
        _ => "No row carried its truth.".to_owned(),
    }
}

fn counts(by_name: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = by_name.iter().map(|(name, count)| format!("{name} {count}")).collect();
    parts.join(", ")
}
