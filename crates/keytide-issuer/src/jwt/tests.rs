use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use serde::Deserialize;

use base64::engine::general_purpose::{URL_SAFE as PADDED, URL_SAFE_NO_PAD};

use super::*;

fn token(payload: impl AsRef<[u8]>) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
}

/// The claims of a token that says when it ends.
fn of(payload: &str) -> Result<Claims, JwtFault> {
    read(token(payload).as_bytes())
}

fn read(token: &[u8]) -> Result<Claims, JwtFault> {
    let claims = Jwt::parse(token)?.claims()?;
    claims.expires_at()?;
    Ok(claims)
}

fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

/// What is claimed, as plain values.
fn all(claims: &Claims) -> (SystemTime, Option<SystemTime>, Option<&str>, Vec<&str>) {
    let audiences = claims.audiences().iter().map(String::as_str).collect();
    let end = claims.expires_at().unwrap();
    (end, claims.issued_at(), claims.subject(), audiences)
}

#[test]
fn the_registered_claims_are_read_and_those_of_ones_own() {
    #[derive(Deserialize)]
    struct Own {
        #[serde(default)]
        warnafter: NumericDate,
        #[serde(default)]
        absent: NumericDate,
    }
    let token = token(
        r#"{"exp":1790000000,"iat":1789996400,"sub":"reader","aud":["one","two"],"warnafter":1790000007}"#,
    );
    let jwt = Jwt::parse(token.as_bytes()).unwrap();
    let claims = jwt.claims().unwrap();
    let own: Own = jwt.read().unwrap();

    let (end, made) = (at(1_790_000_000.0), at(1_789_996_400.0));
    let expected = (end, Some(made), Some("reader"), vec!["one", "two"]);
    assert_eq!(all(&claims), expected);
    assert_eq!(own.warnafter.instant(), Some(at(1_790_000_007.0)));
    assert_eq!(own.absent.instant(), None);
    assert_eq!((jwt.header(), jwt.signature()), (&b"e30"[..], &b"c2ln"[..]));
    assert_eq!(format!("{jwt:?}"), "Jwt(***)");
}

