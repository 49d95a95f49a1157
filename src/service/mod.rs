//! What lives around the workers: supervision, readiness, HTTP, signals.

mod connections;
mod endurance;
mod http;
mod readiness;
mod signals;
mod supervisor;

pub use readiness::Readiness;
pub use signals::stop_on_signals;
pub use supervisor::{Ended, Service};
