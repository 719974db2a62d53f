//! What comes of a look at a token's file: [`TokenCheck`].

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use keytide_core::{Error, Issued, Secret};
use keytide_issuer::{Claims, Jwt, JwtFault, trimmed};

use crate::claims::warn_after;
use crate::file::{self, Bytes, Trouble};

/// How a file is looked at.
pub(crate) struct TokenCheck<'a> {
    pub(crate) path: &'a Path,
    pub(crate) audience: Option<&'a str>,
    /// The form of the token before, if there was one.
    pub(crate) before: Option<SignatureForm>,
    pub(crate) now: SystemTime,
}

/// What was seen.
pub(crate) struct Seen {
    pub(crate) result: Result<Issued, Error>,
    /// Of the content, where there was any.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// Of the token, where it was good.
    pub(crate) form: Option<SignatureForm>,
}

/// Tells contents apart without keeping them: 64 bits of SipHash under a random key of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

/// What tokens that one key signed have in common: the header, and how long the signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignatureForm {
    header: Fingerprint,
    signature: usize,
}

impl TokenCheck<'_> {
    /// What is to be made of what the file holds.
    pub(crate) fn of(&self, content: Result<Bytes, Trouble>) -> Seen {
        let content = match content {
            Ok(content) => content,
            Err(trouble) => {
                return Seen {
                    result: Err(trouble.explain(self.path, self.before.is_some())),
                    fingerprint: None,
                    form: None,
                };
            }
        };
        let token = trimmed(&content);
        let fingerprint = Some(Fingerprint::of(token));
        match self.judge(token) {
            Ok((issued, form)) => Seen {
                result: Ok(issued),
                fingerprint,
                form: Some(form),
            },
            Err(error) => Seen {
                result: Err(error),
                fingerprint,
                form: None,
            },
        }
    }

    fn judge(&self, token: &[u8]) -> Result<(Issued, SignatureForm), Error> {
        let name = self.path.display();
        let fault = |fault| match fault {
            torn @ (JwtFault::Torn(_) | JwtFault::Byte { .. }) => {
                Error::unavailable(format!("{name} {torn}: it may be half written"))
            }
            what => Error::misconfigured(format!("the token in {name} {what}")),
        };
        let jwt = Jwt::parse(token).map_err(fault)?;
        let claims = jwt.claims().map_err(fault)?;
        let expires_at = claims.expires_at().map_err(fault)?;
        let form = SignatureForm::of(&jwt);
        if self.before.is_some_and(|before| form.is_cut_from(before)) {
            let what = "has a shorter signature than the same key made before";
            return Err(fault(JwtFault::Torn(what)));
        }
        self.check_audience(&claims)?;
        if let Ok(ago) = self.now.duration_since(expires_at) {
            return Err(Error::unavailable(format!(
                "the token in {name} expired {} s ago, and kubelet has not replaced it",
                ago.as_secs()
            )));
        }

        let mut issued = Issued::bearer(Secret::new(token.to_vec())).expires_at(expires_at);
        if let Some(made) = claims.issued_at() {
            issued = issued.issued_at(made);
        }
        if let Some(warn_after) = warn_after(&jwt) {
            issued = issued.refresh_at(warn_after);
        }
        if let Some(subject) = claims.subject() {
            issued = issued.principal(subject);
        }
        Ok((issued, form))
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), Error> {
        let Some(expected) = self.audience else {
            return Ok(());
        };
        if claims.audiences().iter().any(|found| found == expected) {
            return Ok(());
        }
        let found = match claims.audiences() {
            [] => "none".to_owned(),
            found => shown(found),
        };
        Err(Error::misconfigured(format!(
            "the token in {} is for the audience {found}, not for {expected:?}: set `audience` of its volume's \
             serviceAccountToken, or name another file",
            self.path.display()
        )))
    }
}

impl Fingerprint {
    fn of(bytes: &[u8]) -> Self {
        Self(KEY.hash_one(bytes))
    }

    /// That of a whole token; `None` for a file that holds none.
    pub(crate) async fn of_token_at(path: &Arc<Path>) -> Option<Self> {
        let content = file::read(path).await.ok()?;
        let token = trimmed(&content);
        match Jwt::parse(token).and_then(|jwt| jwt.claims()) {
            Err(JwtFault::Torn(_) | JwtFault::Byte { .. }) => None,
            _ => Some(Self::of(token)),
        }
    }
}

impl SignatureForm {
    fn of(jwt: &Jwt<'_>) -> Self {
        Self {
            header: Fingerprint::of(jwt.header()),
            signature: jwt.signature().len(),
        }
    }

    /// A header names its key, and a key's signatures are all of one length: a shorter one was cut.
    fn is_cut_from(self, before: Self) -> bool {
        self.header == before.header
            && before.signature >= SHORTEST_SIGNATURE
            && self.signature < before.signature
    }
}

/// Audiences for a message: a few, quoted, none of them endless.
fn shown(audiences: &[String]) -> String {
    let mut list: Vec<String> = audiences
        .iter()
        .take(MOST_SHOWN)
        .map(|audience| {
            format!(
                "{:?}",
                audience.chars().take(LONGEST_SHOWN).collect::<String>()
            )
        })
        .collect();
    if audiences.len() > MOST_SHOWN {
        list.push("…".to_owned());
    }
    list.join(", ")
}

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// 256 bits in base64url: no signature that a verifier trusts is shorter (RFC 7518, section 3.2).
const SHORTEST_SIGNATURE: usize = 43;
/// How many audiences a message lists.
const MOST_SHOWN: usize = 5;
/// How many characters of each.
const LONGEST_SHOWN: usize = 100;
