//! The instances: one process at most in each slot, which keeps its HTTP port and with it the ids of its transactions.

use crate::cluster::Cluster;
use crate::instance::{Counters, Instance, State};
use crate::journal::Journal;
use crate::plan::{Action, Guarantee, Plan, SESSION_TIMEOUT, SLOTS, Step};
use crate::support::kafka::Names;
use crate::tally::Tally;
use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// As long as a broker that was killed may hold up a last checkpoint, and then some.
const GRACE: Duration = Duration::from_secs(25);
/// From the end of the grace to the end of the process.
const CLOSING: Duration = Duration::from_secs(5);
/// The exit code of a stop that could not finish its last checkpoint.
const DRAIN_INCOMPLETE: i32 = 6;

pub struct Fleet<'c> {
    cluster: &'c Cluster,
    journal: &'c Journal,
    settings: Vec<String>,
    dir: PathBuf,
    ports: [u16; SLOTS],
    slots: [Option<Instance>; SLOTS],
    /// To be started as soon as its predecessor is gone.
    wanted: [bool; SLOTS],
    gone: Counters,
    stops: Vec<Stop>,
    problems: Vec<String>,
}

/// An end after SIGTERM.
struct Stop {
    slot: usize,
    from: Instant,
    until: Instant,
    status: ExitStatus,
}

impl<'c> Fleet<'c> {
    pub fn new(
        cluster: &'c Cluster,
        journal: &'c Journal,
        plan: &Plan,
        names: &Names,
        ports: [u16; SLOTS],
    ) -> Fleet<'c> {
        let mut settings = names.settings();
        settings.extend([
            format!("kafka.bootstrap_servers={}", cluster.kafka.bootstrap_servers),
            format!("workers.count={}", plan.workers),
            format!("shutdown.grace={}s", GRACE.as_secs()),
            format!("kafka.consumer.session.timeout.ms={}", SESSION_TIMEOUT.as_millis()),
            format!("kafka.consumer.partition.assignment.strategy={}", plan.assignor),
            "kafka.consumer.heartbeat.interval.ms=500".into(),
            "kafka.common.topic.metadata.refresh.interval.ms=5000".into(),
            // Instances start while all brokers are down.
            "kafka.startup_timeout=5m".into(),
        ]);
        settings.extend(match plan.guarantee {
            Guarantee::AtLeastOnce => vec!["delivery.checkpoint_interval=1s".into()],
            Guarantee::ExactlyOnce => vec![
                "delivery.guarantee=exactly_once".into(),
                format!(
                    "kafka.producer.transaction.timeout.ms={}",
                    plan.transaction_timeout.as_millis()
                ),
            ],
        });
        Fleet {
            cluster,
            journal,
            settings,
            dir: journal.dir().to_owned(),
            ports,
            slots: Default::default(),
            wanted: Default::default(),
            gone: Counters::default(),
            stops: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Takes a step, or says why not. Returns whether it was taken.
    pub fn take(&mut self, step: &Step) -> bool {
        let Step { slot, action, .. } = *step;
        let name = match action {
            Action::Start => return self.want(slot),
            Action::Stop => "SIGTERM",
            Action::Kill => "SIGKILL",
            Action::Freeze => "SIGSTOP",
            Action::Thaw => "SIGCONT",
        };
        let needed = if action == Action::Thaw {
            State::Frozen
        } else {
            State::Running
        };
        let Some(instance) = self.slots[slot].as_mut().filter(|instance| instance.state() == needed) else {
            // Its predecessor is still on its way out.
            self.wanted[slot] = false;
            self.journal
                .say(format_args!("instance {slot}: no {name}, it is not there"));
            return false;
        };
        let answers = action == Action::Thaw || instance.ask();
        if action == Action::Stop && !answers {
            // A process that does not listen for signals yet has nothing to finish, and ends as any other program.
            self.journal
                .say(format_args!("instance {slot}: no {name}, it has not started yet"));
            return false;
        }
        self.journal.say(format_args!("instance {slot}: {name}"));
        let state = match action {
            Action::Start | Action::Thaw => State::Running,
            Action::Stop => State::Stopping(Instant::now()),
            Action::Kill => State::Killed,
            Action::Freeze => State::Frozen,
        };
        if let Err(error) = instance.bring_to(state) {
            self.problems.push(format!("instance {slot}: {error}"));
        }
        true
    }

    fn want(&mut self, slot: usize) -> bool {
        let there = self.slots[slot].as_ref().map(Instance::state);
        if matches!(there, Some(State::Running | State::Frozen)) {
            self.journal.say(format_args!("instance {slot} is there already"));
            return false;
        }
        self.journal.say(format_args!("instance {slot} starts"));
        self.wanted[slot] = true;
        self.look();
        true
    }

    /// Looks which instances have ended, and starts those that waited for it.
    pub fn look(&mut self) {
        for slot in 0..SLOTS {
            if let Some(instance) = &mut self.slots[slot] {
                let ended = instance.ended();
                let state = instance.state();
                match (state, ended) {
                    (State::Stopping(from), None) if from.elapsed() > GRACE + CLOSING => {
                        let seconds = from.elapsed().as_secs();
                        self.problems
                            .push(format!("instance {slot} still ran {seconds} s after SIGTERM"));
                        let _ = instance.bring_to(State::Killed);
                    }
                    (_, None) => {}
                    (state, Some(status)) => {
                        self.gone.add(instance.counters());
                        self.slots[slot] = None;
                        self.judge_end(slot, state, status);
                    }
                }
            }
            if self.wanted[slot] && self.slots[slot].is_none() {
                self.wanted[slot] = false;
                self.start(slot);
            }
        }
    }

    fn judge_end(&mut self, slot: usize, state: State, status: ExitStatus) {
        match state {
            State::Killed => {}
            State::Stopping(from) => {
                let seconds = from.elapsed().as_secs_f64();
                self.journal
                    .say(format_args!("instance {slot} ended with {status} after {seconds:.1} s"));
                self.stops.push(Stop {
                    slot,
                    from,
                    until: Instant::now(),
                    status,
                });
            }
            State::Running | State::Frozen => {
                let log = std::fs::read_to_string(self.log_of(slot)).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default();
                let problem = format!("instance {slot} ended by itself with {status}, and said last: {last}");
                self.journal.say(format_args!("{problem}"));
                self.problems.push(problem);
            }
        }
    }

    fn start(&mut self, slot: usize) {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_of(slot))
            .expect("a log file");
        let instance = Instance::start(&self.settings, self.ports[slot], log).expect("the program starts");
        self.cluster.kafka.keep(instance.process());
        self.slots[slot] = Some(instance);
    }

