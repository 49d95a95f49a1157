//! Answers to a question, a bit each.

/// Answers for each rank of a feature, the missing value's last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Answers {
    words: Box<[u64]>,
    count: usize,
}

impl Answers {
    /// No to everything.
    pub fn none(count: usize) -> Answers {
        Answers {
            words: vec![0; count.div_ceil(64)].into(),
            count,
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// Memory that they take.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    pub fn set(&mut self, index: usize, answer: bool) {
        let mask = 1 << (index % 64);
        if answer {
            self.words[index / 64] |= mask;
        } else {
            self.words[index / 64] &= !mask;
        }
    }

    pub fn get(&self, index: usize) -> bool {
        self.words[index / 64] >> (index % 64) & 1 == 1
    }

    /// The opposite of each.
    pub fn negated(mut self) -> Answers {
        self.words.iter_mut().for_each(|word| *word = !*word);
        // What is beyond the last stays 0, so that equal answers are equal.
        if let Some(last) = self.words.last_mut()
            && !self.count.is_multiple_of(64)
        {
            *last &= (1 << (self.count % 64)) - 1;
        }
        self
    }

    /// Yes where one of both says yes. They are of the same feature.
    pub fn or(mut self, other: &Answers) -> Answers {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_one_by_one_and_combined() {
        for count in [1, 63, 64, 65, 130] {
            let mut answers = Answers::none(count);
            answers.set(0, true);
            answers.set(count - 1, true);
            answers.set(0, count == 1);
            let negated = answers.clone().negated();
            for index in 0..count {
                assert_eq!(answers.get(index), index == count - 1, "{index} of {count}");
                assert_eq!(negated.get(index), index != count - 1, "{index} of {count}");
            }
            assert_eq!(negated.clone().negated(), answers);
            let all = Answers::none(count).negated();
            assert_eq!(negated.or(&answers), all);
        }
    }
}
