//! What lives around the workers: supervision, readiness, HTTP, signals.

pub(crate) mod connections;
mod endurance;
pub(crate) mod http;
mod readiness;
mod signals;
mod supervisor;

pub use readiness::Readiness;
pub use signals::Signals;
pub use supervisor::{Ended, Service};
