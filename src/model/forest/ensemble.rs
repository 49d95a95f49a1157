//! Tree ensembles in memory, checked once so that their evaluation needs no checks.

mod check;

pub(super) use check::EnsembleError;

use crate::model::real::Real;
use std::fmt;
use std::ops::Range;

/// Where a branch leads: an index into the branches or the leaves of the ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Child {
    Branch(u32),
    Leaf(u32),
}

/// The question that a branch asks of its feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test<T> {
    LessOrEqual(T),
    Less(T),
    GreaterOrEqual(T),
    Greater(T),
    Equal(T),
    NotEqual(T),
    /// Whether the value is one of this range of the ensemble's members.
    Member(Range<u32>),
}

/// An inner node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch<T> {
    /// The column of the feature matrix.
    pub feature: u32,
    pub test: Test<T>,
    /// Whether a missing value (NaN) goes to the true side, else to the false side, whatever the test. This
    /// is what ONNX specifies; onnxruntime 1.31 differs for "not equal", where it always takes the true side.
    pub missing_is_true: bool,
    pub on_true: Child,
    pub on_false: Child,
}

/// What a leaf adds to one target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weight<T> {
    pub target: u32,
    pub value: T,
}

/// How the weights that the trees give to a target become its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    /// The sum divided by the number of trees, whether or not each of them has a say.
    Average,
    Min,
    Max,
}

/// The parts of an ensemble as a file gives them, not checked yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts<T> {
    /// The trees, in the order in which their weights are summed.
    pub roots: Vec<Child>,
    pub branches: Vec<Branch<T>>,
    /// For each leaf its range of `weights`.
    pub leaves: Vec<Range<u32>>,
    pub weights: Vec<Weight<T>>,
    /// The members of all [`Test::Member`] branches, a range for each.
    pub members: Vec<T>,
    pub aggregate: Aggregate,
    /// Added to the score of each target; empty, or one value a target.
    pub base: Vec<T>,
    pub targets: usize,
}

/// A checked ensemble: every index is in range, the members of each branch are sorted, and no branch leads back
/// to itself, so that every walk from a root ends in a leaf.
#[derive(Clone, PartialEq)]
pub(super) struct Ensemble<T> {
    parts: Parts<T>,
    features: usize,
}

impl<T: Real> Ensemble<T> {
    /// Checks the parts, in time and memory proportional to their size.
    pub fn new(mut parts: Parts<T>) -> Result<Self, EnsembleError> {
        check::check(&mut parts)?;
        let features = parts.branches.iter().map(|branch| branch.feature as usize + 1);
        Ok(Ensemble {
            features: features.max().unwrap_or(0),
            parts,
        })
    }

    /// How wide a row of features must be at least.
    pub fn features(&self) -> usize {
        self.features
    }

    /// How many scores a row gets.
    pub fn targets(&self) -> usize {
        self.parts.targets
    }

    pub fn parts(&self) -> &Parts<T> {
        &self.parts
    }
}

impl Ensemble<f32> {
    /// The same ensemble with its numbers as doubles, for features that are doubles.
    pub fn widened(&self) -> Ensemble<f64> {
        let parts = &self.parts;
        let branch = |branch: &Branch<f32>| Branch {
            feature: branch.feature,
            test: match &branch.test {
                Test::LessOrEqual(value) => Test::LessOrEqual(f64::from(*value)),
                Test::Less(value) => Test::Less(f64::from(*value)),
                Test::GreaterOrEqual(value) => Test::GreaterOrEqual(f64::from(*value)),
                Test::Greater(value) => Test::Greater(f64::from(*value)),
                Test::Equal(value) => Test::Equal(f64::from(*value)),
                Test::NotEqual(value) => Test::NotEqual(f64::from(*value)),
                Test::Member(range) => Test::Member(range.clone()),
            },
            missing_is_true: branch.missing_is_true,
            on_true: branch.on_true,
            on_false: branch.on_false,
        };
        let weight = |weight: &Weight<f32>| Weight {
            target: weight.target,
            value: f64::from(weight.value),
        };
        Ensemble {
            parts: Parts {
                roots: parts.roots.clone(),
                branches: parts.branches.iter().map(branch).collect(),
                leaves: parts.leaves.clone(),
                weights: parts.weights.iter().map(weight).collect(),
                members: parts.members.iter().copied().map(f64::from).collect(),
                aggregate: parts.aggregate,
                base: parts.base.iter().copied().map(f64::from).collect(),
                targets: parts.targets,
            },
            features: self.features,
        }
    }
}

/// Short, because it ends up in error messages and traces.
impl<T> fmt::Debug for Ensemble<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ensemble")
            .field("trees", &self.parts.roots.len())
            .field("branches", &self.parts.branches.len())
            .field("leaves", &self.parts.leaves.len())
            .field("targets", &self.parts.targets)
            .finish()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `x[0] <= 0.5 ? leaf 0 : leaf 1`, with weights 1 and 2 for the one target.
    pub fn stump() -> Parts<f64> {
        Parts {
            roots: vec![Child::Branch(0)],
            branches: vec![branch(Child::Leaf(0), Child::Leaf(1))],
            leaves: vec![0..1, 1..2],
            weights: [1.0, 2.0].map(|value| Weight { target: 0, value }).to_vec(),
            members: vec![],
            aggregate: Aggregate::Sum,
            base: vec![],
            targets: 1,
        }
    }

    pub fn branch(on_true: Child, on_false: Child) -> Branch<f64> {
        Branch {
            feature: 0,
            test: Test::LessOrEqual(0.5),
            missing_is_true: false,
            on_true,
            on_false,
        }
    }

    #[test]
    fn accepts_trees() {
        assert_eq!(Ensemble::new(stump()).unwrap().features(), 1);
        let leaf = Parts {
            roots: vec![Child::Leaf(0)],
            branches: vec![],
            ..stump()
        };
        assert_eq!(Ensemble::new(leaf).unwrap().features(), 0);
    }
}
