//! Settings are heeded, whatever the order in which they are given, or refused by name.

use keytide_core::ErrorKind::{Misconfigured, Refused};
use keytide_core::{Cache, Error};
use keytide_gcp::{
    ApplicationDefault, Env, Impersonated, QuotaProject, ServiceAccountKey, UserCredentials,
};
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{Fault, FaultServer, Outcome, Reply};
use serde_json::{Value, json};

use crate::support::{API, POOL, STORAGE, TARGET, agent, cache, federated, key, metadata, write};

fn federation(directory: &std::path::Path, server: &FaultServer) -> Value {
    let subject = write(directory, "subject", "subject-1");
    json!({
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": server.url("/v1/token"),
        "credential_source": { "file": subject },
    })
}

fn login() -> Value {
    json!({
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "client-secret",
        "refresh_token": "1//refresh",
    })
}

fn found(
    server: &FaultServer,
    variables: &[(&str, &str)],
    also: impl FnOnce(keytide_gcp::ApplicationDefaultBuilder) -> keytide_gcp::ApplicationDefaultBuilder,
) -> ApplicationDefault {
    let host = server.address().to_string();
    let mut all = vec![("GCE_METADATA_HOST", host.as_str())];
    all.extend_from_slice(variables);
    let builder = ApplicationDefault::builder([STORAGE])
        .env(Env::of(all))
        .token_uri(server.url("/token"))
        .danger_allow_endpoint(server.origin());
    also(builder).build().unwrap()
}

fn allowed(provider: impl keytide_core::ProvideCredential) -> Cache {
    let builder = agent().cache(provider).danger_allow_static();
    builder.build().unwrap()
}

#[tokio::test]
async fn an_account_and_the_place_to_ask_for_it_are_heeded_in_any_order() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "subject", "subject-1");
    let server = Google::new().start();
    let life = std::time::Duration::from_secs(900);
    for order in 0..6 {
        let mut builder = federated(&server).subject_file(&file);
        for step in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ][order]
        {
            builder = match step {
                0 => builder.impersonate(TARGET),
                1 => builder.impersonation_endpoint(server.origin()),
                _ => builder.impersonated_lifetime(life),
            };
        }
        let cache = cache(builder.build().unwrap());

        cache.get().await.unwrap();

        let asked = server.requests();
        let asked = asked.last().unwrap();
        assert!(
            asked
                .path()
                .ends_with(&format!("{TARGET}:generateAccessToken"))
        );
        let body: Value = serde_json::from_slice(asked.body()).unwrap();
        assert_eq!(body["lifetime"], "900s");
    }
    for without in [
        federated(&server)
            .subject_file(&file)
            .impersonated_lifetime(life),
        federated(&server)
            .subject_file(&file)
            .impersonation_endpoint(server.origin()),
    ] {
        assert_eq!(without.build().unwrap_err().kind(), Misconfigured);
    }
}

