//! Secrets that no request can carry, and lives that nobody means.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use keytide_core::{
    Cache, Error, ErrorKind, Issued, LongLived, Profile, ProvideCredential, Request, Secret,
};
use keytide_testkit::{Answer, TestClock};

use crate::{HOUR, given_with};

/// Brings these answers, one for each call.
struct Brings(Profile, Mutex<Vec<Issued>>);

impl ProvideCredential for Brings {
    fn profile(&self) -> Profile {
        self.0.clone()
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let mut left = self.1.lock().unwrap();
        let issued = (!left.is_empty()).then(|| left.remove(0).expires_in(HOUR));
        issued.ok_or_else(|| Error::unavailable("no more"))
    }
}

fn cache(profile: Profile, answers: Vec<Issued>) -> Cache {
    let agent = TestClock::new().agent().build().unwrap();
    let provider = Brings(profile, Mutex::new(answers));
    agent.cache(provider).build().unwrap()
}

async fn brought(issued: Issued) -> Result<(), Error> {
    let signing = format!("{issued:?}").contains("SigningKey");
    let profile = if signing {
        Profile::signing_key("brings")
    } else {
        Profile::bearer("brings")
    };
    cache(profile, vec![issued]).get().await.map(drop)
}

fn token(bytes: &[u8]) -> Issued {
    Issued::bearer(Secret::new(bytes.to_vec()))
}

const LONGEST: usize = 64 << 10;

#[tokio::test(start_paused = true)]
async fn a_token_that_no_header_can_carry_is_refused_when_it_is_accepted() {
    for (bytes, says) in [
        (&b"canary canary"[..], "(0x20) at offset 6"),
        (b"canary\n", "(0x0a) at offset 6"),
        (b"\r\ncanary: x", "(0x0d) at offset 0"),
        (b"can\tary", "(0x09) at offset 3"),
        (b"can\0ary", "(0x00) at offset 3"),
        (b"can\x1bary", "(0x1b) at offset 3"),
        (b"can\x7fary", "(0x7f) at offset 3"),
        (b"canary,Basic", "(0x2c) at offset 6"),
        (b"\"canary\"", "(0x22) at offset 0"),
        ("can\u{e4}ry".as_bytes(), "(0xc3) at offset 3"),
        (b"\xef\xbb\xbfcanary", "(0xef) at offset 0"),
        (b"canary\xff", "(0xff) at offset 6"),
        (&[b'x'; LONGEST + 1], "65537 bytes, more than the 64 KiB"),
    ] {
        let error = brought(token(bytes)).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("the token") && text.contains(says),
            "{says}: {text}"
        );
        assert!(!text.contains("canary"), "{text}");
    }
}

