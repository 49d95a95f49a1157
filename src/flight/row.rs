//! Splitting a row into fields.

use super::column::Kind;
use super::rejection::quote;
use super::starts::Starts;
use super::{Column, Reason, Rejection, number};
use std::ops::RangeInclusive;

/// Rows above this size are rejected as [`Reason::TooLarge`]: 64 KiB.
pub const MAX_ROW_BYTES: usize = 64 * 1024;

pub(super) const COLUMNS: usize = Column::ALL.len();
pub(super) const LABELS: usize = 2;
/// 29 fields is the public data set without labels, 31 with them. 30 is the row that the original demo
/// showed, which lost one missing value before the labels.
const WIDTHS: RangeInclusive<usize> = COLUMNS - LABELS..=COLUMNS;

/// Splits rows into fields. One reader serves any number of rows, one after the other, without allocating.
#[derive(Debug, Default)]
pub struct RowReader {
    starts: Starts,
    quoted: Vec<u8>,
    unquoted: Vec<u8>,
}

/// The fields of one row, by column.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    bytes: &'r [u8],
    starts: &'r Starts,
    /// Bytes between two fields.
    separator: usize,
}

impl RowReader {
    /// Splits `value`, one CSV row of 29, 30 or 31 fields; one `\n` or `\r\n` at its end is ignored. Labels,
    /// where present, are the last two fields.
    pub fn read<'r>(&'r mut self, value: &'r [u8]) -> Result<Row<'r>, Rejection> {
        let line = strip_line_end(value);
        if line.is_empty() {
            return Err(Rejection::new(Reason::Empty, "the row is empty"));
        }
        if value.len() > MAX_ROW_BYTES {
            return Err(Rejection::new(
                Reason::TooLarge,
                format!("the row has {} bytes, the most is {MAX_ROW_BYTES}", value.len()),
            ));
        }
        let is_plain = memchr::memchr(b'"', line).is_none();
        let width = if is_plain {
            self.starts.split(line)
        } else {
            self.unquote(line)?
        };
        if !WIDTHS.contains(&width) {
            return Err(wrong_width(width));
        }
        self.starts.place(width);
        Ok(Row {
            bytes: if is_plain { line } else { &self.unquoted },
            starts: &self.starts,
            separator: usize::from(is_plain),
        })
    }

    /// RFC 4180 fields with quotes, copied without them.
    fn unquote(&mut self, line: &[u8]) -> Result<usize, Rejection> {
        // The line end closes the record, unless a quote is still open.
        self.quoted.clear();
        self.quoted.extend_from_slice(line);
        self.quoted.push(b'\n');
        self.unquoted.resize(self.quoted.len(), 0);
        let mut ends = [0; COLUMNS];
        let (result, read, _, width) = csv_core::Reader::new().read_record(&self.quoted, &mut self.unquoted, &mut ends);
        match result {
            csv_core::ReadRecordResult::Record if read == self.quoted.len() => {}
            csv_core::ReadRecordResult::Record => {
                return Err(Rejection::new(
                    Reason::RowWidth,
                    "the value has more than one line, it should be one row",
                ));
            }
            csv_core::ReadRecordResult::OutputEndsFull => {
                return Err(Rejection::new(
                    Reason::RowWidth,
                    format!("the row has more than {COLUMNS} fields, it should have 29, 30 or 31"),
                ));
            }
            _ => {
                return Err(Rejection::new(
                    Reason::UnclosedQuote,
                    format!("the quote in field {} is not closed", width + 1),
                ));
            }
        }
        self.starts.set(&ends[..width]);
        Ok(width)
    }
}

