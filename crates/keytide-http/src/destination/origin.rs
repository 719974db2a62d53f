//! An origin as people write it: [`read`]. What could never match a request is refused, and why is told.

use http::HeaderMap;
use url::{Host, Url};

use super::Destination;
use super::method::forbidden;
use super::path::ambiguity;
use crate::error::{Error, ErrorKind};

/// The URL of a destination, which is an origin and can match.
pub(super) fn read(written: &Destination) -> Result<Url, Error> {
    let text = written.origin.as_str();
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => without_scheme(text),
        error => {
            let message = format!("the destination{} is not a valid URL", shown(text));
            Error::caused_by(ErrorKind::InvalidArgument, message, error)
        }
    })?;
    let is_secure = match url.scheme() {
        "https" => true,
        "http" => false,
        // `api.example.com:443` is a URL, whose scheme is the host.
        scheme if scheme.contains('.') || scheme == LOCALHOST => return Err(without_scheme(text)),
        scheme => {
            let message =
                format!("a destination is https, or http on this machine, and not {scheme}");
            return Err(Error::invalid(message));
        }
    };
    let Some(host) = url.host() else {
        return Err(Error::invalid("a destination needs a host"));
    };
    let origin = url.origin().ascii_serialization();
    let authority = text.split_once("//").map_or(text, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        let message = format!("the destination {origin} holds a user name or a password");
        return Err(Error::invalid(message));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        let message = format!(
            "the destination {origin} is an origin: it has no query or fragment, and a path is set by Destination::path"
        );
        return Err(Error::invalid(message));
    }
    if let Host::Domain(name) = &host
        && let Some(reason) = never_a_name(name)
    {
        let message = format!("the destination {origin} can never be reached: {reason}");
        return Err(Error::invalid(message));
    }
    if url.port() == Some(0) {
        let message = format!("the destination {origin} can never be reached: port 0 is none");
        return Err(Error::invalid(message));
    }
    if !is_secure && !is_loopback(&host) {
        let message = format!("the destination {origin} is not https and not on this machine");
        return Err(Error::new(ErrorKind::InsecureDestination, message));
    }
    check_methods(written, &origin)?;
    check_paths(written, &origin)?;
    Ok(url)
}

/// Why no host has this name.
fn never_a_name(name: &str) -> Option<&'static str> {
    if name.contains('*') {
        return Some("there are no wildcards, so name each host");
    }
    if name.ends_with('.') {
        return Some("its host ends with a dot, and no request has such a one");
    }
    if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
        return Some("its host is longer than a name can be");
    }
    if name.split('.').any(str::is_empty) {
        return Some("its host has an empty label");
    }
    let stands_in_names =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.bytes().all(stands_in_names) {
        return Some("its host has a character that stands in no name");
    }
    None
}

fn check_methods(written: &Destination, origin: &str) -> Result<(), Error> {
    if written.methods.as_ref().is_some_and(Vec::is_empty) {
        let message = format!("the destination {origin} admits no method");
        return Err(Error::invalid(message));
    }
    let none = HeaderMap::new();
    for method in written.methods.iter().flatten() {
        if let Some(reason) = forbidden(method, &none) {
            let message = format!("the destination {origin} admits {method}: {reason}");
            return Err(Error::invalid(message));
        }
        let upper = method.as_str().to_ascii_uppercase();
        if upper != method.as_str() && STANDARD.contains(&upper.as_str()) {
            let message = format!(
                "the destination {origin} admits {method}, and no request is made by it but by {upper}"
            );
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}

fn check_paths(written: &Destination, origin: &str) -> Result<(), Error> {
    for path in &written.paths {
        if let Some(reason) = ambiguity(path) {
            let message =
                format!("a path of the destination {origin} cannot be compared: {reason}");
            return Err(Error::invalid(message));
        }
        // As a URL has it, which is how requests come.
        let in_url = Url::parse(&format!("https://localhost{path}"));
        let sent = in_url.as_ref().map_or("", Url::path);
        if sent != path {
            let message = format!(
                "a path of the destination {origin} can never match, for requests have it percent-encoded{}",
                shown(sent)
            );
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}

fn without_scheme(text: &str) -> Error {
    let message = format!(
        "the destination{} has no scheme: write https:// before it",
        shown(text)
    );
    Error::invalid(message)
}

/// What was written, where it is short and can hold no password.
fn shown(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '@' | '?' | '#');
    if !text.is_empty() && text.len() <= 100 && text.chars().all(is_plain) {
        format!(" {text}")
    } else {
        String::new()
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => *name == LOCALHOST,
    }
}

/// The one name that is taken for this machine. The reqwest client never looks it up: see `client::builder`.
pub(crate) const LOCALHOST: &str = "localhost";

const STANDARD: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
