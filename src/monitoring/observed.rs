//! What one worker has seen of one model.

use crate::drift::{Counts, Reference};
use crate::model::Model;
use crate::quality::{Sliding, Tally};
use std::sync::Arc;
use std::time::Duration;

/// The observations of one model by one worker, since the model is in service.
#[derive(Debug)]
pub struct Observed {
    pub model: Arc<Model>,
    /// Rows, with truth or without.
    pub scored: u64,
    pub quality: Sliding<Tally>,
    pub drift: Sliding<Counts>,
    /// Made of the model's profile; none where it has none.
    pub reference: Option<Arc<Reference>>,
    /// Values that were none of their category's, by feature.
    pub unknown: Vec<u64>,
}

impl Observed {
    pub fn new(model: Arc<Model>, window: Duration) -> Observed {
        let metadata = model.metadata();
        Observed {
            scored: 0,
            quality: Sliding::new(window),
            drift: Sliding::new(window),
            reference: Reference::new(metadata).map(Arc::new),
            unknown: vec![0; metadata.features.len()],
            model,
        }
    }
}
