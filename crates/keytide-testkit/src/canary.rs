//! A secret that must not turn up in any log: [`Canary`].

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// A secret of its own for one test. It fails the test that drops it if it was logged meanwhile, at any level, by any
/// crate that logs with `tracing` or `log`, on any thread.
///
/// ```
/// use keytide_testkit::Canary;
///
/// let canary = Canary::new();
/// tracing::info!("a token was issued");
/// assert!(!format!("{:?}", std::time::Duration::ZERO).contains(canary.secret()));
/// ```
///
/// ```should_panic
/// let canary = keytide_testkit::Canary::new();
/// tracing::trace!("a token was issued: {}", canary.secret());
/// ```
pub struct Canary {
    secret: String,
}

static LOG: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Canary {
    /// A new secret, under watch from now on. The first one in a process installs the global `tracing` subscriber.
    ///
    /// # Panics
    /// When another global subscriber was installed before: nothing could be watched then.
    #[must_use]
    pub fn new() -> Self {
        if let Err(error) = watch() {
            panic!("a canary needs the global tracing subscriber: {error}");
        }
        Self {
            secret: format!(
                "canary-{}-{:08x}-yranac",
                NEXT.fetch_add(1, Ordering::Relaxed),
                std::process::id()
            ),
        }
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether the secret was logged so far.
    #[must_use]
    pub fn was_logged(&self) -> bool {
        Self::logged(&self.secret)
    }

    /// Whether this text was logged so far by anybody: shows that the watch works.
    #[must_use]
    pub fn logged(text: &str) -> bool {
        // Looked through without the lock: whoever logs meanwhile would wait for it, the thread that refreshes too.
        let so_far = LOG
            .get()
            .map(|log| log.lock().unwrap_or_else(PoisonError::into_inner).clone());
        so_far.is_some_and(|log| String::from_utf8_lossy(&log).contains(text))
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(!self.was_logged(), "the canary secret was logged");
        }
    }
}

impl std::fmt::Debug for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canary").finish_non_exhaustive()
    }
}

/// Watches what is logged from now on; or says why it cannot.
pub(crate) fn watch() -> Result<(), String> {
    static WATCHED: OnceLock<Result<(), String>> = OnceLock::new();
    let watched = WATCHED.get_or_init(|| {
        LOG.get_or_init(Mutex::default);
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_writer(ToLog)
            .try_init()
            .map_err(|error| error.to_string())
    });
    watched.clone()
}

/// What was logged so far, from this byte on.
#[cfg(feature = "conformance")]
pub(crate) fn logged_from(start: usize) -> Vec<u8> {
    let Some(log) = LOG.get() else {
        return Vec::new();
    };
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.get(start..).unwrap_or_default().to_vec()
}

/// How many bytes were logged so far.
#[cfg(feature = "conformance")]
pub(crate) fn logged_bytes() -> usize {
    let log = LOG.get();
    log.map_or(0, |log| {
        log.lock().unwrap_or_else(PoisonError::into_inner).len()
    })
}

struct ToLog;

impl Write for ToLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(log) = LOG.get() {
            log.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for ToLog {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
