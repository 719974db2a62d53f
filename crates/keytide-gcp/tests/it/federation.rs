//! Federations: errors by table, recovery, subjects that change, and where tokens must not go.

use std::time::Duration;

use tokio::time::Instant;

use keytide_core::ErrorKind::{self, Misconfigured, Refused, Throttled, Unavailable};
use keytide_core::{Subject, SubjectUse};
use keytide_gcp::{ExternalAccount, ExternalAccountConfig, MetadataServer, SubjectTokenType};
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{Fault, FaultServer, Outcome, Reply};
use keytide_testkit::{Answer, ScriptedProvider};
use serde_json::{Value, json};

use crate::support::{API, NEVER, POOL, STORAGE, TARGET, agent, cache, federated, token, write};

fn oauth(status: u16, code: &str) -> Fault {
    let body = json!({ "error": code, "error_description": "canary", "error_uri": "https://canary.example" });
    Fault::answer("oauth", Reply::json(status, &body), Outcome::Either)
}

fn api(code: u16, status: &str, reason: Option<&str>) -> Fault {
    let details: Vec<Value> = reason
        .iter()
        .map(|reason| json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason }))
        .collect();
    let body = json!({ "error": { "code": code, "status": status, "message": "canary", "details": details } });
    Fault::answer("api", Reply::json(code, &body), Outcome::Either)
}

async fn error_of(fault: Fault, at: &'static str) -> keytide_core::Error {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "subject", "subject-1");
    let server = Google::new().start();
    server.faults_only(move |asked| asked.path().contains(at));
    server.set(fault);
    let provider = federated(&server)
        .subject_file(file)
        .impersonate(TARGET)
        .impersonation_endpoint(server.origin())
        .build();
    cache(provider.unwrap()).get().await.unwrap_err()
}

#[tokio::test]
async fn errors_of_sts_are_of_the_right_sort() {
    for (fault, kind, words) in [
        (oauth(400, "invalid_grant"), Refused, "invalid_grant"),
        (oauth(400, "invalid_target"), Refused, "invalid_target"),
        (oauth(400, "invalid_request"), Refused, "invalid_request"),
        (oauth(400, "invalid_scope"), Refused, "invalid_scope"),
        (oauth(401, "invalid_client"), Refused, "invalid_client"),
        (
            oauth(403, "unauthorized_client"),
            Refused,
            "unauthorized_client",
        ),
        (oauth(403, "access_denied"), Refused, "access_denied"),
        (
            oauth(400, "unsupported_grant_type"),
            Refused,
            "unsupported_grant_type",
        ),
        (oauth(500, "server_error"), Unavailable, "server_error"),
        (
            oauth(500, "internal_failure"),
            Unavailable,
            "internal_failure",
        ),
        (
            oauth(503, "temporarily_unavailable"),
            Unavailable,
            "temporarily_unavailable",
        ),
        (oauth(400, "slow_down"), Throttled, "slow_down"),
        (oauth(400, "canary"), Unavailable, "400"),
        (oauth(200, "invalid_grant"), Refused, "invalid_grant"),
        (
            api(403, "PERMISSION_DENIED", None),
            Refused,
            "PERMISSION_DENIED",
        ),
        (
            api(403, "PERMISSION_DENIED", Some("SERVICE_DISABLED")),
            Refused,
            "SERVICE_DISABLED",
        ),
        (
            api(429, "RESOURCE_EXHAUSTED", Some("RATE_LIMIT_EXCEEDED")),
            Throttled,
            "RATE_LIMIT_EXCEEDED",
        ),
        (api(503, "UNAVAILABLE", None), Unavailable, "UNAVAILABLE"),
        (Fault::status(403), Unavailable, "403"),
        (Fault::status(429), Throttled, "429"),
        (Fault::status(404), Unavailable, "404"),
    ] {
        let error = error_of(fault, "/v1/token").await;

        let text = format!("{error} {error:?}");
        assert_eq!(error.kind(), kind, "{text}");
        assert!(
            text.contains(words) && !text.contains("canary"),
            "{words}: {text}"
        );
    }
}

