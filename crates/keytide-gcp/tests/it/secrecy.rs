//! No secret in logs at TRACE, errors or `Debug`: of any provider, whatever its issuer does.

use keytide_core::{Cache, ProvideCredential, Subject, SubjectUse};
use keytide_gcp::{
    AccessBoundary, BoundaryRule, Downscoped, ExternalAccount, ExternalAccountConfig, Impersonated,
    ServiceAccountKey, UserCredentials,
};
use keytide_testkit::Canary;
use keytide_testkit::server::{Fault, FaultServer, Good, Reply};
use serde_json::json;

use crate::support::{API, POOL, STORAGE, TARGET, agent, federated, key, metadata, write};

/// Issuers whose every token is the canary.
fn leaky(canary: &Canary) -> Good {
    let secret = canary.secret().to_owned();
    let long = "2099-01-01T00:00:00Z";
    Good::new(move |asked| {
        if asked.path().ends_with("/identity") {
            return Reply::new(200)
                .header("metadata-flavor", "Google")
                .body(format!("e30.{secret}.x"));
        }
        let body = json!({
            "access_token": secret, "expires_in": 3599, "token_type": "Bearer",
            "accessToken": secret, "expireTime": long, "token": secret, "id_token": secret,
        });
        Reply::json(200, &body).header("metadata-flavor", "Google")
    })
}

async fn asked(cache: &Cache, server: &FaultServer) -> String {
    let mut told = String::new();
    for fault in [
        Fault::none(),
        Fault::html(),
        Fault::status(401),
        Fault::status(500),
        Fault::truncated(),
    ] {
        server.set(fault);
        match cache.refresh_now().await {
            Ok(credential) => told.push_str(&format!("{credential:?}\n")),
            Err(error) => told.push_str(&format!(
                "{error} {error:?} {:#?}\n",
                std::error::Error::source(&error)
            )),
        }
    }
    told
}

#[tokio::test]
async fn no_secret_gets_out() {
    let canary = Canary::new();
    let directory = tempfile::tempdir().unwrap();
    let server = FaultServer::start(leaky(&canary));
    let subject = write(directory.path(), "subject", canary.secret());
    let base = agent()
        .cache(metadata(&server).build().unwrap())
        .build()
        .unwrap();
    let boundary =
        AccessBoundary::new([BoundaryRule::bucket("invoices").role("roles/storage.objectViewer")]);
    let login = json!({
        "type": "authorized_user", "client_id": "client",
        "client_secret": canary.secret(), "refresh_token": canary.secret(),
    });
    let login = write(directory.path(), "login", login);
    let config = json!({
        "type": "external_account", "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": server.url("/v1/token"),
        "credential_source": { "url": server.url("/subject"), "headers": { "authorization": canary.secret() } },
        "client_id": "client", "client_secret": canary.secret(),
    });
    let config = ExternalAccountConfig::from_json(config.to_string().as_bytes()).unwrap();
    let mut debug = format!("{config:?}");
    let origin = server.origin();

    let mut caches = Vec::new();
    let mut add = |provider: Shown| {
        debug.push_str(&provider.debug);
        caches.push(provider.cache);
    };
    add(shown(metadata(&server).build().unwrap()));
    add(shown(
        keytide_gcp::MetadataServer::identity_token(API)
            .host(server.address().to_string())
            .build()
            .unwrap(),
    ));
    add(shown(
        federated(&server).subject_file(&subject).build().unwrap(),
    ));
    add(shown(
        federated(&server)
            .subject(Subject::new(base.clone(), SubjectUse::Repeatable))
            .impersonate(TARGET)
            .impersonation_endpoint(&origin)
            .build()
            .unwrap(),
    ));
    add(shown(
        ExternalAccount::from_config(config)
            .scopes([STORAGE])
            .danger_allow_endpoint(&origin)
            .build()
            .unwrap(),
    ));
    add(shown(
        Impersonated::access_token(base.clone(), TARGET, [STORAGE])
            .endpoint(&origin)
            .danger_allow_endpoint(&origin)
            .build()
            .unwrap(),
    ));
    add(shown(
        Impersonated::identity_token(base.clone(), TARGET, API)
            .endpoint(&origin)
            .danger_allow_endpoint(&origin)
            .build()
            .unwrap(),
    ));
    add(shown(
        Downscoped::builder(base.clone(), boundary.unwrap())
            .token_url(server.url("/v1/token"))
            .danger_allow_endpoint(&origin)
            .build()
            .unwrap(),
    ));
    add(shown(
        UserCredentials::danger_from_file(login, [STORAGE])
            .token_uri(server.url("/token"))
            .danger_allow_endpoint(&origin)
            .build()
            .unwrap(),
    ));
    add(shown(
        ServiceAccountKey::danger_from_json(key(&server).to_string())
            .scopes([STORAGE])
            .danger_allow_endpoint(&origin)
            .build()
            .unwrap(),
    ));

    for cache in caches {
        debug.push_str(&asked(&cache, &server).await);
        server.heal();
    }

    assert!(!debug.contains(canary.secret()), "{debug}");
    assert!(!debug.contains(server.body_canary()), "{debug}");
    assert!(!Canary::logged(server.body_canary()));
    let private = crate::support::KEY.0.lines().nth(1).unwrap().to_owned();
    let middle = &private[100..140];
    assert!(!debug.contains(middle) && !Canary::logged(middle));
    assert!(Canary::logged("keytide"), "the watch sees something");
}

struct Shown {
    debug: String,
    cache: Cache,
}

fn shown(provider: impl ProvideCredential + std::fmt::Debug) -> Shown {
    Shown {
        debug: format!("{provider:?} {provider:#?}"),
        cache: agent()
            .cache(provider)
            .danger_allow_static()
            .build()
            .unwrap(),
    }
}
