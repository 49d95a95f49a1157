//! SIGTERM and SIGINT.

use crate::shutdown::Shutdown;
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask for a stop. From when this is made they do not end the process by themselves.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen, inside a runtime.
    ///
    /// # Errors
    /// Where the process cannot listen for signals.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Asks for the stop at the first signal, also at one that came before, and does not wait for it any more at the
    /// second. Never ends.
    pub async fn stop(mut self, shutdown: Shutdown, grace: Duration) -> Infallible {
        let name = self.next().await;
        tracing::info!(
            signal = name,
            grace_seconds = grace.as_secs_f64(),
            "stopping: the last checkpoint, then the group is left"
        );
        shutdown.request(grace);
        let name = self.next().await;
        tracing::warn!(signal = name, "a second signal: what is not finished is left");
        shutdown.abandon();
        std::future::pending().await
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
