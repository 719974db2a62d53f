use keytide_core::{Agent, AgentIdentity, AgentType, Environment, Owner, Version};

use super::*;

struct Shared(Arc<ProjectedToken>);

impl ProvideCredential for Shared {
    fn profile(&self) -> Profile {
        self.0.profile()
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.0.provide(request).await
    }
}

/// A file system that hangs is stood in for by a runtime whose one blocking thread is busy.
#[test]
fn a_read_that_hangs_is_not_begun_again() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let identity = AgentIdentity::new(
            AgentType("test"),
            Version("0"),
            Environment("test"),
            Owner("tests"),
        );
        let agent = Agent::builder(identity.unwrap())
            .runtime(tokio::runtime::Handle::current())
            .build()
            .unwrap();
        let provider = Arc::new(ProjectedToken::at("/nowhere/token"));
        let cache = agent
            .cache(Shared(Arc::clone(&provider)))
            .flight_limit(Duration::from_millis(100))
            .build()
            .unwrap();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || wait.recv());

        for _ in 0..3 {
            assert!(cache.refresh_now().await.is_err());
        }

        // One is held by the provider, one by each read that has not ended.
        assert_eq!(Arc::strong_count(&provider.path), 2);
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        let error = cache.refresh_now().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
    });
}
