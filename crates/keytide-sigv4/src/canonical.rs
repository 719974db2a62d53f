//! The canonical request: what both sides hash. (IAM user guide, "Create a signed AWS API request".)

use http::header::{HOST, HeaderName, HeaderValue};
use keytide_http::Outgoing;
use sha2::{Digest, Sha256};

use super::date::Stamp;
use super::{Settings, X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN, path, query};

/// Takes the parts of a text in order.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Sha256 {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// The headers that are signed, sorted by name.
pub(super) struct Signed<'a> {
    headers: Vec<(&'a str, Value<'a>)>,
}

enum Value<'a> {
    /// All values that the request has under this name.
    Of(&'a HeaderName),
    Bytes(&'a [u8]),
}

impl<'a> Signed<'a> {
    pub(super) fn collect(
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
            if !set_below && !settings.unsigned.contains(name) {
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
    pub(super) fn names(&self, out: &mut impl Sink) {
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
    pub(super) fn names_len(&self) -> usize {
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
pub(super) fn digest(
    settings: &Settings,
    request: &Outgoing<'_>,
    signed: &Signed<'_>,
    payload: &str,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    write(settings, request, signed, payload, &mut hash);
    hash.finalize().into()
}

pub(super) fn write(
    settings: &Settings,
    request: &Outgoing<'_>,
    signed: &Signed<'_>,
    payload: &str,
    out: &mut impl Sink,
) {
    out.put(request.method().as_str().as_bytes());
    out.put(b"\n");
    out.put(path::canonical(settings, request.path()).as_bytes());
    out.put(b"\n");
    query::write(request.query(), out);
    out.put(b"\n");
    signed.write(request, out);
    out.put(b"\n");
    signed.names(out);
    out.put(b"\n");
    out.put(payload.as_bytes());
}

/// Without spaces at both ends, and with one in place of several. Other white space stays.
fn trimmed(mut value: &[u8], out: &mut impl Sink) {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = value {
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
