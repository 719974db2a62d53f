//! What is dropped: calls, providers, revocations, credentials, answers and failures.

use std::fmt;

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

/// Hangs in each call but the later ones, with what springs when the call is dropped; and springs itself.
struct Hangs {
    call: Option<Arc<Trap>>,
    #[expect(dead_code, reason = "dropped with it")]
    itself: Option<Dropped>,
}

impl ProvideCredential for Hangs {
    fn profile(&self) -> Profile {
        Profile::bearer("hangs")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let _dropped = self.call.clone().map(Dropped);
        std::future::pending().await
    }
}

pub(crate) fn call(given: &Given) -> Option<Cache> {
    let trap = Arc::clone(&given.trap);
    let provider = Hangs {
        call: Some(trap),
        itself: None,
    };
    let hangs = given.agent.cache(provider).build().unwrap();
    let _ = block(hangs.need().within(SECOND / 4).get());
    let (other, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&other);
    drop(hangs);
    eventually("the call is dropped", || given.trap.is_sprung());
    Some(other)
}

pub(crate) fn provider(given: &Given) -> Option<Cache> {
    let provider = Hangs {
        call: None,
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
