//! App Service, Functions and Container Apps: [`AppService`].

use http::StatusCode;
use keytide_core::{Error, Issued, Request};
use keytide_issuer::{Endpoint, IssuerClient, Reply};
use zeroize::Zeroizing;

use super::codes::{APP_SERVICE, accept};
use super::{Identity, with_resource};
use crate::answer::Token;
use crate::resource::Resource;

pub(super) struct AppService<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) header: Zeroizing<String>,
    pub(super) client: &'a IssuerClient,
}

impl AppService<'_> {
    pub(super) async fn ask(
        self,
        resource: &Resource,
        identity: &Identity,
        request: &Request,
    ) -> Result<Issued, Error> {
        let mut endpoint = with_resource(self.endpoint, VERSION, resource);
        if let Some((name, id)) = identity.for_app_service() {
            endpoint = endpoint.query(name, id);
        }
        let reply = self
            .client
            .get(&endpoint)
            .secret_header("x-identity-header", self.header.as_bytes())
            .send(request)
            .await?;
        judge(&reply)?;
        let answer = accept(reply, &APP_SERVICE)?;
        Token::read(answer.body())?.of_managed_identity(request)
    }
}

/// It answers 500 and says no more for an identity that is not assigned and for a resource that is not known, as well as in
/// trouble of its own. So that is no refusal, and the likely causes are told.
fn judge(reply: &Reply) -> Result<(), Error> {
    if reply.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return Ok(());
    }
    let message = "the token service of this app answers 500, which it does for an unknown resource and for an identity that is \
                   not assigned, too: if it repeats, check the resource, and that the identity is assigned to this app, by its \
                   id";
    Err(match reply.retry_after() {
        Some(after) => Error::throttled(Some(after), message),
        None => Error::unavailable(message),
    })
}

const VERSION: &str = "2019-08-01";
