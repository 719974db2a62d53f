//! Assertions that a key signs: [`Key`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gcp_auth::CustomServiceAccount;
use keytide_core::{Error, Request};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::file;
use crate::wanted::Wanted;

/// Where a key is.
#[derive(Clone)]
pub(crate) enum Key {
    File(PathBuf),
    Text(Arc<Zeroizing<String>>),
}

/// An assertion, and what of the key is no secret.
pub(super) struct Signed {
    pub(super) assertion: Zeroizing<String>,
    pub(super) account: String,
    pub(super) key_id: Option<String>,
    pub(super) token_uri: String,
    /// How long ago the file was written: the key is at least as old.
    pub(super) file_age: Option<Duration>,
}

/// What of a key file is no secret. `gcp_auth` reads the rest.
#[derive(Deserialize)]
struct Public {
    r#type: String,
    client_email: String,
    private_key_id: Option<String>,
    token_uri: Option<String>,
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
        Self::File(path)
    }

    pub(super) fn text(json: String) -> Self {
        Self::Text(Arc::new(Zeroizing::new(json)))
    }

    /// Signs an assertion, dated by the issuer's clock.
    pub(super) async fn sign(
        &self,
        wanted: &Wanted,
        subject: Option<&str>,
        request: &Request,
    ) -> Result<Signed, Error> {
        let (key, wanted, subject) = (self.clone(), wanted.clone(), subject.map(str::to_owned));
        let (now, here) = (request.issuer_now(), request.now());
        // Reads a file, and the root certificates of the machine for the client that gcp_auth builds and we never use:
        // some 50 ms.
        tokio::task::spawn_blocking(move || key.sign_now(&wanted, subject.as_deref(), now, here))
            .await
            .map_err(|_| {
                Error::unavailable("signing the assertion was cut off: the runtime ends")
            })?
    }

    fn sign_now(
        &self,
        wanted: &Wanted,
        subject: Option<&str>,
        now: SystemTime,
        here: SystemTime,
    ) -> Result<Signed, Error> {
        let (json, file_age) = match self {
            Self::Text(json) => (Zeroizing::new(json.as_bytes().to_vec()), None),
            Self::File(path) => {
                let bytes = file::read_now(path, "the key of the service account")?;
                let written = std::fs::metadata(path).and_then(|known| known.modified());
                let age = written.ok().and_then(|at| here.duration_since(at).ok());
                (bytes, age)
            }
        };
        // Neither parser's message gets into an error: it may quote the file.
        let wrong =
            |what: &str| Error::misconfigured(format!("the key of the service account {what}"));
        let public: Public = serde_json::from_slice(&json)
            .map_err(|_| wrong("is not the JSON of a key, with type and client_email"))?;
        if public.r#type != "service_account" {
            return Err(wrong("is not of type service_account"));
        }
        let text = std::str::from_utf8(&json).map_err(|_| wrong("is not text"))?;
        let account = CustomServiceAccount::from_json(text)
            .map_err(|_| wrong("holds no RSA key in PKCS#8, or no token_uri"))?;

        let header = Header {
            alg: "RS256",
            typ: "JWT",
            kid: public.private_key_id.as_deref(),
        };
        let iat = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (scope, target_audience) = match wanted {
            Wanted::Access(scopes) => (Some(scopes.join(" ")), None),
            Wanted::Identity(audience) => (None, Some(audience.as_str())),
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
        let mut assertion = Zeroizing::new(String::with_capacity(2048));
        append(&mut assertion, &header)?;
        assertion.push('.');
        append(&mut assertion, &claims)?;
        let signature = account.signer().sign(assertion.as_bytes());
        let signature = signature.map_err(|_| wrong("did not sign"))?;
        assertion.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut assertion);
        Ok(Signed {
            assertion,
            account: public.client_email,
            key_id: public.private_key_id,
            token_uri: public.token_uri.unwrap_or_else(|| AUDIENCE.to_owned()),
            file_age,
        })
    }
}

fn append(token: &mut String, part: &impl Serialize) -> Result<(), Error> {
    let json = serde_json::to_vec(part).map_err(|error| {
        Error::misconfigured("the assertion cannot be written").caused_by(error)
    })?;
    URL_SAFE_NO_PAD.encode_string(json, token);
    Ok(())
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Text(_) => f.write_str("Text(***)"),
        }
    }
}

/// What the token endpoint knows itself by, whatever URL it is asked at.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// The longest that is taken.
const LIFETIME: Duration = Duration::from_secs(3600);
