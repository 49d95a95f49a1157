//! A round: a calm phase, in which instances join and leave, and a phase in which everything breaks.

use crate::cluster::Cluster;
use crate::fleet::Fleet;
use crate::journal::Journal;
use crate::load::{Load, Report};
use crate::pause;
use crate::plan::{Action, Guarantee, Phase, Plan, SLOTS, Step, Victim};
use crate::support::kafka::Names;
use crate::tally::{Fault, Tally};
use std::thread;
use std::time::{Duration, Instant};

/// How soon a step is taken that is due, and the end of a process noticed.
const TICK: Duration = Duration::from_millis(50);
/// For all instances to be ready once nothing breaks any more.
const READY: Duration = Duration::from_secs(60);

pub struct Round<'c> {
    pub cluster: &'c Cluster,
    pub journal: &'c Journal,
    pub plan: &'c Plan,
    pub ports: [u16; SLOTS],
}

/// From the end of a broker until all were back and in sync.
type Down = (Instant, Instant);

impl Round<'_> {
    /// Runs the round and says what came of it.
    pub fn run(&self) -> Tally {
        let names = Names::of(&format!("{}-{}", self.plan.guarantee.name(), self.plan.seed));
        self.cluster.create_topics(&names);
        let mut fleet = Fleet::new(self.cluster, self.journal, self.plan, &names, self.ports);
        let mut tally = Tally::default();

        self.phase(&mut fleet, &names, "calm", &self.plan.calm, &mut tally);
        let counters = fleet.counters();
        (tally.calm_aborted, tally.calm_rebalances) = (counters.aborted_transactions, counters.rebalances);
        let aborts = format!(
            "calm: {} transactions aborted in {} rebalances",
            tally.calm_aborted, tally.calm_rebalances
        );
        self.journal.say(format_args!("{aborts}"));
        // One abort can be the race at the very moment of a new generation; that it is the rule cannot.
        if tally.calm_aborted > 1 && 3 * tally.calm_aborted >= 2 * tally.calm_rebalances {
            tally.problem(aborts);
        }

        let downs = self.phase(&mut fleet, &names, "chaos", &self.plan.chaos, &mut tally);
        self.wait_ready(&mut fleet, &mut tally);
        tally.aborted = fleet.counters().aborted_transactions;
        for slot in fleet.running() {
            fleet.take(&Step {
                at: Duration::ZERO,
                slot,
                action: Action::Stop,
            });
        }
        while !fleet.is_empty() {
            pause(TICK);
            fleet.look();
        }
        fleet.judge_stops(&mut tally, |from, until| {
            downs.iter().any(|(down, up)| *down < until && from < *up)
        });
        self.cluster.delete_topics(&names);
        tally
    }

    /// Sends rows while the phase's faults happen, and judges what became of the rows.
    fn phase(&self, fleet: &mut Fleet, names: &Names, name: &str, phase: &Phase, tally: &mut Tally) -> Vec<Down> {
        self.journal
            .say(format_args!("{name}: rows for {} s", phase.length.as_secs()));
        // The first instances are at work, and rows flow, when the schedule begins: a slow machine does not shorten it.
        let mut steps = phase.steps.iter().peekable();
        while let Some(step) = steps.next_if(|step| step.at.is_zero()) {
            fleet.take(step);
            tally.happened(Fault::of(step.action));
        }
        self.wait_ready(fleet, tally);
        let sent_before = self.rows(names);
        let mut load = Load::start(self.cluster, self.plan, phase, names, self.journal.dir(), name);
        let start = self.wait_for_rows(names, sent_before, tally);
        let (report, downs) = thread::scope(|scope| {
            let outages = scope.spawn(|| self.break_brokers(names, start, phase));
            let report = loop {
                while let Some(step) = steps.next_if(|step| start.elapsed() >= step.at) {
                    if fleet.take(step) {
                        tally.happened(Fault::of(step.action));
                    }
                }
                fleet.look();
                if steps.peek().is_none()
                    && outages.is_finished()
                    && let Some(report) = load.report()
                {
                    break report;
                }
                pause(TICK);
            };
            let (downs, more) = outages.join().expect("the brokers were broken and mended");
            tally.add(more);
            (report, downs)
        });
        match report {
            Ok(report) => self.judge(name, &report, tally),
            Err(error) => tally.problem(format!("{name}: {error}")),
        }
        downs
    }

    /// Records of the input topic.
    fn rows(&self, names: &Names) -> i64 {
        self.cluster.kafka.ends(&names.input).iter().sum()
    }

    fn wait_for_rows(&self, names: &Names, before: i64, tally: &mut Tally) -> Instant {
        let deadline = Instant::now() + READY;
        while self.rows(names) == before {
            if Instant::now() >= deadline {
                tally.problem(format!("replay sent no row within {} s", READY.as_secs()));
                break;
            }
            pause(TICK);
        }
        Instant::now()
    }

    fn judge(&self, name: &str, report: &Report, tally: &mut Tally) {
        self.journal.say(format_args!("{name}: {report:?}"));
        let outcomes = report.scored + report.dead_lettered;
        // At least once repeats after a crash, and never because an instance joined or left.
        let none_twice = self.plan.guarantee == Guarantee::ExactlyOnce || name == "calm";
        for (count, what) in [
            (report.lost, "lost"),
            (if none_twice { report.duplicated } else { 0 }, "duplicated"),
            (report.out_of_order, "out of order"),
            (report.wrong, "wrong"),
            (report.unverified, "scored by another model"),
        ] {
            if count > 0 {
                tally.problem(format!("{name}: {count} rows {what}: {:?}", report.examples));
            }
        }
        if report.acknowledged == 0 || outcomes < report.acknowledged {
            let acknowledged = report.acknowledged;
            tally.problem(format!("{name}: {outcomes} outcomes of {acknowledged} rows"));
        }
        tally.judged(report);
    }

    /// Kills brokers and brings them back, one outage after the other.
    fn break_brokers(&self, names: &Names, start: Instant, phase: &Phase) -> (Vec<Down>, Tally) {
        let (mut downs, mut tally) = (Vec::new(), Tally::default());
        for outage in &phase.outages {
            pause((start + outage.at).saturating_duration_since(Instant::now()));
            if start.elapsed() >= phase.length {
                self.journal
                    .say(format_args!("no more outage: the last took until all rows were sent"));
                break;
            }
            let coordinator = match outage.victim {
                Victim::Broker | Victim::All => None,
                Victim::GroupCoordinator => self.cluster.group_coordinator(&names.group),
                Victim::TransactionCoordinator(slot) => self
                    .cluster
                    .transaction_coordinator(&transactional_id(names, self.ports[slot])),
            };
            let victims = match outage.victim {
                Victim::All => self.cluster.all().to_vec(),
                _ => vec![coordinator.unwrap_or(outage.substitute)],
            };
            let seconds = outage.length.as_secs_f64();
            self.journal.say(format_args!(
                "brokers {victims:?}: SIGKILL ({:?}), down for {seconds:.1} s",
                outage.victim
            ));
            let down = Instant::now();
            if let Err(error) = self.cluster.kill(&victims) {
                tally.problem(error);
            }
            tally.happened(Fault::at(outage.victim));
            pause(outage.length);
            self.journal.say(format_args!("brokers {victims:?} start"));
            match self.cluster.restore() {
                Ok(()) => self
                    .journal
                    .say(format_args!("brokers {victims:?} are back and in sync")),
                Err(error) => tally.problem(error),
            }
            downs.push((down, Instant::now()));
        }
        (downs, tally)
    }

    fn wait_ready(&self, fleet: &mut Fleet, tally: &mut Tally) {
        let deadline = Instant::now() + READY;
        loop {
            fleet.look();
            let unready = fleet.unready();
            if unready.is_empty() {
                return;
            }
            if Instant::now() >= deadline {
                for (slot, answer) in unready {
                    tally.problem(format!(
                        "instance {slot} is not ready after {} s: {answer}",
                        READY.as_secs()
                    ));
                }
                return;
            }
            pause(TICK);
        }
    }
}

/// The id of the first worker of an instance.
fn transactional_id(names: &Names, port: u16) -> String {
    let host = flight_delay_scorer::config::instance_name(|_| None);
    format!("{}-{host}-{port}-0", names.group)
}
