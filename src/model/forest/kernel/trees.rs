//! The trees of an ensemble as nodes in a row, and as steps for many rows at once.

use super::columns::{ByteTest, Planner, TestKind};
use super::questions::Node;
use super::{NoKernel, questions};
use crate::model::forest::ensemble::{Child, Ensemble, Weight};
use crate::model::real::Real;
use std::collections::HashMap;
use std::ops::Range;

/// Leaves that a byte can number.
pub(super) const MOST_LEAVES: usize = 256;
/// Places of all trees. Roots may share branches, each of which is a place in every tree.
const MOST_PLACES: usize = 1 << 23;
/// Steps that a tree may take: above that, walking from its root to one leaf a row is faster than looking at every
/// branch. A tree whose branches share children takes more steps than it has branches.
const MOST_STEPS: usize = 512;

/// Where a row can stand: a branch or a leaf of some tree.
#[derive(Debug)]
pub(super) struct Place {
    /// The next place where the byte is above the limit, and where it is not. A leaf leads to itself.
    next: [u32; 2],
    column: u16,
    /// These bits of the byte are asked whether they are at most the limit.
    mask: u8,
    limit: u8,
}

impl Place {
    fn leaf(place: u32) -> Place {
        let next = [place; 2];
        Place {
            next,
            column: 0,
            mask: 0,
            limit: 0,
        }
    }

    /// `next` is where the test does not hold, and where it does.
    fn branch(test: ByteTest, next: [u32; 2]) -> Place {
        let [no, yes] = next;
        let (mask, limit, next) = match test.kind {
            TestKind::AtMost(limit) => (u8::MAX, limit, [no, yes]),
            TestKind::Above(limit) => (u8::MAX, limit, [yes, no]),
            // Of one bit: it is at most 0 where it is not set.
            TestKind::Bits { mask, wanted: 0 } => (mask, 0, [no, yes]),
            TestKind::Bits { mask, .. } => (mask, 0, [yes, no]),
        };
        Place {
            next,
            column: test.column,
            mask,
            limit,
        }
    }

    /// The place after this one; `byte` is the row's in a column.
    #[inline(always)]
    pub fn next(&self, byte: impl Fn(usize) -> u8) -> u32 {
        let byte = byte(usize::from(self.column)) & self.mask;
        self.next[usize::from(byte <= self.limit)]
    }
}

/// A tree.
#[derive(Debug)]
pub(super) struct Tree<T> {
    /// Its first place among those of all trees, which is its first leaf; the branches follow the leaves.
    pub first: u32,
    /// The place of its root.
    pub root: u32,
    /// Branches on the longest way to a leaf.
    pub depth: usize,
    pub gives: Gives<T>,
    /// The most columns that its steps have on their stack.
    pub height: usize,
    /// None where there are too many leaves or steps.
    pub steps: Option<Box<[Step]>>,
}

/// What the leaves of a tree, by their number, add to the scores.
#[derive(Debug)]
pub(super) enum Gives<T> {
    /// Each leaf gives one value to the same target. All that a byte can number are there, for want of which there
    /// would be a check with each.
    One {
        target: usize,
        values: Box<[T; MOST_LEAVES]>,
    },
    /// Each leaf gives these of the ensemble's weights.
    Any(Box<[Range<u32>]>),
}

/// A step in finding the leaves of many rows. It works on a stack of columns that hold the number of a leaf for each
/// row: where the row would end, if it came to the branch at hand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Pushes `yes` where the test holds, else `no`.
    Push { test: ByteTest, yes: u8, no: u8 },
    /// Where the test does not hold, the top becomes `no`.
    Replace { test: ByteTest, no: u8 },
    /// Pops the top; where the test does not hold, the new top becomes what was popped.
    Merge { test: ByteTest },
}

/// All trees of an ensemble, and the tests that they make on columns.
pub(super) fn trees<T: Real>(
    ensemble: &Ensemble<T>,
    planner: &mut Planner<T>,
    nodes: &HashMap<u32, Node>,
) -> Result<(Vec<Tree<T>>, Vec<Place>), NoKernel> {
    let mut places = Vec::new();
    let mut trees = Vec::with_capacity(ensemble.parts().roots.len());
    for &root in &ensemble.parts().roots {
        trees.push(tree(ensemble, planner, nodes, root, &mut places)?);
    }
    Ok((trees, places))
}

