//! The models in service: the champion, whose predictions are published, and a challenger, which scores the same rows
//! in the shadow. A reload replaces either between two batches.

use crate::model::{Model, ModelError};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a model is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Champion,
    Challenger,
}

impl Role {
    pub const ALL: [Role; 2] = [Role::Champion, Role::Challenger];

    pub fn name(self) -> &'static str {
        match self {
            Role::Champion => "champion",
            Role::Challenger => "challenger",
        }
    }
}

/// The models that score a batch.
#[derive(Debug, Clone)]
pub struct Lineup {
    pub champion: Arc<Model>,
    pub challenger: Option<Arc<Model>>,
}

impl Lineup {
    pub fn model(&self, role: Role) -> Option<&Arc<Model>> {
        match role {
            Role::Champion => Some(&self.champion),
            Role::Challenger => self.challenger.as_ref(),
        }
    }
}

/// The models in service, shared by those who score and by whoever reloads.
#[derive(Debug)]
pub struct Served {
    /// Counts the changes of the lineup, so that a worker sees one without a lock.
    generation: AtomicU64,
    lineup: Mutex<Lineup>,
}

/// What became of a model that was offered.
#[derive(Debug)]
pub enum Offered {
    /// It is in service.
    Taken(Arc<Model>),
    /// The very same is in service already.
    Unchanged,
    /// It cannot be used, and what was in service stays.
    Refused(ModelError),
}

impl Served {
    pub fn new(champion: Arc<Model>) -> Served {
        Served {
            generation: AtomicU64::new(0),
            lineup: Mutex::new(Lineup {
                champion,
                challenger: None,
            }),
        }
    }

    /// Another number than before means another lineup.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub fn lineup(&self) -> Lineup {
        self.lock().clone()
    }

    /// Puts a proven model into service. Batches that are under way are finished with the one before. A challenger that
    /// says something else than the champion is refused, and leaves where the champion comes later.
    pub fn offer(&self, role: Role, model: Result<Arc<Model>, ModelError>) -> Offered {
        let model = match model {
            Ok(model) => model,
            Err(error) => return Offered::Refused(error),
        };
        let mut lineup = self.lock();
        if lineup.model(role).is_some_and(|now| now.sha256() == model.sha256()) {
            return Offered::Unchanged;
        }
        match role {
            Role::Champion => {
                lineup.champion = model.clone();
                let Lineup { champion, challenger } = &mut *lineup;
                challenger.take_if(|challenger| comparable(champion, challenger).is_err());
            }
            Role::Challenger => {
                if let Err(error) = comparable(&lineup.champion, &model) {
                    return Offered::Refused(error);
                }
                lineup.challenger = Some(model.clone());
            }
        }
        self.generation.fetch_add(1, Ordering::Release);
        Offered::Taken(model)
    }

    fn lock(&self) -> MutexGuard<'_, Lineup> {
        self.lineup.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Scores are compared only where both are the probability of the same label.
fn comparable(champion: &Model, challenger: &Model) -> Result<(), ModelError> {
    let (expected, positive) = (
        champion.metadata().positive_label(),
        challenger.metadata().positive_label(),
    );
    if positive == expected {
        return Ok(());
    }
    Err(ModelError::OtherLabel {
        origin: challenger.origin().to_owned(),
        positive: positive.to_owned(),
        expected: expected.to_owned(),
    })
}

/// The model in this file, or the one in the binary where the path is empty; proven.
pub fn open(path: &Path) -> Result<Arc<Model>, ModelError> {
    let model = if path.as_os_str().is_empty() {
        Model::embedded()?
    } else {
        Model::load(path)?
    };
    if let Some(reason) = model.no_kernel() {
        tracing::warn!(
            model = model.origin(),
            reason,
            "the trees have no fast kernel: scoring takes many times as long"
        );
    }
    Ok(Arc::new(model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_proven_model_changes_the_lineup() {
        let champion = open(Path::new("")).unwrap();
        let served = Served::new(champion.clone());
        let generation = served.generation();
        assert!(matches!(
            served.offer(Role::Champion, open(Path::new(""))),
            Offered::Unchanged
        ));
        assert!(matches!(
            served.offer(Role::Champion, open(Path::new("no such file"))),
            Offered::Refused(ModelError::Read { .. })
        ));
        assert_eq!(served.generation(), generation);
        assert!(Arc::ptr_eq(&served.lineup().champion, &champion));
        // In another role the same model is another member.
        assert!(matches!(
            served.offer(Role::Challenger, Ok(champion.clone())),
            Offered::Taken(_)
        ));
        assert_ne!(served.generation(), generation);
        assert!(served.lineup().challenger.is_some());
    }

    #[test]
    fn a_challenger_has_the_champions_positive_label() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/challenger/fails-on-sunday.onnx"
        );
        let (onnx, sidecar) = (std::fs::read(path).unwrap(), path.replace(".onnx", ".json"));
        let sidecar = std::fs::read_to_string(sidecar).unwrap();
        let sidecar = sidecar.replace(r#""positive": "YES""#, r#""positive": "NO""#);
        let other = Arc::new(Model::from_bytes(&onnx, Some(sidecar.as_bytes()), "the other").unwrap());
        let embedded = open(Path::new("")).unwrap();

        let served = Served::new(embedded.clone());
        let Offered::Refused(error) = served.offer(Role::Challenger, Ok(other.clone())) else {
            panic!("not refused");
        };
        assert_eq!(
            error.to_string(),
            r#"the other: its positive label is "NO" and that of the model it would be compared with "YES": nothing would follow"#
        );
        served.offer(Role::Challenger, Ok(embedded));
        served.offer(Role::Champion, Ok(other));
        assert!(served.lineup().challenger.is_none());
    }
}
