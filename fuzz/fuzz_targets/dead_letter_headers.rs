//! Whatever headers a record has, it comes back from the dead letter topic with the same ones, at most three times.
#![no_main]

use flight_delay_scorer::flight::{Reason, Rejection};
use flight_delay_scorer::fuzzing::{Header, PARTITIONS, dead_letter, sent_back};
use flight_delay_scorer::stream::header;
use libfuzzer_sys::arbitrary::{self, Arbitrary};

const ATTEMPTS: &[u8] = b"replay.attempts";
const MOST_ATTEMPTS: u32 = 3;

#[derive(Debug, Arbitrary)]
struct Record {
    headers: Vec<(Key, Option<Vec<u8>>)>,
    /// For headers as they stand in a topic that is not the service's.
    from: Option<Place>,
    reason: u8,
    message: String,
    partition: i32,
    offset: i64,
}

/// Where a header says that the record came from.
#[derive(Debug, Arbitrary)]
struct Place {
    topic: Option<Vec<u8>>,
    partition: i32,
    attempts: u32,
}

/// The names that mean something, and any other.
#[derive(Debug, Arbitrary)]
enum Key {
    Reason,
    Message,
    Topic,
    Partition,
    Offset,
    LeftOut,
    Attempts,
    Other(Vec<u8>),
}

impl Key {
    fn bytes(self) -> Vec<u8> {
        match self {
            Key::Reason => header::REASON.into(),
            Key::Message => header::MESSAGE.into(),
            Key::Topic => header::TOPIC.into(),
            Key::Partition => header::PARTITION.into(),
            Key::Offset => header::OFFSET.into(),
            Key::LeftOut => header::LEFT_OUT.into(),
            Key::Attempts => ATTEMPTS.into(),
            // librdkafka ends keys with a zero byte.
            Key::Other(key) => key.into_iter().filter(|&byte| byte != 0).collect(),
        }
    }
}

fn attempts(headers: &[Header]) -> Option<(usize, u32)> {
    let last = headers.iter().rposition(|(key, _)| key == ATTEMPTS)?;
    let value = headers[last]
        .1
        .as_deref()
        .and_then(|value| std::str::from_utf8(value).ok());
    Some((last, value.and_then(|value| value.parse().ok()).unwrap_or(0)))
}

/// Sends a record through the dead letter topic until it comes back no more.
fn go_round(mut headers: Vec<Header>, rejection: &Rejection, partition: i32, offset: i64) {
    loop {
        let letter = dead_letter(&headers, rejection.clone(), partition, offset);
        assert_eq!(letter[..headers.len()], headers);
        assert_eq!(letter.len(), headers.len() + 5);
        let mut original = headers.clone();
        let before = match attempts(&headers) {
            Some((last, attempts)) => {
                original.remove(last);
                attempts
            }
            None => 0,
        };
        let lacking = [&letter[..], &[(header::LEFT_OUT.into(), Some(b"value".to_vec()))]].concat();
        assert_eq!(sent_back(&lacking), None);
        let Some((to, back)) = sent_back(&letter) else {
            assert!(before >= MOST_ATTEMPTS, "a letter of the service was not sent back");
            return;
        };
        assert!(before < MOST_ATTEMPTS, "sent back once more after {before} times");
        assert_eq!(to, partition);
        original.push((ATTEMPTS.to_owned(), Some((before + 1).to_string().into_bytes())));
        assert_eq!(back, original);
        headers = back;
    }
}

libfuzzer_sys::fuzz_target!(|record: Record| {
    let mut headers: Vec<Header> = record
        .headers
        .into_iter()
        .map(|(key, value)| (key.bytes(), value))
        .collect();
    let rejection = Rejection {
        reason: Reason::ALL[usize::from(record.reason) % Reason::ALL.len()],
        message: record.message,
    };
    let partition = record.partition.rem_euclid(PARTITIONS);
    go_round(headers.clone(), &rejection, partition, record.offset);

    // Letters that the service has not written.
    if let Some(Place {
        topic,
        partition,
        attempts,
    }) = record.from
    {
        let topic = topic.unwrap_or_else(|| b"AirlineInputTopic".to_vec());
        headers.insert(headers.len() / 2, (header::TOPIC.into(), Some(topic)));
        headers.push((header::PARTITION.into(), Some(partition.to_string().into_bytes())));
        headers.push((ATTEMPTS.into(), Some(attempts.to_string().into_bytes())));
    }
    if let Some((to, back)) = sent_back(&headers) {
        assert!((0..PARTITIONS).contains(&to));
        assert!(attempts(&headers).is_none_or(|(_, attempts)| attempts < MOST_ATTEMPTS));
        assert!(back.len() <= headers.len() + 1);
    }
});
