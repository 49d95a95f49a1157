//! A prediction that is to be checked.

use crate::output::{Format, Published};
use crate::stream::Record;
use serde::Serialize;
use std::fmt;

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// A published prediction that says what it was made from.
#[derive(Debug)]
pub struct Claim {
    /// Its own offset and partition.
    pub partition: i32,
    pub offset: i64,
    pub value: Vec<u8>,
    /// The first 12 digits of its model's hash.
    pub model: String,
    pub source: Place,
}

/// Why a record cannot be checked at all.
#[derive(Debug, PartialEq, Eq)]
pub enum NoClaim {
    Tombstone,
    /// A name out of few, and what is wrong in words.
    Unreadable(&'static str, String),
}

impl Claim {
    pub fn read(partition: i32, record: Record) -> Result<Claim, NoClaim> {
        let value = record.value.ok_or(NoClaim::Tombstone)?;
        let published = Published::read(&value).map_err(|why| NoClaim::Unreadable("no_prediction", why))?;
        match published.format {
            Format::Json => {}
            Format::Csv => return Err(in_form("csv")),
            Format::Text => return Err(in_form("text")),
        }
        let Some(source) = published.source else {
            return Err(NoClaim::Unreadable("no_source", "it names no input record".into()));
        };
        let hash = published.model.map(|model| model.sha256.into_owned());
        let Some(model) = hash.filter(|hash| is_hash(hash)) else {
            return Err(NoClaim::Unreadable("no_model", "it names no model by its hash".into()));
        };
        Ok(Claim {
            partition,
            offset: record.offset,
            source: Place {
                topic: source.topic.into_owned(),
                partition: source.partition,
                offset: source.offset,
            },
            model,
            value,
        })
    }

    /// Its own place, in the topic it was read from.
    pub fn place(&self, topic: &str) -> Place {
        Place {
            topic: topic.to_owned(),
            partition: self.partition,
            offset: self.offset,
        }
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn in_form(name: &'static str) -> NoClaim {
    let why = format!("it has the form {name}, which does not name the input record; json does");
    NoClaim::Unreadable(name, why)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, partition {}, offset {}",
            self.topic, self.partition, self.offset
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Option<&str>) -> Result<Claim, NoClaim> {
        let value = value.map(|value| value.as_bytes().to_vec());
        Claim::read(2, Record { offset: 7, value })
    }

    #[test]
    fn a_prediction_in_json_says_what_it_was_made_from() {
        let value = r#"{"label":"YES","probabilities":{"NO":0.4,"YES":0.6},"model":{"name":"m","sha256":"0123456789ab"},
            "source":{"topic":"in","partition":3,"offset":12}}"#;
        let claim = read(Some(value)).unwrap();
        assert_eq!((claim.partition, claim.offset, &*claim.model), (2, 7, "0123456789ab"));
        assert_eq!(claim.source.to_string(), "in, partition 3, offset 12");
    }

    #[test]
    fn what_cannot_be_checked_is_told_apart() {
        assert_eq!(read(None).unwrap_err(), NoClaim::Tombstone);
        for (value, expected) in [
            ("YES,0.4,0.6", "csv"),
            ("Prediction: Is Airline delayed? => YES", "text"),
            ("hello", "no_prediction"),
            (r#"{"label":"YES"}"#, "no_prediction"),
            (r#"{"label":"YES","probabilities":{}}"#, "no_source"),
            (
                r#"{"label":"YES","probabilities":{},"source":{"topic":"in","partition":3,"offset":12}}"#,
                "no_model",
            ),
            (
                r#"{"label":"YES","probabilities":{},"model":{"name":"m","sha256":"0"},"source":{"topic":"in","partition":3,"offset":12}}"#,
                "no_model",
            ),
        ] {
            match read(Some(value)) {
                Err(NoClaim::Unreadable(name, _)) => assert_eq!(name, expected, "{value}"),
                other => panic!("{value}: {other:?}"),
            }
        }
    }
}
