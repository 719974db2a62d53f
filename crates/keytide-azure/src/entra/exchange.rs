//! One exchange at Entra's token endpoint: [`Exchange`].

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keytide_core::{Error, ErrorKind, Issued, Request, Trigger};
use keytide_issuer::{Form, IssuerClient};

use super::codes::CODES;
use super::{Client, Proof, claims};
use crate::answer::Token;
use crate::resource::Resource;

/// Asks Entra for a token by the grant `client_credentials`.
pub(crate) struct Exchange {
    resource: Resource,
    /// Whether claims challenges can be answered, and Entra shall know.
    capable: bool,
    client: IssuerClient,
    /// The claims that Entra refused last: demanded by some destination, they must not keep the others from their tokens.
    /// Held to look and to set, never across an await.
    refused: Mutex<Option<Arc<str>>>,
}

impl Exchange {
    pub(crate) fn new(resource: Resource, capable: bool, client: IssuerClient) -> Self {
        Self {
            resource,
            capable,
            client,
            refused: Mutex::default(),
        }
    }

    pub(crate) async fn ask(
        &self,
        client: &Client,
        proof: &Proof,
        request: &Request,
    ) -> Result<Issued, Error> {
        let demanded = self.demanded(request);
        let asked = self.ask_with(client, proof, demanded, request).await;
        if let (Some(claims), Err(error)) = (demanded, &asked)
            && error.kind() == ErrorKind::Refused
        {
            *self.refused() = Some(Arc::from(claims));
        }
        asked
    }

    async fn ask_with(
        &self,
        client: &Client,
        proof: &Proof,
        demanded: Option<&str>,
        request: &Request,
    ) -> Result<Issued, Error> {
        let mut form = Form::new();
        form.add("grant_type", "client_credentials");
        form.add("client_id", &client.client_id);
        form.add("scope", self.resource.scope());
        proof.add_to(&mut form, request).await?;
        if let Some(claims) = claims::merged(demanded, self.capable) {
            form.add("claims", claims);
        }
        let reply = self
            .client
            .post(&client.endpoint)
            .header("accept", "application/json")
            .form(form)
            .send(request)
            .await?;
        let answer = reply.accept(&CODES)?.judged(&CODES)?;
        Token::read(answer.body())?.of_entra(&client.client_id)
    }

    /// What a destination demands, unless Entra has refused just that: then only the next such demand tries it again.
    fn demanded<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let demanded = request.claims()?;
        let refused = self.refused().as_deref() == Some(demanded);
        (!refused || request.trigger() == Trigger::Rejected).then_some(demanded)
    }

    fn refused(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("resource", &self.resource.as_str())
            .field("capable", &self.capable)
            .finish_non_exhaustive()
    }
}
