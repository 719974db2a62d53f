//! keytide as it takes part: by `get().await`, and by the borrowed read.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use keytide_core::{Agent, Cache, Credential};

use super::keytide::agent;
use super::names;
use crate::contend::{Contend, bearer};
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::FakeIssuer;
use crate::running::Failure;

/// keytide, read by `get().await`.
pub(crate) fn get() -> Entrant {
    Entrant::of::<Owned>(info(names::GET).path("cache.get().await, owned"))
}

/// keytide, read by `read(…)`.
pub(crate) fn read() -> Entrant {
    let path = "cache.read(|credential| …), borrowed; get().await where there is none";
    Entrant::of::<Borrowed>(info(names::READ).path(path))
}

fn info(name: &str) -> Info {
    // The issuer's hint says when, so there is no margin of its own; what is added keeps the old one valid meanwhile.
    Info::new(name, env!("CARGO_PKG_VERSION"), Role::Keytide)
        .of_crate("keytide-core")
        .ahead(8, 0)
        .setup("defaults; asks again when the issuer's hint says so")
}

struct Owned {
    agent: Agent,
    cache: Cache,
}

impl Contend for Owned {
    type Read = Arc<Credential>;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        let agent = agent().and_then(|agent| agent.build());
        Self::of(agent.map_err(Failure::of)?, issuer)
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        Self::of(self.agent.clone(), issuer)
    }

    async fn read(&self) -> Result<Arc<Credential>, Failure> {
        self.cache.get().await.map_err(Failure::of)
    }

    async fn read_within(&self, patience: Duration) -> Option<Result<Arc<Credential>, Failure>> {
        let read = self.cache.need().within(patience).get().await;
        Some(read.map_err(Failure::of))
    }

    fn header(credential: &Arc<Credential>) -> Option<HeaderValue> {
        bearer(str::from_utf8(credential.expose_bearer("bench").ok()?).ok()?)
    }
}

impl Owned {
    fn of(agent: Agent, issuer: &FakeIssuer) -> Result<Self, Failure> {
        let cache = agent.cache(issuer.clone()).build().map_err(Failure::of)?;
        Ok(Self { agent, cache })
    }
}

struct Borrowed(Owned);

impl Contend for Borrowed {
    type Read = u64;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        Owned::start(issuer).map(Self)
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        self.0.beside(issuer).map(Self)
    }

    async fn read(&self) -> Result<u64, Failure> {
        let cache = &self.0.cache;
        if let Ok(generation) = cache.read(Credential::generation) {
            return Ok(generation);
        }
        let credential = cache.get().await.map_err(Failure::of)?;
        Ok(credential.generation())
    }

    /// A borrow ends with the read.
    fn header(_: &u64) -> Option<HeaderValue> {
        None
    }
}
