//! What is measured: keytide's reads, and the primitives that a cache could be made of. All hold tokens of 1,024 bytes.

mod keytide;
mod primitives;

pub use keytide::{Loaded, agent, get, handle_read, loaded, read, slow_read, try_get};
pub use primitives::{
    Token, arc_swap_cache, arc_swap_cache_and_clock, arc_swap_load, arc_swap_load_and_clock,
    arc_swap_load_and_two_clocks, mutex, rw_lock, watch,
};
