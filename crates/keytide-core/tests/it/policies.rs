//! Rules 16 and 17, static credentials and lifetimes.

use keytide_core::{ErrorKind, EventKind, LongLived, Profile};
use keytide_testkit::Answer;

use crate::{HOUR, MINUTE, SECOND, given, given_with};

#[tokio::test(start_paused = true)]
async fn another_principal_is_refused_unless_listed_or_adopted() {
    let given = given_with(
        Profile::bearer("scripted"),
        Answer::token(HOUR).principal("role/reader"),
        |builder| builder.accept_principal("role/listed"),
    );
    assert_eq!(
        given.cache.get().await.unwrap().principal(),
        Some("role/reader")
    );
    given
        .script
        .always(Answer::token(HOUR).principal("role/admin"));

    let error = given.cache.refresh_now().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PrincipalChanged);
    assert!(
        error.to_string().contains("role/reader") && error.to_string().contains("role/admin"),
        "{error}"
    );
    assert_eq!(
        given.cache.get().await.unwrap().principal(),
        Some("role/reader"),
        "never served"
    );

    given
        .script
        .always(Answer::token(HOUR).principal("role/listed"));
    assert_eq!(
        given.cache.refresh_now().await.unwrap().principal(),
        Some("role/listed")
    );

    given
        .script
        .always(Answer::token(HOUR).principal("role/admin"));
    given.cache.adopt_principal("role/admin");
    assert_eq!(
        given.cache.refresh_now().await.unwrap().principal(),
        Some("role/admin")
    );
    given.recorder.wait_for(|kind| {
        matches!(
            kind,
            EventKind::PrincipalChanged {
                accepted: false,
                ..
            }
        )
    });
    given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::PrincipalChanged { accepted: true, .. }));
}

/// T10, too: the expiry that is told stays the issuer's.
#[tokio::test(start_paused = true)]
async fn static_stability_serves_signing_keys_for_a_while_and_never_lies_about_expiry() {
    let key = Answer::token(HOUR).as_signing_key();
    let given = given_with(Profile::signing_key("scripted"), key, |builder| {
        builder.static_stability(10 * MINUTE)
    });
    let end = given.cache.get().await.unwrap().expires_at();
    given.script.always(Answer::unavailable());

    given.clock.advance(HOUR + 9 * MINUTE).await;
    for _ in 0..10 {
        let served = given.cache.get().await.unwrap();
        assert_eq!((served.generation(), served.expires_at()), (1, end));
        given
            .cache
            .read(|credential| assert!(credential.remaining().is_zero()))
            .unwrap();
        given.clock.advance(SECOND).await;
    }
    let told = given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::ServedPastExpiry { .. }));
    assert!(matches!(
        told.kind,
        EventKind::ServedPastExpiry { generation: 1, .. }
    ));

    given.clock.advance(MINUTE).await;
    assert_eq!(
        given.cache.try_get().unwrap_err().kind(),
        ErrorKind::Expired,
        "bounded"
    );
}

#[tokio::test(start_paused = true)]
async fn static_stability_ends_at_once_when_the_issuer_says_no() {
    let key = Answer::token(HOUR).as_signing_key();
    let given = given_with(Profile::signing_key("scripted"), key, |builder| {
        builder.static_stability(10 * MINUTE)
    });
    given.cache.get().await.unwrap();
    given.script.always(Answer::unavailable());
    given.clock.advance(HOUR + MINUTE).await;
    given.cache.try_get().unwrap();

    given.script.always(Answer::refused());
    given.cache.refresh_now().await.unwrap_err();

    assert_eq!(
        given.cache.try_get().unwrap_err().kind(),
        ErrorKind::Expired
    );
}

