//! A report as the block of a README: [`Report::markdown`].

use std::fmt::Write as _;

use super::{Case, Report};
use crate::entrant::Info;
use crate::figure::figure;

impl Report {
    /// The report in short, as Markdown: where a peer is better, one table, the goals that are missed and met, and where it
    /// was measured. What was not measured is left out.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        if !self.better.is_empty() {
            text.push_str("Where a peer is better:\n\n");
            for sentence in &self.better {
                let _ = writeln!(text, "- {sentence}");
            }
            text.push('\n');
        }
        self.markdown_table(&mut text);
        self.markdown_goals(&mut text);
        let _ = writeln!(text, "{} {}", self.place(), self.noise.sentence());
        text
    }

    fn markdown_table(&self, text: &mut String) {
        let cells: Vec<&Cell> = CELLS
            .iter()
            .filter(|cell| self.case(cell.scenario, cell.case).is_some())
            .collect();
        text.push('|');
        for cell in &cells {
            let _ = write!(text, " | {}", cell.title);
        }
        text.push_str(" |\n|---|");
        text.push_str(&"---|".repeat(cells.len()));
        text.push('\n');
        for info in self.subjects.iter().filter(|info| in_short(info)) {
            let _ = write!(text, "| {}", info.title());
            for cell in &cells {
                let shown = self
                    .case(cell.scenario, cell.case)
                    .map_or_else(String::new, |case| cell.shown(case, &info.name));
                let _ = write!(text, " | {shown}");
            }
            text.push_str(" |\n");
        }
        text.push('\n');
    }

    fn markdown_goals(&self, text: &mut String) {
        if self.goals.is_empty() {
            return;
        }
        let (met, missed): (Vec<_>, Vec<_>) = self.goals.iter().partition(|goal| goal.met);
        if !missed.is_empty() {
            let _ = writeln!(
                text,
                "Of {} goals {} are missed:\n\n| goal | wanted | measured |\n|---|---|---|",
                self.goals.len(),
                missed.len()
            );
            for goal in missed {
                let _ = writeln!(
                    text,
                    "| {} | {} | {} |",
                    goal.measure, goal.goal, goal.measured
                );
            }
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "<details><summary>The {} goals that are met</summary>\n\n| goal | wanted | measured |\n|---|---|---|",
            met.len()
        );
        for goal in met {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                goal.measure, goal.goal, goal.measured
            );
        }
        text.push_str("\n</details>\n\n");
    }
}

/// Those that a short table has: no parts, and of keytide the two reads that a program chooses between.
fn in_short(info: &Info) -> bool {
    use crate::entrant::Role;
    match info.role {
        Role::Primitive => info.name == "ArcSwap::load + coarse clock",
        Role::Keytide => ["keytide", "keytide read"].contains(&info.name.as_str()),
        _ => true,
    }
}

/// One column of the short table.
struct Cell {
    title: &'static str,
    scenario: &'static str,
    case: &'static str,
    key: &'static str,
    /// What to say where there is no value.
    none: &'static str,
}

impl Cell {
    fn shown(&self, case: &Case, subject: &str) -> String {
        let unit = case.columns.iter().find(|column| column.key == self.key);
        let unit = unit.map_or("", |column| column.unit.as_str());
        match (case.row(subject), case.value(subject, self.key)) {
            (_, Some(value)) => figure(value, unit),
            (Some(_), None) => self.none.to_owned(),
            (None, None) => String::new(),
        }
    }
}

const fn cell(
    title: &'static str,
    [scenario, case, key]: [&'static str; 3],
    none: &'static str,
) -> Cell {
    Cell {
        title,
        scenario,
        case,
        key,
        none,
    }
}

const CELLS: [Cell; 8] = [
    cell("a read", ["hit", "one thread", "ns"], "–"),
    cell("× primitive + clock", ["hit", "one thread", "clock"], "–"),
    cell("allocations", ["hit", "one thread", "allocations"], "–"),
    cell(
        "reads that wait while the issuer hangs, credential valid",
        ["refresh", "hanging", "waited"],
        "–",
    ),
    cell("p99.9 then", ["refresh", "hanging", "p999"], "–"),
    cell(
        "calls of 1,000 cold callers, issuer fails",
        ["herd", "failing", "calls"],
        "–",
    ),
    cell(
        "impatient callers served",
        ["cancel", "impatient", "served"],
        "–",
    ),
    cell(
        "back after an outage, the worst",
        ["recover", "outage", "worst"],
        "not within the limit",
    ),
];
