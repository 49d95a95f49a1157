//! The bundled sample: flights from New York in November and December 2013, see `src/sample/README.md`.
//!
//! The first row is the one that the original demo showed; a handful of rows are broken on purpose.

/// One row a line, no header, no line end in the rows.
const FLIGHTS: &str = include_str!("sample/flights.csv");

/// The rows, in the order of their departure.
pub fn rows() -> impl Iterator<Item = &'static str> {
    FLIGHTS.lines()
}
