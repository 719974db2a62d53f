//! A revoker against all others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::explore;
use super::kit::{Issuer, settle, whole};
use crate::{Cache, Credential, Error, ErrorKind, Phase};

#[test]
fn nothing_is_read_after_revoke_returned() {
    explore(|| revoke_under_readers(false));
}

#[test]
fn nothing_is_read_inside_a_lease_after_revoke_returned() {
    explore(|| revoke_under_readers(true));
}

fn revoke_under_readers(leases: bool) {
    let issuer = Issuer {
        leases,
        ..Issuer::default()
    };
    let (agent, cache) = issuer.cache();
    if thread_rng().r#gen() {
        block_on(cache.get()).unwrap();
    }
    let at_hand = cache.try_get().ok().map(|known| Arc::downgrade(&known));
    let revoked = Arc::new(AtomicBool::new(false));
    let mut handle = cache.handle();
    let others = [
        reader(&cache, &revoked, |cache| {
            block_on(cache.refresh_now()).map(look)
        }),
        reader(&cache, &revoked, |cache| block_on(cache.get()).map(look)),
        reader(&cache, &revoked, |cache| cache.try_get().map(look)),
        reader(&cache, &revoked, move |_| {
            handle.read(whole).inspect_err(|_| handle.release())
        }),
    ];

    drop(cache.revoke());
    revoked.store(true, Ordering::SeqCst);

    assert_gone(&cache);
    for other in others {
        other.join().unwrap();
    }
    settle(&agent);
    assert_gone(&cache);
    assert!(cache.shared.slot.load().get().is_none(), "resurrected");
    assert_eq!(cache.status().phase, Phase::Revoked);
    assert_eq!(block_on(cache.changes().next()), None);
    // Wiped as soon as the driver lets go, if it was looking.
    while at_hand
        .as_ref()
        .is_some_and(|known| known.strong_count() > 0)
    {
        thread::yield_now();
    }
}

/// Reads twice: what starts after the revocation fails, and whatever fails then says why.
fn reader(
    cache: &Cache,
    revoked: &Arc<AtomicBool>,
    mut read: impl FnMut(&Cache) -> Result<u64, Error> + Send + 'static,
) -> JoinHandle<()> {
    let (cache, revoked) = (cache.clone(), Arc::clone(revoked));
    thread::spawn(move || {
        for _ in 0..2 {
            let over = revoked.load(Ordering::SeqCst);
            match read(&cache) {
                Ok(number) => assert!(!over, "call {number} was read after the revocation"),
                Err(error) if over => assert_eq!(error.kind(), ErrorKind::Revoked),
                Err(error) => {
                    let kind = error.kind();
                    assert!(
                        matches!(kind, ErrorKind::Revoked | ErrorKind::Empty),
                        "{error}"
                    );
                }
            }
        }
    })
}

fn assert_gone(cache: &Cache) {
    let reads = [
        cache.read(whole),
        cache.try_get().map(look),
        cache.handle().read(whole),
        block_on(cache.get()).map(look),
        block_on(cache.refresh_now()).map(look),
    ];
    for read in reads {
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Revoked);
    }
}

fn look(credential: Arc<Credential>) -> u64 {
    whole(&credential)
}
