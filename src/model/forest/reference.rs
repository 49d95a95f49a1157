//! The plain evaluation of an ensemble: one row, one tree and one branch after the other.
//!
//! It is written to be obviously right, and is what any faster evaluation is compared with, bit by bit.

use super::ensemble::{Aggregate, Branch, Child, Ensemble, Test, Weight};
use crate::model::real::Real;

impl<T: Real> Ensemble<T> {
    /// Scores rows: `features` is `[rows, width]` and `scores` is `[rows, targets]`, both row by row.
    ///
    /// The weights for a target are summed from zero in the order of the trees, and its base value is added
    /// last. A target that no leaf speaks for gets only its base value.
    ///
    /// `width` is at least [`Ensemble::features`]; a narrower row has no scores to give and panics.
    pub fn evaluate(&self, features: &[T], width: usize, scores: &mut [T]) {
        let targets = self.targets();
        // Min and max need to know which targets have a value yet.
        let mut seen = vec![false; targets];
        for (row, scores) in scores.chunks_exact_mut(targets).enumerate() {
            let features = &features[row * width..(row + 1) * width];
            self.evaluate_row(features, scores, &mut seen);
        }
    }

    fn evaluate_row(&self, features: &[T], scores: &mut [T], seen: &mut [bool]) {
        let parts = self.parts();
        scores.fill(T::ZERO);
        seen.fill(false);
        for &root in &parts.roots {
            for &Weight { target, value } in self.leaf(root, features) {
                let target = target as usize;
                let score = &mut scores[target];
                match parts.aggregate {
                    Aggregate::Sum | Aggregate::Average => *score += value,
                    Aggregate::Min if seen[target] && *score <= value => {}
                    Aggregate::Max if seen[target] && *score >= value => {}
                    Aggregate::Min | Aggregate::Max => *score = value,
                }
                seen[target] = true;
            }
        }
        if parts.aggregate == Aggregate::Average {
            let trees = T::from_f64(parts.roots.len() as f64);
            for score in scores.iter_mut() {
                *score = *score / trees;
            }
        }
        for (score, &base) in scores.iter_mut().zip(&parts.base) {
            *score += base;
        }
    }

    /// The weights of the leaf that a row falls into.
    fn leaf(&self, root: Child, features: &[T]) -> &[Weight<T>] {
        let parts = self.parts();
        let mut child = root;
        loop {
            match child {
                Child::Branch(index) => {
                    let branch = &parts.branches[index as usize];
                    let value = features[branch.feature as usize];
                    child = if self.holds(branch, value) {
                        branch.on_true
                    } else {
                        branch.on_false
                    };
                }
                Child::Leaf(index) => {
                    let range = &parts.leaves[index as usize];
                    return &parts.weights[range.start as usize..range.end as usize];
                }
            }
        }
    }

