//! Where a credential may go: [`Destination`], an origin compared exactly.

use std::fmt;

use url::{Host, Url};

use crate::error::{Error, ErrorKind};

/// An origin that the credential may be sent to: scheme, host and port, as `url` normalises them.
pub(crate) struct Destination {
    secure: bool,
    host: String,
    port: u16,
    origin: String,
}

/// All that a client may send to. Never empty.
pub(crate) struct Destinations(Vec<Destination>);

impl Destination {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let url = Url::parse(text).map_err(|error| {
            Error::caused_by(
                ErrorKind::InvalidArgument,
                "a destination is not a valid URL",
                error,
            )
        })?;
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(Error::invalid("a destination needs a scheme and a host"));
        };
        let origin = origin_of(&url);
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => {
                return Err(Error::invalid(
                    "a destination is https, or http on this machine",
                ));
            }
        };
        if has_userinfo(&url) {
            let message = format!("the destination {origin} holds a user name or a password");
            return Err(Error::invalid(message));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            let message =
                format!("the destination {origin} is an origin: it has no path, query or fragment");
            return Err(Error::invalid(message));
        }
        if ends_with_dot(&url) {
            let message = format!("the host of the destination {origin} ends with a dot");
            return Err(Error::invalid(message));
        }
        if !secure && !is_loopback(&host) {
            let message = format!("the destination {origin} is not https and not on this machine");
            return Err(Error::new(ErrorKind::InsecureDestination, message));
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            secure,
            host,
            port,
            origin,
        })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether requests to it travel in clear text.
    pub(crate) fn is_clear(&self) -> bool {
        !self.secure
    }

    /// Whether it is a name that must not be looked up, for the look-up decides whether it is on this machine.
    pub(crate) fn is_clear_localhost(&self) -> bool {
        !self.secure && self.host == LOCALHOST
    }

    fn is_origin_of(&self, url: &Url) -> bool {
        let scheme = if self.secure { "https" } else { "http" };
        url.scheme() == scheme
            && url.host_str() == Some(self.host.as_str())
            && url.port_or_known_default() == Some(self.port)
    }
}

impl Destinations {
    pub(crate) fn parse(texts: &[String]) -> Result<Self, Error> {
        if texts.is_empty() {
            return Err(Error::invalid(
                "a client needs a destination, and none was given",
            ));
        }
        let parsed: Result<_, _> = texts.iter().map(|text| Destination::parse(text)).collect();
        parsed.map(Self)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Destination> {
        self.0.iter()
    }

    /// The destination that a request is for.
    pub(crate) fn judge(&self, url: &Url) -> Result<&Destination, Error> {
        if has_userinfo(url) {
            let message = "the URL of the request holds a user name or a password";
            return Err(Error::new(ErrorKind::InvalidUrl, message));
        }
        if let Some(destination) = self.of(url) {
            return Ok(destination);
        }
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            let message = "the URL of the request is neither https nor http";
            return Err(Error::new(ErrorKind::InvalidUrl, message));
        }
        let message = format!(
            "{} is not a destination of this client, which may send to {self}",
            origin_of(url)
        );
        Err(Error::new(ErrorKind::Destination, message))
    }

    /// The destination that a redirect leads to.
    pub(crate) fn judge_redirect(
        &self,
        from: &Destination,
        url: &Url,
    ) -> Result<&Destination, Error> {
        let refused = |message| Err(Error::new(ErrorKind::Redirect, message));
        let origin = &from.origin;
        if has_userinfo(url) {
            return refused(format!(
                "{origin} redirects to a URL with a user name or a password"
            ));
        }
        match self.of(url) {
            Some(next) if from.secure && !next.secure => refused(format!(
                "{origin} redirects to {}, from https to http",
                next.origin
            )),
            Some(next) => Ok(next),
            None => refused(format!(
                "{origin} redirects to {}, which is not a destination of this client; it may send to {self}",
                origin_of(url)
            )),
        }
    }

