//! An assertion that a platform keeps in a file: [`AssertionFile`], read anew for each exchange.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use keytide_core::Error;
use zeroize::{Zeroize, Zeroizing};

/// The path of a file that holds a token, which its platform replaces from time to time.
#[derive(Debug, Clone)]
pub(crate) struct AssertionFile(PathBuf);

impl AssertionFile {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// What the file holds now.
    pub(crate) async fn read(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let path = self.0.clone();
        tokio::task::spawn_blocking(move || read(&path))
            .await
            .map_err(|_| Error::unavailable("reading the assertion file was cut off"))?
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// Opened by its path each time: the directory that it is in may have been swapped.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let named = path.display();
    let unreadable = |error: std::io::Error| {
        let message = format!("the assertion file {named} cannot be read");
        // One that is being replaced may be away for a moment.
        if error.kind() == ErrorKind::NotFound {
            Error::unavailable(message).caused_by(error)
        } else {
            Error::misconfigured(message).caused_by(error)
        }
    };
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Error::misconfigured(format!(
            "the assertion file {named} is no file"
        )));
    }
    let mut token = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    file.take(LARGEST as u64 + 1)
        .read_to_end(&mut token)
        .map_err(unreadable)?;
    if token.len() > LARGEST {
        return Err(Error::misconfigured(format!(
            "the assertion file {named} is over 32 KiB, and holds no token then"
        )));
    }
    while token.last().is_some_and(u8::is_ascii_whitespace) {
        if let Some(last) = token.last_mut() {
            last.zeroize();
        }
        token.pop();
    }
    if token.is_empty() {
        return Err(Error::unavailable(format!(
            "the assertion file {named} is empty"
        )));
    }
    if !token.iter().all(u8::is_ascii_graphic) {
        return Err(Error::misconfigured(format!(
            "the assertion file {named} holds more than a token"
        )));
    }
    Ok(token)
}

/// Bytes of a token: those of clusters have one to two thousand.
const LARGEST: usize = 32 << 10;
