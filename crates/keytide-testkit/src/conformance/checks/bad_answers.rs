//! Checks of what a provider makes of bad answers.

use std::sync::Arc;
use std::time::Duration;

use keytide_core::{Clock, Credential, Error, SystemClock};

use super::sorts::{hands_on, idle_calls, recovers};
use crate::conformance::case::{CALL_LIMIT, Case, chain, secret_of};
use crate::conformance::fixture::{BadAnswer, Condition, Fixture};
use crate::conformance::machine::times;
use crate::conformance::probe::{Call, End};
use crate::conformance::rule::Rule;
use crate::conformance::suite::Suite;
use crate::outcome::Outcome;

/// The bad answers that the issuer can give.
pub(in crate::conformance) fn list<F: Fixture>(suite: &Suite<F>) -> Vec<BadAnswer> {
    let fixture = (suite.make)();
    let (withheld, list): (Vec<_>, Vec<_>) = fixture
        .bad_answers()
        .into_iter()
        .partition(|bad| bad.why_withheld().is_some());
    for bad in &withheld {
        let why = bad.why_withheld().unwrap_or_default();
        suite
            .findings
            .skip(Rule::BadAnswers, format!("{}: {why}", bad.name()));
    }
    if list.is_empty() {
        for rule in [Rule::BadAnswers, Rule::StopsReading] {
            suite.findings.skip(rule, "the fixture has no bad answers");
        }
    } else if fixture.taken().is_none() {
        let why = "the fixture cannot tell how much its issuer got rid of";
        suite.findings.skip(Rule::StopsReading, why);
    }
    list
}

/// Whether this answer becomes what it should, and nothing worse.
pub(in crate::conformance) async fn answer<F: Fixture>(suite: &Arc<Suite<F>>, bad: BadAnswer) {
    let limit = if bad.is_endless() {
        // That in which all is well has to fit too.
        times(ENDLESS_LIMIT)
    } else {
        CALL_LIMIT
    };
    let case = Case::limited(suite, bad.name(), limit);
    let findings = &suite.findings;
    let condition = Condition::Bad(bad.name().to_owned());

    // With a credential at hand …
    let held = case.refresh().await;
    case.take_calls();
    if let Err(why) = case.fixture.put(&condition) {
        findings.fail(
            Rule::BadAnswers,
            case.when(&format!("it is listed, but {why}")),
        );
        return case.finish().await;
    }
    let result = asked(&case, &bad).await;
    if result.is_err() {
        idle_calls(&case, bad.name()).await;
    }
    kept(&case, &held, &result);
    taken(&case);

    // … and once the issuer is well. A connection that it closed may cost one more attempt, where that is no error.
    let attempts = if bad.outcome() == Outcome::Either {
        2
    } else {
        1
    };
    recovers(&case, attempts).await;
    case.finish().await;
}

async fn asked<F: Fixture>(case: &Case<F>, bad: &BadAnswer) -> Result<Arc<Credential>, Error> {
    let findings = &case.suite.findings;
    let before = (case.fixture.calls(), case.probe.started());
    let now = SystemClock::default().wall();
    let result = case.refresh().await;
    let after = (case.fixture.calls(), case.probe.started());
    let calls = case.take_calls();

    if let (Some(then), Some(reached)) = (before.0, after.0) {
        let (reached, made) = (reached - then, after.1 - before.1);
        findings.judge(Rule::AsksOnce, reached <= made, || {
            case.when(&format!("{made} call asked the issuer {reached} times"))
        });
    }
    if let (Some(asked), Err(error)) = (bad.patience(), &result) {
        hands_on(case, error, asked, now);
    }
    let good = judged(bad, &result, &calls);
    findings.judge(Rule::BadAnswers, good.is_ok(), || {
        case.when(&good.err().unwrap_or_default())
    });
    result
}

fn judged(
    bad: &BadAnswer,
    result: &Result<Arc<Credential>, Error>,
    calls: &[Call],
) -> Result<(), String> {
    let abandoned = calls.iter().any(|call| matches!(call.end, End::Abandoned));
    if abandoned && !bad.is_endless() {
        return Err(format!("no end of the call within {CALL_LIMIT:?}"));
    }
    if calls.iter().any(|call| matches!(call.end, End::Panicked)) {
        // That is a rule of its own.
        return Ok(());
    }
    match (bad.outcome(), result) {
        (Outcome::Error(_), Ok(_)) => Err("it is taken for good".to_owned()),
        (Outcome::Error(kinds), Err(error)) if !kinds.contains(&error.kind()) => {
            let found = error.kind();
            Err(format!(
                "{found:?} instead of {kinds:?}: {}",
                chain(error).join(": ")
            ))
        }
        (Outcome::Credential, Err(error)) => Err(format!(
            "it is good, but becomes {}",
            chain(error).join(": ")
        )),
        _ => Ok(()),
    }
}

/// The credential at hand is served, or the newer one where the answer was taken.
fn kept<F: Fixture>(
    case: &Case<F>,
    held: &Result<Arc<Credential>, Error>,
    result: &Result<Arc<Credential>, Error>,
) {
    let findings = &case.suite.findings;
    let (Ok(held), found) = (held, case.cache.try_get()) else {
        return findings.fail(Rule::KeepsCredential, case.when("there was none to keep"));
    };
    let wanted = result.as_ref().unwrap_or(held);
    let kept = found.is_ok_and(|found| secret_of(&found) == secret_of(wanted));
    findings.judge(Rule::KeepsCredential, kept, || {
        case.when("the credential at hand is not served")
    });
}

fn taken<F: Fixture>(case: &Case<F>) {
    if let Some(taken) = case.fixture.taken() {
        case.suite
            .findings
            .judge(Rule::StopsReading, taken <= MOST_TAKEN, || {
                case.when(&format!("the issuer got rid of {taken} bytes"))
            });
    }
}

/// The shortest that the cache allows while it has a credential.
const ENDLESS_LIMIT: Duration = Duration::from_secs(1);
/// What is still under way when a client stops reading after a MiB: the buffers of the kernel, on both sides.
const MOST_TAKEN: u64 = 24 << 20;
