//! The machine alone, under everything that may happen to a cache, in any order: no runtime, no thread, no clock. What it does
//! is judged by what the contract says.
//!
//! Faults that were planted one by one, and the seeds until one was found:
//!
//! | fault | seeds |
//! |---|---|
//! | `is_current` ignores the number | 1 |
//! | `landed` does not check | 1 |
//! | no minimum interval of forced calls | 1 |
//! | a call vouches for a refusal that came after it | 2 |
//! | windows are not clamped | 1 |
//! | the backoff has no cap | 7 |
//! | `may_start` ignores the pace | 1 |
//! | expiry by the boot clock only | 1 |
//! | that the issuer said no is not remembered | 3 |
//! | no flight is ever overdue | 1 |
//! | `revoked` leaves the flight | 2 |
//! | no origin's turn is passed on | 1 |
//! | `plan_next` never plans | 1 |
//! | every wait is worth it | 1 |
//! | two origins are remembered at most | 1 |
//! | claims go with every call | 1 |
//! | rounds of what is invalidated are forgotten | 24 |
//! | rounds of what is invalidated are never forgotten | 1 |
//! | a demand that fails sets the pace | 1 |
//! | the demand of one sets the minimum interval of all | 107 |
//! | the first after expiry is always at once | 1 |
//! | a change of the input frees from every pace | 3 |
//! | what is retired leaves nothing planned | 20 |
//! | every refusal is asked again under the minimum interval | 7 |
//! | what waits for its turn holds up what is due | 2 |
//! | the former generation is not counted | 1 |
//! | a withdrawal leaves the flight | 1 |
//! | an unchanged answer sets no pace | 1 |
//! | the issuer is asked for what it cannot give | 1 |
//! | a demand takes the place of a changed input | 6 |
//! | a refusal takes the place of a changed input | 6 |
//! | a read in passing puts off what is wanted sooner | 45 |
//! | a shutdown leaves the look | 3 |

mod answers;
mod calls;
mod chance;
mod landing;
mod oracle;
mod readers;
mod rest;
mod rules;
mod steps;
mod trace;
mod world;

use self::world::World;

const SEEDS: u64 = 300;
const STEPS: u32 = 2000;

/// Runs one seed. Returns the world as it is then.
fn run(seed: u64, steps: u32, keep: usize) -> World {
    let mut world = World::new(seed, keep);
    for _ in 0..steps {
        world.step();
        if let Some(fault) = &world.oracle.fault {
            let step = world.trace.step;
            panic!("seed {seed}, step {step}: {fault}\n{}", world.trace);
        }
    }
    world
}

#[test]
fn whatever_happens_in_whatever_order_the_machine_keeps_the_contract() {
    for seed in 0..SEEDS {
        run(seed, STEPS, 20);
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let trace = |seed| run(seed, STEPS, usize::MAX).trace.to_string();

    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}
