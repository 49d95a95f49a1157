//! librdkafka's own calls where those of the crate cost more than a record may: everything unsafe of the hot path is
//! here, behind calls that are safe.

mod assignment;
mod batch;
mod callbacks;
mod receiver;
mod send;

pub use batch::{Batch, Record};
pub use receiver::Receiver;
pub use send::{Sender, Target};

use std::time::Duration;

/// A time as librdkafka takes it.
pub fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
