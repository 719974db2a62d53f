//! What every provider must do, of every provider here.

use keytide_core::ErrorKind::Refused;
use keytide_core::{
    Cache, Error, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_gcp::{
    AccessBoundary, ApplicationDefault, BoundaryRule, Downscoped, Env, Impersonated,
    MetadataServer, ServiceAccountKey, UserCredentials,
};
use keytide_testkit::conformance::{self, Fixture, HttpFixture, Outcome};
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{Fault, FaultServer, Reply};
use keytide_testkit::{Answer, ScriptedProvider};
use serde_json::json;

use crate::support::{STORAGE, TARGET, agent, federated, key, metadata};

fn run<F: Fixture>(make: impl Fn() -> F + Send + Sync + 'static, not_applicable: &[&str]) {
    let report = conformance::check(make);
    println!("{report}");
    report.assert_all_but(not_applicable);
}

/// A base token, of nobody's server but this one.
fn base(server: &FaultServer) -> Cache {
    agent()
        .cache(metadata(server).build().unwrap())
        .build()
        .unwrap()
}

fn subject() -> Subject {
    let (provider, _) = ScriptedProvider::new(Answer::token(std::time::Duration::from_secs(900)));
    Subject::new(
        agent().cache(provider).build().unwrap(),
        SubjectUse::Repeatable,
    )
}

fn metadata_says_no() -> Fault {
    let reply = Reply::new(403)
        .header("metadata-flavor", "Google")
        .body("{canary}");
    Fault::answer("metadata-403", reply, Outcome::Error(&[Refused]))
}

fn api_says_no() -> Fault {
    let body =
        json!({ "error": { "code": 403, "status": "PERMISSION_DENIED", "message": "{canary}" } });
    Fault::answer(
        "permission-denied",
        Reply::json(403, &body),
        Outcome::Error(&[Refused]),
    )
}

fn off() -> Env {
    Env::of([
        ("NO_GCE_CHECK", "true"),
        ("GCE_METADATA_HOST", "127.0.0.1:1"),
    ])
}

#[test]
fn the_metadata_server_does_what_every_provider_must() {
    let make = || {
        HttpFixture::start(Google::new().good(), |server| {
            metadata(server).build().unwrap()
        })
        .refusing(metadata_says_no())
        .not_configured(|| {
            MetadataServer::access_token([STORAGE])
                .env(off())
                .build()
                .unwrap()
        })
    };
    run(make, &[]);
}

#[test]
fn an_external_account_does_what_every_provider_must() {
    let make = || {
        HttpFixture::start(Google::new().good(), |server| {
            federated(server).subject(subject()).build().unwrap()
        })
        .refusing_oauth()
    };
    run(make, ALWAYS_CONFIGURED);
}

/// The API gives an instant, by the machine's clock: a server whose `Date` is hours ahead says with it that this is past.
const DATED: (&str, Outcome) = ("date-2h-ahead", Outcome::Either);

#[test]
fn an_external_account_that_impersonates_does_what_every_provider_must() {
    let make = || {
        let google = Google::new();
        let issuers = google.start();
        HttpFixture::start(google.good_iam(), move |server| {
            let builder = federated(&issuers).subject(subject()).impersonate(TARGET);
            let builder = builder.impersonation_endpoint(server.origin());
            builder
                .danger_allow_endpoint(server.origin())
                .build()
                .unwrap()
        })
        .expecting(DATED.0, DATED.1)
        .refusing(api_says_no())
    };
    run(make, INSTANTS);
}

#[test]
fn an_impersonated_account_does_what_every_provider_must() {
    let make = || {
        let google = Google::new();
        let issuers = google.start();
        HttpFixture::start(google.good_iam(), move |server| {
            let builder = Impersonated::access_token(base(&issuers), TARGET, [STORAGE]);
            let builder = builder
                .endpoint(server.origin())
                .danger_allow_endpoint(server.origin());
            builder.build().unwrap()
        })
        .expecting(DATED.0, DATED.1)
        .refusing(api_says_no())
    };
    run(make, INSTANTS);
}

#[test]
fn a_downscoped_token_does_what_every_provider_must() {
    let make = || {
        let google = Google::new().tells_downscoped();
        let issuers = google
            .clone()
            .lifetime(std::time::Duration::from_secs(7200))
            .start();
        HttpFixture::start(google.good(), move |server| {
            let rule = BoundaryRule::bucket("invoices").role("roles/storage.objectViewer");
            let builder = Downscoped::builder(base(&issuers), AccessBoundary::new([rule]).unwrap());
            let builder = builder.token_url(server.url("/v1/token"));
            builder
                .danger_allow_endpoint(server.origin())
                .build()
                .unwrap()
        })
        .refusing_oauth()
        // Where nothing is said the token ends with its base, and so it does where too much is said.
        .expecting("lifetime-u64-max", Outcome::Either)
        .expecting("lifetime-ten-years", Outcome::Either)
    };
    run(make, ALWAYS_CONFIGURED);
}

/// A provider whose static input was allowed: the suite builds caches that do not.
#[derive(Debug)]
struct Allowed<P>(P);

impl<P: ProvideCredential> ProvideCredential for Allowed<P> {
    fn profile(&self) -> Profile {
        Profile::bearer("allowed").issuer("https://oauth2.googleapis.com")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.0.provide(request).await
    }
}

#[test]
fn a_key_does_what_every_provider_must() {
    let make = || {
        HttpFixture::start(Google::new().forgives_clocks().good(), |server| {
            let builder = ServiceAccountKey::danger_from_json(key(server).to_string());
            let builder = builder
                .scopes([STORAGE])
                .danger_allow_endpoint(server.origin());
            Allowed(builder.build().unwrap())
        })
        .refusing_oauth()
    };
    run(make, ALWAYS_CONFIGURED);
}

#[test]
fn a_login_does_what_every_provider_must() {
    let directory = tempfile::tempdir().unwrap();
    let login = json!({
        "type": "authorized_user", "client_id": "client",
        "client_secret": "the-client-secret", "refresh_token": "1//the-refresh-token",
    });
    let path = crate::support::write(directory.path(), "login", login);
    let make = move || {
        let path = path.clone();
        HttpFixture::start(Google::new().good(), move |server| {
            let builder = UserCredentials::danger_from_file(&path, [STORAGE]);
            let builder = builder.token_uri(server.url("/token"));
            Allowed(
                builder
                    .danger_allow_endpoint(server.origin())
                    .build()
                    .unwrap(),
            )
        })
        .refusing_oauth()
    };
    run(make, ALWAYS_CONFIGURED);
}

#[test]
fn application_defaults_do_what_every_provider_must() {
    let make = || {
        HttpFixture::start(Google::new().good(), |server| {
            let variables = [("GCE_METADATA_HOST", server.address().to_string())];
            let builder = ApplicationDefault::builder([STORAGE]);
            builder.env(Env::of(variables)).build().unwrap()
        })
        .refusing(metadata_says_no())
        .not_configured(|| {
            ApplicationDefault::builder([STORAGE])
                .env(off())
                .build()
                .unwrap()
        })
    };
    run(make, &[]);
}

const ALWAYS_CONFIGURED: &[&str] = &["sort-not-configured"];
/// What names an instant needs no clock, and the suite cannot read it.
const INSTANTS: &[&str] = &["sort-not-configured", "expiry", "no-clock"];
