//! What one worker has seen, for others to read.

use super::observed::Observed;
use crate::lineup::{Lineup, Role};
use crate::quality::{Accumulate, Comparison, Sliding};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The observations of one worker. It stays when its worker is built again.
#[derive(Debug)]
pub struct Monitor {
    window: Duration,
    state: Mutex<Observations>,
}

/// The monitors of all workers. Clones share them.
#[derive(Debug, Clone)]
pub struct Monitors(Arc<Vec<Arc<Monitor>>>);

/// What a worker has seen of the lineup it works with.
#[derive(Debug)]
pub(super) struct Observations {
    pub champion: Option<Observed>,
    pub challenger: Option<Observed>,
    pub comparison: Sliding<Comparison>,
    /// The challenger's work.
    pub shadow: ShadowCounts,
}

/// What became of a challenger's work.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct ShadowCounts {
    pub scored: u64,
    /// Rows that the champion could score and the challenger could not.
    pub rejected: u64,
    /// Workers in which it failed and was put aside.
    pub failures: u64,
    /// Time for encoding its features and for scoring.
    pub seconds: f64,
}

impl Accumulate for ShadowCounts {
    fn add(&mut self, other: &Self) {
        self.scored += other.scored;
        self.rejected += other.rejected;
        self.failures += other.failures;
        self.seconds += other.seconds;
    }
}

impl Monitors {
    /// One for each worker; `window` is how far back the sliding window reaches.
    pub fn new(workers: usize, window: Duration) -> Monitors {
        let monitors = (0..workers).map(|_| Arc::new(Monitor::new(window)));
        Monitors(Arc::new(monitors.collect()))
    }

    /// The monitor of a worker, by its index from 0.
    pub fn of_worker(&self, index: usize) -> Option<Arc<Monitor>> {
        self.0.get(index).cloned()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Monitor> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl Monitor {
    fn new(window: Duration) -> Monitor {
        Monitor {
            window,
            state: Mutex::new(Observations {
                champion: None,
                challenger: None,
                comparison: Sliding::new(window),
                shadow: ShadowCounts::default(),
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Observations> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew with each model that was not in service before.
    pub(super) fn follow(&self, lineup: &Lineup) {
        let mut state = self.lock();
        let changed = Role::ALL.map(|role| !state.is_of(role, lineup));
        let new = |role| {
            lineup
                .model(role)
                .map(|model| Observed::new(model.clone(), self.window))
        };
        if changed[0] {
            state.champion = new(Role::Champion);
        }
        if changed[1] {
            state.challenger = new(Role::Challenger);
            state.shadow = ShadowCounts::default();
        }
        if changed != [false; 2] {
            state.comparison = Sliding::new(self.window);
        }
    }
}

impl Observations {
    pub fn model(&self, role: Role) -> Option<&Observed> {
        match role {
            Role::Champion => self.champion.as_ref(),
            Role::Challenger => self.challenger.as_ref(),
        }
    }

    /// Whether what was seen in this role is of the lineup's model.
    pub fn is_of(&self, role: Role, lineup: &Lineup) -> bool {
        match (self.model(role), lineup.model(role)) {
            (Some(seen), Some(model)) => Arc::ptr_eq(&seen.model, model),
            (None, None) => true,
            _ => false,
        }
    }
}
