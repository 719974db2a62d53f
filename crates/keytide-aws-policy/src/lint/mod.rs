//! Faults of policies that were written by hand: [`lint_policy`].

mod actions;
mod conditions;
mod keys;
mod matching;
mod report;
mod resources;
mod statement;

use std::collections::HashSet;

use serde_json::{Map, Value};

pub use self::report::Finding;
use self::report::Report;
use self::statement::Statement;
use crate::boundary::Boundary;
use crate::json;
use crate::names::shown;

/// Looks for faults in a session policy: what STS would refuse, what allows more than it seems to, what never applies,
/// and what lets the session out of its bounds. An empty list means that none was found, not that there is none.
///
/// ```
/// use keytide_aws_policy::lint_policy;
///
/// let policy = r#"{"Version": "2012-10-17", "Statement": [
///     {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::invoices/*"},
///     {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
/// ]}"#;
/// let findings = lint_policy(policy);
/// assert_eq!(findings[0].statement(), Some(1));
/// assert_eq!(findings[0].code(), "pass-role-anything");
/// ```
///
/// It judges a document by itself. What the role allows, which names exist and which values a condition key can have, it
/// does not know; IAM Access Analyzer (`ValidatePolicy`) has the grammar of every service and is a good second opinion.
#[must_use]
pub fn lint_policy(policy: &str) -> Vec<Finding> {
    let mut report = Report::default();
    match json::read(policy) {
        Ok((Value::Object(document), twice)) => {
            for name in twice {
                report.say(
                    "duplicate-member",
                    format!(
                        "the member {} stands twice in one object, and each reader of it takes another one: leave one",
                        shown(&name)
                    ),
                );
            }
            whole(policy, &document, &mut report);
        }
        Ok(_) => report.say(
            "not-a-policy",
            "a policy is a JSON object with Version and Statement",
        ),
        Err(error) => report.say(
            "not-json",
            format!(
                "it is not JSON, from line {}, column {} on",
                error.line(),
                error.column()
            ),
        ),
    }
    report.findings
}

fn whole(text: &str, document: &Map<String, Value>, report: &mut Report) {
    let length = text.chars().count();
    if length > Boundary::MOST {
        report.say(
            "too-long",
            format!("it has {length} characters of the {} that STS takes: take out white space, use wildcards", Boundary::MOST),
        );
    }
    if text
        .chars()
        .any(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{7e}' | '\u{a0}'..='\u{ff}'))
    {
        report.say(
            "bad-characters",
            "it has characters that STS does not take: only those of Latin-1",
        );
    }
    for name in document.keys() {
        if !["Version", "Statement", "Id"].contains(&name.as_str()) {
            report.say(
                "unknown-element",
                format!("a policy has no element {}", shown(name)),
            );
        }
    }
    match document.get("Version").and_then(Value::as_str) {
        Some("2012-10-17") => {}
        Some("2008-10-17") => report.say(
            "old-version",
            "Version 2008-10-17 takes variables such as ${aws:userid} literally: write 2012-10-17",
        ),
        Some(_) => report.say("bad-version", "there is no such Version: write 2012-10-17"),
        None => report.say(
            "old-version",
            "without Version it is one of 2008, which takes variables literally: write 2012-10-17",
        ),
    }
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return report.say("no-statement", "it has no Statement"),
    };
    let mut read = Vec::new();
    let mut names = HashSet::new();
    for (index, statement) in statements.iter().enumerate() {
        report.at = Some(index);
        let Value::Object(statement) = statement else {
            report.say("not-a-statement", "a statement is a JSON object");
            continue;
        };
        if let Some(name) = statement.get("Sid").and_then(Value::as_str)
            && !names.insert(name)
        {
            report.say(
                "same-sid",
                "another statement has the same Sid: each needs its own",
            );
        }
        read.extend(Statement::read(index, statement, report));
    }
    for statement in &read {
        report.at = Some(statement.index);
        actions::check(statement, &read, report);
        resources::check(statement, report);
        conditions::check(statement, report);
    }
    report.at = None;
    if !read.is_empty()
        && read.len() == statements.len()
        && !read.iter().any(|statement| statement.allows)
    {
        report.say(
            "allows-nothing",
            "it only denies, and a session policy allows nothing that it does not allow itself: add what is allowed",
        );
    }
}
