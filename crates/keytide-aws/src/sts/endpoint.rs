//! Where STS is asked: [`StsEndpoint`].

use keytide_core::Error;
use keytide_issuer::{Endpoint, Env, IssuerClient};

use super::hosts::AllowedOrigins;
use super::partition;
use crate::tls_client::{Remote, TlsClient};

/// The region, the endpoint and the client of a provider that asks STS.
#[derive(Debug, Clone)]
pub(crate) struct StsEndpoint {
    pub(crate) region: Option<String>,
    /// What code set.
    pub(crate) endpoint_url: Option<String>,
    /// What a profile says.
    pub(crate) configured: ProfileEndpoint,
    pub(crate) allowed: AllowedOrigins,
    pub(crate) env: Env,
    pub(crate) client: TlsClient,
}

/// What a profile of the shared configuration files says of endpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProfileEndpoint {
    pub(crate) url: Option<ConfiguredUrl>,
    pub(crate) fips: bool,
    pub(crate) dual_stack: bool,
}

/// A URL of a configuration file.
#[derive(Debug, Clone)]
pub(crate) struct ConfiguredUrl {
    /// Where it stands, for errors.
    pub(crate) named: String,
    pub(crate) url: String,
}

impl Default for StsEndpoint {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            configured: ProfileEndpoint::default(),
            allowed: AllowedOrigins::default(),
            env: Env::process(),
            client: TlsClient::default(),
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
        self.allowed.check()
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

    /// What signatures name as region.
    pub(crate) fn signing_region(&self) -> Result<String, Error> {
        Ok(partition::signing_region(&self.region()?).to_owned())
    }

    /// Where the region's STS is, or what was set in its place.
    pub(super) fn endpoint(&self) -> Result<Endpoint, Error> {
        let region = self.region()?;
        let (fips, dual_stack) = (self.fips()?, self.dual_stack()?);
        match self.endpoint_url()? {
            Some(_) if fips || dual_stack => Err(Error::misconfigured(
                "AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT choose among the endpoints of a region, and a URL is set in \
                 place of those: take one of them out",
            )),
            Some(endpoint) => Ok(endpoint),
            None => {
                let host = partition::host(&region, fips, dual_stack);
                Endpoint::parse(&format!("https://{host}"))
            }
        }
    }

    /// The URL that was set in place of the region's own. One that code set is meant; one of a configuration must be
    /// AWS's, or be allowed in code.
    pub(crate) fn endpoint_url(&self) -> Result<Option<Endpoint>, Error> {
        if let Some(url) = &self.endpoint_url {
            return Endpoint::parse(url).map(Some);
        }
        if self.env.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
            return Ok(None);
        }
        for name in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
            if let Some(endpoint) = self.env.endpoint(name)? {
                let field = format!("the environment variable {name}");
                return self.allowed.judge(&field, endpoint).map(Some);
            }
        }
        let Some(ConfiguredUrl { named, url }) = &self.configured.url else {
            return Ok(None);
        };
        let endpoint = Endpoint::parse(url).map_err(|error| {
            Error::misconfigured(format!("{named} names no endpoint that can be asked"))
                .caused_by(error)
        })?;
        self.allowed.judge(named, endpoint).map(Some)
    }

    fn fips(&self) -> Result<bool, Error> {
        self.chosen("AWS_USE_FIPS_ENDPOINT", self.configured.fips)
    }

    fn dual_stack(&self) -> Result<bool, Error> {
        self.chosen("AWS_USE_DUALSTACK_ENDPOINT", self.configured.dual_stack)
    }

    /// A variable goes before a profile.
    fn chosen(&self, name: &str, configured: bool) -> Result<bool, Error> {
        if self.env.get(name)?.is_none() {
            return Ok(configured);
        }
        self.env.is_true(name)
    }

    /// The client that asks there.
    pub(super) async fn client(&self, endpoint: &Endpoint) -> Result<IssuerClient, Error> {
        self.client.client(&self.env, endpoint, Remote).await
    }

    /// What calls to this STS are bounded together by. Never an error: it is a name.
    pub(crate) fn issuer(&self) -> String {
        if let Ok(Some(endpoint)) = self.endpoint_url() {
            return endpoint.origin();
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
    partition::host(region, false, false)
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
        /// then the endpoint of the region. A variable may name hosts of STS alone, those of VPC endpoints too; any other
        /// is an error, unless it was [allowed](Self::danger_allow_endpoint).
        pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
            self.$($field).+.endpoint_url = Some(url.into());
            self
        }

        /// Lets the configuration (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, a profile) have STS asked at this origin too,
        /// such as `https://sts.corp.example`: scheme, host and port. Whoever answers there is sent what the call holds, a
        /// token included. Defaults to none: the documented hosts of STS, with FIPS, dual-stack and VPC endpoints.
        pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
            self.$($field).+.allowed.allow(origin.into());
            self
        }

        /// The client that asks, for time limits, proxies and root certificates of its own. Defaults to the one that the
        /// process shares, or where `AWS_CA_BUNDLE` names a file, to one that trusts the certificates in it too.
        pub fn client(mut self, client: keytide_issuer::IssuerClient) -> Self {
            self.$($field).+.client = client.into();
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
            ("AWS_ENDPOINT_URL", "https://sts.amazonaws.com"),
            ("AWS_ENDPOINT_URL_STS", "https://sts.eu-west-1.api.aws"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"),
        ];
        let url = |count: usize| {
            let sts = StsEndpoint {
                env: Env::of(urls.into_iter().take(count)),
                ..StsEndpoint::default()
            };
            sts.endpoint_url().unwrap().map(|url| url.origin())
        };
        assert_eq!(url(1).as_deref(), Some("https://sts.amazonaws.com"));
        assert_eq!(url(2).as_deref(), Some("https://sts.eu-west-1.api.aws"));
        assert_eq!(url(3), None);
    }

    #[test]
    fn an_endpoint_of_the_environment_is_one_of_aws_or_allowed_in_code() {
        for name in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
            for url in [
                "https://sts.evil.example",
                "http://127.0.0.1:4566",
                "http://localhost:4566",
            ] {
                let mut sts = sts([(name, url), ("AWS_REGION", "eu-west-1")]);

                let error = sts.endpoint().unwrap_err();
                assert_eq!(error.kind(), keytide_core::ErrorKind::Misconfigured);
                assert!(error.to_string().contains(name), "{error}");
                assert!(
                    error.to_string().contains("danger_allow_endpoint"),
                    "{error}"
                );

                sts.allowed.allow(url.to_owned());
                assert_eq!(sts.endpoint().unwrap().origin(), url);
            }
        }
        // What code names is meant.
        let set = StsEndpoint {
            endpoint_url: Some("https://sts.corp.example".to_owned()),
            ..sts([("AWS_REGION", "eu-west-1")])
        };
        assert_eq!(set.endpoint().unwrap().origin(), "https://sts.corp.example");
    }

    #[test]
    fn fips_and_dual_stack_are_no_choice_where_a_url_is_set() {
        for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
            let region = ("AWS_REGION", "us-east-1");
            let plain = sts([(name, "true"), region]);
            let host = plain.endpoint().unwrap().origin();
            assert!(
                host.contains("-fips.") || host.ends_with(".api.aws"),
                "{host}"
            );
            let url = ("AWS_ENDPOINT_URL", "https://sts.us-east-1.amazonaws.com");
            assert!(sts([(name, "true"), region, url]).endpoint().is_err());
        }
    }
}
