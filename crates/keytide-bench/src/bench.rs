//! What a run gives its scenarios to work with: [`Bench`], and how it is watched.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::entrant::Entrant;
use crate::time::now;

/// Is told how a run goes, and may stop it.
pub trait Watch {
    /// What is measured now, how much of the run is done, from 0 to 1, and how long the rest should take.
    fn at(&self, what: &str, done: f64, remaining: Duration);

    /// Whether to stop. What was measured is kept.
    fn stopped(&self) -> bool;
}

/// Lets a run go on to its end, unseen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn at(&self, _: &str, _: f64, _: Duration) {}

    fn stopped(&self) -> bool {
        false
    }
}

/// How much of each thing is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) quick: bool,
}

impl Plan {
    /// The first in a whole run, the second in a quick one.
    pub(crate) fn pick<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }
}

/// What a scenario works with.
pub(crate) struct Bench<'a> {
    pub(crate) plan: Plan,
    pub(crate) runtime: &'a Runtime,
    pub(crate) entrants: Vec<Entrant>,
    /// Names that `--only` gave.
    only: &'a [String],
    watch: &'a dyn Watch,
    progress: RefCell<Progress>,
}

#[derive(Default)]
struct Progress {
    /// In seconds, as planned.
    planned: f64,
    done: f64,
    began: Option<Instant>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        plan: Plan,
        runtime: &'a Runtime,
        entrants: Vec<Entrant>,
        only: &'a [String],
        watch: &'a dyn Watch,
    ) -> Self {
        Self {
            plan,
            runtime,
            entrants,
            only,
            watch,
            progress: RefCell::default(),
        }
    }

    /// What all steps together should take, in seconds.
    pub(crate) fn planned(&self, seconds: f64) {
        self.progress.borrow_mut().planned = seconds;
    }

    /// Begins something that was planned to take so many seconds. False: stop.
    pub(crate) fn go(&self, what: &str, seconds: f64) -> bool {
        let mut progress = self.progress.borrow_mut();
        let began = *progress.began.get_or_insert_with(now);
        let share = (progress.done / progress.planned.max(0.001)).min(1.0);
        // What is to come takes as planned, corrected by how the plan did so far.
        let pace = if progress.done > 5.0 {
            (began.elapsed().as_secs_f64() / progress.done).clamp(0.25, 4.0)
        } else {
            1.0
        };
        let remaining = ((progress.planned - progress.done) * pace).max(0.0);
        progress.done += seconds;
        drop(progress);
        self.watch
            .at(what, share, Duration::from_secs_f64(remaining));
        !self.watch.stopped()
    }

    /// Ends what a step planned and did not use.
    pub(crate) fn skip(&self, seconds: f64) {
        self.progress.borrow_mut().done += seconds;
    }

    pub(crate) fn stopped(&self) -> bool {
        self.watch.stopped()
    }

    pub(crate) fn is_peer(&self, name: &str) -> bool {
        let info = self.entrants.iter().map(Entrant::info);
        info.into_iter()
            .any(|info| info.name == name && info.role.is_peer())
    }

    pub(crate) fn wanted(&self, name: &str) -> bool {
        wanted(self.only, name)
    }
}

/// A name is wanted by itself or by its first word.
pub(crate) fn wanted(only: &[String], name: &str) -> bool {
    let first = name.split([' ', ',']).next();
    only.is_empty()
        || only
            .iter()
            .any(|one| one == name || first == Some(one.as_str()))
}
