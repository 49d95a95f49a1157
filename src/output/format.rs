//! The forms of a prediction.

use serde::{Deserialize, Serialize};

/// How predictions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object: label, probabilities, threshold, flight, model, source.
    Json,
    /// `label,p_no,p_yes`, a probability for each of the model's labels, in their order.
    Csv,
    /// `Prediction: Is Airline delayed? => YES`.
    Text,
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "json" => Ok(Format::Json),
            "csv" => Ok(Format::Csv),
            "text" => Ok(Format::Text),
            _ => Err(format!("\"{name}\" is not one of json, csv, text")),
        }
    }
}
