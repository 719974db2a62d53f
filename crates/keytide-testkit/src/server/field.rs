//! The parts of an answer that faults change: [`Field`] and [`Change`].

use std::borrow::Cow;

use keytide_core::ErrorKind;
use serde_json::Value;

use crate::outcome::{Outcome, UNUSABLE};

/// What a field of an answer means, whatever the protocol calls it. A good answer says where each is:
/// [`Good::field`](super::Good::field).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The token or the secret of a key.
    Token,
    /// The lifetime in seconds, as a number.
    Lifetime,
    /// What sort of token it is.
    TokenType,
}

/// How a [`Field`] is changed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// It is not there.
    Missing,
    /// This JSON text stands in its place. It need not be valid JSON. `{canary}` in it becomes the body canary.
    Raw {
        /// Goes into the fault's name.
        name: &'static str,
        /// What stands in place of the value.
        json: Cow<'static, str>,
        /// Whether a provider may take it.
        accepted: bool,
    },
    /// It is there twice, with two values.
    Twice,
    /// The value, as a JSON string.
    Quoted,
}

impl Field {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Lifetime => "lifetime",
            Self::TokenType => "token-type",
        }
    }
}

impl Change {
    /// This JSON text in place of the value, which no provider may take.
    #[must_use]
    pub fn bad(name: &'static str, json: impl Into<Cow<'static, str>>) -> Self {
        Self::Raw {
            name,
            json: json.into(),
            accepted: false,
        }
    }

    /// This JSON text in place of the value, which a provider may take or not.
    #[must_use]
    pub fn odd(name: &'static str, json: impl Into<Cow<'static, str>>) -> Self {
        Self::Raw {
            name,
            json: json.into(),
            accepted: true,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Raw { name, .. } => name,
            Self::Twice => "twice",
            Self::Quoted => "string",
        }
    }

    pub(super) fn outcome(&self, field: Field) -> Outcome {
        let accepted = match self {
            Self::Missing => field != Field::Token,
            Self::Raw { accepted, .. } => *accepted,
            Self::Twice => false,
            Self::Quoted => true,
        };
        match (accepted, field) {
            (true, _) => Outcome::Either,
            (false, Field::Lifetime) => Outcome::Error(LIFETIME),
            (false, _) => UNUSABLE,
        }
    }

    /// The body with the field at `pointer` changed; as it was where there is none.
    pub(super) fn apply(&self, body: &[u8], pointer: &str) -> Vec<u8> {
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
            return body.to_vec();
        };
        let Some(found) = value.pointer(pointer).cloned() else {
            return body.to_vec();
        };
        let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
        let key = key.replace("~1", "/").replace("~0", "~");
        let replacement = match self {
            Self::Missing => {
                if let Some(object) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
                    object.remove(&key);
                }
                return value.to_string().into_bytes();
            }
            Self::Raw { json, .. } => json.clone().into_owned(),
            Self::Quoted => quoted(&found),
            Self::Twice => {
                let other = match &found {
                    Value::Number(number) => Value::from(number.as_u64().unwrap_or(1) / 2 + 1),
                    _ => Value::from(super::marks::CANARY),
                };
                format!("{found},{}:{other}", Value::from(key))
            }
        };
        if let Some(place) = value.pointer_mut(pointer) {
            *place = Value::from(PLACE);
        }
        let text = value.to_string();
        text.replacen(&Value::from(PLACE).to_string(), &replacement, 1)
            .into_bytes()
    }
}

fn quoted(value: &Value) -> String {
    match value {
        Value::String(_) => value.to_string(),
        other => Value::from(other.to_string()).to_string(),
    }
}

/// Core refuses what is expired, endless or too long; a provider may do so before it.
const LIFETIME: &[ErrorKind] = &[
    ErrorKind::Unavailable,
    ErrorKind::Misconfigured,
    ErrorKind::LifetimeTooLong,
    ErrorKind::StaticCredential,
];
/// Stands for the value while the rest is written out.
const PLACE: &str = "\u{1}the field\u{1}";

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"a":{"expires_in":3600,"token":"t-1"},"b":2}"#;

    fn changed(change: &Change, pointer: &str) -> String {
        String::from_utf8(change.apply(BODY, pointer)).unwrap()
    }

    #[test]
    fn a_field_is_changed_and_the_rest_stays() {
        let lifetime = "/a/expires_in";
        assert_eq!(
            changed(&Change::Missing, lifetime),
            r#"{"a":{"token":"t-1"},"b":2}"#
        );
        assert_eq!(
            changed(&Change::bad("huge", "1e300"), lifetime),
            r#"{"a":{"expires_in":1e300,"token":"t-1"},"b":2}"#
        );
        assert_eq!(
            changed(&Change::Quoted, lifetime),
            r#"{"a":{"expires_in":"3600","token":"t-1"},"b":2}"#
        );
        assert_eq!(
            changed(&Change::Twice, "/a/token"),
            r#"{"a":{"expires_in":3600,"token":"t-1","token":"{canary}"},"b":2}"#
        );
        assert_eq!(changed(&Change::Missing, "/a/c").as_bytes(), BODY);
    }
}
