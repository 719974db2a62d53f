//! The global condition keys, and how many values each has.

/// What a key compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyType {
    One,
    Many,
    Ip,
    Date,
}

/// `None` for a key of a service, which is not known here.
pub(super) fn key_type(key: &str) -> Option<KeyType> {
    let bare = key.split('/').next().unwrap_or(key);
    GLOBAL
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(bare))
        .map(|(_, key_type)| *key_type)
}

/// Whether it claims to be a global key and is none.
pub(super) fn is_unknown(key: &str) -> bool {
    let global = key
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    global && key_type(key).is_none()
}

/// IAM user guide, "AWS global condition context keys".
const GLOBAL: &[(&str, KeyType)] = &[
    ("aws:AssumedRoot", KeyType::One),
    ("aws:CalledVia", KeyType::Many),
    ("aws:CalledViaFirst", KeyType::One),
    ("aws:CalledViaLast", KeyType::One),
    ("aws:ChatbotSourceArn", KeyType::One),
    ("aws:CurrentTime", KeyType::Date),
    ("aws:Ec2InstanceSourcePrivateIPv4", KeyType::Ip),
    ("aws:Ec2InstanceSourceVpc", KeyType::One),
    ("aws:EpochTime", KeyType::Date),
    ("aws:FederatedProvider", KeyType::One),
    ("aws:IsMcpServiceAction", KeyType::One),
    ("aws:MultiFactorAuthAge", KeyType::One),
    ("aws:MultiFactorAuthPresent", KeyType::One),
    ("aws:PrincipalAccount", KeyType::One),
    ("aws:PrincipalArn", KeyType::One),
    ("aws:PrincipalIsAWSService", KeyType::One),
    ("aws:PrincipalOrgID", KeyType::One),
    ("aws:PrincipalOrgPaths", KeyType::Many),
    ("aws:PrincipalServiceName", KeyType::One),
    ("aws:PrincipalServiceNamesList", KeyType::Many),
    ("aws:PrincipalTag", KeyType::One),
    ("aws:PrincipalType", KeyType::One),
    ("aws:Referer", KeyType::One),
    ("aws:RequestedRegion", KeyType::One),
    ("aws:RequestTag", KeyType::One),
    ("aws:ResourceAccount", KeyType::One),
    ("aws:ResourceOrgID", KeyType::One),
    ("aws:ResourceOrgPaths", KeyType::Many),
    ("aws:ResourceTag", KeyType::One),
    ("aws:SecureTransport", KeyType::One),
    ("aws:SignInSessionArn", KeyType::One),
    ("aws:SourceAccount", KeyType::One),
    ("aws:SourceArn", KeyType::One),
    ("aws:SourceIdentity", KeyType::One),
    ("aws:SourceIp", KeyType::Ip),
    ("aws:SourceOrgID", KeyType::One),
    ("aws:SourceOrgPaths", KeyType::Many),
    ("aws:SourceVpc", KeyType::One),
    ("aws:SourceVpcArn", KeyType::One),
    ("aws:SourceVpce", KeyType::One),
    ("aws:TagKeys", KeyType::Many),
    ("aws:TokenIssueTime", KeyType::Date),
    ("aws:UserAgent", KeyType::One),
    ("aws:userid", KeyType::One),
    ("aws:username", KeyType::One),
    ("aws:ViaAWSMCPService", KeyType::One),
    ("aws:ViaAWSService", KeyType::One),
    ("aws:VpceAccount", KeyType::One),
    ("aws:VpceOrgID", KeyType::One),
    ("aws:VpceOrgPaths", KeyType::Many),
    ("aws:VpcSourceIp", KeyType::Ip),
];
