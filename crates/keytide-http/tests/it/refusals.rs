//! What a 401 costs, and what a 403 does not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http_body_util::Full;
use hyper::body::Bytes;
use keytide_http::{ErrorKind, RequestBuilder};
use tokio::sync::Barrier;

use crate::server::{Answer, Seen, Server, answer, ok, unauthorized};
use crate::{Mint, Over, builder_over, client_over, over_both};

fn refuse_the_first(seen: &Seen) -> Answer {
    if seen.bears(1) { unauthorized() } else { ok() }
}

async fn a_thousand_rejections_of_one_generation_cost_one_refresh_and_one_retry_each(over: Over) {
    const REQUESTS: usize = 1000;
    let mint = Mint::default();
    let server = Server::holding(Arc::new(Barrier::new(REQUESTS)), 1, refuse_the_first).await;
    let cache = mint.cache();
    let http = client_over(over, &cache, [&server]);

    let requests: Vec<_> = (0..REQUESTS)
        .map(|index| tokio::spawn(http.post(server.url("/")).body(body(index)).send()))
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::OK);
    }

    assert_eq!(mint.calls(), 2, "the first credential, and one refresh");
    let mut by_body: HashMap<Bytes, Vec<Seen>> = HashMap::new();
    for seen in server.seen() {
        assert_eq!(seen.version, over.version());
        by_body.entry(seen.body.clone()).or_default().push(seen);
    }
    for index in 0..REQUESTS {
        let sent = &by_body[body(index).as_bytes()];
        assert_eq!(sent.len(), 2, "one retry");
        assert!(sent[0].bears(1) && sent[1].bears(2));
    }
    assert_eq!(by_body.len(), REQUESTS, "no body but those that were sent");
}

fn body(index: usize) -> String {
    format!("{index}:{}", "x".repeat(index))
}

async fn a_streaming_body_is_not_retried(over: Over) {
    let (mint, server) = (Mint::default(), Server::start(refuse_the_first).await);
    let cache = mint.cache();
    let http = client_over(over, &cache, [&server]);

    let stream = reqwest::Body::wrap(Full::new(Bytes::from_static(b"once")));
    let response = http
        .post(server.url("/"))
        .body(stream)
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.seen().len(), 1);
    assert_eq!(
        http.get(server.url("/")).send().await.unwrap().status(),
        StatusCode::OK
    );
    assert!(
        server.seen()[1].bears(2),
        "the rejection was reported all the same"
    );
    assert_eq!(mint.calls(), 2);
}

async fn with_the_retry_off_a_401_surfaces_and_is_reported(over: Over) {
    let (mint, server) = (Mint::default(), Server::start(refuse_the_first).await);
    let cache = mint.cache();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .without_retry()
        .build()
        .unwrap();

    assert_eq!(
        status(http.get(server.url("/"))).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(server.seen().len(), 1);
    assert_eq!(status(http.get(server.url("/"))).await, StatusCode::OK);
    assert_eq!(mint.calls(), 2);
}

async fn a_403_that_does_not_name_the_credential_never_invalidates(over: Over) {
    let challenges = ["", "Bearer", r#"Bearer error="insufficient_scope""#];
    let mint = Mint::default();
    let server = Server::start(move |seen| {
        let mut forbidden = answer(StatusCode::FORBIDDEN);
        let challenge = challenges[seen.path[1..].parse::<usize>().unwrap()];
        forbidden
            .headers_mut()
            .insert("www-authenticate", challenge.parse().unwrap());
        forbidden
    })
    .await;
    let cache = mint.cache();
    let http = client_over(over, &cache, [&server]);

    for index in 0..challenges.len() {
        let url = server.url(&format!("/{index}"));
        assert_eq!(status(http.get(url)).await, StatusCode::FORBIDDEN);
    }

    assert_eq!(server.seen().len(), challenges.len());
    assert!(server.seen().iter().all(|seen| seen.bears(1)));
    assert_eq!(mint.calls(), 1);
}

async fn a_403_that_names_the_credential_counts_as_a_401(over: Over) {
    let mint = Mint::default();
    let server = Server::start(|seen| {
        let mut forbidden = answer(StatusCode::FORBIDDEN);
        let challenge = r#"Bearer error="invalid_token""#.parse().unwrap();
        forbidden
            .headers_mut()
            .insert("www-authenticate", challenge);
        if seen.bears(1) { forbidden } else { ok() }
    })
    .await;
    let cache = mint.cache();

    let answered = status(client_over(over, &cache, [&server]).get(server.url("/"))).await;

    assert_eq!(answered, StatusCode::OK);
    assert_eq!(mint.calls(), 2);
}

async fn a_second_401_surfaces(over: Over) {
    let (mint, server) = (Mint::default(), Server::start(|_| unauthorized()).await);
    let cache = mint.cache();
    let http = client_over(over, &cache, [&server]);

    assert_eq!(
        status(http.post(server.url("/")).body("x")).await,
        StatusCode::UNAUTHORIZED
    );

    let seen = server.seen();
    assert!(
        seen.len() == 2 && seen[0].bears(1) && seen[1].bears(2),
        "{seen:?}"
    );
    let error = http.get(server.url("/")).send().await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Credential,
        "the second one was reported too"
    );
    assert_eq!(
        server.seen().len(),
        2,
        "an origin is not sent what it refused"
    );
    assert_eq!(mint.calls(), 2);
}

async fn a_request_is_sent_twice_at_most_however_many_newer_credentials_there_are(over: Over) {
    let mint = Mint::default();
    let cache = mint.cache();
    let rotated = cache.clone();
    let server = Server::start(move |seen| {
        let rotate = async { rotated.refresh_now().await.unwrap() };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(rotate));
        if seen.bears(9) { ok() } else { unauthorized() }
    })
    .await;
    let http = client_over(over, &cache, [&server]);

    assert_eq!(
        status(http.post(server.url("/")).body("x")).await,
        StatusCode::UNAUTHORIZED
    );

    let seen = server.seen();
    assert!(
        seen.len() == 2 && seen[0].bears(1) && seen[1].bears(2),
        "{seen:?}"
    );
    assert_eq!(mint.calls(), 3, "no refresh but those by name");
}

