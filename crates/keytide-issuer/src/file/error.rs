//! Why a file could not be read: [`ReadError`].

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use keytide_core::Error;

/// Why a small file could not be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing has this name.
    Missing,
    /// A link of the path leads to nothing.
    Dangling,
    /// This process may not read it.
    Denied(Arc<io::Error>),
    /// Its path leads through a file as if it were a directory.
    NotADirectory(Arc<io::Error>),
    /// Its path leads through symbolic links that go in a circle.
    Circle(Arc<io::Error>),
    /// Its path cannot be one.
    NoPath(Arc<io::Error>),
    /// The operating system said something else.
    Io(Arc<io::Error>),
    /// It is a directory.
    Directory,
    /// It is a pipe, a socket or a device.
    Special,
    /// It has more than so many bytes.
    TooLarge(usize),
    /// It changed while it was read.
    Changing,
    /// No thread could be had to read it.
    NoThread(Arc<io::Error>),
}

impl ReadError {
    /// What the operating system said of this path. It says the same where nothing has its name and where a link on the
    /// way to it leads to nothing: these are told apart by a look at the links.
    #[must_use]
    pub fn of(path: &Path, error: io::Error) -> Self {
        if error.kind() != io::ErrorKind::NotFound {
            return error.into();
        }
        let nearest = path
            .ancestors()
            .find_map(|ancestor| Some((ancestor, fs::symlink_metadata(ancestor).ok()?)));
        match nearest {
            // A link to a directory that is there, and has no such file in it, leads somewhere.
            Some((name, known)) if known.is_symlink() && fs::metadata(name).is_err() => {
                Self::Dangling
            }
            _ => Self::Missing,
        }
    }

    /// What the operating system said, where there is one.
    #[must_use]
    pub fn io(&self) -> Option<&Arc<io::Error>> {
        match self {
            Self::Denied(cause)
            | Self::NotADirectory(cause)
            | Self::Circle(cause)
            | Self::NoPath(cause)
            | Self::Io(cause)
            | Self::NoThread(cause) => Some(cause),
            _ => None,
        }
    }

    /// The error for the user: `what` names the file, as `"the subject token"`.
    #[must_use]
    pub fn explain(&self, what: &str, path: &Path) -> Error {
        let named = format!("{what} in {}", path.display());
        let wrong = |why: &str| Error::misconfigured(format!("{named} {why}"));
        let (error, cause) = match self {
            // One that is being replaced, or mounted, may be away for a moment.
            Self::Missing => return Error::unavailable(format!("{named} is not there")),
            Self::Dangling => {
                return Error::unavailable(format!("{named} is a link to what is not there"));
            }
            Self::Directory => return wrong("is a directory: name a file"),
            Self::Special => {
                return wrong("is a pipe, a socket or a device: name a regular file");
            }
            Self::TooLarge(limit) => return wrong(&format!("is over {}", size(*limit))),
            Self::Changing => {
                return Error::unavailable(format!("{named} changed while it was read"));
            }
            Self::NoThread(cause) => {
                let message = format!("{named} was not read: no thread could be had for it");
                return Error::unavailable(message).caused_by(Arc::clone(cause));
            }
            Self::Denied(cause) => (wrong("may not be read by this process"), cause),
            Self::NotADirectory(cause) => (
                wrong("is behind a file that is no directory: check the path"),
                cause,
            ),
            Self::Circle(cause) => (wrong("is behind symbolic links that go in a circle"), cause),
            Self::NoPath(cause) => (wrong("has no valid path"), cause),
            Self::Io(cause) => (
                Error::unavailable(format!("{named} could not be read")),
                cause,
            ),
        };
        error.caused_by(Arc::clone(cause))
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        let circle = is_loop(&error);
        let error = Arc::new(error);
        match kind {
            io::ErrorKind::PermissionDenied => Self::Denied(error),
            io::ErrorKind::NotADirectory => Self::NotADirectory(error),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => Self::NoPath(error),
            _ if circle => Self::Circle(error),
            _ => Self::Io(error),
        }
    }
}

#[cfg(unix)]
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_loop(_: &io::Error) -> bool {
    false
}

fn size(bytes: usize) -> String {
    if bytes.is_multiple_of(1024) {
        format!("{} KiB", bytes / 1024)
    } else {
        format!("{bytes} bytes")
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no such file",
            Self::Dangling => "a link leads to nothing",
            Self::Denied(_) => "it may not be read by this process",
            Self::NotADirectory(_) => "its path leads through a file",
            Self::Circle(_) => "its path leads through links that go in a circle",
            Self::NoPath(_) => "it has no valid path",
            Self::Io(_) => "the file could not be read",
            Self::Directory => "it is a directory",
            Self::Special => "it is a pipe, a socket or a device",
            Self::TooLarge(_) => "it is too large",
            Self::Changing => "it changed while it was read",
            Self::NoThread(_) => "no thread could be had to read it",
        })
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io().map(|cause| cause as _)
    }
}
