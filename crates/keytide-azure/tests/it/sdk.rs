//! Between keytide and the Azure SDK.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, Context, HttpClient, Method, Pipeline, Request, RetryOptions,
    Transport, Url,
};
use azure_identity::{
    ClientAssertionCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId,
};
use keytide_azure::ManagedIdentity;
use keytide_azure::bridge::{SdkCredentials, SdkProvider};
use keytide_core::{Cache, ErrorKind, LongLived};
use keytide_testkit::azure::{Entra, Imds, assertion};
use keytide_testkit::server::{Fault, FaultServer, Received, Reply, TestCa};
use keytide_testkit::{Answer, ScriptedProvider};

use crate::{
    AUDIENCE, CLIENT, ISSUER, SUBJECT, TENANT, VAULT, agent, cache, client,
    is_refused_for_its_kind, keys, now, text, whole,
};

const SCOPE: &str = "https://vault.azure.net/.default";

/// Sends what is meant for any host to one server.
#[derive(Debug)]
struct To {
    origin: Url,
    http: reqwest::Client,
}

impl To {
    fn server(server: &FaultServer, root: Option<&TestCa>) -> Arc<Self> {
        let mut http = reqwest::Client::builder().no_proxy();
        if let Some(ca) = root {
            http = http.tls_certs_only([reqwest::Certificate::from_der(ca.root_der()).unwrap()]);
        }
        let (origin, http) = (server.origin().parse().unwrap(), http.build().unwrap());
        Arc::new(Self { origin, http })
    }
}

#[async_trait::async_trait]
impl HttpClient for To {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        let url = request.url_mut();
        url.set_scheme(self.origin.scheme()).unwrap();
        url.set_host(self.origin.host_str()).unwrap();
        url.set_port(self.origin.port()).unwrap();
        self.http.execute_request(&request).await
    }
}

fn options(transport: Arc<dyn HttpClient>) -> ClientOptions {
    ClientOptions {
        transport: Some(Transport::new(transport)),
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    }
}

/// A client of the SDK, and the service that it talks to.
struct Service {
    server: FaultServer,
    pipeline: Pipeline,
}

impl Service {
    fn with(credential: Arc<dyn TokenCredential>) -> Self {
        let server = FaultServer::start(|_: &Received| Reply::new(200));
        let policy = Arc::new(BearerTokenAuthorizationPolicy::new(credential, [SCOPE]));
        let pipeline = Pipeline::new(
            Some("test"),
            Some("1"),
            options(To::server(&server, None)),
            Vec::new(),
            vec![policy],
            None,
        );
        Self { server, pipeline }
    }

    /// The status of the answer, or what went wrong before.
    async fn call(&self) -> Result<u16, String> {
        let url = "https://invoices.vault.azure.net/secrets".parse().unwrap();
        let mut request = Request::new(url, Method::Get);
        let answer = self
            .pipeline
            .send(&Context::new(), &mut request, None)
            .await;
        match answer {
            Ok(answer) => Ok(u16::from(answer.status())),
            Err(error) => match error.http_status() {
                Some(status) => Ok(u16::from(status)),
                None => Err(error.to_string()),
            },
        }
    }

    fn sent(&self) -> Vec<String> {
        let of = |asked: &Received| asked.header("authorization").unwrap().to_owned();
        self.server.requests().iter().map(of).collect()
    }
}

/// A cache with tokens of an hour, and how its provider is told what to do.
fn hour() -> (Cache, keytide_testkit::Script) {
    let (provider, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(3600)));
    (agent().cache(provider).build().unwrap(), script)
}

fn always(cache: &Cache) -> impl Fn(&str) -> Result<Cache, keytide_core::Error> + use<> {
    let cache = cache.clone();
    move |_| Ok(cache.clone())
}

#[tokio::test]
async fn the_sdk_keeps_its_copy_and_a_revocation_shows_after_a_401() {
    let (cache, _script) = hour();
    let service = Service::with(SdkCredentials::new(always(&cache)));
    service.call().await.unwrap();

    // Rotated, then revoked: the SDK goes on with what it has.
    cache.refresh_now().await.unwrap();
    service.call().await.unwrap();
    drop(cache.revoke());
    assert_eq!(service.call().await, Ok(200));
    let sent = service.sent();
    assert!(
        sent[0].starts_with("Bearer ") && sent.iter().all(|token| *token == sent[0]),
        "{sent:?}"
    );

    // Until it is refused, and asks again.
    service.server.then(Fault::status(401));
    assert_eq!(service.call().await, Ok(401));
    let error = service.call().await.unwrap_err();
    assert!(error.contains("revoked"), "{error}");
    assert_eq!(service.server.count(), 4);
}

