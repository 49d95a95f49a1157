//! Rows in a file.

use super::Column;
use flate2::read::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The rows of a CSV file, plain or gzipped, one a line. A header line is passed over.
pub struct Lines<'f> {
    file: Box<dyn BufRead + 'f>,
    number: u64,
    line: Vec<u8>,
}

impl<'f> Lines<'f> {
    /// # Errors
    /// The file cannot be read.
    pub fn new(file: impl Read + 'f) -> io::Result<Lines<'f>> {
        let mut file = BufReader::new(file);
        // A pipe may give its first byte alone, which the decoder would tell.
        let file: Box<dyn BufRead> = if file.fill_buf()?.starts_with(&GZIP) {
            Box::new(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Lines {
            file,
            number: 0,
            line: Vec::new(),
        })
    }

    /// The next row without its line end, and the number of its line, from 1.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub fn read(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            self.line.clear();
            if self.file.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.number > 1 || !Column::starts_header(&self.line) {
                break;
            }
        }
        let row = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some((self.number, row.strip_suffix(b"\r").unwrap_or(row))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn read(file: &[u8]) -> Vec<(u64, String)> {
        let mut lines = Lines::new(file).unwrap();
        let mut read = Vec::new();
        while let Some((number, row)) = lines.read().unwrap() {
            read.push((number, String::from_utf8_lossy(row).into_owned()));
        }
        read
    }

    #[test]
    fn lines_keep_their_numbers_plain_and_gzipped() {
        let text = b"Year,Month\n1987,10\r\n\nYear\n1999";
        let expected = [(2, "1987,10"), (3, ""), (4, "Year"), (5, "1999")].map(|(n, row)| (n, row.to_owned()));
        assert_eq!(read(text), expected);
        let mut gzipped = GzEncoder::new(Vec::new(), Compression::fast());
        gzipped.write_all(text).unwrap();
        assert_eq!(read(&gzipped.finish().unwrap()), expected);
        assert_eq!(read(b"1987\n"), [(1, "1987".to_owned())]);
        assert_eq!(read(b""), []);
        assert!(Lines::new(&GZIP[..]).unwrap().read().is_err());
    }
}
