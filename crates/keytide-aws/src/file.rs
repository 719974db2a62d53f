//! Small files that a platform swaps: read anew each time, off the threads that must not block.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use keytide_core::Error;
use zeroize::Zeroizing;

/// The content of a file that holds a secret. `named` stands in errors, such as `the token file`.
pub(crate) async fn read(named: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_now(&owned)).await;
    let read = read.map_err(|_| {
        Error::unavailable(format!(
            "{named} was not read: the runtime ends or the reader failed"
        ))
    })?;
    let shown = path.display();
    match read {
        Ok(content) if content.len() > MOST => Err(Error::misconfigured(format!(
            "{named} {shown} is over 64 KiB: check that the path is that of a token"
        ))),
        Ok(content) => Ok(content),
        // One that is being replaced may be away for a moment.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::unavailable(format!(
            "{named} {shown} is not there: check that the platform still puts it there"
        ))
        .caused_by(error)),
        Err(error) => {
            Err(Error::misconfigured(format!("{named} {shown} cannot be read")).caused_by(error))
        }
    }
}

fn read_now(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(Vec::with_capacity(MOST + 1));
    File::open(path)?
        .take(MOST as u64 + 1)
        .read_to_end(&mut content)?;
    Ok(content)
}

const MOST: usize = 64 << 10;
