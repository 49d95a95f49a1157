//! What a model says of a row.

use super::metadata::Metadata;
use super::scorer::Features;
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
        out.extend_from_slice(self.format(&mut zmij::Buffer::new()).as_bytes());
    }

    fn format(self, buffer: &mut zmij::Buffer) -> &str {
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
        f.write_str(self.format(&mut zmij::Buffer::new()))
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
    features: Features<'s>,
    metadata: &'s Metadata,
}

impl<'s> Scores<'s> {
    /// `values` is `[rows, labels]`.
    pub(super) fn new(values: Values<'s>, features: Features<'s>, metadata: &'s Metadata) -> Self {
        Scores {
            values,
            features,
            metadata,
        }
    }

    /// What the model was given.
    pub fn features(&self) -> Features<'s> {
        self.features
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

    /// The positive label where [`is_positive`](Self::is_positive), else the likeliest of the others, the first where
    /// several are.
    pub fn label(&self) -> &'s str {
        &self.metadata.labels[self.label_index()]
    }

    /// The position of [`label`](Self::label) among the model's labels.
    pub fn label_index(&self) -> usize {
        let positive = self.metadata.positive;
        if self.is_positive() {
            return positive;
        }
        if self.metadata.labels.len() == 2 {
            return 1 - positive;
        }
        let others = (0..self.metadata.labels.len()).filter(|&index| index != positive);
        let probability = |index: usize| self.values.get(index).to_f64();
        let likelier = |best: usize, other: usize| {
            // NaN is less than any number.
            let is_likelier =
                probability(other) > probability(best) || (probability(best).is_nan() && !probability(other).is_nan());
            if is_likelier { other } else { best }
        };
        others.reduce(likelier).unwrap_or(positive)
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

    fn metadata(labels: &[&str], positive: usize) -> Metadata {
        let golden = serde_json::json!({"row": "1987,10", "probabilities": vec![0.5; labels.len()]});
        let json = serde_json::json!({
            "name": "m", "version": "1",
            "features": [{"name": "Year", "column": "Year", "type": "numeric"}],
            "labels": labels, "positive": labels[positive], "threshold": 0.4,
            "golden": {"tolerance": 0.0, "rows": vec![golden; 8]},
        });
        Metadata::from_json(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn below_the_threshold_the_likeliest_of_the_other_labels_is_given() {
        let nan = f64::NAN;
        let metadata = metadata(&["early", "late", "on time"], 1);
        let rows = [
            ([0.5, 0.4, 0.1], "late"),
            ([0.5, 0.39, 0.11], "early"),
            ([0.3, 0.3, 0.4], "on time"),
            ([0.4, 0.2, 0.4], "early"),
            ([nan, 0.2, 0.4], "on time"),
            ([0.1, nan, nan], "early"),
            ([nan, nan, nan], "early"),
        ];
        let values: Vec<f64> = rows.iter().flat_map(|(row, _)| *row).collect();
        let scores = Scores::new(Values::F64(&values), Features::F64(&[]), &metadata);
        assert_eq!(scores.len(), rows.len());
        for (prediction, (row, label)) in scores.iter().zip(rows) {
            assert_eq!(prediction.label(), label, "{row:?}");
            assert_eq!(metadata.labels[prediction.label_index()], label);
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
