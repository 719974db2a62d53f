//! What all services of one layer share, and how a request is judged by its URI: [`Shared`].

use http::request::Parts;
use http::{Response, Uri, uri};

use crate::destination::{DestinationId, RequestHead};
use crate::error::Error;
use crate::guard::Guard;
use crate::stream_watch::StreamWatch;
use crate::target::Target;

/// What all services of one layer share.
pub(super) struct Shared {
    pub(super) guard: Guard,
    /// Where requests go whose URI is a path only.
    pub(super) base: Option<DestinationId>,
    pub(super) marks: bool,
    pub(super) watches: bool,
}

impl Shared {
    /// The response to a request that went with this generation.
    #[inline]
    pub(super) fn watched<R>(&self, generation: u64, mut response: Response<R>) -> Response<R> {
        if self.watches {
            let watch = StreamWatch::new(self.guard.sender.cache(), generation);
            response.extensions_mut().insert(watch);
        }
        response
    }

    /// Judges a request by its URI, which is then written as it was judged: what is attached is attached to what is sent.
    #[inline]
    pub(super) fn admit(&self, parts: &mut Parts) -> Result<DestinationId, Error> {
        let at_once = match (parts.uri.scheme_str(), parts.uri.authority()) {
            (Some(scheme), Some(authority)) => {
                self.guard
                    .admit_at_once(scheme, authority.as_str(), &parts.method, &parts.headers)
            }
            _ => None,
        };
        let id = match at_once {
            Some(id) => id,
            None => self.judge(parts)?,
        };
        if at_once.is_none() {
            let ours = self.guard.to(id).authority();
            // To the letter: an `Authority` is equal to one of another case.
            let is_other = |authority: &uri::Authority| authority.as_str() != ours;
            if parts.uri.authority().is_some_and(is_other) {
                rewrite(parts, |uri| uri.authority = ours.parse().ok());
            }
        }
        if let Some(written) = self.guard.rewritten(parts.uri.path(), parts.uri.query()) {
            rewrite(parts, |uri| uri.path_and_query = written.parse().ok());
        }
        Ok(id)
    }

    fn judge(&self, parts: &Parts) -> Result<DestinationId, Error> {
        let uri = &parts.uri;
        let target = match self.base {
            Some(base) if uri.authority().is_none() && uri.scheme().is_none() => {
                Target::at(uri, &self.guard.to(base).as_target())
            }
            _ => {
                Target::of_uri(uri).map_err(|error| self.guard.refused(&Target::NOWHERE, error))?
            }
        };
        self.guard.admit(&RequestHead {
            method: &parts.method,
            target,
            headers: &parts.headers,
        })
    }
}

/// Writes a URI anew, if what comes of it is one.
fn rewrite(parts: &mut Parts, change: impl FnOnce(&mut uri::Parts)) {
    let mut written = parts.uri.clone().into_parts();
    change(&mut written);
    if let Ok(written) = Uri::from_parts(written) {
        parts.uri = written;
    }
}