impl<'r> Row<'r> {
    /// The bytes of a field, `None` where it is missing: `NA` or empty.
    #[inline]
    pub fn text(&self, column: Column) -> Option<&'r [u8]> {
        match self.bytes.get(self.starts.field(column as usize, self.separator)) {
            None | Some(b"" | b"NA") => None,
            field => field,
        }
    }

    /// The whole number in a field, `None` where it is missing. A text column has none.
    ///
    /// # Errors
    /// [`Reason::NotANumber`] and [`Reason::OutOfRange`], with column, position (from 1) and value.
    #[inline]
    pub fn number(&self, column: Column) -> Result<Option<i32>, Rejection> {
        let place = self.starts.field(column as usize, self.separator);
        match number::short(self.bytes, place) {
            Some(value) if column.kind().holds(value) => Ok(Some(value)),
            _ => self.rare_number(column),
        }
    }

    /// Any number, missing value or error.
    #[inline(never)]
    fn rare_number(&self, column: Column) -> Result<Option<i32>, Rejection> {
        let Some(field) = self.text(column) else {
            return Ok(None);
        };
        let range = match column.kind() {
            Kind::Text => return Ok(None),
            Kind::Number(range) | Kind::Clock(range) => range,
        };
        let Some(value) = number::whole(field) else {
            return Err(rejected(column, field, Reason::NotANumber, "is not a whole number"));
        };
        if !range.contains(&value) {
            let expected = format!("is not within {} and {}", range.start(), range.end());
            return Err(rejected(column, field, Reason::OutOfRange, &expected));
        }
        if !column.kind().holds(value) {
            let expected = "is not a time as hhmm";
            return Err(rejected(column, field, Reason::OutOfRange, expected));
        }
        Ok(Some(value))
    }
}

fn rejected(column: Column, field: &[u8], reason: Reason, problem: &str) -> Rejection {
    let position = column as usize + 1;
    Rejection::new(
        reason,
        format!("{column} (column {position}): {} {problem}", quote(field)),
    )
}

