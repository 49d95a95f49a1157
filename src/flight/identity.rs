//! Which flight a row is about.

use super::{Column, Rejection, Row};
use std::fmt;

/// What names a flight in the output; each part is `None` where the row does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'r> {
    pub date: Option<Date>,
    pub carrier: Option<&'r [u8]>,
    pub number: Option<&'r [u8]>,
    pub origin: Option<&'r [u8]>,
    pub destination: Option<&'r [u8]>,
    pub scheduled_departure: Option<ClockTime>,
}

/// A calendar date, shown as `1987-10-14`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: i32,
    month: i32,
    day: i32,
}

/// A local time as `hhmm` from 0 to 2400, shown as `07:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockTime(i32);

impl<'r> Row<'r> {
    /// The flight's date, carrier, number, airports and scheduled departure.
    ///
    /// # Errors
    /// Where Year, Month, DayofMonth or CRSDepTime is neither missing nor a number of its range.
    pub fn identity(&self) -> Result<Identity<'r>, Rejection> {
        let year = self.number(Column::Year)?;
        let month = self.number(Column::Month)?;
        let day = self.number(Column::DayofMonth)?;
        let date = match (year, month, day) {
            (Some(year), Some(month), Some(day)) => Some(Date { year, month, day }),
            _ => None,
        };
        Ok(Identity {
            date,
            carrier: self.text(Column::UniqueCarrier),
            number: self.text(Column::FlightNum),
            origin: self.text(Column::Origin),
            destination: self.text(Column::Dest),
            scheduled_departure: self.number(Column::CRSDepTime)?.map(ClockTime),
        })
    }
}

impl Date {
    /// `yyyy-mm-dd` in ASCII.
    pub fn to_ascii(self) -> [u8; 10] {
        let mut text = *b"0000-00-00";
        digits(&mut text[..4], self.year);
        digits(&mut text[5..7], self.month);
        digits(&mut text[8..], self.day);
        text
    }
}

impl ClockTime {
    /// `hh:mm` in ASCII.
    pub fn to_ascii(self) -> [u8; 5] {
        let mut text = *b"00:00";
        digits(&mut text[..2], self.0 / 100);
        digits(&mut text[3..], self.0 % 100);
        text
    }
}

fn digits(text: &mut [u8], mut value: i32) {
    for byte in text.iter_mut().rev() {
        *byte = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ascii().escape_ascii().fmt(f)
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ascii().escape_ascii().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use crate::flight::{Reason, RowReader};

    const SEED: &str =
        "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";

    #[test]
    fn names_the_flight_of_the_seed_row() {
        let mut reader = RowReader::default();
        let identity = reader.read(SEED.as_bytes()).unwrap().identity().unwrap();
        assert_eq!(identity.date.unwrap().to_string(), "1987-10-14");
        assert_eq!(identity.scheduled_departure.unwrap().to_string(), "07:30");
        assert_eq!(identity.carrier, Some(&b"PS"[..]));
        assert_eq!(identity.number, Some(&b"1451"[..]));
        assert_eq!(identity.origin, Some(&b"SAN"[..]));
        assert_eq!(identity.destination, Some(&b"SFO"[..]));
    }

    #[test]
    fn a_missing_part_of_the_date_leaves_no_date() {
        let row = SEED.replacen("10,14", "NA,14", 1).replacen(",730,", ",2400,", 1);
        let mut reader = RowReader::default();
        let identity = reader.read(row.as_bytes()).unwrap().identity().unwrap();
        assert_eq!(identity.date, None);
        assert_eq!(identity.scheduled_departure.unwrap().to_string(), "24:00");
    }

    #[test]
    fn a_date_out_of_range_is_rejected() {
        let row = SEED.replacen("10,14", "13,14", 1);
        let mut reader = RowReader::default();
        let rejection = reader.read(row.as_bytes()).unwrap().identity().unwrap_err();
        assert_eq!(rejection.reason, Reason::OutOfRange);
    }
}
