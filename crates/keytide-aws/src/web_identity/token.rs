//! Where the token comes from that a role is asked for by: [`WebIdentityToken`].

use std::path::PathBuf;

use keytide_aws_policy::RoleArn;
use keytide_core::{CredentialKind, Error, Request, Subject};
use keytide_issuer::{SmallFile, token_text};
use zeroize::Zeroizing;

use crate::failure::beneath_role;

/// Where a [`WebIdentity`](super::WebIdentity) takes its token from.
#[derive(Debug)]
pub struct WebIdentityToken(Origin);

#[derive(Debug)]
enum Origin {
    File(PathBuf),
    Cache(Subject),
}

impl WebIdentityToken {
    /// This file, which is opened anew for each call.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Origin::File(path.into()))
    }

    /// What another cache keeps fresh. A forced refresh asks that cache again first.
    #[must_use]
    pub fn subject(subject: Subject) -> Self {
        Self(Origin::Cache(subject))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.0 {
            Origin::File(_) => Ok(()),
            Origin::Cache(subject) => subject.expect_kind(CredentialKind::BearerToken),
        }
    }

    /// The token as it is now, by which this role is asked for.
    pub(super) async fn text(
        &self,
        role: &RoleArn,
        request: &Request,
    ) -> Result<Zeroizing<String>, Error> {
        match &self.0 {
            Origin::File(path) => SmallFile::new(path, NAMED).token().await,
            Origin::Cache(subject) => {
                let credential = subject
                    .obtain(request)
                    .await
                    .map_err(|error| beneath_role(role.as_str(), error))?;
                let token = token_text(credential.expose_bearer("web identity token")?);
                let token = token.map_err(|fault| fault.explain(NAMED))?;
                Ok(Zeroizing::new(token.to_owned()))
            }
        }
    }
}

const NAMED: &str = "the web identity token";
