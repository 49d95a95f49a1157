//! The rows that are sent, and what has to become of each.

use super::bad_rows::BadRows;
use crate::flight::{Column, Lines, RowReader};
use crate::model::ScoreError;
use crate::sample;
use crate::scoring::Scoring;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};

/// Rows scored at once while they are loaded.
const BATCH: usize = 1024;

/// Rows in memory, given out in their order again and again.
#[derive(Debug)]
pub struct Rows {
    /// Each row, followed by its key.
    bytes: Vec<u8>,
    rows: Vec<Stored>,
    bad_rows: BadRows,
}

#[derive(Debug)]
struct Stored {
    start: usize,
    value: u32,
    key: u32,
    /// `None` where the row cannot be scored.
    prediction: Option<Fingerprint>,
}

/// A row as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'r> {
    pub value: &'r [u8],
    /// The flight's carrier and number, such as `PS1451`, where the row has them.
    pub key: Option<&'r [u8]>,
    /// The prediction that has to come out, without its source; `None` where the row has to become a dead letter.
    pub prediction: Option<Fingerprint>,
}

/// Stands for the bytes of a prediction: the predictions of a large file would take more memory than its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of the bytes of `parts`, one after the other.
    pub fn of(parts: [&[u8]; 2]) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        parts.iter().for_each(|part| hasher.write(part));
        Fingerprint(hasher.finish())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    #[error("{0}")]
    Read(#[from] io::Error),
    #[error("{0}")]
    Score(#[from] ScoreError),
    #[error("there is no row in it")]
    Empty,
}

impl Rows {
    /// The bundled sample, at most `limit` rows of it.
    pub fn sample(limit: usize, bad_rows: BadRows, scoring: &mut Scoring) -> Result<Rows, RowsError> {
        let mut loading = Loading::new(bad_rows, scoring);
        for row in sample::rows().take(limit) {
            loading.push(row.as_bytes())?;
        }
        loading.finish()
    }

    /// A CSV file, plain or gzipped, one row a line, at most `limit` rows of it. A header line is passed over.
    ///
    /// # Errors
    /// Where it cannot be read or has no row.
    pub fn read(file: impl Read, limit: usize, bad_rows: BadRows, scoring: &mut Scoring) -> Result<Rows, RowsError> {
        let mut loading = Loading::new(bad_rows, scoring);
        let mut lines = Lines::new(file)?;
        while loading.rows.rows.len() < limit
            && let Some((_, row)) = lines.read()?
        {
            loading.push(row)?;
        }
        loading.finish()
    }

    /// How many rows there are before they come again.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row that is sent as the `number`th, from 0. `spoiled` is where it is put if it is one of the bad rows.
    pub fn get<'r>(&'r self, number: u64, spoiled: &'r mut Vec<u8>) -> Row<'r> {
        let stored = &self.rows[(number % self.rows.len() as u64) as usize];
        let (value, rest) = self.bytes[stored.start..].split_at(stored.value as usize);
        let key = Some(&rest[..stored.key as usize]).filter(|key| !key.is_empty());
        match self.bad_rows.spoil(number, value, spoiled) {
            Some(spoiled) => Row {
                value: spoiled,
                key,
                prediction: None,
            },
            None => Row {
                value,
                key,
                prediction: stored.prediction,
            },
        }
    }
}

/// Rows on their way into memory. They are scored in batches.
struct Loading<'s> {
    rows: Rows,
    reader: RowReader,
    scoring: &'s mut Scoring,
    /// The rows of the batch, by their number in `rows`.
    batch: Vec<usize>,
    prediction: Vec<u8>,
}