    fn of(&self, url: &Url) -> Option<&Destination> {
        self.0
            .iter()
            .find(|destination| destination.is_origin_of(url))
    }
}

impl fmt::Display for Destinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, destination) in self.0.iter().take(MOST_NAMED).enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&destination.origin)?;
        }
        match self.0.len().saturating_sub(MOST_NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl fmt::Debug for Destinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn ends_with_dot(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host.ends_with('.'))
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => *name == LOCALHOST,
    }
}

/// The one name that is taken for this machine. The client never looks it up: see `client::builder`.
pub(crate) const LOCALHOST: &str = "localhost";
/// An error that lists more does not become clearer.
const MOST_NAMED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_an_origin_with_https_or_on_this_machine() {
        for (text, expected) in [
            ("https://api.example.com", Ok("https://api.example.com")),
            (
                "https://API.Example.com:443/",
                Ok("https://api.example.com"),
            ),
            (
                "https://api.example.com:8443",
                Ok("https://api.example.com:8443"),
            ),
            (
                "https://bücher.example",
                Ok("https://xn--bcher-kva.example"),
            ),
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080")),
            ("http://127.1", Ok("http://127.0.0.1")),
            ("http://[::1]:8080", Ok("http://[::1]:8080")),
            ("http://LOCALHOST:8080", Ok("http://localhost:8080")),
            (
                "http://api.example.com",
                Err(ErrorKind::InsecureDestination),
            ),
            ("http://10.0.0.1", Err(ErrorKind::InsecureDestination)),
            ("http://0.0.0.0", Err(ErrorKind::InsecureDestination)),
            (
                "http://[::ffff:127.0.0.1]",
                Err(ErrorKind::InsecureDestination),
            ),
            (
                "http://localhost.example.com",
                Err(ErrorKind::InsecureDestination),
            ),
            ("http://api.localhost", Err(ErrorKind::InsecureDestination)),
            ("http://localhost.", Err(ErrorKind::InvalidArgument)),
            ("https://api.example.com.", Err(ErrorKind::InvalidArgument)),
            ("https://api.example.com。", Err(ErrorKind::InvalidArgument)),
            (
                "https://user@api.example.com",
                Err(ErrorKind::InvalidArgument),
            ),
            (
                "https://api.example.com/v1",
                Err(ErrorKind::InvalidArgument),
            ),
            (
                "https://api.example.com/?a",
                Err(ErrorKind::InvalidArgument),
            ),
            (
                "https://api.example.com/#a",
                Err(ErrorKind::InvalidArgument),
            ),
            ("https://*.example.com:x", Err(ErrorKind::InvalidArgument)),
            ("ftp://api.example.com", Err(ErrorKind::InvalidArgument)),
            ("api.example.com", Err(ErrorKind::InvalidArgument)),
            ("", Err(ErrorKind::InvalidArgument)),
        ] {
            let parsed = Destination::parse(text);

            let got = parsed
                .as_ref()
                .map(Destination::origin)
                .map_err(Error::kind);
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn a_redirect_from_https_to_http_is_refused_even_between_destinations() {
        let texts = [
            "https://api.example.com",
            "https://127.0.0.1",
            "http://127.0.0.1:8080",
        ];
        let destinations = Destinations::parse(&texts.map(str::to_owned)).unwrap();
        let [api, secure, clear] =
            texts.map(|text| destinations.judge(&Url::parse(text).unwrap()).unwrap());

        for (from, to, followed) in [
            (api, secure, true),
            (secure, api, true),
            (clear, api, true),
            (clear, clear, true),
            (api, clear, false),
            (secure, clear, false),
        ] {
            let url = Url::parse(&format!("{}/path?query", to.origin())).unwrap();
            let judged = destinations.judge_redirect(from, &url);

            assert_eq!(judged.is_ok(), followed, "{from:?} {to:?}");
            let kind = judged.err().map(|error| error.kind());
            assert!(followed || kind == Some(ErrorKind::Redirect));
        }
    }
}
