//! What is learned of the issuer's clock.

use std::time::{Duration, SystemTime};

use keytide_core::ErrorKind;
use keytide_testkit::server::{Fault, FaultServer, Received, Reply};

use crate::{asking, cache};

const AHEAD: Duration = Duration::from_secs(2 * 3600);

#[expect(
    clippy::disallowed_methods,
    reason = "the server's clock is the machine's, moved"
)]
fn ahead() -> SystemTime {
    SystemTime::now() + AHEAD
}

#[tokio::test]
async fn the_date_of_every_answer_over_loopback_is_reported() {
    for status in [200, 400, 401, 429, 500, 302] {
        let server = FaultServer::start(move |_: &Received| Reply::new(status).body("token"));
        server.time_from(ahead);
        let provider = asking(server.url("/token"));
        let clock = provider.issuer_clock.clone();
        let cache = cache(provider);

        let _ = cache.get().await;

        let known = clock.lock().unwrap().expect("the clock was not learned");
        assert!(
            known.abs_diff(AHEAD) < Duration::from_secs(5),
            "{status}: {known:?}"
        );
        let skew = cache.status().issuer_clock_skew;
        assert!((skew - 7200.0).abs() < 5.0, "{status}: {skew}");
    }
}

#[tokio::test]
async fn an_answer_without_a_date_or_with_a_strange_one_teaches_nothing() {
    for date in [None, Some("yesterday"), Some("")] {
        let server = FaultServer::start(|_: &Received| Reply::new(200).body("token"));
        server.set(Fault::date(date));
        let provider = asking(server.url("/token"));
        let clock = provider.issuer_clock.clone();

        cache(provider).get().await.unwrap();

        assert_eq!(*clock.lock().unwrap(), None, "{date:?}");
    }
}

#[tokio::test]
async fn a_date_to_come_back_at_is_reckoned_by_the_issuers_own_clock() {
    let server = FaultServer::start(|_: &Received| Reply::new(200).body("token"));
    server.time_from(ahead);
    server.set(Fault::status(429).retry_after_date(Duration::from_secs(40)));

    let error = cache(asking(server.url("/token"))).get().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Throttled);
    let Some(keytide_core::RetryAfter::Delay(delay)) = error.retry_after() else {
        panic!("{:?}", error.retry_after());
    };
    assert!(
        delay.abs_diff(Duration::from_secs(40)) <= Duration::from_secs(1),
        "{delay:?}"
    );
}
