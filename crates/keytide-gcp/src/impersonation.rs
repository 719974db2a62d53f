//! Calls of the IAM Credentials API: [`Impersonation`].

use std::time::Duration;

use keytide_core::{Error, ErrorKind, Issued, Request, Secret};
use keytide_issuer::{Dialect, Endpoint, IssuerClient, Wiped};
use serde::Serialize;

use crate::answer::{Generated, identity_token};
use crate::codes::{API_ACCESS, API_FEDERATED, API_IDENTITY};
use crate::hosts::{Hosts, Role};
use crate::identity;
use crate::token_purpose::{TokenPurpose, check_account};

/// Which account is impersonated, through whom, and for what.
#[derive(Debug, Clone)]
pub(crate) struct Impersonation {
    endpoint: Endpoint,
    account: String,
    delegates: Vec<String>,
    lifetime: Duration,
    include_email: bool,
    purpose: TokenPurpose,
    codes: &'static Dialect,
}

/// An impersonation in the making.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) account: String,
    pub(crate) delegates: Vec<String>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) include_email: bool,
    /// The origin of the API, or the whole URL that a configuration gives, and where that stood.
    pub(crate) url: Option<(&'static str, String)>,
}

impl Plan {
    pub(crate) fn of(account: String) -> Self {
        Self {
            account,
            delegates: Vec::new(),
            lifetime: None,
            include_email: true,
            url: None,
        }
    }

    /// Checks everything, and finds the endpoint.
    pub(crate) fn checked(
        self,
        purpose: TokenPurpose,
        hosts: &Hosts,
    ) -> Result<Impersonation, Error> {
        purpose.check()?;
        check_account(&self.account)?;
        for delegate in &self.delegates {
            check_account(delegate)?;
        }
        let lifetime = self.lifetime.unwrap_or(HOUR);
        if lifetime < Duration::from_secs(1) || lifetime > LONGEST {
            return Err(Error::misconfigured(format!(
                "the lifetime of an impersonated token must be 1s to {LONGEST:?}, not {lifetime:?}"
            )));
        }
        if self.lifetime.is_some() && matches!(purpose, TokenPurpose::Identity(_)) {
            return Err(Error::misconfigured(
                "an identity token lives for as long as its issuer wants: only access tokens take a lifetime",
            ));
        }
        if !self.include_email && matches!(purpose, TokenPurpose::Access(_)) {
            return Err(Error::misconfigured(
                "an access token holds no e-mail address that could be left out (without_email): only identity tokens do",
            ));
        }
        let (field, url) = self
            .url
            .unwrap_or_else(|| ("the endpoint", hosts.iam_credentials()));
        let call = match &purpose {
            TokenPurpose::Access(_) => "generateAccessToken",
            TokenPurpose::Identity(_) => "generateIdToken",
        };
        let path = format!("{PATH}{}:{call}", self.account);
        let endpoint = hosts
            .endpoint(Role::IamCredentials, field, &url)?
            .at_path(&path)?;
        Ok(Impersonation {
            endpoint,
            account: self.account,
            delegates: self
                .delegates
                .iter()
                .map(|delegate| format!("projects/-/serviceAccounts/{delegate}"))
                .collect(),
            lifetime,
            include_email: self.include_email,
            codes: match &purpose {
                TokenPurpose::Access(_) => &API_ACCESS,
                TokenPurpose::Identity(_) => &API_IDENTITY,
            },
            purpose,
        })
    }
}

impl Impersonation {
    /// By a federated identity, which has a narrower role for it than others.
    pub(crate) fn by_federation(mut self) -> Self {
        self.codes = &API_FEDERATED;
        self
    }

    pub(crate) fn origin(&self) -> String {
        self.endpoint.origin()
    }

    /// The longest that a token of this impersonation lives.
    pub(crate) fn lifetime(&self) -> Duration {
        match self.purpose {
            TokenPurpose::Access(_) => self.lifetime,
            TokenPurpose::Identity(_) => HOUR,
        }
    }

    /// Asks for the token, with a base token that may do so.
    ///
    /// `Err` carries whether it was the base token itself that was not accepted.
    pub(crate) async fn generate(
        &self,
        client: &IssuerClient,
        request: &Request,
        base: &[u8],
    ) -> Result<Issued, (Error, bool)> {
        let mut bearer = Wiped::with_capacity(base.len() + 7);
        bearer.push(b"Bearer ");
        bearer.push(base);
        let body = self.body().map_err(|error| (error, false))?;
        let reply = client
            .post(&self.endpoint)
            .header("accept", "application/json")
            .secret_header("authorization", bearer.as_ref())
            .json(body)
            .send(request)
            .await
            .map_err(|error| (error, false))?;
        let base_refused = reply.status() == 401;
        let answer = reply.accept(self.codes).map_err(|error| {
            let refused = base_refused && error.kind() == ErrorKind::Refused;
            (error, refused)
        })?;
        self.issued(answer.body()).map_err(|error| (error, false))
    }

