//! What a profile says, flattened: where to start, and which roles to assume from there ([`Plan`]).

use keytide_aws_policy::RoleArn;
use keytide_core::{Error, ErrorKind};
use zeroize::Zeroizing;

use super::profiles::{Profile, Profiles};
use super::settings::ProfileSettings;
use crate::keys::Keys;
use crate::marks::Marks;

/// Where to start, and which roles to assume from there, in order.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) start: Start,
    /// The profile that says where to start.
    pub(super) from: String,
    pub(super) roles: Vec<Role>,
    pub(super) settings: ProfileSettings,
}

pub(super) enum Start {
    Environment,
    Container,
    Instance,
    Process(String),
    WebIdentity { role_arn: RoleArn, path: String },
    Keys(Keys),
}

#[derive(Debug)]
pub(super) struct Role {
    pub(super) arn: RoleArn,
    pub(super) external_id: Option<String>,
}

impl Plan {
    /// Follows `source_profile` from the selected profile to where it starts. `named`: the one that the user chose.
    pub(super) fn of(
        profiles: &Profiles,
        named: Option<&str>,
        allow_static: bool,
    ) -> Result<Self, Error> {
        let selected = named.unwrap_or("default");
        let Some(first) = profiles.get(selected)? else {
            return Err(match named {
                Some(_) => {
                    let text = format!(
                        "AWS_PROFILE names the profile {selected}, and there is none of that name in the shared configuration files"
                    );
                    match profiles.nothing(text.clone()) {
                        error if error.kind() == ErrorKind::NotConfigured => {
                            Error::misconfigured(text)
                        }
                        error => error,
                    }
                }
                None => profiles
                    .nothing("there is no profile in the shared configuration files".to_owned()),
            });
        };
        let settings = ProfileSettings::of(profiles, first)?;
        let (mut profile, mut roles, mut seen) = (first, Vec::new(), vec![selected]);
        let start = loop {
            // What a profile that others start from says of keys goes before what it says of roles.
            if seen.len() > 1
                && let Some(keys) = keys_of(profile)?
            {
                break static_keys(profile, keys, allow_static)?;
            }
            let takes_role = profile.get("web_identity_token_file")?.is_none();
            let Some(arn) = profile.get("role_arn")?.filter(|_| takes_role) else {
                break start_of(profiles, profile, seen.len() == 1, allow_static)?;
            };
            if profile.get("mfa_serial")?.is_some() {
                return Err(wrong(
                    profile,
                    "asks for a second factor (mfa_serial), which is a person's",
                ));
            }
            roles.push(Role {
                arn: role_arn(profile, arn)?,
                external_id: profile.get("external_id")?.map(ToOwned::to_owned),
            });
            match (
                profile.get("source_profile")?,
                profile.get("credential_source")?,
            ) {
                (Some(_), Some(_)) => {
                    return Err(wrong(
                        profile,
                        "has both source_profile and credential_source: leave one of them",
                    ));
                }
                (None, None) => {
                    return Err(wrong(
                        profile,
                        "has a role_arn and neither source_profile nor credential_source",
                    ));
                }
                (None, Some(_)) => break start_of(profiles, profile, false, allow_static)?,
                (Some(next), None) if next == profile.name() => {
                    break start_of(profiles, profile, false, allow_static)?;
                }
                (Some(next), None) if seen.contains(&next) => {
                    return Err(wrong(
                        profile,
                        "leads round in a circle by its source_profile",
                    ));
                }
                (Some(next), None) => {
                    seen.push(next);
                    profile = profiles.get(next)?.ok_or_else(|| {
                        wrong(profile, "names a source_profile that does not exist")
                    })?;
                }
            }
        };
        roles.reverse();
        Ok(Self {
            start,
            from: profile.name().to_owned(),
            roles,
            settings,
        })
    }
}

