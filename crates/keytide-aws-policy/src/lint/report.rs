//! What was found, and where: [`Finding`] and [`Report`].

use std::fmt;

/// A fault of a policy, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    statement: Option<usize>,
    code: &'static str,
    message: String,
}

impl Finding {
    /// Which statement it is in, counted from 0; `None` where it is of the whole document.
    #[must_use]
    pub fn statement(&self) -> Option<usize> {
        self.statement
    }

    /// Its kind, a name that stays the same from release to release, such as `pass-role-anything`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong, and what to do about it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.statement {
            write!(f, "statement {index}: ")?;
        }
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// Takes findings for one statement, or for the document.
#[derive(Default)]
pub(super) struct Report {
    pub(super) at: Option<usize>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn say(&mut self, code: &'static str, message: impl Into<String>) {
        let finding = Finding {
            statement: self.at,
            code,
            message: message.into(),
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}
