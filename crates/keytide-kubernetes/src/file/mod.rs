//! Reading the file of a token, which may not be one: [`read`].

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use keytide_core::Error;
use keytide_issuer::{OneAtATime, ReadError};
use zeroize::Zeroizing;

use crate::volume::{self, LIMIT};

/// One file's bytes, wiped when the last holder lets go.
pub(crate) type Bytes = Arc<Zeroizing<Vec<u8>>>;

/// Why a file could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    error: ReadError,
    /// It is certain that nothing has the name of its directory either.
    nowhere: bool,
}

/// Reads the file at this path, on a thread of its own: one read at a time for a path, whoever asks.
pub(crate) async fn read(path: &Arc<Path>) -> Result<Bytes, Trouble> {
    let reading = Arc::clone(path);
    let read = READS.run(Arc::clone(path), move || read_now(&reading));
    read.await.unwrap_or_else(|error| {
        Err(Trouble {
            error: ReadError::NoThread(Arc::new(error)),
            nowhere: false,
        })
    })
}

/// Blocks for as long as the file system takes.
fn read_now(path: &Path) -> Result<Bytes, Trouble> {
    volume::read(path).map(Arc::new).map_err(|error| {
        // What cannot be told counts as there: a chain must not pass over what may be configured.
        let nowhere = fs::symlink_metadata(volume::directory_of(path))
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        Trouble { error, nowhere }
    })
}

impl Trouble {
    /// The error for the user. `seen`: there was a token at this path before.
    pub(crate) fn explain(&self, path: &Path, seen: bool) -> Error {
        let name = path.display();
        let wrong = |what: &str| Error::misconfigured(format!("{name} {what}"));
        let error = match &self.error {
            ReadError::Missing if self.nowhere && !seen => {
                Error::not_configured(format!("neither {name} nor its directory exists"))
            }
            ReadError::Missing => Error::unavailable(format!("{name} does not exist")),
            ReadError::Dangling => Error::unavailable(format!(
                "{name} leads through a link to what does not exist"
            )),
            ReadError::Directory => wrong(&format!(
                "is a directory: name the token's file in it, such as {}",
                path.join("token").display()
            )),
            ReadError::Special => wrong("is a pipe, a socket or a device: name a regular file"),
            ReadError::TooLarge(_) => wrong(&format!(
                "is longer than {} KiB, so it is no token: name the token's file",
                LIMIT / 1024
            )),
            ReadError::Changing => Error::unavailable(format!(
                "{name} changed while it was read: it is being written"
            )),
            ReadError::Denied(_) => wrong(
                "may not be read by this process: let its user read it, such as by fsGroup in the pod's securityContext",
            ),
            ReadError::NotADirectory(_) => {
                wrong("leads through a file as if it were a directory: name the token's file")
            }
            ReadError::NoPath(_) => wrong("is not a valid path: name the token's file"),
            ReadError::Circle(_) => {
                wrong("leads through symbolic links that go in a circle: name the token's file")
            }
            ReadError::Io(_) => Error::unavailable(format!("{name} could not be read")),
            // The words of whoever reads, for what has no others here.
            error => return error.explain("the token", path),
        };
        match self.error.io() {
            Some(cause) => error.caused_by(Arc::clone(cause)),
            None => error,
        }
    }
}

static READS: LazyLock<OneAtATime<Arc<Path>, Result<Bytes, Trouble>>> =
    LazyLock::new(OneAtATime::new);

#[cfg(test)]
pub(crate) mod tests;
