//! The tables and curves of the refresh scenario.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mode::{Mode, outage};
use super::track::{OverTime, Record, Track};
use crate::bench::Plan;
use crate::figure::span;
use crate::report::{Better, Case, Row, apart};
use crate::running::Failure;
use crate::stats::{Latencies, median};

/// What was found in one mode.
pub(super) struct Found {
    mode: Mode,
    order: Vec<String>,
    records: BTreeMap<String, Vec<Record>>,
    over_time: Vec<(String, OverTime)>,
    failures: BTreeMap<String, Failure>,
}

impl Found {
    pub(super) fn of(mode: Mode) -> Self {
        Self {
            mode,
            order: Vec::new(),
            records: BTreeMap::new(),
            over_time: Vec::new(),
            failures: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, name: &str, track: Result<Arc<Track>, Failure>) {
        if !self.order.iter().any(|known| known == name) {
            self.order.push(name.to_owned());
        }
        match track {
            Ok(track) => {
                let records = self.records.entry(name.to_owned()).or_default();
                if records.is_empty() {
                    self.over_time.push((name.to_owned(), track.over_time()));
                }
                records.push(track.found());
            }
            Err(failure) => {
                self.failures.insert(name.to_owned(), failure);
            }
        }
    }

    pub(super) fn case(self, plan: &Plan) -> Case {
        let mut case = self.head(plan);
        for name in &self.order {
            let mut row = Row::of(name);
            if let Some(failure) = self.failures.get(name) {
                row.note(format!("failed: {failure}"));
            }
            if let Some(records) = self.records.get(name) {
                self.fill(&mut row, records, &mut case);
            }
            case.rows.push(row);
        }
        for (name, seen) in self.over_time {
            case.series(&name, "over time", seen.latencies);
            case.series(&name, "failed over time", seen.failed);
        }
        case
    }

    fn head(&self, plan: &Plan) -> Case {
        let outage = span(outage(plan));
        let case = |name: &str, title: &str, text: String| Case::new("refresh", name, title, text);
        let case = match self.mode {
            Mode::Healthy => case(
                "healthy",
                "Reads while a healthy refresh runs",
                format!("The issuer answers after 50 ms; {outage} from the start of the refresh."),
            ),
            Mode::Hanging => case(
                "hanging",
                "Reads while the issuer hangs and the credential is still valid",
                format!("From the start of the refresh the issuer takes calls and answers none for {outage}."),
            ),
            Mode::Failing => case(
                "failing",
                "Reads while the issuer fails and the credential is still valid",
                format!("From the start of the refresh the issuer answers 503 after 50 ms, for {outage}."),
            ),
            Mode::Expired => case(
                "expired",
                "Reads past the end of the credential, and after",
                "A token of two seconds, and an issuer that answers 503 until a second after its end. A read must fail then, and \
                 succeed soon after the issuer has healed. Caches whose margin is longer than two seconds ask on every read."
                    .to_owned(),
            ),
        };
        let case = match self.mode {
            // When it is served again depends on when its backoff ends: `recover` tries that often enough to compare.
            Mode::Expired => case
                .column("expired", "dead credentials served", "", Better::Lower)
                .column("healed", "served again after", "ms", Better::Neither),
            _ => case
                .column("p999", "p99.9", "ns", Better::Lower)
                .column("waited", "reads that waited", "%", Better::Lower)
                .column("failed", "reads that failed", "%", Better::Lower)
                .column("p50", "p50", "ns", Better::Neither)
                .column("max", "longest", "ns", Better::Neither),
        };
        case.column("calls", "calls", "", Better::Neither)
    }

    fn fill(&self, row: &mut Row, records: &[Record], case: &mut Case) {
        let sum = |count: fn(&Record) -> u64| records.iter().map(count).sum::<u64>() as f64;
        let (due, made) = (sum(|record| record.due), sum(|record| record.made));
        row.set("calls", sum(|record| record.calls) / records.len() as f64);
        if self.mode == Mode::Expired {
            let healed: Vec<f64> = records
                .iter()
                .filter_map(|record| Some(record.served?.saturating_duration_since(record.healed?)))
                .map(|after| after.as_secs_f64() * 1e3)
                .collect();
            if healed.len() == records.len() {
                row.set("healed", median(&healed));
            } else {
                row.note("not served again while it was watched");
            }
            row.set("expired", sum(|record| record.expired));
            return;
        }
        row.set("waited", 100.0 * sum(|record| record.waited) / due);
        row.set("failed", 100.0 * sum(|record| record.failed) / made);
        if sum(|record| record.stuck) > 0.0 {
            row.note("some reads were still waiting at the end");
        }
        let mut halves = records[0].halves.clone();
        for record in &records[1..] {
            for (half, more) in halves.iter_mut().zip(&record.halves) {
                half.add(more);
            }
        }
        let tail = |half: &Latencies| half.percentile(99.9).as_nanos() as f64;
        let spread = apart(tail(&halves[0]), tail(&halves[1]));
        let [mut all, other] = halves;
        all.add(&other);
        if all.count() == 0 {
            row.note("no read succeeded");
            return;
        }
        row.spread("p999", spread);
        row.set("p999", tail(&all));
        row.set("p50", all.percentile(50.0).as_nanos() as f64);
        row.set("max", all.percentile(100.0).as_nanos() as f64);
        case.series(&row.subject, "distribution", all.curve());
    }
}