#[tokio::test]
async fn errors_of_the_iam_credentials_api_are_of_the_right_sort() {
    for (fault, kind, words) in [
        (
            api(403, "PERMISSION_DENIED", Some("IAM_PERMISSION_DENIED")),
            Refused,
            "IAM_PERMISSION_DENIED",
        ),
        (
            api(403, "PERMISSION_DENIED", Some("canary")),
            Refused,
            "PERMISSION_DENIED",
        ),
        (
            api(
                403,
                "PERMISSION_DENIED",
                Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
            ),
            Refused,
            "scope",
        ),
        (
            api(403, "PERMISSION_DENIED", Some("SERVICE_DISABLED")),
            Refused,
            "enable the API iamcredentials.googleapis.com in",
        ),
        (api(404, "NOT_FOUND", None), Refused, "NOT_FOUND"),
        (
            api(400, "INVALID_ARGUMENT", None),
            Refused,
            "INVALID_ARGUMENT",
        ),
        (
            api(400, "FAILED_PRECONDITION", None),
            Refused,
            "FAILED_PRECONDITION",
        ),
        (
            api(401, "UNAUTHENTICATED", None),
            Refused,
            "UNAUTHENTICATED",
        ),
        (
            api(401, "UNAUTHENTICATED", Some("ACCESS_TOKEN_EXPIRED")),
            Refused,
            "ACCESS_TOKEN_EXPIRED",
        ),
        (
            api(401, "UNAUTHENTICATED", Some("ACCOUNT_STATE_INVALID")),
            Refused,
            "ACCOUNT_STATE_INVALID",
        ),
        (
            api(
                401,
                "UNAUTHENTICATED",
                Some("ACCESS_TOKEN_TYPE_UNSUPPORTED"),
            ),
            Refused,
            "TYPE_UNSUPPORTED",
        ),
        (
            api(429, "RESOURCE_EXHAUSTED", None),
            Throttled,
            "RESOURCE_EXHAUSTED",
        ),
        (api(503, "UNAVAILABLE", None), Unavailable, "UNAVAILABLE"),
        (api(500, "INTERNAL", None), Unavailable, "INTERNAL"),
        (
            api(504, "DEADLINE_EXCEEDED", None),
            Unavailable,
            "DEADLINE_EXCEEDED",
        ),
        (api(418, "CANARY", None), Unavailable, "418"),
        (Fault::html(), Unavailable, "HTML"),
        (Fault::status(401), Unavailable, "401"),
    ] {
        let error = error_of(fault, ":generateAccessToken").await;

        let text = format!("{error} {error:?}");
        assert_eq!(error.kind(), kind, "{text}");
        assert!(
            text.contains(words) && !text.contains("canary"),
            "{words}: {text}"
        );
    }
}

/// The official crate keeps failing for ever after one 403.
#[tokio::test]
async fn one_403_of_sts_that_heals_is_over_at_the_next_demand_past_the_backoff() {
    for fault in [api(403, "PERMISSION_DENIED", None), Fault::status(403)] {
        let directory = tempfile::tempdir().unwrap();
        let file = write(directory.path(), "subject", "subject-1");
        let server = Google::new().start();
        server.set(fault);
        let cache = cache(federated(&server).subject_file(file).build().unwrap());
        assert!(cache.get().await.is_err());
        server.heal();
        let refused = server.count();

        let from = Instant::now();
        while cache.get().await.is_err() {
            assert!(from.elapsed() < NEVER, "it never recovered");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }

        assert_eq!(
            server.count(),
            refused + 1,
            "the first demand past the backoff is served"
        );
    }
}

