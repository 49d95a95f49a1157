//! What a run has shown.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// The result of a run. Its fields, as JSON, are what scripts read: they do not change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The run's id, as it stands in the records' headers.
    pub run: String,
    /// Rows handed to the producer.
    pub sent: u64,
    /// Rows that the brokers have, by their word.
    pub acknowledged: u64,
    /// Rows that they may have or not. Such a row is never lost.
    pub unacknowledged: u64,
    /// Rows whose first outcome is a prediction.
    pub scored: u64,
    /// Rows whose first outcome is a dead letter.
    pub dead_lettered: u64,
    /// Acknowledged rows without an outcome.
    pub lost: u64,
    /// Outcomes beyond the first of their row.
    pub duplicated: u64,
    /// First outcomes that came after one of a higher sequence number.
    pub out_of_order: u64,
    /// Outcomes that are not what their row has to become.
    pub wrong: u64,
    /// Predictions of another model than that of the settings.
    pub unverified: u64,
    /// From the start to the last outcome.
    pub seconds: f64,
    /// Rows that got their outcome, a second.
    pub rows_per_second: f64,
    /// From the time a row was due, or was handed to the producer where it was due at no time, until its first outcome
    /// was read.
    pub latency_ms: Latency,
    /// The longest time without any outcome while one was awaited.
    pub longest_stall_ms: f64,
    /// Records of the input topic that the service's group had not committed at the end; `null` if unknown.
    pub lag: Option<u64>,
    pub examples: Examples,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub max: f64,
}

impl Report {
    /// Nothing lost, wrong or out of order. What comes again after a crash is no fault of at least once.
    pub fn keeps_the_promise(&self) -> bool {
        self.lost == 0 && self.wrong == 0 && self.out_of_order == 0
    }
}

/// Latencies, in microseconds, with three digits.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    #[expect(clippy::expect_used, reason = "three digits are allowed, and it grows as it must")]
    pub fn new() -> Latencies {
        Latencies(Histogram::new(3).expect("three digits are allowed"))
    }

    pub fn record(&mut self, latency: Duration) {
        // It grows with what it is given, and that is less than it can hold.
        let _ = self.0.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn percentiles(&self) -> Latency {
        let milliseconds = |quantile| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        Latency {
            p50: milliseconds(0.5),
            p90: milliseconds(0.9),
            p99: milliseconds(0.99),
            p99_9: milliseconds(0.999),
            max: self.0.max() as f64 / 1000.0,
        }
    }
}

/// A few rows of each fault, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Examples {
    shown: Vec<String>,
    #[serde(skip)]
    of_fault: HashMap<&'static str, usize>,
}

impl Examples {
    /// There are four faults.
    const OF_EACH: usize = 5;

