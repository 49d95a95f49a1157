//! What is known of every row that was sent.

use std::time::Duration;

/// The rows that were sent, by the partition they were sent to and their number there.
#[derive(Debug)]
pub struct Ledger {
    partitions: Vec<Partition>,
    sent: u64,
    acknowledged: u64,
    failed: u64,
    /// Rows that have no outcome, unless their delivery failed.
    awaited: u64,
}

#[derive(Debug)]
struct Partition {
    /// The partition's end before the first row was sent: offsets are kept relative to it.
    start: i64,
    /// The offset after the last row that was acknowledged, relative too.
    end: Option<u32>,
    rows: Vec<Entry>,
}

/// One row. There can be hundreds of millions of them.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Which row it was, counted over all partitions.
    number: u32,
    /// When it was handed to the producer, in units of [`TICK`] since the start.
    handed: u32,
    offset: u32,
    acknowledged: bool,
    failed: bool,
    has_outcome: bool,
}

/// As long as a run of 119 hours fits.
const TICK: Duration = Duration::from_micros(100);
const UNKNOWN: u32 = u32::MAX;
/// Rows that one ledger can hold.
pub const MAX_ROWS: u64 = u32::MAX as u64;

/// A row that an outcome belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub number: u64,
    pub handed: Duration,
    /// Whether this is its first outcome.
    pub first: bool,
}

impl Ledger {
    /// For partitions whose ends are these.
    pub fn new(ends: &[i64]) -> Ledger {
        let partition = |&start| Partition {
            start,
            end: None,
            rows: Vec::new(),
        };
        Ledger {
            partitions: ends.iter().map(partition).collect(),
            sent: 0,
            acknowledged: 0,
            failed: 0,
            awaited: 0,
        }
    }

