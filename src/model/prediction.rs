//! What a model says of a row.

use super::metadata::Metadata;
use std::fmt;

/// A probability in the type in which the model gives it, which decides how many digits it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Probability {
    F32(f32),
    F64(f64),
}

impl Probability {
    pub fn to_f64(self) -> f64 {
        match self {
            Probability::F32(value) => f64::from(value),
            Probability::F64(value) => value,
        }
    }

    /// Appends the shortest decimal that reads back to the same float or double, a valid JSON number. A
    /// value that JSON cannot express (NaN or infinite) becomes `null`.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.format(&mut ryu::Buffer::new()).as_bytes());
    }

    fn format(self, buffer: &mut ryu::Buffer) -> &str {
        match self {
            Probability::F32(value) if value.is_finite() => buffer.format_finite(value),
            Probability::F64(value) if value.is_finite() => buffer.format_finite(value),
            _ => "null",
        }
    }
}

/// As [`Probability::write`].
impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.format(&mut ryu::Buffer::new()))
    }
}

/// A row of scores, one for each label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Values<'s> {
    F32(&'s [f32]),
    F64(&'s [f64]),
}

impl<'s> Values<'s> {
    fn len(self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
        }
    }

    fn row(self, row: usize, width: usize) -> Values<'s> {
        let range = row * width..(row + 1) * width;
        match self {
            Values::F32(values) => Values::F32(&values[range]),
            Values::F64(values) => Values::F64(&values[range]),
        }
    }

    fn get(self, index: usize) -> Probability {
        match self {
            Values::F32(values) => Probability::F32(values[index]),
            Values::F64(values) => Probability::F64(values[index]),
        }
    }
}

/// The predictions for a batch of rows, in the order in which they were pushed.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'s> {
    values: Values<'s>,
    metadata: &'s Metadata,
}

impl<'s> Scores<'s> {
    /// `values` is `[rows, labels]`.
    pub(super) fn new(values: Values<'s>, metadata: &'s Metadata) -> Self {
        Scores { values, metadata }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.metadata.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The prediction for a row, from 0.
    ///
    /// # Panics
    /// Where there is no such row, as indexing a slice does.
    pub fn get(&self, row: usize) -> Prediction<'s> {
        Prediction {
            values: self.values.row(row, self.metadata.labels.len()),
            metadata: self.metadata,
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Prediction<'s>> {
        let scores = *self;
        (0..self.len()).map(move |row| scores.get(row))
    }
}

/// The prediction for one row.
#[derive(Debug, Clone, Copy)]
pub struct Prediction<'s> {
    values: Values<'s>,
    metadata: &'s Metadata,
}

impl<'s> Prediction<'s> {
    /// Whether the probability of the positive label has reached the threshold, as doubles. NaN has not.
    pub fn is_positive(&self) -> bool {
        self.positive().to_f64() >= self.metadata.threshold
    }

    /// The positive label where [`is_positive`](Self::is_positive), else the other.
    pub fn label(&self) -> &'s str {
        let positive = self.metadata.positive;
        // There are two labels.
        &self.metadata.labels[if self.is_positive() { positive } else { 1 - positive }]
    }

    /// The probability of the positive label.
    pub fn positive(&self) -> Probability {
        self.values.get(self.metadata.positive)
    }

    /// The labels and their probabilities, in the order of the model's labels.
    pub fn probabilities(&self) -> impl ExactSizeIterator<Item = (&'s str, Probability)> + use<'s> {
        let values = self.values;
        let labels = self.metadata.labels.iter().enumerate();
        labels.map(move |(index, label)| (label.as_str(), values.get(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn probabilities_have_the_digits_of_their_type() {
        let cases = [
            (Probability::F32(0.1), "0.1"),
            (Probability::F64(f64::from(0.1f32)), "0.10000000149011612"),
            (Probability::F64(0.4319916897116479), "0.4319916897116479"),
            (Probability::F64(1.0), "1.0"),
            (Probability::F64(4.5e-16), "4.5e-16"),
            (Probability::F64(f64::NAN), "null"),
            (Probability::F32(f32::INFINITY), "null"),
        ];
        for (probability, expected) in cases {
            assert_eq!(probability.to_string(), expected);
            let mut written = b"p=".to_vec();
            probability.write(&mut written);
            assert_eq!(written, format!("p={expected}").into_bytes());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in 0.0f64..=1.0) {
            let text = Probability::F64(value).to_string();
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
            let narrow = value as f32;
            let text = Probability::F32(narrow).to_string();
            prop_assert_eq!(text.parse::<f32>().unwrap().to_bits(), narrow.to_bits());
        }
    }
}
