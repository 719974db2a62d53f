//! What is dropped: calls, providers, revocations, credentials, answers and failures.

use std::fmt;
use std::time::SystemTime;

use keytide_core::{Clock, Draw, SystemClock};

use super::*;

/// A token whose way to be revoked springs when it is dropped.
fn trapped(call: usize, trap: Arc<Trap>) -> Issued {
    let dropped = Dropped(trap);
    token(call).revoke_with(move |_| {
        let _ = &dropped;
        async { Ok(()) }
    })
}

pub(crate) fn replaced(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| Ok(trapped(call, trap)));
    block(cache.refresh_now()).map(drop).unwrap();
    given.trap.arm(&cache);
    let _ = block(cache.refresh_now()).map(drop);
    eventually("what was replaced is dropped", || given.trap.is_sprung());
    Some(cache)
}

pub(crate) fn revoked(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| Ok(trapped(call, trap)));
    block(cache.refresh_now()).map(drop).unwrap();
    let (other, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&other);
    caught(|| drop(cache.revoke()));
    assert_eq!(cache.try_get().unwrap_err().kind(), ErrorKind::Revoked);
    caught(|| drop(cache));
    eventually("what was revoked is dropped", || given.trap.is_sprung());
    Some(other)
}

pub(crate) fn refused(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| match call {
        1 => Ok(token(call).principal("reader")),
        2 => Ok(trapped(call, trap).principal("somebody else")),
        _ => Ok(token(call).principal("reader")),
    });
    block(cache.refresh_now()).map(drop).unwrap();
    given.trap.arm(&cache);
    assert!(block(cache.refresh_now()).is_err(), "it is refused");
    eventually("what was refused is dropped", || given.trap.is_sprung());
    Some(cache)
}

pub(crate) fn unchanged(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| Ok(trapped(call.min(1), trap)));
    block(cache.refresh_now()).map(drop).unwrap();
    given.trap.arm(&cache);
    let _ = block(cache.refresh_now()).map(drop);
    eventually("the same again is dropped", || given.trap.is_sprung());
    Some(cache)
}

/// Hangs, with what springs when the call is dropped; and springs itself.
struct Hangs {
    call: Option<Arc<Trap>>,
    begun: Arc<AtomicUsize>,
    #[expect(dead_code, reason = "dropped with it")]
    itself: Option<Dropped>,
}

impl ProvideCredential for Hangs {
    fn profile(&self) -> Profile {
        Profile::bearer("hangs")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let _dropped = self.call.clone().map(Dropped);
        self.begun.fetch_add(1, Ordering::AcqRel);
        std::future::pending().await
    }
}

pub(crate) fn call(given: &Given) -> Option<Cache> {
    let trap = Arc::clone(&given.trap);
    let begun = Arc::new(AtomicUsize::new(0));
    let provider = Hangs {
        call: Some(trap),
        begun: Arc::clone(&begun),
        itself: None,
    };
    let hangs = given.agent.cache(provider).build().unwrap();
    let _ = hangs.try_get();
    eventually("the call has begun", || begun.load(Ordering::Acquire) == 1);
    let (other, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&other);
    drop(hangs);
    eventually("the call is dropped", || given.trap.is_sprung());
    Some(other)
}

pub(crate) fn provider(given: &Given) -> Option<Cache> {
    let provider = Hangs {
        call: None,
        begun: Arc::default(),
        itself: Some(Dropped(Arc::clone(&given.trap))),
    };
    let hangs = given.agent.cache(provider).build().unwrap();
    let (other, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&other);
    drop(hangs);
    eventually("the provider is dropped", || given.trap.is_sprung());
    Some(other)
}

/// The future that tells an issuer, given up by the end of its limit or dropped when done.
pub(crate) fn tell(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| {
        Ok(token(call).revoke_with(move |_| {
            let dropped = Dropped(Arc::clone(&trap));
            async move {
                let _dropped = dropped;
                Ok(())
            }
        }))
    });
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    let _ = block(cache.revoke());
    eventually("what told is dropped", || given.trap.is_sprung());
    None
}

/// A source that springs when it is dropped.
struct Source(#[expect(dead_code, reason = "dropped with it")] Dropped);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("source")
    }
}

impl std::error::Error for Source {}

/// A cache whose first call has failed with such a source, and whose next one gives what `next` says.
fn failed(given: &Given, next: fn() -> Result<Issued, Error>) -> Cache {
    let cache = given.cache_by(move |call, trap| match call {
        1 => Err(Error::unavailable("down").caused_by(Source(Dropped(trap)))),
        2 => next(),
        _ => Ok(token(call)),
    });
    drop(block(cache.refresh_now()));
    cache
}

