//! A signing key is never handed out as a token, nor a token taken for a key: every place that takes a credential's text is
//! listed here, and each is given the wrong kind.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use keytide_aws::bridge as aws;
use keytide_aws::{AssumeRole, CallerIdentityToken, OutboundToken, WebIdentity, WebIdentityToken};
use keytide_azure::bridge as azure;
use keytide_azure::{ClientAssertion, WorkloadIdentity};
use keytide_core::{
    Agent, AgentIdentity, Cache, Chain, CredentialKind, Error, ErrorKind, Issued, Profile,
    ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_gcp::bridge as gcp;
use keytide_gcp::{
    AccessBoundary, ApplicationDefault, BoundaryRule, Downscoped, ExternalAccount, Impersonated,
};
use keytide_http::{AuthorizeLayer, Basic, Bearer, NamedHeader};
use keytide_oauth::ClientCredentials;
use keytide_sigv4::SigV4;

/// Where the text of a credential is taken, by the crate and the file, with what takes it there.
const PLACES: &[(&str, &[&str])] = &[
    (
        "keytide-aws/src/keys.rs",
        &[
            "AssumeRole",
            "CallerIdentityToken",
            "OutboundToken",
            "aws::SdkCredentials",
            "aws::ObjectStoreCredentials",
        ],
    ),
    ("keytide-aws/src/web_identity/token.rs", &["WebIdentity"]),
    (
        "keytide-azure/src/bridge/azure_core/mod.rs",
        &["azure::SdkCredentials"],
    ),
    (
        "keytide-azure/src/bridge/object_store.rs",
        &["azure::ObjectStoreCredentials"],
    ),
    (
        "keytide-azure/src/entra/proof.rs",
        &["WorkloadIdentity", "ClientAssertion"],
    ),
    (
        "keytide-gcp/src/bridge/google_cloud_auth.rs",
        &["gcp::SdkCredentials"],
    ),
    (
        "keytide-gcp/src/bridge/mod.rs",
        &["gcp::GcpAuthCredentials", "gcp::ObjectStoreCredentials"],
    ),
    ("keytide-gcp/src/downscoped.rs", &["Downscoped"]),
    (
        "keytide-gcp/src/external_account/source.rs",
        &["ExternalAccount", "ApplicationDefault"],
    ),
    ("keytide-gcp/src/impersonated/mod.rs", &["Impersonated"]),
    ("keytide-http/src/attach/basic.rs", &["Basic"]),
    (
        "keytide-http/src/attach/bearer.rs",
        &["Bearer", "NamedHeader"],
    ),
    (
        "keytide-oauth/src/authentication.rs",
        &["ClientCredentials"],
    ),
    ("keytide-sigv4/src/signer/mod.rs", &["SigV4"]),
];

/// What is given the wrong kind, and how.
type Take = fn(&Agent, Cache) -> Result<Above, Error>;

/// What was built over the cache.
enum Above {
    /// A provider in a cache of its own.
    Provider(Cache),
    /// What is asked for its credential by somebody else.
    Bridge(Box<dyn Fn() -> Received>),
}

type Received = std::pin::Pin<Box<dyn Future<Output = String>>>;

const TAKERS: &[(&str, CredentialKind, Take)] = &[
    ("AssumeRole", SIGNING, |agent, base| {
        let role = AssumeRole::builder("arn:aws:iam::123456789012:role/reader", base);
        above(agent, role.region("eu-west-1").build())
    }),
    ("CallerIdentityToken", SIGNING, |agent, base| {
        let audience =
            "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/a";
        let token = CallerIdentityToken::builder(audience, base);
        above(agent, token.region("eu-west-1").build())
    }),
    ("OutboundToken", SIGNING, |agent, base| {
        let token = OutboundToken::builder("https://api.example.com", base);
        above(agent, token.region("eu-west-1").build())
    }),
    ("aws::SdkCredentials", SIGNING, |_, keys| {
        use aws_credential_types::provider::ProvideCredentials;
        let bridge = aws::SdkCredentials::new(keys)?;
        let bridge = std::sync::Arc::new(bridge);
        Ok(bridged(move || {
            let bridge = std::sync::Arc::clone(&bridge);
            async move { shown(bridge.provide_credentials().await) }
        }))
    }),
    ("aws::ObjectStoreCredentials", SIGNING, |_, keys| {
        use object_store::CredentialProvider;
        let bridge = std::sync::Arc::new(aws::ObjectStoreCredentials::new(keys)?);
        Ok(bridged(move || {
            let bridge = std::sync::Arc::clone(&bridge);
            async move { shown(bridge.get_credential().await) }
        }))
    }),
    ("SigV4", SIGNING, |_, keys| {
        attached(
            keys,
            SigV4::builder("s3", "eu-west-1").build().map_err(text)?,
        )
    }),
    ("WebIdentity", BEARER, |agent, token| {
        let role = WebIdentity::builder(
            "arn:aws:iam::123456789012:role/reader",
            WebIdentityToken::subject(subject(token)),
        );
        above(agent, role.region("eu-west-1").build())
    }),
    ("azure::SdkCredentials", BEARER, |_, token| {
        use azure_core::credentials::TokenCredential;
        let bridge = azure::SdkCredentials::new(move |_| Ok(token.clone()));
        Ok(bridged(move || {
            let bridge = std::sync::Arc::clone(&bridge);
            async move {
                shown(
                    bridge
                        .get_token(&["https://vault.azure.net/.default"], None)
                        .await,
                )
            }
        }))
    }),
    ("azure::ObjectStoreCredentials", BEARER, |_, token| {
        use object_store::CredentialProvider;
        let bridge = std::sync::Arc::new(azure::ObjectStoreCredentials::new(token)?);
        Ok(bridged(move || {
            let bridge = std::sync::Arc::clone(&bridge);
            async move { shown(bridge.get_credential().await) }
        }))
    }),
    ("WorkloadIdentity", BEARER, |agent, token| {
        let identity = WorkloadIdentity::builder("https://vault.azure.net")
            .tenant_id(ID)
            .client_id(ID);
        above(agent, identity.assertion(subject(token)).build())
    }),
    ("ClientAssertion", BEARER, |agent, token| {
        above(
            agent,
            ClientAssertion::builder("https://vault.azure.net", ID, ID, subject(token)).build(),
        )
    }),
    ("gcp::SdkCredentials", BEARER, |_, token| {
        use google_cloud_auth::credentials::CredentialsProvider;
        let bridge = std::sync::Arc::new(gcp::SdkCredentials::new(token)?);
        Ok(bridged(move || {
            let bridge = std::sync::Arc::clone(&bridge);
            async move { shown(bridge.headers(http::Extensions::new()).await.map(|_| ())) }
        }))
    }),
    ("gcp::GcpAuthCredentials", BEARER, |_, token| {
        use gcp_auth::TokenProvider;
        let bridge = gcp::GcpAuthCredentials::new("project").serve(["scope"], token)?;
        Ok(bridged(move || {
            let bridge = bridge.clone();
            async move { shown(bridge.token(&["scope"]).await) }
        }))
    }),
    ("gcp::ObjectStoreCredentials", BEARER, |_, token| {
        use object_store::CredentialProvider;
        let bridge = std::sync::Arc::new(gcp::ObjectStoreCredentials::new(token)?);
        Ok(bridged(move || {
            let bridge = std::sync::Arc::clone(&bridge);
            async move { shown(bridge.get_credential().await) }
        }))
    }),
    ("Downscoped", BEARER, |agent, base| {
        let boundary = AccessBoundary::new([
            BoundaryRule::bucket("bucket").role("roles/storage.objectViewer")
        ])?;
        above(agent, Downscoped::builder(base, boundary).build())
    }),
    ("ExternalAccount", BEARER, |agent, token| {
        let audience =
            "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/o";
        above(
            agent,
            ExternalAccount::builder(audience)
                .scopes([SCOPE])
                .subject(subject(token))
                .build(),
        )
    }),
    ("ApplicationDefault", BEARER, |agent, token| {
        let found = ApplicationDefault::builder([SCOPE]).subject(subject(token));
        above(agent, found.build())
    }),
    ("Impersonated", BEARER, |agent, base| {
        let account = "reader@project.iam.gserviceaccount.com";
        above(
            agent,
            Impersonated::access_token(base, account, [SCOPE]).build(),
        )
    }),
    ("Basic", BEARER, |_, token| {
        attached(token, Basic::new("user").map_err(text)?)
    }),
    ("Bearer", BEARER, |_, token| attached(token, Bearer::new())),
    ("NamedHeader", BEARER, |_, token| {
        attached(token, NamedHeader::new("x-api-key").map_err(text)?)
    }),
    ("ClientCredentials", BEARER, |agent, token| {
        let client = ClientCredentials::builder("https://login.example.com/token", "client");
        above(agent, client.assertion(subject(token)).build())
    }),
];

#[test]
fn every_place_that_takes_text_refuses_the_wrong_kind() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let agent = agent();
        for &(name, takes, take) in TAKERS {
            // One whose provider states the wrong kind is refused when it is built …
            let wrong = agent.cache(Gives(other(takes))).build().unwrap();
            match take(&agent, wrong) {
                Err(error) => refused(name, takes, &error.to_string()),
                Ok(Above::Bridge(ask)) => refused(name, takes, &ask().await),
                Ok(Above::Provider(_)) => panic!("{name} takes the wrong kind"),
            }
            // … and one that turns out to give it, before a byte is sent.
            let turns = Chain::first(Absent(takes)).then(Gives(other(takes)));
            let turns = agent.cache(turns).build().unwrap();
            match take(&agent, turns).unwrap_or_else(|error| panic!("{name}: {error}")) {
                Above::Bridge(ask) => refused(name, takes, &ask().await),
                Above::Provider(_) if name == "ApplicationDefault" => {
                    // It asks for the subject only where a file is found: as `ExternalAccount`, which it makes then.
                }
                Above::Provider(cache) => {
                    let error = cache.get().await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{name}: {error}");
                    refused(name, takes, &shown::<(), _>(Err(error)));
                }
            }
        }
    });
}

