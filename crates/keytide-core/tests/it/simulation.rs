//! Simulated days: what holds for any lifetime, window, outage and step of the clock, over paused time.
//!
//! Instants are readings of the test clock's boot axis, which counts suspends and never steps.

mod crowd;
mod idle;
mod issuer;
mod outage;
mod pace;
mod repeat;
mod spread;
mod steps;
mod windows;
