//! What became of the dead letters that were to be sent back.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A record that still cannot be scored then will never be: sent back again, it would go round for ever.
pub const MAX_ATTEMPTS: u32 = 3;

const EXAMPLES: usize = 20;

/// What became of the dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SentBack {
    /// By the reason for which each was a dead letter.
    pub sent: BTreeMap<String, u64>,
    /// Those with a reason that was not asked for, by that reason. A later run can send them.
    pub left: BTreeMap<String, u64>,
    /// Those that were sent back three times before.
    pub exhausted: u64,
    /// Those that name no partition of the input topic as their source.
    pub refused: u64,
    /// Some of the refused, and why.
    pub examples: Vec<String>,
}

impl SentBack {
    pub(super) fn refuse(&mut self, why: String) {
        self.refused += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(why);
        }
    }
}

/// As people read it.
impl fmt::Display for SentBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, letters) in [("sent back", &self.sent), ("left      ", &self.left)] {
            write!(f, "{name}   {}", letters.values().sum::<u64>())?;
            for (position, (reason, count)) in letters.iter().enumerate() {
                write!(f, "{} {reason} {count}", if position == 0 { ":" } else { "," })?;
            }
            writeln!(f)?;
        }
        if self.exhausted > 0 {
            writeln!(
                f,
                "exhausted   {}, sent back {MAX_ATTEMPTS} times before",
                self.exhausted
            )?;
        }
        if self.refused > 0 {
            writeln!(f, "refused     {}", self.refused)?;
        }
        for example in &self.examples {
            writeln!(f, "  {example}")?;
        }
        Ok(())
    }
}