pub(crate) fn failure_replaced(given: &Given) -> Option<Cache> {
    let cache = failed(given, || Err(Error::refused("no")));
    given.trap.arm(&cache);
    drop(block(cache.refresh_now()));
    eventually("the former failure is dropped", || given.trap.is_sprung());
    Some(cache)
}

pub(crate) fn failure_healed(given: &Given) -> Option<Cache> {
    let cache = failed(given, || Ok(token(2)));
    given.trap.arm(&cache);
    drop(block(cache.refresh_now()));
    eventually("the failure is dropped", || given.trap.is_sprung());
    Some(cache)
}

pub(crate) fn failure_of_a_dropped_cache(given: &Given) -> Option<Cache> {
    let cache = failed(given, || Ok(token(2)));
    let (other, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&other);
    drop(cache);
    eventually("the failure is dropped", || given.trap.is_sprung());
    Some(other)
}

/// The thread of the first telling is held by another for so long that the issuer is told once more. What the first says then
/// comes too late, and is dropped.
pub(crate) fn second_telling(given: &Given) -> Option<Cache> {
    let told = Arc::new(AtomicUsize::new(0));
    let (count, released) = (Arc::clone(&told), tokio::sync::watch::channel(false));
    let (release, released) = released;
    let cache = given.cache_by(move |call, trap| {
        let (count, released) = (Arc::clone(&count), released.clone());
        Ok(token(call).revoke_with(move |_| {
            let (trap, mut released) = (Arc::clone(&trap), released.clone());
            let first = count.fetch_add(1, Ordering::AcqRel) == 0;
            async move {
                if !first {
                    return Ok(());
                }
                let _ = released.wait_for(|released| *released).await;
                Err(Error::unavailable("late").caused_by(Source(Dropped(trap))))
            }
        }))
    });
    block(cache.get()).unwrap();
    let telling = thread::spawn(move || block(cache.revoke()));
    eventually("it is being told", || told.load(Ordering::Acquire) == 1);
    let blocks = given.cache_by(|call, _| {
        thread::sleep(8 * SECOND);
        Ok(token(call))
    });
    let _ = blocks.try_get();
    let told = telling.join().unwrap();
    assert!(told.issuer.is_some_and(|told| told.is_ok()));

    let (other, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&other);
    release.send_replace(true);
    eventually("what is late is dropped", || given.trap.is_sprung());
    Some(other)
}

/// Counts, unless it is dropped while another panic unwinds, and panics.
struct Panics(Arc<AtomicUsize>);

impl Drop for Panics {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.0.fetch_add(1, Ordering::AcqRel);
            panic!("a drop panics on purpose");
        }
    }
}

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Panics")
    }
}

impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("panics")
    }
}

impl std::error::Error for Panics {}

/// A second panic, while the first unwinds, would end the process.
#[test]
fn a_failure_and_a_withdrawn_credential_are_dropped_one_by_one() {
    for revoke in [false, true] {
        let given = Given::new(Does::Panics);
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&dropped);
        let provider = By(AtomicUsize::new(0), move |call| {
            let panics = Panics(Arc::clone(&count));
            if call > 1 {
                return Err(Error::unavailable("down").caused_by(panics));
            }
            Ok(token(call).revoke_with(move |_| {
                let _ = &panics;
                async { Ok(()) }
            }))
        });
        // The minimum interval lets no third call be made.
        let cache = given
            .agent
            .cache(provider)
            .min_interval(HOUR)
            .build()
            .unwrap();
        block(cache.get()).map(drop).unwrap();
        block(cache.refresh_now()).map(drop).unwrap_err();
        assert!(cache.invalidate(1));
        assert_eq!(dropped.load(Ordering::Acquire), 0);

        if revoke {
            let telling = caught(|| cache.revoke());
            let _ = caught(|| drop(telling));
        }
        drop(cache);

        eventually("both are dropped", || dropped.load(Ordering::Acquire) == 2);
    }
}

#[test]
fn a_clock_and_a_chance_are_dropped_one_by_one() {
    #[derive(Debug)]
    struct Both(#[expect(dead_code, reason = "dropped with it")] Panics);

    impl Clock for Both {
        fn wall(&self) -> SystemTime {
            SystemClock::default().wall()
        }

        fn since_boot(&self) -> Duration {
            SystemClock::default().since_boot()
        }
    }

    impl Draw for Both {
        fn draw(&self) -> u128 {
            u128::MAX / 7
        }
    }

    let dropped = Arc::new(AtomicUsize::new(0));
    let both = || Both(Panics(Arc::clone(&dropped)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let agent = Agent::builder(agent().identity().clone())
        .clock(both())
        .chance(both())
        .runtime(runtime.handle().clone())
        .build()
        .unwrap();

    drop(agent);

    assert_eq!(dropped.load(Ordering::Acquire), 2);
}
