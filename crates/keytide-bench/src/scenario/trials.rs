//! Trials by turns, for scenarios that take one number of latencies each: [`Trials`].

use std::collections::BTreeMap;

use crate::bench::Bench;
use crate::report::{Case, Row, halves_apart};
use crate::running::Failure;
use crate::stats::median;

/// What several trials of each subject found, by column.
pub(super) struct Trials {
    order: Vec<String>,
    found: BTreeMap<String, Vec<BTreeMap<&'static str, f64>>>,
    notes: BTreeMap<String, String>,
    spreads: BTreeMap<String, (&'static str, f64)>,
}

/// What one trial found.
pub(super) struct Trial {
    pub(super) values: Vec<(&'static str, f64)>,
    pub(super) note: Option<String>,
    /// Whether another trial would only take the same long time again.
    pub(super) hopeless: bool,
    /// The distance of the halves of what was tried within it, in a column.
    pub(super) spread: Option<(&'static str, f64)>,
}

impl Trials {
    /// So many rounds, each of which tries every subject once and begins with another one.
    pub(super) fn of(
        bench: &Bench<'_>,
        what: &str,
        rounds: usize,
        seconds: f64,
        mut one: impl FnMut(&crate::entrant::Entrant) -> Result<Trial, Failure>,
    ) -> Self {
        let mut trials = Self {
            order: Vec::new(),
            found: BTreeMap::new(),
            notes: BTreeMap::new(),
            spreads: BTreeMap::new(),
        };
        let mut hopeless: Vec<String> = Vec::new();
        let count = bench.entrants.len();
        for round in 0..rounds {
            for turn in 0..count {
                let entrant = &bench.entrants[(round + turn) % count];
                let name = &entrant.info().name;
                if hopeless.contains(name) {
                    bench.skip(seconds);
                    continue;
                }
                let title = entrant.info().title();
                if !bench.go(&format!("{what}: {title}"), seconds) {
                    return trials;
                }
                if !trials.order.contains(name) {
                    trials.order.push(name.clone());
                }
                match one(entrant) {
                    Ok(trial) => {
                        if trial.hopeless {
                            hopeless.push(name.clone());
                        }
                        if let Some(note) = trial.note {
                            trials.notes.insert(name.clone(), note);
                        }
                        if let Some(spread) = trial.spread {
                            trials.spreads.insert(name.clone(), spread);
                        }
                        let values = trial.values.into_iter().collect();
                        trials.found.entry(name.clone()).or_default().push(values);
                    }
                    Err(failure) => {
                        trials
                            .notes
                            .insert(name.clone(), format!("failed: {failure}"));
                        hopeless.push(name.clone());
                    }
                }
            }
        }
        trials
    }

    /// Rows of medians. Of the columns in `compared` the trials' spread goes into the noise.
    pub(super) fn fill(self, case: &mut Case, compared: &[&str]) {
        for name in &self.order {
            let mut row = Row::of(name);
            if let Some(note) = self.notes.get(name) {
                row.note(note.clone());
            }
            if let Some((column, spread)) = self.spreads.get(name) {
                row.spread(column, *spread);
            }
            let found = self.found.get(name).map_or(&[][..], Vec::as_slice);
            for column in &case.columns {
                let all: Vec<f64> = found
                    .iter()
                    .filter_map(|values| values.get(column.key.as_str()).copied())
                    .collect();
                // One trial without a value is enough to have none.
                if all.is_empty() || all.len() < found.len() {
                    continue;
                }
                row.set(&column.key, median(&all));
                if compared.contains(&column.key.as_str()) {
                    row.spread(&column.key, halves_apart(&all));
                }
            }
            case.rows.push(row);
        }
    }
}
