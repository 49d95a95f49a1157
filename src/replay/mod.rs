//! The load generator and its checker: rows are sent to a running service, and what comes out is held against them.
//!
//! ```text
//! rows ─► schedule ─► sender ─► AirlineInputTopic ─► the service ─► AirlineOutputTopic, AirlineDeadLetterTopic
//!                       └─► ledger ◄─ checker ◄─ outcomes ◄─ reader ◄─────────────┘
//! ```
//!
//! Every record carries the run's id and its number within its partition as headers, which the service copies to the
//! outcome.

mod bad_rows;
mod checker;
mod dead_letters;
pub(crate) mod handled;
mod ledger;
pub(crate) mod letter;
mod offsets;
mod outcome;
mod partitioner;
mod reader;
mod report;
mod rows;
mod run;
mod schedule;
mod sender;
mod sent_back;
mod stall;

pub use bad_rows::BadRows;
pub use dead_letters::DeadLetters;
pub use ledger::MAX_ROWS;
pub use offsets::Offsets;
pub use outcome::{Kind, Outcome};
pub use report::{Latency, Report};
pub use rows::{Rows, RowsError};
pub use run::{Control, Plan, Progress, Run, Watcher};
pub use schedule::{Extent, Rate, Schedule};
pub use sent_back::SentBack;

use crate::stream::log;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use std::time::Duration;

/// Longest wait for a record: what else there is to do comes around as often.
const STEP: Duration = Duration::from_millis(10);
/// For answers to questions about offsets, where all depends on them.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client whose reports are for those who look for them: a run says what it waited for.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log::forward("replay", level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "reader");
    }
}

impl ConsumerContext for Quiet {}
