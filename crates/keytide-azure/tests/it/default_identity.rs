//! Which identity the environment gives.

use keytide_azure::DefaultIdentity;
use keytide_core::{ErrorKind, LongLived};
use keytide_testkit::azure::{AppService, Imds};

use crate::{
    CLIENT, OBJECT, RESOURCE_ID, TENANT, Tenant, VAULT, agent, cache, client, failed, variables,
    whole,
};

#[tokio::test]
async fn the_platforms_environment_decides_in_this_order() {
    let tenant = Tenant::start();
    let app = AppService::new("h")
        .user_assigned(CLIENT, OBJECT, RESOURCE_ID)
        .start();
    let imds = Imds::new()
        .user_assigned(CLIENT, OBJECT, RESOURCE_ID)
        .start();
    let (file, entra) = (tenant.file.path().to_str().unwrap(), tenant.entra.origin());
    let (endpoint, machine) = (app.url("/msi/token"), imds.origin());
    let of_workload = [
        ("AZURE_FEDERATED_TOKEN_FILE", file),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_AUTHORITY_HOST", &entra),
    ];
    let of_app = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", "h"),
    ];
    let of_machine = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.as_str())];
    let id = [("AZURE_CLIENT_ID", CLIENT)];
    for (there, asked) in [
        (
            [&of_workload[..], &of_app, &of_machine, &id].concat(),
            [1, 0, 0],
        ),
        ([&of_app[..], &of_machine, &id].concat(), [0, 1, 0]),
        // One that somebody named is not looked for first.
        ([&of_machine[..], &id].concat(), [0, 0, 1]),
        (of_machine.to_vec(), [0, 0, 1]),
    ] {
        for server in [&tenant.entra, &app, &imds] {
            server.forget();
        }
        let provider = DefaultIdentity::builder(VAULT)
            .client(client(&tenant.ca))
            .env(variables(&there))
            .build()
            .unwrap();

        let credential = cache(provider).get().await.unwrap();

        let counts = [tenant.entra.count(), app.count(), imds.count()];
        assert_eq!(counts, asked, "{there:?}");
        let named = there.contains(&("AZURE_CLIENT_ID", CLIENT));
        assert_eq!(credential.principal() == Some(CLIENT), named, "{there:?}");
    }
}

#[tokio::test]
async fn a_client_secret_is_found_named_and_refused() {
    let tenant = Tenant::with(|entra| entra.secret(CLIENT, "canary-secret-of-the-app"));
    let origin = tenant.entra.origin();
    let there = [
        ("AZURE_CLIENT_SECRET", "canary-secret-of-the-app"),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_AUTHORITY_HOST", &origin),
        // That another way would work is no reason to overlook it.
        (
            "AZURE_FEDERATED_TOKEN_FILE",
            tenant.file.path().to_str().unwrap(),
        ),
    ];
    let builder = || {
        DefaultIdentity::builder(VAULT)
            .client(client(&tenant.ca))
            .env(variables(&there))
    };

    let error = failed(builder().build().unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    for named in [
        "AZURE_CLIENT_SECRET",
        "danger_client_secret",
        "workload identity",
    ] {
        assert!(error.to_string().contains(named), "{error}");
    }
    assert!(!whole(&error).contains("canary"));
    assert_eq!(tenant.entra.count(), 0);

    let allowed = || builder().danger_client_secret().build().unwrap();
    let error = agent().cache(allowed()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaticCredential, "{error}");
    assert!(error.to_string().contains("AZURE_CLIENT_SECRET"), "{error}");

    let cache = agent()
        .cache(allowed())
        .danger_allow_static()
        .build()
        .unwrap();
    cache.get().await.unwrap();
    let form = tenant.entra.requests()[0].form();
    assert!(form.contains(&(
        "client_secret".to_owned(),
        "canary-secret-of-the-app".to_owned()
    )));
    assert!(
        !form
            .iter()
            .any(|(name, _)| name.starts_with("client_assertion"))
    );
}

#[tokio::test]
async fn what_is_configured_and_fails_is_not_replaced_by_another_identity() {
    let tenant = Tenant::start();
    tenant
        .entra
        .set(keytide_testkit::server::Fault::status(429));
    let imds = Imds::new().start();
    let (origin, machine) = (tenant.entra.origin(), imds.origin());
    let there = [
        (
            "AZURE_FEDERATED_TOKEN_FILE",
            tenant.file.path().to_str().unwrap(),
        ),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_AUTHORITY_HOST", &origin),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &machine),
    ];
    let provider = DefaultIdentity::builder(VAULT)
        .client(client(&tenant.ca))
        .env(variables(&there));

    let error = failed(provider.build().unwrap()).await;

    assert_eq!(error.kind(), ErrorKind::Throttled, "{error}");
    assert_eq!(imds.count(), 0);
}

#[tokio::test]
async fn each_scope_has_a_cache_of_its_own_and_a_slow_one_delays_no_other() {
    let imds = Imds::new().start();
    let of = |resource: &str| {
        let provider = keytide_azure::ManagedIdentity::builder(resource)
            .imds_endpoint(imds.origin())
            .build()
            .unwrap();
        agent()
            .cache(provider)
            .long_lived(LongLived::Flag)
            .build()
            .unwrap()
    };
    let (slow, quick) = (
        of("https://slow.example.com"),
        of("https://quick.example.com"),
    );
    imds.faults_only(|asked| asked.target().contains("slow"));
    imds.set(keytide_testkit::server::Fault::hang(
        keytide_testkit::server::At::BeforeHeaders,
    ));

    let waits = tokio::spawn(async move { slow.get().await });
    quick.get().await.unwrap();
    for _ in 0..20 {
        quick.refresh_now().await.unwrap();
    }

    assert!(!waits.is_finished());
    waits.abort();
}