#[test]
fn an_audience_may_be_a_string_or_a_list() {
    let audiences = |aud: &str| {
        of(&format!(r#"{{"exp":1,"aud":{aud}}}"#)).map(|claims| claims.audiences().to_vec())
    };

    assert_eq!(audiences(r#""one""#), Ok(vec!["one".to_owned()]));
    assert_eq!(
        audiences(r#"["one","two"]"#),
        Ok(vec!["one".to_owned(), "two".to_owned()])
    );
    assert_eq!(audiences("null"), Ok(vec![]));
    assert_eq!(
        audiences(r#"[1,{"one":"two"},"three"]"#),
        Ok(vec!["three".to_owned()])
    );
}

#[test]
fn an_expiry_may_have_a_fraction() {
    let claims = of(r#"{"exp":1790000000.5}"#);

    assert_eq!(claims.unwrap().expires_at(), Ok(at(1_790_000_000.5)));
}

#[test]
fn the_last_second_of_9999_is_no_instant_in_seconds() {
    // Every number from the year 5138 on is taken for one of milliseconds.
    assert!(of(r#"{"exp":99999999999}"#).is_ok());
    assert_wrong(r#"{"exp":100000000000}"#, "looks like milliseconds");
    assert_wrong(r#"{"exp":253402300799}"#, "looks like milliseconds");
    assert_wrong(r#"{"exp":253402300800}"#, "beyond the year 9999");
}

#[test]
fn padding_is_passed_over() {
    for payload in [r#"{"exp":7}"#, r#"{"exp":7 }"#, r#"{"exp":7  }"#] {
        let token = format!("e30=.{}.c2lnbg==", PADDED.encode(payload));
        let claims = read(token.as_bytes());
        assert_eq!(claims.unwrap().expires_at(), Ok(at(7.0)), "{token}");
    }
}

#[test]
fn a_byte_that_no_jwt_is_made_of_is_told_with_its_place() {
    for (token, offset, byte) in [
        (&b"a.b.c d"[..], 5, b' '),
        (b"a.b\n.c", 3, b'\n'),
        (b"\xef\xbb\xbfa.b.c", 0, 0xef),
    ] {
        let fault = Jwt::parse(token).unwrap_err();
        assert_eq!(fault, JwtFault::Byte { offset, byte });
        let text = fault.to_string();
        assert!(
            text.contains(&format!("{byte:#04x} at offset {offset}")),
            "{text}"
        );
    }
}

#[test]
fn an_unusable_expiry_says_what_to_mend() {
    assert_wrong(r#"{"sub":"x"}"#, "no exp claim");
    assert_wrong(r#"{"exp":null}"#, "no exp claim");
    assert_wrong(r#"{"exp":"1790000000"}"#, "a string for its exp claim");
    assert_wrong(r#"{"exp":-1}"#, "negative");
    assert_wrong(r#"{"exp":1790000000000}"#, "looks like milliseconds");
    assert_wrong(r#"{"exp":1e300}"#, "beyond the year 9999");
    assert_wrong(r#"{"exp":[1790000000]}"#, "is no number");
    assert_wrong(r#"{"exp":true}"#, "is no number");
}

#[test]
fn unusable_claims_beside_the_expiry_are_passed_over() {
    let claims = of(r#"{"exp":1,"iat":"x","sub":7,"aud":9,"kubernetes.io":{"warnafter":[]}}"#);

    assert_eq!(all(&claims.unwrap()), (at(1.0), None, None, vec![]));
}

#[test]
fn what_is_no_whole_jwt_is_torn() {
    let whole = token(r#"{"exp":1}"#);
    let signature = whole.len() - "c2ln".len();
    for cut in 0..=signature {
        assert_torn(&whole.as_bytes()[..cut]);
    }
    assert_torn(b"a.b.c.d");
    assert_torn(b"..");
    assert_torn(b"e30.e30.c2l n");
    assert_torn(b"e30.e30.\xff\xfe");
    for padded in [
        "e30.eyJleHAiOjF9=.c2ln",
        "e30.eyJleHA9iOjF9.c2ln",
        "e30.=.c2ln",
    ] {
        assert_torn(padded.as_bytes());
    }
    assert_torn("a".repeat(LONGEST + 1).as_bytes());
    assert_torn(token(r#"{"exp":1,"exp":2}"#).as_bytes());
    // `NaN` is not JSON.
    assert!(matches!(of(r#"{"exp":NaN}"#), Err(JwtFault::Torn(_))));
    assert!(matches!(of("[]"), Err(JwtFault::Torn(_))));
    assert!(matches!(
        of(r#"{"exp":1} {"exp":2}"#),
        Err(JwtFault::Torn(_))
    ));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_payload_makes_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = read(token(bytes).as_bytes());
    }

    #[test]
    fn no_number_makes_the_parser_panic(number in any::<f64>(), whole in any::<i64>()) {
        let _ = of(&format!(r#"{{"exp":{number:e},"iat":{whole},"kubernetes.io":{{"warnafter":{number}}}}}"#));
        let _ = of(&format!(r#"{{"exp":{whole},"iat":{number}}}"#));
    }

    #[test]
    fn an_expiry_is_read_as_it_stands(seconds in 0_u64..100_000_000_000) {
        let claims = of(&format!(r#"{{"exp":{seconds}}}"#));
        prop_assert_eq!(
            claims.unwrap().expires_at(),
            Ok(UNIX_EPOCH + Duration::from_secs(seconds))
        );
    }
}

fn assert_wrong(payload: &str, expected: &str) {
    match of(payload) {
        Err(JwtFault::Unusable(what)) => assert!(what.contains(expected), "{payload}: {what}"),
        other => panic!("{payload}: {other:?}"),
    }
}

fn assert_torn(token: &[u8]) {
    let read = read(token);
    assert!(
        matches!(read, Err(JwtFault::Torn(_) | JwtFault::Byte { .. })),
        "{}: {read:?}",
        token.escape_ascii()
    );
}

#[test]
fn the_end_is_read_and_what_has_none_has_none() {
    let end = |token: &[u8]| read(token).ok()?.expires_at().ok();
    let of = |claims: &str| end(token(claims).as_bytes());

    assert_eq!(
        of(r#"{"exp":1795514520,"sub":"x"}"#),
        Some(at(1_795_514_520.0))
    );
    assert_eq!(of(r#"{"exp":0}"#), Some(UNIX_EPOCH));
    for claims in [
        "",
        "{}",
        "[]",
        r#"{"exp":"1"}"#,
        r#"{"exp":-1}"#,
        r#"{"exp":1e300}"#,
        r#"{"exp":null}"#,
    ] {
        assert_eq!(of(claims), None, "{claims}");
    }
    for text in ["", "a", "a.b", "a.b.c", "..", "e30.!!!.c2ln"] {
        assert_eq!(end(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn what_is_signed_is_read_again() {
    #[derive(serde::Serialize)]
    struct Part {
        exp: u64,
    }
    let input = SigningInput::new(&Part { exp: 7 }, &Part { exp: 1_790_000_000 }).unwrap();
    let expected = format!("{}.", std::str::from_utf8(input.as_bytes()).unwrap());

    let token = input.signed(&[0xff; 512]);

    assert!(token.starts_with(&expected), "{}", &**token);
    let claims = read(token.as_bytes()).unwrap();
    assert_eq!(claims.expires_at(), Ok(at(1_790_000_000.0)));
    let signature = Jwt::parse(token.as_bytes()).unwrap().signature();
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), [0xff; 512]);
}