#[test]
fn what_would_not_be_heeded_is_refused() {
    let server = Google::new().start();
    let text = key(&server).to_string();
    let key = || ServiceAccountKey::danger_from_json(text.as_str());
    let base = || cache(metadata(&server).build().unwrap());
    let refused: [(Result<(), Error>, &str); 6] = [
        (
            key().scopes([STORAGE]).audience(API).build().map(drop),
            "audience",
        ),
        (
            key().audience(API).scopes([STORAGE]).build().map(drop),
            "audience",
        ),
        (
            key().scopes([STORAGE]).subject("").build().map(drop),
            "subject",
        ),
        (
            federated(&server)
                .subject_file("/a")
                .subject_url(server.url("/b"))
                .build()
                .map(drop),
            "more than one subject",
        ),
        (
            Impersonated::access_token(base(), TARGET, [STORAGE])
                .without_email()
                .build()
                .map(drop),
            "without_email",
        ),
        (
            federated(&server)
                .subject_file("/a")
                .universe_domain("no domain")
                .build()
                .map(drop),
            "universe_domain",
        ),
    ];
    for (built, word) in refused {
        let error = built.unwrap_err();
        assert_eq!(error.kind(), Misconfigured, "{error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_project_that_pays_is_handed_on_or_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let named = |content: &Value| {
        let mut content = content.clone();
        content["quota_project_id"] = "payer-1".into();
        let path = write(directory.path(), "credential.json", content);
        path.display().to_string()
    };
    let variable = "GOOGLE_APPLICATION_CREDENTIALS";
    let mut impersonation = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url":
            server.url(&format!("/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken")),
    });
    impersonation["source_credentials"] = federation(directory.path(), &server);
    for content in [
        federation(directory.path(), &server),
        impersonation,
        key(&server),
        login(),
    ] {
        let path = named(&content);
        let provider = || {
            found(&server, &[(variable, path.as_str())], |builder| {
                builder
                    .danger_service_account_key()
                    .danger_user_credentials()
            })
        };

        let before = server.count();
        let error = allowed(provider()).get().await.unwrap_err();
        assert_eq!(error.kind(), Misconfigured, "{error}");
        let told = error.to_string();
        assert!(
            told.contains("quota_project_id") && told.contains(&path),
            "{told}"
        );
        assert_eq!(server.count(), before, "somebody was asked");

        let provider = provider();
        let pays = provider.quota_project();
        assert_eq!(pays.get(), None);
        allowed(provider).get().await.unwrap();
        assert_eq!(pays.get().as_deref(), Some("payer-1"));
    }
    // The variable is the last word, and counts where there is no file.
    let path = named(&federation(directory.path(), &server));
    for variables in [
        vec![(variable, path.as_str()), (PAYS, "payer-2")],
        vec![(PAYS, "payer-2")],
    ] {
        let error = allowed(found(&server, &variables, |builder| builder))
            .get()
            .await
            .unwrap_err();
        assert!(error.to_string().contains(PAYS), "{error}");
        let provider = found(&server, &variables, |builder| builder);
        let pays = provider.quota_project();
        allowed(provider).get().await.unwrap();
        assert_eq!(pays.get().as_deref(), Some("payer-2"));
    }
}

const PAYS: &str = "GOOGLE_CLOUD_QUOTA_PROJECT";

#[tokio::test]
async fn the_providers_of_one_file_hand_the_project_on_too() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let with = |mut content: Value, name: &str| {
        content["quota_project_id"] = "payer-1".into();
        write(directory.path(), name, content)
    };
    let of_key = with(key(&server), "key.json");
    let of_login = with(login(), "login.json");
    let of_config = with(federation(directory.path(), &server), "config.json");
    let config = || async {
        let config = keytide_gcp::ExternalAccountConfig::from_file(&of_config);
        keytide_gcp::ExternalAccount::from_config(config.await.unwrap())
            .scopes([STORAGE])
            .danger_allow_endpoint(server.origin())
            .build()
            .unwrap()
    };
    let key = || {
        ServiceAccountKey::danger_from_file(&of_key)
            .scopes([STORAGE])
            .danger_allow_endpoint(server.origin())
            .build()
            .unwrap()
    };
    let login = || {
        UserCredentials::danger_from_file(&of_login, [STORAGE])
            .token_uri(server.url("/token"))
            .danger_allow_endpoint(server.origin())
            .build()
            .unwrap()
    };

    for cache in [allowed(key()), allowed(login()), allowed(config().await)] {
        let error = cache.get().await.unwrap_err();
        assert_eq!(error.kind(), Misconfigured);
        assert!(error.to_string().contains("quota_project_id"), "{error}");
    }
    assert_eq!(server.count(), 0);
    let (key, login, config) = (key(), login(), config().await);
    let pay: [QuotaProject; 3] = [
        key.quota_project(),
        login.quota_project(),
        config.quota_project(),
    ];
    for cache in [allowed(key), allowed(login), allowed(config)] {
        cache.get().await.unwrap();
    }
    for pays in pay {
        assert_eq!(pays.get().as_deref(), Some("payer-1"));
    }
}

