//! How a client is told what it may do: [`AuthorizedClientBuilder`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use keytide_core::Cache;
use reqwest::redirect;

use super::defaults::Defaults;
use super::{AuthorizedClient, Inner, Redirects};
use crate::attach::Attach;
use crate::destination::{Allowed, Destination, Destinations, LOCALHOST};
use crate::error::{Error, ErrorKind};
use crate::guard::{Guard, Settings};

/// Builds an [`AuthorizedClient`]. Building contacts nobody.
#[must_use]
pub struct AuthorizedClientBuilder {
    http: reqwest::ClientBuilder,
    settings: Settings,
    redirects: Redirects,
}

impl AuthorizedClientBuilder {
    pub(super) fn new(http: reqwest::ClientBuilder, cache: Cache) -> Self {
        Self {
            http,
            settings: Settings::new(cache),
            redirects: Redirects {
                most: MOST_REDIRECTS,
                leave: false,
            },
        }
    }

    /// Adds a place that the credential may be sent to: an origin such as `https://api.example.com`, or a
    /// [`Destination`] that admits some of its methods and paths only. At least one is needed.
    ///
    /// With an `http` destination, `localhost` is not looked up: it stands for `127.0.0.1` and `::1`, whatever the
    /// resolver says.
    pub fn destination(mut self, destination: impl Into<Destination>) -> Self {
        self.settings.destinations.push(destination.into());
        self
    }

    /// How the credential is put on a request: [`Basic`](crate::Basic), [`NamedHeader`](crate::NamedHeader), or what
    /// another crate implements. Defaults to [`Bearer`](crate::Bearer).
    pub fn attach(mut self, attach: impl Attach) -> Self {
        self.settings.attach(attach);
        self
    }

    /// Sends the bare secret in a header of this name, such as `x-api-key`. Defaults to `Authorization: Bearer …`.
    ///
    /// One that is not known to carry credentials is to be [allowed](Self::allow_credential_header) too.
    pub fn credential_header(mut self, name: impl Into<String>) -> Self {
        self.settings.header(&name.into());
        self
    }

    /// Lets a header of this name carry the credential, beside those that are known to: `Authorization`, `DPoP`,
    /// `X-Api-Key`, `Api-Key`, `X-Goog-Api-Key` and others that services document, and what signatures consist of. May be
    /// given more than once.
    ///
    /// One that frames or routes a message, or that hops read, change or log, is refused whoever names it: `Connection`,
    /// `Expect`, `Forwarded`, `Via`, `X-Forwarded-…`, `Cookie` and their like.
    pub fn allow_credential_header(mut self, name: impl AsRef<str>) -> Self {
        self.settings.headers.allow(name.as_ref());
        self
    }

    /// How long a request waits for a credential, where there is none to be had at once, and again for a newer one
    /// after a 401. It waits through an outage of the issuer, which is asked again at the pace of the backoff; what cannot
    /// pass, such as a refusal, is told at once. Defaults to 30 s, as long as one call to an issuer may take. Counted by the
    /// agent's clock.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// A request that was refused for its credential is not sent once more: the refusal is the response. It is reported
    /// all the same. Defaults to sending it once more, when there is a newer credential.
    ///
    /// For another attempt, as for a redirect, the request's own headers are kept in a list, which is one allocation where
    /// it has some; with both off nothing is kept. A body is never copied.
    pub fn without_retry(mut self) -> Self {
        self.settings.retry = false;
        self
    }

    /// The life that a credential shall have left when a request is sent that has no time limit of its own; one that has
    /// is sent with a credential that outlasts it. Defaults to zero: any that is usable.
    ///
    /// More than half of what the issuer gives is never asked for. A credential that has less is replaced once, and if
    /// that fails, the request goes with what there is.
    pub fn min_remaining(mut self, least: Duration) -> Self {
        self.settings.least = least;
        self
    }

    /// How many redirects are followed, 0 to 10. With 0 the caller gets the redirect itself as the response. Defaults
    /// to 10.
    pub fn redirects(mut self, most: usize) -> Self {
        self.redirects.most = most;
        self
    }

