use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use http::header::AUTHORIZATION;
use keytide_core::{
    Agent, AgentIdentity, AgentType, Environment, Error, Issued, Owner, Profile, ProvideCredential,
    Request, Version,
};

use super::*;
use crate::header::Attached;

/// Mints `token-<call>`.
struct Mint(AtomicU64);

impl ProvideCredential for Mint {
    fn profile(&self) -> Profile {
        Profile::bearer("mint")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let call = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Issued::bearer(format!("token-{call}")).expires_in(Duration::from_secs(900)))
    }
}

fn given() -> (Cache, Arc<Header>, Arc<Watch>) {
    let names = (
        AgentType("watch"),
        Version("1"),
        Environment("test"),
        Owner("tests"),
    );
    let identity = AgentIdentity::new(names.0, names.1, names.2, names.3).unwrap();
    let cache = Agent::builder(identity)
        .build()
        .unwrap()
        .cache(Mint(AtomicU64::new(0)))
        .build()
        .unwrap();
    let header = Arc::new(Header::bearer());
    let watch = Watch::new(&cache, &header);
    (cache, header, watch)
}

fn request() -> reqwest::Request {
    reqwest::Request::new(Method::GET, "https://api.example.com".parse().unwrap())
}

#[tokio::test]
async fn the_header_is_sensitive_and_made_once() {
    let (cache, header, _watch) = given();
    let credential = cache.get().await.unwrap();
    let (mut first, mut second) = (request(), request());

    assert_eq!(
        header.attach(&credential, &mut first).unwrap(),
        Attached::Yes
    );
    assert_eq!(
        header.attach(&credential, &mut second).unwrap(),
        Attached::Yes
    );

    let (first, second) = (
        &first.headers()[AUTHORIZATION],
        &second.headers()[AUTHORIZATION],
    );
    assert!(first.is_sensitive() && second.is_sensitive());
    assert_eq!(first.as_bytes(), b"Bearer token-1");
    assert_eq!(
        first.as_bytes().as_ptr(),
        second.as_bytes().as_ptr(),
        "one buffer"
    );
    let secret = credential.expose("test");
    assert_eq!(
        first.as_bytes()[7..].as_ptr(),
        secret.as_ptr(),
        "that of the secret itself"
    );
}

#[tokio::test]
async fn an_idle_client_lets_go_of_a_generation_that_was_replaced() {
    let (cache, header, _watch) = given();
    for generation in 1..=3 {
        let credential = cache.get().await.unwrap();
        assert_eq!(
            header.attach(&credential, &mut request()).unwrap(),
            Attached::Yes
        );
        assert!(header.keeps(generation));

        cache.refresh_now().await.unwrap();

        // Waiters are told of a generation before watchers are.
        eventually(|| !header.keeps(generation));
        assert_eq!(
            header.attach(&credential, &mut request()).unwrap(),
            Attached::Superseded
        );
    }
}

#[tokio::test]
async fn a_revocation_lets_go_of_the_header_in_that_call() {
    let (cache, header, _watch) = given();
    let credential = cache.get().await.unwrap();
    assert_eq!(
        header.attach(&credential, &mut request()).unwrap(),
        Attached::Yes
    );
    assert!(header.keeps(1));

    drop(cache.revoke());

    assert!(!header.keeps(1));
    assert_eq!(
        header.attach(&credential, &mut request()).unwrap(),
        Attached::Superseded
    );
}

#[tokio::test]
async fn a_watch_made_after_the_end_knows_it() {
    let (cache, ..) = given();
    let credential = cache.get().await.unwrap();
    drop(cache.revoke());

    let header = Arc::new(Header::bearer());
    let _watch = Watch::new(&cache, &header);

    assert_eq!(
        header.attach(&credential, &mut request()).unwrap(),
        Attached::Superseded
    );
}

#[tokio::test]
async fn a_watch_goes_with_its_client() {
    let (cache, header, watch) = given();
    let (weak, header_weak) = (Arc::downgrade(&watch), Arc::downgrade(&header));

    drop((header, watch));

    assert!(weak.upgrade().is_none() && header_weak.upgrade().is_none());
    cache.refresh_now().await.unwrap();
}

/// Waits for what the library's own thread is about to do.
fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..10_000_000 {
        if holds() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("never");
}
