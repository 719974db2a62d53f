//! Pictures of a report, as SVG: [`Report::pictures`].

mod axis;
mod bars;
mod drawing;
mod ink;
mod lines;
mod over_time;
mod svg;

use crate::report::{Case, Report};

pub(crate) use self::drawing::Drawing;
pub(crate) use self::ink::STYLE;
pub(crate) use self::svg::escape;

/// A picture of a report.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The name of its file, without `.svg`.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The whole file: it needs nothing beside it, and is dark where its reader is.
    pub svg: String,
}

impl Report {
    /// All pictures that can be made of this report.
    #[must_use]
    pub fn pictures(&self) -> Vec<Picture> {
        let mut pictures = Vec::new();
        for case in &self.cases {
            for drawing in drawings(self, case) {
                pictures.push(Picture {
                    name: drawing.name,
                    title: drawing.title,
                    svg: drawing.wide.alone(),
                });
            }
        }
        pictures
    }
}

pub(crate) fn drawings(report: &Report, case: &Case) -> Vec<Drawing> {
    let mut drawings = Vec::new();
    drawings.extend(bars::drawing(report, case));
    drawings.extend(lines::throughput(report, case));
    drawings.extend(over_time::drawing(report, case));
    drawings.extend(lines::distribution(report, case));
    drawings
}
