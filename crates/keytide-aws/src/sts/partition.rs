//! The partitions of AWS, and where STS is in each: [`Partition`].

/// A part of AWS that shares no accounts with the others.
pub(super) struct Partition {
    /// What the names of its regions begin with.
    regions: &'static str,
    /// The end of host names, for IPv4.
    pub(super) suffix: &'static str,
    /// The same, where hosts have addresses of both versions.
    pub(super) dual_stack: &'static str,
}

impl Partition {
    /// That of a region; of one that is not known, the one that most are in.
    pub(super) fn of(region: &str) -> &'static Self {
        let of = |partition: &&Self| region.starts_with(partition.regions);
        ALL.iter().find(of).unwrap_or(&ALL[ALL.len() - 1])
    }

    pub(super) fn all() -> &'static [Self] {
        ALL
    }
}

/// The host of a region's STS.
pub(super) fn host(region: &str, fips: bool, dual_stack: bool) -> String {
    if region == GLOBAL && !fips && !dual_stack {
        return "sts.amazonaws.com".to_owned();
    }
    let partition = Partition::of(region);
    // The endpoints of the partition for the government are all validated.
    let own_name = fips && (dual_stack || !region.starts_with("us-gov-"));
    let name = if own_name { "sts-fips" } else { "sts" };
    let suffix = if dual_stack {
        partition.dual_stack
    } else {
        partition.suffix
    };
    format!("{name}.{region}.{suffix}")
}

/// What signatures for it name.
pub(super) fn signing_region(region: &str) -> &str {
    if region == GLOBAL {
        "us-east-1"
    } else {
        region
    }
}

/// Not a region, but taken for one.
const GLOBAL: &str = "aws-global";

/// `partitions.json` of botocore 1.44.8, read on 2026-11-28.
const ALL: &[Partition] = &[
    Partition {
        regions: "cn-",
        suffix: "amazonaws.com.cn",
        dual_stack: "api.amazonwebservices.com.cn",
    },
    Partition {
        regions: "eusc-",
        suffix: "amazonaws.eu",
        dual_stack: "api.amazonwebservices.eu",
    },
    Partition {
        regions: "us-iso-",
        suffix: "c2s.ic.gov",
        dual_stack: "api.aws.ic.gov",
    },
    Partition {
        regions: "us-isob-",
        suffix: "sc2s.sgov.gov",
        dual_stack: "api.aws.scloud",
    },
    Partition {
        regions: "eu-isoe-",
        suffix: "cloud.adc-e.uk",
        dual_stack: "api.cloud-aws.adc-e.uk",
    },
    Partition {
        regions: "us-isof-",
        suffix: "csp.hci.ic.gov",
        dual_stack: "api.aws.hci.ic.gov",
    },
    Partition {
        regions: "",
        suffix: "amazonaws.com",
        dual_stack: "api.aws",
    },
];

#[cfg(test)]
mod tests {
    use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

    use super::*;

    #[test]
    fn sts_is_where_the_sdk_of_aws_finds_it() {
        for region in [
            "us-east-1",
            "eu-west-1",
            "eu-central-2",
            "ap-southeast-7",
            "mx-central-1",
            "il-central-1",
            "cn-north-1",
            "cn-northwest-1",
            "eusc-de-east-1",
            "us-gov-west-1",
            "us-gov-east-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "us-isof-south-1",
            "eu-isoe-west-1",
            "aws-global",
        ] {
            for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                let params = Params::builder()
                    .region(region)
                    .use_fips(fips)
                    .use_dual_stack(dual_stack)
                    .build()
                    .unwrap();
                let resolver = DefaultResolver::new();
                let found = at_once(resolver.resolve_endpoint(&params));
                let url = format!("https://{}", host(region, fips, dual_stack));
                match found {
                    Some(found) => assert_eq!(found, url, "{fips} {dual_stack}"),
                    None => assert!(fips || dual_stack, "{region}"),
                }
            }
        }
    }

    /// What is there at once.
    fn at_once(
        mut found: aws_smithy_runtime_api::client::endpoint::EndpointFuture<'_>,
    ) -> Option<String> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(&mut found).poll(&mut context) {
            std::task::Poll::Ready(endpoint) => Some(endpoint.ok()?.url().to_owned()),
            std::task::Poll::Pending => panic!("it asks somebody"),
        }
    }
}
