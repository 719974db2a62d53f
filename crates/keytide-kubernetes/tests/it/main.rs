//! Projected tokens through a cache, on a real file system.
#![cfg(unix)]

mod bad_files;
mod conformance;
mod rotation;
mod runtime;
mod secrecy;
mod support;
