//! What the checks have found, rule by rule: [`Findings`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::report::{Check, Report, Verdict};
use super::rule::Rule;

/// Gathers what checks find, from several of them at a time. A failure outweighs all that passed.
#[derive(Debug, Default)]
pub(super) struct Findings(Mutex<BTreeMap<Rule, Found>>);

#[derive(Debug, Default)]
struct Found {
    passed: u64,
    failures: Vec<String>,
    reasons: Vec<String>,
}

impl Findings {
    pub(super) fn pass(&self, rule: Rule) {
        self.lock().entry(rule).or_default().passed += 1;
    }

    pub(super) fn fail(&self, rule: Rule, why: impl Into<String>) {
        self.lock()
            .entry(rule)
            .or_default()
            .failures
            .push(why.into());
    }

    /// Something about this rule could not be checked.
    pub(super) fn skip(&self, rule: Rule, why: impl Into<String>) {
        let why = why.into();
        let mut found = self.lock();
        let reasons = &mut found.entry(rule).or_default().reasons;
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }

    pub(super) fn judge(&self, rule: Rule, good: bool, why: impl FnOnce() -> String) -> bool {
        if good {
            self.pass(rule);
        } else {
            self.fail(rule, why());
        }
        good
    }

    /// The report. A rule that nothing was found about has failed: a check that did not run is no pass.
    pub(super) fn report(&self, otherwise: Option<&str>) -> Report {
        let mut found = self.lock();
        let checks = Rule::ALL.into_iter().map(|rule| {
            let found = found.remove(&rule).unwrap_or_default();
            let (name, promise) = rule.told();
            let verdict = if !found.failures.is_empty() {
                Verdict::Failed(shortened(&found.failures))
            } else if found.passed > 0 {
                Verdict::Passed
            } else if !found.reasons.is_empty() {
                Verdict::NotApplicable(found.reasons.join("; "))
            } else {
                match otherwise {
                    Some(why) => Verdict::NotApplicable(why.to_owned()),
                    None => Verdict::Failed("the check did not run".to_owned()),
                }
            };
            let left_out = match &verdict {
                Verdict::NotApplicable(_) => Vec::new(),
                _ => found.reasons,
            };
            Check {
                name,
                promise,
                verdict,
                left_out,
            }
        });
        Report {
            checks: checks.collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Rule, Found>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shortened(failures: &[String]) -> String {
    let mut text = failures
        .iter()
        .take(MOST)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    if failures.len() > MOST {
        text.push_str(&format!("; and {} more", failures.len() - MOST));
    }
    text
}

const MOST: usize = 8;
