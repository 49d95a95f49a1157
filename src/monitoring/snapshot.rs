//! All workers' observations at one moment.

use super::monitor::{Monitors, Observations, ShadowCounts};
use super::observed::Observed;
use crate::drift::{Counts, Drift, Reference};
use crate::flight::Column;
use crate::lineup::{Lineup, Role};
use crate::model::{Input, Model};
use crate::quality::{Accumulate, Comparison, Tally};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Instant;

/// What all workers together have seen of the models that are in service.
#[derive(Debug)]
pub struct Snapshot {
    /// The champion, then the challenger where there is one.
    pub models: Vec<Seen>,
    /// Where there is a challenger.
    pub comparison: Option<Compared>,
}

/// What was seen of one model.
#[derive(Debug)]
pub struct Seen {
    pub role: Role,
    pub model: Arc<Model>,
    /// Rows, with truth or without.
    pub scored: u64,
    /// Of those with truth.
    pub quality: Tally,
    /// Within the sliding window.
    pub recent_quality: Tally,
    /// What was seen of the flights, by the champion: a challenger scores the same.
    pub flights: Option<Flights>,
}

/// What a model was given, against its training.
#[derive(Debug)]
pub struct Flights {
    /// Of each profiled feature, and of the score; empty where the model has no profile.
    pub drift: Vec<Drift>,
    /// Within the sliding window.
    pub recent_drift: Vec<Drift>,
    /// Values that training did not know, by the column of a categorical feature.
    pub unknown: Vec<(Column, u64)>,
}

/// Champion and challenger on the same rows.
#[derive(Debug)]
pub struct Compared {
    pub total: Comparison,
    /// Within the sliding window.
    pub recent: Comparison,
    /// The challenger's work.
    pub shadow: ShadowCounts,
}

impl Snapshot {
    /// Adds up what the workers have seen of these models; one that has not changed over to them yet is left out.
    pub fn take(monitors: &Monitors, lineup: &Lineup) -> Snapshot {
        let now = Instant::now();
        let models = Role::ALL.into_iter().filter_map(|role| {
            let model = lineup.model(role)?;
            Some(seen(role, model, monitors, now))
        });
        let mut comparison = lineup.challenger.as_ref().map(|_| Compared {
            total: Comparison::default(),
            recent: Comparison::default(),
            shadow: ShadowCounts::default(),
        });
        let models = models.collect();
        for monitor in monitors.iter() {
            let state = monitor.lock();
            if let Some(comparison) = comparison
                .as_mut()
                .filter(|_| Role::ALL.into_iter().all(|role| state.is_of(role, lineup)))
            {
                comparison.total.add(&state.comparison.total());
                comparison.recent.add(&state.comparison.window(now));
                comparison.shadow.add(&state.shadow);
            }
        }
        Snapshot { models, comparison }
    }

    pub fn model(&self, role: Role) -> Option<&Seen> {
        self.models.iter().find(|seen| seen.role == role)
    }

    /// For people and programs: the figures of each model and of both, since the start and within the window.
    pub fn status(&self) -> Value {
        let mut status = Map::new();
        for seen in &self.models {
            let seen_status = json!({
                "scored": seen.scored,
                "quality": seen.quality.figures(),
                "recent_quality": seen.recent_quality.figures(),
                "flights": seen.flights.as_ref().map(Flights::status),
            });
            status.insert(seen.role.name().to_owned(), seen_status);
        }
        if let Some(compared) = &self.comparison {
            let both = json!({
                "total": compared.total.figures(),
                "recent": compared.recent.figures(),
                "challenger_rows": compared.shadow,
            });
            status.insert("comparison".to_owned(), both);
        }
        status.into()
    }
}

impl Flights {
    fn status(&self) -> Value {
        let psi = self
            .recent_drift
            .iter()
            .map(|drift| (drift.name.clone(), json!(drift.psi)));
        let unknown = self
            .unknown
            .iter()
            .map(|(column, count)| (column.name().to_owned(), json!(count)));
        json!({
            "recent_psi": psi.collect::<Map<_, _>>(),
            "unknown_categories": unknown.collect::<Map<_, _>>(),
        })
    }
}

fn seen(role: Role, model: &Arc<Model>, monitors: &Monitors, now: Instant) -> Seen {
    let (mut scored, mut quality, mut recent_quality) = (0, Tally::default(), Tally::default());
    for monitor in monitors.iter() {
        if let Some(observed) = of_model(&monitor.lock(), role, model) {
            scored += observed.scored;
            quality.add(&observed.quality.total());
            recent_quality.add(&observed.quality.window(now));
        }
    }
    Seen {
        role,
        model: model.clone(),
        scored,
        quality,
        recent_quality,
        flights: (role == Role::Champion).then(|| flights(model, monitors, now)),
    }
}

fn flights(model: &Arc<Model>, monitors: &Monitors, now: Instant) -> Flights {
    let (mut drift, mut recent_drift) = (Counts::default(), Counts::default());
    let mut reference: Option<Arc<Reference>> = None;
    let features = &model.metadata().features;
    let mut unknown = vec![0; features.len()];
    for monitor in monitors.iter() {
        if let Some(observed) = of_model(&monitor.lock(), Role::Champion, model) {
            drift.add(&observed.drift.total());
            recent_drift.add(&observed.drift.window(now));
            for (sum, count) in unknown.iter_mut().zip(&observed.unknown) {
                *sum += count;
            }
            reference = observed.reference.clone();
        }
    }
    let drifts = |counts| reference.as_ref().map(|reference| reference.drifts(counts));
    let categorical = features.iter().zip(unknown);
    Flights {
        drift: drifts(&drift).unwrap_or_default(),
        recent_drift: drifts(&recent_drift).unwrap_or_default(),
        unknown: categorical
            .filter(|(feature, _)| matches!(feature.input, Input::Categorical(_)))
            .map(|(feature, count)| (feature.column, count))
            .collect(),
    }
}

fn of_model<'o>(state: &'o Observations, role: Role, model: &Arc<Model>) -> Option<&'o Observed> {
    state.model(role).filter(|observed| Arc::ptr_eq(&observed.model, model))
}
