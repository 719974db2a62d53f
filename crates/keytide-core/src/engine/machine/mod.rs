//! What a cache decides: a pure machine. A state, an input and the time give effects.
//!
//! There is no lock, no clock, no runtime, no callback and no type of a user in here, and no secret: credentials are known
//! by what [`Held`] tells of them, failures by their sort. The shell takes the lock, calls one method, carries out the
//! [`Effects`] (those that must not be seen out of order before it unlocks), and does the rest afterwards.

mod ask;
mod effects;
mod end;
mod ended;
mod land;
mod may_start;
mod pace;
mod refusals;
mod reject;
#[cfg(test)]
mod simulation;
mod state;
#[cfg(test)]
mod tests;
mod timer;

pub(crate) use self::ask::{Step, Want, Why};
pub(crate) use self::effects::{Begin, Demand, Effects, NextLook, Note, SlotChange};
pub(crate) use self::ended::Ended;
pub(crate) use self::land::{Answer, Fault, Good, Landing, Named};
pub(crate) use self::pace::Failed;
pub(crate) use self::state::{Machine, Seen};
pub(crate) use self::timer::Orphan;
