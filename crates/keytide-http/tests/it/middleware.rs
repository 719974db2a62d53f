//! The client as a stack of `reqwest_middleware`.

use std::sync::{Arc, Mutex};

use http::{Extensions, StatusCode};
use keytide_http::{Error, ErrorKind, Rule, SentGeneration};
use reqwest_middleware::{Middleware, Next};

use crate::server::{Server, ok, redirect, unauthorized};
use crate::{Mint, Over, builder_over, over_both};

/// Sends each request again until it is fine, and looks at what passes.
#[derive(Clone, Default)]
struct Retries(Arc<Mutex<Vec<Passed>>>);

/// Whether the request was without a header, and the generation it was sent with.
type Passed = (bool, Option<u64>);

#[async_trait::async_trait]
impl Middleware for Retries {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        loop {
            let again = request.try_clone().unwrap();
            let bare = !again.headers().contains_key("authorization");
            let response = next.clone().run(again, extensions).await?;
            let generation = extensions.get::<SentGeneration>().map(|sent| sent.0);
            self.0.lock().unwrap().push((bare, generation));
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                return Ok(response);
            }
        }
    }
}

async fn the_credential_is_bound_inside_of_all_others_at_each_attempt(over: Over) {
    let mint = Mint::default();
    let cache = mint.cache();
    let rotating = cache.clone();
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/busy" if seen.bears(1) => {
            drop(rotating.rejected(1, "https://elsewhere.example"));
            crate::server::answer(StatusCode::SERVICE_UNAVAILABLE)
        }
        "/refused" if seen.bears(2) => unauthorized(),
        "/redirect" => redirect(302, "/there"),
        _ => ok(),
    })
    .await;
    let retries = Retries::default();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .build_with_middleware([Arc::new(retries.clone()) as Arc<dyn Middleware>])
        .unwrap();

    for path in ["/busy", "/refused", "/redirect"] {
        let response = http
            .post(server.url(path))
            .body("body")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }

    let seen = retries.0.lock().unwrap().clone();
    assert!(
        seen.iter()
            .all(|(bare, generation)| *bare && generation.is_some()),
        "{seen:?}"
    );
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.authorization().is_some())
    );
    let last = server.seen().pop().unwrap();
    assert_eq!(
        (last.path.as_str(), last.method.as_str()),
        ("/there", "GET")
    );
}

async fn what_is_refused_is_an_error_of_ours_and_redirects_are_judged(over: Over) {
    let stranger = Server::start(|_| ok()).await;
    let away = stranger.url("/");
    let server = Server::start(move |_| redirect(307, &away)).await;
    let cache = Mint::default().cache();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .credential_header("x-api-key")
        .build_with_middleware([])
        .unwrap();

    let with_password = server.url("/").replace("//", "//user:word@");
    for (url, kind, rule) in [
        (stranger.url("/"), ErrorKind::Destination, Rule::Origin),
        (server.url("/"), ErrorKind::Redirect, Rule::Origin),
    ] {
        match http.get(url).send().await.unwrap_err() {
            reqwest_middleware::Error::Middleware(error) => {
                let error = error.downcast_ref::<Error>().unwrap();
                assert_eq!((error.kind(), error.rule()), (kind, Some(rule)));
            }
            other => panic!("{other:?}"),
        }
    }
    // reqwest makes a header of it, which is the caller's own and stays so.
    let _ = http.get(with_password).send().await.unwrap_err();

    assert!(stranger.seen().is_empty());
    assert_eq!(server.seen()[0].header("x-api-key"), Some("token-1"));
}

over_both! {
    the_credential_is_bound_inside_of_all_others_at_each_attempt
    what_is_refused_is_an_error_of_ours_and_redirects_are_judged
}

#[tokio::test]
async fn methods_that_echo_or_tunnel_never_carry_a_credential() {
    let server = Server::start(|_| ok()).await;
    let http = builder_over(Over::Http1, &Mint::default().cache())
        .destination(server.origin())
        .build_with_middleware([])
        .unwrap();

    for name in ["TRACE", "TRACK", "CONNECT"] {
        let method = http::Method::from_bytes(name.as_bytes()).unwrap();
        let error = http
            .request(method, server.url("/"))
            .send()
            .await
            .unwrap_err();
        let reqwest_middleware::Error::Middleware(error) = error else {
            panic!("{error}");
        };
        let error = error.downcast_ref::<Error>().unwrap();
        assert_eq!(error.rule(), Some(Rule::ForbiddenMethod), "{name}");
    }

    assert!(server.seen().is_empty());
}
