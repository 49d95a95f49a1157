//! What the headers of a dead letter say: where it came from, why, and how often it was sent back.

use super::handled::Handled;
use super::sent_back::MAX_ATTEMPTS;
use crate::stream::topics::Topic;
use crate::stream::{header, headers};
use rdkafka::message::OwnedHeaders;
use std::collections::BTreeSet;

/// The header that counts how often a record was sent back.
const ATTEMPTS: &str = "replay.attempts";

/// A dead letter, without the record that it carries.
pub struct Letter<'m> {
    pub offset: i64,
    pub headers: Vec<headers::Header<'m>>,
}

/// What is done with a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Send {
        reason: String,
        partition: i32,
        /// How often it was sent back before.
        attempts: u32,
    },
    Leave {
        reason: String,
    },
    /// An earlier run has handled it.
    Handled,
    Exhausted,
    Refuse(String),
}

impl Letter<'_> {
    /// `reasons` are those of the letters to send, empty means all; `input` is the topic that they go back to.
    pub fn judge(&self, handled: &Handled, reasons: &BTreeSet<String>, input: &Topic) -> Verdict {
        let reason = self.text(header::REASON).unwrap_or_else(|| "unknown".into());
        if self.offset < handled.end(&reason) {
            return Verdict::Handled;
        }
        if !reasons.is_empty() && !reasons.contains(&reason) {
            return Verdict::Leave { reason };
        }
        match self.text(header::TOPIC) {
            Some(topic) if topic == input.name => {}
            Some(topic) => return Verdict::Refuse(format!("it came from {topic}, not from {}", input.name)),
            None => return Verdict::Refuse("it does not say where it came from".into()),
        }
        let partition = self
            .text(header::PARTITION)
            .and_then(|partition| partition.parse().ok());
        let Some(partition) = partition.filter(|partition| (0..input.partitions).contains(partition)) else {
            return Verdict::Refuse(format!("it names no partition of {}", input.name));
        };
        // The service adds it last, where it adds it.
        if let Some((key, Some(parts))) = self.headers.last()
            && *key == header::LEFT_OUT.as_bytes()
        {
            let parts = String::from_utf8_lossy(parts);
            let offset = self.text(header::OFFSET).unwrap_or_default();
            return Verdict::Refuse(format!(
                "it does not carry the {parts} of the record in {}, partition {partition}, offset {offset}",
                input.name
            ));
        }
        let attempts = self.text(ATTEMPTS).and_then(|attempts| attempts.parse().ok());
        let attempts = attempts.unwrap_or(0);
        if attempts >= MAX_ATTEMPTS {
            return Verdict::Exhausted;
        }
        Verdict::Send {
            reason,
            partition,
            attempts,
        }
    }

    /// The headers that the input had, and the count of attempts. The service appended five, one of each name; what
    /// the input itself had of that name stays.
    pub fn original_headers(&self, attempts: u32) -> OwnedHeaders {
        let mut kept = self.headers.clone();
        let added = [
            header::REASON,
            header::MESSAGE,
            header::TOPIC,
            header::PARTITION,
            header::OFFSET,
            ATTEMPTS,
        ];
        for name in added {
            if let Some(last) = kept.iter().rposition(|(key, _)| *key == name.as_bytes()) {
                kept.remove(last);
            }
        }
        let headers = kept.into_iter().fold(OwnedHeaders::new(), headers::append);
        headers::append(headers, (ATTEMPTS.as_bytes(), Some(attempts.to_string().as_bytes())))
    }

    /// The last header of this name, which is the service's own.
    fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().rev().find(|(key, _)| *key == name.as_bytes())?;
        Some(String::from_utf8_lossy((*value)?).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::{Reason, Rejection};
    use crate::fuzzing::{Header, dead_letter, sent_back};

    fn headers(headers: &[(&str, Option<&[u8]>)]) -> Vec<Header> {
        let owned = |&(key, value): &(&str, Option<&[u8]>)| (key.into(), value.map(<[u8]>::to_owned));
        headers.iter().map(owned).collect()
    }

    fn letter(input: &[Header]) -> Vec<Header> {
        let rejection = Rejection {
            reason: Reason::Empty,
            message: "the row is empty".into(),
        };
        dead_letter(input, rejection, 3, 9)
    }

    #[test]
    fn headers_come_back_as_they_were_whatever_their_names_and_values() {
        let mut input = headers(&[
            ("a", Some(b"1")),
            (header::OFFSET, Some(b"\xff")),
            ("", None),
            (header::REASON, None),
            ("a", Some(b"")),
        ]);
        input[2].0 = vec![0xe4, 0xff];
        let (partition, back) = sent_back(&letter(&input)).unwrap();
        assert_eq!(partition, 3);
        assert_eq!(back[..input.len()], input);
        assert_eq!(back[input.len()..], headers(&[(ATTEMPTS, Some(b"1"))]));
    }

    #[test]
    fn a_letter_is_sent_back_three_times() {
        let mut input = headers(&[("a", Some(b"1"))]);
        for attempts in 1..=MAX_ATTEMPTS {
            (_, input) = sent_back(&letter(&input)).unwrap();
            let expected = attempts.to_string();
            assert_eq!(
                input,
                headers(&[("a", Some(b"1")), (ATTEMPTS, Some(expected.as_bytes()))])
            );
        }
        assert_eq!(sent_back(&letter(&input)), None);
    }

    #[test]
    fn a_letter_without_all_of_its_record_is_not_sent() {
        let mut letter = letter(&headers(&[(header::LEFT_OUT, Some(b"the input's own"))]));
        assert!(sent_back(&letter).is_some());
        letter.extend(headers(&[(header::LEFT_OUT, Some(b"value"))]));
        assert_eq!(sent_back(&letter), None);
    }

    #[test]
    fn a_letter_that_names_no_partition_of_the_input_is_not_sent() {
        let of = |topic: &[u8], partition: &[u8]| {
            let named = headers(&[(header::TOPIC, Some(topic)), (header::PARTITION, Some(partition))]);
            sent_back(&named).map(|(partition, _)| partition)
        };
        assert_eq!(of(b"AirlineInputTopic", b"9"), Some(9));
        assert_eq!(of(b"AirlineInputTopic", b"10"), None);
        assert_eq!(of(b"AirlineInputTopic", b"-1"), None);
        assert_eq!(of(b"AirlineInputTopic", b"99999999999999999999"), None);
        assert_eq!(of(b"AirlineInputTopic", b"\xff"), None);
        assert_eq!(of(b"Another", b"9"), None);
        assert_eq!(sent_back(&[]), None);
    }
}
