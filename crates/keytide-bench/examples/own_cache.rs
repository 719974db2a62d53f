//! Puts a cache of your own, and a provider of your own behind keytide, beside the others:
//!
//! ```text
//! cargo run --release -p keytide-bench --example own_cache
//! cargo run --release -p keytide-bench --example own_cache --features peers -- hit refresh
//! ```

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keytide_bench::{
    Contend, CountingAllocator, Entrant, Failure, FakeIssuer, HeaderValue, Info, Options, Scenario,
    Unwatched, bearer, now, run, subjects,
};
use keytide_core::{Agent, Cache, Credential, Error, Issued, Profile, ProvideCredential, Request};
use tokio::sync::Mutex;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

/// A cache as many programs have it: one lock, held while the issuer is asked.
struct OneLock {
    issuer: FakeIssuer,
    held: Mutex<Option<(Arc<str>, Instant)>>,
}

impl Contend for OneLock {
    type Read = Arc<str>;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        Ok(Self {
            issuer: issuer.clone(),
            held: Mutex::new(None),
        })
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        Self::start(issuer)
    }

    async fn read(&self) -> Result<Arc<str>, Failure> {
        let mut held = self.held.lock().await;
        if let Some((token, refresh)) = &*held
            && now() < *refresh
        {
            return Ok(Arc::clone(token));
        }
        let granted = self.issuer.issue().await.map_err(Failure::debug)?;
        let token: Arc<str> = granted.token.into();
        let margin = if granted.lifetime > MARGIN {
            MARGIN
        } else {
            granted.lifetime / 2
        };
        *held = Some((Arc::clone(&token), now() + granted.lifetime - margin));
        Ok(token)
    }

    fn header(token: &Arc<str>) -> Option<HeaderValue> {
        bearer(token)
    }
}

/// A provider of your own, behind keytide's cache. Here it asks the fake issuer as anybody could.
struct Mine(FakeIssuer);

impl ProvideCredential for Mine {
    fn profile(&self) -> Profile {
        Profile::bearer("mine")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let granted = self.0.issue().await;
        let granted = granted.map_err(|denied| Error::unavailable(format!("mine: {denied:?}")))?;
        let issued = Issued::bearer(granted.token).expires_in(granted.lifetime);
        Ok(match granted.refresh_in {
            Some(after) => issued.refresh_in(after),
            None => issued,
        })
    }
}

struct MineInKeytide {
    agent: Agent,
    cache: Cache,
}

impl Contend for MineInKeytide {
    type Read = Arc<Credential>;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        let agent = subjects::agent().and_then(|agent| agent.build());
        Self::of(agent.map_err(Failure::of)?, issuer)
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        Self::of(self.agent.clone(), issuer)
    }

    async fn read(&self) -> Result<Arc<Credential>, Failure> {
        self.cache.get().await.map_err(Failure::of)
    }

    fn header(credential: &Arc<Credential>) -> Option<HeaderValue> {
        bearer(str::from_utf8(credential.expose_bearer("benchmark").ok()?).ok()?)
    }
}

impl MineInKeytide {
    fn of(agent: Agent, issuer: &FakeIssuer) -> Result<Self, Failure> {
        let cache = agent.cache(Mine(issuer.clone())).build();
        let cache = cache.map_err(Failure::of)?;
        Ok(Self { agent, cache })
    }
}

fn main() -> ExitCode {
    let scenarios: Result<Vec<Scenario>, Failure> =
        std::env::args().skip(1).map(|name| name.parse()).collect();
    let mine = vec![
        Entrant::of::<OneLock>(
            Info::yours("one lock", "")
                .ahead(MARGIN.as_secs(), 0)
                .setup("a tokio Mutex, held while the issuer is asked")
                .path("read().await"),
        ),
        Entrant::of::<MineInKeytide>(
            Info::yours("mine in keytide", "")
                .ahead(8, 0)
                .setup("a provider of mine behind keytide's cache")
                .path("cache.get().await"),
        ),
    ];
    let report = scenarios
        .map_err(|failure| failure.to_string())
        .and_then(|scenarios| {
            let options = Options {
                scenarios: if scenarios.is_empty() {
                    vec![Scenario::Hit, Scenario::Cancel]
                } else {
                    scenarios
                },
                quick: true,
                only: Vec::new(),
            };
            run(&options, mine, &Unwatched).map_err(|refused| refused.to_string())
        });
    match report {
        Ok(report) => {
            print!("{}", report.text());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("own_cache: {problem}");
            ExitCode::from(2)
        }
    }
}

const MARGIN: Duration = Duration::from_secs(60);
