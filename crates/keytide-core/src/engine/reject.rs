//! Refusals of destinations, and layers above that wait for a newer credential.

use std::sync::Arc;

use super::decide::Words;
use super::shared::Shared;
use crate::error::text::bounded;
use crate::provider::request::ChangeNotifier;

impl Shared {
    /// Has `notifier` told of the next generation, unless there is one beyond `used` already: then returns true.
    pub(crate) fn await_newer(&self, used: u64, notifier: ChangeNotifier) -> bool {
        let mut state = self.state.lock();
        if state.machine.generation() > used {
            return true;
        }
        let dependants = &mut state.rest().dependants;
        dependants.retain(|known| !known.is_gone() && !known.is_for(&notifier));
        dependants.push(notifier);
        false
    }

    /// Takes down a refusal, and has the issuer asked if the origin's pace allows it.
    pub(crate) fn rejected(self: &Arc<Self>, generation: u64, origin: &str, claims: Option<&str>) {
        if self.context.is_foreign() {
            return;
        }
        let origin = &*bounded(origin);
        let now = self.context.clock.now();
        let words = Words {
            origin,
            ..Words::default()
        };
        let state = self.state.lock();
        self.step(state, now, words, |machine, seen, effects| {
            machine.rejected(generation, origin, claims, seen, effects);
        });
    }
}
