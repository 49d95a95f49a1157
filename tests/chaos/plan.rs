//! What happens in a round and when, all of it drawn from the round's seed.

use crate::random::Random;
use std::fmt;
use std::time::Duration;

/// Instances at most.
pub const SLOTS: usize = 5;
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// The default, mostly, and one that takes all partitions from all members at each rebalance.
const ASSIGNORS: &[&str] = &[
    "cooperative-sticky",
    "cooperative-sticky",
    "cooperative-sticky",
    "range",
];
/// No fault comes so close to the end of a phase: rows are still to be sent when it is answered.
const QUIET_END: Duration = Duration::from_secs(2);
/// What killed brokers need to be back in sync on a slow machine, one and all. The next outage is planned after it.
const RECOVERY: [Duration; 2] = [Duration::from_secs(14), Duration::from_secs(28)];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Guarantee {
    AtLeastOnce,
    ExactlyOnce,
}

impl Guarantee {
    pub const ALL: [Guarantee; 2] = [Guarantee::AtLeastOnce, Guarantee::ExactlyOnce];

    pub fn name(self) -> &'static str {
        match self {
            Guarantee::AtLeastOnce => "at_least_once",
            Guarantee::ExactlyOnce => "exactly_once",
        }
    }
}

/// A round.
#[derive(Debug)]
pub struct Plan {
    pub seed: u64,
    pub guarantee: Guarantee,
    pub workers: usize,
    pub assignor: &'static str,
    pub transaction_timeout: Duration,
    /// Whether rows have keys.
    pub keys: bool,
    /// Instances join and leave, nothing breaks.
    pub calm: Phase,
    /// Everything breaks.
    pub chaos: Phase,
}

#[derive(Debug)]
pub struct Phase {
    /// How long rows are sent.
    pub length: Duration,
    pub steps: Vec<Step>,
    pub outages: Vec<Outage>,
}

/// Something that happens to an instance.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub at: Duration,
    pub slot: usize,
    pub action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Start,
    /// SIGTERM: it leaves in good order.
    Stop,
    /// SIGKILL.
    Kill,
    /// SIGSTOP for longer than the session timeout: its partitions are taken over.
    Freeze,
    /// SIGCONT: what it holds is another's by now.
    Thaw,
}

/// Brokers that are killed, and started again after a while.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    pub at: Duration,
    pub victim: Victim,
    /// Who it is where the coordinator cannot be found.
    pub substitute: usize,
    pub length: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// Any one.
    Broker,
    GroupCoordinator,
    /// That of the first worker of the instance in this slot.
    TransactionCoordinator(usize),
    All,
}

impl Plan {
    pub fn new(seed: u64, guarantee: Guarantee, length: Duration) -> Plan {
        let mut random = Random::new(seed);
        let mut slots = Slots::default();
        Plan {
            seed,
            guarantee,
            workers: if random.once_in(4) { 2 } else { 1 },
            assignor: ASSIGNORS[random.below(ASSIGNORS.len())],
            // Now shorter than a freeze, so that zombies find their transaction aborted, now longer, so that they
            // come back with an open one.
            transaction_timeout: Duration::from_secs(*random.pick(&[8, 8, 15])),
            keys: random.once_in(2),
            calm: calm(&mut random, &mut slots, length / 3),
            chaos: chaos(&mut random, &mut slots, guarantee, length * 2 / 3),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { workers, assignor, .. } = self;
        let keys = if self.keys { "with keys" } else { "without keys" };
        write!(
            f,
            "{}, {workers} worker(s), {assignor}, rows {keys}",
            self.guarantee.name()
        )?;
        match self.guarantee {
            Guarantee::AtLeastOnce => Ok(()),
            Guarantee::ExactlyOnce => write!(f, ", transaction timeout {} s", self.transaction_timeout.as_secs()),
        }
    }
}

/// What the plan expects of the slots at a time.
#[derive(Debug, Default)]
struct Slots {
    states: [Slot; SLOTS],
    /// In which order they came to their states.
    steps: [usize; SLOTS],
    taken: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Slot {
    #[default]
    Free,
    Running,
    Frozen,
}

impl Slots {
    fn all(&self, state: Slot) -> Vec<usize> {
        (0..SLOTS).filter(|&slot| self.states[slot] == state).collect()
    }

    fn put(&mut self, slot: usize, state: Slot) {
        self.states[slot] = state;
        self.taken += 1;
        self.steps[slot] = self.taken;
    }

    /// SIGKILL to the instance that has run the longest: it has partitions.
    fn ambush(&mut self, at: Duration) -> Option<Step> {
        let running = self.all(Slot::Running);
        let slot = running.into_iter().min_by_key(|&slot| self.steps[slot])?;
        self.put(slot, Slot::Free);
        Some(Step {
            at,
            slot,
            action: Action::Kill,
        })
    }

