//! Checks of calls that are dropped, and of calls at the same time.

use std::sync::Arc;
use std::time::Duration;

use keytide_core::Cache;
use tokio::task::JoinSet;

use crate::conformance::case::{Case, chain, patiently};
use crate::conformance::fixture::{Condition, Fixture};
use crate::conformance::machine::times;
use crate::conformance::probe::{Dropped, End};
use crate::conformance::rule::Rule;
use crate::conformance::suite::Suite;

/// Drops a call before its first poll, after its first, its second, …, and calls again each time; then once more, each
/// time not before what it waits for has come.
pub(in crate::conformance) async fn anywhere<F: Fixture>(suite: &Arc<Suite<F>>) {
    for how in [Dropped::All, Dropped::Woken] {
        at_each_poll(suite, how).await;
    }
}

async fn at_each_poll<F: Fixture>(suite: &Arc<Suite<F>>, how: Dropped) {
    let case = Case::new(suite, "dropped");
    let findings = &suite.findings;
    for polls in 0..MOST_POLLS {
        case.probe.drop_after(Some((polls, how.clone())));
        let _ = case.refresh().await;
        let dropped = case.take_calls();
        case.probe.drop_after(None);
        let result = case.refresh().await;
        let good = match &result {
            Ok(_) => findings.judge(Rule::SurvivesDrops, true, String::new),
            Err(error) => findings.judge(Rule::SurvivesDrops, false, || {
                let why = chain(error).join(": ");
                format!("the call after one that was dropped after {polls} polls: {why}")
            }),
        };
        case.take_calls();
        let whole = !dropped.iter().any(|call| matches!(call.end, End::Dropped));
        if whole || !good {
            break;
        }
    }
    case.finish().await;
}

/// Drops a call that the issuer does not answer.
pub(in crate::conformance) async fn hanging<F: Fixture>(suite: &Arc<Suite<F>>) {
    let case = Case::new(suite, "dropped while the issuer hangs");
    let findings = &suite.findings;
    if !case.put(&Condition::Hanging, Rule::EndsWhenDropped) {
        return case.finish().await;
    }
    let cache = case.cache.clone();
    let call = tokio::spawn(async move { patiently(cache.refresh_now()).await });
    let reached = soon(|| case.fixture.running().is_none_or(|running| running > 0)).await;
    if case.fixture.running().is_none() {
        // Where it is cannot be seen: it has time to get there.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    case.probe.cut();
    let _ = call.await;
    case.take_calls();
    match case.fixture.running() {
        None => findings.skip(
            Rule::EndsWhenDropped,
            "the fixture cannot tell what its issuer is dealing with",
        ),
        Some(_) if !reached => {
            findings.fail(Rule::EndsWhenDropped, "the call did not reach the issuer");
        }
        Some(_) => {
            let ended = soon(|| case.fixture.running() == Some(0)).await;
            let why = || "the call is still under way at the issuer, 2 s after it was dropped";
            findings.judge(Rule::EndsWhenDropped, ended, || why().to_owned());
        }
    }
    let _ = case.fixture.put(&Condition::Healthy);
    let result = case.refresh().await;
    findings.judge(Rule::SurvivesDrops, result.is_ok(), || {
        let why = result.as_ref().err().map(|error| chain(error).join(": "));
        case.when(&why.unwrap_or_default())
    });
    case.finish().await;
}

/// Asks from many caches at a time; then again, while half of the calls are dropped on the way.
pub(in crate::conformance) async fn concurrent<F: Fixture>(suite: &Arc<Suite<F>>) {
    let case = Case::new(suite, "at the same time");
    let findings = &suite.findings;
    let caches: Vec<_> = (0..CALLERS).map(|_| case.another_cache()).collect();
    let dropped: Vec<_> = caches.iter().take(CALLERS / 2).map(Cache::key).collect();
    for round in 0..ROUNDS {
        let drops = (round > 0).then(|| (round, Dropped::Of(dropped.clone())));
        let whole = if drops.is_some() {
            CALLERS / 2
        } else {
            CALLERS
        };
        case.probe.drop_after(drops);
        let before = case.fixture.calls();
        let mut calls = JoinSet::new();
        for cache in &caches {
            let cache = cache.clone();
            calls.spawn(async move { (cache.key(), patiently(cache.refresh_now()).await) });
        }
        while let Some(Ok((key, result))) = calls.join_next().await {
            case.looked_at(&result);
            match result {
                Ok(_) => findings.pass(Rule::Concurrent),
                Err(_) if round > 0 && dropped.contains(&key) => {}
                Err(error) => findings.fail(Rule::Concurrent, chain(&error).join(": ")),
            }
        }
        case.take_calls();
        if let (Some(before), Some(after)) = (before, case.fixture.calls()) {
            let reached = after - before;
            findings.judge(Rule::Concurrent, reached >= whole as u64, || {
                format!("{whole} calls at a time asked the issuer {reached} times")
            });
        }
    }
    case.finish().await;
}

async fn soon(happens: impl Fn() -> bool) -> bool {
    let begun = tokio::time::Instant::now();
    loop {
        if happens() {
            return true;
        }
        if begun.elapsed() > times(SOON) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// On a machine of its own.
const SOON: Duration = Duration::from_secs(2);
const MOST_POLLS: u32 = 100;
const CALLERS: usize = 8;
const ROUNDS: u32 = 4;
