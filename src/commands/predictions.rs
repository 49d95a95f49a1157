//! What commands that look at published predictions need: the output topic, and the models.

use super::since::Since;
use super::{Exit, Failed};
use crate::config::Config;
use crate::model::{Model, ModelError, Models};
use crate::stream::topics::{self, Patience};
use crate::stream::{ClientFactory, Cursor, Failure};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// For an answer of brokers that have answered before.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What the output topic holds now.
pub(super) struct Predictions {
    pub(super) factory: ClientFactory,
    pub(super) topic: String,
    pub(super) cursor: Cursor,
    /// The offsets of each partition.
    pub(super) ranges: Vec<Range<i64>>,
}

impl Predictions {
    /// Waits for a broker to answer, and finds the offsets.
    pub(super) fn find(config: Config, instance: String, since: Option<Since>) -> Result<Predictions, Failed> {
        let since = since.map(|since| since.time(SystemTime::now())).transpose()?;
        let kafka = |failure: Failure| Exit::Kafka.with(failure);
        let patience = Patience {
            broker: config.kafka.startup_timeout,
            topics: Duration::ZERO,
        };
        let topic = config.kafka.output_topic.clone();
        let factory = ClientFactory::new(config.kafka, instance);
        topics::partitions(&factory, &topic, patience).map_err(kafka)?;
        let mut cursor = Cursor::new(&factory, PATIENCE).map_err(kafka)?;
        let ranges = cursor.ranges(&topic, since).map_err(kafka)?;
        Ok(Predictions {
            factory,
            topic,
            cursor,
            ranges,
        })
    }
}

/// The models in the binary, that of the settings, and those in a directory.
pub(super) fn known_models(config: &Config, directory: Option<&Path>) -> Result<Models, Failed> {
    let mut models = Models::default();
    let mut add = || {
        for embedded in [Model::embedded()?, Model::embedded_challenger()?] {
            models.add(Arc::new(embedded));
        }
        if !config.model.path.as_os_str().is_empty() {
            models.add_file(&config.model.path)?;
        }
        directory.map_or(Ok(()), |directory| models.add_directory(directory))
    };
    add().map_err(|error: ModelError| Exit::Model.with(error))?;
    Ok(models)
}
