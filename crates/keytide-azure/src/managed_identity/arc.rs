//! Servers elsewhere that are enabled for Arc: [`Arc`]. Their agent shows a file that only the privileged can read, and
//! wants its content.

use http::StatusCode;
use keytide_core::{Error, Issued, Request};
use keytide_issuer::{Endpoint, Env, IssuerClient, Reply, header_text};
use zeroize::Zeroizing;

use super::codes::{ARC, accept};
use super::key_file::KeyDirectory;
use super::{Identity, with_resource};
use crate::answer::Token;
use crate::resource::Resource;

pub(super) struct Arc<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) client: &'a IssuerClient,
    pub(super) keys: &'a KeyDirectory,
    pub(super) env: &'a Env,
}

impl Arc<'_> {
    pub(super) async fn ask(
        self,
        resource: &Resource,
        identity: &Identity,
        request: &Request,
    ) -> Result<Issued, Error> {
        if identity.is_user_assigned() {
            return Err(Error::misconfigured(
                "Arc-enabled servers have a system-assigned identity only: take the id of the user-assigned one away",
            ));
        }
        let endpoint = with_resource(self.endpoint, VERSION, resource);
        let ask = || self.client.get(&endpoint).header("metadata", "true");
        let challenge = ask().send(request).await?;
        // What is no challenge is a failure, and says why.
        if challenge.status() != StatusCode::UNAUTHORIZED {
            accept(challenge, &ARC)?;
            return Err(Error::unavailable(
                "the agent of Arc gave a token without asking for its key: perhaps it is not the agent that answers",
            ));
        }
        let path = path_of(&challenge)?;
        let key = self.keys.read(path, self.env).await?;
        let key =
            header_text(&key).map_err(|fault| fault.explain("the key file of Arc's agent"))?;
        let mut authorization = Zeroizing::new(Vec::with_capacity(6 + key.len()));
        authorization.extend_from_slice(b"Basic ");
        authorization.extend_from_slice(key.as_bytes());
        let reply = ask()
            .secret_header("authorization", &authorization)
            .send(request)
            .await?;
        let answer = accept(reply, &ARC)?;
        Token::read(answer.body())?.of_managed_identity(request)
    }
}

/// The file that the challenge names: `Basic realm=<path>`.
fn path_of(challenge: &Reply) -> Result<String, Error> {
    let challenges = challenge.challenges();
    let basic = challenges.iter().filter(|challenge| challenge.is("Basic"));
    let named = basic
        .filter_map(|challenge| challenge.parameter("realm"))
        .map(ToOwned::to_owned)
        .next();
    named.filter(|path| !path.is_empty()).ok_or_else(|| {
        Error::unavailable("the challenge of Arc's agent names no key file: perhaps it is not the agent that answers")
    })
}

const VERSION: &str = "2020-06-01";
