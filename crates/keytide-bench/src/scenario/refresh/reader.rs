//! One reader: a read is due every millisecond.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::mode::PACE;
use super::track::{Outcome, Track};
use crate::running::Running;
use crate::time::now;

/// Reads until it is dropped.
pub(in crate::scenario) async fn read_on(
    running: Arc<dyn Running>,
    track: Arc<Track>,
    offset: Duration,
) {
    let mut pace = tokio::time::interval_at(tokio::time::Instant::now() + offset, PACE);
    // What came due during a block is reckoned, not made up for.
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let mut reading = running.read();
        let mut under_way = UnderWay {
            track: &track,
            began: now(),
            waited: false,
        };
        let first = poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await;
        let read = match first {
            Poll::Ready(read) => read,
            Poll::Pending => {
                under_way.waited = true;
                reading.await
            }
        };
        let ended = now();
        let (began, waited) = (under_way.began, under_way.waited);
        std::mem::forget(under_way);
        let outcome = match read {
            Err(_) => Outcome::Failed,
            Ok(seen) => match seen.stamp() {
                Some(stamp) if stamp.past() > TOLERANCE + ended.elapsed() => Outcome::Expired,
                _ => Outcome::Served,
            },
        };
        track.record(began, ended, waited, outcome);
    }
}

/// A read that was still waiting when the readers were stopped.
struct UnderWay<'a> {
    track: &'a Track,
    began: std::time::Instant,
    waited: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.track
            .record(self.began, now(), self.waited, Outcome::Stuck);
    }
}

/// A read that begins before the end and is looked at after it got a good credential; so did one that judged by the
/// coarse clock, which is a tick late.
const TOLERANCE: Duration = Duration::from_millis(10);
