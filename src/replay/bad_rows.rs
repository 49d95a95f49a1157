//! Rows that are spoiled on purpose, so that each has to become a dead letter.

/// Which rows are spoiled: a share of them, evenly spread, the same ones in every run.
#[derive(Debug, Clone, Copy, Default)]
pub struct BadRows {
    /// From 0 to 1.
    share: f64,
}

impl BadRows {
    /// `None` where it is not within 0 and 100.
    pub fn percent(percent: f64) -> Option<BadRows> {
        (0.0..=100.0)
            .contains(&percent)
            .then_some(BadRows { share: percent / 100.0 })
    }

    /// The row that is sent as the `number`th in its spoiled form, `None` where it stays as it is.
    pub fn spoil<'b>(&self, number: u64, row: &[u8], spoiled: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        let before = (number as f64 * self.share).floor();
        if ((number + 1) as f64 * self.share).floor() <= before {
            return None;
        }
        spoiled.clear();
        // The year comes first. One that starts with a letter is no number, one that starts with 9 is out of range.
        match before as u64 % 4 {
            0 => {
                spoiled.push(b'x');
                spoiled.extend_from_slice(row);
            }
            1 => spoiled.extend(row.iter().take_while(|&&byte| byte != b',')),
            2 => {
                spoiled.push(b'9');
                spoiled.extend_from_slice(row);
            }
            _ => {}
        }
        Some(spoiled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::output::Format;
    use crate::sample;
    use crate::scoring::Scoring;
    use proptest::prelude::*;
    use std::sync::{Arc, LazyLock};

    #[test]
    fn the_share_is_kept_and_spread() {
        for (percent, rows, expected) in [(0.0, 1000, 0), (100.0, 1000, 1000), (5.0, 1000, 50), (0.1, 10_000, 10)] {
            let bad_rows = BadRows::percent(percent).unwrap();
            let mut buffer = Vec::new();
            let spoiled: Vec<u64> = (0..rows)
                .filter(|&number| bad_rows.spoil(number, b"1987,10", &mut buffer).is_some())
                .collect();
            assert_eq!(spoiled.len(), expected, "{percent} %");
            let gaps = spoiled.windows(2).map(|pair| pair[1] - pair[0]);
            let even = rows / (expected.max(1) as u64);
            assert!(gaps.into_iter().all(|gap| gap.abs_diff(even) <= 1), "{percent} %");
        }
        assert!(BadRows::percent(100.1).is_none() && BadRows::percent(f64::NAN).is_none());
    }

    #[test]
    fn every_spoiled_row_is_rejected() {
        let mut scoring = Scoring::new(&Arc::new(Model::embedded().unwrap()), Format::Json).unwrap();
        let all = BadRows::percent(100.0).unwrap();
        let mut buffer = Vec::new();
        let mut reasons = std::collections::BTreeSet::new();
        for (number, row) in (0..).zip(sample::rows()) {
            let spoiled = all.spoil(number, row.as_bytes(), &mut buffer).unwrap();
            reasons.insert(scoring.push(spoiled).unwrap_err().reason.as_str());
        }
        assert!(reasons.len() >= 4, "{reasons:?}");
    }

    proptest! {
        #[test]
        fn every_spoiled_row_is_rejected_whatever_it_was(row in "[0-9NA\",.]{0,12}(,[0-9NA\"]{0,3}){28,30}") {
            static MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| Arc::new(Model::embedded().unwrap()));
            let mut scoring = Scoring::new(&MODEL, Format::Json).unwrap();
            let all = BadRows::percent(100.0).unwrap();
            let mut buffer = Vec::new();
            for number in 0..4 {
                let spoiled = all.spoil(number, row.as_bytes(), &mut buffer).unwrap();
                prop_assert!(scoring.push(spoiled).is_err(), "{}", spoiled.escape_ascii());
            }
        }
    }
}
