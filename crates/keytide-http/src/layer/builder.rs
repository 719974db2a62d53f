//! How a layer is told what it may do: [`AuthorizeLayerBuilder`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keytide_core::Cache;

use super::AuthorizeLayer;
use super::copy::NoCopy;
use super::shared::Shared;
use crate::attach::Attach;
use crate::destination::Destination;
use crate::error::Error;
use crate::guard::Settings;

/// Builds an [`AuthorizeLayer`]. Building contacts nobody.
#[must_use]
pub struct AuthorizeLayerBuilder<C = NoCopy> {
    settings: Settings,
    base: Option<String>,
    marks: bool,
    watches: bool,
    copy: C,
}

impl AuthorizeLayerBuilder {
    pub(super) fn new(cache: Cache) -> Self {
        Self {
            settings: Settings::new(cache),
            base: None,
            marks: false,
            watches: false,
            copy: NoCopy,
        }
    }
}

impl<C> AuthorizeLayerBuilder<C> {
    /// Adds a place that the credential may be sent to: an origin such as `https://api.example.com`, or a
    /// [`Destination`] that admits some of its methods and paths only. At least one is needed.
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
    /// after a refusal. It waits through an outage of the issuer, which is asked again at the pace of the backoff; what cannot
    /// pass is told at once. Defaults to 30 s. Counted by the agent's clock.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// The life that a credential shall have left when a request is sent that says no time limit of its own, by
    /// [`RequestTimeout`](super::RequestTimeout) or `grpc-timeout`. Defaults to zero: any that is usable.
    ///
    /// More than half of what the issuer gives is never asked for. A credential that has less is replaced once, and if
    /// that fails, the request goes with what there is.
    pub fn min_remaining(mut self, least: Duration) -> Self {
        self.settings.least = least;
        self
    }

    /// How bodies are copied, so that a request that was refused for its credential can be sent once more with a newer
    /// one: [`Cloned`](super::Cloned) for bodies that are `Clone`, such as `http_body_util::Full`, or a closure that
    /// gives a copy where it can. Also what lets a signature see a body. Defaults to [`NoCopy`]: no request is sent
    /// twice, and none is copied.
    pub fn copy_body<D>(self, copy: D) -> AuthorizeLayerBuilder<D> {
        AuthorizeLayerBuilder {
            settings: self.settings,
            base: self.base,
            marks: self.marks,
            watches: self.watches,
            copy,
        }
    }

    /// Where the service underneath sends requests whose URI is a path only: one of the destinations. For clients that
    /// put the origin in below (kube's, or a connection that is open already). It is taken at your word. Defaults to
    /// none: such requests are refused.
    pub fn relative_to(mut self, origin: impl Into<String>) -> Self {
        self.base = Some(origin.into());
        self
    }

    /// The generation goes along in the extensions of each request, as [`SentGeneration`](crate::SentGeneration), for
    /// layers below that want to know it. Costs up to three allocations a request. Defaults to not telling it.
    pub fn mark_requests(mut self) -> Self {
        self.marks = true;
        self
    }

    /// Each response has a [`StreamWatch`](crate::StreamWatch) in its extensions, for streams that outlive a credential.
    /// Defaults to none.
    pub fn watch_streams(mut self) -> Self {
        self.watches = true;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    /// [`InsecureDestination`](crate::ErrorKind::InsecureDestination);
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when there is no destination, one is not an origin or has a
    /// path that cannot be compared, a header cannot carry a credential, or paths are relative to what is no
    /// destination.
    pub fn build(self) -> Result<AuthorizeLayer<C>, Error> {
        let guard = self.settings.build()?;
        let base = self
            .base
            .map(|origin| guard.destinations.named(&origin))
            .transpose()?;
        Ok(AuthorizeLayer {
            shared: Arc::new(Shared {
                guard,
                base,
                marks: self.marks,
                watches: self.watches,
            }),
            copy: self.copy,
        })
    }
}

impl<C> fmt::Debug for AuthorizeLayerBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeLayerBuilder")
            .field("settings", &self.settings)
            .field("relative_to", &self.base)
            .finish_non_exhaustive()
    }
}
