//! What a statement allows to do.

use super::matching::is_denied;
use super::report::Report;
use super::statement::Statement;
use crate::guarded;
use crate::names::{self, shown};
use crate::pattern::{has_wildcard, matches, starts_with};

pub(super) fn check(statement: &Statement<'_>, all: &[Statement<'_>], report: &mut Report) {
    if statement.allows && statement.not_action {
        report.say(
            "allow-not-action",
            "Allow with NotAction allows all that it does not name, today and in the future: name the actions",
        );
    }
    for action in &statement.actions {
        if matches!(*action, "*" | "*:*") {
            if statement.allows && !statement.not_action {
                report.say("any-action", "it allows every action: name them");
            }
            continue;
        }
        match names::action(action) {
            Err(reason) => report.say("bad-action", reason),
            Ok((service, name)) if statement.allows && !statement.not_action => {
                allowed(statement, action, service, name, all, report);
            }
            Ok(_) => {}
        }
    }
}

fn allowed(
    statement: &Statement<'_>,
    action: &str,
    service: &str,
    name: &str,
    all: &[Statement<'_>],
    report: &mut Report,
) {
    let reaches = |full: &str| matches(action, full) && !is_denied(full, all);
    if name.trim_matches('*').is_empty() {
        report.say(
            "any-action-of-service",
            format!("it allows every action of {service}: name them"),
        );
    }
    if reaches(PASS_ROLE) {
        pass_role(statement, report);
    }
    if reaches("sts:AssumeRole")
        && statement
            .resources
            .iter()
            .any(|resource| names_no_role(resource))
    {
        report.say(
            "assume-role-anything",
            "it may assume roles that it does not name, and has no bounds there: name the roles",
        );
    }
    let apart = |full: &str| full == PASS_ROLE || ASSUME.contains(&full);
    if let Some(service) = guarded::service(service).filter(|service| !service.only_reads(name)) {
        let mut full = service
            .writes
            .iter()
            .map(|write| format!("{}:{write}", service.prefix));
        let unlisted =
            !has_wildcard(name) && !full.clone().any(|known| known.eq_ignore_ascii_case(action));
        let writes = full.find(|full| !apart(full) && reaches(full));
        if let Some(example) =
            writes.or_else(|| (unlisted && !is_denied(action, all)).then(|| action.to_owned()))
        {
            report.say(
                "escalation",
                format!("{} allows {example}, by which a session can get more than it has: take it out, or deny it", shown(action)),
            );
        }
    }
    let lent = guarded::lending(action).find(|lent| !is_denied(lent, all));
    if let Some(lent) = lent {
        report.say(
            "lends-a-role",
            format!("{} allows {lent}, which gives the authority of whatever role it reaches: take it out, or deny it", shown(action)),
        );
    }
    if statement.resources.contains(&"*")
        && !statement.not_resource
        && !statement.is_conditional()
        && takes_a_resource(action)
    {
        report.say(
            "any-resource",
            format!(
                "it allows {} on every resource: name the resources",
                shown(action)
            ),
        );
    }
}

fn pass_role(statement: &Statement<'_>, report: &mut Report) {
    if statement.not_resource
        || statement
            .resources
            .iter()
            .any(|resource| names_no_role(resource))
    {
        report.say(
            "pass-role-anything",
            "it may hand any role to a service: name the role",
        );
    }
    if !statement.names_values_of("iam:PassedToService") {
        report.say(
            "pass-role-anywhere",
            "it may hand a role to any service: add a condition on iam:PassedToService that names one, such as lambda.amazonaws.com",
        );
    }
}

/// Whether a resource stands for roles without naming one. A wildcard in a name, a path or an account is no name: whoever may
/// make a role there chooses what it is called. What cannot be the ARN of a role at all is found elsewhere.
fn names_no_role(resource: &str) -> bool {
    has_wildcard(resource) || resource.contains("${")
}

/// Whether an action is known to do something to a resource that can be named.
fn takes_a_resource(action: &str) -> bool {
    let Some((service, name)) = action.split_once(':') else {
        return false;
    };
    let begins = |verbs: &[&str]| verbs.iter().any(|verb| starts_with(name, verb));
    if begins(&["Describe", "List"]) || WITHOUT_RESOURCE.iter().any(|known| matches(known, action))
    {
        return false;
    }
    let reads_data = DATA.iter().any(|known| known.eq_ignore_ascii_case(service));
    reads_data || !begins(&["Get", "BatchGet", "Search", "Lookup", "Simulate"])
}

const PASS_ROLE: &str = "iam:PassRole";

/// Judged by the role that they name.
const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// Services whose `Get` actions give out what is stored in them.
const DATA: &[&str] = &[
    "codecommit",
    "dynamodb",
    "kinesis",
    "lambda",
    "s3",
    "secretsmanager",
    "sqs",
    "ssm",
    "timestream",
];

/// Actions that take no resource, or whose resource is not worth naming. (Service authorization reference.)
const WITHOUT_RESOURCE: &[&str] = &[
    "access-analyzer:Check*",
    "access-analyzer:ValidatePolicy",
    "ce:*",
    "cloudwatch:PutMetricData",
    "comprehend:Detect*",
    "comprehend:BatchDetect*",
    "ec2messages:*",
    "kms:GenerateRandom",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "logs:StopQuery",
    "polly:SynthesizeSpeech",
    "pricing:*",
    "rekognition:Detect*",
    "secretsmanager:GetRandomPassword",
    "ssmmessages:*",
    "sts:DecodeAuthorizationMessage",
    "sts:Get*",
    "textract:*",
    "transcribe:Start*Transcription*",
    "translate:TranslateText",
    "xray:Put*",
];
