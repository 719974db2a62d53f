//! What the selected profile says beside whose role it is: [`ProfileSettings`].

use keytide_core::Error;

use super::profiles::{Profile, Profiles};
use crate::marks::is_account_id;
use crate::sts::{ConfiguredUrl, ProfileEndpoint};

/// Settings of the selected profile, for all calls that its roles need.
#[derive(Debug)]
pub(super) struct ProfileSettings {
    pub(super) region: Option<String>,
    pub(super) endpoint: ProfileEndpoint,
    pub(super) ca_bundle: Option<String>,
    pub(super) account_id: Option<String>,
}

impl ProfileSettings {
    pub(super) fn of(profiles: &Profiles, profile: &Profile) -> Result<Self, Error> {
        let text = |name: &str| Ok::<_, Error>(profile.get(name)?.map(ToOwned::to_owned));
        let account_id = text("aws_account_id")?;
        if account_id.as_deref().is_some_and(|id| !is_account_id(id)) {
            return Err(Error::misconfigured(format!(
                "{} is no account id of 12 digits",
                profile.named("aws_account_id")
            )));
        }
        Ok(Self {
            region: text("region")?,
            endpoint: ProfileEndpoint {
                url: url(profiles, profile)?,
                fips: profile.is_true("use_fips_endpoint")?,
                dual_stack: profile.is_true("use_dualstack_endpoint")?,
            },
            ca_bundle: text("ca_bundle")?,
            account_id,
        })
    }
}

/// What is said of STS goes before what is said of all services.
fn url(profiles: &Profiles, profile: &Profile) -> Result<Option<ConfiguredUrl>, Error> {
    if profile.is_true("ignore_configured_endpoint_urls")? {
        return Ok(None);
    }
    if let Some((named, url)) = profiles.of_service(profile, "sts", "endpoint_url")? {
        return Ok(Some(ConfiguredUrl { named, url }));
    }
    Ok(profile.get("endpoint_url")?.map(|url| ConfiguredUrl {
        named: profile.named("endpoint_url"),
        url: url.to_owned(),
    }))
}
