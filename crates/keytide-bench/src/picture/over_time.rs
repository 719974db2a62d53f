//! Latency over time around a refresh: one panel for each subject, all with the same scales.

use super::axis::{Axis, rows, time};
use super::drawing::{Drawing, file};
use super::ink::{Ink, ink};
use super::svg::{Anchor, Svg, fit};
use crate::bench::Plan;
use crate::figure::figure;
use crate::report::{Case, Report, Series};
use crate::scenario::outage;

pub(super) fn drawing(report: &Report, case: &Case) -> Option<Drawing> {
    let series: Vec<&Series> = case
        .series
        .iter()
        .filter(|series| series.kind == "over time" && !series.points.is_empty())
        .collect();
    let points = || series.iter().flat_map(|series| &series.points);
    let high = points().map(|point| point.1).fold(1e6, f64::max).min(1e13);
    let span = points().fold((0.0_f64, 0.0_f64), |(low, high), point| {
        (low.min(point.0).max(-1e5), high.max(point.0).min(1e5))
    });
    if series.is_empty() || span.1 <= span.0 {
        return None;
    }
    let panels = Panels {
        report,
        case,
        x: span,
        y: (10.0, 10_f64.powf(high.log10().ceil())),
    };
    let each: Vec<Svg> = series.iter().map(|series| panels.panel(series)).collect();
    let title = format!("{}: latency over time", case.title);
    Some(Drawing {
        name: file(case, "over-time"),
        title: title.clone(),
        about: panels.about(),
        wide: arranged(&title, &each, 2),
        narrow: arranged("Latency over time", &each, 1),
    })
}

fn arranged(title: &str, panels: &[Svg], columns: usize) -> Svg {
    let lines = panels.len().div_ceil(columns);
    let width = WIDTH * columns as f64 + GAP * (columns - 1) as f64;
    let height = TOP + lines as f64 * (HEIGHT + GAP);
    let mut svg = Svg::new(width, height, title);
    svg.text(8.0, 18.0, Anchor::Start, "ink t", &fit(title, width - 16.0));
    for (number, panel) in panels.iter().enumerate() {
        let (line, column) = (number / columns, number % columns);
        let x = column as f64 * (WIDTH + GAP);
        let y = TOP + line as f64 * (HEIGHT + GAP);
        svg.place(x, y, panel);
    }
    svg
}

struct Panels<'a> {
    report: &'a Report,
    case: &'a Case,
    x: (f64, f64),
    y: (f64, f64),
}

