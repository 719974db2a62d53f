//! What is called and polled: profiles, providers, read closures, revocations, observers, errors, and what draws.

use std::fmt;

use keytide_core::{Draw, Event, Observe, UseReport};

use super::*;

/// Springs where it is told to.
struct At {
    trap: Arc<Trap>,
    place: Place,
    calls: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Profile,
    FirstPoll,
    FirstPollInAReader,
    LaterPoll,
}

impl ProvideCredential for At {
    fn profile(&self) -> Profile {
        if self.place == Place::Profile {
            self.trap.spring();
        }
        let profile = Profile::bearer("at");
        if self.place == Place::FirstPollInAReader {
            return profile.answers_at_once();
        }
        profile
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let call = self.calls.fetch_add(1, Ordering::AcqRel) + 1;
        match self.place {
            Place::Profile => {}
            Place::FirstPoll | Place::FirstPollInAReader => self.trap.spring(),
            Place::LaterPoll => {
                tokio::task::yield_now().await;
                self.trap.spring();
            }
        }
        Ok(token(call))
    }
}

fn at(given: &Given, place: Place) -> Option<Cache> {
    let provider = At {
        trap: Arc::clone(&given.trap),
        place,
        calls: AtomicUsize::new(0),
    };
    let cache = given.agent.cache(provider).build().unwrap();
    given.trap.arm(&cache);
    let got = block(cache.get());
    match given.trap.does {
        // A panic is an error of this call.
        Does::Panics => assert_eq!(got.unwrap_err().kind(), ErrorKind::Unavailable),
        Does::Blocks | Does::CallsBack => drop(got.unwrap()),
        Does::DropsTheLast | Does::Terminates => drop(got),
    }
    Some(cache)
}

pub(crate) fn first_poll(given: &Given) -> Option<Cache> {
    at(given, Place::FirstPoll)
}

/// It promised not to block: who waits for it is at its mercy, and nobody else.
pub(crate) fn first_poll_in_a_reader(given: &Given) -> Option<Cache> {
    at(given, Place::FirstPollInAReader)
}

pub(crate) fn later_poll(given: &Given) -> Option<Cache> {
    at(given, Place::LaterPoll)
}

pub(crate) fn profile(given: &Given) -> Option<Cache> {
    let (cache, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&cache);
    let provider = At {
        trap: Arc::clone(&given.trap),
        place: Place::Profile,
        calls: AtomicUsize::new(0),
    };
    let built = given.agent.cache(provider).build();
    if given.trap.does == Does::Panics {
        assert_eq!(built.unwrap_err().kind(), ErrorKind::Misconfigured);
    }
    Some(cache)
}

/// A chain asks for it beside the call, at home: a panic is an error of that call.
pub(crate) fn profile_in_a_chain(given: &Given) -> Option<Cache> {
    let inner = At {
        trap: Arc::clone(&given.trap),
        place: Place::Profile,
        calls: AtomicUsize::new(0),
    };
    let chain = keytide_core::Chain::first(inner);
    let cache = given.agent.cache(chain).build().unwrap();
    given.trap.arm(&cache);
    let got = block(cache.get());
    if given.trap.does == Does::Panics {
        assert_eq!(got.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    Some(cache)
}

/// It holds its own reader, and a panic is that reader's.
pub(crate) fn read(given: &Given) -> Option<Cache> {
    let (cache, _) = given.scripted(Answer::token(HOUR));
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    caught(|| drop(cache.read(|_| given.trap.spring())));
    Some(cache)
}

pub(crate) fn read_of_a_handle(given: &Given) -> Option<Cache> {
    let (cache, _) = given.scripted(Answer::token(HOUR));
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    let mut handle = cache.handle();
    caught(|| drop(handle.read(|_| given.trap.spring())));
    Some(cache)
}

pub(crate) fn read_for(given: &Given) -> Option<Cache> {
    let (cache, _) = given.scripted(Answer::token(HOUR));
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    caught(|| drop(cache.need().lasting(SECOND).read(|_| given.trap.spring())));
    Some(cache)
}

pub(crate) fn read_for_origin(given: &Given) -> Option<Cache> {
    let (cache, _) = given.scripted(Answer::token(HOUR));
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    let origin = "https://origin.example";
    caught(|| drop(cache.sender().read(origin, |_| given.trap.spring())));
    Some(cache)
}

pub(crate) fn tell(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| {
        Ok(token(call).revoke_with(move |_| {
            trap.spring();
            async { Ok(()) }
        }))
    });
    told(given, cache)
}

pub(crate) fn tell_polled(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| {
        Ok(token(call).revoke_with(move |_| {
            let trap = Arc::clone(&trap);
            async move {
                tokio::task::yield_now().await;
                trap.spring();
                Ok(())
            }
        }))
    });
    told(given, cache)
}

