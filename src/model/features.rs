//! From the fields of a row to the columns of the graph's input.

use super::categories::Categories;
use super::metadata::{Feature, Input};
use super::real::Real;
use crate::flight::{Column, Rejection, Row};

/// How the features of a model are read from a row.
#[derive(Debug)]
pub(super) struct Encoder {
    features: Vec<Source>,
}

#[derive(Debug)]
enum Source {
    /// Always NaN; no field is read.
    Missing,
    Number(Column),
    Category(Column, Categories),
}

impl Encoder {
    pub fn new(features: &[Feature]) -> Self {
        let source = |feature: &Feature| match &feature.input {
            _ if feature.always_missing => Source::Missing,
            Input::Numeric => Source::Number(feature.column),
            Input::Categorical(values) => Source::Category(feature.column, Categories::new(values)),
        };
        Encoder {
            features: features.iter().map(source).collect(),
        }
    }

    /// How many values a row becomes.
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// Appends the features of a row to `matrix`. A missing field and an unknown category are NaN, and the latter is
    /// counted in `unknown`, by feature.
    ///
    /// # Errors
    /// Where a number cannot be read; `matrix` is then as it was.
    pub fn encode<T: Real>(&self, row: &Row<'_>, matrix: &mut Vec<T>, unknown: &mut [u64]) -> Result<(), Rejection> {
        let before = matrix.len();
        matrix.resize(before + self.width(), T::NAN);
        let values = matrix[before..].iter_mut().zip(unknown);
        for (source, (value, unknown)) in self.features.iter().zip(values) {
            let found = match source {
                Source::Missing => None,
                Source::Number(column) => match row.number(*column) {
                    Ok(number) => number,
                    Err(rejection) => {
                        matrix.truncate(before);
                        return Err(rejection);
                    }
                },
                Source::Category(column, categories) => row.text(*column).and_then(|field| {
                    let position = categories.position(field);
                    *unknown += u64::from(position.is_none());
                    position
                }),
            };
            if let Some(found) = found {
                *value = T::from_i32(found);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::{Reason, RowReader};

    const SEED: &str =
        "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";

    fn feature(column: Column, values: &[&str]) -> Feature {
        let values: Vec<_> = values.iter().map(|&value| value.to_owned()).collect();
        Feature {
            name: column.name().to_owned(),
            column,
            input: if values.is_empty() {
                Input::Numeric
            } else {
                Input::Categorical(values)
            },
            always_missing: false,
        }
    }

    #[test]
    fn encodes_numbers_categories_and_what_is_missing() {
        let mut features = [
            feature(Column::Year, &[]),
            feature(Column::AirTime, &[]),
            feature(Column::Origin, &["SFO", "SAN", "AAA"]),
            feature(Column::Dest, &["LAX"]),
            feature(Column::TailNum, &["NA"]),
            feature(Column::FlightNum, &[]),
        ];
        features[5].always_missing = true;
        let encoder = Encoder::new(&features);
        let mut reader = RowReader::default();
        // The flight number is not read at all.
        let row = SEED.replace("1451", "not a number");
        let row = reader.read(row.as_bytes()).unwrap();
        let mut matrix = vec![0.5];
        let mut unknown = [0; 6];
        encoder.encode::<f64>(&row, &mut matrix, &mut unknown).unwrap();
        assert_eq!(matrix[..2], [0.5, 1987.0]);
        assert_eq!(matrix[3], 1.0);
        let missing: Vec<_> = matrix.iter().map(|value| value.is_nan()).collect();
        assert_eq!(missing, [false, false, true, false, true, true, true]);
        assert_eq!(
            unknown,
            [0, 0, 0, 1, 0, 0],
            "SFO is not LAX; a missing field is not unknown"
        );
        assert_eq!(encoder.width(), 6);
    }

    #[test]
    fn a_rejected_row_leaves_nothing_behind() {
        let encoder = Encoder::new(&[feature(Column::Year, &[]), feature(Column::Month, &[])]);
        let mut reader = RowReader::default();
        let row = SEED.replacen(",10,", ",13,", 1);
        let row = reader.read(row.as_bytes()).unwrap();
        let mut matrix = vec![7.0f32];
        let rejection = encoder.encode(&row, &mut matrix, &mut [0; 2]).unwrap_err();
        assert_eq!(rejection.reason, Reason::OutOfRange);
        assert_eq!(matrix, [7.0]);
    }
}
