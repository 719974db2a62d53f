//! What the readers of one mode saw: [`Track`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::mode::PACE;
use crate::stats::Latencies;

/// What the readers of one mode saw.
pub(in crate::scenario) struct Track {
    loaded: Instant,
    /// Held to record one read, after it was timed.
    record: Mutex<Record>,
}

#[derive(Clone)]
pub(in crate::scenario) struct Record {
    /// From when on reads are counted: when the refresh began, or the credential ended.
    pub(in crate::scenario) began: Option<Instant>,
    pub(in crate::scenario) healed: Option<Instant>,
    /// When the first read after that was served.
    pub(in crate::scenario) served: Option<Instant>,
    ended: Option<Instant>,
    pub(in crate::scenario) calls: u64,
    /// By windows of time, in turn: what is far apart in them is noise.
    pub(in crate::scenario) halves: [Latencies; 2],
    /// The longest latency of what came due in each bin since the first load, in nanoseconds.
    bins: Vec<Bin>,
    /// With those that came due during a block.
    pub(in crate::scenario) due: u64,
    pub(in crate::scenario) waited: u64,
    pub(in crate::scenario) made: u64,
    pub(in crate::scenario) failed: u64,
    pub(in crate::scenario) expired: u64,
    pub(in crate::scenario) stuck: u64,
}

#[derive(Clone, Copy, Default)]
struct Bin {
    longest: u64,
    failed: bool,
}

/// The longest latency of each bin in nanoseconds, and the bins in which reads failed, against seconds since the refresh
/// began.
#[derive(Default)]
pub(in crate::scenario) struct OverTime {
    pub(in crate::scenario) latencies: Vec<(f64, f64)>,
    pub(in crate::scenario) failed: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scenario) enum Outcome {
    Served,
    /// With a credential past its end.
    Expired,
    Failed,
    /// Not yet, when the readers were stopped.
    Stuck,
}

impl Track {
    pub(in crate::scenario) fn new(loaded: Instant) -> Self {
        Self {
            loaded,
            record: Mutex::new(Record {
                began: None,
                healed: None,
                served: None,
                ended: None,
                calls: 0,
                halves: [Latencies::paced(PACE), Latencies::paced(PACE)],
                bins: Vec::with_capacity(4_096),
                due: 0,
                waited: 0,
                made: 0,
                failed: 0,
                expired: 0,
                stuck: 0,
            }),
        }
    }

    pub(in crate::scenario) fn begin(&self, at: Instant) {
        self.lock().began = Some(at);
    }

    pub(in crate::scenario) fn heal(&self, at: Instant) {
        self.lock().healed = Some(at);
    }

    pub(in crate::scenario) fn end(&self, at: Instant, calls: u64) {
        let mut record = self.lock();
        record.ended = Some(at);
        record.calls = calls;
    }

    pub(in crate::scenario) fn found(&self) -> Record {
        self.lock().clone()
    }

    pub(in crate::scenario) fn record(
        &self,
        began: Instant,
        ended: Instant,
        waited: bool,
        outcome: Outcome,
    ) {
        let mut record = self.lock();
        if outcome == Outcome::Stuck && record.ended.is_none() {
            return;
        }
        let took = ended.saturating_duration_since(began);
        let counted = record.began.is_some_and(|from| ended >= from);
        if counted {
            record.made += 1;
            record.failed += u64::from(outcome == Outcome::Failed);
            record.expired += u64::from(outcome == Outcome::Expired);
            record.stuck += u64::from(outcome == Outcome::Stuck);
        }
        if outcome == Outcome::Served
            && record.served.is_none()
            && record.healed.is_some_and(|healed| ended >= healed)
        {
            record.served = Some(ended);
        }
        // The reads that came due while this one was held up would each have waited for the rest of it.
        let mut late = Duration::ZERO;
        loop {
            let since = (began + late).saturating_duration_since(self.loaded);
            let bin = (since.as_millis() / BIN.as_millis()) as usize;
            let nanos = (took - late).as_nanos() as u64;
            record.mark(bin, nanos, outcome);
            if counted {
                record.due += 1;
                record.waited += u64::from(waited);
                if matches!(outcome, Outcome::Served | Outcome::Stuck) {
                    record.halves[bin % 2].record_one(took - late);
                }
            }
            late += PACE;
            if late >= took {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came due in each bin, from half a second before the refresh on.
    pub(in crate::scenario) fn over_time(&self) -> OverTime {
        let record = self.lock();
        let Some(began) = record.began else {
            return OverTime::default();
        };
        let zero = began.saturating_duration_since(self.loaded).as_secs_f64();
        let at = |bin: usize| (bin as f64 + 0.5) * BIN.as_secs_f64() - zero;
        let shown = |bin: usize| at(bin) >= -0.5;
        let bins = record.bins.iter().enumerate();
        let seen = bins.filter(|(bin, seen)| seen.longest > 0 && shown(*bin));
        let latencies = seen
            .clone()
            .map(|(bin, seen)| (round(at(bin)), seen.longest as f64));
        let failed = seen
            .filter(|(_, seen)| seen.failed)
            .map(|(bin, _)| (round(at(bin)), 1.0));
        OverTime {
            latencies: latencies.collect(),
            failed: failed.collect(),
        }
    }
}

impl Record {
    fn mark(&mut self, bin: usize, nanos: u64, outcome: Outcome) {
        if bin > 10_000 {
            return;
        }
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, Bin::default());
        }
        let bin = &mut self.bins[bin];
        bin.longest = bin.longest.max(nanos.max(1));
        bin.failed |= matches!(outcome, Outcome::Failed | Outcome::Expired);
    }
}

fn round(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}

const BIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(track: &Track, millis: u64) -> Instant {
        track.loaded + Duration::from_millis(millis)
    }

    #[test]
    fn a_block_counts_as_the_reads_that_came_due_in_it() {
        let track = Track::new(crate::time::now());
        track.begin(at(&track, 0));

        track.record(at(&track, 100), at(&track, 150), true, Outcome::Served);

        let found = track.found();
        assert_eq!((found.made, found.due, found.waited), (1, 50, 50));
        let both = found.halves[0].count() + found.halves[1].count();
        assert_eq!(both, 50);
        assert!(
            found.halves[0].count() >= 20,
            "both halves have their share"
        );
        let over_time = track.over_time().latencies;
        assert_eq!(over_time.len(), 5, "five bins of 10 ms");
        assert_eq!(over_time[0].1, 50e6);
    }

    #[test]
    fn what_ended_before_the_refresh_began_is_not_counted() {
        let track = Track::new(crate::time::now());
        track.record(at(&track, 1), at(&track, 2), false, Outcome::Served);
        track.begin(at(&track, 10));
        track.record(at(&track, 3), at(&track, 4), false, Outcome::Served);
        track.record(at(&track, 10), at(&track, 11), false, Outcome::Failed);

        let found = track.found();
        assert_eq!((found.made, found.failed), (1, 1));
        assert_eq!(found.halves[0].count() + found.halves[1].count(), 0);
    }

    #[test]
    fn the_first_read_served_after_the_healing_is_remembered() {
        let track = Track::new(crate::time::now());
        track.begin(at(&track, 0));
        track.record(at(&track, 1), at(&track, 2), false, Outcome::Served);
        track.heal(at(&track, 5));
        track.record(at(&track, 6), at(&track, 7), false, Outcome::Failed);
        track.record(at(&track, 8), at(&track, 9), false, Outcome::Served);
        track.record(at(&track, 9), at(&track, 10), false, Outcome::Served);

        assert_eq!(track.found().served, Some(at(&track, 9)));
    }
}