#[tokio::test]
async fn asked_each_time_it_sees_rotations_and_revocations_at_once() {
    let (cache, _script) = hour();
    let service = Service::with(SdkCredentials::asked_each_time(always(&cache)));
    service.call().await.unwrap();
    service.call().await.unwrap();
    cache.refresh_now().await.unwrap();
    service.call().await.unwrap();

    let sent = service.sent();
    assert_eq!(sent[0], sent[1]);
    assert_ne!(sent[1], sent[2]);
    drop(cache.revoke());
    service.call().await.unwrap_err();
    assert_eq!(service.server.count(), 3);
}

#[tokio::test]
async fn the_end_that_the_sdk_is_told_is_the_issuers_unless_it_asks_each_time() {
    let (cache, _script) = hour();
    let end = cache.get().await.unwrap().expires_at().unwrap();
    let end = end.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;

    let told = SdkCredentials::new(always(&cache))
        .get_token(&[SCOPE], None)
        .await
        .unwrap();
    assert_eq!(told.expires_on.unix_timestamp(), end);

    let told = SdkCredentials::asked_each_time(always(&cache))
        .get_token(&[SCOPE], None)
        .await
        .unwrap();
    let left = told.expires_on.unix_timestamp()
        - now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs() as i64;
    assert!((-2..=0).contains(&left), "{left}");
}

#[tokio::test]
async fn each_scope_has_a_cache_that_is_made_once_and_errors_keep_their_reason() {
    let imds = Imds::new().start();
    let made = Arc::new(AtomicU64::new(0));
    let (origin, counted, agent) = (imds.origin(), Arc::clone(&made), agent());
    let credential = SdkCredentials::new(move |scope| {
        counted.fetch_add(1, Ordering::Relaxed);
        let provider = ManagedIdentity::builder(scope)
            .imds_endpoint(&origin)
            .build()?;
        agent
            .cache(provider)
            .key(scope)
            .long_lived(LongLived::Flag)
            .build()
    });

    for _ in 0..3 {
        credential.get_token(&[SCOPE], None).await.unwrap();
        credential
            .get_token(&["https://storage.azure.com/.default"], None)
            .await
            .unwrap();
    }

    assert_eq!(made.load(Ordering::Relaxed), 2);
    assert_eq!(imds.count(), 2);
    assert!(format!("{credential:?}").contains("storage.azure.com"));
    for scopes in [&[][..], &[SCOPE, SCOPE], &["a b"]] {
        let error = credential.get_token(scopes, None).await.unwrap_err();
        assert!(
            matches!(error.kind(), azure_core::error::ErrorKind::Credential),
            "{error}"
        );
    }
    imds.set(Fault::status(410));
    let error = credential
        .get_token(&["https://graph.microsoft.com/.default"], None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("within 70 s"), "{error}");
    assert!(
        error
            .into_inner()
            .unwrap()
            .downcast_ref::<keytide_core::Error>()
            .is_some()
    );
}

#[tokio::test]
async fn a_credential_of_the_sdk_is_made_anew_for_each_call_and_gets_its_tokens_from_the_same_fakes()
 {
    let imds = Imds::new().user_assigned(CLIENT, "o", "/r").start();
    let transport = To::server(&imds, None);
    let provider = SdkProvider::builder(VAULT, move || {
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: Some(UserAssignedId::ClientId(CLIENT.to_owned())),
            client_options: options(transport.clone()),
        };
        Ok(ManagedIdentityCredential::new(Some(options))? as Arc<dyn TokenCredential>)
    });
    let theirs = cache(provider.build().unwrap());
    theirs.get().await.unwrap();
    theirs.refresh_now().await.unwrap();
    theirs.refresh_now().await.unwrap();

    let ours = ManagedIdentity::builder(VAULT)
        .client_id(CLIENT)
        .imds_endpoint(imds.origin());
    let ours = cache(ours.build().unwrap());
    ours.get().await.unwrap();

    let requests = imds.requests();
    assert_eq!(requests.len(), 4, "nothing is kept between calls");
    let parameters = |asked: &Received| {
        let mut pairs = asked.parameters();
        pairs.retain(|(name, _)| name != "api-version");
        pairs.sort();
        (asked.method().to_owned(), asked.path().to_owned(), pairs)
    };
    assert_eq!(
        parameters(&requests[0]),
        parameters(&requests[3]),
        "both ask for the same in the same way"
    );
    let ends = |cache: &Cache| {
        cache
            .read(|credential| credential.expires_at())
            .unwrap()
            .unwrap()
    };
    let apart = ends(&ours)
        .duration_since(ends(&theirs))
        .unwrap_or_else(|error| error.duration());
    assert!(apart <= Duration::from_secs(10), "{apart:?}");
}

