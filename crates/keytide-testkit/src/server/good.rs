//! What a healthy answer looks like: [`Good`].

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::field::Field;
use super::reply::Reply;
use super::request::Received;

/// What a healthy issuer answers, by the request that it was asked. Faults change it.
///
/// The closure runs on the server's thread and must not block. [`Received::number`] counts the requests of a server from
/// 1: mint a new token for each.
///
/// ```
/// use keytide_testkit::server::{Field, Good};
/// use serde_json::json;
///
/// let good = Good::json(|asked| {
///     json!({ "data": { "key": format!("key-{}", asked.number()), "ttl": 900 } })
/// })
/// .field(Field::Token, "/data/key")
/// .field(Field::Lifetime, "/data/ttl");
/// ```
#[derive(Clone)]
pub struct Good {
    answer: Arc<dyn Fn(&Received) -> Reply + Send + Sync>,
    fields: Vec<(Field, String)>,
}

impl Good {
    /// This answer. For protocols with several endpoints, look at [`Received::path`].
    pub fn new(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            fields: Vec::new(),
        }
    }

    /// Status 200 with this JSON.
    pub fn json(answer: impl Fn(&Received) -> Value + Send + Sync + 'static) -> Self {
        Self::new(move |asked| Reply::json(200, &answer(asked)))
    }

    /// The answer of an OAuth token endpoint (RFC 6749, section 5.1): a bearer token of this prefix and the number of
    /// the request, for an hour.
    #[must_use]
    pub fn oauth(prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        Self::json(move |asked| {
            json!({
                "access_token": format!("{prefix}{}", asked.number()),
                "token_type": "Bearer",
                "expires_in": 3600,
            })
        })
        .field(Field::Token, "/access_token")
        .field(Field::Lifetime, "/expires_in")
        .field(Field::TokenType, "/token_type")
    }

    /// Says where in a JSON body a field is, as a JSON pointer (RFC 6901): what the faults of that field change. An
    /// answer that has no such field (one of several endpoints) stays as it is.
    #[must_use]
    pub fn field(mut self, field: Field, pointer: impl Into<String>) -> Self {
        self.fields.retain(|(known, _)| *known != field);
        self.fields.push((field, pointer.into()));
        self
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.pointer(field).is_some()
    }

    pub(super) fn pointer(&self, field: Field) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| *known == field);
        found.map(|(_, pointer)| pointer.as_str())
    }

    /// The same fields in another answer.
    #[cfg(feature = "conformance")]
    pub(crate) fn answering(
        mut self,
        answer: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.answer = Arc::new(answer);
        self
    }

    /// What stands in a field of a JSON body.
    #[cfg(feature = "conformance")]
    pub(crate) fn value(&self, reply: &Reply, field: Field) -> Option<Value> {
        let body: Value = serde_json::from_slice(&reply.body).ok()?;
        body.pointer(self.pointer(field)?).cloned()
    }

    pub(crate) fn answer(&self, asked: &Received) -> Reply {
        (self.answer)(asked)
    }
}

impl<F: Fn(&Received) -> Reply + Send + Sync + 'static> From<F> for Good {
    fn from(answer: F) -> Self {
        Self::new(answer)
    }
}

impl fmt::Debug for Good {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Good")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
