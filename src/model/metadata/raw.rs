//! The JSON contract as it stands in a file.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    pub name: String,
    pub version: String,
    pub description: Option<String>,
    pub features: Vec<Feature>,
    pub labels: Vec<String>,
    pub positive: String,
    pub threshold: f64,
    pub golden: Golden,
    pub profile: Option<Profile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    pub name: String,
    pub column: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub values: Option<Vec<String>>,
    #[serde(default)]
    pub always_missing: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Numeric,
    Categorical,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    pub tolerance: f64,
    pub rows: Vec<GoldenRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenRow {
    pub row: String,
    pub probabilities: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub rows: u64,
    pub features: Vec<FeatureProfile>,
    pub score: ScoreProfile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureProfile {
    pub name: String,
    pub missing: u64,
    #[serde(default)]
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreProfile {
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
}
