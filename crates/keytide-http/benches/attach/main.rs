//! What attaching adds to a request over a fixed header: `cargo bench -p keytide-http --features tower --bench attach`.
//!
//! Rounds of both are interleaved, and the median of the rounds' differences is told. `-- layer`, `-- layer-fixed`,
//! `-- client`, `-- client-no-retry` or `-- client-fixed` runs one of them only, for
//! `valgrind --tool=callgrind --separate-threads=yes`: the first thread is the client's, and it sends as many requests as
//! are told at the end.

mod client;
mod layer;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use keytide_core::{Agent, AgentIdentity, Cache, Error, Issued, Profile, ProvideCredential};
use keytide_http::AuthorizedClientBuilder;

struct Hour;

impl ProvideCredential for Hour {
    fn profile(&self) -> Profile {
        Profile::bearer("hour")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, Error> {
        Ok(Issued::bearer("t".repeat(1024)).expires_in(Duration::from_secs(3600)))
    }
}

/// One way to send a request.
type Send<'a> = Box<dyn FnMut() + 'a>;

fn main() {
    let cache = cache();
    match std::env::args().nth(1).as_deref() {
        Some("layer-fixed") => alone(layer::fixed(), 1_000_000),
        Some("layer") => alone(layer::ours(&cache), 1_000_000),
        Some("client-fixed") => alone(client::Bench::new().fixed(), 10_000),
        Some("client") => alone(client::Bench::new().ours(&cache, |builder| builder), 10_000),
        Some("client-no-retry") => {
            let client = client::Bench::new();
            alone(
                client.ours(&cache, AuthorizedClientBuilder::without_retry),
                10_000,
            );
        }
        _ => {
            compare("layer", layer::fixed(), layer::ours(&cache), 100_000);
            let client = client::Bench::new();
            let ours = client.ours(&cache, |builder| builder);
            compare("client", client.fixed(), ours, 100);
            let ours = client.ours(&cache, AuthorizedClientBuilder::without_retry);
            compare("client, no retry", client.fixed(), ours, 100);
        }
    }
}

fn alone(mut send: Send<'_>, requests: u32) {
    (0..requests).for_each(|_| send());
    println!("{requests} requests");
}

fn compare(name: &str, mut fixed: Send<'_>, mut ours: Send<'_>, requests: u32) {
    let mut differences: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let (fixed, ours) = (round(&mut fixed, requests), round(&mut ours, requests));
            (ours - fixed, fixed, ours)
        })
        .collect();
    differences.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (added, fixed, ours) = differences[ROUNDS / 2];
    println!("{name}: fixed header {fixed:.0} ns, ours {ours:.0} ns: {added:.0} ns added");
}

/// The nanoseconds that one request takes.
#[expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]
fn round(send: &mut Send<'_>, requests: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..requests {
        send();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(requests)
}

/// The header as it is with a credential of the cache.
fn value() -> HeaderValue {
    let text = Bytes::from("Bearer ".to_owned() + &"t".repeat(1024));
    HeaderValue::from_maybe_shared(text).expect("a header")
}

fn cache() -> Cache {
    let identity = AgentIdentity {
        agent_type: "bench".into(),
        version: "1".into(),
        environment: "bench".into(),
        owner: "benches".into(),
    };
    let agent = Agent::builder(identity).build().expect("an agent");
    let cache = agent.cache(Hour).build().expect("a cache");
    let _ = cache
        .get_blocking(Duration::from_secs(10))
        .expect("a credential");
    cache
}

const ROUNDS: usize = 41;