    /// Follows redirects that leave the destinations too, without the credential: for APIs that answer with a presigned
    /// address of a storage. Defaults to refusing them.
    ///
    /// What goes there is the request without the credential's headers, without `Authorization`, `Proxy-Authorization`,
    /// `Cookie` and every other header that is known to carry a credential, and without those whose values are marked
    /// sensitive. Methods and bodies change as they do within the destinations: 307 and 308 repeat a body, so an upload goes
    /// to where the destination says. Only `https` is followed; `http` to a loopback address where the destination is one.
    /// A request that has left carries no credential any more, even if it is led back to a destination. Its answer is the
    /// response, whatever its status: nothing is reported of it, and no retry made.
    ///
    /// A destination can so have this machine fetch any `https` address that it can reach, and gets to know nothing of what
    /// is there. Default headers of the reqwest builder that may be credentials are refused by [`build`](Self::build).
    pub fn redirects_without_credential(mut self) -> Self {
        self.redirects.leave = true;
        self
    }

    /// Builds the client. Where all destinations are `http` ones of this machine, no root certificates have to be there.
    ///
    /// # Errors
    /// [`InsecureDestination`](ErrorKind::InsecureDestination); [`InvalidArgument`](ErrorKind::InvalidArgument) when
    /// there is no destination, one is not an origin, can never match or has a path that cannot be compared, the header cannot carry a
    /// credential, there are more than 10 redirects, the reqwest builder has a default header that would undo what is
    /// promised here, or reqwest refuses its own configuration.
    pub fn build(self) -> Result<AuthorizedClient, Error> {
        let Parts {
            http,
            guard,
            redirects,
        } = self.parts()?;
        Ok(AuthorizedClient {
            inner: Arc::new(Inner {
                http,
                guard,
                redirects,
            }),
        })
    }

    /// The one place where a client is made, and told to follow no redirects.
    pub(super) fn parts(self) -> Result<Parts, Error> {
        if self.redirects.most > MOST_REDIRECTS {
            return Err(Error::invalid(format!(
                "the redirects to follow must be 0 to {MOST_REDIRECTS}, not {}",
                self.redirects.most
            )));
        }
        let guard = self.settings.build()?;
        Defaults::of(&self.http).check(&guard, self.redirects.leave)?;
        let http = configured(self.http, &guard.destinations)
            .build()
            .map_err(|source| {
                let message = "the HTTP client could not be built";
                Error::caused_by(ErrorKind::InvalidArgument, message, source.without_url())
            })?;
        Ok(Parts {
            http,
            guard,
            redirects: self.redirects,
        })
    }
}

/// What a client is made of.
pub(super) struct Parts {
    pub(super) http: reqwest::Client,
    pub(super) guard: Guard,
    pub(super) redirects: Redirects,
}

/// What must hold for the destinations to mean what they say.
fn configured(
    mut http: reqwest::ClientBuilder,
    destinations: &Destinations,
) -> reqwest::ClientBuilder {
    http = http.redirect(redirect::Policy::none());
    if destinations.iter().any(Allowed::is_clear) {
        // To a proxy, this machine is another machine.
        http = http.no_proxy();
    }
    #[cfg(feature = "tls")]
    if destinations.iter().all(Allowed::is_clear) && has_no_roots() {
        // A sidecar is spoken to without TLS, which is set up all the same when the client is built.
        http = http.tls_certs_only([]);
    }
    if destinations.iter().any(Allowed::is_clear_localhost) {
        // Port 0: that of the URL.
        let loopback = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        http = http.resolve_to_addrs(LOCALHOST, &loopback.map(|ip| SocketAddr::new(ip, 0)));
    }
    http
}

/// Whether this machine has no root certificates, as containers of one program have none.
#[cfg(feature = "tls")]
fn has_no_roots() -> bool {
    reqwest::Client::builder().no_proxy().build().is_err()
}

impl fmt::Debug for AuthorizedClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedClientBuilder")
            .field("settings", &self.settings)
            .field("redirects", &self.redirects)
            .finish_non_exhaustive()
    }
}

/// As reqwest has it.
const MOST_REDIRECTS: usize = 10;
