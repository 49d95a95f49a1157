use super::*;
use crate::model::forest::ensemble::{Branch, Child, Parts, Test};
use proptest::prelude::*;
use std::ops::Range;

/// Numbers drawn from a seed, so that a failing case is named by it.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // A 64-bit linear congruential generator, by Knuth's constants; its upper bits are the better ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn chance(&mut self, in_a_hundred: usize) -> bool {
        self.below(100) < in_a_hundred
    }

    fn of<V: Copy>(&mut self, values: &[V]) -> V {
        values[self.below(values.len())]
    }

    /// Few different numbers, so that thresholds are equal and are met, and every kind of them.
    fn number<T: Real>(&mut self) -> T {
        match self.below(12) {
            0 => T::from_f64(self.of(&[0.0, -0.0, 5e-324, -5e-324, 1e-45, -1e-45])),
            1 => T::from_f64(self.of(&[f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 3e38, -3e38])),
            2 => T::from_f64(self.below(1 << 20) as f64 / 65536.0),
            3 => T::from_i32(self.below(40_000) as i32 - 20_000),
            4 => T::from_i32(self.below(40) as i32).next_down(),
            5 => T::from_f64(self.below(40) as f64 + 0.5),
            _ => T::from_i32(self.below(40) as i32 - 5),
        }
    }

    fn test<T: Real>(&mut self, parts: &mut Parts<T>) -> Test<T> {
        let number = if self.chance(2) { T::NAN } else { self.number() };
        match self.below(16) {
            0 => Test::Less(number),
            1 => Test::GreaterOrEqual(number),
            2 => Test::Greater(number),
            3 => Test::Equal(number),
            4 => Test::NotEqual(number),
            5 => {
                let start = parts.members.len() as u32;
                for _ in 0..self.below(8) {
                    let member = if self.chance(5) { T::NAN } else { self.number() };
                    parts.members.push(member);
                }
                Test::Member(start..parts.members.len() as u32)
            }
            _ => Test::LessOrEqual(number),
        }
    }

    fn leaf<T: Real>(&mut self, parts: &mut Parts<T>, most_weights: usize) -> Child {
        let start = parts.weights.len() as u32;
        let count = if most_weights == 1 && self.chance(95) {
            1
        } else {
            self.below(most_weights + 1)
        };
        for _ in 0..count {
            let value = match self.below(20) {
                0 => self.number(),
                1 => T::from_f64(-0.0),
                _ => T::from_f64(self.below(1 << 30) as f64 / 1e9 - 0.5),
            };
            let target = self.below(parts.targets) as u32;
            parts.weights.push(Weight { target, value });
        }
        parts.leaves.push(start..parts.weights.len() as u32);
        Child::Leaf(parts.leaves.len() as u32 - 1)
    }

    /// A tree of some shape with so many branches.
    fn tree<T: Real>(&mut self, parts: &mut Parts<T>, features: usize, branches: usize, most_weights: usize) -> Child {
        let shape = self.below(4);
        // Children that have no parent yet.
        let mut open = vec![self.leaf(parts, most_weights)];
        for _ in 0..branches {
            let other = if shape == 3 && self.chance(50) {
                // A child that has a parent already.
                self.of(&open)
            } else {
                self.leaf(parts, most_weights)
            };
            let last = open.pop().unwrap();
            let feature = if shape == 3 { 0 } else { self.below(features) } as u32;
            let (on_true, on_false) = if self.chance(50) { (last, other) } else { (other, last) };
            let branch = Branch {
                feature,
                test: self.test(parts),
                missing_is_true: self.chance(40),
                on_true,
                on_false,
            };
            parts.branches.push(branch);
            let child = Child::Branch(parts.branches.len() as u32 - 1);
            match shape {
                // Lopsided, or with shared children: each branch is above the one before.
                0 | 3 => open = vec![child, other, child],
                // Balanced: the oldest is taken next.
                1 => open.insert(0, child),
                _ => {
                    let place = self.below(open.len() + 1);
                    open.insert(place, child);
                }
            }
            if shape != 0 && shape != 3 {
                let leaf = self.leaf(parts, most_weights);
                open.insert(0, leaf);
            }
        }
        open.pop().unwrap()
    }

    fn parts<T: Real>(&mut self, trees: usize, features: usize, most_branches: usize) -> Parts<T> {
        let targets = self.of(&[1, 1, 1, 2, 5]);
        let mut parts = Parts {
            roots: vec![],
            branches: vec![],
            leaves: vec![],
            weights: vec![],
            members: vec![],
            aggregate: self.of(&[Aggregate::Sum, Aggregate::Sum, Aggregate::Average]),
            base: vec![],
            targets,
        };
        if self.chance(50) {
            parts.base = (0..targets).map(|_| self.number()).collect();
        }
        let most_weights = self.of(&[1, 1, 3]);
        for _ in 0..trees {
            let branches = self.below(most_branches + 1);
            let root = if !parts.roots.is_empty() && self.chance(10) {
                // The same tree again, or a part of another.
                let of_others = parts.branches.len();
                if of_others > 0 && self.chance(50) {
                    Child::Branch(self.below(of_others) as u32)
                } else {
                    self.of(&parts.roots)
                }
            } else {
                self.tree(&mut parts, features, branches, most_weights)
            };
            parts.roots.push(root);
        }
        parts
    }

    fn feature<T: Real>(&mut self, whole: bool) -> T {
        match self.below(10) {
            0 => T::NAN,
            _ if whole => T::from_i32(self.below(45) as i32 - 7),
            _ => self.number(),
        }
    }
}

