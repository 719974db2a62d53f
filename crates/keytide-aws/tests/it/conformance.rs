//! What every provider must do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use keytide_aws::{
    AssumeRole, CallerIdentityToken, ContainerEndpoint, CredentialProcess, DefaultRole, Env, Imds,
    OutboundToken, WebIdentity, WebIdentityToken,
};
use keytide_core::{Agent, Cache, Clock, ErrorKind, SystemClock};
use keytide_testkit::aws::{Container, Instance, Sts, refusal};
use keytide_testkit::conformance::{
    self, BadAnswer, Condition, Expires, Fixture, HttpFixture, Outcome,
};
use keytide_testkit::server::{Fault, FaultServer, Received, Reply};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{ROLE, agent, client, container};

/// Longer than a clock of the suite is off.
const LONG: Duration = Duration::from_secs(4 * 3600);
const NO: Outcome = Outcome::Error(&[ErrorKind::Refused]);

#[test]
fn imds_does_what_every_provider_must() {
    let keys = |asked: &Received| asked.path().ends_with("/instance-role");
    let report = conformance::check(move || {
        HttpFixture::start(Instance::new("conf-imds-"), |server| {
            Imds::new()
                .endpoint(server.origin())
                .env(none())
                .client(client())
        })
        .counting(keys)
        .secret("conf-imds-secret-")
        .secret("conf-imds-session-")
        .secret("conf-imds-metadata-")
        .expires(in_hours(6))
        .refusing(Fault::answer(
            "no",
            Reply::json(
                200,
                &json!({"Code": "AssumeRoleUnauthorizedAccess", "Message": "{canary}"}),
            ),
            NO,
        ))
        .not_configured(|| Imds::new().env(Env::of([("AWS_EC2_METADATA_DISABLED", "true")])))
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
            .not_configured(|| ContainerEndpoint::new().env(none()))
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
            WebIdentity::builder(ROLE, WebIdentityToken::file(&path))
                .region("eu-west-1")
                .endpoint_url(server.origin())
                .env(none())
                .client(client())
                .build()
                .unwrap()
        })
        .secret("conf-web-secret-")
        .secret("conf-web-session-")
        .secret("conf-web-token.claims")
        .expires(in_hours(4))
        .refusing(Fault::answer("no", refusal(403, "IDPRejectedClaim"), NO))
        .not_configured(|| WebIdentity::new().env(none()))
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
                .env(none())
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
                .env(none())
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

#[test]
fn the_default_role_does_what_every_provider_must() {
    let report = conformance::check(|| {
        HttpFixture::start(Container::new("conf-default-"), |server| {
            let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/role"))];
            DefaultRole::new().env(Env::of(variables)).client(client())
        })
        .secret("conf-default-secret-")
        .secret("conf-default-session-")
        .expires(in_hours(6))
        .refusing(Fault::answer(
            "no",
            Reply::json(
                400,
                &json!({"code": "InvalidIdInRequest", "message": "{canary}"}),
            ),
            NO,
        ))
        .not_configured(|| {
            let variables = Env::of([("AWS_EC2_METADATA_DISABLED", "true")]);
            DefaultRole::new().env(variables)
        })
    });

    println!("{report}");
    report.assert_all_but(&["no-clock"]);
}

/// A command that prints a file, and what the file holds.
struct Script {
    directory: TempDir,
    ends: AtomicU64,
}

impl Script {
    fn new() -> Self {
        let script = Self {
            directory: tempfile::tempdir().unwrap(),
            ends: AtomicU64::new(0),
        };
        script.put(&Condition::Healthy).unwrap();
        script
    }

    fn print(&self, text: &str, code: u8) {
        let (output, fresh) = (
            self.directory.path().join("output"),
            self.directory.path().join("fresh"),
        );
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, output).unwrap();
        std::fs::write(self.directory.path().join("code"), code.to_string()).unwrap();
    }
}

impl Fixture for Script {
    type Provider = CredentialProcess;

    fn provider(&self) -> CredentialProcess {
        let directory = self.directory.path().display().to_string();
        CredentialProcess::new(format!(
            "cat '{directory}/output'; echo conf-proc-said >&2; exit $(cat '{directory}/code')"
        ))
    }

