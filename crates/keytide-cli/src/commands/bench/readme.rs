//! The block of a Markdown file that is made from a report.

use std::fs;
use std::path::Path;

use keytide_bench::Report;

/// Whether the file has the markers.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("--readme: {} cannot be read: {error}", path.display()))?;
    replaced(&text, "").map(drop).ok_or_else(|| {
        format!(
            "--readme: {} has no line {BEGIN:?} with {END:?} below it: put both where the block should be",
            path.display()
        )
    })
}

pub(super) fn rewrite(report: &Report, path: &Path, pictures: Option<&str>) -> Result<(), String> {
    check(path)?;
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let block = report.block(pictures);
    let text = replaced(&text, &block).unwrap_or(text);
    fs::write(path, text)
        .map_err(|error| format!("{} could not be written: {error}", path.display()))
}

fn replaced(text: &str, block: &str) -> Option<String> {
    let begin = text.find(BEGIN)? + BEGIN.len();
    let end = begin + text[begin..].find(END)?;
    Some(format!("{}\n{block}{}", &text[..begin], &text[end..]))
}

const BEGIN: &str = "<!-- keytide bench: begin -->";
const END: &str = "<!-- keytide bench: end -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");

        let new = replaced(&text, "new\n").expect("the markers are there");

        assert_eq!(new, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "new\n"), Some(new), "twice is once");
    }

    #[test]
    fn a_file_without_both_markers_in_order_is_left_alone() {
        assert_eq!(replaced("nothing", "new"), None);
        assert_eq!(replaced(&format!("{END}\n{BEGIN}\n"), "new"), None);
    }
}