/// What is compared: the bits, but for which NaN it is.
fn bits<T: Real + Into<f64>>(scores: &[T]) -> Vec<u64> {
    let bits = |&score: &T| if score.is_nan() { f64::NAN } else { score.into() }.to_bits();
    scores.iter().map(bits).collect()
}

#[track_caller]
fn assert_same<T: Real + Into<f64>>(random: &mut Random, parts: Parts<T>, width: usize, rows: usize) {
    let ensemble = Ensemble::new(parts).unwrap();
    let kernel = Kernel::new(&ensemble).unwrap();
    let whole = random.chance(50);
    let features: Vec<T> = (0..rows * width).map(|_| random.feature(whole)).collect();
    let mut expected = vec![T::ONE; rows * ensemble.targets()];
    ensemble.evaluate(&features, width, &mut expected);
    for instructions in Instructions::ALL
        .into_iter()
        .filter(|instructions| instructions.are_available())
    {
        let mut scores = vec![T::NAN; expected.len()];
        kernel.evaluate(&features, width, &mut scores, instructions);
        assert_eq!(bits(&scores), bits(&expected), "{instructions}");
    }
}

proptest! {
    // Without optimisation a case takes a tenth of a second.
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn is_the_plain_evaluation_bit_by_bit(
        seed: u64,
        trees in 1usize..12,
        features in 1usize..6,
        spare in 0usize..3,
        most_branches in prop_oneof![0usize..3, 0usize..60, 200usize..700],
        rows in prop_oneof![0usize..20, 50usize..140, 1000usize..1100, Just(2 * MOST_ROWS + 1)],
    ) {
        let mut random = Random(seed);
        let parts = random.parts::<f64>(trees, features, most_branches);
        assert_same(&mut random, parts, features + spare, rows);
        let parts = random.parts::<f32>(trees, features, most_branches);
        assert_same(&mut random, parts, features + spare, rows);
    }
}

/// `x[0] <= 0`, then `<= 1` and so on, each leading to a leaf of its own, or on.
fn staircase(branches: u32) -> Parts<f64> {
    let branch = |index| Branch {
        feature: 0,
        test: Test::LessOrEqual(f64::from(index)),
        missing_is_true: index % 3 == 0,
        on_true: Child::Leaf(index),
        on_false: if index + 1 < branches {
            Child::Branch(index + 1)
        } else {
            Child::Leaf(branches)
        },
    };
    let leaves: Vec<Range<u32>> = (0..=branches).map(|leaf| leaf..leaf + 1).collect();
    Parts {
        roots: vec![if branches == 0 {
            Child::Leaf(0)
        } else {
            Child::Branch(0)
        }],
        branches: (0..branches).map(branch).collect(),
        weights: (0..=branches)
            .map(|leaf| Weight {
                target: 0,
                value: f64::from(leaf),
            })
            .collect(),
        leaves,
        members: vec![],
        aggregate: Aggregate::Sum,
        base: vec![],
        targets: 1,
    }
}

