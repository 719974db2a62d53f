//! Checks of how failures are sorted, and of the call after them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keytide_core::{Clock, Error, ErrorKind, RetryAfter, SystemClock};

use crate::conformance::case::{CALL_LIMIT, Case, chain, secret_of};
use crate::conformance::fixture::{Condition, Fixture};
use crate::conformance::probe::End;
use crate::conformance::rule::Rule;
use crate::conformance::suite::{Suite, can_be};

/// What an issuer can say instead of giving a credential.
pub(in crate::conformance) const CONDITIONS: [Condition; 4] = [
    Condition::Down,
    Condition::Refusing,
    Condition::Throttling(None),
    Condition::Throttling(Some(RETRY_AFTER)),
];

/// Whether the error is of the sort that the condition calls for, costs one call, and is over when the issuer is well.
pub(in crate::conformance) async fn sort<F: Fixture>(suite: &Arc<Suite<F>>, condition: &Condition) {
    let (rule, kind, name) = match condition {
        Condition::Down => (Rule::Unavailable, ErrorKind::Unavailable, "down"),
        Condition::Refusing => (Rule::Refused, ErrorKind::Refused, "refusing"),
        _ => (Rule::Throttled, ErrorKind::Throttled, "throttling"),
    };
    let case = Case::new(suite, name);
    let findings = &suite.findings;
    if !case.put(condition, rule) {
        if rule == Rule::Throttled {
            case.put(condition, Rule::RetryAfter);
        }
        return case.finish().await;
    }
    // Without a credential at hand …
    one_failure(&case, rule, kind, condition).await;
    idle_calls(&case, name).await;
    recovers(&case, 1).await;
    // … and with one.
    match (case.cache.try_get(), case.fixture.put(condition)) {
        (Ok(held), Ok(())) => {
            one_failure(&case, rule, kind, condition).await;
            idle_calls(&case, name).await;
            let kept = case
                .cache
                .try_get()
                .is_ok_and(|found| secret_of(&found) == secret_of(&held));
            let why = || format!("{name}: the credential at hand is not served");
            findings.judge(Rule::KeepsCredential, kept, why);
            recovers(&case, 1).await;
        }
        _ => {
            let why = format!("{name}: there was no credential at hand");
            findings.skip(Rule::KeepsCredential, why);
        }
    }
    case.finish().await;
}

async fn one_failure<F: Fixture>(
    case: &Case<F>,
    rule: Rule,
    kind: ErrorKind,
    condition: &Condition,
) {
    let findings = &case.suite.findings;
    let before = (case.fixture.calls(), case.probe.started());
    let now = SystemClock::default().wall();
    let result = case.refresh().await;
    let after = (case.fixture.calls(), case.probe.started());
    case.take_calls();
    match &result {
        Ok(_) => findings.fail(rule, case.when("it gives a credential nevertheless")),
        Err(error) => {
            findings.judge(rule, error.kind() == kind, || {
                let found = error.kind();
                case.when(&format!(
                    "{found:?} instead of {kind:?}: {}",
                    chain(error).join(": ")
                ))
            });
            if let Condition::Throttling(asked) = condition {
                hands_on(case, error, *asked, now);
            }
        }
    }
    if let (Some(then), Some(reached)) = (before.0, after.0) {
        let (reached, made) = (reached - then, after.1 - before.1);
        findings.judge(Rule::AsksOnce, reached <= made, || {
            case.when(&format!("{made} call asked the issuer {reached} times"))
        });
    }
}

/// Whether the error says for how long the issuer asks to be left alone.
pub(in crate::conformance) fn hands_on<F: Fixture>(
    case: &Case<F>,
    error: &Error,
    asked: Option<Duration>,
    now: SystemTime,
) {
    let found = error.retry_after();
    let right = is_asked(found, asked, now);
    case.suite.findings.judge(Rule::RetryAfter, right, || {
        case.when(&format!(
            "the issuer asks for {asked:?}, the error says {found:?}"
        ))
    });
}

fn is_asked(found: Option<RetryAfter>, asked: Option<Duration>, now: SystemTime) -> bool {
    match (found, asked) {
        (None, None) => true,
        (Some(RetryAfter::Delay(found)), Some(asked)) => found == asked,
        (Some(RetryAfter::At(instant)), Some(asked)) => {
            let ahead = instant.duration_since(now).unwrap_or_default();
            ahead.abs_diff(asked) <= Duration::from_secs(3)
        }
        _ => false,
    }
}

/// Whether reads after a failure lead to calls faster than the pace.
pub(in crate::conformance) async fn idle_calls<F: Fixture>(case: &Case<F>, name: &str) {
    let before = case.probe.started();
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < READ_FOR {
        let _ = case.cache.try_get();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let calls = case.probe.started() - before;
    // On a busy machine it may have been longer, and the pauses only grow.
    let took = begun.elapsed();
    let longer = took.saturating_sub(READ_FOR).as_millis() / NEXT_PAUSE.as_millis();
    let most = u128::from(AT_PACE) + longer;
    case.suite
        .findings
        .judge(Rule::NoBusyLoop, u128::from(calls) <= most, || {
            format!("{name}: {calls} calls within {took:?} after the failure")
        });
}

/// Whether a call works once the issuer is well; in so many attempts.
pub(in crate::conformance) async fn recovers<F: Fixture>(case: &Case<F>, attempts: u32) {
    let _ = case.fixture.put(&Condition::Healthy);
    // A call that began before that says nothing: a refresh by name would join it.
    for _ in 0..LOOKS {
        if !case.cache.status().in_flight {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut last: Option<Error> = None;
    for _ in 0..attempts {
        match case.refresh().await {
            Ok(_) => {
                case.take_calls();
                return case.suite.findings.pass(Rule::Recovers);
            }
            Err(error) => last = Some(error),
        }
        case.take_calls();
    }
    let why = last
        .map(|error| chain(&error).join(": "))
        .unwrap_or_default();
    case.suite.findings.fail(Rule::Recovers, case.when(&why));
}

/// Whether a provider that nothing configures says so.
pub(in crate::conformance) async fn not_configured<F: Fixture>(suite: &Arc<Suite<F>>) {
    let (rule, condition) = (Rule::NotConfigured, Condition::NotConfigured);
    if let Err(why) = can_be(suite, &condition) {
        return suite.findings.skip(rule, why);
    }
    let case = Case::with(
        suite,
        "not configured",
        CALL_LIMIT,
        |agent| agent,
        &condition,
    );
    let result = case.refresh().await;
    let ends = case.take_calls();
    match &result {
        Ok(_) => suite
            .findings
            .fail(rule, "it gives a credential nevertheless"),
        Err(error) => {
            let right = error.kind() == ErrorKind::NotConfigured
                && ends.iter().all(|call| matches!(call.end, End::Failed(_)));
            suite.findings.judge(rule, right, || {
                let found = error.kind();
                format!(
                    "{found:?} instead of NotConfigured: {}",
                    chain(error).join(": ")
                )
            });
        }
    }
    case.finish().await;
}

const RETRY_AFTER: Duration = Duration::from_secs(7);
/// How long reads go on after a failure.
const READ_FOR: Duration = Duration::from_millis(600);
/// How many calls the pace allows meanwhile: one at an expiry, and those of the first pauses, after at least 50, 100 and 200 ms.
const AT_PACE: u64 = 4;
/// The fourth pause takes this long at least.
const NEXT_PAUSE: Duration = Duration::from_millis(400);

/// How many milliseconds a call that is under way is waited for.
const LOOKS: u32 = 10_000;
