//! The rows that are sent, and what became of them: `replay` as a process.

use crate::cluster::Cluster;
use crate::plan::{Phase, Plan};
use crate::support::kafka::Names;
use crate::support::program::command;
use serde::Deserialize;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Rows a second that a development build of five instances and three brokers take on two cores.
pub const RATE: usize = 1000;
/// Percent of the rows that become dead letters.
const BAD_ROWS: usize = 3;
/// How long outcomes may be missing without any progress before rows count as lost: longer than a transaction of a
/// killed instance, the session and the recovery of a broker take together.
const WAIT: Duration = Duration::from_secs(60);
/// Until the report has to be there, from the last row on.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running replay, killed when this is dropped.
pub struct Load {
    child: Child,
    report: PathBuf,
    log: PathBuf,
    deadline: Instant,
}

/// What replay found. Rows that the brokers did not acknowledge are not among those it misses.
#[derive(Debug, Deserialize)]
pub struct Report {
    pub acknowledged: u64,
    pub unacknowledged: u64,
    pub scored: u64,
    pub dead_lettered: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub out_of_order: u64,
    pub wrong: u64,
    pub unverified: u64,
    pub longest_stall_ms: f64,
    pub examples: Vec<String>,
}

impl Load {
    pub fn start(cluster: &Cluster, plan: &Plan, phase: &Phase, names: &Names, dir: &Path, name: &str) -> Load {
        let (report, log) = (dir.join(format!("{name}.json")), dir.join(format!("{name}.log")));
        let mut command = command(&["replay", "--json"]);
        command.args(["--bootstrap-servers", &cluster.kafka.bootstrap_servers]);
        command.args(["--rate", &RATE.to_string(), "--bad-rows", &BAD_ROWS.to_string()]);
        command.args(["--duration", &format!("{}ms", phase.length.as_millis())]);
        command.args(["--wait", &format!("{}s", WAIT.as_secs())]);
        if plan.keys {
            command.arg("--keys");
        }
        for setting in names.settings() {
            command.args(["--set", &setting]);
        }
        command.stdin(Stdio::null());
        command.stdout(File::create(&report).expect("a file for the report"));
        command.stderr(File::create(&log).expect("a file for the log"));
        let child = command.spawn().expect("the program starts");
        cluster.kafka.keep(child.id());
        Load {
            child,
            report,
            log,
            deadline: Instant::now() + phase.length + PATIENCE,
        }
    }

    /// The report, once there is one.
    pub fn report(&mut self) -> Option<Result<Report, String>> {
        let status = match self.child.try_wait().expect("the process is a child of this one") {
            Some(status) => status,
            None if Instant::now() < self.deadline => return None,
            None => return Some(Err(format!("replay did not end; see {}", self.log.display()))),
        };
        let text = fs::read_to_string(&self.report).unwrap_or_default();
        Some(serde_json::from_str(&text).map_err(|error| {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            format!("replay ended with {status} and without a report ({error}):\n{log}")
        }))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
