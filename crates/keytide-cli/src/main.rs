#![doc = include_str!("../README.md")]

mod commands;
mod exit;
mod interrupt;
mod out;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use keytide_bench::CountingAllocator;

use crate::commands::bench;

/// Counts what the subjects of `bench` allocate; it hands every call on to the system's allocator.
#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

/// Keeps every credential an AI agent holds fresh: measure it, beside what people use today.
#[derive(Debug, Parser)]
#[command(name = "keytide", version, max_term_width = 100, after_help = exit::HELP)]
struct Keytide {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let exit = match Keytide::parse().command {
        Command::Bench(args) => bench::run(&args),
    };
    exit.into()
}
