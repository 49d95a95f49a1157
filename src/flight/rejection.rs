//! Why a row cannot be scored.

/// The closed set of reasons for which a row is rejected; a metric label and a dead letter header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The row has no bytes, or only a line end.
    Empty,
    /// The row is longer than [`MAX_ROW_BYTES`](super::MAX_ROW_BYTES).
    TooLarge,
    /// The row has another number of fields than 29, 30 or 31, or more than one line.
    RowWidth,
    /// A quoted field is not closed.
    UnclosedQuote,
    /// A field that is read as a number is not a whole number.
    NotANumber,
    /// A number is outside what its column can hold.
    OutOfRange,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 6] = [
        Reason::Empty,
        Reason::TooLarge,
        Reason::RowWidth,
        Reason::UnclosedQuote,
        Reason::NotANumber,
        Reason::OutOfRange,
    ];

    /// The reason as it stands in metrics and headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Empty => "empty",
            Reason::TooLarge => "too_large",
            Reason::RowWidth => "row_width",
            Reason::UnclosedQuote => "unclosed_quote",
            Reason::NotANumber => "not_a_number",
            Reason::OutOfRange => "out_of_range",
        }
    }
}

/// A row that cannot be scored: the reason, and a message that names the place and the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    pub reason: Reason,
    pub message: String,
}

impl Rejection {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Rejection {
            reason,
            message: message.into(),
        }
    }
}

/// At most 40 bytes of a field for an error message, what is not printable ASCII escaped.
pub(crate) fn quote(field: &[u8]) -> String {
    const SHOWN: usize = 40;
    match field.get(..SHOWN) {
        Some(start) if field.len() > SHOWN => format!("\"{}…\"", start.escape_ascii()),
        _ => format!("\"{}\"", field.escape_ascii()),
    }
}