impl Panels<'_> {
    fn panel(&self, series: &Series) -> Svg {
        let name = &series.subject;
        let mut svg = Svg::new(WIDTH, HEIGHT, name);
        let (left, right, top, bottom) = (54.0, WIDTH - 10.0, 30.0, HEIGHT - 22.0);
        let x = Axis::linear(self.x, (left, right));
        let y = Axis::log(self.y, (bottom, top));
        if let Some((from, to, what)) = self.outage() {
            let (from, to) = (x.at(from), x.at(to));
            svg.rect((from, top), (to - from, bottom - top), "shade");
            svg.text(
                f64::midpoint(from, to),
                y.at(1e6) + 4.0,
                Anchor::Middle,
                "soft",
                what,
            );
        }
        rows(&mut svg, &y, (left, right), 2, time);
        let (from, to) = (self.x.0.ceil() as i32, self.x.1.floor() as i32);
        let step = ((to - from) / 8).max(1) as usize;
        for second in (from..=to).step_by(step) {
            let place = x.at(f64::from(second));
            svg.line((place, bottom), (place, bottom + 4.0), "grid");
            let text = if second == 0 {
                "0 s".to_owned()
            } else {
                second.to_string()
            };
            svg.text(place, bottom + 16.0, Anchor::Middle, "soft", &text);
        }
        let own = ink(self.report, name);
        let curve = points(&series.points, &x, &y);
        svg.curve(
            &curve,
            Ink {
                dash: "",
                width: 1.4,
                ..own
            },
        );
        self.failures(&mut svg, name, &x, top);
        let title = self
            .report
            .subject(name)
            .map_or_else(|| name.clone(), |info| info.title());
        let class = if own.width > 2.0 {
            format!("{} b", own.class)
        } else {
            "ink b".to_owned()
        };
        svg.text(8.0, 18.0, Anchor::Start, &class, &title);
        svg.text(right, 18.0, Anchor::End, "soft", &self.summary(name));
        svg
    }

    /// A strip at the top where reads failed.
    fn failures(&self, svg: &mut Svg, name: &str, x: &Axis, top: f64) {
        let failed = self.case.series.iter();
        let failed = failed.filter(|series| series.kind == "failed over time");
        for series in failed.filter(|series| series.subject == name) {
            let mut begun: Option<(f64, f64)> = None;
            for (at, _) in &series.points {
                begun = match begun {
                    Some((from, to)) if at - to < 0.025 => Some((from, *at)),
                    Some(span) => {
                        strip(svg, x, top, span);
                        Some((*at, *at))
                    }
                    None => Some((*at, *at)),
                };
            }
            if let Some(span) = begun {
                strip(svg, x, top, span);
            }
        }
    }

    fn summary(&self, name: &str) -> String {
        let value = |key: &str| self.case.value(name, key);
        if let Some(healed) = value("healed") {
            return format!("served again after {}", figure(healed, "ms"));
        }
        match (value("waited"), value("failed")) {
            (Some(waited), Some(failed)) if failed > 0.0 => {
                format!("{} waited, {} failed", percent(waited), percent(failed))
            }
            (Some(waited), _) => format!("{} waited", percent(waited)),
            _ => String::new(),
        }
    }

    /// When the issuer did not answer, and what to call that.
    fn outage(&self) -> Option<(f64, f64, &'static str)> {
        let plan = Plan {
            quick: self.report.quick,
        };
        let seconds = outage(&plan).as_secs_f64();
        match self.case.case.as_str() {
            "hanging" => Some((0.0, seconds, "issuer hangs")),
            "failing" => Some((0.0, seconds, "issuer fails")),
            "expired" => Some((0.0, 1.0, "expired, issuer fails")),
            _ => None,
        }
    }

    fn about(&self) -> String {
        let zero = match (self.case.scenario.as_str(), self.case.case.as_str()) {
            ("scopes", _) => "the call for the other scope",
            (_, "expired") => "the end of the credential",
            _ => "the first refresh",
        };
        format!(
            "The longest read that came due in each 10 ms, against seconds since {zero}; the scale of latencies is logarithmic. \
             A strip at the top: reads failed. Reads that came due while their reader was held up are counted with what they would \
             have waited."
        )
    }
}

fn strip(svg: &mut Svg, x: &Axis, top: f64, (from, to): (f64, f64)) {
    let (from, to) = (x.at(from - 0.005), x.at(to + 0.005));
    svg.rect((from, top - 5.0), ((to - from).max(1.5), 5.0), "bad");
}

/// A gap where nothing came due for a while.
fn points(points: &[(f64, f64)], x: &Axis, y: &Axis) -> Vec<Option<(f64, f64)>> {
    let mut curve = Vec::new();
    let mut last: Option<f64> = None;
    for (at, value) in points {
        if last.is_some_and(|last| at - last > 0.1) {
            curve.push(None);
        }
        curve.push(Some((x.at(*at), y.at(*value))));
        last = Some(*at);
    }
    curve
}

fn percent(value: f64) -> String {
    if value == 0.0 {
        "0 %".to_owned()
    } else if value < 1.0 {
        "< 1 %".to_owned()
    } else {
        format!("{value:.0} %")
    }
}

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 150.0;
const GAP: f64 = 14.0;
const TOP: f64 = 30.0;