    pub fn add(&mut self, fault: &'static str, partition: i32, sequence: u32, why: Option<&str>) {
        let shown = self.of_fault.entry(fault).or_default();
        if *shown < Examples::OF_EACH {
            *shown += 1;
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            self.shown
                .push(format!("partition {partition}, sequence {sequence}: {fault}{why}"));
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.shown.iter().map(String::as_str)
    }
}

/// As people read it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency {
            p50,
            p90,
            p99,
            p99_9,
            max,
        } = self.latency_ms;
        writeln!(f, "run             {}", self.run)?;
        write!(f, "sent            {}, {} acknowledged", self.sent, self.acknowledged)?;
        match self.unacknowledged {
            0 => writeln!(f)?,
            rows => writeln!(f, ", {rows} perhaps not in the topic")?,
        }
        writeln!(f, "scored          {}", self.scored)?;
        writeln!(f, "dead letters    {}", self.dead_lettered)?;
        writeln!(f, "lost            {}", self.lost)?;
        writeln!(f, "duplicated      {}", self.duplicated)?;
        writeln!(f, "out of order    {}", self.out_of_order)?;
        writeln!(f, "wrong           {}", self.wrong)?;
        if self.unverified > 0 {
            writeln!(f, "unverified      {}, made by another model", self.unverified)?;
        }
        writeln!(
            f,
            "throughput      {:.0} rows/s over {:.2} s",
            self.rows_per_second, self.seconds
        )?;
        writeln!(
            f,
            "latency         p50 {p50:.1} ms, p90 {p90:.1}, p99 {p99:.1}, p99.9 {p99_9:.1}, max {max:.1}"
        )?;
        writeln!(f, "longest stall   {:.1} ms", self.longest_stall_ms)?;
        match self.lag {
            Some(lag) => writeln!(f, "lag at the end  {lag}")?,
            None => writeln!(f, "lag at the end  unknown")?,
        }
        for example in self.examples.iter() {
            writeln!(f, "  {example}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report() -> Report {
        let mut examples = Examples::default();
        examples.add("lost", 3, 17, None);
        Report {
            run: "1-a".into(),
            sent: 10,
            acknowledged: 9,
            unacknowledged: 1,
            scored: 7,
            dead_lettered: 1,
            lost: 1,
            duplicated: 2,
            out_of_order: 0,
            wrong: 0,
            unverified: 0,
            seconds: 2.0,
            rows_per_second: 4.0,
            latency_ms: Latency::default(),
            longest_stall_ms: 1.5,
            lag: Some(3),
            examples,
        }
    }

    #[test]
    fn the_names_in_json_are_those_that_scripts_read() {
        let expected = concat!(
            r#"{"run":"1-a","sent":10,"acknowledged":9,"unacknowledged":1,"scored":7,"dead_lettered":1,"lost":1,"#,
            r#""duplicated":2,"out_of_order":0,"wrong":0,"unverified":0,"seconds":2.0,"rows_per_second":4.0,"#,
            r#""latency_ms":{"p50":0.0,"p90":0.0,"p99":0.0,"p99_9":0.0,"max":0.0},"longest_stall_ms":1.5,"lag":3,"#,
            r#""examples":["partition 3, sequence 17: lost"]}"#,
        );
        assert_eq!(serde_json::to_string(&report()).unwrap(), expected);
    }

    #[test]
    fn duplicates_and_rows_that_were_never_acknowledged_break_no_promise() {
        let kept = Report { lost: 0, ..report() };
        assert!(kept.keeps_the_promise());
        assert!(!report().keeps_the_promise());
        let (wrong, out_of_order) = (kept.clone(), kept.clone());
        assert!(!Report { wrong: 1, ..wrong }.keeps_the_promise());
        assert!(
            !Report {
                out_of_order: 1,
                ..out_of_order
            }
            .keeps_the_promise()
        );
    }

    #[test]
    fn a_few_examples_of_each_fault_are_kept() {
        let mut examples = Examples::default();
        for sequence in 0..100 {
            for fault in ["lost", "duplicated", "out of order", "wrong"] {
                examples.add(fault, 1, sequence, Some("why"));
            }
        }
        assert_eq!(examples.iter().count(), 20);
        assert!(
            examples
                .iter()
                .any(|example| example == "partition 1, sequence 4: wrong: why")
        );
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_latencies(
            mut latencies in proptest::collection::vec(1u64..100_000_000_000, 1..200),
        ) {
            let mut recorded = Latencies::new();
            for &latency in &latencies {
                recorded.record(Duration::from_micros(latency));
            }
            latencies.sort_unstable();
            let Latency { p50, p90, p99, p99_9, max } = recorded.percentiles();
            for (quantile, found) in [(0.5, p50), (0.9, p90), (0.99, p99), (0.999, p99_9), (1.0, max)] {
                let position = ((latencies.len() as f64 * quantile).ceil() as usize).max(1) - 1;
                let expected = latencies[position] as f64 / 1000.0;
                prop_assert!((found - expected).abs() <= expected / 1000.0 + 0.001, "{quantile}: {found}, {expected}");
            }
        }
    }
}
