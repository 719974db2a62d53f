//! A warm credential beside a cold one of the same client.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::crowd::loaded;
use super::refresh::{PACE, Track, read_on};
use crate::bench::{Bench, Plan};
use crate::entrant::Entrant;
use crate::figure::span;
use crate::issuer::{Answer, FakeIssuer};
use crate::report::{Better, Case, Row, apart};
use crate::running::Failure;
use crate::stats::Latencies;
use crate::time::now;

pub(super) fn planned(bench: &Bench<'_>) -> f64 {
    bench.entrants.len() as f64 * (latency(&bench.plan).as_secs_f64() + 0.3)
}

pub(super) fn measure(bench: &Bench<'_>) -> Vec<Case> {
    let latency = latency(&bench.plan);
    let mut case = Case::new(
        "scopes",
        "",
        "A warm scope beside a cold one",
        format!(
            "16 tasks read a credential that is at hand, every millisecond, while another scope of the same client is fetched for \
             the first time; its issuer takes {}. Where a client has one credential only, another client.",
            span(latency)
        ),
    )
    .column("p999", "p99.9 of the warm one", "ns", Better::Lower)
    .column("waited", "reads that waited", "%", Better::Lower)
    .column("max", "longest", "ns", Better::Neither);
    for entrant in &bench.entrants {
        let info = entrant.info();
        let seconds = latency.as_secs_f64() + 0.3;
        if !bench.go(&format!("scopes: {}", info.title()), seconds) {
            break;
        }
        let mut row = Row::of(&info.name);
        match bench.runtime.block_on(one(entrant, latency)) {
            Ok(track) => {
                let found = track.found();
                row.set("waited", 100.0 * found.waited as f64 / found.due as f64);
                let tail = |half: &Latencies| half.percentile(99.9).as_nanos() as f64;
                let [mut all, other] = found.halves;
                row.spread("p999", apart(tail(&all), tail(&other)));
                all.add(&other);
                row.set("p999", tail(&all));
                row.set("max", all.percentile(100.0).as_nanos() as f64);
                case.series(&info.name, "over time", track.over_time().latencies);
            }
            Err(failure) => row.note(format!("failed: {failure}")),
        }
        case.rows.push(row);
    }
    vec![case]
}

async fn one(entrant: &Entrant, latency: Duration) -> Result<Arc<Track>, Failure> {
    let warm_issuer = FakeIssuer::new(Answer::AtOnce);
    let cold_issuer = FakeIssuer::new(Answer::After(latency));
    let warm = loaded(entrant, &warm_issuer).await?;
    let track = Arc::new(Track::new(now()));
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let offset = PACE * number / READERS;
        readers.spawn(read_on(Arc::clone(&warm), Arc::clone(&track), offset));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    track.begin(now());
    let cold = warm.beside(&cold_issuer)?;
    let read = tokio::time::timeout(latency * 5, cold.read()).await;
    read.map_err(|_| Failure::of("the cold scope got no credential"))??;
    tokio::time::sleep(Duration::from_millis(50)).await;
    track.end(now(), 0);
    drop(readers);
    Ok(track)
}

fn latency(plan: &Plan) -> Duration {
    plan.pick(Duration::from_secs(1), Duration::from_millis(500))
}

const READERS: u32 = 16;