fn strip_line_end(value: &[u8]) -> &[u8] {
    let line = value.strip_suffix(b"\n").unwrap_or(value);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn wrong_width(width: usize) -> Rejection {
    Rejection::new(
        Reason::RowWidth,
        format!("the row has {width} fields, it should have 29, 30 or 31"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: &str =
        "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";

    fn without(row: &str, positions: &[usize]) -> String {
        let kept: Vec<&str> = row
            .split(',')
            .enumerate()
            .filter(|(position, _)| !positions.contains(position))
            .map(|(_, field)| field)
            .collect();
        kept.join(",")
    }

    fn reason(value: &[u8]) -> Reason {
        RowReader::default().read(value).unwrap_err().reason
    }

    #[test]
    fn labels_are_the_last_two_fields_of_30_and_31() {
        let mut reader = RowReader::default();
        for (row, label) in [
            (SEED.to_owned(), Some(&b"YES"[..])),
            (without(SEED, &[28]), Some(b"YES")),
            (without(SEED, &[29, 30]), None),
        ] {
            let row = reader.read(row.as_bytes()).unwrap();
            assert_eq!(row.text(Column::Dest), Some(&b"SFO"[..]));
            assert_eq!(row.text(Column::TailNum), None);
            assert_eq!(row.text(Column::LateAircraftDelay), None);
            assert_eq!(row.text(Column::IsArrDelayed), label);
            assert_eq!(row.text(Column::IsDepDelayed), label);
            assert_eq!(row.number(Column::CRSDepTime).unwrap(), Some(730));
        }
    }

    #[test]
    fn a_line_end_is_ignored_and_more_lines_are_not() {
        let mut reader = RowReader::default();
        for end in ["\n", "\r\n"] {
            let row = format!("{SEED}{end}");
            let row = reader.read(row.as_bytes()).unwrap();
            assert_eq!(row.text(Column::IsDepDelayed), Some(&b"YES"[..]));
        }
        assert_eq!(reason(format!("{SEED}\n{SEED}").as_bytes()), Reason::RowWidth);
        assert_eq!(reason(format!("\"{SEED}\"\n{SEED}").as_bytes()), Reason::RowWidth);
    }

    #[test]
    fn quoted_fields_follow_rfc_4180() {
        let row = SEED.replace("PS", "\"P,\"\"S\"").replace("SAN", "\"SAN\"");
        let mut reader = RowReader::default();
        let row = reader.read(row.as_bytes()).unwrap();
        assert_eq!(row.text(Column::UniqueCarrier), Some(&b"P,\"S"[..]));
        assert_eq!(row.text(Column::Origin), Some(&b"SAN"[..]));
        let open = SEED.replace("PS", "\"PS");
        let rejection = reader.read(open.as_bytes()).unwrap_err();
        assert_eq!(rejection.reason, Reason::UnclosedQuote);
        assert_eq!(rejection.message, "the quote in field 9 is not closed");
    }

    #[test]
    fn rejections_name_the_place_and_the_value() {
        let mut reader = RowReader::default();
        let width = reader.read(b"1987,10,14").unwrap_err();
        assert_eq!(width.reason, Reason::RowWidth);
        assert_eq!(width.message, "the row has 3 fields, it should have 29, 30 or 31");
        assert_eq!(reason(",".repeat(10_000).as_bytes()), Reason::RowWidth);
        assert_eq!(reason(format!("\"\"{}", ",".repeat(40)).as_bytes()), Reason::RowWidth);
        assert_eq!(reason(b""), Reason::Empty);
        assert_eq!(reason(b"\r\n"), Reason::Empty);
        assert_eq!(reason(&vec![b','; MAX_ROW_BYTES + 1]), Reason::TooLarge);

        for (from, to, column, expected) in [
            (
                "730",
                "7h30",
                Column::CRSDepTime,
                "CRSDepTime (column 6): \"7h30\" is not a whole number",
            ),
            (
                "730",
                "2401",
                Column::CRSDepTime,
                "CRSDepTime (column 6): \"2401\" is not within 0 and 2400",
            ),
            (
                "730",
                "775",
                Column::CRSDepTime,
                "CRSDepTime (column 6): \"775\" is not a time as hhmm",
            ),
            (
                "1987",
                "1986",
                Column::Year,
                "Year (column 1): \"1986\" is not within 1987 and 2100",
            ),
        ] {
            let row = SEED.replacen(from, to, 1);
            let rejection = reader.read(row.as_bytes()).unwrap().number(column).unwrap_err();
            assert_eq!(rejection.message, expected);
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_kept() {
        let mut row = SEED.as_bytes().to_vec();
        let tail = SEED.find("NA").unwrap();
        row[tail] = 0xe4;
        let mut reader = RowReader::default();
        let row = reader.read(&row).unwrap();
        assert_eq!(row.text(Column::TailNum), Some(&b"\xe4A"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_row_or_a_rejection(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = RowReader::default();
            if let Ok(row) = reader.read(&value) {
                for column in Column::ALL {
                    let _ = (row.text(column), row.number(column));
                }
            }
        }

        #[test]
        fn fields_read_back_as_written_plain_or_quoted(
            fields in proptest::collection::vec("[A-Za-z0-9,\" ]{0,6}", 29..=31),
            force_quotes: bool,
        ) {
            let quoted = |field: &String| {
                if force_quotes || field.contains([',', '"']) {
                    format!("\"{}\"", field.replace('"', "\"\""))
                } else {
                    field.clone()
                }
            };
            let value = fields.iter().map(quoted).collect::<Vec<_>>().join(",");
            let mut reader = RowReader::default();
            let row = reader.read(value.as_bytes()).unwrap();
            let last = fields.len() - if fields.len() > 29 { 2 } else { 0 };
            for (field, column) in fields[..last.min(28)].iter().zip(Column::ALL) {
                let expected = (!matches!(field.as_str(), "" | "NA")).then_some(field.as_bytes());
                prop_assert_eq!(row.text(column), expected);
            }
            if fields.len() > 29 {
                let label = fields[fields.len() - 1].as_str();
                let expected = (!matches!(label, "" | "NA")).then_some(label.as_bytes());
                prop_assert_eq!(row.text(Column::IsDepDelayed), expected);
            }
        }
    }
}
