//! Rows to score.

/// The row of the original demo, and what H2O says about it.
pub const SEED: &str =
    "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";
pub const SEED_CSV: &str = "YES,0.4319916897116479,0.5680083102883521";

/// The seed row with another year, and what H2O says about it.
pub const SEED_1999_CSV: &str = "NO,0.5955978728809052,0.40440212711909485";

pub fn seed_1999() -> String {
    SEED.replacen("1987", "1999", 1)
}

/// A row that differs from those of other numbers below 100,000.
pub fn row(number: usize) -> String {
    let pick = |values: &[&'static str], salt: usize| values[(number / 3 + salt) % values.len()];
    let carrier = pick(&["PS", "AA", "UA", "WN", "DL", "US", "HP", "XX"], 0);
    let origin = pick(&["SAN", "SFO", "ORD", "LAX", "EWR", "JFK", "DEN"], 1);
    let destination = pick(&["SFO", "ATL", "BOS", "PHX", "LAS", "ZZZ"], 2);
    format!(
        "{},{},{},{},NA,{},NA,NA,{carrier},{number},NA,NA,NA,NA,NA,NA,{origin},{destination},447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,NO",
        1987 + number % 22,
        1 + number % 12,
        1 + number % 28,
        1 + number % 7,
        number % 24 * 100 + number % 60,
    )
}
