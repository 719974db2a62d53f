//! Where variables may lead, and what is said of one that is wrong.

use keytide_azure::{DefaultIdentity, ManagedIdentity, WorkloadIdentity};
use keytide_core::ErrorKind::{LifetimeTooLong, Misconfigured, Throttled, Unavailable};
use keytide_core::{EventKind, ProvideCredential, Trigger};
use keytide_testkit::azure::Imds;
use keytide_testkit::server::{FaultServer, Received, Reply};
use keytide_testkit::{Recorder, TestClock};
use serde_json::json;
use std::time::Duration;

use crate::{CLIENT, TENANT, Tenant, VAULT, agent, failed, nothing, variables, whole};

const ELSEWHERE: &str = "https://evil.example";

/// A pod's token, an app's header and a secret are for whom they were made, whoever can set a variable.
#[tokio::test]
async fn a_variable_leads_no_secret_to_a_place_that_nobody_documents() {
    let imds = Imds::new().start();
    let machine = imds.origin();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "canary").unwrap();
    let path = file.path().display().to_string();
    let fall_back = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.as_str());
    let tenant = ("AZURE_TENANT_ID", TENANT);
    let id = ("AZURE_CLIENT_ID", CLIENT);
    let authority = ("AZURE_AUTHORITY_HOST", ELSEWHERE);
    let endpoint = ("IDENTITY_ENDPOINT", "https://evil.example/msi/token");
    for (there, variable) in [
        (
            &[
                ("AZURE_FEDERATED_TOKEN_FILE", path.as_str()),
                tenant,
                id,
                authority,
            ][..],
            "AZURE_AUTHORITY_HOST",
        ),
        (
            &[("AZURE_CLIENT_SECRET", "canary"), tenant, id, authority],
            "AZURE_AUTHORITY_HOST",
        ),
        (
            &[endpoint, ("IDENTITY_HEADER", "canary")],
            "IDENTITY_ENDPOINT",
        ),
        (&[endpoint, ("IMDS_ENDPOINT", "x")], "IDENTITY_ENDPOINT"),
        (
            &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", ELSEWHERE)],
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        ),
    ] {
        // The last of a name counts.
        let env = variables(&[&[fall_back], there].concat());
        let provider = DefaultIdentity::builder(VAULT)
            .env(env)
            .danger_client_secret()
            .build()
            .unwrap();
        let cache = agent().cache(provider).danger_allow_static().build();

        let error = cache.unwrap().get().await.unwrap_err();

        assert_eq!(error.kind(), Misconfigured, "{error}");
        let told = error.to_string();
        assert!(
            told.contains(variable)
                && told.contains(ELSEWHERE)
                && told.contains("danger_allow_endpoint"),
            "{told}"
        );
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
    assert_eq!(imds.count(), 0, "another identity stood in");
}

#[test]
fn code_may_allow_a_place_and_each_builder_heeds_it() {
    let authority = || variables(&[("AZURE_AUTHORITY_HOST", ELSEWHERE)]);
    let endpoint = || {
        variables(&[
            ("IDENTITY_ENDPOINT", "https://evil.example/msi/token"),
            ("IDENTITY_HEADER", "h"),
        ])
    };
    let issuer = |provider: &dyn Fn(bool) -> keytide_core::Profile| {
        [false, true].map(|allowed| format!("{:?}", provider(allowed)).contains(ELSEWHERE))
    };
    let workload = issuer(&|allowed| {
        let builder = WorkloadIdentity::builder(VAULT).env(authority());
        let builder = match allowed {
            true => builder.danger_allow_endpoint(ELSEWHERE),
            false => builder,
        };
        builder.build().unwrap().profile()
    });
    let managed = issuer(&|allowed| {
        let builder = ManagedIdentity::builder(VAULT).env(endpoint());
        let builder = match allowed {
            true => builder.danger_allow_endpoint(ELSEWHERE),
            false => builder,
        };
        builder.build().unwrap().profile()
    });
    assert_eq!((workload, managed), ([false, true], [false, true]));
    for wrong in ["", "evil.example", "https://evil.example/x"] {
        let builder = WorkloadIdentity::builder(VAULT).danger_allow_endpoint(wrong);
        assert_eq!(
            builder.build().unwrap_err().kind(),
            Misconfigured,
            "{wrong}"
        );
        let builder = ManagedIdentity::builder(VAULT).danger_allow_endpoint(wrong);
        assert_eq!(
            builder.build().unwrap_err().kind(),
            Misconfigured,
            "{wrong}"
        );
        let builder = DefaultIdentity::builder(VAULT).danger_allow_endpoint(wrong);
        assert_eq!(
            builder.build().unwrap_err().kind(),
            Misconfigured,
            "{wrong}"
        );
    }
}

