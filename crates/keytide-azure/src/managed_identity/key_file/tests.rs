use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use keytide_core::ErrorKind;
use tokio::time::timeout;

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
    let read = |path: &str| read(&keys, Path::new(path));
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
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_directory_is_not_followed() {
    let root = tempfile::tempdir().unwrap();
    let keys = root.path().join("tokens");
    fs::create_dir(&keys).unwrap();
    fs::write(root.path().join("outside.key"), "canary").unwrap();
    std::os::unix::fs::symlink(root.path().join("outside.key"), keys.join("link.key")).unwrap();

    let error = read(&keys, &keys.join("link.key")).unwrap_err();

    assert!(error.to_string().contains("leads out"), "{error}");
}

#[test]
fn without_the_directory_that_windows_names_no_key_is_read() {
    let none: [(&str, &str); 0] = [];
    for env in [Env::of(none), Env::of([("ProgramData", "")])] {
        let error = of_windows(&env).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains("ProgramData"), "{error}");
    }
    let named = of_windows(&Env::of([("ProgramData", "/data")])).unwrap();
    assert_eq!(
        named,
        Path::new("/data/AzureConnectedMachineAgent/Tokens"),
        "by the environment of the provider"
    );
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_not_text_is_told_by_the_name_of_its_variable() {
    use std::os::unix::ffi::OsStringExt;
    let latin = std::ffi::OsString::from_vec(b"/d\xe4ta".to_vec());

    let error = of_windows(&Env::of([("ProgramData", latin)])).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("ProgramData"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_place_of_a_key_is_refused_and_not_waited_for() {
    let keys = tempfile::tempdir().unwrap();
    let pipe = keys.path().join("pipe.key");
    {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }
    let directory = KeyDirectory::At(keys.path().to_owned());
    let env = Env::process();

    let read = directory.read(pipe.to_str().unwrap().to_owned(), &env);
    let read = timeout(Duration::from_secs(20), read).await;

    let error = read.expect("it waits for a writer").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("is no file"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_behind_links_in_a_circle_is_no_key_that_is_gone() {
    let keys = tempfile::tempdir().unwrap();
    let path = keys.path().join("circle.key");
    std::os::unix::fs::symlink("circle.key", &path).unwrap();

    let error = read(keys.path(), &path).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    let named = path.display().to_string();
    assert!(error.to_string().contains(&named), "{error}");
}

/// How many threads of this process are there for what may block.
#[cfg(target_os = "linux")]
fn blocking_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names
        .filter(|name| name.starts_with("keytide-block"))
        .count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_hangs_holds_one_thread_and_none_of_the_pool() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let hanging = {
        let begun = Arc::clone(&begun);
        move |_: &Path, _: &Path| {
            begun.fetch_add(1, Ordering::Relaxed);
            let _ = held.lock().unwrap().recv();
            Ok(Zeroizing::new(b"k".to_vec()))
        }
    };
    let directory = PathBuf::from("/a directory that hangs");

    runtime.block_on(async {
        // The agent names another file each time.
        for number in 0..600 {
            let path = directory.join(format!("{number}.key"));
            let read = in_turn(directory.clone(), path, hanging.clone());
            assert!(timeout(Duration::ZERO, read).await.is_err());
        }

        assert!(begun.load(Ordering::Relaxed) <= 1);
        // Others of this process may be reading at this moment.
        assert!(blocking_threads() < 100, "{}", blocking_threads());
        let pool = tokio::task::spawn_blocking(|| 7);
        let pool = timeout(Duration::from_secs(20), pool).await;
        assert_eq!(pool.expect("the pool is taken").unwrap(), 7);
        let healthy = in_turn("/healthy".into(), "/healthy/1.key".into(), |_, _| {
            Ok(Zeroizing::new(b"good".to_vec()))
        });
        let healthy = timeout(Duration::from_secs(20), healthy).await;
        assert_eq!(&***healthy.unwrap().unwrap(), b"good");
    });
    drop(release);
}

#[tokio::test]
async fn those_who_ask_at_the_same_time_get_each_the_key_that_they_named() {
    let directory = PathBuf::from("/asked at the same time");
    let read = |_: &Path, path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        Ok(Zeroizing::new(name.as_bytes().to_vec()))
    };

    let asked: Vec<_> = (0..20)
        .map(|number| {
            let path = directory.join(format!("{number}.key"));
            tokio::spawn(in_turn(directory.clone(), path, read))
        })
        .collect();

    for (number, key) in asked.into_iter().enumerate() {
        let key = key.await.unwrap().unwrap();
        assert_eq!(**key, number.to_string().into_bytes());
    }
}
