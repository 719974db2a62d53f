//! Curves of all subjects in one plot: distributions of latency, throughput against readers.

use super::axis::{Axis, apart, decades_around, rate, rows, time};
use super::drawing::{Drawing, file};
use super::ink::ink;
use super::svg::{Anchor, Svg, fit, width_of};
use crate::report::{Case, Report, Series};
use crate::subjects::names;

pub(super) fn distribution(report: &Report, case: &Case) -> Option<Drawing> {
    let chart = Chart {
        report,
        series: of_kind(case, "distribution"),
        title: format!("{}: how long reads take", case.title),
        short: "How long reads take",
        across: "percentile of reads →",
        lines: Lines::AtPowersOfTen,
        column: |one_in| match one_in as u64 {
            1 => "min".to_owned(),
            10 => "p90".to_owned(),
            100 => "p99".to_owned(),
            power => format!("p99.{}", nines(power)),
        },
        row: time,
        step: 1,
    };
    chart.drawing(
        file(case, "distribution"),
        "Each curve is the distribution of one subject: to the right the rarer, slower reads; both scales are logarithmic. The \
         time includes that of taking it.",
    )
}

pub(super) fn throughput(report: &Report, case: &Case) -> Option<Drawing> {
    let shown = |series: &&Series| {
        let name = series.subject.as_str();
        let role = report.subject(name).map(|info| info.role);
        let primitive = role == Some(crate::entrant::Role::Primitive);
        (!primitive || name == names::LOAD_AND_CLOCK) && name != names::SLOW
    };
    let series = of_kind(case, "throughput").into_iter().filter(shown);
    let chart = Chart {
        report,
        series: series.collect(),
        title: "Reads per second against the number of readers".to_owned(),
        short: "Reads per second against readers",
        across: "readers, each on a thread of its own →",
        lines: Lines::AtPoints,
        column: |readers| format!("{readers:.0}"),
        row: rate,
        step: 1,
    };
    chart.drawing(
        file(case, "readers"),
        "All readers of one credential together, by wall time; the scale of reads is logarithmic.",
    )
}

fn of_kind<'a>(case: &'a Case, kind: &str) -> Vec<&'a Series> {
    let series = case.series.iter().filter(|series| series.kind == kind);
    series.filter(|series| series.points.len() > 1).collect()
}

struct Chart<'a> {
    report: &'a Report,
    series: Vec<&'a Series>,
    title: String,
    short: &'a str,
    across: &'a str,
    lines: Lines,
    column: fn(f64) -> String,
    row: fn(f64) -> String,
    step: i32,
}

/// Where lines go down.
enum Lines {
    /// At those that have room.
    AtPowersOfTen,
    /// At each point of the first curve.
    AtPoints,
}

