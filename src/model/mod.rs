//! The model: an ONNX file that explains and proves itself.
//!
//! A file carries, beside the graph, a JSON text about itself ([`Metadata`]): which columns of a flight row
//! feed it, what its scores are called, from which probability on a flight counts as delayed, and golden
//! rows with the probabilities that an independent implementation gave them. [`Model::load`] reads both,
//! runs the golden rows through the very path that rows take later, and refuses the model where a
//! probability is another one.
//!
//! A worker takes its own [`Scorer`] from the shared model, pushes rows into its batch, and reads a
//! [`Prediction`] for each.
//!
//! The graph is run by tract, with the tree ensembles of ONNX as operators of our own (`forest`).

mod artifact;
mod bare;
mod categories;
mod collection;
mod elementwise;
mod error;
mod features;
#[cfg(test)]
mod fixtures;
mod forest;
mod graph;
mod metadata;
mod prediction;
mod proof;
mod real;
mod rowwise;
mod scorer;
mod shown;

#[cfg(test)]
mod exported;
#[cfg(test)]
mod packed;

pub use artifact::{MAX_MODEL_BYTES, METADATA_KEY, Model};
#[doc(hidden)]
pub use bare::BareGraph;
pub use collection::Models;
pub use error::{ModelError, ScoreError};
pub use forest::Instructions;
pub use metadata::{Feature, FeatureProfile, Golden, GoldenRow, Input, Metadata, MetadataError, Profile, ScoreProfile};
pub use prediction::{Prediction, Probability, Scores};
pub use proof::{Mismatch, Proof};
pub use scorer::{Features, Scorer};
