//! The end of a wait, by the right clock: [`Deadline`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alarm::Alarm;
use super::homes::Homes;
use super::runtime::Home;
use super::watchdog;
use crate::sys;
use crate::sys::time::Boot;

/// The end of one reader's patience.
pub(crate) struct Deadline {
    alarm: Arc<Alarm>,
    id: u64,
    set: Set,
}

enum Set {
    Never,
    Watchdog(Instant),
    Home(Arc<Home>, Boot),
}

impl Deadline {
    /// By real time, apart from any runtime; under an injected clock by that clock.
    pub(crate) fn new(homes: &Homes, patience: Duration) -> Self {
        let (alarm, id) = (Arc::new(Alarm::default()), Alarm::next_id());
        let patience = patience.min(LONGEST_PATIENCE);
        let set = match homes.timed_by() {
            Some(home) => {
                let due = home.clock.now().boot.after(patience);
                // Its first call may be one that waits for a place.
                home.ensure_driven();
                home.schedule_alarm(due, id, Arc::clone(&alarm));
                Set::Home(Arc::clone(home), due)
            }
            None => {
                let due = sys::monotonic() + patience;
                if watchdog::set(due, id, Arc::clone(&alarm)) {
                    Set::Watchdog(due)
                } else {
                    // Nobody would end the wait: it ends at once.
                    alarm.ring();
                    Set::Never
                }
            }
        };
        Self { alarm, id, set }
    }

    /// Whether anybody keeps it; else the wait ends at once, for want of a thread.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(self.set, Set::Never)
    }

    pub(crate) fn alarm(&self) -> &Alarm {
        &self.alarm
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        match &self.set {
            Set::Never => {}
            Set::Watchdog(due) => watchdog::cancel(*due, self.id),
            Set::Home(home, due) => home.unschedule_alarm(*due, self.id),
        }
    }
}

const LONGEST_PATIENCE: Duration = Duration::from_secs(365 * 24 * 3600);
