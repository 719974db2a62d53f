//! A provider that asks an OAuth token endpoint as it should be asked, and some ways not to.

use std::fmt;
use std::time::{Duration, SystemTime};

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, RetryAfter, Secret};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use serde::Deserialize;

/// What it gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    FollowsRedirects,
    ReadsOn,
    BodyInError,
    BodyInLog,
    TakesAnyToken,
}

pub(crate) struct Careful {
    client: reqwest::Client,
    url: String,
    secret: String,
    flaw: Flaw,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: String,
    expires_in: serde_json::Value,
}

impl Careful {
    pub(crate) fn new(url: String, secret: &str, root: Option<&[u8]>, flaw: Flaw) -> Self {
        let policy = match flaw {
            Flaw::FollowsRedirects => Policy::limited(5),
            _ => Policy::none(),
        };
        let roots = root.map(|der| reqwest::Certificate::from_der(der).unwrap());
        let client = reqwest::Client::builder()
            .redirect(policy)
            .no_proxy()
            .retry(reqwest::retry::never())
            .tls_certs_only(roots);
        Self {
            client: client.build().unwrap(),
            url,
            secret: secret.to_owned(),
            flaw,
        }
    }

    async fn body(&self, mut answer: reqwest::Response) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| cut_off(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST && self.flaw != Flaw::ReadsOn {
                return Err(Error::unavailable(
                    "the issuer's answer is longer than 1 MiB",
                ));
            }
        }
        Ok(body)
    }

    fn token(&self, body: &[u8]) -> Result<Issued, Error> {
        let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
            let text = String::from_utf8_lossy(body);
            return Err(match self.flaw {
                Flaw::BodyInError => Error::unavailable(format!("the issuer answered with {text}")),
                Flaw::BodyInLog => {
                    tracing::debug!("the issuer answered with {text}");
                    unusable()
                }
                _ => unusable(),
            });
        };
        if !answer.token_type.eq_ignore_ascii_case("bearer") {
            return Err(Error::misconfigured("the issuer gives no bearer tokens"));
        }
        let visible = answer
            .access_token
            .bytes()
            .all(|byte| byte.is_ascii_graphic());
        if answer.access_token.is_empty() || !(visible || self.flaw == Flaw::TakesAnyToken) {
            return Err(Error::unavailable(
                "the issuer's token cannot stand in a header",
            ));
        }
        let seconds = match &answer.expires_in {
            serde_json::Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        let seconds = seconds.ok_or_else(|| {
            Error::unavailable("the issuer's expires_in is not a whole number of seconds")
        })?;
        let lifetime = Duration::from_secs(seconds);
        let token = Secret::from(answer.access_token);
        // The cache itself refuses what no bearer token can be.
        let issued = if self.flaw == Flaw::TakesAnyToken {
            Issued::password(token)
        } else {
            Issued::bearer(token)
        };
        Ok(issued.expires_in(lifetime))
    }
}

impl ProvideCredential for Careful {
    fn profile(&self) -> Profile {
        Profile::bearer("careful")
    }

    async fn provide(&self, _request: &Request) -> Result<Issued, Error> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_secret", &self.secret),
        ];
        let sent = self.client.post(&self.url).form(&form).send().await;
        let answer = sent.map_err(|error| cut_off(&error))?;
        let headers = answer.headers().iter();
        let length: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if length > 64 << 10 {
            return Err(Error::unavailable(
                "the issuer's headers are longer than 64 KiB",
            ));
        }
        let status = answer.status().as_u16();
        match status {
            200 => self.token(&self.body(answer).await?),
            429 => {
                let after = retry_after(answer.headers());
                Err(Error::throttled(
                    after,
                    "the issuer is busy, with status 429",
                ))
            }
            400 | 401 => match self.body(answer).await {
                Ok(body) if body.starts_with(b"{\"error\":\"invalid_client\"") => Err(
                    Error::refused("the issuer does not take the client's secret: replace it"),
                ),
                _ => Err(Error::unavailable(
                    "the issuer answered with status 401 and no reason",
                )),
            },
            status => Err(Error::unavailable(format!(
                "the issuer answered with status {status}"
            ))),
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(RetryAfter::Delay(Duration::from_secs(seconds)));
    }
    let instant: Option<SystemTime> = httpdate::parse_http_date(text).ok();
    instant.map(RetryAfter::At)
}

fn cut_off(error: &reqwest::Error) -> Error {
    let what = if error.is_timeout() {
        "the issuer did not answer in time"
    } else if error.is_connect() {
        "the issuer could not be reached: look at its address and its certificate"
    } else {
        "the issuer's answer broke off"
    };
    Error::unavailable(what)
}

fn unusable() -> Error {
    Error::unavailable(
        "the issuer's answer is not what a token endpoint gives: look at its address",
    )
}

impl fmt::Debug for Careful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Careful")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

const MOST: usize = 1 << 20;
