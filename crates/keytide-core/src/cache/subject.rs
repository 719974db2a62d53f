//! A credential that another provider presents to its issuer: [`Subject`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Cache;
use crate::credential::Credential;
use crate::engine::ask::Limit;
use crate::engine::machine::Want;
use crate::error::{Error, ErrorKind};
use crate::event::Trigger;
use crate::profile::CredentialKind;
use crate::provider::request::{ChangeNotifier, Request};

/// How often an issuer takes one subject token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectUse {
    /// As often as it is valid.
    Repeatable,
    /// Once: each exchange needs a new one.
    Once,
}

/// The credential of another cache, as the input of a provider: an assertion, a subject token, a base role.
///
/// A forced refresh of the layer above asks again here too, with the generation that was used; a base that gives the
/// same again is no error, the layer above mints from it. One by name (`Cache::refresh_now`) is one by name here. With [`SubjectUse::Once`] no generation is given out twice,
/// not even after an answer that was lost: where the base has no newer one (a file), the layer above fails until it
/// changes, says so, and is asked again the moment it does.
///
/// ```
/// use keytide_core::{Cache, Error, Issued, Profile, ProvideCredential, Request, Secret, Subject, SubjectUse};
///
/// struct Exchange {
///     subject: Subject,
/// }
///
/// impl ProvideCredential for Exchange {
///     fn profile(&self) -> Profile {
///         Profile::bearer("exchange")
///     }
///
///     async fn provide(&self, request: &Request) -> Result<Issued, Error> {
///         let subject = self.subject.obtain(request).await?;
///         let assertion = subject.expose_bearer("subject token of the exchange")?;
///         # let _ = assertion;
///         // … present it to the issuer …
///         Err(Error::unavailable("no issuer in this example"))
///     }
/// }
///
/// fn exchange(base: Cache) -> Exchange {
///     Exchange { subject: Subject::new(base, SubjectUse::Once) }
/// }
/// ```
#[derive(Debug)]
pub struct Subject {
    cache: Cache,
    usage: SubjectUse,
    /// The generation that was given out last.
    used: AtomicU64,
}

impl Subject {
    /// The credential of `cache`, under the rule of the issuer that it is presented to.
    #[must_use]
    pub fn new(cache: Cache, usage: SubjectUse) -> Self {
        Self {
            cache,
            usage,
            used: AtomicU64::new(0),
        }
    }

    /// Checks that the subject is of this kind, as its provider states it: [`Cache::expect_kind`].
    ///
    /// # Errors
    /// Those of [`Cache::expect_kind`].
    pub fn expect_kind(&self, wanted: CredentialKind) -> Result<(), Error> {
        self.cache.expect_kind(wanted)
    }

    /// The subject for this request.
    ///
    /// # Errors
    /// Those of [`Cache::get`]; with [`SubjectUse::Once`] also [`Unavailable`](ErrorKind::Unavailable) while there is
    /// none that was not presented before: asked again when the base changes.
    ///
    /// Never [`NotConfigured`](ErrorKind::NotConfigured): whoever was given a subject is configured, so where nobody
    /// configured the subject's provider it is [`Misconfigured`](ErrorKind::Misconfigured), naming that provider, and a
    /// chain does not go on to another principal.
    pub async fn obtain(&self, request: &Request) -> Result<Arc<Credential>, Error> {
        // What the user demands by name is demanded of every layer, whatever its pace.
        let by_name = request.trigger() == Trigger::ByName;
        let subject = match self.usage {
            SubjectUse::Repeatable => self.repeatable(request.forced(), by_name).await,
            SubjectUse::Once => self.once(request.change_notifier(), by_name).await,
        };
        subject.map_err(Error::of_provider)
    }

    async fn repeatable(&self, forced: bool, by_name: bool) -> Result<Arc<Credential>, Error> {
        let used = self.used.load(Ordering::Relaxed);
        if forced && used > 0 {
            match self.asked_beyond(used, by_name).await {
                Err(error) if is_final(&error) => return Err(error),
                _ => {}
            }
        }
        let credential = self.cache.get().await?;
        self.used
            .fetch_max(credential.generation(), Ordering::Relaxed);
        Ok(credential)
    }

    async fn once(
        &self,
        notifier: ChangeNotifier,
        by_name: bool,
    ) -> Result<Arc<Credential>, Error> {
        loop {
            let used = self.used.load(Ordering::Relaxed);
            let answer = match used {
                0 => self.cache.get().await,
                used => self.asked_beyond(used, by_name).await,
            };
            let cause = match answer {
                Ok(credential) if credential.generation() > used => {
                    // Marked before it is presented: an answer that is lost has used it up all the same.
                    let mine = self.used.compare_exchange(
                        used,
                        credential.generation(),
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    );
                    if mine.is_ok() {
                        return Ok(credential);
                    }
                    continue;
                }
                Ok(_) => None,
                Err(error) if used == 0 || is_final(&error) => return Err(error),
                Err(error) => Some(error),
            };
            if self.cache.shared.await_newer(used, notifier.clone()) {
                continue;
            }
            let message = format!(
                "the issuer takes a subject once, and {} has given no other yet; waiting for it to change",
                self.cache.key()
            );
            let error = Error::unavailable(message).until_changed();
            return Err(match cause {
                Some(cause) => error.caused_by(cause),
                None => error,
            });
        }
    }

    async fn asked_beyond(&self, used: u64, by_name: bool) -> Result<Arc<Credential>, Error> {
        self.cache
            .shared
            .obtain(
                Want {
                    beyond: Some(used),
                    by_name,
                    ..Want::default()
                },
                Limit::OneCall,
            )
            .await
    }
}

fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Revoked | ErrorKind::ShutDown | ErrorKind::ForeignInstance
    )
}
