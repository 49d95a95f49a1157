//! The fast evaluation of an ensemble: many rows at once, a byte each.
//!
//! ```text
//! features ─► ranks among the thresholds ─► columns of bytes ─► leaf of each row, tree by tree ─► sums
//!             (ranks)                       (columns)           (trees, lanes)
//! ```
//!
//! Whatever a branch asks of a number can be asked of its rank among all thresholds of its feature, and ranks are small.
//! So each feature of a batch becomes one or more columns of bytes, once, and all branches compare bytes, of which a
//! processor compares up to 64 at a time. A tree is not walked from its root: every branch is looked at for every row,
//! from the leaves up, and chooses between two columns of leaf numbers. There are no jumps for a processor to guess.
//!
//! Sums are made in the order of the trees, so that they are those of the plain evaluation, bit by bit.

mod answers;
mod columns;
mod gather;
mod instructions;
mod lanes;
mod questions;
mod ranks;
mod trees;
mod whole;

pub use instructions::Instructions;
use instructions::Usable;

use super::ensemble::{Aggregate, Ensemble, Weight};
use crate::model::real::Real;
use columns::{Columns, MOST_COLUMNS, Planner};
use lanes::{LANES, Lanes};
use trees::{Gives, Place, Tree};

/// Rows of a batch that are in work together.
const MOST_ROWS: usize = 1024;
/// Ways down a tree that are walked side by side.
const WALKERS: usize = 8;
/// With fewer rows than this in a batch, walking down the trees is faster.
const FEW_ROWS: usize = 8;

/// Features that there may be: a row may not be wider anywhere in a graph.
const MOST_FEATURES: usize = 1 << 14;
/// Trees that there may be. Each has room for as many leaves as a byte can number.
const MOST_TREES: usize = 1 << 14;

/// Why an ensemble has no kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoKernel {
    #[error("the least or the greatest of the trees' scores is asked for, not their sum")]
    NoSum,
    #[error("there are {trees} trees, more than {MOST_TREES}")]
    Trees { trees: usize },
    #[error("there are {features} features, more than {MOST_FEATURES}")]
    Features { features: usize },
    #[error("feature {feature} has more than {most} thresholds")]
    Thresholds { feature: usize, most: usize },
    #[error("the lists of values that its branches ask for take too much memory")]
    Answers,
    #[error("its branches ask for more than {most} columns of bytes")]
    Columns { most: usize },
    #[error("its trees have too many branches and leaves")]
    Places,
}

/// An ensemble, ready for the fast evaluation.
#[derive(Debug)]
pub(super) struct Kernel<T> {
    columns: Columns<T>,
    trees: Vec<Tree<T>>,
    places: Vec<Place>,
    /// The most columns that any tree's steps have on their stack.
    height: usize,
    weights: Vec<Weight<T>>,
    /// What a sum is divided by, where the average is asked for.
    divisor: Option<T>,
    base: Vec<T>,
    targets: usize,
}

impl<T: Real> Kernel<T> {
    pub fn new(ensemble: &Ensemble<T>) -> Result<Self, NoKernel> {
        let parts = ensemble.parts();
        let divisor = match parts.aggregate {
            Aggregate::Sum => None,
            Aggregate::Average => Some(T::from_f64(parts.roots.len() as f64)),
            Aggregate::Min | Aggregate::Max => return Err(NoKernel::NoSum),
        };
        let (trees, features) = (parts.roots.len(), ensemble.features());
        if trees > MOST_TREES {
            return Err(NoKernel::Trees { trees });
        }
        if features > MOST_FEATURES {
            return Err(NoKernel::Features { features });
        }
        let ranks = questions::ranks(ensemble)?;
        let nodes = questions::nodes(ensemble, &ranks)?;
        let mut planner = Planner::new(ranks);
        let (trees, places) = trees::trees(ensemble, &mut planner, &nodes)?;
        Ok(Kernel {
            columns: planner.columns(),
            // The leaves of a tree that is only a leaf are there, too.
            height: trees.iter().map(|tree| tree.height).max().unwrap_or(0).max(1),
            trees,
            places,
            weights: parts.weights.clone(),
            divisor,
            base: parts.base.clone(),
            targets: parts.targets,
        })
    }

