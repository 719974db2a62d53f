//! What is attached is attached to what is sent.

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use http_body_util::Empty;
use hyper::body::Bytes;
use keytide_core::Credential;
use keytide_http::{
    Answer, Attach, AttachProfile, AuthorizeLayer, Destination, Error, Outgoing, Remedy,
};
use tower::{Layer, ServiceExt, service_fn};

use crate::server::{Server, ok, redirect};
use crate::{Mint, builder};

/// Writes down what it was shown, and has every `+` sent as `%2B`.
struct Shown;

impl Attach for Shown {
    type Ready = ();

    fn profile(&self) -> AttachProfile {
        AttachProfile::new([AUTHORIZATION]).rewrites()
    }

    fn prepare(&self, _: &Credential) -> Result<(), Error> {
        Ok(())
    }

    fn rewrite(&self, path: &str, query: Option<&str>) -> Option<String> {
        let whole = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        whole.contains('+').then(|| whole.replace('+', "%2B"))
    }

    fn attach(&self, (): &(), request: &mut Outgoing<'_>) -> Result<(), Error> {
        let own = request.headers().get("host").cloned();
        let host = own.map_or_else(
            || request.host().to_owned(),
            |own| own.to_str().unwrap().to_owned(),
        );
        let shown = format!(
            "{host} {} {}",
            request.path(),
            request.query().unwrap_or_default()
        );
        request.set(AUTHORIZATION, shown.parse().unwrap())
    }

    fn answered(&self, _: &Answer<'_>) -> Remedy {
        Remedy::None
    }
}

#[tokio::test]
async fn the_layer_sends_the_authority_that_it_judged_and_the_path_that_was_signed() {
    let layer = |destination: Destination| {
        let layer = AuthorizeLayer::builder(Mint::default().cache()).attach(Shown);
        layer.destination(destination).build().unwrap()
    };
    for (uri, sent) in [
        ("https://api.example.com/a", "https://api.example.com/a"),
        (
            "https://API.Example.com/a+b?c+d",
            "https://api.example.com/a%2Bb?c%2Bd",
        ),
        ("https://api.example.com:443/a", "https://api.example.com/a"),
        (
            "https://api.EXAMPLE.com:443/a+",
            "https://api.example.com/a%2B",
        ),
    ] {
        for destination in [
            Destination::new("https://api.example.com"),
            Destination::new("https://api.example.com")
                .path("/a")
                .path("/a+b")
                .path("/a+"),
        ] {
            for host in [None, Some("API.example.com")] {
                let service = service_fn(move |request: Request<Empty<Bytes>>| async move {
                    let hosts: Vec<_> = request.headers().get_all("host").iter().cloned().collect();
                    let uri = request.uri();
                    let shown = format!(
                        "{} {} {}",
                        uri.authority().unwrap(),
                        uri.path(),
                        uri.query().unwrap_or_default()
                    );
                    assert_eq!(request.headers()[AUTHORIZATION], shown);
                    assert!(hosts.len() <= 1 && hosts.iter().all(|host| host == "api.example.com"));
                    assert_eq!(uri.to_string(), sent);
                    Ok::<_, Error>(http::Response::new(Empty::<Bytes>::new()))
                });
                let mut request = Request::get(uri).body(Empty::new()).unwrap();
                if let Some(host) = host {
                    request
                        .headers_mut()
                        .insert("host", HeaderValue::from_static(host));
                }
                layer(destination.clone())
                    .layer(service)
                    .oneshot(request)
                    .await
                    .unwrap();
            }
        }
    }
}

#[tokio::test]
async fn the_client_sends_the_path_that_was_signed_on_each_hop() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/a%2Bb?c%2Bd" => redirect(307, "/e+f"),
        _ => ok(),
    })
    .await;
    let cache = Mint::default().cache();
    let http = builder(&cache)
        .attach(Shown)
        .destination(Destination::new(server.origin()).path("/a+b").path("/e+f"))
        .build()
        .unwrap();

    http.get(server.url("/a+b?c+d")).send().await.unwrap();

    let host = server.origin().replace("http://", "");
    let seen: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| (seen.path.clone(), seen.authorization().unwrap().to_owned()))
        .collect();
    assert_eq!(
        seen,
        [
            ("/a%2Bb?c%2Bd".to_owned(), format!("{host} /a%2Bb c%2Bd")),
            ("/e%2Bf".to_owned(), format!("{host} /e%2Bf")),
        ]
    );
}
