//! Where a request may go.

use keytide_http::{Destination, ErrorKind, Rule};

use crate::server::{Server, ok};
use crate::{Mint, builder, client};

#[tokio::test]
async fn a_request_to_another_origin_is_refused_before_anything_is_sent() {
    let mint = Mint::default();
    let (server, other) = (Server::start(|_| ok()).await, Server::start(|_| ok()).await);
    let cache = mint.cache();
    let http = builder(&cache)
        .destination(server.origin())
        .destination("https://api.example.com")
        .destination("https://bücher.example:8443")
        .build()
        .unwrap();

    let (port, elsewhere) = (server.port(), other.port());
    for (url, kind) in [
        (other.url("/"), ErrorKind::Destination),
        (format!("http://localhost:{port}/"), ErrorKind::Destination),
        (format!("http://127.0.0.2:{port}/"), ErrorKind::Destination),
        (format!("https://127.0.0.1:{port}/"), ErrorKind::Destination),
        (
            format!("http://127.0.0.1:{port}@127.0.0.1:{elsewhere}/"),
            ErrorKind::InvalidUrl,
        ),
        (
            format!("http://user@127.0.0.1:{port}/"),
            ErrorKind::InvalidUrl,
        ),
        (
            format!("http://user:word@127.0.0.1:{port}/"),
            ErrorKind::InvalidUrl,
        ),
        (
            format!("http://:word@127.0.0.1:{port}/"),
            ErrorKind::InvalidUrl,
        ),
        ("http://api.example.com/".to_owned(), ErrorKind::Destination),
        (
            "http://api.example.com:443/".to_owned(),
            ErrorKind::Destination,
        ),
        (
            "https://api.example.com:8443/".to_owned(),
            ErrorKind::Destination,
        ),
        (
            "https://api.example.com./".to_owned(),
            ErrorKind::Destination,
        ),
        (
            "https://www.api.example.com/".to_owned(),
            ErrorKind::Destination,
        ),
        ("https://example.com/".to_owned(), ErrorKind::Destination),
        (
            "https://api.example.com.evil.example/".to_owned(),
            ErrorKind::Destination,
        ),
        (
            "https://evil.example/https://api.example.com/".to_owned(),
            ErrorKind::Destination,
        ),
        (
            "https://evil.example\\@api.example.com/".to_owned(),
            ErrorKind::Destination,
        ),
        (
            "https://bucher.example:8443/".to_owned(),
            ErrorKind::Destination,
        ),
        ("https://bücher.example/".to_owned(), ErrorKind::Destination),
        ("ws://api.example.com/".to_owned(), ErrorKind::InvalidUrl),
        ("file:///etc/passwd".to_owned(), ErrorKind::InvalidUrl),
        ("data:,x".to_owned(), ErrorKind::InvalidUrl),
        ("/v1/invoices".to_owned(), ErrorKind::InvalidUrl),
        (String::new(), ErrorKind::InvalidUrl),
    ] {
        let error = http.get(&url).send().await.unwrap_err();

        assert_eq!(error.kind(), kind, "{url}: {error}");
    }
    assert_eq!((server.seen().len(), other.seen().len()), (0, 0));
    assert_eq!(mint.calls(), 0, "no credential is got for it");
}

#[tokio::test]
async fn an_origin_is_compared_as_it_is_normalised() {
    let server = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let http = builder(&cache)
        .destination(format!("HTTP://LocalHost:{}/", server.port()))
        .destination(server.origin())
        .build()
        .unwrap();

    for host in ["127.0.0.1", "127.1", "0x7f000001", "LOCALHOST", "localhost"] {
        let url = format!("http://{host}:{}/?q=http://evil.example", server.port());
        http.get(url).send().await.unwrap();
    }

    assert_eq!(server.seen().len(), 5);
}

