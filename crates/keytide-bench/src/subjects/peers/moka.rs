//! moka, as a token cache is built on it: an entry that expires with its token, loaded by `try_get_with`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use moka::Expiry;
use moka::future::Cache;

use crate::contend::{Contend, bearer};
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::{Denied, FakeIssuer};
use crate::running::Failure;
use crate::subjects::versions;

pub(super) fn entrant() -> Entrant {
    let info = Info::new("moka", versions::MOKA, Role::Peer)
        .ahead(MARGIN.as_secs(), 0)
        .setup("future::Cache with an Expiry of each token's own life less a minute, or less half of it where it is shorter")
        .path("cache.try_get_with(key, load).await");
    Entrant::of::<Moka>(info)
}

struct Moka {
    cache: Cache<u64, Arc<Held>>,
    key: u64,
    issuer: FakeIssuer,
}

struct Held {
    token: String,
    fresh: Duration,
}

struct OwnLife;

impl Expiry<u64, Arc<Held>> for OwnLife {
    fn expire_after_create(&self, _: &u64, held: &Arc<Held>, _: Instant) -> Option<Duration> {
        Some(held.fresh)
    }
}

impl Contend for Moka {
    type Read = Arc<Held>;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        Ok(Self {
            cache: Cache::builder().expire_after(OwnLife).build(),
            key: 0,
            issuer: issuer.clone(),
        })
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // One cache, one more key.
        Ok(Self {
            cache: self.cache.clone(),
            key: NEXT.fetch_add(1, Ordering::Relaxed),
            issuer: issuer.clone(),
        })
    }

    async fn read(&self) -> Result<Arc<Held>, Failure> {
        let load = async {
            let granted = self.issuer.issue().await?;
            let margin = super::margin(granted.lifetime, MARGIN);
            Ok(Arc::new(Held {
                token: granted.token,
                fresh: granted.lifetime - margin,
            }))
        };
        let held: Result<_, Arc<Denied>> = self.cache.try_get_with(self.key, load).await;
        held.map_err(Failure::debug)
    }

    fn header(held: &Arc<Held>) -> Option<HeaderValue> {
        bearer(&held.token)
    }
}

const MARGIN: Duration = Duration::from_secs(60);
