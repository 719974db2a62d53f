//! What happened, for those who watch: [`Event`], [`Observe`] and the queue between.

mod desk;
mod kinds;
mod observe;
mod sink;
mod trace;
mod weight;

pub use self::kinds::{Event, EventKind, Reason, Trigger};
pub use self::observe::Observe;
pub(crate) use self::sink::Sink;
pub use self::trace::TracingObserver;
