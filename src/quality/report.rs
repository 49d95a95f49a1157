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

#[cfg(test)]
mod tests {
    use super::super::{AucDifference, Tally};
    use super::*;

    fn figures() -> Figures {
        let mut tally = Tally::default();
        for (score, truth) in [(0.9, true), (0.8, false), (0.6, true), (0.1, false), (0.8, true)] {
            tally.observe(score, score >= 0.7, truth);
        }
        tally.figures().unwrap()
    }

    #[test]
    fn a_report_has_the_figures_and_both_tables() {
        // Of the six pairs 4.5 are in order; the half is one of equal scores.
        let expected = "\
rows               5
positive           3 (60.00 %)
AUC                0.7500 ± 0.0833
Brier score        0.1720
log loss           0.5108
accuracy           60.00 %
calibration error  0.2400

                      came true      did not
said positive                 2            1
said negative                 1            1

score                      rows   mean score     observed
0.0 to 0.1                    1       0.1000       0.0000
0.5 to 0.6                    1       0.6000       1.0000
0.7 to 0.8                    2       0.8000       0.5000
0.8 to 0.9                    1       0.9000       1.0000
";
        assert_eq!(figures().to_string(), expected);
    }

    #[test]
    fn two_models_stand_side_by_side_within_100_characters() {
        let comparison = ComparisonFigures {
            rows: 5,
            agreement: 0.98765,
            auc_difference: Some(AucDifference {
                value: 0.0312,
                low: -0.01,
                high: 0.0724,
            }),
        };
        let long = "n".repeat(80);
        let text = side_by_side((&long, &figures()), ("gbm", &figures()), Some(&comparison));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        let last: Vec<_> = text.lines().rev().take(2).collect();
        let difference = "AUC difference     +0.0312 (challenger - champion, 95 %: -0.0100 to +0.0724)";
        assert_eq!(last, [difference, "same verdict       98.77 %"]);
        let text = side_by_side(("seed", &figures()), ("gbm", &figures()), None);
        assert!(
            text.starts_with("                   champion              challenger\n"),
            "{text}"
        );
        assert!(
            text.contains("\nAUC                0.7500 ± 0.0833       0.7500 ± 0.0833\n"),
            "{text}"
        );
    }
}
