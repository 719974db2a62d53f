//! What is measured: keytide's reads, the primitives that a cache could be made of, and what people use today. All hold
//! tokens of 1,024 bytes.

mod floor;
mod keytide;
mod others;
mod ours;
#[cfg(feature = "peers")]
mod peers;
mod primitives;
mod versions;

pub use keytide::{Loaded, agent, get, handle_read, loaded, read, slow_read, try_get};
pub(crate) use others::other;
pub use primitives::{
    Token, arc_swap_cache, arc_swap_cache_and_clock, arc_swap_load, arc_swap_load_and_clock,
    arc_swap_load_and_two_clocks, mutex, rw_lock, watch,
};

use crate::entrant::Entrant;

/// Those that keep a credential fresh: keytide, the floor, and with the feature `peers` what people use today.
#[must_use]
pub fn entrants() -> Vec<Entrant> {
    let all = vec![floor::floor(), ours::get(), ours::read()];
    #[cfg(feature = "peers")]
    let all = [all, peers::all()].concat();
    all
}

/// The names of the crates that are measured with the feature `peers`, whether it is on or not.
pub fn peer_names() -> impl Iterator<Item = &'static str> {
    versions::ALL
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| *name != "arc-swap")
}
