//! A certificate authority of one's own, by `AWS_CA_BUNDLE`.

use keytide_aws::{ContainerEndpoint, Env, IssuerClient, WebIdentity, WebIdentityToken};
use keytide_core::{ErrorKind, ProvideCredential};
use keytide_testkit::aws::{Container, Sts};
use keytide_testkit::server::{FaultServer, TestCa};

use crate::support::{ROLE, agent, ask, chain};

#[tokio::test]
async fn a_bundle_that_the_environment_names_is_trusted_and_read_anew() {
    let (ca, other) = (TestCa::new(), TestCa::new());
    let sts = FaultServer::start_tls(Sts::new("ca-sts-"), &ca);
    let task = FaultServer::start_tls(Container::new("ca-task-"), &ca);
    let directory = tempfile::tempdir().unwrap();
    let (token, bundle) = (
        directory.path().join("token"),
        directory.path().join("bundle.pem"),
    );
    std::fs::write(&token, "a.b.c").unwrap();
    let path = bundle.display().to_string();
    let web = || {
        WebIdentity::builder(ROLE, WebIdentityToken::file(&token))
            .region("eu-west-1")
            .endpoint_url(sts.origin())
            .env(Env::of([("AWS_CA_BUNDLE", path.clone())]))
    };
    let container = || {
        ContainerEndpoint::new().env(Env::of([
            ("AWS_CA_BUNDLE", path.clone()),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", task.url("/")),
        ]))
    };

    let error = ask(web().build().unwrap()).await.unwrap_err();
    is_told(&error, &path);
    is_told(&ask(container()).await.unwrap_err(), &path);
    std::fs::write(&bundle, "no certificate").unwrap();
    is_told(&ask(web().build().unwrap()).await.unwrap_err(), &path);

    std::fs::write(&bundle, other.root_pem()).unwrap();
    let agent = agent();
    let session = agent.cache(web().build().unwrap()).build().unwrap();
    let keys = agent.cache(container()).build().unwrap();
    for cache in [&session, &keys] {
        let error = cache.get().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", chain(&error));
    }
    std::fs::write(&bundle, format!("{}{}", other.root_pem(), ca.root_pem())).unwrap();
    for cache in [&session, &keys] {
        cache
            .refresh_now()
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
    }

    // A client that was set is asked as it is.
    let set = web().client(IssuerClient::shared()).build().unwrap();
    assert!(set.profile() == web().build().unwrap().profile());
    assert_eq!(ask(set).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

fn is_told(error: &keytide_core::Error, path: &str) {
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{}", chain(error));
    let shown = chain(error);
    assert!(
        shown.contains("AWS_CA_BUNDLE") && shown.contains(path),
        "{shown}"
    );
}
