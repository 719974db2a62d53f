//! What failures become, by table.

use keytide_azure::ManagedIdentity;
use keytide_core::ErrorKind::{self, Misconfigured, Refused, Throttled, Unavailable};
use keytide_core::RetryAfter;
use keytide_testkit::azure::{AppService, Imds, assertion};
use keytide_testkit::server::{FaultServer, Received, Reply};
use serde_json::json;
use std::time::Duration;

use crate::{
    AUDIENCE, CLIENT, ISSUER, OBJECT, RESOURCE_ID, SUBJECT, TENANT, Tenant, VAULT, client, failed,
    nothing, now, variables, whole,
};

fn from(imds: &FaultServer) -> keytide_azure::ManagedIdentityBuilder {
    ManagedIdentity::builder(VAULT).imds_endpoint(imds.origin())
}

#[tokio::test]
async fn each_status_and_code_of_imds_has_its_sort() {
    let coded = |code: &str| json!({ "error": code, "error_description": "canary" }).to_string();
    for (status, body, retry_after, kind) in [
        (400, coded("invalid_request"), None, Refused),
        (400, coded("invalid_resource"), None, Refused),
        (400, coded("bad_request_102"), None, Refused),
        (400, coded("unheard_of"), None, Refused),
        (400, "<html>canary".to_owned(), None, Unavailable),
        (400, String::new(), None, Unavailable),
        (401, coded("unknown_source"), None, Refused),
        (401, coded("invalid_request"), None, Refused),
        (401, coded("unauthorized_client"), None, Refused),
        (401, coded("access_denied"), None, Refused),
        (401, coded("unsupported_response_type"), None, Refused),
        (401, coded("invalid_scope"), None, Refused),
        (403, coded("whatever"), None, Refused),
        (404, coded("invalid_request"), None, Unavailable),
        (404, String::new(), None, Unavailable),
        (405, coded("method_not_allowed"), None, Refused),
        (408, coded("invalid_request"), None, Unavailable),
        (410, String::new(), None, Unavailable),
        (410, coded("invalid_request"), None, Unavailable),
        (429, String::new(), None, Throttled),
        (429, coded("invalid_request"), Some("7"), Throttled),
        (500, coded("unknown_error"), None, Unavailable),
        (500, coded("invalid_request"), None, Unavailable),
        (503, String::new(), None, Unavailable),
        (503, String::new(), Some("7"), Throttled),
        (504, "<html>canary".to_owned(), None, Unavailable),
        (509, String::new(), None, Unavailable),
        (302, String::new(), None, Unavailable),
    ] {
        let (shown, sent) = (body.clone(), retry_after);
        let imds = FaultServer::start(move |_: &Received| {
            let reply = Reply::new(status)
                .header("location", "http://127.0.0.1:1/")
                .body(body.clone());
            match sent {
                Some(after) => reply.header("retry-after", after),
                None => reply,
            }
        });

        let error = failed(from(&imds).build().unwrap()).await;

        let case = format!("{status} {shown} {retry_after:?}: {error}");
        assert_eq!(error.kind(), kind, "{case}");
        let expected = retry_after.map(|_| RetryAfter::Delay(Duration::from_secs(7)));
        assert_eq!(error.retry_after(), expected, "{case}");
        assert!(!whole(&error).contains("canary"), "{case}");
        assert_eq!(imds.count(), 1, "{case}");
    }
}

#[tokio::test]
async fn an_identity_that_is_not_here_is_told_with_what_to_mend() {
    let machine = Imds::new().without_system_identity().start();
    let app = AppService::new("h").without_system_identity().start();
    let endpoint = app.url("/msi/token");
    let on_app = || {
        ManagedIdentity::builder(VAULT).env(variables(&[
            ("IDENTITY_ENDPOINT", &endpoint),
            ("IDENTITY_HEADER", "h"),
        ]))
    };
    for (provider, mend) in [
        (
            from(&machine),
            "turn the system-assigned identity of this machine on",
        ),
        (
            from(&machine).client_id(CLIENT),
            "assign the user-assigned identity to this machine, and check its id",
        ),
        (
            from(&machine).object_id(OBJECT),
            "assign the user-assigned identity",
        ),
        (
            from(&machine).resource_id(RESOURCE_ID),
            "assign the user-assigned identity",
        ),
        (on_app(), "assign the identity to this app"),
        (
            on_app().client_id(CLIENT),
            "assign the identity to this app",
        ),
    ] {
        let error = failed(provider.build().unwrap()).await;

        assert_eq!(error.kind(), Refused, "{error}");
        assert!(error.to_string().contains(mend), "{error}");
    }
    let other = Imds::new().resource("https://storage.azure.com").start();
    let error = failed(from(&other).build().unwrap()).await;
    assert!(error.to_string().contains("App ID URI"), "{error}");
}

