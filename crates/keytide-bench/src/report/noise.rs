//! How far the machine can be trusted: [`Noise`].

use serde::{Deserialize, Serialize};

use super::Case;
use crate::stats::median;

/// How far two halves of one run are apart, so how far two runs would be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// The greatest distance between the halves of the rounds in any ratio, where 0.1 is ten per cent. Missing where
    /// nothing was measured in rounds.
    pub worst: Option<f64>,
    /// Where that was.
    pub at: String,
    /// Whether it is above [`LIMIT`]: then ratios of another run may well differ from these by more than that.
    pub too_noisy: bool,
    /// How many ratios there are, and of how many the halves are further apart than [`LIMIT`].
    pub ratios: usize,
    /// See `ratios`.
    pub apart: usize,
    /// Which those are, by case; missing in reports that are older.
    #[serde(default)]
    pub rows: Vec<Noisy>,
}

/// A figure whose halves are further apart than [`LIMIT`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noisy {
    /// The scenario and its case.
    pub case: String,
    /// The row.
    pub subject: String,
    /// The head of the column.
    pub column: String,
    /// How far apart: 0.1 is ten per cent.
    pub spread: f64,
}

/// Above this the report calls the machine too noisy.
pub const LIMIT: f64 = 0.2;

impl Noise {
    pub(crate) fn of(cases: &[Case]) -> Self {
        let mut noise = Self::default();
        for case in cases {
            for row in &case.rows {
                for (key, spread) in &row.spread {
                    noise.ratios += 1;
                    if *spread > LIMIT {
                        noise.apart += 1;
                        noise.rows.push(Noisy::of(case, &row.subject, key, *spread));
                    }
                    if noise.worst.is_none_or(|worst| *spread > worst) {
                        noise.worst = Some(*spread);
                        noise.at =
                            format!("{} {}: {}, {key}", case.scenario, case.case, row.subject)
                                .replace(" :", ":");
                    }
                }
            }
        }
        noise.too_noisy = noise.worst.is_some_and(|worst| worst > LIMIT);
        noise
    }

    /// Which figures are noisy: a line for each case. Empty where none is.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        if self.apart > 0 && self.rows.is_empty() {
            return vec!["This report does not say which they are.".to_owned()];
        }
        let same = |one: &Noisy, other: &Noisy| one.case == other.case;
        let cases = self.rows.chunk_by(same);
        cases
            .map(|rows| {
                let of: Vec<String> = rows.iter().map(Noisy::figure).collect();
                format!("{}: {}.", rows[0].case, of.join("; "))
            })
            .collect()
    }

    /// What a README says of it, beside a table in which noisy figures are marked.
    pub(crate) fn in_short(&self) -> String {
        match self.worst {
            Some(_) if self.too_noisy && self.rows.is_empty() => format!(
                "In {} of {} ratios the halves of this run differ by more than {:.0} %; which those are was not kept.",
                self.apart,
                self.ratios,
                LIMIT * 100.0
            ),
            Some(_) if self.too_noisy => format!(
                "~: the halves of this run differ by more than {:.0} %, as they do in {} of {} ratios.",
                LIMIT * 100.0,
                self.apart,
                self.ratios
            ),
            _ => self.sentence(),
        }
    }

    /// What the report says of it.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self.worst {
            None => "Nothing was measured in rounds, so nothing is known of the machine's noise."
                .to_owned(),
            Some(worst) if self.too_noisy => format!(
                "The machine was too noisy: the halves of this run differ by more than {:.0} % in {} of {} ratios (worst: {:.0} % at {}). \
                 Another run may differ as much, as it may in what is a matter of chance, such as when a backoff ends. Run it again on a quiet machine before you quote those.",
                LIMIT * 100.0,
                self.apart,
                self.ratios,
                worst * 100.0,
                self.at
            ),
            Some(worst) => format!(
                "The halves of this run agree within {:.0} % in all {} ratios (worst at {}), so another run should agree within {:.0} %.",
                worst * 100.0,
                self.ratios,
                self.at,
                LIMIT * 100.0
            ),
        }
    }
}

impl Noisy {
    fn of(case: &Case, subject: &str, key: &str, spread: f64) -> Self {
        let column = case.columns.iter().find(|column| column.key == key);
        Self {
            case: format!("{} {}", case.scenario, case.case).trim().to_owned(),
            subject: subject.to_owned(),
            column: column.map_or_else(|| key.to_owned(), |column| column.title.clone()),
            spread,
        }
    }

    fn figure(&self) -> String {
        let percent = self.spread * 100.0;
        format!("{}, {} ({percent:.0} %)", self.subject, self.column)
    }
}

/// How far the medians of the odd and of the even values are apart; `NaN` of less than two.
pub(crate) fn halves_apart(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let half = |odd: usize| {
        let some: Vec<f64> = values.iter().skip(odd).step_by(2).copied().collect();
        median(&some)
    };
    apart(half(0), half(1))
}

/// How far two values are apart: 0 where they are equal, 1 where one is twice the other.
pub(crate) fn apart(one: f64, other: f64) -> f64 {
    let (low, high) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    if high <= 0.0 {
        0.0
    } else if low <= 0.0 {
        // What is nothing in one half cannot be told from noise.
        1.0
    } else {
        high / low - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Row;

    fn case(spread: f64) -> Case {
        let mut case = Case::new("hit", "", "hit", "");
        let mut row = Row::of("a");
        row.spread("ns", spread);
        case.rows.push(row);
        case
    }

    #[test]
    fn the_worst_ratio_decides() {
        let quiet = Noise::of(&[case(0.05), case(0.19)]);
        let noisy = Noise::of(&[case(0.05), case(0.21)]);

        assert!(!quiet.too_noisy && quiet.worst == Some(0.19));
        assert!(noisy.too_noisy && noisy.apart == 1 && noisy.ratios == 2);
        assert!(noisy.sentence().contains("too noisy"));
        assert_eq!(Noise::of(&[]).worst, None);
    }

    #[test]
    fn each_noisy_figure_is_named_with_its_row_and_column() {
        let mut noisy = case(0.21).column("ns", "one read", "ns", crate::report::Better::Lower);
        let mut other = Row::of("b");
        other.spread("ns", 1.5);
        other.spread("quiet", 0.01);
        noisy.rows.push(other);

        let noise = Noise::of(&[case(0.05), noisy]);

        assert_eq!(
            noise.lines(),
            ["hit: a, one read (21 %); b, one read (150 %)."]
        );
        assert_eq!(noise.apart, 2);
        assert_eq!(Noise::of(&[case(0.05)]).lines(), [""; 0]);
    }

    #[test]
    fn a_report_that_counted_noisy_figures_only_says_so() {
        let older = Noise {
            apart: 3,
            ..Noise::default()
        };

        assert_eq!(older.lines(), ["This report does not say which they are."]);
    }

    #[test]
    fn the_distance_of_two_values_has_no_order() {
        assert_eq!(apart(1.0, 2.0), 1.0);
        assert_eq!(apart(2.0, 1.0), 1.0);
        assert_eq!(apart(0.0, 0.0), 0.0);
        assert_eq!(apart(0.0, 1.0), 1.0);
    }
}
