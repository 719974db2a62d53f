//! Where a credential may go: [`Destination`] as it is written, and the rules that requests are judged by.

mod allowed;
mod disguise;
mod fold;
mod judge;
mod method;
mod origin;
mod path;

use http::Method;

pub(crate) use self::allowed::Allowed;
#[cfg(feature = "reqwest")]
pub(crate) use self::disguise::Of;
pub(crate) use self::disguise::{disguised, reads_as};
pub(crate) use self::judge::{DestinationId, Destinations, RequestHead, asked_origin};
#[cfg(feature = "tower")]
pub(crate) use self::method::forbidden;
#[cfg(feature = "reqwest")]
pub(crate) use self::origin::LOCALHOST;

/// An origin that a credential may be sent to, and optionally which methods and paths there.
///
/// A string is a destination too: an origin with all its methods and paths. Nothing is judged until a client is built.
///
/// ```
/// use http::Method;
/// use keytide_http::Destination;
///
/// let invoices = Destination::new("https://api.example.com")
///     .methods([Method::GET, Method::POST])
///     .path("/v1/invoices");
/// ```
#[derive(Debug, Clone)]
pub struct Destination {
    origin: String,
    methods: Option<Vec<Method>>,
    paths: Vec<String>,
}

impl Destination {
    /// An origin such as `https://api.example.com`, without a path.
    ///
    /// Scheme, host and port are compared exactly, after the normalisation of URLs (lower case, IDNA, default ports);
    /// there are no wildcards, and subdomains are other origins. What could never match is refused when a client is built: a
    /// wildcard, a trailing dot, a user name, port 0, a path that requests have percent-encoded. Only `https`, with one exception: `http` to a literal
    /// loopback address or to `localhost`.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            methods: None,
            paths: Vec::new(),
        }
    }

    /// Only these methods. Defaults to all.
    ///
    /// A request that asks the server to take it for one of another method or path (`X-HTTP-Method-Override`,
    /// `X-Original-URL` and the like, with `_` in place of `-` too) is then refused.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.get_or_insert_default().extend(methods);
        self
    }

    /// Only paths that are this one or stand below it, segment by segment: `/v1` admits `/v1` and `/v1/x`, and not
    /// `/v10`. May be given more than once. Defaults to all paths.
    ///
    /// With such a rule, a path that servers may understand differently is refused, whatever it begins with: dot
    /// segments, empty segments, backslashes, percent-encoded slashes, backslashes, dots, percent signs or control
    /// characters, `;` parameters, what is not UTF-8 once decoded, and characters that a server may fold to one of
    /// `. / \\ % ; ? #` (by NFKC, or by the best fit of a Windows code page). So is a request that asks by a header to be
    /// taken for one of another path or method (`X-Original-URL`, `X-Forwarded-Prefix` and the like).
    #[must_use]
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.paths.push(prefix.into());
        self
    }
}

impl<T: Into<String>> From<T> for Destination {
    fn from(origin: T) -> Self {
        Self::new(origin)
    }
}

#[cfg(test)]
mod tests;
