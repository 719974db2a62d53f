//! Reads one subject ten thousand times inside one function, for callgrind to count: see `instructions.sh`. Without a subject it
//! names them; `--judge COUNT` fails where so many instructions miss the goal of the borrowed read.

use std::process::ExitCode;

use keytide_bench::{Subject, goals, with_hits};

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if wanted == "--judge" {
        return judge(std::env::args().nth(2).as_deref());
    }
    let mut found = wanted.is_empty();
    let told = with_hits(|subjects| {
        if wanted.is_empty() {
            subjects
                .iter()
                .for_each(|subject| println!("{}", subject.name()));
        }
        if let Some(subject) = subjects.iter().find(|subject| subject.name() == wanted) {
            found = true;
            // The first reads of a thread register it with arc_swap, and take the lease.
            subject.read_many(100);
            counted_reads(*subject);
        }
    });
    if let Err(failure) = told {
        eprintln!("{failure}");
        return ExitCode::FAILURE;
    }
    if !found {
        eprintln!("no subject has the name {wanted}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn judge(count: Option<&str>) -> ExitCode {
    let Some(count) = count.and_then(|count| count.parse().ok()) else {
        eprintln!("--judge takes the count of instructions");
        return ExitCode::from(2);
    };
    if goals::INSTRUCTIONS.met(count) {
        return ExitCode::SUCCESS;
    }
    let (measure, wanted) = (goals::INSTRUCTIONS.measure(), goals::INSTRUCTIONS.wanted());
    eprintln!("{measure}: {count}, wanted {wanted}");
    ExitCode::FAILURE
}

/// The only function in which instructions are counted. `instructions.sh` divides by the number of reads.
#[inline(never)]
fn counted_reads(subject: &dyn Subject) {
    subject.read_many(10_000);
}
