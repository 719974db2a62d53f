//! How long after its issuer healed a cache serves again, with a read every 5 ms.

use std::time::Duration;

use keytide_bench::{Answer, FakeIssuer, goals, now, subjects};
use keytide_core::{Cache, Error};

use crate::herds::runtime;
use crate::table::Table;

pub(crate) fn measure(table: &mut Table) -> Result<(), Error> {
    let instant = Duration::ZERO;
    let long = Duration::from_secs(3600);
    let short = Duration::from_secs(1);
    // Name, how the issuer fails, the life of what was held before (none: a cold start), and after how long it heals.
    let outages = [
        ("an outage at the start", Answer::Unavailable(instant), None),
        ("a refusal at the start", Answer::Refused(instant), None),
        (
            "an outage over an expiry",
            Answer::Unavailable(instant),
            Some(short),
        ),
    ];
    for (name, answer, held) in outages {
        let runtime = runtime()?;
        let agent = subjects::agent()?.build()?;
        let mut trials = Vec::new();
        for trial in 0..TRIALS {
            let issuer = FakeIssuer::with(Answer::After(LATENCY), held.unwrap_or(long), None);
            let cache = agent.cache(issuer.clone()).build()?;
            // Before the second attempt, which a refusal allows after half a second.
            let heals = held.unwrap_or_default()
                + Duration::from_millis(u64::from(10 + 450 / TRIALS * trial));
            if held.is_some() {
                cache.get_blocking(long)?;
            }
            issuer.set(answer);
            trials.push(runtime.spawn(recover(cache, issuer, heals)));
        }
        let mut worst = Duration::ZERO;
        for trial in trials {
            worst = worst.max(runtime.block_on(trial).unwrap_or(Duration::MAX));
        }
        table.goal(&goals::RECOVERY, name, worst.as_secs_f64() * 1e3);
    }
    Ok(())
}

async fn recover(cache: Cache, issuer: FakeIssuer, heals: Duration) -> Duration {
    let mut healed = None;
    let began = now();
    loop {
        if healed.is_none() && began.elapsed() >= heals {
            issuer.set(Answer::After(LATENCY));
            healed = Some(now());
        }
        let got = cache.get().await;
        if let (Some(healed), Ok(_)) = (healed, got) {
            return now().duration_since(healed);
        }
        tokio::time::sleep(PACE).await;
    }
}

const LATENCY: Duration = Duration::from_millis(50);
const PACE: Duration = Duration::from_millis(5);
const TRIALS: u32 = 16;
