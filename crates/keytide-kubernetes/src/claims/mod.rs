//! What a token says of itself, read and not verified: [`Claims`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

/// The claims of a JWT that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) expires_at: SystemTime,
    pub(crate) issued_at: Option<SystemTime>,
    /// `kubernetes.io.warnafter`: when kubelet should have replaced it.
    pub(crate) warn_after: Option<SystemTime>,
    pub(crate) subject: Option<String>,
    pub(crate) audiences: Vec<String>,
}

/// Why there are no claims. What it says follows the name of the file, and holds nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not a whole token: perhaps half written, so that the next look may find one.
    Torn(&'static str),
    /// A whole token that nobody can use: somebody has to mend it.
    Wrong(&'static str),
}

/// The three parts of a JWT in its compact form (RFC 7515, section 7.1).
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a [u8],
    payload: &'a [u8],
    pub(crate) signature: &'a [u8],
}

#[derive(Deserialize)]
struct Payload {
    exp: Option<Value>,
    iat: Option<Value>,
    sub: Option<Value>,
    aud: Option<Value>,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Option<Value>,
}

impl<'a> Parts<'a> {
    /// Splits a token. What follows it or stands before it must have been trimmed off.
    pub(crate) fn of(token: &'a [u8]) -> Result<Self, Fault> {
        if token.is_empty() {
            return Err(Fault::Torn("is empty"));
        }
        if !token
            .iter()
            .all(|byte| is_base64url(*byte) || *byte == b'.')
        {
            return Err(Fault::Torn("holds bytes that no JWT is made of"));
        }
        let mut parts = token.split(|byte| *byte == b'.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(payload), Some(signature), None)
                if !header.is_empty() && !payload.is_empty() && !signature.is_empty() =>
            {
                Ok(Self {
                    header,
                    payload,
                    signature,
                })
            }
            (.., Some(_)) => Err(Fault::Torn("has more than the three parts of a JWT")),
            _ => Err(Fault::Torn("has fewer than the three parts of a JWT")),
        }
    }
}

impl Claims {
    /// Reads the payload. Its decoded bytes are wiped.
    pub(crate) fn of(parts: &Parts<'_>) -> Result<Self, Fault> {
        let room = base64::decoded_len_estimate(parts.payload.len());
        let mut decoded = Zeroizing::new(vec![0; room]);
        let length = URL_SAFE_NO_PAD
            .decode_slice(parts.payload, &mut decoded)
            .map_err(|_| Fault::Torn("has a payload that is not base64url"))?;
        let json = decoded.get(..length).unwrap_or_default();
        // An array of the right values would be taken for the claims in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(Fault::Torn(NO_OBJECT));
        }
        // The parser's own message may quote the payload: it is dropped.
        let payload: Payload = serde_json::from_slice(json).map_err(|_| Fault::Torn(NO_OBJECT))?;
        Self::from_payload(payload)
    }

    fn from_payload(payload: Payload) -> Result<Self, Fault> {
        let expires_at = match payload.exp {
            None => {
                return Err(Fault::Wrong(
                    "has no exp claim: use a token that says when it expires",
                ));
            }
            Some(exp) => instant(&exp).map_err(Fault::Wrong)?,
        };
        let warn_after = payload
            .kubernetes
            .as_ref()
            .and_then(|kubernetes| kubernetes.get("warnafter"));
        Ok(Self {
            expires_at,
            issued_at: payload.iat.as_ref().and_then(|iat| instant(iat).ok()),
            warn_after: warn_after.and_then(|claim| instant(claim).ok()),
            subject: payload.sub.and_then(text),
            audiences: match payload.aud {
                Some(Value::Array(list)) => list.into_iter().filter_map(text).collect(),
                one => one.and_then(text).into_iter().collect(),
            },
        })
    }
}

/// A `NumericDate` (RFC 7519, section 2): seconds since 1970, perhaps with a fraction.
fn instant(claim: &Value) -> Result<SystemTime, &'static str> {
    let seconds = match claim {
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(_) => {
            return Err(
                "has a string for its exp claim: it must be a number of seconds since 1970",
            );
        }
        _ => return Err("has an exp claim that is no number: it must be seconds since 1970"),
    };
    if seconds > END_OF_9999 {
        return Err(
            "has an exp claim beyond the year 9999, which looks like milliseconds: it must be seconds since 1970",
        );
    }
    if seconds >= MILLISECONDS {
        return Err("has an exp claim that looks like milliseconds: it must be seconds since 1970");
    }
    if seconds < 0.0 {
        return Err("has a negative exp claim: it must be seconds since 1970");
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| UNIX_EPOCH.checked_add(since))
        .ok_or("has an exp claim that is no instant: it must be seconds since 1970")
}

fn text(claim: Value) -> Option<String> {
    match claim {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

const NO_OBJECT: &str = "has a payload that is not a JSON object of claims";
/// From here on a number of seconds since 1970 lies in the year 5138 or later, and is rather one of milliseconds.
const MILLISECONDS: f64 = 1e11;
/// 9999-12-31T23:59:59Z.
const END_OF_9999: f64 = 253_402_300_799.0;

#[cfg(test)]
mod tests;