#[tokio::test]
async fn the_refusals_of_app_service_have_no_code_and_count_by_their_status() {
    let said = json!({ "statusCode": 400, "message": "canary" }).to_string();
    for (status, body, kind) in [
        (400, said.clone(), Refused),
        (401, said.clone(), Refused),
        (403, said.clone(), Refused),
        (404, said.clone(), Refused),
        (400, "<html>canary".to_owned(), Unavailable),
        (408, said.clone(), Unavailable),
        (429, said.clone(), Throttled),
        (500, said.clone(), Unavailable),
        (502, said.clone(), Unavailable),
        (503, said.clone(), Unavailable),
        (504, said, Unavailable),
    ] {
        let app = FaultServer::start(move |_: &Received| Reply::new(status).body(body.clone()));
        let endpoint = app.url("/msi/token");
        let provider = ManagedIdentity::builder(VAULT).env(variables(&[
            ("IDENTITY_ENDPOINT", &endpoint),
            ("IDENTITY_HEADER", "h"),
        ]));

        let error = failed(provider.build().unwrap()).await;

        assert_eq!(error.kind(), kind, "{status}: {error}");
        assert!(!whole(&error).contains("canary"), "{status}");
    }
}

#[tokio::test]
async fn arc_leads_to_no_file_but_its_own_keys() {
    let keys = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.key");
    std::fs::write(&secret, "canary").unwrap();
    let climbing = keys
        .path()
        .join("../")
        .join(outside.path().file_name().unwrap())
        .join("secret.key");
    for path in [
        "/etc/passwd",
        secret.to_str().unwrap(),
        climbing.to_str().unwrap(),
        "",
        "secret.key",
    ] {
        let agent = keytide_testkit::azure::Arc::new(keys.path())
            .naming(path)
            .start();
        let endpoint = agent.url("/metadata/identity/oauth2/token");
        let provider = ManagedIdentity::builder(VAULT)
            .arc_key_directory(keys.path())
            .env(variables(&[
                ("IDENTITY_ENDPOINT", &endpoint),
                ("IMDS_ENDPOINT", "x"),
            ]));

        let error = failed(provider.build().unwrap()).await;

        assert!(
            matches!(error.kind(), Misconfigured | Unavailable),
            "{path}: {error}"
        );
        assert_eq!(
            agent.count(),
            1,
            "{path}: nothing is shown to whoever asks for it"
        );
        assert!(!whole(&error).contains("canary"), "{path}");
    }
    let error = failed(
        ManagedIdentity::builder(VAULT)
            .client_id(CLIENT)
            .env(variables(&[
                ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/x"),
                ("IMDS_ENDPOINT", "x"),
            ]))
            .build()
            .unwrap(),
    )
    .await;
    assert!(
        error.to_string().contains("system-assigned identity only"),
        "{error}"
    );
}

