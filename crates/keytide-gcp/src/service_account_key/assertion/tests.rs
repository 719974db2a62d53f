//! A file system that hangs is stood in for by a read that does not end, under the key of the path.

use std::sync::mpsc;

use keytide_core::ErrorKind;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::*;

/// Occupies what runs one at a time, until the sender is dropped.
async fn occupied<K, T>(runs: &'static OneAtATime<K, T>, key: K, answer: T) -> mpsc::Sender<()>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    let (release, held) = mpsc::channel::<()>();
    let (started, begun) = tokio::sync::oneshot::channel();
    tokio::spawn(runs.run(key, move || {
        let _ = started.send(());
        let _ = held.recv();
        answer
    }));
    begun.await.unwrap();
    release
}

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_file_that_hangs_holds_one_thread_and_none_of_tokios() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let path: Arc<Path> = Path::new("/run/keys/that/hang.json").into();
        let hanging = Err(ReadError::Missing);
        let release = occupied(&KEY_FILES, Arc::clone(&path), hanging).await;
        let before = threads();

        for _ in 0..600 {
            let key = Key::file(path.to_path_buf());
            assert!(timeout(Duration::ZERO, key.read()).await.is_err());
        }

        let key = Key::file(path.to_path_buf());
        let waiting = timeout(Duration::from_millis(200), key.read()).await;
        assert!(waiting.is_err(), "it was read while another read hangs");
        // Other tests of this process have threads of their own.
        assert!(threads() < before + 50, "{before} and {}", threads());
        let pool = tokio::task::spawn_blocking(|| 7);
        assert_eq!(timeout(PATIENCE, pool).await.unwrap().unwrap(), 7);
        let other = Key::file("/nowhere/else.json".into());
        let other = timeout(PATIENCE, other.read()).await.unwrap();
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Unavailable);

        drop(release);
        let read = timeout(PATIENCE, Key::file(path.to_path_buf()).read()).await;
        assert_eq!(read.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    });
}

/// The root certificates of the machine are files too.
#[tokio::test]
async fn a_key_whose_parsing_hangs_holds_up_no_other_key() {
    let json = |text: &str| Json::new(text.as_bytes().to_vec());
    let release = occupied(&KEYS, json("hanging"), Err("hung")).await;

    for _ in 0..600 {
        let parsing = json("hanging");
        assert!(timeout(Duration::ZERO, parsing.parsed()).await.is_err());
    }

    let waiting = timeout(Duration::from_millis(200), json("hanging").parsed()).await;
    assert!(
        waiting.is_err(),
        "it was parsed while another parsing hangs"
    );
    let other = json("other");
    let other = timeout(PATIENCE, other.parsed()).await.unwrap();
    assert!(other.unwrap().is_err());
    drop(release);
}

const PATIENCE: Duration = Duration::from_secs(20);
