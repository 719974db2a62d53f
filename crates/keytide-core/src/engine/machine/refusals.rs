//! Which origins refused which generation, and how often each may force a call: [`Refusals`].

use std::sync::Arc;

use super::pace::LONG_AGO;
use crate::sys::time::{Boot, Now};

/// What the origins said that refused a credential.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    pub(super) known: Vec<Refusal>,
    /// The origin whose refusal is the reason of what is wanted.
    pub(super) wanted_by: Option<Arc<str>>,
}

/// What one origin said of one generation.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) origin: Arc<str>,
    pub(super) generation: u64,
    /// The issuer was asked since, and gave the same credential.
    pub(super) vouched: bool,
    /// What its challenge demanded of the next credential: sent with the calls that this refusal forces, and no others.
    pub(super) claims: Option<Arc<str>>,
    /// Refusals of this origin in a row.
    pub(super) count: u32,
    /// When it refused this generation: a call that was sent before says nothing to that.
    pub(super) reported: Boot,
    pub(super) last: Boot,
    /// When this origin may force the next refresh.
    pub(super) next: Boot,
}

impl Refusals {
    /// What still stands against this generation.
    pub(super) fn of(&self, generation: u64) -> impl Iterator<Item = &Refusal> {
        self.known
            .iter()
            .filter(move |refusal| refusal.generation == generation && !refusal.vouched)
    }

    /// The entry of this origin, made if there is room: what is known of this generation is never forgotten for another
    /// origin's sake.
    pub(super) fn entry(
        &mut self,
        origin: &str,
        generation: u64,
        now: Now,
    ) -> Option<&mut Refusal> {
        let place = self
            .known
            .iter()
            .position(|known| known.origin.as_ref() == origin);
        let index = match place {
            Some(index) => index,
            None => {
                if self.known.len() >= MOST_ORIGINS {
                    let former = |known: &Refusal| known.generation != generation;
                    let spared = self.known.iter().position(former)?;
                    self.known.remove(spared);
                }
                self.known.push(Refusal {
                    origin: Arc::from(origin),
                    generation: 0,
                    vouched: false,
                    claims: None,
                    count: 0,
                    reported: now.boot,
                    last: now.boot,
                    next: LONG_AGO,
                });
                self.known.len() - 1
            }
        };
        self.known.get_mut(index)
    }
}

/// More origins than a credential has destinations. The refusal of one more is not taken down while all these refuse the
/// current generation.
const MOST_ORIGINS: usize = 256;
