//! Redirects that leave the destinations, followed without the credential: [`Beyond`].

use reqwest::{Request, Response};
use tokio::time::Instant;
use url::{Host, Url};

use super::defaults::strip_sensitive;
use super::hop::Carry;
use super::replay::{Replay, target};
use crate::error::{Error, ErrorKind};
use crate::rule::Rule;

/// A request that has left the destinations. It never comes back to a credential, wherever it is led.
pub(super) struct Beyond {
    pub(super) request: Request,
    /// Whether all that led to it was asked in clear text, on this machine.
    pub(super) is_clear: bool,
    /// How many redirects were followed, this one included.
    pub(super) hops: usize,
}

impl Beyond {
    /// The request that a redirect out of the destinations asks for; `None` where it needs a body that is gone.
    pub(super) fn new(
        response: &Response,
        replay: Replay,
        url: Url,
        is_clear: bool,
        hops: usize,
    ) -> Result<Option<Self>, Error> {
        admit(
            &response.url().origin().ascii_serialization(),
            &url,
            is_clear,
        )?;
        let request = replay.redirected(response.status(), url, false);
        Ok(request.map(|mut request| {
            strip_sensitive(request.headers_mut());
            Self {
                request,
                is_clear,
                hops,
            }
        }))
    }

    /// Sends it, and follows where it is led.
    pub(super) async fn send<C: Carry>(
        mut self,
        carrier: &C,
        most: usize,
        deadline: Option<Instant>,
    ) -> Result<Response, C::Error> {
        loop {
            if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                *self.request.timeout_mut() = Some(left);
            }
            let origin = self.request.url().origin().ascii_serialization();
            let replay = Replay::of(&mut self.request);
            let response = carrier.carry(&origin, self.request).await?;
            let Some(url) = target(&response) else {
                return Ok(response);
            };
            if self.hops == most {
                let message = format!("{origin} redirects once more after {most} redirects");
                return Err(Error::new(ErrorKind::Redirect, message).into());
            }
            match Self::new(&response, replay, url, self.is_clear, self.hops + 1)? {
                Some(next) => self = next,
                None => return Ok(response),
            }
        }
    }
}

/// Whether a request without a credential may follow there: by https, or on this machine where it came from there in clear
/// text.
fn admit(from: &str, url: &Url, from_clear: bool) -> Result<(), Error> {
    let refused = |rule, message| Err(Error::refused(ErrorKind::Redirect, rule, message));
    if !url.username().is_empty() || url.password().is_some() {
        let message = format!("{from} redirects to a URL that holds a user name or a password");
        return refused(Rule::Userinfo, message);
    }
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if from_clear && is_here => Ok(()),
        "http" => {
            let to = url.origin().ascii_serialization();
            let message = format!("{from} redirects to {to}, from https to http");
            refused(Rule::Downgrade, message)
        }
        _ => {
            let message = format!("{from} redirects to a URL that is neither https nor http");
            refused(Rule::Scheme, message)
        }
    }
}
