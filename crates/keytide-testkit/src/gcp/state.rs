//! What the issuers remember, and how they write things.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// The tokens that were issued.
#[derive(Debug, Default)]
pub(super) struct State {
    issued: Vec<(String, SystemTime)>,
    /// What the metadata server repeats, by what was asked for.
    repeated: HashMap<String, (String, SystemTime)>,
}

impl State {
    pub(super) fn remember(&mut self, token: String, end: SystemTime) {
        self.issued.push((token, end));
    }

    pub(super) fn knows(&self, token: &str) -> bool {
        self.issued.iter().any(|(known, _)| known == token)
    }

    pub(super) fn accepts(&self, token: &str, now: SystemTime) -> bool {
        let mut issued = self.issued.iter();
        issued.any(|(known, end)| known == token && now < *end)
    }

    pub(super) fn tokens(&self) -> Vec<String> {
        let issued = self.issued.iter();
        issued.map(|(token, _)| token.clone()).collect()
    }

    /// The token for this target, if more than `until` is left of it, and what is left.
    pub(super) fn repeated(
        &self,
        target: &str,
        now: SystemTime,
        until: Duration,
    ) -> Option<(String, Duration)> {
        let (token, end) = self.repeated.get(target)?;
        let left = end.duration_since(now).ok().filter(|left| *left > until)?;
        Some((token.clone(), left))
    }

    pub(super) fn repeat(&mut self, target: &str, token: String, end: SystemTime) {
        self.repeated.insert(target.to_owned(), (token, end));
    }
}

/// A token in three parts that nobody signed.
pub(super) fn unsigned(claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "RS256", "typ": "JWT" }).to_string());
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode("signature"))
}

/// The header of a token in three parts.
pub(super) fn header(token: &str) -> Option<Value> {
    part(token, 0)
}

/// The claims of a token in three parts.
pub(super) fn claims(token: &str) -> Option<Value> {
    part(token, 1)
}

fn part(token: &str, place: usize) -> Option<Value> {
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, _] = parts.as_slice() else {
        return None;
    };
    let text = if place == 0 { header } else { claims };
    let json = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Whole seconds since 1970.
pub(super) fn seconds(instant: SystemTime) -> u64 {
    instant
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// As RFC 3339 has it.
pub(super) fn rfc3339(instant: SystemTime) -> String {
    DateTime::<Utc>::from(instant).to_rfc3339_opts(SecondsFormat::Secs, true)
}