async fn one_retry_is_all_even_if_newer_credentials_come_and_come(over: Over) {
    let cache = Mint::default().cache();
    let rotating = cache.clone();
    let server = Server::start(move |_| {
        let rotated = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(rotating.refresh_now())
        });
        rotated.unwrap();
        unauthorized()
    })
    .await;

    let response = client_over(over, &cache, [&server])
        .post(server.url("/"))
        .body("x")
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let seen = server.seen();
    assert!(
        seen.len() == 2 && seen[0].bears(1) && seen[1].bears(2),
        "{seen:?}"
    );
}

async fn an_origin_that_refuses_for_ever_costs_one_refresh_per_backoff_step_and_no_other_origin(
    over: Over,
) {
    let mint = Mint::default();
    let (refusing, fine) = (
        Server::start(|_| unauthorized()).await,
        Server::start(|_| ok()).await,
    );
    let cache = mint.cache_with(|cache| cache.min_interval(Duration::from_millis(100)));
    let http = client_over(over, &cache, [&refusing, &fine]);

    let start = tokio::time::Instant::now();
    while start.elapsed() < Duration::from_secs(1) {
        match http.get(refusing.url("/")).send().await {
            Ok(response) => assert_eq!(response.status(), StatusCode::UNAUTHORIZED),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Credential),
        }
        assert_eq!(status(http.get(fine.url("/"))).await, StatusCode::OK);
    }

    // After 0, 100, 300, 700 and 1,500 ms.
    let calls = mint.calls();
    assert!((2..=6).contains(&calls), "{calls} calls");
    assert!(
        refusing.seen().len() <= 2 * 5,
        "each forced generation is tried once, or retried"
    );
    assert!(fine.seen().len() > 20, "{}", fine.seen().len());
    let tokens: std::collections::HashSet<_> = refusing
        .seen()
        .iter()
        .map(|seen| seen.authorization().unwrap().to_owned())
        .collect();
    assert_eq!(
        tokens.len(),
        refusing.seen().len(),
        "none is sent twice to who refused it"
    );
}

async fn a_401_for_an_unchanged_token_surfaces_and_the_token_is_served_again(over: Over) {
    let once = std::sync::atomic::AtomicBool::new(true);
    let mint = Mint::constant();
    let server = Server::start(move |_| {
        if once.swap(false, std::sync::atomic::Ordering::SeqCst) {
            unauthorized()
        } else {
            ok()
        }
    })
    .await;
    let cache = mint.cache();
    let http = client_over(over, &cache, [&server]);

    assert_eq!(
        status(http.get(server.url("/"))).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        (server.seen().len(), mint.calls()),
        (1, 2),
        "asked anew, and not retried"
    );

    assert_eq!(status(http.get(server.url("/"))).await, StatusCode::OK);
    assert!(server.seen()[1].bears(1));
    assert_eq!(mint.calls(), 2);
}

async fn a_late_401_of_an_older_generation_costs_no_refresh(over: Over) {
    let mint = Mint::default();
    let barrier = Arc::new(Barrier::new(2));
    let server = Server::holding(Arc::clone(&barrier), 2, refuse_the_first).await;
    let cache = mint.cache();
    let late = tokio::spawn(
        client_over(over, &cache, [&server])
            .get(server.url("/"))
            .send(),
    );
    barrier.wait().await;

    cache.refresh_now().await.unwrap();
    barrier.wait().await;

    assert_eq!(late.await.unwrap().unwrap().status(), StatusCode::OK);
    assert!(server.seen()[0].bears(1) && server.seen()[1].bears(2));
    assert_eq!(
        mint.calls(),
        2,
        "the first credential, and the refresh by name"
    );
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

over_both! {
    a_thousand_rejections_of_one_generation_cost_one_refresh_and_one_retry_each
    a_streaming_body_is_not_retried
    with_the_retry_off_a_401_surfaces_and_is_reported
    a_403_that_does_not_name_the_credential_never_invalidates
    a_403_that_names_the_credential_counts_as_a_401
    a_second_401_surfaces
    one_retry_is_all_even_if_newer_credentials_come_and_come
    a_request_is_sent_twice_at_most_however_many_newer_credentials_there_are
    an_origin_that_refuses_for_ever_costs_one_refresh_per_backoff_step_and_no_other_origin
    a_401_for_an_unchanged_token_surfaces_and_the_token_is_served_again
    a_late_401_of_an_older_generation_costs_no_refresh
}
