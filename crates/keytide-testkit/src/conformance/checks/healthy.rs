//! Checks of a provider whose issuer is well.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keytide_core::{Clock, Credential, ProvideCredential, SystemClock};
use tokio::time::Instant;

use crate::clock::TestClock;
use crate::conformance::case::{CALL_LIMIT, Case, chain, patiently, secret_of};
use crate::conformance::fixture::{Condition, Expires, Fixture};
use crate::conformance::machine::times;
use crate::conformance::probe::End;
use crate::conformance::rule::Rule;
use crate::conformance::sight::SHORTEST;
use crate::conformance::suite::Suite;

/// Whether a credential comes, and ends when the issuer says. All else is built on it.
pub(in crate::conformance) async fn answers<F: Fixture>(suite: &Arc<Suite<F>>) -> bool {
    let case = Case::new(suite, "");
    let findings = &suite.findings;
    if let Err(why) = case.fixture.put(&Condition::Healthy) {
        findings.fail(
            Rule::Answers,
            format!("the fixture cannot be healthy: {why}"),
        );
        return false;
    }
    let before = SystemClock::default().wall();
    let result = case.refresh().await;
    let after = SystemClock::default().wall();
    case.take_calls();
    let good = match &result {
        Err(error) => {
            findings.fail(Rule::Answers, chain(error).join(": "));
            false
        }
        Ok(credential) if secret_of(credential).len() < SHORTEST => {
            let why =
                format!("its secret is shorter than {SHORTEST} bytes: it cannot be looked for");
            findings.fail(Rule::Answers, why);
            false
        }
        Ok(credential) => {
            findings.pass(Rule::Answers);
            expiry(&case, credential, before, after);
            true
        }
    };
    case.finish().await;
    good
}

fn expiry<F: Fixture>(
    case: &Case<F>,
    credential: &Credential,
    before: SystemTime,
    after: SystemTime,
) {
    let findings = &case.suite.findings;
    let (told, slack) = (case.fixture.expires(), times(SLACK));
    let (earliest, latest) = match told {
        Expires::Unknown => {
            let why = "the fixture does not say when its issuer's credential ends";
            return findings.skip(Rule::ExpiryIsRight, why);
        }
        Expires::Never => {
            let never = credential.expires_at().is_none();
            let why = || "the issuer names no end, and the provider one".to_owned();
            findings.judge(Rule::ExpiryIsRight, never, why);
            return;
        }
        Expires::In(lifetime) => (before + lifetime - slack, after + lifetime + slack),
        Expires::At(instant) => (instant - slack, instant + slack),
    };
    let found = credential.expires_at();
    let right = found.is_some_and(|found| (earliest..=latest).contains(&found));
    findings.judge(Rule::ExpiryIsRight, right, || {
        let left = found.map(|found| found.duration_since(after));
        format!("the issuer says {told:?}, the provider {left:?} from now on")
    });
}

/// Whether calls take longer than the issuer, or hold up their thread.
pub(in crate::conformance) async fn takes_its_time<F: Fixture>(suite: &Arc<Suite<F>>) {
    let mut names = vec![(Condition::Healthy, "when all is well")];
    names.push((Condition::Down, "when the issuer is down"));
    names.push((Condition::Refusing, "when the issuer says no"));
    names.push((Condition::Throttling(None), "when the issuer is busy"));
    for (condition, name) in names {
        let case = Case::new(suite, name);
        if case.fixture.put(&condition).is_err() {
            // The check of its sort says so.
            continue;
        }
        // The machine may be busy with other things: what every call has is the provider's.
        let (mut waited, mut polled) = (Duration::MAX, Duration::MAX);
        for _ in 0..SAMPLES {
            let _ = case.refresh().await;
            for call in case.take_calls() {
                waited = waited.min(call.took.saturating_sub(call.busy));
                polled = polled.min(call.longest_poll);
            }
            if waited < LONGEST_WAIT && polled < LONGEST_POLL {
                break;
            }
        }
        let findings = &suite.findings;
        findings.judge(Rule::NeverSleeps, waited < LONGEST_WAIT, || {
            format!(
                "{name} each call waits {waited:?} or longer, at an issuer that answers at once"
            )
        });
        findings.judge(Rule::NeverBlocks, polled < LONGEST_POLL, || {
            format!("{name} each call has a poll of {polled:?} or longer")
        });
        case.finish().await;
    }
}

/// Whether the profile is cheap, stays the same, and says what is issued.
pub(in crate::conformance) async fn profile<F: Fixture>(suite: &Arc<Suite<F>>) {
    let case = Case::new(suite, "");
    let findings = &suite.findings;
    let profile = || case.probe.provider.profile();
    let first = format!("{:?}", profile());

    let mut best = Duration::MAX;
    for _ in 0..SAMPLES {
        let begun = Instant::now();
        for _ in 0..PROFILES {
            std::hint::black_box(profile());
        }
        best = best.min(begun.elapsed() / PROFILES);
        if best < LONGEST_PROFILE {
            break;
        }
    }
    findings.judge(Rule::ProfileCheap, best < LONGEST_PROFILE, || {
        format!("it takes {best:?}, and is asked for before each call")
    });

    let issued = case.refresh().await;
    let calls = case.take_calls();
    let _ = case.fixture.put(&Condition::Down);
    let _ = case.refresh().await;
    let same = format!("{:?}", profile()) == first;
    let why = || "it is another after calls than before".to_owned();
    findings.judge(Rule::ProfileStable, same, why);

    let promised = |debug: &str| kind_in(debug).map(ToOwned::to_owned);
    let debug = calls.iter().find_map(|call| match &call.end {
        End::Issued(debug) => Some(debug),
        _ => None,
    });
    match (issued, debug) {
        (Ok(credential), _) => {
            let kind = format!("{:?}", credential.kind());
            let promised = promised(&first);
            findings.judge(Rule::ProfileTrue, promised.as_ref() == Some(&kind), || {
                format!("it promises {promised:?}, and {kind} is issued")
            });
        }
        (Err(_), Some(debug)) => {
            let (promised, kind) = (promised(&first), promised(debug));
            findings.judge(Rule::ProfileTrue, promised == kind, || {
                format!("it promises {promised:?}, and {kind:?} is issued")
            });
        }
        (Err(error), None) => findings.fail(Rule::ProfileTrue, chain(&error).join(": ")),
    }
    case.finish().await;
}

