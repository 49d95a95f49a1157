//! What came of a round, and of all of them.

use crate::load::Report;
use crate::plan::{Action, Victim};
use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Join,
    Leave,
    Kill,
    Freeze,
    Broker,
    GroupCoordinator,
    TransactionCoordinator,
    AllBrokers,
}

impl Fault {
    /// `None` for the end of a fault.
    pub fn of(action: Action) -> Option<Fault> {
        match action {
            Action::Start => Some(Fault::Join),
            Action::Stop => Some(Fault::Leave),
            Action::Kill => Some(Fault::Kill),
            Action::Freeze => Some(Fault::Freeze),
            Action::Thaw => None,
        }
    }

    pub fn at(victim: Victim) -> Option<Fault> {
        Some(match victim {
            Victim::Broker => Fault::Broker,
            Victim::GroupCoordinator => Fault::GroupCoordinator,
            Victim::TransactionCoordinator(_) => Fault::TransactionCoordinator,
            Victim::All => Fault::AllBrokers,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Fault::Join => "instances joined",
            Fault::Leave => "instances left (SIGTERM)",
            Fault::Kill => "instances killed (SIGKILL)",
            Fault::Freeze => "instances frozen (SIGSTOP, then SIGCONT)",
            Fault::Broker => "brokers killed",
            Fault::GroupCoordinator => "group coordinators killed",
            Fault::TransactionCoordinator => "transaction coordinators killed",
            Fault::AllBrokers => "times all brokers killed",
        }
    }
}

#[derive(Debug, Default)]
pub struct Tally {
    pub rounds: usize,
    faults: BTreeMap<Fault, usize>,
    rows: u64,
    unacknowledged: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    wrong: u64,
    longest_stall_ms: f64,
    /// Ends with a last checkpoint that failed, while a broker was down.
    pub incomplete_stops: u64,
    pub aborted: u64,
    pub calm_aborted: u64,
    pub calm_rebalances: u64,
    problems: Vec<String>,
}

impl Tally {
    pub fn happened(&mut self, fault: Option<Fault>) {
        if let Some(fault) = fault {
            *self.faults.entry(fault).or_default() += 1;
        }
    }

    pub fn judged(&mut self, report: &Report) {
        self.rows += report.acknowledged;
        self.unacknowledged += report.unacknowledged;
        self.lost += report.lost;
        self.duplicated += report.duplicated;
        self.out_of_order += report.out_of_order;
        self.wrong += report.wrong;
        self.longest_stall_ms = self.longest_stall_ms.max(report.longest_stall_ms);
    }

    pub fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    pub fn add(&mut self, other: Tally) {
        self.rounds += other.rounds;
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.rows += other.rows;
        self.unacknowledged += other.unacknowledged;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.out_of_order += other.out_of_order;
        self.wrong += other.wrong;
        self.longest_stall_ms = self.longest_stall_ms.max(other.longest_stall_ms);
        self.incomplete_stops += other.incomplete_stops;
        self.aborted += other.aborted;
        self.calm_aborted += other.calm_aborted;
        self.calm_rebalances += other.calm_rebalances;
        self.problems.extend(other.problems);
    }

    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }

    /// The verdict in a line.
    pub fn verdict(&self) -> String {
        let Tally {
            rounds,
            rows,
            lost,
            duplicated,
            out_of_order,
            ..
        } = self;
        let faults: usize = self.faults.values().sum();
        let verdict = if self.holds() {
            "the promise holds"
        } else {
            "THE PROMISE IS BROKEN"
        };
        format!(
            "{rounds} rounds, {faults} faults, {rows} rows: {lost} lost, {duplicated} duplicated, \
             {out_of_order} out of order: {verdict}"
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, value: &dyn fmt::Display| writeln!(f, "  {what:42}{value:>10}");
        line("rounds", &self.rounds)?;
        for (fault, times) in &self.faults {
            line(fault.name(), times)?;
        }
        line("stops without a last checkpoint", &self.incomplete_stops)?;
        line("rows acknowledged by the brokers", &self.rows)?;
        line("rows not acknowledged", &self.unacknowledged)?;
        line("lost", &self.lost)?;
        line("duplicated", &self.duplicated)?;
        line("out of order", &self.out_of_order)?;
        line("wrong", &self.wrong)?;
        line("transactions aborted", &self.aborted)?;
        line("  of these in calm phases", &self.calm_aborted)?;
        line("  which had rebalances", &self.calm_rebalances)?;
        line(
            "longest stall in seconds",
            &format!("{:.1}", self.longest_stall_ms / 1000.0),
        )
    }
}
