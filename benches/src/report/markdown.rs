//! A report as the block of a README.

use super::Report;

impl Report {
    /// The report in short, as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        String::new()
    }
}
