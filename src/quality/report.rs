//! Figures as text.

use super::comparison::ComparisonFigures;
use super::figures::{Auc, Figures};
use std::fmt;

/// Longer names of models are cut off, so that a line stays within 100 characters.
const NAME_WIDTH: usize = 34;

/// The figures one below the other, the confusion counts and the calibration table; lines end with `\n`.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in lines(self) {
            writeln!(f, "{name:<18} {value}")?;
        }
        let confusion = &self.confusion;
        writeln!(f)?;
        writeln!(f, "{:<18} {:>12} {:>12}", "", "came true", "did not")?;
        let (yes, no) = (confusion.true_positives, confusion.false_positives);
        writeln!(f, "{:<18} {yes:>12} {no:>12}", "said positive")?;
        let (yes, no) = (confusion.false_negatives, confusion.true_negatives);
        writeln!(f, "{:<18} {yes:>12} {no:>12}", "said negative")?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<18} {:>12} {:>12} {:>12}",
            "score", "rows", "mean score", "observed"
        )?;
        for bin in &self.calibration {
            let range = format!("{:.1} to {:.1}", bin.lower, bin.upper);
            let (rows, score, observed) = (bin.rows, bin.mean_score, bin.observed_rate);
            writeln!(f, "{range:<18} {rows:>12} {score:>12.4} {observed:>12.4}")?;
        }
        Ok(())
    }
}

/// The figures of two models, each with its name, in two columns; lines end with `\n`.
pub fn side_by_side(
    champion: (&str, &Figures),
    challenger: (&str, &Figures),
    comparison: Option<&ComparisonFigures>,
) -> String {
    let (left, right) = (cut(champion.0), cut(challenger.0));
    let width = left.chars().count().max(20);
    let mut text = String::new();
    let mut line = |name: &str, left: &str, right: &str| {
        let line = format!("{name:<18} {left:<width$}  {right}");
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line("", "champion", "challenger");
    line("", &left, &right);
    for ((name, left), (_, right)) in lines(champion.1).iter().zip(&lines(challenger.1)) {
        line(name, left, right);
    }
    if let Some(comparison) = comparison {
        line("same verdict", &percent(comparison.agreement), "");
        if let Some(difference) = comparison.auc_difference {
            let (value, low, high) = (difference.value, difference.low, difference.high);
            let difference = format!("{value:+.4} (challenger - champion, 95 %: {low:+.4} to {high:+.4})");
            line("AUC difference", &difference, "");
        }
    }
    text
}

fn lines(figures: &Figures) -> [(&'static str, String); 7] {
    let share = figures.positives as f64 / figures.rows as f64;
    [
        ("rows", figures.rows.to_string()),
        ("positive", format!("{} ({})", figures.positives, percent(share))),
        ("AUC", figures.auc.as_ref().map_or("one truth only".to_owned(), auc)),
        ("Brier score", format!("{:.4}", figures.brier)),
        ("log loss", format!("{:.4}", figures.log_loss)),
        ("accuracy", percent(figures.accuracy)),
        ("calibration error", format!("{:.4}", figures.calibration_error)),
    ]
}

fn auc(auc: &Auc) -> String {
    format!("{:.4} ± {:.4}", auc.value, auc.bound)
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn cut(name: &str) -> String {
    name.chars().take(NAME_WIDTH).collect()
}
