//! A destination as requests are compared with it: [`Allowed`].

use std::fmt;

use http::Method;
use keytide_core::RemoteClock;

use super::disguise::{Disguise, Of};
#[cfg(feature = "reqwest")]
use super::origin::LOCALHOST;
use super::path::{ambiguity, is_below};
use super::{Destination, origin};
use crate::error::Error;
use crate::rule::Rule;
use crate::target::Target;

/// Scheme, host and port as `url` normalises them, with the methods and paths that are admitted there.
pub(crate) struct Allowed {
    secure: bool,
    host: String,
    port: u16,
    origin: String,
    /// The host, and the port unless it is the default one.
    authority: String,
    methods: Option<Vec<Method>>,
    paths: Vec<String>,
    clock: RemoteClock,
}

impl Allowed {
    pub(crate) fn new(written: &Destination) -> Result<Self, Error> {
        let url = origin::read(written)?;
        let origin = url.origin().ascii_serialization();
        let secure = url.scheme() == "https";
        let port = url.port_or_known_default().unwrap_or_default();
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            authority: match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.clone(),
            },
            secure,
            host,
            port,
            origin,
            methods: written.methods.clone(),
            paths: written.paths.clone(),
            clock: RemoteClock::new(),
        })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether requests to it travel in clear text.
    #[cfg(feature = "reqwest")]
    pub(crate) fn is_clear(&self) -> bool {
        !self.secure
    }

    /// Whether it is a name that must not be looked up, for the look-up decides whether it is on this machine.
    #[cfg(feature = "reqwest")]
    pub(crate) fn is_clear_localhost(&self) -> bool {
        !self.secure && self.host == LOCALHOST
    }

    /// As a target, for requests that say a path only.
    #[cfg(feature = "tower")]
    pub(crate) fn as_target(&self) -> Target<'_> {
        Target {
            scheme: if self.secure { "https" } else { "http" },
            userinfo: false,
            host: &self.host,
            port: Some(self.port),
            path: "/",
            query: None,
        }
    }

    /// The destination's clock, as far as its answers told.
    pub(crate) fn clock(&self) -> &RemoteClock {
        &self.clock
    }

    /// Whether scheme, host and port are these. A host that differs in more than case is another one.
    #[inline]
    pub(super) fn is_origin_of(&self, target: &Target<'_>) -> bool {
        let scheme = if self.secure { "https" } else { "http" };
        target.port_or_default() == Some(self.port)
            && target.host.eq_ignore_ascii_case(&self.host)
            && target.scheme.eq_ignore_ascii_case(scheme)
    }

    /// Whether scheme and authority are these, to the letter.
    #[cfg(feature = "tower")]
    #[inline]
    pub(super) fn is_written(&self, scheme: &str, authority: &str) -> bool {
        self.authority == authority && scheme == if self.secure { "https" } else { "http" }
    }

    /// Whether all methods and paths are admitted.
    #[inline]
    pub(crate) fn admits_all(&self) -> bool {
        self.methods.is_none() && self.paths.is_empty()
    }

    /// Which rule a request to this origin breaks, and how.
    #[inline]
    pub(super) fn broken_by<'a>(
        &self,
        method: &Method,
        path: &str,
        disguise: impl FnOnce() -> Option<Disguise<'a>>,
    ) -> Option<(Rule, String)> {
        if self.admits_all() {
            return None;
        }
        self.narrowly_broken_by(method, path, disguise())
    }

    fn narrowly_broken_by(
        &self,
        method: &Method,
        path: &str,
        disguise: Option<Disguise<'_>>,
    ) -> Option<(Rule, String)> {
        if let Some(methods) = &self.methods
            && !methods.contains(method)
        {
            let message = format!("{} is not to be sent {method} requests", self.origin);
            return Some((Rule::Method, message));
        }
        if let Some(Disguise { name, of }) = disguise {
            let (rule, what) = match of {
                Of::Method => (Rule::Method, "method"),
                Of::Path => (Rule::Path, "path"),
            };
            let message = format!(
                "the request to {} carries the header {name}, by which servers take it for one of another {what}",
                self.origin
            );
            return Some((rule, message));
        }
        if self.paths.is_empty() {
            return None;
        }
        let path = if path.is_empty() { "/" } else { path };
        if let Some(reason) = ambiguity(path) {
            let message = format!(
                "the path of the request to {} may mean different things to different servers: {reason}",
                self.origin
            );
            return Some((Rule::AmbiguousPath, message));
        }
        if !self.paths.iter().any(|prefix| is_below(path, prefix)) {
            let message = format!(
                "the path of the request is not below {}, which is all that {} is to be asked for",
                self.paths.join(", "),
                self.origin
            );
            return Some((Rule::Path, message));
        }
        None
    }
}

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some(methods) = &self.methods {
            write!(f, " {methods:?}")?;
        }
        if !self.paths.is_empty() {
            write!(f, " {:?}", self.paths)?;
        }
        Ok(())
    }
}
