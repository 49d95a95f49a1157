//! Published predictions, scored again: each names its input record and its model, and whoever has both can check it.
//!
//! ```text
//! AirlineOutputTopic ─► claims, by model and source ─► their rows from AirlineInputTopic ─► score ─► compare ─► report
//! ```
//!
//! Memory is bounded by the chunk of claims that is checked at a time.

mod auditor;
mod claim;
mod comparison;
mod inputs;
mod report;

pub use auditor::{AuditError, Auditor};
pub use claim::{Claim, NoClaim, Place};
pub use report::{Example, Report};
