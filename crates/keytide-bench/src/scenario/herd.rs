//! Many callers at once: on an empty cache, at a refresh, on an issuer that fails.

use std::time::Duration;

use super::crowd::{Crowd, crowd, loaded, warmed};
use super::trials::{Trial, Trials};
use crate::bench::{Bench, Plan};
use crate::entrant::Entrant;
use crate::figure::span;
use crate::issuer::{Answer, FakeIssuer};
use crate::report::{Better, Case};
use crate::running::Failure;
use crate::time::now;

pub(super) fn planned(bench: &Bench<'_>) -> f64 {
    let plan = &bench.plan;
    let count = bench.entrants.len() as f64;
    let jitters: f64 = bench
        .entrants
        .iter()
        .map(|entrant| entrant.info().jitter().as_secs_f64())
        .sum();
    let cold = rounds(plan) as f64 * COLD_S;
    let refresh = refresh_rounds(plan) as f64 * REFRESH_S;
    let failing = rounds(plan) as f64 * FAILING_S;
    count * (cold + refresh + failing) + jitters * refresh_rounds(plan) as f64
}

pub(super) fn measure(bench: &Bench<'_>) -> Vec<Case> {
    let mut cases = vec![cold(bench)];
    if !bench.stopped() {
        cases.push(at_refresh(bench));
    }
    if !bench.stopped() {
        cases.push(failing(bench));
    }
    cases
}

fn cold(bench: &Bench<'_>) -> Case {
    let readers = bench.plan.pick(10_000, 2_000);
    let mut case = Case::new(
        "herd",
        "cold",
        "Many callers on an empty cache",
        format!("{readers} tasks read at once; the issuer takes 200 ms. Until the last has been served, in latencies."),
    )
    .column("latencies", "last served, × latency", "×", Better::Lower)
    .column("calls", "calls", "", Better::Lower);
    let trials = Trials::of(bench, "herd cold", rounds(&bench.plan), COLD_S, |entrant| {
        bench.runtime.block_on(async {
            let issuer = FakeIssuer::new(Answer::After(LATENCY));
            let running = warmed(entrant, &issuer).await?;
            let found = crowd(&running, readers, now(), limit(&bench.plan)).await;
            Ok(trial(
                &found,
                LATENCY,
                issuer.calls(),
                found.served == readers,
            ))
        })
    });
    trials.fill(&mut case, &["latencies"]);
    case
}

fn at_refresh(bench: &Bench<'_>) -> Case {
    let readers = bench.plan.pick(10_000, 2_000);
    let mut case = Case::new(
        "herd",
        "refresh",
        "Many callers at the moment of a refresh",
        format!(
            "{readers} tasks read at once, just after the refresh fell due; the old credential is still valid, and the issuer \
             takes 200 ms."
        ),
    )
    .column("waited", "callers that waited", "%", Better::Lower)
    .column("last", "last served after", "ms", Better::Lower)
    .column("calls", "calls", "", Better::Lower);
    let rounds = refresh_rounds(&bench.plan);
    let trials = Trials::of(bench, "herd at refresh", rounds, REFRESH_S, |entrant| {
        bench
            .runtime
            .block_on(one_at_refresh(bench.plan, entrant, readers))
    });
    trials.fill(&mut case, &["last"]);
    case
}

async fn one_at_refresh(plan: Plan, entrant: &Entrant, readers: usize) -> Result<Trial, Failure> {
    let life = entrant.info().lifetime(FRESH);
    let issuer = FakeIssuer::with(Answer::After(Duration::from_millis(5)), life, Some(FRESH));
    let running = loaded(entrant, &issuer).await?;
    issuer.set(Answer::After(LATENCY));
    tokio::time::sleep(FRESH + entrant.info().jitter() + Duration::from_millis(30)).await;
    let found = crowd(&running, readers, now(), limit(&plan)).await;
    // A refresh behind the readers' backs ends a latency later.
    tokio::time::sleep(LATENCY).await;
    let mut trial = trial(&found, LATENCY, issuer.calls() - 1, found.served == readers);
    trial
        .values
        .push(("waited", 100.0 * found.waited as f64 / readers as f64));
    if found.untold == 0 {
        trial.values.push(("last", found.last.as_secs_f64() * 1e3));
    }
    Ok(trial)
}

fn failing(bench: &Bench<'_>) -> Case {
    let limit = limit(&bench.plan);
    let mut case = Case::new(
        "herd",
        "failing",
        "Many callers on an empty cache, and the issuer fails",
        format!(
            "1,000 tasks read at once; the issuer answers 503 after 50 ms. Until the last has been told, in latencies, and what \
             all callers together waited; stopped after {}.",
            span(limit)
        ),
    )
    .column("latencies", "all told, × latency", "×", Better::Lower)
    .column("spent", "waited in all", "s", Better::Lower)
    .column("calls", "calls", "", Better::Lower);
    let latency = Duration::from_millis(50);
    let rounds = rounds(&bench.plan);
    let trials = Trials::of(bench, "herd failing", rounds, FAILING_S, |entrant| {
        bench.runtime.block_on(async {
            let issuer = FakeIssuer::new(Answer::Unavailable(latency));
            let running = warmed(entrant, &issuer).await?;
            let found = crowd(&running, 1_000, now(), limit).await;
            let mut trial = trial(&found, latency, issuer.calls(), found.untold == 0);
            trial.values.push(("spent", found.spent.as_secs_f64()));
            Ok(trial)
        })
    });
    trials.fill(&mut case, &["latencies"]);
    case
}

fn trial(found: &Crowd, latency: Duration, calls: u64, complete: bool) -> Trial {
    let mut values = vec![("calls", calls as f64)];
    if complete {
        let latencies = found.last.as_secs_f64() / latency.as_secs_f64();
        values.push(("latencies", latencies));
    }
    let note = (!complete).then(|| {
        let Crowd {
            served,
            failed,
            untold,
            ..
        } = found;
        format!("{served} served, {failed} failed, {untold} told nothing within the limit")
    });
    Trial {
        values,
        note,
        hopeless: found.untold > 0,
        spread: None,
    }
}

fn rounds(plan: &Plan) -> usize {
    plan.pick(5, 3)
}

fn refresh_rounds(plan: &Plan) -> usize {
    plan.pick(3, 1)
}

fn limit(plan: &Plan) -> Duration {
    plan.pick(Duration::from_secs(10), Duration::from_secs(2))
}

const LATENCY: Duration = Duration::from_millis(200);
const FRESH: Duration = Duration::from_secs(1);
const COLD_S: f64 = 0.3;
const REFRESH_S: f64 = 1.5;
const FAILING_S: f64 = 0.6;