    fn holds(&self, branch: &Branch<T>, value: T) -> bool {
        if value.is_nan() {
            return branch.missing_is_true;
        }
        match &branch.test {
            Test::LessOrEqual(split) => value <= *split,
            Test::Less(split) => value < *split,
            Test::GreaterOrEqual(split) => value >= *split,
            Test::Greater(split) => value > *split,
            Test::Equal(split) => value == *split,
            Test::NotEqual(split) => value != *split,
            Test::Member(range) => {
                let members = &self.parts().members[range.start as usize..range.end as usize];
                let position = members.partition_point(|member| *member < value);
                members.get(position) == Some(&value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ensemble::tests::{branch, stump};
    use super::*;

    fn scores(parts: super::super::ensemble::Parts<f64>, features: &[f64]) -> Vec<f64> {
        let ensemble = Ensemble::new(parts).unwrap();
        let mut scores = vec![f64::NAN; features.len() * ensemble.targets()];
        ensemble.evaluate(features, 1, &mut scores);
        scores
    }

    #[test]
    fn every_test_holds_where_it_should() {
        let values = [1.0, 2.0, 3.0, f64::NAN];
        let cases = [
            (Test::LessOrEqual(2.0), [true, true, false, false]),
            (Test::Less(2.0), [true, false, false, false]),
            (Test::GreaterOrEqual(2.0), [false, true, true, false]),
            (Test::Greater(2.0), [false, false, true, false]),
            (Test::Equal(2.0), [false, true, false, false]),
            (Test::NotEqual(2.0), [true, false, true, false]),
            (Test::Member(0..2), [true, false, true, false]),
            (Test::Member(2..2), [false, false, false, false]),
        ];
        for (test, expected) in cases {
            for missing_is_true in [false, true] {
                let mut parts = stump();
                parts.members = vec![3.0, 1.0];
                parts.branches[0].test = test.clone();
                parts.branches[0].missing_is_true = missing_is_true;
                let mut expected = expected;
                expected[3] = missing_is_true;
                let expected = expected.map(|holds| if holds { 1.0 } else { 2.0 });
                assert_eq!(scores(parts, &values), expected, "{test:?} {missing_is_true}");
            }
        }
    }

    #[test]
    fn zero_is_a_member_whatever_its_sign() {
        let mut parts = stump();
        parts.members = vec![-0.0, 4.0];
        parts.branches[0].test = Test::Member(0..2);
        assert_eq!(scores(parts, &[0.0, -0.0, 1.0]), [1.0, 1.0, 2.0]);
    }

    #[test]
    fn weights_are_aggregated_by_target_and_the_base_is_added() {
        let mut parts = stump();
        parts.roots.push(Child::Branch(1));
        parts.branches.push(branch(Child::Leaf(1), Child::Leaf(0)));
        parts.branches[1].test = Test::LessOrEqual(1.5);
        parts.weights[1].target = 1;
        parts.targets = 3;
        parts.base = vec![10.0, 20.0, 30.0];
        let cases = [
            (Aggregate::Sum, [11.0, 22.0, 30.0, 10.0, 24.0, 30.0]),
            (Aggregate::Average, [10.5, 21.0, 30.0, 10.0, 22.0, 30.0]),
            (Aggregate::Min, [11.0, 22.0, 30.0, 10.0, 22.0, 30.0]),
            (Aggregate::Max, [11.0, 22.0, 30.0, 10.0, 22.0, 30.0]),
        ];
        for (aggregate, expected) in cases {
            let parts = super::super::ensemble::Parts {
                aggregate,
                ..parts.clone()
            };
            assert_eq!(scores(parts, &[0.0, 1.0]), expected, "{aggregate:?}");
        }
    }

    #[test]
    fn the_least_and_the_greatest_weight_win_whatever_the_order() {
        for (aggregate, expected) in [(Aggregate::Min, -2.0), (Aggregate::Max, -1.0)] {
            for roots in [[0, 1], [1, 0]] {
                let mut parts = stump();
                parts.roots = roots.map(Child::Leaf).to_vec();
                parts.weights[0].value = -1.0;
                parts.weights[1].value = -2.0;
                parts.aggregate = aggregate;
                assert_eq!(scores(parts, &[0.0]), [expected]);
            }
        }
    }

    #[test]
    fn widening_keeps_the_scores() {
        let narrow = super::super::ensemble::Parts {
            roots: vec![Child::Branch(0)],
            branches: vec![Branch {
                feature: 0,
                test: Test::Less(0.1f32),
                missing_is_true: true,
                on_true: Child::Leaf(0),
                on_false: Child::Leaf(1),
            }],
            leaves: vec![0..1, 1..2],
            weights: [0.3f32, 0.7].map(|value| Weight { target: 0, value }).to_vec(),
            members: vec![],
            aggregate: Aggregate::Sum,
            base: vec![0.5f32],
            targets: 1,
        };
        let wide = Ensemble::new(narrow).unwrap().widened();
        let mut score = [0.0];
        // 0.1 as a double is just below 0.1 as a float.
        wide.evaluate(&[0.1], 1, &mut score);
        assert_eq!(score, [f64::from(0.3f32) + 0.5]);
    }
}
