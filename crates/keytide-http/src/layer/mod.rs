//! The `tower` layer that binds a credential when a request passes: [`AuthorizeLayer`].

mod builder;
mod copy;
mod future;
mod limit;
mod passage;
mod service;
mod shared;

use std::fmt;
use std::sync::Arc;

use keytide_core::Cache;
use tower_layer::Layer;

pub use self::builder::AuthorizeLayerBuilder;
pub use self::copy::{Cloned, CopyBody, NoCopy};
pub use self::future::Authorizing;
pub use self::limit::RequestTimeout;
pub use self::service::Authorize;
use self::shared::Shared;

/// Sends requests with the credential of a cache, to named destinations and nowhere else: a [`tower_layer::Layer`] over
/// any client service of [`http::Request`], such as those of hyper, tonic and kube.
///
/// The credential is bound when a request passes, so the service lives through any number of rotations. What the
/// [client over reqwest](crate::AuthorizedClient) promises of destinations, refusals and waiting holds here too, by the
/// same code; what it cannot know is where the service underneath really connects: see [`builder`](Self::builder).
///
/// Retries need a way to copy bodies: [`AuthorizeLayerBuilder::copy_body`]. Without one a 401 is reported, and is the
/// response.
///
/// # Redirects
/// Nothing is followed here. A layer that follows redirects belongs **outside** of this one, so that each hop passes
/// here and is judged. Inside, it would carry the header on to wherever it is led, for it copies headers that it does
/// not know to be secret.
///
/// ```
/// # fn example(token: keytide_core::Cache) -> Result<(), keytide_http::Error> {
/// use keytide_http::{AuthorizeLayer, Cloned};
///
/// let layer = AuthorizeLayer::builder(token)
///     .destination("https://api.example.com")
///     .copy_body(Cloned)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AuthorizeLayer<C = NoCopy> {
    shared: Arc<Shared>,
    copy: C,
}

impl AuthorizeLayer {
    /// Builds a layer that sends the credential of this cache.
    ///
    /// What a request's URI says is what is judged. The service underneath must connect there and check its
    /// certificate: a connector that goes elsewhere, a proxy that reads along, or a resolver that lies about
    /// `localhost` are out of reach of a layer.
    pub fn builder(cache: Cache) -> AuthorizeLayerBuilder {
        AuthorizeLayerBuilder::new(cache)
    }
}

impl<C> AuthorizeLayer<C> {
    /// The cache whose credential it sends.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        self.shared.guard.sender.cache()
    }
}

impl<S, C: Clone> Layer<S> for AuthorizeLayer<C> {
    type Service = Authorize<S, C>;

    fn layer(&self, inner: S) -> Authorize<S, C> {
        Authorize::new(inner, Arc::clone(&self.shared), self.copy.clone())
    }
}

impl<C> fmt::Debug for AuthorizeLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthorizeLayer")
            .field(&self.shared.guard)
            .finish()
    }
}
