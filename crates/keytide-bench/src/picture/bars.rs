//! The cost of a hit as bars.

use super::drawing::{Drawing, file};
use super::ink::ink;
use super::svg::{Anchor, Svg, fit, width_of};
use crate::entrant::Role;
use crate::figure::figure;
use crate::report::{Case, Report};
use crate::subjects::names;

pub(super) fn drawing(report: &Report, case: &Case) -> Option<Drawing> {
    if case.scenario != "hit" || case.case != "one thread" {
        return None;
    }
    let mut bars: Vec<Bar<'_>> = case
        .rows
        .iter()
        .filter(|row| {
            let role = report.subject(&row.subject).map(|info| info.role);
            role != Some(Role::Primitive) || PARTS.contains(&row.subject.as_str())
        })
        .filter_map(|row| {
            Some(Bar {
                name: &row.subject,
                nanos: *row.values.get("ns")?,
                base: row.values.get("clock").copied(),
                allocations: row.values.get("allocations").copied(),
            })
        })
        .collect();
    bars.sort_by(|one, other| one.nanos.total_cmp(&other.nanos));
    if bars.len() < 2 {
        return None;
    }
    let title = "CPU time of one read, one thread";
    Some(Drawing {
        name: file(case, "cost"),
        title: title.to_owned(),
        about: about(&bars),
        wide: draw(report, title, &bars, 820.0),
        narrow: draw(report, title, &bars, 380.0),
    })
}

/// What the texts beside the bars say; a report that is older has no ratios.
fn about(bars: &[Bar<'_>]) -> String {
    let ratios = if bars.iter().any(|bar| bar.base.is_some()) {
        "how many times that is as much as ArcSwap::load with the coarse clock (arc_swap::Cache with it for the read of one \
         task), "
    } else {
        ""
    };
    format!("CPU time of one read, {ratios}and how often it allocates. The scale is linear.")
}

struct Bar<'a> {
    name: &'a str,
    nanos: f64,
    base: Option<f64>,
    allocations: Option<f64>,
}

impl Bar<'_> {
    fn text(&self, wide: bool) -> String {
        let mut text = figure(self.nanos, "ns");
        if let Some(base) = self.base.filter(|_| wide) {
            text.push_str(&format!(" · {}", figure(base, "×")));
        }
        if let Some(count) = self.allocations.filter(|count| *count > 0.5) {
            text.push_str(&format!(" · {count:.0} alloc."));
        }
        text
    }
}

fn draw(report: &Report, title: &str, bars: &[Bar<'_>], width: f64) -> Svg {
    let wide = width > 500.0;
    let height = 40.0 + LINE * bars.len() as f64 + 8.0;
    let mut svg = Svg::new(width, height, title);
    svg.text(8.0, 18.0, Anchor::Start, "ink t", &fit(title, width - 16.0));
    let names = bars.iter().map(|bar| width_of(bar.name, 12.0));
    let left = names.fold(0.0, f64::max) + 14.0;
    let texts = bars.iter().map(|bar| width_of(&bar.text(wide), 12.0));
    let room = width - left - texts.fold(0.0, f64::max) - 14.0;
    let longest = bars.iter().map(|bar| bar.nanos).fold(1.0, f64::max);
    for (number, bar) in bars.iter().enumerate() {
        let y = 36.0 + LINE * number as f64;
        let ink = ink(report, bar.name);
        let strong = if ink.class == "k" { "k b" } else { "ink" };
        svg.text(left - 8.0, y + 13.0, Anchor::End, strong, bar.name);
        let length = (bar.nanos / longest * room).max(1.5);
        svg.rect((left, y + 2.0), (length, LINE - 7.0), ink.class);
        svg.text(
            left + length + 7.0,
            y + 13.0,
            Anchor::Start,
            "soft",
            &bar.text(wide),
        );
    }
    svg
}

/// The parts that reads are measured beside.
const PARTS: [&str; 4] = [
    names::LOAD,
    names::LOAD_AND_CLOCK,
    names::LOAD_AND_TWO_CLOCKS,
    names::CACHE_AND_CLOCK,
];
const LINE: f64 = 21.0;
