//! The progress of a run, on one line of a terminal.

use crate::replay::{Offsets, Progress};
use crate::stream::Failure;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const WIDTH: u64 = 24;
/// Between two questions for the lag.
const PAUSE: Duration = Duration::from_secs(1);
const UNKNOWN: i64 = -1;

/// The line, cleared when this is dropped.
pub struct Bar {
    lag: Arc<AtomicI64>,
}

impl Bar {
    /// `None` where standard error is no terminal. `offsets` makes the client that is asked for the lag.
    pub fn on_terminal(offsets: impl FnOnce() -> Result<Offsets, Failure>) -> Result<Option<Bar>, Failure> {
        if !io::stderr().is_terminal() {
            return Ok(None);
        }
        let offsets = offsets()?;
        let lag = Arc::new(AtomicI64::new(UNKNOWN));
        let shown = Arc::downgrade(&lag);
        // The brokers may take their time to answer; this thread ends when nobody shows what it knows.
        std::thread::spawn(move || {
            while let Some(lag) = shown.upgrade() {
                let known = offsets.lag(PAUSE).and_then(|lag| i64::try_from(lag).ok());
                lag.store(known.unwrap_or(UNKNOWN), Ordering::Relaxed);
                drop(lag);
                std::thread::park_timeout(PAUSE);
            }
        });
        Ok(Some(Bar { lag }))
    }

    pub fn draw(&mut self, progress: &Progress) {
        let lag = self.lag.load(Ordering::Relaxed);
        let line = line(progress, (lag != UNKNOWN).then_some(lag));
        // Back to the start of the line, and clear what it held.
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

fn line(progress: &Progress, lag: Option<i64>) -> String {
    let Progress {
        sent,
        rows,
        outcomes,
        elapsed,
    } = *progress;
    let mut line = String::new();
    if let Some(rows) = rows.filter(|&rows| rows > 0) {
        let done = (outcomes * WIDTH / rows).min(WIDTH) as usize;
        line += &format!("[{:#<done$}{:-<rest$}] ", "", "", rest = WIDTH as usize - done);
    }
    line += &format!("{} s, {sent} sent, {outcomes} came out", elapsed.as_secs());
    if let Some(lag) = lag {
        line += &format!(", lag {lag}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_how_much_came_out() {
        let progress = Progress {
            sent: 900,
            rows: Some(1000),
            outcomes: 500,
            elapsed: Duration::from_millis(1900),
        };
        assert_eq!(
            line(&progress, Some(400)),
            "[############------------] 1 s, 900 sent, 500 came out, lag 400"
        );
        let open = Progress { rows: None, ..progress };
        assert_eq!(line(&open, None), "1 s, 900 sent, 500 came out");
    }
}
