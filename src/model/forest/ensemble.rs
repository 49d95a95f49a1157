//! Tree ensembles in memory, checked once so that their evaluation needs no checks.

use crate::model::real::Real;
use std::fmt;
use std::ops::Range;

/// Where a branch leads: an index into the branches or the leaves of the ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// How many branches a row may pass in all trees together. Forests of thousands of trees need a tenth of that; a
/// broken file cannot ask for hours.
const MOST_TESTS: usize = 1_000_000;

/// Why parts do not make an ensemble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EnsembleError {
    #[error("there are no trees")]
    NoTrees,
    #[error("there are no targets")]
    NoTargets,
    #[error("{base} base values do not fit {targets} targets")]
    BaseValues { base: usize, targets: usize },
    #[error("{parent} leads to {child}, but there are only {count}")]
    ChildOutOfRange {
        parent: String,
        child: String,
        count: usize,
    },
    #[error("branch {0} leads back to itself, but branches must form trees, without cycles")]
    Cycle(u32),
    #[error("a row may have to pass {tests} branches, at most {MOST_TESTS} are supported")]
    TooDeep { tests: usize },
    #[error("branch {branch} has members {start}..{end}, but there are only {count}")]
    MembersOutOfRange {
        branch: usize,
        start: u32,
        end: u32,
        count: usize,
    },
    #[error("leaf {leaf} has weights {start}..{end}, but there are only {count}")]
    WeightsOutOfRange {
        leaf: usize,
        start: u32,
        end: u32,
        count: usize,
    },
    #[error("weight {weight} is for target {target}, but there are only {targets}")]
    TargetOutOfRange { weight: usize, target: u32, targets: usize },
}

