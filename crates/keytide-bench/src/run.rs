//! A run of scenarios: [`run`], and what it is told and tells.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::contend::Failure;
use crate::entrant::{Entrant, Info, Role};
use crate::figure::span;
use crate::report::{Machine, Noise, Report};
use crate::scenario::{self, Scenario};
use crate::subjects;
use crate::time::{now, wall};

/// What to measure.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The scenarios; none means all.
    pub scenarios: Vec<Scenario>,
    /// Fewer rounds, smaller herds, shorter outages.
    pub quick: bool,
    /// Only subjects of these names; none means all. The name of a crate means all its reads.
    pub only: Vec<String>,
}

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

    pub(crate) fn sentence(&self) -> String {
        let kind = self.pick("This was a whole run", "This was a quick run");
        let (reads, threads) = (
            scenario::hit::rounds(self),
            scenario::hit::thread_rounds(self),
        );
        let outage = scenario::refresh::outage(self);
        format!(
            "{kind}: {reads} rounds of hits ({threads} with two threads), {} of refreshes with outages of {}.",
            scenario::refresh::rounds(self),
            span(outage),
        )
    }
}

/// What a scenario works with.
pub(crate) struct Bench<'a> {
    pub(crate) plan: Plan,
    pub(crate) runtime: &'a Runtime,
    pub(crate) entrants: Vec<Entrant>,
    /// Names that `--only` gave.
    pub(crate) only: &'a [String],
    watch: &'a dyn Watch,
    progress: std::cell::RefCell<Progress>,
}

#[derive(Default)]
struct Progress {
    /// In seconds, as planned.
    planned: f64,
    done: f64,
    began: Option<std::time::Instant>,
}

impl Bench<'_> {
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

/// Why a run cannot begin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// No subject has this name; these are known.
    Unknown(String, Vec<String>),
    /// A peer that this program was built without.
    NotBuilt(String),
    /// The system gives no runtime.
    NoRuntime(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name, known) => {
                write!(
                    f,
                    "no subject is called {name:?}; there are: {}",
                    known.join(", ")
                )
            }
            Self::NotBuilt(name) => write!(
                f,
                "{name} is a peer, and this program was built without peers: build it with --features peers"
            ),
            Self::NoRuntime(why) => write!(f, "the runtime could not be started: {why}"),
        }
    }
}

impl std::error::Error for Refused {}

/// Measures. `more` take part beside those of this crate: put in your own.
///
/// # Errors
/// When a name is unknown, or the system gives no runtime. A subject that fails is told of in the report.
pub fn run(options: &Options, more: Vec<Entrant>, watch: &dyn Watch) -> Result<Report, Refused> {
    let mut entrants = subjects::entrants();
    entrants.extend(more);
    check(&options.only, &entrants)?;
    entrants.retain(|entrant| wanted(&options.only, &entrant.info().name));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bench")
        .enable_all()
        .build()
        .map_err(|error| Refused::NoRuntime(error.to_string()))?;
    let scenarios: Vec<Scenario> = Scenario::ALL
        .into_iter()
        .filter(|known| options.scenarios.is_empty() || options.scenarios.contains(known))
        .collect();
    let plan = Plan {
        quick: options.quick,
    };
    let infos: Vec<Info> = entrants.iter().map(|one| one.info().clone()).collect();
    let bench = Bench {
        plan,
        runtime: &runtime,
        entrants,
        only: &options.only,
        watch,
        progress: std::cell::RefCell::default(),
    };
    bench.progress.borrow_mut().planned = scenarios
        .iter()
        .map(|scenario| scenario.planned(&bench))
        .sum();
    let mut report = Report {
        schema: 1,
        partial: false,
        quick: options.quick,
        began: wall()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        took_s: 0.0,
        better: Vec::new(),
        noise: Noise::default(),
        goals: Vec::new(),
        subjects: infos,
        cases: Vec::new(),
        method: crate::report::method(&plan),
        machine: Machine::this(),
    };
    let began = now();
    let mut measured = 0;
    for scenario in &scenarios {
        if bench.stopped() {
            break;
        }
        report.cases.extend(scenario.measure(&bench));
        measured += 1;
    }
    report.partial = bench.stopped() || measured < scenarios.len();
    report.took_s = began.elapsed().as_secs_f64();
    add_others(&mut report);
    report.finish();
    drop(bench);
    // Reads that hang for ever must not keep the program.
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(report)
}

fn check(only: &[String], entrants: &[Entrant]) -> Result<(), Refused> {
    let mut known: Vec<String> = entrants
        .iter()
        .map(|one| one.info().name.clone())
        .chain(scenario::hit::NAMES.map(str::to_owned))
        .chain([scenario::http::FIXED, scenario::http::NO_RETRY].map(str::to_owned))
        .collect();
    known.dedup();
    for name in only {
        if known
            .iter()
            .any(|one| wanted(std::slice::from_ref(name), one))
        {
            continue;
        }
        if subjects::peer_names().any(|peer| peer == name) {
            return Err(Refused::NotBuilt(name.clone()));
        }
        return Err(Refused::Unknown(name.clone(), known));
    }
    Ok(())
}

/// A name is wanted by itself or by its first word.
fn wanted(only: &[String], name: &str) -> bool {
    let first = name.split([' ', ',']).next();
    only.is_empty()
        || only
            .iter()
            .any(|one| one == name || first == Some(one.as_str()))
}

/// The subjects that only `hit` has.
fn add_others(report: &mut Report) {
    let mut others = Vec::new();
    for row in report.cases.iter().flat_map(|case| &case.rows) {
        let known = report.subjects.iter().chain(&others);
        if !known
            .into_iter()
            .any(|info: &Info| info.name == row.subject)
        {
            others.push(subjects::other(&row.subject));
        }
    }
    report.subjects.extend(others);
    report.subjects.sort_by_key(|info| match info.role {
        Role::Primitive => 0,
        Role::Floor => 1,
        Role::Keytide => 2,
        Role::Yours => 3,
        Role::Peer => 4,
    });
}

impl FromStr for Scenario {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self, Failure> {
        let known = Self::ALL.into_iter().find(|known| known.name() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Failure::of(format!(
                "no scenario is called {name:?}; there are: {names}"
            ))
        })
    }
}
