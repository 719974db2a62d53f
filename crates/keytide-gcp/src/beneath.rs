//! The credential that another provider's is made of: [`obtain`].

use std::sync::Arc;

use keytide_core::{Credential, Error, ErrorKind, Request, Subject};

/// The subject for this request. `what` names it in errors, as `"the base token"`.
///
/// A provider that was given a subject is configured, whether its subject is or not: a chain must not go on from here to
/// another principal.
pub(crate) async fn obtain(
    subject: &Subject,
    what: &str,
    request: &Request,
) -> Result<Arc<Credential>, Error> {
    subject.obtain(request).await.map_err(|error| {
        if error.kind() != ErrorKind::NotConfigured {
            return error;
        }
        let from = error.provider().unwrap_or("another provider");
        let message = format!("{what} is to come from {from}, which is not configured here");
        Error::misconfigured(message).caused_by(error)
    })
}
