//! How long nothing came while something was awaited.

use std::time::Duration;

#[derive(Debug, Default)]
pub struct Stall {
    /// Since when nothing has come.
    since: Option<Duration>,
    longest: Duration,
}

impl Stall {
    /// Something is awaited from now on, if nothing was before.
    pub fn awaits(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// Something came, and perhaps more is awaited.
    pub fn came(&mut self, now: Duration, awaits_more: bool) {
        if let Some(since) = self.since {
            self.longest = self.longest.max(now.saturating_sub(since));
        }
        self.since = awaits_more.then_some(now);
    }

    pub fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_in_which_something_was_awaited_counts() {
        let at = Duration::from_secs;
        let mut stall = Stall::default();
        stall.awaits(at(1));
        stall.awaits(at(2));
        stall.came(at(4), true);
        assert_eq!(stall.longest(), at(3));
        stall.came(at(5), false);
        stall.came(at(50), false);
        stall.awaits(at(100));
        stall.came(at(102), false);
        assert_eq!(stall.longest(), at(3));
    }
}