#[cfg(feature = "google_cloud_auth")]
#[tokio::test]
async fn the_official_clients_send_the_project_that_a_file_names() {
    use google_cloud_auth::credentials::{CacheableResource, Credentials};
    use keytide_gcp::bridge::SdkCredentials;

    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let mut content = federation(directory.path(), &server);
    content["quota_project_id"] = "payer-1".into();
    let path = write(directory.path(), "config.json", content);
    let path = path.display().to_string();
    let provider = found(
        &server,
        &[("GOOGLE_APPLICATION_CREDENTIALS", path.as_str())],
        |builder| builder,
    );
    let pays = provider.quota_project();
    let bridge = SdkCredentials::new(cache(provider))
        .unwrap()
        .quota_project_of(pays)
        .universe_domain("apis.example");
    let credentials = Credentials::from(bridge);

    let sent = credentials.headers(http::Extensions::new()).await.unwrap();

    let CacheableResource::New { data, .. } = sent else {
        panic!("nothing new at first");
    };
    assert_eq!(data["x-goog-user-project"], "payer-1");
    assert_eq!(
        credentials.universe_domain().await.as_deref(),
        Some("apis.example")
    );
}

#[tokio::test]
async fn a_file_of_another_universe_is_named_and_nobody_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let with = |mut content: Value, universe: &str| {
        content["universe_domain"] = universe.into();
        content
    };
    let other = |content: Value| with(content, "apis.example");
    let mut impersonation = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url":
            server.url(&format!("/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken")),
        "universe_domain": "apis.example",
    });
    impersonation["source_credentials"] = federation(directory.path(), &server);
    let answer_of = async |content: Value, universe: Option<&str>| {
        let path = write(directory.path(), "credential.json", content);
        let path = path.display().to_string();
        let variables = [("GOOGLE_APPLICATION_CREDENTIALS", path.as_str())];
        let provider = found(&server, &variables, |builder| {
            let builder = builder
                .danger_service_account_key()
                .danger_user_credentials();
            match universe {
                Some(domain) => builder.universe_domain(domain),
                None => builder,
            }
        });
        allowed(provider).get().await
    };
    for content in [
        other(federation(directory.path(), &server)),
        impersonation.clone(),
        other(key(&server)),
        other(login()),
    ] {
        let error = answer_of(content, None).await.unwrap_err();
        assert_eq!(error.kind(), Misconfigured, "{error}");
        let told = format!("{error} {error:?}");
        assert!(
            told.contains("universe_domain") && told.contains("apis.example"),
            "{told}"
        );
    }
    assert_eq!(server.count(), 0);
    for content in [other(federation(directory.path(), &server)), impersonation] {
        answer_of(content, Some("apis.example")).await.unwrap();
    }
    answer_of(with(key(&server), "googleapis.com"), None)
        .await
        .unwrap();
    // What is not of the universe that was said is no better than the other way round.
    let error = answer_of(federation(directory.path(), &server), Some("apis.example")).await;
    assert_eq!(error.unwrap_err().kind(), Misconfigured);
}

#[tokio::test]
async fn the_login_of_a_workforce_pool_is_passed_over_like_any_login() {
    let home = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let directory = home.path().join("gcloud");
    std::fs::create_dir(&directory).unwrap();
    let login = json!({
        "type": "external_account_authorized_user",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/pool/providers/p",
        "client_id": "client",
        "client_secret": "canary",
        "refresh_token": "canary",
        "token_url": "https://sts.googleapis.com/v1/oauthtoken",
        "quota_project_id": "payer-1",
    });
    write(&directory, "application_default_credentials.json", &login);
    let config = directory.display().to_string();
    let variables = [("CLOUDSDK_CONFIG", config.as_str())];

    let passed_over = cache(found(&server, &variables, |builder| builder));
    passed_over.get().await.unwrap();
    assert!(
        server.requests()[0].path().starts_with("/computeMetadata/"),
        "the metadata server is asked"
    );

    let by_name = found(&server, &variables, |builder| {
        builder.danger_user_credentials()
    });
    drop(by_name.quota_project());
    let error = allowed(by_name).get().await.unwrap_err();
    assert_eq!(error.kind(), Misconfigured);
    let told = error.to_string();
    assert!(told.contains("external_account_authorized_user"), "{told}");
    assert!(told.contains(&config) && !told.contains("canary"), "{told}");
    assert_eq!(server.count(), 1);
}

