//! Records that cannot be scored, and the headers that say why and where from.

use crate::flight::{self, Rejection};
use crate::model::ScoreError;
use crate::output::Source;
use rdkafka::message::{Header, OwnedHeaders};

/// Header names in the convention of Kafka Streams (KIP-1034).
pub mod header {
    pub const REASON: &str = "__streams.errors.exception";
    pub const MESSAGE: &str = "__streams.errors.message";
    pub const TOPIC: &str = "__streams.errors.topic";
    pub const PARTITION: &str = "__streams.errors.partition";
    pub const OFFSET: &str = "__streams.errors.offset";
    /// The parts of the input that were left out because they were too large: `value`, `value,headers` or
    /// `value,headers,key`. Kafka Streams has nothing like it.
    pub const LEFT_OUT: &str = "flight_scorer.errors.left_out";
}

const NULL_RECORD: &str = "null_record";
const MISSING_KEY: &str = "missing_key";
const OUTPUT_TOO_LARGE: &str = "output_too_large";
const MODEL_FAILED: &str = "model_failed";

/// The closed set of reasons, as they stand in the header and in the metric's label.
pub const REASONS: [&str; flight::Reason::ALL.len() + 4] = {
    let mut reasons = [NULL_RECORD; flight::Reason::ALL.len() + 4];
    let mut row = 0;
    while row < flight::Reason::ALL.len() {
        reasons[row] = flight::Reason::ALL[row].as_str();
        row += 1;
    }
    reasons[row] = MISSING_KEY;
    reasons[row + 1] = OUTPUT_TOO_LARGE;
    reasons[row + 2] = MODEL_FAILED;
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
    /// The model fails on this row alone.
    ModelFailed(ScoreError),
}

impl DeadLetter {
    pub fn reason(&self) -> &'static str {
        match self {
            DeadLetter::Row(rejection) => rejection.reason.as_str(),
            DeadLetter::NullRecord => NULL_RECORD,
            DeadLetter::MissingKey => MISSING_KEY,
            DeadLetter::OutputTooLarge { .. } => OUTPUT_TOO_LARGE,
            DeadLetter::ModelFailed(_) => MODEL_FAILED,
        }
    }

    pub fn message(&self) -> String {
        match self {
            DeadLetter::Row(rejection) => rejection.message.clone(),
            DeadLetter::NullRecord => "the record has neither key nor value".into(),
            DeadLetter::MissingKey => "the record has no key, and the output topic is compacted".into(),
            DeadLetter::ModelFailed(error) => error.to_string(),
            DeadLetter::OutputTooLarge { bytes, limit } => {
                format!("the prediction with its key and headers has {bytes} bytes, the output topic takes {limit}")
            }
        }
    }

    /// The input's headers, where the letter carries them, followed by why, where from, and what is not carried.
    pub fn headers(&self, input: Option<OwnedHeaders>, origin: Source<'_>, left_out: Option<LeftOut>) -> OwnedHeaders {
        let Source {
            topic,
            partition,
            offset,
        } = origin;
        let mut message = self.message();
        if let Some(LeftOut { parts, bytes }) = left_out {
            message += &format!(
                "; without its {parts} ({bytes} bytes), which the dead letter topic does not take: the record stands in \
                 {topic}, partition {partition}, offset {offset}"
            );
        }
        let (partition, offset) = (partition.to_string(), offset.to_string());
        let mut added = vec![
            (header::REASON, self.reason()),
            (header::MESSAGE, &message),
            (header::TOPIC, topic),
            (header::PARTITION, &partition),
            (header::OFFSET, &offset),
        ];
        added.extend(left_out.map(|left_out| (header::LEFT_OUT, left_out.parts)));
        added
            .into_iter()
            .fold(input.unwrap_or_default(), |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            })
    }
}

/// The most that the added headers take, with all lengths.
pub const ADDED_HEADERS: usize = 2 * 1024;

/// Which parts of the input a dead letter carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    All,
    KeyAndHeaders,
    Key,
    None,
}

impl Parts {
    /// From everything to nothing, so that something is taken by every topic.
    pub const CHOICES: [Parts; 4] = [Parts::All, Parts::KeyAndHeaders, Parts::Key, Parts::None];

    pub fn has_value(self) -> bool {
        self == Parts::All
    }

    pub fn has_headers(self) -> bool {
        matches!(self, Parts::All | Parts::KeyAndHeaders)
    }

    pub fn has_key(self) -> bool {
        self != Parts::None
    }

    /// What is not carried, as the header says it; `None` where that is nothing.
    pub fn left_out(self) -> Option<&'static str> {
        match self {
            Parts::All => None,
            Parts::KeyAndHeaders => Some("value"),
            Parts::Key => Some("value,headers"),
            Parts::None => Some("value,headers,key"),
        }
    }
}

/// What of the input a dead letter does not carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    pub parts: &'static str,
    pub bytes: usize,
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
    fn the_inputs_headers_come_first_and_none_is_replaced() {
        let input = OwnedHeaders::new().insert(Header {
            key: header::REASON,
            value: Some("older"),
        });
        let origin = Source {
            topic: "In",
            partition: 3,
            offset: 9,
        };
        let headers = DeadLetter::NullRecord.headers(Some(input), origin, None);
        assert_eq!(
            seen(&headers),
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

    #[test]
    fn what_is_left_out_is_said_and_the_longest_headers_keep_within_their_room() {
        let topic = "t".repeat(249);
        let origin = Source {
            topic: &topic,
            partition: i32::MAX,
            offset: i64::MAX,
        };
        // Four times the 40 bytes of a field that a message shows, and as much again around them.
        let rejection = Rejection::new(flight::Reason::NotANumber, "x".repeat(320));
        let left_out = LeftOut {
            parts: Parts::None.left_out().unwrap(),
            bytes: usize::MAX,
        };
        let headers = DeadLetter::Row(rejection).headers(None, origin, Some(left_out));
        let seen = seen(&headers);
        assert_eq!(seen.last().unwrap(), &(header::LEFT_OUT, &b"value,headers,key"[..]));
        let message = String::from_utf8(seen[1].1.to_vec()).unwrap();
        assert!(
            message.contains("; without its value,headers,key (18446744073709551615 bytes)"),
            "{message}"
        );
        assert!(
            message.ends_with("partition 2147483647, offset 9223372036854775807"),
            "{message}"
        );
        let bytes: usize = seen.iter().map(|(key, value)| key.len() + value.len() + 10).sum();
        assert!(bytes <= ADDED_HEADERS, "{bytes}");
    }

    #[expect(clippy::disallowed_methods, reason = "the headers of these tests have UTF-8 keys")]
    fn seen(headers: &OwnedHeaders) -> Vec<(&str, &[u8])> {
        headers
            .iter()
            .map(|header| (header.key, header.value.unwrap()))
            .collect()
    }
}
