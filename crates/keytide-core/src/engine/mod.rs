//! What keeps one credential fresh: the decisions, as pure functions of what is known and the time, and what carries them
//! out.

mod answering;
pub(crate) mod ask;
mod backoff;
pub(crate) mod decide;
pub(crate) mod end;
mod flight;
pub(crate) mod household;
mod land;
mod launch;
mod left;
mod life;
pub(crate) mod machine;
pub(crate) mod obtain;
pub(crate) mod options;
mod patience;
mod publish;
mod read;
mod registry;
mod reject;
mod resident;
pub(crate) mod shared;
mod state;
pub(crate) mod tell;
mod timer;
mod warm;
pub(crate) mod watched;
pub(crate) mod windows;