#[tokio::test]
async fn a_file_that_changes_is_read_anew_for_each_exchange() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "subject", "subject-1");
    let server = Google::new().start();
    let cache = cache(federated(&server).subject_file(&file).build().unwrap());
    cache.get().await.unwrap();

    for around in ["  subject-2\r\n", "\u{feff}subject-3\n"] {
        std::fs::write(&file, around).unwrap();
        cache.refresh_now().await.unwrap();
    }

    let subjects: Vec<_> = server
        .requests()
        .iter()
        .flat_map(|asked| asked.form())
        .collect();
    let subjects: Vec<_> = subjects
        .iter()
        .filter(|(name, _)| name == "subject_token")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(subjects, ["subject-1", "subject-2", "subject-3"]);
}

#[tokio::test]
async fn a_subject_that_is_not_there_is_an_error_and_nothing_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let at = |name: &str| directory.path().join(name);
    write(directory.path(), "empty", "");
    write(directory.path(), "broken", "a\u{0}b");
    write(directory.path(), "quoted", "\"a.b.c\"");
    write(directory.path(), "blank", "a b");
    write(directory.path(), "utf16", "\u{feff}\u{feff}");
    write(directory.path(), "large", "x".repeat(70_000));
    for (name, kind) in [
        ("absent", Unavailable),
        ("empty", Unavailable),
        ("broken", Misconfigured),
        ("quoted", Misconfigured),
        ("blank", Misconfigured),
        ("utf16", Misconfigured),
        ("large", Misconfigured),
        (".", Misconfigured),
    ] {
        let provider = federated(&server).subject_file(at(name)).build().unwrap();
        assert_eq!(
            cache(provider).get().await.unwrap_err().kind(),
            kind,
            "{name}"
        );
    }
    let (subject, _script) = ScriptedProvider::new(Answer::refused());
    let subject = Subject::new(cache(subject), SubjectUse::Repeatable);
    let provider = federated(&server).subject(subject).build().unwrap();
    assert_eq!(
        cache(provider).get().await.unwrap_err().kind(),
        ErrorKind::Refused
    );
    assert_eq!(server.count(), 0);
}

/// As editors and shells of Windows write files.
#[tokio::test]
async fn a_configuration_and_a_subject_in_json_may_begin_with_a_mark_of_utf_8() {
    let directory = tempfile::tempdir().unwrap();
    let subject = "\u{feff}{\"token\": \" subject-1\\n\"}\r\n";
    let file = write(directory.path(), "subject", subject);
    let server = Google::new().start();
    let config = json!({
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": SubjectTokenType::Jwt.as_str(),
        "token_url": server.url("/v1/token"),
        "credential_source": {
            "file": file,
            "format": { "type": "json", "subject_token_field_name": "token" },
        },
    });
    let config = ExternalAccountConfig::from_json(format!("\u{feff}{config}").as_bytes()).unwrap();
    let builder = ExternalAccount::from_config(config).danger_allow_endpoint(server.origin());

    let cache = cache(builder.scopes([STORAGE]).build().unwrap());
    cache.get().await.unwrap();

    let form = server.requests()[0].form();
    assert!(
        form.contains(&("subject_token".to_owned(), "subject-1".to_owned())),
        "{form:?}"
    );
}

#[tokio::test]
async fn a_forced_refresh_asks_for_another_subject_too() {
    let server = Google::new().start();
    let (subject, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(900)));
    let subject = Subject::new(cache(subject), SubjectUse::Repeatable);
    let cache = cache(federated(&server).subject(subject).build().unwrap());
    let first = cache.get().await.unwrap();

    cache.invalidate(first.generation());
    cache.get().await.unwrap();

    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn a_configuration_that_leads_elsewhere_sends_nothing_anywhere() {
    let evil = Google::new().start();
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "subject", "subject-1");
    for field in [
        "token_url",
        "service_account_impersonation_url",
        "credential_source.url",
    ] {
        let mut config = json!({
            "type": "external_account",
            "audience": POOL,
            "subject_token_type": SubjectTokenType::Jwt.as_str(),
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": { "file": file },
        });
        match field {
            "token_url" => config["token_url"] = evil.url("/v1/token").into(),
            "credential_source.url" => {
                config["credential_source"] = json!({ "url": evil.url("/x") })
            }
            _ => {
                let url = evil.url(&format!(
                    "/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"
                ));
                config["service_account_impersonation_url"] = url.into();
            }
        }
        let path = write(directory.path(), "config.json", &config);
        let built =
            ExternalAccount::from_config(ExternalAccountConfig::from_file(path).await.unwrap())
                .scopes([STORAGE])
                .build();

        let error = built.unwrap_err();
        assert_eq!(error.kind(), Misconfigured);
        assert!(error.to_string().starts_with(field), "{error}");
        assert!(
            error.to_string().contains("danger_allow_endpoint"),
            "{error}"
        );
    }
    assert_eq!(evil.connections(), 0);
}

