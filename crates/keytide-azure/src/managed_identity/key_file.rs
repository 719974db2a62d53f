//! The key files of Arc's agent: [`KeyDirectory`]. What a challenge names is read only if it is one of them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use keytide_core::Error;
use zeroize::Zeroizing;

/// The directory that the agent keeps its keys in.
#[derive(Debug, Clone)]
pub(super) struct KeyDirectory(Option<PathBuf>);

impl KeyDirectory {
    #[cfg(not(windows))]
    pub(super) fn of_platform() -> Self {
        Self::at(PathBuf::from("/var/opt/azcmagent/tokens"))
    }

    /// Below the directory that Windows names; without that name no key is read.
    #[cfg(windows)]
    pub(super) fn of_platform() -> Self {
        let data = keytide_issuer::Env::process().path("ProgramData");
        Self(data.map(|data| {
            Path::new(&data)
                .join("AzureConnectedMachineAgent")
                .join("Tokens")
        }))
    }

    pub(super) fn at(directory: PathBuf) -> Self {
        Self(Some(directory))
    }

    /// The content of a key file that a challenge named.
    pub(super) async fn read(&self, path: String) -> Result<Zeroizing<Vec<u8>>, Error> {
        let directory = self.0.clone();
        let read = move || read(directory.as_deref(), Path::new(&path));
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| Error::unavailable("reading the key file of Arc was cut off"))?
    }
}

/// Whoever answers chooses the path, so it is followed only into the directory of the keys, and the real one at that.
fn read(directory: Option<&Path>, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let refused = |why: &str| {
        Error::misconfigured(format!(
            "the key file that Arc's agent names {why}, and is not read: check who answers in its place"
        ))
    };
    let directory =
        directory.ok_or_else(|| refused("has no directory to be in: ProgramData is not set"))?;
    if path.extension() != Some(OsStr::new("key")) {
        return Err(refused("does not end in .key"));
    }
    if path.parent() != Some(directory) {
        return Err(refused("is not in the directory of its keys"));
    }
    let unreadable = |error: std::io::Error| {
        let message = "the key file of Arc's agent cannot be read: run as root, or as a member of the group himds";
        if error.kind() == ErrorKind::NotFound {
            Error::unavailable(
                "the key file of Arc's agent is gone: it makes a new one for each challenge",
            )
        } else {
            Error::misconfigured(message).caused_by(error)
        }
    };
    // A link in the place of the file, or of the directory, would lead elsewhere.
    let real = path.canonicalize().map_err(unreadable)?;
    let real_directory = directory.canonicalize().map_err(unreadable)?;
    if real.parent() != Some(real_directory.as_path())
        || real.extension() != Some(OsStr::new("key"))
    {
        return Err(refused("leads out of the directory of its keys"));
    }
    let file = File::open(&real).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(refused("is no file"));
    }
    let mut key = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    file.take(LARGEST as u64 + 1)
        .read_to_end(&mut key)
        .map_err(unreadable)?;
    if key.len() > LARGEST {
        return Err(refused("is over 4096 bytes"));
    }
    if key.is_empty() {
        return Err(Error::unavailable("the key file of Arc's agent is empty"));
    }
    Ok(key)
}

/// Bytes of a key.
const LARGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_small_key_file_in_the_directory_itself_is_read() {
        let root = tempfile::tempdir().unwrap();
        let keys = root.path().join("tokens");
        fs::create_dir_all(keys.join("inner")).unwrap();
        fs::create_dir(keys.join("directory.key")).unwrap();
        fs::write(keys.join("good.key"), "canary").unwrap();
        fs::write(keys.join("largest.key"), vec![b'x'; 4096]).unwrap();
        fs::write(keys.join("large.key"), vec![b'x'; 4097]).unwrap();
        fs::write(keys.join("empty.key"), "").unwrap();
        fs::write(keys.join("other.pem"), "canary").unwrap();
        fs::write(keys.join("inner/deep.key"), "canary").unwrap();
        fs::write(root.path().join("outside.key"), "canary").unwrap();
        let read = |path: &str| read(Some(&keys), Path::new(path));
        let inside = |name: &str| read(keys.join(name).to_str().unwrap());

        assert_eq!(&**inside("good.key").unwrap(), b"canary");
        assert_eq!(inside("largest.key").unwrap().len(), 4096);
        for path in [
            "large.key",
            "empty.key",
            "directory.key",
            "other.pem",
            "inner/deep.key",
            "../outside.key",
            "absent.key",
            "",
            "inner/../good.key",
            "good.key/",
            "good.key\0",
            "./inner/./deep.key",
        ] {
            let error = inside(path).err();
            if path == "good.key/" {
                // The same file, by a path that is normalised before it is compared.
                continue;
            }
            let error = error.unwrap_or_else(|| panic!("{path:?} was read"));
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        for path in [
            "/etc/passwd",
            "/etc/ssl/private/host.key",
            "good.key",
            "relative/good.key",
            "",
            "\\\\host\\share\\x.key",
        ] {
            assert!(read(path).is_err(), "{path:?} was read");
        }
        assert!(super::read(None, &keys.join("good.key")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_directory_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let keys = root.path().join("tokens");
        fs::create_dir(&keys).unwrap();
        fs::write(root.path().join("outside.key"), "canary").unwrap();
        std::os::unix::fs::symlink(root.path().join("outside.key"), keys.join("link.key")).unwrap();

        let error = read(Some(&keys), &keys.join("link.key")).unwrap_err();

        assert!(error.to_string().contains("leads out"), "{error}");
    }
}
