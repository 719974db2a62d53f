//! Where calls live: a runtime that polls them, and the one queue of timers.
//!
//! Sockets and timers die with the runtime that made them, so calls live on a thread that the library owns, unless
//! the user names another home. A home that does not answer for a second is *set aside*, whoever blocks it: new calls and
//! timers go elsewhere, and what has begun there goes on when its thread is back. Who was caught blocking has a thread of
//! its own from then on.
//!
//! Homes know caches by what they must be told, and import nothing of them. Lock order: a cache's state, then a home's
//! locks. No code of a user runs under either.

pub(crate) mod alarm;
mod apart;
mod blocked;
mod busy;
mod calls;
mod carriage;
pub(crate) mod deadline;
mod driver;
mod homes;
pub(crate) mod issuer_limit;
mod own;
mod queue;
mod resident;
mod runtime;
mod tally;
mod watchdog;
mod wheel;

use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) use self::apart::forget;
pub(crate) use self::homes::Homes;
pub(crate) use self::resident::{Call, Landing, Load, Resident, Timer};
pub(crate) use self::runtime::Home;
pub(crate) use self::tally::UnderWay;
pub(crate) use self::wheel::TimerKey;

/// A number for a cache: unique in the process for four thousand million of them.
pub(crate) fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
