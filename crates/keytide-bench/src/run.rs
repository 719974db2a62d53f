//! A run of scenarios: [`run`], and what it is told and tells.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::bench::{Bench, Plan, Watch, wanted};
use crate::entrant::{Entrant, Info, Role};
use crate::figure::span;
use crate::report::{Machine, Noise, Report};
use crate::running::Failure;
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
    let bench = Bench::new(plan, &runtime, entrants, &options.only, watch);
    bench.planned(
        scenarios
            .iter()
            .map(|scenario| scenario.planned(&bench))
            .sum(),
    );
    let mut report = Report {
        schema: 1,
        partial: false,
        quick: options.quick,
        began: wall()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        took_s: 0.0,
        better: Vec::new(),
        behind: Vec::new(),
        noise: Noise::default(),
        goals: Vec::new(),
        subjects: infos,
        cases: Vec::new(),
        method: crate::report::method(sentence(&plan)),
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

/// How much was done, in words.
fn sentence(plan: &Plan) -> String {
    let kind = plan.pick("This was a whole run", "This was a quick run");
    format!(
        "{kind}: {} rounds of hits ({} with two threads), {} of refreshes with outages of {}.",
        scenario::hit::rounds(plan),
        scenario::hit::thread_rounds(plan),
        scenario::refresh::rounds(plan),
        span(scenario::refresh::outage(plan)),
    )
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
