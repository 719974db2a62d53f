//! What every provider must do, over every fault.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keytide_azure::{ClientAssertion, ManagedIdentity};
use keytide_core::{
    Agent, Error, ErrorKind, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_testkit::azure::{AppService, Arc, Entra, Imds, assertion};
use keytide_testkit::conformance::{self, Expires, HttpFixture, Outcome};
use keytide_testkit::server::{Fault, Received, Reply};
use serde_json::json;

use crate::{
    AUDIENCE, CLIENT, ISSUER, SUBJECT, TENANT, VAULT, agent, client, nothing, now, variables,
};

const REFUSED: Outcome = Outcome::Error(&[ErrorKind::Refused]);

/// A whole second in half a day.
fn end() -> SystemTime {
    let end = (now() + Duration::from_secs(11 * 3600)).duration_since(UNIX_EPOCH);
    UNIX_EPOCH + Duration::from_secs(end.unwrap().as_secs())
}

/// After whatever the suite's clock shows.
fn far() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(2_100_000_000)
}

fn no() -> Fault {
    let body = json!({ "error": "invalid_request", "error_description": "{canary}" });
    Fault::answer("no", Reply::json(400, &body), REFUSED)
}

/// `expires_on` is an instant: what is a lifetime elsewhere is long past here.
fn of_instants<P>(fixture: HttpFixture<P>, end: SystemTime) -> HttpFixture<P> {
    let past = Outcome::Error(&[ErrorKind::Unavailable]);
    fixture
        .expires(Expires::At(end))
        .refusing(no())
        .expecting("lifetime-fraction", past)
        .expecting("lifetime-missing", past)
        .expecting("lifetime-null", past)
}

#[test]
fn imds() {
    let end = end();
    let report = conformance::check(move || {
        let good = Imds::new()
            .lifetime(Duration::from_secs(11 * 3600))
            .expires_at(end)
            .good();
        let fixture = HttpFixture::start(good, |server| {
            let provider = ManagedIdentity::builder(VAULT).imds_endpoint(server.origin());
            provider.env(nothing()).build().unwrap()
        });
        of_instants(fixture, end)
    });

    println!("{report}");
    report.assert_all_but(&["no-clock", "sort-not-configured"]);
}

#[test]
fn app_service() {
    let end = end();
    let report = conformance::check(move || {
        let service = AppService::new("header-of-the-conforming-app");
        let good = service
            .lifetime(Duration::from_secs(11 * 3600))
            .expires_at(end)
            .good();
        let fixture = HttpFixture::start(good, |server| {
            let endpoint = server.url("/msi/token");
            ManagedIdentity::builder(VAULT)
                .env(variables(&[
                    ("IDENTITY_ENDPOINT", &endpoint),
                    ("IDENTITY_HEADER", "header-of-the-conforming-app"),
                ]))
                .build()
                .unwrap()
        });
        of_instants(fixture, end).secret("header-of-the-conforming-app")
    });

    println!("{report}");
    report.assert_all_but(&["no-clock", "sort-not-configured"]);
}

#[test]
fn workload_identity() {
    let report = conformance::check(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let end = far();
        std::fs::write(file.path(), assertion(ISSUER, SUBJECT, AUDIENCE, end)).unwrap();
        let good = Entra::new(TENANT).federated(CLIENT, ISSUER, SUBJECT).good();
        let unconfigured = || {
            let provider = keytide_azure::WorkloadIdentity::builder(VAULT);
            provider.env(nothing()).build().unwrap()
        };
        HttpFixture::start_tls(good, move |server, ca| {
            keytide_azure::WorkloadIdentity::builder(VAULT)
                .tenant_id(TENANT)
                .client_id(CLIENT)
                .token_file(file.path())
                .authority(server.origin())
                .client(client(ca))
                .build()
                .unwrap()
        })
        .refusing_oauth()
        .not_configured(unconfigured)
        .expecting(
            "lifetime-missing",
            Outcome::Error(&[ErrorKind::Unavailable]),
        )
        .expecting("lifetime-null", Outcome::Error(&[ErrorKind::Unavailable]))
    });

    println!("{report}");
    report.assert_all_but(&[]);
}

/// Gives one assertion for the whole test.
struct Vouching(String);

impl ProvideCredential for Vouching {
    fn profile(&self) -> Profile {
        Profile::bearer("vouching")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Ok(Issued::bearer(self.0.clone()).expires_in(Duration::from_secs(3600)))
    }
}

#[test]
fn client_assertion() {
    let report = conformance::check(|| {
        let good = Entra::new(TENANT).federated(CLIENT, ISSUER, SUBJECT).good();
        let agent: Agent = agent();
        HttpFixture::start_tls(good, move |server, ca| {
            let end = far();
            let vouching = Vouching(assertion(ISSUER, SUBJECT, AUDIENCE, end));
            let identity = agent.cache(vouching).build().unwrap();
            let subject = Subject::new(identity, SubjectUse::Repeatable);
            ClientAssertion::builder(VAULT, TENANT, CLIENT, subject)
                .authority(server.origin())
                .client(client(ca))
                .build()
                .unwrap()
        })
        .refusing_oauth()
        .expecting(
            "lifetime-missing",
            Outcome::Error(&[ErrorKind::Unavailable]),
        )
        .expecting("lifetime-null", Outcome::Error(&[ErrorKind::Unavailable]))
    });

    println!("{report}");
    report.assert_all_but(&["sort-not-configured"]);
}

#[test]
fn arc() {
    let end = end();
    let report = conformance::check(move || {
        let keys = tempfile::tempdir().unwrap();
        let good = Arc::new(keys.path())
            .lifetime(Duration::from_secs(11 * 3600))
            .expires_at(end)
            .good();
        let directory = keys.path().to_owned();
        let fixture = HttpFixture::start(good, move |server| {
            let _kept = &keys;
            let endpoint = server.url("/metadata/identity/oauth2/token");
            ManagedIdentity::builder(VAULT)
                .arc_key_directory(&directory)
                .env(variables(&[
                    ("IDENTITY_ENDPOINT", &endpoint),
                    ("IMDS_ENDPOINT", "x"),
                ]))
                .build()
                .unwrap()
        });
        of_instants(fixture, end)
            .counting(|asked: &Received| asked.header("authorization").is_some())
    });

    println!("{report}");
    report.assert_all_but(&["no-clock", "sort-not-configured"]);
}
