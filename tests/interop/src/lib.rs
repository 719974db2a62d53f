//! What the interop programs share: peers that are real processes, crowds of readers, and what the machine lets one tell.

mod crowd;
mod machine;
mod peer;

pub use crowd::{Crowd, Tally};
pub use machine::{Machine, judged};
pub use peer::{Failure, Peer, Recipe, free_port};

/// Says what holds, or why it does not.
///
/// # Errors
/// When it does not hold.
pub fn check(holds: bool, what: impl std::fmt::Display) -> Result<(), Failure> {
    if holds {
        println!("   ok    {what}");
        Ok(())
    } else {
        Err(format!("does not hold: {what}").into())
    }
}
