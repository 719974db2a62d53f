//! How busy this machine is: [`times`], and what that cost a thread: [`waited`].

use std::time::Duration;

/// A span as it is on a machine of its own, times the processes that want to run here for each processor.
///
/// What is promised is judged by what the issuer saw; a span is only for what is too long on any machine, and beside eight
/// busy processes on two processors all takes five times as long.
pub(super) fn times(span: Duration) -> Duration {
    span * wanting().unwrap_or(1).clamp(1, MOST)
}

/// How long this thread has wanted to run and was not let, since it began; nothing where nobody says so.
pub(super) fn waited() -> Duration {
    // Time on a processor, time in the queue of one, turns: Documentation/scheduler/sched-stats.rst of Linux.
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let waited = text.and_then(|text| text.split(' ').nth(1)?.parse().ok());
    Duration::from_nanos(waited.unwrap_or_default())
}

/// Processes and threads that want to run now, or did in the last minute, for each processor; none where nobody says so.
fn wanting() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let mut words = text.split(' ');
    let last_minute: f64 = words.next()?.parse().ok()?;
    let (now, _) = words.nth(2)?.split_once('/')?;
    let now: f64 = now.parse().ok()?;
    let processors = std::thread::available_parallelism().ok()?.get();
    Some((last_minute.max(now) / processors as f64).ceil() as u32)
}

const MOST: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_no_shorter_than_on_a_machine_of_its_own_and_not_endless() {
        let second = Duration::from_secs(1);

        assert!((second..=MOST * second).contains(&times(second)));
        if cfg!(target_os = "linux") {
            // This test wants to run.
            assert!(wanting().is_some_and(|wanting| wanting >= 1));
        }
    }
}
