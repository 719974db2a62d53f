//! What is sent, for each platform and each form of id.

use keytide_azure::{ManagedIdentity, ManagedIdentityBuilder};
use keytide_core::LongLived;
use keytide_testkit::azure::{AppService, Arc, Imds};
use keytide_testkit::server::{FaultServer, Received, Reply};
use serde_json::json;

use crate::{CLIENT, OBJECT, RESOURCE_ID, TENANT, Tenant, VAULT, agent, cache, text, variables};

type Identify = fn(ManagedIdentityBuilder) -> ManagedIdentityBuilder;

/// Each form of id, on a builder, with its name for IMDS and for App Service and its value as it is sent.
fn ids() -> [(Identify, &'static str, &'static str); 4] {
    [
        (|builder| builder, "", ""),
        (
            |builder| builder.client_id(CLIENT),
            "&client_id=2a6dd5ba-a0ac-4f7b-b0fc-8f0f3a8e1c11",
            "&client_id=2a6dd5ba-a0ac-4f7b-b0fc-8f0f3a8e1c11",
        ),
        (
            |builder| builder.object_id(OBJECT),
            "&object_id=9d1f0c55-5b0e-4b53-9ef2-52d6cd1a5b5e",
            "&principal_id=9d1f0c55-5b0e-4b53-9ef2-52d6cd1a5b5e",
        ),
        (
            |builder| builder.resource_id(RESOURCE_ID),
            "&msi_res_id=%2Fsubscriptions%2Fs%2Fresourcegroups%2Fa+group%2Fproviders%2FMicrosoft.ManagedIdentity%2FuserAssignedIdentities%2Freader",
            "&mi_res_id=%2Fsubscriptions%2Fs%2Fresourcegroups%2Fa+group%2Fproviders%2FMicrosoft.ManagedIdentity%2FuserAssignedIdentities%2Freader",
        ),
    ]
}

fn only(server: &FaultServer) -> Received {
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "one call asks once");
    requests[0].clone()
}

