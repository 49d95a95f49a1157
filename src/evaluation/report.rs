//! What an evaluation has found.

use super::truth::TruthCounts;
use crate::output::printable;
use crate::quality::Figures;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// How many predictions were held against truth, and how good they are, model by model.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Predictions, each source counted once for each model.
    pub predictions: u64,
    /// Further ones of the same model for the same source.
    pub duplicates: u64,
    /// With a truth: what the figures are made from.
    pub matched: u64,
    /// No row of truth is about their flight.
    pub without_truth: u64,
    /// Rows of truth about their flight contradict each other.
    pub ambiguous: u64,
    /// The label of their flight is none of the model's.
    pub other_label: u64,
    /// The probability is not a number.
    pub without_score: u64,
    /// Not predictions in JSON that name input and model, by what is wrong.
    pub unreadable: BTreeMap<&'static str, u64>,
    pub tombstones: u64,
    pub truth: TruthCounts,
    pub models: Vec<OfModel>,
}

/// The predictions of one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfModel {
    pub name: String,
    /// The first 12 digits.
    pub sha256: String,
    pub predictions: u64,
    /// `None` where none of them has a truth.
    pub figures: Option<Figures>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TruthCounts {
            rows,
            bad,
            without_flight,
            without_label,
            ambiguous_flights,
        } = self.truth;
        let unreadable: u64 = self.unreadable.values().sum();
        for (name, count, remark) in [
            ("truth rows", rows, ""),
            ("  bad", bad, ""),
            (
                "  without flight",
                without_flight,
                "date, carrier, number or origin is missing",
            ),
            ("  without label", without_label, ""),
            (
                "  ambiguous",
                ambiguous_flights,
                "flights whose rows contradict each other",
            ),
            ("predictions", self.predictions, ""),
            ("  matched", self.matched, ""),
            ("  without truth", self.without_truth, ""),
            ("  ambiguous", self.ambiguous, ""),
            ("  other label", self.other_label, "the truth is no label of the model"),
            ("  without score", self.without_score, ""),
            ("duplicates", self.duplicates, ""),
            ("unreadable", unreadable, "not in JSON, or without input or model"),
            ("tombstones", self.tombstones, ""),
        ] {
            let always = matches!(name, "truth rows" | "predictions" | "  matched" | "  without truth");
            if count > 0 || always {
                let line = format!("{name:<18} {count:<12} {remark}");
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        for model in &self.models {
            writeln!(f, "\n{:<18} {} {}", "model", printable(&model.name), model.sha256)?;
            match &model.figures {
                Some(figures) => write!(f, "{figures}")?,
                None => writeln!(f, "none of its {} predictions has a truth", model.predictions)?,
            }
        }
        Ok(())
    }
}
