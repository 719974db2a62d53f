//! The goals that a run can judge.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::figure::figure;
use crate::goals::{self, Target};
use crate::subjects::names;

/// A goal of keytide and what a run found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// What is measured.
    pub measure: String,
    /// What it should be.
    pub goal: String,
    /// What it was.
    pub measured: String,
    /// Whether that is met.
    pub met: bool,
}

pub(crate) fn judge(report: &Report) -> Vec<Goal> {
    let mut goals = Goals {
        report,
        found: Vec::new(),
    };
    goals.hits();
    goals.two_threads();
    goals.refreshes();
    goals.herds();
    goals.recoveries();
    goals.scales();
    goals.requests();
    goals.found
}

struct Goals<'a> {
    report: &'a Report,
    found: Vec<Goal>,
}

/// A scenario, its case, and the key of a column.
type Place<'a> = (&'a str, &'a str, &'a str);

impl Goals<'_> {
    fn hits(&mut self) {
        let to_primitive = [
            (goals::BORROWED, names::READ),
            (goals::HANDLE, names::HANDLE),
            (goals::OWNED, names::GET),
            (goals::SLOW, names::SLOW),
        ];
        for (target, subject) in to_primitive {
            match self.value(("hit", "one thread", "clock"), subject) {
                Some(ratio) => self.push(&target, "", ratio),
                // Older reports have no ratio within rounds.
                None => {
                    let base = names::base_of(subject);
                    self.ratio(&target, "", ("hit", "one thread", "ns"), subject, base);
                }
            }
        }
        for subject in [names::READ, names::HANDLE, names::GET, names::SLOW] {
            let place = ("hit", "one thread", "allocations");
            self.value_of(&goals::READ_ALLOCATIONS, subject, place, subject);
        }
    }

    fn two_threads(&mut self) {
        let two = |key| ("hit", "two threads", key);
        let base = names::LOAD_AND_CLOCK;
        self.ratio(&goals::SLOWDOWN, "", two("slowdown"), names::READ, base);
        let peers = self.report.subjects.iter();
        let best = peers
            .filter(|info| info.role.is_peer())
            .filter_map(|info| self.value(two("rate"), &info.name))
            .fold(f64::NAN, f64::max);
        if let Some(ours) = self.value(two("rate"), names::READ)
            && best.is_finite()
        {
            self.push(&goals::RATE, "", ours / best);
        }
    }

    fn refreshes(&mut self) {
        for case in ["healthy", "hanging", "failing"] {
            for subject in [names::READ, names::GET] {
                let which = format!("{case}, {subject}");
                self.value_of(&goals::WAITED, &which, ("refresh", case, "waited"), subject);
                self.value_of(&goals::FAILED, &which, ("refresh", case, "failed"), subject);
            }
            let place = ("refresh", case, "p999");
            self.ratio(&goals::TAIL, case, place, names::READ, names::BASELINE);
        }
        for subject in [names::READ, names::GET] {
            let place = ("refresh", "expired", "expired");
            self.value_of(&goals::DEAD, subject, place, subject);
        }
    }

    fn herds(&mut self) {
        for (scenario, case, target) in [
            ("herd", "cold", goals::COLD_HERD),
            ("herd", "failing", goals::FAILING_HERD),
            ("cancel", "leader", goals::LEADER_DROPPED),
            ("cancel", "impatient", goals::IMPATIENT),
        ] {
            let calls = (scenario, case, "calls");
            self.value_of(
                &goals::CALLS,
                &format!("{scenario} {case}"),
                calls,
                names::GET,
            );
            self.value_of(&target, "", (scenario, case, "latencies"), names::GET);
        }
    }

    fn recoveries(&mut self) {
        for case in ["outage", "refusal", "expiry"] {
            self.value_of(
                &goals::RECOVERY,
                case,
                ("recover", case, "worst"),
                names::GET,
            );
        }
        self.value_of(
            &goals::PATIENCE,
            "",
            ("recover", "patience", "failed"),
            names::GET,
        );
    }

    fn scales(&mut self) {
        for case in ["10,000", "100,000"] {
            self.value_of(&goals::HEAP, case, ("scale", case, "bytes"), names::GET);
            self.value_of(&goals::IDLE, case, ("scale", case, "idle"), names::GET);
        }
        let place = ("scale", "10,000", "load");
        self.ratio(&goals::FIRST_LOAD, "", place, names::GET, "reqsign-core");
        self.value_of(&goals::WARM_SCOPE, "", ("scopes", "", "waited"), names::GET);
    }

    fn requests(&mut self) {
        self.value_of(&goals::HTTP_TIME, "", ("http", "", "added"), names::GET);
        let place = ("http", "", "allocations");
        self.value_of(&goals::HTTP_ALLOCATIONS, "", place, names::GET);
    }

    fn value(&self, (scenario, case, key): Place<'_>, subject: &str) -> Option<f64> {
        self.report.case(scenario, case)?.value(subject, key)
    }

    fn value_of(&mut self, target: &Target, which: &str, place: Place<'_>, subject: &str) {
        if let Some(value) = self.value(place, subject) {
            self.push(target, which, value);
        }
    }

    fn ratio(&mut self, target: &Target, which: &str, place: Place<'_>, subject: &str, base: &str) {
        if let (Some(value), Some(base)) = (self.value(place, subject), self.value(place, base))
            && base > 0.0
        {
            self.push(target, which, value / base);
        }
    }

    fn push(&mut self, target: &Target, which: &str, value: f64) {
        self.found.push(Goal {
            measure: target.measure_of(which),
            goal: target.wanted(),
            measured: figure(value, target.unit()),
            met: target.met(value),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Better, Case, Row};

    fn report(rows: Vec<Row>) -> Report {
        let mut case = Case::new("hit", "one thread", "", "").column("ns", "", "ns", Better::Lower);
        case.rows = rows;
        Report {
            cases: vec![case],
            ..Report::default()
        }
    }

    fn row(name: &str, nanos: f64) -> Row {
        Row::of(name).with("ns", nanos)
    }

    #[test]
    fn a_ratio_within_rounds_is_judged_and_that_of_medians_where_there_is_none() {
        let older = report(vec![
            row(names::READ, 12.0),
            row(names::LOAD_AND_CLOCK, 10.0),
        ]);
        let newer = report(vec![
            row(names::READ, 12.0).with("clock", 1.05),
            row(names::LOAD_AND_CLOCK, 10.0),
        ]);

        let measured = |report: &Report| {
            let goals = judge(report);
            let goal = goals.into_iter().next().expect("one goal");
            (goal.measure, goal.measured, goal.met)
        };
        let of = |text: &str, met| (goals::BORROWED.measure().to_owned(), text.to_owned(), met);
        assert_eq!(measured(&older), of("1.20 ×", false));
        assert_eq!(measured(&newer), of("1.05 ×", true));
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert_eq!(judge(&report(Vec::new())), []);
        assert_eq!(judge(&report(vec![row(names::READ, 12.0)])), []);
    }
}
