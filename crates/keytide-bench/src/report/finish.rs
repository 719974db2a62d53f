//! What is reckoned from the rows once all are there: ratios to the best peer, and where a peer is better.

use super::{Better, Case, Column, Report};
use crate::entrant::{Info, Role};
use crate::figure::figure;

impl Report {
    pub(crate) fn finish(&mut self) {
        let names = |report: &Self, role: Role| -> Vec<String> {
            let subjects = report.subjects.iter();
            subjects
                .filter(|info| info.role == role)
                .map(|info| info.name.clone())
                .collect()
        };
        let (peers, ours) = (names(self, Role::Peer), names(self, Role::Keytide));
        for case in &mut self.cases {
            ratios(case, &peers);
        }
        self.better = self
            .cases
            .iter()
            .flat_map(|case| better(self, case, &peers, &ours))
            .collect();
        self.noise = super::Noise::of(&self.cases);
        self.goals = super::goals::judge(self);
    }
}

/// Sets each row's first column beside that of the best peer, unless the scenario took that ratio within its rounds.
fn ratios(case: &mut Case, peers: &[String]) {
    let Some(column) = case.columns.first().cloned() else {
        return;
    };
    let Some((_, best)) = best(case, &column, peers) else {
        return;
    };
    for row in &mut case.rows {
        if row.to_best_peer.is_none() && best > 0.0 {
            row.to_best_peer = row
                .values
                .get(&column.key)
                .filter(|value| **value > 0.0)
                .map(|value| value / best);
        }
    }
}

/// The best of these subjects in a column.
fn best(case: &Case, column: &Column, among: &[String]) -> Option<(String, f64)> {
    let values = case.rows.iter().filter(|row| among.contains(&row.subject));
    let values =
        values.filter_map(|row| Some((row.subject.clone(), *row.values.get(&column.key)?)));
    match column.better {
        Better::Lower => values.min_by(|one, other| one.1.total_cmp(&other.1)),
        Better::Higher => values.max_by(|one, other| one.1.total_cmp(&other.1)),
        Better::Neither => None,
    }
}

/// A sentence for each column in which a peer beats keytide by more than five per cent.
fn better(report: &Report, case: &Case, peers: &[String], ours: &[String]) -> Vec<String> {
    let mut sentences = Vec::new();
    for column in &case.columns {
        let (Some((peer, theirs)), Some((our, ours))) =
            (best(case, column, peers), best(case, column, ours))
        else {
            continue;
        };
        let ahead = match column.better {
            Better::Lower => ours > theirs * 1.05,
            Better::Higher => ours < theirs * 0.95,
            Better::Neither => false,
        };
        if ahead {
            let title = |name: &str| {
                report
                    .subject(name)
                    .map_or_else(|| name.to_owned(), Info::title)
            };
            sentences.push(format!(
                "{}, {}: {} {}, {} {}.",
                case.title,
                column.title,
                title(&peer),
                figure(theirs, &column.unit),
                title(&our),
                figure(ours, &column.unit),
            ));
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Row;

    fn case(values: &[(&str, f64)]) -> Case {
        let mut case =
            Case::new("recover", "cold", "", "").column("ms", "after", "ms", Better::Lower);
        case.rows = values
            .iter()
            .map(|(name, value)| Row::of(name).with("ms", *value))
            .collect();
        case
    }

    #[test]
    fn the_first_column_is_set_beside_the_best_peer() {
        let mut case = case(&[("keytide", 10.0), ("slow", 40.0), ("quick", 20.0)]);
        ratios(&mut case, &["slow".to_owned(), "quick".to_owned()]);

        assert_eq!(case.rows[0].to_best_peer, Some(0.5));
        assert_eq!(case.rows[1].to_best_peer, Some(2.0));
    }

    #[test]
    fn what_has_no_value_is_nobodys_best() {
        let mut case = case(&[("keytide", 10.0), ("never", f64::NAN)]);
        ratios(&mut case, &["never".to_owned()]);

        assert_eq!(case.rows[0].to_best_peer, None);
    }
}
