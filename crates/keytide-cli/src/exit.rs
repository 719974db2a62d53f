//! How the program ends: [`Exit`].

use std::process::ExitCode;

/// How the program ends. The numbers are part of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done.
    Done = 0,
    /// Something could not be measured at all, or not written.
    Failed = 1,
    /// What was asked for does not exist. (clap ends with the same number.)
    Usage = 2,
    /// Interrupted; what was measured until then was kept.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What `--help` says of it.
pub(crate) const HELP: &str = "\
Exit codes:
    0  all was done; a goal that is missed is told of, and no failure
    1  something could not be measured at all, or not written
    2  bad usage: an unknown command, scenario, subject or option
  130  interrupted by Ctrl-C; what was measured was kept, and the report says that it is partial";
