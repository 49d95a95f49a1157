//! The columns of bytes in which the answers to all questions of an ensemble can be read.

use super::NoKernel;
use super::answers::Answers;
use super::gather;
use super::instructions::Usable;
use super::questions::Question;
use super::ranks::Ranks;
use super::whole::Whole;
use crate::model::real::Real;
use std::collections::HashMap;

/// What a byte of a column says where the value is missing.
const MISSING: u8 = u8::MAX;
/// Thresholds that one column of ranks can tell apart.
const THRESHOLDS_EACH: usize = MISSING as usize - 1;
/// With more, those of a batch are beyond a processor's second cache.
pub(super) const MOST_COLUMNS: usize = 1024;
/// Rows that become columns together: few enough to stay in the first cache while their features are taken one by one.
const AT_ONCE: usize = 256;

/// A question as a test of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteTest {
    pub column: u16,
    pub kind: TestKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TestKind {
    /// Is the byte at most this?
    AtMost(u8),
    /// Is it above this?
    Above(u8),
    /// Are these bits of the byte as in `wanted`?
    Bits { mask: u8, wanted: u8 },
}

/// The columns that are made of one feature.
#[derive(Debug)]
struct OfFeature<T> {
    feature: usize,
    ranks: Ranks<T>,
    /// Where whole numbers need no search.
    whole: Option<Whole<T>>,
    columns: Vec<Column>,
}

/// How a feature becomes a byte.
#[derive(Debug)]
enum Column {
    /// By its rank, or as a whole number.
    Table {
        index: u16,
        by_rank: Box<[u8]>,
        by_whole: Box<[u8]>,
    },
    /// One more than the byte in an earlier column: a missing value, there above all others, is below them here.
    Next { index: u16, of: u16 },
}

/// How rows become columns.
#[derive(Debug)]
pub(super) struct Columns<T> {
    features: Vec<OfFeature<T>>,
    count: usize,
}

