//! The goals that a run can judge.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::figure::figure;

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
    goals.refreshes();
    goals.herds();
    goals.rest();
    goals.found
}

struct Goals<'a> {
    report: &'a Report,
    found: Vec<Goal>,
}

impl Goals<'_> {
    fn hits(&mut self) {
        let arc = "× ArcSwap::load";
        self.ratio(
            ("hit", "one thread", "ns"),
            ("keytide read", "ArcSwap::load + coarse clock"),
            "borrowed read, × ArcSwap::load + coarse clock",
            1.10,
        );
        self.ratio(
            ("hit", "one thread", "ns"),
            ("keytide handle", "arc_swap::Cache + coarse clock"),
            "per-task handle, × arc_swap::Cache + coarse clock",
            1.15,
        );
        self.at_most(
            ("hit", "one thread", "keytide", "base"),
            &format!("get().await, {arc}"),
            2.2,
            "×",
        );
        self.at_most(
            ("hit", "one thread", "keytide read, slow path", "base"),
            &format!("slow path, once a second, {arc}"),
            8.0,
            "×",
        );
        for subject in [
            "keytide read",
            "keytide handle",
            "keytide",
            "keytide read, slow path",
        ] {
            self.at_most(
                ("hit", "one thread", subject, "allocations"),
                &format!("{subject}: allocations of a read"),
                0.0,
                "",
            );
        }
        self.ratio(
            ("hit", "two threads", "slowdown"),
            ("keytide read", "ArcSwap::load"),
            "two threads: slowdown of the borrowed read, × that of ArcSwap::load",
            1.1,
        );
        if let Some(case) = self.report.case("hit", "two threads") {
            let best = self
                .report
                .subjects
                .iter()
                .filter(|info| info.role.is_peer());
            let best = best
                .filter_map(|info| case.value(&info.name, "rate"))
                .fold(f64::NAN, f64::max);
            if let Some(ours) = case.value("keytide read", "rate")
                && best.is_finite()
            {
                let times = ours / best;
                self.push(
                    "two threads: borrowed reads per second, × the best peer",
                    "≥ 15 ×",
                    figure(times, "×"),
                    times >= 15.0,
                );
            }
        }
    }

    fn refreshes(&mut self) {
        for case in ["healthy", "hanging", "failing"] {
            for subject in ["keytide read", "keytide"] {
                for (key, what) in [("waited", "reads that wait"), ("failed", "reads that fail")] {
                    self.at_most(
                        ("refresh", case, subject, key),
                        &format!("refresh {case}, {subject}: {what}"),
                        0.0,
                        "",
                    );
                }
            }
            self.ratio(
                ("refresh", case, "p999"),
                ("keytide read", "floor"),
                &format!("refresh {case}: p99.9 of the borrowed read, × floor"),
                2.0,
            );
        }
        for subject in ["keytide read", "keytide"] {
            self.at_most(
                ("refresh", "expired", subject, "expired"),
                &format!("expired, {subject}: reads that got a dead credential"),
                0.0,
                "",
            );
        }
    }

    fn herds(&mut self) {
        for (scenario, case, what, limit) in [
            ("herd", "cold", "cold herd: last served", 1.10),
            ("herd", "failing", "failing herd: all told", 1.05),
            ("cancel", "leader", "leader dropped: last served", 1.05),
            (
                "cancel",
                "impatient",
                "impatient readers: last served",
                1.05,
            ),
        ] {
            self.at_most(
                (scenario, case, "keytide", "calls"),
                &format!("{what}: calls"),
                1.0,
                "",
            );
            self.at_most(
                (scenario, case, "keytide", "latencies"),
                &format!("{what}, × the issuer's latency"),
                limit,
                "×",
            );
        }
    }

    fn rest(&mut self) {
        for case in ["outage", "refusal", "expiry"] {
            self.at_most(
                ("recover", case, "keytide", "worst"),
                &format!("recovery, {case}: the worst, one backoff and one latency"),
                1_060.0,
                "ms",
            );
        }
        self.at_most(
            ("recover", "patience", "keytide", "failed"),
            "an outage shorter than a reader's patience: failed reads",
            0.0,
            "",
        );
        for case in ["10,000", "100,000"] {
            self.at_most(
                ("scale", case, "keytide", "bytes"),
                &format!("{case} credentials: heap of each beside its secret"),
                448.0,
                "B",
            );
            self.at_most(
                ("scale", case, "keytide", "idle"),
                &format!("{case} credentials: idle CPU"),
                0.02,
                "%",
            );
        }
        self.ratio(
            ("scale", "10,000", "load"),
            ("keytide", "reqsign-core"),
            "first load, × reqsign-core",
            1.0,
        );
        self.at_most(
            ("scopes", "", "keytide", "waited"),
            "a warm scope beside a cold one: reads that wait",
            0.0,
            "",
        );
        self.at_most(
            ("http", "", "keytide", "added"),
            "HTTP: CPU time added over a fixed header",
            0.1,
            "µs",
        );
        self.at_most(
            ("http", "", "keytide", "allocations"),
            "HTTP: allocations added over a fixed header",
            0.0,
            "",
        );
    }

    fn at_most(
        &mut self,
        (scenario, case, subject, key): (&str, &str, &str, &str),
        what: &str,
        goal: f64,
        unit: &str,
    ) {
        let value = self
            .report
            .case(scenario, case)
            .and_then(|case| case.value(subject, key));
        if let Some(value) = value {
            let wanted = if goal == 0.0 {
                "0".to_owned()
            } else {
                format!("≤ {}", figure(goal, unit))
            };
            self.push(what, &wanted, figure(value, unit), value <= goal);
        }
    }

    fn ratio(
        &mut self,
        (scenario, case, key): (&str, &str, &str),
        (subject, base): (&str, &str),
        what: &str,
        goal: f64,
    ) {
        let Some(case) = self.report.case(scenario, case) else {
            return;
        };
        if let (Some(value), Some(base)) = (case.value(subject, key), case.value(base, key))
            && base > 0.0
        {
            let times = value / base;
            self.push(
                what,
                &format!("≤ {}", figure(goal, "×")),
                figure(times, "×"),
                times <= goal,
            );
        }
    }

    fn push(&mut self, measure: &str, goal: &str, measured: String, met: bool) {
        self.found.push(Goal {
            measure: measure.to_owned(),
            goal: goal.to_owned(),
            measured,
            met,
        });
    }
}
