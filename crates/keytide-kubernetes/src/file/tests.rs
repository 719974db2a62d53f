use std::error::Error as _;

use keytide_core::ErrorKind;

use super::*;

#[test]
fn a_file_is_read_up_to_the_limit_and_not_beyond() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");

    for length in [0, 1, 4096, LIMIT - 1, LIMIT] {
        fs::write(&path, vec![b'a'; length]).unwrap();
        assert_eq!(read(&path).unwrap().len(), length);
    }
    for length in [LIMIT + 1, 10 * 1024 * 1024] {
        fs::write(&path, vec![b'a'; length]).unwrap();
        assert!(matches!(read(&path), Err(Trouble::TooLarge)), "{length}");
    }
}

/// Files under `/proc` have content, and a length of 0.
#[cfg(target_os = "linux")]
#[test]
fn the_length_that_a_file_states_is_not_relied_on() {
    let path = Path::new("/proc/self/limits");
    assert_eq!(fs::metadata(path).unwrap().len(), 0);

    assert_eq!(*read(path).unwrap(), fs::read(path).unwrap());
}

/// Root may read anything, so a permission cannot be taken away from a test that root runs.
#[test]
fn a_file_without_permission_says_what_to_mend() {
    let path = Path::new("/secrets/token");
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);

    let error = Trouble::Io(denied).explain(path, false);

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

    assert!(matches!(read(directory.path()), Err(Trouble::Directory)));
    assert!(matches!(read(&pipe), Err(Trouble::Special)));
    assert!(matches!(
        read(&directory.path().join("socket")),
        Err(Trouble::Special)
    ));
    assert!(matches!(
        read(Path::new("/dev/zero")),
        Err(Trouble::Special)
    ));
}

/// A file may become a pipe after it was looked at.
#[cfg(unix)]
#[test]
fn opening_a_pipe_does_not_wait_for_its_other_end() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    make_pipe(&pipe);

    let (opened, is_open) = std::sync::mpsc::channel();
    std::thread::spawn(move || opened.send(open(&pipe).map(drop)));

    let patience = std::time::Duration::from_secs(10);
    assert!(is_open.recv_timeout(patience).unwrap().is_ok());
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode};
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
