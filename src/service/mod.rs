//! What lives around the workers: supervision, readiness, HTTP, signals, reloads.

pub(crate) mod connections;
mod endurance;
pub(crate) mod http;
#[cfg(test)]
mod marathon;
mod readiness;
mod reload;
mod signals;
mod supervisor;

pub use readiness::Readiness;
pub use reload::{Reload, Reloader};
pub use signals::Signals;
pub use supervisor::{Ended, Service};
