//! Scales: from values to places.

use super::svg::{Anchor, Svg};
use crate::figure::figure;

/// A scale from values to coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    pub(super) fn linear((from, to): (f64, f64), (low, high): (f64, f64)) -> Self {
        Self {
            from,
            to,
            low,
            high,
            log: false,
        }
    }

    pub(super) fn log((from, to): (f64, f64), (low, high): (f64, f64)) -> Self {
        Self {
            from: from.log10(),
            to: to.log10(),
            low,
            high,
            log: true,
        }
    }

    /// The place of a value, kept within the axis.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = if self.log {
            value.max(1e-12).log10()
        } else {
            value
        };
        let span = self.to - self.from;
        let share = if span == 0.0 {
            0.5
        } else {
            ((value - self.from) / span).clamp(0.0, 1.0)
        };
        self.low + share * (self.high - self.low)
    }

    /// The powers of ten in it, every `step`th.
    pub(super) fn decades(&self, step: i32) -> Vec<f64> {
        let (first, last) = (self.from.ceil() as i32, self.to.floor() as i32);
        (first..=last)
            .filter(|power| (power - first) % step == 0)
            .map(|power| 10_f64.powi(power))
            .collect()
    }
}

/// The powers of ten around these values.
pub(super) fn decades_around(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    // What no measurement gives must not make an axis without end.
    for value in values.filter(|value| (1e-6..1e15).contains(value)) {
        low = low.min(value);
        high = high.max(value);
    }
    if !low.is_finite() {
        return None;
    }
    let (from, to) = (low.log10().floor(), high.log10().ceil());
    let to = if to <= from { from + 1.0 } else { to };
    Some((10_f64.powf(from), 10_f64.powf(to)))
}

/// A time as an axis tells it: `1 µs`, `100 ms`.
pub(super) fn time(nanos: f64) -> String {
    tidy(&figure(nanos, "ns"))
}

/// A rate as an axis tells it: `10 M/s`.
pub(super) fn rate(per_second: f64) -> String {
    tidy(&figure(per_second, "/s"))
}

/// Without decimals that are zero.
fn tidy(figure: &str) -> String {
    let (digits, unit) = figure.split_once(' ').unwrap_or((figure, ""));
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    format!("{digits} {unit}").trim_end().to_owned()
}

/// Lines across a plot, and what they stand for at its left.
pub(super) fn rows(
    svg: &mut Svg,
    axis: &Axis,
    (left, right): (f64, f64),
    step: i32,
    name: fn(f64) -> String,
) {
    for value in axis.decades(step) {
        let y = axis.at(value);
        svg.line((left, y), (right, y), "grid");
        svg.text(left - 6.0, y + 4.0, Anchor::End, "soft", &name(value));
    }
}

/// Places for labels near these, from above to below, none nearer to another than `gap`, none outside of `within`.
pub(super) fn apart(wanted: &[f64], gap: f64, within: (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|one, other| wanted[*one].total_cmp(&wanted[*other]));
    let mut places = vec![0.0; wanted.len()];
    let mut last = f64::NEG_INFINITY;
    for index in &order {
        last = wanted[*index].max(last + gap).max(within.0);
        places[*index] = last;
    }
    let mut next = f64::INFINITY;
    for index in order.iter().rev() {
        next = places[*index].min(next - gap).min(within.1);
        places[*index] = next;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_overlap_and_stay_within() {
        let places = apart(&[10.0, 10.0, 11.0, 90.0, 99.0, 100.0], 12.0, (5.0, 100.0));
        let mut sorted = places.clone();
        sorted.sort_by(f64::total_cmp);

        assert!(
            sorted
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= 12.0 - 1e-9),
            "{sorted:?}"
        );
        assert!(sorted[0] >= 5.0 && sorted[5] <= 100.0, "{sorted:?}");
        assert!(
            places[0] < places[2] && places[4] < places[5],
            "the order is kept"
        );
    }

    #[test]
    fn a_log_axis_has_its_decades() {
        let axis = Axis::log((1.0, 1_000.0), (0.0, 30.0));

        assert_eq!(axis.decades(1), [1.0, 10.0, 100.0, 1_000.0]);
        assert_eq!(axis.at(10.0), 10.0);
        assert_eq!(axis.at(1e9), 30.0, "kept within");
        assert_eq!(
            decades_around([20.0, 3_000.0].into_iter()),
            Some((10.0, 10_000.0))
        );
        assert_eq!(decades_around([f64::NAN].into_iter()), None);
        assert_eq!(time(1_000.0), "1 µs");
        assert_eq!(rate(1e8), "100 M/s");
    }
}