    fn body(&self) -> Result<Wiped, Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Body<'a> {
            Access {
                delegates: &'a [String],
                scope: &'a [String],
                lifetime: String,
            },
            #[serde(rename_all = "camelCase")]
            Identity {
                audience: &'a str,
                delegates: &'a [String],
                include_email: bool,
            },
        }
        let body = match &self.purpose {
            TokenPurpose::Access(scope) => Body::Access {
                delegates: &self.delegates,
                scope,
                lifetime: format!("{}s", self.lifetime.as_secs()),
            },
            TokenPurpose::Identity(audience) => Body::Identity {
                audience,
                delegates: &self.delegates,
                include_email: self.include_email,
            },
        };
        let json = serde_json::to_vec(&body).map_err(|error| {
            Error::misconfigured("the request cannot be written").caused_by(error)
        })?;
        let mut wiped = Wiped::with_capacity(json.len());
        wiped.push(&json);
        Ok(wiped)
    }

    fn issued(&self, body: &[u8]) -> Result<Issued, Error> {
        match &self.purpose {
            TokenPurpose::Access(_) => {
                let token = Generated::read(body)?;
                Ok(Issued::bearer(Secret::from(token.text.into_string()))
                    .expires_at(token.expires_at)
                    .principal(self.account.as_str()))
            }
            TokenPurpose::Identity(audience) => {
                let token = identity_token(body, "token")?;
                Ok(identity::issued(token, audience)?.principal(self.account.as_str()))
            }
        }
    }
}

/// The account in the URL of a configuration, which must be that of `generateAccessToken`.
pub(crate) fn account_in(field: &str, url: &str) -> Result<String, Error> {
    let path = url::Url::parse(url).map(|url| url.path().to_owned());
    let account = path.as_deref().ok().and_then(|path| {
        let account = path
            .strip_prefix(PATH)?
            .strip_suffix(":generateAccessToken")?;
        Some(account.replace("%40", "@"))
    });
    let account = account.filter(|account| check_account(account).is_ok());
    account.ok_or_else(|| {
        Error::misconfigured(format!(
            "{field} is not the URL of generateAccessToken of one service account"
        ))
    })
}

/// What a base token needs to impersonate, and no more.
pub(crate) const IAM_SCOPE: &str = "https://www.googleapis.com/auth/iam";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// Where an organisation policy allows more than an hour.
const LONGEST: Duration = Duration::from_secs(43_200);
const PATH: &str = "/v1/projects/-/serviceAccounts/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_stands_in_the_url_and_nothing_else_does() {
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken";

        assert_eq!(account_in("x", url).unwrap(), "a@b.iam.gserviceaccount.com");
        assert_eq!(
            account_in("x", &url.replace('@', "%40")).unwrap(),
            "a@b.iam.gserviceaccount.com"
        );
        for wrong in [
            "",
            "https://iamcredentials.googleapis.com/",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:signBlob",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a:generateAccessToken",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b/x:generateAccessToken",
            "https://iamcredentials.googleapis.com/v2/projects/-/serviceAccounts/a@b:generateAccessToken",
        ] {
            assert!(account_in("x", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_lifetime_is_a_second_to_twelve_hours_and_for_access_tokens() {
        let plan = |seconds| Plan {
            lifetime: Some(Duration::from_secs(seconds)),
            ..Plan::of("a@b".to_owned())
        };
        let access = || TokenPurpose::access([IAM_SCOPE]);
        for (seconds, good) in [
            (0, false),
            (1, true),
            (3600, true),
            (43_200, true),
            (43_201, false),
        ] {
            let checked = plan(seconds).checked(access(), &Hosts::default());
            assert_eq!(checked.is_ok(), good, "{seconds}");
        }
        let identity = TokenPurpose::Identity("x".to_owned());
        assert!(plan(60).checked(identity, &Hosts::default()).is_err());
        let default = Plan::of("a@b".to_owned()).checked(access(), &Hosts::default());
        assert_eq!(default.unwrap().lifetime(), HOUR);
    }

    #[test]
    fn only_an_identity_token_can_leave_the_email_out() {
        let plan = || Plan {
            include_email: false,
            ..Plan::of("a@b".to_owned())
        };
        let identity = TokenPurpose::Identity("x".to_owned());

        let error = plan()
            .checked(TokenPurpose::access([IAM_SCOPE]), &Hosts::default())
            .unwrap_err();
        assert!(error.to_string().contains("without_email"), "{error}");
        assert!(plan().checked(identity, &Hosts::default()).is_ok());
    }
}
