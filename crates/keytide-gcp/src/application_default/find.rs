//! Where a credential is configured: [`find`].

use std::path::{Path, PathBuf};

use keytide_core::{Error, ErrorKind};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::external_account::ExternalAccountConfig;
use crate::file;
use crate::impersonation::{Plan, account_in};
use crate::surroundings::Surroundings;
use crate::user_credentials::Login;

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Variable,
    WellKnown,
    Metadata,
}

/// What was found.
pub(super) enum Found {
    Federation(Box<ExternalAccountConfig>),
    ImpersonatedFederation(Box<ExternalAccountConfig>, Plan),
    Key(String),
    Login(Login),
    ImpersonatedLogin(Login, Plan),
    /// Nothing in files: what was passed over.
    Nothing(String),
}

/// What may be used though it rests on a secret that never expires.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed {
    pub(super) keys: bool,
    pub(super) users: bool,
}

/// Looks in the places of Application Default Credentials; in the chosen one alone, once one is.
pub(super) async fn find(
    surroundings: &Surroundings,
    allowed: Allowed,
    chosen: Option<Place>,
) -> Result<(Place, Found), Error> {
    if chosen == Some(Place::Metadata) {
        return Ok((
            Place::Metadata,
            Found::Nothing("no file was in use before".to_owned()),
        ));
    }
    if let Some(path) = surroundings.variable(VARIABLE).map(PathBuf::from)
        && chosen != Some(Place::WellKnown)
    {
        let found = read(&path, allowed).await?;
        return match found {
            Some(found) => Ok((Place::Variable, found)),
            None => Err(not_allowed(
                &path,
                "the login of a person",
                "danger_user_credentials",
            )),
        };
    }
    if chosen == Some(Place::Variable) {
        return Err(Error::misconfigured(format!(
            "{VARIABLE} was set before and is not set any more: set it again, or restart"
        )));
    }
    let Some(path) = surroundings.well_known_file() else {
        return Ok((
            Place::Metadata,
            Found::Nothing(format!("{VARIABLE} is not set")),
        ));
    };
    let passed_over = match read(&path, allowed).await {
        Ok(Some(found)) => return Ok((Place::WellKnown, found)),
        Ok(None) => format!(
            "{VARIABLE} is not set, {} holds the login of a person, which is used by danger_user_credentials only",
            path.display()
        ),
        // It is not there. What is there and cannot be read is no reason to go on.
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            format!("{VARIABLE} is not set, {} is not there", path.display())
        }
        Err(error) => return Err(error),
    };
    if chosen == Some(Place::WellKnown) {
        return Err(Error::unavailable(format!(
            "{} was in use before and cannot be used any more: {passed_over}",
            path.display()
        )));
    }
    Ok((Place::Metadata, Found::Nothing(passed_over)))
}

#[derive(Deserialize)]
struct Kind {
    r#type: String,
}

#[derive(Deserialize)]
struct Impersonated {
    service_account_impersonation_url: String,
    #[serde(default)]
    delegates: Option<Vec<String>>,
    source_credentials: serde_json::Value,
}

/// What a file holds; none, where it is the login of a person that is not allowed.
async fn read(path: &Path, allowed: Allowed) -> Result<Option<Found>, Error> {
    let json = file::read(path.to_owned(), "the credential").await?;
    let wrong = |what: &str| Error::misconfigured(format!("the file {} {what}", path.display()));
    let kind = |json: &[u8]| serde_json::from_slice::<Kind>(json).map(|kind| kind.r#type);
    let of_type = kind(&json).map_err(|_| wrong("is not JSON with a type"))?;
    match of_type.as_str() {
        "external_account" => {
            let config = ExternalAccountConfig::from_json(&json)?;
            Ok(Some(Found::Federation(Box::new(config))))
        }
        "service_account" if !allowed.keys => Err(not_allowed(
            path,
            "the key of a service account",
            "danger_service_account_key",
        )),
        "service_account" => {
            let text = String::from_utf8(json.to_vec()).map_err(|_| wrong("is not text"))?;
            Ok(Some(Found::Key(text)))
        }
        "authorized_user" if !allowed.users => Ok(None),
        "authorized_user" => Ok(Some(Found::Login(login(&json).ok_or_else(|| {
            wrong("has no client_id, client_secret and refresh_token: log in again")
        })?))),
        "impersonated_service_account" => {
            let told: Impersonated = serde_json::from_slice(&json).map_err(|_| {
                wrong("has no service_account_impersonation_url and source_credentials")
            })?;
            // Written out, it is parsed like a file of its own.
            let source = Zeroizing::new(told.source_credentials.to_string().into_bytes());
            let plan = planned(told.service_account_impersonation_url, told.delegates)?;
            match kind(&source).unwrap_or_default().as_str() {
                "external_account" => {
                    let config = ExternalAccountConfig::from_json(&source)?;
                    Ok(Some(Found::ImpersonatedFederation(Box::new(config), plan)))
                }
                "authorized_user" if !allowed.users => Ok(None),
                "authorized_user" => Ok(Some(Found::ImpersonatedLogin(
                    login(&source).ok_or_else(|| {
                        wrong("has source_credentials without a refresh_token: log in again")
                    })?,
                    plan,
                ))),
                _ => Err(wrong(
                    "has source_credentials that are neither of type external_account nor authorized_user",
                )),
            }
        }
        _ => Err(wrong(
            "is of a type that is not used here: external_account, impersonated_service_account, service_account or \
             authorized_user",
        )),
    }
}

fn login(json: &[u8]) -> Option<Login> {
    serde_json::from_slice(json).ok()
}

fn planned(url: String, delegates: Option<Vec<String>>) -> Result<Plan, Error> {
    let field = "service_account_impersonation_url";
    let mut plan = Plan::of(account_in(field, &url)?);
    plan.url = Some((field, url));
    let delegates = delegates.unwrap_or_default().into_iter();
    plan.delegates = delegates
        .map(|delegate| match delegate.rsplit_once('/') {
            Some(("projects/-/serviceAccounts", email)) => email.to_owned(),
            _ => delegate,
        })
        .collect();
    Ok(plan)
}

fn not_allowed(path: &Path, what: &str, how: &str) -> Error {
    Error::misconfigured(format!(
        "the file {} holds {what}, which never expires: federate the workload's identity instead, or allow it by {how}",
        path.display()
    ))
}

pub(super) const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
