//! Reading one small file that may not be one: [`read`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use keytide_core::Error;
use zeroize::Zeroizing;

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The operating system said so.
    Io(io::Error),
    /// It is a directory.
    Directory,
    /// It is a pipe, a socket or a device.
    Special,
    /// It is longer than [`LIMIT`].
    TooLarge,
    /// It changed while it was read.
    Changing,
}

/// Reads a regular file of at most [`LIMIT`] bytes. Never hangs on a pipe, and leaves no copy that is not wiped.
///
/// Blocks its thread for as long as the file system takes.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    // To open a device or the end of a pipe can have effects of its own, so it is looked at first. It may be replaced
    // in between: what was opened is looked at again.
    regular(&fs::metadata(path)?)?;
    let mut file = open(path)?;
    let before = file.metadata()?;
    regular(&before)?;

    let expected = usize::try_from(before.len()).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(vec![0; expected.min(LIMIT) + 1]);
    let mut length = 0;
    loop {
        if length > LIMIT {
            return Err(Trouble::TooLarge);
        }
        if length == bytes.len() {
            // It grew. A vector that grows by itself would leave what it held behind.
            let mut larger = Zeroizing::new(vec![0; LIMIT + 1]);
            larger[..length].copy_from_slice(&bytes);
            bytes = larger;
        }
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let after = file.metadata()?;
    if after.len() != before.len() || after.modified().ok() != before.modified().ok() {
        return Err(Trouble::Changing);
    }
    bytes.truncate(length);
    Ok(bytes)
}

impl Trouble {
    /// Whether nothing has this name.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// The error for the user. `seen`: there was a token at this path before.
    pub(crate) fn explain(self, path: &Path, seen: bool) -> Error {
        let name = path.display();
        let error = match self {
            Self::Io(error) => error,
            Self::Directory => {
                return Error::misconfigured(format!(
                    "{name} is a directory: name the token's file in it, such as {}",
                    path.join("token").display()
                ));
            }
            Self::Special => {
                return Error::misconfigured(format!(
                    "{name} is a pipe, a socket or a device: name a regular file"
                ));
            }
            Self::TooLarge => {
                return Error::misconfigured(format!(
                    "{name} is longer than {} KiB, so it is no token: name the token's file",
                    LIMIT / 1024
                ));
            }
            Self::Changing => {
                return Error::unavailable(format!(
                    "{name} changed while it was read: it is being written"
                ));
            }
        };
        let sort = match error.kind() {
            io::ErrorKind::NotFound if !seen && !directory_exists(path) => {
                Error::not_configured(format!("neither {name} nor its directory exists"))
            }
            io::ErrorKind::NotFound => Error::unavailable(format!("{name} does not exist")),
            io::ErrorKind::PermissionDenied => Error::misconfigured(format!(
                "{name} may not be read by this process: let its user read it, such as by fsGroup in the pod's \
                 securityContext"
            )),
            io::ErrorKind::NotADirectory => Error::misconfigured(format!(
                "{name} leads through a file as if it were a directory: name the token's file"
            )),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => {
                Error::misconfigured(format!("{name} is not a valid path: name the token's file"))
            }
            _ if is_loop(&error) => Error::misconfigured(format!(
                "{name} leads through symbolic links that go in a circle: name the token's file"
            )),
            _ => Error::unavailable(format!("{name} could not be read")),
        };
        sort.caused_by(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn regular(metadata: &fs::Metadata) -> Result<(), Trouble> {
    if metadata.is_dir() {
        Err(Trouble::Directory)
    } else if metadata.is_file() {
        Ok(())
    } else {
        Err(Trouble::Special)
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

#[cfg(unix)]
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_loop(_: &io::Error) -> bool {
    false
}

fn directory_exists(path: &Path) -> bool {
    // What cannot be told counts as there: a chain must not pass over what may be configured.
    crate::volume::directory_of(path)
        .try_exists()
        .unwrap_or(true)
}

/// The longest file, in bytes: 64 KiB. Tokens of service accounts have one or two.
pub(crate) const LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests;
