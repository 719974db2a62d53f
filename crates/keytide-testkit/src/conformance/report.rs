//! What came of it: [`Report`].

use std::fmt;

/// What the suite found, check by check. Its `Display` is a table.
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) checks: Vec<Check>,
}

/// One check of a [`Report`].
#[derive(Debug, Clone)]
pub struct Check {
    pub(super) name: &'static str,
    pub(super) promise: &'static str,
    pub(super) verdict: Verdict,
    pub(super) left_out: Vec<String>,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It ran, and found nothing wrong.
    Passed,
    /// What it found wrong.
    Failed(String),
    /// Why it could not run.
    NotApplicable(String),
}

impl Report {
    /// Every check, in the order of the table.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The names of the checks that failed.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.names(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// The names of the checks that could not run.
    #[must_use]
    pub fn not_applicable(&self) -> Vec<&'static str> {
        self.names(|verdict| matches!(verdict, Verdict::NotApplicable(_)))
    }

    /// Fails the test when a check failed. Checks that are not applicable are let by: see
    /// [`assert_all_but`](Self::assert_all_but).
    ///
    /// # Panics
    /// With the table, when a check failed.
    #[track_caller]
    pub fn assert(&self) {
        let failed = self.failed();
        assert!(failed.is_empty(), "failed: {failed:?}\n\n{self}");
    }

    /// Fails the test when a check failed, and when another than these was not applicable: so that one that stops
    /// running is noticed.
    ///
    /// # Panics
    /// With the table.
    #[track_caller]
    pub fn assert_all_but(&self, not_applicable: &[&str]) {
        self.assert();
        let found = self.not_applicable();
        assert!(
            found.len() == not_applicable.len()
                && found.iter().all(|name| not_applicable.contains(name)),
            "not applicable: {found:?}, expected: {not_applicable:?}\n\n{self}"
        );
    }

    fn names(&self, fits: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
        let checks = self.checks.iter().filter(|check| fits(&check.verdict));
        checks.map(|check| check.name).collect()
    }
}

impl Check {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it promises when it passes.
    #[must_use]
    pub fn promise(&self) -> &'static str {
        self.promise
    }

    /// What came of it.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// What it had to leave out, of a check that ran.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let (mark, why) = match &check.verdict {
                Verdict::Passed => ("passed", ""),
                Verdict::Failed(why) => ("FAILED", why.as_str()),
                Verdict::NotApplicable(why) => ("n/a", why.as_str()),
            };
            writeln!(f, "{mark:<7} {:<20} {}", check.name, check.promise)?;
            if !why.is_empty() {
                writeln!(f, "{:<28} {why}", "")?;
            }
            if !check.left_out.is_empty() {
                writeln!(f, "{:<28} without: {}", "", check.left_out.join("; "))?;
            }
        }
        Ok(())
    }
}
