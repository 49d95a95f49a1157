//! What an audit has found.

use super::claim::Place;
use crate::output::printable;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Differences that are shown with their places.
const DIFFERENT_SHOWN: u64 = 10;
/// Predictions whose input may not be read that are shown with their places.
const DENIED_SHOWN: u64 = 3;
/// Unreadable records that are shown with their places.
const UNREADABLE_SHOWN: u64 = 3;

/// Counts of predictions by what came of them. Reports of parts of a topic add up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records that were looked at.
    pub records: u64,
    /// Scored again to the same bits.
    pub equal: u64,
    /// A probability is the next float or double.
    pub within_one_ulp: u64,
    pub different: u64,
    /// The input record is not there any more.
    pub missing_inputs: u64,
    /// The input record is said to be in another topic than the service's, which may not be read.
    pub denied_inputs: u64,
    /// By hash.
    pub unknown_models: BTreeMap<String, u64>,
    /// Not predictions in JSON that name input and model, by what is wrong.
    pub unreadable: BTreeMap<&'static str, u64>,
    pub tombstones: u64,
    /// The first that are different, whose input is denied, and that are unreadable.
    pub examples: Vec<Example>,
}

/// One finding with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    pub outcome: &'static str,
    pub prediction: Place,
    pub input: Option<Place>,
    pub problems: Vec<String>,
}

impl Report {
    /// Predictions that were scored again.
    pub fn checked(&self) -> u64 {
        self.equal + self.within_one_ulp + self.different
    }

    /// Predictions that could not be: for lack of their input, a right to read it, or their model, or because they are unreadable.
    pub fn unchecked(&self) -> u64 {
        self.missing_inputs + self.denied_inputs + sum(&self.unknown_models) + sum(&self.unreadable)
    }

    pub(super) fn different(&mut self, prediction: Place, input: Place, problems: Vec<String>) {
        self.different += 1;
        if self.different <= DIFFERENT_SHOWN {
            self.examples.push(Example {
                outcome: "different",
                prediction,
                input: Some(input),
                problems,
            });
        }
    }

    pub(super) fn denied(&mut self, prediction: Place, input: Place, problem: String) {
        self.denied_inputs += 1;
        if self.denied_inputs <= DENIED_SHOWN {
            self.examples.push(Example {
                outcome: "denied input",
                prediction,
                input: Some(input),
                problems: vec![problem],
            });
        }
    }

    pub(super) fn unreadable(&mut self, prediction: Place, name: &'static str, problem: String) {
        *self.unreadable.entry(name).or_default() += 1;
        if sum(&self.unreadable) <= UNREADABLE_SHOWN {
            self.examples.push(Example {
                outcome: "unreadable",
                prediction,
                input: None,
                problems: vec![problem],
            });
        }
    }
}

fn sum<K>(counts: &BTreeMap<K, u64>) -> u64 {
    counts.values().sum()
}

fn by_name<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let total = sum(counts);
    if parts.is_empty() {
        return total.to_string();
    }
    format!("{total}: {}", parts.join(", "))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "records         {}", self.records)?;
        writeln!(f, "equal           {}", self.equal)?;
        writeln!(f, "within 1 ulp    {}", self.within_one_ulp)?;
        writeln!(f, "different       {}", self.different)?;
        writeln!(f, "missing inputs  {}", self.missing_inputs)?;
        writeln!(f, "denied inputs   {}", self.denied_inputs)?;
        writeln!(f, "unknown models  {}", by_name(&self.unknown_models))?;
        writeln!(f, "unreadable      {}", by_name(&self.unreadable))?;
        writeln!(f, "tombstones      {}", self.tombstones)?;
        for example in &self.examples {
            writeln!(f, "{example}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}: {}", self.outcome, self.prediction)?;
        if let Some(input) = &self.input {
            write!(f, ", made from {}", printable(&input.to_string()))?;
        }
        for problem in &self.problems {
            write!(f, "\n    {}", printable(problem))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: i64) -> Place {
        Place {
            topic: "out".into(),
            partition: 3,
            offset,
        }
    }

    #[test]
    fn everything_is_counted_and_the_first_are_shown() {
        let mut report = Report {
            records: 40,
            equal: 20,
            missing_inputs: 1,
            ..Report::default()
        };
        report.unknown_models.insert("0123456789ab".into(), 2);
        for offset in 0..12 {
            report.different(place(offset), place(100 + offset), vec!["label: \u{1b}[2J".into()]);
        }
        for offset in 30..34 {
            report.denied(place(offset), place(200 + offset), "cannot read it".into());
        }
        for offset in 20..25 {
            report.unreadable(place(offset), "csv", "it is CSV".into());
        }
        assert_eq!((report.checked(), report.unchecked()), (32, 12));
        let outcomes: Vec<&str> = report.examples.iter().map(|example| example.outcome).collect();
        assert_eq!(
            outcomes,
            [&["different"; 10][..], &["denied input"; 3], &["unreadable"; 3]].concat()
        );
        let text = report.to_string();
        for expected in [
            "\ndifferent       12\n",
            "\ndenied inputs   4\n",
            "\nunknown models  2: 0123456789ab 2\n",
            "\nunreadable      5: csv 5\n",
            "  different: out, partition 3, offset 9, made from out, partition 3, offset 109\n    label: \\u{1b}[2J\n",
            "  denied input: out, partition 3, offset 32, made from out, partition 3, offset 232\n    cannot read it\n",
            "  unreadable: out, partition 3, offset 22\n    it is CSV\n",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
