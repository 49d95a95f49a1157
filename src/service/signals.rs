//! SIGTERM and SIGINT.

use crate::shutdown::Shutdown;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Asks for shutdown at the first signal. Returns at the second, which is not waited out.
///
/// # Errors
/// Where the process cannot listen for signals.
pub async fn stop_on_signals(shutdown: Shutdown, grace: Duration) -> std::io::Result<()> {
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
    next().await;
    Ok(())
}
