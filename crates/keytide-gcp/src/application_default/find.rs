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
    Key(PathBuf, String),
    Login(Login),
    ImpersonatedLogin(Login, Plan),
    /// Nothing in files: what was passed over.
    Nothing(String),
}

/// What was found, and where.
pub(super) struct Place {
    pub(super) step: SearchStep,
    pub(super) found: Found,
    /// The project that the file names to pay, and how that is called.
    pub(super) quota_project: Option<(String, String)>,
}

impl Place {
    fn nothing(passed_over: impl Into<String>) -> Self {
        Self {
            step: SearchStep::Metadata,
            found: Found::Nothing(passed_over.into()),
            quota_project: None,
        }
    }

    fn of(step: SearchStep, path: &Path, (found, quota_project): Understood) -> Self {
        let whence = format!("quota_project_id of {}", path.display());
        Self {
            step,
            found,
            quota_project: quota_project.map(|project| (project, whence)),
        }
    }
}

/// What a file holds, with the project that it names to pay.
type Understood = (Found, Option<String>);

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
) -> Result<Place, Error> {
    if chosen == Some(SearchStep::Metadata) {
        return Ok(Place::nothing("no file was in use before"));
    }
    if chosen != Some(SearchStep::WellKnown)
        && let Some(path) = path_in(env, VARIABLE)?
    {
        let file = SmallFile::new(path, "the credential of GOOGLE_APPLICATION_CREDENTIALS");
        let json = file.read().await?;
        return match understood(file.path(), &json, allowed)? {
            Some(understood) => Ok(Place::of(SearchStep::Variable, file.path(), understood)),
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
    let Some(path) = well_known(env)? else {
        return Ok(Place::nothing(format!(
            "{VARIABLE}, CLOUDSDK_CONFIG and {HOME} are not set"
        )));
    };
    let file = SmallFile::new(path, "the application default credential");
    let path = file.path().display();
    // What is there and cannot be read is no reason to go on, and neither is what cannot be looked at.
    let passed_over = match file.find().await? {
        Some(json) => match understood(file.path(), &json, allowed)? {
            Some(understood) => {
                return Ok(Place::of(SearchStep::WellKnown, file.path(), understood));
            }
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
    Ok(Place::nothing(passed_over))
}

/// Where `gcloud auth application-default login` leaves its file; none where no variable says so.
fn well_known(env: &Env) -> Result<Option<PathBuf>, Error> {
    let directory = match path_in(env, "CLOUDSDK_CONFIG")? {
        Some(directory) => Some(directory),
        None => path_in(env, HOME)?.map(|home| home.join(BELOW_HOME)),
    };
    Ok(directory.map(|directory| directory.join("application_default_credentials.json")))
}

/// The path that a variable names; none where it is not set, or empty.
///
/// # Errors
/// `Misconfigured`, naming the variable, for a line break, another control character, or a blank at an end: nothing would be
/// found by that name, and the search would go on to another account.
fn path_in(env: &Env, variable: &str) -> Result<Option<PathBuf>, Error> {
    let Some(path) = env.path(variable) else {
        return Ok(None);
    };
    let shown = path.to_string_lossy();
    let what = if shown.contains(char::is_control) {
        "holds a control character, such as a line break"
    } else if shown.trim().len() != shown.len() {
        "begins or ends with a blank"
    } else {
        return Ok(Some(path));
    };
    Err(Error::misconfigured(format!(
        "the environment variable {variable} is set, and its value {what}: take it out"
    )))
}

#[derive(Deserialize)]
struct Kind {
    r#type: String,
    universe_domain: Option<String>,
    quota_project_id: Option<String>,
}

#[derive(Deserialize)]
struct Impersonated {
    service_account_impersonation_url: String,
    #[serde(default)]
    delegates: Option<Vec<String>>,
    source_credentials: serde_json::Value,
}

/// What a file holds; none, where it is the login of a person that is not allowed.
fn understood(path: &Path, json: &[u8], allowed: Allowed) -> Result<Option<Understood>, Error> {
    let wrong = |what: &str| Error::misconfigured(format!("the file {} {what}", path.display()));
    let json = without_bom(json);
    let text = std::str::from_utf8(json).map_err(|_| wrong("is not UTF-8 text"))?;
    let kind: Kind = serde_json::from_slice(json).map_err(|_| wrong("is not JSON with a type"))?;
    let found = match kind.r#type.as_str() {
        "external_account" => Some(Found::Federation(federation(path, json)?)),
        "service_account" if !allowed.keys => {
            return Err(not_allowed(
                path,
                "the key of a service account",
                "danger_service_account_key",
            ));
        }
        "service_account" => Some(Found::Key(path.to_owned(), text.to_owned())),
        "authorized_user" | WORKFORCE if !allowed.users => None,
        "authorized_user" => {
            let login = login(json).ok_or_else(|| {
                wrong("has no client_id, client_secret and refresh_token: log in again")
            })?;
            login
                .check()
                .map_err(|error| wrong("cannot be used").caused_by(error))?;
            Some(Found::Login(login))
        }
        WORKFORCE => return Err(wrong(NO_WORKFORCE)),
        "impersonated_service_account" => impersonated(path, json, &kind, allowed)?,
        _ => {
            return Err(wrong(
                "is of a type that is not used here: external_account, impersonated_service_account, service_account or \
                 authorized_user",
            ));
        }
    };
    Ok(found.map(|found| (found, kind.quota_project_id)))
}

fn federation(path: &Path, json: &[u8]) -> Result<Box<ExternalAccountConfig>, Error> {
    let config = ExternalAccountConfig::from_json(json).map(Box::new);
    config.map_err(|error| {
        let message = format!(
            "the file {} holds no external account to use",
            path.display()
        );
        Error::misconfigured(message).caused_by(error)
    })
}

/// An account that somebody else is to act as; none, where that is a person who is not allowed.
fn impersonated(
    path: &Path,
    json: &[u8],
    kind: &Kind,
    allowed: Allowed,
) -> Result<Option<Found>, Error> {
    let wrong = |what: &str| Error::misconfigured(format!("the file {} {what}", path.display()));
    let told: Impersonated = serde_json::from_slice(json)
        .map_err(|_| wrong("has no service_account_impersonation_url and source_credentials"))?;
    // Written out, it is parsed like a file of its own.
    let mut source = told.source_credentials;
    if let (Some(universe), Some(source)) = (&kind.universe_domain, source.as_object_mut()) {
        // What the file says of itself is said of its source too.
        source
            .entry("universe_domain")
            .or_insert_with(|| universe.as_str().into());
    }
    let source = Zeroizing::new(source.to_string().into_bytes());
    let plan = planned(told.service_account_impersonation_url, told.delegates)
        .map_err(|error| wrong("cannot be used").caused_by(error))?;
    let of_type = serde_json::from_slice::<Kind>(&source).map(|kind| kind.r#type);
    match of_type.unwrap_or_default().as_str() {
        "external_account" => {
            let config = federation(path, &source)?;
            if config.impersonates() {
                return Err(wrong(
                    "impersonates an account by source_credentials that impersonate another one: name that one in delegates",
                ));
            }
            Ok(Some(Found::ImpersonatedFederation(config, plan)))
        }
        "authorized_user" | WORKFORCE if !allowed.users => Ok(None),
        "authorized_user" => {
            let login = login(&source).ok_or_else(|| {
                wrong("has source_credentials without a refresh_token: log in again")
            })?;
            login
                .check()
                .map_err(|error| wrong("cannot be used").caused_by(error))?;
            Ok(Some(Found::ImpersonatedLogin(login, plan)))
        }
        WORKFORCE => Err(wrong(NO_WORKFORCE)),
        _ => Err(wrong(
            "has source_credentials that are neither of type external_account nor authorized_user",
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
const BELOW_HOME: &str = if cfg!(windows) {
    "gcloud"
} else {
    ".config/gcloud"
};
/// The login of a person whom a workforce pool knows.
const WORKFORCE: &str = "external_account_authorized_user";
const NO_WORKFORCE: &str = "holds the login of a person of a workforce pool (external_account_authorized_user), which is not \
                            exchanged here: log in as authorized_user, or impersonate a service account";
