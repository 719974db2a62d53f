//! An entrant as a [`Subject`]: its reads on the calling thread, inside the runtime.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::entrant::Entrant;
use crate::issuer::FakeIssuer;
use crate::running::{Failure, Running};
use crate::subject::Subject;

pub(super) struct Hit<'a> {
    runtime: &'a Runtime,
    name: String,
    running: Arc<dyn Running>,
    failure: OnceLock<Failure>,
}

impl<'a> Hit<'a> {
    /// Makes it and loads it.
    pub(super) fn start(
        runtime: &'a Runtime,
        entrant: &Entrant,
        issuer: &FakeIssuer,
    ) -> Result<Self, Failure> {
        let running = runtime.block_on(async {
            let running = entrant.start(issuer)?;
            let first = tokio::time::timeout(Duration::from_secs(10), running.read()).await;
            match first {
                Ok(read) => read.map(|_| running),
                Err(_) => Err(Failure::of("no credential within 10 s")),
            }
        })?;
        Ok(Self {
            runtime,
            name: entrant.info().name.clone(),
            running,
            failure: OnceLock::new(),
        })
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.get()
    }
}

impl Subject for Hit<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn read_many(&self, reads: u64) {
        if let Err(failure) = self.runtime.block_on(self.running.read_many(reads)) {
            let _ = self.failure.set(failure);
        }
    }
}
