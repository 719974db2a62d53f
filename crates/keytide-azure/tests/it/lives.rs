//! How long tokens live, and when they are asked for again.

use std::time::{Duration, SystemTime};

use keytide_azure::ManagedIdentity;
use keytide_core::{Error, EventKind, LongLived};
use keytide_testkit::azure::Imds;
use keytide_testkit::server::{FaultServer, Received, Reply};
use keytide_testkit::{Recorder, TestClock};
use serde_json::{Value, json};

use crate::{Still, Tenant, VAULT, agent, builder, cache, failed, now};
use keytide_core::{Clock, ErrorKind};

fn from(imds: &FaultServer) -> ManagedIdentity {
    let builder = ManagedIdentity::builder(VAULT).imds_endpoint(imds.origin());
    builder.build().unwrap()
}

fn seconds(from_now: i64) -> i64 {
    let since = now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs() as i64 + from_now
}

/// An IMDS that answers with these fields beside a token.
fn answering(fields: Value) -> FaultServer {
    FaultServer::start(move |_: &Received| {
        let mut body = json!({ "access_token": "a-token-of-imds", "token_type": "Bearer" });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        Reply::json(200, &body)
    })
}

#[tokio::test]
async fn expires_on_is_read_as_string_and_number_and_expires_in_never() {
    let end = seconds(3600);
    for expires_on in [json!(end.to_string()), json!(end)] {
        let imds = answering(json!({ "expires_on": expires_on, "expires_in": "86399" }));

        let credential = cache(from(&imds)).get().await.unwrap();

        let told = credential.expires_at().unwrap();
        assert_eq!(
            told.duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs() as i64,
            end
        );
    }
    for fields in [
        json!({ "expires_in": "3599" }),
        json!({ "expires_in": 3599, "expires_on": "" }),
        json!({ "expires_on": "11/24/2026 10:00:00 AM +00:00" }),
        json!({ "expires_on": null, "expires_in": 3599 }),
        json!({ "expires_on": -1 }),
        json!({ "expires_on": seconds(-1).to_string(), "expires_in": "3599" }),
    ] {
        let imds = answering(fields.clone());
        let error = failed(from(&imds)).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{fields}: {error}");
    }
}

