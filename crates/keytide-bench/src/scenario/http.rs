//! What attaching a credential adds to a GET over a kept-alive connection.

use std::cell::RefCell;
use std::sync::Arc;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use keytide_http::{AuthorizedClient, AuthorizedClientBuilder};
use tokio::runtime::Runtime;

use super::crowd::loaded;
use crate::allocations::allocations_of;
use crate::bench::{Bench, Plan};
use crate::contend::bearer;
use crate::issuer::{Answer, FakeIssuer};
use crate::report::{Better, Case, Row};
use crate::rounds::Rounds;
use crate::running::{Failure, Running};
use crate::subjects::{self, names};
use crate::time::thread_cpu;
use crate::token::Stamp;

pub(super) fn planned(bench: &Bench<'_>) -> f64 {
    rounds(&bench.plan) as f64 * (bench.entrants.len() + 2) as f64 * SECONDS
}

pub(super) fn measure(bench: &Bench<'_>) -> Vec<Case> {
    let mut case = Case::new(
        "http",
        "",
        "A GET over a kept-alive connection",
        "CPU time of the client's thread for one GET on the loopback, over that of one with a fixed header; reqwest 0.13 for all. \
         keytide sends by AuthorizedClient, with and without a retry after a 401; the others read and \
         attach for each request.",
    )
    .column("added", "CPU added", "µs", Better::Lower)
    .column("allocations", "allocations added", "", Better::Lower)
    .column("each", "one GET", "µs", Better::Neither);
    match found(bench, &mut case) {
        Ok(()) => {}
        Err(failure) => {
            let mut row = Row::of(FIXED);
            row.note(format!("failed: {failure}"));
            case.rows.push(row);
        }
    }
    vec![case]
}

fn found(bench: &Bench<'_>, case: &mut Case) -> Result<(), Failure> {
    // All of a client is on this thread, so that its CPU time is that of this thread; the server has its own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::of)?;
    let url = FakeIssuer::api().map_err(Failure::of)?;
    let mut senders = vec![(FIXED.to_owned(), Sender::fixed(&url)?)];
    let mut failed = Vec::new();
    for entrant in &bench.entrants {
        let name = entrant.info().name.clone();
        if name == names::READ {
            continue;
        }
        if name == names::GET {
            senders.push((name, Sender::ours(&url, |builder| builder)?));
            senders.push((
                NO_RETRY.to_owned(),
                Sender::ours(&url, AuthorizedClientBuilder::without_retry)?,
            ));
            continue;
        }
        let issuer = FakeIssuer::new(Answer::AtOnce);
        match bench.runtime.block_on(loaded(entrant, &issuer)) {
            Ok(running) => senders.push((name, Sender::reading(&url, running)?)),
            Err(failure) => failed.push((name, failure)),
        }
    }
    let names: Vec<String> = senders.iter().map(|(name, _)| name.clone()).collect();
    let problem = RefCell::new(None);
    let get = |index: usize, gets: u64| {
        if let Err(failure) = senders[index].1.get(&runtime, gets) {
            problem.borrow_mut().get_or_insert(failure);
        }
    };
    let rounds = Rounds::of_while(
        &names,
        rounds(&bench.plan),
        |index| {
            let before = thread_cpu();
            get(index, GETS);
            (thread_cpu() - before).as_nanos() as f64 / GETS as f64
        },
        |_| bench.go("http", names.len() as f64 * SECONDS),
    );
    let allocations: Vec<f64> = (0..senders.len())
        .map(|index| {
            get(index, 10);
            let ((), some) = allocations_of(|| get(index, 50));
            let ((), more) = allocations_of(|| get(index, 150));
            (more.saturating_sub(some)) as f64 / 100.0
        })
        .collect();
    if let Some(failure) = problem.into_inner() {
        return Err(failure);
    }
    let fixed = rounds.nanos(FIXED);
    for (index, name) in names.iter().enumerate() {
        let mut row = Row::of(name).with("each", rounds.nanos(name) / 1e3);
        if name != FIXED {
            // The median of the ratios, not the ratio of the medians.
            row.set("added", (rounds.ratio(name, FIXED) - 1.0) * fixed / 1e3);
            row.set("allocations", (allocations[index] - allocations[0]).round());
        }
        row.spread("each", rounds.spread(name, FIXED));
        row.spread("added", rounds.spread_of_added(name, FIXED));
        case.rows.push(row);
    }
    for (name, failure) in failed {
        let mut row = Row::of(&name);
        row.note(format!("failed: {failure}"));
        case.rows.push(row);
    }
    Ok(())
}

/// A way to send GETs.
struct Sender {
    url: String,
    kind: Kind,
}

enum Kind {
    Fixed(reqwest::Client, HeaderValue),
    Reading(reqwest::Client, Arc<dyn Running>),
    Ours(AuthorizedClient),
}

impl Sender {
    fn fixed(url: &str) -> Result<Self, Failure> {
        let token = Stamp::lasting(0, std::time::Duration::from_secs(3600)).text();
        let value = bearer(&token).ok_or_else(|| Failure::of("no header"))?;
        Ok(Self {
            url: url.to_owned(),
            kind: Kind::Fixed(client()?, value),
        })
    }

    fn reading(url: &str, running: Arc<dyn Running>) -> Result<Self, Failure> {
        Ok(Self {
            url: url.to_owned(),
            kind: Kind::Reading(client()?, running),
        })
    }

    fn ours(
        url: &str,
        configure: impl FnOnce(AuthorizedClientBuilder) -> AuthorizedClientBuilder,
    ) -> Result<Self, Failure> {
        let loaded = subjects::loaded().map_err(Failure::of)?;
        let origin = url.trim_end_matches("/api");
        let builder = AuthorizedClient::builder(reqwest::Client::builder(), loaded.cache);
        let client = configure(builder.destination(origin))
            .build()
            .map_err(Failure::of)?;
        Ok(Self {
            url: url.to_owned(),
            kind: Kind::Ours(client),
        })
    }

    fn get(&self, runtime: &Runtime, gets: u64) -> Result<(), Failure> {
        let url = self.url.as_str();
        runtime.block_on(async {
            if let Kind::Reading(client, running) = &self.kind {
                return running.get_many(client, url, gets).await;
            }
            for _ in 0..gets {
                let response = match &self.kind {
                    Kind::Fixed(client, value) => {
                        let request = client.get(url).header(AUTHORIZATION, value.clone());
                        request.send().await.map_err(Failure::of)?
                    }
                    Kind::Ours(client) => client.get(url).send().await.map_err(Failure::of)?,
                    Kind::Reading(..) => return Ok(()),
                };
                response.bytes().await.map_err(Failure::of)?;
            }
            Ok(())
        })
    }
}

fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder().build().map_err(Failure::of)
}

fn rounds(plan: &Plan) -> usize {
    plan.pick(51, 15)
}

/// The base: a header that was made once.
pub(crate) const FIXED: &str = "reqwest, fixed header";
/// keytide's client without the copy of each request.
pub(crate) const NO_RETRY: &str = "keytide, no retry";
const GETS: u64 = 100;
const SECONDS: f64 = 0.012;