#[tokio::test(start_paused = true)]
async fn static_stability_is_refused_for_bearer_tokens() {
    let clock = keytide_testkit::TestClock::new();
    let agent = clock.agent().build().unwrap();
    let (provider, _) = keytide_testkit::ScriptedProvider::new(Answer::token(HOUR));

    let error = agent
        .cache(provider)
        .static_stability(MINUTE)
        .build()
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn a_static_secret_is_refused_with_an_error_that_says_where_it_came_from() {
    let profile = Profile::bearer("env_key").remedy("use workload identity");
    let given = given_with(profile, Answer::static_token(), |builder| {
        builder.key("billing-api")
    });

    let error = given.cache.get().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::StaticCredential);
    let text = error.to_string();
    for part in [
        "env_key",
        "billing-api",
        "danger_allow_static",
        "use workload identity",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("token-1"));
    given
        .recorder
        .wait_for(|kind| *kind == EventKind::StaticCredentialSeen { accepted: false });
}

#[tokio::test(start_paused = true)]
async fn a_static_secret_is_served_where_danger_was_named_and_is_flagged() {
    let given = given_with(
        Profile::bearer("env_key"),
        Answer::static_token(),
        |builder| builder.danger_allow_static(),
    );

    let credential = given.cache.get().await.unwrap();
    given.clock.advance(1000 * HOUR).await;

    assert_eq!(credential.expires_at(), None);
    assert_eq!(given.cache.try_get().unwrap().generation(), 1);
    assert!(given.cache.status().is_static);
    assert_eq!(given.script.calls(), 1);
    given
        .recorder
        .wait_for(|kind| *kind == EventKind::StaticCredentialSeen { accepted: true });
}

#[tokio::test(start_paused = true)]
async fn a_longer_life_than_the_policy_accepts_is_refused_or_flagged() {
    let day = 24 * HOUR;
    let strict = given(Answer::token(day));
    assert_eq!(
        strict.cache.get().await.unwrap_err().kind(),
        ErrorKind::LifetimeTooLong
    );

    let lenient = given_with(Profile::bearer("scripted"), Answer::token(day), |builder| {
        builder.long_lived(LongLived::Flag)
    });
    assert_eq!(lenient.cache.get().await.unwrap().generation(), 1);
    lenient.recorder.wait_for(|kind| {
        *kind
            == EventKind::LifetimeTooLong {
                lifetime: day,
                accepted: true,
            }
    });

    let raised = given_with(Profile::bearer("scripted"), Answer::token(day), |builder| {
        builder.longest_lifetime(day)
    });
    assert_eq!(raised.cache.get().await.unwrap().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_presents_a_static_secret_is_refused_unless_that_was_allowed() {
    let profile = || {
        Profile::bearer("client_credentials")
            .static_input("a client secret")
            .remedy("use private_key_jwt")
    };
    let clock = keytide_testkit::TestClock::new();
    let recorder = keytide_testkit::Recorder::new();
    let agent = clock.agent().observe(recorder.observer()).build().unwrap();
    let provider =
        || keytide_testkit::ScriptedProvider::with_profile(profile(), Answer::token(HOUR)).0;

    let error = agent.cache(provider()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaticCredential);
    let text = error.to_string();
    assert!(
        text.contains("a client secret") && text.contains("use private_key_jwt"),
        "{text}"
    );
    let (first, _) = keytide_testkit::ScriptedProvider::new(Answer::token(HOUR));
    let chain = keytide_core::Chain::first(first).then(provider());
    let error = agent.cache(chain).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaticCredential, "in a chain too");
    recorder.wait_for(|kind| matches!(kind, EventKind::StaticCredentialSeen { accepted: false }));

    let allowed = agent
        .cache(provider())
        .danger_allow_static()
        .build()
        .unwrap();
    allowed.get().await.unwrap();
    assert!(allowed.status().is_static);
    recorder.wait_for(|kind| matches!(kind, EventKind::StaticCredentialSeen { accepted: true }));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_names_nobody_is_attributed_to_nobody() {
    let given = given(Answer::token(HOUR).principal("first"));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(HOUR));
    let unnamed = given.cache.refresh_now().await.unwrap();

    assert_eq!(unnamed.principal(), None);
    let told = given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::Issued { generation: 2, .. }));
    assert_eq!(told.principal, None);

    // It is not forgotten who was named: another is still refused.
    given
        .script
        .always(Answer::token(HOUR).principal("another"));
    let error = given.cache.refresh_now().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PrincipalChanged, "{error}");
}
