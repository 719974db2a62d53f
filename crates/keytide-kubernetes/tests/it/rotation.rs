use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use keytide_core::{Chain, ErrorKind};
use keytide_kubernetes::ProjectedToken;

use crate::support::{Counted, SUBJECT, Volume, agent, claims, now, soon, text, token, token_of};

#[tokio::test]
async fn a_new_token_is_read_after_kubelet_swaps_the_directory() {
    let mut volume = Volume::with(&token("first"));
    // Only the watch can be in time: the timer would look after a minute.
    let provider = ProjectedToken::builder(volume.token())
        .poll_interval(Duration::from_secs(60))
        .build()
        .unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();
    let mut changes = cache.changes();
    assert_eq!(text(&soon(cache.get()).await.unwrap()), token_now(&volume));
    assert_eq!(soon(changes.next()).await, Some(1));

    for generation in 2..=4 {
        volume.swap(&token(&format!("swap-{generation}")));

        assert_eq!(soon(changes.next()).await, Some(generation));
        assert_eq!(text(&cache.get().await.unwrap()), token_now(&volume));
    }
}

#[tokio::test]
async fn a_swap_is_seen_by_the_timer_when_watching_does_not_work() {
    let mut volume = Volume::with(&token("first"));
    let provider = ProjectedToken::builder(volume.token())
        .without_watch()
        .poll_interval(Duration::from_millis(100))
        .build()
        .unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();
    let mut changes = cache.changes();
    soon(cache.get()).await.unwrap();
    assert_eq!(soon(changes.next()).await, Some(1));

    for generation in 2..=4 {
        volume.swap(&token(&format!("swap-{generation}")));

        assert_eq!(soon(changes.next()).await, Some(generation));
        assert_eq!(text(&cache.get().await.unwrap()), token_now(&volume));
    }
}

#[tokio::test]
async fn a_volume_that_was_mounted_anew_is_followed() {
    let volume = Volume::with(&token("first"));
    let provider = ProjectedToken::builder(volume.token())
        .poll_interval(Duration::from_millis(100))
        .build()
        .unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();
    let mut changes = cache.changes();
    soon(cache.get()).await.unwrap();
    assert_eq!(soon(changes.next()).await, Some(1));

    // The directory that was watched goes away, and another takes its name.
    let path = volume.path().to_owned();
    volume.remove_all();
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("token"), token("second")).unwrap();

    assert_eq!(soon(changes.next()).await, Some(2));
}

#[tokio::test]
async fn partial_writes_and_empty_files_are_never_published() {
    // As long as a real one, by a key of 2048 bits.
    let first = token(&"a".repeat(342));
    let second = token(&"b".repeat(342));
    let mut volume = Volume::with(&first);
    let cache = agent()
        .build()
        .unwrap()
        .cache(ProjectedToken::builder(volume.token()).build().unwrap())
        .build()
        .unwrap();
    let mut changes = cache.changes();
    soon(cache.get()).await.unwrap();
    assert_eq!(soon(changes.next()).await, Some(1));

    for cut in (0..second.len()).step_by(7).chain([second.len() - 1]) {
        volume.overwrite(&second.as_bytes()[..cut]);
        let error = soon(cache.refresh_now()).await.unwrap_err();

        assert_eq!(
            error.kind(),
            ErrorKind::Unavailable,
            "cut at {cut}: {error}"
        );
        assert_eq!(text(&cache.try_get().unwrap()), first, "cut at {cut}");
    }
    for blank in ["", "\n", " \r\n\t"] {
        volume.overwrite(blank.as_bytes());
        let error = soon(cache.refresh_now()).await.unwrap_err();
        assert!(error.to_string().contains("is empty"), "{error}");
        assert_eq!(text(&cache.try_get().unwrap()), first);
    }

    volume.swap(&second);
    assert_eq!(
        soon(changes.next()).await,
        Some(2),
        "nothing between the two"
    );
    assert_eq!(text(&cache.get().await.unwrap()), second);
}

