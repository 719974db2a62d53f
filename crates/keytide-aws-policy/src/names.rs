//! What actions, resources and services may look like. Each check says what to mend.

use crate::pattern::has_wildcard;

/// `service:Name`, as its two parts. Wildcards may stand in the name alone.
pub(crate) fn action(action: &str) -> Result<(&str, &str), String> {
    if matches!(action, "*" | "*:*") {
        return Err("the action * allows everything: name the actions".to_owned());
    }
    let Some((service, name)) = action.split_once(':') else {
        return Err(format!(
            "the action {} has no service: write service:Action",
            shown(action)
        ));
    };
    let service_fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if has_wildcard(service) {
        return Err(format!(
            "the action {} has a wildcard in its service: name the service",
            shown(action)
        ));
    }
    if service.is_empty() || !service.bytes().all(service_fits) {
        return Err(format!("the action {} names no service", shown(action)));
    }
    let name_fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'?');
    if name.is_empty() || !name.bytes().all(name_fits) {
        return Err(format!(
            "the action {} has a name with other characters than letters and digits",
            shown(action)
        ));
    }
    if let Some((_, right)) = MISTAKEN
        .iter()
        .find(|(wrong, _)| wrong.eq_ignore_ascii_case(service))
    {
        return Err(format!(
            "no service has the prefix {service} in policies: it is {right}"
        ));
    }
    Ok((service, name))
}

/// A resource that is not `*`: an ARN, with wildcards in its last three parts.
pub(crate) fn resource(resource: &str) -> Result<(), String> {
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let [arn, partition, service, region, account, rest] = parts[..] else {
        return Err(format!(
            "the resource {} is no ARN: write arn:aws:service:region:account:resource",
            shown(resource)
        ));
    };
    let say = |what: &str| Err(format!("the resource {} {what}", shown(resource)));
    if arn != "arn" || resource.contains(char::is_whitespace) {
        return say("is no ARN");
    }
    if !(partition == "aws" || partition.starts_with("aws-")) || has_wildcard(partition) {
        return say("has no partition: aws, aws-cn or aws-us-gov stands in second place");
    }
    if service.is_empty() || has_wildcard(service) {
        return say("has no service, or a wildcard for it: name it");
    }
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'*' | b'?' | b'$' | b'{' | b'}' | b':' | b'.' | b'/' | b'_'
            )
    };
    if !region.bytes().all(plain) || !account.bytes().all(plain) || rest.is_empty() {
        return say("is no ARN: region, account or the resource itself is not in its place");
    }
    let number = account.bytes().all(|byte| byte.is_ascii_digit());
    if !account.is_empty() && account != "aws" && number && account.len() != 12 {
        return say("has an account that is not of 12 digits");
    }
    let is = |name: &str| service.eq_ignore_ascii_case(name);
    let global = region.is_empty() && account.is_empty();
    let regional = rest.contains("accesspoint") || is_s3_special(rest);
    if is("s3") && !global && !regional {
        return say(
            "is an ARN of a bucket, which has no region and no account: arn:aws:s3:::bucket/key",
        );
    }
    if is("iam") && !region.is_empty() {
        return say("is an ARN of IAM, which has no region: arn:aws:iam::account:role/name");
    }
    Ok(())
}

/// S3 resources that do have a region and an account.
fn is_s3_special(rest: &str) -> bool {
    ["job/", "storage-lens", "access-grants", "async-request/"]
        .iter()
        .any(|start| rest.starts_with(start))
}

/// A text from outside, cut to what is good for a message.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST_SHOWN).collect();
    format!("{cut:?}")
}

/// Names that are often taken for the prefix of a service: endpoints, products, names in SDKs.
const MISTAKEN: &[(&str, &str)] = &[
    ("apigatewayv2", "apigateway"),
    ("bedrock-agent", "bedrock"),
    ("bedrock-agent-runtime", "bedrock"),
    ("awsssoportal", "sso"),
    ("bedrock-runtime", "bedrock"),
    ("cloudwatch-logs", "logs"),
    ("cloudwatchlogs", "logs"),
    ("cognito", "cognito-idp or cognito-identity"),
    ("docdb", "rds"),
    ("dynamo", "dynamodb"),
    ("efs", "elasticfilesystem"),
    ("elb", "elasticloadbalancing"),
    ("elbv2", "elasticloadbalancing"),
    ("emr", "elasticmapreduce"),
    ("eventbridge", "events"),
    ("identity-center", "sso"),
    ("identity-store", "identitystore"),
    ("kinesis-firehose", "firehose"),
    ("mwaa", "airflow"),
    ("parameterstore", "ssm"),
    ("s3api", "s3"),
    ("s3control", "s3"),
    ("sagemaker-runtime", "sagemaker"),
    ("secretmanager", "secretsmanager"),
    ("secrets-manager", "secretsmanager"),
    ("sesv2", "ses"),
    ("sfn", "states"),
    ("sso-admin", "sso"),
    ("sso-oidc", "sso-oauth"),
    ("stepfunctions", "states"),
];

const LONGEST_SHOWN: usize = 80;
