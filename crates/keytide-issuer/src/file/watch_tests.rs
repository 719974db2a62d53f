use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use keytide_core::{Cache, Error, Issued, Profile, ProvideCredential, Request, Trigger};
use keytide_testkit::TestClock;

use super::{FileWatch, SmallFile};

/// Refuses until the file holds `good`; says in each call what it was asked for.
struct Reads {
    file: SmallFile,
    watch: FileWatch,
    asked: Arc<Mutex<Vec<Trigger>>>,
    hangs: bool,
}

impl ProvideCredential for Reads {
    fn profile(&self) -> Profile {
        Profile::bearer("reads")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.asked.lock().unwrap().push(request.trigger());
        let attempt = async {
            let still = Still::new();
            let found = self.file.token().await?;
            drop(still);
            if found.as_str() == "good" {
                return Ok(Issued::bearer("t".to_owned()).expires_in(Duration::from_secs(600)));
            }
            if found.as_str() == "absent" {
                return Err(Error::not_configured("not here"));
            }
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Err(Error::refused("no"))
        };
        self.watch.attempt(request, attempt).await
    }
}

/// Keeps the paused clock from running on while a thread reads.
struct Still(#[expect(dead_code, reason = "dropped, it lets go")] mpsc::Sender<()>);

impl Still {
    fn new() -> Self {
        let (held, released) = mpsc::channel();
        tokio::task::spawn_blocking(move || released.recv());
        Self(held)
    }
}

struct Case {
    clock: TestClock,
    cache: Cache,
    path: PathBuf,
    asked: Arc<Mutex<Vec<Trigger>>>,
    _directory: tempfile::TempDir,
}

impl Case {
    fn new(hangs: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let clock = TestClock::new();
        let asked = Arc::new(Mutex::default());
        let provider = Reads {
            file: SmallFile::new(&path, "the key"),
            watch: FileWatch::new(),
            asked: Arc::clone(&asked),
            hangs,
        };
        let cache = clock
            .agent()
            .build()
            .unwrap()
            .cache(provider)
            .build()
            .unwrap();
        Self {
            clock,
            cache,
            path,
            asked,
            _directory: directory,
        }
    }

    fn told(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|asked| **asked == Trigger::Changed)
            .count()
    }

    /// Lets so much time pass, second by second, and the threads that read files come along.
    async fn pass(&self, seconds: u32, until: impl Fn() -> bool) {
        for _ in 0..seconds {
            if until() {
                return;
            }
            self.clock.advance(Duration::from_secs(1)).await;
            std::thread::sleep(Duration::from_millis(3));
            self.clock.settle().await;
        }
    }

    /// The same, until something has come about; where the thread that reads takes long, that is waited for.
    async fn pass_until(&self, seconds: u32, is_so: impl Fn() -> bool + Send + Sync) {
        self.pass(seconds, &is_so).await;
        // Twenty seconds and more: what comes at all comes sooner.
        for _ in 0..20_000 {
            if is_so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
            self.clock.settle().await;
        }
    }

    /// Until the pauses are longer than what lies between two looks.
    async fn fail_for_long(&self) {
        assert!(self.cache.get().await.is_err());
        self.pass(120, || false).await;
        assert_eq!(self.told(), 0, "nothing has changed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_mended_ends_the_backoff() {
    let case = Case::new(false);
    fs::write(&case.path, "bad").unwrap();
    case.fail_for_long().await;

    fs::write(&case.path, "good").unwrap();
    case.pass_until(10, || case.told() > 0).await;

    assert_eq!(case.told(), 1);
    case.cache.get().await.unwrap();
    // After a success nothing is looked at.
    fs::write(&case.path, "bad").unwrap();
    for _ in 0..30 {
        case.cache.get().await.unwrap();
        case.pass(1, || false).await;
    }
    assert_eq!(case.told(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_success_nothing_is_looked_at() {
    let case = Case::new(false);
    fs::write(&case.path, "bad").unwrap();
    assert!(case.cache.get().await.is_err());

    fs::write(&case.path, "good").unwrap();
    case.cache.refresh_now().await.unwrap();

    for _ in 0..30 {
        case.cache.get().await.unwrap();
        case.pass(1, || false).await;
    }
    assert_eq!(case.told(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_of_who_is_not_configured_is_not_followed() {
    let case = Case::new(false);
    fs::write(&case.path, "absent").unwrap();
    case.fail_for_long().await;

    fs::write(&case.path, "good").unwrap();
    case.pass(60, || case.told() > 0).await;

    assert_eq!(case.told(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_appears_ends_the_backoff_and_one_that_is_written_again_does_not() {
    let case = Case::new(false);
    case.fail_for_long().await;

    fs::write(&case.path, "bad").unwrap();
    case.pass_until(10, || case.told() > 0).await;
    assert_eq!(case.told(), 1, "it was missing");
    case.pass(200, || false).await;
    fs::write(&case.path, "bad").unwrap();
    case.pass(100, || false).await;
    assert_eq!(case.told(), 1, "the same again");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_on_and_on_sets_no_pace_of_its_own() {
    let case = Case::new(false);
    fs::write(&case.path, "bad").unwrap();
    case.fail_for_long().await;

    for count in 0..800 {
        fs::write(&case.path, format!("bad{count}")).unwrap();
        case.pass(1, || false).await;
    }

    // After 5, 10, 20, 40 and 80 s, and then every 80 s: else it were 160.
    assert!(case.told() <= 16, "{}", case.told());
    assert!(case.told() >= 5, "{}", case.told());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_cut_off_is_followed_too() {
    let case = Case::new(true);
    fs::write(&case.path, "bad").unwrap();
    let cache = case.cache.clone();
    let reader = tokio::spawn(async move { cache.get().await.map(drop) });
    case.pass_until(200, || reader.is_finished()).await;
    assert!(reader.await.unwrap().is_err());
    case.pass(300, || false).await;
    let before = case.told();

    fs::write(&case.path, "good").unwrap();
    case.pass_until(60, || case.told() > before).await;

    assert_eq!(case.told(), before + 1);
}