fn refused(name: &str, takes: CredentialKind, text: &str) {
    let why = match takes {
        CredentialKind::SigningKey => "nothing can be signed with one",
        _ => "signing keys, which are never sent",
    };
    assert!(text.contains(why), "{name}: {text}");
    assert!(!text.contains("canary"), "{name} shows the secret: {text}");
}

#[test]
fn every_place_that_takes_text_is_listed() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut sources = Vec::new();
    files(&crates, &mut sources);
    assert!(sources.len() > 300, "{} files", sources.len());

    let mut found = BTreeSet::new();
    for path in sources {
        let name = path
            .strip_prefix(&crates)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        // The engine, and what looks at providers from outside.
        let apart = [
            "keytide-core/",
            "keytide-testkit/",
            "keytide-bench/",
            "keytide-cli/",
            "keytide-sim/",
        ];
        let is_test = name.contains("/tests") || !name.contains("/src/");
        if is_test || apart.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let code = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let ways = [".expose_bearer(", ".share_bearer(", ".expose_signing_key("];
        if code
            .into_iter()
            .any(|line| ways.iter().any(|way| line.contains(way)))
        {
            found.insert(name);
        }
    }

    let listed: BTreeSet<String> = PLACES.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(
        found, listed,
        "left: where text is taken; right: what is listed here"
    );
    let tried: BTreeSet<&str> = TAKERS.iter().map(|(name, ..)| *name).collect();
    let named: BTreeSet<&str> = PLACES
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    assert_eq!(tried, named);
}

