//! Small files that somebody else writes: [`read`].

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use keytide_core::Error;
use zeroize::Zeroizing;

/// Reads a small file on a thread where that may block. `what` names it, as `"the subject token"`.
pub(crate) async fn read(path: PathBuf, what: &'static str) -> Result<Zeroizing<Vec<u8>>, Error> {
    tokio::task::spawn_blocking(move || read_now(&path, what))
        .await
        .map_err(|_| Error::unavailable(format!("reading {what} was cut off: the runtime ends")))?
}

/// Reads a regular file of at most [`LIMIT`] bytes, anew. Blocks; never hangs on a pipe.
pub(crate) fn read_now(path: &Path, what: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let named = format!("{what} in {}", path.display());
    let failed = |error: std::io::Error| {
        let message = format!("{named} cannot be read");
        match error.kind() {
            // One that is being replaced, or mounted, may be away for a moment.
            ErrorKind::NotFound => Error::unavailable(format!("{named} is not there")),
            _ => Error::misconfigured(message).caused_by(error),
        }
    };
    // Opening a pipe would wait for its other end: what it is comes first.
    let known = std::fs::metadata(path).map_err(failed)?;
    if !known.is_file() {
        return Err(Error::misconfigured(format!(
            "{named} is not a regular file"
        )));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    file.take(LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > LIMIT {
        return Err(Error::misconfigured(format!("{named} is over 64 KiB")));
    }
    Ok(bytes)
}

/// More than a token, a key or a configuration takes.
const LIMIT: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_small_regular_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        std::fs::write(file("token"), "a.b.c\n").unwrap();
        std::fs::write(file("large"), vec![b'x'; LIMIT + 1]).unwrap();

        assert_eq!(&*read_now(&file("token"), "it").unwrap(), b"a.b.c\n");
        let kind = |name| read_now(&file(name), "it").unwrap_err().kind();
        assert_eq!(kind("absent"), keytide_core::ErrorKind::Unavailable);
        assert_eq!(kind("large"), keytide_core::ErrorKind::Misconfigured);
        assert_eq!(kind("."), keytide_core::ErrorKind::Misconfigured);
        let device = read_now(Path::new("/dev/zero"), "it").unwrap_err();
        assert_eq!(device.kind(), keytide_core::ErrorKind::Misconfigured);
    }
}