#[test]
fn trees_are_taken_in_steps_up_to_the_leaves_that_a_byte_can_number() {
    let mut random = Random(1);
    for (branches, in_steps) in [(0, true), (1, true), (255, true), (256, false), (65_534, false)] {
        let ensemble = Ensemble::new(staircase(branches)).unwrap();
        let kernel = Kernel::new(&ensemble).unwrap();
        assert_eq!(kernel.trees[0].steps.is_some(), in_steps, "{branches} branches");
        assert!(kernel.height <= 2, "a lopsided tree needs little room");
        assert_same(&mut random, staircase(branches), 1, 300);
    }
}

#[test]
fn an_ensemble_of_leaves_needs_no_features() {
    assert_same(&mut Random(1), staircase(0), 0, 5);
    assert_same(&mut Random(1), staircase(0), 0, 300);
}

#[test]
fn a_chain_of_categories_is_one_question() {
    let equals = |value: f64, on_false| Branch {
        feature: 0,
        test: Test::Equal(value),
        missing_is_true: false,
        on_true: Child::Leaf(0),
        on_false,
    };
    let mut parts = staircase(1);
    parts.branches = vec![
        equals(3.0, Child::Branch(1)),
        equals(7.0, Child::Branch(2)),
        equals(9.0, Child::Leaf(1)),
    ];
    let kernel = Kernel::new(&Ensemble::new(parts.clone()).unwrap()).unwrap();
    assert_eq!(kernel.trees[0].steps.as_ref().map(|steps| steps.len()), Some(1));
    assert_eq!(kernel.columns.len(), 1);
    let features = [3.0, 7.0, 9.0, 8.0, f64::NAN, 3.5, -0.0, f64::INFINITY, 9.0];
    let mut scores = [0.5; 9];
    kernel.evaluate(&features, 1, &mut scores, Instructions::Portable);
    assert_eq!(scores, [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn what_is_too_large_or_no_sum_is_refused() {
    let refused = |parts| Kernel::new(&Ensemble::new(parts).unwrap()).unwrap_err();
    let mut parts = staircase(1);
    parts.aggregate = Aggregate::Max;
    assert_eq!(refused(parts), NoKernel::NoSum);
    assert_eq!(
        refused(staircase(70_000)).to_string(),
        "feature 0 has more than 65534 thresholds"
    );
    let mut parts = staircase(1);
    parts.roots = vec![Child::Branch(0); MOST_TREES + 1];
    assert_eq!(refused(parts), NoKernel::Trees { trees: MOST_TREES + 1 });
    let mut parts = staircase(1);
    parts.branches[0].feature = u32::MAX - 1;
    assert_eq!(
        refused(parts),
        NoKernel::Features {
            features: u32::MAX as usize
        }
    );
    // Each root is a tree with all places of its own.
    let mut parts = staircase(8191);
    let child = |index: usize| {
        if index < 8191 {
            Child::Branch(index as u32)
        } else {
            Child::Leaf(index as u32 - 8191)
        }
    };
    for (index, branch) in parts.branches.iter_mut().enumerate() {
        (branch.on_true, branch.on_false) = (child(2 * index + 1), child(2 * index + 2));
    }
    parts.roots = vec![Child::Branch(0); 1000];
    assert_eq!(refused(parts), NoKernel::Places);
    // A list of 65,000 values for each of many branches.
    let mut parts = staircase(60_000);
    parts.roots = (0..60_000).map(Child::Branch).take(MOST_TREES).collect();
    for branch in &mut parts.branches {
        if let Test::LessOrEqual(value) = branch.test {
            branch.test = Test::NotEqual((value / 2.0).floor());
        }
        (branch.on_true, branch.on_false) = (Child::Leaf(0), Child::Leaf(1));
    }
    assert_eq!(refused(parts), NoKernel::Answers);
    let mut parts = staircase(2000);
    for (feature, branch) in (0..).zip(&mut parts.branches) {
        branch.feature = feature;
    }
    assert_eq!(
        refused(parts).to_string(),
        "its branches ask for more than 1024 columns of bytes"
    );
}
