//! The signatures: against the published vectors, and against `aws-sigv4` itself.

mod beside;
mod judged;
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

    // A name of ours is not another's for beginning so.
    let (sigv4, keys) = signer("s3tables");
    let error = signed(&sigv4, &keys, put, HeaderMap::new(), None, at(NOW)).unwrap_err();
    assert!(error.to_string().contains("takes no unsigned"), "{error}");

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
fn services_that_are_signed_for_by_hand_get_what_they_demand() {
    let post = ("POST", "https://x.example.com/a+b");
    let sha256 = |service: &str, body| {
        let (sigv4, keys) = signer(service);
        let headers = signed(&sigv4, &keys, post, HeaderMap::new(), body, at(NOW)).unwrap();
        let names = text(&headers["authorization"]).contains("x-amz-content-sha256");
        let sent = headers.get("x-amz-content-sha256");
        assert_eq!(
            names,
            sent.is_some(),
            "{service}: it is signed where it is sent"
        );
        sent.map(|value| text(value).to_owned())
    };
    let hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

    // It takes nothing else, so a stream too.
    for body in [Some(&b"x"[..]), Some(b""), None] {
        let sent = sha256("vpc-lattice-svcs", body);
        assert_eq!(sent.as_deref(), Some("UNSIGNED-PAYLOAD"));
    }
    for (service, names) in [("aoss", "host;"), ("es", "content-length;host;")] {
        let (sigv4, keys) = signer(service);
        let length = (http::header::CONTENT_LENGTH, HeaderValue::from_static("1"));
        let headers = HeaderMap::from_iter([length]);
        let headers = signed(&sigv4, &keys, post, headers, Some(b"x"), at(NOW)).unwrap();
        let expected = format!("SignedHeaders={names}");
        assert!(
            text(&headers["authorization"]).contains(&expected),
            "{service}"
        );
    }
    for service in ["aoss", "glacier"] {
        assert_eq!(
            sha256(service, Some(b"x")).as_deref(),
            Some(hash),
            "{service}"
        );
    }
    for service in [
        "es",
        "execute-api",
        "lambda",
        "appsync",
        "bedrock",
        "aps",
        "neptune-db",
        "osis",
        "xray",
        "logs",
        "iotdata",
        "lex",
    ] {
        assert_eq!(sha256(service, Some(b"x")), None, "{service}");
    }

    let lattice = || SigV4::builder("us-east-1", "vpc-lattice-svcs");
    assert!(lattice().payload(Payload::Unsigned).build().is_ok());
    for payload in [Payload::Signed, Payload::UnsignedStreams] {
        let error = lattice().payload(payload).build().unwrap_err().to_string();
        assert!(
            error.contains("vpc-lattice-svcs takes no signed payloads"),
            "{error}"
        );
    }
    let error = lattice()
        .without_content_sha256_header()
        .build()
        .unwrap_err();
    assert!(
        error.to_string().contains("x-amz-content-sha256"),
        "{error}"
    );
    let error = SigV4::builder("us-east-1", "aoss")
        .payload(Payload::Unsigned)
        .build();
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("does not take unsigned")
    );
}

#[test]
fn what_hops_take_off_or_change_is_never_signed() {
    let (sigv4, keys) = signer("sqs");
    let get = ("GET", "https://sqs.us-east-1.amazonaws.com/");
    let mut headers = HeaderMap::new();
    for name in [
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-connection",
        "proxy-authorization",
        "expect",
        "max-forwards",
        "via",
        "forwarded",
        "x-forwarded-for",
        "user-agent",
        "accept-encoding",
        "cookie",
        "x-amzn-trace-id",
        "http2-settings",
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static("x-hop, 1"),
        );
    }
    // Named by `connection`, it is for the next hop only.
    headers.insert("x-hop", HeaderValue::from_static("1"));
    headers.insert("x-mine", HeaderValue::from_static("1"));

    let headers = signed(&sigv4, &keys, get, headers, Some(b""), at(NOW)).unwrap();

    let authorization = text(&headers["authorization"]);
    assert!(
        authorization.contains("SignedHeaders=host;x-amz-date;x-mine,"),
        "{authorization}"
    );
}

#[test]
fn what_somebody_could_read_otherwise_is_refused_and_why_is_told() {
    let refused = |service: &str, uri: &str, value: &[u8]| {
        let (sigv4, keys) = signer(service);
        let value = HeaderValue::from_bytes(value).unwrap();
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-mine"), value)]);
        let signed = signed(&sigv4, &keys, ("GET", uri), headers, Some(b""), at(NOW));
        signed.err().map(|error| {
            assert_eq!(error.kind(), ErrorKind::Credential);
            error.to_string()
        })
    };
    for (service, uri, value, told) in [
        ("s3", "https://b.s3.amazonaws.com/a+b", &b"1"[..], "%2B"),
        (
            "s3",
            "https://b.s3.amazonaws.com/a/%2e%2E/b",
            b"1",
            "dot segment",
        ),
        (
            "sqs",
            "https://sqs.amazonaws.com/a/.",
            b"1",
            "ends with a dot segment",
        ),
        (
            "sqs",
            "https://sqs.amazonaws.com/a/b/..",
            b"1",
            "ends with a dot segment",
        ),
        (
            "sqs",
            "https://sqs.amazonaws.com/",
            b"a\tb",
            "x-mine has a tab",
        ),
        (
            "sqs",
            "https://sqs.amazonaws.com/",
            b"a\xffb",
            "x-mine is not UTF-8",
        ),
    ] {
        let error = refused(service, uri, value).expect(uri);
        assert!(error.contains(told), "{error}");
    }
    for (service, uri, value) in [
        (
            "s3",
            "https://b.s3.amazonaws.com/a%2Bb/./c?d=e+f",
            &b"\t a  b\t"[..],
        ),
        (
            "sqs",
            "https://sqs.amazonaws.com/a+b/./c",
            "\u{e4}".as_bytes(),
        ),
        ("sqs", "https://sqs.amazonaws.com/a/..", b""),
    ] {
        assert_eq!(refused(service, uri, value), None, "{uri}");
    }
}

#[test]
fn white_space_around_a_value_is_none_of_it() {
    let (sigv4, keys) = signer("sqs");
    let get = ("GET", "https://sqs.us-east-1.amazonaws.com/");
    let signature = |value: &'static str| {
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-mine"),
            HeaderValue::from_static(value),
        )]);
        signed(&sigv4, &keys, get, headers, Some(b""), at(NOW)).unwrap()["authorization"].clone()
    };
    for value in ["\ta b", "a b\t", " \t a  b \t "] {
        assert_eq!(signature(value), signature("a b"), "{value:?}");
    }
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
