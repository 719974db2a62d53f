//! Rules 9 to 12, and 18: one call at a time, which belongs to nobody.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use keytide_core::{ErrorKind, EventKind, Profile, Trigger};
use keytide_testkit::{Answer, ScriptedProvider};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::{HOUR, MINUTE, SECOND, eventually, given, given_with, real_agent};

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_cost_one_call() {
    let given = given(Answer::token(HOUR).gated());
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let cache = given.cache.clone();
        callers.spawn(async move { cache.get().await.map(|credential| credential.generation()) });
    }
    given.clock.settle().await;
    assert_eq!(given.script.calls(), 1);

    given.script.release(1);

    assert!(
        callers
            .join_all()
            .await
            .into_iter()
            .all(|got| got.is_ok_and(|generation| generation == 1))
    );
    assert_eq!(given.script.calls(), 1);
}

/// T3.
#[tokio::test(start_paused = true)]
async fn a_failing_issuer_costs_one_call_per_backoff_step_and_all_share_the_failure() {
    let latency = Duration::from_millis(50);
    let given = given(Answer::unavailable().after(latency));
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let cache = given.cache.clone();
        callers.spawn(async move { cache.get().await.unwrap_err().kind() });
    }

    let kinds = callers.join_all().await;

    assert!(kinds.into_iter().all(|kind| kind == ErrorKind::Unavailable));
    assert_eq!(given.script.calls(), 1);
    assert!(
        start.elapsed() < latency * 3 / 2,
        "the slowest waited {:?}",
        start.elapsed()
    );

    let begun = Instant::now();
    assert_eq!(
        given.cache.get().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        (begun.elapsed(), given.script.calls()),
        (Duration::ZERO, 1),
        "at once while backing off"
    );

    given.clock.advance(SECOND).await;
    given.cache.get().await.unwrap_err();
    assert_eq!(given.script.calls(), 2);
}

