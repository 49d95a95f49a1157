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

#[cfg(test)]
mod tests;
