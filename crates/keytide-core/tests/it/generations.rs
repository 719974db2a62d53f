//! Rules 3, 15, 20 to 22: generations end to end.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use keytide_core::{
    Cache, Error, ErrorKind, EventKind, Issued, Phase, Profile, ProvideCredential, Request, Secret,
};
use keytide_testkit::{Answer, TestClock};
use tokio::time::{Duration, timeout};

use crate::{HOUR, MINUTE, SECOND, given};

/// T4.
#[tokio::test(start_paused = true)]
async fn a_late_answer_never_replaces_a_newer_generation() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(HOUR).gated());
    let mut late = Box::pin(given.cache.refresh_now());
    let _ = late.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    given.clock.settle().await;
    assert_eq!(given.script.running(), 1);

    assert!(given.cache.invalidate(1));
    given.script.always(Answer::token(HOUR));
    assert_eq!(given.cache.get().await.unwrap().generation(), 2);
    given.script.release(1);
    given.clock.settle().await;

    assert_eq!(given.script.dropped(), 1, "its future was dropped");
    assert_eq!(given.cache.get().await.unwrap().generation(), 2);
    assert_eq!(
        late.await.unwrap().generation(),
        3,
        "who asked by name gets an answer of its own"
    );
}

/// T5.
#[tokio::test(start_paused = true)]
async fn no_read_succeeds_after_revoke_returned_whatever_is_under_way() {
    for step in 0..6 {
        let given = given(Answer::token(HOUR));
        if step > 0 {
            given.cache.get().await.unwrap();
        }
        given.script.always(Answer::token(HOUR).gated());
        let mut waiter = Box::pin(given.cache.refresh_now());
        if step > 1 {
            let _ = waiter
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
        }
        if step > 2 {
            given.clock.settle().await;
        }
        if step > 3 {
            given.script.release(1);
        }
        if step > 4 {
            given.clock.settle().await;
        }
        let mut handle = given.cache.handle();
        let _ = handle.read(|_| ());

        let report = given.cache.revoke();

        assert_eq!(
            given.cache.read(|_| ()).unwrap_err().kind(),
            ErrorKind::Revoked,
            "step {step}"
        );
        given.script.release(10);
        given.clock.advance(MINUTE).await;
        assert_eq!(
            given.cache.read(|_| ()).unwrap_err().kind(),
            ErrorKind::Revoked
        );
        assert_eq!(handle.read(|_| ()).unwrap_err().kind(), ErrorKind::Revoked);
        assert_eq!(
            given.cache.get().await.unwrap_err().kind(),
            ErrorKind::Revoked
        );
        assert_eq!(
            given.cache.refresh_now().await.unwrap_err().kind(),
            ErrorKind::Revoked
        );
        assert!(!given.cache.invalidate(1));
        if (2..5).contains(&step) {
            assert_eq!(waiter.await.unwrap_err().kind(), ErrorKind::Revoked);
        }
        assert_eq!(report.report().residual_exposure.is_zero(), step == 0);
        assert_eq!(given.cache.status().phase, Phase::Revoked);
        let again = given.cache.revoke();
        assert_eq!(
            again.await.issuer.map(|_| ()),
            None,
            "revoking twice is fine"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_residual_exposure_counts_every_generation_that_its_issuer_still_accepts() {
    let given = given(Answer::token(10 * HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(HOUR));
    given.cache.refresh_now().await.unwrap();
    given.clock.advance(30 * MINUTE).await;

    let report = given.cache.revoke();

    let residual = report.report().residual_exposure;
    assert_eq!(
        residual,
        10 * HOUR - 30 * MINUTE,
        "that of the generation before"
    );
    let told = given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::Revoked { .. }));
    assert_eq!(
        told.kind,
        EventKind::Revoked {
            residual_exposure: residual
        }
    );
}

#[tokio::test(start_paused = true)]
async fn invalidating_is_a_compare_and_global() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.cache.refresh_now().await.unwrap();

    assert!(
        !given.cache.invalidate(1),
        "an older generation changes nothing"
    );
    assert_eq!(given.cache.try_get().unwrap().generation(), 2);
    assert!(given.cache.invalidate(2));
    assert_eq!(
        given.cache.try_get().unwrap_err().kind(),
        ErrorKind::Invalidated
    );
    assert!(!given.cache.invalidate(2));

    assert_eq!(given.cache.get().await.unwrap().generation(), 3);
    assert_eq!(given.script.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_credential_that_the_issuer_gives_again_is_reinstated_under_its_generation()
{
    let given = given(Answer::token(HOUR));
    let first = given.cache.get().await.unwrap();
    given
        .script
        .always(Answer::same_token_until(first.expires_at().unwrap()));
    assert!(given.cache.invalidate(1));

    let again = given.cache.get().await.unwrap();

    assert_eq!((again.generation(), given.script.calls()), (1, 2));
    assert!(Arc::ptr_eq(&first, &again));
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_credential_is_not_served_while_the_issuer_is_down() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::unavailable());

    given.cache.invalidate(1);

    for _ in 0..10 {
        assert_eq!(
            given.cache.get().await.unwrap_err().kind(),
            ErrorKind::Unavailable
        );
        assert_eq!(
            given.cache.try_get().unwrap_err().kind(),
            ErrorKind::Invalidated
        );
        given.clock.advance(10 * SECOND).await;
    }
}

/// T26.
#[tokio::test(start_paused = true)]
async fn a_borrower_keeps_its_generation_and_a_parked_handle_lets_go_when_read() {
    let given = given(Answer::token(HOUR));
    let held = given.cache.get().await.unwrap();
    let mut handle = given.cache.handle();
    handle
        .read(|credential| assert_eq!(credential.generation(), 1))
        .unwrap();

    given.cache.refresh_now().await.unwrap();

    assert_eq!(
        held.expose_bearer("test").unwrap(),
        b"token-1",
        "not wiped under its borrower"
    );
    let weak = Arc::downgrade(&held);
    drop(held);
    assert!(weak.upgrade().is_some(), "the parked handle holds it");
    handle
        .read(|credential| assert_eq!(credential.generation(), 2))
        .unwrap();
    assert!(weak.upgrade().is_none(), "let go when read");

    let report = given.cache.revoke();
    assert_eq!(report.report().borrowers, 1, "the parked handle is counted");
    handle.release();
    drop(report);
}

#[tokio::test(start_paused = true)]
async fn changes_tell_of_new_generations_and_of_the_end() {
    let given = given(Answer::token(HOUR));
    let mut changes = given.cache.changes();
    given.cache.get().await.unwrap();
    assert_eq!(changes.next().await, Some(1));

    // A slow watcher slows nobody, and sees the latest.
    for _ in 0..10 {
        given.cache.refresh_now().await.unwrap();
    }
    assert_eq!(changes.next().await, Some(11));
    assert!(
        timeout(Duration::from_millis(1), pin!(changes.next()))
            .await
            .is_err()
    );

    drop(given.cache.revoke());
    assert_eq!(changes.next().await, None);
    assert_eq!(changes.next().await, None);
    assert_eq!(given.cache.changes().next().await, None);
}

/// Withdraws what its own cache holds while it answers.
#[derive(Default)]
struct Backhanded {
    cache: Arc<Mutex<Option<Cache>>>,
    calls: AtomicU64,
    revokes: bool,
}

impl ProvideCredential for Backhanded {
    fn profile(&self) -> Profile {
        Profile::bearer("backhanded")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let call = 1 + self.calls.fetch_add(1, Ordering::SeqCst);
        let cache = self.cache.lock().unwrap().clone();
        match cache {
            Some(cache) if self.revokes => drop(cache.revoke()),
            Some(cache) => _ = cache.invalidate(1),
            None => {}
        }
        Ok(Issued::bearer(Secret::from(format!("token-{call}"))).expires_in(HOUR))
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_retired_while_it_was_given_is_ignored() {
    for revokes in [false, true] {
        let clock = TestClock::new();
        let agent = clock.agent().build().unwrap();
        let back = Arc::default();
        let provider = Backhanded {
            cache: Arc::clone(&back),
            revokes,
            ..Backhanded::default()
        };
        let cache = agent.cache(provider).build().unwrap();
        cache.get().await.unwrap();
        *back.lock().unwrap() = Some(cache.clone());

        let refreshed = cache.refresh_now().await;
        *back.lock().unwrap() = None;

        if revokes {
            assert_eq!(refreshed.unwrap_err().kind(), ErrorKind::Revoked);
            assert_eq!(cache.try_get().unwrap_err().kind(), ErrorKind::Revoked);
        } else {
            // The second answer was retired by its own doing, so the third is the second generation, and so on.
            let refreshed = refreshed.unwrap();
            let expected = format!("token-{}", refreshed.generation() + 1);
            assert_eq!(
                refreshed.expose_bearer("test").unwrap(),
                expected.as_bytes()
            );
        }
    }
}

/// Says of what it gives whatever its provider knows.
struct Vending;

impl ProvideCredential for Vending {
    fn profile(&self) -> Profile {
        Profile::bearer("vending")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Ok(Issued::bearer(Secret::from("token".to_owned()))
            .expires_in(HOUR)
            .attribute("vending.tenant", "former")
            .attribute("vending.tenant", "invoices")
            .attribute("vending.zone", "eu"))
    }
}

#[tokio::test]
async fn what_a_provider_says_of_a_credential_goes_with_it() {
    let cache = crate::real_agent().cache(Vending).build().unwrap();

    let credential = cache.get().await.unwrap();

    assert_eq!(credential.attribute("vending.tenant"), Some("invoices"));
    assert_eq!(credential.attribute("vending.zone"), Some("eu"));
    assert_eq!(credential.attribute("vending.other"), None);
}
