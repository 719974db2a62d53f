//! Random requests, signed here and by `aws-sigv4`.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use proptest::prelude::*;

use crate::*;

#[derive(Debug, Clone)]
struct Case {
    method: &'static str,
    host: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    seconds: u64,
    region: String,
    service: String,
    secret: String,
    token: Option<String>,
    double: bool,
    normalize: bool,
    sha256: bool,
    sign_token: bool,
}

/// What stands in URIs, with a bias to what is treated in a way of its own.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9]{0,5}",
        2 => "[-._~]{1,2}",
        1 => "[!$'()*,:;@]{1,2}",
        1 => "%[0-9A-Fa-f]{2}",
        1 => Just("%C3%A4".to_owned()),
        1 => Just("%".to_owned()),
        1 => Just("ä".to_owned()),
    ]
}

fn pieces(most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..most).prop_map(|pieces| pieces.concat())
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        4 => pieces(4),
        1 => Just(String::new()),
        1 => Just(".".to_owned()),
        1 => Just("..".to_owned()),
        1 => "[+&=]{1,2}",
    ];
    proptest::collection::vec(segment, 0..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let pair = prop_oneof![
        4 => (pieces(3), pieces(3)).prop_map(|(name, value)| format!("{name}={value}")),
        1 => pieces(3),
        1 => ("[a-c]", "[+=/?]{0,3}").prop_map(|(name, value)| format!("{name}={value}")),
    ];
    let query = proptest::collection::vec(pair, 0..6).prop_map(|pairs| pairs.join("&"));
    // It decodes to text, and loses bytes that are none: those are judged from the wire.
    query.prop_filter("bytes that are not UTF-8", |query| {
        form_urlencoded_is_text(query)
    })
}

fn form_urlencoded_is_text(query: &str) -> bool {
    let mut decoded = Vec::new();
    let mut rest = query.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = (*byte == b'%')
            .then(|| std::str::from_utf8(after.get(..2)?).ok())
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// What is never signed here: it signs some of it.
const UNSIGNED: [&str; 23] = [
    "accept-encoding",
    "authorization",
    "connection",
    "cookie",
    "expect",
    "forwarded",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        4 => "x-[a-z]{1,3}",
        1 => proptest::sample::select(&[
            "content-type", "content-length", "user-agent", "x-amzn-trace-id", "transfer-encoding", "accept",
            "cookie", "host", "x-amz-target", "x-amz-meta-a", "x-amz-content-sha256", "range", "te",
        ][..]).prop_map(str::to_owned),
    ];
    let value = prop_oneof![
        3 => "[a-zA-Z0-9;=/,]{0,12}",
        2 => " {0,3}[a-z]{0,3} {0,3}[a-z\t\"]{0,4} {0,3}",
        1 => "[ä-ü]{0,3}",
    ];
    (name, value)
}

prop_compose! {
    fn case()(
        method in proptest::sample::select(&["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"][..]),
        host in proptest::sample::select(&["h", "a.example.com", "a.example.com:8443", "a.example.com:443", "[::1]:9000"][..]),
        path in path(),
        query in proptest::option::of(query()),
        headers in proptest::collection::vec(header(), 0..6),
        body in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200)),
        seconds in prop_oneof![0_u64..253_402_300_800, 1_700_000_000_u64..1_800_000_000],
        (region, service) in ("[a-z]{2}-[a-z]{2,6}-[1-9]", proptest::sample::select(&["s3", "ebs", "lex"][..])),
        secret in "[a-zA-Z0-9/+]{1,90}",
        token in proptest::option::of("[a-zA-Z0-9/+=]{1,300}"),
        (double, normalize, sha256, sign_token) in any::<(bool, bool, bool, bool)>(),
    ) -> Case {
        let target = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        Case {
            method, host: host.to_owned(), target, headers, body, seconds, region, service: service.to_owned(),
            secret, token, double, normalize, sha256, sign_token,
        }
    }
}

impl Case {
    fn uri(&self) -> String {
        format!("https://{}{}", self.host, self.target)
    }

    /// Whether somebody could read it otherwise than it is signed, so that it is refused here.
    fn is_unclear(&self) -> bool {
        let path = self.target.split('?').next().unwrap();
        let deep = path
            .split('/')
            .skip(1)
            .fold(0_usize, |deep, segment| match segment {
                "" | "." => deep,
                ".." => deep.saturating_sub(1),
                _ => deep + 1,
            });
        let ends_with_dots = path.ends_with("/.") || path.ends_with("/..");
        let has_tab = |(name, value): &(String, String)| {
            !UNSIGNED.contains(&name.as_str()) && value.trim_matches([' ', '\t']).contains('\t')
        };
        self.headers.iter().any(has_tab)
            || self.double && self.normalize && ends_with_dots && deep > 0
    }

    fn ours(&self) -> Result<HeaderMap, Error> {
        let encoding = if self.double {
            PathEncoding::Double
        } else {
            PathEncoding::AsSent
        };
        let builder = SigV4::builder(&self.region, &self.service)
            .path_encoding(encoding)
            .payload(Payload::UnsignedStreams);
        let builder = with(builder, self.normalize, self.sha256, self.sign_token);
        let sigv4 = builder.build().unwrap();
        let token = self.token.as_deref().map(str::as_bytes);
        let keys = sigv4.keys(KEY_ID, self.secret.as_bytes(), token).unwrap();
        let headers = self.headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (HeaderName::try_from(name.as_str()).unwrap(), value)
        });
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        let uri = self.uri();
        let body = self.body.as_deref();
        signed(
            &sigv4,
            &keys,
            (self.method, &uri),
            map,
            body,
            at(self.seconds),
        )
    }

    fn theirs(&self) -> Vec<(String, String)> {
        let mut settings = SigningSettings::default();
        settings.excluded_headers = Some(UNSIGNED.map(Into::into).to_vec());
        if !self.double {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
        }
        if !self.normalize {
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        if self.sha256 {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        if !self.sign_token {
            settings.session_token_mode = SessionTokenMode::Exclude;
        }
        let identity: Identity =
            Credentials::new(KEY_ID, &self.secret, self.token.clone(), None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(at(self.seconds))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let body = match &self.body {
            Some(bytes) => SignableBody::Bytes(bytes),
            None => SignableBody::UnsignedPayload,
        };
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.trim_matches([' ', '\t'])));
        let request = SignableRequest::new(self.method, self.uri(), headers, body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let headers = instructions.headers();
        headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn signs_as_aws_sigv4_does(case in case()) {
        let ours = case.ours();
        prop_assert_eq!(ours.is_err(), case.is_unclear(), "{:?}", ours);
        let Ok(ours) = ours else {
            return Ok(());
        };
        let theirs = case.theirs();
        prop_assert!(!theirs.is_empty());
        for (name, value) in theirs {
            prop_assert_eq!(text(&ours[name.as_str()]), value, "{}", name);
        }
    }
}
