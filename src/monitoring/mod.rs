//! What is seen of the models in service: how good the champion's predictions are, how far its inputs have drifted, and
//! how a challenger does on the same rows.
//!
//! ```text
//! worker: Observer ── a batch at a time ──► Monitor ── one for each worker ──► Snapshot ──► /metrics, /status, demo
//!            └─ Shadow: the challenger
//! ```
//!
//! An [`Observer`] belongs to its worker. It notes the truth that rows carry in IsDepDelayed, and writes what was scored
//! into the worker's [`Monitor`], whose lock is taken once for a batch. A [`Snapshot`] adds up the monitors of all
//! workers. Rows that are scored again after a failure are counted again.

mod monitor;
mod observed;
mod observer;
mod shadow;
mod snapshot;
mod truth;

#[cfg(test)]
pub(crate) mod tests;

pub use monitor::{Monitor, Monitors};
pub use observer::Observer;
pub use snapshot::{Compared, Flights, Seen, Snapshot};
