//! How busy this machine is: [`Machine`], and [`judged`], which says so where nothing else can be said.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Failure;

/// What a machine showed before and while something was tried on it.
///
/// What keytide promises is tried by tokens of seconds, and such a token ends on its way where every process waits for its
/// turn for as long. So lives and pauses are longer by [`scale`](Self::scale), and what follows from the contract is
/// compared with what is left to the machine ([`longest_gap`](Self::longest_gap)).
#[derive(Debug, Clone)]
pub struct Machine(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    /// Processes that want to run, for each processor, before anything was started.
    scale: u32,
    /// How late a task was that only waits, in milliseconds.
    longest_gap: AtomicU64,
}

impl Machine {
    /// Looks for a second at what else runs here.
    ///
    /// # Errors
    /// When it is so much that nothing could be judged.
    pub async fn look() -> Result<Self, Failure> {
        let mut most = 0.0_f64;
        let mut sum = 0.0;
        for _ in 0..LOOKS {
            let waiting = runnable().unwrap_or(1.0);
            most = most.max(waiting);
            sum += waiting;
            tokio::time::sleep(Duration::from_secs(1) / LOOKS).await;
        }
        let waiting = sum / f64::from(LOOKS);
        println!(
            "   the machine: {waiting:.1} processes for each processor want to run, {most:.1} at most"
        );
        if waiting > MOST {
            return Err(format!("{waiting:.1} processes for each processor want to run").into());
        }
        let seen = Arc::new(Seen {
            scale: waiting.ceil().max(1.0) as u32,
            longest_gap: AtomicU64::new(0),
        });
        let watched = Arc::downgrade(&seen);
        tokio::spawn(async move {
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let from = Instant::now();
                ticks.tick().await;
                let late = from.elapsed().saturating_sub(TICK).as_millis() as u64;
                let Some(seen) = watched.upgrade() else { break };
                seen.longest_gap.fetch_max(late, Ordering::Relaxed);
            }
        });
        Ok(Self(seen))
    }

    /// By how much lives and pauses are longer than on a machine of its own: from 1 on.
    #[must_use]
    pub fn scale(&self) -> u32 {
        self.0.scale
    }

    /// How late a task was that only waits, at most.
    #[must_use]
    pub fn longest_gap(&self) -> Duration {
        Duration::from_millis(self.0.longest_gap.load(Ordering::Relaxed))
    }

    /// Why a failure says nothing of keytide, if so.
    fn excuse(&self) -> Option<String> {
        let gap = self.longest_gap();
        let most = TOLERABLE * self.scale();
        (gap > most)
            .then(|| format!("a task that only waits was {gap:?} late, and {most:?} would do"))
    }
}

/// Tries something, and says what came of it: it passed, it failed, or this machine is too busy to tell, which has an exit
/// code of its own (75) and is no pass.
pub async fn judged(
    name: &str,
    run: impl AsyncFnOnce(&Machine) -> Result<(), Failure>,
) -> ExitCode {
    let machine = match Machine::look().await {
        Ok(machine) => machine,
        Err(why) => return too_busy(name, &why.to_string()),
    };
    match run(&machine).await {
        Ok(()) => {
            println!(
                "interop {name}: passed (a task that only waits was {:?} late at most)",
                machine.longest_gap()
            );
            ExitCode::SUCCESS
        }
        Err(failure) => match machine.excuse() {
            Some(why) => {
                eprintln!("   {failure}");
                too_busy(name, &why)
            }
            None => {
                eprintln!("interop {name}: FAILED: {failure}");
                ExitCode::FAILURE
            }
        },
    }
}

fn too_busy(name: &str, why: &str) -> ExitCode {
    eprintln!("interop {name}: NOT JUDGED: this machine is too busy: {why}");
    ExitCode::from(TRY_AGAIN)
}

/// How many processes and threads want to run, for each processor; none where nobody says so.
fn runnable() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let (running, _) = text.split(' ').nth(3)?.split_once('/')?;
    let processors = std::thread::available_parallelism().ok()?.get();
    Some(running.parse::<f64>().ok()? / processors as f64)
}

const LOOKS: u32 = 50;
const TICK: Duration = Duration::from_millis(10);
/// What nothing can be judged beside, for each processor.
const MOST: f64 = 12.0;
/// How late a task may be, for each step of the scale: a twelfth of the shortest life.
const TOLERABLE: Duration = Duration::from_millis(250);
/// `EX_TEMPFAIL` of sysexits.h.
const TRY_AGAIN: u8 = 75;
