#![doc = include_str!("../README.md")]

mod answer;
mod oracle;
mod plan;
mod rng;
mod settings;
mod shrink;
mod trace;
mod world;

pub use oracle::Violation;
pub use settings::{Settings, Trouble, Without};
pub use shrink::shrink;
pub use trace::Line;
pub use world::{Run, run, silence_meant_panics};
