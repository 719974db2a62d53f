//! Ways to attach that other crates bring: they see the final request, the destination's clock, and the answers.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keytide_core::{Credential, Issued, Profile, ProvideCredential};
use keytide_http::{
    Answer, Attach, AttachProfile, AuthorizeLayer, Basic, Cloned, Error, ErrorKind, Outgoing,
    Remedy,
};
use tower::{Layer, ServiceExt};

use crate::server::{Answer as Served, Server, answer, ok, redirect, unauthorized};
use crate::{Mint, Over, agent, builder, builder_over, over_both};

const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const PROOF: HeaderName = HeaderName::from_static("x-proof");
const DATE: HeaderName = HeaderName::from_static("x-signed-at");

/// Signs, as a stand-in does: writes down what it was shown. Has a nonce, as DPoP does, and dates, as SigV4 does.
#[derive(Clone, Default)]
struct Signs {
    nonce: Arc<Mutex<String>>,
    prepared: Arc<Mutex<Vec<u64>>>,
}

impl Attach for Signs {
    type Ready = HeaderValue;

    fn profile(&self) -> AttachProfile {
        AttachProfile::new([AUTHORIZATION, PROOF, DATE])
            .reads_body()
            .reads_clock()
            .reads_answers()
    }

    fn prepare(&self, credential: &Credential) -> Result<HeaderValue, Error> {
        self.prepared.lock().unwrap().push(credential.generation());
        let mut value = b"Signed ".to_vec();
        value.extend_from_slice(credential.expose_bearer("signature").unwrap());
        HeaderValue::try_from(value).map_err(|_| Error::cannot_attach("it does not fit"))
    }

    fn attach(&self, ready: &HeaderValue, request: &mut Outgoing<'_>) -> Result<(), Error> {
        let body = match request.body() {
            Some(body) => String::from_utf8_lossy(body).into_owned(),
            None => "unsigned".to_owned(),
        };
        let proof = format!(
            "{} {} {} {} {:?} {} {body} {}",
            request.method(),
            request.origin(),
            request.host(),
            request.path(),
            request.query(),
            request.headers().contains_key("x-mine"),
            self.nonce.lock().unwrap(),
        );
        let since = request
            .now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        request.set(AUTHORIZATION, ready.clone())?;
        request.set(PROOF, HeaderValue::try_from(proof).unwrap())?;
        request.set(DATE, HeaderValue::from(since.as_secs()))
    }

    fn answered(&self, answer: &Answer<'_>) -> Remedy {
        let Some(nonce) = answer.headers().get(&NONCE) else {
            return Remedy::None;
        };
        nonce
            .to_str()
            .unwrap()
            .clone_into(&mut self.nonce.lock().unwrap());
        if answer.status() == StatusCode::UNAUTHORIZED && answer.body() == Some(b"use_dpop_nonce") {
            Remedy::AttachAgain
        } else {
            Remedy::None
        }
    }
}

fn asks_for_a_nonce(nonce: &'static str) -> Served {
    let mut refusal = unauthorized();
    *refusal.body_mut() = Full::from("use_dpop_nonce");
    refusal
        .headers_mut()
        .insert(NONCE, HeaderValue::from_static(nonce));
    refusal
}

async fn a_signature_sees_the_final_request(over: Over) {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/a%20b?x=1&y" => redirect(303, "/after?z"),
        _ => ok(),
    })
    .await;
    let cache = Mint::default().cache();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .attach(Signs::default())
        .allow_credential_header(PROOF)
        .allow_credential_header(DATE)
        .build()
        .unwrap();

    let url = server.url("/a b?x=1&y");
    http.put(url)
        .header("x-mine", "1")
        .body("body")
        .send()
        .await
        .unwrap();
    let stream = reqwest::Body::wrap(Full::new(Bytes::from_static(b"stream")));
    http.post(server.url("")).body(stream).send().await.unwrap();

    let (origin, host) = (server.origin(), server.origin().replace("http://", ""));
    let proofs: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.header("x-proof").unwrap().trim_end().to_owned())
        .collect();
    assert_eq!(
        proofs,
        [
            format!("PUT {origin} {host} /a%20b Some(\"x=1&y\") true body"),
            format!("GET {origin} {host} /after Some(\"z\") true"),
            format!("POST {origin} {host} / None false unsigned"),
        ]
    );
}

