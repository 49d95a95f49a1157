//! The service on a real Kafka with encryption, users and rights.

mod certificates;
mod cluster;
mod refused;
mod rights;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, which use the rest")]
mod support;
mod works;

use cluster::SECRET;
use support::kafka::Names;
use support::program::{self, Run};

/// What the log is to hold when secrets are looked for: all that can be had.
const EVERYTHING: [&str; 2] = ["log.filter=debug,librdkafka=debug", "kafka.common.debug=all"];

/// Enough for the broker to answer on a busy machine; whoever waits for it does so to its end.
const STARTUP_TIMEOUT: &str = "kafka.startup_timeout=20s";

/// Runs the service until it gives up, which it is to do with exit code 4, and looks for secrets in what it said.
/// Hands back the last line.
#[track_caller]
fn gives_up(names: &Names, settings: &[String]) -> String {
    let own = names.settings();
    let mut all = vec!["serve", "--set", "http.listen=127.0.0.1:0", "--set", STARTUP_TIMEOUT];
    let everything = EVERYTHING.iter().copied();
    let settings = own.iter().chain(settings).map(String::as_str);
    all.extend(settings.chain(everything).flat_map(|setting| ["--set", setting]));
    let Run { stdout, stderr, .. } = program::run(&all, b"").exits(4);
    assert_keeps_secrets(&stdout);
    assert_keeps_secrets(&stderr);
    let last = stderr.trim_end().lines().last().unwrap_or_default();
    assert!(last.starts_with("error: "), "{stderr}");
    last.to_owned()
}

#[track_caller]
fn assert_keeps_secrets(text: &str) {
    let told: Vec<&str> = text.lines().filter(|line| line.contains(SECRET)).collect();
    assert!(told.is_empty(), "secrets are told: {told:#?}");
}