    /// A step at a slot that it can happen to, if there is one.
    fn step(&mut self, random: &mut Random, at: Duration, action: Action) -> Option<Step> {
        let (before, after) = match action {
            Action::Start => (Slot::Free, Slot::Running),
            Action::Stop | Action::Kill => (Slot::Running, Slot::Free),
            Action::Freeze => (Slot::Running, Slot::Frozen),
            Action::Thaw => (Slot::Frozen, Slot::Running),
        };
        let candidates = self.all(before);
        if candidates.is_empty() {
            return None;
        }
        let slot = *random.pick(&candidates);
        self.put(slot, after);
        Some(Step { at, slot, action })
    }
}

fn calm(random: &mut Random, slots: &mut Slots, length: Duration) -> Phase {
    let mut steps = Vec::new();
    for _ in 0..1 + random.below(4) {
        steps.extend(slots.step(random, Duration::ZERO, Action::Start));
    }
    let mut at = random.seconds(1.0, 3.0);
    while at + QUIET_END < length {
        let first = steps.iter().all(|step| step.at.is_zero());
        let action = match slots.all(Slot::Running).len() {
            _ if first => Action::Start,
            1 => Action::Start,
            SLOTS => Action::Stop,
            _ => *random.pick(&[Action::Start, Action::Stop]),
        };
        steps.extend(slots.step(random, at, action));
        at += random.seconds(2.0, 4.5);
    }
    Phase {
        length,
        steps,
        outages: Vec::new(),
    }
}

fn chaos(random: &mut Random, slots: &mut Slots, guarantee: Guarantee, length: Duration) -> Phase {
    let end = length - QUIET_END;
    let mut steps: Vec<Step> = Vec::new();
    let mut thaws: Vec<Step> = Vec::new();
    let outages = outages(random, guarantee, end);
    // An instance that dies while what it sent is not yet acknowledged, because a broker has died.
    let mut ambushes = outages
        .iter()
        .map(|outage| outage.at + random.seconds(2.0, 6.0))
        .collect::<Vec<_>>();
    let mut at = random.seconds(0.5, 2.0);
    while at < end {
        if ambushes.first().is_some_and(|ambush| *ambush <= at) {
            steps.extend(slots.ambush(ambushes.remove(0)));
        }
        thaws.retain(|thaw| {
            let due = thaw.at <= at;
            if due {
                slots.put(thaw.slot, Slot::Running);
                steps.push(*thaw);
            }
            !due
        });
        let action = match slots.all(Slot::Running).len() {
            0 => Action::Start,
            running => {
                use Action::{Freeze, Kill, Start, Stop};
                let few = [Start, Start, Start, Kill, Stop, Freeze];
                let many = [Start, Kill, Kill, Kill, Stop, Stop, Freeze, Freeze];
                *random.pick(if running < 3 { &few[..] } else { &many[..] })
            }
        };
        if let Some(step) = slots.step(random, at, action) {
            steps.push(step);
            if action == Action::Freeze {
                // Some only just longer than the session, while its transaction is still open; some much longer.
                let longer = if random.once_in(2) { 0.7 } else { 7.0 };
                let thaw_at = at + SESSION_TIMEOUT + random.seconds(0.3, longer);
                thaws.push(Step {
                    at: thaw_at,
                    slot: step.slot,
                    action: Action::Thaw,
                });
            }
        }
        at += random.seconds(0.5, 3.5);
    }
    steps.extend(thaws);
    steps.sort_by_key(|step| step.at);
    if slots.all(Slot::Running).is_empty() && slots.all(Slot::Frozen).is_empty() {
        steps.extend(slots.step(random, end, Action::Start));
    }
    Phase { length, steps, outages }
}

fn outages(random: &mut Random, guarantee: Guarantee, end: Duration) -> Vec<Outage> {
    let mut outages: Vec<Outage> = Vec::new();
    let mut at = random.seconds(1.0, 6.0);
    while at < end {
        let transaction_coordinator = Victim::TransactionCoordinator(random.below(SLOTS));
        let mut victims = vec![
            Victim::Broker,
            Victim::GroupCoordinator,
            Victim::GroupCoordinator,
            Victim::All,
        ];
        if guarantee == Guarantee::ExactlyOnce {
            victims.extend([transaction_coordinator; 2]);
        }
        let outage = Outage {
            at,
            victim: *random.pick(&victims),
            substitute: 1 + random.below(3),
            // Up to longer than a transaction may be open.
            length: random.seconds(2.0, 14.0),
        };
        let recovery = RECOVERY[usize::from(outage.victim == Victim::All)];
        at += outage.length + recovery + random.seconds(0.0, 6.0);
        outages.push(outage);
    }
    outages
}
