//! What may block for ever, without stopping anybody else: [`OneAtATime`].

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use keytide_fork::PerProcess;
use tokio::sync::watch;

/// Runs what may block for as long as it likes, each on a thread of its own, one at a time for a key.
///
/// Whoever asks for a key while a run of it is under way shares the run after it with all others who ask meanwhile: its
/// answer is never older than the question, and a run that hangs holds one thread, however often it is tried again. No
/// pool is shared with anything else, so what hangs under one key costs no other key its thread.
///
/// A caller may give up at any await. A job that panics is an error of those who wait for it, and of no one else.
///
/// ```
/// use std::net::{SocketAddr, ToSocketAddrs};
/// use std::sync::LazyLock;
///
/// use keytide_issuer::OneAtATime;
///
/// type Found = Result<Vec<SocketAddr>, std::io::ErrorKind>;
/// static LOOK_UPS: LazyLock<OneAtATime<String, Found>> = LazyLock::new(OneAtATime::new);
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let name = "localhost".to_owned();
/// let found = LOOK_UPS.run(name.clone(), move || {
///     (name.as_str(), 443).to_socket_addrs().map(Iterator::collect).map_err(|error| error.kind())
/// });
/// assert!(!found.await.unwrap().unwrap().is_empty());
/// # });
/// ```
pub struct OneAtATime<K, T> {
    /// A forked child has none under way: the threads are not there.
    keys: Arc<PerProcess<Mutex<Keys<K, T>>>>,
}

type Keys<K, T> = HashMap<K, Running<T>>;

type Job<T> = Box<dyn FnOnce() -> T + Send>;
type Outcome<T> = Option<Result<T, Panicked>>;

/// The job of those who wait did not come to its end.
#[derive(Debug, Clone, Copy)]
struct Panicked;

/// A run of one key that is under way.
struct Running<T> {
    /// The run after it, if somebody asked meanwhile.
    next: Option<(watch::Sender<Outcome<T>>, Job<T>)>,
}

impl<K, T> OneAtATime<K, T>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Nothing is under way yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            keys: Arc::default(),
        }
    }

    /// Runs `job`, or shares the run of a job of the same key that begins after this call.
    ///
    /// # Errors
    /// When no thread can be had, or the job panicked.
    pub async fn run(
        &self,
        key: K,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, io::Error> {
        let mut answer = self.enter(key, Box::new(job))?;
        let outcome = answer.wait_for(Option::is_some).await;
        let outcome = outcome.ok().and_then(|outcome| outcome.clone());
        outcome
            .unwrap_or(Err(Panicked))
            .map_err(|Panicked| io::Error::other("what was run on a thread of its own panicked"))
    }

    fn enter(&self, key: K, job: Job<T>) -> Result<watch::Receiver<Outcome<T>>, io::Error> {
        let mut keys = lock(self.keys.get());
        if let Some(running) = keys.get_mut(&key) {
            let (next, _) = running
                .next
                .get_or_insert_with(|| (watch::Sender::new(None), job));
            return Ok(next.subscribe());
        }
        let (first, answer) = watch::channel(None);
        let all = Arc::clone(&self.keys);
        let mine = key.clone();
        thread::Builder::new()
            .name("keytide-blocking".to_owned())
            .spawn(move || work(all.get(), &mine, first, job))?;
        keys.insert(key, Running { next: None });
        Ok(answer)
    }
}

/// Runs the jobs of one key until nobody waits for another.
fn work<K: Hash + Eq, T>(
    keys: &Mutex<Keys<K, T>>,
    key: &K,
    first: watch::Sender<Outcome<T>>,
    job: Job<T>,
) {
    let mut turn = Some((first, job));
    while let Some((waiting, job)) = turn {
        let result = catch_unwind(AssertUnwindSafe(job)).map_err(|_| Panicked);
        // Whoever asks from here on has a run of its own: this one is over before anybody is told.
        turn = take_next(&mut lock(keys), key);
        waiting.send_replace(Some(result));
    }
}

