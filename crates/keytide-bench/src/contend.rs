//! What is measured, as one trait: [`Contend`]. Implement it for a cache of your own.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;

use crate::entrant::{Entrant, Info};
use crate::issuer::FakeIssuer;
use crate::running::{Failure, Reading, Running, Seen};

/// A cache that keeps a credential, and the path on which its users read it.
///
/// Implement it for your own, make an [`Entrant`] of it, and every scenario measures it beside the others:
///
/// ```
/// use keytide_bench::{Contend, Entrant, Failure, FakeIssuer, HeaderValue, Info, bearer};
///
/// /// Asks the issuer on every read.
/// struct NoCache(FakeIssuer);
///
/// impl Contend for NoCache {
///     type Read = String;
///
///     fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
///         Ok(Self(issuer.clone()))
///     }
///
///     fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
///         Self::start(issuer)
///     }
///
///     async fn read(&self) -> Result<String, Failure> {
///         let granted = self.0.issue().await.map_err(Failure::debug)?;
///         Ok(granted.token)
///     }
///
///     fn header(token: &String) -> Option<HeaderValue> {
///         bearer(token)
///     }
/// }
///
/// let entrant = Entrant::of::<NoCache>(Info::yours("no cache", "1.0.0"));
/// assert_eq!(entrant.info().name, "no cache");
/// ```
///
/// A provider of your own goes into a [`keytide_core::Cache`] first; the example `own_cache` of this crate has both.
pub trait Contend: Send + Sync + Sized + 'static {
    /// What one read gives.
    type Read: Send + 'static;

    /// A cache for one credential of this issuer. Called inside a tokio runtime; contacts nobody, or does so behind the
    /// caller's back.
    ///
    /// # Errors
    /// Whatever keeps it from being made.
    fn start(issuer: &FakeIssuer) -> Result<Self, Failure>;

    /// Another credential, of another issuer, beside this one: it shares with it what users share, such as a client.
    ///
    /// # Errors
    /// Whatever keeps it from being made.
    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure>;

    /// One read, on the path that its users take; waits where they would wait.
    ///
    /// # Errors
    /// Those that its users would see.
    fn read(&self) -> impl Future<Output = Result<Self::Read, Failure>> + Send;

    /// One read by a reader that states how long it waits, where its users can state that: `None` where they cannot. It is
    /// measured in the scenario `recover` only.
    ///
    /// # Errors
    /// Those that its users would see.
    fn read_within(
        &self,
        patience: Duration,
    ) -> impl Future<Output = Option<Result<Self::Read, Failure>>> + Send {
        let _ = patience;
        async { None }
    }

    /// The value of an `Authorization` header, made from what was read as its users make it; `None` where a read does not
    /// give the token. It is timed in the scenario `http` only; elsewhere it tells which token was read.
    fn header(read: &Self::Read) -> Option<HeaderValue>;
}

/// `Bearer` and a token, marked as sensitive.
#[must_use]
pub fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

struct Ring<C>(C);

impl<C: Contend> Running for Ring<C> {
    fn read_many(&self, reads: u64) -> Reading<'_, ()> {
        Box::pin(async move {
            for _ in 0..reads {
                drop(black_box(black_box(&self.0).read().await?));
            }
            Ok(())
        })
    }

    fn read(&self) -> Reading<'_, Seen> {
        Box::pin(async move {
            let read = self.0.read().await?;
            Ok(Seen::new(move || C::header(&read)))
        })
    }

    fn read_within(&self, patience: Duration) -> Reading<'_, Option<bool>> {
        Box::pin(async move {
            let read = self.0.read_within(patience).await;
            Ok(read.map(|read| read.is_ok()))
        })
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Arc<dyn Running>, Failure> {
        Ok(Arc::new(Self(self.0.beside(issuer)?)))
    }

    fn get_many<'a>(
        &'a self,
        http: &'a reqwest::Client,
        url: &'a str,
        gets: u64,
    ) -> Reading<'a, ()> {
        Box::pin(async move {
            for _ in 0..gets {
                let read = self.0.read().await?;
                let value = C::header(&read).ok_or_else(|| Failure::of("no token is read"))?;
                let request = http.get(url).header(AUTHORIZATION, value);
                let response = request.send().await.map_err(Failure::of)?;
                response.bytes().await.map_err(Failure::of)?;
            }
            Ok(())
        })
    }

    fn wrapper(&self) -> usize {
        // The two counts of the `Arc`.
        size_of::<Self>() + 2 * size_of::<usize>()
    }
}

impl Entrant {
    /// A contender, to be measured.
    #[must_use]
    pub fn of<C: Contend>(info: Info) -> Self {
        Self::new(info, |issuer| Ok(Arc::new(Ring(C::start(issuer)?))))
    }
}
