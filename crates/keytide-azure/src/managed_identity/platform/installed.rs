//! Whether a program is installed, told apart from whether it could be looked at.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use keytide_core::{Error, ErrorKind};
use keytide_issuer::{OneAtATime, ReadError};

/// Whether there is something at this path: not, only where nothing has its name.
///
/// # Errors
/// It cannot be told: what stands between may not be searched, a link leads nowhere, the file system failed.
pub(super) async fn look(program: &Path) -> Result<bool, Error> {
    let path = program.to_owned();
    let looked = LOOKS.run(path.clone(), move || is_there(&path)).await;
    let looked = looked.unwrap_or_else(|error| Err(ReadError::NoThread(Arc::new(error))));
    looked.map_err(|error| {
        let cause = error.explain("the program of Arc's agent", program);
        let message = format!(
            "whether Arc's agent is installed here cannot be told: let this process look at {}, or name the instance \
             metadata service with imds_endpoint",
            program.display()
        );
        let error = match cause.kind() {
            ErrorKind::Misconfigured => Error::misconfigured(message),
            _ => Error::unavailable(message),
        };
        error.caused_by(cause)
    })
}

/// Looked at and not opened: the program need not be readable to this process.
fn is_there(path: &Path) -> Result<bool, ReadError> {
    let looked = fs::metadata(path).map_err(|error| ReadError::of(path, error));
    match looked {
        Ok(_) => Ok(true),
        Err(ReadError::Missing) => Ok(false),
        Err(error) => Err(error),
    }
}

static LOOKS: LazyLock<OneAtATime<PathBuf, Result<bool, ReadError>>> =
    LazyLock::new(OneAtATime::new);

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_what_has_no_name_is_not_installed() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::write(path("himds"), "").unwrap();
        // A program that may not be read is installed all the same.
        fs::set_permissions(path("himds"), fs::Permissions::from_mode(0o000)).unwrap();
        symlink("himds", path("link")).unwrap();
        symlink("nowhere", path("dangling")).unwrap();
        symlink("circle", path("circle")).unwrap();

        assert!(look(&path("himds")).await.unwrap());
        assert!(look(&path("link")).await.unwrap());
        assert!(!look(&path("absent")).await.unwrap());
        assert!(!look(&path("absent/bin/himds")).await.unwrap());
        for (name, kind) in [
            ("dangling", ErrorKind::Unavailable),
            ("dangling/bin/himds", ErrorKind::Unavailable),
            ("circle", ErrorKind::Misconfigured),
            ("circle/bin/himds", ErrorKind::Misconfigured),
            ("himds/bin/himds", ErrorKind::Misconfigured),
        ] {
            let error = look(&path(name)).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{name}: {error}");
            let named = path(name).display().to_string();
            assert!(error.to_string().contains(&named), "{error}");
        }
    }

    #[test]
    fn a_look_needs_no_thread_of_the_blocking_pool() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let pool = runtime.spawn_blocking(move || held.recv().is_ok());

        let looked = runtime.block_on(async {
            let look = look(Path::new("/nowhere/azcmagent"));
            tokio::time::timeout(Duration::from_secs(20), look).await
        });

        assert!(!looked.expect("it waits for the pool").unwrap());
        drop(release);
        runtime.block_on(pool).unwrap();
    }
}
