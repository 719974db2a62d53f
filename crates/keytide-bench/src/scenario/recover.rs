//! How long after its issuer healed a cache serves again, with a read every 5 ms.

use std::time::Duration;

use super::trials::{Trial, Trials};
use crate::bench::{Bench, Plan};
use crate::entrant::Entrant;
use crate::figure::span;
use crate::issuer::{Answer, FakeIssuer};
use crate::report::{Better, Case, halves_apart};
use crate::running::Failure;
use crate::stats::median;
use crate::time::now;

pub(super) fn planned(bench: &Bench<'_>) -> f64 {
    bench.entrants.len() as f64 * 4.0 * STEP_S
}

pub(super) fn measure(bench: &Bench<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [Kind::Outage, Kind::Refusal, Kind::Expiry] {
        if bench.stopped() {
            break;
        }
        cases.push(one(bench, kind));
    }
    if !bench.stopped() {
        cases.push(patience(bench));
    }
    cases
}

/// One reader with patience for each outage, which is shorter.
fn patience(bench: &Bench<'_>) -> Case {
    let trials = trials(&bench.plan);
    let text = format!(
        "The cache is empty and the issuer answers 503; it heals after 10 ms to a second, at another moment in each of {trials} \
         trials. One reader that states a patience of {} reads once: whether it is served, and how long after the healing. \
         Whose readers cannot state one is left out.",
        span(PATIENCE)
    );
    let mut case = Case::new(
        "recover",
        "patience",
        "An outage that a reader waits through",
        text,
    )
    .column("failed", "failed reads", "", Better::Lower)
    .column("worst", "the worst", "ms", Better::Lower)
    .column("calls", "calls of each", "", Better::Neither);
    let found = Trials::of(bench, "recover patience", 1, STEP_S, |entrant| {
        bench.runtime.block_on(wait_through(bench.plan, entrant))
    });
    found.fill(&mut case, &[]);
    case
}

async fn wait_through(plan: Plan, entrant: &Entrant) -> Result<Trial, Failure> {
    let trials = trials(&plan) as u32;
    let tasks: Vec<_> = (0..trials)
        .map(|number| {
            let heals = Duration::from_millis(10) + LONGEST / trials * number;
            tokio::spawn(one_reader(entrant.clone(), heals))
        })
        .collect();
    let (mut late, mut calls, mut failed) = (Vec::new(), Vec::new(), 0);
    for task in tasks {
        let Some((served, after, called)) = task.await.map_err(Failure::of)?? else {
            continue;
        };
        calls.push(called as f64);
        late.push(after.as_secs_f64() * 1e3);
        failed += u32::from(!served);
    }
    let values = if calls.is_empty() {
        Vec::new()
    } else {
        vec![
            ("failed", f64::from(failed)),
            ("worst", late.iter().copied().fold(0.0, f64::max)),
            ("calls", median(&calls)),
        ]
    };
    let note = calls
        .is_empty()
        .then(|| "no patience can be stated".to_owned());
    Ok(Trial {
        values,
        note,
        hopeless: false,
        spread: None,
    })
}

/// Whether the reader was served, how long after the issuer had healed, and how often that was asked. `None` where no patience
/// can be stated.
async fn one_reader(
    entrant: Entrant,
    heals: Duration,
) -> Result<Option<(bool, Duration, u64)>, Failure> {
    let issuer = FakeIssuer::with(Answer::Unavailable(Duration::ZERO), LONG, None);
    let running = entrant.start(&issuer)?;
    let healed = now() + heals;
    let healer = {
        let issuer = issuer.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(healed.into()).await;
            issuer.set(Answer::After(LATENCY));
        })
    };
    let served = running.read_within(PATIENCE).await;
    let after = now().saturating_duration_since(healed);
    healer.abort();
    Ok(served?.map(|served| (served, after, issuer.calls())))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Outage,
    Refusal,
    Expiry,
}