async fn a_refused_nonce_is_no_refused_credential(over: Over) {
    let (mint, signs) = (Mint::default(), Signs::default());
    let server = Server::start(|seen| {
        if seen.header("x-proof").unwrap().ends_with("n1") {
            ok()
        } else {
            asks_for_a_nonce("n1")
        }
    })
    .await;
    let cache = mint.cache();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .attach(signs.clone())
        .allow_credential_header(PROOF)
        .allow_credential_header(DATE)
        .build()
        .unwrap();

    for _ in 0..3 {
        let response = http
            .post(server.url("/"))
            .body("kept")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }

    let seen = server.seen();
    assert_eq!(seen.len(), 4, "one retry, for the first nonce");
    assert!(
        seen.iter()
            .all(|seen| seen.body == "kept" && seen.authorization() == Some("Signed token-1"))
    );
    assert_eq!(mint.calls(), 1, "nothing was reported to the cache");
    assert_eq!(*signs.prepared.lock().unwrap(), [1]);
}

async fn an_endless_demand_for_nonces_costs_one_retry_and_surfaces_whole(over: Over) {
    let mint = Mint::default();
    let server = Server::start(|_| asks_for_a_nonce("never")).await;
    let cache = mint.cache();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .attach(Signs::default())
        .allow_credential_header(PROOF)
        .allow_credential_header(DATE)
        .build()
        .unwrap();

    let response = http.get(server.url("/")).send().await.unwrap();

    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.url().as_str(), server.url("/"));
    assert_eq!(response.content_length(), Some(14));
    assert_eq!(response.text().await.unwrap(), "use_dpop_nonce");
    assert_eq!((server.seen().len(), mint.calls()), (2, 1));
}

async fn the_clock_of_a_destination_is_learned_from_its_answers(over: Over) {
    const HOURS: u64 = 2 * 3600;
    let at = crate::now() + Duration::from_secs(HOURS);
    let server = Server::start(move |_| {
        let mut response = ok();
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + at);
        response.headers_mut().insert("date", date.parse().unwrap());
        response
    })
    .await;
    let other = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .destination(other.origin())
        .attach(Signs::default())
        .allow_credential_header(PROOF)
        .allow_credential_header(DATE)
        .build()
        .unwrap();

    for server in [&server, &server, &other] {
        http.get(server.url("/")).send().await.unwrap();
    }

    let signed = |server: &Server, index: usize| -> u64 {
        server.seen()[index]
            .header("x-signed-at")
            .unwrap()
            .parse()
            .unwrap()
    };
    let near = |second: u64, expected: u64| second.abs_diff(expected) < 60;
    assert!(near(signed(&server, 0), crate::now().as_secs()));
    assert!(near(signed(&server, 1), crate::now().as_secs() + HOURS));
    assert!(
        near(signed(&other, 0), crate::now().as_secs()),
        "each has a clock of its own"
    );
}

over_both! {
    a_signature_sees_the_final_request
    a_refused_nonce_is_no_refused_credential
    an_endless_demand_for_nonces_costs_one_retry_and_surfaces_whole
    the_clock_of_a_destination_is_learned_from_its_answers
}

#[tokio::test]
async fn through_the_layer_a_signature_sees_a_body_that_can_be_copied() {
    let (mint, server) = (Mint::default(), Server::start(|_| ok()).await);
    let cache = mint.cache();
    let hyper = || Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let layer = || {
        AuthorizeLayer::builder(cache.clone())
            .destination(server.origin())
            .attach(Signs::default())
            .allow_credential_header(PROOF)
            .allow_credential_header(DATE)
    };
    let request = |body: &'static str| {
        let request = http::Request::post(server.url("/p?q")).header("x-mine", "1");
        request.body(Full::from(body)).unwrap()
    };

    let copying = layer().copy_body(Cloned).build().unwrap();
    copying
        .layer(hyper())
        .oneshot(request("body"))
        .await
        .unwrap();
    let plain = layer().build().unwrap();
    plain.layer(hyper()).oneshot(request("body")).await.unwrap();
    plain.layer(hyper()).oneshot(request("")).await.unwrap();

    let ends: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| {
            seen.header("x-proof")
                .unwrap()
                .split("Some(\"q\") true")
                .last()
                .unwrap()
                .trim()
                .to_owned()
        })
        .collect();
    assert_eq!(ends, ["body", "unsigned", ""]);
}