/// As App Service, the Azure SDKs' `MSIToken` and servers that play IMDS write it.
#[tokio::test]
async fn expires_on_is_an_instant_however_it_is_written_and_never_one_that_nobody_means() {
    let expires_at = async |expires_on: Value| {
        let imds = answering(json!({ "expires_on": expires_on }));
        let cache = agent().cache(from(&imds)).long_lived(LongLived::Flag);
        let credential = cache.build().unwrap().get().await?;
        Ok::<_, Error>(credential.expires_at())
    };
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    for written in [
        json!("2100-01-01T00:00:00Z"),
        json!("2100-01-01 01:00:00+01:00"),
        json!("1/1/2100 12:00:00 AM +00:00"),
        json!("4102444800.0"),
        json!(4_102_444_800.0),
        json!("4102444800000"),
        json!(4_102_444_800_000_u64),
    ] {
        let found = expires_at(written.clone()).await.unwrap();
        assert_eq!(found, Some(expected), "{written}");
    }
    for nobodys in [
        json!(200_000_000_000_u64),
        json!(4_102_444_800_000_000_u64),
        json!(u64::MAX),
        json!("2100-01-01T00:00:00"),
    ] {
        let error = expires_at(nobodys.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{nobodys}: {error}");
        assert!(error.to_string().contains("expires_on"), "{error}");
    }
}

#[tokio::test]
async fn a_token_of_a_day_is_refused_unless_it_may_be_flagged_however_little_is_left_of_it() {
    // Half of its life has passed in the cache of IMDS.
    for left in [
        Duration::from_secs(24 * 3600),
        Duration::from_secs(6 * 3600),
    ] {
        let imds = Imds::new().expires_at(now() + left).start();
        let recorder = Recorder::new();
        let agent = builder().observe(recorder.observer()).build().unwrap();

        let error = agent
            .cache(from(&imds))
            .build()
            .unwrap()
            .get()
            .await
            .unwrap_err();

        assert_eq!(error.kind(), ErrorKind::LifetimeTooLong, "{error}");
        assert!(
            error.to_string().contains("long_lived(LongLived::Flag)"),
            "{error}"
        );
        let flagged = agent
            .cache(from(&imds))
            .long_lived(LongLived::Flag)
            .build()
            .unwrap();
        flagged.get().await.unwrap();
        let told = |event: &EventKind| matches!(event, EventKind::LifetimeTooLong { accepted: true, lifetime } if lifetime.as_secs().abs_diff(86_400) <= 1);
        recorder.wait_for(told);
    }
    let imds = Imds::new().start();
    let day = Duration::from_secs(24 * 3600);
    let cache = agent()
        .cache(from(&imds))
        .longest_lifetime(day)
        .build()
        .unwrap();
    cache.get().await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_not_valid_yet_tells_of_a_clock_that_is_behind() {
    // Our clock is ten minutes behind that of whoever made this token.
    let imds = answering(json!({
        "expires_on": seconds(4200).to_string(),
        "not_before": seconds(600).to_string(),
    }));

    let credential = cache(from(&imds)).get().await.unwrap();

    let remaining = credential.remaining().as_secs();
    assert!(
        (3590..=3600).contains(&remaining),
        "{remaining} s left by the clock that is ahead"
    );
    for fields in [
        json!({ "expires_on": seconds(200_000), "not_before": seconds(100_000) }),
        json!({ "expires_on": seconds(3600), "not_before": seconds(3601) }),
        json!({ "expires_on": seconds(3600), "not_before": "soon" }),
    ] {
        let error = failed(from(&answering(fields.clone()))).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{fields}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn refresh_in_is_a_hint_as_string_and_number_and_nonsense_is_none() {
    for (hint, refreshes) in [
        (json!("600"), true),
        (json!(600), true),
        (json!("soon"), false),
        (json!(null), false),
    ] {
        let clock = TestClock::new();
        let imds = Imds::new()
            .lifetime(Duration::from_secs(3600))
            .refresh_in(hint.clone())
            .time_from({
                let clock = clock.clone();
                move || clock.wall()
            })
            .start();
        let agent = clock.agent().build().unwrap();
        let cache = agent.cache(Still(from(&imds))).build().unwrap();
        cache.get().await.unwrap();

        for _ in 0..15 {
            clock.advance(Duration::from_secs(60)).await;
            cache.get().await.unwrap();
        }

        assert_eq!(imds.count() == 2, refreshes, "{hint}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_hint_of_entra_is_heeded_and_its_extended_life_is_not() {
    let clock = TestClock::new();
    let tenant = Tenant::with(|entra| {
        let clock = clock.clone();
        entra.refresh_in("1200").time_from(move || clock.wall())
    });
    tenant.write(&keytide_testkit::azure::assertion(
        crate::ISSUER,
        crate::SUBJECT,
        crate::AUDIENCE,
        clock.wall() + Duration::from_secs(86_400),
    ));
    let agent = clock.agent().build().unwrap();
    let cache = agent
        .cache(Still(tenant.workload().build().unwrap()))
        .build()
        .unwrap();
    let first = cache.get().await.unwrap();
    assert_eq!(first.lifetime().as_secs(), 3600);

    for _ in 0..22 {
        clock.advance(Duration::from_secs(60)).await;
        cache.get().await.unwrap();
    }

    assert_eq!(cache.get().await.unwrap().generation(), 2);
    tenant.entra.stop();
    clock.advance(Duration::from_secs(3601)).await;
    assert!(cache.try_get().is_err(), "ext_expires_in is no life");
}
