//! T20: the secret turns up nowhere.

use std::error::Error as _;
use std::time::Duration;

use keytide_core::{
    CredentialKind, Error, ErrorKind, EventKind, Issued, Profile, Secret, Subject, SubjectUse,
    TracingObserver,
};
use keytide_testkit::{Answer, Canary, Recorder, ScriptedProvider, TestClock};

use crate::{HOUR, MINUTE, SECOND};

#[tokio::test(start_paused = true)]
async fn a_canary_secret_is_in_no_debug_no_display_no_error_no_event_and_no_log() {
    let canary = Canary::new();
    let clock = TestClock::new();
    let recorder = Recorder::new();
    let agent = clock
        .agent()
        .observe(TracingObserver::default())
        .observe(recorder.observer())
        .build()
        .unwrap();
    let profile = Profile::signing_key("scripted").issuer("https://issuer.example");
    let (provider, script) = ScriptedProvider::with_profile(
        profile,
        Answer::token(HOUR).as_signing_key().principal("role"),
    );
    script.token_prefix(canary.secret());
    let cache = agent.cache(provider).build().unwrap();
    let mut texts = vec![format!("{cache:?} {agent:?} {:?}", cache.get())];

    let credential = cache.get().await.unwrap();
    let mut handle = cache.handle();
    handle
        .read(|credential| texts.push(format!("{credential:?}")))
        .unwrap();
    texts.push(format!(
        "{credential:?} {:?} {handle:?} {:?}",
        credential.expose_signing_key("test").unwrap(),
        cache.changes()
    ));
    for trouble in [
        Answer::unavailable(),
        Answer::refused(),
        Answer::panic("p"),
        Answer::static_token(),
        Answer::token(Duration::ZERO),
    ] {
        script.always(trouble.as_signing_key());
        let error = cache.refresh_now().await.unwrap_err();
        texts.push(format!("{error} {error:?} {:?}", error.source()));
    }
    clock.advance(2 * HOUR).await;
    texts.push(format!("{:?} {:?}", cache.try_get(), agent.status()));
    texts.push(format!(
        "{:?}",
        agent.terminate(keytide_core::Reason::Finished).await
    ));
    recorder.wait_for(|kind| matches!(kind, keytide_core::EventKind::Terminated { .. }));
    texts.push(format!("{:?}", recorder.events()));
    let issued = Issued::bearer(Secret::from(canary.secret().to_owned())).expires_in(SECOND);
    texts.push(format!(
        "{issued:?} {:?}",
        Secret::from(canary.secret().to_owned())
    ));

    for text in &texts {
        assert!(!text.contains(canary.secret()), "{text}");
        assert!(!text.contains("session-"), "{text}");
    }
    crate::eventually("the observer logged", || Canary::logged("Issued {"));
}

#[tokio::test(start_paused = true)]
async fn an_error_chain_says_each_thing_once() {
    let given = crate::given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::fail(
        Error::unavailable("the issuer did not answer")
            .caused_by(std::io::Error::other("connection reset")),
    ));
    given.clock.advance(HOUR + MINUTE).await;

    let error = given.cache.try_get().unwrap_err();

    let mut links = vec![error.to_string()];
    let mut source = error.source();
    while let Some(link) = source {
        links.push(link.to_string());
        source = link.source();
    }
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert_eq!(links.len(), 3, "{links:?}");
    for (index, link) in links.iter().enumerate() {
        assert!(
            links
                .iter()
                .enumerate()
                .all(|(other, text)| other == index || !text.contains(link)),
            "{links:?}"
        );
        assert!(!link.ends_with('.') && link.is_ascii(), "{link}");
    }
}

#[test]
fn errors_and_results_are_a_pointer_or_two_wide() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(
        size_of::<Result<std::sync::Arc<keytide_core::Credential>, Error>>(),
        2 * size_of::<usize>()
    );
    assert_eq!(size_of::<keytide_core::Get<'_>>(), 3 * size_of::<usize>());
}

#[tokio::test(start_paused = true)]
async fn text_leaves_a_credential_only_by_the_kind_that_it_is_of() {
    let clock = TestClock::new();
    let recorder = Recorder::new();
    let agent = clock.agent().observe(recorder.observer()).build().unwrap();
    let (keys, _) = ScriptedProvider::with_profile(
        Profile::signing_key("keys"),
        Answer::token(HOUR).as_signing_key(),
    );
    let keys = agent.cache(keys).key("signer").build().unwrap();
    let (token, _) = ScriptedProvider::new(Answer::token(HOUR));
    let token = agent.cache(token).build().unwrap();
    let (key, bearer) = (keys.get().await.unwrap(), token.get().await.unwrap());

    let exposed = |reason| EventKind::Exposed {
        generation: 1,
        reason,
    };

    let refused = [
        key.expose_bearer("test").unwrap_err(),
        key.share_bearer("test").unwrap_err(),
        keys.expect_kind(CredentialKind::BearerToken).unwrap_err(),
        Subject::new(keys.clone(), SubjectUse::Once)
            .expect_kind(CredentialKind::BearerToken)
            .unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert_eq!(
            error.to_string(),
            "the cache signer (of keys) holds signing keys, which are never sent: give one that holds bearer tokens"
        );
    }
    for error in [
        bearer.expose_signing_key("test").map(drop).unwrap_err(),
        token.expect_kind(CredentialKind::SigningKey).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(
            error.to_string().contains("nothing can be signed with one"),
            "{error}"
        );
    }
    assert_eq!(bearer.expose_bearer("the token").unwrap(), b"token-1");
    assert_eq!(
        key.expose_signing_key("the key").unwrap().key_id,
        key.key_id().unwrap()
    );
    // What was refused exposed nothing: the two that were not are all that is told.
    recorder.wait_for(|kind| *kind == exposed("the key"));
    let kinds = recorder.kinds();
    let told = kinds
        .iter()
        .filter(|kind| matches!(kind, EventKind::Exposed { .. }));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [&exposed("the token"), &exposed("the key")]
    );
}
