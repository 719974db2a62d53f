//! The header that carries the credential: one value per generation, in the secret's own buffer. The only file that
//! names `arc_swap`.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use keytide_core::{Credential, CredentialKind};
use reqwest::Request;

use crate::error::{Error, ErrorKind};

/// Attaches a credential to requests.
///
/// The value of the current generation is kept ready, so that attaching is a load, a comparison and a reference
/// count. A kept value keeps its secret in memory: [`Header::forget_before`] ends that.
pub(crate) struct Header {
    name: HeaderName,
    form: Form,
    ready: ArcSwapOption<Ready>,
    /// The newest generation that is known here. Held for making or forgetting a value, once a generation; never
    /// across an await.
    newest: Mutex<u64>,
}

/// What of the secret's buffer is the value.
enum Form {
    /// All of it: `Bearer` and the token.
    Bearer,
    /// The secret alone.
    Bare,
}

struct Ready {
    generation: u64,
    value: HeaderValue,
}

/// Whether a credential was attached.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Attached {
    Yes,
    /// A newer generation is known: get that one.
    Superseded,
}

impl Header {
    /// `Authorization: Bearer …`.
    pub(crate) fn bearer() -> Self {
        Self::new(AUTHORIZATION, Form::Bearer)
    }

    /// The secret alone, in a header of this name.
    pub(crate) fn bare(name: HeaderName) -> Self {
        Self::new(name, Form::Bare)
    }

    pub(crate) fn name(&self) -> &HeaderName {
        &self.name
    }

    #[inline]
    pub(crate) fn attach(
        &self,
        credential: &Credential,
        request: &mut Request,
    ) -> Result<Attached, Error> {
        let Some(value) = self.value(credential)? else {
            return Ok(Attached::Superseded);
        };
        request.headers_mut().insert(self.name.clone(), value);
        Ok(Attached::Yes)
    }

    /// Lets go of the value of an older generation, and makes no such value any more.
    pub(crate) fn forget_before(&self, generation: u64) {
        let mut newest = self.newest();
        *newest = generation.max(*newest);
        if self
            .ready
            .load()
            .as_ref()
            .is_some_and(|ready| ready.generation < generation)
        {
            self.ready.store(None);
        }
    }

    #[cfg(test)]
    pub(crate) fn keeps(&self, generation: u64) -> bool {
        self.kept(generation).is_some()
    }

    fn new(name: HeaderName, form: Form) -> Self {
        Self {
            name,
            form,
            ready: ArcSwapOption::empty(),
            newest: Mutex::new(0),
        }
    }

    #[inline]
    fn value(&self, credential: &Credential) -> Result<Option<HeaderValue>, Error> {
        match self.kept(credential.generation()) {
            Some(value) => Ok(Some(value)),
            None => self.make(credential),
        }
    }

    #[inline]
    fn kept(&self, generation: u64) -> Option<HeaderValue> {
        let ready = self.ready.load();
        let ready = ready
            .as_ref()
            .filter(|ready| ready.generation == generation)?;
        Some(ready.value.clone())
    }

    /// One request makes the value, so that the secret is exposed once a generation; the others wait for it.
    #[cold]
    fn make(&self, credential: &Credential) -> Result<Option<HeaderValue>, Error> {
        let generation = credential.generation();
        let mut newest = self.newest();
        if generation < *newest {
            return Ok(None);
        }
        if let Some(value) = self.kept(generation) {
            return Ok(Some(value));
        }
        let value = self.form.value(credential)?;
        *newest = generation;
        self.ready.store(Some(Arc::new(Ready {
            generation,
            value: value.clone(),
        })));
        Ok(Some(value))
    }

    fn newest(&self) -> MutexGuard<'_, u64> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Form {
    /// The only place where a header is made of a secret.
    fn value(&self, credential: &Credential) -> Result<HeaderValue, Error> {
        let refused = |message| Error::new(ErrorKind::Credential, message);
        if credential.kind() != CredentialKind::BearerToken {
            return Err(refused(
                "the credential is a signing key, which is never sent",
            ));
        }
        let shared = credential.expose_shared("http header");
        let start = match self {
            Self::Bearer => 0,
            Self::Bare => shared.secret_start(),
        };
        let bytes = Bytes::from_owner(shared).slice(start..);
        let mut value = HeaderValue::from_maybe_shared(bytes)
            .map_err(|_| refused("the credential holds bytes that cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
