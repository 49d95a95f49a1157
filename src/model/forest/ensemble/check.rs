//! What must hold of an ensemble before it may be evaluated.

use super::{Child, Parts, Test, Weight};
use crate::model::real::Real;
use std::ops::Range;

/// How many branches a row may pass, and weights it may get, in all trees together. Forests of thousands of trees need
/// a fifth of that; a batch of 1,024 rows takes about a second with as many, and a broken file cannot ask for hours.
const MOST_STEPS: usize = 250_000;

/// Why parts do not make an ensemble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::model::forest) enum EnsembleError {
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
    #[error("a row may pass branches and get weights {steps} times, at most {MOST_STEPS} are supported")]
    TooLong { steps: usize },
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

/// Checks the parts, and sorts their members, in time and memory proportional to their size.
pub(super) fn check<T: Real>(parts: &mut Parts<T>) -> Result<(), EnsembleError> {
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
    check_leaves(parts)?;
    sort_members(parts)?;
    check_trees(parts)
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
        // Doubles and floats have a total order apart from NaN, which equals no value and goes where it is not in the way.
        members.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())));
    }
    Ok(())
}

/// Follows every way from every root, with a list of what is left to visit, since trees may be as deep as they are
/// large. Ways may meet again: LightGBM's categories become a branch for each value, all with the same child.
fn check_trees<T>(parts: &Parts<T>) -> Result<(), EnsembleError> {
    let mut visits = vec![Visit::None; parts.branches.len()];
    let mut left = Vec::new();
    let mut steps = 0;
    for (tree, &root) in parts.roots.iter().enumerate() {
        check_child(parts, || format!("tree {tree}"), root)?;
        if let Child::Branch(root) = root {
            left.push(root);
        }
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
                    let longest = children.map(|child| longest_way(parts, &visits, child));
                    visits[index as usize] = Visit::Done(1 + longest[0].max(longest[1]));
                    left.pop();
                }
                Visit::Done(_) => {
                    left.pop();
                }
            }
        }
        steps += longest_way(parts, &visits, root);
    }
    if steps > MOST_STEPS {
        return Err(EnsembleError::TooLong { steps });
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Visit {
    None,
    /// What it leads to is being visited.
    Open,
    /// How many branches and weights there are on the longest way from it, itself included.
    Done(usize),
}

fn longest_way<T>(parts: &Parts<T>, visits: &[Visit], child: Child) -> usize {
    match child {
        Child::Branch(index) => match visits[index as usize] {
            Visit::Done(longest) => longest,
            Visit::None | Visit::Open => 0,
        },
        // A leaf without weights takes a step, too.
        Child::Leaf(index) => parts.leaves[index as usize].len().max(1),
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
mod tests {
    use super::super::tests::{branch, stump};
    use super::super::{Ensemble, Parts};
    use super::*;

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
    fn a_long_chain_of_branches_is_checked_without_recursion() {
        let chain = |branches: u32| {
            let next = |next| branch(Child::Leaf(0), Child::Branch(next));
            let mut parts = stump();
            parts.branches = (1..branches).map(next).collect();
            parts.branches.push(branch(Child::Leaf(0), Child::Leaf(1)));
            parts
        };
        let longest = MOST_STEPS as u32 - 1;
        let mut parts = chain(longest);
        assert!(Ensemble::new(parts.clone()).is_ok());
        parts.branches[longest as usize - 1].on_false = Child::Branch(longest / 2);
        assert_eq!(Ensemble::new(parts).unwrap_err(), EnsembleError::Cycle(longest / 2));
        let steps = MOST_STEPS + 1;
        let too_long = EnsembleError::TooLong { steps };
        assert_eq!(Ensemble::new(chain(longest + 1)).unwrap_err(), too_long);
        // As many weights take as long.
        let mut parts = stump();
        parts.weights = vec![Weight { target: 0, value: 1.0 }; MOST_STEPS];
        parts.leaves[1] = 0..MOST_STEPS as u32;
        assert_eq!(Ensemble::new(parts).unwrap_err(), too_long);
    }
}
