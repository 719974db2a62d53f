//! Readers who are not served, and how long they wait.

use super::*;

const MILLISECOND: i64 = SECOND / 1000;

/// Its credential has ended, and the call that was made then has failed, `row` times in a row.
fn down(sort: Sort, row: u32, edit: impl FnOnce(&mut Terms)) -> Given {
    let mut given = given_with(edit);
    given.pass(60);
    given.asks(Want::Read);
    for nth in 0..row {
        if nth > 0 {
            given.pass(40);
        }
        given.call_fails(Trigger::Expired, sort);
    }
    given.breaks_none();
    given
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

#[test]
fn the_issuer_is_asked_again_in_time() {
    let refused = Sort::Refused(Why::SaysNo);
    for (sort, longest) in [(Sort::Unavailable, 30), (refused, 300)] {
        let mut given = down(sort, 1, |_| {});
        given.pass(longest);
        let start = given.asks(Want::Get);
        given.fails(&start, ErrorKind::Unavailable, "");
        given.breaks_none();
        given.pass(1);
        let start = given.asks(Want::Get);
        given.fails(&start, ErrorKind::Unavailable, "");
        given.breaks("12, 13, 14");
    }
}

#[test]
fn what_is_read_is_replaced_in_time() {
    let mut given = given_with(|terms| terms.min_interval = SECOND / 10);
    given.pass(1);
    given.reads(Want::Read, 1, 1);
    given.pass(60);
    let start = given.asks(Want::Read);
    given.fails(&start, ErrorKind::Expired, "");
    given.breaks("5, T8");
}

#[test]
fn an_end_is_told_of_where_there_was_one() {
    for kind in [ErrorKind::Revoked, ErrorKind::ShutDown] {
        let mut given = given();
        given.pass(60);
        let start = given.asks(Want::Read);
        given.fails(&start, kind, "");
        given.breaks("21, 27");
    }
    let mut given = given();
    let now = given.now();
    given.oracle.ended(0, End::Revoked, now);
    let start = given.asks(Want::Read);
    given.fails(&start, ErrorKind::Expired, "");
    given.breaks("21, 27");
}

#[test]
fn patience_does_not_end_early() {
    let mut given = given();
    given.pass(60);
    given.asks(Want::Read);
    given.call(Trigger::Expired);
    let start = given.asks(Want::Within(Duration::from_secs(10)));
    given.pass(9);
    given.fails(&start, ErrorKind::TimedOut, "");
    given.breaks("T17, 29");
}

/// After failures of this sort a reader with a patience waits where the next attempt, after the longest pause, fits.
fn waits_through(sort: Sort, row: u32, min_interval_is_set: bool, longest: i64) {
    let told = |patience: i64| {
        let mut given = down(sort, row, |terms| {
            terms.min_interval_is_set = min_interval_is_set
        });
        let start = given.asks(Want::Within(millis(patience)));
        given.fails(&start, ErrorKind::Unavailable, "");
        given
    };
    told(longest + 9).breaks_none();
    told(longest + 20).breaks("29");
}

#[test]
fn who_states_a_patience_waits_through_what_may_pass() {
    for (before, longest) in [100, 200, 400, 800, 1000, 2000, 4000]
        .into_iter()
        .enumerate()
    {
        waits_through(Sort::Unavailable, before as u32 + 1, false, longest);
    }
    for (before, longest) in [1000, 2000, 4000].into_iter().enumerate() {
        waits_through(Sort::Unavailable, before as u32 + 1, true, longest);
    }
    waits_through(Sort::Throttled(5 * SECOND), 1, false, 5500);
    waits_through(Sort::Throttled(60 * SECOND), 1, false, 30_000);
}

#[test]
fn nobody_waits_through_what_cannot_pass_or_after_an_end() {
    let mut refused = down(Sort::Refused(Why::SaysNo), 1, |_| {});
    let start = refused.asks(Want::Within(Duration::from_secs(3600)));
    refused.fails(&start, ErrorKind::Refused, "");
    refused.breaks_none();

    let mut plain = down(Sort::Unavailable, 1, |_| {});
    let start = plain.asks(Want::Get);
    plain.fails(&start, ErrorKind::Unavailable, "");
    plain.breaks_none();
}

#[test]
fn who_waits_for_a_turn_is_told_of_the_first_failure() {
    let mut given = given();
    let now = given.now();
    given.oracle.invalidated(0, 1, true, now);
    given.call_fails(Trigger::Invalidated, Sort::Unavailable);
    given.at += 10 * MILLISECOND;
    let (first, second) = (given.asks(Want::Get), given.asks(Want::Get));
    given.pass(1);
    given.call_fails(Trigger::Invalidated, Sort::Unavailable);
    given.fails(&first, ErrorKind::Unavailable, "");
    given.breaks_none();
    given.pass(2);
    given.call_fails(Trigger::Invalidated, Sort::Unavailable);
    given.fails(&second, ErrorKind::Unavailable, "");
    given.breaks("9");
}