/// A test of its own, for it asks: what code allowed is not refused for its place.
#[tokio::test]
async fn what_the_search_allows_is_asked() {
    let env = variables(&[
        ("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token"),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_AUTHORITY_HOST", ELSEWHERE),
    ]);
    let provider = DefaultIdentity::builder(VAULT)
        .env(env)
        .danger_allow_endpoint(ELSEWHERE);

    let error = failed(provider.build().unwrap()).await;

    // Past the look at the place, and before anybody is asked.
    assert_eq!(error.kind(), Unavailable, "{error}");
    assert!(error.to_string().contains("/nowhere/token"), "{error}");
}

#[tokio::test]
async fn a_value_that_is_wrong_is_told_by_its_variable_or_its_setting() {
    let good = [
        ("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token"),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT),
    ];
    for (name, value) in [
        ("AZURE_TENANT_ID", " canary"),
        ("AZURE_TENANT_ID", "canary\n"),
        ("AZURE_TENANT_ID", "canary/.."),
        ("AZURE_CLIENT_ID", "canary "),
        ("AZURE_CLIENT_ID", "\r\ncanary"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/canary "),
        ("AZURE_FEDERATED_TOKEN_FILE", "/canary\n"),
        ("AZURE_AUTHORITY_HOST", "login.microsoftonline.com"),
        ("AZURE_AUTHORITY_HOST", "canary canary"),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.microsoftonline.com\n",
        ),
    ] {
        let env = variables(&[&good[..], &[(name, value)]].concat());
        let provider = WorkloadIdentity::builder(VAULT).env(env).build().unwrap();

        let error = failed(provider).await;

        assert_eq!(error.kind(), Misconfigured, "{name}: {error}");
        let told = error.to_string();
        assert!(told.contains(name) && !told.contains('\n'), "{told}");
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
    // The user-assigned identity of a machine.
    let imds = Imds::new().start();
    let origin = imds.origin();
    let env = variables(&[
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin.as_str()),
        ("AZURE_CLIENT_ID", "canary "),
    ]);
    let provider = DefaultIdentity::builder(VAULT).env(env).build().unwrap();
    let error = failed(provider).await;
    assert_eq!(error.kind(), Misconfigured, "{error}");
    assert!(error.to_string().contains("AZURE_CLIENT_ID"), "{error}");
    assert_eq!(imds.count(), 0);
    let builder = || WorkloadIdentity::builder(VAULT);
    for (built, setting) in [
        (builder().tenant_id("canary ").build(), "tenant_id"),
        (builder().client_id(" canary").build(), "client_id"),
        (builder().authority("login.canary.com").build(), "authority"),
    ] {
        let error = built.unwrap_err();
        assert!(error.to_string().contains(setting), "{error}");
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
}

async fn of_entra(reply: Reply) -> keytide_core::Error {
    let tenant = Tenant::start();
    let server = FaultServer::start_tls(move |_: &Received| reply.clone(), &tenant.ca);
    let builder = tenant.workload().authority(server.origin());
    failed(builder.build().unwrap()).await
}

