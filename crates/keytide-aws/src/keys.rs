//! The keys of a role, between the issuer's answer and the cache: [`Keys`].

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use keytide_core::{Credential, Error, Issued};
use keytide_issuer::Env;
use zeroize::Zeroizing;

use crate::marks::{self, Marks};

/// An access key id, its secret, and what belongs to them.
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Zeroizing<String>,
    pub(crate) session_token: Option<Zeroizing<String>>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) principal: Option<String>,
    /// What they say of themselves to whoever asks for more with them.
    pub(crate) marks: Marks,
}

impl Keys {
    /// The keys in environment variables; `None` where none of the three is set.
    pub(crate) fn of_variables(env: &Env) -> Result<Option<Self>, Error> {
        let names = [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN];
        let mut values = [None, None, None];
        for (value, name) in values.iter_mut().zip(names) {
            *value = env.get(name)?.map(Zeroizing::new);
        }
        match values {
            [None, None, None] => Ok(None),
            [Some(access_key_id), Some(secret_access_key), session_token] => Ok(Some(Self {
                access_key_id: access_key_id.to_string(),
                secret_access_key,
                session_token,
                expires_at: None,
                principal: None,
                marks: Marks {
                    account_id: account_id_of(env)?,
                    ..Marks::default()
                },
            })),
            [id, secret, _] => {
                let [set, missing] = match (id, secret) {
                    (Some(_), _) => [ACCESS_KEY_ID, SECRET_ACCESS_KEY],
                    (None, Some(_)) => [SECRET_ACCESS_KEY, ACCESS_KEY_ID],
                    (None, None) => [SESSION_TOKEN, ACCESS_KEY_ID],
                };
                Err(Error::misconfigured(format!(
                    "{set} is set and {missing} is not: set both, or neither"
                )))
            }
        }
    }

    /// The keys, if a request can be signed with them.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        let token = self.session_token.as_deref().map(String::as_str);
        for (what, text, most) in [
            ("access key id", Some(self.access_key_id.as_str()), 256),
            (
                "secret access key",
                Some(self.secret_access_key.as_str()),
                1 << 10,
            ),
            ("session token", token, 64 << 10),
        ] {
            let Some(text) = text else { continue };
            let problem = if text.is_empty() {
                "is empty"
            } else if text.len() > most {
                "is longer than any that AWS gives"
            } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                "holds bytes that no request can carry"
            } else {
                continue;
            };
            return Err(Error::unavailable(format!(
                "the answer is unusable: its {what} {problem}"
            )));
        }
        Ok(self)
    }

    pub(crate) fn issued(mut self) -> Issued {
        let secret = std::mem::take(&mut *self.secret_access_key);
        let mut issued = Issued::signing_key(self.access_key_id, secret);
        if let Some(token) = &mut self.session_token {
            issued = issued.session_token(std::mem::take(&mut **token));
        }
        if let Some(expires_at) = self.expires_at {
            issued = issued.expires_at(expires_at);
        }
        if let Some(principal) = self.principal {
            issued = issued.principal(principal);
        }
        self.marks.put(issued)
    }

    /// For the signature of a request.
    pub(crate) fn signer(&self) -> Signer<'_> {
        let token = self.session_token.as_ref();
        Signer {
            key_id: &self.access_key_id,
            secret: self.secret_access_key.as_bytes(),
            session_token: token.map(|token| token.as_bytes()),
        }
    }
}

/// The keys that a request is signed with.
#[derive(Clone, Copy)]
pub(crate) struct Signer<'k> {
    pub(crate) key_id: &'k str,
    pub(crate) secret: &'k [u8],
    pub(crate) session_token: Option<&'k [u8]>,
}

/// A credential of a cache as the SDK has it. `reason` goes into the event of the exposure.
pub(crate) fn for_sdk(credential: &Credential, reason: &'static str) -> Result<Credentials, Error> {
    let not_aws = || {
        Error::misconfigured(
            "the credential is no key of AWS: give the cache of a provider of AWS keys, such as one of keytide-aws",
        )
    };
    let exposed = credential.expose_signing_key(reason)?;
    let account_id = marks::account_id(credential);
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| not_aws())
    };
    let mut credentials = Credentials::builder()
        .access_key_id(exposed.key_id)
        .secret_access_key(text(exposed.secret)?)
        .provider_name(SOURCE);
    credentials.set_session_token(exposed.session_token.map(text).transpose()?);
    credentials.set_expiry(credential.expires_at());
    credentials.set_account_id(account_id.map(Into::into));
    Ok(credentials.build())
}

/// A credential of a cache for the signature of a request. `reason` goes into the event of the exposure.
pub(crate) fn signer<'c>(
    credential: &'c Credential,
    reason: &'static str,
) -> Result<Signer<'c>, Error> {
    let exposed = credential.expose_signing_key(reason)?;
    Ok(Signer {
        key_id: exposed.key_id,
        secret: exposed.secret,
        session_token: exposed.session_token,
    })
}

/// The account that the environment says its keys are of.
fn account_id_of(env: &Env) -> Result<Option<String>, Error> {
    let Some(id) = env.get(ACCOUNT_ID)? else {
        return Ok(None);
    };
    if !marks::is_account_id(&id) {
        return Err(Error::misconfigured(format!(
            "the environment variable {ACCOUNT_ID} is no account id of 12 digits"
        )));
    }
    Ok(Some(id))
}

/// An instant as AWS writes it, such as `2026-11-24T10:00:00Z` (RFC 3339), or as helpers do, in the other forms that botocore
/// takes.
pub(crate) fn instant(text: &str) -> Result<SystemTime, Error> {
    keytide_issuer::instant(text).ok_or_else(|| {
        Error::unavailable("the answer's time of expiry is no instant with an offset, such as 2026-11-24T10:00:00Z")
    })
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("expires_at", &self.expires_at)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

pub(crate) const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
pub(crate) const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
pub(crate) const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const ACCOUNT_ID: &str = "AWS_ACCOUNT_ID";
/// What the SDK calls the origin of a credential.
const SOURCE: &str = "keytide";
