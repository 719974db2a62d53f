//! The key files of Arc's agent: [`KeyDirectory`]. What a challenge names is read only if it is one of them.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use keytide_core::Error;
use keytide_issuer::{Env, OneAtATime, ReadError, read_small};
use zeroize::Zeroizing;

/// The directory that the agent keeps its keys in.
#[derive(Debug, Clone)]
pub(super) enum KeyDirectory {
    OfPlatform,
    At(PathBuf),
}

/// What a key file holds, wiped when the last holder lets go.
type Key = Arc<Zeroizing<Vec<u8>>>;
/// What was read, with the path that it is of.
type Found = (PathBuf, Result<Key, Error>);

impl KeyDirectory {
    /// The content of a key file that a challenge named.
    pub(super) async fn read(&self, path: String, env: &Env) -> Result<Key, Error> {
        let directory = match self {
            Self::OfPlatform => of_platform(env)?,
            Self::At(directory) => directory.clone(),
        };
        let path = PathBuf::from(path);
        in_turn(directory, path, read).await
    }
}

#[cfg(not(windows))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Windows")]
fn of_platform(_: &Env) -> Result<PathBuf, Error> {
    Ok(PathBuf::from("/var/opt/azcmagent/tokens"))
}

#[cfg(windows)]
fn of_platform(env: &Env) -> Result<PathBuf, Error> {
    of_windows(env)
}

/// Below the directory that Windows names; without that name no key is read.
#[cfg(any(windows, test))]
fn of_windows(env: &Env) -> Result<PathBuf, Error> {
    let data = env.get("ProgramData")?;
    let data = data.ok_or_else(|| refused("has no directory to be in: ProgramData is not set"))?;
    Ok(Path::new(&data)
        .join("AzureConnectedMachineAgent")
        .join("Tokens"))
}

/// Reads on one thread for the directory, whatever is named in it: the agent makes a file of another name for each
/// challenge, so that a thread for each name would be one for each attempt while the file system hangs.
async fn in_turn(
    directory: PathBuf,
    path: PathBuf,
    read: impl Fn(&Path, &Path) -> Result<Zeroizing<Vec<u8>>, Error> + Clone + Send + 'static,
) -> Result<Key, Error> {
    loop {
        let (read, inside, wanted) = (read.clone(), directory.clone(), path.clone());
        let run = READS.run(directory.clone(), move || {
            let key = read(&inside, &wanted).map(Arc::new);
            (wanted, key)
        });
        let (found, key) = run.await.map_err(|error| {
            Error::unavailable(
                "the key file of Arc's agent was not read: no thread could be had for it",
            )
            .caused_by(error)
        })?;
        // Those who ask meanwhile share a run, and that one may have been for another's file.
        if found == path {
            return key;
        }
    }
}

/// Whoever answers chooses the path, so it is followed only into the directory of the keys, and the real one at that.
fn read(directory: &Path, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    if path.extension() != Some(OsStr::new("key")) {
        return Err(refused("does not end in .key"));
    }
    if path.parent() != Some(directory) {
        return Err(refused("is not in the directory of its keys"));
    }
    // A link in the place of the file, or of the directory, would lead elsewhere.
    let real = path.canonicalize().map_err(|error| failed(path, error))?;
    let real_directory = directory
        .canonicalize()
        .map_err(|error| failed(directory, error))?;
    if real.parent() != Some(real_directory.as_path())
        || real.extension() != Some(OsStr::new("key"))
    {
        return Err(refused("leads out of the directory of its keys"));
    }
    let key = read_small(&real, LARGEST).map_err(|error| match error {
        ReadError::Directory | ReadError::Special => refused("is no file"),
        ReadError::TooLarge(_) => refused("is over 4096 bytes"),
        other => unreadable(path, &other),
    })?;
    if key.is_empty() {
        return Err(Error::unavailable("the key file of Arc's agent is empty"));
    }
    Ok(key)
}

fn refused(why: &str) -> Error {
    Error::misconfigured(format!(
        "the key file that Arc's agent names {why}, and is not read: check who answers in its place"
    ))
}

fn failed(path: &Path, error: io::Error) -> Error {
    unreadable(path, &ReadError::of(path, error))
}

fn unreadable(path: &Path, error: &ReadError) -> Error {
    match error {
        ReadError::Missing | ReadError::Dangling => Error::unavailable(
            "the key file of Arc's agent is gone: it makes a new one for each challenge",
        ),
        ReadError::Denied(cause) => {
            let message = format!(
                "the key file of Arc's agent, {}, cannot be read: run as root, or as a member of the group himds",
                path.display()
            );
            Error::misconfigured(message).caused_by(Arc::clone(cause))
        }
        other => other.explain("the key of Arc's agent", path),
    }
}

/// By directory.
static READS: LazyLock<OneAtATime<PathBuf, Found>> = LazyLock::new(OneAtATime::new);

/// Bytes of a key.
const LARGEST: usize = 4096;

#[cfg(test)]
mod tests;