/// Beyond RFC 6750's `b64token`: what issuers hand out all the same.
#[tokio::test(start_paused = true)]
async fn tokens_of_real_issuers_are_taken() {
    for bytes in [
        &b"eyJhbGciOiJub25lIn0.e30.c2ln"[..],
        b"ya29.c.A0-_~+/==",
        b"00D80000000abcd!AQcAQH0dMHZfz.9x",
        b"1|kXq2",
        b"ATATT3xFfGF0=8C2F5D1E",
        b"a;b:c@d%7B(e)[f]{g}'h'",
        &[b'x'; LONGEST],
    ] {
        let taken = brought(token(bytes)).await;
        assert!(taken.is_ok(), "{}: {taken:?}", bytes.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_is_any_text_without_control_characters() {
    for password in ["correct horse, \"battery\" staple", "\u{fc}ber", "x"] {
        brought(Issued::password(password.to_owned()))
            .await
            .unwrap();
    }
    for (password, says) in [
        ("canary\n", "(0x0a) at offset 6"),
        ("can\0ary", "(0x00) at offset 3"),
        ("can\u{7f}ary", "(0x7f) at offset 3"),
        (&"x".repeat(LONGEST + 1), "65537 bytes"),
    ] {
        let error = brought(Issued::password(password.to_owned()))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        let text = error.to_string();
        assert!(
            text.contains("the password") && text.contains(says),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_signing_key_what_is_sent_must_be_fit_to_be_sent() {
    let key = |id: &str, token: &str| {
        Issued::signing_key(id.to_owned(), Secret::new(b"any\0 bytes\xff".to_vec()))
            .session_token(token.to_owned())
    };
    brought(key("AKIA/+=", "a.b/c==")).await.unwrap();
    for (issued, says) in [
        (
            key("AK IA", "t"),
            "the key id holds a blank (0x20) at offset 2",
        ),
        (
            key("AKIA,x", "t"),
            "the key id holds a comma (0x2c) at offset 4",
        ),
        (
            key("AKIA", "t\r\nx: y"),
            "the session token holds a line break (0x0d) at offset 1",
        ),
        (
            key("AKIA", &"t".repeat(LONGEST + 1)),
            "the session token has 65537 bytes",
        ),
    ] {
        let error = brought(issued).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unfit_answer_costs_no_credential_that_is_valid() {
    let answers = vec![token(b"good"), token(b"not good"), token(b"better")];
    let cache = cache(Profile::bearer("brings"), answers);
    cache.get().await.unwrap();

    let error = cache.refresh_now().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    let held = cache.get().await.unwrap();
    assert_eq!(held.expose_bearer("test").unwrap(), b"good");
    let next = cache.refresh_now().await.unwrap();
    assert_eq!(
        (next.generation(), next.expose_bearer("test").unwrap()),
        (2, &b"better"[..])
    );
}

/// It was told, so it is no static credential: leave to hold those is none for it.
#[tokio::test(start_paused = true)]
async fn a_life_beyond_counting_is_too_long_and_never_endless() {
    for life in [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        400 * 365 * 24 * HOUR,
    ] {
        let given = given_with(
            Profile::bearer("scripted"),
            Answer::token(life),
            |builder| builder.danger_allow_static(),
        );

        let error = given.cache.get().await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::LifetimeTooLong, "{life:?}");
        let text = error.to_string();
        assert!(text.contains("for longer than can be counted"), "{text}");
        assert!(!text.contains("18446744073709551615"), "{text}");
        let flagged = given_with(
            Profile::bearer("scripted"),
            Answer::token(life),
            |builder| builder.long_lived(LongLived::Flag),
        );
        let flagged = flagged.cache.get().await.unwrap();
        assert!(flagged.expires_at().is_some(), "{life:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_never_set_is_named_before_the_life_of_the_credential() {
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_514_520);
    let given = given_with(
        Profile::bearer("scripted"),
        Answer::token_until(end),
        |builder| builder,
    );
    given.clock.set_wall(SystemTime::UNIX_EPOCH + 3 * HOUR);

    let error = given.cache.get().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::LifetimeTooLong);
    let text = error.to_string();
    assert!(
        text.contains("the clock of this machine shows a time before 2024"),
        "{text}"
    );
    given.clock.set_wall(end - 24 * HOUR);
    let error = given.cache.refresh_now().await.unwrap_err();
    assert!(!error.to_string().contains("clock"), "{error}");
    given.clock.set_wall(end + 24 * HOUR);
    let error = given.cache.refresh_now().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("86400s ago by the clock of this machine"),
        "{error}"
    );
    given.clock.set_wall(end + HOUR / 2);
    let error = given.cache.refresh_now().await.unwrap_err();
    assert!(!error.to_string().contains("clock"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_report_says_in_words_for_how_long_something_is_accepted() {
    let told = async |always: Answer| {
        let given = given_with(Profile::bearer("scripted"), always, |builder| {
            builder.danger_allow_static()
        });
        given.cache.get().await.unwrap();
        let report = given.agent.terminate(keytide_core::Reason::Finished).await;
        assert_eq!(report.to_string(), report.revoked[0].to_string());
        report.to_string()
    };

    assert_eq!(
        told(Answer::token(HOUR)).await,
        "accepted elsewhere for another 3600s"
    );
    assert_eq!(
        told(Answer::static_token()).await,
        "accepted elsewhere without an end: take it back at its issuer"
    );
    let none = TestClock::new().agent().build().unwrap();
    let report = none.terminate(keytide_core::Reason::Finished).await;
    assert_eq!(report.to_string(), "accepted nowhere any more");
}
