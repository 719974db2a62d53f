//! Which credential a request carries.

use std::time::Duration;

use http::StatusCode;
use keytide_core::{Agent, Event, EventKind, Reason};
use keytide_http::{
    Answer, Attach, AttachProfile, AuthorizeLayer, Error, ErrorKind, Outgoing, Remedy,
};

use crate::server::{Server, ok};
use crate::{Mint, Over, agent, builder, builder_over, client, identity};

#[tokio::test]
async fn a_request_carries_the_current_generation_after_a_rotation() {
    let (mint, server) = (Mint::default(), Server::start(|_| ok()).await);
    let cache = mint.cache();
    let http = client(&cache, [&server]);

    for _ in 0..3 {
        assert_eq!(
            http.get(server.url("/a")).send().await.unwrap().status(),
            StatusCode::OK
        );
        cache.refresh_now().await.unwrap();
        assert!(http.post(server.url("/b")).body("x").send().await.is_ok());
    }

    let seen = server.seen();
    for (request, generation) in seen.iter().zip([1, 2, 2, 3, 3, 4]) {
        assert!(request.bears(generation), "{request:?} {generation}");
    }
    assert_eq!(seen.len(), 6);
}

#[tokio::test]
async fn a_custom_header_carries_the_bare_secret() {
    let (mint, server) = (Mint::default(), Server::start(|_| ok()).await);
    let cache = mint.cache();
    let http = builder(&cache)
        .destination(server.origin())
        .credential_header("x-api-key")
        .build()
        .unwrap();

    http.get(server.url("/"))
        .header("authorization", "mine")
        .send()
        .await
        .unwrap();

    let seen = server.seen();
    assert_eq!(seen[0].header("x-api-key"), Some("token-1"));
    assert_eq!(seen[0].authorization(), Some("mine"));
}

