//! An answer that comes when nobody waits for it any more.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use shuttle::future::block_on;
use shuttle::thread;

use super::explore;
use super::kit::{Issuer, settle, whole};
use crate::{Credential, ErrorKind};

#[test]
fn a_late_answer_never_replaces_a_newer_generation() {
    explore(|| {
        let issuer = Issuer {
            polls: &[0, 3, 0],
            ..Issuer::default()
        };
        let (agent, cache) = issuer.cache();
        let mut changes = cache.changes();
        block_on(cache.get()).unwrap();
        let seen = Seen::default();

        let slow = thread::spawn({
            let (cache, seen) = (cache.clone(), seen.clone());
            move || block_on(cache.refresh_now()).map(|credential| seen.note(&credential))
        });
        let reader = thread::spawn({
            let (cache, seen) = (cache.clone(), seen.clone());
            move || {
                let mut last = (0, 0);
                for _ in 0..4 {
                    match cache.read(|credential| seen.note(credential)) {
                        Ok(pair) => {
                            assert!(pair >= last, "{pair:?} after {last:?}");
                            last = pair;
                        }
                        Err(error) => {
                            let kind = error.kind();
                            assert!(matches!(kind, ErrorKind::Empty | ErrorKind::Invalidated));
                        }
                    }
                }
            }
        });
        let watcher = thread::spawn(move || {
            let mut last = 0;
            while let Some(generation) = block_on(changes.next()) {
                assert!(generation > last, "{generation} after {last}");
                last = generation;
            }
        });
        let asked = issuer.calls();
        let withdrawn = cache.invalidate(1);
        let (generation, call) = seen.note(&block_on(cache.get()).unwrap());

        assert!(generation > 1);
        assert!(
            !withdrawn || call > asked,
            "call {call} was under way when its answer was declared invalid"
        );
        slow.join().unwrap().unwrap();
        reader.join().unwrap();
        settle(&agent);
        seen.note(&block_on(cache.get()).unwrap());
        drop(cache.revoke());
        watcher.join().unwrap();
        seen.assert_in_order();
    });
}

/// What anybody was given: the generation, and the call that brought it.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeSet<(u64, u64)>>>);

impl Seen {
    fn note(&self, credential: &Credential) -> (u64, u64) {
        let pair = (credential.generation(), whole(credential));
        self.0.lock().unwrap().insert(pair);
        pair
    }

    /// A newer generation is always of a later call.
    fn assert_in_order(&self) {
        let seen = self.0.lock().unwrap();
        for (older, newer) in seen.iter().zip(seen.iter().skip(1)) {
            assert!(older.0 < newer.0 && older.1 < newer.1, "{seen:?}");
        }
    }
}
