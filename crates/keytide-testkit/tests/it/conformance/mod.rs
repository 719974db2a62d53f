//! The conformance suite: what it lets pass, and what it catches.

mod careful;
mod catches;
mod http;
mod office;
