//! Files whose change ends a backoff: [`FileWatch`].

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::{ChangeNotifier, Error, ErrorKind, InstanceId, Request};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::{READS, ReadError, read_small};

/// Sees to it that a file which is mended after a failure is read at once, and not when a backoff is over.
///
/// A provider has one, and makes its whole attempt in it. All files that [`SmallFile`](crate::SmallFile) reads
/// meanwhile are remembered, those that were missing too. Where the attempt fails they are looked at again every
/// 5 s (more seldom, up to every 80 s, after changes that mended nothing), and when one of them holds something else the
/// cache is told by its [`ChangeNotifier`]: that ends the backoff. What is written again unchanged
/// tells nothing. Nothing is looked at after a success, nor after [`NotConfigured`](ErrorKind::NotConfigured), which leads
/// to somebody else; and the looking ends with the next attempt, the provider or the cache.
///
/// ```
/// use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
/// use keytide_issuer::{FileWatch, SmallFile};
///
/// struct Vending {
///     key: SmallFile,
///     watch: FileWatch,
/// }
///
/// impl ProvideCredential for Vending {
///     fn profile(&self) -> Profile {
///         Profile::bearer("vending")
///     }
///
///     async fn provide(&self, request: &Request) -> Result<Issued, Error> {
///         self.watch.attempt(request, async {
///             let key = self.key.token().await?;
/// #           drop(key);
///             // … asks the issuer.
/// #           Err(Error::unavailable("nobody is asked here"))
///         })
///         .await
///     }
/// }
/// ```
///
/// What it keeps of a file is a keyed 64-bit digest. It looks from a task on the runtime that polls the attempt; without a
/// runtime it does not look. Files that are read by [`read_small`] are told to it by [`FileWatch::saw`].
#[derive(Default)]
pub struct FileWatch {
    followed: Mutex<HashMap<(InstanceId, Arc<str>), Followed>>,
}

/// The files of one cache that failed.
struct Followed {
    task: AbortHandle,
    /// How many changes in a row have mended nothing.
    in_vain: Arc<Mutex<u32>>,
}

/// The files that one attempt has read: by path and limit, with what was found.
type Files = BTreeMap<(Arc<Path>, usize), Print>;

/// Tells findings apart without keeping them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Print {
    /// Nothing yet: whatever is found is news.
    Unread,
    Content(u64),
    /// Why there was none.
    Fault(std::mem::Discriminant<ReadError>),
}

tokio::task_local! {
    static SEEN: Arc<Mutex<Files>>;
}

impl FileWatch {
    /// Watches nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an attempt, and follows the files that it reads where it fails or is dropped.
    ///
    /// # Errors
    /// Those of the attempt.
    pub async fn attempt<T>(
        &self,
        request: &Request,
        attempt: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut followed = Following {
            watch: self,
            request,
            seen: Arc::default(),
            wanted: true,
        };
        let result = SEEN.scope(Arc::clone(&followed.seen), attempt).await;
        followed.wanted = matches!(&result, Err(error) if error.kind() != ErrorKind::NotConfigured);
        result
    }

    /// Tells the attempt that is being made of a file that was read by other means than [`SmallFile`](crate::SmallFile),
    /// with the limit in bytes that it was read with. Outside of an attempt nobody is told.
    pub fn saw(path: &Path, limit: usize, found: Result<&[u8], &ReadError>) {
        note(path, limit, Print::of(found));
    }

    /// Tells it of a file that is about to be read, for a read that never ends.
    pub(super) fn will_read(path: &Path, limit: usize) {
        note(path, limit, Print::Unread);
    }

    fn settle(&self, request: &Request, seen: &Mutex<Files>, failed: bool) {
        let files = std::mem::take(&mut *lock(seen));
        let key = (request.instance(), request.cache_key());
        let mut followed = lock(&self.followed);
        followed.retain(|known, followed| *known == key || !followed.task.is_finished());
        let before = followed.remove(&key);
        if let Some(before) = &before {
            before.task.abort();
        }
        let runtime = Handle::try_current();
        let (true, false, Ok(runtime)) = (failed, files.is_empty(), runtime) else {
            return;
        };
        let in_vain = before.map_or_else(Arc::default, |before| before.in_vain);
        let told = Arc::clone(&in_vain);
        let task = runtime.spawn(follow(files, request.change_notifier(), told));
        let task = task.abort_handle();
        followed.insert(key, Followed { task, in_vain });
    }
}

/// An attempt that may be cut off: that is a failure too.
struct Following<'a> {
    watch: &'a FileWatch,
    request: &'a Request,
    seen: Arc<Mutex<Files>>,
    wanted: bool,
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.watch.settle(self.request, &self.seen, self.wanted);
    }
}

fn note(path: &Path, limit: usize, found: Print) {
    let _ = SEEN.try_with(|seen| {
        let mut seen = lock(seen);
        let print = seen
            .entry((Arc::from(path), limit))
            .or_insert(Print::Unread);
        // The first finding counts: a change since then is one.
        if *print == Print::Unread {
            *print = found;
        }
    });
}

/// Looks until something has changed, and tells it.
async fn follow(files: Files, cache: ChangeNotifier, in_vain: Arc<Mutex<u32>>) {
    let pause = PAUSE * (1 << (*lock(&in_vain)).min(MOST_DOUBLINGS));
    while !cache.is_closed() {
        sleep(pause).await;
        if have_changed(&files).await {
            {
                let mut in_vain = lock(&in_vain);
                *in_vain = in_vain.saturating_add(1);
            }
            return cache.notify();
        }
    }
}

async fn have_changed(files: &Files) -> bool {
    for ((path, limit), before) in files {
        let (reading, limit) = (Arc::clone(path), *limit);
        let read = READS.run((Arc::clone(path), limit), move || {
            read_small(&reading, limit).map(Arc::new)
        });
        // What could not be looked at has told nothing.
        let Ok(read) = read.await else { continue };
        let now = Print::of(read.as_ref().map(|content| content.as_slice()));
        if now != Print::Unread && now != *before {
            return true;
        }
    }
    false
}

impl Print {
    fn of(found: Result<&[u8], &ReadError>) -> Self {
        match found {
            Ok(content) => Self::Content(KEY.hash_one(content)),
            Err(ReadError::NoThread(_) | ReadError::Changing) => Self::Unread,
            Err(fault) => Self::Fault(std::mem::discriminant(fault)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        for followed in lock(&self.followed).values() {
            followed.task.abort();
        }
    }
}

/// A clone watches nothing yet: it is another provider's.
impl Clone for FileWatch {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl fmt::Debug for FileWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWatch").finish_non_exhaustive()
    }
}

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// A file that changes on and on is looked at every 80 s, so that it forces no calls at a pace of its own.
const MOST_DOUBLINGS: u32 = 4;
