//! What is kept, and what is shown of it.

use super::*;

#[test]
fn nothing_secret_is_shown() {
    let sigv4 = SigV4::builder("us-east-1", "s3").build().unwrap();
    let keys = sigv4
        .keys(KEY_ID, SECRET.as_bytes(), Some(b"canary-token"))
        .unwrap();
    let get = ("GET", "https://b.s3.amazonaws.com/k");
    let headers = signed(&sigv4, &keys, get, HeaderMap::new(), Some(b""), at(NOW)).unwrap();

    let shown = format!("{sigv4:?} {keys:?} {headers:?}");

    for secret in [SECRET, "canary-token", "Signature=", KEY_ID] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for name in ["authorization", "x-amz-security-token", "x-amz-date"] {
        assert!(headers[name].is_sensitive(), "{name}");
    }
}
