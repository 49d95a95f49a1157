//! The service on a real Kafka.

mod audit;
mod bad;
mod evaluate;
mod forms;
mod group;
mod kept;
mod limits;
mod memory;
mod models;
mod outage;
mod replay;
mod start;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, which use the rest")]
mod support;

use serde_json::Value;
use support::kafka::{Kafka, Names};
use support::program::{self, Run};
use support::records::Record;
use support::service::Service;
use support::{PATIENCE, poll_until};

const REASON: &str = "__streams.errors.exception";

/// The place of an output's input, if it names one.
fn source(output: &Record) -> Option<(i32, i64)> {
    if let Some(offset) = output.header("__streams.errors.offset") {
        return Some((
            output.header("__streams.errors.partition")?.parse().ok()?,
            offset.parse().ok()?,
        ));
    }
    let json: Value = serde_json::from_slice(output.value.as_deref()?).expect("a prediction is JSON");
    let source = &json["source"];
    Some((
        i32::try_from(source["partition"].as_i64()?).ok()?,
        source["offset"].as_i64()?,
    ))
}

/// What `score` makes of these values.
fn scored<'v>(values: impl IntoIterator<Item = &'v [u8]>, format: &str) -> Vec<String> {
    let mut input = Vec::new();
    for value in values {
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        input.extend_from_slice(value.strip_suffix(b"\r").unwrap_or(value));
        input.push(b'\n');
    }
    let run = program::run(&["score", "--format", format], &input).exits(0);
    run.stdout.lines().map(str::to_owned).collect()
}

/// Waits until the group has committed all of the input.
fn wait_committed(kafka: &Kafka, names: &Names, services: &[Service]) {
    let ends = kafka.ends(&names.input);
    let partitions = i32::try_from(ends.len()).unwrap();
    poll_until("everything to be committed", PATIENCE, || {
        services.iter().for_each(Service::assert_running);
        let committed = kafka.committed(&names.group, &names.input, partitions);
        if committed == ends {
            Ok(())
        } else {
            Err((committed, &ends))
        }
    });
}

/// Runs `topics` on this test's topics.
fn topics(kafka: &Kafka, names: &Names, arguments: &[&str]) -> Run {
    on(kafka, names, "topics", arguments)
}

/// Runs a command on this test's topics.
fn on(kafka: &Kafka, names: &Names, command: &str, arguments: &[&str]) -> Run {
    let settings = names.settings();
    let mut all = vec![command, "--bootstrap-servers", &kafka.bootstrap_servers];
    all.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    all.extend(arguments);
    program::run(&all, b"")
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
