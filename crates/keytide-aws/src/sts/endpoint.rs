//! Where STS is asked: [`StsEndpoint`].

use keytide_core::Error;
use keytide_issuer::{Endpoint, Env, IssuerClient};

/// The region, the endpoint and the client of a provider that asks STS.
#[derive(Debug, Clone)]
pub(crate) struct StsEndpoint {
    pub(crate) region: Option<String>,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) env: Env,
    pub(crate) client: IssuerClient,
}

impl Default for StsEndpoint {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            env: Env::process(),
            client: IssuerClient::shared(),
        }
    }
}

impl StsEndpoint {
    /// Refuses what was set and cannot be right.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(region) = &self.region {
            check_region(region)?;
        }
        if let Some(url) = &self.endpoint_url {
            Endpoint::parse(url)?;
        }
        Ok(())
    }

    /// The region whose STS is asked, and which signatures are for.
    pub(crate) fn region(&self) -> Result<String, Error> {
        let region = self.configured_region()?.ok_or_else(|| {
            Error::misconfigured(
                "no region is known: set AWS_REGION, or the region of the provider, such as eu-west-1",
            )
        })?;
        check_region(&region)?;
        Ok(region)
    }

    /// The region that was set, or that a variable names.
    pub(crate) fn configured_region(&self) -> Result<Option<String>, Error> {
        match &self.region {
            Some(region) => Ok(Some(region.clone())),
            None => match self.env.get("AWS_REGION")? {
                Some(region) => Ok(Some(region)),
                None => self.env.get("AWS_DEFAULT_REGION"),
            },
        }
    }

    /// The URL that was set in place of the region's own.
    pub(crate) fn endpoint_url(&self) -> Result<Option<String>, Error> {
        if self.endpoint_url.is_some() {
            return Ok(self.endpoint_url.clone());
        }
        if self.env.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
            return Ok(None);
        }
        for name in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
            // Judged here, so that the error names the variable; taken as it was written.
            if self.env.endpoint(name)?.is_some() {
                return self.env.get(name);
            }
        }
        Ok(None)
    }

    pub(crate) fn fips(&self) -> Result<bool, Error> {
        self.env.is_true("AWS_USE_FIPS_ENDPOINT")
    }

    pub(crate) fn dual_stack(&self) -> Result<bool, Error> {
        self.env.is_true("AWS_USE_DUALSTACK_ENDPOINT")
    }

    /// What calls to this STS are bounded together by. Never an error: it is a name.
    pub(crate) fn issuer(&self) -> String {
        if let Ok(Some(url)) = self.endpoint_url() {
            return Endpoint::parse(&url).map_or(url, |endpoint| endpoint.origin());
        }
        let region = self.configured_region().ok().flatten();
        format!(
            "https://{}",
            host_of(region.as_deref().unwrap_or("unknown"))
        )
    }
}

/// The host of a region's own STS.
pub(crate) fn host_of(region: &str) -> String {
    let suffix = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("sts.{region}.{suffix}")
}

/// It becomes part of a host name.
fn check_region(region: &str) -> Result<(), Error> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = (3..=32).contains(&region.len())
        && region.bytes().all(legal)
        && !region.starts_with('-')
        && !region.ends_with('-');
    if good {
        return Ok(());
    }
    Err(Error::misconfigured(
        "the region is not written as AWS writes regions, such as eu-west-1: check AWS_REGION, or the region of the provider",
    ))
}

/// The setters of builders that have an `StsEndpoint`, by the field that it is in.
macro_rules! sts_setters {
    ($($field:ident).+) => {
        /// The region whose STS is asked, such as `eu-west-1`. Defaults to `AWS_REGION`, then `AWS_DEFAULT_REGION`, read
        /// at each call. `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT` choose among the region's endpoints.
        pub fn region(mut self, region: impl Into<String>) -> Self {
            self.$($field).+.region = Some(region.into());
            self
        }

        /// The URL at which STS is asked: a VPC endpoint, or a test server on loopback. Defaults to
        /// `AWS_ENDPOINT_URL_STS`, then `AWS_ENDPOINT_URL` (both unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true`),
        /// then the endpoint of the region.
        pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
            self.$($field).+.endpoint_url = Some(url.into());
            self
        }

        /// The client that asks, for time limits, proxies and root certificates of its own. Defaults to the one that the
        /// process shares.
        pub fn client(mut self, client: keytide_issuer::IssuerClient) -> Self {
            self.$($field).+.client = client;
            self
        }

        /// The environment variables that are looked at. Defaults to those of the process.
        pub fn env(mut self, env: $crate::Env) -> Self {
            self.$($field).+.env = env;
            self
        }
    };
}
pub(crate) use sts_setters;

#[cfg(test)]
mod tests {
    use super::*;

    fn sts<const N: usize>(variables: [(&str, &str); N]) -> StsEndpoint {
        StsEndpoint {
            env: Env::of(variables),
            ..StsEndpoint::default()
        }
    }

    #[test]
    fn the_region_is_what_was_set_or_what_the_environment_says_or_an_error_that_names_the_variable()
    {
        let regions = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        assert_eq!(sts(regions).region().unwrap(), "eu-west-1");
        assert_eq!(sts([regions[1]]).region().unwrap(), "us-east-1");
        let set = StsEndpoint {
            region: Some("cn-north-1".to_owned()),
            ..sts(regions)
        };
        assert_eq!(set.region().unwrap(), "cn-north-1");
        assert_eq!(set.issuer(), "https://sts.cn-north-1.amazonaws.com.cn");

        let error = sts([]).region().unwrap_err();
        assert!(error.to_string().contains("AWS_REGION"), "{error}");
        for wrong in [
            "eu west",
            "EU-WEST-1",
            "evil.example/",
            "-a-",
            "x",
            "eu-west-1.evil",
        ] {
            assert!(sts([("AWS_REGION", wrong)]).region().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_of_the_environment_can_be_ignored() {
        let urls = [
            ("AWS_ENDPOINT_URL", "https://all.example"),
            ("AWS_ENDPOINT_URL_STS", "https://sts.example"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"),
        ];
        let url = |count: usize| {
            let sts = StsEndpoint {
                env: Env::of(urls.into_iter().take(count)),
                ..StsEndpoint::default()
            };
            sts.endpoint_url().unwrap()
        };
        assert_eq!(url(1).as_deref(), Some("https://all.example"));
        assert_eq!(url(2).as_deref(), Some("https://sts.example"));
        assert_eq!(url(3), None);
    }
}