/// The names of the headers, in lower case, sorted.
fn headers(asked: &Received) -> Vec<String> {
    let names = asked.headers().iter();
    let mut names: Vec<_> = names.map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn imds_is_asked_by_its_own_names() {
    for (identify, id, _) in ids() {
        let imds = Imds::new()
            .user_assigned(CLIENT, OBJECT, RESOURCE_ID)
            .start();
        let provider = ManagedIdentity::builder(VAULT).imds_endpoint(imds.origin());

        let cache = cache(identify(provider).build().unwrap());
        cache.get().await.unwrap();

        let asked = only(&imds);
        assert_eq!(asked.method(), "GET");
        assert_eq!(
            asked.target(),
            format!(
                "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net{id}"
            )
        );
        assert_eq!(asked.header("metadata"), Some("true"));
        assert_eq!(
            headers(&asked),
            [
                "accept",
                "accept-encoding",
                "host",
                "metadata",
                "user-agent"
            ]
        );
        assert!(asked.body().is_empty());
    }
}

#[tokio::test]
async fn app_service_is_asked_by_its_own_names() {
    for (identify, _, id) in ids() {
        let service = AppService::new("header-of-the-app")
            .user_assigned(CLIENT, OBJECT, RESOURCE_ID)
            .start();
        let endpoint = service.url("/msi/token");
        let provider =
            ManagedIdentity::builder("https://vault.azure.net/.default").env(variables(&[
                ("IDENTITY_ENDPOINT", &endpoint),
                ("IDENTITY_HEADER", "header-of-the-app"),
                // Older libraries' names for the same, which App Service sets too.
                ("MSI_ENDPOINT", &endpoint),
                ("MSI_SECRET", "header-of-the-app"),
            ]));

        let cache = cache(identify(provider).build().unwrap());
        cache.get().await.unwrap();

        let asked = only(&service);
        assert_eq!(
            asked.target(),
            format!("/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net{id}")
        );
        assert_eq!(asked.header("x-identity-header"), Some("header-of-the-app"));
        assert_eq!(
            headers(&asked),
            [
                "accept",
                "accept-encoding",
                "host",
                "user-agent",
                "x-identity-header"
            ]
        );
    }
}

#[tokio::test]
async fn arc_is_shown_the_content_of_the_file_that_it_names_anew_each_time() {
    let keys = tempfile::tempdir().unwrap();
    let agent = Arc::new(keys.path()).start();
    let endpoint = agent.url("/metadata/identity/oauth2/token");
    let provider = ManagedIdentity::builder(VAULT)
        .arc_key_directory(keys.path())
        .env(variables(&[
            ("IDENTITY_ENDPOINT", &endpoint),
            ("IMDS_ENDPOINT", "http://127.0.0.1:40342"),
        ]));
    let cache = cache(provider.build().unwrap());

    cache.get().await.unwrap();
    cache.refresh_now().await.unwrap();

    let requests = agent.requests();
    let target = "/metadata/identity/oauth2/token?api-version=2020-06-01&resource=https%3A%2F%2Fvault.azure.net";
    for asked in &requests {
        assert_eq!(asked.target(), target);
        assert_eq!(asked.header("metadata"), Some("true"));
    }
    let shown: Vec<_> = requests
        .iter()
        .map(|asked| asked.header("authorization"))
        .collect();
    assert_eq!(
        shown,
        [
            None,
            Some("Basic arc-key-1-of-the-fake-agent"),
            None,
            Some("Basic arc-key-3-of-the-fake-agent")
        ]
    );
}

#[tokio::test]
async fn the_challenge_of_arc_is_read_by_its_grammar_and_the_key_without_what_stands_around_it() {
    let keys = tempfile::tempdir().unwrap();
    let path = keys.path().join("1.key");
    std::fs::write(&path, "\u{feff}the-key\r\n").unwrap();
    let path = path.display();
    for challenge in [
        format!("Basic realm={path}"),
        format!("BASIC Realm=\"{path}\""),
        format!("basic charset=\"UTF-8\", realm = {path}, x=y"),
        format!("Negotiate, Basic realm={path}"),
        format!("Bearer realm=\"other, Basic realm=other\", Basic realm={path}"),
    ] {
        let said = challenge.clone();
        let arc = FaultServer::start(
            move |asked: &Received| match asked.header("authorization") {
                None => Reply::new(401).header("www-authenticate", said.clone()),
                Some(_) => Reply::json(
                    200,
                    &json!({ "access_token": "t", "expires_on": "99999999999" }),
                ),
            },
        );
        let provider = ManagedIdentity::builder(VAULT)
            .arc_key_directory(keys.path())
            .env(variables(&[
                ("IDENTITY_ENDPOINT", &arc.url("/t")),
                ("IMDS_ENDPOINT", "x"),
            ]))
            .build()
            .unwrap();

        let asked = agent().cache(provider).long_lived(LongLived::Flag);
        let got = asked.build().unwrap().get().await.map(drop);

        assert!(got.is_ok(), "{challenge}: {got:?}");
        assert_eq!(
            arc.requests()[1].header("authorization"),
            Some("Basic the-key")
        );
    }
}

#[tokio::test]
async fn entra_is_sent_one_form_in_one_order() {
    let tenant = Tenant::start();
    let presented = std::fs::read_to_string(tenant.file.path()).unwrap();
    // Tools write a line's end.
    tenant.write(&format!("{presented}\n"));

    let cache = cache(tenant.workload().build().unwrap());
    cache.get().await.unwrap();

    let asked = only(&tenant.entra);
    assert_eq!(
        (asked.method(), asked.target()),
        ("POST", format!("/{TENANT}/oauth2/v2.0/token").as_str())
    );
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("scope", "https://vault.azure.net/.default"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &presented),
    ];
    let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(asked.form(), form);
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert_eq!(
        asked.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(asked.header("authorization"), None);
    assert!(text(&cache).starts_with("eyJ"));
}

#[tokio::test]
async fn the_environment_of_aks_is_all_that_a_workload_needs() {
    let tenant = Tenant::start();
    let file = tenant.file.path().to_str().unwrap();
    let origin = format!("{}/", tenant.entra.origin());
    let provider = keytide_azure::WorkloadIdentity::builder(VAULT)
        .client(crate::client(&tenant.ca))
        .env(variables(&[
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", CLIENT),
            ("AZURE_FEDERATED_TOKEN_FILE", file),
            ("AZURE_AUTHORITY_HOST", &origin),
        ]));

    let cache = cache(provider.build().unwrap());

    let credential = cache.get().await.unwrap();
    assert_eq!(credential.principal(), Some(CLIENT));
    assert_eq!(
        only(&tenant.entra).path(),
        format!("/{TENANT}/oauth2/v2.0/token")
    );
}

#[test]
fn what_cannot_be_asked_for_is_refused_when_it_is_built() {
    let managed = || ManagedIdentity::builder(VAULT);
    for (provider, names) in [
        (ManagedIdentity::builder("").build(), "resource"),
        (ManagedIdentity::builder("a b").build(), "space"),
        (
            managed().client_id("a").object_id("b").build(),
            "more than one id",
        ),
        (managed().client_id("").build(), "client id"),
        (managed().object_id("a\nb").build(), "object id"),
        (managed().resource_id("reader").build(), "/subscriptions/"),
        (
            managed().imds_endpoint("http://imds.example.com").build(),
            "https",
        ),
    ] {
        let error = provider.unwrap_err();
        assert_eq!(error.kind(), keytide_core::ErrorKind::Misconfigured);
        assert!(error.to_string().contains(names), "{error}");
    }
    let workload = || keytide_azure::WorkloadIdentity::builder(VAULT);
    for (provider, names) in [
        (workload().tenant_id("a/b").build(), "tenant"),
        (workload().tenant_id("").build(), "tenant"),
        (workload().client_id("a b").build(), "client id"),
        (
            workload().authority("http://login.example.com").build(),
            "https",
        ),
        (
            workload().token_file("a").token_file("b").build(),
            "more than one assertion",
        ),
    ] {
        let error = provider.unwrap_err();
        assert!(error.to_string().contains(names), "{error}");
    }
}
