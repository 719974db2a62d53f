//! What issuers are asked.

use super::*;

/// Its credential has ended, and somebody reads.
fn expired(edit: impl FnOnce(&mut Terms)) -> Given {
    let mut given = given_with(edit);
    given.pass(60);
    given.asks(Want::Read);
    given
}

#[test]
fn nothing_is_asked_after_an_end() {
    for end in [End::ShutDown, End::Revoked] {
        let mut given = given();
        given.pass(35);
        let now = given.now();
        given.oracle.ended(0, end, now);
        given.call(Trigger::Ahead);
        given.breaks("21, 27");
    }
}

#[test]
fn no_more_are_asked_at_a_time_than_a_cache_allows() {
    let mut given = expired(|_| {});
    let now = given.now();
    let terms = given.oracle.caches[0].terms.clone();
    given.oracle.built(terms, now);
    given.call(Trigger::Expired);
    given.breaks_none();
    given.oracle.called(1, Trigger::FirstUse, None, now);
    given.breaks("18, T31");
}

#[test]
fn the_floor_lies_between_two_calls() {
    let mut given = given();
    given.at += SECOND / 2;
    given.call(Trigger::Ahead);
    given.breaks("8, T7");
}

#[test]
fn a_call_is_forced_by_what_was_said_of_the_current_credential() {
    for trigger in [
        Trigger::Invalidated,
        Trigger::Rejected,
        Trigger::ByName,
        Trigger::Changed,
        Trigger::FirstUse,
    ] {
        let mut given = given();
        given.pass(5);
        given.call(trigger);
        given.breaks("19");
    }
}

#[test]
fn claims_go_with_their_refusal_only() {
    let mut given = given();
    given.pass(5);
    given.refuses(0);
    let now = given.now();
    given.oracle.called(0, Trigger::Rejected, Some(0), now);
    given.breaks("19, T29");
}

#[test]
fn nothing_is_replaced_before_its_window_begins() {
    let mut given = given();
    given.pass(29);
    given.call(Trigger::Ahead);
    given.breaks("5, T7");
}

/// After so many failures in a row, how long the issuer is left alone at the least.
fn pauses(sort: Sort, min_interval_is_set: bool, pauses: &[i64]) {
    for short in 0..pauses.len() {
        let mut given = expired(|terms| terms.min_interval_is_set = min_interval_is_set);
        given.call_fails(Trigger::Expired, sort);
        for pause in &pauses[..short] {
            given.at += pause * (SECOND / 1000);
            given.call_fails(Trigger::Expired, sort);
            given.breaks_none();
        }
        given.at += (pauses[short] - 20) * (SECOND / 1000);
        given.call(Trigger::Expired);
        // What is within the minimum interval may be told of as that.
        let rule = given.oracle.violation.as_ref().map(|found| found.rule);
        assert!(
            matches!(rule, Some("13, 14" | "8, T7")),
            "{short} failures: {rule:?}"
        );
    }
}

#[test]
fn the_first_pauses_of_readers_who_have_nothing_double_from_a_tenth_of_a_second() {
    let spread_below = [50, 100, 200, 400, 1000, 1000, 2000];
    pauses(Sort::Unavailable, false, &spread_below);
}

#[test]
fn pauses_double_from_the_floor_that_was_set() {
    pauses(Sort::Unavailable, true, &[1000, 1000, 2000, 4000]);
}

#[test]
fn pauses_double_after_refusals() {
    pauses(Sort::Refused(Why::SaysNo), false, &[500, 1000, 2000, 4000]);
}

#[test]
fn an_issuer_that_asks_for_patience_is_left_alone() {
    pauses(Sort::Throttled(5 * SECOND), false, &[5000, 5000]);
}

#[test]
fn an_issuer_that_repeats_itself_is_not_asked_for_ever() {
    let mut given = given_with(|terms| terms.min_interval = SECOND / 10);
    given.pass(35);
    given.asks(Want::Read);
    for _ in 0..=60 {
        let call = given.call(Trigger::Ahead);
        given.answer(call, token(1));
        given.at += SECOND / 10;
    }
    given.breaks_none();
    given.call(Trigger::Ahead);
    given.breaks("T9");
}

#[test]
fn a_call_ends_at_its_limit_and_not_before() {
    let mut late = expired(|_| {});
    let call = late.call(Trigger::Expired);
    late.pass(31);
    late.answer(call, token(call));
    late.breaks("11");

    let mut early = expired(|_| {});
    let call = early.call(Trigger::Expired);
    early.pass(5);
    early.answer(call, Answer::Dropped);
    early.breaks("11");

    let mut retired = expired(|_| {});
    let call = retired.call(Trigger::Expired);
    let now = retired.now();
    retired.oracle.ended(0, End::ShutDown, now);
    retired.pass(1);
    retired.answer(call, token(call));
    retired.breaks("11");
}
