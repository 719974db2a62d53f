//! A managed identity, kept fresh: on this machine's own Azure, or with a fake of it.
//!
//! ```text
//! cargo run -p keytide-examples-azure --example azure_managed_identity
//! cargo run -p keytide-examples-azure --example azure_managed_identity -- https://vault.azure.net [CLIENT_ID]
//! ```
//!
//! Without a resource it starts a metadata service of its own, whose tokens live for four seconds, and shows how they
//! rotate under a reader for fifteen. With one it asks the platform that it runs on (VM, AKS, App Service, Functions,
//! Container Apps, Container Instances, Arc) once, and says who it is and for how long. The token is never printed.

use std::error::Error;
use std::time::Duration;

use keytide_azure::ManagedIdentity;
use keytide_core::{Agent, AgentIdentity, Cache, LongLived, Reason};
use keytide_testkit::azure::Imds;
use tokio::time::{Instant, sleep};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next() {
        Some(resource) => real(&resource, arguments.next()).await,
        None => fake().await,
    }
}

async fn real(resource: &str, client_id: Option<String>) -> Result<(), Box<dyn Error>> {
    let mut builder = ManagedIdentity::builder(resource);
    if let Some(id) = client_id {
        builder = builder.client_id(id);
    }
    let agent = agent()?;
    // Tokens of managed identities live for about a day, which a cache refuses unless it is told otherwise.
    let cache = agent
        .cache(builder.build()?)
        .long_lived(LongLived::Flag)
        .build()?;

    let credential = cache.get().await?;

    let who = credential
        .principal()
        .unwrap_or("the identity of this machine");
    println!(
        "a token for {resource}, as {who}, for {:?}",
        credential.remaining()
    );
    end(&agent).await;
    Ok(())
}

async fn fake() -> Result<(), Box<dyn Error>> {
    let imds = Imds::new().lifetime(Duration::from_secs(4)).start();
    let provider = ManagedIdentity::builder("https://vault.azure.net").imds_endpoint(imds.origin());
    let agent = agent()?;
    let cache = agent.cache(provider.build()?).build()?;

    let (mut reads, mut failures) = (0, 0);
    let began = Instant::now();
    let mut shown = 0;
    while began.elapsed() < Duration::from_secs(15) {
        match cache.get().await {
            Ok(credential) if credential.generation() > shown => {
                shown = credential.generation();
                println!(
                    "{:5.1} s  token {shown}, for {:.1?}",
                    began.elapsed().as_secs_f32(),
                    credential.remaining()
                );
            }
            Ok(_) => {}
            Err(error) => {
                println!("{:5.1} s  {error}", began.elapsed().as_secs_f32());
                failures += 1;
            }
        }
        reads += 1;
        sleep(Duration::from_millis(20)).await;
    }

    let rotations = rotations(&cache);
    end(&agent).await;
    println!("azure_managed_identity: {rotations} rotations, {reads} reads, {failures} failures");
    Ok(())
}

fn rotations(cache: &Cache) -> u64 {
    cache.status().generation.saturating_sub(1)
}

/// Azure cannot be told that a token is revoked: what the report says is how long it is still good elsewhere.
async fn end(agent: &Agent) {
    let report = agent.terminate(Reason::Finished).await;
    println!(
        "terminated; what was issued is accepted for another {:.0?}",
        report.residual_exposure()
    );
}

fn agent() -> Result<Agent, keytide_core::Error> {
    let identity = AgentIdentity {
        agent_type: "vault-reader".into(),
        version: "0.1.0".into(),
        environment: "demo".into(),
        owner: "you".into(),
    };
    Agent::builder(identity).build()
}