/// Such a name finds nothing, and the search would go on to the account that is attached.
#[tokio::test]
async fn a_variable_with_a_line_break_or_a_blank_is_named_and_ends_the_search() {
    let server = Google::new().start();
    for name in ["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "HOME"] {
        for value in [
            "/canary\n",
            " /canary",
            "/canary ",
            "/can\rary",
            "\t/canary",
        ] {
            let error = cache(found(&server, &[(name, value)], |builder| builder))
                .get()
                .await
                .unwrap_err();

            assert_eq!(error.kind(), Misconfigured, "{name} {value:?}");
            let told = error.to_string();
            assert!(told.contains(name), "{told}");
            assert!(!told.contains("canary") && !told.contains('\n'), "{told}");
        }
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_told_one_by_one_with_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let without = |field: &str| {
        let mut content = key(&server);
        content.as_object_mut().unwrap().remove(field);
        content
    };
    let mut canary = key(&server);
    canary["private_key"] = "canary".into();
    for (content, told, not) in [
        (without("token_uri"), "token_uri", "private_key"),
        (without("private_key"), "private_key", "token_uri"),
        (canary, "no RSA key", "token_uri"),
        (without("client_email"), "client_email", "token_uri"),
    ] {
        let path = write(directory.path(), "key.json", &content);
        let named = path.display().to_string();
        let direct = ServiceAccountKey::danger_from_file(&path)
            .scopes([STORAGE])
            .build()
            .unwrap();
        let variables = [("GOOGLE_APPLICATION_CREDENTIALS", named.as_str())];
        let by_search = found(&server, &variables, |builder| {
            builder.danger_service_account_key()
        });
        for cache in [allowed(direct), allowed(by_search)] {
            let error = cache.get().await.unwrap_err();

            assert_eq!(error.kind(), Misconfigured, "{error}");
            let text = error.to_string();
            assert!(text.contains(told) && text.contains(&named), "{text}");
            assert!(!text.contains(not) && !text.contains("canary"), "{text}");
        }
    }
    assert_eq!(server.count(), 0);
}

/// The narrowest role of those that would do, on the one account: <https://cloud.google.com/iam/docs/roles-permissions/iam>
/// (27 November 2026).
#[tokio::test]
async fn a_denied_caller_is_told_the_narrowest_role() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "subject", "subject-1");
    let server = Google::new().start();
    server.faults_only(|asked| asked.path().contains(":generate"));
    for reason in [Some("IAM_PERMISSION_DENIED"), None] {
        let details = reason.map(|reason| json!({ "reason": reason }));
        let details: Vec<Value> = details.into_iter().collect();
        let no =
            json!({ "error": { "code": 403, "status": "PERMISSION_DENIED", "details": details } });
        server.set(Fault::answer(
            "denied",
            Reply::json(403, &no),
            Outcome::Either,
        ));
        let base = || cache(metadata(&server).build().unwrap());
        let at = |builder: keytide_gcp::ImpersonatedBuilder| {
            let builder = builder.endpoint(server.origin());
            cache(
                builder
                    .danger_allow_endpoint(server.origin())
                    .build()
                    .unwrap(),
            )
        };
        let federated = federated(&server)
            .subject_file(&file)
            .impersonate(TARGET)
            .impersonation_endpoint(server.origin());
        for (cache, role) in [
            (
                cache(federated.build().unwrap()),
                "roles/iam.workloadIdentityUser",
            ),
            (
                at(Impersonated::access_token(base(), TARGET, [STORAGE])),
                "roles/iam.serviceAccountTokenCreator",
            ),
            (
                at(Impersonated::identity_token(base(), TARGET, API)),
                "roles/iam.serviceAccountOpenIdTokenCreator",
            ),
        ] {
            let error = cache.get().await.unwrap_err();

            assert_eq!(error.kind(), Refused, "{error}");
            let told = error.to_string();
            assert_eq!(
                told.split("roles/")
                    .nth(1)
                    .unwrap()
                    .split([' ', ','])
                    .next(),
                role.strip_prefix("roles/"),
                "{told}"
            );
        }
    }
}
