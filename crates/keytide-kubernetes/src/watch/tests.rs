use std::fs;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keytide_core::{Agent, AgentIdentity, Error, Issued, Profile, ProvideCredential, Secret};

use super::*;
use crate::file::tests::occupied;
use crate::{ProjectedToken, ProjectedTokenBuilder};

fn agent() -> Agent {
    let identity = AgentIdentity {
        agent_type: "test".into(),
        version: "0".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity).build().unwrap()
}

/// Valid for 600 s from the test on; `mark` tells tokens apart.
fn token(mark: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "tokens are dated by the real clock"
    )]
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let payload = format!(r#"{{"exp":{},"sub":"test","mark":"{mark}"}}"#, now + 600);
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
}

/// Tells the watch what it gave, as `ProjectedToken` does.
struct Gives(Arc<Watch>);

impl ProvideCredential for Gives {
    fn profile(&self) -> Profile {
        Profile::bearer("gives")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let given = Fingerprint::of_token_at(&self.0.path).await;
        self.0.given(request, given);
        Ok(Issued::bearer(Secret::from("x".to_owned())).expires_in(Duration::from_secs(600)))
    }
}

#[tokio::test]
async fn only_another_whole_token_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let (first, second) = (token("first"), token("second"));
    fs::write(&path, &first).unwrap();
    let watch = Watch::new(path.as_path().into());
    // One call per hour: the notifier's own calls do not change what was given.
    let cache = agent()
        .cache(Gives(Arc::clone(&watch)))
        .min_interval(Duration::from_secs(3600))
        .build()
        .unwrap();
    assert_eq!(watch.look().await, None, "nobody listens");
    cache.get().await.unwrap();

    assert_eq!(watch.look().await, Some(0), "unchanged");
    fs::write(&path, format!("{first}\n")).unwrap();
    assert_eq!(watch.look().await, Some(0), "the same token, written again");
    fs::write(&path, "").unwrap();
    assert_eq!(watch.look().await, Some(0), "empty");
    fs::write(&path, &second[..second.len() - 10]).unwrap();
    assert_eq!(watch.look().await, Some(0), "half written");
    fs::remove_file(&path).unwrap();
    assert_eq!(watch.look().await, Some(0), "missing");
    fs::write(&path, &second).unwrap();
    assert_eq!(watch.look().await, Some(1), "another token");
    assert_eq!(watch.look().await, Some(0), "told already");

    drop(cache);
    fs::write(&path, &first).unwrap();
    assert_eq!(watch.look().await, None, "the cache is gone");
}

/// There is one thread in the process, and it is counted.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_thread_follows_all_files_and_ends_with_the_last() {
    let _alone = ALONE.lock().await;
    eventually(|| threads() == (0, 0));
    let directory = tempfile::tempdir().unwrap();
    let path = |n: usize| directory.path().join(format!("token-{n}"));
    let agent = agent();
    let built: Vec<_> = (0..20)
        .map(|n| {
            fs::write(path(n), token(&n.to_string())).unwrap();
            // The timer would come too late to end anything here.
            let provider = ProjectedToken::builder(path(n))
                .poll_interval(Duration::from_secs(60))
                .build()
                .unwrap();
            agent.cache(provider).build().unwrap()
        })
        .collect();
    assert_eq!(threads(), (0, 0), "building starts nothing");

    for cache in &built {
        cache.get().await.unwrap();
    }
    eventually(|| threads() == (1, 1));

    drop(built);
    eventually(|| threads() == (0, 0));

    // A credential holds its provider, but not its watch: the timer finds that the cache is gone.
    fs::write(path(0), token("again")).unwrap();
    let provider = ProjectedToken::builder(path(0))
        .poll_interval(Duration::from_millis(100))
        .build()
        .unwrap();
    let again = agent.cache(provider).build().unwrap();
    let held = again.get().await.unwrap();
    eventually(|| threads() == (1, 1));
    drop(again);
    eventually(|| threads() == (0, 0));
    drop(held);
}

/// A file system that hangs is stood in for by a read that does not end, under the path of the file.
#[tokio::test]
async fn a_file_that_hangs_does_not_stop_the_watching_of_others() {
    let _alone = ALONE.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let agent = agent();
    let followed = |name: &str, provider: fn(ProjectedTokenBuilder) -> ProjectedTokenBuilder| {
        fs::write(path(name), token("1")).unwrap();
        let provider = provider(ProjectedToken::builder(path(name))).build();
        agent.cache(provider.unwrap()).build().unwrap()
    };
    let often = |provider: ProjectedTokenBuilder| {
        provider
            .without_watch()
            .poll_interval(Duration::from_millis(100))
    };
    let hanging = followed("hanging", often);
    let timed = followed("timed", often);
    // The timer would come too late.
    let watched = followed("watched", |provider| {
        provider.poll_interval(Duration::from_secs(60))
    });
    for cache in [&hanging, &timed, &watched] {
        cache.get().await.unwrap();
    }
    let release = occupied(path("hanging").as_path().into()).await;
    fs::write(path("hanging"), token("2")).unwrap();

    for (name, cache) in [("timed", &timed), ("watched", &watched)] {
        let mut changes = cache.changes();
        for generation in 2..=4 {
            fs::write(path("next"), token(&generation.to_string())).unwrap();
            fs::rename(path("next"), path(name)).unwrap();
            assert_eq!(soon(changes.next()).await, Some(generation), "{name}");
        }
    }
    assert_eq!(hanging.try_get().unwrap().generation(), 1);

    let mut changes = hanging.changes();
    drop(release);
    assert_eq!(soon(changes.next()).await, Some(2));
}

async fn soon<F: Future>(future: F) -> F::Output {
    let patience = Duration::from_secs(20);
    let output = tokio::time::timeout(patience, future).await;
    output.expect("not within 20 s")
}

/// The threads of a process are counted by one test, so no other may follow files meanwhile.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How many threads follow files, and how many belong to notify.
fn threads() -> (usize, usize) {
    let names: Vec<_> = fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .collect();
    let count = |prefix: &str| names.iter().filter(|name| name.starts_with(prefix)).count();
    (count("keytide-kuberne"), count("notify-rs"))
}

/// Looks until it is so: threads tell nobody when they are gone.
fn eventually(is_so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("not within 10 s");
}
