//! Requests, compared with what google-auth 2.63.0 asked of the same issuers (`scripts/interop gcp` records and checks that).

use keytide_core::{Cache, Subject, SubjectUse};
use keytide_gcp::{
    AccessBoundary, BoundaryRule, CLOUD_PLATFORM, Downscoped, ExternalAccount,
    ExternalAccountConfig, Impersonated, MetadataServer, ServiceAccountKey, SubjectTokenType,
    UserCredentials,
};
use keytide_testkit::gcp::{Google, essence};
use keytide_testkit::server::{FaultServer, Reply};
use keytide_testkit::{Answer, ScriptedProvider};
use serde_json::{Value, json};

use crate::support::{
    API, LOGGING, POOL, STORAGE, TARGET, agent, cache, federated, key, metadata, write,
};

/// Gets one token, and compares the requests with those of the case. What the library asks beside (who the account is,
/// which universe it lives in) is not asked here.
async fn as_recorded(case: &str, server: &FaultServer, cache: Cache) {
    cache.get().await.unwrap();

    let golden: Value = serde_json::from_str(include_str!("../data/google-auth.json")).unwrap();
    let golden: Vec<_> = golden[case]
        .as_array()
        .unwrap()
        .iter()
        .filter(|request| {
            let path = request["path"].as_str().unwrap();
            path.ends_with("token") || path.ends_with("/identity") || path.contains(":generate")
        })
        .cloned()
        .collect();
    let ours: Vec<_> = server.requests().iter().map(essence).collect();
    assert!(!golden.is_empty(), "{case}");
    assert_eq!(json!(ours), json!(golden), "{case}");
}

#[tokio::test]
async fn the_metadata_server_is_asked_as_google_asks_it() {
    let server = Google::new().start();

    let both = MetadataServer::access_token([STORAGE, LOGGING]).host(server.address().to_string());
    as_recorded("metadata_access", &server, cache(both.build().unwrap())).await;
    server.forget();
    as_recorded(
        "application_default",
        &server,
        cache(metadata(&server).build().unwrap()),
    )
    .await;
    server.forget();
    let identity = MetadataServer::identity_token(API)
        .host(server.address().to_string())
        .instance_details();
    as_recorded(
        "metadata_identity",
        &server,
        cache(identity.build().unwrap()),
    )
    .await;
}

#[tokio::test]
async fn a_subject_is_exchanged_as_google_exchanges_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let file = write(directory.path(), "subject", "subject-1\n");

    let provider = federated(&server).subject_file(&file).build();
    as_recorded("federated_file", &server, cache(provider.unwrap())).await;

    server.forget();
    let (subject, script) =
        ScriptedProvider::new(Answer::token(std::time::Duration::from_secs(900)));
    script.token_prefix("subject-");
    let subject = Subject::new(cache(subject), SubjectUse::Repeatable);
    let provider = federated(&server).subject(subject).build();
    as_recorded("federated_file", &server, cache(provider.unwrap())).await;
}

fn config(server: &FaultServer, source: Value) -> Value {
    json!({
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": server.url("/v1/token"),
        "credential_source": source,
    })
}

fn configured(server: &FaultServer, config: &Value) -> keytide_gcp::ExternalAccountBuilder {
    let config = ExternalAccountConfig::from_json(config.to_string().as_bytes()).unwrap();
    ExternalAccount::from_config(config)
        .scopes([STORAGE, LOGGING])
        .danger_allow_endpoint(server.origin())
}

#[tokio::test]
async fn configurations_are_followed_as_google_follows_them() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let text = write(directory.path(), "subject", "subject-1");

    let json_file = write(
        directory.path(),
        "subject.json",
        json!({ "id_token": "subject-2" }),
    );
    let format = json!({ "type": "json", "subject_token_field_name": "id_token" });
    let source = json!({ "file": json_file, "format": format });
    let provider = configured(&server, &config(&server, source)).build();
    as_recorded("federated_json_file", &server, cache(provider.unwrap())).await;

    server.forget();
    let subjects = FaultServer::start(|_: &_| Reply::new(200).body("subject-3"));
    let source = json!({ "url": subjects.url("/subject"), "headers": { "Metadata": "True" } });
    let provider = configured(&server, &config(&server, source))
        .danger_allow_endpoint(subjects.origin())
        .build();
    as_recorded("federated_url", &server, cache(provider.unwrap())).await;
    assert_eq!(subjects.requests()[0].header("metadata"), Some("True"));

    server.forget();
    let mut impersonated = config(&server, json!({ "file": text }));
    impersonated["service_account_impersonation_url"] = server
        .url(&format!(
            "/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"
        ))
        .into();
    impersonated["service_account_impersonation"] = json!({ "token_lifetime_seconds": 1200 });
    let provider = configured(&server, &impersonated).build();
    let impersonated = cache(provider.unwrap());
    as_recorded("federated_impersonated", &server, impersonated.clone()).await;
    assert_eq!(impersonated.try_get().unwrap().principal(), Some(TARGET));

    server.forget();
    let mut workforce = config(&server, json!({ "file": text }));
    workforce["audience"] =
        "//iam.googleapis.com/locations/global/workforcePools/pool/providers/p".into();
    workforce["subject_token_type"] = SubjectTokenType::IdToken.as_str().into();
    workforce["workforce_pool_user_project"] = "project-1".into();
    let provider = configured(&server, &workforce).build();
    as_recorded("federated_workforce", &server, cache(provider.unwrap())).await;
}

