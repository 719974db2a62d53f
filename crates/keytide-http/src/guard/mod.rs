//! What all faces share: [`Guard`] judges a request, gets and attaches the credential, and reports what came of it.

mod answer;
mod bind;
mod clock;
mod credential_headers;
mod pending_use;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

#[cfg(feature = "tower")]
use http::Method;
use http::header::{HOST, HeaderMap, HeaderName};
use keytide_core::Sender;

pub(crate) use self::answer::Verdict;
#[cfg(feature = "reqwest")]
pub(crate) use self::credential_headers::is_known;
use self::pending_use::PendingUse;
pub(crate) use self::settings::Settings;
use crate::attach::AttachProfile;
#[cfg(feature = "tower")]
use crate::destination::forbidden;
use crate::destination::{
    Allowed, DestinationId, Destinations, RequestHead, asked_origin, reads_as,
};
use crate::error::{Error, ErrorKind};
use crate::prepared::Attaching;
use crate::rule::Rule;
use crate::target::Target;
use crate::watch::Watch;

/// A credential, a way to attach it, and where it may go.
pub(crate) struct Guard {
    pub(crate) sender: Sender,
    pub(crate) destinations: Destinations,
    #[cfg(feature = "reqwest")]
    pub(crate) retry: bool,
    patience: Duration,
    least: Duration,
    /// The last generation that was too short for somebody: for each, the issuer is head once.
    too_short: AtomicU64,
    prepared: Arc<dyn Attaching>,
    profile: AttachProfile,
    /// Held for what it does: it empties `prepared`.
    _watch: Arc<Watch>,
}

/// One request that was sent with a credential.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) to: DestinationId,
    pub(crate) generation: u64,
    /// When it was sent, where clocks are learned.
    sent: Option<SystemTime>,
    /// What observers of uses are told of it, where there are some.
    pending: Option<Box<PendingUse>>,
}

impl Guard {
    /// Judges a request before anything is done for it. A refusal is told to observers.
    #[inline]
    pub(crate) fn admit(&self, head: &RequestHead<'_>) -> Result<DestinationId, Error> {
        self.judged(head)
            .map_err(|error| self.refused(&head.target, error))
    }

    /// Judges a request whose scheme and authority are written just as those of a destination that admits everything: the
    /// way of most, without taking a URI apart. `None`: judge it by [`admit`](Self::admit).
    #[cfg(feature = "tower")]
    #[inline]
    pub(crate) fn admit_at_once(
        &self,
        scheme: &str,
        authority: &str,
        method: &Method,
        headers: &HeaderMap,
    ) -> Option<DestinationId> {
        if forbidden(method, headers).is_some() {
            return None;
        }
        let id = self.destinations.written_so(scheme, authority)?;
        self.check_headers(id, headers).is_ok().then_some(id)
    }

    /// Judges where a redirect leads.
    #[cfg(feature = "reqwest")]
    pub(crate) fn admit_redirect(
        &self,
        from: DestinationId,
        head: &RequestHead<'_>,
    ) -> Result<DestinationId, Error> {
        self.destinations
            .judge_redirect(from, head)
            .map_err(|error| self.refused(&head.target, error))
    }

    pub(crate) fn to(&self, id: DestinationId) -> &Allowed {
        self.destinations.at(id)
    }

    /// Whether a header is set here for which this is so.
    #[cfg(feature = "reqwest")]
    pub(crate) fn sets(&self, is_so: impl Fn(&str) -> bool) -> bool {
        self.profile
            .headers()
            .iter()
            .any(|name| is_so(name.as_str()))
    }

    #[cfg(feature = "tower")]
    pub(crate) fn profile(&self) -> &AttachProfile {
        &self.profile
    }

    /// How path and query are to be written, where they are not.
    #[inline]
    pub(crate) fn rewritten(&self, path: &str, query: Option<&str>) -> Option<String> {
        if !self.profile.wants_rewriting() {
            return None;
        }
        self.prepared.rewrite(path, query)
    }

    /// Tells observers of a request that is refused.
    #[cold]
    pub(crate) fn refused(&self, target: &Target<'_>, error: Error) -> Error {
        if let Some(rule) = error.rule() {
            self.sender
                .report_refused(&asked_origin(target), rule.name());
        }
        error
    }

    #[inline]
    fn judged(&self, head: &RequestHead<'_>) -> Result<DestinationId, Error> {
        let id = self.destinations.judge(head)?;
        self.check_headers(id, head.headers)?;
        Ok(id)
    }

    /// Whether the caller has left out what is set here.
    #[inline]
    fn check_headers(&self, id: DestinationId, headers: &HeaderMap) -> Result<(), Error> {
        if headers.is_empty() {
            return Ok(());
        }
        for name in self.profile.headers() {
            if headers.contains_key(name) {
                return Err(carried(name, name));
            }
        }
        // What servers that know no `-` take for one that is set here.
        for name in headers.keys().filter(|name| name.as_str().contains('_')) {
            let is_ours = |ours: &&HeaderName| reads_as(name.as_str(), ours.as_str());
            if let Some(ours) = self.profile.headers().iter().find(is_ours) {
                return Err(carried(name, ours));
            }
        }
        let mut hosts = headers.get_all(HOST).iter();
        if let Some(host) = hosts.next() {
            let ours = self.to(id).authority().as_bytes();
            if !host.as_bytes().eq_ignore_ascii_case(ours) || hosts.next().is_some() {
                return Err(carried(&HOST, &HOST));
            }
        }
        Ok(())
    }
}

#[cold]
fn carried(name: &HeaderName, ours: &HeaderName) -> Error {
    let message = if name == ours {
        format!("the request carries the header {name}, which is set here")
    } else {
        format!(
            "the request carries the header {name}, which servers may take for {ours}, and that is set here"
        )
    };
    Error::refused(ErrorKind::HeaderPresent, Rule::Header, message)
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("cache", self.sender.cache())
            .field("headers", &self.profile.headers())
            .field("destinations", &self.destinations)
            .finish_non_exhaustive()
    }
}
