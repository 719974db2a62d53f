//! The only shared state of readers: one pointer, swapped whole. The only file that names `arc_swap`.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use crate::credential::Credential;
use crate::sync::step;

/// The credential that is current, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Slot(ArcSwapOption<Credential>);

impl Slot {
    #[inline]
    pub(crate) fn load(&self) -> Borrowed {
        step();
        Borrowed(self.0.load())
    }

    /// When this has returned, no load that starts later gives the former credential, and every reader that holds it
    /// has a reference of its own. The former one is the caller's to drop.
    pub(crate) fn swap(&self, credential: Option<Arc<Credential>>) -> Option<Arc<Credential>> {
        step();
        self.0.swap(credential)
    }
}

/// A list that only grows, by a few: read and written without a lock.
#[derive(Debug)]
pub(crate) struct Grown<T>(ArcSwapOption<Vec<T>>);

impl<T: Copy + PartialEq> Grown<T> {
    pub(crate) const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// Where this value stands, appended if it does not stand there yet.
    pub(crate) fn place_of(&self, value: T) -> usize {
        let place = |all: &Vec<T>| all.iter().position(|known| *known == value);
        loop {
            let known = self.0.load_full();
            let all = known.as_deref();
            if let Some(place) = all.and_then(place) {
                return place;
            }
            let mut more = all.cloned().unwrap_or_default();
            more.push(value);
            let last = more.len() - 1;
            let former = self.0.compare_and_swap(&known, Some(Arc::new(more)));
            let unchanged = match (&*former, &known) {
                (Some(former), Some(known)) => Arc::ptr_eq(former, known),
                (former, known) => former.is_none() && known.is_none(),
            };
            if unchanged {
                return last;
            }
        }
    }

    pub(crate) fn get(&self, place: usize) -> Option<T> {
        self.0.load().as_ref()?.get(place).copied()
    }
}

/// A value that is read often and swapped seldom.
#[derive(Debug)]
pub(crate) struct Swap<T>(ArcSwap<T>);

impl<T> Swap<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(ArcSwap::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        self.0.store(value);
    }
}

/// A borrowed credential. Short-lived: from the ninth on a thread each costs a reference count.
pub(crate) struct Borrowed(Guard<Option<Arc<Credential>>>);

impl Borrowed {
    #[inline]
    pub(crate) fn get(&self) -> Option<&Credential> {
        self.0.as_deref()
    }

    #[inline]
    pub(crate) fn into_owned(self) -> Option<Arc<Credential>> {
        Guard::into_inner(self.0)
    }
}

/// What a per-task handle remembers between its reads, so that most cost one comparison of pointers.
pub(crate) struct Parked<T: AsRef<Slot>>(
    Option<arc_swap::Cache<SlotOf<T>, Option<Arc<Credential>>>>,
    T,
);

impl<T: AsRef<Slot> + Clone> Parked<T> {
    pub(crate) fn new(owner: T) -> Self {
        Self(None, owner)
    }

    #[inline]
    pub(crate) fn load(&mut self) -> Option<&Arc<Credential>> {
        step();
        let owner = &self.1;
        self.0
            .get_or_insert_with(|| arc_swap::Cache::new(SlotOf(owner.clone())))
            .load()
            .as_ref()
    }

    pub(crate) fn release(&mut self) {
        self.0 = None;
    }
}

struct SlotOf<T>(T);

impl<T: AsRef<Slot>> std::ops::Deref for SlotOf<T> {
    type Target = ArcSwapOption<Credential>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0.as_ref().0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::chance::Chance;
    use crate::clock::AgentClock;
    use crate::context::{Actor, Context};
    use crate::credential::{Ends, Parts, Plan};
    use crate::error::Error;
    use crate::event::Sink;
    use crate::identity::{AgentIdentity, AgentType, Environment, Owner, Version};
    use crate::issued::{CredentialKind, Issued};
    use crate::key::Key;
    use crate::profile::Profile;
    use crate::provider::{ProvideCredential, SharedProvider};
    use crate::request::Request;
    use crate::secret::Secret;
    use crate::time::{Boot, Wall};

    const ROUNDS: u64 = if cfg!(miri) { 12 } else { 20_000 };

    struct Silent;

    impl ProvideCredential for Silent {
        fn profile(&self) -> Profile {
            Profile::bearer("silent")
        }

        async fn provide(&self, _: &Request) -> Result<Issued, Error> {
            std::future::pending().await
        }
    }

