//! Where a redirect may lead.

use std::sync::Arc;

use http::{Method, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use keytide_http::ErrorKind;
use tokio::sync::OnceCell;

use crate::server::{Server, ok, redirect};
use crate::{Mint, Over, builder_over, client_over, over_both};

/// A server whose every answer is a redirect to this place.
async fn redirecting(status: u16, location: String) -> Server {
    Server::start(move |_| redirect(status, &location)).await
}

async fn a_redirect_to_another_origin_never_carries_the_credential(over: Over) {
    let elsewhere = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();

    for status in [301, 302, 303, 307, 308] {
        for location in [
            elsewhere.url("/"),
            format!("//127.0.0.1:{}/", elsewhere.port()),
            format!("http://localhost:{}/", elsewhere.port()),
            format!("https://127.0.0.1:{}/", elsewhere.port()),
        ] {
            let server = redirecting(status, location.clone()).await;
            let bearer = client_over(over, &cache, [&server]);
            let custom = builder_over(over, &cache)
                .destination(server.origin())
                .credential_header("x-api-key")
                .build()
                .unwrap();

            for http in [bearer, custom] {
                let error = http
                    .post(server.url("/a?secret=1"))
                    .body("x")
                    .send()
                    .await
                    .unwrap_err();

                assert_eq!(
                    error.kind(),
                    ErrorKind::Redirect,
                    "{status} {location}: {error}"
                );
                assert!(error.to_string().starts_with(&server.origin()), "{error}");
                assert!(
                    error.to_string().contains(&elsewhere.port().to_string()),
                    "{error}"
                );
            }
            assert_eq!(server.seen().len(), 2);
        }
    }
    assert!(
        elsewhere.seen().is_empty(),
        "it is not even asked without one"
    );
}

async fn a_redirect_with_a_user_name_is_refused(over: Over) {
    let elsewhere = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let location = elsewhere.url("/").replace("//", "//user@");
    let server = redirecting(302, location).await;

    let error = client_over(over, &cache, [&server, &elsewhere])
        .get(server.url("/"))
        .send()
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(elsewhere.seen().is_empty());
}

async fn a_redirect_within_the_destinations_is_followed(over: Over) {
    let mint = Mint::default();
    let second = Server::start(|_| ok()).await;
    let onward = second.url("/there");
    let first = Server::start(move |seen| match seen.path.as_str() {
        "/a/b" => redirect(302, "../c?d=e"),
        _ => redirect(302, &onward),
    })
    .await;
    let cache = mint.cache();

    let response = client_over(over, &cache, [&first, &second])
        .get(first.url("/a/b"))
        .header("cookie", "mine")
        .header("proxy-authorization", "mine")
        .header("x-trace", "mine")
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.url().as_str(), second.url("/there"));
    let (first, second) = (first.seen(), second.seen());
    assert_eq!(first[1].path, "/c?d=e", "a relative one is resolved");
    assert_eq!(
        first[1].header("cookie"),
        Some("mine"),
        "to the same origin all goes along"
    );
    assert!(first.iter().chain(&second).all(|seen| seen.bears(1)));
    assert_eq!(second[0].header("cookie"), None);
    assert_eq!(second[0].header("proxy-authorization"), None);
    assert_eq!(second[0].header("referer"), None);
    assert_eq!(second[0].header("x-trace"), Some("mine"));
}

async fn the_callers_own_authorization_stays_with_its_origin(over: Over) {
    let second = Server::start(|_| ok()).await;
    let first = redirecting(307, second.url("/")).await;
    let cache = Mint::default().cache();
    let http = builder_over(over, &cache)
        .destination(first.origin())
        .destination(second.origin())
        .credential_header("x-api-key")
        .build()
        .unwrap();

    http.get(first.url("/"))
        .header("authorization", "mine")
        .send()
        .await
        .unwrap();

    assert_eq!(first.seen()[0].authorization(), Some("mine"));
    assert_eq!(second.seen()[0].authorization(), None);
    assert_eq!(second.seen()[0].header("x-api-key"), Some("token-1"));
}

async fn each_hop_carries_the_generation_that_is_current_then(over: Over) {
    let mint = Mint::default();
    let second = Server::start(|_| ok()).await;
    let onward = second.url("/");
    // The first server refuses the first generation, and redirects with the second.
    let first = Server::start(move |seen| {
        if seen.bears(1) {
            crate::server::unauthorized()
        } else {
            redirect(307, &onward)
        }
    })
    .await;
    let cache = mint.cache();

    let http = client_over(over, &cache, [&first, &second]);
    http.put(first.url("/")).body("kept").send().await.unwrap();

    assert!(first.seen()[0].bears(1) && first.seen()[1].bears(2) && second.seen()[0].bears(2));
    assert_eq!(second.seen()[0].body, "kept");
}

