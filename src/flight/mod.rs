//! A flight record: one CSV row of the US airline on-time schema.
//!
//! [`RowReader`] splits the bytes of a row into the schema's [`Column`]s without copying them,
//! [`Row`] reads fields as text or checked whole numbers, and [`Identity`] names the flight.
//! A row that cannot be read is a [`Rejection`], which says why and where. [`Lines`] are the rows of a file.
//!
//! Bytes are bytes: real rows carry text that is not UTF-8, and it is kept as it is.

mod column;
mod identity;
mod lines;
mod number;
mod rejection;
mod row;
mod starts;

pub use column::Column;
pub use identity::{ClockTime, Date, Identity};
pub use lines::Lines;
pub use rejection::{Reason, Rejection};
pub use row::{MAX_ROW_BYTES, Row, RowReader};
