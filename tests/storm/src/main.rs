//! A process under random faults, for as long as it is told, judged by an oracle.
//!
//! `keytide-storm SECONDS [SEED]` runs rounds of at most half a minute. In each, agents are built and ended all the time, their
//! issuers fail, hang, panic and block, and readers of all forms read them. After each round everything is dropped, and the
//! process must be what it was after the first one: no more threads, no more descriptors, no more memory but for some slack.
//! The last line of a run that went well is the summary that scripts read. It ends with 1 where something is unexplained, and with 3
//! where the process has grown.

mod chance;
mod house;
mod issuer;
mod oracle;
mod readers;
mod time;
mod usage;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::chance::Chance;
use crate::oracle::Oracle;
use crate::usage::Usage;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().and_then(|text| text.parse::<u64>().ok());
    let Some(seconds) = seconds.filter(|seconds| *seconds >= 2) else {
        eprintln!("usage: keytide-storm SECONDS [SEED], at least 2 seconds");
        return ExitCode::from(2);
    };
    let seed = arguments.next().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(chance::seed);
    println!("storm: {seconds} s, seed {seed}");

    let oracle = Arc::new(Oracle::default());
    oracle.listen_to_panics();
    let rounds = seconds.div_ceil(LONGEST_ROUND).max(2);
    let length = Duration::from_secs(seconds) / u32::try_from(rounds).unwrap_or(u32::MAX);
    let mut chance = Chance::new(seed);
    let mut first = None;
    let mut last = Usage::default();
    for round in 1..=rounds {
        world::run(&oracle, length, &mut chance);
        last = Usage::settled(first.as_ref());
        let first = first.get_or_insert(last);
        println!("round {round} of {rounds}: {oracle}, {}", last.since(first));
    }

    let grown = last.since(&first.unwrap_or_default());
    println!("failed reads, by what explains them: {}", oracle.reasons());
    for complaint in oracle.complaints() {
        println!("unexplained: {complaint}");
    }
    println!("storm: {seconds} s, {oracle}, {grown}");
    if !oracle.is_content() {
        return ExitCode::FAILURE;
    }
    if !grown.is_nothing() {
        println!("  threads: {}", Usage::threads());
        return ExitCode::from(GROWN);
    }
    ExitCode::SUCCESS
}

const GROWN: u8 = 3;
/// Seconds.
const LONGEST_ROUND: u64 = 30;
