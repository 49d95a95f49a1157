//! `serve` as a process.

use super::http;
use super::kafka::{Kafka, Names};
use super::metrics::Scrape;
use super::program::command;
use super::{PATIENCE, poll_until, signal};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// What every service of the tests is set to, so that nothing takes longer than it must.
const SETTINGS: &[&str] = &[
    "http.listen=127.0.0.1:0",
    "log.format=json",
    "delivery.checkpoint_interval=1s",
    "kafka.consumer.session.timeout.ms=6000",
    "kafka.consumer.heartbeat.interval.ms=500",
];

/// A running service. It is killed when this is dropped.
pub struct Service {
    child: Mutex<Child>,
    dir: TempDir,
    pub url: String,
}

impl Service {
    /// Starts the service and waits for HTTP to answer.
    pub fn start(kafka: &Kafka, names: &Names, settings: &[&str]) -> Service {
        let dir = tempfile::tempdir().unwrap();
        let file = |name| File::create(dir.path().join(name)).unwrap();
        let mut command = command(&["serve"]);
        let mut own = names.settings();
        own.push(format!("kafka.bootstrap_servers={}", kafka.bootstrap_servers));
        for setting in SETTINGS
            .iter()
            .copied()
            .chain(own.iter().map(String::as_str))
            .chain(settings.iter().copied())
        {
            command.args(["--set", setting]);
        }
        command
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        let child = command.spawn().expect("the program starts");
        kafka.keep(child.id());
        let mut service = Service {
            child: Mutex::new(child),
            dir,
            url: String::new(),
        };
        let listen = poll_until("HTTP to be up", PATIENCE, || {
            service.assert_running();
            service.logged("HTTP is up").ok_or_else(|| service.stderr())
        });
        service.url = format!("http://{}", listen["listen"].as_str().expect("an address"));
        service
    }

    /// Starts the service and waits until it is ready.
    pub fn start_ready(kafka: &Kafka, names: &Names, settings: &[&str]) -> Service {
        let service = Service::start(kafka, names, settings);
        service.wait_ready();
        service
    }

    pub fn wait_ready(&self) {
        poll_until("the service to be ready", PATIENCE, || {
            self.assert_running();
            match self.get("/health/ready") {
                (200, body) => Ok(body),
                other => Err((other, self.stderr())),
            }
        });
    }

    #[track_caller]
    pub fn assert_running(&self) {
        if let Some(status) = self.child().try_wait().unwrap() {
            panic!("serve ended with {status}:\n{}", self.stderr());
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Status and body of an answer.
    pub fn get(&self, path: &str) -> (u16, String) {
        http::get(&format!("{}{path}", self.url))
    }

    pub fn metrics(&self) -> Scrape {
        Scrape::new(self.get("/metrics").1)
    }

    /// The partitions of the service, by its status.
    pub fn partitions(&self) -> BTreeSet<i32> {
        let status: Value = serde_json::from_str(&self.get("/status").1).unwrap_or_default();
        let workers = status["workers"].as_array().into_iter().flatten();
        let owned = workers
            .filter_map(|worker| worker["partitions"].as_object())
            .flat_map(|owned| owned.keys());
        owned.map(|partition| partition.parse().unwrap()).collect()
    }

    /// A line of /proc/PID/status in bytes: `VmRSS` is what is resident now, `VmHWM` the most that ever was.
    pub fn memory(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child().id())).expect("the process is there");
        let found = status
            .lines()
            .find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        let kibibytes = found
            .and_then(|found| found.trim().strip_suffix(" kB"))
            .expect("a number of kB");
        kibibytes.parse::<u64>().unwrap() * 1024
    }

    pub fn stdout(&self) -> String {
        fs::read_to_string(self.dir.path().join("stdout")).expect("standard output is UTF-8")
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr")).expect("standard error is UTF-8")
    }

    /// The first line of the log with this message.
    pub fn logged(&self, message: &str) -> Option<Value> {
        let lines = self.stderr();
        let mut events = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.find(|event| event["message"] == message)
    }

    pub fn sigterm(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let process = self.child().id();
        signal::send(name, process).unwrap_or_else(|error| {
            panic!(
                "{error}:
{}",
                self.stderr()
            )
        });
    }

    /// SIGKILL.
    pub fn kill(self) {
        self.child().kill().unwrap();
        self.child().wait().unwrap();
    }

    /// Waits for the end. `None` where a signal was the end.
    pub fn wait_exit(&self) -> Option<i32> {
        poll_until("the service to end", PATIENCE, || {
            match self.child().try_wait().unwrap() {
                Some(status) => Ok(status.code()),
                None => Err(self.stderr()),
            }
        })
    }

    /// SIGTERM, and the end it should come to.
    #[track_caller]
    pub fn stop(self) {
        self.sigterm();
        let code = self.wait_exit();
        assert_eq!(code, Some(0), "exit code after SIGTERM; the log:\n{}", self.stderr());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let mut child = self.child();
        if let Ok(None) = child.try_wait() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
