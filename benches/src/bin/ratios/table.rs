//! The table of goals: one row as soon as it is measured, and a line of what was missed.

use std::fmt::Write as _;
use std::io::Write as _;

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

    /// A goal that is a bound from above.
    pub(crate) fn at_most(&mut self, measure: &str, goal: f64, measured: f64, unit: &str) {
        let met = measured <= goal;
        let goal = format!("≤ {}{unit}", figure(goal));
        self.row(measure, &goal, &with_unit(measured, unit), Some(met));
    }

    /// A goal that is a number.
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

/// With two decimals where they tell something.
fn figure(value: f64) -> String {
    if value.abs() >= 100.0 || (value.fract() == 0.0 && value != 0.0) {
        format!("{value:.0}")
    } else if value == 0.0 {
        "0".to_owned()
    } else if value.abs() < 0.1 {
        format!("{value:.3}")
    } else {
        format!("{value:.2}")
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{}{unit}", figure(value))
}

/// A reader of the output that has gone away is no reason to panic.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
