//! Where what is left to chance comes from: [`Draw`], and the system's by default.

use std::fmt;
use std::sync::Arc;

use crate::sync::{caught, discard};
use crate::sys;

/// Draws what an agent leaves to chance: its instance id, which spreads its refreshes, and the spread of its pauses after
/// failures.
///
/// The system's is the default, and the only one for production: an instance id must be unique. A simulation brings one
/// that a seed decides, so that a run can be had again. It is never called under a lock, must not block, and may be called
/// by any thread.
pub trait Draw: fmt::Debug + Send + Sync + 'static {
    /// The next number, uniform over all that there are.
    fn draw(&self) -> u128;
}

/// The chance of one agent.
#[derive(Debug, Clone)]
pub(crate) enum Chance {
    System,
    Injected(Arc<Injected>),
}

/// A user's chance.
#[derive(Debug)]
pub(crate) struct Injected {
    /// There until this is dropped.
    chance: Option<Box<dyn Draw>>,
}

impl Chance {
    pub(crate) fn injected(chance: impl Draw) -> Self {
        let chance: Option<Box<dyn Draw>> = Some(Box::new(chance));
        Self::Injected(Arc::new(Injected { chance }))
    }

    /// Unique, where the system draws.
    pub(crate) fn id(&self) -> u128 {
        match self {
            Self::System => sys::random_u128(),
            Self::Injected(injected) => injected.draw(),
        }
    }

    /// What a user's chance draws to spread a pause. The system's is drawn where it is needed, under whatever lock.
    pub(crate) fn injected_spread(&self) -> Option<u32> {
        match self {
            Self::System => None,
            // A failure lands meanwhile: those who wait for it must be told, whatever a user's code does.
            Self::Injected(injected) => {
                caught(|| injected.draw()).map(|drawn| (drawn >> 96) as u32)
            }
        }
    }
}

impl Injected {
    fn draw(&self) -> u128 {
        self.chance.as_ref().map_or(0, |chance| chance.draw())
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        discard(self.chance.take());
    }
}
