//! Readers through keytide, with tokens of seconds, at an API that asks the issuers about each.

use std::time::Duration;

use keytide_core::{Agent, AgentIdentity, Cache, Subject, SubjectUse};
use keytide_gcp::{
    AccessBoundary, BoundaryRule, CLOUD_PLATFORM, Downscoped, ExternalAccount, Impersonated,
    MetadataServer,
};
use keytide_http::AuthorizedClient;
use keytide_interop::{Crowd, Failure, check};
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{FaultServer, Received, Reply};

/// Not one request is refused, by any way to a token, while each of them rotates several times.
pub(crate) async fn rotate(scale: u32) -> Result<(), Failure> {
    let (life, load, pause) = (LIFETIME * scale, LOAD * scale, PAUSE * scale);
    println!("== {READERS} readers for {load:?}, tokens of {life:?}");
    let google = Google::new().lifetime(life);
    let server = google.start();
    let known = google.clone();
    let api = FaultServer::start(move |asked: &Received| {
        let token = asked
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        let accepted = token.is_some_and(|token| known.accepts(token));
        Reply::new(if accepted { 200 } else { 401 })
    });
    let host = server.address().to_string();
    let origin = server.origin();

    let agent = agent()?;
    let metadata = MetadataServer::access_token([CLOUD_PLATFORM])
        .host(&host)
        .build()?;
    let metadata = agent.cache(metadata).build()?;
    let subject = MetadataServer::identity_token("https://pool.example.com")
        .host(&host)
        .build()?;
    let subject = Subject::new(agent.cache(subject).build()?, SubjectUse::Repeatable);
    let federated = ExternalAccount::builder(POOL)
        .subject(subject)
        .scopes([CLOUD_PLATFORM])
        .impersonate(ACCOUNT)
        .impersonated_lifetime(life)
        .token_url(server.url("/v1/token"))
        .impersonation_endpoint(&origin)
        .danger_allow_endpoint(&origin)
        .build()?;
    let impersonated = Impersonated::access_token(metadata.clone(), ACCOUNT, [CLOUD_PLATFORM])
        .lifetime(life)
        .endpoint(&origin)
        .danger_allow_endpoint(&origin)
        .build()?;
    let boundary =
        AccessBoundary::new([BoundaryRule::bucket("invoices").role("roles/storage.objectViewer")])?;
    let downscoped = Downscoped::builder(metadata.clone(), boundary)
        .token_url(server.url("/v1/token"))
        .danger_allow_endpoint(&origin)
        .build()?;
    let caches: [(&str, Cache); 4] = [
        ("MetadataServer", metadata),
        ("ExternalAccount", agent.cache(federated).build()?),
        ("Impersonated", agent.cache(impersonated).build()?),
        ("Downscoped", agent.cache(downscoped).build()?),
    ];

    let mut crowds = Vec::new();
    for (name, cache) in &caches {
        let client = AuthorizedClient::builder(reqwest::Client::builder(), cache.clone())
            .destination(api.origin())
            .build()?;
        crowds.push((
            name,
            cache,
            Crowd::start(&client, &api.url("/x"), READERS, pause),
        ));
    }
    tokio::time::sleep(load).await;
    for (name, cache, crowd) in crowds {
        let tally = crowd.stop().await;
        let status = cache.status();
        println!("   {name}: {tally:?}, {} rotations", status.rotations);
        check(
            tally.accepted > 0 && tally.refused == 0 && tally.other == 0 && tally.errors == 0,
            format_args!("{name}: {} requests accepted, none refused", tally.accepted),
        )?;
        check(
            status.rotations >= 3,
            format_args!("{name}: it rotated {} times", status.rotations),
        )?;
    }
    Ok(())
}

pub(crate) fn agent() -> Result<Agent, Failure> {
    let identity = AgentIdentity {
        agent_type: "interop".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        environment: "test".into(),
        owner: "keytide".into(),
    };
    Ok(Agent::builder(identity).build()?)
}

const POOL: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster";
const ACCOUNT: &str = "reader@project-1.iam.gserviceaccount.com";
const LIFETIME: Duration = Duration::from_secs(6);
const LOAD: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);
const READERS: usize = 10;
