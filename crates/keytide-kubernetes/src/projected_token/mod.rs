//! The token that kubelet projects into a pod: [`ProjectedToken`].

mod builder;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use keytide_core::{Error, ErrorKind, Issued, Profile, ProvideCredential, Request};

pub use self::builder::ProjectedTokenBuilder;
use crate::file;
use crate::token::{Seen, SignatureForm, TokenCheck};
use crate::watch::{Following, Watch};

/// Reads the service-account token that kubelet keeps in a file, and tells its cache when the file has changed.
///
/// Each call opens the file by its path: kubelet replaces it, so an open file never changes. The token's claims are
/// read, not verified: `exp` is when it expires, `sub` the principal, `iat` when it was made, and
/// `kubernetes.io.warnafter` when to look for a newer one. `nbf` is not looked at: kubelet mounts no token ahead of
/// its time. The issuer's clock is never told from a file.
///
/// ```
/// use std::time::Duration;
/// use keytide_kubernetes::ProjectedToken;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let provider = ProjectedToken::builder("/var/run/secrets/tokens/api")
///     .audience("https://api.example.com")
///     .poll_interval(Duration::from_secs(10))
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Rotation
/// Kubelet replaces a token once 80 % of its life or 24 h have passed. The directory that holds the file is watched
/// (on Linux, by inotify), and the file is looked at every [`poll_interval`](ProjectedTokenBuilder::poll_interval) too, for where
/// watching does not work: the watch limit is reached, or the file system tells nothing. A change of the token in it
/// has the cache call at once, whatever its backoff; the same token written again, an empty file and one that is half
/// written do not.
///
/// The watch begins with the first call that finds the file or its directory, and ends with the provider or its
/// cache. All providers of a process share one thread for it, and there is none while nothing is watched. What the
/// watch keeps of a token is a keyed 64-bit digest.
///
/// # Errors
/// They name the path and never what is in the file. In each case a token at hand stays in use until it expires.
///
/// | what is found | kind |
/// |---|---|
/// | for certain neither the file nor its directory | [`NotConfigured`](ErrorKind::NotConfigured): a chain goes on. [`Unavailable`](ErrorKind::Unavailable) once a token was read here |
/// | no file in a directory that is there, a link that leads to nothing, an error of the file system | [`Unavailable`](ErrorKind::Unavailable): kubelet may be about to write it |
/// | an empty file, half a token, no JWT, a token that has expired | [`Unavailable`](ErrorKind::Unavailable) |
/// | a directory, a pipe, a device, a file over 64 KiB, no permission, a path through a file or in a circle | [`Misconfigured`](ErrorKind::Misconfigured) |
/// | no `exp`, or one that is a string, negative, in milliseconds or beyond the year 9999 | [`Misconfigured`](ErrorKind::Misconfigured) |
/// | another audience | [`Misconfigured`](ErrorKind::Misconfigured), naming both |
/// | a token of over 12 h (or the cache's [`longest_lifetime`](keytide_core::CacheBuilder::longest_lifetime)) | [`LifetimeTooLong`](ErrorKind::LifetimeTooLong), with the volume to use instead |
///
/// A token that was cut within its signature is told by the signatures that the same key made before, so not in the
/// first call. Kubelet never writes one.
///
/// # Revocation
/// The profile states [`UntilExpiry`](keytide_core::Revocation::UntilExpiry). The API server refuses a token about
/// 60 s after the pod or the account that it is bound to was deleted, but a verifier that checks only signature and
/// claims accepts it until `exp`, and nothing here deletes pods. Ask for short lifetimes: 600 s is the shortest.
///
/// # Threads
/// Files are read on threads of their own, never in the async threads and on none of tokio's blocking threads: a file
/// system may block for as long as it likes. One read is under way at a time for a path in the whole process, so a file
/// system that hangs holds one thread for each path, however many providers and caches read it and however often it is
/// tried again, until it answers.
///
/// The watch waits for no read either: where one hangs, the others are looked at and told as before. Only what watches
/// directories is one for all. A directory is watched anew every 30 s at most, and only once its file could be read, so
/// a file system would have to begin to hang between the two to hold up the watch of others; their refreshes ahead of
/// expiry go on even then.
pub struct ProjectedToken {
    path: Arc<Path>,
    audience: Option<Arc<str>>,
    watch: bool,
    poll_interval: Duration,
    /// Of the last good token. Held for a comparison, never across an await.
    form: Mutex<Option<SignatureForm>>,
    following: OnceLock<Following>,
}

impl ProjectedToken {
    /// Where kubelet mounts the token for the API server's own audience, unless the pod or the account says
    /// `automountServiceAccountToken: false`.
    ///
    /// The API server may extend that token's life to a year, and it is accepted for all that the account may do:
    /// with the default lifetime policy it is refused. For anything but the API server mount one for its own
    /// audience.
    pub const DEFAULT_PATH: &'static str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

    /// The token in this file. A relative path counts from the process's working directory at each call.
    pub fn builder(path: impl AsRef<Path>) -> ProjectedTokenBuilder {
        ProjectedTokenBuilder::new(path.as_ref())
    }

    async fn look(&self, request: &Request) -> Seen {
        let content = file::read(&self.path).await;
        let check = TokenCheck {
            path: &self.path,
            audience: self.audience.as_deref(),
            before: *self.form(),
            now: request.now(),
        };
        let seen = check.of(content);
        if seen.form.is_some() {
            *self.form() = seen.form;
        }
        seen
    }

    fn form(&self) -> MutexGuard<'_, Option<SignatureForm>> {
        self.form.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProvideCredential for ProjectedToken {
    fn profile(&self) -> Profile {
        Profile::bearer("projected_token").remedy(REMEDY)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let seen = self.look(request).await;
        let configured =
            !matches!(&seen.result, Err(error) if error.kind() == ErrorKind::NotConfigured);
        if configured {
            let following = self.following.get_or_init(|| {
                let directory = self.watch.then(|| crate::volume::directory_of(&self.path));
                Following::new(
                    Watch::new(Arc::clone(&self.path)),
                    directory,
                    self.poll_interval,
                )
            });
            following.heard(request, seen.fingerprint);
        }
        seen.result
    }
}

impl fmt::Debug for ProjectedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectedToken")
            .field("path", &self.path)
            .field("audience", &self.audience)
            .field("watch", &self.watch)
            .field("poll_interval", &self.poll_interval)
            .finish_non_exhaustive()
    }
}

/// What to mount instead of a token that lives for a year, on one line as every error: YAML takes that.
const REMEDY: &str = "mount a projected token, which kubelet rotates, and read its file instead: volumes: [{name: tokens, \
                      projected: {sources: [{serviceAccountToken: {audience: \"https://api.example.com\", \
                      expirationSeconds: 3600, path: api}}]}}]";

#[cfg(test)]
mod tests;
