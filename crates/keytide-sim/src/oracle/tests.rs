//! Violations made by hand: each rule can fail.

mod calls;
mod served;
mod waits;

use std::time::Duration;

use keytide_core::{ErrorKind, Trigger};

use super::*;
use crate::answer::{Answer, Ends, Sort, Why};
use crate::plan::Plan;
use crate::settings::Settings;

/// One cache whose first call, at 1 s, brought a credential that lasts a minute.
struct Given {
    oracle: Oracle,
    at: i64,
}

fn given() -> Given {
    given_with(|_| {})
}

fn given_with(edit: impl FnOnce(&mut Terms)) -> Given {
    let mut issuers = Plan::new(0, Settings::default()).issuers;
    issuers[0].timeline.clear();
    issuers[0].hint = None;
    issuers[0].latency = 0;
    let mut terms = Terms {
        min_interval: SECOND,
        min_interval_is_set: true,
        flight_limit: 30 * SECOND,
        issuer_limit: 1,
        ..Terms::default()
    };
    edit(&mut terms);
    let mut given = Given {
        oracle: Oracle::new(issuers, true),
        at: 0,
    };
    given.oracle.built(terms, given.now());
    given.pass(1);
    given.asks(Want::Read);
    let call = given.call(Trigger::FirstUse);
    given.answer(call, token(call));
    given
}

fn token(mint: u64) -> Answer {
    Answer::Token {
        mint,
        ends: Ends::In(60 * SECOND),
        other: Some(false),
    }
}

