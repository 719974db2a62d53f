//! For each flaw the checks that must fail, and no others.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use keytide_testkit::conformance::{self, Report};

use super::office::{Flaw, Office};

fn report(flaw: Flaw) -> Report {
    conformance::check(move || Office::new(flaw))
}

#[test]
fn a_provider_without_a_flaw_passes_all() {
    report(Flaw::None).assert_all_but(&[]);
}

#[test]
fn each_flaw_fails_its_checks_and_no_others() {
    let wrong = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some((flaw, expected)) = FLAWS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = report(*flaw);
            let failed = report.failed();
            if failed != *expected {
                let found = format!("{flaw:?}: {failed:?}, expected {expected:?}\n{report}");
                wrong.lock().unwrap().push(found);
            }
        }
    };

    // They wait for most of the time.
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(run);
        }
    });

    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn checks_that_cannot_run_are_not_applicable_and_never_passed() {
    let report = report(Flaw::LyingProfile);

    assert_eq!(report.failed(), ["answers", "profile-true"]);
    let skipped = report.not_applicable();
    assert!(skipped.contains(&"droppable"), "{report}");
    assert!(skipped.contains(&"sort-refused"), "{report}");
    assert!(
        report
            .to_string()
            .contains("a healthy issuer gave no credential")
    );
}

#[test]
#[should_panic(expected = "failed: [\"no-sleep\"]")]
fn a_report_with_a_failure_fails_the_test() {
    report(Flaw::Sleeps).assert();
}

#[test]
#[should_panic(expected = "not applicable: []")]
fn a_report_with_another_check_missing_than_expected_fails_the_test() {
    report(Flaw::None).assert_all_but(&["droppable"]);
}

/// In the order of the report.
const FLAWS: &[(Flaw, &[&str])] = &[
    (Flaw::RetriesOnce, &["no-retry"]),
    (Flaw::RetriesWhenWell, &["no-retry"]),
    (Flaw::Sleeps, &["no-sleep"]),
    (Flaw::SleepsOnFailure, &["no-sleep"]),
    (Flaw::Blocks, &["no-blocking"]),
    (Flaw::DebugShowsSecret, &["no-secret-in-debug"]),
    (Flaw::DebugShowsBytes, &["no-secret-in-debug"]),
    (Flaw::LogsToken, &["no-secret-in-logs"]),
    (Flaw::TokenInError, &["no-secret-in-errors"]),
    (Flaw::LeavesTask, &["dropped-ends"]),
    (Flaw::BodyInError, &["no-body-in-errors"]),
    (Flaw::BodyInLog, &["no-body-in-logs"]),
    (Flaw::PanicsOnBadAnswer, &["no-panic"]),
    (Flaw::PanicsWhenDropped, &["no-panic"]),
    (Flaw::NoRetryAfter, &["retry-after"]),
    (Flaw::InventsRetryAfter, &["retry-after"]),
    (Flaw::OwnClock, &["no-clock"]),
    (Flaw::Margin, &["expiry", "no-clock"]),
    (Flaw::SlowProfile, &["profile-cheap"]),
    (Flaw::ChangingProfile, &["profile-stable"]),
    (Flaw::AsksToBeAskedAgain, &["no-busy-loop"]),
    (Flaw::SaysItTwice, &["error-text"]),
    (Flaw::NeverEnds, &["bad-answers"]),
    (Flaw::TakesBadAnswer, &["bad-answers"]),
    (Flaw::LogsInput, &["no-secret-in-logs"]),
    (Flaw::SharesCalls, &["concurrent"]),
    (Flaw::TerseError, &["error-text"]),
    (Flaw::StaysBusyWhenDropped, &["droppable", "concurrent"]),
    (
        Flaw::Caches,
        &[
            "no-caching",
            "forced",
            "concurrent",
            "sort-unavailable",
            "sort-throttled",
            "sort-refused",
            "bad-answers",
        ],
    ),
    (
        Flaw::KeepsOnFailure,
        &[
            "sort-unavailable",
            "sort-throttled",
            "sort-refused",
            "bad-answers",
        ],
    ),
    (
        Flaw::AllRefused,
        &[
            "sort-unavailable",
            "sort-throttled",
            "retry-after",
            "sort-not-configured",
            "bad-answers",
        ],
    ),
    (
        Flaw::AllUnavailable,
        &["sort-throttled", "retry-after", "sort-refused"],
    ),
];
