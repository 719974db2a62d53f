//! What an end leaves behind at AWS.

use std::time::Duration;

use keytide_aws::{AssumeRole, Env, IdentityTag};
use keytide_aws_policy::SessionRevocation;
use keytide_core::{ErrorKind, Reason};
use keytide_testkit::aws::Sts;
use keytide_testkit::server::FaultServer;

use crate::support::{ROLE, agent, base, client, field};

#[tokio::test]
async fn the_end_of_an_agent_reports_the_longest_session_that_is_still_accepted() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "revoke-");
    let sts = FaultServer::start(Sts::new("revoke-sts-"));
    let role = |seconds| {
        AssumeRole::builder(ROLE, keys.clone())
            .region("eu-west-1")
            .endpoint_url(sts.origin())
            .client(client())
            .env(Env::of::<String, String>([]))
            .raw_duration_seconds(seconds)
            .build()
            .unwrap()
    };
    // An older session outlives the current one: it was asked for when the cache had no other.
    let long = agent.cache(role(7200)).build().unwrap();
    long.get().await.unwrap();
    let short = agent.cache(role(900)).build().unwrap();
    short.get().await.unwrap();
    short.refresh_now().await.unwrap();

    let report = agent.terminate(Reason::Finished).await;

    let residual = report.residual_exposure();
    // The keys of the platform last six hours, longer than any session.
    assert!(
        residual > Duration::from_secs(6 * 3600 - 30) && residual <= Duration::from_secs(6 * 3600),
        "{residual:?}"
    );
    assert_eq!(long.get().await.unwrap_err().kind(), ErrorKind::Revoked);
}

#[tokio::test]
async fn a_revoked_role_reports_every_generation_that_has_not_expired() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "revoke-gen-");
    // The first session lasts two hours, the next one a quarter of one.
    let sts = FaultServer::start(|asked: &keytide_testkit::server::Received| {
        let seconds = if asked.number() == 1 { 7200 } else { 900 };
        let expires = keytide_core::Clock::wall(&keytide_core::SystemClock::default())
            + Duration::from_secs(seconds);
        let expires = aws_smithy_types::DateTime::from(expires)
            .fmt(aws_smithy_types::date_time::Format::DateTime)
            .unwrap();
        keytide_testkit::server::Reply::new(200).body(format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA{0:016}</AccessKeyId>\
             <SecretAccessKey>revoke-gen-{0}</SecretAccessKey><SessionToken>t-{0}</SessionToken>\
             <Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            asked.number()
        ))
    });
    let provider = AssumeRole::builder(ROLE, keys)
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client())
        .build()
        .unwrap();
    let cache = agent.cache(provider).build().unwrap();
    cache.get().await.unwrap();
    cache.refresh_now().await.unwrap();
    assert!(cache.get().await.unwrap().remaining() <= Duration::from_secs(900));

    let revoked = cache.revoke();

    let residual = revoked.report().residual_exposure;
    assert!(
        residual > Duration::from_secs(7100),
        "the first session is still accepted: {residual:?}"
    );
}

#[tokio::test]
async fn the_deny_document_names_what_sts_received_of_this_instance_and_of_no_other() {
    let sts = FaultServer::start(Sts::new("revoke-doc-sts-"));
    let mut documents = Vec::new();
    let mut received = Vec::new();
    for _ in 0..2 {
        let agent = agent();
        let (keys, _platform) = base(&agent, "revoke-doc-");
        let provider = AssumeRole::builder(ROLE, keys)
            .region("eu-west-1")
            .endpoint_url(sts.origin())
            .client(client())
            .build()
            .unwrap();
        agent.cache(provider).build().unwrap().get().await.unwrap();
        documents.push(
            SessionRevocation::builder(ROLE)
                .agent(agent.identity(), agent.instance())
                .build()
                .unwrap()
                .document()
                .to_owned(),
        );
        let asked = sts.requests().pop().unwrap();
        let tag = asked
            .form()
            .into_iter()
            .find(|(_, value)| value == IdentityTag::Instance.key())
            .map(|(name, _)| name.replace(".Key", ".Value"))
            .unwrap();
        received.push(
            ["RoleSessionName", "SourceIdentity", &tag].map(|name| field(&asked, name).unwrap()),
        );
    }

    let json: serde_json::Value = serde_json::from_str(&documents[0]).unwrap();
    let statements = json["Statement"].as_array().unwrap();
    assert!(
        statements
            .iter()
            .all(|statement| statement["Effect"] == "Deny"),
        "{json}"
    );
    let [name, source, instance] = &received[0];
    for (condition, value) in [
        ("aws:userid", format!("*:{name}")),
        ("aws:SourceIdentity", source.clone()),
        ("aws:PrincipalTag/agent-instance", instance.clone()),
    ] {
        let named = statements.iter().any(|statement| {
            statement["Condition"]
                .as_object()
                .is_some_and(|conditions| conditions.values().any(|keys| keys[condition] == *value))
        });
        assert!(named, "{condition} = {value}: {json}");
    }
    for other in &received[1] {
        assert!(!documents[0].contains(other.as_str()), "{other}");
    }
}