#[tokio::test]
async fn every_header_that_is_set_is_refused_from_the_caller() {
    let (mint, server) = (Mint::default(), Server::start(|_| ok()).await);
    let cache = mint.cache();
    let http = builder(&cache)
        .destination(server.origin())
        .attach(Signs::default())
        .allow_credential_header(PROOF)
        .allow_credential_header(DATE)
        .build()
        .unwrap();

    for name in [AUTHORIZATION, PROOF, DATE] {
        let error = http
            .get(server.url("/"))
            .header(&name, "mine")
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HeaderPresent, "{name}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn basic_sends_the_secret_as_the_password() {
    let (mint, server) = (Mint::default(), Server::start(|_| ok()).await);
    let cache = mint.cache();
    let http = builder(&cache)
        .destination(server.origin())
        .attach(Basic::new("me").unwrap())
        .build()
        .unwrap();

    http.get(server.url("/")).send().await.unwrap();
    cache.refresh_now().await.unwrap();
    http.get(server.url("/")).send().await.unwrap();

    let seen = server.seen();
    assert_eq!(seen[0].authorization(), Some("Basic bWU6dG9rZW4tMQ=="));
    assert_eq!(seen[1].authorization(), Some("Basic bWU6dG9rZW4tMg=="));
}

/// Brings signing keys; an implementation takes what it needs of them.
struct Keys;

impl ProvideCredential for Keys {
    fn profile(&self) -> Profile {
        Profile::signing_key("keys")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, keytide_core::Error> {
        Ok(Issued::signing_key("AKIA", "secret".to_owned()).expires_in(Duration::from_secs(900)))
    }
}

struct KeyId;

impl Attach for KeyId {
    type Ready = String;

    fn profile(&self) -> AttachProfile {
        AttachProfile::new([AUTHORIZATION])
    }

    fn prepare(&self, credential: &Credential) -> Result<String, Error> {
        credential
            .key_id()
            .map(str::to_owned)
            .ok_or_else(|| Error::cannot_attach("a signature needs a signing key"))
    }

    fn attach(&self, key_id: &String, request: &mut Outgoing<'_>) -> Result<(), Error> {
        if request.path() == "/unsignable" {
            return Err(Error::cannot_attach("this path cannot be signed"));
        }
        request.set(AUTHORIZATION, HeaderValue::try_from(key_id).unwrap())
    }

    fn answered(&self, _: &Answer<'_>) -> Remedy {
        unreachable!("the profile does not ask for answers")
    }
}

#[tokio::test]
async fn what_cannot_be_attached_is_an_error_and_nothing_is_sent() {
    let server = Server::start(|_| answer(StatusCode::FORBIDDEN)).await;
    let build = |cache: &keytide_core::Cache| {
        builder(cache)
            .destination(server.origin())
            .attach(KeyId)
            .build()
            .unwrap()
    };

    let keys = build(&agent().cache(Keys).build().unwrap());
    keys.get(server.url("/")).send().await.unwrap();
    let unsignable = keys
        .get(server.url("/unsignable"))
        .send()
        .await
        .unwrap_err();
    let tokens = build(&Mint::default().cache());
    let unfit = tokens.get(server.url("/")).send().await.unwrap_err();

    assert_eq!(unsignable.to_string(), "this path cannot be signed");
    assert_eq!(unfit.to_string(), "a signature needs a signing key");
    assert_eq!(
        (unsignable.kind(), unfit.kind()),
        (ErrorKind::Credential, ErrorKind::Credential)
    );
    assert_eq!(server.seen().len(), 1);
    assert_eq!(server.seen()[0].authorization(), Some("AKIA"));
}
