//! Redirects that leave the destinations, followed without the credential where the program says so.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};
use keytide_http::{AuthorizedClient, ErrorKind, Rule};
use tokio::sync::OnceCell;

use crate::server::{Seen, Server, answer, ok, redirect};
use crate::{Mint, Over, builder_over, over_both};

fn leaving(over: Over, cache: &keytide_core::Cache, server: &Server) -> AuthorizedClient {
    builder_over(over, cache)
        .destination(server.origin())
        .redirects_without_credential()
        .build()
        .unwrap()
}

async fn redirecting(status: u16, location: String) -> Server {
    Server::start(move |_| redirect(status, &location)).await
}

/// What of a request must not leave.
const SECRET: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "x-api-key",
    "x_api_key",
    "x-vault-token",
    "dpop",
    "x-marked",
];

fn bears_nothing(seen: &Seen) -> bool {
    SECRET.iter().all(|name| seen.header(name).is_none())
        && seen
            .headers
            .values()
            .all(|value| !value.as_bytes().windows(5).any(|part| part == b"token"))
}

async fn a_presigned_address_is_asked_without_the_credential(over: Over) {
    let storage = Server::start(|_| ok()).await;
    let presigned = storage.url("/bucket/key?X-Amz-Signature=1");
    let api = redirecting(302, presigned.clone()).await;
    let cache = Mint::default().cache();
    let http = leaving(over, &cache, &api);
    let mut marked = HeaderValue::from_static("mine");
    marked.set_sensitive(true);

    let mut request = http.get(api.url("/download")).header("range", "bytes=0-9");
    for name in SECRET.iter().skip(1).filter(|name| **name != "x-marked") {
        request = request.header(*name, "mine");
    }
    let request = request.header("x-marked", marked).header("x-trace", "mine");
    let response = request.send().await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.url().as_str(), presigned);
    assert!(api.seen()[0].bears(1));
    let seen = storage.seen();
    assert_eq!(seen.len(), 1);
    assert!(bears_nothing(&seen[0]), "{:?}", seen[0]);
    assert_eq!(seen[0].header("x-trace"), Some("mine"));
    assert_eq!(seen[0].header("range"), Some("bytes=0-9"));
}

async fn the_header_of_the_credential_does_not_leave_whatever_its_name(over: Over) {
    let storage = Server::start(|_| ok()).await;
    let api = redirecting(307, storage.url("/")).await;
    let cache = Mint::default().cache();
    let http = builder_over(over, &cache)
        .destination(api.origin())
        .credential_header("x-our-own")
        .allow_credential_header("x-our-own")
        .redirects_without_credential()
        .build()
        .unwrap();

    http.get(api.url("/")).send().await.unwrap();

    assert_eq!(api.seen()[0].header("x-our-own"), Some("token-1"));
    assert_eq!(storage.seen()[0].header("x-our-own"), None);
}

async fn who_is_led_back_to_a_destination_bears_no_credential_any_more(over: Over) {
    let api = Arc::new(OnceCell::<String>::new());
    let known = Arc::clone(&api);
    let outside = Server::start(move |_| {
        let api = known.get().unwrap();
        redirect(307, &format!("{api}/admin"))
    })
    .await;
    let onward = outside.url("/");
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/" => redirect(307, &onward),
        _ => answer(StatusCode::UNAUTHORIZED),
    })
    .await;
    api.set(server.origin()).unwrap();
    let mint = Mint::default();
    let cache = mint.cache();

    let request = leaving(over, &cache, &server).delete(server.url("/"));
    let response = request.send().await.unwrap();

    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let seen = server.seen();
    assert_eq!((seen.len(), seen[1].path.as_str()), (2, "/admin"));
    assert!(seen[0].bears(1) && bears_nothing(&seen[1]), "{seen:?}");
    assert_eq!(mint.calls(), 1, "what was asked without it refuses it not");
}

async fn methods_and_bodies_change_on_the_way_out_as_within(over: Over) {
    let storage = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let cases = [
        (301, Method::POST, Method::GET, ""),
        (302, Method::POST, Method::GET, ""),
        (303, Method::PUT, Method::GET, ""),
        (303, Method::HEAD, Method::HEAD, ""),
        (301, Method::PUT, Method::PUT, "body"),
        (307, Method::PUT, Method::PUT, "body"),
        (308, Method::POST, Method::POST, "body"),
    ];
    for (status, method, ..) in &cases {
        let api = redirecting(*status, storage.url("/")).await;
        let http = leaving(over, &cache, &api);
        let request = http.request(method.clone(), api.url("/"));
        let request = request.header("content-type", "x/y").body("body");
        request.send().await.unwrap();
    }
    let seen = storage.seen();
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
        assert!(bears_nothing(seen));
    }
    assert_eq!(seen.len(), cases.len());
}

async fn the_way_out_is_https_and_has_an_end(over: Over) {
    let cache = Mint::default().cache();
    let itself = Arc::new(OnceCell::<String>::new());
    let known = Arc::clone(&itself);
    let circle = Server::start(move |_| redirect(302, known.get().unwrap())).await;
    itself.set(circle.url("/")).unwrap();
    for (location, rule) in [
        ("http://storage.example/".to_owned(), Some(Rule::Downgrade)),
        ("http://10.0.0.1/".to_owned(), Some(Rule::Downgrade)),
        ("http://localhost:1/".to_owned(), Some(Rule::Downgrade)),
        (
            "https://u:p@storage.example/".to_owned(),
            Some(Rule::Userinfo),
        ),
        ("ftp://storage.example/".to_owned(), Some(Rule::Scheme)),
        (circle.url("/"), None),
    ] {
        let api = redirecting(302, location.clone()).await;
        let error = leaving(over, &cache, &api)
            .get(api.url("/"))
            .send()
            .await
            .unwrap_err();

        assert_eq!(
            (error.kind(), error.rule()),
            (ErrorKind::Redirect, rule),
            "{location}: {error}"
        );
    }
    assert_eq!(circle.seen().len(), 10);
}

async fn a_path_that_a_destination_does_not_admit_is_no_way_out(over: Over) {
    let cache = Mint::default().cache();
    let api = Server::start(|seen| match seen.path.as_str() {
        "/v1" => redirect(302, "/admin"),
        _ => ok(),
    })
    .await;
    let http = builder_over(over, &cache)
        .destination(keytide_http::Destination::new(api.origin()).path("/v1"))
        .redirects_without_credential()
        .build()
        .unwrap();

    let error = http.get(api.url("/v1")).send().await.unwrap_err();

    assert_eq!(
        (error.kind(), error.rule()),
        (ErrorKind::Redirect, Some(Rule::Path))
    );
    assert_eq!(api.seen().len(), 1);
}

over_both! {
    a_presigned_address_is_asked_without_the_credential
    the_header_of_the_credential_does_not_leave_whatever_its_name
    who_is_led_back_to_a_destination_bears_no_credential_any_more
    methods_and_bodies_change_on_the_way_out_as_within
    the_way_out_is_https_and_has_an_end
    a_path_that_a_destination_does_not_admit_is_no_way_out
}
