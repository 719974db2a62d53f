//! A user's code is asked, woken, cloned and dropped outside every lock, and what it does wrong is its own.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use keytide_core::{Cache, Error, ErrorKind, Issued, Profile, ProvideCredential, Request};
use keytide_testkit::{Answer, ScriptedProvider};

use crate::{HOUR, SECOND, real_agent};

/// What a user's code does wrong, wherever it runs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Panic,
    CallBack,
}

/// The cache that is called back, once it is there.
type Known = Arc<OnceLock<Cache>>;

/// Misbehaves when it is dropped.
struct Dropped(Does, Known);

impl Drop for Dropped {
    fn drop(&mut self) {
        misbehave(self.0, &self.1);
    }
}

impl fmt::Debug for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dropped")
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dropped")
    }
}

impl std::error::Error for Dropped {}

fn misbehave(does: Does, known: &Known) {
    let Some(cache) = known.get() else { return };
    match does {
        // A second panic while one unwinds would abort, whoever drops what.
        Does::Panic if thread::panicking() => {}
        Does::Panic => panic!("a user's code panics on purpose"),
        Does::CallBack => {
            let _ = cache.try_get();
            let _ = cache.status();
            let _ = cache.changes();
            drop(cache.rejected(99, "https://origin.example"));
            let mut again = pin!(cache.get());
            let _ = again.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// Runs what may deadlock.
fn in_time<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waited) = mpsc::channel();
    let runs = thread::spawn(move || {
        let _ = done.send(what());
    });
    match waited.recv_timeout(Duration::from_secs(30)) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match runs.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("it ends without a result"),
        },
    }
}

/// Answers by `answer`, which is told the number of the call.
struct By<F>(AtomicUsize, F);

