//! Watch an agent live through rotations and two outages of its issuer, without one failed request.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! It needs no account, no server and no network but the loopback address, and takes twenty seconds. An issuer
//! (`issuer.rs`) writes tokens that live for six seconds into a directory, as kubelet does, one every two seconds, and
//! revokes each a second after the next. An API (`api.rs`) verifies the token of each request and answers 401 to one
//! that is expired, revoked or forged. Between them, 64 callers share one `AuthorizedClient`. No line of their code
//! names a token.
//!
//! What to look at: `agent` below is all that it takes. In the output, `left` falls further during the two outages, and
//! the failures stay at 0. The timeline says what happened; the last request, after the agent was terminated, must be
//! refused. The exit code is 1 if anything was not as promised.

mod api;
mod display;
mod issuer;
mod stats;
mod timeline;
mod token;
mod volume;

use std::error::Error as StdError;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use keytide::http::{AuthorizedClient, ErrorKind as HttpErrorKind, reqwest};
use keytide::kubernetes::ProjectedToken;
use keytide::{Agent, AgentIdentity, ErrorKind, Reason};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::api::Api;
use crate::display::Display;
use crate::issuer::{Issuer, LIFETIME};
use crate::stats::Stats;
use crate::timeline::Notes;
use crate::token::AUDIENCE;

type Failure = Box<dyn StdError + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("quickstart: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Says whether all was as promised.
async fn run() -> Result<bool, Failure> {
    let start = Instant::now();
    let (notes, timeline) = Notes::new(start);
    let issuer = Issuer::start(start, notes.clone())?;
    let api = Api::start(&issuer).await?;
    let agent = agent(&notes)?;
    drop(notes);

    // What the agent may hold, kept fresh from now on; and where it may go.
    let token = agent
        .cache(
            ProjectedToken::builder(issuer.path())
                .audience(AUDIENCE)
                .build()?,
        )
        .build()?;
    let client = AuthorizedClient::builder(reqwest::Client::builder(), token.clone())
        .destination(api.origin())
        .build()?;
    agent.warm_up(Duration::from_secs(10)).await?;

    println!(
        "{CALLERS} callers for {} s; tokens live for {} s",
        RUN.as_secs(),
        LIFETIME.as_secs()
    );
    let stats = Arc::new(Stats::default());
    let url = format!("{}/v1/invoices", api.origin());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call(
            client.clone(),
            url.clone(),
            start + RUN,
            Arc::clone(&stats),
        ));
    }
    let display = Display::new();
    let mut ticks = tokio::time::interval(display.pace());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let elapsed = start.elapsed();
        if elapsed >= RUN {
            break;
        }
        display.show(elapsed, RUN, &token.status(), &stats);
    }
    while let Some(ended) = callers.join_next().await {
        ended?;
    }
    display.show(start.elapsed(), RUN, &token.status(), &stats);
    display.end();
    let rotations = token.status().rotations;

    // The agent ends. From here on nothing that it held can be used, by whoever still has the client.
    let report = agent.terminate(Reason::Finished).await;
    let seen = api.seen();
    let (refused, answer) = match client.get(&url).send().await {
        Ok(response) => (false, format!("answered with {}", response.status())),
        Err(error) => (is_revoked(&error) && api.seen() == seen, chain(&error)),
    };
    drop((agent, token, client));
    timeline.print();

    println!();
    println!(
        "smallest life left at any request   {:.3} s",
        api.smallest_remaining().as_secs_f64()
    );
    println!(
        "longest wait for an answer          {:.1} ms",
        stats.longest().as_secs_f64() * 1e3
    );
    println!("answered 401, then sent again       {}", api.refused());
    println!(
        "accepted elsewhere after the end    {:.1} s",
        report.residual_exposure().as_secs_f64()
    );
    println!("a request after the end             {answer}");
    for reason in stats.reasons() {
        eprintln!("quickstart: failed: {reason}");
    }
    if !refused {
        eprintln!("quickstart: failed: the request after the end was not refused");
    }
    let (requests, failures) = (stats.requests(), stats.failures());
    println!("quickstart: {rotations} rotations, {requests} requests, {failures} failures");
    Ok(refused && failures == 0 && requests > 0 && rotations >= LEAST_ROTATIONS)
}

/// Who acts, and who is told.
fn agent(notes: &Notes) -> Result<Agent, keytide::Error> {
    let identity = AgentIdentity {
        agent_type: "invoice-reader".into(),
        version: "1.4.2".into(),
        environment: "demo".into(),
        owner: "payments".into(),
    };
    Agent::builder(identity).observe(notes.observer()).build()
}

/// One caller: asks, checks, takes a breath, and never thinks of tokens.
async fn call(client: AuthorizedClient, url: String, until: Instant, stats: Arc<Stats>) {
    while Instant::now() < until {
        let asked = Instant::now();
        let answer = client.get(&url).timeout(PATIENCE).send().await;
        stats.answered(asked.elapsed());
        match answer {
            Ok(response) if response.status() == reqwest::StatusCode::OK => {}
            Ok(response) => stats.failed(format!("the API answered with {}", response.status())),
            Err(error) => stats.failed(chain(&error)),
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// Whether a request was not sent because the credential is revoked.
fn is_revoked(error: &keytide::http::Error) -> bool {
    error.kind() == HttpErrorKind::Credential
        && error
            .source()
            .and_then(|source| source.downcast_ref::<keytide::Error>())
            .is_some_and(|source| source.kind() == ErrorKind::Revoked)
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

const CALLERS: usize = 64;
const RUN: Duration = Duration::from_secs(20);
/// How long a caller pauses after an answer.
const BREATH: Duration = Duration::from_millis(25);
/// How long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Fewer would mean that nothing was shown.
const LEAST_ROTATIONS: u64 = 5;