    pub fn sent(&self) -> u64 {
        self.sent
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Rows that could not be delivered, as far as the producer knows.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Rows of which the producer has not yet said whether they were delivered.
    pub fn in_flight(&self) -> u64 {
        self.sent - self.acknowledged - self.failed
    }

    pub fn awaited(&self) -> u64 {
        self.awaited
    }

    /// The sequence number of the row that is sent to this partition next.
    pub fn next_sequence(&self, partition: i32) -> u32 {
        self.partitions[partition as usize].rows.len() as u32
    }

    /// Enters the `number`th row of all, which was sent to this partition `elapsed` after the start.
    pub fn enter(&mut self, partition: i32, number: u64, elapsed: Duration) {
        self.partitions[partition as usize].rows.push(Entry {
            number: number as u32,
            handed: (elapsed.as_micros() / TICK.as_micros()) as u32,
            offset: UNKNOWN,
            acknowledged: false,
            failed: false,
            has_outcome: false,
        });
        self.sent += 1;
        self.awaited += 1;
    }

    /// Enters that the brokers have the row, and where if they said so. Returns false where its outcome named another
    /// place.
    pub fn acknowledge(&mut self, partition: i32, sequence: u32, offset: Option<i64>) -> bool {
        let Some((start, entry)) = self.entry(partition, sequence) else {
            return true;
        };
        entry.acknowledged = true;
        let offset = offset.and_then(|offset| u32::try_from(offset - start).ok());
        let named_another = offset.is_some_and(|offset| entry.offset != UNKNOWN && entry.offset != offset);
        entry.offset = offset.unwrap_or(entry.offset);
        self.acknowledged += 1;
        let end = &mut self.partitions[partition as usize].end;
        *end = (*end).max(offset.map(|offset| offset + 1));
        !named_another
    }

    /// Enters that the row could not be delivered. It may be in the log all the same.
    pub fn fail(&mut self, partition: i32, sequence: u32) {
        if let Some((_, entry)) = self.entry(partition, sequence) {
            entry.failed = true;
            let awaited = !entry.has_outcome;
            self.failed += 1;
            self.awaited -= u64::from(awaited);
        }
    }

    /// Enters an outcome. `None` where no such row was sent.
    pub fn outcome(&mut self, partition: i32, sequence: u32) -> Option<Sent> {
        let (_, entry) = self.entry(partition, sequence)?;
        let first = !entry.has_outcome;
        entry.has_outcome = true;
        let sent = Sent {
            number: entry.number.into(),
            handed: TICK * entry.handed,
            first,
        };
        let failed = entry.failed;
        self.awaited -= u64::from(first && !failed);
        Some(sent)
    }

    /// Whether the row can be at this offset, which an outcome names. The acknowledgement may come later: then the
    /// offset is kept for it.
    pub fn is_at(&mut self, partition: i32, sequence: u32, offset: i64) -> bool {
        let Some((start, entry)) = self.entry(partition, sequence) else {
            return false;
        };
        let Ok(offset) = u32::try_from(offset - start) else {
            return false;
        };
        if entry.offset == UNKNOWN {
            entry.offset = offset;
        }
        entry.offset == offset
    }

    /// For each partition the offset after the last row that was acknowledged, `None` where none was.
    pub fn ends(&self) -> Vec<Option<i64>> {
        let end = |partition: &Partition| Some(partition.start + i64::from(partition.end?));
        self.partitions.iter().map(end).collect()
    }

    /// Partition and sequence number of the rows that were acknowledged and have no outcome.
    pub fn lost(&self) -> impl Iterator<Item = (i32, u32)> {
        (0..).zip(&self.partitions).flat_map(|(partition, rows)| {
            let lost = |entry: &Entry| entry.acknowledged && !entry.has_outcome;
            let rows = (0..).zip(&rows.rows);
            rows.filter(move |(_, entry)| lost(entry))
                .map(move |(sequence, _)| (partition, sequence))
        })
    }

    fn entry(&mut self, partition: i32, sequence: u32) -> Option<(i64, &mut Entry)> {
        let partition = self.partitions.get_mut(usize::try_from(partition).ok()?)?;
        Some((partition.start, partition.rows.get_mut(sequence as usize)?))
    }
}

/// The moment to which an entry remembers it, so that a timestamp made of it can be made again.
pub fn to_tick(elapsed: Duration) -> Duration {
    TICK * (elapsed.as_micros() / TICK.as_micros()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_row_takes_16_bytes() {
        assert_eq!(size_of::<Entry>(), 16);
    }

    #[test]
    fn an_offset_is_known_from_the_acknowledgement_or_from_an_outcome() {
        let mut ledger = Ledger::new(&[1 << 40]);
        for number in 0..4 {
            assert_eq!(ledger.next_sequence(0), number);
            ledger.enter(0, number.into(), Duration::from_millis(number.into()));
        }
        let at = |offset: i64| (1 << 40) + offset;
        assert!(ledger.acknowledge(0, 0, Some(at(7))));
        assert!(ledger.is_at(0, 0, at(7)) && !ledger.is_at(0, 0, at(8)));
        // The outcome is read before the delivery report.
        assert!(ledger.is_at(0, 1, at(8)) && !ledger.is_at(0, 1, at(9)));
        assert!(ledger.acknowledge(0, 1, Some(at(8))));
        assert!(ledger.is_at(0, 2, at(9)));
        assert!(!ledger.acknowledge(0, 2, Some(at(10))));
        // A broker may not know it any more.
        assert!(ledger.acknowledge(0, 3, None));
        assert_eq!(ledger.ends(), [Some(at(11))]);
        assert!(ledger.is_at(0, 3, at(11)) && !ledger.is_at(0, 3, at(12)));
        assert!(!ledger.is_at(0, 3, at(-1)) && !ledger.is_at(0, 9, at(11)) && !ledger.is_at(1, 0, at(11)));
        let third = ledger.outcome(0, 3).unwrap();
        assert_eq!((third.number, third.handed), (3, Duration::from_millis(3)));
    }

    #[test]
    fn what_was_not_sent_has_no_entry() {
        let mut ledger = Ledger::new(&[0, 0]);
        ledger.enter(1, 0, Duration::ZERO);
        for (partition, sequence) in [(0, 0), (1, 1), (2, 0), (-1, 0), (1, u32::MAX)] {
            assert_eq!(ledger.outcome(partition, sequence), None);
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Deliver(bool),
        Outcome,
    }

    proptest! {
        /// In whatever order reports and outcomes come, the counts are those of the sets they stand for.
        #[test]
        fn counts_are_those_of_the_sets(
            partitions in proptest::collection::vec(0i32..3, 1..40),
            events in proptest::collection::vec((0usize..40, prop_oneof![
                any::<bool>().prop_map(Event::Deliver),
                Just(Event::Outcome),
            ]), 0..150),
        ) {
            let mut ledger = Ledger::new(&[5, 0, 100]);
            let mut places = Vec::new();
            for (number, &partition) in (0..).zip(&partitions) {
                places.push((partition, ledger.next_sequence(partition)));
                ledger.enter(partition, number, Duration::ZERO);
            }
            let (mut acknowledged, mut failed, mut came) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
            for (row, event) in events {
                let place = places[row % places.len()];
                match event {
                    // A producer reports each row once.
                    Event::Deliver(_) if acknowledged.contains(&place) || failed.contains(&place) => {}
                    Event::Deliver(true) => {
                        acknowledged.insert(place);
                        prop_assert!(ledger.acknowledge(place.0, place.1, None));
                    }
                    Event::Deliver(false) => {
                        failed.insert(place);
                        ledger.fail(place.0, place.1);
                    }
                    Event::Outcome => {
                        let sent = ledger.outcome(place.0, place.1).unwrap();
                        prop_assert_eq!(sent.first, came.insert(place));
                        prop_assert_eq!(places[sent.number as usize], place);
                    }
                }
            }
            let rows = places.len();
            prop_assert_eq!(ledger.sent(), rows as u64);
            prop_assert_eq!(ledger.acknowledged(), acknowledged.len() as u64);
            prop_assert_eq!(ledger.in_flight(), (rows - acknowledged.len() - failed.len()) as u64);
            let awaited = places.iter().filter(|place| !came.contains(*place) && !failed.contains(*place));
            prop_assert_eq!(ledger.awaited(), awaited.count() as u64);
            let lost: BTreeSet<_> = acknowledged.difference(&came).copied().collect();
            prop_assert_eq!(ledger.lost().collect::<BTreeSet<_>>(), lost);
        }
    }
}
