//! The caches of one agent: [`Registry`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};

use super::left::{Left, LeftBehind};
use super::machine::Ended;
use crate::context::key::{Key, Name};
use crate::credential::Ends;
use crate::error::{Error, ErrorKind};
use crate::profile::Profile;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::sys::time::Now;

/// Knows an agent's caches without keeping them.
pub(crate) struct Registry<C> {
    /// Held for one look or change; never while a cache is called. It may be taken under a cache's lock.
    state: Mutex<Caches<C>>,
}

struct Caches<C> {
    places: Vec<Weak<C>>,
    free: Vec<u32>,
    /// Where the caches stand that a user named.
    named: HashMap<Arc<str>, u32>,
    made: u32,
    ended: Option<Ended>,
    left: LeftBehind,
    /// What the provider of the last cache stated, and its name.
    stated: Option<(Arc<Profile>, Name)>,
}

impl<C> Default for Registry<C> {
    fn default() -> Self {
        Self {
            state: Mutex::new(Caches {
                places: Vec::new(),
                free: Vec::new(),
                named: HashMap::new(),
                made: 0,
                ended: None,
                left: LeftBehind::default(),
                stated: None,
            }),
        }
    }
}

impl<C> Caches<C> {
    fn caches(&self) -> Vec<Arc<C>> {
        self.places.iter().filter_map(Weak::upgrade).collect()
    }

    /// What all whose providers state the same share. Mostly that is what the last one stated: then nothing of the process
    /// is looked at.
    fn stated(&mut self, profile: Profile) -> (Arc<Profile>, Name) {
        if let Some((known, name)) = &self.stated
            && **known == profile
        {
            return (Arc::clone(known), *name);
        }
        let profile = profile.shared();
        let name = Name::of(profile.name);
        self.stated = Some((Arc::clone(&profile), name));
        (profile, name)
    }
}

impl<C> Registry<C> {
    /// Makes a cache, under a key of its own and at a place of its own.
    pub(crate) fn insert(
        &self,
        key: Option<String>,
        profile: Profile,
        make: impl FnOnce(u32, Key, Arc<Profile>) -> Arc<C>,
    ) -> Result<Arc<C>, Error> {
        let mut caches = self.lock();
        match caches.ended {
            Some(Ended::ShutDown) => {
                return Err(Error::new(ErrorKind::ShutDown, "the agent was shut down"));
            }
            Some(_) => return Err(Error::new(ErrorKind::Revoked, "the agent was terminated")),
            None => {}
        }
        let place = caches.free.last().copied();
        let place = match place {
            Some(place) => place,
            None => u32::try_from(caches.places.len())
                .map_err(|_| Error::invalid("an agent cannot have that many caches"))?,
        };
        let (profile, name) = caches.stated(profile);
        let key = match key {
            None => {
                caches.made = caches.made.wrapping_add(1);
                Key::Numbered(name, caches.made)
            }
            Some(key) => {
                let key: Arc<str> = key.into();
                match caches.named.entry(Arc::clone(&key)) {
                    Entry::Occupied(_) => {
                        let message = format!("the agent has a cache with the key {key} already");
                        return Err(Error::invalid(message));
                    }
                    Entry::Vacant(free) => {
                        free.insert(place);
                    }
                }
                Key::Named(key)
            }
        };
        let shared = make(place, key, profile);
        let known = Arc::downgrade(&shared);
        match caches.places.get_mut(place as usize) {
            Some(free) => {
                *free = known;
                caches.free.pop();
            }
            None => {
                if caches.places.len() == caches.places.capacity() {
                    // By a quarter, not by doubling: there may be a hundred thousand.
                    let more = caches.places.len() / 4 + 4;
                    caches.places.reserve_exact(more);
                }
                caches.places.push(known);
            }
        }
        Ok(shared)
    }

    /// Forgets a cache that nobody holds any more, but for when what it was issued ends. In one step: whoever looks finds
    /// either the cache or what it left behind.
    pub(crate) fn remove(&self, place: u32, key: &Key, left: Option<Ends>) {
        let mut caches = self.lock();
        caches.left.remember(left);
        if let Some(known) = caches.places.get_mut(place as usize) {
            *known = Weak::new();
            caches.free.push(place);
        }
        if let Key::Named(key) = key {
            caches.named.remove(key);
        }
    }

    /// Remembers until when something is accepted that no cache serves any more.
    pub(crate) fn remember(&self, left: Option<Ends>) {
        self.lock().left.remember(left);
    }

    /// Remembers what no cache serves any more, and its issuer is to be told of.
    pub(crate) fn watch(&self, left: Arc<Left>, now: Now) {
        self.lock().left.watch(left, now);
    }

    /// The caches that live, in the order of their places.
    pub(crate) fn caches(&self) -> Vec<Arc<C>> {
        self.lock().caches()
    }

    /// The caches that live, and until when something is accepted of those that are gone or revoked: in one look, so that
    /// one which is dropped meanwhile is in either.
    pub(crate) fn caches_and_left(&self) -> (Vec<Arc<C>>, Option<Ends>) {
        let caches = self.lock();
        (caches.caches(), caches.left.ends())
    }

    /// Lets no cache be made any more. Returns whether this was the first end of its sort.
    pub(crate) fn end(&self, ended: Ended) -> bool {
        let mut caches = self.lock();
        let first = caches.ended != Some(ended) && caches.ended != Some(Ended::Revoked);
        if first {
            caches.ended = Some(ended);
        }
        first
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended == Some(Ended::Revoked)
    }

    fn lock(&self) -> MutexGuard<'_, Caches<C>> {
        lock(&self.state)
    }
}
