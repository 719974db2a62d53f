//! Files of one generation of a volume: [`read_together`].
//!
//! Kubelet writes each generation of a volume into a directory of its own and renames the link `..data` onto it; the
//! names that a pod sees are links through `..data`. Two files that are opened by those names may be of two
//! generations. Here the link is followed once for all files, and all is read anew if the generation went away
//! meanwhile.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use keytide_issuer::{ReadError, read_small};
use zeroize::Zeroizing;

/// One file's bytes, wiped when dropped.
type Bytes = Zeroizing<Vec<u8>>;

/// Reads one file by its path. Blocks for as long as the file system takes.
pub(crate) fn read(path: &Path) -> Result<Bytes, ReadError> {
    let Some(name) = path.file_name() else {
        // It ends in `..` or is a root.
        return read_one(path);
    };
    let [bytes] = read_together(directory_of(path), [name])?;
    Ok(bytes)
}

/// Reads files of one directory. In a volume of kubelet's all are of one generation.
pub(crate) fn read_together<const N: usize>(
    directory: &Path,
    names: [&OsStr; N],
) -> Result<[Bytes; N], ReadError> {
    for _ in 0..ATTEMPTS {
        let generation = generation_of(directory);
        let mut beside = false;
        let files = all(names, |name| {
            if let Some(generation) = &generation {
                match read_one(&generation.join(name)) {
                    Err(error) if is_missing(&error) => {}
                    read => return read,
                }
            }
            beside = true;
            read_one(&directory.join(name))
        });
        // A name that was missing stands beside the volume, or its generation went away: the link tells.
        if !beside || generation_of(directory) == generation {
            return files;
        }
    }
    Err(ReadError::Changing)
}

/// The directory that holds the file of this path.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Reads a regular file of at most [`LIMIT`] bytes. Blocks for as long as the file system takes.
pub(crate) fn read_one(path: &Path) -> Result<Bytes, ReadError> {
    read_small(path, LIMIT)
}

/// Whether nothing is there to be read: no such name, or one that leads nowhere.
fn is_missing(error: &ReadError) -> bool {
    matches!(error, ReadError::Missing | ReadError::Dangling)
}

/// Where kubelet's link leads now; `None` where there is none.
fn generation_of(directory: &Path) -> Option<PathBuf> {
    fs::read_link(directory.join(LINK))
        .ok()
        .map(|target| directory.join(target))
}

fn all<const N: usize>(
    names: [&OsStr; N],
    mut read: impl FnMut(&OsStr) -> Result<Bytes, ReadError>,
) -> Result<[Bytes; N], ReadError> {
    let mut files = std::array::from_fn(|_| Zeroizing::new(Vec::new()));
    for (file, name) in files.iter_mut().zip(names) {
        *file = read(name)?;
    }
    Ok(files)
}

/// The longest file, in bytes: 64 KiB. Tokens of service accounts have one or two.
pub(crate) const LIMIT: usize = 64 * 1024;
/// The link that kubelet renames: `AtomicWriter` in k8s.io/kubernetes/pkg/volume/util.
const LINK: &str = "..data";
/// How many generations may go away under one read.
const ATTEMPTS: usize = 100;

#[cfg(all(test, unix))]
mod tests;