/// Where a profile starts that assumes no role from another one.
fn start_of(
    profiles: &Profiles,
    profile: &Profile,
    only: bool,
    allow_static: bool,
) -> Result<Start, Error> {
    let text = |name: &str| Ok::<_, Error>(profile.get(name)?.map(ToOwned::to_owned));
    let first_of = |names: &[&'static str]| {
        let names = names.iter().copied();
        let set = names.filter_map(|name| match profile.get(name) {
            Ok(None) => None,
            Ok(Some(_)) => Some(Ok(name)),
            Err(error) => Some(Err(error)),
        });
        set.into_iter().next().transpose()
    };
    if let Some(source) = profile.get("credential_source")? {
        return match source {
            "Environment" => Ok(Start::Environment),
            "EcsContainer" => Ok(Start::Container),
            "Ec2InstanceMetadata" => Ok(Start::Instance),
            _ => Err(wrong(
                profile,
                "has another credential_source than Environment, EcsContainer and Ec2InstanceMetadata",
            )),
        };
    }
    if let Some(path) = text("web_identity_token_file")? {
        let arn = profile
            .get("role_arn")?
            .ok_or_else(|| wrong(profile, "has a web_identity_token_file and no role_arn"))?;
        let role_arn = role_arn(profile, arn)?;
        return Ok(Start::WebIdentity { role_arn, path });
    }
    let of_a_person = [
        "sso_session",
        "sso_region",
        "sso_start_url",
        "sso_account_id",
        "sso_role_name",
        "login_session",
    ];
    if let Some(name) = first_of(&of_a_person)? {
        return Err(wrong(
            profile,
            &format!("is the sign-in of a person ({name}): give this workload a role of its own"),
        ));
    }
    let keys = keys_of(profile)?;
    if let Some(command) = text("credential_process")? {
        return Ok(Start::Process(command));
    }
    if let Some(keys) = keys {
        return static_keys(profile, keys, allow_static);
    }
    if !only {
        return Err(wrong(
            profile,
            "says nothing of credentials, and another profile starts from it",
        ));
    }
    match first_of(&["source_profile", "external_id"])? {
        Some(name) => Err(wrong(profile, &format!("has a {name} and no role_arn"))),
        None => Err(profiles.nothing(format!(
            "the profile {} says nothing of credentials",
            profile.name()
        ))),
    }
}

/// The keys of a profile; half a key is none, and no reason to look elsewhere.
fn keys_of(profile: &Profile) -> Result<Option<Keys>, Error> {
    let names = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    ];
    let [id, secret, token] = names.map(|name| profile.get(name));
    match [id?, secret?, token?] {
        [None, None, None] => Ok(None),
        [Some(access_key_id), Some(secret_access_key), session_token] => Ok(Some(Keys {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Zeroizing::new(secret_access_key.to_owned()),
            session_token: session_token.map(|token| Zeroizing::new(token.to_owned())),
            expires_at: None,
            principal: None,
            marks: Marks::default(),
        })),
        [Some(_), None, _] => Err(wrong(
            profile,
            "has an aws_access_key_id and no aws_secret_access_key",
        )),
        [None, Some(_), _] => Err(wrong(
            profile,
            "has an aws_secret_access_key and no aws_access_key_id",
        )),
        [None, None, Some(_)] => Err(wrong(
            profile,
            "has an aws_session_token and no aws_access_key_id",
        )),
    }
}

fn static_keys(profile: &Profile, keys: Keys, allow: bool) -> Result<Start, Error> {
    if allow {
        return Ok(Start::Keys(keys));
    }
    Err(wrong(
        profile,
        "holds keys that never expire (aws_access_key_id): take them out, so that the role of this workload is found, or allow \
         them by danger_allow_static_keys",
    ))
}

fn role_arn(profile: &Profile, arn: &str) -> Result<RoleArn, Error> {
    RoleArn::parse(arn).map_err(|error| {
        Error::misconfigured(format!("{} is refused", profile.named("role_arn"))).caused_by(error)
    })
}

fn wrong(profile: &Profile, what: &str) -> Error {
    profile.wrong(what)
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::Container => "Container",
            Self::Instance => "Instance",
            Self::Process(_) => "Process",
            Self::WebIdentity { .. } => "WebIdentity",
            Self::Keys(_) => "Keys",
        })
    }
}
