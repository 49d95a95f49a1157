//! Which input records were seen.

use crate::audit::Place;
use std::collections::HashMap;

/// Offsets in a page.
const PAGE: i64 = 4096;

/// A set of input records, a bit each where they stand close together; a page of 4,096 offsets takes 512 bytes.
#[derive(Debug, Default)]
pub struct Seen {
    topics: Vec<String>,
    pages: HashMap<(usize, i32, i64), Box<[u64; PAGE as usize / 64]>>,
}

impl Seen {
    /// Returns whether it is new.
    pub fn insert(&mut self, place: &Place) -> bool {
        let topic = self.topics.iter().position(|topic| *topic == place.topic);
        let topic = topic.unwrap_or_else(|| {
            self.topics.push(place.topic.clone());
            self.topics.len() - 1
        });
        let page = (topic, place.partition, place.offset.div_euclid(PAGE));
        let bit = place.offset.rem_euclid(PAGE) as usize;
        let words = self
            .pages
            .entry(page)
            .or_insert_with(|| Box::new([0; PAGE as usize / 64]));
        let is_new = words[bit / 64] & (1 << (bit % 64)) == 0;
        words[bit / 64] |= 1 << (bit % 64);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn it_is_a_set(places in proptest::collection::vec((0usize..2, 0i32..3, prop_oneof![0i64..10_000, any::<i64>()]), 0..200)) {
            let (mut seen, mut set) = (Seen::default(), HashSet::new());
            for (topic, partition, offset) in places {
                let place = Place { topic: ["a", "b"][topic].into(), partition, offset };
                prop_assert_eq!(seen.insert(&place), set.insert((topic, partition, offset)));
            }
        }
    }
}
