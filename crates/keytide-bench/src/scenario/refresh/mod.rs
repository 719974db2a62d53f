//! Reads while a refresh is under way: healthy, hanging, failing, and past the end of the credential.

mod case;
mod mode;
mod reader;
mod track;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::bench::{Bench, Plan};
use crate::entrant::Entrant;
use crate::issuer::{Answer, FakeIssuer};
use crate::report::Case;
use crate::running::{Failure, Running};
use crate::time::now;

use self::case::Found;
use self::mode::Mode;
pub(super) use self::mode::PACE;
pub(crate) use self::mode::outage;
pub(super) use self::reader::read_on;
pub(super) use self::track::Track;

pub(crate) fn rounds(plan: &Plan) -> usize {
    plan.pick(3, 1)
}

/// How long is watched after that.
fn after(plan: &Plan) -> Duration {
    plan.pick(Duration::from_secs(1), Duration::from_millis(500))
}

pub(super) fn planned(bench: &Bench<'_>) -> f64 {
    bench
        .entrants
        .iter()
        .map(|entrant| rounds(&bench.plan) as f64 * seconds(&bench.plan, entrant))
        .sum()
}

fn seconds(plan: &Plan, entrant: &Entrant) -> f64 {
    let jitter = entrant.info().jitter() / 2;
    let refreshes = FRESH + jitter + outage(plan) + after(plan);
    let expires = LIFE_TO_ITS_END + PAST_ITS_END + AFTER_ITS_END;
    (LATENCY + refreshes.max(expires)).as_secs_f64()
}

pub(super) fn measure(bench: &Bench<'_>) -> Vec<Case> {
    let mut found: Vec<Found> = Mode::ALL.map(Found::of).into();
    let count = bench.entrants.len();
    'rounds: for round in 0..rounds(&bench.plan) {
        for turn in 0..count {
            let entrant = &bench.entrants[(round + turn) % count];
            let info = entrant.info();
            let what = format!("refresh: {}", info.title());
            if !bench.go(&what, seconds(&bench.plan, entrant)) {
                break 'rounds;
            }
            let tracks = bench.runtime.block_on(all_modes(bench.plan, entrant));
            if bench.stopped() && tracks.iter().any(Result::is_err) {
                break 'rounds;
            }
            for (found, track) in found.iter_mut().zip(tracks) {
                found.add(&info.name, track);
            }
        }
    }
    found
        .into_iter()
        .map(|found| found.case(&bench.plan))
        .collect()
}

/// All modes at a time, each with a cache, an issuer and readers of its own.
async fn all_modes(plan: Plan, entrant: &Entrant) -> Vec<Result<Arc<Track>, Failure>> {
    let modes: Vec<_> = Mode::ALL
        .into_iter()
        .map(|mode| tokio::spawn(one_mode(plan, entrant.clone(), mode)))
        .collect();
    let mut tracks = Vec::new();
    for mode in modes {
        tracks.push(mode.await.unwrap_or_else(|error| Err(Failure::of(error))));
    }
    tracks
}

async fn one_mode(plan: Plan, entrant: Entrant, mode: Mode) -> Result<Arc<Track>, Failure> {
    let (life, hint) = match mode {
        Mode::Expired => (LIFE_TO_ITS_END, None),
        _ => (entrant.info().lifetime(FRESH), Some(FRESH)),
    };
    let issuer = FakeIssuer::with(Answer::After(LATENCY), life, hint);
    let running = entrant.start(&issuer)?;
    let first = tokio::time::timeout(Duration::from_secs(10), running.read());
    first
        .await
        .map_err(|_| Failure::of("no credential within 10 s"))??;
    let loaded = now();
    issuer.set(match mode {
        Mode::Healthy => Answer::After(LATENCY),
        Mode::Hanging => Answer::Held,
        Mode::Failing | Mode::Expired => Answer::Unavailable(LATENCY),
    });
    let track = Arc::new(Track::new(loaded));
    let readers = read(&running, &track);
    if mode == Mode::Expired {
        track.begin(loaded + life);
        sleep_until(loaded + life + PAST_ITS_END).await;
    } else {
        let limit = loaded + FRESH + entrant.info().jitter() + Duration::from_secs(3);
        let Some(began) = refresh_of(&issuer, &track, limit).await else {
            return Err(Failure::of("it did not refresh when it was due"));
        };
        sleep_until(began + outage(&plan)).await;
    }
    track.heal(now());
    issuer.set(Answer::After(LATENCY));
    tokio::time::sleep(match mode {
        Mode::Expired => AFTER_ITS_END,
        _ => after(&plan),
    })
    .await;
    track.end(now(), issuer.calls() - 1);
    drop(readers);
    Ok(track)
}

fn read(running: &Arc<dyn Running>, track: &Arc<Track>) -> JoinSet<()> {
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let offset = PACE * number / READERS;
        readers.spawn(reader::read_on(
            Arc::clone(running),
            Arc::clone(track),
            offset,
        ));
    }
    readers
}

/// When the first refresh began.
async fn refresh_of(issuer: &FakeIssuer, track: &Track, limit: Instant) -> Option<Instant> {
    loop {
        if let Some(began) = issuer.refreshed() {
            track.begin(began);
            return Some(began);
        }
        if now() > limit {
            return None;
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
}

async fn sleep_until(instant: Instant) {
    tokio::time::sleep_until(instant.into()).await;
}

/// How long the issuer takes.
pub(super) const LATENCY: Duration = Duration::from_millis(50);
pub(super) const READERS: u32 = 32;
/// From the first answer to the first refresh.
const FRESH: Duration = Duration::from_secs(1);
const LIFE_TO_ITS_END: Duration = Duration::from_secs(2);
/// How long the issuer is out of order past the end.
const PAST_ITS_END: Duration = Duration::from_secs(1);
/// Longer than the backoff of a second or two that caches have by then.
const AFTER_ITS_END: Duration = Duration::from_millis(2_500);
