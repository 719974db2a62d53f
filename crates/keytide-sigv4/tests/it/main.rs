//! The signatures: against the published vectors, and against `aws-sigv4` itself.

mod beside;
mod memory;
mod vectors;
mod wire;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use keytide_http::{Answer, Attach, Error, ErrorKind, Outgoing, Remedy};
use keytide_sigv4::{PathEncoding, Payload, SigV4, SigV4Builder, SigningKeys};

/// Signs one request, and gives its headers.
fn signed(
    sigv4: &SigV4,
    keys: &SigningKeys,
    (method, uri): (&str, &str),
    mut headers: HeaderMap,
    body: Option<&[u8]>,
    now: SystemTime,
) -> Result<HeaderMap, Error> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let uri: Uri = uri.parse().unwrap();
    let profile = sigv4.profile();
    let mut request = Outgoing::new(&profile, &method, &uri, &mut headers, body, now)?;
    sigv4.attach(keys, &mut request)?;
    Ok(headers)
}

/// What a case says of a signer.
fn with(builder: SigV4Builder, normalize: bool, sha256: bool, sign_token: bool) -> SigV4Builder {
    let builder = if normalize {
        builder.normalize_path()
    } else {
        builder.keep_path()
    };
    let builder = if sha256 {
        builder.content_sha256_header()
    } else {
        builder.without_content_sha256_header()
    };
    if sign_token {
        builder
    } else {
        builder.leave_session_token_unsigned()
    }
}

fn text(value: &HeaderValue) -> &str {
    std::str::from_utf8(value.as_bytes()).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOW: u64 = 1_440_938_160;

fn signer(service: &str) -> (SigV4, SigningKeys) {
    let sigv4 = SigV4::builder("us-east-1", service).build().unwrap();
    let keys = sigv4.keys(KEY_ID, SECRET.as_bytes(), None).unwrap();
    (sigv4, keys)
}

#[test]
fn a_stream_is_refused_unless_the_service_takes_unsigned_payloads() {
    let put = ("PUT", "https://b.s3.amazonaws.com/k");

    let (sigv4, keys) = signer("dynamodb");
    let error = signed(&sigv4, &keys, put, HeaderMap::new(), None, at(NOW)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(error.to_string().contains("stream"), "{error}");

    let (sigv4, keys) = signer("s3");
    let error = signed(&sigv4, &keys, put, HeaderMap::new(), None, at(NOW)).unwrap_err();
    assert!(error.to_string().contains("unsigned"), "{error}");

    let builder = SigV4::builder("us-east-1", "s3").payload(Payload::UnsignedStreams);
    let sigv4 = builder.build().unwrap();
    let sha256 = |body| {
        let headers = signed(&sigv4, &keys, put, HeaderMap::new(), body, at(NOW)).unwrap();
        text(&headers["x-amz-content-sha256"]).to_owned()
    };
    assert_eq!(sha256(None), "UNSIGNED-PAYLOAD");
    assert!(sha256(Some(b"")).starts_with("e3b0c442"));
    assert!(sha256(Some(b"x")).starts_with("2d711642"));

    for payload in [Payload::Unsigned, Payload::UnsignedStreams] {
        let error = SigV4::builder("us-east-1", "dynamodb")
            .payload(payload)
            .build();
        assert!(error.unwrap_err().to_string().contains("dynamodb"));
    }
}

#[test]
fn a_body_that_is_never_signed_is_not_even_asked_for() {
    let builder = SigV4::builder("us-east-1", "s3").payload(Payload::Unsigned);
    let sigv4 = builder.build().unwrap();
    let keys = sigv4.keys(KEY_ID, SECRET.as_bytes(), None).unwrap();
    let put = ("PUT", "https://b.s3.amazonaws.com/k");
    let headers = signed(&sigv4, &keys, put, HeaderMap::new(), Some(b"x"), at(NOW)).unwrap();
    assert_eq!(headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
}

#[test]
fn region_and_service_are_required_and_checked() {
    for (region, service, part) in [
        ("", "s3", "region"),
        ("eu-central-1", "", "service"),
        ("eu central", "s3", "region"),
        ("EU-CENTRAL-1", "s3", "region"),
        ("eu-central-1/x", "s3", "region"),
        ("eu-central-1", "s3/aws4_request", "service"),
        ("eu-central-1", "s3\n", "service"),
    ] {
        let error = SigV4::builder(region, service).build().unwrap_err();
        assert!(
            error.to_string().contains(part),
            "{region} {service}: {error}"
        );
    }
}

#[test]
fn what_every_signature_needs_cannot_be_left_unsigned() {
    for name in [
        "host",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
    ] {
        let name = HeaderName::from_static(name);
        let builder = SigV4::builder("us-east-1", "s3").leave_unsigned(name.clone());
        let error = builder.build().unwrap_err();
        assert!(error.to_string().contains(name.as_str()), "{error}");
    }
    let name = HeaderName::from_static("x-trace");
    let builder = SigV4::builder("us-east-1", "sqs").leave_unsigned(name.clone());
    let sigv4 = builder.build().unwrap();
    let keys = sigv4.keys(KEY_ID, SECRET.as_bytes(), None).unwrap();
    let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("1"))]);
    let get = ("GET", "https://sqs.us-east-1.amazonaws.com/");
    let headers = signed(&sigv4, &keys, get, headers, Some(b""), at(NOW)).unwrap();
    assert!(text(&headers["authorization"]).contains("SignedHeaders=host;x-amz-date,"));
}

