//! The global condition keys, and how many values each has.

/// What a key compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Many,
    Ip,
    Date,
}

/// `None` for a key of a service, which is not known here.
pub(super) fn shape(key: &str) -> Option<Shape> {
    let bare = key.split('/').next().unwrap_or(key);
    GLOBAL
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(bare))
        .map(|(_, shape)| *shape)
}

/// Whether it claims to be a global key and is none.
pub(super) fn is_unknown(key: &str) -> bool {
    let global = key
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    global && shape(key).is_none()
}

/// IAM user guide, "AWS global condition context keys".
const GLOBAL: &[(&str, Shape)] = &[
    ("aws:AssumedRoot", Shape::One),
    ("aws:CalledVia", Shape::Many),
    ("aws:CalledViaFirst", Shape::One),
    ("aws:CalledViaLast", Shape::One),
    ("aws:ChatbotSourceArn", Shape::One),
    ("aws:CurrentTime", Shape::Date),
    ("aws:Ec2InstanceSourcePrivateIPv4", Shape::Ip),
    ("aws:Ec2InstanceSourceVpc", Shape::One),
    ("aws:EpochTime", Shape::Date),
    ("aws:FederatedProvider", Shape::One),
    ("aws:IsMcpServiceAction", Shape::One),
    ("aws:MultiFactorAuthAge", Shape::One),
    ("aws:MultiFactorAuthPresent", Shape::One),
    ("aws:PrincipalAccount", Shape::One),
    ("aws:PrincipalArn", Shape::One),
    ("aws:PrincipalIsAWSService", Shape::One),
    ("aws:PrincipalOrgID", Shape::One),
    ("aws:PrincipalOrgPaths", Shape::Many),
    ("aws:PrincipalServiceName", Shape::One),
    ("aws:PrincipalServiceNamesList", Shape::Many),
    ("aws:PrincipalTag", Shape::One),
    ("aws:PrincipalType", Shape::One),
    ("aws:Referer", Shape::One),
    ("aws:RequestedRegion", Shape::One),
    ("aws:RequestTag", Shape::One),
    ("aws:ResourceAccount", Shape::One),
    ("aws:ResourceOrgID", Shape::One),
    ("aws:ResourceOrgPaths", Shape::Many),
    ("aws:ResourceTag", Shape::One),
    ("aws:SecureTransport", Shape::One),
    ("aws:SignInSessionArn", Shape::One),
    ("aws:SourceAccount", Shape::One),
    ("aws:SourceArn", Shape::One),
    ("aws:SourceIdentity", Shape::One),
    ("aws:SourceIp", Shape::Ip),
    ("aws:SourceOrgID", Shape::One),
    ("aws:SourceOrgPaths", Shape::Many),
    ("aws:SourceVpc", Shape::One),
    ("aws:SourceVpcArn", Shape::One),
    ("aws:SourceVpce", Shape::One),
    ("aws:TagKeys", Shape::Many),
    ("aws:TokenIssueTime", Shape::Date),
    ("aws:UserAgent", Shape::One),
    ("aws:userid", Shape::One),
    ("aws:username", Shape::One),
    ("aws:ViaAWSMCPService", Shape::One),
    ("aws:ViaAWSService", Shape::One),
    ("aws:VpceAccount", Shape::One),
    ("aws:VpceOrgID", Shape::One),
    ("aws:VpceOrgPaths", Shape::Many),
    ("aws:VpcSourceIp", Shape::Ip),
];
