use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

#[test]
fn a_403_blames_the_credential_only_by_an_error_parameter_of_its_own() {
    for (challenge, blames) in [
        (r#"Bearer error="invalid_token""#, true),
        (
            r#"Bearer realm="a, b", error="invalid_token", error_description="expired""#,
            true,
        ),
        (r#"Basic realm="x", Bearer error = invalid_token"#, true),
        (r#"DPoP ERROR="invalid_token""#, true),
        (r#"Negotiate dG9rZW4=, Bearer error="invalid_token""#, true),
        (r#"Bearer realm="x" error="invalid_token""#, true),
        (r#"Bearer realm="für", error="invalid_token""#, true),
        (r#"Negotiate error="#, false),
        (r#"Bearer error="insufficient_scope""#, false),
        (
            r#"Bearer error_description="error=\"invalid_token\"""#,
            false,
        ),
        (r#"Bearer realm="a, error=invalid_token, b""#, false),
        (r#"Bearer realm="a\", error=invalid_token, b""#, false),
        (r#"Bearer x_error="invalid_token""#, false),
        (r#"Bearer error="invalid_token_not""#, false),
        (r#"Bearer error="insufficient_claims""#, false),
        ("Bearer", false),
        ("", false),
    ] {
        let headers = headers(&[("www-authenticate", challenge)]);

        let refused = |status| matches!(blame(status, &headers), Blame::Credential(_));
        assert_eq!(refused(StatusCode::FORBIDDEN), blames, "{challenge}");
        assert!(refused(StatusCode::UNAUTHORIZED));
        for status in [400, 404, 407, 429, 500] {
            assert!(!refused(StatusCode::from_u16(status).unwrap()));
        }
    }
}

#[test]
fn of_a_challenge_only_its_claims_are_taken() {
    let json = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651?>~"}}}"#;
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(7000));
    let uri = r#"Bearer authorization_uri="https://evil.example/", resource_metadata="https://evil.example/x""#;
    for (encoded, taken) in [
        (STANDARD.encode(json), true),
        (STANDARD_NO_PAD.encode(json), true),
        (URL_SAFE_NO_PAD.encode(json), true),
        (STANDARD.encode(r#"["https://evil.example"]"#), false),
        (STANDARD.encode("\"text\""), false),
        (STANDARD.encode("not json"), false),
        (STANDARD.encode([0xff, 0xfe]), false),
        (json.replace('"', "\\\""), false),
        (STANDARD.encode(&long), false),
        (String::new(), false),
    ] {
        let challenge = format!(r#"{uri}, error="insufficient_claims", claims="{encoded}""#);
        let headers = headers(&[("www-authenticate", &challenge)]);

        let expected = Refusal {
            claims: taken.then(|| json.to_owned()),
        };
        assert_eq!(
            blame(StatusCode::UNAUTHORIZED, &headers),
            Blame::Credential(expected),
            "{encoded}"
        );
        let forbidden = blame(StatusCode::FORBIDDEN, &headers);
        assert_eq!(
            matches!(forbidden, Blame::Credential(_)),
            taken,
            "{encoded}"
        );
    }

    let fits = format!(r#"{{"a":"{}"}}"#, "x".repeat(6000));
    let challenge = format!("Bearer claims=\"{}\"", STANDARD.encode(&fits));
    let headers = headers(&[
        ("www-authenticate", "Bearer claims=\"bm8=\""),
        ("www-authenticate", &challenge),
    ]);
    assert_eq!(headers.get_all(WWW_AUTHENTICATE).iter().count(), 2);
    let expected = Refusal { claims: Some(fits) };
    assert_eq!(
        blame(StatusCode::UNAUTHORIZED, &headers),
        Blame::Credential(expected)
    );
}

#[test]
fn a_documented_error_code_blames_the_credential_and_nothing_else_does() {
    let s3 = |code: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>The provided token has expired.\
             </Message><Token-0>x</Token-0></Error>"
        )
    };
    let query = |code: &str| {
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
             <Code>{code}</Code>\n    <Message>x</Message>\n  </Error>\n  <RequestId>1</RequestId>\n</ErrorResponse>"
        )
    };
    let ec2 = |code: &str| {
        format!("<Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>")
    };
    let google = |reason: &str, domain: &str| {
        format!(
            r#"{{"error":{{"code":403,"message":"x","status":"PERMISSION_DENIED","details":[{{"@type":
            "type.googleapis.com/google.rpc.ErrorInfo","reason":"{reason}","domain":"{domain}"}}]}}}}"#
        )
    };
    let azure = |code: &str| {
        format!(r#"{{"error":{{"code":"{code}","message":"The access token expired."}}}}"#)
    };
    for (status, body, blames) in [
        (403, s3("ExpiredToken"), true),
        (400, s3("ExpiredToken"), true),
        (400, s3("InvalidToken"), true),
        (403, s3("InvalidAccessKeyId"), true),
        (403, s3("AccessDenied"), false),
        (403, s3("SignatureDoesNotMatch"), false),
        (403, s3("RequestTimeTooSkewed"), false),
        (403, query("ExpiredToken"), true),
        (403, query("InvalidClientTokenId"), true),
        (403, query("AccessDenied"), false),
        (403, ec2("ExpiredToken"), true),
        (
            400,
            r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"x"}"#.into(),
            true,
        ),
        (
            400,
            r#"{"__type":"UnrecognizedClientException"}"#.into(),
            true,
        ),
        (
            400,
            r#"{"__type":"ValidationException","message":"ExpiredTokenException"}"#.into(),
            false,
        ),
        (403, r#"{"code":"ExpiredTokenException"}"#.into(), false),
        (403, google("ACCESS_TOKEN_EXPIRED", "googleapis.com"), true),
        (403, google("ACCESS_TOKEN_EXPIRED", "evil.example"), false),
        (
            403,
            google("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com"),
            false,
        ),
        (400, google("ACCESS_TOKEN_EXPIRED", "googleapis.com"), false),
        (
            403,
            r#"{"error":{"code":401,"status":"UNAUTHENTICATED"}}"#.into(),
            true,
        ),
        (
            403,
            r#"[{"error":{"code":401,"status":"UNAUTHENTICATED"}}]"#.into(),
            true,
        ),
        (
            403,
            r#"{"error":{"status":"PERMISSION_DENIED","message":"UNAUTHENTICATED"}}"#.into(),
            false,
        ),
        (403, azure("InvalidAuthenticationToken"), true),
        (403, azure("ExpiredAuthenticationToken"), true),
        (403, azure("AuthorizationFailed"), false),
        (400, azure("ExpiredAuthenticationToken"), false),
        (
            403,
            "<Error><!-- <Code>ExpiredToken</Code> --></Error>".into(),
            false,
        ),
        (
            403,
            "<Error><![CDATA[<Code>ExpiredToken</Code>]]></Error>".into(),
            false,
        ),
        (
            403,
            "<Error><Message><Code>ExpiredToken</Code></Message></Error>".into(),
            false,
        ),
        (
            403,
            "<Error><Code>AccessDenied</Code><Code>ExpiredToken</Code></Error>".into(),
            false,
        ),
        (403, "<Code>ExpiredToken</Code>".into(), false),
        (403, "<html><body>ExpiredToken</body></html>".into(), false),
        (403, "<Error><Code>ExpiredToken".into(), false),
        (403, "<<<<".into(), false),
        (403, "<a>".repeat(10_000), false),
        (403, "[".repeat(60_000), false),
        (403, "ExpiredToken".into(), false),
        (403, "{}".into(), false),
        (403, "[]".into(), false),
        (403, String::new(), false),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(blame(status, &HeaderMap::new()), Blame::InBody);
        assert_eq!(
            body_blames(status, &HeaderMap::new(), body.as_bytes()),
            blames,
            "{status} {}",
            &body[..body.len().min(200)]
        );
    }
    let by_aws = headers(&[("x-amzn-requestid", "1")]);
    assert!(body_blames(
        StatusCode::FORBIDDEN,
        &by_aws,
        br#"{"code":"ExpiredTokenException"}"#
    ));
}

#[test]
fn the_header_of_aws_decides_before_the_body() {
    for (value, expected) in [
        ("ExpiredTokenException", true),
        (
            "ExpiredTokenException:http://internal.amazon.com/coral/com.amazon.coral.service/",
            true,
        ),
        ("com.amazon.coral.service#UnrecognizedClientException", true),
        ("AccessDeniedException", false),
        ("ThrottlingException", false),
    ] {
        let headers = headers(&[("x-amzn-errortype", value)]);
        for status in [StatusCode::FORBIDDEN, StatusCode::BAD_REQUEST] {
            let blamed = blame(status, &headers);
            assert_eq!(matches!(blamed, Blame::Credential(_)), expected, "{value}");
            assert_ne!(blamed, Blame::InBody);
        }
    }
}

#[test]
fn unauthenticated_over_grpc_is_a_refusal() {
    let grpc = ("content-type", "application/grpc+proto");
    for (pairs, refused) in [
        (vec![grpc, ("grpc-status", "16")], true),
        (vec![grpc, ("grpc-status", "7")], false),
        (vec![grpc], false),
        (vec![("grpc-status", "16")], false),
    ] {
        let blamed = blame(StatusCode::OK, &headers(&pairs));
        assert_eq!(matches!(blamed, Blame::Credential(_)), refused, "{pairs:?}");
    }
}

#[test]
fn a_code_is_found_in_either_shape_of_xml_and_nowhere_else() {
    let found = |body: &str| aws_code_in_xml(body.as_bytes());
    let some = |code: &str| Some(code.to_owned());

    for body in [
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
        "<Response><Errors><Error><Code>AccessDenied</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>",
        "<ErrorResponse><Errors><Error><Code>AccessDenied</Code></Error></Errors></ErrorResponse>",
        "\u{feff}<?xml version=\"1.0\"?>\r\n<Error>\r\n <Message>a &lt;Code&gt;X&lt;/Code&gt;</Message>\r\n <Code> AccessDenied </Code></Error>",
    ] {
        assert_eq!(found(body), some("AccessDenied"), "{body}");
    }
    for body in [
        "",
        "AccessDenied",
        "<Error>",
        "<Error><Code>AccessDenied",
        "<Error><!-- <Code>AccessDenied</Code> --></Error>",
        "<Error><Detail><Code>AccessDenied</Code></Detail></Error>",
        "<a><b><Error><Code>AccessDenied</Code></Error></b></a>",
        "<AssumeRoleResponse><Error><Code>AccessDenied</Code></Error></AssumeRoleResponse>",
        "<html><body><Error><Code>AccessDenied</Code></Error></body></html>",
        "<!DOCTYPE html><html><head><title>403</title></head></html>",
        "<Code>AccessDenied</Code>",
        "</Error>",
        "{\"Code\":\"AccessDenied\"}",
    ] {
        assert_eq!(found(body), None, "{body}");
    }
    assert_eq!(aws_code_in_xml(&[0xff, 0xfe]), None);
    assert_eq!(found(&"<a>".repeat(100_000)), None);
}