#[tokio::test]
async fn a_signed_request_of_aws_is_a_subject_like_any_other() {
    let server = Google::new().start();
    // As keytide-aws makes it: the quoted JSON of a signed request.
    let headers = [
        "Authorization",
        "host",
        "x-amz-date",
        "x-amz-security-token",
        "x-goog-cloud-target-resource",
    ]
    .map(
        |name| json!({ "key": name, "value": if name.starts_with("x-goog") { POOL } else { "v" } }),
    );
    let request = json!({
        "url": "https://sts.eu-central-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        "method": "POST",
        "headers": headers,
    });
    let quoted: String = url_quoted(&request.to_string());
    let issued = keytide_testkit::server::Good::json(move |_| json!({ "quoted": quoted }));
    let quoting = FaultServer::start(issued);
    let source = json!({
        "url": quoting.url("/x"),
        "format": { "type": "json", "subject_token_field_name": "quoted" },
    });
    let mut config = config(&server, source);
    config["subject_token_type"] = SubjectTokenType::AwsRequest.as_str().into();
    let provider = configured(&server, &config)
        .scopes([STORAGE])
        .danger_allow_endpoint(quoting.origin())
        .build();

    as_recorded("federated_aws", &server, cache(provider.unwrap())).await;
}

fn url_quoted(text: &str) -> String {
    let quoted = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    quoted.collect()
}

#[tokio::test]
async fn an_account_is_impersonated_as_google_impersonates_it() {
    let server = Google::new().start();
    let base = || {
        let base = MetadataServer::access_token(["https://www.googleapis.com/auth/iam"]);
        cache(base.host(server.address().to_string()).build().unwrap())
    };

    let provider = Impersonated::access_token(base(), TARGET, [STORAGE])
        .delegates(["middle@project-1.iam.gserviceaccount.com"])
        .lifetime(std::time::Duration::from_secs(900))
        .endpoint(server.origin())
        .danger_allow_endpoint(server.origin())
        .build();
    as_recorded("impersonated_access", &server, cache(provider.unwrap())).await;

    server.forget();
    let provider = Impersonated::identity_token(base(), TARGET, API)
        .endpoint(server.origin())
        .danger_allow_endpoint(server.origin())
        .build();
    as_recorded("impersonated_identity", &server, cache(provider.unwrap())).await;
}

#[tokio::test]
async fn a_token_is_downscoped_as_google_downscopes_it() {
    let server = Google::new().start();
    let base = MetadataServer::access_token([CLOUD_PLATFORM]).host(server.address().to_string());
    let boundary = AccessBoundary::new([
        BoundaryRule::bucket("invoices")
            .role("roles/storage.objectViewer")
            .condition("resource.name == 'x'")
            .title("one object")
            .description("for a test"),
        BoundaryRule::bucket("reports").role("roles/storage.objectCreator"),
    ]);
    let provider = Downscoped::builder(cache(base.build().unwrap()), boundary.unwrap())
        .token_url(server.url("/v1/token"))
        .danger_allow_endpoint(server.origin())
        .build();

    as_recorded("downscoped_access", &server, cache(provider.unwrap())).await;
}

#[tokio::test]
async fn keys_and_logins_are_exchanged_as_google_exchanges_them() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let file = write(directory.path(), "key.json", key(&server));
    let builder =
        || ServiceAccountKey::danger_from_file(&file).danger_allow_endpoint(server.origin());
    let static_cache = |provider: ServiceAccountKey| {
        agent()
            .cache(provider)
            .danger_allow_static()
            .build()
            .unwrap()
    };

    let provider = builder().scopes([STORAGE, LOGGING]).build().unwrap();
    as_recorded("key_access", &server, static_cache(provider)).await;
    server.forget();
    let provider = builder().audience(API).build().unwrap();
    as_recorded("key_identity", &server, static_cache(provider)).await;

    server.forget();
    let login = json!({
        "type": "authorized_user",
        "client_id": "client.apps.googleusercontent.com",
        "client_secret": "secret",
        "refresh_token": "1//refresh",
    });
    let login = write(directory.path(), "login.json", login);
    let provider = UserCredentials::danger_from_file(login, [STORAGE])
        .token_uri(server.url("/token"))
        .danger_allow_endpoint(server.origin())
        .build()
        .unwrap();
    let cache = agent()
        .cache(provider)
        .danger_allow_static()
        .build()
        .unwrap();
    as_recorded("user_access", &server, cache).await;
}

#[cfg(feature = "bound_tokens")]
#[tokio::test]
async fn a_token_is_bound_to_a_certificate_as_google_binds_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let authority = keytide_testkit::server::TestCa::new();
    let pem = authority.root_pem();
    let key = "-----BEGIN PRIVATE KEY-----\nS0VZ\n-----END PRIVATE KEY-----\n";
    let file = write(directory.path(), "agent.pem", format!("{key}{pem}"));

    let bound = metadata(&server).bind_certificate(&file);
    as_recorded("bound_access", &server, cache(bound.build().unwrap())).await;
    let sent = String::from_utf8(server.requests()[0].body().to_vec()).unwrap();
    assert!(!sent.contains("PRIVATE"), "{sent}");
    server.forget();
    let identity = MetadataServer::identity_token(API)
        .host(server.address().to_string())
        .instance_details()
        .bind_certificate(&file);
    as_recorded("bound_identity", &server, cache(identity.build().unwrap())).await;

    server.forget();
    std::fs::write(&file, "half a certif").unwrap();
    let error = cache(metadata(&server).bind_certificate(&file).build().unwrap())
        .get()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), keytide_core::ErrorKind::Unavailable);
    assert_eq!(
        server.count(),
        0,
        "no token that is bound to nothing is asked for in its place"
    );
}
