//! What a topic refuses. A refused record fails its whole batch, so such records are kept out before.

/// Limits of a topic, from its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `cleanup.policy` has `compact`: records without a key are refused.
    pub compacted: bool,
    /// `max.message.bytes`.
    pub max_message_bytes: usize,
    /// `compression.type` is `uncompressed`: the size of a record is that before compression.
    pub uncompressed: bool,
    /// `message.timestamp.type` is LogAppendTime: the broker sets timestamps itself.
    pub log_append_time: bool,
    /// `message.timestamp.before.max.ms` and `.after.max.ms`: how far from now a timestamp may be.
    pub timestamp_before_max_ms: i64,
    pub timestamp_after_max_ms: i64,
}

impl Default for Limits {
    /// The defaults of Kafka 4, for brokers that do not tell.
    fn default() -> Self {
        Limits {
            compacted: false,
            max_message_bytes: 1_048_588,
            uncompressed: false,
            log_append_time: false,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
        }
    }
}

/// A timestamp that is so near to a limit is not carried: the broker has a clock of its own, and looks at the record when
/// it has waited in a queue.
const MARGIN_MS: i64 = 5 * 60_000;

/// Fixed part of a record in its batch: lengths, offsets, attributes, and the batch's own header.
const RECORD_OVERHEAD: usize = 100;

impl Limits {
    /// Whether a record with this timestamp, in milliseconds since 1970, is taken at `now`. librdkafka takes 0 for
    /// "now", so that it cannot be carried.
    pub fn takes_timestamp(&self, timestamp: i64, now: i64) -> bool {
        timestamp > 0
            && (self.log_append_time
                || (timestamp.saturating_sub(now) <= self.timestamp_after_max_ms.saturating_sub(MARGIN_MS)
                    && now.saturating_sub(timestamp) <= self.timestamp_before_max_ms.saturating_sub(MARGIN_MS)))
    }

    /// Whether a record whose key, value and headers have this many bytes fits.
    pub fn takes_bytes(&self, bytes: usize) -> bool {
        bytes.saturating_add(RECORD_OVERHEAD) <= self.max_message_bytes
    }

    /// The same for a record whose value is sent compressed; `beside` are the bytes of key and headers.
    pub fn takes_compressed(&self, beside: usize, value: &[u8]) -> bool {
        self.takes_bytes(beside.saturating_add(value.len()))
            || !self.uncompressed && self.takes_bytes(beside.saturating_add(compressed_bytes(value)))
    }
}

/// How many bytes remain at most when librdkafka compresses these with lz4, or with something stronger.
///
/// librdkafka makes frames of independent blocks of 64 KiB; a record's fields shift the value within them, so that its
/// own estimate can only be near: a sixteenth is added.
fn compressed_bytes(bytes: &[u8]) -> usize {
    const BLOCK: usize = 64 * 1024;
    const BLOCK_HEADER: usize = 4;
    let mut buffer = vec![0; lz4_flex::block::get_maximum_output_size(BLOCK)];
    let block_bytes = |block: &[u8]| {
        let compressed = lz4_flex::block::compress_into(block, &mut buffer).unwrap_or(block.len());
        compressed.min(block.len()) + BLOCK_HEADER
    };
    let total: usize = bytes.chunks(BLOCK).map(block_bytes).sum();
    total + total / 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compresses_well_fits_where_it_would_not_as_it_is() {
        let limits = Limits {
            max_message_bytes: 100_000,
            ..Limits::default()
        };
        let (even, noise) = (vec![b'x'; 6_000_000], noise(150_000));
        assert!(!limits.takes_bytes(even.len()));
        assert!(limits.takes_compressed(0, &even));
        assert!(!limits.takes_compressed(99_000, &even));
        assert!(!limits.takes_compressed(0, &noise));
        assert!(limits.takes_compressed(0, &noise[..99_000]));
        let limits = Limits {
            uncompressed: true,
            ..limits
        };
        assert!(!limits.takes_compressed(0, &even));
        assert_eq!(compressed_bytes(b""), 0);
    }

    /// Bytes that do not compress.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 1u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        std::iter::repeat_with(next).take(bytes).collect()
    }

    #[test]
    fn timestamps_from_the_future_are_not_taken() {
        let limits = Limits::default();
        let now = 1_700_000_000_000;
        assert!(limits.takes_timestamp(561_168_000_000, now));
        assert!(limits.takes_timestamp(now + 3_600_000 - MARGIN_MS, now));
        assert!(!limits.takes_timestamp(now + 3_600_001 - MARGIN_MS, now));
        let limits = Limits {
            timestamp_before_max_ms: 3_600_000,
            ..limits
        };
        assert!(limits.takes_timestamp(now - 3_600_000 + MARGIN_MS, now));
        assert!(!limits.takes_timestamp(now - 3_600_001 + MARGIN_MS, now));
        let limits = Limits {
            log_append_time: true,
            ..limits
        };
        assert!(limits.takes_timestamp(i64::MAX, now));
        assert!(!limits.takes_timestamp(0, now));
    }
}
