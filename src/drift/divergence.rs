//! How far counts are from those in training.

/// How the values of a feature, or the scores, differ from those in training.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Drift {
    /// The feature, or `score`.
    pub name: String,
    /// The population stability index; none where less than [`Drift::LEAST_ROWS`] were looked at.
    ///
    /// It is Σ (a - e) ln(a / e) over the bins and the missing values, for the share a of rows now and e in training.
    /// A bin without rows counts as half a row, and one without rows in both not at all. Rows like those in training
    /// have an index of (B - 1) (1/N + 1/M) on average, for B bins, N rows looked at now and M in training: 0.02 with
    /// twenty bins, 1,000 rows and a large training set. Of large batches every fourth row is looked at (see
    /// [`Reference::observe`](super::Reference::observe)). By custom, 0.1 is a change worth a look, and 0.25 a great one.
    pub psi: Option<f64>,
    /// Rows now: of a feature, an estimate from those looked at, and so are those of its bins.
    pub rows: u64,
    /// Rows without a value; a category unknown to the model is one.
    pub missing: u64,
    /// By value: at most 20, and `(missing)` last.
    pub bins: Vec<DriftBin>,
}

/// A bin of values.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DriftBin {
    /// `< 5`, `5 to < 10`, `>= 10`; a category; `(other)`, `(missing)`.
    pub name: String,
    /// The share of rows in training.
    pub expected: f64,
    /// Rows now.
    pub rows: u64,
}

impl Drift {
    /// Fewer rows say nothing: chance alone gives them an index that looks like a change.
    pub const LEAST_ROWS: u64 = 1_000;

    /// `trained` and `rows` are counts by the same bins, the last of them that of missing values. So many rows were
    /// looked at for `rows`.
    pub(super) fn new(name: &str, bins: &[String], trained: &[u64], rows: &[u64], looked_at: u64) -> Drift {
        let (training, now) = (total(trained), total(rows));
        let bins = bins
            .iter()
            .zip(trained)
            .zip(rows)
            .map(|((name, &trained), &rows)| DriftBin {
                name: name.clone(),
                expected: trained as f64 / training.max(1) as f64,
                rows,
            });
        Drift {
            name: name.to_owned(),
            psi: (training > 0 && looked_at >= Self::LEAST_ROWS).then(|| psi(trained, rows, looked_at)),
            rows: now,
            missing: rows.last().copied().unwrap_or(0),
            bins: bins.collect(),
        }
    }
}

fn psi(trained: &[u64], rows: &[u64], looked_at: u64) -> f64 {
    let (training, now) = (total(trained) as f64, total(rows) as f64);
    // Where not all rows are looked at, each of them counts for more than one.
    let weight = now / looked_at as f64;
    let share = |count: u64, weight: f64, total: f64| if count > 0 { count as f64 } else { weight / 2.0 } / total;
    let bins = trained
        .iter()
        .zip(rows)
        .filter(|&(&trained, &rows)| trained > 0 || rows > 0);
    bins.map(|(&trained, &rows)| {
        let (expected, actual) = (share(trained, 1.0, training), share(rows, weight, now));
        (actual - expected) * (actual / expected).ln()
    })
    .sum()
}

/// The counts in a profile may be anything.
pub(super) fn total(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, &count| sum.saturating_add(count))
}
