//! Where a peer is better: [`Behind`].

use serde::{Deserialize, Serialize};

use super::{Better, Case, Column, Report};
use crate::entrant::Info;
use crate::figure::figure;

/// A figure in which a peer beats keytide by more than five per cent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Behind {
    /// The title of the case.
    pub case: String,
    /// The head of the column.
    pub column: String,
    /// The best peer, with its version.
    pub peer: String,
    /// What it reached.
    pub theirs: f64,
    /// The best of keytide's own, with its version.
    pub our: String,
    /// What that reached.
    pub ours: f64,
    /// The unit of both.
    pub unit: String,
}

impl Behind {
    /// All of a report.
    pub(super) fn all(report: &Report, peers: &[String], ours: &[String]) -> Vec<Self> {
        let cases = report.cases.iter();
        cases
            .flat_map(|case| {
                let columns = case.columns.iter();
                columns.filter_map(|column| Self::of(report, case, column, peers, ours))
            })
            .collect()
    }

    fn of(
        report: &Report,
        case: &Case,
        column: &Column,
        peers: &[String],
        ours: &[String],
    ) -> Option<Self> {
        let (peer, theirs) = best(case, column, peers)?;
        let (our, ours) = best(case, column, ours)?;
        let ahead = match column.better {
            Better::Lower => ours > theirs * 1.05,
            Better::Higher => ours < theirs * 0.95,
            Better::Neither => false,
        };
        let title = |name: String| report.subject(&name).map(Info::title).unwrap_or(name);
        ahead.then(|| Self {
            case: case.title.clone(),
            column: column.title.clone(),
            peer: title(peer),
            theirs,
            our: title(our),
            ours,
            unit: column.unit.clone(),
        })
    }

    /// Both figures, and what they are of.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { case, column, .. } = self;
        format!("{case}, {column}: {}.", self.figures())
    }

    fn figures(&self) -> String {
        let Self {
            peer, our, unit, ..
        } = self;
        let (theirs, ours) = (figure(self.theirs, unit), figure(self.ours, unit));
        format!("{peer} {theirs}, {our} {ours}")
    }

    /// How many times as much the greater of both is.
    fn times(&self) -> f64 {
        self.ours.max(self.theirs) / self.ours.min(self.theirs)
    }
}

impl Report {
    /// In how many figures a peer is better, of what they are, and the one that is furthest behind: one line. `None` where none
    /// is.
    pub(crate) fn behind_in_short(&self) -> Option<String> {
        let count = match self.better.len() {
            0 => return None,
            1 => "one figure".to_owned(),
            count => format!("{count} figures"),
        };
        let by_distance = |one: &&Behind, other: &&Behind| one.times().total_cmp(&other.times());
        let Some(furthest) = self.behind.iter().max_by(by_distance) else {
            // Of an older report only the sentences are there.
            return Some(format!("A peer is better in {count}."));
        };
        let mut of: Vec<&str> = self.behind.iter().map(|one| one.case.as_str()).collect();
        of.dedup();
        Some(format!(
            "A peer is better in {count}, of: {}. The furthest: {}",
            of.join("; "),
            furthest.sentence()
        ))
    }
}

/// The best of these subjects in a column.
pub(super) fn best(case: &Case, column: &Column, among: &[String]) -> Option<(String, f64)> {
    let values = case.rows.iter().filter(|row| among.contains(&row.subject));
    let values =
        values.filter_map(|row| Some((row.subject.clone(), *row.values.get(&column.key)?)));
    match column.better {
        Better::Lower => values.min_by(|one, other| one.1.total_cmp(&other.1)),
        Better::Higher => values.max_by(|one, other| one.1.total_cmp(&other.1)),
        Better::Neither => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(case: &str, theirs: f64, ours: f64) -> Behind {
        Behind {
            case: case.to_owned(),
            column: "the worst".to_owned(),
            peer: "moka 1".to_owned(),
            theirs,
            our: "keytide 2".to_owned(),
            ours,
            unit: "ms".to_owned(),
        }
    }

    fn report(behind: Vec<Behind>) -> Report {
        Report {
            better: behind.iter().map(Behind::sentence).collect(),
            behind,
            ..Report::default()
        }
    }

    #[test]
    fn one_line_names_all_that_a_peer_is_better_in_and_the_furthest() {
        let report = report(vec![
            behind("An outage", 50.0, 100.0),
            behind("An outage", 50.0, 60.0),
            behind("Heap", 10.0, 90.0),
        ]);

        let line = report.behind_in_short().expect("a peer is better");

        assert_eq!(
            line,
            "A peer is better in 3 figures, of: An outage; Heap. The furthest: Heap, the worst: moka 1 10.0 ms, \
             keytide 2 90.0 ms."
        );
    }

    #[test]
    fn an_older_report_says_in_how_many() {
        let older = Report {
            behind: Vec::new(),
            ..report(vec![behind("Heap", 10.0, 90.0)])
        };

        assert_eq!(
            older.behind_in_short().as_deref(),
            Some("A peer is better in one figure.")
        );
        assert_eq!(report(Vec::new()).behind_in_short(), None);
    }
}
