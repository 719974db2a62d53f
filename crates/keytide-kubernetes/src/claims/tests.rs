use proptest::prelude::*;

use super::*;

fn of(payload: &str) -> Result<Claims, Fault> {
    let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
    Claims::of(&Parts::of(token.as_bytes())?)
}

fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

#[test]
fn the_claims_of_a_kubelet_token_are_read() {
    let claims = of(r#"{
        "aud": ["https://api.example.com", "second"],
        "exp": 1790000000,
        "iat": 1789996400,
        "nbf": 1789996400,
        "iss": "https://kubernetes.default.svc",
        "kubernetes.io": {"namespace": "billing", "warnafter": 1790000007},
        "sub": "system:serviceaccount:billing:reader"
    }"#);

    let expected = Claims {
        expires_at: at(1_790_000_000.0),
        issued_at: Some(at(1_789_996_400.0)),
        warn_after: Some(at(1_790_000_007.0)),
        subject: Some("system:serviceaccount:billing:reader".to_owned()),
        audiences: vec!["https://api.example.com".to_owned(), "second".to_owned()],
    };
    assert_eq!(claims, Ok(expected));
}

#[test]
fn an_audience_may_be_a_string_or_a_list() {
    let audiences = |aud: &str| of(&format!(r#"{{"exp":1,"aud":{aud}}}"#)).map(|c| c.audiences);

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

    assert_eq!(claims.map(|c| c.expires_at), Ok(at(1_790_000_000.5)));
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

    let expected = Claims {
        expires_at: at(1.0),
        issued_at: None,
        warn_after: None,
        subject: None,
        audiences: vec![],
    };
    assert_eq!(claims, Ok(expected));
}

#[test]
fn what_is_no_whole_jwt_is_torn() {
    let whole = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"exp":1}"#));
    let signature = whole.len() - "c2ln".len();
    for cut in 0..=signature {
        assert_torn(&whole.as_bytes()[..cut]);
    }
    assert_torn(b"a.b.c.d");
    assert_torn(b"..");
    assert_torn(b"e30.e30.c2l n");
    assert_torn(b"e30.e30.\xff\xfe");
    assert_torn(b"e30.e30=.c2ln");
    // `NaN` is not JSON.
    assert!(matches!(of(r#"{"exp":NaN}"#), Err(Fault::Torn(_))));
    assert!(matches!(of("[]"), Err(Fault::Torn(_))));
    assert!(matches!(of(r#"{"exp":1} {"exp":2}"#), Err(Fault::Torn(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Parts::of(&bytes).and_then(|parts| Claims::of(&parts));
    }

    #[test]
    fn no_payload_makes_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(bytes));
        let _ = Parts::of(token.as_bytes()).and_then(|parts| Claims::of(&parts));
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
            claims.map(|claims| claims.expires_at),
            Ok(UNIX_EPOCH + Duration::from_secs(seconds))
        );
    }
}

fn assert_wrong(payload: &str, expected: &str) {
    match of(payload) {
        Err(Fault::Wrong(what)) => assert!(what.contains(expected), "{payload}: {what}"),
        other => panic!("{payload}: {other:?}"),
    }
}

fn assert_torn(token: &[u8]) {
    let read = Parts::of(token).and_then(|parts| Claims::of(&parts));
    assert!(
        matches!(read, Err(Fault::Torn(_))),
        "{}: {read:?}",
        token.escape_ascii()
    );
}
