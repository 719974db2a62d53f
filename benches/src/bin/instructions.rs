//! Reads one subject ten thousand times inside one function, for callgrind to count: see `instructions.sh`.

use std::process::ExitCode;

use keytide_bench::{Subject, with_hits};

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
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

/// The only function in which instructions are counted. `instructions.sh` divides by the number of reads.
#[inline(never)]
fn counted_reads(subject: &dyn Subject) {
    subject.read_many(10_000);
}
