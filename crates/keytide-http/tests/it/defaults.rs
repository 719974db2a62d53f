//! Default headers of the reqwest builder, which are added where nobody judges them.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keytide_core::Credential;
use keytide_http::{
    Answer, Attach, AttachProfile, AuthorizedClient, AuthorizedClientBuilder, Destination, Error,
    ErrorKind, Outgoing, Remedy,
};

use crate::server::{Server, ok};
use crate::{Mint, builder};

/// A builder over one that has this default header.
fn with_default(name: &str) -> AuthorizedClientBuilder {
    let name = HeaderName::try_from(name).unwrap();
    let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("canary"))]);
    let http = reqwest::Client::builder().default_headers(headers);
    AuthorizedClient::builder(http, Mint::default().cache())
}

fn told(built: Result<AuthorizedClient, Error>, name: &str) {
    let error = built.expect_err(name);
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
    let text = format!("{error} {error:?}");
    assert!(text.contains(name) && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn a_default_header_that_undoes_a_promise_is_refused_when_the_client_is_built() {
    let wide = || Destination::new("https://api.example.com");
    for name in [
        "host",
        "x-http-method-override",
        "x_http_method",
        "x-method-override",
    ] {
        told(with_default(name).destination(wide()).build(), name);
    }
    for name in ["x-original-url", "x_forwarded_prefix"] {
        for narrow in [wide().methods([Method::GET]), wide().path("/v1")] {
            told(with_default(name).destination(narrow).build(), name);
        }
        assert!(
            with_default(name).destination(wide()).build().is_ok(),
            "{name}"
        );
    }
    let named = with_default("x_api_key").destination(wide());
    told(named.credential_header("x-api-key").build(), "x_api_key");
    for name in [
        "cookie",
        "authorization",
        "x-api-key",
        "proxy-authorization",
        "x-vault-token",
    ] {
        let leaving = with_default(name)
            .destination(wide())
            .redirects_without_credential();
        told(leaving.build(), name);
        assert!(
            with_default(name).destination(wide()).build().is_ok(),
            "{name}"
        );
    }
    for name in ["x-trace", "accept-language"] {
        let narrow = wide().path("/v1");
        let leaving = with_default(name)
            .destination(narrow)
            .redirects_without_credential();
        assert!(leaving.build().is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_header_that_servers_take_for_the_credentials_is_refused() {
    let server = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let http = builder(&cache)
        .destination(server.origin())
        .credential_header("x-api-key")
        .build()
        .unwrap();

    for name in ["x_api_key", "X_Api-Key", "x-api_key"] {
        let request = http.get(server.url("/")).header(name, "mine");
        let error = request.send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HeaderPresent, "{name}");
        assert!(error.to_string().contains("x-api-key"), "{error}");
    }
    let request = http.get(server.url("/")).header("x_apikey", "mine");
    request.send().await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn of_two_hosts_neither_is_sent() {
    let server = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let http = builder(&cache)
        .destination(server.origin())
        .build()
        .unwrap();
    let host = server.origin().replace("http://", "");

    let request = http.get(server.url("/")).header("host", &host);
    let error = request
        .header("host", "evil.example")
        .send()
        .await
        .unwrap_err();
    let one = http.get(server.url("/")).header("host", &host).send().await;

    assert_eq!(error.kind(), ErrorKind::HeaderPresent);
    assert!(one.is_ok());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_header_carries_a_credential_if_it_is_known_to_or_allowed_by_name() {
    let cache = Mint::default().cache();
    let built = |name: &str, allowed: Option<&str>| {
        let built = builder(&cache)
            .destination("https://api.example.com")
            .credential_header(name);
        match allowed {
            Some(allowed) => built.allow_credential_header(allowed),
            None => built,
        }
        .build()
    };
    assert!(built("x-goog-api-key", None).is_ok());
    let error = built("x-ours", None).unwrap_err();
    assert!(
        error.to_string().contains("allow_credential_header"),
        "{error}"
    );
    assert!(built("x-ours", Some("X-Ours")).is_ok());
    for name in [
        "expect",
        "keep-alive",
        "forwarded",
        "via",
        "x-forwarded-for",
        "te",
    ] {
        assert_eq!(
            built(name, None).unwrap_err().kind(),
            ErrorKind::InvalidArgument,
            "{name}"
        );
        assert_eq!(
            built(name, Some(name)).unwrap_err().kind(),
            ErrorKind::InvalidArgument,
            "{name}"
        );
    }
}

/// Sets what a signature of AWS consists of.
struct Signs;

impl Attach for Signs {
    type Ready = ();

    fn profile(&self) -> AttachProfile {
        let date = HeaderName::from_static("x-amz-date");
        AttachProfile::new([http::header::AUTHORIZATION, date])
    }

    fn prepare(&self, _: &Credential) -> Result<(), Error> {
        Ok(())
    }

    fn attach(&self, (): &(), _: &mut Outgoing<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn answered(&self, _: &Answer<'_>) -> Remedy {
        Remedy::None
    }
}

#[tokio::test]
async fn a_default_header_that_would_have_to_be_signed_is_refused_where_requests_are() {
    let name = "x-amz-acl";
    let signed = with_default(name).destination("https://api.example.com");
    told(signed.attach(Signs).build(), name);
    let plain = with_default(name).destination("https://api.example.com");
    assert!(plain.build().is_ok());
}