/// T2: the issuer takes longer than its callers have patience.
#[tokio::test(start_paused = true)]
async fn impatient_callers_are_served_by_the_call_that_they_left() {
    let given = given(Answer::token(HOUR).after(Duration::from_millis(300)));
    for _ in 0..2 {
        let cache = given.cache.clone();
        assert!(
            timeout(Duration::from_millis(140), cache.get())
                .await
                .is_err()
        );
    }

    given.clock.advance(Duration::from_millis(30)).await;

    assert_eq!(given.cache.try_get().unwrap().generation(), 1);
    assert_eq!(given.script.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_leader_at_any_point_neither_cancels_nor_repeats_the_call() {
    for polls in 0..4 {
        for at_once in [false, true] {
            let mut profile = Profile::bearer("scripted");
            if at_once {
                profile = profile.answers_at_once();
            }
            let given = given_with(profile, Answer::token(HOUR).gated(), |builder| builder);
            let mut follower = Box::pin(given.cache.get());
            {
                let mut leader = pin!(given.cache.get());
                for _ in 0..polls {
                    let _ = leader
                        .as_mut()
                        .poll(&mut Context::from_waker(Waker::noop()));
                    given.clock.settle().await;
                }
                let _ = follower
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()));
            }
            given.clock.settle().await;
            given.script.release(1);

            assert_eq!(follower.await.unwrap().generation(), 1);
            assert_eq!((given.script.calls(), given.script.dropped()), (1, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_provider_costs_an_error_after_its_limit() {
    let given = given_with(Profile::bearer("scripted"), Answer::hang(), |builder| {
        builder.flight_limit(7 * SECOND)
    });
    let start = Instant::now();

    assert_eq!(
        given.cache.get().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );

    assert_eq!(start.elapsed().as_secs(), 7);
    assert_eq!(given.script.dropped(), 1);
    given.script.always(Answer::token(HOUR));
    given.clock.advance(SECOND).await;
    assert_eq!(given.cache.get().await.unwrap().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_take_a_sixth_of_what_remains() {
    let given = given(Answer::token(MINUTE));
    given.cache.get().await.unwrap();
    given.script.always(Answer::hang());

    given.clock.advance(59 * SECOND).await;

    assert!(
        given.script.calls() > 4,
        "hanging calls gave way: {}",
        given.script.calls()
    );
    assert_eq!(given.cache.try_get().unwrap().generation(), 1);
}

/// T16.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_provider_is_an_error_and_the_next_attempt_works() {
    for at_once in [false, true] {
        let mut profile = Profile::bearer("scripted");
        if at_once {
            profile = profile.answers_at_once();
        }
        let given = given_with(profile, Answer::token(HOUR), |builder| builder);
        given.script.then(Answer::panic("the provider's own bug"));
        let mut waiters = JoinSet::new();
        for _ in 0..10 {
            let cache = given.cache.clone();
            waiters.spawn(async move { cache.get().await.map(|_| ()).unwrap_err().kind() });
        }

        assert!(
            waiters
                .join_all()
                .await
                .into_iter()
                .all(|kind| kind == ErrorKind::Unavailable)
        );

        given.clock.advance(SECOND).await;
        assert_eq!(given.cache.get().await.unwrap().generation(), 1);
    }
}

/// The home is the library's own thread, so this one runs in real time.
#[test]
fn a_provider_that_blocks_its_thread_is_named_and_left_behind() {
    let recorder = keytide_testkit::Recorder::new();
    let identity = real_agent().identity().clone();
    let agent = keytide_core::Agent::builder(identity)
        .observe(recorder.observer())
        .build()
        .unwrap();
    let blocks = Answer::token(HOUR).blocking(Duration::from_secs(4));
    let (bad, script) = ScriptedProvider::with_profile(Profile::bearer("blocker"), blocks);
    let bad = agent.cache(bad).flight_limit(SECOND).build().unwrap();
    let (good, _) = ScriptedProvider::with_profile(Profile::bearer("good"), Answer::token(HOUR));
    let good = agent.cache(good).build().unwrap();
    let _ = bad.try_get();
    crate::eventually("it blocks", || script.calls() == 1);

    assert_eq!(
        good.get_blocking(3 * SECOND).unwrap().generation(),
        1,
        "others go on"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let error = runtime.unwrap().block_on(bad.get()).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("blocker"), "{error}");
    let told = recorder.wait_for(|kind| {
        matches!(
            kind,
            EventKind::Orphaned {
                blocked_by: Some("blocker")
            }
        )
    });
    assert_eq!(told.cache.as_deref(), Some(&*good.key()));
}

/// T17.
#[test]
fn a_waiter_with_patience_returns_on_time() {
    let agent = real_agent();
    let (provider, script) = ScriptedProvider::new(Answer::hang());
    let cache = agent.cache(provider).build().unwrap();
    let patience = Duration::from_millis(100);
    let in_time = |elapsed: Duration| elapsed >= patience && elapsed < patience * 15;

    let start = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    assert_eq!(
        cache.get_blocking(patience).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    let elapsed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap() - start;
    assert!(in_time(elapsed), "{elapsed:?}");

    // A runtime without timers: a waiter's time does not come from there.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let start = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let error = runtime
        .block_on(cache.need().within(patience).get())
        .unwrap_err();
    let elapsed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap() - start;
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(in_time(elapsed), "{elapsed:?}");
    // The thread that makes it may have to wait for a processor.
    while script.calls() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(script.calls(), 1, "one call, whoever waits");
}

#[tokio::test(start_paused = true)]
async fn patience_goes_by_the_agents_clock() {
    let given = given(Answer::hang());
    let start = Instant::now();

    let error = given
        .cache
        .need()
        .within(3 * SECOND)
        .get()
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_error_ends_refreshing_for_good() {
    let errors = [
        Answer::unavailable(),
        Answer::refused(),
        Answer::throttled(Some(Duration::MAX)),
        Answer::fail(keytide_core::Error::not_configured("nothing here")),
        Answer::fail(keytide_core::Error::misconfigured("mend it")),
        Answer::panic("bug"),
        Answer::hang(),
        Answer::static_token(),
        Answer::token(Duration::ZERO),
        Answer::token(HOUR * 1000),
    ];
    for error in errors {
        let given = given(error);
        for _ in 0..50 {
            given.cache.get().await.unwrap_err();
            given.clock.advance(MINUTE).await;
        }
        given.script.always(Answer::token(HOUR));
        given.clock.advance(5 * MINUTE).await;

        assert_eq!(given.cache.get().await.unwrap().generation(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_single_use_input_is_presented_again_only_when_it_changed_or_by_name() {
    let dead =
        Answer::fail(keytide_core::Error::refused("the refresh token was used").until_changed());
    let given = given(dead);
    for _ in 0..100 {
        assert_eq!(
            given.cache.get().await.unwrap_err().kind(),
            ErrorKind::Refused
        );
        given.clock.advance(HOUR).await;
    }
    assert_eq!(given.script.calls(), 1);

    given.cache.refresh_now().await.unwrap_err();
    assert_eq!(given.script.calls(), 2, "by name");

    given.script.always(Answer::token(HOUR));
    given.script.change_input();
    given.clock.advance(SECOND).await;
    assert_eq!(given.cache.try_get().unwrap().generation(), 1);
    assert_eq!(given.script.triggers().last(), Some(&Trigger::Changed));
}

#[tokio::test(start_paused = true)]
async fn calls_to_one_issuer_are_bounded_and_the_most_urgent_goes_first() {
    let clock = keytide_testkit::TestClock::new();
    let agent = clock.agent().build().unwrap();
    let profile = Profile::bearer("scripted").issuer("https://bounded.example");
    let (mut caches, mut scripts) = (Vec::new(), Vec::new());
    for index in 0..30_u32 {
        let life = HOUR + MINUTE * (30 - index);
        let (provider, script) =
            ScriptedProvider::with_profile(profile.clone(), Answer::token(life));
        let cache = agent.cache(provider).issuer_limit(3).build().unwrap();
        cache.get().await.unwrap();
        script.always(Answer::token(HOUR).gated());
        caches.push(cache);
        scripts.push(script);
    }
    let running = || {
        scripts
            .iter()
            .map(keytide_testkit::Script::running)
            .sum::<usize>()
    };
    let asked = || {
        scripts
            .iter()
            .map(|script| script.calls() - 1)
            .collect::<Vec<_>>()
    };

    // The first three take the places; they are not the most urgent ones.
    let mut waiting: Vec<_> = caches
        .iter()
        .map(|cache| Box::pin(cache.refresh_now()))
        .collect();
    for waiter in &mut waiting {
        let _ = waiter
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }
    clock.settle().await;
    assert_eq!(running(), 3);
    assert_eq!(asked()[..3], [1, 1, 1]);

    for released in 1..=27 {
        let index = scripts
            .iter()
            .position(|script| script.running() > 0)
            .unwrap();
        scripts[index].release(1);
        clock.settle().await;
        assert_eq!(running(), 3);
        // The caches were given ever shorter lives, so the last is the most urgent.
        assert_eq!(
            asked()[30 - released],
            1,
            "place {released} went to the most urgent"
        );
    }
}

#[test]
fn the_first_answer_at_once_needs_no_thread_and_no_task() {
    let agent = real_agent();
    let profile = Profile::bearer("ready").answers_at_once();
    let (provider, _) = ScriptedProvider::with_profile(profile, Answer::token(HOUR));
    let cache = agent.cache(provider).build().unwrap();

    let polled = pin!(cache.get())
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));

    assert!(polled.is_ready(), "served in its first poll");
    eventually("a read", || cache.try_get().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_place_is_not_passed_on_to_a_cache_whose_own_limit_forbids_it() {
    let clock = keytide_testkit::TestClock::new();
    let agent = clock.agent().build().unwrap();
    let profile = Profile::bearer("scripted").issuer("https://limits.example");
    let cache = |limit| {
        let answer = Answer::token(HOUR).gated();
        let (provider, script) = ScriptedProvider::with_profile(profile.clone(), answer);
        let cache = agent.cache(provider).issuer_limit(limit);
        (cache.build().unwrap(), script)
    };
    let wide: Vec<_> = (0..3).map(|_| cache(3)).collect();
    let (narrow, late) = (cache(1), cache(3));
    let all = wide.iter().chain([&narrow, &late]);
    let mut waiting: Vec<_> = all.map(|(cache, _)| Box::pin(cache.get())).collect();
    for waiter in &mut waiting {
        let _ = waiter
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }
    clock.settle().await;

    wide[0].1.release(1);
    clock.settle().await;
    assert_eq!((narrow.1.running(), late.1.running()), (0, 1));
    wide[1].1.release(1);
    late.1.release(1);
    clock.settle().await;
    assert_eq!(narrow.1.running(), 0, "another call is under way");

    wide[2].1.release(1);
    clock.settle().await;
    assert_eq!(narrow.1.running(), 1);
    narrow.1.release(1);
    for waiter in waiting {
        waiter.await.unwrap();
    }
}
