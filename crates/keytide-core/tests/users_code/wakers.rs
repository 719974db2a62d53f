//! Wakers: woken, and dropped. (What clones one is the user's own poll, outside every lock.)

use std::sync::mpsc;

use super::*;

/// Springs when it is woken.
struct Woken(Arc<Trap>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.spring();
    }
}

/// Springs when the engine drops it, and does nothing when it is woken.
struct Kept(#[expect(dead_code, reason = "dropped with it")] Dropped);

impl Wake for Kept {
    fn wake(self: Arc<Self>) {}
}

fn woken(given: &Given) -> Waker {
    Waker::from(Arc::new(Woken(Arc::clone(&given.trap))))
}

/// Two wait for the same, first one whose waker misbehaves, then a good one. Then `trigger` has both woken.
fn two_wait<F>(
    given: &Given,
    cache: Cache,
    waits: impl Fn(&Cache) -> F,
    trigger: impl FnOnce() + Send + 'static,
) -> Option<Cache>
where
    F: Future<Output = ()> + Send + 'static,
{
    wait_with(given, cache, woken(given), waits, trigger)
}

fn wait_with<F>(
    given: &Given,
    cache: Cache,
    waker: Waker,
    waits: impl Fn(&Cache) -> F,
    trigger: impl FnOnce() + Send + 'static,
) -> Option<Cache>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut bad = Box::pin(waits(&cache));
    let polled = bad.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending(), "it waits");
    drop(waker);
    let mut good = Box::pin(waits(&cache));
    let (ready, is_ready) = mpsc::channel();
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        block(async {
            let mut ready = Some(ready);
            std::future::poll_fn(|context| {
                let polled = good.as_mut().poll(context);
                if let Some(ready) = ready.take() {
                    let _ = ready.send(());
                }
                polled
            })
            .await;
        });
        let _ = done.send(());
    });
    is_ready.recv().unwrap();
    given.trap.arm(&cache);
    let is_kept = (!given.trap.does.ends_the_cache()).then(|| cache.clone());
    drop(cache);
    // It may be the thread that wakes.
    let triggers = thread::spawn(move || caught(trigger));

    let good = is_done.recv_timeout(2 * SECOND);
    eventually("the bad waker is reached", || given.trap.is_sprung());
    assert!(good.is_ok(), "who waits behind it is held up");
    let _ = triggers.join();
    // The waiter of the bad one is a user's own to drop.
    given.trap.armed.store(false, Ordering::Release);
    drop(bad);
    is_kept
}

pub(crate) fn get(given: &Given) -> Option<Cache> {
    get_by(given, woken(given))
}

pub(crate) fn get_by(given: &Given, waker: Waker) -> Option<Cache> {
    let (cache, script) = given.scripted(Answer::token(HOUR).gated());
    let waits = |cache: &Cache| {
        let cache = cache.clone();
        async move { drop(cache.get().await) }
    };
    wait_with(given, cache, waker, waits, move || {
        script.release(9);
    })
}

pub(crate) fn get_for_origin(given: &Given) -> Option<Cache> {
    let (cache, script) = given.scripted(Answer::token(HOUR).gated());
    let waits = |cache: &Cache| {
        let cache = cache.clone();
        async move { drop(cache.sender().need("https://origin.example").get().await) }
    };
    two_wait(given, cache, waits, move || {
        script.release(9);
    })
}

pub(crate) fn get_within(given: &Given) -> Option<Cache> {
    let (cache, script) = given.scripted(Answer::hang());
    let waits = |cache: &Cache| {
        let cache = cache.clone();
        async move { drop(cache.need().within(SECOND / 4).get().await) }
    };
    two_wait(given, cache, waits, || {})?;
    script.always(Answer::token(HOUR));
    None
}

pub(crate) fn rejected(given: &Given) -> Option<Cache> {
    let (cache, script) = given.scripted(Answer::token(HOUR));
    block(cache.get()).unwrap();
    script.always(Answer::token(HOUR).gated());
    let waits = |cache: &Cache| {
        let rejected = cache.rejected(1, "https://origin.example");
        async move { drop(rejected.await) }
    };
    two_wait(given, cache, waits, move || {
        script.release(9);
    })
}

