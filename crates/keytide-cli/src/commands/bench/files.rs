//! What `--out` writes and `--from` reads.

use std::fs;
use std::path::Path;

use keytide_bench::Report;

/// Makes the directory, and finds out whether it can be written to.
pub(super) fn make(dir: &Path) -> Result<(), String> {
    let problem = |error| format!("--out: {} cannot be written to: {error}", dir.display());
    fs::create_dir_all(dir).map_err(problem)?;
    let probe = dir.join(".keytide-bench");
    fs::write(&probe, "").map_err(problem)?;
    fs::remove_file(&probe).map_err(problem)
}

pub(super) fn write(report: &Report, dir: &Path) -> Result<(), String> {
    let save = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text)
            .map_err(|error| format!("{} could not be written: {error}", path.display()))
    };
    save("report.json", &json(report))?;
    save("report.html", &report.page())?;
    save("comparison.md", &report.comparison())?;
    for picture in report.pictures() {
        save(&format!("{}.svg", picture.name), &picture.svg)?;
    }
    Ok(())
}

pub(super) fn read(path: &Path) -> Result<Report, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("--from: {} cannot be read: {error}", path.display()))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| {
        format!(
            "--from: {} is no report of this program: {error}",
            path.display()
        )
    })?;
    Ok(report)
}

pub(super) fn json(report: &Report) -> String {
    // Maps have string keys and all numbers are finite.
    let mut text = serde_json::to_string(report).unwrap_or_default();
    text.push('\n');
    text
}