#[tokio::test]
async fn a_client_secret_in_a_configuration_must_be_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "subject", "subject-1");
    let server = Google::new().start();
    let config = json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/pool/providers/p",
        "subject_token_type": SubjectTokenType::IdToken.as_str(),
        "token_url": server.url("/v1/token"),
        "credential_source": { "file": file },
        "client_id": "client",
        "client_secret": "client-secret-1",
        "workforce_pool_user_project": "project-1",
    });
    let provider = || {
        let config = ExternalAccountConfig::from_json(config.to_string().as_bytes()).unwrap();
        let builder = ExternalAccount::from_config(config).danger_allow_endpoint(server.origin());
        builder.scopes([STORAGE]).build().unwrap()
    };

    let refused = agent().cache(provider()).build().unwrap_err();
    let allowed = agent()
        .cache(provider())
        .danger_allow_static()
        .build()
        .unwrap();
    allowed.get().await.unwrap();

    assert_eq!(refused.kind(), ErrorKind::StaticCredential);
    let asked = &server.requests()[0];
    assert_eq!(
        asked.header("authorization"),
        Some("Basic Y2xpZW50OmNsaWVudC1zZWNyZXQtMQ==")
    );
    assert!(
        !asked.form().iter().any(|(name, _)| name == "options"),
        "the client's project counts"
    );
}

/// A Google identity token is a subject like any other: here for an OAuth server that federates, as Entra does.
#[tokio::test]
async fn an_identity_token_of_google_is_a_subject_elsewhere() {
    let google = Google::new().start();
    let identity = MetadataServer::identity_token("api://AzureADTokenExchange")
        .host(google.address().to_string())
        .build()
        .unwrap();
    let identity = cache(identity);
    identity.get().await.unwrap();
    let elsewhere = FaultServer::start(keytide_testkit::server::Good::oauth("entra-"));
    let provider = keytide_oauth::ClientCredentials::builder(elsewhere.url("/token"), "app")
        .assertion(Subject::new(identity.clone(), SubjectUse::Repeatable))
        .build()
        .unwrap();
    let there = cache(provider);
    there.get().await.unwrap();

    let form = elsewhere.requests()[0].form();
    let assertion = form
        .iter()
        .find(|(name, _)| name == "client_assertion")
        .unwrap();
    assert_eq!(assertion.1, token(&identity));
    assert_eq!(token(&there), "entra-1");
}

/// From Kubernetes, through a provider that watches the file.
#[tokio::test]
async fn a_projected_token_is_a_subject() {
    use base64::Engine;
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let ends = 4_000_000_000_u64;
    let claims = json!({ "exp": ends, "aud": [API], "sub": "system:serviceaccount:default:agent" });
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims.to_string());
    let file = write(directory.path(), "token", format!("e30.{claims}.c2ln"));
    let projected = keytide_kubernetes::ProjectedToken::builder(&file)
        .build()
        .unwrap();
    let projected = agent()
        .cache(projected)
        .long_lived(keytide_core::LongLived::Flag)
        .build()
        .unwrap();

    let subject = Subject::new(projected.clone(), SubjectUse::Repeatable);
    let cache = cache(federated(&server).subject(subject).build().unwrap());
    cache.get().await.unwrap();

    let form = server.requests()[0].form();
    assert!(form.contains(&("subject_token".to_owned(), token(&projected))));
}