#[tokio::test]
async fn each_number_of_entra_has_its_sort_and_its_words_do_not_count() {
    let cases: [(u32, &str, u16, ErrorKind); 30] = [
        (700_024, "invalid_client", 401, Unavailable),
        (700_213, "invalid_client", 401, Refused),
        (7_002_131, "invalid_client", 401, Refused),
        (70_021, "invalid_client", 401, Refused),
        (700_211, "invalid_client", 401, Refused),
        (700_212, "invalid_client", 401, Refused),
        (700_027, "invalid_client", 401, Refused),
        (700_023, "invalid_client", 401, Refused),
        (50_027, "invalid_client", 401, Refused),
        (7_000_218, "invalid_client", 401, Refused),
        (7_000_215, "invalid_client", 401, Refused),
        (7_000_222, "invalid_client", 401, Refused),
        (700_016, "unauthorized_client", 400, Refused),
        (7_000_112, "unauthorized_client", 400, Refused),
        (65_001, "invalid_grant", 400, Refused),
        (501_051, "invalid_grant", 400, Refused),
        (70_011, "invalid_scope", 400, Refused),
        (1_002_012, "invalid_scope", 400, Refused),
        (500_011, "invalid_resource", 400, Refused),
        (50_001, "invalid_resource", 400, Refused),
        (53_003, "access_denied", 400, Refused),
        (50_076, "interaction_required", 400, Refused),
        (50_079, "interaction_required", 400, Refused),
        (90_002, "invalid_request", 400, Misconfigured),
        (900_023, "invalid_request", 400, Misconfigured),
        (90_033, "temporarily_unavailable", 503, Unavailable),
        (90_006, "server_error", 500, Unavailable),
        (50_196, "invalid_grant", 400, Throttled),
        (1, "invalid_client", 401, Refused),
        (1, "unheard_of", 400, Unavailable),
    ];
    for (number, code, status, kind) in cases {
        let body = json!({
            "error": code,
            "error_description": "AADSTS700213: canary AADSTS90002",
            "error_codes": [number],
        });
        let error = of_entra(Reply::json(status, &body)).await;

        assert_eq!(error.kind(), kind, "{number}: {error}");
        if number > 1 {
            assert!(
                error.to_string().contains(&format!("AADSTS{number}: ")),
                "{error}"
            );
        }
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
    for (status, body, retry_after, kind) in [
        (
            503,
            "{\"error\":\"temporarily_unavailable\",\"error_codes\":[90033]}",
            Some("7"),
            Throttled,
        ),
        (429, "", Some("7"), Throttled),
        (429, "", None, Throttled),
        (500, "<html>canary", None, Unavailable),
        (401, "<html>canary", None, Unavailable),
        (400, "{\"error_codes\":[700213]}", None, Unavailable),
        (
            400,
            "{\"error\":7,\"error_codes\":[700213]}",
            None,
            Unavailable,
        ),
        (
            200,
            "{\"error\":\"invalid_client\",\"error_codes\":[700213]}",
            None,
            Refused,
        ),
        (
            400,
            "{\"error\":\"x\",\"error_codes\":[1.5,-1,1e300,700213]}",
            None,
            Refused,
        ),
    ] {
        let reply = Reply::new(status).body(body);
        let reply = match retry_after {
            Some(after) => reply.header("retry-after", after),
            None => reply,
        };
        let error = of_entra(reply).await;

        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert_eq!(
            error.retry_after().is_some(),
            retry_after.is_some(),
            "{body}"
        );
    }
}

async fn of_entra(reply: Reply) -> keytide_core::Error {
    let tenant = Tenant::start();
    let server = FaultServer::start_tls(move |_: &Received| reply.clone(), &tenant.ca);
    failed(
        tenant
            .workload()
            .authority(server.origin())
            .build()
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn an_assertion_that_no_federated_credential_matches_says_which_part() {
    let end = now() + Duration::from_secs(600);
    for (assertion, number) in [
        (
            assertion("https://other.example.com", SUBJECT, AUDIENCE, end),
            "AADSTS700211",
        ),
        (
            assertion(
                ISSUER,
                "system:serviceaccount:billing:Reader",
                AUDIENCE,
                end,
            ),
            "AADSTS700213",
        ),
        (
            assertion(ISSUER, SUBJECT, "api://azureadtokenexchange", end),
            "AADSTS700212",
        ),
    ] {
        let tenant = Tenant::start();
        tenant.write(&assertion);

        let error = failed(tenant.workload().build().unwrap()).await;

        assert_eq!(error.kind(), Refused, "{error}");
        assert!(error.to_string().contains(number), "{error}");
    }
    let tenant = Tenant::start();
    let error = failed(tenant.workload().client_id("other").build().unwrap()).await;
    assert!(error.to_string().contains("AADSTS700016"), "{error}");
    let error = failed(tenant.workload().tenant_id("other").build().unwrap()).await;
    assert!(error.to_string().contains("AADSTS90002"), "{error}");
}

#[tokio::test]
async fn an_assertion_file_that_holds_no_good_assertion_is_not_sent() {
    let tenant = Tenant::start();
    let expired = assertion(ISSUER, SUBJECT, AUDIENCE, now() - Duration::from_secs(1));
    for (content, kind, names) in [
        ("", Unavailable, "is empty"),
        (" \n", Unavailable, "is empty"),
        (&expired, Unavailable, "has expired"),
        ("canary", Misconfigured, "holds no JWT"),
        ("\u{feff}\r\n", Unavailable, "is empty"),
        ("canary canary", Misconfigured, "(0x20) at offset 6"),
        (
            "\u{feff}\"canary\"\r\n",
            Misconfigured,
            "(0x22) at offset 3",
        ),
        ("canary\u{e4}", Misconfigured, "(0xc3) at offset 6"),
        (
            "e30.e30.canary",
            Misconfigured,
            "holds no JWT that says when it ends",
        ),
        (&"canary".repeat(10_000), Misconfigured, "over 32 KiB"),
    ] {
        tenant.write(content);

        let error = failed(tenant.workload().build().unwrap()).await;

        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(names), "{error}");
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
    let directory = tempfile::tempdir().unwrap();
    for (path, kind) in [
        (directory.path().to_owned(), Misconfigured),
        (directory.path().join("absent"), Unavailable),
    ] {
        let provider = keytide_azure::WorkloadIdentity::builder(VAULT)
            .tenant_id(TENANT)
            .client_id(CLIENT)
            .token_file(path)
            .authority(tenant.entra.origin())
            .client(client(&tenant.ca));
        let error = failed(provider.build().unwrap()).await;
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert_eq!(tenant.entra.count(), 0);
}

#[tokio::test]
async fn half_an_environment_of_workload_identity_is_told_by_the_name_of_the_other_half() {
    let file = ("AZURE_FEDERATED_TOKEN_FILE", "/run/token");
    for (there, missing) in [
        (&[file, ("AZURE_CLIENT_ID", "x")][..], "AZURE_TENANT_ID"),
        (&[file, ("AZURE_TENANT_ID", "x")][..], "AZURE_CLIENT_ID"),
        (
            &[file, ("AZURE_TENANT_ID", "x"), ("AZURE_CLIENT_ID", "")][..],
            "AZURE_CLIENT_ID",
        ),
    ] {
        let provider = keytide_azure::WorkloadIdentity::builder(VAULT).env(variables(there));
        let error = failed(provider.build().unwrap()).await;
        assert_eq!(error.kind(), Misconfigured, "{error}");
        assert!(error.to_string().contains(missing), "{error}");
    }
    let provider = keytide_azure::WorkloadIdentity::builder(VAULT).env(nothing());
    let error = failed(provider.build().unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error}");
}