impl Chart<'_> {
    fn drawing(&self, name: String, about: &str) -> Option<Drawing> {
        if self.series.is_empty() {
            return None;
        }
        Some(Drawing {
            name,
            title: self.title.clone(),
            about: about.to_owned(),
            wide: self.draw(820.0, 440.0)?,
            narrow: self.draw(380.0, 400.0)?,
        })
    }

    fn draw(&self, width: f64, height: f64) -> Option<Svg> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let y_range = decades_around(points().map(|point| point.1))?;
        let x_range = points().fold((f64::INFINITY, 0.0_f64), |(low, high), point| {
            (low.min(point.0), high.max(point.0))
        });
        if x_range.0 < 1e-6 || x_range.1 > 1e15 {
            return None;
        }
        let label = self
            .series
            .iter()
            .map(|series| width_of(&series.subject, 12.0));
        let label = label.fold(0.0, f64::max) + 18.0;
        let wide = width > 500.0;
        let (left, right) = (if wide { 62.0 } else { 54.0 }, width - label);
        let (top, bottom) = (34.0, height - 46.0);
        let x = Axis::log(x_range, (left, right));
        let y = Axis::log(y_range, (bottom, top));
        let mut svg = Svg::new(width, height, &self.title);
        let title = if wide {
            self.title.as_str()
        } else {
            self.short
        };
        svg.text(8.0, 18.0, Anchor::Start, "ink t", &fit(title, width - 16.0));
        rows(&mut svg, &y, (left, right), self.step, self.row);
        for value in self.columns(x_range, right - left) {
            let place = x.at(value);
            svg.line((place, top), (place, bottom), "grid");
            svg.text(
                place,
                bottom + 17.0,
                Anchor::Middle,
                "soft",
                &(self.column)(value),
            );
        }
        let middle = f64::midpoint(left, right);
        svg.text(middle, bottom + 36.0, Anchor::Middle, "soft", self.across);
        let mut ends = Vec::new();
        // keytide last, on top of the others.
        let mut order: Vec<&&Series> = self.series.iter().collect();
        order.sort_by(|one, other| {
            let width = |series: &Series| ink(self.report, &series.subject).width;
            width(one).total_cmp(&width(other))
        });
        for series in order {
            let ink = ink(self.report, &series.subject);
            let curve: Vec<_> = series
                .points
                .iter()
                .map(|point| Some((x.at(point.0), y.at(point.1))))
                .collect();
            if let Some(Some(end)) = curve.last() {
                ends.push((end.0, end.1, series.subject.as_str(), ink));
            }
            svg.curve(&curve, ink);
        }
        let wanted: Vec<f64> = ends.iter().map(|end| end.1).collect();
        let places = apart(&wanted, 15.0, (top + 2.0, bottom));
        for ((x, y, name, ink), place) in ends.into_iter().zip(places) {
            let class = if ink.width > 2.0 {
                format!("{} b", ink.class)
            } else {
                ink.class.to_owned()
            };
            let leader = super::ink::Ink {
                width: 0.8,
                dash: "",
                ..ink
            };
            svg.curve(&[Some((x, y)), Some((right + 9.0, place))], leader);
            svg.text(right + 12.0, place + 4.0, Anchor::Start, &class, name);
        }
        Some(svg)
    }

    fn columns(&self, range: (f64, f64), width: f64) -> Vec<f64> {
        let mut all = match self.lines {
            Lines::AtPowersOfTen => Axis::log(range, (0.0, 1.0)).decades(1),
            Lines::AtPoints => self.series[0].points.iter().map(|point| point.0).collect(),
        };
        all.sort_by(f64::total_cmp);
        let fits = (width / 44.0) as usize;
        let step = all.len().div_ceil(fits.max(1)).max(1);
        all.into_iter().step_by(step).collect()
    }
}

/// The nines after those of `p99.`: one for each power of ten above a hundred.
fn nines(one_in: u64) -> String {
    let power = (one_in.max(1) as f64).log10().round() as usize;
    "9".repeat(power.saturating_sub(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(across: &str, lines: Lines, readers: &[f64]) -> Vec<f64> {
        let series = Series {
            subject: names::GET.to_owned(),
            kind: "throughput".to_owned(),
            points: readers.iter().map(|readers| (*readers, 1.0)).collect(),
        };
        let chart = Chart {
            report: &Report::default(),
            series: vec![&series],
            title: String::new(),
            short: "",
            across,
            lines,
            column: rate,
            row: rate,
            step: 1,
        };
        chart.columns((1.0, 1_000.0), 400.0)
    }

    #[test]
    fn where_lines_go_down_does_not_hang_on_the_caption() {
        for across in ["readers, each on a thread of its own →", "cores", ""] {
            let each = columns(across, Lines::AtPoints, &[2.0, 1.0, 1_000.0]);
            let tens = columns(across, Lines::AtPowersOfTen, &[1.0, 2.0, 1_000.0]);

            assert_eq!(each, [1.0, 2.0, 1_000.0], "{across}");
            assert_eq!(tens, [1.0, 10.0, 100.0, 1_000.0], "{across}");
        }
    }
}
