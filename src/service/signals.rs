//! SIGTERM, SIGINT and SIGHUP.

use super::reload::Reload;
use crate::shutdown::Shutdown;
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

const HANGUP: &str = "SIGHUP";

/// The signals that ask for something. From when this is made they do not end the process by themselves.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
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
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Asks for the stop at the first SIGTERM or SIGINT, also at one that came before, and does not wait for it any
    /// more at the second. SIGHUP asks for a reload, or for the stop where nothing can be reloaded. Never ends.
    pub async fn obey(mut self, shutdown: Shutdown, grace: Duration, reload: Option<Reload>) -> Infallible {
        let name = loop {
            match (self.next().await, &reload) {
                (HANGUP, Some(reload)) => {
                    tracing::info!(signal = HANGUP, "loading the models anew");
                    reload.request();
                }
                (name, _) => break name,
            }
        };
        tracing::info!(
            signal = name,
            grace_seconds = grace.as_secs_f64(),
            "stopping: the last checkpoint, then the group is left"
        );
        shutdown.request(grace);
        let name = loop {
            match self.next().await {
                HANGUP => {}
                name => break name,
            }
        };
        tracing::warn!(signal = name, "a second signal: what is not finished is left");
        shutdown.abandon();
        std::future::pending().await
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => HANGUP,
        }
    }
}
