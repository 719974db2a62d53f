//! The canonical request: what both sides hash. (IAM user guide, "Create a signed AWS API request".)

use http::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use keytide_http::Outgoing;
use sha2::{Digest, Sha256};

use crate::date::Stamp;
use crate::headers::{X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN};
use crate::settings::Settings;
use crate::sink::Sink;
use crate::{path, query};

/// The headers that are signed, sorted by name.
pub(crate) struct Signed<'a> {
    headers: Vec<(&'a str, Value<'a>)>,
}

enum Value<'a> {
    /// All values that the request has under this name.
    Of(&'a HeaderName),
    Bytes(&'a [u8]),
}

impl<'a> Signed<'a> {
    pub(crate) fn collect(
        settings: &Settings,
        request: &'a Outgoing<'_>,
        token: Option<&'a HeaderValue>,
        stamp: &'a Stamp,
        sha256: Option<&'a str>,
    ) -> Self {
        let there = request.headers();
        let mut headers = Vec::with_capacity(there.keys_len() + 4);
        for name in there.keys() {
            let set_below = *name == X_AMZ_DATE
                || (*name == X_AMZ_SECURITY_TOKEN
                    && (token.is_some() || !settings.sign_session_token))
                || (*name == X_AMZ_CONTENT_SHA256 && sha256.is_some());
            if !set_below && !settings.unsigned.contains(name) && !nominated(request, name) {
                headers.push((name.as_str(), Value::Of(name)));
            }
        }
        if !there.contains_key(HOST) {
            headers.push(("host", Value::Bytes(request.host().as_bytes())));
        }
        headers.push(("x-amz-date", Value::Bytes(stamp.as_bytes())));
        if let Some(token) = token.filter(|_| settings.sign_session_token) {
            headers.push(("x-amz-security-token", Value::Bytes(token.as_bytes())));
        }
        if let Some(sha256) = sha256 {
            headers.push(("x-amz-content-sha256", Value::Bytes(sha256.as_bytes())));
        }
        headers.sort_unstable_by_key(|(name, _)| *name);
        Self { headers }
    }

    /// `host;x-amz-date`.
    pub(crate) fn names(&self, out: &mut impl Sink) {
        let mut first = true;
        for (name, _) in &self.headers {
            if !first {
                out.put(b";");
            }
            first = false;
            out.put(name.as_bytes());
        }
    }

    /// How long the names are together.
    pub(crate) fn names_len(&self) -> usize {
        self.headers.iter().map(|(name, _)| name.len() + 1).sum()
    }

    fn write(&self, request: &Outgoing<'_>, out: &mut impl Sink) {
        for (name, value) in &self.headers {
            out.put(name.as_bytes());
            out.put(b":");
            match value {
                Value::Bytes(bytes) => out.put(bytes),
                Value::Of(name) => {
                    let mut first = true;
                    for value in request.headers().get_all(*name) {
                        if !first {
                            out.put(b",");
                        }
                        first = false;
                        trimmed(value.as_bytes(), out);
                    }
                }
            }
            out.put(b"\n");
        }
    }
}

/// Its SHA-256. It is hashed as it is written, so that no copy of the session token is left on the heap.
pub(crate) fn digest(
    settings: &Settings,
    request: &Outgoing<'_>,
    signed: &Signed<'_>,
    payload: &str,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    write(settings, request, signed, payload, &mut hash);
    hash.finalize().into()
}

fn write(
    settings: &Settings,
    request: &Outgoing<'_>,
    signed: &Signed<'_>,
    payload: &str,
    out: &mut impl Sink,
) {
    out.put(request.method().as_str().as_bytes());
    out.put(b"\n");
    out.put(path::canonical(settings.path, settings.normalize_path, request.path()).as_bytes());
    out.put(b"\n");
    query::write(request.query(), out);
    out.put(b"\n");
    signed.write(request, out);
    out.put(b"\n");
    signed.names(out);
    out.put(b"\n");
    out.put(payload.as_bytes());
}

/// Why a header cannot be signed so that everybody who checks signatures reads it as it is signed.
pub(crate) fn unclear(settings: &Settings, request: &Outgoing<'_>) -> Option<String> {
    let headers = request.headers().iter();
    let mut signed = headers.filter(|(name, _)| !settings.unsigned.contains(name));
    signed.find_map(|(name, value)| {
        let value = value.as_bytes().trim_ascii();
        if value.contains(&b'\t') {
            return Some(format!(
                "the header {name} has a tab, which some take for a space and some do not: leave it out, or the header unsigned"
            ));
        }
        std::str::from_utf8(value).is_err().then(|| {
            format!("the header {name} is not UTF-8: encode it, or leave the header unsigned")
        })
    })
}

/// Whether the request's own `Connection` says that a header is for the next hop only (RFC 9110, section 7.6.1): then no
/// service sees it.
fn nominated(request: &Outgoing<'_>, name: &HeaderName) -> bool {
    let connection = request.headers().get_all(CONNECTION).iter();
    let mut names = connection.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.any(|named| {
        named
            .trim_ascii()
            .eq_ignore_ascii_case(name.as_str().as_bytes())
    })
}

/// Without white space at both ends, which HTTP does not count to a value, and with one space in place of several.
fn trimmed(mut value: &[u8], out: &mut impl Sink) {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    let mut from = 0;
    for at in 1..value.len() {
        if value[at] == b' ' && value[at - 1] == b' ' {
            out.put(&value[from..at]);
            from = at + 1;
        }
    }
    out.put(value.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::{HeaderMap, Method, Uri};
    use keytide_http::AttachProfile;
    use serde_json::Value as Json;

    use super::*;
    use crate::path::PathEncoding;
    use crate::payload::Payload;
    use crate::services::Takes;

    /// The headers of a published vector, but those that signing sets.
    fn headers(vector: &Json) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for pair in vector["headers"].as_array().unwrap() {
            let name = pair[0].as_str().unwrap().to_ascii_lowercase();
            if !["x-amz-date", "x-amz-security-token"].contains(&name.as_str()) {
                let value = HeaderValue::from_str(pair[1].as_str().unwrap()).unwrap();
                headers.append(HeaderName::try_from(name).unwrap(), value);
            }
        }
        headers
    }

    #[test]
    fn the_canonical_requests_of_the_suite() {
        let all: Vec<Json> =
            serde_json::from_str(include_str!("../tests/data/vectors.json")).unwrap();
        let profile = AttachProfile::new([]).reads_clock().reads_body();
        for vector in all {
            let text = |field: &str| vector[field].as_str().unwrap_or_default();
            let is = |field: &str| vector[field].as_bool().unwrap();
            if text("name").starts_with("get-space") {
                continue;
            }
            let settings = Settings {
                region: "us-east-1".to_owned(),
                service: "service".to_owned(),
                path: PathEncoding::Double,
                normalize_path: is("normalize"),
                payload: Payload::Signed,
                takes: Takes::Signed,
                content_sha256_header: is("sign_body"),
                sign_session_token: is("sign_token"),
                unsigned: Vec::new(),
            };
            let token = vector["token"].as_str().map(HeaderValue::from_str);
            let token = token.transpose().unwrap();
            let method = Method::from_bytes(text("method").as_bytes()).unwrap();
            let uri = format!("https://example.amazonaws.com{}", text("target"));
            let (uri, mut headers) = (uri.parse::<Uri>().unwrap(), headers(&vector));
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
            let body = Some(text("body").as_bytes());
            let request = Outgoing::new(&profile, &method, &uri, &mut headers, body, now).unwrap();

            let stamp = Stamp::of(request.now()).unwrap();
            let payload = settings.payload.hash(settings.takes, &request).unwrap();
            let sha256 = is("sign_body").then_some(payload.as_str());
            let signed = Signed::collect(&settings, &request, token.as_ref(), &stamp, sha256);
            let mut canonical = Vec::new();
            write(
                &settings,
                &request,
                &signed,
                payload.as_str(),
                &mut canonical,
            );

            let canonical = String::from_utf8(canonical).unwrap();
            assert_eq!(canonical, text("canonical"), "{}", text("name"));
        }
    }
}
