//! Why a request was refused: [`Rule`].

use std::fmt;

/// The rule by which a request was refused, before it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The URL does not parse.
    Url,
    /// The URL holds a user name or a password.
    Userinfo,
    /// The URL is neither `http` nor `https`.
    Scheme,
    /// The URL has no host, or its port is no number.
    Host,
    /// Scheme, host and port are not those of a destination.
    Origin,
    /// The method is TRACE or TRACK, which have a server send back what it got, or CONNECT, which is for a proxy: such a
    /// request never carries a credential (RFC 9110, section 9.3.8). Nor does one that asks by a header to be taken for
    /// such a one.
    ForbiddenMethod,
    /// The destination admits other methods only.
    Method,
    /// The destination admits other paths only.
    Path,
    /// The destination admits some paths only, and servers may understand this one differently.
    AmbiguousPath,
    /// The request carries a header that is set here, or a `Host` of its own.
    Header,
    /// A redirect leads from `https` to `http`.
    Downgrade,
}

impl Rule {
    /// Its name in errors and events: lower case, with hyphens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Userinfo => "userinfo",
            Self::Scheme => "scheme",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::ForbiddenMethod => "forbidden-method",
            Self::Method => "method",
            Self::Path => "path",
            Self::AmbiguousPath => "ambiguous-path",
            Self::Header => "header",
            Self::Downgrade => "downgrade",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
