//! What is reckoned from the rows once all are there: ratios to the best peer, and where a peer is better.

use super::behind::{Behind, best};
use super::{Case, Report};
use crate::entrant::Role;

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
        self.behind = Behind::all(self, &peers, &ours);
        self.better = self.behind.iter().map(Behind::sentence).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Better, Row};

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
