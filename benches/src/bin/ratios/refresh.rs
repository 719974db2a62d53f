//! Reads while a refresh runs, hangs or fails and the credential is still good.

use std::hint::black_box;
use std::time::Duration;

use keytide_bench::{Answer, FakeIssuer, Latencies, Subject, goals, now, poll_once, subjects};
use keytide_core::{Cache, Error};

use crate::table::Table;

pub(crate) fn measure(table: &mut Table) -> Result<(), Error> {
    let latency = Duration::from_millis(50);
    for (name, answer) in [
        ("healthy", Answer::After(latency)),
        ("hanging 5 s", Answer::Never),
        ("failing 5 s", Answer::Unavailable(latency)),
    ] {
        // The issuer's hint is heeded from a tenth of the life on: refreshing begins 1.5 s after the first answer.
        let life = Duration::from_secs(15);
        let issuer = FakeIssuer::with(Answer::After(latency), life, Some(life / 10));
        let agent = subjects::agent()?.build()?;
        let cache = agent
            .cache(issuer.clone())
            .min_interval(Duration::from_millis(100))
            .build()?;
        cache.get_blocking(life)?;
        issuer.set(answer);
        let reads = Reads::during(&cache, Duration::from_secs(7));
        let calls = issuer.calls() - 1;
        table.row(
            &format!("{name}: calls behind the readers' backs"),
            "≥ 1",
            &format!("{calls}, {} reads", 2 * reads.count),
            Some(calls > 0),
        );
        table.goal(&goals::WAITED, name, reads.waited as f64);
        table.goal(&goals::FAILED, name, reads.failed as f64);
        let (ours, baseline) = (reads.ours.percentile(99.9), reads.baseline.percentile(99.9));
        let ratio = ours.as_secs_f64() / baseline.as_secs_f64();
        let shown =
            format!("{ratio:.2} × ({ours:?} to {baseline:?} of ArcSwap::load + coarse clock)");
        table.goal_told(&goals::TAIL, name, ratio, &shown);
    }
    Ok(())
}

/// 64 readers, each with one read due per millisecond, played by one thread.
struct Reads {
    ours: Latencies,
    baseline: Latencies,
    count: u64,
    waited: u64,
    failed: u64,
}

impl Reads {
    fn during(cache: &Cache, span: Duration) -> Self {
        let baseline = subjects::arc_swap_load_and_clock();
        let mut reads = Self {
            ours: Latencies::paced(PACE),
            baseline: Latencies::paced(PACE),
            count: 0,
            waited: 0,
            failed: 0,
        };
        let began = now();
        let mut due = began;
        let mut turn = 0;
        while due.duration_since(began) < span {
            due += PACE;
            // Whoever is first after the sleep finds cold caches: by turns.
            turn += 1;
            std::thread::sleep(due.saturating_duration_since(now()));
            for reader in 0..READERS {
                if (reader + turn) % 2 == 0 {
                    reads.read(cache);
                    reads.read_baseline(&baseline);
                } else {
                    reads.read_baseline(&baseline);
                    reads.read(cache);
                }
            }
        }
        reads
    }

    fn read(&mut self, cache: &Cache) {
        let before = now();
        let read = cache.read(|credential| black_box(credential.generation()));
        self.ours.record(before.elapsed());
        self.failed += u64::from(black_box(read).is_err());
        match poll_once(cache.get()) {
            None => self.waited += 1,
            Some(got) => self.failed += u64::from(got.is_err()),
        }
        self.count += 1;
    }

    fn read_baseline(&mut self, baseline: &dyn Subject) {
        let before = now();
        baseline.read_many(1);
        self.baseline.record(before.elapsed());
    }
}

const PACE: Duration = Duration::from_millis(1);
const READERS: usize = 64;
