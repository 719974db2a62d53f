//! Where a request wants to go, as its URL says it: [`Target`]. Nothing is judged and nothing is normalised here.

use http::Uri;
use http::uri::Authority;
#[cfg(feature = "reqwest")]
use url::Url;

use crate::error::{Error, ErrorKind};
use crate::rule::Rule;

/// The parts of a URL, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) userinfo: bool,
    /// In brackets if it is an IPv6 address.
    pub(crate) host: &'a str,
    /// As written; `None`: the default of the scheme.
    pub(crate) port: Option<u16>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Nothing that could be asked.
    pub(crate) const NOWHERE: Self = Self {
        scheme: "",
        userinfo: false,
        host: "",
        port: None,
        path: "",
        query: None,
    };

    #[cfg(feature = "reqwest")]
    pub(crate) fn of_url(url: &'a Url) -> Self {
        Self {
            scheme: url.scheme(),
            userinfo: !url.username().is_empty() || url.password().is_some(),
            host: url.host_str().unwrap_or_default(),
            port: url.port(),
            path: url.path(),
            query: url.query(),
        }
    }

    /// The parts of a URI, which nobody has normalised.
    pub(crate) fn of_uri(uri: &'a Uri) -> Result<Self, Error> {
        let Some(authority) = uri.authority() else {
            return Err(Error::refused(
                ErrorKind::InvalidUrl,
                Rule::Host,
                "the URI of the request has no host",
            ));
        };
        Ok(Self {
            scheme: uri.scheme_str().unwrap_or_default(),
            userinfo: authority.as_str().contains('@'),
            host: authority.host(),
            port: port_of(authority)?,
            path: uri.path(),
            query: uri.query(),
        })
    }

    /// The same path and query at another place.
    #[cfg(feature = "tower")]
    pub(crate) fn at(uri: &'a Uri, base: &Self) -> Self {
        Self {
            path: uri.path(),
            query: uri.query(),
            ..*base
        }
    }

    pub(crate) fn port_or_default(&self) -> Option<u16> {
        self.port.or_else(|| default_port(self.scheme))
    }
}

/// The port as it is written. What cannot be read must not pass for the default, and neither must what stands between a
/// bracket and a slash.
fn port_of(authority: &Authority) -> Result<Option<u16>, Error> {
    let text = authority.as_str();
    let after_user = text.rsplit('@').next().unwrap_or_default();
    let rest = &after_user[authority.host().len().min(after_user.len())..];
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok(None),
        None => Err(Error::refused(
            ErrorKind::InvalidUrl,
            Rule::Host,
            "the host in the URI of the request does not end where it should",
        )),
        Some(port) => match port.parse() {
            Ok(port) if !rest.starts_with(":+") => Ok(Some(port)),
            _ => Err(Error::refused(
                ErrorKind::InvalidUrl,
                Rule::Host,
                "the port in the URI of the request is no number",
            )),
        },
    }
}

/// Scheme, host and port, in lower case and without a default port.
pub(crate) fn origin_of(target: &Target<'_>) -> Result<String, Error> {
    let scheme = target.scheme.to_ascii_lowercase();
    Ok(format!("{scheme}://{}", authority_of(target)?))
}

/// Host and port, in lower case and without a default port.
pub(crate) fn authority_of(target: &Target<'_>) -> Result<String, Error> {
    let host = target.host.to_ascii_lowercase();
    if host.is_empty() {
        return Err(Error::refused(
            ErrorKind::InvalidUrl,
            Rule::Host,
            "the URL of the request has no host",
        ));
    }
    Ok(match target.port {
        Some(port) if Some(port) != default_port(target.scheme) => format!("{host}:{port}"),
        _ => host,
    })
}

fn default_port(scheme: &str) -> Option<u16> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(443)
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(80)
    } else {
        None
    }
}
