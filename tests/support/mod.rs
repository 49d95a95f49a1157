//! What the tests on a real Kafka share: the cluster, the service as a process, rows, and waiting.

pub mod http;
pub mod kafka;
pub mod metrics;
pub mod program;
pub mod records;
pub mod rows;
pub mod service;
pub mod signal;

use std::time::{Duration, Instant};

/// Long enough for anything here on a slow machine; what takes longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks every few milliseconds until there is an answer.
///
/// # Panics
/// With `what` and the last state when there is none in time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the tests wait for a process they cannot be woken by"
)]
pub fn poll_until<T, S: std::fmt::Debug>(what: &str, patience: Duration, mut ask: impl FnMut() -> Result<T, S>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(state) if Instant::now() >= deadline => {
                panic!(
                    "after {} s still waiting for {what}; now: {state:?}",
                    patience.as_secs()
                )
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
