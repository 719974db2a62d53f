//! What keeps one credential fresh: the decisions, as pure functions of what is known and the time, and what carries them
//! out.

pub(crate) mod backoff;
pub(crate) mod household;
pub(crate) mod left;
pub(crate) mod life;
pub(crate) mod machine;
pub(crate) mod options;
mod registry;
pub(crate) mod windows;
