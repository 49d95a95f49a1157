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