fn one(bench: &Bench<'_>, kind: Kind) -> Case {
    let (name, title, text) = match kind {
        Kind::Outage => (
            "outage",
            "Recovery from an outage at the start",
            "The cache is empty and the issuer answers 503",
        ),
        Kind::Refusal => (
            "refusal",
            "Recovery from a refusal at the start",
            "The cache is empty and the issuer answers 401",
        ),
        Kind::Expiry => (
            "expiry",
            "Recovery from an outage over an expiry",
            "A token of two seconds ends while the issuer answers 503",
        ),
    };
    let (trials, limit) = (trials(&bench.plan), limit(&bench.plan));
    let text = format!(
        "{text}; within half a second it heals, at another moment in each of {trials} trials. From then to the first read that is \
         served, with a read every 5 ms and an issuer that takes 50 ms; watched for {}.",
        span(limit)
    );
    let mut case = Case::new("recover", name, title, text)
        .column("worst", "the worst", "ms", Better::Lower)
        .column("median", "the median", "ms", Better::Lower)
        .column("calls", "calls of each", "", Better::Neither);
    let found = Trials::of(bench, &format!("recover {name}"), 1, STEP_S, |entrant| {
        bench.runtime.block_on(all(bench.plan, entrant, kind))
    });
    found.fill(&mut case, &[]);
    case
}

async fn all(plan: Plan, entrant: &Entrant, kind: Kind) -> Result<Trial, Failure> {
    let tasks: Vec<_> = (0..trials(&plan))
        .map(|number| {
            let heals = Duration::from_millis(10 + 450 / trials(&plan) as u64 * number as u64);
            tokio::spawn(recover(entrant.clone(), kind, heals, limit(&plan)))
        })
        .collect();
    let (mut after, mut calls, mut never) = (Vec::new(), Vec::new(), 0);
    for task in tasks {
        let (served, called) = task.await.map_err(Failure::of)??;
        calls.push(called as f64);
        match served {
            Some(span) => after.push(span.as_secs_f64() * 1e3),
            None => never += 1,
        }
    }
    let mut values = vec![("calls", median(&calls))];
    let mut spread = None;
    if never == 0 {
        values.push(("worst", after.iter().copied().fold(0.0, f64::max)));
        values.push(("median", median(&after)));
        spread = Some(("median", halves_apart(&after)));
    }
    let note = (never > 0).then(|| {
        let (of, limit) = (trials(&plan), limit(&plan));
        format!("{never} of {of} did not recover within {}", span(limit))
    });
    Ok(Trial {
        values,
        note,
        hopeless: false,
        spread,
    })
}

async fn recover(
    entrant: Entrant,
    kind: Kind,
    heals: Duration,
    limit: Duration,
) -> Result<(Option<Duration>, u64), Failure> {
    let failing = match kind {
        Kind::Refusal => Answer::Refused(Duration::ZERO),
        Kind::Outage | Kind::Expiry => Answer::Unavailable(Duration::ZERO),
    };
    let life = if kind == Kind::Expiry { SHORT } else { LONG };
    let begins = if kind == Kind::Expiry {
        Answer::After(LATENCY)
    } else {
        failing
    };
    let issuer = FakeIssuer::with(begins, life, None);
    let running = entrant.start(&issuer)?;
    let mut began = now();
    if kind == Kind::Expiry {
        super::crowd::first(&*running).await?;
        began = now() + SHORT;
        issuer.set(failing);
    }
    let healer = {
        let issuer = issuer.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until((began + heals).into()).await;
            issuer.set(Answer::After(LATENCY));
        })
    };
    let end = began + heals + limit;
    let served = loop {
        let read = tokio::time::timeout_at(end.into(), running.read()).await;
        let at = now();
        match read {
            Ok(Ok(_)) if at >= began + heals => break Some(at - (began + heals)),
            Err(_) => break None,
            _ => tokio::time::sleep(PACE).await,
        }
        if now() >= end {
            break None;
        }
    };
    healer.abort();
    Ok((served, issuer.calls()))
}

fn trials(plan: &Plan) -> usize {
    plan.pick(16, 8)
}

fn limit(plan: &Plan) -> Duration {
    plan.pick(Duration::from_secs(15), Duration::from_secs(3))
}

/// How long a reader waits, and the longest outage that it waits through.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(1);
const LATENCY: Duration = Duration::from_millis(50);
const PACE: Duration = Duration::from_millis(5);
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(3600);
const STEP_S: f64 = 2.0;
