//! Where a statement applies, and whether it can.

use super::report::Report;
use super::statement::Statement;
use crate::names::{self, shown};
use crate::pattern::{has_wildcard, matches, starts_with};

pub(super) fn check(statement: &Statement<'_>, report: &mut Report) {
    if statement.allows && statement.not_resource {
        report.say(
            "allow-not-resource",
            "Allow with NotResource allows all that it does not name: name the resources",
        );
    }
    let mut whole = true;
    for resource in &statement.resources {
        if *resource != "*"
            && let Err(reason) = names::resource(resource)
        {
            report.say("bad-resource", reason);
            whole = false;
        }
    }
    let plain = !statement.not_action && !statement.not_resource;
    if whole && plain && !statement.resources.is_empty() {
        for action in &statement.actions {
            reaches(action, &statement.resources, report);
        }
    }
}

/// Whether an action can meet one of the resources at all.
fn reaches(action: &str, resources: &[&str], report: &mut Report) {
    let Some((service, name)) = action.split_once(':') else {
        return;
    };
    if resources.contains(&"*") || has_wildcard(service) {
        return;
    }
    let of_service: Vec<&str> = resources
        .iter()
        .filter(|resource| {
            resource
                .split(':')
                .nth(2)
                .is_some_and(|part| part.eq_ignore_ascii_case(service))
        })
        .filter_map(|resource| resource.splitn(6, ':').nth(5))
        .collect();
    let strict = OWN_ARNS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(service));
    if of_service.is_empty() {
        if strict {
            report.say(
                "never-applies",
                format!(
                    "no resource of {service} is named, so {} never applies",
                    shown(action)
                ),
            );
        }
        return;
    }
    match service.to_ascii_lowercase().as_str() {
        "s3" => bucket_or_object(action, name, &of_service, report),
        "kms" if uses_a_key(name) && of_service.iter().all(|rest| rest.starts_with("alias/")) => report.say(
            "alias",
            "an alias in Resource says nothing about the use of the key: name the key, or add a condition on kms:ResourceAliases",
        ),
        "secretsmanager" => {
            if let Some(rest) = of_service.iter().find(|rest| lacks_suffix(rest)) {
                report.say(
                    "secret-without-suffix",
                    format!("{} lacks the six characters that end the ARN of a secret: add -??????", shown(rest)),
                );
            }
        }
        "logs" if name.eq_ignore_ascii_case("PutLogEvents") && of_service.iter().all(|rest| is_bare_group(rest)) => {
            report.say("never-applies", "logs:PutLogEvents is about streams, not groups: end the ARN in :*");
        }
        _ => {}
    }
}

fn bucket_or_object(action: &str, name: &str, resources: &[&str], report: &mut Report) {
    let is_object = |rest: &&str| rest.contains('/') || rest.ends_with('*');
    let is_bucket = |rest: &&str| !rest.contains('/') || rest.contains("accesspoint");
    if OF_OBJECTS.iter().any(|known| matches(known, name)) {
        if !resources.iter().any(is_object) {
            report.say(
                "never-applies",
                format!(
                    "{} is about objects, and only buckets are named: end the ARN in /*",
                    shown(action)
                ),
            );
        }
    } else if OF_BUCKETS.iter().any(|verb| starts_with(name, verb))
        && !resources.iter().any(is_bucket)
    {
        report.say(
            "never-applies",
            format!(
                "{} is about buckets, and only objects are named: leave the /* out",
                shown(action)
            ),
        );
    }
}

fn uses_a_key(name: &str) -> bool {
    [
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateMac",
        "ReEncrypt",
        "Sign",
        "Verify",
    ]
    .iter()
    .any(|verb| starts_with(name, verb))
}

fn lacks_suffix(rest: &str) -> bool {
    let Some(name) = rest.strip_prefix("secret:") else {
        return false;
    };
    let suffix = name.rsplit_once('-').map_or("", |(_, suffix)| suffix);
    let ends = suffix.len() == 6 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    !has_wildcard(name) && !name.contains('$') && !ends
}

fn is_bare_group(rest: &str) -> bool {
    rest.starts_with("log-group:") && !has_wildcard(rest) && !rest.contains(":log-stream:")
}

/// Services whose actions are about their own resources alone.
const OWN_ARNS: &[&str] = &[
    "bedrock",
    "dynamodb",
    "ecr",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "states",
];

const OF_OBJECTS: &[&str] = &[
    "AbortMultipartUpload",
    "DeleteObject*",
    "GetObject*",
    "ListMultipartUploadParts",
    "PutObject*",
    "RestoreObject",
];

const OF_BUCKETS: &[&str] = &[
    "DeleteBucket",
    "GetBucket",
    "ListBucket",
    "PutBucket",
    "GetLifecycleConfiguration",
];
