//! What a topic refuses. A refused record fails its whole batch, so such records are kept out before.

/// Limits of a topic, from its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `cleanup.policy` has `compact`: records without a key are refused.
    pub compacted: bool,
    /// `max.message.bytes`.
    pub max_message_bytes: usize,
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
            log_append_time: false,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
        }
    }
}

/// Fixed part of a record in its batch: lengths, offsets, attributes, and the batch's own header.
const RECORD_OVERHEAD: usize = 100;

impl Limits {
    /// Whether a record with this timestamp, in milliseconds since 1970, is taken at `now`. librdkafka takes 0 for
    /// "now", so that it cannot be carried.
    pub fn takes_timestamp(&self, timestamp: i64, now: i64) -> bool {
        timestamp > 0
            && (self.log_append_time
                || (timestamp.saturating_sub(now) <= self.timestamp_after_max_ms
                    && now.saturating_sub(timestamp) <= self.timestamp_before_max_ms))
    }

    /// Whether a record whose key, value and headers have this many bytes fits.
    pub fn takes_bytes(&self, bytes: usize) -> bool {
        bytes.saturating_add(RECORD_OVERHEAD) <= self.max_message_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_from_the_future_are_not_taken() {
        let limits = Limits::default();
        let now = 1_700_000_000_000;
        assert!(limits.takes_timestamp(561_168_000_000, now));
        assert!(limits.takes_timestamp(now + 3_600_000, now));
        assert!(!limits.takes_timestamp(now + 3_600_001, now));
        let limits = Limits {
            timestamp_before_max_ms: 1000,
            ..limits
        };
        assert!(!limits.takes_timestamp(now - 1001, now));
        let limits = Limits {
            log_append_time: true,
            ..limits
        };
        assert!(limits.takes_timestamp(i64::MAX, now));
        assert!(!limits.takes_timestamp(0, now));
    }
}
