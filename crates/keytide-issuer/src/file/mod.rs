//! Small files that somebody else writes: [`SmallFile`], and [`read_small`] beneath it.

mod error;
mod watch;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use keytide_core::Error;
use zeroize::Zeroizing;

use crate::one_at_a_time::OneAtATime;
use crate::token_text::token_text;

pub use error::ReadError;
pub use watch::FileWatch;

/// A small regular file that is read anew each time, such as a token that its platform replaces.
///
/// It is opened without blocking (a pipe does not wait for its other end), must be a regular file both before and after
/// it was opened, and is read on a thread of its own, one read at a time for a path in the whole process: see
/// [`OneAtATime`]. A file system that hangs holds one thread for each path, and stops nobody else.
///
/// Errors name the path and never what is in the file.
///
/// | what is found | [`read`](Self::read) | [`find`](Self::find) |
/// |---|---|---|
/// | nothing of that name | [`Unavailable`](keytide_core::ErrorKind::Unavailable) | `None` |
/// | a link that leads to nothing, an error of the file system | [`Unavailable`](keytide_core::ErrorKind::Unavailable) | the same |
/// | a directory, a pipe, a device, too many bytes, no permission, links in a circle, a path through a file | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) | the same |
///
/// ```
/// use keytide_issuer::SmallFile;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let file = SmallFile::new("/run/tokens/absent", "the subject token");
///
/// assert!(file.find().await.unwrap().is_none());
/// assert_eq!(
///     file.read().await.unwrap_err().to_string(),
///     "the subject token in /run/tokens/absent is not there",
/// );
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct SmallFile {
    path: Arc<Path>,
    what: &'static str,
    limit: usize,
}

/// A file's bytes, wiped when the last holder lets go.
type Content = Arc<Zeroizing<Vec<u8>>>;

impl SmallFile {
    /// The file at this path, of at most 64 KiB. `what` names it in errors, as `"the subject token"`. Touches nothing.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, what: &'static str) -> Self {
        Self {
            path: path.into().into(),
            what,
            limit: LIMIT,
        }
    }

    /// The most bytes that it may have; more is an error. Defaults to 64 KiB.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds now.
    ///
    /// # Errors
    /// As [the table](Self) says.
    pub async fn read(&self) -> Result<Content, Error> {
        self.content().await.map_err(|error| self.explain(&error))
    }

    /// What it holds now; `None` only where nothing has its name, for what is optional.
    ///
    /// # Errors
    /// As [the table](Self) says.
    pub async fn find(&self) -> Result<Option<Content>, Error> {
        match self.content().await {
            Ok(content) => Ok(Some(content)),
            Err(ReadError::Missing) => Ok(None),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// The one token that it holds now: [`token_text`], without what stands around it.
    ///
    /// # Errors
    /// As [the table](Self) says, and [`TextFault::explain`](crate::TextFault::explain), which names the byte that is no part
    /// of a token and shows nothing of it.
    pub async fn token(&self) -> Result<Zeroizing<String>, Error> {
        let content = self.read().await?;
        match token_text(&content) {
            Ok(token) => Ok(Zeroizing::new(token.to_owned())),
            Err(fault) => Err(fault.explain(&self.named())),
        }
    }

    /// What errors call it: what it holds, and where it is.
    #[must_use]
    pub fn named(&self) -> String {
        format!("{} in {}", self.what, self.path.display())
    }

    async fn content(&self) -> Result<Content, ReadError> {
        let (path, limit) = (Arc::clone(&self.path), self.limit);
        FileWatch::will_read(&path, limit);
        let read = READS.run((Arc::clone(&path), limit), move || {
            read_small(&path, limit).map(Arc::new)
        });
        let read = read
            .await
            .unwrap_or_else(|error| Err(ReadError::NoThread(Arc::new(error))));
        FileWatch::saw(
            &self.path,
            limit,
            read.as_ref().map(|content| content.as_slice()),
        );
        read
    }

    fn explain(&self, error: &ReadError) -> Error {
        error.explain(self.what, &self.path)
    }
}

/// Reads a regular file of at most `limit` bytes, now. Never waits for the other end of a pipe, and leaves no copy that
/// is not wiped.
///
/// Blocks its thread for as long as the file system takes: call it inside [`OneAtATime::run`], or by [`SmallFile`].
///
/// # Errors
/// Why it could not be read.
pub fn read_small(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    // To open a device or the end of a pipe can have effects of its own, so it is looked at first. It may be replaced
    // in between: what was opened is looked at again.
    regular(&fs::metadata(path).map_err(|error| ReadError::of(path, error))?)?;
    let mut file = open(path).map_err(|error| ReadError::of(path, error))?;
    let failed = |error| ReadError::of(path, error);
    let before = file.metadata().map_err(failed)?;
    regular(&before)?;

    let expected = usize::try_from(before.len()).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(vec![0; expected.min(limit) + 1]);
    let mut length = 0;
    loop {
        if length > limit {
            return Err(ReadError::TooLarge(limit));
        }
        if length == bytes.len() {
            // It grew. A vector that grows by itself would leave what it held behind.
            let mut larger = Zeroizing::new(vec![0; limit + 1]);
            larger[..length].copy_from_slice(&bytes);
            bytes = larger;
        }
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let after = file.metadata().map_err(failed)?;
    if after.len() != before.len() || after.modified().ok() != before.modified().ok() {
        return Err(ReadError::Changing);
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn regular(metadata: &fs::Metadata) -> Result<(), ReadError> {
    if metadata.is_dir() {
        Err(ReadError::Directory)
    } else if metadata.is_file() {
        Ok(())
    } else {
        Err(ReadError::Special)
    }
}

/// Opens without waiting for the other end of a pipe, and without taking a terminal.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// By path and limit: one who takes less must not be given more.
static READS: LazyLock<Reads> = LazyLock::new(OneAtATime::new);

type Reads = OneAtATime<(Arc<Path>, usize), Result<Content, ReadError>>;

/// More than a token, a key or a configuration takes.
const LIMIT: usize = 64 << 10;

#[cfg(all(test, unix))]
mod tests;
#[cfg(test)]
mod watch_tests;
