//! The branches of an ensemble as questions about ranks.

use super::TooLarge;
use super::ranks::{MOST_THRESHOLDS, Ranks};
use crate::model::forest::ensemble::{Branch, Child, Ensemble, Test};
use crate::model::real::Real;
use std::collections::HashSet;

/// What a branch asks about the rank of its feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// Is the value at most the threshold at this index, or else missing where that counts?
    AtMost { threshold: usize, missing: bool },
    /// Is the value one of these? An answer for each rank, the missing value's last.
    Among(Box<[bool]>),
}

/// A branch that asks such a question.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub feature: usize,
    pub question: Question,
    pub yes: Child,
    pub no: Child,
}

/// The thresholds of each feature: wherever one of its branches changes its answer.
pub(super) fn ranks<T: Real>(ensemble: &Ensemble<T>) -> Result<Vec<Ranks<T>>, TooLarge> {
    let parts = ensemble.parts();
    let mut thresholds: Vec<Vec<T>> = vec![vec![]; ensemble.features()];
    for branch in &parts.branches {
        let of_feature = &mut thresholds[branch.feature as usize];
        let mut push = |values: &[T]| of_feature.extend(values.iter().filter(|value| !value.is_nan()));
        match &branch.test {
            Test::LessOrEqual(value) | Test::Greater(value) => push(&[*value]),
            Test::Less(value) | Test::GreaterOrEqual(value) => push(&[value.next_down()]),
            Test::Equal(value) | Test::NotEqual(value) => push(&[value.next_down(), *value]),
            Test::Member(range) => {
                for value in &parts.members[range.start as usize..range.end as usize] {
                    push(&[value.next_down(), *value]);
                }
            }
        }
    }
    let ranks = |(feature, thresholds): (usize, Vec<T>)| {
        Ranks::new(thresholds).ok_or(TooLarge::Thresholds {
            feature,
            most: MOST_THRESHOLDS,
        })
    };
    thresholds.into_iter().enumerate().map(ranks).collect()
}

/// The nodes in place of the branches, each with those below it on the same feature taken in where they lead to the
/// same child: a list of categories is often a chain of branches, one for each value.
pub(super) fn nodes<T: Real>(ensemble: &Ensemble<T>, ranks: &[Ranks<T>]) -> Vec<Node> {
    let parts = ensemble.parts();
    let mut nodes: Vec<Node> = parts
        .branches
        .iter()
        .map(|branch| node(ensemble, branch, ranks))
        .collect();
    let children = |index: u32| {
        let branch = &parts.branches[index as usize];
        [branch.on_true, branch.on_false]
    };
    for index in children_first(&parts.roots, children) {
        let mut node = nodes[index as usize].clone();
        while let Some(merged) = merged(&node, &nodes, ranks) {
            node = merged;
        }
        nodes[index as usize] = node;
    }
    nodes
}

fn node<T: Real>(ensemble: &Ensemble<T>, branch: &Branch<T>, ranks: &[Ranks<T>]) -> Node {
    let feature = branch.feature as usize;
    let ranks = &ranks[feature];
    let missing = branch.missing_is_true;
    let at_most = |value: T, missing| Question::AtMost {
        threshold: ranks.position(value),
        missing,
    };
    let among = |values: &[T]| {
        let mut answers = vec![false; ranks.len() + 1];
        for &value in values.iter().filter(|value| !value.is_nan()) {
            answers[ranks.position(value)] = true;
        }
        answers[ranks.len()] = missing;
        Question::Among(answers.into())
    };
    let none = among(&[]);
    let (question, swapped) = match branch.test {
        // No value is below the lowest, and none compares with NaN, but for being different from it.
        Test::Less(value) | Test::GreaterOrEqual(value) | Test::LessOrEqual(value) | Test::Greater(value)
            if value.is_nan() =>
        {
            (none, false)
        }
        Test::Less(value) if value == -T::INFINITY => (none, false),
        Test::GreaterOrEqual(value) if value == -T::INFINITY => (negated_values(none), false),
        Test::LessOrEqual(value) => (at_most(value, missing), false),
        Test::Less(value) => (at_most(value.next_down(), missing), false),
        Test::Greater(value) => (at_most(value, !missing), true),
        Test::GreaterOrEqual(value) => (at_most(value.next_down(), !missing), true),
        Test::Equal(value) => (among(&[value]), false),
        Test::NotEqual(value) => (negated_values(among(&[value])), false),
        Test::Member(ref range) => {
            let members = &ensemble.parts().members[range.start as usize..range.end as usize];
            (among(members), false)
        }
    };
    let (yes, no) = match swapped {
        false => (branch.on_true, branch.on_false),
        true => (branch.on_false, branch.on_true),
    };
    Node {
        feature,
        question,
        yes,
        no,
    }
}

/// The opposite answer for every value, and the same for a missing one.
fn negated_values(question: Question) -> Question {
    match question {
        Question::Among(mut answers) => {
            let values = answers.len() - 1;
            answers[..values].iter_mut().for_each(|answer| *answer = !*answer);
            Question::Among(answers)
        }
        other => other,
    }
}

/// A node and one that it leads to as one, where both ask for the same feature and share a child.
fn merged<T: Real>(node: &Node, nodes: &[Node], ranks: &[Ranks<T>]) -> Option<Node> {
    let answers = |node: &Node| -> Box<[bool]> {
        let count = ranks[node.feature].len();
        match &node.question {
            Question::Among(answers) => answers.clone(),
            Question::AtMost { threshold, missing } => {
                (0..count).map(|rank| rank <= *threshold).chain([*missing]).collect()
            }
        }
    };
    for (to_next, next, other) in [(false, node.no, node.yes), (true, node.yes, node.no)] {
        let Child::Branch(index) = next else {
            continue;
        };
        let next = &nodes[index as usize];
        let to_other = match other {
            _ if next.feature != node.feature => continue,
            shared if shared == next.yes => true,
            shared if shared == next.no => false,
            _ => continue,
        };
        // Yes is now what leads to the shared child, by this node or by the next.
        let (first, second) = (answers(node), answers(next));
        let question = first.iter().zip(&second);
        let question = question.map(|(&first, &second)| first != to_next || second == to_other);
        return Some(Node {
            feature: node.feature,
            question: Question::Among(question.collect()),
            yes: other,
            no: if to_other { next.no } else { next.yes },
        });
    }
    None
}

/// The branches that can be reached, each once, and after all that it leads to.
pub(super) fn children_first(roots: &[Child], children: impl Fn(u32) -> [Child; 2]) -> Vec<u32> {
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    // With each branch, whether what it leads to is in the order already.
    let mut left: Vec<_> = roots.iter().map(|&root| (root, false)).collect();
    while let Some((child, done)) = left.pop() {
        let Child::Branch(index) = child else {
            continue;
        };
        if done {
            order.push(index);
        } else if seen.insert(index) {
            left.push((child, true));
            left.extend(children(index).map(|child| (child, false)));
        }
    }
    order
}
