use std::error::Error as _;
use std::fmt::Write as _;

use keytide_core::{Error, Reason, TracingObserver};
use keytide_kubernetes::ProjectedToken;
use keytide_testkit::{Canary, Recorder};

use crate::support::{Volume, agent, claims, now, soon, token_of};

#[tokio::test]
async fn the_token_appears_nowhere() {
    // Fails the test when it is dropped, if it was logged by then.
    let canary = Canary::new();
    let good = token_of(&claims(3600), canary.secret());
    let payload = good.split('.').nth(1).unwrap().to_owned();
    let (exp, hidden) = (now() + 3600, canary.secret());
    let mut volume = Volume::with(&good);
    let recorder = Recorder::new();
    let agent = agent()
        .observe(recorder.observer())
        .observe(TracingObserver::default())
        .build()
        .unwrap();
    let provider = ProjectedToken::builder(volume.token())
        .audience("https://api.example.com")
        .build()
        .unwrap();
    let mut shown = format!("{provider:?}");
    assert!(shown.contains("token") && shown.contains("https://api.example.com"));
    let cache = agent.cache(provider).build().unwrap();
    let credential = soon(cache.get()).await.unwrap();
    write!(shown, "{credential:?} {cache:?} {agent:?}").unwrap();

    let bad = [
        good[..good.len() - 1].replacen('.', "", 1),
        good.replacen('.', "\u{0}", 1),
        format!("{good}.{good}"),
        format!("{hidden}.{hidden}.{hidden}"),
        format!("{hidden}\n{hidden}"),
        token_of(&format!(r#"{{"exp":"{hidden}"}}"#), hidden),
        token_of(&format!(r#"{{"exp":{exp}, {hidden}"#), hidden),
        token_of(
            &format!(r#"{{"exp":{exp},"aud":"other","jti":"{hidden}"}}"#),
            hidden,
        ),
        token_of(
            &format!(
                r#"{{"exp":{},"aud":"https://api.example.com"}}"#,
                exp * 1000
            ),
            hidden,
        ),
        token_of(&claims(365 * 24 * 3600), hidden),
        token_of(&claims(3600).replace("billing", "other"), hidden),
    ];
    for content in &bad {
        volume.swap(content);
        let error = soon(cache.refresh_now()).await.unwrap_err();
        show(&mut shown, &error);
    }
    write!(shown, "{:?}", cache.status()).unwrap();
    agent.terminate(Reason::Finished).await;
    recorder.wait_for(|kind| matches!(kind, keytide_core::EventKind::Terminated { .. }));
    write!(shown, "{:?}", recorder.events()).unwrap();

    for part in [canary.secret(), &good, &payload] {
        assert!(!shown.contains(part));
        assert!(!Canary::logged(part));
    }
    // The watch over the logs works.
    assert!(Canary::logged("projected_token"));
}

fn show(shown: &mut String, error: &Error) {
    write!(shown, "{error} {error:?}").unwrap();
    let mut source = error.source();
    while let Some(cause) = source {
        write!(shown, "{cause} {cause:?}").unwrap();
        source = cause.source();
    }
}
