//! A report as Markdown: the block of a README, [`Report::block`], and a page, [`Report::comparison`].

use std::fmt::Write as _;

use crate::entrant::Info;
use crate::picture::{Drawing, drawings};
use crate::report::{Grid, NO_PEERS, Report};

impl Report {
    /// What a README shows: one picture, one table, one line of where peers are better, and where and when it was measured. What
    /// was not measured is left out. `pictures` is the path or the URL of the directory that the pictures are in; without it
    /// there is none.
    #[must_use]
    pub fn block(&self, pictures: Option<&str>) -> String {
        let mut text = String::new();
        if let (Some(drawing), Some(place)) = (self.foremost(), pictures) {
            let place = place.trim_end_matches('/');
            show(&mut text, &drawing, &format!("{place}/"));
        }
        if let Some(grid) = self.short() {
            table(&mut text, &grid);
        }
        let behind = self.behind_in_short();
        let _ = writeln!(
            text,
            "{}\n\n{} {}",
            cell(&behind.unwrap_or_else(|| self.none_better().to_owned())),
            cell(&self.place()),
            cell(&self.noise.in_short())
        );
        text
    }

    /// The whole comparison: what the block shows, then where a peer is better, then the rest. The pictures are those of
    /// [`pictures`](Self::pictures), beside the page.
    #[must_use]
    pub fn comparison(&self) -> String {
        let mut text = "# Credentials under load\n\n".to_owned();
        if self.partial {
            text.push_str(
                "**Partial.** The run was stopped; what is missing was not measured.\n\n",
            );
        }
        if let Some(grid) = self.short() {
            table(&mut text, &grid);
        }
        if let Some(drawing) = self.foremost() {
            show(&mut text, &drawing, "");
            let _ = writeln!(text, "{}\n", cell(&drawing.about));
        }
        self.peers_better(&mut text);
        self.figures(&mut text);
        self.goals_judged(&mut text);
        self.more_pictures(&mut text);
        self.trust(&mut text);
        self.method_and_setup(&mut text);
        text
    }

    fn peers_better(&self, text: &mut String) {
        text.push_str("## Where a peer is better\n\n");
        if self.better.is_empty() {
            let _ = writeln!(text, "{}", self.none_better());
        }
        for sentence in &self.better {
            let _ = writeln!(text, "- {}", cell(sentence));
        }
        text.push('\n');
    }

    fn figures(&self, text: &mut String) {
        if let Some(grid) = self.wide() {
            text.push_str("## The figures of each\n\n");
            table(text, &grid);
        }
    }

    fn goals_judged(&self, text: &mut String) {
        if self.goals.is_empty() {
            return;
        }
        let missed = self.goals.iter().filter(|goal| !goal.met).count();
        let _ = writeln!(
            text,
            "## Goals of keytide\n\nOf the {} that this run can judge, {missed} are missed.\n\n\
             | goal | wanted | measured | |\n|---|---|---|---|",
            self.goals.len()
        );
        let (met, missed): (Vec<_>, Vec<_>) = self.goals.iter().partition(|goal| goal.met);
        for goal in missed.into_iter().chain(met) {
            let verdict = if goal.met { "met" } else { "**missed**" };
            let (measure, wanted) = (cell(&goal.measure), cell(&goal.goal));
            let _ = writeln!(
                text,
                "| {measure} | {wanted} | {} | {verdict} |",
                cell(&goal.measured)
            );
        }
        text.push('\n');
    }

    fn more_pictures(&self, text: &mut String) {
        let foremost = self.foremost().map(|drawing| drawing.name);
        let all = self.cases.iter().flat_map(|case| drawings(self, case));
        let more: Vec<Drawing> = all
            .filter(|drawing| Some(&drawing.name) != foremost.as_ref())
            .collect();
        if more.is_empty() {
            return;
        }
        text.push_str("## Pictures\n\n");
        for drawing in more {
            show(text, &drawing, "");
            let _ = writeln!(text, "{}\n", cell(&drawing.about));
        }
    }

    fn trust(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "## How far to trust it\n\n{} {}\n",
            cell(&self.place()),
            cell(&self.noise.sentence())
        );
        let lines = self.noise.lines();
        for line in &lines {
            let _ = writeln!(text, "- {}", cell(line));
        }
        if !lines.is_empty() {
            text.push('\n');
        }
    }

    fn method_and_setup(&self, text: &mut String) {
        text.push_str("## How it was measured\n\n");
        for line in &self.method {
            let _ = writeln!(text, "- {}", cell(line));
        }
        text.push_str("\n| subject | set up | read by |\n|---|---|---|\n");
        for info in &self.subjects {
            let title = cell(&info.title());
            let (setup, path) = (cell(&info.setup), cell(&info.path));
            let _ = writeln!(text, "| {title} | {setup} | {path} |");
        }
    }

    /// The picture that is shown first: how long reads take while the issuer hangs.
    pub(crate) fn foremost(&self) -> Option<Drawing> {
        let case = self.case("refresh", "hanging")?;
        drawings(self, case).into_iter().next()
    }

    /// What is said where no peer is better.
    fn none_better(&self) -> &'static str {
        if self.has_peers() {
            "No peer is better than keytide in what was measured."
        } else {
            NO_PEERS
        }
    }

    fn has_peers(&self) -> bool {
        let roles = self.subjects.iter().map(|info: &Info| info.role);
        roles.into_iter().any(crate::entrant::Role::is_peer)
    }
}

fn show(text: &mut String, drawing: &Drawing, place: &str) {
    let (title, name) = (cell(&drawing.title), &drawing.name);
    let _ = writeln!(text, "![{title}]({place}{name}.svg)\n");
}

fn table(text: &mut String, grid: &Grid) {
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        let row: Vec<String> = cells.collect();
        let _ = writeln!(text, "| {} |", row.join(" | "));
    };
    line(&mut grid.head.iter().map(|title| cell(title)));
    line(&mut grid.head.iter().map(|_| "---".to_owned()));
    for row in &grid.rows {
        line(&mut row.iter().map(|shown| cell(shown)));
    }
    text.push('\n');
}

/// Text that ends no cell, opens no element and begins no line.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('<', "&lt;")
        .replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_cell() {
        assert_eq!(cell("a | b\n# <script>"), "a \\| b # &lt;script>");
    }
}
