//! What readers are given.

use super::*;

/// A reader is given something that is wrong in one thing.
fn wrong(edit: fn(&mut Seen)) -> Given {
    let mut given = given();
    given.pass(1);
    let start = given.asks(Want::Get);
    let (now, mut seen) = (given.now(), given.seen(1, 1));
    given.oracle.got(0, &start, &seen, now);
    given.breaks_none();
    edit(&mut seen);
    let start = given.asks(Want::Get);
    given.oracle.got(0, &start, &seen, now);
    given
}

#[test]
fn a_credential_is_of_one_call() {
    wrong(|seen| seen.whole = false).breaks("3, T15");
}

#[test]
fn what_is_served_is_what_came_last() {
    wrong(|seen| seen.mint = 2).breaks("15, 20, T4");
}

#[test]
fn what_is_served_is_for_whom_the_issuer_named() {
    for other in [Some(true), None] {
        let edit: fn(&mut Seen) = match other {
            None => |seen| seen.other = None,
            _ => |seen| seen.other = Some(true),
        };
        wrong(edit).breaks("16, T12, T40");
    }
}

#[test]
fn the_end_that_is_told_is_the_issuers() {
    wrong(|seen| seen.told = seen.told.map(|told| told + SECOND)).breaks("24, T10");
    wrong(|seen| seen.told = None).breaks("24, T10");
}

#[test]
fn what_was_invalidated_is_not_served() {
    let mut given = given();
    let now = given.now();
    given.oracle.invalidated(0, 1, true, now);
    given.breaks_none();
    given.reads(Want::Read, 1, 1);
    given.breaks("19");
}

#[test]
fn an_invalidation_says_whether_it_was_the_current_one() {
    for (generation, said) in [(1, false), (7, true)] {
        let mut given = given();
        let now = given.now();
        given.oracle.invalidated(0, generation, said, now);
        given.breaks("19");
    }
}

#[test]
fn a_life_that_was_asked_for_is_left() {
    let mut given = given();
    given.pass(20);
    given.reads(Want::For(Duration::from_secs(40)), 1, 1);
    given.breaks_none();
    given.reads(Want::For(Duration::from_secs(41)), 1, 1);
    given.breaks("4");
}

#[test]
fn a_status_says_what_happened() {
    use keytide_core::{Agent, AgentIdentity};
    let identity = AgentIdentity {
        agent_type: "sim".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    let (provider, _) = keytide_testkit::ScriptedProvider::new(keytide_testkit::Answer::hang());
    let empty = agent.cache(provider).build().unwrap().status();

    let mut given = given();
    let now = given.now();
    given.oracle.reported(0, &empty, now);

    given.breaks("status");
}
