//! The branches of an ensemble as questions about ranks.

use super::NoKernel;
use super::answers::Answers;
use super::ranks::{MOST_THRESHOLDS, Ranks};
use crate::model::forest::ensemble::{Branch, Child, Ensemble, Test};
use crate::model::real::Real;
use std::collections::{HashMap, HashSet};

/// What the answers to all questions may take at once, in words of 8 bytes, and what may be made of them one after the
/// other.
const MOST_WORDS: usize = 1 << 23;
const MOST_WORDS_MADE: usize = 1 << 28;

/// What a branch asks about the rank of its feature.
#[derive(Debug)]
pub(super) enum Question {
    /// Is the value at most the threshold at this index, or else missing where that counts?
    AtMost { threshold: usize, missing: bool },
    /// Is the value one of these? An answer for each rank, the missing value's last.
    Among(Answers),
}

/// A branch that asks such a question.
#[derive(Debug)]
pub(super) struct Node {
    pub feature: usize,
    pub question: Question,
    pub yes: Child,
    pub no: Child,
}

/// The thresholds of each feature: wherever one of its branches changes its answer.
pub(super) fn ranks<T: Real>(ensemble: &Ensemble<T>) -> Result<Vec<Ranks<T>>, NoKernel> {
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
        Ranks::new(thresholds).ok_or(NoKernel::Thresholds {
            feature,
            most: MOST_THRESHOLDS,
        })
    };
    thresholds.into_iter().enumerate().map(ranks).collect()
}

/// The nodes in place of the branches that can be reached, by the index of the branch. Each has taken in those below it
/// on the same feature where they lead to the same child: a list of categories is often a chain of branches, one for
/// each value.
pub(super) fn nodes<T: Real>(ensemble: &Ensemble<T>, ranks: &[Ranks<T>]) -> Result<HashMap<u32, Node>, NoKernel> {
    let parts = ensemble.parts();
    let children = |index: u32| {
        let branch = &parts.branches[index as usize];
        [branch.on_true, branch.on_false]
    };
    let mut parents = vec![0u32; parts.branches.len()];
    let of_branches = parts
        .branches
        .iter()
        .flat_map(|branch| [branch.on_true, branch.on_false]);
    for child in of_branches.chain(parts.roots.iter().copied()) {
        if let Child::Branch(index) = child {
            parents[index as usize] += 1;
        }
    }
    let mut memory = Memory::default();
    let mut nodes = HashMap::new();
    for index in children_first(&parts.roots, children) {
        let mut found = node(ensemble, &parts.branches[index as usize], ranks);
        memory.take(&found)?;
        if let Some((merged, next)) = merged(&found, &nodes, ranks) {
            memory.take(&merged)?;
            memory.give_back(&found);
            found = merged;
            // Nothing else leads to it.
            if parents[next as usize] == 1
                && let Some(next) = nodes.remove(&next)
            {
                memory.give_back(&next);
            }
        }
        nodes.insert(index, found);
    }
    Ok(nodes)
}

/// Memory of the answers that are held, and what was ever made of them: a small file can ask for much of both.
#[derive(Default)]
struct Memory {
    held: usize,
    made: usize,
}

impl Memory {
    fn take(&mut self, node: &Node) -> Result<(), NoKernel> {
        self.held += words(node);
        self.made += words(node);
        if self.held > MOST_WORDS || self.made > MOST_WORDS_MADE {
            return Err(NoKernel::Answers);
        }
        Ok(())
    }

    fn give_back(&mut self, node: &Node) {
        self.held -= words(node);
    }
}

fn words(node: &Node) -> usize {
    match &node.question {
        Question::AtMost { .. } => 0,
        Question::Among(answers) => answers.words(),
    }
}

fn node<T: Real>(ensemble: &Ensemble<T>, branch: &Branch<T>, ranks: &[Ranks<T>]) -> Node {
    let feature = branch.feature as usize;
    let ranks = &ranks[feature];
    let missing = branch.missing_is_true;
    let at_most = |value: T, missing| Question::AtMost {
        threshold: ranks.position(value),
        missing,
    };
    // The same answer for all of these values, the opposite for all others, and what it is for a missing one.
    let among = |values: &[T], answer: bool| {
        let mut answers = Answers::none(ranks.len() + 1);
        for &value in values.iter().filter(|value| !value.is_nan()) {
            answers.set(ranks.position(value), true);
        }
        if !answer {
            answers = answers.negated();
        }
        answers.set(ranks.len(), missing);
        Question::Among(answers)
    };
    let (question, swapped) = match branch.test {
        // No value is below the lowest, and none compares with NaN, but for being different from it.
        Test::Less(value) | Test::GreaterOrEqual(value) | Test::LessOrEqual(value) | Test::Greater(value)
            if value.is_nan() =>
        {
            (among(&[], true), false)
        }
        Test::Less(value) if value == -T::INFINITY => (among(&[], true), false),
        Test::GreaterOrEqual(value) if value == -T::INFINITY => (among(&[], false), false),
        Test::LessOrEqual(value) => (at_most(value, missing), false),
        Test::Less(value) => (at_most(value.next_down(), missing), false),
        Test::Greater(value) => (at_most(value, !missing), true),
        Test::GreaterOrEqual(value) => (at_most(value.next_down(), !missing), true),
        Test::Equal(value) => (among(&[value], true), false),
        Test::NotEqual(value) => (among(&[value], false), false),
        Test::Member(ref range) => {
            let members = &ensemble.parts().members[range.start as usize..range.end as usize];
            (among(members, true), false)
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

/// A node and one that it leads to as one, where both ask for the same feature and share a child. Returns the latter's
/// index as well.
fn merged<T: Real>(node: &Node, nodes: &HashMap<u32, Node>, ranks: &[Ranks<T>]) -> Option<(Node, u32)> {
    let answers = |node: &Node| match &node.question {
        Question::Among(answers) => answers.clone(),
        Question::AtMost { threshold, missing } => {
            let count = ranks[node.feature].len();
            let mut answers = Answers::none(count + 1);
            (0..=*threshold).for_each(|rank| answers.set(rank, true));
            answers.set(count, *missing);
            answers
        }
    };
    for (to_next, next, other) in [(false, node.no, node.yes), (true, node.yes, node.no)] {
        let Child::Branch(index) = next else {
            continue;
        };
        let Some(next) = nodes.get(&index) else {
            continue;
        };
        let to_other = match other {
            _ if next.feature != node.feature => continue,
            shared if shared == next.yes => true,
            shared if shared == next.no => false,
            _ => continue,
        };
        // Yes is now what leads to the shared child, by this node or by the next.
        let (first, second) = (answers(node), answers(next));
        let first = if to_next { first.negated() } else { first };
        let second = if to_other { second } else { second.negated() };
        let merged = Node {
            feature: node.feature,
            question: Question::Among(first.or(&second)),
            yes: other,
            no: if to_other { next.no } else { next.yes },
        };
        return Some((merged, index));
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
