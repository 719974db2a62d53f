//! An agent on Google Cloud, with the account that is attached to it.
//!
//!   cargo run -p keytide-examples-gcp --example gcp_metadata            a fake metadata server, tokens of 8 s
//!   cargo run -p keytide-examples-gcp --example gcp_metadata -- --here  the metadata server of this machine
//!
//! It reads its token for 20 s and prints each new generation: never the token itself.

use std::time::Duration;

use keytide_core::{Agent, AgentIdentity, Cache, Error};
use keytide_gcp::MetadataServer;
use keytide_testkit::gcp::Google;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let here = std::env::args().any(|argument| argument == "--here");
    // As that of Cloud Run, it gives the same token until its last seconds.
    let google = Google::new()
        .lifetime(Duration::from_secs(8))
        .repeats_until(Duration::from_secs(3));
    let fake = (!here).then(|| google.start());

    let identity = AgentIdentity {
        agent_type: "invoice-reader".into(),
        version: "1.4.2".into(),
        environment: "example".into(),
        owner: "payments".into(),
    };
    let agent = Agent::builder(identity).build()?;
    let mut access =
        MetadataServer::access_token(["https://www.googleapis.com/auth/devstorage.read_only"]);
    let mut caller = MetadataServer::identity_token("https://invoices.example.com");
    if let Some(fake) = &fake {
        access = access.host(fake.address().to_string());
        caller = caller.host(fake.address().to_string());
    }
    let access = agent.cache(access.build()?).build()?;
    let caller = agent.cache(caller.build()?).build()?;

    let identity = caller.get().await?;
    println!(
        "identity token of {}, {} s left",
        identity
            .principal()
            .unwrap_or("an account that is not named"),
        identity.remaining().as_secs()
    );
    watch(&access, Duration::from_secs(20)).await?;
    let status = access.status();
    println!(
        "gcp_metadata: {} rotations, {} failures",
        status.rotations, status.failures
    );
    Ok(())
}

/// Reads it ten times a second.
async fn watch(cache: &Cache, time: Duration) -> Result<(), Error> {
    let mut seen = 0;
    for _ in 0..time.as_millis() / 100 {
        let credential = cache.get().await?;
        if credential.generation() != seen {
            seen = credential.generation();
            println!(
                "access token, generation {seen}, {} s left",
                credential.remaining().as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