#[tokio::test]
async fn the_error_names_the_origin_and_the_destinations_and_nothing_of_the_path() {
    let cache = Mint::default().cache();
    let http = builder(&cache)
        .destination("https://api.example.com:443")
        .destination("https://files.example.com")
        .build()
        .unwrap();

    let error = http
        .get("https://Evil.example/path?key=secret#x")
        .send()
        .await
        .unwrap_err();

    assert_eq!(
        error.to_string(),
        "https://evil.example is not a destination of this client, which may send to \
         https://api.example.com, https://files.example.com (rule: origin)"
    );
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_the_resolver_says() {
    let (server, elsewhere) = (Server::start(|_| ok()).await, Server::start(|_| ok()).await);
    let cache = Mint::default().cache();
    let misled = reqwest::Client::builder().resolve(
        "localhost",
        format!("127.0.0.2:{}", elsewhere.port()).parse().unwrap(),
    );
    let http = keytide_http::AuthorizedClient::builder(misled, cache)
        .destination(format!("http://localhost:{}", server.port()))
        .build()
        .unwrap();

    http.get(format!("http://localhost:{}/", server.port()))
        .send()
        .await
        .unwrap();

    assert_eq!((server.seen().len(), elsewhere.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_request_to_this_machine_goes_through_no_proxy() {
    let (server, proxy) = (Server::start(|_| ok()).await, Server::start(|_| ok()).await);
    let cache = Mint::default().cache();
    let proxied = reqwest::Client::builder().proxy(reqwest::Proxy::all(proxy.origin()).unwrap());
    let http = keytide_http::AuthorizedClient::builder(proxied, cache)
        .destination(server.origin())
        .build()
        .unwrap();

    http.get(server.url("/")).send().await.unwrap();

    assert_eq!((server.seen().len(), proxy.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_builder_refuses_what_could_not_be_kept() {
    let cache = Mint::default().cache();
    let https = || builder(&cache).destination("https://api.example.com");

    for (built, kind) in [
        (builder(&cache), ErrorKind::InvalidArgument),
        (
            https().destination("http://api.example.com"),
            ErrorKind::InsecureDestination,
        ),
        (
            https().destination("https://api.example.com/v1"),
            ErrorKind::InvalidArgument,
        ),
        (
            https().credential_header("not a name"),
            ErrorKind::InvalidArgument,
        ),
        (
            https().credential_header("host"),
            ErrorKind::InvalidArgument,
        ),
        (
            https().credential_header("Proxy-Authorization"),
            ErrorKind::InvalidArgument,
        ),
        (https().redirects(11), ErrorKind::InvalidArgument),
    ] {
        let printed = format!("{built:?}");
        assert_eq!(built.build().unwrap_err().kind(), kind, "{printed}");
    }
    assert!(https().build().is_ok());
}

#[tokio::test]
async fn every_method_is_sent_as_such() {
    let server = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let http = client(&cache, [&server]);
    let url = || server.url("/");

    for request in [
        http.get(url()),
        http.post(url()),
        http.put(url()),
        http.patch(url()),
        http.delete(url()),
        http.head(url()),
        http.request(http::Method::OPTIONS, url()),
    ] {
        request.send().await.unwrap();
    }
    let built = reqwest::Request::new(http::Method::GET, url().parse().unwrap());
    http.execute(built).await.unwrap();

    let methods: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.method.to_string())
        .collect();
    assert_eq!(
        methods,
        [
            "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "GET"
        ]
    );
    assert!(server.seen().iter().all(|seen| seen.bears(1)));
}

#[tokio::test]
async fn methods_that_echo_or_tunnel_never_carry_a_credential() {
    let server = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let http = client(&cache, [&server]);
    let method = |name: &str| http::Method::from_bytes(name.as_bytes()).unwrap();

    let mut requests = Vec::new();
    for name in ["TRACE", "TRACK", "CONNECT", "trace", "Track"] {
        requests.push(http.request(method(name), server.url("/")));
        for header in [
            "x-http-method-override",
            "X-HTTP-Method",
            "X-Method-Override",
        ] {
            requests.push(http.post(server.url("/")).header(header, name));
            requests.push(
                http.get(server.url("/"))
                    .header(header, format!("GET, {name} ")),
            );
        }
    }
    for request in requests {
        let error = request.send().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.rule()),
            (ErrorKind::Destination, Some(Rule::ForbiddenMethod)),
            "{error}"
        );
        assert!(
            error.to_string().ends_with("(rule: forbidden-method)"),
            "{error}"
        );
    }
    let built = reqwest::Request::new(http::Method::TRACE, server.url("/").parse().unwrap());
    let error = http.execute(built).await.unwrap_err();
    assert_eq!(error.rule(), Some(Rule::ForbiddenMethod));
    let narrow =
        Destination::new(server.origin()).methods([http::Method::GET, http::Method::TRACE]);
    let built = builder(&cache).destination(narrow);
    assert_eq!(
        built.build().unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    assert!(server.seen().is_empty());
    // A method of somebody's own is no such one.
    let own = http.request(method("TRACES"), server.url("/")).send().await;
    assert_eq!(own.unwrap().status(), http::StatusCode::OK);
}
