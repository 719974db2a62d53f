//! Rules 1 to 4.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keytide_core::{Error, ErrorKind, Issued, Need, Profile, ProvideCredential, Request, Secret};
use keytide_testkit::{Answer, ScriptedProvider};

use crate::{HOUR, MINUTE, SECOND, given, given_with, real_agent, text};

#[tokio::test(start_paused = true)]
async fn a_read_never_waits_while_a_credential_is_usable() {
    for trouble in [
        Answer::hang(),
        Answer::unavailable(),
        Answer::refused(),
        Answer::panic("oh"),
    ] {
        let given = given(Answer::token(HOUR));
        given.cache.get().await.unwrap();
        given.script.always(trouble);
        let mut handle = given.cache.handle();

        for _ in 0..59 {
            given.clock.advance(MINUTE).await;

            let mut get = pin!(given.cache.get());
            let polled = get.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(
                matches!(polled, Poll::Ready(Ok(_))),
                "a read was pending: {polled:?}"
            );
            given.cache.read(|_| ()).unwrap();
            given.cache.try_get().unwrap();
            handle.read(|_| ()).unwrap();
        }
        assert!(given.script.calls() > 5);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_credential_is_never_read() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::unavailable());
    let mut handle = given.cache.handle();

    given.clock.advance(HOUR - Duration::from_millis(1)).await;
    given.cache.read(|_| ()).unwrap();
    handle.read(|_| ()).unwrap();

    given.clock.advance(Duration::from_millis(1)).await;
    assert_eq!(
        given.cache.read(|_| ()).unwrap_err().kind(),
        ErrorKind::Expired
    );
    assert_eq!(
        given.cache.try_get().unwrap_err().kind(),
        ErrorKind::Expired
    );
    assert_eq!(handle.read(|_| ()).unwrap_err().kind(), ErrorKind::Expired);
    assert_eq!(
        given.cache.get().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_read_after_a_suspend_judges_expiry_itself() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::hang());

    given.clock.suspend(5 * HOUR);

    assert_eq!(
        given.cache.read(|_| ()).unwrap_err().kind(),
        ErrorKind::Expired
    );
    let mut get = pin!(given.cache.get());
    assert!(
        get.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
}

/// Leases are granted by the system's clock only, so this one runs in real time.
#[test]
fn lives_shorter_than_a_lease_are_never_served_past_their_end() {
    let agent = real_agent();
    for millis in [120, 300, 800, 1500] {
        let life = Duration::from_millis(millis);
        let (provider, script) = ScriptedProvider::new(Answer::token(life));
        script.then(Answer::token(life));
        script.always(Answer::unavailable());
        let cache = agent.cache(provider).build().unwrap();

        let end = cache
            .get_blocking(5 * SECOND)
            .unwrap()
            .expires_at()
            .unwrap();
        let mut last = None;
        let mut handle = cache.handle();
        loop {
            let before = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            if cache.read(|_| ()).is_err() || handle.read(|_| ()).is_err() {
                break;
            }
            last = Some(before);
        }

        let end = end
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        let last = last.expect("it was served while it lived");
        assert!(
            last <= end,
            "served {:?} past its end, of a life of {life:?}",
            last - end
        );
        assert!(
            end - last < Duration::from_millis(100),
            "refused {:?} before its end",
            end - last
        );
    }
}

/// Every field of a generation is derived from its number.
#[test]
fn no_field_is_torn_over_a_million_rotations() {
    let agent = real_agent();
    let cache = agent.cache(Counted::default()).build().unwrap();
    cache.get_blocking(SECOND).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);

    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut handle = cache.handle();
            let mut latest = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let seen = handle
                    .read(|credential| {
                        let generation = credential.generation();
                        assert_eq!(
                            credential.key_id(),
                            Some(format!("key-{generation}").as_str())
                        );
                        let exposed = credential.expose_signing_key("test").unwrap();
                        assert_eq!(text(exposed.secret), format!("token-{generation}"));
                        let session = exposed.session_token.map(text);
                        assert_eq!(session, Some(format!("session-{generation}")));
                        generation
                    })
                    .unwrap();
                assert!(seen >= latest, "generation {seen} after {latest}");
                latest = seen;
            }
        });
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1_000_000 {
            let mut refresh = pin!(cache.refresh_now());
            assert!(refresh.as_mut().poll(&mut context).is_ready());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(cache.status().generation, 1_000_001);
}