    fn log_of(&self, slot: usize) -> PathBuf {
        self.dir.join(format!("instance-{slot}.log"))
    }

    /// Slots whose instance is not ready, with what it says.
    pub fn unready(&self) -> Vec<(usize, String)> {
        let answers = (0..SLOTS).filter_map(|slot| Some((slot, self.slots[slot].as_ref()?.ready())));
        answers
            .filter(|(_, (ready, _))| !ready)
            .map(|(slot, (_, answer))| (slot, answer))
            .collect()
    }

    /// Slots with an instance that is there to stay.
    pub fn running(&self) -> Vec<usize> {
        let running = |slot: &usize| {
            self.slots[*slot]
                .as_ref()
                .is_some_and(|it| it.state() == State::Running)
        };
        (0..SLOTS).filter(running).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// What all instances counted up to now, those that are gone too.
    pub fn counters(&mut self) -> Counters {
        let mut sum = self.gone;
        for instance in self.slots.iter_mut().flatten() {
            if instance.state() == State::Running {
                instance.ask();
            }
            sum.add(instance.counters());
        }
        sum
    }

    /// The end: what went wrong. A stop may be incomplete, and is counted, where `broker_was_down` between two times.
    pub fn judge_stops(self, tally: &mut Tally, broker_was_down: impl Fn(Instant, Instant) -> bool) {
        self.problems.into_iter().for_each(|problem| tally.problem(problem));
        for stop in self.stops {
            let Stop {
                slot,
                from,
                until,
                status,
            } = stop;
            match status.code() {
                Some(0) => {}
                Some(DRAIN_INCOMPLETE) if broker_was_down(from, until) => tally.incomplete_stops += 1,
                _ => {
                    let seconds = (until - from).as_secs_f64();
                    tally.problem(format!(
                        "instance {slot} ended with {status} {seconds:.1} s after SIGTERM"
                    ));
                }
            }
        }
    }
}

/// Ports that are free now and that Linux does not hand out of its own accord.
pub fn free_ports() -> [u16; SLOTS] {
    let mut candidates = (15000..32000)
        .step_by(7)
        .cycle()
        .skip(std::process::id() as usize % 2000);
    let mut free = || loop {
        let port = candidates.next().expect("it goes round and round");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    };
    std::array::from_fn(|_| free())
}
