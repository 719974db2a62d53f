//! Medians and percentiles.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The middle of some values; of an even number the mean of the two in the middle; `NaN` of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => f64::NAN,
        (_, 0) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Latencies of reads that were due at a steady pace.
///
/// A reader that is held up cannot begin the reads that come due meanwhile; they are added (the correction for
/// coordinated omission), so that a block of 50 ms at one read a millisecond counts as 50 slow reads and not as one.
#[derive(Debug, Clone)]
pub struct Latencies {
    nanos: Histogram<u64>,
    pace: u64,
}

impl Latencies {
    /// Of reads of which one is due every `pace`.
    #[must_use]
    pub fn paced(pace: Duration) -> Self {
        Self {
            nanos: Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid"),
            pace: nanos(pace),
        }
    }

    /// Records one read.
    pub fn record(&mut self, took: Duration) {
        let value = nanos(took).clamp(1, self.nanos.high());
        // Within the bounds a record cannot fail.
        let _ = self.nanos.record_correct(value, self.pace);
    }

    /// Records one read and nothing that came due meanwhile: for whoever reckons that.
    pub(crate) fn record_one(&mut self, took: Duration) {
        let value = nanos(took).clamp(1, self.nanos.high());
        let _ = self.nanos.record(value);
    }

    /// Adds those of another.
    pub(crate) fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.nanos.add(&other.nanos);
    }

    /// The distribution as a curve: of one read in how many, and the latency in nanoseconds that it exceeds.
    pub(crate) fn curve(&self) -> Vec<(f64, f64)> {
        let count = self.count() as f64;
        let mut points = Vec::new();
        for step in 0..=36 {
            let one_in = 10_f64.powf(f64::from(step) / 6.0);
            if one_in > count {
                break;
            }
            let at = self.nanos.value_at_quantile(1.0 - 1.0 / one_in);
            points.push(((one_in * 100.0).round() / 100.0, at as f64));
        }
        points
    }

    /// The latency that this many percent of the reads did not exceed.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Duration {
        Duration::from_nanos(self.nanos.value_at_percentile(percent))
    }

    /// How many reads there were, with those that were due and could not begin.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.nanos.len()
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_median_does_not_follow_an_outlier() {
        assert_eq!(median(&[1.0, 1.0, 1.0, 1.0, 1_000_000.0]), 1.0);
    }

    #[test]
    fn a_block_counts_as_the_reads_that_came_due_in_it() {
        let mut latencies = Latencies::paced(Duration::from_millis(1));
        for _ in 0..950 {
            latencies.record(Duration::from_nanos(100));
        }
        latencies.record(Duration::from_millis(50));

        assert_eq!(latencies.count(), 1000);
        assert!(latencies.percentile(94.0) < Duration::from_micros(1));
        assert!(latencies.percentile(97.6) > Duration::from_millis(24));
        assert!(latencies.percentile(100.0) >= Duration::from_millis(50));
    }

    #[test]
    fn latencies_outside_the_bounds_are_kept_at_the_bounds() {
        let mut latencies = Latencies::paced(Duration::MAX);
        latencies.record(Duration::ZERO);
        latencies.record(Duration::MAX);

        assert_eq!(latencies.count(), 2);
        assert!(latencies.percentile(100.0) >= Duration::from_secs(60));
    }
}
