//! The instance metadata service of virtual machines: [`Imds`].

use std::time::Duration;

use http::StatusCode;
use keytide_core::{Error, ErrorKind, Issued, Request};
use keytide_issuer::{Endpoint, IssuerClient, Reply};

use super::codes::{IMDS_SYSTEM, IMDS_USER, accept};
use super::{Identity, rate_limit, with_resource};
use crate::answer::Token;
use crate::resource::Resource;

pub(super) struct Imds<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) client: &'a IssuerClient,
}

impl Imds<'_> {
    pub(super) async fn ask(
        &self,
        resource: &Resource,
        identity: &Identity,
        request: &Request,
    ) -> Result<Issued, Error> {
        let mut endpoint = with_resource(self.endpoint.at_path(PATH)?, VERSION, resource);
        if let Some((name, id)) = identity.for_imds() {
            endpoint = endpoint.query(name, id);
        }
        let turn = rate_limit::turn(&self.endpoint.origin()).await?;
        let reply = self
            .client
            .get(&endpoint)
            .header("metadata", "true")
            .send(request)
            .await?;
        drop(turn);
        judge(&reply)?;
        let codes = if identity.is_user_assigned() {
            &IMDS_USER
        } else {
            &IMDS_SYSTEM
        };
        let answer = accept(reply, codes)?;
        Token::read(answer.body())?.of_managed_identity(request)
    }

    /// Whether there is an IMDS of Azure: a request that it refuses at once, without asking Entra, because it lacks the
    /// header. What gives no answer within a second, or another one, is none: other clouds have theirs at this address.
    pub(super) async fn probe(&self, request: &Request) -> Result<(), Error> {
        let endpoint = self.endpoint.at_path(PATH)?.query("api-version", VERSION);
        let turn = rate_limit::turn(&self.endpoint.origin()).await?;
        let client = IssuerClient::quick(PROBE)?;
        let probed = client.get(&endpoint).send(request).await;
        drop(turn);
        let absent = |why: &str| {
            Error::not_configured(format!(
                "there is no instance metadata service of Azure at {}: {why}",
                self.endpoint.origin()
            ))
        };
        match probed {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                Err(absent("it does not answer within a second").caused_by(error))
            }
            Err(error) => Err(error),
            Ok(reply) if is_of_azure(&reply) => Ok(()),
            Ok(_) => Err(absent("what answers there is none of Azure")),
        }
    }
}

/// Whether this is how IMDS answers a request without its header, or in trouble.
fn is_of_azure(reply: &Reply) -> bool {
    let status = reply.status();
    let named = reply
        .header("server")
        .is_some_and(|server| server.starts_with("IMDS/"));
    let refused = status == StatusCode::BAD_REQUEST && reply.code(&IMDS_SYSTEM).is_some();
    let in_trouble = status == StatusCode::GONE
        || status == StatusCode::TOO_MANY_REQUESTS
        || status.is_server_error();
    named || refused || in_trouble
}

/// The statuses that mean something else here than elsewhere.
fn judge(reply: &Reply) -> Result<(), Error> {
    let status = reply.status();
    let updated = match status {
        StatusCode::NOT_FOUND => "it is being updated, or there is none here",
        StatusCode::GONE => "it is being updated, and is back within 70 s",
        StatusCode::TOO_MANY_REQUESTS => {
            return Err(Error::throttled(
                reply.retry_after(),
                "the instance metadata service answers 429: this machine asks for more than 20 tokens a second, or for more \
                 than 5 at a time",
            ));
        }
        _ => return Ok(()),
    };
    Err(Error::unavailable(format!(
        "the instance metadata service answers {}: {updated}",
        status.as_u16()
    )))
}

/// IMDS is one hop away, or it is not there.
const PROBE: Duration = Duration::from_millis(900);
const PATH: &str = "/metadata/identity/oauth2/token";
const VERSION: &str = "2018-02-01";
