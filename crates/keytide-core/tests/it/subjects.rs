//! Rule 19 downwards, T11: a credential that another provider presents.

use keytide_core::{
    Error, ErrorKind, Issued, Profile, ProvideCredential, Request, Secret, Subject, SubjectUse,
};
use keytide_testkit::{Answer, Script, ScriptedProvider, TestClock};

use crate::{HOUR, MINUTE, SECOND, text};

/// Mints a token that names the subject it was minted from.
struct Exchange(Subject);

impl ProvideCredential for Exchange {
    fn profile(&self) -> Profile {
        Profile::bearer("exchange")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let subject = self.0.obtain(request).await?;
        let minted = format!(
            "{}-exchanged-{}",
            text(subject.expose_bearer("subject").unwrap()),
            request_number()
        );
        Ok(Issued::bearer(Secret::from(minted)).expires_in(20 * MINUTE))
    }
}

fn request_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

struct Layers {
    clock: TestClock,
    base: Script,
    base_cache: keytide_core::Cache,
    top: keytide_core::Cache,
    _agent: keytide_core::Agent,
}

fn layers(usage: SubjectUse) -> Layers {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let (provider, base) = ScriptedProvider::new(Answer::token(HOUR));
    base.token_prefix("subject-");
    let base_cache = agent.cache(provider).build().unwrap();
    let top = agent
        .cache(Exchange(Subject::new(base_cache.clone(), usage)))
        .build()
        .unwrap();
    Layers {
        clock,
        base,
        base_cache,
        top,
        _agent: agent,
    }
}

fn subject_of(credential: &keytide_core::Credential) -> String {
    let token = text(credential.expose_bearer("test").unwrap());
    token.split("-exchanged-").next().unwrap().to_owned()
}

/// A base that gave the same again is left alone for a while by rejections, but not by the user.
#[tokio::test(start_paused = true)]
async fn a_demand_by_name_reaches_the_bottom_whatever_its_pace() {
    for usage in [SubjectUse::Repeatable, SubjectUse::Once] {
        let layers = layers(usage);
        layers.top.get().await.unwrap();
        layers.base.always(Answer::same_token(HOUR));
        let _ = layers.top.rejected(1, "https://a.example").await;
        let calls = layers.base.calls();
        assert_eq!(calls, 2, "{usage:?}");
        layers.base.always(Answer::token(HOUR));

        let newer = layers.top.refresh_now().await.unwrap();

        assert_eq!(layers.base.calls(), calls + 1, "{usage:?}");
        assert_eq!(subject_of(&newer), "subject-2", "{usage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_refresh_reaches_the_bottom() {
    let layers = layers(SubjectUse::Repeatable);
    assert_eq!(subject_of(&layers.top.get().await.unwrap()), "subject-1");
    layers.clock.advance(5 * SECOND).await;

    let newer = layers.top.rejected(1, "https://a.example").await.unwrap();

    assert_eq!(
        (newer.generation(), subject_of(&newer).as_str()),
        (2, "subject-2")
    );
    assert_eq!(layers.base.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_or_failing_base_does_not_fail_the_layer_above() {
    for trouble in [None, Some(Answer::unavailable()), Some(Answer::refused())] {
        let layers = layers(SubjectUse::Repeatable);
        layers.top.get().await.unwrap();
        let end = layers.base_cache.try_get().unwrap().expires_at().unwrap();
        layers
            .base
            .always(trouble.unwrap_or_else(|| Answer::same_token_until(end)));
        layers.clock.advance(5 * SECOND).await;

        let newer = layers.top.rejected(1, "https://a.example").await.unwrap();

        assert_eq!(
            (newer.generation(), subject_of(&newer).as_str()),
            (2, "subject-1"),
            "minted from it"
        );
        assert_eq!(layers.base.calls(), 2, "it was asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_regular_refresh_takes_the_base_as_it_is() {
    let layers = layers(SubjectUse::Repeatable);
    layers.top.get().await.unwrap();

    layers.clock.advance(17 * MINUTE + 31 * SECOND).await;

    assert_eq!(layers.top.try_get().unwrap().generation(), 2);
    assert_eq!(layers.base.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_subject_that_is_taken_once_is_never_presented_twice() {
    let layers = layers(SubjectUse::Once);
    let mut seen = vec![subject_of(&layers.top.get().await.unwrap())];
    for _ in 0..5 {
        layers.clock.advance(17 * MINUTE + 31 * SECOND).await;
        layers.top.get().await.unwrap();
        seen.push(subject_of(&layers.top.refresh_now().await.unwrap()));
    }

    let presented = layers.base.calls();
    let mut unique = seen.clone();
    unique.dedup();
    assert_eq!(unique, seen);
    assert_eq!(
        presented,
        layers.top.status().rotations,
        "each exchange asked the base for a new one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_base_that_cannot_mint_is_waited_for_and_said_so() {
    let layers = layers(SubjectUse::Once);
    layers.top.get().await.unwrap();
    let end = layers.base_cache.try_get().unwrap().expires_at().unwrap();
    layers.base.always(Answer::same_token_until(end));
    layers.clock.advance(5 * SECOND).await;

    let error = layers.top.refresh_now().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error.to_string().contains("takes a subject once"),
        "{error}"
    );
    let calls = layers.top.status().failures;
    layers.clock.advance(10 * MINUTE).await;
    assert_eq!(
        layers.top.get().await.unwrap().generation(),
        1,
        "what is at hand is served"
    );
    assert_eq!(
        layers.top.status().failures,
        calls,
        "it waits instead of asking in vain"
    );

    layers.base.always(Answer::token(HOUR));
    layers.base.change_input();
    layers.clock.advance(SECOND).await;

    let newer = layers.top.try_get().unwrap();
    assert_eq!(
        (newer.generation(), subject_of(&newer).as_str()),
        (2, "subject-2")
    );
}

/// Hands up what its subject's error says to it.
struct Frank(Subject);

impl ProvideCredential for Frank {
    fn profile(&self) -> Profile {
        Profile::bearer("frank")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let error = self.0.obtain(request).await.unwrap_err();
        Err(Error::refused(format!("{:?}: {error}", error.kind())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_subject_that_nobody_configured_is_no_absence_of_who_presents_it() {
    for usage in [SubjectUse::Repeatable, SubjectUse::Once] {
        let clock = TestClock::new();
        let agent = clock.agent().build().unwrap();
        let (base, _script) =
            ScriptedProvider::new(Answer::fail(Error::not_configured("VAULT_ADDR is not set")));
        let base = agent.cache(base).build().unwrap();
        let top = agent.cache(Frank(Subject::new(base.clone(), usage)));

        let error = top.build().unwrap().get().await.unwrap_err();

        let text = error.to_string();
        assert!(text.contains("Misconfigured: what it rests on"), "{text}");
        assert!(text.contains("VAULT_ADDR is not set"), "{text}");
        assert_eq!(
            base.get().await.unwrap_err().kind(),
            ErrorKind::NotConfigured
        );
    }
}
