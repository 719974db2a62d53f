//! What every face is told when it is built: [`Settings`].

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use keytide_core::Cache;

use super::Guard;
use super::credential_headers::CredentialHeaders;
#[cfg(feature = "reqwest")]
use crate::attach::NamedHeader;
use crate::attach::{Attach, AttachProfile, Bearer};
use crate::destination::{Destination, Destinations};
use crate::error::Error;
use crate::prepared::{Attaching, Prepared};
use crate::watch::Watch;

/// The part of a builder that all faces have.
pub(crate) struct Settings {
    pub(crate) cache: Cache,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) patience: Duration,
    pub(crate) retry: bool,
    pub(crate) least: Duration,
    pub(crate) headers: CredentialHeaders,
    attach: Result<AttachMethod, Error>,
}

/// How to attach, before it is known where.
struct AttachMethod {
    prepared: Arc<dyn Attaching>,
    profile: AttachProfile,
}

impl Settings {
    pub(crate) fn new(cache: Cache) -> Self {
        Self {
            attach: Ok(AttachMethod::of(Bearer::new(), &cache)),
            cache,
            destinations: Vec::new(),
            patience: Duration::from_secs(30),
            retry: true,
            least: Duration::ZERO,
            headers: CredentialHeaders::default(),
        }
    }

    pub(crate) fn attach(&mut self, attach: impl Attach) {
        self.attach = Ok(AttachMethod::of(attach, &self.cache));
    }

    #[cfg(feature = "reqwest")]
    pub(crate) fn header(&mut self, name: &str) {
        self.attach = NamedHeader::new(name).map(|named| AttachMethod::of(named, &self.cache));
    }

    pub(crate) fn build(self) -> Result<Guard, Error> {
        let destinations = Destinations::new(&self.destinations)?;
        let AttachMethod { prepared, profile } = self.attach?;
        if profile.headers().is_empty() {
            return Err(Error::invalid("the attaching type names no header"));
        }
        self.headers.check(profile.headers())?;
        if let Some(kind) = profile.kind() {
            self.cache
                .expect_kind(kind)
                .map_err(|error| Error::invalid(error.to_string()))?;
        }
        let watched: Weak<dyn Attaching> = Arc::downgrade(&prepared);
        Ok(Guard {
            _watch: Watch::new(&self.cache, watched),
            sender: self.cache.sender(),
            destinations,
            #[cfg(feature = "reqwest")]
            retry: self.retry,
            patience: self.patience,
            least: self.least,
            too_short: AtomicU64::new(0),
            prepared,
            profile,
        })
    }
}

impl AttachMethod {
    fn of(attach: impl Attach, cache: &Cache) -> Self {
        let profile = attach.profile();
        Self {
            prepared: Arc::new(Prepared::new(attach, cache.sender())) as Arc<dyn Attaching>,
            profile,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Settings");
        debug
            .field("cache", &self.cache)
            .field("destinations", &self.destinations)
            .field("patience", &self.patience)
            .field("min_remaining", &self.least)
            .field("retry", &self.retry);
        match &self.attach {
            Ok(attach) => debug.field("headers", &attach.profile.headers()),
            Err(error) => debug.field("error", error),
        };
        debug.finish_non_exhaustive()
    }
}