/// The kind in the `Debug` of a profile, or of what was issued.
fn kind_in(debug: &str) -> Option<&str> {
    let (_, rest) = debug.split_once("kind: ")?;
    rest.split([',', ' ', '}']).next()
}

/// Whether each call asks the issuer, once, and brings what it gives now.
pub(in crate::conformance) async fn asks<F: Fixture>(suite: &Arc<Suite<F>>) {
    let case = Case::new(suite, "");
    let findings = &suite.findings;
    let mut former: Vec<u8> = Vec::new();
    for round in 1..=ROUNDS {
        let _ = case.fixture.put(&Condition::Healthy);
        let before = (case.fixture.calls(), case.probe.started());
        let result = case.refresh().await;
        let after = (case.fixture.calls(), case.probe.started());
        match &result {
            Err(error) => {
                findings.fail(
                    Rule::Asks,
                    format!("call {round}: {}", chain(error).join(": ")),
                );
            }
            Ok(credential) => {
                let secret = secret_of(credential).to_vec();
                findings.judge(Rule::Asks, secret != former, || {
                    format!("call {round} brings what an earlier one brought")
                });
                former = secret;
            }
        }
        let (Some(then), Some(now)) = (before.0, after.0) else {
            let why = "the fixture cannot count calls at the issuer";
            findings.skip(Rule::Asks, why);
            findings.skip(Rule::AsksOnce, why);
            continue;
        };
        let (reached, made) = (now - then, after.1 - before.1);
        findings.judge(Rule::Asks, reached >= made, || {
            format!("call {round} did not reach the issuer")
        });
        findings.judge(Rule::AsksOnce, reached <= made, || {
            format!("call {round} asked a healthy issuer {reached} times")
        });
    }
    case.finish().await;
}

/// Whether a request that is forced reaches the issuer.
pub(in crate::conformance) async fn forced<F: Fixture>(suite: &Arc<Suite<F>>) {
    let case = Case::new(suite, "forced");
    let findings = &suite.findings;
    let Ok(first) = case.refresh().await else {
        findings.fail(Rule::ForcedAsks, "the first call failed");
        return case.finish().await;
    };
    let former = secret_of(&first).to_vec();
    let _ = case.fixture.put(&Condition::Healthy);
    let before = case.fixture.calls();
    // As if a destination had refused it.
    case.cache.invalidate(first.generation());
    let result = patiently(case.cache.get()).await;
    case.looked_at(&result);
    match &result {
        Err(error) => findings.fail(Rule::ForcedAsks, chain(error).join(": ")),
        Ok(credential) => {
            let newer = secret_of(credential) != former;
            let why = || "a rejected credential is brought again, while the issuer has another";
            findings.judge(Rule::ForcedAsks, newer, || why().to_owned());
        }
    }
    if let (Some(before), Some(after)) = (before, case.fixture.calls()) {
        let why = || "no call reached the issuer".to_owned();
        findings.judge(Rule::ForcedAsks, after > before, why);
    }
    case.finish().await;
}

/// Whether a lifetime counts by the agent's clock.
pub(in crate::conformance) async fn clock<F: Fixture>(suite: &Arc<Suite<F>>) {
    let clock = TestClock::new();
    // Years from the machine's.
    clock.set_wall(SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000));
    let own = clock.clone();
    let agent = move |builder: keytide_core::AgentBuilder| {
        builder
            .clock(own)
            .runtime(tokio::runtime::Handle::current())
    };
    let name = "under a clock of its own";
    let case = Case::with(suite, name, CALL_LIMIT, agent, &Condition::Healthy);
    let findings = &suite.findings;
    let before = clock.wall();
    let result = case.refresh().await;
    let after = clock.wall();
    match (case.fixture.expires(), &result) {
        (Expires::In(lifetime), Ok(credential)) => {
            let slack = times(SLACK);
            let range = before + lifetime - slack..=after + lifetime + slack;
            let found = credential.expires_at();
            let right = found.is_some_and(|found| range.contains(&found));
            findings.judge(Rule::NoClock, right, || {
                "a lifetime is counted from another time than the agent's".to_owned()
            });
        }
        (Expires::In(_), Err(error)) => {
            findings.fail(
                Rule::NoClock,
                format!("{name}: {}", chain(error).join(": ")),
            );
        }
        _ => findings.skip(
            Rule::NoClock,
            "the issuer names no lifetime: where it names an instant, no clock is needed",
        ),
    }
    case.finish().await;
}

/// How far a fixture's idea of the end may be from the issuer's.
const SLACK: Duration = Duration::from_secs(2);
const SAMPLES: u32 = 20;
const ROUNDS: u32 = 4;
const PROFILES: u32 = 200;
/// What an issuer on this machine may take in an unoptimized build, handshake included.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_POLL: Duration = Duration::from_millis(50);
const LONGEST_PROFILE: Duration = Duration::from_micros(100);
