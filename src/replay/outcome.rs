//! What comes back for a row that was sent.

use crate::stream::{header, headers};
use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Header, Message as _, OwnedHeaders};

/// Header names that tell which row of which run a record is. The service copies them to its outcome.
pub mod name {
    pub const RUN: &str = "replay.run";
    /// The partition of the input that the row was sent to.
    pub const PARTITION: &str = "replay.partition";
    /// The row's number in that partition in that run, from 0.
    pub const SEQUENCE: &str = "replay.sequence";
}

/// The headers of a row.
pub fn headers(run: &str, partition: i32, sequence: u32) -> OwnedHeaders {
    let header = |key, value| Header {
        key,
        value: Some(value),
    };
    OwnedHeaders::new_with_capacity(3)
        .insert(header(name::RUN, run))
        .insert(header(name::PARTITION, &partition.to_string()))
        .insert(header(name::SEQUENCE, &sequence.to_string()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Prediction,
    DeadLetter,
}

/// A record of the output or the dead letter topic that answers a row of a run.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'m> {
    pub kind: Kind,
    /// The partition it is in.
    pub output_partition: i32,
    /// The partition its row was sent to, and the row's number there.
    pub partition: i32,
    pub sequence: u32,
    pub key: Option<&'m [u8]>,
    pub value: Option<&'m [u8]>,
    /// Milliseconds since 1970; `None` where the broker has set it.
    pub timestamp: Option<i64>,
    /// The offset that a dead letter's header names.
    pub offset: Option<i64>,
    /// Why it is a dead letter.
    pub reason: Option<&'m str>,
}

impl<'m> Outcome<'m> {
    /// `None` for a record that is not of this run.
    pub fn of(message: &'m BorrowedMessage<'_>, kind: Kind, run: &str) -> Option<Outcome<'m>> {
        if headers::last(message, name::RUN) != Some(run.as_bytes()) {
            return None;
        }
        let (mut offset, mut reason) = (None, None);
        if kind == Kind::DeadLetter {
            offset = number(message, header::OFFSET);
            reason = text(message, header::REASON);
        }
        Some(Outcome {
            kind,
            output_partition: message.partition(),
            // What cannot be read belongs to no row, and is counted so.
            partition: number(message, name::PARTITION).unwrap_or(-1),
            sequence: number(message, name::SEQUENCE).unwrap_or(u32::MAX),
            key: message.key(),
            value: message.payload(),
            timestamp: match message.timestamp() {
                Timestamp::CreateTime(timestamp) => Some(timestamp),
                Timestamp::NotAvailable | Timestamp::LogAppendTime(_) => None,
            },
            offset,
            reason,
        })
    }
}

fn text<'m>(message: &'m BorrowedMessage<'_>, name: &str) -> Option<&'m str> {
    std::str::from_utf8(headers::last(message, name)?).ok()
}

fn number<N: std::str::FromStr>(message: &BorrowedMessage<'_>, name: &str) -> Option<N> {
    text(message, name)?.parse().ok()
}
