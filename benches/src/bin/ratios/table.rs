//! The table of goals: one row as soon as it is measured, and a line of what was missed.

use std::fmt::Write as _;
use std::io::Write as _;

use keytide_bench::figure;
use keytide_bench::goals::Target;

/// Prints rows as they come, or collects them for `--json`.
pub(crate) struct Table {
    json: bool,
    rows: Vec<serde_json::Value>,
    missed: Vec<String>,
    headed: bool,
}

impl Table {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            rows: Vec::new(),
            missed: Vec::new(),
            headed: false,
        }
    }

    /// A goal of the engine, and what was found of it; `which` tells one of several.
    pub(crate) fn goal(&mut self, target: &Target, which: &str, measured: f64) {
        let shown = figure(measured, target.unit());
        self.goal_told(target, which, measured, &shown);
    }

    /// The same, with more to say of what was found.
    pub(crate) fn goal_told(&mut self, target: &Target, which: &str, measured: f64, shown: &str) {
        let met = target.met(measured);
        let measure = target.measure_of(which);
        self.row(&measure, &target.wanted(), shown, Some(met));
    }

    /// What must be so for the figures beside it to mean anything.
    pub(crate) fn exactly(&mut self, measure: &str, goal: u64, measured: u64) {
        let met = goal == measured;
        self.row(measure, &goal.to_string(), &measured.to_string(), Some(met));
    }

    /// A figure without a goal.
    pub(crate) fn note(&mut self, measure: &str, measured: &str) {
        self.row(measure, "", measured, None);
    }

    pub(crate) fn row(&mut self, measure: &str, goal: &str, measured: &str, met: Option<bool>) {
        if met == Some(false) {
            self.missed.push(measure.to_owned());
        }
        if self.json {
            self.rows.push(serde_json::json!({
                "measure": measure, "goal": goal, "measured": measured, "met": met,
            }));
            return;
        }
        let mut text = String::new();
        if !self.headed {
            self.headed = true;
            text.push_str("| measure | goal | measured | |\n|---|---|---|---|\n");
        }
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        };
        let _ = writeln!(text, "| {measure} | {goal} | {measured} | {verdict} |");
        print(&text);
    }

    pub(crate) fn finish(self) {
        if self.json {
            print(&format!("{:#}\n", serde_json::Value::Array(self.rows)));
        } else if self.missed.is_empty() {
            print("\nAll goals are met.\n");
        } else {
            print(&format!("\nMissed: {}.\n", self.missed.join("; ")));
        }
    }
}

/// A reader of the output that has gone away is no reason to panic.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