#[test]
fn keys_that_cannot_stand_in_a_header_are_refused_without_being_shown() {
    let (sigv4, _) = signer("sqs");
    for (key_id, secret, token) in [
        ("", "s", None),
        ("AKID/..", "s", None),
        ("AKID\r\nX: y", "s", None),
        ("AKID", "", None),
        ("AKID", "s", Some("")),
        ("AKID", "s", Some("a\r\nX-Evil: canary")),
        ("AKID", "s", Some("a canary")),
    ] {
        let token = token.map(str::as_bytes);
        let error = sigv4.keys(key_id, secret.as_bytes(), token).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("canary") && !shown.contains("AKID"),
            "{shown}"
        );
    }
}

#[test]
fn around_midnight_each_destination_is_signed_for_its_own_day() {
    let (sigv4, keys) = signer("sqs");
    let get = ("GET", "https://sqs.us-east-1.amazonaws.com/");
    let midnight = 1_440_979_200;
    for round in 0..3 {
        for (now, day) in [
            (midnight - 1, "20150830"),
            (midnight, "20150831"),
            (midnight + 86_400, "20150901"),
        ] {
            let headers = signed(&sigv4, &keys, get, HeaderMap::new(), Some(b""), at(now)).unwrap();
            let (_, fresh) = signer("sqs");
            let again = signed(&sigv4, &fresh, get, HeaderMap::new(), Some(b""), at(now)).unwrap();
            let scope = format!("{KEY_ID}/{day}/us-east-1/sqs/aws4_request");
            assert!(
                text(&headers["authorization"]).contains(&scope),
                "{round} {now}"
            );
            assert_eq!(headers["authorization"], again["authorization"]);
        }
    }
}

#[test]
fn a_clock_that_shows_no_date_is_an_error() {
    let (sigv4, keys) = signer("sqs");
    let get = ("GET", "https://sqs.us-east-1.amazonaws.com/");
    let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    for (now, fits) in [
        (early, false),
        (at(0), true),
        (at(253_402_300_799), true),
        (at(253_402_300_800), false),
    ] {
        let result = signed(&sigv4, &keys, get, HeaderMap::new(), Some(b""), now);
        assert_eq!(result.is_ok(), fits, "{now:?}");
    }
}

#[test]
fn a_signature_is_made_again_only_where_its_date_was_the_fault() {
    let (sigv4, _) = signer("s3");
    let expired = "Signature expired: 20150830T123600Z is now earlier than 20150830T124100Z (20150830T124600Z - 5 min.)";
    let later = "Signature not yet current: 20150830T125600Z is still later than 20150830T125100Z";
    let mismatch = "The request signature we calculated does not match the signature you provided.";
    let xml = |code: &str, message: &str| {
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
    };
    let json = |code: &str, message: &str| {
        format!(r#"{{"__type":"com.amazon.coral.service#{code}","message":"{message}"}}"#)
    };
    for (status, header, body, again) in [
        (
            403,
            "",
            xml("RequestTimeTooSkewed", "The difference is too large"),
            true,
        ),
        (403, "", xml("SignatureDoesNotMatch", expired), true),
        (403, "", xml("SignatureDoesNotMatch", later), true),
        (403, "", xml("SignatureDoesNotMatch", mismatch), false),
        (400, "", xml("RequestExpired", "Request has expired."), true),
        (400, "", json("InvalidSignatureException", expired), true),
        (400, "", json("InvalidSignatureException", mismatch), false),
        (
            403,
            "InvalidSignatureException:http://internal.amazon.com/coral/",
            format!(r#"{{"message":"{later}"}}"#),
            true,
        ),
        (
            403,
            "InvalidSignatureException",
            format!(r#"{{"message":"{mismatch}"}}"#),
            false,
        ),
        (403, "", xml("AccessDenied", expired), false),
        (
            403,
            "",
            xml("ExpiredToken", "The provided token has expired."),
            false,
        ),
        (200, "", xml("RequestTimeTooSkewed", ""), false),
        (500, "", xml("RequestTimeTooSkewed", ""), false),
        (403, "", String::new(), false),
    ] {
        let mut headers = HeaderMap::new();
        if !header.is_empty() {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(header));
        }
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer::new("https://h", status, &headers, Some(body.as_bytes()));
        let expected = if again {
            Remedy::AttachAgain
        } else {
            Remedy::None
        };
        assert_eq!(sigv4.answered(&answer), expected, "{status} {body}");
    }
}
