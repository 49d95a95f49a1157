//! What a row says about how it came out.

use crate::flight::{Column, Row};
use crate::model::Metadata;

/// Reads the truth of rows for a model.
#[derive(Debug)]
pub struct Truth {
    positive: Vec<u8>,
    others: Vec<Vec<u8>>,
}

impl Truth {
    pub fn new(metadata: &Metadata) -> Truth {
        let others = metadata
            .labels
            .iter()
            .filter(|label| *label != metadata.positive_label());
        Truth {
            positive: metadata.positive_label().into(),
            others: others.map(|label| label.as_bytes().to_vec()).collect(),
        }
    }

    /// Whether IsDepDelayed holds the model's positive label or another of its labels; `None` where it holds neither.
    pub fn of(&self, row: &Row<'_>) -> Option<bool> {
        let label = row.text(Column::IsDepDelayed)?;
        if label == self.positive {
            return Some(true);
        }
        self.others.iter().any(|other| label == other).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::RowReader;
    use crate::model::Model;

    #[test]
    fn only_a_label_of_the_model_is_truth() {
        let truth = Truth::new(Model::embedded().unwrap().metadata());
        let row = "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,";
        let mut reader = RowReader::default();
        for (label, expected) in [
            ("YES", Some(true)),
            ("NO", Some(false)),
            ("NA", None),
            ("", None),
            ("yes", None),
        ] {
            let row = format!("{row}{label}");
            assert_eq!(truth.of(&reader.read(row.as_bytes()).unwrap()), expected, "{label:?}");
        }
    }
}
