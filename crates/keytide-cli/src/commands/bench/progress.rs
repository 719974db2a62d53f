//! How far a run is, on stderr, where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use keytide_bench::Watch;

use crate::interrupt::Interrupt;

/// A bar with what is measured now and how long the rest should take. Nothing is drawn where stderr is no terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    interrupt: Interrupt,
}

impl Progress {
    pub(crate) fn new(interrupt: Interrupt) -> Self {
        let bar = ProgressBar::new(STEPS);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3} %  {msg}") {
            bar.set_style(style);
        }
        Self { bar, interrupt }
    }
}

impl Watch for Progress {
    fn at(&self, what: &str, done: f64, remaining: Duration) {
        let seconds = remaining.as_secs();
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        self.bar
            .set_message(format!("{minutes}:{seconds:02} left  {what}"));
        self.bar.set_position((done * STEPS as f64) as u64);
    }

    fn stopped(&self) -> bool {
        self.interrupt.pressed()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

const STEPS: u64 = 1_000;