    fn put(&self, condition: &Condition) -> Result<(), String> {
        match condition {
            Condition::Healthy => {
                let ends = now() + Duration::from_secs(3600);
                let seconds = ends.duration_since(UNIX_EPOCH).unwrap().as_secs();
                self.ends.store(seconds, Ordering::Relaxed);
                let ends = DateTime::from_secs(i64::try_from(seconds).unwrap())
                    .fmt(Format::DateTime)
                    .unwrap();
                let number = KEYS.fetch_add(1, Ordering::Relaxed);
                let json = json!({
                    "Version": 1,
                    "AccessKeyId": format!("ASIAPROC{number}"),
                    "SecretAccessKey": format!("conf-proc-secret-{number:04}"),
                    "SessionToken": format!("conf-proc-session-{number:04}"),
                    "Expiration": ends,
                });
                self.print(&json.to_string(), 0);
            }
            Condition::Down => self.print("", 1),
            Condition::Bad(name) if name == "canary" => self.print("conf-proc-output", 0),
            Condition::Bad(_) => self.print(r#"{"Version":1,"AccessKeyId":"conf-proc-output"}"#, 0),
            _ => return Err("a command prints keys, or fails".to_owned()),
        }
        Ok(())
    }

    fn calls(&self) -> Option<u64> {
        None
    }

    fn secrets(&self) -> Vec<String> {
        vec![
            "conf-proc-secret-".to_owned(),
            "conf-proc-session-".to_owned(),
            "conf-proc-said".to_owned(),
        ]
    }

    fn expires(&self) -> Expires {
        Expires::At(UNIX_EPOCH + Duration::from_secs(self.ends.load(Ordering::Relaxed)))
    }

    fn bad_answers(&self) -> Vec<BadAnswer> {
        let unavailable = Outcome::Error(&[ErrorKind::Unavailable]);
        ["canary", "half"]
            .map(|name| BadAnswer::new(name, unavailable))
            .into()
    }

    fn body_canaries(&self) -> Vec<String> {
        vec!["conf-proc-output".to_owned()]
    }
}

#[test]
fn a_command_does_what_every_provider_must() {
    let report = conformance::check(Script::new);

    println!("{report}");
    report.assert_all_but(&[
        // A command has no calls that could be counted, and does not say why it fails.
        "no-retry",
        "no-clock",
        "dropped-ends",
        "sort-throttled",
        "retry-after",
        "sort-refused",
        "sort-not-configured",
        "stops-reading",
    ]);
}

/// Signs with keys that are always there.
struct Signing(Platform);

impl Fixture for Signing {
    type Provider = CallerIdentityToken;

    fn provider(&self) -> CallerIdentityToken {
        CallerIdentityToken::builder("//iam.googleapis.com/p", self.0.keys.clone())
            .region("eu-west-1")
            .env(none())
            .build()
            .unwrap()
    }

    fn put(&self, condition: &Condition) -> Result<(), String> {
        match condition {
            Condition::Healthy => Ok(()),
            _ => Err("nobody is asked".to_owned()),
        }
    }

    fn calls(&self) -> Option<u64> {
        None
    }

    fn secrets(&self) -> Vec<String> {
        vec![
            "conf-gcp-secret-".to_owned(),
            "conf-gcp-session-".to_owned(),
        ]
    }

    fn expires(&self) -> Expires {
        Expires::In(Duration::from_secs(300))
    }
}

#[test]
fn a_caller_identity_token_does_what_every_provider_must() {
    let report = conformance::check(|| Signing(Platform::new("conf-gcp-")));

    println!("{report}");
    // What there is no issuer for does not run, and its base lives by another clock than the suite's.
    let failed: Vec<_> = report
        .failed()
        .into_iter()
        .filter(|name| {
            ![
                "recovers",
                "keeps-credential",
                "no-busy-loop",
                "error-text",
                "no-clock",
            ]
            .contains(name)
        })
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    let passed = report
        .checks()
        .iter()
        .filter(|check| *check.verdict() == conformance::Verdict::Passed)
        .count();
    assert!(passed >= 14, "{passed} checks passed");
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

fn none() -> Env {
    Env::of::<String, String>([])
}

fn now() -> SystemTime {
    SystemClock::default().wall()
}

fn in_hours(hours: u64) -> Expires {
    Expires::At(now() + Duration::from_secs(hours * 3600))
}

/// Each key is given once in this process.
static KEYS: AtomicU64 = AtomicU64::new(0);
