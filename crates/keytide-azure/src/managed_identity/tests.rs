use keytide_core::{Agent, AgentIdentity, LongLived};
use keytide_issuer::Env;
use keytide_testkit::azure::AppService as FakeApp;
use tokio::sync::RwLock;

use super::*;

/// A provider in an environment that changes, as that of a process cannot in a test.
struct Moving(std::sync::Arc<RwLock<ManagedIdentity>>);

impl ProvideCredential for Moving {
    fn profile(&self) -> Profile {
        Profile::bearer("moving")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.0.read().await.provide(request).await
    }
}

#[tokio::test]
async fn the_header_of_the_platform_is_read_anew_for_each_call() {
    let service = FakeApp::new("second").start();
    let env = |header: &str| {
        Env::of([
            ("IDENTITY_ENDPOINT", service.url("/msi/token")),
            ("IDENTITY_HEADER", header.to_owned()),
        ])
    };
    let provider = ManagedIdentity::builder("https://vault.azure.net").env(env("first"));
    let provider = std::sync::Arc::new(RwLock::new(provider.build().unwrap()));
    let identity = AgentIdentity {
        agent_type: "azure".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    let cache = agent
        .cache(Moving(std::sync::Arc::clone(&provider)))
        .long_lived(LongLived::Flag)
        .build()
        .unwrap();
    cache.get().await.unwrap_err();

    provider.write().await.search.env = env("second");

    cache.refresh_now().await.unwrap();
}
