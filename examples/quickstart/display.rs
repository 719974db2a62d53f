//! How the run goes, while it goes: [`Display`].

use std::env;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use keytide::CacheStatus;

use crate::stats::Stats;

/// A line that is written over itself on a terminal, and one line a second elsewhere.
pub(crate) struct Display {
    terminal: bool,
    colour: bool,
}

impl Display {
    pub(crate) fn new() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a program is the place to read its environment"
        )]
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let terminal = io::stdout().is_terminal();
        Self {
            terminal,
            colour: terminal && !set("NO_COLOR"),
        }
    }

    /// How often to show something.
    pub(crate) fn pace(&self) -> Duration {
        Duration::from_millis(if self.terminal { 100 } else { 1_000 })
    }

    pub(crate) fn show(
        &self,
        elapsed: Duration,
        of: Duration,
        status: &CacheStatus,
        stats: &Stats,
    ) {
        let part = (elapsed.as_secs_f64() / of.as_secs_f64()).min(1.0);
        let text = format!(
            "gen {:<2} age {:.1} s  left {:.1} s  {:>6} requests  ",
            status.generation,
            status.age.unwrap_or_default().as_secs_f64(),
            status.remaining.unwrap_or_default().as_secs_f64(),
            stats.requests(),
        );
        let failures = format!("{} failures", stats.failures());
        if !self.terminal {
            println!("{:5.1} s  {text}{failures}", elapsed.as_secs_f64());
            return;
        }
        let filled = "#".repeat((part * BAR).round() as usize);
        let empty = "-".repeat((BAR - part * BAR).round() as usize);
        let bad = stats.failures() > 0;
        print!(
            "\r{}{empty} {:>3.0}%  {text}{}",
            self.paint(&filled, GREEN),
            part * 100.0,
            self.paint(&failures, if bad { RED } else { PLAIN }),
        );
        // A terminal that cannot be written to is no reason to end the run.
        let _ = io::stdout().flush();
    }

    /// Leaves the line as it stands.
    pub(crate) fn end(&self) {
        if self.terminal {
            println!();
        }
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.colour && colour != PLAIN {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// How many characters the bar has.
const BAR: f64 = 14.0;
const GREEN: &str = "32";
const RED: &str = "31";
const PLAIN: &str = "";
