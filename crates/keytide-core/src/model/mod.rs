//! Models of readers, refreshers, invalidators and revokers over the engine itself: each runs under thousands of
//! schedules, and no schedule may tear a read, lose a wake-up or bring back what is gone.
//!
//! Threads and tasks are those of the model checker, and switch at each lock, at each access to the slot, and where a
//! flight is waited for or ends. Not explored: weak memory, deadlines, the watchdog, the death of a home.

mod herd;
mod kit;
mod late;
mod queue;
mod readers;
mod revoke;
mod storm;

/// Explores schedules: many at random, and some that switch rarely but at the worst of moments.
fn explore(model: fn()) {
    shuttle::check_random(model, 20_000);
    shuttle::check_pct(model, 5_000, 3);
}
