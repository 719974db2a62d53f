//! An assertion that a platform keeps in a file: [`AssertionFile`], read anew for each exchange.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keytide_core::Error;
use keytide_issuer::SmallFile;
use zeroize::Zeroizing;

/// A file that holds a token, which its platform replaces from time to time.
///
/// Opened by its path each time: the directory that it is in may have been swapped.
#[derive(Debug, Clone)]
pub(crate) struct AssertionFile(SmallFile);

/// The token in a file, without the end of a line behind it.
pub(super) struct FileToken(Arc<Zeroizing<Vec<u8>>>);

impl AssertionFile {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self(SmallFile::new(path, "the assertion").at_most(LARGEST))
    }

    /// What the file holds now.
    pub(super) async fn read(&self) -> Result<FileToken, Error> {
        let token = FileToken(self.0.read().await?);
        let named = self.path().display();
        if token.bytes().is_empty() {
            return Err(Error::unavailable(format!(
                "the assertion file {named} is empty"
            )));
        }
        if !token.bytes().iter().all(u8::is_ascii_graphic) {
            return Err(Error::misconfigured(format!(
                "the assertion file {named} holds more than a token"
            )));
        }
        Ok(token)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl FileToken {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.trim_ascii_end()
    }
}

/// Bytes of a token: those of clusters have one to two thousand.
const LARGEST: usize = 32 << 10;