    fn context() -> Arc<Context> {
        let identity = AgentIdentity::new(
            AgentType("slot"),
            Version("1"),
            Environment("test"),
            Owner("tests"),
        );
        let sink = Sink::new(Vec::new(), 1);
        let actor = Actor::new(identity.unwrap(), AgentClock::System, Chance::System, sink);
        let key = Key::Named("slot".into());
        let provider = SharedProvider::new(Silent);
        Arc::new(Context::new(
            Arc::new(actor),
            key,
            provider,
            Silent.profile(),
        ))
    }

    fn credential(context: &Arc<Context>, generation: u64) -> Arc<Credential> {
        Arc::new(Credential::new(Parts {
            kind: CredentialKind::BearerToken,
            secret: Secret::from(format!("token-{generation}")),
            signing: None,
            generation,
            expires_at: None,
            ends: Ends {
                wall: Wall::FAR,
                boot: Boot::FAR,
            },
            plan: Plan::new(
                Boot(0),
                std::time::Duration::ZERO,
                std::time::Duration::ZERO,
            ),
            principal: None,
            context: Arc::clone(context),
            revoke: None,
        }))
    }

    /// Its generation, if it is whole.
    fn whole(credential: &Credential) -> u64 {
        let generation = credential.generation();
        assert_eq!(
            credential.secret.bytes(),
            format!("token-{generation}").as_bytes()
        );
        generation
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Slot>);

    impl AsRef<Slot> for Kept {
        fn as_ref(&self) -> &Slot {
            &self.0
        }
    }

    #[test]
    fn readers_of_all_sorts_find_each_generation_whole_and_none_after_a_newer_one() {
        let (context, slot) = (context(), Kept::default());

        thread::scope(|scope| {
            for _ in 0..2 {
                let slot = slot.clone();
                scope.spawn(move || {
                    let mut parked = Parked::new(slot.clone());
                    let mut seen = 0;
                    while seen < ROUNDS {
                        for found in [
                            slot.0.load().get().map(whole),
                            parked.load().map(|credential| whole(credential)),
                            slot.0.load().into_owned().as_deref().map(whole),
                        ] {
                            let generation = found.unwrap_or(0);
                            assert!(generation >= seen, "{generation} after {seen}");
                            seen = generation;
                        }
                        thread::yield_now();
                    }
                });
            }
            for generation in 1..=ROUNDS {
                let former = slot.0.swap(Some(credential(&context, generation)));
                assert_eq!(former.as_deref().map_or(0, whole), generation - 1);
            }
        });
    }

    #[test]
    fn what_is_borrowed_stays_whole_across_swaps_and_goes_with_its_borrower() {
        let (context, slot) = (context(), Slot::default());
        slot.store(Some(credential(&context, 1)));
        let borrowed: Vec<_> = (0..10).map(|_| slot.load()).collect();

        let former = slot.swap(Some(credential(&context, 2))).unwrap();
        slot.store(None);

        for borrowed in &borrowed {
            assert_eq!(borrowed.get().map(whole), Some(1));
        }
        assert!(slot.load().get().is_none());
        assert!(Arc::strong_count(&former) > 1);
        drop(borrowed);
        assert_eq!(Arc::strong_count(&former), 1);
    }

    #[test]
    fn what_is_parked_is_kept_until_it_is_read_anew_or_released() {
        let (context, slot) = (context(), Kept::default());
        slot.0.store(Some(credential(&context, 1)));
        let mut parked = Parked::new(slot.clone());
        assert_eq!(parked.load().map(|found| whole(found)), Some(1));

        let first = slot.0.swap(Some(credential(&context, 2))).unwrap();
        assert_eq!(Arc::strong_count(&first), 2, "it is parked");
        assert_eq!(parked.load().map(|found| whole(found)), Some(2));
        assert_eq!(Arc::strong_count(&first), 1);

        let second = slot.0.swap(None).unwrap();
        parked.release();
        assert_eq!(Arc::strong_count(&second), 1);
        assert!(parked.load().is_none());
    }

    #[test]
    fn a_value_has_one_place_whoever_asks_first() {
        for _ in 0..ROUNDS / 4 {
            let grown = Grown::<usize>::new();

            let places = thread::scope(|scope| {
                let grown = &grown;
                let ask =
                    |start: usize| move || [0, 1, 2].map(|add| grown.place_of((start + add) % 3));
                let asked = [0, 1, 2].map(|start| scope.spawn(ask(start)));
                asked.map(|asked| asked.join().unwrap())
            });

            for (start, places) in places.iter().enumerate() {
                for (add, place) in places.iter().enumerate() {
                    assert_eq!(grown.get(*place), Some((start + add) % 3));
                }
            }
            assert_eq!(grown.get(3), None);
        }
    }
}
