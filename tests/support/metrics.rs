//! Reading a scrape.

/// The metrics of one scrape.
#[derive(Debug)]
pub struct Scrape(String);

impl Scrape {
    pub fn new(text: String) -> Scrape {
        Scrape(text)
    }

    /// The value of a series, written as in the scrape without the prefix: `predictions_total{label="YES"}`.
    pub fn get(&self, series: &str) -> Option<f64> {
        let name = format!("flight_scorer_{series} ");
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(&*name))
            .map(|value| value.parse().unwrap())
    }

    /// All series of a name with their labels.
    pub fn all(&self, name: &str) -> Vec<(&str, f64)> {
        let start = format!("flight_scorer_{name}{{");
        let series = self
            .0
            .lines()
            .filter_map(|line| line.strip_prefix(&*start)?.rsplit_once("} "));
        series.map(|(labels, value)| (labels, value.parse().unwrap())).collect()
    }

    pub fn sum(&self, name: &str) -> f64 {
        self.all(name).iter().map(|(_, value)| value).sum()
    }
}
