//! The columns of the on-time schema, in their order, with the values each may hold.

use std::ops::RangeInclusive;

/// What the fields of a column hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A whole number in this range.
    Number(RangeInclusive<i32>),
    /// A local time as `hhmm`: a number in this range whose last two digits are below 60.
    Clock(RangeInclusive<i32>),
}

impl Kind {
    /// Whether fields may hold this number.
    #[inline]
    pub(super) fn holds(&self, value: i32) -> bool {
        match self {
            Kind::Text => false,
            Kind::Number(range) => range.contains(&value),
            Kind::Clock(range) => range.contains(&value) && value % 100 < 60,
        }
    }
}

macro_rules! columns {
    ($($name:ident: $kind:expr,)*) => {
        /// A column of the US airline on-time schema. The discriminant is its position, from 0.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Column { $($name,)* }

        impl Column {
            /// Every column, in the order of the schema.
            pub const ALL: [Column; [$(Column::$name),*].len()] = [$(Column::$name),*];

            /// The column's name in the public data set's header line.
            pub const fn name(self) -> &'static str {
                match self { $(Column::$name => stringify!($name),)* }
            }

            pub(super) const fn kind(self) -> &'static Kind {
                use Kind::{Clock, Number, Text};
                const KINDS: [Kind; Column::ALL.len()] = [$($kind),*];
                &KINDS[self as usize]
            }
        }
    };
}

impl Column {
    /// Whether this line of a file is the header: its first field is the name of the first column.
    pub fn starts_header(line: &[u8]) -> bool {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let first = line.split(|&byte| byte == b',').next().unwrap_or_default();
        first
            .strip_prefix(b"\"")
            .and_then(|first| first.strip_suffix(b"\""))
            .unwrap_or(first)
            == Column::Year.name().as_bytes()
    }
}

// The ranges are those seen in the published data from 1987 on, not those of its manual: scheduled
// departures of both 0 and 2400 occur, actual times run past midnight, elapsed times can be negative.
columns! {
    Year: Number(1987..=2100),
    Month: Number(1..=12),
    DayofMonth: Number(1..=31),
    DayOfWeek: Number(1..=7),
    DepTime: Clock(0..=2959),
    CRSDepTime: Clock(0..=2400),
    ArrTime: Clock(0..=2959),
    CRSArrTime: Clock(0..=2400),
    UniqueCarrier: Text,
    FlightNum: Number(0..=99_999),
    TailNum: Text,
    ActualElapsedTime: Number(-9_999..=9_999),
    CRSElapsedTime: Number(-9_999..=9_999),
    AirTime: Number(-9_999..=9_999),
    ArrDelay: Number(-9_999..=9_999),
    DepDelay: Number(-9_999..=9_999),
    Origin: Text,
    Dest: Text,
    Distance: Number(0..=99_999),
    TaxiIn: Number(0..=9_999),
    TaxiOut: Number(0..=9_999),
    Cancelled: Number(0..=1),
    CancellationCode: Text,
    Diverted: Number(0..=1),
    CarrierDelay: Number(0..=9_999),
    WeatherDelay: Number(0..=9_999),
    NASDelay: Number(0..=9_999),
    SecurityDelay: Number(0..=9_999),
    LateAircraftDelay: Number(0..=9_999),
    IsArrDelayed: Text,
    IsDepDelayed: Text,
}

impl Column {
    /// The column of that name, by the exact spelling of the data set's header line.
    pub fn by_name(name: &str) -> Option<Column> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// Whether the column's fields are numbers.
    pub const fn is_numeric(self) -> bool {
        !matches!(self.kind(), Kind::Text)
    }

    /// The numbers that the column's fields may hold; none where they are text.
    pub fn range(self) -> Option<RangeInclusive<i32>> {
        match self.kind() {
            Kind::Number(range) | Kind::Clock(range) => Some(range.clone()),
            Kind::Text => None,
        }
    }
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_names_agree_with_the_schema() {
        assert_eq!(Column::ALL.len(), 31);
        for (position, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column as usize, position);
            assert_eq!(Column::by_name(column.name()), Some(column));
        }
        assert_eq!(Column::Dest as usize, 17);
        assert_eq!(Column::by_name("dest"), None);
    }
}