#[tokio::test(start_paused = true)]
async fn a_read_may_ask_for_a_minimum_remaining_life() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.clock.advance(30 * MINUTE).await;

    let credential = given.cache.need().lasting(45 * MINUTE).get().await.unwrap();

    assert_eq!(credential.generation(), 2);
    assert!(credential.remaining() >= 45 * MINUTE);
    assert_eq!(
        given
            .cache
            .need()
            .lasting(45 * MINUTE)
            .read(|c| c.generation())
            .unwrap(),
        2
    );
    assert_eq!(
        given
            .cache
            .need()
            .lasting(45 * MINUTE)
            .try_get()
            .unwrap()
            .generation(),
        2
    );
    assert_eq!(
        given
            .cache
            .handle()
            .cache()
            .need()
            .lasting(45 * MINUTE)
            .read(|c| c.generation())
            .unwrap(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_life_longer_than_the_issuer_gives_fails_without_a_call() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();

    for _ in 0..100 {
        assert_eq!(
            given
                .cache
                .need()
                .lasting(2 * HOUR)
                .get()
                .await
                .unwrap_err()
                .kind(),
            ErrorKind::TooShort
        );
        assert_eq!(
            given
                .cache
                .need()
                .lasting(2 * HOUR)
                .try_get()
                .unwrap_err()
                .kind(),
            ErrorKind::TooShort
        );
        given.clock.advance(SECOND).await;
    }

    assert_eq!(given.script.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_life_longer_than_the_provider_states_fails_without_the_first_call() {
    let profile = Profile::bearer("scripted").longest_lifetime(HOUR);
    let given = given_with(profile, Answer::token(HOUR), |builder| builder);

    assert_eq!(
        given
            .cache
            .need()
            .lasting(2 * HOUR)
            .get()
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::TooShort
    );

    assert_eq!(given.script.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_one_fresh_answer_does_not_meet_is_too_short() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(10 * MINUTE));
    given.clock.advance(30 * MINUTE).await;

    assert_eq!(
        given
            .cache
            .need()
            .lasting(45 * MINUTE)
            .get()
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::TooShort
    );

    assert_eq!(given.script.calls(), 2, "at most one fresh answer");
    assert_eq!(
        given
            .cache
            .need()
            .lasting(5 * MINUTE)
            .get()
            .await
            .unwrap()
            .generation(),
        2
    );
}

/// Answers at once, with fields that are all derived from the number of the call.
#[derive(Default)]
struct Counted {
    calls: std::sync::atomic::AtomicU64,
}

impl ProvideCredential for Counted {
    fn profile(&self) -> Profile {
        Profile::signing_key("counted").answers_at_once()
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let call = 1 + self
            .calls
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(
            Issued::signing_key(format!("key-{call}"), Secret::from(format!("token-{call}")))
                .session_token(Secret::from(format!("session-{call}")))
                .expires_in(HOUR),
        )
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_says_whether_it_lasts_by_the_clock_that_leaves_less() {
    let given = given(Answer::token(HOUR));
    let credential = given.cache.get().await.unwrap();

    assert_eq!(credential.lifetime(), HOUR);
    assert!(credential.lasts(MINUTE * 59));
    assert!(!credential.lasts(MINUTE * 61));
    given.clock.suspend(MINUTE * 58);
    assert!(credential.lasts(MINUTE) && !credential.lasts(MINUTE * 3));
}

#[tokio::test]
async fn a_credential_in_a_lease_lasts_no_longer_than_it_does() {
    // Real time, for only the system clock grants leases.
    struct Seconds;
    impl keytide_core::ProvideCredential for Seconds {
        fn profile(&self) -> Profile {
            Profile::bearer("seconds")
        }
        async fn provide(
            &self,
            _: &keytide_core::Request,
        ) -> Result<keytide_core::Issued, keytide_core::Error> {
            Ok(keytide_core::Issued::bearer("token".to_owned()).expires_in(SECOND * 60))
        }
    }
    let cache = crate::real_agent().cache(Seconds).build().unwrap();
    let credential = cache.get().await.unwrap();

    for _ in 0..2 {
        cache.read(|_| ()).unwrap();
        assert!(credential.lasts(SECOND * 50) && credential.lasts(SECOND * 59));
        assert!(!credential.lasts(SECOND * 61) && !credential.lasts(std::time::Duration::MAX));
    }
}

#[tokio::test(start_paused = true)]
async fn a_need_for_an_origin_is_judged_by_its_refusals_and_by_its_life() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(HOUR).gated());
    given.clock.advance(10 * MINUTE).await;
    let sender = given.cache.sender();
    let kind = |need: Need<'_>| {
        let (read, owned) = (need.read(|_| ()), need.try_get());
        assert_eq!(read.is_ok(), owned.is_ok());
        owned.err().map(|error| error.kind())
    };

    let (a, b) = (
        sender.need("https://a.example"),
        sender.need("https://b.example"),
    );
    assert_eq!(kind(a.lasting(45 * MINUTE)), None);
    assert_eq!(kind(a.lasting(55 * MINUTE)), Some(ErrorKind::TooShort));
    drop(given.cache.rejected(1, "https://a.example"));

    assert_eq!(kind(a), Some(ErrorKind::Rejected));
    assert_eq!(kind(a.lasting(45 * MINUTE)), Some(ErrorKind::Rejected));
    assert_eq!(kind(b.lasting(45 * MINUTE)), None);
    assert_eq!(kind(given.cache.need()), None);
}

#[test]
fn a_thread_that_states_no_patience_waits_for_one_call_and_is_told_of_its_failure() {
    let agent = real_agent();
    let (provider, script) = ScriptedProvider::new(Answer::token(HOUR));
    script.then(Answer::unavailable());
    let cache = agent.cache(provider).build().unwrap();

    let told = cache.need().blocking().unwrap_err();
    let patient = cache.need().lasting(MINUTE).within(5 * SECOND).blocking();

    assert_eq!(told.kind(), ErrorKind::Unavailable);
    assert_eq!(patient.unwrap().generation(), 1);
    assert_eq!(cache.need().blocking().unwrap().generation(), 1);
    assert_eq!(script.calls(), 2);
}
