//! The table. Each place is walked with a panic, a block of three seconds, calls back into keytide, the last handle dropped, and
//! the agent terminated: what is done there ends, another cache of the agent and one of another agent load, refresh and
//! time out in time, and the cache itself works afterwards.
//!
//! What holds instead, where the user's code runs in the user's own thread (a read closure, a profile, a provider or a
//! credential that is dropped with the last handle): it holds that thread, and nobody else.

use crate::{Does, drops, providers, wakers, walk};

macro_rules! places {
    ($($name:ident: $place:expr,)*) => {$(
        #[test]
        fn $name() {
            let blocks = std::thread::spawn(|| walk(stringify!($name), $place, Does::Blocks));
            for does in Does::ALL {
                if does != Does::Blocks {
                    walk(stringify!($name), $place, does);
                }
            }
            if let Err(panic) = blocks.join() {
                std::panic::resume_unwind(panic);
            }
        }
    )*};
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
    a_profile: providers::profile,
    a_first_poll_at_home: providers::first_poll,
    a_first_poll_in_a_reader: providers::first_poll_in_a_reader,
    a_later_poll: providers::later_poll,
    a_read: providers::read,
    a_read_of_a_handle: providers::read_of_a_handle,
    a_revocation_that_is_told: providers::tell,
    a_revocation_that_is_polled: providers::tell_polled,
    an_observer_that_is_told: providers::observer,
    an_observer_that_is_dropped: providers::observer_dropped,
    an_error_that_is_shown: providers::error_shown,
    a_draw: providers::draw,
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
