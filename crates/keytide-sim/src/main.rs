//! `keytide-sim`: lives through the worlds of many seeds, and prints the first that breaks the contract.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keytide_sim::{Run, Settings, Without, run, shrink, silence_meant_panics};

/// What the command line says.
struct Told {
    seeds: u64,
    first: u64,
    replay: Option<u64>,
    threads: usize,
    trace: bool,
    shrinks: bool,
    settings: Settings,
}

fn main() -> ExitCode {
    silence_meant_panics();
    let told = match read(std::env::args().skip(1)) {
        Ok(told) => told,
        Err(wrong) => {
            eprintln!("{wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match told.replay {
        Some(seed) => replay(seed, &told),
        None => search(&told),
    }
}

/// Lives through one world, and prints how it went.
fn replay(seed: u64, told: &Told) -> ExitCode {
    let run = run(seed, told.settings, told.trace);
    if told.trace {
        for line in &run.lines {
            println!("{line}");
        }
    }
    println!(
        "seed {seed}: {} steps, digest {:016x}",
        run.steps, run.digest
    );
    if run.violation.is_none() {
        return ExitCode::SUCCESS;
    }
    print_failure(seed, told.settings, &run);
    ExitCode::FAILURE
}

/// Lives through all worlds, on several threads, until one breaks the contract.
fn search(told: &Told) -> ExitCode {
    let (next, steps) = (AtomicU64::new(told.first), AtomicU64::new(0));
    let (failed, end) = (AtomicBool::new(false), told.first + told.seeds);
    let first_failure = Mutex::new(None::<(u64, Run)>);
    std::thread::scope(|scope| {
        for _ in 0..told.threads {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let run = run(seed, told.settings, false);
                    steps.fetch_add(run.steps, Ordering::Relaxed);
                    if run.violation.is_some() {
                        failed.store(true, Ordering::Relaxed);
                        if let Ok(mut first) = first_failure.lock()
                            && first.as_ref().is_none_or(|(known, _)| seed < *known)
                        {
                            *first = Some((seed, run));
                        }
                    }
                }
            });
        }
    });
    let steps = steps.into_inner();
    let Some((seed, run)) = first_failure.into_inner().ok().flatten() else {
        println!(
            "{} seeds, {steps} steps, nothing that the contract forbids",
            told.seeds
        );
        return ExitCode::SUCCESS;
    };
    print_failure(seed, told.settings, &run);
    if told.shrinks
        && let Some(violation) = &run.violation
    {
        let smallest = shrink(seed, told.settings, violation.rule);
        println!("smallest:\n  {}", command(seed, smallest));
    }
    ExitCode::FAILURE
}

fn print_failure(seed: u64, settings: Settings, run: &Run) {
    let Some(violation) = &run.violation else {
        return;
    };
    println!(
        "seed {seed} breaks rule {}: cache {}, after {:.6} s",
        violation.rule,
        violation.cache,
        violation.at as f64 / 1e9
    );
    println!("  {}", violation.text);
    println!("what happened to that cache before:");
    let mut lines: Vec<_> = run
        .lines
        .iter()
        .filter(|line| line.concerns(violation.cache))
        .collect();
    let last = lines.split_off(lines.len().saturating_sub(SHOWN));
    for line in last {
        println!("  {line}");
    }
    println!("again:\n  {}", command(seed, settings));
}

fn command(seed: u64, settings: Settings) -> String {
    let without = match settings.without.to_string() {
        names if names.is_empty() => String::new(),
        names => format!(" --without {names}"),
    };
    format!(
        "cargo run --release -p keytide-sim -- --replay {seed} --hours {} --caches {}{without}",
        settings.hours, settings.caches
    )
}

fn read(mut args: impl Iterator<Item = String>) -> Result<Told, String> {
    let mut told = Told {
        seeds: 100,
        first: 0,
        replay: None,
        threads: std::thread::available_parallelism().map_or(2, usize::from),
        trace: false,
        shrinks: true,
        settings: Settings::default(),
    };
    while let Some(name) = args.next() {
        match name.as_str() {
            "--trace" => told.trace = true,
            "--no-shrink" => told.shrinks = false,
            "--without" => {
                let names = args.next().ok_or("--without wants names")?;
                let wrong = |name| format!("there is no trouble called {name}");
                told.settings.without = Without::parse(&names).map_err(wrong)?;
            }
            "--seeds" => told.seeds = number(&name, args.next())?,
            "--first" => told.first = number(&name, args.next())?,
            "--replay" => told.replay = Some(number(&name, args.next())?),
            "--hours" => told.settings.hours = number(&name, args.next())?,
            "--caches" => told.settings.caches = number(&name, args.next())? as usize,
            "--threads" => told.threads = number(&name, args.next())?.max(1) as usize,
            _ => return Err(format!("{name} is not known")),
        }
    }
    Ok(told)
}

fn number(name: &str, value: Option<String>) -> Result<u64, String> {
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| format!("{name} wants a number"))
}

const USAGE: &str = "keytide-sim [--seeds N] [--first S] [--replay S] [--hours H] [--caches C] [--threads T] \
                     [--without KIND,…] [--trace] [--no-shrink]";
/// How many lines of a failing cache are printed.
const SHOWN: usize = 40;
