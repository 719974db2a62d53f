//! An assertion that a platform keeps in a file: [`AssertionFile`], read anew for each exchange.

use std::path::{Path, PathBuf};

use keytide_core::Error;
use keytide_issuer::SmallFile;
use zeroize::Zeroizing;

/// A file that holds a token, which its platform replaces from time to time.
///
/// Opened by its path each time: the directory that it is in may have been swapped.
#[derive(Debug, Clone)]
pub(crate) struct AssertionFile(SmallFile);

impl AssertionFile {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self(SmallFile::new(path, "the assertion").at_most(LARGEST))
    }

    /// The token that the file holds now.
    pub(super) async fn read(&self) -> Result<Zeroizing<String>, Error> {
        self.0.token().await
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Bytes of a token: those of clusters have one to two thousand.
const LARGEST: usize = 32 << 10;