fn tree<T: Real>(
    ensemble: &Ensemble<T>,
    planner: &mut Planner<T>,
    nodes: &HashMap<u32, Node>,
    root: Child,
    places: &mut Vec<Place>,
) -> Result<Tree<T>, NoKernel> {
    let children = |index: u32| {
        let node = &nodes[&index];
        [node.no, node.yes]
    };
    let branches = questions::children_first(&[root], children);
    let mut leaves: Vec<u32> = Vec::new();
    let mut numbers: HashMap<Child, u32> = HashMap::new();
    let ends = branches.iter().flat_map(|&index| children(index));
    for end in ends.chain([root]) {
        if let Child::Leaf(leaf) = end {
            numbers.entry(end).or_insert_with(|| {
                leaves.push(leaf);
                leaves.len() as u32 - 1
            });
        }
    }
    if places.len() + leaves.len() + branches.len() > MOST_PLACES {
        return Err(NoKernel::Places);
    }
    let first = places.len() as u32;
    for leaf in 0..leaves.len() as u32 {
        places.push(Place::leaf(first + leaf));
    }
    let leaf_count = leaves.len() as u32;
    let mut written: Vec<Branch> = Vec::with_capacity(branches.len());
    for &index in &branches {
        let node = &nodes[&index];
        let next = [node.no, node.yes].map(|child| numbers[&child]);
        // What a leaf adds to either is nothing.
        let below = next.map(|number| number.checked_sub(leaf_count).map(|branch| &written[branch as usize]));
        let [depth_no, depth_yes] = below.map(|branch| branch.map_or(0, |branch| branch.depth));
        let [steps_no, steps_yes] = below.map(|branch| branch.map_or(0, |branch| branch.steps));
        let branch = Branch {
            test: planner.test(node.feature, &node.question)?,
            next,
            depth: 1 + depth_no.max(depth_yes),
            steps: 1usize.saturating_add(steps_no).saturating_add(steps_yes),
        };
        numbers.insert(Child::Branch(index), places.len() as u32 - first);
        places.push(Place::branch(branch.test, next.map(|number| first + number)));
        written.push(branch);
    }
    let root = numbers[&root];
    let (depth, count) = written.last().map_or((0, 0), |root| (root.depth, root.steps));
    let (mut height, mut steps) = (0, None);
    if leaves.len() <= MOST_LEAVES && count <= MOST_STEPS {
        let mut taken = Vec::with_capacity(count);
        height = write_steps(&written, leaf_count, root, &mut taken);
        steps = Some(taken.into());
    }
    Ok(Tree {
        first,
        root: first + root,
        depth,
        gives: gives(ensemble, &leaves),
        height,
        steps,
    })
}

/// A branch of the tree at hand. Places of a tree are numbered from its first leaf on.
struct Branch {
    test: ByteTest,
    /// The next place where the test does not hold, and where it does.
    next: [u32; 2],
    /// Branches on the longest way to a leaf.
    depth: usize,
    /// Steps that it takes, with all below it.
    steps: usize,
}

/// Writes the steps that push, for each row, the leaf that it ends in from a place on. Returns how high the stack grows
/// by that. The higher half comes first, so that the stack stays as low as the logarithm of the tree's size.
fn write_steps(branches: &[Branch], leaves: u32, from: u32, steps: &mut Vec<Step>) -> usize {
    let Some(branch) = from.checked_sub(leaves).and_then(|index| branches.get(index as usize)) else {
        return 0;
    };
    let (test, [no, yes]) = (branch.test, branch.next);
    match (no < leaves, yes < leaves) {
        (true, true) => {
            let (no, yes) = (no as u8, yes as u8);
            steps.push(Step::Push { test, yes, no });
            1
        }
        (true, false) => {
            let height = write_steps(branches, leaves, yes, steps);
            steps.push(Step::Replace { test, no: no as u8 });
            height
        }
        (false, true) => {
            let height = write_steps(branches, leaves, no, steps);
            let test = test.negated();
            steps.push(Step::Replace { test, no: yes as u8 });
            height
        }
        (false, false) => {
            let start = steps.len();
            let yes_height = write_steps(branches, leaves, yes, steps);
            let middle = steps.len();
            let no_height = write_steps(branches, leaves, no, steps);
            if no_height <= yes_height {
                steps.push(Step::Merge { test });
            } else {
                steps[start..].rotate_left(middle - start);
                steps.push(Step::Merge { test: test.negated() });
            }
            yes_height.max(no_height).max(1 + yes_height.min(no_height))
        }
    }
}

fn gives<T: Real>(ensemble: &Ensemble<T>, leaves: &[u32]) -> Gives<T> {
    let parts = ensemble.parts();
    let ranges: Vec<Range<u32>> = leaves.iter().map(|&leaf| parts.leaves[leaf as usize].clone()).collect();
    let weights = |range: &Range<u32>| &parts.weights[range.start as usize..range.end as usize];
    let mut all = ranges.iter().flat_map(weights);
    let target = all.next().map_or(0, |weight| weight.target);
    let one_target = all.all(|weight| weight.target == target);
    if leaves.len() > MOST_LEAVES || !one_target || ranges.iter().any(|range| range.len() > 1) {
        return Gives::Any(ranges.into());
    }
    let mut values = Box::new([T::ZERO; MOST_LEAVES]);
    for (value, range) in values.iter_mut().zip(&ranges) {
        // A leaf without a weight adds 0, which changes no sum: none that began with 0 is ever -0.
        if let [Weight { value: given, .. }] = weights(range) {
            *value = *given;
        }
    }
    Gives::One {
        target: target as usize,
        values,
    }
}
