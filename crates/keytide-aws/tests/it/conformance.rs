//! What every provider must do.

use std::time::{Duration, SystemTime};

use keytide_aws::{AssumeRole, ContainerEndpoint, Imds, OutboundToken, Variables, WebIdentity};
use keytide_core::{Agent, Cache, Clock, ErrorKind, SystemClock};
use keytide_testkit::aws::{Container, Instance, Sts, refusal};
use keytide_testkit::conformance::{self, Expires, HttpFixture, Outcome};
use keytide_testkit::server::{Asked, Fault, FaultServer, Reply};
use serde_json::json;

use crate::support::{ROLE, agent, client, container};

/// Longer than a clock of the suite is off.
const LONG: Duration = Duration::from_secs(4 * 3600);
const NO: Outcome = Outcome::Error(&[ErrorKind::Refused]);

#[test]
fn imds_does_what_every_provider_must() {
    let keys = |asked: &Asked| asked.path().ends_with("/instance-role");
    let report = conformance::check(move || {
        HttpFixture::start(Instance::new("conf-imds-"), |server| {
            Imds::new()
                .endpoint(server.origin())
                .variables(none())
                .client(client())
        })
        .counting(keys)
        .secret("conf-imds-secret-")
        .secret("conf-imds-session-")
        .secret("conf-imds-metadata-")
        // That is how the service says that there is no role.
        .expecting("404-html", Outcome::Error(&[ErrorKind::NotConfigured]))
        .expires(in_hours(6))
        .refusing(Fault::answer(
            "no",
            Reply::json(
                200,
                &json!({"Code": "AssumeRoleUnauthorizedAccess", "Message": "{canary}"}),
            ),
            NO,
        ))
        .not_configured(|| {
            Imds::new().variables(Variables::of([("AWS_EC2_METADATA_DISABLED", "true")]))
        })
    });

    println!("{report}");
    // STS and its like name an instant.
    report.assert_all_but(&["no-clock"]);
}

#[test]
fn a_container_endpoint_does_what_every_provider_must() {
    let report = conformance::check(|| {
        HttpFixture::start(Container::new("conf-cont-"), container)
            .secret("conf-cont-secret-")
            .secret("conf-cont-session-")
            .expires(in_hours(6))
            .refusing(Fault::answer(
                "no",
                Reply::json(
                    400,
                    &json!({"code": "InvalidIdInRequest", "message": "{canary}"}),
                ),
                NO,
            ))
            .not_configured(|| ContainerEndpoint::new().variables(none()))
    });

    println!("{report}");
    // STS and its like name an instant.
    report.assert_all_but(&["no-clock"]);
}

#[test]
fn web_identity_does_what_every_provider_must() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "conf-web-token.claims.signature").unwrap();
    let report = conformance::check(move || {
        let path = path.clone();
        HttpFixture::start(Sts::new("conf-web-").lifetime(LONG), move |server| {
            WebIdentity::file(ROLE, &path)
                .region("eu-west-1")
                .endpoint_url(server.origin())
                .variables(none())
                .client(client())
                .build()
                .unwrap()
        })
        .secret("conf-web-secret-")
        .secret("conf-web-session-")
        .secret("conf-web-token.claims")
        .expires(in_hours(4))
        .refusing(Fault::answer("no", refusal(403, "IDPRejectedClaim"), NO))
        .not_configured(|| WebIdentity::from_environment().variables(none()))
    });

    println!("{report}");
    // STS and its like name an instant.
    report.assert_all_but(&["no-clock"]);
}

#[test]
fn assume_role_does_what_every_provider_must() {
    let platform = Platform::new("conf-role-base-");
    let report = conformance::check(move || {
        let keys = platform.keys.clone();
        HttpFixture::start(Sts::new("conf-role-").lifetime(LONG), move |server| {
            AssumeRole::builder(ROLE, keys.clone())
                .region("eu-west-1")
                .endpoint_url(server.origin())
                .variables(none())
                .client(client())
                .build()
                .unwrap()
        })
        .secret("conf-role-secret-")
        .secret("conf-role-session-")
        .secret("conf-role-base-")
        .expires(in_hours(4))
        .refusing(Fault::answer("no", refusal(403, "AccessDenied"), NO))
    });

    println!("{report}");
    // A provider that is given its base is configured.
    report.assert_all_but(&["no-clock", "sort-not-configured"]);
}

#[test]
fn an_outbound_token_does_what_every_provider_must() {
    let platform = Platform::new("conf-out-base-");
    let report = conformance::check(move || {
        let keys = platform.keys.clone();
        HttpFixture::start(Sts::new("conf-out-"), move |server| {
            OutboundToken::builder("https://api.example.com", keys.clone())
                .region("eu-west-1")
                .endpoint_url(server.origin())
                .variables(none())
                .client(client())
                .build()
                .unwrap()
        })
        .secret("conf-out-token-")
        // Its token would have expired by that clock.
        .expecting("date-2h-ahead", Outcome::Error(&[ErrorKind::Unavailable]))
        .secret("conf-out-base-")
        .expires(Expires::At(now() + Duration::from_secs(300)))
        .refusing(Fault::answer(
            "no",
            refusal(400, "OutboundWebIdentityFederationDisabled"),
            NO,
        ))
    });

    println!("{report}");
    report.assert_all_but(&["no-clock", "sort-not-configured"]);
}

/// A base of keys that is always well.
struct Platform {
    keys: Cache,
    _agent: Agent,
    _server: FaultServer,
}

impl Platform {
    fn new(prefix: &str) -> Self {
        let server = FaultServer::start(Container::new(prefix));
        let agent = agent();
        Self {
            keys: agent.cache(container(&server)).build().unwrap(),
            _agent: agent,
            _server: server,
        }
    }
}

fn none() -> Variables {
    Variables::of::<String, String>([])
}

fn now() -> SystemTime {
    SystemClock::default().wall()
}

fn in_hours(hours: u64) -> Expires {
    Expires::At(now() + Duration::from_secs(hours * 3600))
}
