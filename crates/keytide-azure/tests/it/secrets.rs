//! No secret gets out: not in logs at any level, not in errors, not in `Debug`.

use keytide_azure::{DefaultIdentity, ManagedIdentity};
use keytide_testkit::Canary;
use keytide_testkit::server::{Fault, FaultServer, Received, Reply};
use serde_json::json;

use crate::{CLIENT, TENANT, Tenant, VAULT, agent, cache, client, variables, whole};

#[tokio::test]
async fn tokens_headers_keys_assertions_and_secrets_stay_inside() {
    let token = Canary::new();
    let header = Canary::new();
    let key = Canary::new();
    let secret = Canary::new();
    let given = token.secret().to_owned();
    let body = json!({
        "access_token": given, "token_type": "Bearer", "expires_in": 3600,
        "expires_on": "99999999999", "not_before": "1",
    });
    let good = body.clone();
    let any = FaultServer::start(move |_: &Received| Reply::json(200, &good));
    let tenant = Tenant::start();
    let entra = FaultServer::start_tls(move |_: &Received| Reply::json(200, &body), &tenant.ca);
    let keys = tempfile::tempdir().unwrap();
    let path = keys.path().join("1.key");
    std::fs::write(&path, key.secret()).unwrap();
    let named = path.display().to_string();
    let of_arc = token.secret().to_owned();
    let arc = FaultServer::start(
        move |asked: &Received| match asked.header("authorization") {
            None => Reply::new(401).header("www-authenticate", format!("Basic realm={named}")),
            Some(_) => Reply::json(
                200,
                &json!({ "access_token": of_arc, "expires_on": "99999999999" }),
            ),
        },
    );
    let (endpoint, agent_of_arc, authority) =
        (any.url("/msi/token"), arc.url("/t"), entra.origin());

    let imds = ManagedIdentity::builder(VAULT)
        .imds_endpoint(any.origin())
        .build()
        .unwrap();
    let app = ManagedIdentity::builder(VAULT)
        .env(variables(&[
            ("IDENTITY_ENDPOINT", &endpoint),
            ("IDENTITY_HEADER", header.secret()),
        ]))
        .build()
        .unwrap();
    let server = ManagedIdentity::builder(VAULT)
        .arc_key_directory(keys.path())
        .env(variables(&[
            ("IDENTITY_ENDPOINT", &agent_of_arc),
            ("IMDS_ENDPOINT", "x"),
        ]))
        .build()
        .unwrap();
    let workload = tenant.workload().authority(entra.origin()).build().unwrap();
    let static_one = DefaultIdentity::builder(VAULT)
        .client(client(&tenant.ca))
        .danger_client_secret()
        .env(variables(&[
            ("AZURE_CLIENT_SECRET", secret.secret()),
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", CLIENT),
            ("AZURE_AUTHORITY_HOST", &authority),
        ]))
        .build()
        .unwrap();

    let mut shown = format!("{imds:?} {app:?} {server:?} {workload:?} {static_one:?}");
    let agent = agent();
    let far = std::time::Duration::from_secs(100 * 365 * 24 * 3600);
    let caches = [
        agent.cache(imds).longest_lifetime(far).build().unwrap(),
        agent.cache(app).longest_lifetime(far).build().unwrap(),
        agent.cache(server).longest_lifetime(far).build().unwrap(),
        agent.cache(workload).build().unwrap(),
        agent
            .cache(static_one)
            .danger_allow_static()
            .build()
            .unwrap(),
    ];
    for cache in &caches {
        match cache.get().await {
            Ok(credential) => shown += &format!("{credential:?}"),
            Err(error) => shown += &whole(&error),
        }
    }
    for server in [&any, &arc, &entra] {
        server.set(Fault::status(500));
    }
    for cache in &caches {
        shown += &whole(&cache.refresh_now().await.unwrap_err());
    }

    let presented = std::fs::read_to_string(tenant.file.path()).unwrap();
    for secret in [
        token.secret(),
        header.secret(),
        key.secret(),
        secret.secret(),
        &presented,
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(!Canary::logged(&presented), "the assertion was logged");
    assert!(Canary::logged("keytide"), "the watch works");
}

#[tokio::test]
async fn the_other_platforms_are_shown_what_is_theirs_alone() {
    let any = FaultServer::start(|_: &Received| {
        Reply::json(
            200,
            &json!({ "access_token": "t", "expires_on": "99999999999" }),
        )
    });
    let provider = ManagedIdentity::builder(VAULT)
        .imds_endpoint(any.origin())
        .env(variables(&[(
            "IDENTITY_HEADER",
            "header-of-another-platform",
        )]));

    let _ = cache(provider.build().unwrap()).get().await;

    let asked = &any.requests()[0];
    assert!(
        asked
            .headers()
            .iter()
            .all(|(_, value)| value != b"header-of-another-platform")
    );
}
