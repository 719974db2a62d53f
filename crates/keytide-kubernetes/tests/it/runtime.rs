use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keytide_core::ErrorKind;
use keytide_kubernetes::ProjectedToken;

use crate::support::{Volume, agent, soon, token};

/// To open a pipe waits for its other end, for ever. The agent lives in this runtime, which has this one thread.
#[test]
fn file_reads_do_not_block_the_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("token");
    make_pipe(&pipe);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let agent = agent()
            .runtime(tokio::runtime::Handle::current())
            .build()
            .unwrap();
        let (ticks, done) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let ticking = tokio::spawn({
            let (ticks, done) = (Arc::clone(&ticks), Arc::clone(&done));
            async move {
                while !done.load(Ordering::Relaxed) {
                    ticks.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });

        let cache = agent
            .cache(ProjectedToken::builder(&pipe).build().unwrap())
            .build()
            .unwrap();
        let error = soon(cache.get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains("is a pipe"), "{error}");

        // A read needs no blocking thread of the runtime: what holds them all does not hold it up.
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || wait.recv());
        let volume = Volume::with(&token("first"));
        let cache = agent
            .cache(ProjectedToken::builder(volume.token()).build().unwrap())
            .build()
            .unwrap();
        let before = ticks.load(Ordering::Relaxed);
        assert!(soon(cache.get()).await.is_ok());
        assert!(ticks.load(Ordering::Relaxed) > before);
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();

        done.store(true, Ordering::Relaxed);
        ticking.await.unwrap();
    });
}

#[test]
fn no_runtime_is_needed() {
    let volume = Volume::with(&token("first"));
    let provider = ProjectedToken::builder(volume.token()).build().unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();

    let credential = cache
        .get_blocking(std::time::Duration::from_secs(20))
        .unwrap();

    assert_eq!(credential.generation(), 1);
}

fn make_pipe(path: &std::path::Path) {
    use rustix::fs::{CWD, FileType, Mode};
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