impl<T: Real> Columns<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Fills the columns, of `lanes` bytes each, from the features of so many rows.
    #[inline(always)]
    pub fn fill(&self, usable: Usable, features: &[T], rows: usize, lanes: usize, columns: &mut [u8]) {
        let Some(width) = features.len().checked_div(rows).filter(|&width| width > 0) else {
            return;
        };
        let mut values = [T::ZERO; AT_ONCE];
        let mut places = [0; AT_ONCE];
        for (part, features) in features.chunks(AT_ONCE * width).enumerate() {
            let rows = features.len() / width;
            let (values, places) = (&mut values[..rows], &mut places[..rows]);
            for of_feature in &self.features {
                gather::column(usable, features, width, of_feature.feature, values);
                let whole = of_feature.whole.as_ref();
                let are_whole = whole.is_some_and(|whole| whole.places(values, places));
                if !are_whole {
                    of_feature.ranks.places(values, places);
                }
                for column in &of_feature.columns {
                    let start = |index: u16| usize::from(index) * lanes + part * AT_ONCE;
                    match column {
                        Column::Table {
                            index,
                            by_rank,
                            by_whole,
                        } => {
                            let table = if are_whole { by_whole } else { by_rank };
                            gather::bytes(usable, table, places, &mut columns[start(*index)..][..rows]);
                        }
                        Column::Next { index, of } => {
                            let (earlier, later) = columns.split_at_mut(start(*index));
                            for (byte, &other) in later[..rows].iter_mut().zip(&earlier[start(*of)..][..rows]) {
                                *byte = other.wrapping_add(1);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Finds a column for each question, and makes it where there is none yet.
pub(super) struct Planner<T> {
    features: Vec<OfFeature<T>>,
    /// The columns of ranks, by feature and chunk.
    ranks: HashMap<(usize, usize), u16>,
    /// Those that are one more, by the other.
    next: HashMap<u16, u16>,
    answers: HashMap<(usize, Answers), ByteTest>,
    /// Of each feature the last column of answers, and the last bit taken in it.
    bits: HashMap<usize, (u16, u8)>,
    count: usize,
}

impl<T: Real> Planner<T> {
    pub fn new(ranks: Vec<Ranks<T>>) -> Self {
        let of_feature = |(feature, ranks)| OfFeature {
            feature,
            whole: Whole::new(&ranks),
            ranks,
            columns: vec![],
        };
        Planner {
            features: ranks.into_iter().enumerate().map(of_feature).collect(),
            ranks: HashMap::new(),
            next: HashMap::new(),
            answers: HashMap::new(),
            bits: HashMap::new(),
            count: 0,
        }
    }

    pub fn test(&mut self, feature: usize, question: &Question) -> Result<ByteTest, NoKernel> {
        match question {
            Question::AtMost { threshold, missing } => {
                let column = self.ranks(feature, threshold / THRESHOLDS_EACH)?;
                let limit = (threshold % THRESHOLDS_EACH) as u8;
                Ok(match missing {
                    false => ByteTest {
                        column,
                        kind: TestKind::AtMost(limit),
                    },
                    true => ByteTest {
                        column: self.next(feature, column)?,
                        kind: TestKind::AtMost(limit + 1),
                    },
                })
            }
            Question::Among(answers) => {
                let key = (feature, answers.clone());
                if let Some(&test) = self.answers.get(&key) {
                    return Ok(test);
                }
                let test = self.add_answers(feature, answers)?;
                self.answers.insert(key, test);
                Ok(test)
            }
        }
    }

    /// The column with a chunk of the ranks.
    fn ranks(&mut self, feature: usize, chunk: usize) -> Result<u16, NoKernel> {
        if let Some(&column) = self.ranks.get(&(feature, chunk)) {
            return Ok(column);
        }
        let base = chunk * THRESHOLDS_EACH;
        let ranks = 0..self.features[feature].ranks.len();
        let bytes = ranks.map(|rank| rank.saturating_sub(base).min(THRESHOLDS_EACH) as u8);
        let column = self.table(feature, bytes.chain([MISSING]).collect())?;
        self.ranks.insert((feature, chunk), column);
        Ok(column)
    }

    /// The column with one more than another.
    fn next(&mut self, feature: usize, of: u16) -> Result<u16, NoKernel> {
        if let Some(&column) = self.next.get(&of) {
            return Ok(column);
        }
        let index = self.index()?;
        self.features[feature].columns.push(Column::Next { index, of });
        self.next.insert(of, index);
        Ok(index)
    }

    /// A bit of the feature's last column of answers, or the first of a new one.
    fn add_answers(&mut self, feature: usize, answers: &Answers) -> Result<ByteTest, NoKernel> {
        let (column, mask) = match self.bits.get(&feature) {
            Some(&(column, mask)) if mask < 1 << 7 => (column, mask << 1),
            _ => (self.table(feature, vec![0; answers.len()])?, 1),
        };
        self.bits.insert(feature, (column, mask));
        for other in &mut self.features[feature].columns {
            if let Column::Table { index, by_rank, .. } = other
                && *index == column
            {
                for (rank, byte) in by_rank.iter_mut().enumerate() {
                    *byte |= if answers.get(rank) { mask } else { 0 };
                }
            }
        }
        Ok(ByteTest {
            column,
            kind: TestKind::Bits { mask, wanted: mask },
        })
    }

    fn table(&mut self, feature: usize, by_rank: Vec<u8>) -> Result<u16, NoKernel> {
        let index = self.index()?;
        self.features[feature].columns.push(Column::Table {
            index,
            by_rank: by_rank.into(),
            by_whole: Box::default(),
        });
        Ok(index)
    }

    fn index(&mut self) -> Result<u16, NoKernel> {
        if self.count == MOST_COLUMNS {
            return Err(NoKernel::Columns { most: MOST_COLUMNS });
        }
        self.count += 1;
        Ok(self.count as u16 - 1)
    }

    /// The columns that were asked for.
    pub fn columns(self) -> Columns<T> {
        let mut features = self.features;
        features.retain(|feature| !feature.columns.is_empty());
        for feature in &mut features {
            let whole = feature.whole.as_ref().map(|whole| whole.ranks(&feature.ranks));
            for column in &mut feature.columns {
                if let Column::Table { by_rank, by_whole, .. } = column {
                    let ranks = whole.iter().flatten();
                    let bytes = ranks.map(|&rank| by_rank[usize::from(rank)]);
                    *by_whole = bytes.chain(gather::PADDING).collect();
                    *by_rank = by_rank.iter().copied().chain(gather::PADDING).collect();
                }
            }
        }
        Columns {
            features,
            count: self.count,
        }
    }
}

impl ByteTest {
    /// The test that holds where this one does not.
    pub fn negated(self) -> ByteTest {
        let kind = match self.kind {
            TestKind::AtMost(limit) => TestKind::Above(limit),
            TestKind::Above(limit) => TestKind::AtMost(limit),
            TestKind::Bits { mask, wanted } => TestKind::Bits {
                mask,
                wanted: mask ^ wanted,
            },
        };
        ByteTest { kind, ..self }
    }
}
