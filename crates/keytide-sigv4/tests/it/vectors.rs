//! The published vectors: see `tests/data/README.md`.

use serde_json::Value;

use crate::*;

struct Vector(Value);

impl Vector {
    fn all(json: &str) -> Vec<Self> {
        let all: Vec<Value> = serde_json::from_str(json).unwrap();
        all.into_iter().map(Self).collect()
    }

    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    fn is(&self, field: &str) -> bool {
        self.0[field].as_bool().unwrap()
    }

    /// Its headers but those that signing sets.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for pair in self.0["headers"].as_array().unwrap() {
            let name = pair[0].as_str().unwrap().to_ascii_lowercase();
            if !["x-amz-date", "x-amz-security-token"].contains(&name.as_str()) {
                let value = HeaderValue::from_str(pair[1].as_str().unwrap()).unwrap();
                headers.append(HeaderName::try_from(name).unwrap(), value);
            }
        }
        headers
    }
}

#[test]
fn the_vectors_of_the_signing_test_suite() {
    let all = Vector::all(include_str!("../data/vectors.json"));
    assert_eq!(all.len(), 38);
    for vector in all {
        let name = vector.text("name");
        // A URI holds no space. The suite has it encoded once, in what is sent and in what is signed.
        let spaced = vector.text("target").contains([' ', '%']) && name.starts_with("get-space");
        let encoding = if spaced {
            PathEncoding::AsSent
        } else {
            PathEncoding::Double
        };
        let builder = SigV4::builder("us-east-1", "service").path_encoding(encoding);
        let [normalize, sha256, sign_token] =
            ["normalize", "sign_body", "sign_token"].map(|field| vector.is(field));
        let sigv4 = with(builder, normalize, sha256, sign_token)
            .build()
            .unwrap();
        let token = vector.0["token"].as_str().map(str::as_bytes);
        let keys = sigv4.keys(KEY_ID, SECRET.as_bytes(), token).unwrap();
        let target = vector.text("target").replace(' ', "%20");
        let uri = format!("https://example.amazonaws.com{target}");

        let request = (vector.text("method"), uri.as_str());
        let body = Some(vector.text("body").as_bytes());
        let headers = signed(&sigv4, &keys, request, vector.headers(), body, at(NOW)).unwrap();

        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, Signature={}",
            vector.text("signed"),
            vector.text("signature"),
        );
        assert_eq!(text(&headers["authorization"]), expected, "{name}");
        assert_eq!(headers["x-amz-date"], "20150830T123600Z", "{name}");
        assert_eq!(
            headers.get("x-amz-security-token").map(text),
            vector.0["token"].as_str(),
            "{name}"
        );
    }
}

#[test]
fn the_examples_of_the_s3_reference() {
    for vector in Vector::all(include_str!("../data/s3.json")) {
        let sigv4 = SigV4::builder("us-east-1", "s3").build().unwrap();
        let secret = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let keys = sigv4.keys("AKIAIOSFODNN7EXAMPLE", secret, None).unwrap();
        let uri = format!(
            "https://examplebucket.s3.amazonaws.com{}",
            vector.text("target")
        );

        let request = (vector.text("method"), uri.as_str());
        let body = Some(vector.text("body").as_bytes());
        let headers = signed(
            &sigv4,
            &keys,
            request,
            vector.headers(),
            body,
            at(1_369_353_600),
        )
        .unwrap();

        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders={}, Signature={}",
            vector.text("signed"),
            vector.text("signature"),
        );
        assert_eq!(
            text(&headers["authorization"]),
            expected,
            "{}",
            vector.text("name")
        );
    }
}