#[tokio::test]
async fn a_shorter_signature_by_another_key_is_no_cut() {
    let mut volume = Volume::with(&token(&"a".repeat(342)));
    let provider = ProjectedToken::builder(volume.token()).build().unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();
    soon(cache.get()).await.unwrap();

    // The header names the key.
    let other_key = token(&"b".repeat(86)).replacen("eyJ", "eyI", 1);
    volume.swap(&other_key);

    let credential = soon(cache.refresh_now()).await.unwrap();
    assert_eq!(text(&credential), other_key);
}

#[tokio::test]
async fn a_trailing_newline_is_trimmed() {
    let plain = token("signature");
    for around in [
        ("", "\n"),
        ("", "\r\n\r\n"),
        (" \n", "\t \n"),
        ("\u{feff}", "\r\n"),
    ] {
        let volume = Volume::with(&format!("{}{plain}{}", around.0, around.1));
        let provider = ProjectedToken::builder(volume.token()).build().unwrap();
        let cache = agent().build().unwrap().cache(provider).build().unwrap();

        assert_eq!(text(&soon(cache.get()).await.unwrap()), plain);
    }
}

#[tokio::test]
async fn a_missing_file_keeps_the_credential_in_use() {
    let volume = Volume::with(&token("first"));
    let provider = ProjectedToken::builder(volume.token()).build().unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();
    soon(cache.get()).await.unwrap();

    std::fs::remove_file(volume.path().join("..data/token")).unwrap();
    let error = soon(cache.refresh_now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert_eq!(cache.try_get().unwrap().generation(), 1);

    // A token was here: that its directory is gone too does not unconfigure it.
    volume.remove_all();
    let error = soon(cache.refresh_now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(cache.try_get().unwrap().generation(), 1);
}

#[tokio::test]
async fn a_file_that_comes_late_is_read_when_it_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let provider = ProjectedToken::builder(&path)
        .poll_interval(Duration::from_secs(60))
        .build()
        .unwrap();
    // The shortest pace of retries is far off: only a change of the file can have it asked again.
    let cache = agent()
        .build()
        .unwrap()
        .cache(provider)
        .min_interval(Duration::from_secs(3600))
        .build()
        .unwrap();
    let mut changes = cache.changes();
    let error = soon(cache.get()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");

    std::fs::write(&path, token("first")).unwrap();

    assert_eq!(soon(changes.next()).await, Some(1));
}

#[tokio::test]
async fn the_claims_say_who_and_until_when() {
    let exp = now() + 3600;
    let claims = format!(
        r#"{{"exp":{exp}.25,"sub":"{SUBJECT}","aud":"https://api.example.com","nbf":{exp}}}"#
    );
    let volume = Volume::with(&token_of(&claims, "signature"));
    let provider = ProjectedToken::builder(volume.token())
        .audience("https://api.example.com")
        .build()
        .unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();

    let credential = soon(cache.get()).await.unwrap();

    let expires_at = UNIX_EPOCH + Duration::from_secs(exp) + Duration::from_millis(250);
    assert_eq!(credential.expires_at(), Some(expires_at));
    assert_eq!(credential.principal(), Some(SUBJECT));
}

/// Kubelet replaces such a token long before it expires, and says so.
#[tokio::test]
async fn warnafter_says_when_to_look_for_a_newer_token() {
    let (made, later) = (now(), now() + 8 * 3600);
    let warned = made + 600;
    let claims =
        format!(r#"{{"exp":{later},"iat":{made},"kubernetes.io":{{"warnafter":{warned}}}}}"#);
    let volume = Volume::with(&token_of(&claims, "signature"));
    let provider = ProjectedToken::builder(volume.token()).build().unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();

    soon(cache.get()).await.unwrap();

    let next = cache.status().next_attempt.unwrap();
    // By its expiry alone it would be in seven hours. The engine spreads what all were told.
    assert!(next <= Duration::from_secs(900), "{next:?}");
}

#[tokio::test]
async fn a_chain_passes_over_a_volume_that_is_not_mounted() {
    let volume = Volume::with(&token("second"));
    let directory = tempfile::tempdir().unwrap();
    let chain = Chain::first(
        ProjectedToken::builder(directory.path().join("absent/token"))
            .build()
            .unwrap(),
    )
    .then(ProjectedToken::builder(volume.token()).build().unwrap());
    let cache = agent().build().unwrap().cache(chain).build().unwrap();

    assert_eq!(text(&soon(cache.get()).await.unwrap()), token_now(&volume));
}

#[tokio::test]
async fn a_chain_does_not_pass_over_a_volume_without_its_token() {
    let volume = Volume::with(&token("second"));
    let empty = tempfile::tempdir().unwrap();
    let chain = Chain::first(
        ProjectedToken::builder(empty.path().join("token"))
            .build()
            .unwrap(),
    )
    .then(ProjectedToken::builder(volume.token()).build().unwrap());
    let cache = agent().build().unwrap().cache(chain).build().unwrap();

    let error = soon(cache.get()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_chain_does_not_pass_over_a_volume_that_cannot_be_looked_at() {
    let volume = Volume::with(&token("second"));
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("volume");
    for (target, kind) in [
        ("nowhere", ErrorKind::Unavailable),
        ("volume", ErrorKind::Misconfigured),
    ] {
        std::os::unix::fs::symlink(target, &link).unwrap();
        let chain = Chain::first(ProjectedToken::builder(link.join("token")).build().unwrap())
            .then(ProjectedToken::builder(volume.token()).build().unwrap());
        let cache = agent().build().unwrap().cache(chain).build().unwrap();

        let error = soon(cache.get()).await.unwrap_err();

        assert_eq!(error.kind(), kind, "{error}");
        std::fs::remove_file(&link).unwrap();
    }
}

/// Each field of a token is derived from its generation, and so is what is published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_swaps_under_read_load_never_tear() {
    let start = now() + 3600;
    let of = move |generation: u64| {
        let claims = format!(r#"{{"exp":{},"sub":"{SUBJECT}"}}"#, start + generation);
        token_of(&claims, &format!("signature-{generation:05}"))
    };
    let mut volume = Volume::with(&of(0));
    let (provider, calls) = Counted::new(ProjectedToken::builder(volume.token()).build().unwrap());
    let cache = agent()
        .build()
        .unwrap()
        .cache(provider)
        .min_interval(Duration::from_millis(10))
        .build()
        .unwrap();
    soon(cache.get()).await.unwrap();

    let (asking, reading) = (cache.clone(), cache.clone());
    let swapping = tokio::task::spawn_blocking(move || {
        for generation in 1..=10_000 {
            volume.swap(&of(generation));
        }
        volume
    });
    let done = swapping.abort_handle();
    let asking = tokio::spawn({
        let done = done.clone();
        async move {
            while !done.is_finished() {
                asking.refresh_now().await.unwrap();
            }
        }
    });
    let reading = tokio::spawn(async move {
        let (mut last, mut reads) = (0, 0_u64);
        while !done.is_finished() {
            for _ in 0..100 {
                let credential = reading.try_get().unwrap();
                let (_, generation) = text(&credential).rsplit_once('-').unwrap();
                let generation: u64 = generation.parse().unwrap();
                assert_eq!(text(&credential), of(generation));
                let expires_at = UNIX_EPOCH + Duration::from_secs(start + generation);
                assert_eq!(credential.expires_at(), Some(expires_at));
                assert!(generation >= last, "{generation} after {last}");
                last = generation;
                reads += 1;
            }
            tokio::task::yield_now().await;
        }
        reads
    });

    let volume = swapping.await.unwrap();
    asking.await.unwrap();
    assert!(reading.await.unwrap() > 1_000);
    assert!(calls.load(Ordering::Relaxed) > 100);
    assert_eq!(cache.status().failures, 0);
    let last = soon(cache.refresh_now()).await.unwrap();
    assert_eq!(text(&last), token_now(&volume));
}

#[tokio::test]
async fn a_token_written_again_is_no_new_generation() {
    let same = token_of(&claims(3600), "signature");
    let mut volume = Volume::with(&same);
    let (provider, calls) = Counted::new(ProjectedToken::builder(volume.token()).build().unwrap());
    let cache = agent().build().unwrap().cache(provider).build().unwrap();
    let mut changes = cache.changes();
    soon(cache.get()).await.unwrap();
    assert_eq!(soon(changes.next()).await, Some(1));

    volume.swap(&same);
    volume.swap(&same);
    volume.swap(&token("other"));

    assert_eq!(soon(changes.next()).await, Some(2));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

fn token_now(volume: &Volume) -> String {
    std::fs::read_to_string(volume.token()).unwrap()
}
