//! Single decisions.

mod given;

use std::time::Duration;

use self::given::Given;
use super::{Effects, Machine, Seen, Step, Want, Why};
use crate::error::ErrorKind;
use crate::event::Trigger;

const SECOND: Duration = Duration::from_secs(1);
/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(30);

fn until(given: &Given, patience: Duration) -> Want<'static> {
    Want {
        until: Some(given.now.boot.after(patience)),
        ..Want::default()
    }
}

#[test]
fn an_answer_of_a_flight_that_was_retired_changes_nothing() {
    let mut given = Given::new();
    given.ask(&Want::default());
    given.pass(LIMIT + 3 * SECOND);

    assert_eq!(given.ask(&Want::default()), Step::Wait);

    assert!(!given.lands(1));
    assert!(given.machine.is_in_flight());
    assert!(given.lands(2));
}

type Decision = fn(&mut Machine, &Seen<'_>, &mut Effects);

fn retires(given: &mut Given, look: Decision) -> bool {
    given.decide(look);
    given.effects.retired
}

#[test]
fn a_flight_that_outlived_its_limit_by_the_boot_clock_is_retired_by_whoever_looks() {
    let looks: [Decision; 3] = [
        |machine, seen, effects| {
            machine.ask(seen, &Want::default(), false, effects);
        },
        |machine, seen, effects| machine.read_in_passing(seen, None, effects),
        |machine, seen, effects| machine.timer(seen, effects),
    ];
    for look in looks {
        let mut given = Given::new();
        given.ask(&Want::default());

        given.pass(LIMIT + 2 * SECOND);
        assert!(!retires(&mut given, look));
        given.pass(Duration::from_nanos(1));

        assert!(retires(&mut given, look));
    }
}

#[test]
fn what_was_retired_leaves_nothing_forgotten_that_is_at_hand() {
    let mut given = Given::with(60 * SECOND);
    given.pass(2 * SECOND);
    given.ask(&Want {
        by_name: true,
        ..Want::default()
    });
    given.pass(LIMIT + 3 * SECOND);

    let longer = Want {
        least: 600 * SECOND,
        ..Want::default()
    };
    assert_eq!(given.ask(&longer), Step::Fail(Why::TooShort));

    let ends = given.current.unwrap().ends.boot;
    assert!(given.machine.due() <= ends, "{:?}", given.machine.due());
}

#[test]
fn what_one_origin_demands_holds_up_no_other() {
    let mut given = Given::with(60 * SECOND);
    given.pass(2 * SECOND);
    given.reject("a", Some("more"));
    assert!(given.timer().begin.unwrap().demand.is_some());
    let next = given.machine.pace().next();

    given.fail(ErrorKind::Refused, false);

    assert_eq!(given.machine.pace().next(), next);
    assert!(!given.machine.is_refused());
    let longer = Want {
        least: 59 * SECOND,
        ..Want::default()
    };
    assert_eq!(given.ask(&longer), Step::Wait);
}

#[test]
fn a_refusal_that_waits_for_its_turn_holds_up_no_refresh_that_is_due() {
    let mut given = Given::with(60 * SECOND);
    given.pass(30 * SECOND - SECOND / 5);
    given.reject("a", Some("more"));
    assert!(given.timer().begin.unwrap().demand.is_some());
    given.fail(ErrorKind::Refused, false);

    given.reject("b", None);
    let refresh = given.current.unwrap().plan.received.after(30 * SECOND);
    assert_eq!(given.machine.due(), refresh);
    given.pass(SECOND / 5);

    assert_eq!(given.timer().begin.unwrap().trigger, Trigger::Ahead);
}

#[test]
fn a_reader_with_patience_is_told_at_once_where_no_attempt_fits() {
    let mut given = Given::new();
    for _ in 0..10 {
        assert_eq!(given.ask(&until(&given, LIMIT)), Step::Wait);
        given.fail(ErrorKind::Unavailable, false);
        let pause = given.now.boot.until(given.machine.pace().next());
        given.pass(pause);
    }
    given.ask(&Want::default());
    given.fail(ErrorKind::Unavailable, false);
    let next = given.machine.pace().next();

    let told = given.ask(&until(&given, 5 * SECOND));

    assert_eq!(told, Step::Fail(Why::Failed(next)));
    assert_eq!(given.ask(&until(&given, 2 * LIMIT)), Step::Later(next));
    assert_eq!(
        given.ask(&Want::default()),
        Step::Fail(Why::Failed(next)),
        "without patience"
    );
}

#[test]
fn a_clock_that_was_put_right_sets_the_pace_free() {
    let mut given = Given::new();
    for count in 0..8 {
        assert_eq!(given.ask(&Want::default()), Step::Wait);
        given.fail(ErrorKind::Refused, count > 0);
        let pause = given.now.boot.until(given.machine.pace().next());
        given.pass(if count < 7 { pause } else { SECOND });
    }
    let told = given.ask(&Want::default());
    assert!(matches!(told, Step::Fail(Why::Failed(_))), "{told:?}");

    given.now.wall = given.now.wall.after(3600 * SECOND);

    assert_eq!(given.ask(&Want::default()), Step::Wait);
}

#[test]
fn a_changed_input_frees_nobody_from_the_pace_of_changes() {
    let mut given = Given::new();
    given.ask(&Want::default());
    given.fail(ErrorKind::Unavailable, false);

    given.decide(|machine, seen, effects| machine.input_changed(seen, effects));

    let soonest = given.now.boot.after(SECOND / 10);
    assert_eq!(
        given.ask(&Want::default()),
        Step::Fail(Why::Failed(soonest))
    );
    given.pass(SECOND / 10);
    assert_eq!(given.timer().begin.unwrap().trigger, Trigger::Changed);
}

#[test]
fn a_changed_input_is_not_forgotten_for_what_one_origin_demands() {
    let mut given = Given::with(60 * SECOND);
    given.pass(2 * SECOND);
    given.decide(|machine, seen, effects| machine.input_changed(seen, effects));
    given.reject("a", Some("more"));
    assert!(given.timer().begin.unwrap().demand.is_some());

    given.fail(ErrorKind::Refused, false);

    given.decide(|machine, seen, effects| machine.read_in_passing(seen, None, effects));
    assert_eq!(given.timer().begin.unwrap().trigger, Trigger::Changed);
}

#[test]
fn a_read_in_passing_puts_off_nothing_that_is_wanted_sooner() {
    let mut given = Given::with(60 * SECOND);
    given.pass(31 * SECOND);
    assert!(given.timer().begin.is_some());
    given.fail(ErrorKind::Unavailable, false);
    given.decide(|machine, seen, effects| machine.input_changed(seen, effects));
    let soonest = given.machine.due();

    given.decide(|machine, seen, effects| machine.read_in_passing(seen, None, effects));

    assert_eq!(given.machine.due(), soonest);
    given.pass(SECOND / 10);
    assert_eq!(given.timer().begin.unwrap().trigger, Trigger::Changed);
}

#[test]
fn a_look_that_is_due_is_not_put_off_and_turns_late() {
    let mut given = Given::with(60 * SECOND);
    given.pass(30 * SECOND);
    let tells = |given: &mut Given| {
        given.decide(|machine, seen, effects| machine.read_in_passing(seen, None, effects));
        given.effects.look
    };
    assert_eq!(tells(&mut given), None, "it is due now");
    given.pass(SECOND / 20);
    assert_eq!(tells(&mut given), None, "it is not put off");

    given.pass(SECOND / 10);

    let look = tells(&mut given).expect("nobody looks");
    assert!(look.late, "{look:?}");
    assert_eq!(look.at, given.now.boot);
}

#[test]
fn two_looks_of_one_decision_take_back_the_one_that_stands() {
    let mut given = Given::new();
    let first = given.now.boot.after(10 * SECOND);
    given.decide(|machine, seen, effects| machine.look_at(first, seen.now, effects));
    given.pass(11 * SECOND);

    let last = given.decide(|machine, seen, effects| {
        let last = seen.now.boot.after(2 * SECOND);
        machine.look_at(seen.now.boot.after(SECOND), seen.now, effects);
        machine.look_at(last, seen.now, effects);
        last
    });

    let look = given.effects.look.unwrap();
    assert_eq!((look.former, look.at, look.late), (first, last, true));
}

#[test]
fn a_call_is_as_urgent_as_its_mandatory_window_is_near() {
    let mut given = Given::new();
    let begun = |given: &Given| given.effects.begin.as_ref().unwrap().urgency;
    given.ask(&Want::default());
    assert_eq!(begun(&given), given.now.boot, "readers have nothing");
    given.issue(600 * SECOND);
    let window = given.now.boot.after(540 * SECOND);
    given.pass(400 * SECOND);

    assert!(given.timer().begin.is_some());
    let named = Want {
        by_name: true,
        ..Want::default()
    };
    given.fail(ErrorKind::Unavailable, false);
    given.ask(&named);
    assert_eq!(begun(&given), window);

    given.fail(ErrorKind::Unavailable, false);
    given.pass(170 * SECOND);
    given.ask(&named);
    assert_eq!(begun(&given), given.now.boot, "in the window");
}
