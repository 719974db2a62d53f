//! Rules 25 and 26, T1, T14: no runtime of the user's is needed, and none can spoil anything.

use std::time::Duration;

use keytide_core::{Agent, AgentIdentity, Cache};
use keytide_testkit::{Answer, Script, ScriptedProvider};
use tokio::runtime::{Builder, Runtime};

use crate::{HOUR, SECOND, eventually, real_agent};

fn identity() -> AgentIdentity {
    real_agent().identity().clone()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn cache(agent: &Agent, answer: Answer) -> (Cache, Script) {
    let (provider, script) = ScriptedProvider::new(answer);
    (agent.cache(provider).build().unwrap(), script)
}

#[test]
fn building_and_reading_need_no_runtime() {
    let agent = real_agent();
    let (cache, _) = cache(&agent, Answer::token(HOUR).after(Duration::from_millis(20)));

    assert_eq!(cache.get_blocking(5 * SECOND).unwrap().generation(), 1);
    cache.read(|_| ()).unwrap();
}

#[test]
fn a_cache_lives_on_when_the_runtime_that_built_it_is_gone() {
    let agent = real_agent();
    let short = Answer::token(2 * SECOND).after(Duration::from_millis(5));
    let built_in = current_thread();
    let (cache, script) = built_in.block_on(async {
        let (cache, script) = cache(&agent, short);
        cache.get().await.unwrap();
        (cache, script)
    });
    drop(built_in);

    let read_in = current_thread();
    assert_eq!(
        read_in.block_on(cache.get()).unwrap().generation(),
        1,
        "before expiry"
    );
    eventually("it is refreshed with no runtime of the user's", || {
        cache
            .try_get()
            .is_ok_and(|credential| credential.generation() > 1)
    });
    eventually("nobody reads, so it expires", || {
        script.calls() >= 2 && cache.status().remaining.is_some()
    });
    assert!(read_in.block_on(cache.get()).unwrap().generation() >= 2);
}

#[test]
fn a_named_runtime_that_dies_in_mid_flight_loses_nothing() {
    let home = current_thread();
    let agent = Agent::builder(identity())
        .runtime(home.handle().clone())
        .build()
        .unwrap();
    let (cache, script) = cache(&agent, Answer::token(HOUR));
    home.block_on(async { cache.get().await.unwrap() });
    script.always(Answer::hang());
    home.block_on(async {
        let refresh = tokio::time::timeout(Duration::from_millis(20), cache.refresh_now());
        assert!(refresh.await.is_err());
    });

    script.always(Answer::token(HOUR));
    drop(home);

    cache.try_get().expect("a credential stays at hand");
    let refreshed = current_thread().block_on(cache.refresh_now()).unwrap();
    assert!(
        refreshed.generation() >= 2,
        "the call that was lost is made again elsewhere"
    );
}

#[test]
fn a_named_runtime_that_is_never_polled_is_given_up() {
    let home = current_thread();
    let agent = Agent::builder(identity())
        .runtime(home.handle().clone())
        .build()
        .unwrap();
    let (cache, script) = cache(&agent, Answer::token(HOUR));
    let start = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();

    assert_eq!(
        current_thread().block_on(cache.get()).unwrap().generation(),
        1
    );

    let elapsed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap() - start;
    assert!(elapsed < 3 * SECOND, "{elapsed:?}");
    assert_eq!(
        script.calls(),
        1,
        "the call that was never polled was no call"
    );
    drop(home);
}

#[test]
fn a_named_runtime_that_is_gone_before_the_first_read_is_given_up() {
    let home = current_thread();
    let handle = home.handle().clone();
    drop(home);
    let agent = Agent::builder(identity()).runtime(handle).build().unwrap();
    let (cache, _) = cache(&agent, Answer::token(HOUR));

    assert_eq!(cache.get_blocking(5 * SECOND).unwrap().generation(), 1);
    assert_eq!(
        current_thread()
            .block_on(cache.refresh_now())
            .unwrap()
            .generation(),
        2
    );
}

#[test]
fn readers_of_many_runtimes_share_one_call() {
    let agent = real_agent();
    let (cache, script) = cache(&agent, Answer::token(HOUR).after(Duration::from_millis(50)));

    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert_eq!(
                    current_thread().block_on(cache.get()).unwrap().generation(),
                    1
                )
            });
        }
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(cache.get_blocking(5 * SECOND).unwrap().generation(), 1));
        }
    });

    assert_eq!(script.calls(), 1);
}

/// A provider that opens timers in its first poll, polled first by a reader of a runtime without timers.
#[test]
fn what_a_provider_opens_lives_in_the_home_whoever_polls_it_first() {
    let agent = real_agent();
    let profile = keytide_core::Profile::bearer("timed").answers_at_once();
    let answer = Answer::token(HOUR).after(Duration::from_millis(10));
    let (provider, _) = ScriptedProvider::with_profile(profile, answer);
    let cache = agent.cache(provider).build().unwrap();
    let bare = Builder::new_current_thread().build().unwrap();

    assert_eq!(bare.block_on(cache.get()).unwrap().generation(), 1);
}
