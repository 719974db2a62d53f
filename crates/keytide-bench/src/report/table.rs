//! A report as text for a terminal.

use std::fmt::Write as _;

use super::{Case, Grid, Report};
use crate::entrant::Info;
use crate::figure::{date, figure};

impl Report {
    /// The report as text: the figures that tell caches apart, where a peer is better, the noise, one table for each case, and the
    /// goals. Where few figures were measured, their tables come first.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.partial {
            text.push_str("PARTIAL: the run was stopped; what is missing was not measured.\n\n");
        }
        let short = self.short();
        match &short {
            Some(grid) => text.push_str(&grid.text()),
            None => text.push_str(&self.cases_text()),
        }
        text.push('\n');
        if self.better.is_empty() {
            if self.subjects.iter().any(|info| info.role.is_peer()) {
                text.push_str("No peer is better than keytide in what was measured.\n");
            } else {
                text.push_str(NO_PEERS);
                text.push('\n');
            }
        } else {
            text.push_str("Where a peer is better:\n");
            for sentence in &self.better {
                let _ = writeln!(text, "- {sentence}");
            }
        }
        let _ = writeln!(text, "\n{}", self.noise.sentence());
        for line in self.noise.lines() {
            let _ = writeln!(text, "- {line}");
        }
        if short.is_some() {
            text.push('\n');
            text.push_str(&self.cases_text());
        }
        if !self.goals.is_empty() {
            text.push_str(&self.goals_text());
        }
        let _ = writeln!(text, "\n{}", self.place());
        text
    }

    fn cases_text(&self) -> String {
        let cases = self.cases.iter().map(|case| self.case_text(case));
        cases.collect::<Vec<String>>().join("\n")
    }

    /// When and where it was measured, and how long that took.
    pub(crate) fn place(&self) -> String {
        let Self { machine, .. } = self;
        let when = date(self.began).map_or_else(String::new, |date| format!("{date}, "));
        format!(
            "{when}{}, {} cores, {}, load {} at the start, {} build; took {:.0} s.",
            machine.cpu, machine.cores, machine.system, machine.load, machine.build, self.took_s
        )
    }

    fn case_text(&self, case: &Case) -> String {
        let name = format!("{} {}", case.scenario, case.case);
        let mut text = format!("{}: {}\n", name.trim(), case.title);
        let with_best = case.rows.iter().any(|row| row.to_best_peer.is_some());
        let mut lines = vec![vec!["subject".to_owned()]];
        lines[0].extend(case.columns.iter().map(|column| column.title.clone()));
        if with_best {
            lines[0].push("× best peer".to_owned());
        }
        for row in &case.rows {
            let title = self.subject(&row.subject).map(Info::title);
            let mut line = vec![title.unwrap_or_else(|| row.subject.clone())];
            for column in &case.columns {
                line.push(row.shown(column));
            }
            if with_best {
                let ratio = row.to_best_peer;
                line.push(ratio.map_or_else(|| "–".to_owned(), |ratio| figure(ratio, "×")));
            }
            lines.push(line);
        }
        text.push_str(&aligned(&lines));
        for row in &case.rows {
            if let Some(note) = &row.note {
                let _ = writeln!(text, "  {}: {note}", row.subject);
            }
        }
        text
    }

    fn goals_text(&self) -> String {
        let mut lines = vec![
            ["goal", "wanted", "measured", ""]
                .map(str::to_owned)
                .to_vec(),
        ];
        for goal in &self.goals {
            let verdict = if goal.met { "met" } else { "MISSED" };
            lines.push(vec![
                goal.measure.clone(),
                goal.goal.clone(),
                goal.measured.clone(),
                verdict.to_owned(),
            ]);
        }
        let met = self.goals.iter().filter(|goal| goal.met).count();
        format!(
            "\nGoals of keytide: {met} of {} met\n{}",
            self.goals.len(),
            aligned(&lines)
        )
    }
}

impl Grid {
    fn text(&self) -> String {
        let head = self.head.iter().map(|title| (*title).to_owned()).collect();
        let lines: Vec<Vec<String>> = [vec![head], self.rows.clone()].concat();
        aligned(&lines)
    }
}

/// Said where none took part.
pub(crate) const NO_PEERS: &str = if cfg!(feature = "peers") {
    "No peers were measured."
} else {
    "No peers were measured: this program was built without them (--features peers)."
};

/// The first column to the left, the others to the right, two spaces between.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::from(" ");
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            let _ = if column == 0 {
                write!(row, " {cell:<width$}")
            } else {
                write!(row, "  {cell:>width$}")
            };
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let lines = [
            vec!["a".to_owned(), "1 µs".to_owned()],
            vec!["long".to_owned(), "10 ns".to_owned()],
        ];

        assert_eq!(aligned(&lines), "  a      1 µs\n  long  10 ns\n");
    }
}
