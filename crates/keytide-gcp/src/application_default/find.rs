//! Where a credential is configured: [`find`].

use std::path::{Path, PathBuf};

use keytide_core::Error;
use keytide_issuer::{Env, SmallFile, without_bom};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::external_account::ExternalAccountConfig;
use crate::impersonation::{Plan, account_in};
use crate::user_credentials::Login;

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchStep {
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
    env: &Env,
    allowed: Allowed,
    chosen: Option<SearchStep>,
) -> Result<(SearchStep, Found), Error> {
    if chosen == Some(SearchStep::Metadata) {
        return Ok((
            SearchStep::Metadata,
            Found::Nothing("no file was in use before".to_owned()),
        ));
    }
    if let Some(path) = env.path(VARIABLE)
        && chosen != Some(SearchStep::WellKnown)
    {
        let file = SmallFile::new(path, "the credential of GOOGLE_APPLICATION_CREDENTIALS");
        let json = file.read().await?;
        return match understood(file.path(), &json, allowed)? {
            Some(found) => Ok((SearchStep::Variable, found)),
            None => Err(not_allowed(
                file.path(),
                "the login of a person",
                "danger_user_credentials",
            )),
        };
    }
    if chosen == Some(SearchStep::Variable) {
        return Err(Error::misconfigured(format!(
            "{VARIABLE} was set before and is not set any more: set it again, or restart"
        )));
    }
    let Some(path) = well_known(env) else {
        return Ok((
            SearchStep::Metadata,
            Found::Nothing(format!(
                "{VARIABLE}, CLOUDSDK_CONFIG and {HOME} are not set"
            )),
        ));
    };
    let file = SmallFile::new(path, "the application default credential");
    let path = file.path().display();
    // What is there and cannot be read is no reason to go on, and neither is what cannot be looked at.
    let passed_over = match file.find().await? {
        Some(json) => match understood(file.path(), &json, allowed)? {
            Some(found) => return Ok((SearchStep::WellKnown, found)),
            None => format!(
                "{VARIABLE} is not set, {path} holds the login of a person, which is used by danger_user_credentials only"
            ),
        },
        None => format!("{VARIABLE} is not set, {path} is not there"),
    };
    if chosen == Some(SearchStep::WellKnown) {
        return Err(Error::unavailable(format!(
            "{path} was in use before and cannot be used any more: {passed_over}"
        )));
    }
    Ok((SearchStep::Metadata, Found::Nothing(passed_over)))
}

/// Where `gcloud auth application-default login` leaves its file; none where no variable says so.
fn well_known(env: &Env) -> Option<PathBuf> {
    let directory = match env.path("CLOUDSDK_CONFIG") {
        Some(directory) => directory,
        None if cfg!(windows) => env.path(HOME)?.join("gcloud"),
        None => env.path(HOME)?.join(".config/gcloud"),
    };
    Some(directory.join("application_default_credentials.json"))
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
fn understood(path: &Path, json: &[u8], allowed: Allowed) -> Result<Option<Found>, Error> {
    let wrong = |what: &str| Error::misconfigured(format!("the file {} {what}", path.display()));
    let federation = |json: &[u8]| {
        let config = ExternalAccountConfig::from_json(json).map(Box::new);
        config.map_err(|error| wrong("holds no external account to use").caused_by(error))
    };
    let kind = |json: &[u8]| serde_json::from_slice::<Kind>(json).map(|kind| kind.r#type);
    let json = without_bom(json);
    let text = std::str::from_utf8(json).map_err(|_| wrong("is not UTF-8 text"))?;
    let of_type = kind(json).map_err(|_| wrong("is not JSON with a type"))?;
    match of_type.as_str() {
        "external_account" => Ok(Some(Found::Federation(federation(json)?))),
        "service_account" if !allowed.keys => Err(not_allowed(
            path,
            "the key of a service account",
            "danger_service_account_key",
        )),
        "service_account" => Ok(Some(Found::Key(text.to_owned()))),
        "authorized_user" if !allowed.users => Ok(None),
        "authorized_user" => Ok(Some(Found::Login(login(json).ok_or_else(|| {
            wrong("has no client_id, client_secret and refresh_token: log in again")
        })?))),
        "impersonated_service_account" => {
            let told: Impersonated = serde_json::from_slice(json).map_err(|_| {
                wrong("has no service_account_impersonation_url and source_credentials")
            })?;
            // Written out, it is parsed like a file of its own.
            let source = Zeroizing::new(told.source_credentials.to_string().into_bytes());
            let plan = planned(told.service_account_impersonation_url, told.delegates)?;
            match kind(&source).unwrap_or_default().as_str() {
                "external_account" => Ok(Some(Found::ImpersonatedFederation(
                    federation(&source)?,
                    plan,
                ))),
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
/// What leads to the directory of `gcloud` where nothing else does.
const HOME: &str = if cfg!(windows) { "APPDATA" } else { "HOME" };