/// Revoked for good: it is not to work afterwards.
fn told(given: &Given, cache: Cache) -> Option<Cache> {
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    let told = block(cache.revoke()).issuer.expect("it can be told");
    assert_eq!(told.is_err(), given.trap.does == Does::Panics, "{told:?}");
    assert_eq!(cache.try_get().unwrap_err().kind(), ErrorKind::Revoked);
    None
}

struct Watches {
    trap: Arc<Trap>,
    told: bool,
}

impl Observe for Watches {
    fn observe(&mut self, _: &Event) {
        if self.told {
            self.trap.spring();
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        if !self.told {
            self.trap.spring();
        }
    }
}

/// An agent that is watched by what misbehaves, and a cache of it.
fn watched(given: &Given, told: bool) -> (Agent, Cache) {
    let watches = Watches {
        trap: Arc::clone(&given.trap),
        told,
    };
    let builder = Agent::builder(given.agent.identity().clone()).observe(watches);
    let agent = builder.build().unwrap();
    let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
    let cache = agent.cache(provider).build().unwrap();
    (agent, cache)
}

pub(crate) fn observer(given: &Given) -> Option<Cache> {
    let (_agent, cache) = watched(given, true);
    given.trap.arm(&cache);
    let _ = block(cache.get());
    eventually("the observer is told", || given.trap.is_sprung());
    Some(cache)
}

pub(crate) fn observer_of_uses(given: &Given) -> Option<Cache> {
    let watches = Watches {
        trap: Arc::clone(&given.trap),
        told: true,
    };
    let builder = Agent::builder(given.agent.identity().clone()).observe_uses(watches);
    let agent = builder.build().unwrap();
    let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
    let cache = agent.cache(provider).build().unwrap();
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    cache.sender().report_use(UseReport {
        generation: 1,
        destination: "https://a.example",
        method: "GET",
        path: "/",
        status: Some(200),
    });
    eventually("the observer is told", || given.trap.is_sprung());
    Some(cache)
}

pub(crate) fn observer_dropped(given: &Given) -> Option<Cache> {
    let (agent, cache) = watched(given, false);
    let _ = block(cache.get());
    let (other, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&other);
    drop((agent, cache));
    eventually("the observer is dropped", || given.trap.is_sprung());
    Some(other)
}

/// Springs when it is shown.
struct Shown(Arc<Trap>);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.spring();
        f.write_str("Shown")
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.spring();
        f.write_str("shown")
    }
}

impl std::error::Error for Shown {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.spring();
        None
    }
}

/// It is shown once where it is given, by whoever gives it, and then where the user shows it: the engine keeps it, tells of it,
/// and shows its own error in its own words.
pub(crate) fn error_shown(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| match call {
        1 => Err(Error::unavailable("down").caused_by(Shown(trap))),
        _ => Ok(token(call)),
    });
    given.trap.arm(&cache);
    let error = block(cache.need().within(BOUND).get());
    let _ = caught(|| format!("{:?} {error:?}", cache.status()));
    // Where it blocked, that was in a call of the provider's: it lands first.
    let _ = block(cache.refresh_now());
    let shown = Error::unavailable("down").caused_by(Shown(Arc::clone(&given.trap)));
    let _ = caught(|| format!("{shown} {shown:?}"));
    let source = std::error::Error::source(&shown);
    let _ = caught(|| source.map(|source| format!("{source:?}")));
    Some(cache)
}

struct Draws(Arc<Trap>, AtomicUsize);

impl fmt::Debug for Draws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draws")
    }
}

impl Draw for Draws {
    fn draw(&self) -> u128 {
        self.0.spring();
        (self.1.fetch_add(1, Ordering::Relaxed) as u128) << 96
    }
}

/// A pause after a failure is drawn on the thread where the failure lands.
pub(crate) fn draw(given: &Given) -> Option<Cache> {
    let draws = Draws(Arc::clone(&given.trap), AtomicUsize::new(7));
    let builder = Agent::builder(given.agent.identity().clone()).chance(draws);
    let agent = builder.build().unwrap();
    let provider = By(AtomicUsize::new(0), |call| match call {
        1 => Err(Error::unavailable("down")),
        _ => Ok(token(call)),
    });
    let cache = agent.cache(provider).build().unwrap();
    given.trap.arm(&cache);
    let _ = block(cache.refresh_now());
    Some(cache)
}

pub(crate) fn draw_dropped(given: &Given) -> Option<Cache> {
    #[derive(Debug)]
    struct Kept(Hidden, AtomicUsize);

    impl Draw for Kept {
        fn draw(&self) -> u128 {
            let _ = &self.0;
            (self.1.fetch_add(1, Ordering::Relaxed) as u128) << 64 | 9
        }
    }

    goes_with_its_agent(given, |draw| {
        let builder = Agent::builder(given.agent.identity().clone());
        let chance = Kept(draw, AtomicUsize::new(given.trap.does as usize * 1000));
        builder.chance(chance).build().unwrap()
    })
}
