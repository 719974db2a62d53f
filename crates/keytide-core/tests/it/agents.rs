//! Agents: identity, warm-up, status, keys.

use std::collections::HashSet;
use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, Error, ErrorKind, InstanceId, Issued, Phase, Profile, ProvideCredential,
    Request,
};
use keytide_testkit::{Answer, ScriptedProvider, TestChance, TestClock};

use crate::{HOUR, MINUTE, SECOND, given, given_with, real_agent};

#[test]
fn an_identity_needs_all_four_names_and_refuses_bad_ones() {
    let with = |name: &str| {
        let mut all = [(); 4].map(|()| of(["a", "1", "e", "o"]));
        all[0].agent_type = name.into();
        all[1].version = name.into();
        all[2].environment = name.into();
        all[3].owner = name.into();
        all.map(|identity| Agent::builder(identity).build())
    };
    for bad in [
        "",
        "two words",
        "tab\there",
        "ümlaut",
        "line\nbreak",
        &"x".repeat(129),
    ] {
        for (built, what) in with(bad).into_iter().zip(NAMES) {
            let error = built.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
    assert!(with(&"x".repeat(128)).iter().all(Result::is_ok));
    let builder = || Agent::builder(of(["fine", "1", "e", "o"]));
    for (name, value) in [("", "v"), ("n", ""), ("a b", "v"), ("n", "\0")] {
        let labelled = builder().label(name, value).build();
        assert_eq!(labelled.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    let labels =
        |most: u32| (0..most).fold(builder(), |builder, n| builder.label(format!("n{n}"), "v"));
    assert!(labels(32).build().is_ok());
    let crowded = labels(33).build();
    assert_eq!(crowded.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let twice = builder().label("a", "1").label("a", "2").build().unwrap();
    assert_eq!(twice.labels().iter().collect::<Vec<_>>(), [("a", "2")]);
    assert_eq!(twice.labels().get("a"), Some("2"));
}

fn of([agent_type, version, environment, owner]: [&str; 4]) -> AgentIdentity {
    AgentIdentity {
        agent_type: agent_type.into(),
        version: version.into(),
        environment: environment.into(),
        owner: owner.into(),
    }
}

const NAMES: [&str; 4] = ["agent type", "version", "environment", "owner"];

#[test]
fn instance_ids_are_unique() {
    let identity = of(["a", "1", "e", "o"]);
    let ids: HashSet<_> = (0..100_000)
        .map(|_| Agent::builder(identity.clone()).build().unwrap().instance())
        .collect();
    assert_eq!(ids.len(), 100_000);
}

#[tokio::test(start_paused = true)]
async fn warm_up_waits_for_every_cache_through_failures() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let (slow, _) = ScriptedProvider::new(Answer::token(HOUR).after(5 * SECOND));
    let (shaky, script) = ScriptedProvider::new(Answer::token(HOUR));
    script
        .then(Answer::unavailable())
        .then(Answer::refused())
        .then(Answer::unavailable());
    let (slow, shaky) = (
        agent.cache(slow).build().unwrap(),
        agent.cache(shaky).build().unwrap(),
    );

    agent.warm_up(MINUTE).await.unwrap();

    assert!(slow.try_get().is_ok() && shaky.try_get().is_ok());
    assert!(
        agent
            .status()
            .iter()
            .all(|status| status.phase == Phase::Fresh)
    );
}

#[tokio::test(start_paused = true)]
async fn warm_up_ends_with_its_limit_and_says_what_is_missing() {
    let given = given(Answer::unavailable());
    let start = tokio::time::Instant::now();

    let error = given.agent.warm_up(20 * SECOND).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().contains(&*given.cache.key()), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(start.elapsed().as_secs(), 20);
    let hung = crate::given(Answer::hang());
    assert_eq!(
        hung.agent.warm_up(SECOND).await.unwrap_err().kind(),
        ErrorKind::TimedOut
    );
}

#[tokio::test(start_paused = true)]
async fn status_tells_what_a_cache_is_doing() {
    let given = given(Answer::token(HOUR));
    let status = || given.agent.status().remove(0);
    assert_eq!(
        (status().phase, status().generation, status().age),
        (Phase::Empty, 0, None)
    );

    given.cache.get().await.unwrap();
    given.clock.advance(10 * MINUTE).await;
    let fresh = status();
    assert_eq!(
        (fresh.phase, fresh.generation, fresh.rotations),
        (Phase::Fresh, 1, 1)
    );
    assert_eq!(
        (fresh.age, fresh.remaining),
        (Some(10 * MINUTE), Some(50 * MINUTE))
    );
    let next = fresh.next_attempt.unwrap();
    assert!(next >= 35 * MINUTE && next <= 43 * MINUTE, "{next:?}");
    assert!(!fresh.is_static && !fresh.in_flight && fresh.last_error.is_none());

    given.script.always(Answer::unavailable());
    given.clock.advance(45 * MINUTE).await;
    let failing = status();
    assert_eq!((failing.phase, failing.generation), (Phase::Advisory, 1));
    assert!(failing.failures > 0);
    assert_eq!(failing.last_error.unwrap().kind(), ErrorKind::Unavailable);

    given.clock.advance(HOUR).await;
    assert_eq!(status().phase, Phase::Expired);
    given.cache.invalidate(1);
    assert_eq!(status().phase, Phase::Invalidated);
    drop(given.cache.revoke());
    assert_eq!(status().phase, Phase::Revoked);
}

#[tokio::test(start_paused = true)]
async fn keys_of_caches_are_unique_within_an_agent() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let provider = || ScriptedProvider::with_profile(Profile::bearer("p"), Answer::token(HOUR)).0;
    let first = agent.cache(provider()).build().unwrap();
    let second = agent.cache(provider()).build().unwrap();
    assert_ne!(first.key(), second.key());

    let named = agent.cache(provider()).key("billing").build().unwrap();
    let error = agent.cache(provider()).key("billing").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("billing"));

    drop(named);
    agent.cache(provider()).key("billing").build().unwrap();
    for bad in ["", "a\nb", &"x".repeat(257)] {
        assert!(agent.cache(provider()).key(bad).build().is_err(), "{bad:?}");
    }
}

/// Whatever the library is at with the cache meanwhile: its timer and its call hold it for moments.
#[test]
fn a_key_is_free_as_soon_as_the_last_handle_is_dropped() {
    let agent = real_agent();
    for round in 0..3000 {
        let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
        let cache = agent.cache(provider).key("billing").build();
        let cache = cache.unwrap_or_else(|error| panic!("round {round}: {error}"));
        let _ = cache.try_get();
        if round % 3 == 0 {
            let _ = cache.get_blocking(SECOND);
        }
        let clone = cache.clone();
        let dropped = std::thread::spawn(move || drop(clone));
        drop(cache);
        dropped.join().unwrap();
        assert!(agent.status().is_empty());
    }
}

/// A warm-up that waits is no handle.
#[tokio::test(start_paused = true)]
async fn a_key_is_free_while_the_library_still_looks_at_its_cache() {
    let given = given_with(Profile::bearer("p"), Answer::hang(), |builder| {
        builder.key("billing")
    });
    let mut warming = Box::pin(given.agent.warm_up(HOUR));
    let _ = warming
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    let second = given.cache.clone();

    drop(given.cache);
    let builder = || {
        let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
        given.agent.cache(provider).key("billing")
    };
    assert!(builder().build().is_err(), "a clone holds it");
    drop(second);

    let again = builder().build().unwrap();
    assert_eq!(again.get().await.unwrap().generation(), 1);
    assert!(builder().build().is_err(), "it is taken anew");
    warming.await.unwrap();
    assert!(builder().build().is_err(), "the former one frees nothing");
}

/// What a provider does when it is dropped is its own, and no lock is held meanwhile.
#[test]
fn a_provider_may_panic_or_build_a_cache_when_it_is_dropped() {
    struct Dropped(Agent, bool);
    impl ProvideCredential for Dropped {
        fn profile(&self) -> Profile {
            Profile::bearer("dropped")
        }

        async fn provide(&self, _: &Request) -> Result<Issued, Error> {
            Err(Error::unavailable("never"))
        }
    }
    impl Drop for Dropped {
        fn drop(&mut self) {
            let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
            let again = self.0.cache(provider).key("billing").build().unwrap();
            assert_eq!(self.0.status().len(), 1);
            drop(again);
            assert!(!self.1, "a user's code panics on purpose");
        }
    }
    for panics in [false, true] {
        let agent = real_agent();
        let provider = Dropped(agent.clone(), panics);
        let cache = agent.cache(provider).key("billing").build().unwrap();
        let _ = cache.try_get();

        drop(cache);

        let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
        agent.cache(provider).build().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn every_setter_refuses_what_is_out_of_its_range() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let builder = || agent.cache(ScriptedProvider::new(Answer::token(HOUR)).0);
    let zero = std::time::Duration::ZERO;
    for refused in [
        builder().min_interval(zero),
        builder().min_interval(2 * HOUR),
        builder().flight_limit(zero),
        builder().flight_limit(HOUR),
        builder().advisory_window(zero),
        builder().mandatory_window(zero),
        builder().idle_after(zero),
        builder().longest_lifetime(zero),
        builder().issuer_limit(0),
        builder().issuer_limit(10_001),
    ] {
        assert_eq!(
            refused.build().unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
    let identity = agent.identity().clone();
    assert!(
        Agent::builder(identity.clone())
            .observer_queue(0)
            .build()
            .is_err()
    );
    assert!(
        Agent::builder(identity)
            .clock(clock.clone())
            .build()
            .is_err(),
        "a clock needs its runtime"
    );
}

/// The instance id and the spread of pauses are all that is left to chance.
#[test]
fn the_same_seed_gives_the_same_run() {
    let (one, other) = (run_of_seed(1), run_of_seed(2));

    assert_eq!(one, run_of_seed(1));
    assert_ne!(one.0, other.0);
    assert_ne!(one.1, other.1);
}

/// The instance that a seed gives, and the pauses after five failures.
fn run_of_seed(seed: u64) -> (InstanceId, Vec<Duration>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let chance = TestChance::seeded(seed);
        let agent = TestClock::new().agent().chance(chance).build().unwrap();
        let (provider, _) = ScriptedProvider::new(Answer::unavailable());
        let cache = agent.cache(provider).build().unwrap();
        let mut pauses = Vec::new();
        for _ in 0..5 {
            cache.get().await.unwrap_err();
            let pause = cache.status().next_attempt.unwrap();
            pauses.push(pause);
            tokio::time::sleep(pause + Duration::from_millis(1)).await;
        }
        (agent.instance(), pauses)
    })
}