/// An assertion for the SDK, out of a cache of keytide.
#[derive(Debug)]
struct FromCache(Cache);

#[async_trait::async_trait]
impl azure_identity::ClientAssertion for FromCache {
    async fn secret(
        &self,
        _: Option<azure_core::http::ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        Ok(text(&self.0))
    }
}

#[tokio::test]
async fn the_sdks_client_assertion_and_ours_send_entra_the_same_form() {
    let ca = TestCa::new();
    let entra = Entra::new(TENANT)
        .federated(CLIENT, ISSUER, SUBJECT)
        .start(&ca);
    let presented = assertion(ISSUER, SUBJECT, AUDIENCE, now() + Duration::from_secs(600));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &presented).unwrap();
    let ours = keytide_azure::WorkloadIdentity::builder(VAULT)
        .tenant_id(TENANT)
        .client_id(CLIENT)
        .token_file(file.path())
        .authority(entra.origin())
        .client(client(&ca));
    cache(ours.build().unwrap()).get().await.unwrap();

    let (provider, _script) = ScriptedProvider::new(Answer::token(Duration::from_secs(3600)));
    let vouching = agent().cache(provider).build().unwrap();
    vouching.get().await.unwrap();
    let options = azure_identity::ClientAssertionCredentialOptions {
        client_options: options(To::server(&entra, Some(&ca))),
    };
    let theirs = ClientAssertionCredential::new(
        TENANT.to_owned(),
        CLIENT.to_owned(),
        FromCache(vouching),
        Some(options),
    )
    .unwrap();
    // The fake looks at the assertion: what the scripted provider vouches with is none.
    theirs.get_token(&[SCOPE], None).await.unwrap_err();

    let requests = entra.requests();
    let form = |asked: &Received| {
        let mut pairs = asked.form();
        pairs.retain(|(name, _)| name != "client_assertion");
        pairs.sort();
        (asked.method().to_owned(), asked.target().to_owned(), pairs)
    };
    assert_eq!(form(&requests[0]), form(&requests[1]));
}

#[tokio::test]
async fn of_the_sdks_failures_only_the_status_is_told() {
    for (status, kind) in [
        (400, ErrorKind::Refused),
        (401, ErrorKind::Refused),
        (429, ErrorKind::Throttled),
        (500, ErrorKind::Unavailable),
    ] {
        let imds = FaultServer::start(move |_: &Received| {
            Reply::new(status).body("{\"error\":\"canary\"}")
        });
        let transport = To::server(&imds, None);
        let provider = SdkProvider::builder(VAULT, move || {
            let options = ManagedIdentityCredentialOptions {
                client_options: options(transport.clone()),
                ..ManagedIdentityCredentialOptions::default()
            };
            Ok(ManagedIdentityCredential::new(Some(options))? as Arc<dyn TokenCredential>)
        });
        let limited = agent()
            .cache(provider.build().unwrap())
            .flight_limit(Duration::from_secs(3));

        let error = limited.build().unwrap().get().await.unwrap_err();

        assert!(!whole(&error).contains("canary"), "{error:?}");
        // It retries inside the call for what it takes for passing; the cache's limit ends that.
        let cut_off = matches!(status, 429 | 500) && error.kind() == ErrorKind::Unavailable;
        assert!(error.kind() == kind || cut_off, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_scope_whose_cache_holds_signing_keys_is_refused_and_not_kept() {
    let made = Arc::new(AtomicU64::new(0));
    let (counted, good) = (Arc::clone(&made), hour());
    let cache = good.0.clone();
    let credential = SdkCredentials::new(move |_| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        Ok(if first {
            keys("of the scope")
        } else {
            cache.clone()
        })
    });

    let error = credential.get_token(&[SCOPE], None).await.unwrap_err();

    let source = std::error::Error::source(&error).unwrap();
    is_refused_for_its_kind(source.downcast_ref().unwrap(), "of the scope");
    credential.get_token(&[SCOPE], None).await.unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 2);
}