pub(crate) fn changes(given: &Given) -> Option<Cache> {
    changes_by(given, woken(given))
}

fn changes_by(given: &Given, waker: Waker) -> Option<Cache> {
    let (cache, _) = given.scripted(Answer::token(HOUR));
    let asked = cache.clone();
    let waits = |cache: &Cache| {
        let mut changes = cache.changes();
        async move {
            let _ = changes.next().await;
        }
    };
    wait_with(given, cache, waker, waits, move || {
        drop(block(asked.get()));
    })
}

fn warm(agent: &Agent, limit: Duration) -> impl Fn(&Cache) -> Boxed<()> + use<> {
    let agent = agent.clone();
    move |_| {
        let agent = agent.clone();
        Box::pin(async move { drop(agent.warm_up(limit).await) })
    }
}

pub(crate) fn warm_up(given: &Given) -> Option<Cache> {
    // The bystanders of the agent hang: it is warmed up by an agent of its own.
    let own = Given::new(given.trap.does);
    let (provider, script) = ScriptedProvider::new(Answer::token(HOUR).gated());
    let cache = own.agent.cache(provider).build().unwrap();
    two_wait(given, cache, warm(&own.agent, HOUR), move || {
        script.release(9);
    })
}

pub(crate) fn warm_up_late(given: &Given) -> Option<Cache> {
    let (cache, _) = given.scripted(Answer::hang());
    two_wait(given, cache, warm(&given.agent, SECOND / 4), || {})?;
    None
}

/// A cache with a credential whose issuer, when told of a revocation, answers when `Opens` is opened.
fn revocable(given: &Given) -> (Cache, tokio::sync::watch::Sender<bool>) {
    let (open, opened) = tokio::sync::watch::channel(false);
    let cache = given.cache_by(move |call, _| {
        let opened = opened.clone();
        Ok(token(call).revoke_with(move |_| {
            let mut opened = opened.clone();
            async move {
                let _ = opened.wait_for(|open| *open).await;
                Ok(())
            }
        }))
    });
    block(cache.get()).unwrap();
    (cache, open)
}

pub(crate) fn revoke(given: &Given) -> Option<Cache> {
    let (cache, open) = revocable(given);
    let waits = |cache: &Cache| {
        let telling = cache.revoke();
        async move { drop(telling.await) }
    };
    two_wait(given, cache, waits, move || {
        open.send_replace(true);
    })?;
    None
}

pub(crate) fn terminate(given: &Given) -> Option<Cache> {
    // The bystander of the agent lives on.
    let own = Given::new(given.trap.does);
    let (cache, open) = revocable(&own);
    let agent = own.agent.clone();
    let waits = move |_: &Cache| {
        let terminating = agent.terminate(Reason::Finished);
        async move { drop(terminating.await) }
    };
    two_wait(given, cache, waits, move || {
        open.send_replace(true);
    })?;
    None
}

pub(crate) fn shutdown(given: &Given) -> Option<Cache> {
    let own = Given::new(given.trap.does);
    let (cache, _) = own.scripted(Answer::hang());
    let _ = cache.try_get();
    let (revoked, open) = revocable(&own);
    let agent = own.agent.clone();
    let waits = move |_: &Cache| {
        let agent = agent.clone();
        let telling = revoked.revoke();
        async move {
            let mut telling = pin!(telling);
            let _ = telling
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            drop(agent.shutdown(SECOND / 2).await);
        }
    };
    two_wait(given, cache, waits, move || {
        let _open = open;
        thread::park_timeout(SECOND);
    })?;
    None
}

fn kept(given: &Given) -> Waker {
    Waker::from(Arc::new(Kept(Dropped(Arc::clone(&given.trap)))))
}

pub(crate) fn dropped(given: &Given) -> Option<Cache> {
    get_by(given, kept(given))
}

pub(crate) fn changes_dropped(given: &Given) -> Option<Cache> {
    changes_by(given, kept(given))
}
