//! What became of flights.

use crate::flight::{Column, Rejection, RowReader};
use crate::output::published::Flight;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Stands for date, carrier, number and origin: the first half of their SHA-256.
type Key = [u8; 16];

/// Labels that are told apart; a model has no more than 64.
const LABELS: usize = 250;
/// Of a flight whose rows have different labels.
const AMBIGUOUS: u8 = u8::MAX;
/// A label beyond those that are told apart.
const OTHER: u8 = LABELS as u8;

/// The labels of flights, in at most 42 bytes each, half as much again while it grows.
#[derive(Debug, Default)]
pub struct Truths {
    reader: RowReader,
    labels: Vec<String>,
    flights: HashMap<Key, u8>,
    counts: TruthCounts,
}

/// Rows of truth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TruthCounts {
    pub rows: u64,
    /// No row of the schema.
    pub bad: u64,
    /// Date, carrier, number or origin is missing.
    pub without_flight: u64,
    /// IsDepDelayed is missing.
    pub without_label: u64,
    /// Flights whose rows have different labels.
    pub ambiguous_flights: u64,
}

/// What is known of a flight.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'t> {
    Label(&'t str),
    Ambiguous,
    Nothing,
}

impl Truths {
    /// Takes a row in.
    ///
    /// # Errors
    /// It is no row of the schema, and counts as bad.
    pub fn push(&mut self, row: &[u8]) -> Result<(), Rejection> {
        self.counts.rows += 1;
        let read = self.reader.read(row).and_then(|row| Ok((row, row.identity()?)));
        let (row, flight) = read.inspect_err(|_| self.counts.bad += 1)?;
        let text = |field: Option<&[u8]>| field.map(|field| String::from_utf8_lossy(field).into_owned());
        let date = flight.date.map(|date| date.to_string());
        let parts = [date, text(flight.carrier), text(flight.number), text(flight.origin)];
        let [Some(date), Some(carrier), Some(number), Some(origin)] = &parts else {
            self.counts.without_flight += 1;
            return Ok(());
        };
        let Some(label) = text(row.text(Column::IsDepDelayed)) else {
            self.counts.without_label += 1;
            return Ok(());
        };
        let label = self.number(label);
        match self.flights.entry(key([date, carrier, number, origin])) {
            Entry::Vacant(flight) => {
                flight.insert(label);
            }
            Entry::Occupied(mut known) if *known.get() != label && *known.get() != AMBIGUOUS => {
                self.counts.ambiguous_flights += 1;
                known.insert(AMBIGUOUS);
            }
            Entry::Occupied(_) => {}
        }
        Ok(())
    }

    pub fn counts(&self) -> &TruthCounts {
        &self.counts
    }

    /// What is known of a flight.
    pub fn find(&self, flight: &Flight<'_>) -> Found<'_> {
        let parts = [&flight.date, &flight.carrier, &flight.number, &flight.origin];
        let [Some(date), Some(carrier), Some(number), Some(origin)] = parts else {
            return Found::Nothing;
        };
        match self.flights.get(&key([date, carrier, number, origin])) {
            None => Found::Nothing,
            Some(&AMBIGUOUS) => Found::Ambiguous,
            Some(&label) => Found::Label(self.labels.get(usize::from(label)).map_or("", String::as_str)),
        }
    }

    fn number(&mut self, label: String) -> u8 {
        if let Some(known) = self.labels.iter().position(|known| *known == label) {
            return known as u8;
        }
        if self.labels.len() == LABELS {
            return OTHER;
        }
        self.labels.push(label);
        (self.labels.len() - 1) as u8
    }
}

fn key(parts: [&str; 4]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        // A byte that no text in UTF-8 has.
        hash.update([0xff]);
    }
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::Reason;

    const SEED: &str =
        "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";

    fn flight(number: &'static str) -> Flight<'static> {
        Flight {
            date: Some("1987-10-14".into()),
            carrier: Some("PS".into()),
            number: Some(number.into()),
            origin: Some("SAN".into()),
            destination: None,
            scheduled_departure: None,
        }
    }

    #[test]
    fn a_flight_has_the_label_of_its_rows_if_they_agree() {
        let mut truths = Truths::default();
        let with = |number: &str, label: &str| {
            let row = SEED.replacen("1451", number, 1);
            format!("{}{label}", row.strip_suffix("YES").unwrap())
        };
        for (number, label) in [
            ("1", "YES"),
            ("1", "YES"),
            ("2", "NO"),
            ("3", "YES"),
            ("3", "NO"),
            ("3", "YES"),
            ("4", "NA"),
            ("NA", "YES"),
        ] {
            truths.push(with(number, label).as_bytes()).unwrap();
        }
        assert_eq!(truths.push(b"1987,10").unwrap_err().reason, Reason::RowWidth);
        let month = SEED.replacen(",10,", ",13,", 1);
        assert_eq!(truths.push(month.as_bytes()).unwrap_err().reason, Reason::OutOfRange);
        assert_eq!(truths.find(&flight("1")), Found::Label("YES"));
        assert_eq!(truths.find(&flight("2")), Found::Label("NO"));
        assert_eq!(truths.find(&flight("3")), Found::Ambiguous);
        assert_eq!(truths.find(&flight("4")), Found::Nothing);
        let mut other = flight("1");
        other.origin = Some("SAN\u{fffd}".into());
        assert_eq!(truths.find(&other), Found::Nothing);
        other.origin = None;
        assert_eq!(truths.find(&other), Found::Nothing);
        let expected = TruthCounts {
            rows: 10,
            bad: 2,
            without_flight: 1,
            without_label: 1,
            ambiguous_flights: 1,
        };
        assert_eq!(truths.counts(), &expected);
    }

    #[test]
    fn bytes_that_are_not_utf_8_match_as_they_are_published() {
        let mut truths = Truths::default();
        let row: Vec<u8> = SEED
            .replacen("SAN", "SA~", 1)
            .bytes()
            .map(|b| if b == b'~' { 0xe4 } else { b })
            .collect();
        truths.push(&row).unwrap();
        let mut flight = flight("1451");
        flight.origin = Some("SA\u{fffd}".into());
        assert_eq!(truths.find(&flight), Found::Label("YES"));
    }

    #[test]
    fn any_number_of_labels_takes_no_more_memory() {
        let mut truths = Truths::default();
        for number in 0..300 {
            let row = SEED.replacen("1451", &number.to_string(), 1);
            let row = format!("{}{number}", row.strip_suffix("YES").unwrap());
            truths.push(row.as_bytes()).unwrap();
        }
        assert_eq!(truths.labels.len(), LABELS);
        assert_eq!(truths.find(&flight("7")), Found::Label("7"));
        assert_eq!(truths.find(&flight("299")), Found::Label(""));
    }
}
