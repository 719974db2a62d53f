//! Where the subject token comes from: [`Source`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use keytide_core::{Credential, Error, Request, Subject};
use keytide_issuer::{Dialect, Endpoint, IssuerClient, SmallFile, token_text, without_bom};
use serde_json::Value;
use zeroize::Zeroizing;

pub(super) enum Source {
    /// Another cache.
    Cache(Arc<Subject>),
    /// A file, read anew for each exchange.
    File(SmallFile, Format),
    /// A URL, asked anew for each exchange.
    Url(Endpoint, Vec<(String, Zeroizing<String>)>, Format),
}

/// How a file or an answer holds the token.
#[derive(Debug, Clone)]
pub(super) enum Format {
    /// It is the token, but for what stands around it.
    Text,
    /// It is JSON, with the token in this field.
    Json(String),
}

/// A subject token, wherever it came from. Wiped.
pub(super) enum Token {
    Cached(Arc<Credential>),
    Read(Zeroizing<String>),
}

impl Source {
    /// The file at this path.
    pub(super) fn file(path: PathBuf, format: Format) -> Self {
        Self::File(SmallFile::new(path, SUBJECT), format)
    }

    pub(super) async fn obtain(
        &self,
        client: &IssuerClient,
        request: &Request,
    ) -> Result<Token, Error> {
        match self {
            Self::Cache(subject) => {
                let subject = subject.obtain(request).await?;
                Ok(Token::Cached(subject))
            }
            Self::File(file, format) => {
                let bytes = file.read().await?;
                let named = || format!("{SUBJECT} in {}", file.path().display());
                format.token(&bytes, &named)
            }
            Self::Url(endpoint, headers, format) => {
                let mut ask = client.get(endpoint);
                for (name, value) in headers {
                    ask = ask.secret_header(name, value.as_bytes());
                }
                let answer = ask.send(request).await?.accept(&NO_CODES)?;
                let named = || format!("{SUBJECT} of {}", endpoint.origin());
                format.token(answer.body(), &named)
            }
        }
    }
}

impl Format {
    fn token(
        &self,
        bytes: &[u8],
        named: &(dyn Fn() -> String + Send + Sync),
    ) -> Result<Token, Error> {
        // What is being written may be half there: all of this may be better the next time.
        let wrong = |what: &str| Err(Error::unavailable(format!("{} {what}", named())));
        let text = match self {
            Self::Text => Zeroizing::new(bytes.to_vec()),
            Self::Json(field) => {
                let json = serde_json::from_slice(without_bom(bytes));
                let Ok(Value::Object(mut object)) = json else {
                    return wrong("is not in a JSON object");
                };
                match object.remove(field) {
                    Some(Value::String(text)) => Zeroizing::new(text.into_bytes()),
                    _ => return wrong("is not in the field that the configuration names"),
                }
            }
        };
        match token_text(&text) {
            Ok(token) => Ok(Token::Read(Zeroizing::new(token.to_owned()))),
            Err(fault) => Err(fault.explain(&named())),
        }
    }
}

impl Token {
    pub(super) fn bytes(&self) -> Result<&[u8], Error> {
        match self {
            Self::Cached(credential) => credential.expose_bearer("subject token of a federation"),
            Self::Read(text) => Ok(text.as_bytes()),
        }
    }
}

/// Without the values of headers, which may be secrets.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cache(subject) => f.debug_tuple("Cache").field(subject).finish(),
            Self::File(file, format) => {
                let path = file.path();
                f.debug_tuple("File").field(&path).field(format).finish()
            }
            Self::Url(endpoint, _, format) => {
                f.debug_tuple("Url").field(endpoint).field(format).finish()
            }
        }
    }
}

const SUBJECT: &str = "the subject token";
/// Whoever serves subject tokens has no codes that are known here.
static NO_CODES: Dialect = Dialect::new(|_| Vec::new(), &[]);
