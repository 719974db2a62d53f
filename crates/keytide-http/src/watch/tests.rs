use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use keytide_core::{Agent, AgentIdentity, Error, Issued, Profile, ProvideCredential, Request};

use super::*;
use crate::attach::{Bearer, Outgoing};
use crate::prepared::{Attached, Prepared};
use crate::{Attach, Error as HttpError};

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

fn given() -> (Cache, Arc<Prepared<Bearer>>, Arc<Watch>) {
    let identity = AgentIdentity {
        agent_type: "watch".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let cache = Agent::builder(identity)
        .build()
        .unwrap()
        .cache(Mint(AtomicU64::new(0)))
        .build()
        .unwrap();
    let prepared = Arc::new(Prepared::new(Bearer::new(), cache.sender()));
    let watch = watching(&cache, &prepared);
    (cache, prepared, watch)
}

fn watching(cache: &Cache, prepared: &Arc<Prepared<Bearer>>) -> Arc<Watch> {
    let prepared: Weak<dyn Attaching> = Arc::<Prepared<Bearer>>::downgrade(prepared);
    Watch::new(cache, prepared)
}

fn attach(
    prepared: &Prepared<Bearer>,
    credential: &keytide_core::Credential,
) -> Result<(Attached, HeaderMap), HttpError> {
    let (uri, mut headers) = (
        Uri::from_static("https://api.example.com/"),
        HeaderMap::new(),
    );
    let (profile, now) = (Bearer::new().profile(), SystemTime::UNIX_EPOCH);
    let mut request = Outgoing::new(&profile, &Method::GET, &uri, &mut headers, None, now)?;
    Ok((prepared.attach(credential, &mut request)?, headers))
}

#[tokio::test]
async fn the_header_is_sensitive_and_made_once() {
    let (cache, prepared, _watch) = given();
    let credential = cache.get().await.unwrap();
    let (_, first) = attach(&prepared, &credential).unwrap();
    let (_, second) = attach(&prepared, &credential).unwrap();

    let (first, second) = (&first[AUTHORIZATION], &second[AUTHORIZATION]);
    assert!(first.is_sensitive() && second.is_sensitive());
    assert_eq!(first.as_bytes(), b"Bearer token-1");
    assert_eq!(
        first.as_bytes().as_ptr(),
        second.as_bytes().as_ptr(),
        "one buffer"
    );
    let secret = credential.expose_bearer("test").unwrap();
    assert_eq!(
        first.as_bytes()[7..].as_ptr(),
        secret.as_ptr(),
        "that of the secret itself"
    );
}

#[tokio::test]
async fn an_idle_client_lets_go_of_a_generation_that_was_replaced() {
    let (cache, prepared, _watch) = given();
    for generation in 1..=3 {
        let credential = cache.get().await.unwrap();
        assert_eq!(attach(&prepared, &credential).unwrap().0, Attached::Current);
        assert!(prepared.keeps(generation));

        cache.refresh_now().await.unwrap();

        // Waiters are told of a generation before watchers are.
        eventually(|| !prepared.keeps(generation));
        assert_eq!(
            attach(&prepared, &credential).unwrap().0,
            Attached::Superseded
        );
    }
}

#[tokio::test]
async fn a_revocation_lets_go_of_the_header_in_that_call() {
    let (cache, prepared, _watch) = given();
    let credential = cache.get().await.unwrap();
    assert_eq!(attach(&prepared, &credential).unwrap().0, Attached::Current);
    assert!(prepared.keeps(1));

    drop(cache.revoke());

    assert!(!prepared.keeps(1));
    assert_eq!(
        attach(&prepared, &credential).unwrap().0,
        Attached::Superseded
    );
}

#[tokio::test]
async fn a_watch_made_after_the_end_knows_it() {
    let (cache, ..) = given();
    let credential = cache.get().await.unwrap();
    drop(cache.revoke());

    let prepared = Arc::new(Prepared::new(Bearer::new(), cache.sender()));
    let _watch = watching(&cache, &prepared);

    assert_eq!(
        attach(&prepared, &credential).unwrap().0,
        Attached::Superseded
    );
}

#[tokio::test]
async fn a_watch_goes_with_its_client() {
    let (cache, prepared, watch) = given();
    let (weak, prepared_weak) = (Arc::downgrade(&watch), Arc::downgrade(&prepared));

    drop((prepared, watch));

    assert!(weak.upgrade().is_none() && prepared_weak.upgrade().is_none());
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
