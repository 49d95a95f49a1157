//! From when on a topic is read.

use anyhow::{Context, anyhow};
use std::time::{Duration, SystemTime};

/// A time to begin with, given as how long ago or as an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    Ago(Duration),
    At(SystemTime),
}

impl Since {
    /// # Errors
    /// The instant before which all time is.
    pub(super) fn time(self, now: SystemTime) -> anyhow::Result<SystemTime> {
        match self {
            Since::Ago(duration) => now
                .checked_sub(duration)
                .context("--since: so long ago there was no time"),
            Since::At(time) => Ok(time),
        }
    }
}

impl std::str::FromStr for Since {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Ok(duration) = humantime::parse_duration(text) {
            return Ok(Since::Ago(duration));
        }
        let time = humantime::parse_rfc3339(text);
        time.map(Since::At)
            .map_err(|_| anyhow!("expected a time ago such as 2h, or an instant such as 2026-01-31T08:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_give_a_time_are_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let time = |text: &str| text.parse::<Since>().unwrap().time(now).unwrap();
        assert_eq!(time("2h 30m"), now - Duration::from_secs(9000));
        assert_eq!(time("1970-01-12T13:46:40Z"), now);
        for wrong in ["", "yesterday", "2", "-2h", "2026-01-31"] {
            let error = wrong.parse::<Since>().unwrap_err().to_string();
            assert!(error.contains("such as 2h"), "{wrong}: {error}");
        }
    }
}
