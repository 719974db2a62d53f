//! Chains: in order, without a silent fall-through.

use keytide_core::{
    Chain, Error, ErrorKind, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_testkit::{Answer, Script, ScriptedProvider, TestClock};

use crate::{HOUR, MINUTE, SECOND};

fn named(name: &'static str, always: Answer) -> (ScriptedProvider, Script) {
    let (provider, script) = ScriptedProvider::with_profile(Profile::bearer(name), always);
    script.token_prefix(format!("{name}-"));
    (provider, script)
}

fn not_here() -> Answer {
    Answer::fail(Error::not_configured("VAULT_ADDR is not set"))
}

#[tokio::test(start_paused = true)]
async fn a_chain_passes_over_what_is_not_configured_and_stays_with_what_succeeded() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let (first, first_script) = named("vault", not_here());
    let (second, second_script) = named("file", Answer::token(HOUR));
    let cache = agent
        .cache(Chain::first(first).then(second))
        .build()
        .unwrap();

    assert_eq!(
        cache.get().await.unwrap().expose_bearer("test").unwrap(),
        b"file-1"
    );
    assert_eq!(cache.status().provider, "file");

    first_script.always(Answer::token(HOUR));
    second_script.always(Answer::unavailable());
    clock.advance(55 * MINUTE).await;
    cache.get().await.unwrap();
    clock.advance(2 * HOUR).await;
    assert_eq!(
        cache.get().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(first_script.calls(), 1, "never asked again");
}

/// T12.
#[tokio::test(start_paused = true)]
async fn a_chain_does_not_switch_because_its_first_provider_has_trouble() {
    let trouble = [
        Answer::throttled(Some(SECOND)),
        Answer::unavailable(),
        Answer::refused(),
        Answer::fail(Error::misconfigured("VAULT_ADDR is not a URL")),
        Answer::panic("bug"),
    ];
    for answer in trouble {
        let clock = TestClock::new();
        let agent = clock.agent().build().unwrap();
        let (first, _) = named("vault", answer);
        let (second, second_script) = named("file", Answer::token(HOUR));
        let cache = agent
            .cache(Chain::first(first).then(second))
            .build()
            .unwrap();

        for _ in 0..10 {
            let error = cache.get().await.unwrap_err();
            assert_ne!(error.kind(), ErrorKind::NotConfigured);
            clock.advance(MINUTE).await;
        }

        assert_eq!(second_script.calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_chain_lists_every_attempt_with_its_reason() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let absent = || {
        named(
            "env",
            Answer::fail(Error::not_configured("AGENT_TOKEN_FILE is not set")),
        )
        .0
    };
    let none = agent
        .cache(Chain::first(named("vault", not_here()).0).then(absent()))
        .build()
        .unwrap();
    let (broken, _) = named(
        "file",
        Answer::fail(Error::misconfigured("the path is a directory")),
    );
    let ended = agent
        .cache(Chain::first(absent()).then(broken))
        .build()
        .unwrap();

    let error = none.get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    for part in [
        "vault: VAULT_ADDR is not set",
        "env: AGENT_TOKEN_FILE is not set",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }

    let error = ended.get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    for part in [
        "file: the path is a directory",
        "env: AGENT_TOKEN_FILE is not set",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// A role that is taken with the credential of another cache.
struct Over(Subject);

impl ProvideCredential for Over {
    fn profile(&self) -> Profile {
        Profile::bearer("role")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.0.obtain(request).await?;
        Ok(Issued::bearer("role".to_owned()).expires_in(HOUR))
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_does_not_pass_over_what_rests_on_something_that_is_not_configured() {
    for usage in [SubjectUse::Repeatable, SubjectUse::Once] {
        let clock = TestClock::new();
        let agent = clock.agent().build().unwrap();
        let (base, base_script) = named("container", not_here());
        // Two layers down, and beneath a chain of its own.
        let base = agent.cache(Chain::first(base)).build().unwrap();
        let between = agent
            .cache(Over(Subject::new(base, usage)))
            .build()
            .unwrap();
        let (instance, instance_script) = named("instance", Answer::token(HOUR));
        let chain = Chain::first(Over(Subject::new(between.clone(), usage))).then(instance);
        let cache = agent.cache(chain).build().unwrap();

        for _ in 0..10 {
            let error = cache.get().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
            for part in [
                "what it rests on is not configured",
                "VAULT_ADDR is not set",
            ] {
                assert!(error.to_string().contains(part), "{error}");
            }
            clock.advance(MINUTE).await;
        }
        let error = between.get().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");

        // Nor is it passed over once the base is there.
        base_script.always(Answer::token(HOUR));
        clock.advance(10 * MINUTE).await;
        let credential = cache.get().await.unwrap();
        assert_eq!(credential.expose_bearer("test").unwrap(), b"role");
        assert_eq!(instance_script.calls(), 0);
    }
}
