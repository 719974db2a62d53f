//! Callers that give up: the first of them, and all of them.

use std::sync::Arc;
use std::time::Duration;

use super::crowd::{crowd, warmed};
use super::trials::{Trial, Trials};
use crate::bench::{Bench, Plan};
use crate::figure::span;
use crate::issuer::{Answer, FakeIssuer};
use crate::report::{Better, Case};
use crate::running::Running;
use crate::time::now;

pub(super) fn planned(bench: &Bench<'_>) -> f64 {
    bench.entrants.len() as f64 * rounds(&bench.plan) as f64 * 2.0 * STEP_S
}

pub(super) fn measure(bench: &Bench<'_>) -> Vec<Case> {
    let mut cases = vec![leader(bench)];
    if !bench.stopped() {
        cases.push(impatient(bench));
    }
    cases
}

fn leader(bench: &Bench<'_>) -> Case {
    let mut case = Case::new(
        "cancel",
        "leader",
        "The first caller is dropped while others wait",
        "One task reads and is dropped after 50 ms; 50 joined it before and 50 come after. The issuer takes 200 ms; from the first \
         read to the last of the hundred served, in latencies.",
    )
    .column("latencies", "last served, × latency", "×", Better::Lower)
    .column("calls", "calls", "", Better::Lower);
    let trials = Trials::of(
        bench,
        "cancel leader",
        rounds(&bench.plan),
        STEP_S,
        |entrant| {
            bench.runtime.block_on(async {
                let issuer = FakeIssuer::new(Answer::After(LATENCY));
                let running = warmed(entrant, &issuer).await?;
                let began = now();
                let reading = Arc::clone(&running);
                let leader = tokio::spawn(async move { reading.read().await.map(drop) });
                tokio::time::sleep(Duration::from_millis(10)).await;
                let joined = Arc::clone(&running);
                let before = tokio::spawn(async move { crowd(&joined, 50, began, LIMIT).await });
                tokio::time::sleep(Duration::from_millis(40)).await;
                leader.abort();
                let after = crowd(&running, 50, began, LIMIT).await;
                let before = before.await.unwrap_or_default();
                let served = before.served + after.served;
                let last = before.last.max(after.last);
                Ok(told(served, 100, last, issuer.calls()))
            })
        },
    );
    trials.fill(&mut case, &["latencies"]);
    case
}

fn impatient(bench: &Bench<'_>) -> Case {
    let limit = limit(&bench.plan);
    let mut case = Case::new(
        "cancel",
        "impatient",
        "Callers whose patience is shorter than the issuer's latency",
        format!(
            "64 tasks give each read 100 ms and come back at once; the issuer takes 200 ms. Until the last has been served, in \
             latencies; stopped after {}.",
            span(limit)
        ),
    )
    .column("latencies", "last served, × latency", "×", Better::Lower)
    .column("served", "served", "%", Better::Higher)
    .column("calls", "calls", "", Better::Lower);
    let trials = Trials::of(
        bench,
        "cancel impatient",
        rounds(&bench.plan),
        STEP_S,
        |entrant| {
            bench.runtime.block_on(async {
                let issuer = FakeIssuer::new(Answer::After(LATENCY));
                let running = warmed(entrant, &issuer).await?;
                let began = now();
                let tasks: Vec<_> = (0..64)
                    .map(|_| {
                        let running = Arc::clone(&running);
                        let trying =
                            async move { tokio::time::timeout(limit, served(&*running)).await };
                        tokio::spawn(async move { (trying.await.is_ok(), now()) })
                    })
                    .collect();
                let (mut count, mut last) = (0, Duration::ZERO);
                for task in tasks {
                    if let Ok((true, at)) = task.await {
                        count += 1;
                        last = last.max(at.saturating_duration_since(began));
                    }
                }
                let mut trial = told(count, 64, last, issuer.calls());
                trial.values.push(("served", 100.0 * count as f64 / 64.0));
                Ok(trial)
            })
        },
    );
    trials.fill(&mut case, &["latencies"]);
    case
}

/// Tries until it is served.
async fn served(running: &dyn Running) {
    loop {
        if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, running.read()).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn told(served: usize, of: usize, last: Duration, calls: u64) -> Trial {
    let mut values = vec![("calls", calls as f64)];
    if served == of {
        values.push(("latencies", last.as_secs_f64() / LATENCY.as_secs_f64()));
    }
    Trial {
        values,
        note: (served < of).then(|| format!("{served} of {of} served within the limit")),
        hopeless: served < of,
        spread: None,
    }
}

fn rounds(plan: &Plan) -> usize {
    plan.pick(5, 2)
}

fn limit(plan: &Plan) -> Duration {
    plan.pick(Duration::from_secs(5), Duration::from_millis(1_500))
}

const LATENCY: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_millis(100);
const LIMIT: Duration = Duration::from_secs(5);
const STEP_S: f64 = 0.5;
