//! No secret in a log at any level, in an error, or in what Debug shows.

use std::fmt::Debug;

use keytide_aws::{
    AssumeRole, CallerIdentityToken, Env, Imds, OutboundToken, WebIdentity, WebIdentityToken,
};
use keytide_core::{Agent, ProvideCredential};
use keytide_testkit::Canary;
use keytide_testkit::aws::{Container, Instance, Sts, refusal};
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer};

use crate::machine::Machine;
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

    for answer in [
        None,
        Some(refusal(403, "AccessDenied")),
        Some(refusal(400, "ExpiredToken")),
        Some(refusal(500, "NeverHeardOf")),
    ] {
        sts.heal();
        instance.heal();
        if let Some(reply) = answer {
            let no = Fault::answer("no", reply, Outcome::Either);
            sts.set(no.clone());
            instance.set(no);
        }

        let imds = Imds::new()
            .endpoint(instance.origin())
            .env(Env::of::<String, String>([]));
        look(&agent, imds, secret).await;
        let role = AssumeRole::builder(ROLE, keys.clone())
            .region("eu-west-1")
            .endpoint_url(sts.origin())
            .client(client());
        look(&agent, role.build().unwrap(), secret).await;
        let web = WebIdentity::builder(ROLE, WebIdentityToken::file(&path))
            .region("eu-west-1")
            .endpoint_url(sts.origin())
            .client(client());
        look(&agent, web.build().unwrap(), secret).await;
        let outbound = OutboundToken::builder("audience", keys.clone())
            .region("eu-west-1")
            .endpoint_url(sts.origin());
        look(&agent, outbound.build().unwrap(), secret).await;
        let google = CallerIdentityToken::builder("//iam", keys.clone()).region("eu-west-1");
        look(&agent, google.build().unwrap(), secret).await;
    }

    for (text, asked) in [
        (
            format!("[default]\naws_access_key_id = {secret}\naws_secret_access_key = {secret}\n"),
            0,
        ),
        (
            format!("[default]\n{secret} {secret} = {secret}\naws_secret_access_key = {secret}\n"),
            0,
        ),
        // What nobody can read of another profile concerns nobody: the instance is asked.
        (format!("[profile {secret}]\n{secret}\n"), 3),
        (format!("{secret}\n"), 0),
    ] {
        let machine = Machine::new(secret).file(".aws/credentials", text);
        look(&agent, machine.provider(), secret).await;
        assert_eq!(machine.asked(), asked);
    }

    assert_eq!((sts.count(), instance.count()), (12, 6));
    assert!(Canary::logged("127.0.0.1"), "the watch works");
}

/// Asks a provider, and looks at all that it shows.
async fn look<P: ProvideCredential + Debug>(agent: &Agent, provider: P, secret: &str) {
    let mut shown = format!("{provider:?}");
    match agent.cache(provider).build().unwrap().get().await {
        Ok(credential) => {
            let key = credential.expose_signing_key("test").map(|key| key.secret);
            let exposed = key.or_else(|_| credential.expose_bearer("test")).unwrap();
            let exposed = String::from_utf8_lossy(exposed).into_owned();
            assert!(exposed.contains(secret), "it holds the secret");
            shown += &format!("{credential:?}");
        }
        Err(error) => shown += &format!("{} {error:?}", chain(&error)),
    }
    assert!(!shown.contains(secret), "{shown}");
}
