//! Measures the engine against its goals and prints one table. Runs for about a minute and a quarter.
//!
//! ```text
//! ratios [--json] [PART…]     the parts: reads threads loads herds refresh recovery memory driver homes
//! ```

mod driver;
mod herds;
mod homes;
mod loads;
mod memory;
mod reads;
mod recovery;
mod refresh;
mod table;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use keytide_bench::CountingAllocator;
use keytide_core::Error;

use self::table::Table;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let (flags, parts): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|arg| arg.starts_with('-'));
    let json = flags.iter().any(|flag| flag == "--json");
    let known = |part: &String| PARTS.iter().any(|(name, _)| name == part);
    if flags.iter().any(|flag| flag != "--json") || !parts.iter().all(known) {
        let names = PARTS.map(|(name, _)| name).join(" ");
        eprintln!("usage: ratios [--json] [PART…]\nparts: {names}");
        return ExitCode::from(2);
    }
    let mut table = Table::new(json);
    for (name, measure) in PARTS {
        if !parts.is_empty() && !parts.iter().any(|part| part == name) {
            continue;
        }
        if let Err(error) = measure(&mut table) {
            eprintln!("{name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    table.finish();
    ExitCode::SUCCESS
}

type Measure = fn(&mut Table) -> Result<(), Error>;

const PARTS: [(&str, Measure); 9] = [
    ("reads", reads::one_thread),
    ("threads", reads::two_threads),
    ("loads", loads::measure),
    ("herds", herds::measure),
    ("refresh", refresh::measure),
    ("recovery", recovery::measure),
    ("memory", memory::measure),
    ("driver", driver::measure),
    ("homes", homes::measure),
];
