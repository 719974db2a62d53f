//! App Service, Functions and Container Apps: [`AppService`].

use keytide_core::{Error, Issued, Request};
use keytide_issuer::{Endpoint, IssuerClient};
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
        let answer = accept(reply, &APP_SERVICE)?;
        Token::read(answer.body())?.of_managed_identity(request)
    }
}

const VERSION: &str = "2019-08-01";
