//! The table. Each place is walked with a panic, a block of three seconds, calls back into keytide, the last handle dropped, and
//! the agent terminated: what is done there ends, another cache of the agent and one of another agent load, refresh and
//! time out in time, and the cache itself works afterwards.
//!
//! What holds instead, where the user's code runs in the user's own thread (a read closure, a profile, a conversion, a clock that
//! a read goes by, a provider or a credential that is dropped with the last handle): it holds that thread, and nobody else.
//!
//! | whose code | called | dropped |
//! |---|---|---|
//! | a waker: woken (never by reference); its clone, which takes `unsafe` to get wrong, is not walked | `a_waker_of_*` | `a_waker_*_that_is_dropped` |
//! | a provider: profile, polls, a chain's choice | `a_profile*`, `a_*_poll*` | `a_provider_*`, `a_call_*` |
//! | what a provider answers: the way to revoke, its future, the source of an error | `a_revocation_*`, `an_error_that_is_shown` | `a_credential_*`, `an_answer_*`, `a_failure_*`, `a_revocation_that_is_dropped` |
//! | a read closure | `a_read*` | |
//! | an observer | `an_observer_that_is_told`, `an_observer_of_uses` | `an_observer_that_is_dropped` |
//! | chance | `a_draw` | `a_draw_that_is_dropped` |
//! | a clock | `a_clock_of_*` | `a_clock_that_is_dropped` |
//! | a conversion into a text | `*_that_is_converted` | |
//! | what a panic leaves behind | | `a_payload_of_*` |

use std::process::Command;
use std::sync::Mutex;

use crate::{
    AtomicUsize, Cache, Does, Given, Ordering, clocks, conversions, drops, payloads, providers,
    thread, wakers, walk,
};

type Place = fn(&Given) -> Option<Cache>;

macro_rules! places {
    ($($name:ident: $place:expr,)*) => {
        $(
            #[test]
            fn $name() {
                for does in Does::ALL {
                    // What blocks does so in a process of its own, for it delays what has begun on the same thread.
                    if does != Does::Blocks {
                        walk(stringify!($name), $place, does);
                    }
                }
            }
        )*

        const PLACES: &[(&str, Place)] = &[$((stringify!($name), $place),)*];
    };
}

places! {
    a_waker_of_get: wakers::get,
    a_waker_of_get_within: wakers::get_within,
    a_waker_of_get_for_origin: wakers::get_for_origin,
    a_waker_of_rejected: wakers::rejected,
    a_waker_of_changes: wakers::changes,
    a_waker_of_warm_up: wakers::warm_up,
    a_waker_of_warm_up_that_is_late: wakers::warm_up_late,
    a_waker_of_revoke: wakers::revoke,
    a_waker_of_terminate: wakers::terminate,
    a_waker_of_shutdown: wakers::shutdown,
    a_waker_that_is_dropped: wakers::dropped,
    a_waker_of_changes_that_is_dropped: wakers::changes_dropped,
    a_profile: providers::profile,
    a_profile_that_a_chain_asks_for: providers::profile_in_a_chain,
    a_first_poll_at_home: providers::first_poll,
    a_first_poll_in_a_reader: providers::first_poll_in_a_reader,
    a_later_poll: providers::later_poll,
    a_read: providers::read,
    a_read_of_a_handle: providers::read_of_a_handle,
    a_read_for_a_life: providers::read_for,
    a_read_for_an_origin: providers::read_for_origin,
    a_revocation_that_is_told: providers::tell,
    a_revocation_that_is_polled: providers::tell_polled,
    an_observer_that_is_told: providers::observer,
    an_observer_of_uses: providers::observer_of_uses,
    an_observer_that_is_dropped: providers::observer_dropped,
    an_error_that_is_shown: providers::error_shown,
    a_draw: providers::draw,
    a_draw_that_is_dropped: providers::draw_dropped,
    a_clock_of_a_read: clocks::read,
    a_clock_of_a_landing: clocks::landing,
    a_clock_of_a_timer: clocks::timer,
    a_clock_of_a_place_that_is_passed_on: clocks::passed_on,
    a_clock_of_an_end: clocks::end,
    a_clock_that_is_dropped: clocks::dropped,
    a_principal_that_is_adopted_and_converted: conversions::adopted,
    a_principal_that_is_accepted_and_converted: conversions::accepted,
    a_key_that_is_converted: conversions::key,
    a_label_that_is_converted: conversions::label,
    a_payload_of_a_provider: payloads::provider,
    a_payload_of_an_observer: payloads::observer,
    a_payload_of_a_waker: payloads::waker,
    a_call_that_is_dropped: drops::call,
    a_provider_that_is_dropped: drops::provider,
    a_revocation_that_is_dropped: drops::tell,
    a_credential_that_is_replaced: drops::replaced,
    a_credential_that_is_revoked: drops::revoked,
    an_answer_that_is_refused: drops::refused,
    an_answer_that_is_unchanged: drops::unchanged,
    a_failure_that_is_replaced: drops::failure_replaced,
    a_failure_that_is_healed: drops::failure_healed,
    a_failure_that_goes_with_its_cache: drops::failure_of_a_dropped_cache,
}

/// They hold the library's thread for longer than others wait for it: each case has a process of its own.
const LONG: &[(&str, Place)] = &[("a failure of a second telling", drops::second_telling)];

#[test]
fn what_blocks_in_any_of_the_places_holds_up_nobody_else() {
    const CASE: &str = "KEYTIDE_TEST_CASE";
    let blocks = PLACES
        .iter()
        .map(|(name, place)| (*name, *place, Does::Blocks));
    let long = LONG
        .iter()
        .flat_map(|(name, place)| Does::ALL.map(|does| (*name, *place, does)));
    let cases: Vec<_> = long.chain(blocks).collect();
    #[expect(clippy::disallowed_methods, reason = "how a child knows its case")]
    let own = std::env::var(CASE).ok();
    if let Some(own) = own {
        let (name, place, does) = cases[own.parse::<usize>().unwrap()];
        return walk(name, place, does);
    }

    let (next, failed) = (AtomicUsize::new(0), Mutex::new(String::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let index = next.fetch_add(1, Ordering::Relaxed)
                    && let Some((name, _, does)) = cases.get(index)
                {
                    let this = "places::what_blocks_in_any_of_the_places_holds_up_nobody_else";
                    let child = Command::new(std::env::current_exe().unwrap())
                        .args(["--exact", this, "--nocapture"])
                        .env(CASE, index.to_string())
                        .output()
                        .unwrap();
                    if !child.status.success() {
                        let said = String::from_utf8_lossy(&child.stderr);
                        *failed.lock().unwrap() += &format!("{name}, {does:?}:\n{said}\n");
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed}");
}

/// They wait, most of the time.
const AT_ONCE: usize = 8;
