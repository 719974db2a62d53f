//! A request that is about to be sent, as an [`Attach`](super::Attach) sees it: [`Outgoing`].

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};

use super::AttachProfile;
use crate::error::Error;
use crate::target::{Target, authority_of, origin_of};

/// A request that is about to be sent to a destination, final but for the headers that an [`Attach`](super::Attach)
/// sets. Nothing else of it can be changed.
pub struct Outgoing<'a> {
    pub(crate) sending: Sending<'a>,
    pub(crate) origin: Cow<'a, str>,
    pub(crate) authority: Cow<'a, str>,
    pub(crate) profile: &'a AttachProfile,
    pub(crate) now: RequestClock<'a>,
}

/// The parts of a request that are looked at.
pub(crate) struct Sending<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a mut HeaderMap,
    pub(crate) body: Option<&'a [u8]>,
}

/// The clock of a destination: read only by those who date what they set.
pub(crate) enum RequestClock<'a> {
    Fixed(SystemTime),
    Learned(&'a dyn Fn() -> SystemTime),
}

impl<'a> Outgoing<'a> {
    /// A request for tests of an implementation, or for a client of your own: nothing is judged here.
    ///
    /// # Errors
    /// [`InvalidUrl`](crate::ErrorKind::InvalidUrl): the URI has no scheme, host or valid port.
    pub fn new(
        profile: &'a AttachProfile,
        method: &'a Method,
        uri: &'a Uri,
        headers: &'a mut HeaderMap,
        body: Option<&'a [u8]>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let target = Target::of_uri(uri)?;
        Ok(Self {
            origin: Cow::Owned(origin_of(&target)?),
            authority: Cow::Owned(authority_of(&target)?),
            sending: Sending {
                method,
                path: target.path,
                query: target.query,
                headers,
                body,
            },
            profile,
            now: RequestClock::Fixed(now),
        })
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.sending.method
    }

    /// Scheme, host and port in lower case, without a default port: `https://api.example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The value that the `Host` header has, or `:authority` in HTTP/2: the host, and the port unless it is the default
    /// of the scheme.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.authority
    }

    /// The path as it goes over the wire, percent-encoded; at least `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.sending.path {
            "" => "/",
            path => path,
        }
    }

    /// The query as it goes over the wire, without the `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.sending.query
    }

    /// All headers that are set so far, those of [`set`](Self::set) too. `Host` and what frames the body are added
    /// below, by the HTTP library.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.sending.headers
    }

    /// The whole body; empty for a request without one. `None`: it is a stream and cannot be read here, or the profile
    /// does not ask for bodies.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.sending.body.filter(|_| self.profile.wants_body())
    }

    /// Now, by the destination's clock as far as its answers have told it, else by the agent's.
    ///
    /// It is learned only where the profile asks for it, from answers of at most 24 h difference.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match self.now {
            RequestClock::Fixed(now) => now,
            RequestClock::Learned(read) => read(),
        }
    }

    /// Sets a header, in place of one of that name, and marks its value sensitive.
    ///
    /// # Errors
    /// [`Credential`](crate::ErrorKind::Credential): the profile does not name it.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), Error> {
        if !self.profile.headers().contains(&name) {
            return Err(Error::cannot_attach(format!(
                "the header {name} is not one of those that the attaching type names"
            )));
        }
        self.put(name, value);
        Ok(())
    }

    #[inline]
    pub(crate) fn put(&mut self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        self.sending.headers.insert(name, value);
    }
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", self.method())
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
