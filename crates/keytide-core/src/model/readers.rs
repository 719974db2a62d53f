//! Readers while generations are published.

use shuttle::future::block_on;
use shuttle::thread::{self, JoinHandle};

use super::explore;
use super::kit::{Issuer, whole};
use crate::sync::step;
use crate::{Cache, Credential, Error, ErrorKind};

#[test]
fn readers_never_see_a_torn_credential_while_flights_publish() {
    explore(|| rotate_under_readers(false));
}

#[test]
fn readers_inside_a_lease_never_see_a_torn_credential_while_flights_publish() {
    explore(|| rotate_under_readers(true));
}

fn rotate_under_readers(leases: bool) {
    let issuer = Issuer {
        polls: &[1],
        leases,
        ..Issuer::default()
    };
    let (_agent, cache) = issuer.cache();
    let rotated = cache.clone();
    let refresher = thread::spawn(move || {
        for _ in 0..3 {
            look(&block_on(rotated.refresh_now()).unwrap());
        }
    });

    let mut handle = cache.handle();
    let readers = [
        reader(&cache, |cache| cache.read(look)),
        reader(&cache, |cache| {
            cache.try_get().map(|credential| look(&credential))
        }),
        reader(&cache, move |_| handle.read(look)),
    ];

    refresher.join().unwrap();
    for reader in readers {
        reader.join().unwrap();
    }
    assert!(cache.read(look).unwrap() >= 3);
}

/// Reads thrice: generations never go back, and once there is one, there is always one.
fn reader(
    cache: &Cache,
    mut read: impl FnMut(&Cache) -> Result<u64, Error> + Send + 'static,
) -> JoinHandle<()> {
    let cache = cache.clone();
    thread::spawn(move || {
        let mut last = 0;
        for _ in 0..3 {
            match read(&cache) {
                Ok(generation) => {
                    assert!(generation >= last, "{generation} after {last}");
                    last = generation;
                }
                Err(error) => assert_eq!((error.kind(), last), (ErrorKind::Empty, 0)),
            }
        }
    })
}

/// Borrows for longer than a rotation may take.
fn look(credential: &Credential) -> u64 {
    let generation = whole(credential);
    assert_eq!(credential.generation(), generation);
    step();
    assert_eq!(whole(credential), generation);
    generation
}
