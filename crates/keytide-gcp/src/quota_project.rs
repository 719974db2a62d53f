//! The project that pays for requests: [`QuotaProject`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keytide_core::Error;

/// The project that a file or the environment names to pay for requests: `quota_project_id`, `GOOGLE_CLOUD_QUOTA_PROJECT`.
///
/// It is no part of a token: whoever sends a request says it, in the header `x-goog-user-project`. So a provider whose file
/// names one is an error until somebody has taken this from it, for else it would be ignored in silence.
///
/// ```
/// use keytide_core::{Agent, Error};
/// use keytide_gcp::ApplicationDefault;
///
/// # async fn example(agent: &Agent) -> Result<(), Error> {
/// let provider = ApplicationDefault::builder(["https://www.googleapis.com/auth/devstorage.read_only"]).build()?;
/// let pays = provider.quota_project();
/// let token = agent.cache(provider).build()?;
///
/// token.get().await?;
/// if let Some(project) = pays.get() {
///     // request.header("x-goog-user-project", &*project)
/// }
/// # Ok(())
/// # }
/// ```
///
/// The official clients are told by `bridge::SdkCredentials::quota_project_of`. Who wants no project to pay drops it.
#[derive(Debug, Clone, Default)]
pub struct QuotaProject(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Somebody sends it, or has decided not to.
    taken: AtomicBool,
    /// Held to look and to set, never across an await.
    named: Mutex<Option<Arc<str>>>,
}

impl QuotaProject {
    /// The project that was named when the provider was asked last; none before, or where none is named.
    #[must_use]
    pub fn get(&self) -> Option<Arc<str>> {
        self.named().clone()
    }

    /// One for a user, who heeds it from now on.
    pub(crate) fn taken(&self) -> Self {
        self.0.taken.store(true, Ordering::Relaxed);
        self.clone()
    }

    /// Notes what `whence` names.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), when it is no project, or nobody would send it.
    pub(crate) fn note(&self, project: Option<String>, whence: &str) -> Result<(), Error> {
        let project = project.filter(|project| !project.is_empty());
        if let Some(project) = &project {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte);
            if project.len() > LONGEST || !project.bytes().all(plain) {
                return Err(Error::misconfigured(format!(
                    "{whence} is no id of a project"
                )));
            }
            if !self.0.taken.load(Ordering::Relaxed) {
                return Err(Error::misconfigured(format!(
                    "{whence} names a project that pays for requests, and nobody sends it: take quota_project() of the \
                     provider and send it as x-goog-user-project, or drop it if none is to pay"
                )));
            }
        }
        *self.named() = project.map(Arc::from);
        Ok(())
    }

    fn named(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.0.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes: more than a project's id, with a domain before it, has.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sends_is_an_error_and_what_is_no_project_too() {
        let known = QuotaProject::default();
        let some = |text: &str| Some(text.to_owned());

        assert!(known.note(None, "x").is_ok());
        assert!(known.note(some(""), "x").is_ok());
        let error = known
            .note(some("project-1"), "quota_project_id")
            .unwrap_err();
        assert!(error.to_string().contains("quota_project_id"), "{error}");
        assert_eq!(known.get(), None);

        let user = known.taken();
        known.note(some("example.com:project-1"), "x").unwrap();
        assert_eq!(user.get().as_deref(), Some("example.com:project-1"));
        for wrong in ["a b", "a\r\nx: y", "ü", &"x".repeat(129)] {
            assert!(known.note(some(wrong), "x").is_err(), "{wrong:?}");
        }
        known.note(None, "x").unwrap();
        assert_eq!(user.get(), None);
    }
}
