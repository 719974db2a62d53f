//! Decisions as pure functions of what is known and the time: no I/O, no waiting, no clock.

pub(crate) mod backoff;
pub(crate) mod options;
pub(crate) mod windows;
