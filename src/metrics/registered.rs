//! Making metrics.

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Makes collectors under the service's prefix and registers them.
pub struct Registered<'r>(pub &'r Registry);

impl Registered<'_> {
    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, prometheus::Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    pub fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        self.register(IntCounter::with_opts(opts(name, help))?)
    }

    pub fn counters(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: &[impl AsRef<str>],
    ) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(opts(name, help), &[label])?;
        for value in values {
            counters.with_label_values(&[value.as_ref()]);
        }
        self.register(counters)
    }

    pub fn counter_table(
        &self,
        name: &str,
        help: &str,
        labels: [&str; 2],
        values: [&[&str]; 2],
    ) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(opts(name, help), &labels)?;
        for first in values[0] {
            for second in values[1] {
                counters.with_label_values(&[first, second]);
            }
        }
        self.register(counters)
    }

    pub fn gauge(&self, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
        self.register(Gauge::with_opts(opts(name, help))?)
    }

    pub fn int_gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.register(IntGauge::with_opts(opts(name, help))?)
    }

    pub fn int_gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
        self.register(IntGaugeVec::new(opts(name, help), labels)?)
    }

    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
        self.register(Histogram::with_opts(histogram_opts(name, help, buckets))?)
    }

    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        label: &str,
        values: &[&str],
    ) -> Result<HistogramVec, prometheus::Error> {
        let histograms = HistogramVec::new(histogram_opts(name, help, buckets), &[label])?;
        for value in values {
            histograms.with_label_values(&[value]);
        }
        self.register(histograms)
    }
}

pub fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("flight_scorer_{name}"), help)
}

fn histogram_opts(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(format!("flight_scorer_{name}"), help).buckets(buckets.to_vec())
}