impl Given {
    fn now(&self) -> Now {
        Now {
            run: self.at,
            boot: self.at,
            wall: self.at,
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.at += seconds * SECOND;
    }

    fn asks(&mut self, want: Want) -> Start {
        let now = self.now();
        self.oracle.asks(0, 0, want, now)
    }

    fn call(&mut self, trigger: Trigger) -> u64 {
        let now = self.now();
        self.oracle.called(0, trigger, None, now)
    }

    fn answer(&mut self, call: u64, answer: Answer) {
        let now = self.now();
        self.oracle.answered(0, call, answer, now);
    }

    fn reads(&mut self, want: Want, generation: u64, mint: u64) {
        let start = self.asks(want);
        self.got(&start, generation, mint);
    }

    fn got(&mut self, start: &Start, generation: u64, mint: u64) {
        let (now, seen) = (self.now(), self.seen(generation, mint));
        self.oracle.got(0, start, &seen, now);
    }

    /// What a reader is given who is given the right thing.
    fn seen(&self, generation: u64, mint: u64) -> Seen {
        let model = &self.oracle.caches[0];
        Seen {
            generation,
            mint,
            whole: true,
            told: model.current.map(|current| current.told),
            other: Some(false),
            remaining: model.remaining(self.now()),
        }
    }

    fn fails(&mut self, start: &Start, kind: ErrorKind, words: &str) {
        let now = self.now();
        self.oracle.failed(0, start, kind, words, now);
    }

    fn refuses(&mut self, origin: usize) {
        let now = self.now();
        self.oracle.refused(0, origin, 1, false, now);
    }

    /// A call of this sort fails at once.
    fn call_fails(&mut self, trigger: Trigger, sort: Sort) {
        let call = self.call(trigger);
        self.answer(call, Answer::Failed(sort));
    }

    #[track_caller]
    fn breaks_none(&self) {
        assert_eq!(self.oracle.violation, None);
    }

    #[track_caller]
    fn breaks(&self, rule: &str) {
        let found = self.oracle.violation.as_ref();
        assert_eq!(found.map(|found| found.rule), Some(rule), "{found:?}");
    }
}

#[test]
fn a_life_as_the_contract_has_it_breaks_no_rule() {
    let mut given = given();

    given.reads(Want::Get, 1, 1);
    given.pass(35);
    given.reads(Want::Read, 1, 1);
    let call = given.call(Trigger::Ahead);
    given.answer(call, token(call));
    given.reads(Want::Read, 2, 2);

    assert_eq!(given.oracle.violation, None);
}

#[test]
fn what_is_past_its_end_is_not_served() {
    let mut given = given();
    given.pass(60);
    given.reads(Want::Read, 1, 1);
    given.breaks("2, 17, 23");
}

#[test]
fn a_key_is_served_past_its_end_until_the_issuer_says_no() {
    let mut given = given_with(|terms| terms.static_stability = Some(100 * SECOND));
    given.pass(70);
    given.reads(Want::Read, 1, 1);
    assert_eq!(given.oracle.violation, None);
    let call = given.call(Trigger::Expired);
    given.answer(call, Answer::Failed(Sort::Refused(Why::SaysNo)));
    given.reads(Want::Read, 1, 1);
    given.breaks("2, 17, 23");
}

#[test]
fn nothing_is_served_after_a_revocation() {
    let mut given = given();
    let now = given.now();
    given.oracle.ended(0, End::Revoked, now);
    given.reads(Want::Read, 1, 1);
    given.breaks("21, T5");
}

#[test]
fn an_origin_gets_nothing_that_it_refused() {
    let mut given = given();
    given.refuses(0);
    given.pass(1);
    given.reads(Want::Origin(1), 1, 1);
    assert_eq!(given.oracle.violation, None);
    given.reads(Want::Origin(0), 1, 1);
    given.breaks("19");
}

#[test]
fn a_call_vouches_for_nothing_that_was_refused_after_it_was_sent() {
    let mut given = given();
    given.pass(35);
    given.asks(Want::Read);
    let call = given.call(Trigger::Ahead);
    given.pass(1);
    given.refuses(0);
    given.pass(1);
    given.answer(call, token(1));
    given.reads(Want::Origin(0), 1, 1);
    given.breaks("19");
}

#[test]
fn a_reader_never_goes_back() {
    let mut given = given();
    given.pass(35);
    given.asks(Want::Read);
    let call = given.call(Trigger::Ahead);
    given.answer(call, token(call));
    given.reads(Want::Read, 2, 2);
    given.reads(Want::Read, 1, 1);
    given.breaks("4, 20");
}

#[test]
fn no_read_fails_or_waits_while_a_credential_is_usable() {
    let mut given = given();
    given.pass(1);
    let start = given.asks(Want::Read);
    given.fails(&start, ErrorKind::Expired, "");
    given.breaks("1");

    let mut given = self::given();
    given.pass(1);
    let start = given.asks(Want::Get);
    given.pass(1);
    given.got(&start, 1, 1);
    given.breaks("10, 11");
}

#[test]
fn calls_neither_overlap_nor_come_within_the_floor() {
    let mut given = given();
    given.pass(60);
    given.asks(Want::Read);
    given.call(Trigger::Expired);
    given.pass(2);
    given.call(Trigger::Expired);
    given.breaks("9");

    let mut given = self::given();
    given.refuses(0);
    let call = given.call(Trigger::Rejected);
    given.answer(call, token(1));
    given.call(Trigger::Rejected);
    given.breaks("T31");
}

#[test]
fn what_nobody_reads_is_not_refreshed() {
    let mut given = given_with(|terms| terms.idle_after = Some(5 * SECOND));
    given.pass(35);
    let call = given.call(Trigger::Ahead);
    given.answer(call, token(call));
    given.pass(35);
    given.call(Trigger::Ahead);
    given.breaks("7, T23");
}

#[test]
fn patience_ends_on_time() {
    let mut given = given();
    given.pass(60);
    given.asks(Want::Read);
    given.call(Trigger::Expired);
    let start = given.asks(Want::Within(Duration::from_secs(1)));
    given.pass(2);
    given.fails(&start, ErrorKind::TimedOut, "");
    given.breaks("10, 11, 29");
}

#[test]
fn what_one_origin_demands_fails_no_one_else() {
    let mut given = given();
    given.pass(60);
    let start = given.asks(Want::Origin(1));
    let words = format!("{CHOKES}0 ");
    given.fails(&start, ErrorKind::Refused, &words);
    given.breaks("19, T29");
}
