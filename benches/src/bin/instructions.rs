//! Reads one subject ten thousand times inside one function, for callgrind to count: see `instructions.sh`.

use std::process::ExitCode;

use keytide_benches::{Subject, subjects};

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let loaded = subjects::loaded().expect("the fake issuer answers");
    let cache = &loaded.cache;
    let all: [&dyn Subject; 13] = [
        &subjects::arc_swap_load(),
        &subjects::arc_swap_load_and_clock(),
        &subjects::arc_swap_load_and_two_clocks(),
        &subjects::read(cache),
        &subjects::slow_read(cache),
        &subjects::arc_swap_cache(),
        &subjects::arc_swap_cache_and_clock(),
        &subjects::handle_read(cache),
        &subjects::get(cache),
        &subjects::try_get(cache),
        &subjects::watch(),
        &subjects::rw_lock(),
        &subjects::mutex(),
    ];
    if wanted.is_empty() {
        for subject in all {
            println!("{}", subject.name());
        }
        return ExitCode::SUCCESS;
    }
    let Some(subject) = all.into_iter().find(|subject| subject.name() == wanted) else {
        eprintln!("no subject has the name {wanted}");
        return ExitCode::FAILURE;
    };
    // The first reads of a thread register it with arc_swap, and take the lease.
    subject.read_many(100);
    counted_reads(subject);
    ExitCode::SUCCESS
}

/// The only function in which instructions are counted. `instructions.sh` divides by the number of reads.
#[inline(never)]
fn counted_reads(subject: &dyn Subject) {
    subject.read_many(10_000);
}