async fn methods_and_bodies_change_as_in_reqwest(over: Over) {
    let target = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();

    let cases = [
        (301, Method::POST, Method::GET, ""),
        (302, Method::POST, Method::GET, ""),
        (303, Method::POST, Method::GET, ""),
        (303, Method::PUT, Method::GET, ""),
        (303, Method::HEAD, Method::HEAD, ""),
        (301, Method::PUT, Method::PUT, "body"),
        (302, Method::DELETE, Method::DELETE, "body"),
        (307, Method::POST, Method::POST, "body"),
        (308, Method::PATCH, Method::PATCH, "body"),
    ];
    for (status, method, ..) in &cases {
        let server = redirecting(*status, target.url("/")).await;
        let http = client_over(over, &cache, [&server, &target]);
        let request = http
            .request(method.clone(), server.url("/"))
            .header("content-type", "x/y");
        request.body("body").send().await.unwrap();
    }

    let seen = target.seen();
    assert_eq!(seen.len(), cases.len());
    for (seen, (status, method, becomes, body)) in seen.iter().zip(&cases) {
        assert_eq!(
            (&seen.method, &seen.body[..]),
            (becomes, body.as_bytes()),
            "{status} {method}"
        );
        assert_eq!(
            seen.header("content-type").is_some(),
            !body.is_empty(),
            "{status} {method}"
        );
    }
}

async fn a_redirect_that_needs_a_body_that_is_gone_surfaces(over: Over) {
    let target = Server::start(|_| ok()).await;
    let (keeps, drops) = (
        redirecting(307, target.url("/")).await,
        redirecting(303, target.url("/")).await,
    );
    let cache = Mint::default().cache();
    let http = client_over(over, &cache, [&keeps, &drops, &target]);
    let stream = || reqwest::Body::wrap(Full::new(Bytes::from_static(b"once")));

    let kept = http
        .post(keeps.url("/"))
        .body(stream())
        .send()
        .await
        .unwrap();
    let dropped = http
        .post(drops.url("/"))
        .body(stream())
        .send()
        .await
        .unwrap();

    assert_eq!(kept.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(dropped.status(), StatusCode::OK);
    assert_eq!(target.seen().len(), 1);
}

async fn redirects_end_after_ten(over: Over) {
    let itself = Arc::new(OnceCell::new());
    let known = Arc::clone(&itself);
    let server = Server::start(move |seen| {
        let left: u32 = seen.path[1..].parse().unwrap();
        let next: &String = known.get().unwrap();
        if left == 0 {
            ok()
        } else {
            redirect(302, &format!("{next}/{}", left - 1))
        }
    })
    .await;
    itself.set(server.origin()).unwrap();
    let cache = Mint::default().cache();
    let http = client_over(over, &cache, [&server]);

    let ten = http.get(server.url("/10")).send().await.unwrap();
    let error = http.get(server.url("/11")).send().await.unwrap_err();

    assert_eq!(ten.status(), StatusCode::OK);
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(server.seen().len(), 11 + 11);

    let none = builder_over(over, &cache)
        .destination(server.origin())
        .redirects(0)
        .build()
        .unwrap();
    let response = none.get(server.url("/1")).send().await.unwrap();
    assert_eq!(
        response.status(),
        StatusCode::FOUND,
        "with 0 the caller gets the redirect"
    );
}

async fn a_redirect_that_cannot_be_followed_is_the_response(over: Over) {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/300" => redirect(300, "/"),
        "/304" => redirect(304, "/"),
        "/bad" => redirect(302, "http://["),
        _ => crate::server::answer(StatusCode::FOUND),
    })
    .await;
    let cache = Mint::default().cache();
    let http = client_over(over, &cache, [&server]);

    for (path, status) in [("/300", 300), ("/304", 304), ("/bad", 302), ("/none", 302)] {
        let response = http.get(server.url(path)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
    assert_eq!(server.seen().len(), 4);
}

over_both! {
    a_redirect_to_another_origin_never_carries_the_credential
    a_redirect_with_a_user_name_is_refused
    a_redirect_within_the_destinations_is_followed
    the_callers_own_authorization_stays_with_its_origin
    each_hop_carries_the_generation_that_is_current_then
    methods_and_bodies_change_as_in_reqwest
    a_redirect_that_needs_a_body_that_is_gone_surfaces
    redirects_end_after_ten
    a_redirect_that_cannot_be_followed_is_the_response
}
