//! Where a configuration may have STS asked: [`AllowedOrigins`]. An environment is no reason to trust the URLs in it.

use keytide_core::Error;
use keytide_issuer::Endpoint;

use super::partition::Partition;

/// The origins that code allowed beside the documented hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    pub(crate) fn allow(&mut self, origin: String) {
        self.0.push(origin);
    }

    /// Refuses what is no origin.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.0.iter().try_for_each(|given| origin(given).map(drop))
    }

    /// The endpoint, if it is one of AWS's own, or was allowed by name. `field` says where the URL was configured.
    pub(super) fn judge(&self, field: &str, endpoint: Endpoint) -> Result<Endpoint, Error> {
        if is_documented(&endpoint) {
            return Ok(endpoint);
        }
        let asked = endpoint.origin();
        for given in &self.0 {
            if origin(given)? == asked {
                return Ok(endpoint);
            }
        }
        Err(Error::misconfigured(format!(
            "{field} leads to {asked}, which is no documented endpoint of STS, and what is sent there may be had by it: if it is \
             meant, allow it in code by danger_allow_endpoint"
        )))
    }
}

fn origin(given: &str) -> Result<String, Error> {
    let endpoint = Endpoint::parse(given)?;
    let origin = endpoint.origin();
    if endpoint.as_str() != format!("{origin}/") {
        return Err(Error::misconfigured(format!(
            "the endpoint to allow at {origin} has a path or a query: give scheme, host and port alone"
        )));
    }
    Ok(origin)
}

/// Whether it is a host of STS: that of a region, with FIPS and dual-stack ones, the global one, or one of a VPC endpoint.
///
/// (AWS General Reference, "AWS Security Token Service endpoints and quotas"; AWS PrivateLink guide, "Access AWS services";
/// read on 2026-11-28.)
fn is_documented(endpoint: &Endpoint) -> bool {
    let origin = endpoint.origin();
    let Some(host) = origin.strip_prefix("https://") else {
        return false;
    };
    if host == "sts.amazonaws.com" {
        return true;
    }
    let below = |suffix: &str| host.strip_suffix(suffix)?.strip_suffix('.');
    Partition::all().iter().any(|partition| {
        below(partition.suffix).is_some_and(|rest| is_of_region(rest) || is_of_vpc(rest))
            || below(partition.dual_stack).is_some_and(is_of_region)
    })
}

/// `sts.eu-west-1`
fn is_of_region(labels: &str) -> bool {
    let region = labels
        .split_once('.')
        .and_then(|(service, region)| matches!(service, "sts" | "sts-fips").then_some(region));
    region.is_some_and(is_region)
}

/// `vpce-0a1b-2c3d.sts.eu-west-1.vpce`: an endpoint for STS, and not one for a service of somebody, which has a name in
/// the same domain (`….vpce-svc-….eu-west-1.vpce`).
fn is_of_vpc(labels: &str) -> bool {
    let Some((id, rest)) = labels.split_once('.') else {
        return false;
    };
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    id.starts_with("vpce-")
        && id.bytes().all(legal)
        && rest.strip_suffix(".vpce").is_some_and(is_of_region)
}

/// Letters, then words, then a number. A bucket or a load balancer in the same domain has another form (`s3-eu-west-1`).
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let letters =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., number] if words.len() >= 2 => {
            words.iter().all(letters)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_sts_are_documented_and_no_others() {
        for (url, documented) in [
            ("https://sts.amazonaws.com", true),
            ("https://sts.eu-west-1.amazonaws.com/", true),
            ("https://STS.eu-west-1.amazonaws.com:443/", true),
            ("https://sts-fips.us-east-1.amazonaws.com", true),
            ("https://sts.us-gov-west-1.amazonaws.com", true),
            ("https://sts.cn-north-1.amazonaws.com.cn", true),
            ("https://sts.eu-west-1.api.aws", true),
            ("https://sts-fips.us-west-2.api.aws", true),
            ("https://sts.cn-north-1.api.amazonwebservices.com.cn", true),
            ("https://sts.eusc-de-east-1.amazonaws.eu", true),
            ("https://sts.us-iso-east-1.c2s.ic.gov", true),
            (
                "https://vpce-0a1b2c3d-4e5f.sts.eu-west-1.vpce.amazonaws.com",
                true,
            ),
            (
                "https://vpce-0a1b2c3d-4e5f-eu-west-1a.sts.eu-west-1.vpce.amazonaws.com",
                true,
            ),
            (
                "https://vpce-0a1b2c3d-4e5f.sts.cn-north-1.vpce.amazonaws.com.cn",
                true,
            ),
            (
                "https://vpce-0a1b-4e5f.vpce-svc-0123.eu-west-1.vpce.amazonaws.com",
                false,
            ),
            (
                "https://sts.vpce-svc-0123.eu-west-1.vpce.amazonaws.com",
                false,
            ),
            ("https://x.sts.eu-west-1.vpce.amazonaws.com", false),
            ("https://sts.s3.amazonaws.com", false),
            ("https://sts.s3-eu-west-1.amazonaws.com", false),
            ("https://sts.s3.eu-west-1.amazonaws.com", false),
            ("https://sts.eu-west-1.elb.amazonaws.com", false),
            ("https://x.execute-api.eu-west-1.amazonaws.com", false),
            ("https://s3.eu-west-1.amazonaws.com", false),
            ("https://sts.eu-west-1.amazonaws.com:8443", false),
            ("https://sts.eu-west-1.amazonaws.com.evil.example", false),
            ("https://evilsts.eu-west-1.amazonaws.com", false),
            ("https://sts.eu-west-1.evilamazonaws.com", false),
            ("https://sts.amazonaws.com.cn", false),
            ("https://sts..amazonaws.com", false),
            ("https://sts.eu-west-1.on.aws", false),
            ("http://127.0.0.1:4566", false),
            ("https://localhost:4566", false),
            ("https://evil.example/sts.eu-west-1.amazonaws.com", false),
        ] {
            let judged = AllowedOrigins::default().judge("X", Endpoint::parse(url).unwrap());

            assert_eq!(judged.is_ok(), documented, "{url}");
            if let Err(error) = judged {
                assert!(error.to_string().starts_with("X leads to "), "{error}");
                assert!(
                    error.to_string().contains("danger_allow_endpoint"),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn another_origin_is_allowed_by_name_and_only_that_one() {
        let mut allowed = AllowedOrigins::default();
        allowed.allow("https://STS.example.com/".to_owned());
        assert!(allowed.check().is_ok());
        for (url, good) in [
            ("https://sts.example.com/path", true),
            ("https://sts.example.com:8443", false),
            ("https://sts.example.org", false),
        ] {
            let judged = allowed.judge("X", Endpoint::parse(url).unwrap());
            assert_eq!(judged.is_ok(), good, "{url}");
        }
        for wrong in [
            "",
            "sts.example.com",
            "https://a.example/path",
            "https://a.example/?q",
        ] {
            let mut allowed = AllowedOrigins::default();
            allowed.allow(wrong.to_owned());
            assert!(allowed.check().is_err(), "{wrong}");
        }
    }
}
