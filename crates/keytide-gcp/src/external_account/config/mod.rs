//! Configuration files of federations, which are untrusted: [`ExternalAccountConfig`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use keytide_core::Error;
use keytide_issuer::{Endpoint, SecretText, SmallFile, without_bom};
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::source::{Format, Source};
use crate::hosts::{Hosts, Role};
use crate::impersonation::{Plan, account_in};

/// A configuration of type `external_account`, as `gcloud iam workload-identity-pools create-cred-config` writes it.
///
/// Such a file decides where a subject token is taken from and where it goes, and may come from anybody. So each URL in it
/// must lead to the place that Google, Azure or AWS documents for it, before anything is sent; other origins are allowed
/// one by one, by [`danger_allow_endpoint`](super::ExternalAccountBuilder::danger_allow_endpoint). Programs that it names
/// (`executable`) are never run, and certificates are not read: both are errors.
///
/// | field | may lead to |
/// |---|---|
/// | `token_url` | `https://sts.googleapis.com`, `https://sts.LOCATION.rep.googleapis.com` |
/// | `service_account_impersonation_url` | `https://iamcredentials.googleapis.com`, `https://iamcredentials.LOCATION.rep.googleapis.com`, there `generateAccessToken` of one account |
/// | `credential_source.url` | `http://169.254.169.254/metadata/identity/oauth2/token` (Azure) |
/// | `credential_source` with `environment_id` | the metadata service and the STS of AWS |
///
/// `universe_domain` is one of those fields: a file of another universe than Google's own is refused, unless it is the one that
/// [`universe_domain`](super::ExternalAccountBuilder::universe_domain) names in code. Without a `token_url`, STS of the universe
/// is asked. `workforce_pool_user_project` is for workforce pools, and an error beside another audience; where the configuration
/// holds a client's id and secret, that client's project pays, as in Google's own libraries. For `quota_project_id` see
/// [`ExternalAccount::quota_project`](super::ExternalAccount::quota_project).
///
/// The file of a subject token is not limited: who may name a path in this file can have that file sent to Google as a
/// subject token, and nowhere else.
///
/// A configuration for AWS needs the signed request from elsewhere: give a cache of it to
/// [`subject`](super::ExternalAccountBuilder::subject).
pub struct ExternalAccountConfig {
    pub(super) audience: String,
    pub(super) subject_type: String,
    /// That of the universe, where none is given.
    pub(super) token_url: Option<String>,
    pub(super) impersonation: Option<Plan>,
    pub(super) source: Described,
    pub(super) user_project: Option<String>,
    pub(super) quota_project: Option<String>,
    pub(super) universe: Option<String>,
    pub(super) client: Option<(String, Zeroizing<String>)>,
}

/// What `credential_source` describes.
pub(super) enum Described {
    File(PathBuf, Format),
    Url(String, Vec<(String, Zeroizing<String>)>, Format),
    /// The URLs of AWS, by field.
    Aws(Vec<(&'static str, Role, String)>),
}

impl ExternalAccountConfig {
    /// Reads a configuration, once, from a regular file of at most 64 KiB.
    ///
    /// # Errors
    /// [`Unavailable`](keytide_core::ErrorKind::Unavailable) when it is not there or its file system fails, else
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the file, when it cannot be read or is not such a
    /// configuration.
    pub async fn from_file(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let file = SmallFile::new(path, "the configuration of an external account");
        let json = file.read().await?;
        Self::from_json(&json).map_err(|error| {
            let message = format!("{} holds no external account to use", file.path().display());
            Error::misconfigured(message).caused_by(error)
        })
    }

    /// Parses a configuration.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming what is wrong with it.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let raw: Raw = serde_json::from_slice(without_bom(json)).map_err(|_| {
            wrong("is not JSON with type, audience, subject_token_type and credential_source")
        })?;
        if raw.r#type != "external_account" {
            return Err(wrong("is not of type external_account"));
        }
        let impersonation = match raw.service_account_impersonation_url {
            None if raw.service_account_impersonation.is_some() => {
                return Err(wrong(
                    "has a service_account_impersonation, and no service_account_impersonation_url that it is of",
                ));
            }
            None => None,
            Some(url) => {
                let mut plan = Plan::of(account_in(IMPERSONATION, &url)?);
                plan.url = Some((IMPERSONATION, url));
                let options = raw.service_account_impersonation.unwrap_or_default();
                plan.lifetime = options.token_lifetime_seconds.map(Duration::from_secs);
                Some(plan)
            }
        };
        if raw.workforce_pool_user_project.is_some() && !is_workforce_pool(&raw.audience) {
            return Err(wrong(
                "has a workforce_pool_user_project, and an audience that is no workforce pool, \
                 //iam.googleapis.com/locations/global/workforcePools/POOL/providers/PROVIDER: take one of them out",
            ));
        }
        let client = match (raw.client_id, raw.client_secret) {
            (Some(id), Some(secret)) => Some((id, Zeroizing::new(secret.into_string()))),
            (None, None) => None,
            _ => {
                return Err(wrong(
                    "has a client_id or a client_secret without the other",
                ));
            }
        };
        Ok(Self {
            audience: raw.audience,
            subject_type: raw.subject_token_type,
            token_url: raw.token_url,
            impersonation,
            source: raw.credential_source.described()?,
            user_project: raw.workforce_pool_user_project,
            quota_project: raw.quota_project_id,
            universe: raw.universe_domain,
            client,
        })
    }

    /// The audience, which a signed request of AWS must name as its target
    /// (`x-goog-cloud-target-resource`).
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Whether it impersonates an account.
    pub(crate) fn impersonates(&self) -> bool {
        self.impersonation.is_some()
    }

    /// Whether the subject token must come from a cache, for this crate does not make it: AWS.
    #[must_use]
    pub fn needs_subject(&self) -> bool {
        matches!(self.source, Described::Aws(_))
    }
}

