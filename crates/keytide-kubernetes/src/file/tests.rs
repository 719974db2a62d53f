use std::error::Error as _;

use keytide_core::ErrorKind;

use super::*;
use crate::volume::read_one;

#[test]
fn a_file_is_read_up_to_the_limit_and_not_beyond() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");

    for length in [0, 1, 4096, LIMIT - 1, LIMIT] {
        fs::write(&path, vec![b'a'; length]).unwrap();
        assert_eq!(read_one(&path).unwrap().len(), length);
    }
    for length in [LIMIT + 1, 10 * 1024 * 1024] {
        fs::write(&path, vec![b'a'; length]).unwrap();
        assert!(
            matches!(read_one(&path), Err(ReadError::TooLarge(LIMIT))),
            "{length}"
        );
    }
}

/// Files under `/proc` have content, and a length of 0.
#[cfg(target_os = "linux")]
#[test]
fn the_length_that_a_file_states_is_not_relied_on() {
    let path = Path::new("/proc/self/limits");
    assert_eq!(fs::metadata(path).unwrap().len(), 0);

    assert_eq!(*read_one(path).unwrap(), fs::read(path).unwrap());
}

/// Root may read anything, so a permission cannot be taken away from a test that root runs.
#[test]
fn a_file_without_permission_says_what_to_mend() {
    let path = Path::new("/secrets/token");
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);

    let trouble = Trouble {
        error: denied.into(),
        nowhere: false,
    };
    let error = trouble.explain(path, false);

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("/secrets/token may not be read"));
    assert!(error.to_string().contains("securityContext"));
    assert!(error.source().is_some());
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    make_pipe(&pipe);
    let _socket = std::os::unix::net::UnixListener::bind(directory.path().join("socket")).unwrap();

    assert!(matches!(
        read_one(directory.path()),
        Err(ReadError::Directory)
    ));
    assert!(matches!(read_one(&pipe), Err(ReadError::Special)));
    assert!(matches!(
        read_one(&directory.path().join("socket")),
        Err(ReadError::Special)
    ));
    assert!(matches!(
        read_one(Path::new("/dev/zero")),
        Err(ReadError::Special)
    ));
}

#[cfg(unix)]
#[tokio::test]
async fn only_what_is_certain_to_be_absent_is_not_configured() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("volume")).unwrap();
    fs::write(at("file"), "").unwrap();
    symlink("volume", at("link")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("circle", at("circle")).unwrap();

    for (name, kind) in [
        ("absent/token", ErrorKind::NotConfigured),
        ("absent/below/token", ErrorKind::NotConfigured),
        ("link/absent/token", ErrorKind::NotConfigured),
        ("volume/token", ErrorKind::Unavailable),
        ("link/token", ErrorKind::Unavailable),
        ("dangling", ErrorKind::Unavailable),
        ("dangling/token", ErrorKind::Unavailable),
        ("dangling/below/token", ErrorKind::Unavailable),
        ("circle/token", ErrorKind::Misconfigured),
        ("file/token", ErrorKind::Misconfigured),
        ("nul\0/token", ErrorKind::Misconfigured),
    ] {
        let path: Arc<Path> = at(name).into();
        let trouble = read(&path).await.unwrap_err();

        assert_eq!(trouble.explain(&path, false).kind(), kind, "{name}");
        let after = trouble.explain(&path, true);
        assert_ne!(after.kind(), ErrorKind::NotConfigured, "{name}: {after}");
        // Control characters are shown escaped.
        let named = path.display().to_string().replace('\0', "\\u{0}");
        assert!(after.to_string().contains(&named), "{after}");
    }
}

/// As root nothing is forbidden.
#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_may_not_be_searched_is_no_directory_that_is_absent() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let path: Arc<Path> = closed.join("volume/token").into();

    let trouble = read(&path).await.unwrap_err();

    let is_root = fs::read_dir(&closed).is_ok();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let kind = trouble.explain(&path, false).kind();
    if is_root {
        assert_eq!(kind, ErrorKind::NotConfigured);
    } else {
        assert_eq!(kind, ErrorKind::Misconfigured);
    }
}

/// Holds the reads of this path up until the sender is dropped.
pub(crate) async fn occupied(path: Arc<Path>) -> std::sync::mpsc::Sender<()> {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (started, begun) = tokio::sync::oneshot::channel();
    tokio::spawn(READS.run(path, move || {
        let _ = started.send(());
        let _ = held.recv();
        Err(Trouble {
            error: ReadError::Changing,
            nowhere: false,
        })
    }));
    begun.await.unwrap();
    release
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode};
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