fn files(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Gives credentials of a kind.
struct Gives(CredentialKind);

impl ProvideCredential for Gives {
    fn profile(&self) -> Profile {
        profile(self.0)
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let issued = match self.0 {
            CredentialKind::SigningKey => {
                Issued::signing_key("AKIAEXAMPLE", "canary-secret".to_owned())
                    .session_token("canary-session".to_owned())
            }
            _ => Issued::bearer("canary-token".to_owned()),
        };
        Ok(issued.expires_in(std::time::Duration::from_secs(900)))
    }
}

/// Is not configured.
struct Absent(CredentialKind);

impl ProvideCredential for Absent {
    fn profile(&self) -> Profile {
        profile(self.0)
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Err(Error::not_configured("it is not here"))
    }
}

fn profile(kind: CredentialKind) -> Profile {
    match kind {
        CredentialKind::SigningKey => Profile::signing_key("keys"),
        _ => Profile::bearer("tokens"),
    }
}

fn above<P: ProvideCredential, E: std::fmt::Display>(
    agent: &Agent,
    provider: Result<P, E>,
) -> Result<Above, Error> {
    agent
        .cache(provider.map_err(text)?)
        .build()
        .map(Above::Provider)
}

fn attached(cache: Cache, attach: impl keytide_http::Attach) -> Result<Above, Error> {
    use tower::{Layer, ServiceExt};
    let layer = AuthorizeLayer::builder(cache)
        .destination("https://api.example.com")
        .attach(attach);
    let layer = layer.build().map_err(text)?;
    Ok(bridged(move || {
        let sent = tower::service_fn(
            |_: http::Request<http_body_util::Empty<bytes::Bytes>>| async {
                panic!("a byte is sent");
                #[expect(unreachable_code, reason = "the type of the answer")]
                Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<
                    bytes::Bytes,
                >::new()))
            },
        );
        let request =
            http::Request::get("https://api.example.com/").body(http_body_util::Empty::new());
        let service = layer.layer(sent);
        async move { shown(service.oneshot(request.unwrap()).await.map(|_| ())) }
    }))
}

fn bridged<F: Future<Output = String> + 'static>(ask: impl Fn() -> F + 'static) -> Above {
    Above::Bridge(Box::new(move || Box::pin(ask())))
}

/// All that an error shows.
fn shown<T, E: Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "it was given".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

fn text(error: impl std::fmt::Display) -> Error {
    Error::misconfigured(error.to_string())
}

fn subject(cache: Cache) -> Subject {
    Subject::new(cache, SubjectUse::Repeatable)
}

fn other(kind: CredentialKind) -> CredentialKind {
    match kind {
        CredentialKind::SigningKey => BEARER,
        _ => SIGNING,
    }
}

fn agent() -> Agent {
    let identity = AgentIdentity {
        agent_type: "kinds".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity).build().unwrap()
}

const SIGNING: CredentialKind = CredentialKind::SigningKey;
const BEARER: CredentialKind = CredentialKind::BearerToken;
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_only";
const ID: &str = "11111111-2222-3333-4444-555555555555";
