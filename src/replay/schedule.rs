//! When each row is due.

use std::time::Duration;

/// How fast rows are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Rows a second, as an open loop: a row is due when it is due, whatever became of those before it.
    PerSecond(f64),
    /// As fast as the producer takes them.
    Max,
}

/// How many rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Rows(u64),
    Duration(Duration),
}

/// When each row is due, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    pub rate: Rate,
    pub extent: Extent,
}

/// What there is to do for the next row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Send,
    Wait(Duration),
    /// There is none: all were sent.
    Done,
}

impl Schedule {
    /// What there is to do for the `number`th row, from 0, when `elapsed` has passed since the start.
    pub fn next(&self, number: u64, elapsed: Duration) -> Next {
        match self.extent {
            Extent::Rows(rows) if number >= rows => return Next::Done,
            Extent::Duration(duration) if self.due(number).unwrap_or(elapsed) >= duration => return Next::Done,
            _ => {}
        }
        match self.due(number) {
            Some(due) if due > elapsed => Next::Wait(due - elapsed),
            _ => Next::Send,
        }
    }

    /// When the `number`th row is due, since the start; `None` where it is due whenever the producer takes it.
    pub fn due(&self, number: u64) -> Option<Duration> {
        match self.rate {
            Rate::PerSecond(rate) => Some(Duration::try_from_secs_f64(number as f64 / rate).unwrap_or(Duration::MAX)),
            Rate::Max => None,
        }
    }

    /// All rows, where that is known beforehand.
    pub fn rows(&self) -> Option<u64> {
        match (self.extent, self.rate) {
            (Extent::Rows(rows), _) => Some(rows),
            (Extent::Duration(duration), Rate::PerSecond(rate)) => Some((duration.as_secs_f64() * rate).ceil() as u64),
            (Extent::Duration(_), Rate::Max) => None,
        }
    }
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        if text == "max" {
            return Ok(Rate::Max);
        }
        match text.parse() {
            Ok(rate) if rate > 0.0 && f64::is_finite(rate) => Ok(Rate::PerSecond(rate)),
            _ => Err("expected rows a second, such as 1000, or max".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_row_is_due_whatever_became_of_those_before() {
        let schedule = Schedule {
            rate: Rate::PerSecond(100.0),
            extent: Extent::Duration(2 * SECOND),
        };
        assert_eq!(schedule.next(0, Duration::ZERO), Next::Send);
        assert_eq!(schedule.next(1, Duration::ZERO), Next::Wait(Duration::from_millis(10)));
        // Late by far, and the due time is the same.
        assert_eq!(schedule.next(1, 60 * SECOND), Next::Send);
        assert_eq!(schedule.due(1), Some(Duration::from_millis(10)));
        assert_eq!(schedule.next(199, 60 * SECOND), Next::Send);
        assert_eq!(schedule.next(200, 60 * SECOND), Next::Done);
        assert_eq!(schedule.rows(), Some(200));
    }

    #[test]
    fn without_a_rate_the_clock_or_the_count_ends_it() {
        let schedule = |extent| Schedule {
            rate: Rate::Max,
            extent,
        };
        assert_eq!(schedule(Extent::Rows(3)).next(2, Duration::ZERO), Next::Send);
        assert_eq!(schedule(Extent::Rows(3)).next(3, Duration::ZERO), Next::Done);
        assert_eq!(schedule(Extent::Duration(SECOND)).next(1 << 40, SECOND / 2), Next::Send);
        assert_eq!(schedule(Extent::Duration(SECOND)).next(0, SECOND), Next::Done);
        assert_eq!(schedule(Extent::Duration(SECOND)).rows(), None);
    }

    #[test]
    fn a_rate_is_a_number_or_max() {
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("0.5".parse(), Ok(Rate::PerSecond(0.5)));
        for text in ["0", "-1", "nan", "inf", "fast", ""] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn rows_are_due_in_their_order(rate in 0.01f64..1e7, number in 0u64..1 << 40, rows in 1u64..1 << 40) {
            let schedule = Schedule { rate: Rate::PerSecond(rate), extent: Extent::Rows(rows) };
            prop_assert!(schedule.due(number) <= schedule.due(number + 1));
            let expected = if number < rows { Next::Send } else { Next::Done };
            prop_assert_eq!(schedule.next(number, Duration::MAX), expected);
        }
    }
}
