//! A total, and what of it lies within a window of time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What adds up.
pub trait Accumulate {
    fn add(&mut self, other: &Self);
}

/// A total and a sliding window over it, in twelve slots of time.
///
/// What is observed goes into the slot of its time, and nowhere else. A slot that makes room is added to what is
/// retired, so memory is that of at most thirteen `T`. Slots are added up from the oldest on, in the order in which
/// they retire: sums of floating-point numbers are the same before and after, so that a total never falls if its parts
/// never do, as counters need it.
#[derive(Debug, Clone)]
pub struct Sliding<T> {
    window: Duration,
    retired: T,
    /// When each began; the newest is the last.
    slots: VecDeque<(Instant, T)>,
}

impl<T: Default + Clone + Accumulate> Sliding<T> {
    /// How many slots make a window.
    pub const SLOTS: usize = 12;

    pub fn new(window: Duration) -> Self {
        Sliding {
            window,
            retired: T::default(),
            slots: VecDeque::with_capacity(Self::SLOTS),
        }
    }

    /// The slot to observe into; asked for once a batch. A new one begins where the last one has taken a twelfth of the
    /// window.
    pub fn current(&mut self, now: Instant) -> &mut T {
        let lasts = self.window / Self::SLOTS as u32;
        let over = |(begun, _): &(Instant, T)| now.saturating_duration_since(*begun) >= lasts;
        if self.slots.back().is_none_or(over) {
            if self.slots.len() == Self::SLOTS
                && let Some((_, oldest)) = self.slots.pop_front()
            {
                self.retired.add(&oldest);
            }
            self.slots.push_back((now, T::default()));
        }
        let last = self.slots.len() - 1;
        &mut self.slots[last].1
    }

    /// All since the start.
    pub fn total(&self) -> T {
        let mut total = self.retired.clone();
        for (_, slot) in &self.slots {
            total.add(slot);
        }
        total
    }

    /// What lies within the window that ends now: the slots that began in it.
    pub fn window(&self, now: Instant) -> T {
        let mut window = T::default();
        for (begun, slot) in &self.slots {
            if now.saturating_duration_since(*begun) < self.window {
                window.add(slot);
            }
        }
        window
    }
}
