//! Records that cannot be scored, and the headers that say why and where from.

use crate::flight::{self, Rejection};
use rdkafka::message::{Header, OwnedHeaders};

/// Header names in the convention of Kafka Streams (KIP-1034).
pub mod header {
    pub const REASON: &str = "__streams.errors.exception";
    pub const MESSAGE: &str = "__streams.errors.message";
    pub const TOPIC: &str = "__streams.errors.topic";
    pub const PARTITION: &str = "__streams.errors.partition";
    pub const OFFSET: &str = "__streams.errors.offset";
}

const NULL_RECORD: &str = "null_record";
const MISSING_KEY: &str = "missing_key";
const OUTPUT_TOO_LARGE: &str = "output_too_large";

/// The closed set of reasons, as they stand in the header and in the metric's label.
pub const REASONS: [&str; flight::Reason::ALL.len() + 3] = {
    let mut reasons = [NULL_RECORD; flight::Reason::ALL.len() + 3];
    let mut row = 0;
    while row < flight::Reason::ALL.len() {
        reasons[row] = flight::Reason::ALL[row].as_str();
        row += 1;
    }
    reasons[row] = MISSING_KEY;
    reasons[row + 1] = OUTPUT_TOO_LARGE;
    reasons
};

/// Why a record becomes a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetter {
    /// The row cannot be scored.
    Row(Rejection),
    /// Neither key nor value.
    NullRecord,
    /// No key, and the output topic is compacted, which refuses records without one.
    MissingKey,
    /// The prediction with its key and headers would be larger than the output topic takes.
    OutputTooLarge { bytes: usize, limit: usize },
}

impl DeadLetter {
    pub fn reason(&self) -> &'static str {
        match self {
            DeadLetter::Row(rejection) => rejection.reason.as_str(),
            DeadLetter::NullRecord => NULL_RECORD,
            DeadLetter::MissingKey => MISSING_KEY,
            DeadLetter::OutputTooLarge { .. } => OUTPUT_TOO_LARGE,
        }
    }

    pub fn message(&self) -> String {
        match self {
            DeadLetter::Row(rejection) => rejection.message.clone(),
            DeadLetter::NullRecord => "the record has neither key nor value".into(),
            DeadLetter::MissingKey => "the record has no key, and the output topic is compacted".into(),
            DeadLetter::OutputTooLarge { bytes, limit } => {
                format!("the prediction with its key and headers has {bytes} bytes, the output topic takes {limit}")
            }
        }
    }

    /// The input's headers, each kept, followed by why and where from.
    pub fn headers(&self, input: Option<OwnedHeaders>, topic: &str, partition: i32, offset: i64) -> OwnedHeaders {
        let mut headers = input.unwrap_or_default();
        for (key, value) in [
            (header::REASON, self.reason()),
            (header::MESSAGE, &self.message()),
            (header::TOPIC, topic),
            (header::PARTITION, &partition.to_string()),
            (header::OFFSET, &offset.to_string()),
        ] {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::message::Headers;

    #[test]
    fn reasons_are_distinct() {
        let distinct: std::collections::BTreeSet<_> = REASONS.iter().collect();
        assert_eq!(distinct.len(), REASONS.len());
        assert!(REASONS.contains(&DeadLetter::NullRecord.reason()));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the headers of this test have UTF-8 keys")]
    fn the_inputs_headers_come_first_and_none_is_replaced() {
        let input = OwnedHeaders::new().insert(Header {
            key: header::REASON,
            value: Some("older"),
        });
        let headers = DeadLetter::NullRecord.headers(Some(input), "In", 3, 9);
        let seen: Vec<_> = headers.iter().map(|h| (h.key, h.value.unwrap())).collect();
        assert_eq!(
            seen,
            [
                (header::REASON, &b"older"[..]),
                (header::REASON, b"null_record"),
                (header::MESSAGE, b"the record has neither key nor value"),
                (header::TOPIC, b"In"),
                (header::PARTITION, b"3"),
                (header::OFFSET, b"9"),
            ]
        );
    }
}
