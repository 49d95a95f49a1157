//! Breaks everything around the service, on a schedule drawn from a seed, and proves that the promise holds.
//!
//! `cargo test` runs a short round of each guarantee; `scripts/chaos` runs as many as it is asked for.

mod cluster;
mod fleet;
mod instance;
mod journal;
mod load;
mod plan;
mod random;
mod round;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, which use the rest")]
mod support;
mod tally;

use clap::Parser;
use cluster::Cluster;
use journal::Journal;
use plan::{Guarantee, Plan};
use round::Round;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tally::Tally;

/// What `cargo test` runs: the seed that saw three of the four ways in which the promise was broken on purpose.
const SHORT: &[(Guarantee, u64)] = &[(Guarantee::AtLeastOnce, 4), (Guarantee::ExactlyOnce, 4)];
const SHORT_SECONDS: u64 = 36;

/// Breaks everything around the service, and proves that its promise holds.
///
/// Without options: a short round of each guarantee.
#[derive(Parser)]
#[command(name = "chaos", args_override_self = true)]
struct Arguments {
    /// Rounds of each guarantee
    #[arg(long, value_name = "N")]
    rounds: Option<u64>,
    /// Seed of the first round; each later one has the next number
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The one to be proven; both if it is not given
    #[arg(long)]
    guarantee: Option<Which>,
    /// How long rows are sent in a round
    #[arg(long, value_name = "N", default_value_t = 75)]
    seconds: u64,
    #[command(flatten)]
    libtest: Libtest,
}

#[derive(Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Which {
    AtLeastOnce,
    ExactlyOnce,
    Both,
}

/// What `cargo test` hands to every target alike.
#[derive(clap::Args)]
struct Libtest {
    /// Runs only where one of these is part of a guarantee's name
    #[arg(hide = true)]
    filters: Vec<String>,
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
    #[arg(long, hide = true)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plans = arguments.plans();
    if arguments.libtest.list {
        for guarantee in Guarantee::ALL {
            println!("{}: test", guarantee.name());
        }
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed) = (0, 0);
    if !plans.is_empty() {
        println!("three brokers start");
        let cluster = Cluster::start();
        let ports = fleet::free_ports();
        let mut verdicts = Vec::new();
        for guarantee in Guarantee::ALL {
            let of_it: Vec<&Plan> = plans.iter().filter(|plan| plan.guarantee == guarantee).collect();
            let mut total = Tally::default();
            for (number, plan) in (1..).zip(&of_it) {
                println!("\nround {number} of {}, seed {}: {plan}", of_it.len(), plan.seed);
                let tally = run(&cluster, plan, ports);
                *if tally.holds() { &mut passed } else { &mut failed } += 1;
                total.add(tally);
            }
            if let Some(first) = of_it.first() {
                println!("\n{}:\n{total}", guarantee.name());
                verdicts.push(format!(
                    "chaos: {}, {} (seed {})",
                    guarantee.name(),
                    total.verdict(),
                    first.seed
                ));
            }
        }
        println!();
        for verdict in verdicts {
            println!("{verdict}");
        }
    }
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

impl Arguments {
    fn plans(&self) -> Vec<Plan> {
        let filters = &self.libtest.filters;
        let wanted = |guarantee: Guarantee| {
            let named = match self.guarantee {
                None | Some(Which::Both) => true,
                Some(Which::AtLeastOnce) => guarantee == Guarantee::AtLeastOnce,
                Some(Which::ExactlyOnce) => guarantee == Guarantee::ExactlyOnce,
            };
            named && (filters.is_empty() || filters.iter().any(|filter| guarantee.name().contains(&**filter)))
        };
        let plan = |(guarantee, seed), seconds| Plan::new(seed, guarantee, Duration::from_secs(seconds));
        match self.rounds {
            None => SHORT
                .iter()
                .copied()
                .filter(|(guarantee, _)| wanted(*guarantee))
                .map(|it| plan(it, SHORT_SECONDS))
                .collect(),
            Some(rounds) => {
                let seeds = self.seed..self.seed + rounds;
                let guarantees = Guarantee::ALL.into_iter().filter(|guarantee| wanted(*guarantee));
                guarantees
                    .flat_map(|guarantee| seeds.clone().map(move |seed| plan((guarantee, seed), self.seconds)))
                    .collect()
            }
        }
    }
}

/// Runs a round. Its logs stay until a round of this seed is run again.
fn run(cluster: &Cluster, plan: &Plan, ports: [u16; plan::SLOTS]) -> Tally {
    let dir: PathBuf =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{}-{}", plan.guarantee.name(), plan.seed));
    let journal = Journal::new(dir);
    let round = Round {
        cluster,
        journal: &journal,
        plan,
        ports,
    };
    let mut tally = round.run();
    tally.rounds = 1;
    if !tally.holds() {
        cluster.keep_logs(journal.dir());
        for problem in tally.problems() {
            journal.say(format_args!("FAILED: {problem}"));
        }
        let again = format!(
            "scripts/chaos --rounds 1 --seed {} --guarantee {} --seconds {}",
            plan.seed,
            plan.guarantee.name(),
            (plan.calm.length + plan.chaos.length).as_secs_f64().round()
        );
        journal.say(format_args!(
            "the logs are in {}; again: {again}",
            journal.dir().display()
        ));
    }
    tally
}

/// Waits as the schedule wants it.
#[expect(
    clippy::disallowed_methods,
    reason = "the time between faults is the schedule's, nothing else is waited for"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
