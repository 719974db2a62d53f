//! No secret in a log at any level, in an error, or in what Debug shows.

use keytide_aws::{AssumeRole, CallerIdentityToken, Imds, OutboundToken, Variables, WebIdentity};
use keytide_core::ProvideCredential;
use keytide_testkit::Canary;
use keytide_testkit::aws::{Container, Instance, Sts, refusal};
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer};

use crate::support::{ROLE, agent, chain, client, container};

#[tokio::test]
async fn no_secret_is_logged_or_shown() {
    let canary = Canary::new();
    let secret = canary.secret();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, secret).unwrap();
    let platform = FaultServer::start(Container::new(secret));
    let instance = FaultServer::start(Instance::new(secret));
    let sts = FaultServer::start(Sts::new(secret));
    let agent = agent();
    let keys = agent.cache(container(&platform)).build().unwrap();
    let none = || Variables::of::<String, String>([]);

    let imds = Imds::new().endpoint(instance.origin()).variables(none());
    let role = AssumeRole::builder(ROLE, keys.clone())
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client());
    let web = WebIdentity::file(ROLE, &path)
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client());
    let outbound = OutboundToken::builder("a", keys.clone())
        .region("eu-west-1")
        .endpoint_url(sts.origin());
    let gcp = CallerIdentityToken::builder("//iam", keys.clone()).region("eu-west-1");
    for answer in [
        None,
        Some(refusal(403, "AccessDenied")),
        Some(refusal(500, "NeverHeardOf")),
    ] {
        let _ = answer.map(|reply| sts.set(Fault::answer("no", reply, Outcome::Either)));
        let _ = seen(&agent, imds.clone(), secret).await;
    }
    sts.heal();
    for round in 0..2 {
        let build = |what: &str| panic!("{what} could not be built");
        let _ = seen(
            &agent,
            AssumeRole::builder(ROLE, keys.clone())
                .region("eu-west-1")
                .endpoint_url(sts.origin())
                .build()
                .unwrap_or_else(|_| build("role")),
            secret,
        )
        .await;
        if round == 0 {
            sts.set(Fault::answer(
                "no",
                refusal(403, "AccessDenied"),
                Outcome::Either,
            ));
        }
    }
    sts.heal();
    seen(&agent, role.build().unwrap(), secret).await;
    seen(&agent, web.build().unwrap(), secret).await;
    seen(&agent, outbound.build().unwrap(), secret).await;
    seen(&agent, gcp.build().unwrap(), secret).await;
    assert!(sts.count() >= 5 && instance.count() >= 9);
    assert!(Canary::logged("127.0.0.1"), "the watch works");
}

async fn seen<P: ProvideCredential + std::fmt::Debug>(
    agent: &keytide_core::Agent,
    provider: P,
    secret: &str,
) {
    let shown = format!("{provider:?}");
    assert!(!shown.contains(secret), "{shown}");
    let cache = agent.cache(provider).build().unwrap();
    match cache.get().await {
        Ok(credential) => {
            let text = String::from_utf8_lossy(credential.expose("test")).into_owned();
            assert!(!text.is_empty());
            let shown = format!("{credential:?}");
            assert!(!shown.contains(&text), "{shown}");
        }
        Err(error) => {
            let text = format!("{} {error:?}", chain(&error));
            assert!(!text.contains(secret), "{text}");
        }
    }
}