impl<T: Real> Ensemble<T> {
    /// Checks the parts, in time and memory proportional to their size.
    pub fn new(mut parts: Parts<T>) -> Result<Self, EnsembleError> {
        if parts.roots.is_empty() {
            return Err(EnsembleError::NoTrees);
        }
        if parts.targets == 0 {
            return Err(EnsembleError::NoTargets);
        }
        if !parts.base.is_empty() && parts.base.len() != parts.targets {
            return Err(EnsembleError::BaseValues {
                base: parts.base.len(),
                targets: parts.targets,
            });
        }
        check_leaves(&parts)?;
        sort_members(&mut parts)?;
        check_trees(&parts)?;
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

fn check_leaves<T>(parts: &Parts<T>) -> Result<(), EnsembleError> {
    for (leaf, range) in parts.leaves.iter().enumerate() {
        if range.start > range.end || range.end as usize > parts.weights.len() {
            return Err(EnsembleError::WeightsOutOfRange {
                leaf,
                start: range.start,
                end: range.end,
                count: parts.weights.len(),
            });
        }
    }
    for (weight, &Weight { target, .. }) in parts.weights.iter().enumerate() {
        if target as usize >= parts.targets {
            return Err(EnsembleError::TargetOutOfRange {
                weight,
                target,
                targets: parts.targets,
            });
        }
    }
    Ok(())
}

fn sort_members<T: Real>(parts: &mut Parts<T>) -> Result<(), EnsembleError> {
    let count = parts.members.len();
    for (position, branch) in parts.branches.iter().enumerate() {
        let Test::Member(Range { start, end }) = branch.test else {
            continue;
        };
        let members = parts.members.get_mut(start as usize..end as usize);
        let members = members.ok_or(EnsembleError::MembersOutOfRange {
            branch: position,
            start,
            end,
            count,
        })?;
        // Doubles and floats have a total order apart from NaN, which equals no value and so is never found.
        members.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    }
    Ok(())
}

/// Follows every way from every root, with a list of what is left to visit, since trees may be as deep as they are
/// large. Ways may meet again: LightGBM's categories become a branch for each value, all with the same child.
fn check_trees<T>(parts: &Parts<T>) -> Result<(), EnsembleError> {
    let mut visits = vec![Visit::None; parts.branches.len()];
    let mut left = Vec::new();
    let mut tests = 0;
    for (tree, &root) in parts.roots.iter().enumerate() {
        check_child(parts, || format!("tree {tree}"), root)?;
        let Child::Branch(root) = root else {
            continue;
        };
        left.push(root);
        while let Some(&index) = left.last() {
            let branch = &parts.branches[index as usize];
            let children = [branch.on_false, branch.on_true];
            match visits[index as usize] {
                Visit::None => {
                    visits[index as usize] = Visit::Open;
                    for child in children {
                        check_child(parts, || format!("branch {index}"), child)?;
                        let Child::Branch(child) = child else {
                            continue;
                        };
                        match visits[child as usize] {
                            Visit::None => left.push(child),
                            // It is on the way that led here.
                            Visit::Open => return Err(EnsembleError::Cycle(child)),
                            Visit::Done(_) => {}
                        }
                    }
                }
                Visit::Open => {
                    let longest = children.map(|child| longest_way(&visits, child));
                    visits[index as usize] = Visit::Done(1 + longest[0].max(longest[1]));
                    left.pop();
                }
                Visit::Done(_) => {
                    left.pop();
                }
            }
        }
        tests += longest_way(&visits, Child::Branch(root));
    }
    if tests > MOST_TESTS {
        return Err(EnsembleError::TooDeep { tests });
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Visit {
    None,
    /// What it leads to is being visited.
    Open,
    /// How many branches there are on the longest way from it to a leaf, itself included.
    Done(usize),
}

fn longest_way(visits: &[Visit], child: Child) -> usize {
    match child {
        Child::Branch(index) => match visits[index as usize] {
            Visit::Done(longest) => longest,
            Visit::None | Visit::Open => 0,
        },
        Child::Leaf(_) => 0,
    }
}

fn check_child<T>(parts: &Parts<T>, parent: impl Fn() -> String, child: Child) -> Result<(), EnsembleError> {
    let (index, count, kind) = match child {
        Child::Branch(index) => (index, parts.branches.len(), "branch"),
        Child::Leaf(index) => (index, parts.leaves.len(), "leaf"),
    };
    if (index as usize) < count {
        return Ok(());
    }
    Err(EnsembleError::ChildOutOfRange {
        parent: parent(),
        child: format!("{kind} {index}"),
        count,
    })
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

    #[test]
    fn ways_may_meet_again_but_not_in_a_circle() {
        let mut parts = stump();
        // 0 leads to 1 and to 2, 1 leads to 2 on both sides, 2 to the leaves.
        parts.branches = vec![
            branch(Child::Branch(1), Child::Branch(2)),
            branch(Child::Branch(2), Child::Branch(2)),
            branch(Child::Leaf(0), Child::Leaf(1)),
        ];
        parts.roots.push(Child::Branch(1));
        assert!(Ensemble::new(parts.clone()).is_ok());
        parts.branches[2].on_true = Child::Branch(1);
        assert_eq!(Ensemble::new(parts.clone()).unwrap_err(), EnsembleError::Cycle(1));
        parts.branches[2].on_true = Child::Branch(0);
        assert_eq!(Ensemble::new(parts).unwrap_err(), EnsembleError::Cycle(0));
    }

    #[test]
    fn refuses_everything_else() {
        use EnsembleError::*;
        let refused = |change: fn(&mut Parts<f64>)| {
            let mut parts = stump();
            change(&mut parts);
            Ensemble::new(parts).unwrap_err()
        };
        assert_eq!(refused(|p| p.roots.clear()), NoTrees);
        assert_eq!(refused(|p| p.targets = 0), NoTargets);
        assert!(matches!(refused(|p| p.base = vec![0.0; 2]), BaseValues { .. }));
        assert_eq!(refused(|p| p.branches[0].on_true = Child::Branch(0)), Cycle(0));
        assert!(matches!(
            refused(|p| p.branches[0].on_false = Child::Branch(1)),
            ChildOutOfRange { .. }
        ));
        assert!(matches!(
            refused(|p| p.branches[0].on_false = Child::Leaf(2)),
            ChildOutOfRange { .. }
        ));
        assert!(matches!(
            refused(|p| p.roots[0] = Child::Branch(9)),
            ChildOutOfRange { .. }
        ));
        assert!(matches!(refused(|p| p.leaves[1].end = 3), WeightsOutOfRange { .. }));
        assert!(matches!(refused(|p| p.weights[0].target = 1), TargetOutOfRange { .. }));
        assert!(matches!(
            refused(|p| p.branches[0].test = Test::Member(0..1)),
            MembersOutOfRange { .. }
        ));
    }

    #[test]
    fn a_million_branches_are_checked_without_recursion() {
        let branches = (1..MOST_TESTS as u32)
            .map(|next| branch(Child::Leaf(0), Child::Branch(next)))
            .chain([branch(Child::Leaf(0), Child::Leaf(1))]);
        let mut parts = stump();
        parts.branches = branches.collect();
        assert!(Ensemble::new(parts.clone()).is_ok());
        let mut cycle = parts.clone();
        cycle.branches[MOST_TESTS - 1].on_false = Child::Branch(500_000);
        assert_eq!(Ensemble::new(cycle).unwrap_err(), EnsembleError::Cycle(500_000));
        // One more than may be in a row's way.
        parts.branches[MOST_TESTS - 1].on_false = Child::Branch(MOST_TESTS as u32);
        parts.branches.push(branch(Child::Leaf(0), Child::Leaf(1)));
        let tests = MOST_TESTS + 1;
        assert_eq!(Ensemble::new(parts).unwrap_err(), EnsembleError::TooDeep { tests });
    }
}
