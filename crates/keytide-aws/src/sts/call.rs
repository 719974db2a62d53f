//! One call to STS: [`Call`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_sts::types::Credentials;
use http::{HeaderMap, Method, Uri};
use keytide_core::{Cache, Error, Request};
use keytide_http::{Attach, Outgoing, aws_code_blames_credential, aws_code_in_xml};
use keytide_issuer::{Endpoint, IssuerClient, is_trouble};
use keytide_sigv4::{SigV4, SigningKeys};
use zeroize::Zeroizing;

use super::endpoint::StsEndpoint;
use super::model::{self, Operation};
use crate::codes;
use crate::failure::{AMZ_RETRY_AFTER, Failure, answered, patience};
use crate::keys::{Keys, Signer};
use crate::marks::Marks;

/// One call, with the issuer's clock for its signature.
///
/// The SDK of AWS writes the request and reads the answer, and is not asked to make the call: what makes calls there logs whole
/// requests and answers at the level TRACE, secrets and all, and nothing can keep it from that without changing what the whole
/// process hears of `tracing`.
pub(crate) struct Call<'a> {
    client: IssuerClient,
    endpoint: Endpoint,
    signer: Option<(SigV4, SigningKeys)>,
    request: &'a Request,
    issuer: String,
    blames_keys: AtomicBool,
}

impl<'a> Call<'a> {
    /// Without a signer, the call is not signed.
    pub(crate) async fn new(
        sts: &StsEndpoint,
        signer: Option<Signer<'_>>,
        request: &'a Request,
    ) -> Result<Self, Error> {
        let endpoint = sts.endpoint()?;
        let signer = match signer {
            None => None,
            Some(signer) => {
                let sigv4 = SigV4::builder(sts.signing_region()?, "sts")
                    .build()
                    .map_err(unsigned)?;
                let Signer {
                    key_id,
                    secret,
                    session_token,
                } = signer;
                let keys = sigv4
                    .keys(key_id, secret, session_token)
                    .map_err(unsigned)?;
                Some((sigv4, keys))
            }
        };
        Ok(Self {
            client: sts.client(&endpoint).await?,
            issuer: sts.issuer(),
            endpoint,
            signer,
            request,
            blames_keys: AtomicBool::new(false),
        })
    }

    /// Tells the cache that the keys of a request came from, where the answer blamed them: it asks for others now, for the
    /// next attempt.
    pub(crate) fn report(&self, base: &Cache, generation: u64) {
        if self.blames_keys.load(Ordering::Relaxed) {
            // The report counts from the call on; nobody waits here.
            drop(base.rejected(generation, &self.issuer));
        }
    }

    /// Sends, and gives what the answer says. `denied` is put behind the message of an `AccessDenied`.
    pub(crate) async fn send<O: Operation>(
        &self,
        input: O,
        denied: impl FnOnce() -> String,
    ) -> Result<O::Output, Error> {
        let (mut headers, body) = model::written(input)?;
        self.sign(&mut headers, body.as_ref())?;
        let ask = self.client.ask(Method::POST, &self.endpoint);
        let exchange = ask.written(headers, body).exchange().await?;
        if let Some(date) = exchange.date() {
            self.request.saw_issuer_clock(date);
        }
        let plain = exchange.retry_after();
        let (status, headers, body) = exchange.into_parts();
        if status.is_success() {
            return model::read::<O>(status, &headers, body)?.ok_or_else(|| {
                Error::unavailable(format!(
                    "{} answers {} with what is no answer of STS: check that nothing answers in its place",
                    self.issuer,
                    status.as_u16()
                ))
            });
        }
        let code = aws_code_in_xml(body.as_ref());
        let amz = headers.get(AMZ_RETRY_AFTER);
        let failure = Failure {
            origin: &self.issuer,
            status,
            code: code.as_deref().and_then(codes::known),
            retry_after: patience(amz.and_then(|value| value.to_str().ok()), plain),
        };
        // By such a status this is no answer to what was asked, whatever its body says.
        let blamed = !is_trouble(status) && code.as_deref().is_some_and(aws_code_blames_credential);
        self.blames_keys.store(blamed, Ordering::Relaxed);
        Err(answered(match code.as_deref() {
            Some("AccessDenied" | "AccessDeniedException") => failure.error_with(&denied()),
            _ => failure.error(),
        }))
    }

    fn sign(&self, headers: &mut HeaderMap, body: &[u8]) -> Result<(), Error> {
        let Some((sigv4, keys)) = &self.signer else {
            return Ok(());
        };
        let uri: Uri = self.endpoint.as_str().parse().map_err(unsigned)?;
        let (profile, now) = (sigv4.profile(), self.request.issuer_now());
        let mut outgoing = Outgoing::new(&profile, &Method::POST, &uri, headers, Some(body), now)
            .map_err(unsigned)?;
        sigv4.attach(keys, &mut outgoing).map_err(unsigned)
    }
}

fn unsigned(error: impl std::fmt::Display) -> Error {
    Error::misconfigured(format!("the request to STS cannot be signed: {error}"))
}

/// The keys of an answer.
pub(crate) fn keys_of(
    credentials: Option<Credentials>,
    principal: Option<String>,
    marks: Marks,
) -> Result<Keys, Error> {
    let credentials =
        credentials.ok_or_else(|| Error::unavailable("the answer of STS holds no credentials"))?;
    let secret = Zeroizing::new(credentials.secret_access_key);
    let token = Zeroizing::new(credentials.session_token);
    let expires_at = SystemTime::try_from(credentials.expiration).unwrap_or(UNIX_EPOCH);
    // In the SDK's type a member that is not there is empty, or the year 1970.
    for (member, is_missing) in [
        ("AccessKeyId", credentials.access_key_id.is_empty()),
        ("SecretAccessKey", secret.is_empty()),
        ("SessionToken", token.is_empty()),
        ("Expiration", expires_at == UNIX_EPOCH),
    ] {
        if is_missing {
            return Err(Error::unavailable(format!(
                "the answer of STS is no role credential: it has no {member}"
            )));
        }
    }
    let keys = Keys {
        access_key_id: credentials.access_key_id,
        secret_access_key: secret,
        session_token: Some(token),
        expires_at: Some(expires_at),
        principal,
        marks,
    };
    keys.checked()
}
