//! The values of a category.

use std::num::NonZeroU64;

/// The values of a category with their positions, found by their bytes.
#[derive(Debug)]
pub(super) struct Categories {
    /// A hash table of values that have a key, at most a quarter full: the place that a key's hash says, or the next
    /// that is free. Its size is a power of two.
    short: Vec<Option<(Key, i32)>>,
    /// The others, ordered.
    long: Vec<(Box<[u8]>, i32)>,
}

impl Categories {
    pub fn new(values: &[String]) -> Self {
        let mut short = vec![None; (4 * values.len()).next_power_of_two()];
        let mut long = Vec::new();
        for (value, position) in values.iter().map(String::as_bytes).zip(0..) {
            match key(value) {
                Some(key) => {
                    let free = probe(&short, key, |place| place.is_none());
                    short[free] = Some((key, position));
                }
                None => long.push((Box::from(value), position)),
            }
        }
        long.sort();
        Categories { short, long }
    }

    /// The position of the value with these bytes, from 0.
    #[inline]
    pub fn position(&self, field: &[u8]) -> Option<i32> {
        let Some(key) = key(field) else {
            let found = self.long.binary_search_by(|(value, _)| value.as_ref().cmp(field));
            return found.ok().map(|index| self.long[index].1);
        };
        let found = probe(&self.short, key, |place| place.is_none_or(|(held, _)| held == key));
        self.short[found].map(|(_, position)| position)
    }
}

/// The bytes of a value, and with the one before them its length.
type Key = NonZeroU64;

/// None for more than seven bytes.
#[inline]
fn key(value: &[u8]) -> Option<Key> {
    if value.len() > 7 {
        return None;
    }
    Key::new(value.iter().fold(1, |key, &byte| key << 8 | u64::from(byte)))
}

/// The first place from where the key's hash says that `ends` the search.
#[inline]
fn probe(places: &[Option<(Key, i32)>], key: Key, ends: impl Fn(&Option<(Key, i32)>) -> bool) -> usize {
    // Multiplicative hashing with the golden ratio: the high bits depend on all of the key's.
    let hash = key.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let mut index = hash as usize & (places.len() - 1);
    while !ends(&places[index]) {
        index = (index + 1) & (places.len() - 1);
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn categories(values: &[&str]) -> Categories {
        Categories::new(&values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn values_are_found_by_their_bytes() {
        let values = ["b", "", "a", "é", "aa", "seven by", "seven b", "\0", "\0\0"];
        let found = categories(&values);
        for (position, value) in (0..).zip(&values) {
            assert_eq!(found.position(value.as_bytes()), Some(position), "{value:?}");
        }
        for other in [&b"A"[..], b"\xe9", b"aaa", b"\0\0\0", b"seven", b"seven bytes", b"\x01"] {
            assert_eq!(found.position(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_category_without_values_knows_none() {
        assert_eq!(categories(&[]).position(b""), None);
        assert_eq!(categories(&[]).position(b"a"), None);
        assert_eq!(categories(&["only one, and long"]).position(b"a"), None);
    }

    proptest! {
        #[test]
        fn a_value_is_found_where_it_stands(
            values in prop::collection::hash_set("[ab\0é]{0,9}", 0..300),
            others in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..10), 0..50),
        ) {
            let values: Vec<_> = values.into_iter().collect();
            let found = Categories::new(&values);
            for field in values.iter().map(|value| value.as_bytes().to_vec()).chain(others) {
                let expected = values.iter().position(|value| value.as_bytes() == field);
                prop_assert_eq!(found.position(&field), expected.map(|position| position as i32));
            }
        }
    }
}
