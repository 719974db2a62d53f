//! The object that asks one issuer: [`ProvideCredential`].

mod chain;
pub(crate) mod issued;
pub(crate) mod request;

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

pub use self::chain::Chain;
pub use self::issued::Issued;
use self::request::Learned;
pub use self::request::{ChangeNotifier, Request};
use crate::error::Error;
use crate::profile::Profile;
use crate::sync::discard;

/// Asks one issuer, once per call.
///
/// A provider never caches, never retries, never sleeps and keeps no clock: the cache does all that. It may be dropped
/// at any await. It is called on the library's own thread, inside a tokio runtime with all drivers that are compiled
/// in; it must not block that thread (a provider that does is noticed, named, and polled on a thread of its
/// own from then on).
///
/// ```
/// use std::time::Duration;
/// use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Secret};
///
/// struct Vending;
///
/// impl ProvideCredential for Vending {
///     fn profile(&self) -> Profile {
///         Profile::bearer("vending").issuer("https://vending.example")
///     }
///
///     async fn provide(&self, request: &Request) -> Result<Issued, Error> {
///         let token = format!("token-for-{}", request.identity().agent_type);
///         Ok(Issued::bearer(Secret::from(token)).expires_in(Duration::from_secs(900)))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no provider of credentials",
    label = "this is no provider",
    note = "a builder becomes a provider by `.build()?`",
    note = "a `Cache` or a `Subject` is what a provider takes, not one itself: give it to the provider that asks for more with it"
)]
pub trait ProvideCredential: Send + Sync + 'static {
    /// What the provider states about itself. It is asked once, when a cache is built; a provider that chooses among
    /// others says later what the chosen one states, by [`Request::answered_by`].
    fn profile(&self) -> Profile;

    /// Asks the issuer.
    ///
    /// # Errors
    /// One of four sorts: [`Error::unavailable`] (also for what is unknown), [`Error::throttled`],
    /// [`Error::refused`], [`Error::not_configured`]; or [`Error::misconfigured`], which says what to mend.
    fn provide(&self, request: &Request) -> impl Future<Output = Result<Issued, Error>> + Send;
}

pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Issued, Error>> + Send + 'a>>;

/// An answer in the making, with all that it needs, and what the request brings beside it.
pub(crate) type ProvideFuture =
    Pin<Box<dyn Future<Output = (Result<Issued, Error>, Learned)> + Send + 'static>>;

/// A provider of any type: the object-safe twin of [`ProvideCredential`].
#[derive(Clone)]
pub(crate) struct SharedProvider(Arc<dyn Provide>);

impl SharedProvider {
    pub(crate) fn new(provider: impl ProvideCredential) -> Self {
        Self(Arc::new(provider))
    }

    pub(crate) fn profile(&self) -> Profile {
        self.0.profile()
    }

    /// Asks for the profile; a panic in that is an error.
    pub(crate) fn ask_profile(&self) -> Result<Profile, Error> {
        catch_unwind(AssertUnwindSafe(|| self.0.profile())).map_err(|payload| {
            discard(payload);
            Error::misconfigured("the provider panicked when it was asked for its profile")
        })
    }

    pub(crate) fn provide<'a>(&'a self, request: &'a Request) -> Answer<'a> {
        self.0.provide(request)
    }

    pub(crate) fn ask(self, request: Request) -> ProvideFuture {
        self.0.ask(request)
    }
}

impl fmt::Debug for SharedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedProvider")
            .field(&self.0.type_name())
            .finish()
    }
}

trait Provide: Send + Sync {
    fn profile(&self) -> Profile;
    fn type_name(&self) -> &'static str;
    fn provide<'a>(&'a self, request: &'a Request) -> Answer<'a>;
    fn ask(self: Arc<Self>, request: Request) -> ProvideFuture;
}

impl<P: ProvideCredential> Provide for P {
    fn type_name(&self) -> &'static str {
        std::any::type_name::<P>()
    }

    fn profile(&self) -> Profile {
        ProvideCredential::profile(self)
    }

    fn provide<'a>(&'a self, request: &'a Request) -> Answer<'a> {
        Box::pin(ProvideCredential::provide(self, request))
    }

    fn ask(self: Arc<Self>, request: Request) -> ProvideFuture {
        Box::pin(async move {
            let result = ProvideCredential::provide(&*self, &request).await;
            (result, request.into_learned())
        })
    }
}
