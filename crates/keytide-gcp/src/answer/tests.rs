//! What is taken for a token, and what is not.

use std::time::{Duration, UNIX_EPOCH};

use keytide_core::ErrorKind;
use keytide_issuer::TokenAnswer;

use super::*;

fn lifetime(json: &str) -> Result<Option<Duration>, ErrorKind> {
    let body = format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{json}}}"#);
    TokenAnswer::read(body.as_bytes())
        .and_then(|answer| answer.lifetime())
        .map_err(|error| error.kind())
}

#[test]
fn a_lifetime_is_a_number_or_a_number_in_a_string() {
    let of = |seconds| Ok(Some(Duration::from_secs(seconds)));
    for (json, expected) in [
        ("3599", of(3599)),
        ("0", of(0)),
        ("\"3599\"", of(3599)),
        ("1.0", of(1)),
        ("18446744073709551615", of(u64::MAX)),
        ("null", Ok(None)),
        ("-1", Err(ErrorKind::Unavailable)),
        ("-0.5", Err(ErrorKind::Unavailable)),
        ("1e300", Err(ErrorKind::Unavailable)),
        ("\"soon\"", Err(ErrorKind::Unavailable)),
        ("\"\"", Err(ErrorKind::Unavailable)),
        ("\"-1\"", Err(ErrorKind::Unavailable)),
        ("true", Err(ErrorKind::Unavailable)),
        ("[3599]", Err(ErrorKind::Unavailable)),
    ] {
        assert_eq!(lifetime(json), expected, "{json}");
    }
}

#[test]
fn an_end_is_an_instant_and_never_guessed() {
    let read = |json: &str| {
        let body = format!(r#"{{"accessToken":"t","expireTime":{json}}}"#);
        Generated::read(body.as_bytes()).map(|token| token.expires_at)
    };
    let expected = UNIX_EPOCH + Duration::from_secs(1_795_514_520);

    assert_eq!(read("\"2026-11-24T10:02:00Z\"").unwrap(), expected);
    assert_eq!(read("\"2026-11-24T11:02:00+01:00\"").unwrap(), expected);
    assert_eq!(
        read("\"2026-11-24T10:02:00.250Z\"").unwrap(),
        expected + Duration::from_millis(250)
    );
    assert!(read("\"9999-12-31T23:59:60Z\"").is_ok());
    for written in [
        "2026-11-24 10:02:00+00:00",
        "2026-11-24T11:02:00+0100",
        "20261124T100200Z",
    ] {
        assert_eq!(
            read(&format!("\"{written}\"")).unwrap(),
            expected,
            "{written}"
        );
    }
    for garbage in [
        "null",
        "\"\"",
        "\"tomorrow\"",
        "1795514520",
        "\"1795514520\"",
        "\"2026-11-24 \"",
        "\"2026-13-24T10:02:00Z\"",
        "\"1969-12-31T23:59:59Z\"",
        "\"+99999-01-01T00:00:00Z\"",
    ] {
        assert!(read(garbage).is_err(), "{garbage}");
    }
}

#[test]
fn what_is_no_token_is_an_error_that_quotes_nothing() {
    for body in [
        "",
        "   ",
        "<html>canary</html>",
        "canary",
        "[\"canary\"]",
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":7}"#,
        r#"{"access_token":"canary""#,
        r#"{"access_token":"canary","access_token":"other"}"#,
        "{\"access_token\":\"canary\\r\\nx: y\"}",
        r#"{"access_token":"canäry"}"#,
    ] {
        let error = TokenAnswer::read(body.as_bytes()).err().unwrap();

        assert_eq!(error.kind(), ErrorKind::Unavailable, "{body}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("canary") && !text.contains("canä"), "{text}");
    }
    for body in [
        &b"<html>can a page</html>"[..],
        b"",
        b"can ary",
        &[0xff, 0xfe],
        b"a\nb",
    ] {
        let error = whole(body).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(!format!("{error:?}").contains("can a"), "{error:?}");
    }
    // Whole, and of a type that no other answer of the same issuer will cure.
    let mac = br#"{"access_token":"canary","token_type":"mac"}"#;
    let error = TokenAnswer::read(mac).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat((64 << 10) + 1));
    assert!(TokenAnswer::read(long.as_bytes()).is_err());
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(TokenAnswer::read(deep.as_bytes()).is_err());
}

#[test]
fn a_token_is_read_whatever_stands_beside_it() {
    let body = br#"{"scope":"a b","access_token":"a.b-c_~+/=","issued_token_type":"x","token_type":"bEARER"}"#;

    let token = TokenAnswer::read(body).unwrap();

    assert_eq!(token.lifetime().unwrap(), None);
    assert_eq!(token.into_token().as_str(), "a.b-c_~+/=");
    assert_eq!(whole(b"a.b.c\r\n").unwrap().as_str(), "a.b.c");
    assert_eq!(
        identity_token(br#"{"token":"a.b.c"}"#, "token")
            .unwrap()
            .as_str(),
        "a.b.c"
    );
    assert!(identity_token(br#"{"token":"a.b.c"}"#, "id_token").is_err());
}
