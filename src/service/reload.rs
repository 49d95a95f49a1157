//! Loading the models anew while the service runs.

use crate::config;
use crate::lineup::{self, Offered, Role, Served};
use crate::metrics::Metrics;
use crate::model::ModelError;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// The wish to load the models anew. Passed in as a value; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    /// Asks for it. Requests that come while models are being loaded are one.
    pub fn request(&self) {
        self.0.notify_one();
    }

    async fn requested(&self) {
        self.0.notified().await;
    }
}

/// Keeps the models in service in step with their files.
#[derive(Debug, Clone)]
pub struct Reloader {
    settings: config::Model,
    served: Arc<Served>,
    metrics: Metrics,
    /// Bytes of a file at most: the memory is shared out among the queues already.
    most: u64,
    /// Why the model of a role that was offered last was refused.
    refused: Arc<Mutex<Vec<(Role, String)>>>,
}

impl Reloader {
    /// `budget` is the memory of the process, in bytes.
    pub fn new(settings: config::Model, served: Arc<Served>, metrics: Metrics, budget: u64) -> Reloader {
        Reloader {
            most: budget / PART_OF_BUDGET,
            settings,
            served,
            metrics,
            refused: Arc::default(),
        }
    }

    /// Takes the challenger in, and then loads the models anew at each request, one request after the other. Never
    /// ends.
    pub async fn follow(self, reload: Reload) {
        self.load_aside(&[Role::Challenger]).await;
        loop {
            reload.requested().await;
            self.load_aside(&Role::ALL).await;
        }
    }

    /// Loads models without holding up whoever else runs on this thread.
    async fn load_aside(&self, roles: &'static [Role]) {
        let reloader = self.clone();
        let loading = tokio::task::spawn_blocking(move || {
            for &role in roles {
                reloader.load(role);
            }
        });
        if let Err(error) = loading.await {
            tracing::error!(%error, "loading the models failed");
        }
    }

    /// Refuses what could end the process for lack of memory. That a file is not there shows when it is read.
    fn fits(&self, path: &Path) -> Result<(), ModelError> {
        for path in [path, &path.with_extension("json")] {
            if std::fs::metadata(path).is_ok_and(|file| file.len() > self.most) {
                return Err(ModelError::TooLarge {
                    origin: path.display().to_string(),
                    most: self.most as usize,
                });
            }
        }
        Ok(())
    }

    /// The roles whose last model was refused, and why.
    pub fn refused(&self) -> Vec<(Role, String)> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn load(&self, role: Role) {
        let path = match role {
            Role::Champion => &self.settings.path,
            Role::Challenger if self.settings.challenger.as_os_str().is_empty() => return,
            Role::Challenger => &self.settings.challenger,
        };
        let model = self.fits(path).and_then(|()| lineup::open(path));
        let (name, offered) = (role.name(), self.served.offer(role, model));
        self.metrics.offered_model(role, &offered);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|(other, _)| *other != role);
        match offered {
            Offered::Taken(model) => {
                self.metrics.serves_models(&self.served.lineup());
                let metadata = model.metadata();
                tracing::info!(
                    role = name,
                    model = metadata.name,
                    model_version = metadata.version,
                    sha256 = model.sha256(),
                    "a model was loaded and proven"
                );
            }
            Offered::Unchanged => tracing::info!(role = name, "the model is the one that is in service"),
            Offered::Refused(error) => {
                let why = explained(&error);
                tracing::error!(
                    role = name,
                    why,
                    "the model is refused, and what was in service goes on"
                );
                refused.push((role, why));
            }
        }
    }
}

/// A file takes some eight times its size while it is read and proven.
const PART_OF_BUDGET: u64 = 16;

/// The error with its cause.
fn explained(error: &ModelError) -> String {
    match error {
        ModelError::Read { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_memory_has_no_room_for_is_refused() {
        let embedded = lineup::open(Path::new("")).unwrap();
        let metrics = Metrics::new(&embedded.metadata().labels, &[]).unwrap();
        let settings = config::Model {
            path: concat!(env!("CARGO_MANIFEST_DIR"), "/models/airline-gbm.onnx").into(),
            ..Default::default()
        };
        // The file has 102,700 bytes.
        for (budget, expected) in [(1 << 20, 1), (2 << 20, 0)] {
            let served = Arc::new(Served::new(embedded.clone()));
            let reloader = Reloader::new(settings.clone(), served, metrics.clone(), budget);
            reloader.load(Role::Champion);
            let refused = reloader.refused();
            assert_eq!(refused.len(), expected, "{refused:?}");
            assert!(
                refused
                    .iter()
                    .all(|(_, why)| why.contains("airline-gbm.onnx") && why.contains("65536"))
            );
        }
    }
}
