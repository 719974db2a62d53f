//! A clock of a user's: what a read goes by is the reader's own; for all others it may do what it likes.

use std::sync::OnceLock;
use std::time::SystemTime;

use keytide_core::{Clock, SystemClock};
use tokio::runtime::Runtime;

use super::*;

/// The system's, but that it springs on the threads where it is told to.
#[derive(Debug)]
struct Watch<T> {
    springs: fn() -> bool,
    trap: T,
}

impl Clock for Watch<Sprung> {
    fn wall(&self) -> SystemTime {
        if (self.springs)() {
            self.trap.0.spring();
        }
        SystemClock::default().wall()
    }

    fn since_boot(&self) -> Duration {
        SystemClock::default().since_boot()
    }
}

/// A trap without a face.
struct Sprung(Arc<Trap>);

impl std::fmt::Debug for Sprung {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sprung")
    }
}

fn is_named(name: &str) -> bool {
    thread::current()
        .name()
        .is_some_and(|known| known.starts_with(name))
}

/// On the threads of the library, and of the runtime that was named.
fn at_home() -> bool {
    is_named("keytide") || is_named("users-home")
}

fn home() -> &'static Runtime {
    static HOME: OnceLock<Runtime> = OnceLock::new();
    HOME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .thread_name("users-home")
            .enable_all()
            .build()
            .unwrap()
    })
}

fn agent_by(given: &Given, clock: impl Clock) -> Agent {
    Agent::builder(given.agent.identity().clone())
        .clock(clock)
        .runtime(home().handle().clone())
        .build()
        .unwrap()
}

fn watched(given: &Given, springs: fn() -> bool) -> Agent {
    let trap = Sprung(Arc::clone(&given.trap));
    agent_by(given, Watch { springs, trap })
}

/// A panic is that reader's.
pub(crate) fn read(given: &Given) -> Option<Cache> {
    let agent = watched(given, || !at_home());
    let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
    let cache = agent.cache(provider).build().unwrap();
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    let got = caught(|| cache.try_get());
    assert_eq!(got.is_none(), given.trap.does == Does::Panics, "{got:?}");
    Some(cache)
}

/// Who waits for a call is told of its answer, whatever the clock does when it lands.
pub(crate) fn landing(given: &Given) -> Option<Cache> {
    let agent = watched(given, at_home);
    let (provider, script) = ScriptedProvider::new(Answer::token(HOUR).gated());
    let cache = agent.cache(provider).build().unwrap();
    let reader = cache.clone();
    let reads =
        thread::spawn(move || within("a reader", async move { reader.get().await.map(drop) }));
    eventually("the call is under way", || script.running() == 1);
    given.trap.arm(&cache);
    let own = (!given.trap.does.ends_the_cache()).then_some(cache);
    script.release(9);
    let got = reads.join().unwrap();
    assert!(got.is_ok(), "{got:?}");
    own
}

/// A refresh ahead of expiry is made all the same.
pub(crate) fn timer(given: &Given) -> Option<Cache> {
    let agent = watched(given, at_home);
    let (provider, script) = ScriptedProvider::new(Answer::token(4 * SECOND));
    let cache = agent.cache(provider).build().unwrap();
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    if given.trap.does.ends_the_cache() {
        drop(cache);
        eventually("the clock is read", || given.trap.is_sprung());
        return None;
    }
    eventually("it is refreshed", || {
        let _ = cache.status();
        cache.try_get().is_ok() && script.calls() > 1
    });
    eventually("the clock is read", || given.trap.is_sprung());
    Some(cache)
}

/// The place at an issuer is passed on where another agent's call lands.
pub(crate) fn passed_on(given: &Given) -> Option<Cache> {
    let unique = format!("https://{:?}.example", given.trap.does);
    let profile = || Profile::bearer("queued").issuer(unique.clone());
    let build = |agent: &Agent, answer| {
        let (provider, script) = ScriptedProvider::with_profile(profile(), answer);
        let cache = agent.cache(provider).issuer_limit(1).build().unwrap();
        (cache, script)
    };
    let (first, script) = build(&given.agent, Answer::token(HOUR).gated());
    let reader = first.clone();
    let reads =
        thread::spawn(move || within("a reader", async move { reader.get().await.map(drop) }));
    eventually("the call is under way", || script.running() == 1);
    let (waits, _) = build(&watched(given, at_home), Answer::token(HOUR));
    let waiting = waits.clone();
    let waiting = thread::spawn(move || drop(block(waiting.get())));
    eventually("it waits for a place", || waits.status().in_flight);
    given.trap.arm(&waits);
    script.release(9);
    let got = reads.join().unwrap();
    if given.trap.does != Does::Terminates {
        assert!(got.is_ok(), "{got:?}");
    }
    eventually("the clock is read", || given.trap.is_sprung());
    waiting.join().unwrap();
    Some(waits)
}

/// What is revoked is revoked, and a key is free.
pub(crate) fn end(given: &Given) -> Option<Cache> {
    let agent = watched(given, || true);
    let build = || {
        let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
        agent.cache(provider).key("k").build()
    };
    let cache = build().unwrap();
    block(cache.get()).unwrap();
    given.trap.arm(&given.scripted(Answer::token(HOUR)).0);
    drop(cache.revoke());
    given.trap.armed.store(false, Ordering::Release);
    assert_eq!(cache.try_get().unwrap_err().kind(), ErrorKind::Revoked);

    given.trap.armed.store(true, Ordering::Release);
    drop(cache);
    given.trap.armed.store(false, Ordering::Release);
    assert!(build().is_ok(), "its key is not free");
    None
}

pub(crate) fn dropped(given: &Given) -> Option<Cache> {
    #[derive(Debug)]
    struct Kept(Hidden);

    impl Clock for Kept {
        fn wall(&self) -> SystemTime {
            let _ = &self.0;
            SystemClock::default().wall()
        }

        fn since_boot(&self) -> Duration {
            SystemClock::default().since_boot()
        }
    }

    goes_with_its_agent(given, |clock| agent_by(given, Kept(clock)))
}
