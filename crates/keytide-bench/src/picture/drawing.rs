//! What is drawn of one case: [`Drawing`].

use super::svg::Svg;
use crate::report::Case;

/// What is drawn of one case: for a desk, and for a phone.
pub(crate) struct Drawing {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) about: String,
    pub(crate) wide: Svg,
    pub(crate) narrow: Svg,
}

/// The name of a file of this case.
pub(super) fn file(case: &Case, kind: &str) -> String {
    let name = format!("{}-{}-{kind}", case.scenario, case.case);
    name.replace([' ', ','], "-").replace("--", "-")
}