    /// Scores rows as [`Ensemble::evaluate`] does, with these instructions where the processor has them.
    pub fn evaluate(&self, features: &[T], width: usize, scores: &mut [T], instructions: Instructions) {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 if instructions.are_available() => {
                #[expect(unsafe_code, reason = "no other way is there to choose instructions at run time")]
                // SAFETY: the processor has the instructions.
                unsafe {
                    self.evaluate_avx512(features, width, scores);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 if instructions.are_available() => {
                #[expect(unsafe_code, reason = "as above")]
                // SAFETY: the processor has the instructions.
                unsafe {
                    self.evaluate_avx2(features, width, scores);
                }
            }
            _ => self.evaluate_with(Usable::PORTABLE, features, width, scores),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512bw,avx512vl,avx512dq")]
    fn evaluate_avx512(&self, features: &[T], width: usize, scores: &mut [T]) {
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: this function asks for them.
        let usable = unsafe { Usable::assumed(Instructions::Avx512) };
        self.evaluate_with(usable, features, width, scores);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn evaluate_avx2(&self, features: &[T], width: usize, scores: &mut [T]) {
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: this function asks for them.
        let usable = unsafe { Usable::assumed(Instructions::Avx2) };
        self.evaluate_with(usable, features, width, scores);
    }

    /// Compiled into each of the above, with its instructions.
    #[inline(always)]
    fn evaluate_with(&self, usable: Usable, features: &[T], width: usize, scores: &mut [T]) {
        scores.fill(T::ZERO);
        let rows = scores.len() / self.targets;
        if rows < FEW_ROWS {
            let mut columns = [0; MOST_COLUMNS];
            for (row, scores) in scores.chunks_exact_mut(self.targets).enumerate() {
                let features = &features[row * width..][..width];
                self.columns.fill(usable, features, 1, 1, &mut columns);
                self.walk_trees(&columns, scores);
            }
        } else {
            let groups = rows.min(MOST_ROWS).div_ceil(LANES);
            let mut columns = lanes::buffer(self.columns.len() * groups);
            let columns = lanes::aligned(&mut columns);
            let mut stack = lanes::buffer(self.height * groups);
            let stack = lanes::aligned(&mut stack);
            for (batch, scores) in scores.chunks_mut(MOST_ROWS * self.targets).enumerate() {
                let rows = scores.len() / self.targets;
                let features = &features[batch * MOST_ROWS * width..][..rows * width];
                self.columns
                    .fill(usable, features, rows, groups * LANES, columns.as_flattened_mut());
                for tree in &self.trees {
                    self.score(usable, tree, columns, groups, stack, scores);
                }
            }
        }
        self.finish(scores);
    }

    /// Adds what a tree gives to the scores of a batch.
    #[inline(always)]
    fn score(
        &self,
        usable: Usable,
        tree: &Tree<T>,
        columns: &[Lanes],
        groups: usize,
        stack: &mut [Lanes],
        scores: &mut [T],
    ) {
        let Some(steps) = &tree.steps else {
            return self.walk_rows(tree, columns.as_flattened(), groups * LANES, scores);
        };
        lanes::take(steps, columns, groups, stack);
        let leaves = stack.as_flattened();
        match &tree.gives {
            Gives::One { values, .. } if self.targets == 1 => {
                gather::add(usable, values, &leaves[..scores.len()], scores);
            }
            _ => {
                for (scores, &leaf) in scores.chunks_exact_mut(self.targets).zip(leaves) {
                    self.add(tree, scores, usize::from(leaf));
                }
            }
        }
    }

    /// Adds what a leaf gives to the scores of one row.
    #[inline(always)]
    fn add(&self, tree: &Tree<T>, scores: &mut [T], leaf: usize) {
        match &tree.gives {
            Gives::One { target, values } => scores[*target] += values[leaf],
            Gives::Any(ranges) => {
                let range = &ranges[leaf];
                for weight in &self.weights[range.start as usize..range.end as usize] {
                    scores[weight.target as usize] += weight.value;
                }
            }
        }
    }

    /// Walks down one tree for all rows, several at a time so that the processor need not wait for one.
    #[inline(always)]
    fn walk_rows(&self, tree: &Tree<T>, columns: &[u8], lanes: usize, scores: &mut [T]) {
        for (group, scores) in scores.chunks_mut(WALKERS * self.targets).enumerate() {
            let mut at = [tree.root; WALKERS];
            for _ in 0..tree.depth {
                let before = at;
                for (walker, at) in at.iter_mut().enumerate() {
                    // Those beyond the last row walk too, to nowhere that matters.
                    let row = group * WALKERS + walker;
                    *at = self.places[*at as usize].next(|column| columns[column * lanes + row]);
                }
                if at == before {
                    break;
                }
            }
            for (scores, at) in scores.chunks_exact_mut(self.targets).zip(at) {
                self.add(tree, scores, (at - tree.first) as usize);
            }
        }
    }

    /// Walks down all trees for one row, several at a time.
    #[inline(always)]
    fn walk_trees(&self, columns: &[u8; MOST_COLUMNS], scores: &mut [T]) {
        for trees in self.trees.chunks(WALKERS) {
            // The first place is a leaf, where those without a tree stay.
            let mut at = [0; WALKERS];
            let mut depth = 0;
            for (at, tree) in at.iter_mut().zip(trees) {
                *at = tree.root;
                depth = depth.max(tree.depth);
            }
            for _ in 0..depth {
                let before = at;
                for at in &mut at {
                    *at = self.places[*at as usize].next(|column| columns[column & (MOST_COLUMNS - 1)]);
                }
                if at == before {
                    break;
                }
            }
            for (at, tree) in at.into_iter().zip(trees) {
                self.add(tree, scores, (at - tree.first) as usize);
            }
        }
    }

    fn finish(&self, scores: &mut [T]) {
        if let Some(trees) = self.divisor {
            scores.iter_mut().for_each(|score| *score = *score / trees);
        }
        if !self.base.is_empty() {
            for scores in scores.chunks_exact_mut(self.targets) {
                for (score, &base) in scores.iter_mut().zip(&self.base) {
                    *score += base;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