impl<F: Fn(usize) -> Result<Issued, Error> + Send + Sync + 'static> ProvideCredential for By<F> {
    fn profile(&self) -> Profile {
        Profile::bearer("by")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        (self.1)(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn cache_by(
    known: &Known,
    answer: impl Fn(usize) -> Result<Issued, Error> + Send + Sync + 'static,
) -> Cache {
    let cache = real_agent().cache(By(AtomicUsize::new(0), answer));
    let cache = cache.build().unwrap();
    known.get_or_init(|| cache.clone());
    cache
}

fn token(call: usize) -> Issued {
    Issued::bearer(format!("token-{call}")).expires_in(HOUR)
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn what_a_published_credential_drops_is_dropped_outside_every_lock() {
    for does in [Does::Panic, Does::CallBack] {
        in_time(move || {
            let known = Known::default();
            let hook = Arc::clone(&known);
            let cache = cache_by(&known, move |call| {
                let dropped = Dropped(does, Arc::clone(&hook));
                Ok(token(call).revoke_with(move |_| {
                    let _ = &dropped;
                    async { Ok(()) }
                }))
            });
            for generation in 1..=5 {
                // Replaced by name, and after it was withdrawn.
                let credential = block(cache.refresh_now()).unwrap();
                assert_eq!(credential.generation(), generation);
                drop(credential);
                cache.invalidate(generation - 1);
            }
            assert_eq!(cache.get_blocking(PATIENCE).unwrap().generation(), 5);
        });
    }
}

#[test]
fn what_an_error_drops_is_dropped_outside_every_lock() {
    for does in [Does::Panic, Does::CallBack] {
        in_time(move || {
            let known = Known::default();
            let hook = Arc::clone(&known);
            let cache = cache_by(&known, move |call| match call {
                4 => Ok(token(call)),
                _ => Err(Error::unavailable("down").caused_by(Dropped(does, Arc::clone(&hook)))),
            });
            for _ in 0..3 {
                let failed = block(cache.refresh_now());
                assert_eq!(sort(failed), ErrorKind::Unavailable);
            }
            assert_eq!(block(cache.refresh_now()).unwrap().generation(), 1);
            assert_eq!(sort(block(cache.refresh_now())), ErrorKind::Unavailable);
            assert_eq!(cache.try_get().unwrap().generation(), 1);
        });
    }
}

#[test]
fn what_a_refused_answer_drops_is_dropped_outside_every_lock() {
    for does in [Does::Panic, Does::CallBack] {
        in_time(move || {
            let known = Known::default();
            let hook = Arc::clone(&known);
            let cache = cache_by(&known, move |call| {
                let dropped = Dropped(does, Arc::clone(&hook));
                let issued = match call {
                    1 => token(1).principal("reader"),
                    2 => token(2).principal("somebody else"),
                    3 => token(3).expires_in(1000 * HOUR),
                    4 => Issued::bearer(String::new()).expires_in(HOUR),
                    5 => Issued::bearer("static".to_owned()),
                    6 => Issued::signing_key("id", "key".to_owned()).expires_in(HOUR),
                    _ => token(1).principal("reader"),
                };
                Ok(issued.revoke_with(move |_| {
                    let _ = &dropped;
                    async { Ok(()) }
                }))
            });
            block(cache.refresh_now()).unwrap();
            for _ in 2..=6 {
                sort(block(cache.refresh_now()));
            }
            assert_eq!(
                block(cache.refresh_now()).unwrap().generation(),
                1,
                "the same again"
            );
        });
    }
}

#[test]
fn a_profile_is_asked_once_without_a_lock_and_its_panic_is_an_error() {
    struct Received {
        times: Arc<AtomicUsize>,
        does: Does,
        agent: keytide_core::Agent,
    }
    impl ProvideCredential for Received {
        fn profile(&self) -> Profile {
            self.times.fetch_add(1, Ordering::Relaxed);
            if self.does == Does::Panic {
                panic!("a profile that panics on purpose");
            }
            // The registry of the agent is free meanwhile.
            let (other, _) = ScriptedProvider::new(Answer::token(HOUR));
            self.agent.cache(other).build().unwrap();
            Profile::bearer("asked").issuer("https://asked.example")
        }
        async fn provide(&self, _: &Request) -> Result<Issued, Error> {
            Ok(token(1))
        }
    }
    in_time(|| {
        let (agent, times) = (real_agent(), Arc::new(AtomicUsize::new(0)));
        let asked = |does| Received {
            times: Arc::clone(&times),
            does,
            agent: agent.clone(),
        };

        let failed = agent.cache(asked(Does::Panic)).key("asked").build();
        assert_eq!(sort(failed), ErrorKind::Misconfigured);
        let cache = agent
            .cache(asked(Does::CallBack))
            .key("asked")
            .build()
            .unwrap();
        for _ in 0..3 {
            block(cache.refresh_now()).unwrap();
            let _ = (cache.status(), cache.kind(), format!("{cache:?}"));
            block(cache.need().lasting(SECOND).get()).unwrap();
        }
        drop(cache.revoke());

        assert_eq!(times.load(Ordering::Relaxed), 2, "once for each build");
    });
}

/// A waker that misbehaves wherever it is used.
struct Wrong(Does, Known);

impl Wake for Wrong {
    fn wake(self: Arc<Self>) {
        misbehave(self.0, &self.1);
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        misbehave(self.0, &self.1);
    }
}

#[test]
fn a_waker_that_misbehaves_keeps_nobody_else_waiting() {
    for does in [Does::Panic, Does::CallBack] {
        in_time(move || {
            let known = Known::default();
            let (provider, script) = ScriptedProvider::new(Answer::token(HOUR).gated());
            let agent = real_agent();
            let cache = agent.cache(provider).build().unwrap();
            known.get_or_init(|| cache.clone());
            let wrong = || Waker::from(Arc::new(Wrong(does, Arc::clone(&known))));

            // Between those that misbehave, some that do not; and one that watches for generations.
            let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(cache.get())).collect();
            let woken = Arc::new(Counted::default());
            for (index, waiter) in waiting.iter_mut().enumerate() {
                let waker = match index % 2 {
                    0 => wrong(),
                    _ => Waker::from(Arc::clone(&woken)),
                };
                let polled = waiter.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
                std::mem::forget(waker);
            }
            let mut changes = (cache.changes(), cache.changes());
            let mut first = Box::pin(changes.0.next());
            let mut second = Box::pin(changes.1.next());
            let waker = wrong();
            let _ = first.as_mut().poll(&mut Context::from_waker(&waker));
            std::mem::forget(waker);
            let watcher = Waker::from(Arc::clone(&woken));
            let _ = second.as_mut().poll(&mut Context::from_waker(&watcher));

            script.release(1);
            while woken.0.load(Ordering::Acquire) < 11 {
                thread::yield_now();
            }

            assert_eq!(cache.get_blocking(PATIENCE).unwrap().generation(), 1);
            std::mem::forget((waiting, first));
        });
    }
}

#[test]
fn a_waker_that_panics_ends_no_deadline_of_another() {
    in_time(|| {
        let known = Known::default();
        let (provider, _script) = ScriptedProvider::new(Answer::hang());
        let cache = real_agent().cache(provider).build().unwrap();
        known.get_or_init(|| cache.clone());

        for _ in 0..3 {
            let waker = Waker::from(Arc::new(Wrong(Does::Panic, Arc::clone(&known))));
            let mut waiting = Box::pin(cache.need().within(SECOND / 20).get());
            let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            std::mem::forget((waker, waiting));
        }
        for _ in 0..3 {
            let late = block(cache.need().within(SECOND / 10).get());
            assert_eq!(sort(late), ErrorKind::TimedOut);
        }
    });
}

#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// The sort of a failure. Its error is dropped here, so that what the cache remembers of it is the last.
fn sort<T>(failed: Result<T, Error>) -> ErrorKind {
    let error = failed.err().expect("it fails");
    let kind = error.kind();
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(error)));
    kind
}

fn block<F: Future>(future: F) -> F::Output {
    struct Unpark(Mutex<Option<thread::Thread>>);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            if let Some(thread) = &*self.0.lock().unwrap() {
                thread.unpark();
            }
        }
    }
    let waker = Waker::from(Arc::new(Unpark(Mutex::new(Some(thread::current())))));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park_timeout(Duration::from_millis(100));
    }
}