/// People look failures up by their numbers: the known one first, and the others too.
#[tokio::test]
async fn every_number_of_entra_is_told_known_or_not() {
    for (status, code, numbers, told) in [
        (
            401,
            "invalid_client",
            json!([700_213, 9_999_999]),
            "with AADSTS700213 (AADSTS9999999): ",
        ),
        (
            401,
            "invalid_client",
            json!([9_999_998, 9_999_999]),
            "with invalid_client (AADSTS9999998, AADSTS9999999): ",
        ),
        (
            400,
            "canary",
            json!([9_999_999, 1.5, -1, "canary"]),
            "answers 400: ",
        ),
        (
            400,
            "canary",
            json!([9_999_999]),
            "answers 400 (AADSTS9999999): ",
        ),
        (
            503,
            "invalid_client",
            json!([9_999_999]),
            "with invalid_client (AADSTS9999999): ",
        ),
        (
            401,
            "invalid_client",
            json!((1..100).collect::<Vec<u32>>()),
            "AADSTS16): ",
        ),
    ] {
        let body = json!({ "error": code, "error_codes": numbers, "error_description": "canary" });

        let error = of_entra(Reply::json(status, &body)).await;

        let text = error.to_string();
        assert!(text.contains(told), "{told}: {text}");
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_429_or_a_5xx_of_entra_is_no_refusal_whatever_it_says() {
    for (status, retry_after, kind) in [
        (429, None, Throttled),
        (429, Some("7"), Throttled),
        (500, None, Unavailable),
        (502, None, Unavailable),
        (503, None, Unavailable),
        (503, Some("7"), Throttled),
    ] {
        for (code, number) in [("invalid_client", 700_213), ("invalid_request", 90_002)] {
            let body = json!({ "error": code, "error_codes": [number] });
            let reply = Reply::json(status, &body);
            let reply = match retry_after {
                Some(after) => reply.header("retry-after", after),
                None => reply,
            };

            let error = of_entra(reply).await;

            assert_eq!(error.kind(), kind, "{status} {code}: {error}");
            assert!(error.to_string().contains(&number.to_string()), "{error}");
        }
    }
}

/// It says 500 and no more where the identity is not assigned, or the resource not known.
#[tokio::test]
async fn a_500_of_app_service_leads_on_to_the_identity_and_the_resource() {
    for retry_after in [None, Some("7")] {
        let app = FaultServer::start(move |_: &Received| {
            let body = json!({ "statusCode": 500, "message": "canary" });
            let reply = Reply::json(500, &body);
            match retry_after {
                Some(after) => reply.header("retry-after", after),
                None => reply,
            }
        });
        let endpoint = app.url("/msi/token");
        let env = variables(&[("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", "h")]);
        let provider = ManagedIdentity::builder(VAULT).env(env).build().unwrap();

        let error = failed(provider).await;

        let kind = retry_after.map_or(Unavailable, |_| Throttled);
        assert_eq!(error.kind(), kind, "{error}");
        let told = error.to_string();
        assert!(told.contains("500") && told.contains("resource"), "{told}");
        assert!(told.contains("identity is assigned"), "{told}");
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_token_of_a_day_of_entra_is_refused_with_what_can_be_done() {
    let day = Duration::from_secs(24 * 3600);
    let tenant = Tenant::with(|entra| entra.lifetime(day));
    let provider = tenant.workload().env(nothing()).build().unwrap();
    let cache = agent().cache(provider).build().unwrap();

    let error = cache.get().await.unwrap_err();

    assert_eq!(error.kind(), LifetimeTooLong, "{error}");
    let told = error.to_string();
    for remedy in [
        "long_lived(LongLived::Flag)",
        "continuous_access_evaluation",
    ] {
        assert!(told.contains(remedy), "{told}");
    }
}

/// A file that is put right after a failure is not left until the backoff is over.
#[tokio::test(start_paused = true)]
async fn an_assertion_file_that_is_mended_ends_the_backoff() {
    let (clock, seen) = (TestClock::new(), Recorder::new());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let named = path.display().to_string();
    let provider = WorkloadIdentity::builder(VAULT).env(variables(&[
        ("AZURE_FEDERATED_TOKEN_FILE", named.as_str()),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT),
    ]));
    let agent = clock.agent().observe(seen.observer()).build().unwrap();
    let cache = agent.cache(provider.build().unwrap()).build().unwrap();
    // The paused clock stands still while a thread reads.
    let (held, released) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || released.recv());
    cache.get().await.unwrap_err();
    drop(held);
    let changed = |kind: &EventKind| {
        let by = Trigger::Changed;
        matches!(kind, EventKind::Started { trigger } if *trigger == by)
    };
    clock.advance(Duration::from_secs(60)).await;
    assert!(!seen.kinds().iter().any(changed), "nothing changed");

    // Wrong still, so that nobody is asked.
    std::fs::write(&path, "no token").unwrap();
    for _ in 0..30 {
        clock.advance(Duration::from_secs(1)).await;
        // The thread that reads comes along, or is waited for below.
        std::thread::sleep(Duration::from_millis(3));
        clock.settle().await;
        if seen.kinds().iter().any(changed) {
            return;
        }
    }
    seen.wait_for(changed);
}
