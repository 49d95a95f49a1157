//! Batches of outputs on their way, of which the time is taken.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// What was sent, and where each batch ends in it. A record that arrives is not reported one by one: how many did is known
/// from how many are left.
#[derive(Debug, Default)]
pub struct Batches {
    sent: Cell<u64>,
    /// With how many records sent a batch ended, and the timestamp of its oldest input.
    open: RefCell<VecDeque<(u64, i64)>>,
}

impl Batches {
    pub fn sent_record(&self) {
        self.sent.set(self.sent.get() + 1);
    }

    /// All records of a batch were sent.
    pub fn end(&self, oldest_input: i64) {
        self.open.borrow_mut().push_back((self.sent.get(), oldest_input));
    }

    /// The oldest input of each batch of which the end has arrived, now that so many records are left. Partitions
    /// answer in their own time: it is as many records as were sent up to there.
    pub fn arrived(&self, left: u64) -> impl Iterator<Item = i64> {
        let arrived = self.sent.get().saturating_sub(left);
        std::iter::from_fn(move || {
            let mut open = self.open.borrow_mut();
            let (_, oldest_input) = open.pop_front_if(|(end, _)| *end <= arrived)?;
            Some(oldest_input)
        })
    }

    /// What is open will not arrive.
    pub fn clear(&self) {
        self.open.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_arrived_when_no_more_are_left_than_were_sent_after_it() {
        let batches = Batches::default();
        for oldest_input in [70, 71] {
            (0..3).for_each(|_| batches.sent_record());
            batches.end(oldest_input);
        }
        assert_eq!(batches.arrived(4).next(), None);
        assert_eq!(batches.arrived(3).collect::<Vec<_>>(), [70]);
        assert_eq!(batches.arrived(3).next(), None, "only once");
        assert_eq!(batches.arrived(0).collect::<Vec<_>>(), [71]);
        batches.end(72);
        batches.clear();
        assert_eq!(batches.arrived(0).next(), None);
    }
}
