//! The judgement over a request, and over each hop of a redirect: [`Destinations`].

use std::fmt;

use http::{HeaderMap, Method};

use super::disguise::disguise;
use super::method::forbidden;
use super::{Allowed, Destination};
use crate::error::{Error, ErrorKind};
use crate::rule::Rule;
use crate::target::{Target, origin_of};

/// Which of the destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DestinationId(usize);

/// All that a client may send to. Never empty.
pub(crate) struct Destinations(Vec<Allowed>);

/// What a request is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: Target<'a>,
    pub(crate) headers: &'a HeaderMap,
}

impl Destinations {
    pub(crate) fn new(written: &[Destination]) -> Result<Self, Error> {
        if written.is_empty() {
            return Err(Error::invalid(
                "a client needs a destination, and none was given",
            ));
        }
        let allowed: Result<_, _> = written.iter().map(Allowed::new).collect();
        allowed.map(Self)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Allowed> {
        self.0.iter()
    }

    /// The first destination of this origin.
    #[cfg(feature = "tower")]
    pub(crate) fn named(&self, origin: &str) -> Result<DestinationId, Error> {
        let wanted = Allowed::new(&origin.into())?;
        self.iter()
            .position(|allowed| allowed.origin() == wanted.origin())
            .map(DestinationId)
            .ok_or_else(|| {
                let message = format!("{} is not one of the destinations {self}", wanted.origin());
                Error::invalid(message)
            })
    }

    /// The first destination of just this scheme and authority, if it admits everything.
    #[cfg(feature = "tower")]
    #[inline]
    pub(crate) fn written_so(&self, scheme: &str, authority: &str) -> Option<DestinationId> {
        self.iter()
            .position(|allowed| allowed.is_written(scheme, authority))
            .filter(|index| self.0[*index].admits_all())
            .map(DestinationId)
    }

    /// Whether one of them has this origin, whatever it admits.
    #[cfg(feature = "reqwest")]
    pub(crate) fn has_origin_of(&self, target: &Target<'_>) -> bool {
        self.iter().any(|allowed| allowed.is_origin_of(target))
    }

    pub(crate) fn at(&self, id: DestinationId) -> &Allowed {
        &self.0[id.0]
    }

    /// The destination that a request is for.
    #[inline]
    pub(crate) fn judge(&self, head: &RequestHead<'_>) -> Result<DestinationId, Error> {
        let target = &head.target;
        if !target.userinfo {
            let mut broken = None;
            for (index, allowed) in self.iter().enumerate() {
                if !allowed.is_origin_of(target) {
                    continue;
                }
                if let Some(message) = forbidden(head.method, head.headers) {
                    let kind = ErrorKind::Destination;
                    return Err(Error::refused(kind, Rule::ForbiddenMethod, message));
                }
                match allowed.broken_by(head.method, target.path, || disguise(head.headers)) {
                    None => return Ok(DestinationId(index)),
                    Some(first) => broken = broken.or(Some(first)),
                }
            }
            if let Some((rule, message)) = broken {
                return Err(Error::refused(ErrorKind::Destination, rule, message));
            }
        }
        Err(self.stranger(target))
    }

    /// The destination that a redirect leads to.
    #[cfg(feature = "reqwest")]
    pub(crate) fn judge_redirect(
        &self,
        from: DestinationId,
        head: &RequestHead<'_>,
    ) -> Result<DestinationId, Error> {
        let from = self.at(from);
        let origin = from.origin();
        let refused = |rule, message| Err(Error::refused(ErrorKind::Redirect, rule, message));
        match self.judge(head) {
            Ok(next) if !from.is_clear() && self.at(next).is_clear() => {
                let next = self.at(next).origin();
                let message = format!("{origin} redirects to {next}, from https to http");
                refused(Rule::Downgrade, message)
            }
            Ok(next) => Ok(next),
            Err(error) => {
                let rule = error.rule().unwrap_or(Rule::Origin);
                let reason = error.message();
                refused(
                    rule,
                    format!("{origin} redirects to where it may not: {reason}"),
                )
            }
        }
    }

    /// Why a request is for none of the destinations.
    #[cold]
    fn stranger(&self, target: &Target<'_>) -> Error {
        let refused = |kind, rule, message: &str| Error::refused(kind, rule, message);
        if target.userinfo {
            let message = "the URL of the request holds a user name or a password";
            return refused(ErrorKind::InvalidUrl, Rule::Userinfo, message);
        }
        let scheme = target.scheme;
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            let message = "the URL of the request is neither https nor http";
            return refused(ErrorKind::InvalidUrl, Rule::Scheme, message);
        }
        match origin_of(target) {
            Ok(origin) => {
                let message = format!(
                    "{origin} is not a destination of this client, which may send to {self}"
                );
                Error::refused(ErrorKind::Destination, Rule::Origin, message)
            }
            Err(error) => error,
        }
    }
}

/// Where a request would go, for errors and events; empty if it cannot be said.
pub(crate) fn asked_origin(target: &Target<'_>) -> String {
    origin_of(target).unwrap_or_default()
}

impl fmt::Display for Destinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, allowed) in self.0.iter().take(MOST_NAMED).enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(allowed.origin())?;
        }
        match self.0.len().saturating_sub(MOST_NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Debug for Destinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// An error that lists more does not become clearer.
const MOST_NAMED: usize = 8;
