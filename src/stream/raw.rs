//! librdkafka's own calls where those of the crate cost more than a record may: everything unsafe of the hot path is
//! here, behind calls that are safe.

mod send;

pub use send::{Sender, Target};
