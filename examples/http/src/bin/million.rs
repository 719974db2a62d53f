//! A million requests through each client, over a hundred rotations and more: none may be refused for its token.
//!
//! ```text
//! cargo run --release -p keytide-examples-http --bin million
//! cargo run --release -p keytide-examples-http --bin million -- 100000 20
//! ```
//!
//! The arguments are the requests for each client and the rotations that there must be at least. Tokens are accepted for
//! a second and not a moment longer. Exits with 1 if a request was refused or failed.

use std::process::ExitCode;
use std::time::Duration;

use keytide_examples_http::{Via, load};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse());
    let (requests, rotations) = match (arguments.next(), arguments.next()) {
        (None, None) => (1_000_000, 100),
        (Some(Ok(requests)), Some(Ok(rotations))) => (requests, rotations),
        _ => {
            eprintln!("usage: million [REQUESTS ROTATIONS]");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!(
        "| client | requests | rotations | refused for the token | seconds | requests a second |"
    );
    println!("|---|---|---|---|---|---|");
    let mut clean = true;
    for via in [Via::Reqwest, Via::Hyper, Via::Tonic] {
        let rotations = usize::try_from(rotations).unwrap_or(usize::MAX);
        let loading = load(via, requests, rotations, LIFETIME, WORKERS);
        match runtime.block_on(loading) {
            Ok(tally) => {
                let seconds = tally.took.as_secs_f64();
                println!(
                    "| {via:?} | {} | {} | {} | {seconds:.1} | {:.0} |",
                    tally.requests,
                    tally.rotations,
                    tally.refused,
                    tally.requests as f64 / seconds
                );
                clean &= tally.refused == 0;
            }
            Err(error) => {
                eprintln!("{via:?}: {error}");
                clean = false;
            }
        }
    }
    ExitCode::from(u8::from(!clean))
}

const LIFETIME: Duration = Duration::from_secs(1);
const WORKERS: usize = 32;
