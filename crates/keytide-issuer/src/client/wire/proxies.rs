//! Which proxy stands between: [`Proxies`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use keytide_core::Error;

/// How public issuers are asked.
#[derive(Clone)]
pub(in crate::client) enum Proxies {
    /// As `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, read when they are first needed: the environment of a process does
    /// not change.
    Environment(Arc<OnceLock<Matcher>>),
    None,
    This(Arc<Matcher>),
}

impl Proxies {
    pub(in crate::client) fn environment() -> Self {
        Self::Environment(Arc::default())
    }

    /// One proxy for all.
    pub(in crate::client) fn this(url: &str) -> Result<Self, Error> {
        let matcher = Matcher::builder().all(url).build();
        let sample = Uri::from_static("https://issuer.example");
        let spoken = matcher
            .intercept(&sample)
            .is_some_and(|intercept| is_spoken(&intercept));
        if !spoken {
            return Err(Error::misconfigured(
                "the URL of the proxy is none that can be used: write it as http://host:port or https://host:port",
            ));
        }
        Ok(Self::This(Arc::new(matcher)))
    }

    /// The proxy for what is asked, if there is one.
    pub(super) fn for_target(&self, target: &Uri) -> Result<Option<Intercept>, String> {
        let matcher = match self {
            Self::Environment(read) => read.get_or_init(Matcher::from_env),
            Self::None => return Ok(None),
            Self::This(matcher) => matcher,
        };
        match matcher.intercept(target) {
            Some(intercept) if !is_spoken(&intercept) => Err(format!(
                "{} is no proxy that is spoken to here: name one of http or https in HTTPS_PROXY or ALL_PROXY",
                origin(&intercept)
            )),
            other => Ok(other),
        }
    }
}

/// Without the user name and the password.
pub(super) fn origin(proxy: &Intercept) -> String {
    let uri = proxy.uri();
    let host = uri.host().unwrap_or_default();
    let scheme = uri.scheme_str().unwrap_or("http");
    match uri.port_u16() {
        Some(port) => format!("the proxy {scheme}://{host}:{port}"),
        None => format!("the proxy {scheme}://{host}"),
    }
}

fn is_spoken(proxy: &Intercept) -> bool {
    matches!(proxy.uri().scheme_str(), Some("http" | "https"))
}

/// Without URLs, which may hold passwords.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment(_) => "Environment",
            Self::None => "None",
            Self::This(_) => "This(***)",
        })
    }
}
