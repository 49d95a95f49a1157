//! SIGTERM and SIGINT.

use crate::shutdown::Shutdown;
use std::convert::Infallible;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Asks for shutdown at the first signal, and does not wait for it any more at the second.
///
/// # Errors
/// Where the process cannot listen for signals; otherwise it never returns.
pub async fn stop_on_signals(shutdown: Shutdown, grace: Duration) -> std::io::Result<Infallible> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut next = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    let name = next().await;
    tracing::info!(
        signal = name,
        grace_seconds = grace.as_secs_f64(),
        "stopping: the last checkpoint, then the group is left"
    );
    shutdown.request(grace);
    let name = next().await;
    tracing::warn!(signal = name, "a second signal: what is not finished is left");
    shutdown.abandon();
    std::future::pending().await
}