impl Loading<'_> {
    fn new(bad_rows: BadRows, scoring: &mut Scoring) -> Loading<'_> {
        scoring.clear();
        Loading {
            rows: Rows {
                bytes: Vec::new(),
                rows: Vec::new(),
                bad_rows,
            },
            reader: RowReader::default(),
            scoring,
            batch: Vec::new(),
            prediction: Vec::new(),
        }
    }

    fn push(&mut self, row: &[u8]) -> Result<(), RowsError> {
        let Rows { bytes, rows, .. } = &mut self.rows;
        let start = bytes.len();
        bytes.extend_from_slice(row);
        if let Ok(row) = self.reader.read(row) {
            for part in [Column::UniqueCarrier, Column::FlightNum] {
                bytes.extend_from_slice(row.text(part).unwrap_or_default());
            }
        }
        if self.scoring.push(row).is_ok() {
            self.batch.push(rows.len());
        }
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidData, "a row of more than 4 GiB");
        rows.push(Stored {
            start,
            value: u32::try_from(row.len()).map_err(too_long)?,
            key: u32::try_from(bytes.len() - start - row.len()).map_err(too_long)?,
            prediction: None,
        });
        if self.batch.len() == BATCH {
            self.score()?;
        }
        Ok(())
    }

    fn score(&mut self) -> Result<(), RowsError> {
        let scored = self.scoring.score()?;
        for (position, &number) in self.batch.iter().enumerate() {
            self.prediction.clear();
            scored.write(position, None, &mut self.prediction);
            self.rows.rows[number].prediction = Some(Fingerprint::of([&self.prediction, b""]));
        }
        self.scoring.clear();
        self.batch.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Rows, RowsError> {
        self.score()?;
        match self.rows.is_empty() {
            true => Err(RowsError::Empty),
            false => Ok(self.rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::output::Format;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::Write;
    use std::sync::{Arc, LazyLock};

    const HEADER: &str = "Year,Month,DayofMonth,DayOfWeek,DepTime";
    const GOOD: &str =
        "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";

    fn scoring(format: Format) -> Scoring {
        static MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| Arc::new(Model::embedded().unwrap()));
        Scoring::new(&MODEL, format).unwrap()
    }

    fn read(file: &[u8], limit: usize) -> Result<Rows, RowsError> {
        Rows::read(file, limit, BadRows::default(), &mut scoring(Format::Csv))
    }

    fn values(rows: &Rows) -> Vec<Vec<u8>> {
        let value = |number| rows.get(number, &mut Vec::new()).value.to_vec();
        (0..rows.len() as u64).map(value).collect()
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_row_knows_its_key_and_what_it_has_to_become() {
        let file = format!("{HEADER}\r\n{GOOD}\r\n\nhello\n{GOOD}");
        let rows = read(file.as_bytes(), usize::MAX).unwrap();
        assert_eq!(rows.len(), 4);
        let prediction = Fingerprint::of([b"YES,0.4319916897116479,", b"0.5680083102883521"]);
        let good = Row {
            value: GOOD.as_bytes(),
            key: Some(b"PS1451"),
            prediction: Some(prediction),
        };
        let bad = |value| Row {
            value,
            key: None,
            prediction: None,
        };
        // And from the beginning again.
        for (number, expected) in (0..).zip([good, bad(b""), bad(b"hello"), good, good, bad(b"")]) {
            assert_eq!(rows.get(number, &mut Vec::new()), expected, "row {number}");
        }
    }

    #[test]
    fn a_spoiled_row_keeps_its_key() {
        let all = BadRows::percent(100.0).unwrap();
        let rows = Rows::read(GOOD.as_bytes(), 1, all, &mut scoring(Format::Json)).unwrap();
        let mut spoiled = Vec::new();
        let row = rows.get(0, &mut spoiled);
        assert_eq!((row.key, row.prediction), (Some(&b"PS1451"[..]), None));
        assert_ne!(row.value, GOOD.as_bytes());
    }

    #[test]
    fn gzipped_files_are_known_by_their_first_bytes() {
        let file = format!("{HEADER}\n{GOOD}\n{GOOD}\n");
        // Several members after each other are one file.
        let zipped = [gzip(file.as_bytes()), gzip(format!("{GOOD}\n").as_bytes())].concat();
        assert_eq!(read(&zipped, usize::MAX).unwrap().len(), 3);
        assert_eq!(read(&zipped, 2).unwrap().len(), 2);
        let cut = read(&zipped[..zipped.len() / 2], usize::MAX);
        assert!(matches!(cut, Err(RowsError::Read(_))), "{cut:?}");
    }

    #[test]
    fn a_file_without_rows_is_refused() {
        for file in [&b""[..], HEADER.as_bytes(), &gzip(b"")] {
            let rows = read(file, usize::MAX);
            assert!(matches!(rows, Err(RowsError::Empty)), "{rows:?}");
        }
    }

    #[test]
    fn the_sample_is_read_as_it_is() {
        let rows = Rows::sample(usize::MAX, BadRows::default(), &mut scoring(Format::Json)).unwrap();
        assert!(
            values(&rows)
                .iter()
                .map(Vec::as_slice)
                .eq(sample::rows().map(str::as_bytes))
        );
        let limited = Rows::sample(10, BadRows::default(), &mut scoring(Format::Json)).unwrap();
        assert_eq!(limited.len(), 10);
    }

    proptest! {
        #[test]
        fn any_file_gives_its_lines_plain_or_gzipped(
            lines in proptest::collection::vec("[^\r\n]{0,20}", 1..20),
            ends in "\n|\r\n",
        ) {
            let mut file = lines.join(&ends);
            file.push_str(&ends);
            let plain = read(file.as_bytes(), usize::MAX).unwrap();
            let expected: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            prop_assert_eq!(&values(&plain), &expected);
            prop_assert_eq!(&values(&read(&gzip(file.as_bytes()), usize::MAX).unwrap()), &expected);
        }
    }
}