#[tokio::test]
async fn a_header_that_the_client_sets_is_never_replaced_in_silence() {
    let (mint, server) = (Mint::default(), Server::start(|_| ok()).await);
    let cache = mint.cache();
    let bearer = client(&cache, [&server]);
    let custom = builder(&cache)
        .destination(server.origin())
        .credential_header("X-Api-Key")
        .build()
        .unwrap();

    for (http, name) in [
        (&bearer, "Authorization"),
        (&custom, "x-api-key"),
        (&bearer, "host"),
        (&custom, "host"),
    ] {
        let error = http
            .get(server.url("/"))
            .header(name, "other.example")
            .send()
            .await
            .unwrap_err();

        assert_eq!(error.kind(), ErrorKind::HeaderPresent, "{name}: {error}");
    }
    assert!(server.seen().is_empty());
    assert_eq!(
        mint.calls(),
        0,
        "the request is judged before a credential is got"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_exposed_once_a_generation() {
    let server = Server::start(|_| ok()).await;
    let (sender, events) = std::sync::mpsc::channel();
    let agent = Agent::builder(identity())
        .observe(move |event: &Event| {
            if let EventKind::Exposed { generation, .. } = event.kind {
                sender.send(generation).unwrap();
            }
        })
        .build()
        .unwrap();
    let cache = agent.cache(Mint::default()).build().unwrap();
    let http = client(&cache, [&server]);

    for _ in 0..3 {
        let requests: Vec<_> = (0..50)
            .map(|_| tokio::spawn(http.get(server.url("/")).send()))
            .collect();
        for request in requests {
            request.await.unwrap().unwrap();
        }
        cache.refresh_now().await.unwrap();
    }

    drop((http, cache, agent));
    assert_eq!(events.iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn after_termination_the_next_request_is_refused() {
    let (mint, server) = (Mint::default(), Server::start(|_| ok()).await);
    let agent = agent();
    let cache = agent.cache(mint.clone()).build().unwrap();
    let http = client(&cache, [&server]);
    http.get(server.url("/")).send().await.unwrap();

    drop(agent.terminate(Reason::Finished));

    let error = http.get(server.url("/")).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    let source = std::error::Error::source(&error).unwrap();
    let source = source.downcast_ref::<keytide_core::Error>().unwrap();
    assert_eq!(source.kind(), keytide_core::ErrorKind::Revoked);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_request_waits_for_a_credential_no_longer_than_its_patience() {
    struct Hangs;
    impl keytide_core::ProvideCredential for Hangs {
        fn profile(&self) -> keytide_core::Profile {
            keytide_core::Profile::bearer("hangs")
        }
        async fn provide(
            &self,
            _: &keytide_core::Request,
        ) -> Result<keytide_core::Issued, keytide_core::Error> {
            std::future::pending().await
        }
    }
    let server = Server::start(|_| ok()).await;
    let cache = agent().cache(Hangs).build().unwrap();
    let impatient = builder(&cache)
        .destination(server.origin())
        .patience(Duration::from_millis(20))
        .build()
        .unwrap();
    let patient = client(&cache, [&server]);

    let start = tokio::time::Instant::now();
    let by_client = impatient.get(server.url("/")).send().await.unwrap_err();
    let by_request = patient
        .get(server.url("/"))
        .timeout(Duration::from_millis(20))
        .send()
        .await
        .unwrap_err();

    assert_eq!(by_client.kind(), ErrorKind::TimedOut);
    assert_eq!(by_request.kind(), ErrorKind::TimedOut);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_signing_key_is_never_sent() {
    struct Key;
    impl keytide_core::ProvideCredential for Key {
        fn profile(&self) -> keytide_core::Profile {
            keytide_core::Profile::signing_key("key")
        }
        async fn provide(
            &self,
            _: &keytide_core::Request,
        ) -> Result<keytide_core::Issued, keytide_core::Error> {
            Ok(
                keytide_core::Issued::signing_key("AKIA", "canary".to_owned())
                    .expires_in(Duration::from_secs(900)),
            )
        }
    }
    struct Unstated;
    impl Attach for Unstated {
        type Ready = http::HeaderValue;
        fn profile(&self) -> AttachProfile {
            AttachProfile::new([http::header::AUTHORIZATION])
        }
        fn prepare(
            &self,
            credential: &keytide_core::Credential,
        ) -> Result<http::HeaderValue, Error> {
            Ok(http::HeaderValue::from_bytes(credential.expose_bearer("test")?).unwrap())
        }
        fn attach(
            &self,
            ready: &http::HeaderValue,
            request: &mut Outgoing<'_>,
        ) -> Result<(), Error> {
            request.set(http::header::AUTHORIZATION, ready.clone())
        }
        fn answered(&self, _: &Answer<'_>) -> Remedy {
            Remedy::None
        }
    }
    let server = Server::start(|_| ok()).await;
    let cache = agent().cache(Key).build().unwrap();

    let built = builder_over(Over::Http1, &cache).destination(server.origin());
    let refused = built.build().unwrap_err();
    let layer = AuthorizeLayer::builder(cache.clone()).destination(server.origin());
    let no_layer = layer.build().unwrap_err();
    // One that does not say what it takes is told when it is prepared.
    let http = builder_over(Over::Http1, &cache)
        .destination(server.origin())
        .attach(Unstated)
        .build()
        .unwrap();
    let error = http.get(server.url("/")).send().await.unwrap_err();

    for refused in [refused, no_layer] {
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
        assert!(
            refused
                .to_string()
                .contains("signing keys, which are never sent"),
            "{refused}"
        );
    }
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(error.to_string().contains("never sent"), "{error}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_token_that_no_header_carries_is_never_sent() {
    struct Gives(&'static str);
    impl keytide_core::ProvideCredential for Gives {
        fn profile(&self) -> keytide_core::Profile {
            keytide_core::Profile::bearer("gives")
        }
        async fn provide(
            &self,
            _: &keytide_core::Request,
        ) -> Result<keytide_core::Issued, keytide_core::Error> {
            // What is no token: as a token, no cache would take it.
            let issued = keytide_core::Issued::password(self.0.to_owned());
            Ok(issued.expires_in(Duration::from_secs(900)))
        }
    }
    let server = Server::start(|_| ok()).await;
    for (token, fits, fits_bare) in [
        ("canary.a-b_c~+/==", true, true),
        ("canary b", false, true),
        ("canary, Basic eDp5", false, true),
        ("canary ", false, false),
        ("canary\n", false, false),
        ("can\u{e4}ry", false, false),
    ] {
        for (bare, fits) in [(false, fits), (true, fits_bare)] {
            let cache = agent().cache(Gives(token)).build().unwrap();
            let built = builder_over(Over::Http1, &cache).destination(server.origin());
            let built = if bare {
                built.credential_header("x-api-key")
            } else {
                built
            };
            let before = server.seen().len();

            let sent = built.build().unwrap().get(server.url("/")).send().await;

            assert_eq!(
                server.seen().len() - before,
                usize::from(fits),
                "{token:?} {bare}"
            );
            if let Err(error) = sent {
                assert_eq!(error.kind(), ErrorKind::Credential, "{error}");
                let text = format!("{error} {error:?}");
                assert!(!text.contains("canary"), "{text}");
            }
        }
    }
}
