//! Kafka: the workers that consume, score and produce, and the checkpoint that moves their offsets.
//!
//! A worker is one thread that owns a consumer, a producer and a scorer, and shares nothing with its siblings
//! but counters. Between poll and produce everything works on a batch:
//!
//! ```text
//! poll a batch ─► split, encode, score ─► encode, produce ─► … ─► checkpoint: all acknowledged, offsets committed
//! ```
//!
//! Offsets move in `checkpoint` and nowhere else; with exactly once they move in the producer's transaction.
//! A rebalance is not served inside librdkafka's callback: the callback leaves a note, poll returns, and the worker,
//! which owns all the state, answers it.

mod checkpoint;
mod clients;
mod consumer;
mod cursor;
pub(crate) mod dead_letter;
mod embedded;
mod excerpt;
mod failure;
pub(crate) mod headers;
mod lag;
mod limits;
pub(crate) mod log;
mod notes;
mod offsets;
mod outgoing;
mod pipeline;
mod positions;
mod producer;
mod raw;
mod repeats;
pub mod topics;
mod transaction;
mod vitals;
mod worker;

pub use clients::ClientFactory;
pub use cursor::{At, Cursor, Record};
pub use dead_letter::{REASONS, header};
pub use embedded::EmbeddedKafka;
pub use excerpt::Excerpt;
pub use failure::Failure;
pub(crate) use offsets::watermarks;
pub use vitals::Vitals;
pub use worker::Worker;
