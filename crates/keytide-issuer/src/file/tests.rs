use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use keytide_core::ErrorKind;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;

#[tokio::test]
async fn only_a_small_regular_file_is_read() {
    let directory = directory();
    fs::write(directory.path().join("token"), "a.b.c\n").unwrap();
    fs::write(directory.path().join("largest"), [b'x'; 8]).unwrap();
    fs::write(directory.path().join("large"), [b'x'; 9]).unwrap();
    pipe(&directory.path().join("pipe"));
    symlink("pipe", directory.path().join("link to pipe")).unwrap();
    symlink("token", directory.path().join("link")).unwrap();
    let read = |name: &str| SmallFile::new(directory.path().join(name), "it").at_most(8);

    assert_eq!(&***read("token").read().await.unwrap(), b"a.b.c\n");
    assert_eq!(&***read("link").read().await.unwrap(), b"a.b.c\n");
    assert_eq!(read("largest").read().await.unwrap().len(), 8);
    for name in ["large", "pipe", "link to pipe", ".", "token/below"] {
        let error = timeout(Duration::from_secs(20), read(name).read()).await;
        let error = error.expect("it waits").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{name}: {error}");
        assert!(error.to_string().starts_with("it in "), "{error}");
    }
    for device in ["/dev/zero", "/dev/null"] {
        let error = SmallFile::new(device, "it").read().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{device}: {error}");
    }
}

/// A file may become a pipe after it was looked at.
#[test]
fn opening_a_pipe_does_not_wait_for_its_other_end() {
    let directory = directory();
    let name = directory.path().join("pipe");
    pipe(&name);

    let (opened, is_open) = std::sync::mpsc::channel();
    std::thread::spawn(move || opened.send(open(&name).map(drop)));

    let patience = Duration::from_secs(20);
    assert!(is_open.recv_timeout(patience).unwrap().is_ok());
}

#[tokio::test]
async fn only_what_has_no_name_is_absent() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("file"), "x").unwrap();
    fs::create_dir(path("directory")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink("nowhere", path("dangling directory")).unwrap();
    symlink("directory", path("link")).unwrap();
    symlink("circle", path("circle")).unwrap();
    let find = |name: &str| SmallFile::new(path(name), "it");

    for absent in [
        "absent",
        "absent/below",
        "directory/absent",
        "link/absent",
        "link/absent/below",
    ] {
        assert!(find(absent).find().await.unwrap().is_none(), "{absent}");
        let error = find(absent).read().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    for (name, kind) in [
        ("dangling", ErrorKind::Unavailable),
        ("dangling directory/config", ErrorKind::Unavailable),
        ("circle", ErrorKind::Misconfigured),
        ("circle/config", ErrorKind::Misconfigured),
        ("directory", ErrorKind::Misconfigured),
        ("file/config", ErrorKind::Misconfigured),
        ("nul\0", ErrorKind::Misconfigured),
    ] {
        let error = find(name).find().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        // Without what no line shows as it is.
        let shown = name.trim_end_matches('\0');
        let named = format!("it in {}", path(shown).display());
        assert!(error.to_string().contains(&named), "{error}");
    }
}

#[test]
fn what_may_not_be_read_is_told_as_that_and_not_as_absent() {
    let denied = ReadError::from(io::Error::from(io::ErrorKind::PermissionDenied));
    let failing = ReadError::from(io::Error::from_raw_os_error(5));
    let path = Path::new("/run/token");

    let denied = denied.explain("the token", path);
    let failing = failing.explain("the token", path);

    assert_eq!(denied.kind(), ErrorKind::Misconfigured);
    assert_eq!(
        denied.to_string(),
        "the token in /run/token may not be read by this process"
    );
    assert_eq!(failing.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_file_without_permission_is_an_error_of_find_too() {
    let directory = directory();
    let path = directory.path().join("secret");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();

    let found = SmallFile::new(&path, "it").find().await;

    // Root reads it all the same: then there is nothing to be told.
    if rustix::process::geteuid().is_root() {
        assert!(found.unwrap().is_some());
    } else {
        assert_eq!(found.unwrap_err().kind(), ErrorKind::Misconfigured);
    }
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
