//! Assertions that a key signs: [`Key`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gcp_auth::CustomServiceAccount;
use keytide_core::{Error, Request};
use keytide_issuer::{
    FileWatch, OneAtATime, ReadError, SigningInput, on_own_thread, read_small, without_bom,
};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::hosts::Hosts;
use crate::token_purpose::TokenPurpose;

/// Where a key is.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    File(Arc<Path>),
    /// A text, and what it is called.
    Text(Json, String),
}

/// The text of a key, wiped when the last holder lets go.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Json(Arc<Zeroizing<Vec<u8>>>);

/// A key file: what it holds, and when it was written.
type KeyFile = Result<(Json, Option<SystemTime>), ReadError>;

/// A key that signs, or what is wrong with it.
type Parsed = Result<Arc<CustomServiceAccount>, &'static str>;

/// An assertion, and what of the key is no secret.
pub(super) struct Signed {
    pub(super) assertion: Zeroizing<String>,
    pub(super) account: String,
    pub(super) key_id: Option<String>,
    pub(super) token_uri: String,
    pub(super) quota_project: Option<String>,
    /// How long ago the file was written: the key is at least as old.
    pub(super) file_age: Option<Duration>,
}

/// What of a key file is no secret. `gcp_auth` reads the rest.
#[derive(Deserialize)]
struct Public {
    r#type: String,
    client_email: String,
    private_key_id: Option<String>,
    private_key: Option<IgnoredAny>,
    token_uri: Option<String>,
    universe_domain: Option<String>,
    quota_project_id: Option<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'static str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_audience: Option<&'a str>,
}

impl Key {
    pub(super) fn file(path: PathBuf) -> Self {
        Self::File(path.into())
    }

    pub(super) fn text(json: String) -> Self {
        Self::Text(Json::new(json.into_bytes()), KEY.to_owned())
    }

    pub(super) fn text_of(path: &Path, json: String) -> Self {
        let named = format!("{KEY} in {}", path.display());
        Self::Text(Json::new(json.into_bytes()), named)
    }

    /// What it is called in errors.
    pub(super) fn named(&self) -> String {
        match self {
            Self::File(path) => format!("{KEY} in {}", path.display()),
            Self::Text(_, named) => named.clone(),
        }
    }

    /// Signs an assertion, dated by the issuer's clock.
    pub(super) async fn sign(
        &self,
        purpose: &TokenPurpose,
        subject: Option<&str>,
        request: &Request,
    ) -> Result<Signed, Error> {
        let (json, written) = self.read().await?;
        let age = written.and_then(|at| request.now().duration_since(at).ok());
        let wrong = |what: &str| wrong(&self.named(), what);
        // Neither parser's message gets into an error: it may quote the file.
        let public: Public = serde_json::from_slice(without_bom(&json.0))
            .map_err(|_| wrong("is not the JSON of a key, with type and client_email"))?;
        if public.r#type != "service_account" {
            return Err(wrong("is not of type service_account"));
        }
        Hosts::default()
            .expect_universe(public.universe_domain.as_deref())
            .map_err(|error| {
                wrong("is of another universe, where keys are not exchanged").caused_by(error)
            })?;
        if public.private_key.is_none() {
            return Err(wrong(
                "has no private_key: it may be a public part, or a template",
            ));
        }
        let Some(token_uri) = public.token_uri else {
            return Err(wrong(
                "has no token_uri: take the file as the console wrote it",
            ));
        };
        let account = json.parsed().await?.map_err(wrong)?;

        let header = Header {
            alg: "RS256",
            typ: "JWT",
            kid: public.private_key_id.as_deref(),
        };
        let iat = request.issuer_now().duration_since(UNIX_EPOCH);
        let iat = iat.unwrap_or_default().as_secs();
        let (scope, target_audience) = match purpose {
            TokenPurpose::Access(scopes) => (Some(scopes.join(" ")), None),
            TokenPurpose::Identity(audience) => (None, Some(audience.as_str())),
        };
        let claims = Claims {
            iss: &public.client_email,
            aud: AUDIENCE,
            iat,
            exp: iat.saturating_add(LIFETIME.as_secs()),
            sub: subject,
            scope,
            target_audience,
        };
        Ok(Signed {
            assertion: signed(SigningInput::new(&header, &claims)?, account)
                .await?
                .map_err(wrong)?,
            account: public.client_email,
            key_id: public.private_key_id,
            token_uri,
            quota_project: public.quota_project_id,
            file_age: age,
        })
    }

    async fn read(&self) -> Result<(Json, Option<SystemTime>), Error> {
        let path = match self {
            Self::Text(json, _) => return Ok((json.clone(), None)),
            Self::File(path) => Arc::clone(path),
        };
        let reading = Arc::clone(&path);
        let read = KEY_FILES.run(Arc::clone(&path), move || key_file(&reading));
        let read = read
            .await
            .unwrap_or_else(|error| Err(ReadError::NoThread(Arc::new(error))));
        let seen = read.as_ref().map(|(json, _)| json.0.as_slice());
        FileWatch::saw(&path, LARGEST, seen);
        read.map_err(|error| error.explain(KEY, &path))
    }
}

impl Json {
    fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// The key as `gcp_auth` parses it, or what is wrong with it.
    async fn parsed(&self) -> Result<Parsed, Error> {
        let json = self.clone();
        let parse = move || {
            let text = std::str::from_utf8(without_bom(&json.0)).map_err(|_| "is not text")?;
            CustomServiceAccount::from_json(text)
                .map(Arc::new)
                .map_err(|error| match error {
                    gcp_auth::Error::Io(..) => {
                        "was not parsed, for the root certificates of this machine cannot be read"
                    }
                    gcp_auth::Error::Json(..) => {
                        "has a private_key, a token_uri or a project_id that is no text"
                    }
                    _ => "has a private_key that is no RSA key in PEM (PKCS#8)",
                })
        };
        KEYS.run(self.clone(), parse).await.map_err(|error| {
            Error::unavailable("the key of the service account was not parsed").caused_by(error)
        })
    }
}

impl Hash for Json {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

/// Blocks for as long as the file system takes.
fn key_file(path: &Path) -> KeyFile {
    let bytes = read_small(path, LARGEST)?;
    let written = std::fs::metadata(path).and_then(|known| known.modified());
    Ok((Json(Arc::new(bytes)), written.ok()))
}

/// Appends the signature, which takes a millisecond or more.
async fn signed(
    input: SigningInput,
    account: Arc<CustomServiceAccount>,
) -> Result<Result<Zeroizing<String>, &'static str>, Error> {
    let signing = on_own_thread(move || {
        let signature = account.signer().sign(input.as_bytes());
        let signature = signature.map_err(|_| "did not sign")?;
        Ok(input.signed(&signature))
    });
    signing
        .await
        .map_err(|error| Error::unavailable("the assertion was not signed").caused_by(error))
}

fn wrong(named: &str, what: &str) -> Error {
    Error::misconfigured(format!("{named} {what}"))
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

static KEY_FILES: LazyLock<OneAtATime<Arc<Path>, KeyFile>> = LazyLock::new(OneAtATime::new);
/// `gcp_auth` reads the root certificates of the machine with each key, for a client that is never used: some 50 ms, and it
/// may hang with their files.
static KEYS: LazyLock<OneAtATime<Json, Parsed>> = LazyLock::new(OneAtATime::new);

const KEY: &str = "the key of the service account";
/// More than a key takes, in bytes.
const LARGEST: usize = 64 << 10;
/// What the token endpoint knows itself by, whatever URL it is asked at.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// The longest that is taken.
const LIFETIME: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
