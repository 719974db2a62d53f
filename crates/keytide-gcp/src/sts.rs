//! The exchange of one token for another at Google's security token service: RFC 8693.

use keytide_core::{Error, Request};
use keytide_issuer::{Endpoint, Form, IssuerClient, TokenAnswer};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::codes::OAUTH;

/// What is exchanged, and for what.
pub(crate) struct Exchange<'a> {
    pub(crate) audience: Option<&'a str>,
    pub(crate) scope: Option<String>,
    pub(crate) subject: &'a [u8],
    pub(crate) subject_type: &'a str,
    /// What Google wants to know beside the parameters of the RFC.
    pub(crate) options: Option<&'a Value>,
    /// A client id and its secret, for pools that want them.
    pub(crate) client: Option<&'a (String, Zeroizing<String>)>,
}

impl Exchange<'_> {
    pub(crate) async fn send(
        self,
        client: &IssuerClient,
        endpoint: &Endpoint,
        request: &Request,
    ) -> Result<TokenAnswer, Error> {
        let mut form = Form::new();
        form.add("grant_type", GRANT);
        if let Some(audience) = self.audience {
            form.add("audience", audience);
        }
        if let Some(scope) = &self.scope {
            form.add("scope", scope);
        }
        form.add("requested_token_type", ACCESS_TOKEN);
        form.add("subject_token", self.subject);
        form.add("subject_token_type", self.subject_type);
        if let Some(options) = self.options {
            // Quoted by itself, and once more as the value of a form.
            let quoted = utf8_percent_encode(&options.to_string(), NON_ALPHANUMERIC).to_string();
            form.add("options", quoted);
        }
        let mut ask = client
            .post(endpoint)
            .header("accept", "application/json")
            .form(form);
        if let Some((id, secret)) = self.client {
            ask = ask.basic(id, secret.as_bytes());
        }
        let answer = ask.send(request).await?.accept(&OAUTH)?.judged(&OAUTH)?;
        TokenAnswer::read(answer.body())
    }
}

/// The type of an access token, as a subject and as what is wanted.
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
