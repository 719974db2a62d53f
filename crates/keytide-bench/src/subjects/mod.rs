//! What is measured: keytide's reads, the primitives that a cache could be made of, and what people use today. All hold
//! tokens of 1,024 bytes.

mod baseline;
mod keytide;
pub(crate) mod names;
mod others;
mod ours;
#[cfg(feature = "peers")]
mod peers;
mod primitives;
mod versions;

pub use keytide::{Loaded, agent, get, handle_read, loaded, read, slow_read, try_get};
pub(crate) use others::other;
pub use primitives::{
    Token, arc_swap_cache, arc_swap_cache_and_clock, arc_swap_load, arc_swap_load_and_clock,
    arc_swap_load_and_two_clocks, mutex, rw_lock, watch,
};

use crate::entrant::Entrant;

/// Those that keep a credential fresh: keytide, the baseline, and with the feature `peers` what people use today.
#[must_use]
pub fn entrants() -> Vec<Entrant> {
    let all = vec![baseline::baseline(), ours::get(), ours::read()];
    #[cfg(feature = "peers")]
    let all = [all, peers::all()].concat();
    all
}

/// The names of the crates that are measured with the feature `peers`, whether it is on or not.
pub fn peer_names() -> impl Iterator<Item = &'static str> {
    versions::ALL
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| *name != "arc-swap")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::{Answer, FakeIssuer};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_entrant_gives_its_issuers_token_and_another_beside_it() {
        for entrant in entrants() {
            let name = &entrant.info().name;
            let (one, other) = (
                FakeIssuer::new(Answer::AtOnce),
                FakeIssuer::new(Answer::AtOnce),
            );
            // The other issuer's tokens have other numbers.
            let _ = other.issue().await;

            let running = entrant.start(&one).expect(name);
            let beside = running.beside(&other).expect(name);
            let read = running.read().await.expect(name);
            let read_beside = beside.read().await.expect(name);

            // A borrow does not tell which token it saw.
            if name != names::READ {
                assert_eq!(read.stamp().map(|stamp| stamp.number), Some(0), "{name}");
                let stamp = read_beside.stamp();
                assert_eq!(stamp.map(|stamp| stamp.number), Some(1), "{name}");
            }
            assert_eq!(
                (one.calls(), other.calls()),
                (1, 2),
                "{name}: one call each"
            );
            let again = running.read().await.expect(name);
            drop(again);
            assert_eq!(one.calls(), 1, "{name}: a hit asks nobody");
        }
    }

    #[tokio::test]
    async fn every_entrant_tells_when_its_issuer_fails() {
        use std::time::Duration;
        for entrant in entrants() {
            let name = &entrant.info().name;
            let issuer = FakeIssuer::new(Answer::Refused(Duration::ZERO));
            let running = entrant.start(&issuer).expect(name);

            let read = tokio::time::timeout(Duration::from_secs(30), running.read()).await;

            assert!(read.expect("told in time").is_err(), "{name}");
        }
    }
}
