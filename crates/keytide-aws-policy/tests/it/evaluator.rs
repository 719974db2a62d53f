//! A small evaluator of IAM policies, for tests: written from the IAM user guide ("Policy evaluation logic"), and sharing
//! nothing with the code that it judges.

use std::collections::HashMap;

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// Nothing allows it.
    Implicit,
    /// Something denies it.
    Explicit,
}

/// A call, as policies see it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) action: String,
    pub(crate) resource: String,
    /// By key, in lower case.
    pub(crate) context: HashMap<String, Vec<String>>,
}

impl Call {
    pub(crate) fn new(action: &str, resource: &str) -> Self {
        Self {
            action: action.to_owned(),
            resource: resource.to_owned(),
            context: HashMap::new(),
        }
    }

    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        let values = self.context.entry(key.to_ascii_lowercase()).or_default();
        values.push(value.to_owned());
        self
    }
}

/// A policy, parsed.
#[derive(Debug)]
pub(crate) struct Policy(Vec<Value>);

impl Policy {
    pub(crate) fn parse(json: &str) -> Self {
        let document: Value = serde_json::from_str(json).unwrap();
        Self(match &document["Statement"] {
            Value::Array(statements) => statements.clone(),
            one => vec![one.clone()],
        })
    }

    pub(crate) fn evaluate(&self, call: &Call) -> Decision {
        let mut decision = Decision::Implicit;
        for statement in &self.0 {
            let applies = about_action(statement, &call.action)
                && about_resource(statement, &call.resource)
                && holds(&statement["Condition"], call);
            match (applies, statement["Effect"].as_str()) {
                (true, Some("Deny")) => return Decision::Explicit,
                (true, Some("Allow")) => decision = Decision::Allowed,
                _ => {}
            }
        }
        decision
    }

    /// Whether an attacker who may choose resource and context could be allowed this: it errs on the side of the attacker.
    pub(crate) fn conceivable(&self, action: &str) -> bool {
        let about = |effect: &'static str| {
            self.0.iter().filter(move |statement| {
                statement["Effect"] == effect && about_action(statement, action)
            })
        };
        let denied = about("Deny").any(|statement| {
            statement["Condition"].is_null() && texts(&statement["Resource"]).contains(&"*")
        });
        about("Allow").next().is_some() && !denied
    }
}

pub(crate) fn evaluate(policy: &str, call: &Call) -> Decision {
    Policy::parse(policy).evaluate(call)
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text],
        Value::Bool(true) => vec!["true"],
        Value::Bool(false) => vec!["false"],
        _ => Vec::new(),
    }
}

fn about_action(statement: &Value, action: &str) -> bool {
    let any = |patterns: &Value| {
        texts(patterns).iter().any(|pattern| {
            // Most patterns are of another service: no need to look further.
            let (service, _) = pattern.split_once(':').unwrap_or(("*", ""));
            let same = service == "*"
                || action
                    .get(..service.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(service));
            same && glob(&pattern.to_lowercase(), &action.to_lowercase())
        })
    };
    if statement["NotAction"].is_null() {
        any(&statement["Action"])
    } else {
        !any(&statement["NotAction"])
    }
}

fn about_resource(statement: &Value, resource: &str) -> bool {
    let any = |patterns: &Value| {
        texts(patterns)
            .iter()
            .any(|pattern| glob(pattern, resource))
    };
    if statement["NotResource"].is_null() {
        any(&statement["Resource"])
    } else {
        !any(&statement["NotResource"])
    }
}

fn holds(conditions: &Value, call: &Call) -> bool {
    let Some(operators) = conditions.as_object() else {
        return true;
    };
    operators.iter().all(|(operator, keys)| {
        let keys = keys.as_object().unwrap();
        keys.iter().all(|(key, wanted)| {
            let found = call.context.get(&key.to_ascii_lowercase());
            one_holds(operator, &texts(wanted), found)
        })
    })
}

