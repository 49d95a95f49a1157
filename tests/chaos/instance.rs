//! One process of the service.

use crate::support::http;
use crate::support::metrics::Scrape;
use crate::support::program::command;
use crate::support::signal;
use std::fs::File;
use std::io;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Instant;

/// A running service, killed when this is dropped.
pub struct Instance {
    child: Child,
    url: String,
    state: State,
    counters: Counters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    Frozen,
    /// It got SIGTERM then.
    Stopping(Instant),
    Killed,
}

/// What a service counted, as far as it could be asked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    pub aborted_transactions: u64,
    /// Times that partitions were given to or taken from an instance.
    pub rebalances: u64,
}

impl Counters {
    pub fn add(&mut self, other: Counters) {
        self.aborted_transactions += other.aborted_transactions;
        self.rebalances += other.rebalances;
    }
}

impl Instance {
    /// Starts it without waiting for anything.
    pub fn start(settings: &[String], port: u16, log: File) -> io::Result<Instance> {
        let mut command = command(&["serve"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.args(["--set", &format!("http.listen=127.0.0.1:{port}")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(Instance {
            child: command.spawn()?,
            url: format!("http://127.0.0.1:{port}"),
            state: State::Running,
            counters: Counters::default(),
        })
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Sends the signal that leads to this state.
    pub fn bring_to(&mut self, state: State) -> Result<(), String> {
        let name = match state {
            State::Running => "CONT",
            State::Frozen => "STOP",
            State::Stopping(_) => "TERM",
            State::Killed => "KILL",
        };
        self.state = state;
        signal::send(name, self.process())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process is a child of this one")
    }

    /// Whether `/health/ready` says so, and its answer.
    pub fn ready(&self) -> (bool, String) {
        let (status, body) = http::get(&format!("{}/health/ready", self.url));
        (status == 200, body)
    }

    /// Asks it what it has counted. Returns whether it answered.
    pub fn ask(&mut self) -> bool {
        let (status, body) = http::get(&format!("{}/metrics", self.url));
        if status == 200 {
            let scrape = Scrape::new(body);
            self.counters = Counters {
                aborted_transactions: scrape.get("transactions_aborted_total").unwrap_or(0.0) as u64,
                rebalances: scrape.sum("rebalances_total") as u64,
            };
        }
        status == 200
    }

    /// What it had counted when it was asked last.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