impl Described {
    /// The source, if it leads where it may; none where a cache has to be.
    pub(super) fn checked(self, hosts: &Hosts) -> Result<Option<Source>, Error> {
        match self {
            Self::File(path, format) => Ok(Some(Source::file(path, format))),
            Self::Url(url, headers, format) => {
                let endpoint: Endpoint =
                    hosts.endpoint(Role::Subject, "credential_source.url", &url)?;
                Ok(Some(Source::Url(endpoint, headers, format)))
            }
            Self::Aws(urls) => {
                for (field, role, url) in urls {
                    hosts.endpoint(role, field, &url)?;
                }
                Ok(None)
            }
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    r#type: String,
    audience: String,
    subject_token_type: String,
    token_url: Option<String>,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<RawImpersonation>,
    credential_source: RawSource,
    workforce_pool_user_project: Option<String>,
    quota_project_id: Option<String>,
    universe_domain: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretText>,
}

#[derive(Deserialize, Default)]
struct RawImpersonation {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct RawSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, SecretText>,
    format: Option<RawFormat>,
    executable: Option<IgnoredAny>,
    certificate: Option<IgnoredAny>,
    environment_id: Option<String>,
    region_url: Option<String>,
    regional_cred_verification_url: Option<String>,
    imdsv2_session_token_url: Option<String>,
}

#[derive(Deserialize)]
struct RawFormat {
    r#type: Option<String>,
    subject_token_field_name: Option<String>,
}

impl RawSource {
    fn described(self) -> Result<Described, Error> {
        if self.executable.is_some() {
            return Err(wrong(
                "names a program to run (credential_source.executable), which is never done: have the program write a \
                 file, or give its token by a cache",
            ));
        }
        if self.certificate.is_some() {
            return Err(wrong(
                "names a certificate (credential_source.certificate), which is not supported here",
            ));
        }
        if let Some(id) = &self.environment_id {
            if id != "aws1" {
                return Err(wrong("has an environment_id that is not aws1"));
            }
            return Ok(self.aws());
        }
        let format = match self.format {
            None => Format::Text,
            Some(format) => match (format.r#type.as_deref(), format.subject_token_field_name) {
                (None | Some("text"), _) => Format::Text,
                (Some("json"), Some(field)) => Format::Json(field),
                _ => {
                    return Err(wrong(
                        "has a format that is neither text nor json with a field name",
                    ));
                }
            },
        };
        let headers = self.headers.into_iter();
        let headers = headers.map(|(name, value)| (name, Zeroizing::new(value.into_string())));
        match (self.file, self.url) {
            (Some(file), None) => Ok(Described::File(file, format)),
            (None, Some(url)) => Ok(Described::Url(url, headers.collect(), format)),
            _ => Err(wrong(
                "names not one credential_source: a file, a URL or AWS",
            )),
        }
    }

    fn aws(self) -> Described {
        // The region takes the place of a name in a host: any will do to judge the rest.
        let sts = self
            .regional_cred_verification_url
            .map(|url| url.replace("{region}", "us-east-1"));
        let urls = [
            ("credential_source.url", Role::Ec2Metadata, self.url),
            (
                "credential_source.region_url",
                Role::Ec2Metadata,
                self.region_url,
            ),
            (
                "credential_source.imdsv2_session_token_url",
                Role::Ec2Metadata,
                self.imdsv2_session_token_url,
            ),
            (
                "credential_source.regional_cred_verification_url",
                Role::AwsSts,
                sts,
            ),
        ];
        let given = urls.into_iter();
        Described::Aws(
            given
                .filter_map(|(field, role, url)| Some((field, role, url?)))
                .collect(),
        )
    }
}

/// `//iam.googleapis.com/locations/global/workforcePools/POOL/providers/PROVIDER`: those of workloads are of a project.
fn is_workforce_pool(audience: &str) -> bool {
    let path = audience
        .strip_prefix("//iam.")
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, path)| path.split('/').collect::<Vec<_>>());
    matches!(
        path.as_deref(),
        Some(["locations", _, "workforcePools", pool, ..]) if !pool.is_empty()
    )
}

fn wrong(what: &str) -> Error {
    Error::misconfigured(format!("the configuration of the external account {what}"))
}

impl fmt::Debug for ExternalAccountConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccountConfig")
            .field("audience", &self.audience)
            .field("subject_type", &self.subject_type)
            .finish_non_exhaustive()
    }
}

const IMPERSONATION: &str = "service_account_impersonation_url";

#[cfg(test)]
mod tests;
