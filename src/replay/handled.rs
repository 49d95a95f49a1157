//! Which dead letters of a partition were handled, reason by reason.

use rdkafka::Offset;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use std::collections::{BTreeMap, BTreeSet};

/// All before `offset`, and those of some reasons farther on. It is committed as an offset with metadata such as
/// `empty=12 row_width=40`, so that letters with a reason that was not asked for stay to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    offset: i64,
    ahead: BTreeMap<String, i64>,
}

impl Handled {
    pub fn before(offset: i64) -> Handled {
        Handled {
            offset,
            ahead: BTreeMap::new(),
        }
    }

    /// What was committed. `start` is where the partition begins now.
    pub fn read(committed: &TopicPartitionListElem<'_>, start: i64) -> Handled {
        let offset = match committed.offset() {
            Offset::Offset(offset) => offset.max(start),
            _ => start,
        };
        Handled::parse(offset, committed.metadata())
    }

    fn parse(offset: i64, metadata: &str) -> Handled {
        let ahead = metadata.split(' ').filter_map(|pair| {
            let (reason, end) = pair.rsplit_once('=')?;
            Some((reason.to_owned(), end.parse().ok()?))
        });
        Handled {
            offset,
            ahead: ahead.filter(|&(_, end)| end > offset).collect(),
        }
    }

    /// Puts it into what is to be committed.
    pub fn write(&self, commit: &mut TopicPartitionListElem<'_>) -> Result<(), KafkaError> {
        commit.set_metadata(self.metadata());
        commit.set_offset(Offset::Offset(self.offset))
    }

    fn metadata(&self) -> String {
        let pairs: Vec<String> = self
            .ahead
            .iter()
            .map(|(reason, end)| format!("{reason}={end}"))
            .collect();
        pairs.join(" ")
    }

    /// The letters with this reason before this offset were handled.
    pub fn end(&self, reason: &str) -> i64 {
        self.ahead.get(reason).copied().unwrap_or(self.offset)
    }

    /// The first offset at which a letter with one of these reasons can be open; no reasons means all.
    pub fn first_open(&self, reasons: &BTreeSet<String>) -> i64 {
        let ends = reasons.iter().map(|reason| self.end(reason));
        ends.min().unwrap_or(self.offset)
    }

    /// The letters with one of these reasons, or all, were handled up to here.
    pub fn advance(&mut self, reasons: &BTreeSet<String>, end: i64) {
        if reasons.is_empty() {
            self.offset = self.offset.max(end);
        }
        for reason in reasons {
            let end = self.end(reason).max(end);
            self.ahead.insert(reason.clone(), end);
        }
        self.ahead.retain(|_, end| *end > self.offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reasons(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn reasons_that_were_not_asked_for_stay_open() {
        let mut handled = Handled::before(5);
        handled.advance(&reasons(&["empty"]), 20);
        assert_eq!((handled.end("empty"), handled.end("row_width")), (20, 5));
        assert_eq!(handled.first_open(&reasons(&["empty"])), 20);
        assert_eq!(handled.first_open(&reasons(&["empty", "row_width"])), 5);
        assert_eq!(handled.first_open(&reasons(&[])), 5);
        assert_eq!(handled.metadata(), "empty=20");
        // Letters that came since are open for both.
        handled.advance(&reasons(&[]), 30);
        assert_eq!((handled.end("empty"), handled.end("row_width")), (30, 30));
        assert_eq!(handled.metadata(), "");
    }

    #[test]
    fn metadata_that_is_not_ours_is_passed_over() {
        assert_eq!(Handled::parse(3, "hello = world empty=x"), Handled::before(3));
        // The log was cut since.
        assert_eq!(Handled::parse(30, "empty=20"), Handled::before(30));
    }

    proptest! {
        /// Runs with any reasons, one after the other, send each letter exactly once.
        #[test]
        fn no_letter_is_handled_twice_and_none_that_was_asked_for_is_missed(
            letters in proptest::collection::vec(0usize..3, 0..40),
            runs in proptest::collection::vec((proptest::collection::btree_set(0usize..3, 0..3), 0usize..=40), 0..6),
        ) {
            const NAMES: [&str; 3] = ["a", "b", "c"];
            let mut times = vec![0; letters.len()];
            let mut handled = Handled::before(0);
            let mut present = 0;
            for (asked, more) in runs {
                present = letters.len().min(present + more);
                let asked: BTreeSet<String> = asked.into_iter().map(|reason| NAMES[reason].to_owned()).collect();
                for offset in handled.first_open(&asked) as usize..present {
                    let reason = NAMES[letters[offset]];
                    let is_asked = asked.is_empty() || asked.contains(reason);
                    if is_asked && offset as i64 >= handled.end(reason) {
                        times[offset] += 1;
                    }
                }
                handled.advance(&asked, present as i64);
                handled = Handled::parse(handled.offset, &handled.metadata());
                for (offset, &reason) in letters[..present].iter().enumerate() {
                    if asked.is_empty() || asked.contains(NAMES[reason]) {
                        prop_assert_eq!(times[offset], 1);
                    }
                    prop_assert!(times[offset] <= 1);
                }
            }
        }
    }
}