fn one_holds(operator: &str, wanted: &[&str], found: Option<&Vec<String>>) -> bool {
    if operator == "Null" {
        return wanted
            .iter()
            .any(|wanted| (*wanted == "true") == found.is_none());
    }
    let (set, rest) = operator
        .split_once(':')
        .map_or((None, operator), |(set, rest)| (Some(set), rest));
    let (name, if_exists) = rest
        .strip_suffix("IfExists")
        .map_or((rest, false), |name| (name, true));
    let (positive, negated) = match name {
        "StringNotEquals" => ("StringEquals", true),
        "StringNotLike" => ("StringLike", true),
        "ArnNotEquals" | "ArnNotLike" => ("ArnLike", true),
        "NotIpAddress" => ("IpAddress", true),
        name => (name, false),
    };
    let Some(found) = found else {
        return if_exists || negated || set == Some("ForAllValues");
    };
    let matches = |found: &String| {
        wanted
            .iter()
            .any(|wanted| compares(positive, wanted, found))
    };
    match set {
        Some("ForAllValues") => found.iter().all(|found| matches(found) != negated),
        Some("ForAnyValue") => found.iter().any(|found| matches(found) != negated),
        _ => found.iter().any(matches) != negated,
    }
}

fn compares(operator: &str, wanted: &str, found: &str) -> bool {
    match operator {
        "StringEquals" => wanted == found,
        "StringEqualsIgnoreCase" | "Bool" => wanted.eq_ignore_ascii_case(found),
        "StringLike" | "ArnLike" | "ArnEquals" => glob(wanted, found),
        // Both in the same form and in UTC, as the tests write them: then the order of texts is that of dates.
        "DateLessThan" => found < wanted,
        "DateLessThanEquals" => found <= wanted,
        "DateGreaterThan" => found > wanted,
        "DateGreaterThanEquals" => found >= wanted,
        other => panic!("the evaluator knows no operator {other}"),
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    // One row of the usual table: which prefixes of the text the pattern read so far matches.
    let text: Vec<char> = text.chars().collect();
    let mut row: Vec<bool> = std::iter::once(true)
        .chain(text.iter().map(|_| false))
        .collect();
    for symbol in pattern.chars() {
        let mut next = vec![false; row.len()];
        next[0] = symbol == '*' && row[0];
        for at in 1..row.len() {
            next[at] = match symbol {
                '*' => row[at] || next[at - 1],
                '?' => row[at - 1],
                letter => row[at - 1] && letter == text[at - 1],
            };
        }
        row = next;
    }
    row[text.len()]
}

#[test]
fn the_evaluator_decides_as_the_user_guide_says() {
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "sqs:*"], "Resource": "*"},
        {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}}},
        {"Effect": "Deny", "Action": "s3:GetObjectAcl", "NotResource": "arn:aws:s3:::open/*"},
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/a*"}}}
    ]}"#;
    for (call, expected) in [
        (
            Call::new("s3:GETObject", "arn:aws:s3:::b/k"),
            Decision::Allowed,
        ),
        (
            Call::new("s3:PutObject", "arn:aws:s3:::b/k"),
            Decision::Implicit,
        ),
        (
            Call::new("s3:GetObjectAcl", "arn:aws:s3:::b/k"),
            Decision::Explicit,
        ),
        (
            Call::new("s3:GetObjectAcl", "arn:aws:s3:::open/k"),
            Decision::Allowed,
        ),
        (Call::new("sqs:SendMessage", "q"), Decision::Explicit),
        (
            Call::new("sqs:SendMessage", "q").with("aws:RequestedRegion", "eu-central-1"),
            Decision::Allowed,
        ),
        (
            Call::new("kms:Decrypt", "k").with("aws:RequestedRegion", "eu-central-1"),
            Decision::Implicit,
        ),
        (
            Call::new("kms:Decrypt", "k")
                .with("aws:requestedregion", "eu-central-1")
                .with("kms:ResourceAliases", "alias/ab"),
            Decision::Allowed,
        ),
    ] {
        assert_eq!(evaluate(policy, &call), expected, "{call:?}");
    }
    assert!(Policy::parse(policy).conceivable("s3:GetObjectAcl"));
    assert!(!Policy::parse(policy).conceivable("s3:PutObject"));
}