/// The next run that somebody waits for; without one the key is free.
fn take_next<K: Hash + Eq, T>(
    keys: &mut Keys<K, T>,
    key: &K,
) -> Option<(watch::Sender<Outcome<T>>, Job<T>)> {
    let next = keys.get_mut(key).and_then(|running| running.next.take());
    let wanted = next.filter(|(waiting, _)| waiting.receiver_count() > 0);
    if wanted.is_none() {
        keys.remove(key);
    }
    wanted
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, T> Default for OneAtATime<K, T>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T> Clone for OneAtATime<K, T> {
    fn clone(&self) -> Self {
        Self {
            keys: Arc::clone(&self.keys),
        }
    }
}

impl<K, T> fmt::Debug for OneAtATime<K, T>
where
    K: Send,
    T: Send + Sync,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneAtATime")
            .field("under_way", &lock(self.keys.get()).len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_hangs_under_one_key_holds_one_thread_and_no_other_key() {
        let reads = OneAtATime::<&str, usize>::new();
        let begun = Arc::new(AtomicUsize::new(0));
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));

        for _ in 0..1000 {
            let (begun, held) = (Arc::clone(&begun), Arc::clone(&held));
            let hanging = reads.run("hanging", move || {
                begun.fetch_add(1, Ordering::Relaxed);
                let _ = lock(&held).recv();
                1
            });
            assert!(timeout(Duration::ZERO, hanging).await.is_err());
        }

        assert_eq!(reads.run("healthy", || 2).await.unwrap(), 2);
        assert!(begun.load(Ordering::Relaxed) <= 1);
        drop(release);
        assert_eq!(reads.run("hanging", || 1).await.unwrap(), 1);
        assert!(
            begun.load(Ordering::Relaxed) <= 2,
            "what nobody waits for was run"
        );
    }

    #[tokio::test]
    async fn those_who_ask_while_a_run_is_under_way_share_the_one_after_it() {
        let reads = OneAtATime::<(), usize>::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let (release, held) = mpsc::channel::<()>();
        let (started, begun) = tokio::sync::oneshot::channel();
        let first = {
            let (reads, runs) = (reads.clone(), Arc::clone(&runs));
            tokio::spawn(async move {
                let job = move || {
                    let _ = started.send(());
                    let _ = held.recv();
                    runs.fetch_add(1, Ordering::Relaxed)
                };
                reads.run((), job).await.unwrap()
            })
        };
        begun.await.unwrap();

        let later: Vec<_> = (0..50)
            .map(|_| {
                let runs = Arc::clone(&runs);
                reads
                    .enter((), Box::new(move || runs.fetch_add(1, Ordering::Relaxed)))
                    .unwrap()
            })
            .collect();
        release.send(()).unwrap();

        assert_eq!(first.await.unwrap(), 0);
        for mut answer in later {
            let outcome = *answer.wait_for(Option::is_some).await.unwrap();
            assert_eq!(outcome.unwrap().unwrap(), 1);
        }
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_job_that_panics_is_an_error_and_the_next_one_runs() {
        let reads = OneAtATime::<u8, u8>::new();

        let failed = reads
            .run(1, || panic!("a job that panics on purpose"))
            .await;

        assert!(failed.is_err());
        assert_eq!(reads.run(1, || 7).await.unwrap(), 7);
        assert_eq!(format!("{reads:?}"), "OneAtATime { under_way: 0 }");
    }

    #[test]
    fn a_runtime_ends_while_what_it_asked_for_hangs() {
        let reads = OneAtATime::<u8, u8>::new();
        let (release, held) = mpsc::channel::<()>();
        let (ended, waited) = mpsc::channel();
        let asked = reads.clone();

        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            let hanging = asked.run(1, move || {
                let _ = held.recv();
                1
            });
            let gave_up =
                runtime.block_on(async { timeout(Duration::from_millis(50), hanging).await });
            assert!(gave_up.is_err());
            drop(runtime);
            ended.send(()).unwrap();
        });

        let over = waited.recv_timeout(Duration::from_secs(60));
        drop(release);
        over.expect("the runtime waits for what hangs");
    }
}
