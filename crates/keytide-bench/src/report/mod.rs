//! What a run found: [`Report`]. It is written and read as JSON; tables and pictures are made from it alone.

mod behind;
mod finish;
mod goals;
mod machine;
mod method;
mod noise;
mod short;
mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entrant::Info;
use crate::figure::figure;

pub use self::behind::Behind;
pub use self::goals::Goal;
pub use self::machine::Machine;
pub(crate) use self::method::method;
pub use self::noise::{LIMIT, Noise, Noisy};
pub(crate) use self::noise::{apart, halves_apart};
pub(crate) use self::short::Grid;
pub(crate) use self::table::NO_PEERS;

/// All that a run found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// The form of this report: 1.
    pub schema: u32,
    /// Whether the run was stopped, so that scenarios or subjects are missing.
    pub partial: bool,
    /// Whether it was a quick run.
    pub quick: bool,
    /// Seconds since 1970 at which it began.
    pub began: u64,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// Where a peer is better than keytide: one sentence each.
    pub better: Vec<String>,
    /// The same as data; reports that are older have the sentences only.
    #[serde(default)]
    pub behind: Vec<Behind>,
    /// How far the machine can be trusted.
    pub noise: Noise,
    /// The goals that this run can judge.
    pub goals: Vec<Goal>,
    /// Who took part.
    pub subjects: Vec<Info>,
    /// What was measured.
    pub cases: Vec<Case>,
    /// How it was measured.
    pub method: Vec<String>,
    /// Where it was measured.
    pub machine: Machine,
}

/// One table: a scenario, or one of its cases.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// The scenario, such as `refresh`.
    pub scenario: String,
    /// The case of it, such as `hanging`; empty where there is but one.
    pub case: String,
    /// What it is about.
    pub title: String,
    /// What is done and counted.
    pub text: String,
    /// The columns, the one that matters most first.
    pub columns: Vec<Column>,
    /// One row for each subject.
    pub rows: Vec<Row>,
    /// What the pictures are made of.
    pub series: Vec<Series>,
}

/// What a column tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The key of its values in each row.
    pub key: String,
    /// The head of the column.
    pub title: String,
    /// The unit of its values: `ns`, `µs`, `ms`, `s`, `B`, `×`, `%`, or empty for a count.
    pub unit: String,
    /// Which values are better.
    pub better: Better,
}

/// Which values of a column are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Better {
    /// Small ones.
    Lower,
    /// Great ones.
    Higher,
    /// It says nothing of better or worse.
    Neither,
}

/// What was found of one subject.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub subject: String,
    /// By column. A value that could not be had is missing.
    pub values: BTreeMap<String, f64>,
    /// How far the halves of the rounds are apart, by column: 0.1 is ten per cent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spread: BTreeMap<String, f64>,
    /// The first column beside that of the best peer: how many times as much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_best_peer: Option<f64>,
    /// What a reader of the row must know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A curve, or the samples of one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Series {
    /// The subject.
    pub subject: String,
    /// What it shows, such as `latency over time`.
    pub kind: String,
    /// Points: x, then y.
    pub points: Vec<(f64, f64)>,
}

impl Report {
    /// The subject of this name.
    #[must_use]
    pub fn subject(&self, name: &str) -> Option<&Info> {
        self.subjects.iter().find(|info| info.name == name)
    }

    /// The case of this name.
    #[must_use]
    pub fn case(&self, scenario: &str, case: &str) -> Option<&Case> {
        self.cases
            .iter()
            .find(|known| known.scenario == scenario && known.case == case)
    }
}

impl Case {
    pub(crate) fn new(scenario: &str, case: &str, title: &str, text: impl Into<String>) -> Self {
        Self {
            scenario: scenario.to_owned(),
            case: case.to_owned(),
            title: title.to_owned(),
            text: text.into(),
            columns: Vec::new(),
            rows: Vec::new(),
            series: Vec::new(),
        }
    }

    pub(crate) fn column(mut self, key: &str, title: &str, unit: &str, better: Better) -> Self {
        self.columns.push(Column {
            key: key.to_owned(),
            title: title.to_owned(),
            unit: unit.to_owned(),
            better,
        });
        self
    }

    /// The value of a subject.
    #[must_use]
    pub fn value(&self, subject: &str, key: &str) -> Option<f64> {
        self.row(subject)?.values.get(key).copied()
    }

    /// The row of a subject.
    #[must_use]
    pub fn row(&self, subject: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.subject == subject)
    }

    pub(crate) fn series(&mut self, subject: &str, kind: &str, points: Vec<(f64, f64)>) {
        self.series.push(Series {
            subject: subject.to_owned(),
            kind: kind.to_owned(),
            points,
        });
    }
}

impl Row {
    pub(crate) fn of(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            ..Self::default()
        }
    }

    /// A value; one that is not a number is left out.
    pub(crate) fn set(&mut self, key: &str, value: f64) {
        if value.is_finite() {
            self.values.insert(key.to_owned(), value);
        }
    }

    pub(crate) fn with(mut self, key: &str, value: f64) -> Self {
        self.set(key, value);
        self
    }

    pub(crate) fn spread(&mut self, key: &str, spread: f64) {
        if spread.is_finite() {
            self.spread.insert(key.to_owned(), spread);
        }
    }

    /// A value as tables show it, with `~` where noise is above the limit.
    pub(crate) fn shown(&self, column: &Column) -> String {
        let Some(value) = self.values.get(&column.key) else {
            return "–".to_owned();
        };
        let mark = if self.noisy(&column.key) { " ~" } else { "" };
        format!("{}{mark}", figure(*value, &column.unit))
    }

    /// Whether the halves of a value's rounds are further apart than the limit.
    pub(crate) fn noisy(&self, key: &str) -> bool {
        self.spread.get(key).is_some_and(|spread| *spread > LIMIT)
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        match &mut self.note {
            Some(known) => {
                known.push_str("; ");
                known.push_str(&note);
            }
            None => self.note = Some(note),
        }
    }
}
