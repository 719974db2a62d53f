//! When a statement applies, and whether the condition says what it seems to.

use std::net::IpAddr;

use super::keys::{self, KeyType};
use super::report::Report;
use super::statement::{Condition, Statement};
use crate::condition::{self, Kind, Operator, Set};
use crate::names::shown;

pub(super) fn check(statement: &Statement<'_>, report: &mut Report) {
    for condition in &statement.conditions {
        if let Err(reason) = condition::key(condition.key) {
            report.say("bad-condition-key", reason);
        } else if keys::is_unknown(condition.key) {
            report.say(
                "bad-condition-key",
                format!("there is no condition key {}", shown(condition.key)),
            );
        }
        match Operator::parse(condition.operator) {
            Ok(operator) => one(statement, condition, operator, report),
            Err(reason) => report.say("bad-operator", reason),
        }
    }
}

fn one(
    statement: &Statement<'_>,
    condition: &Condition<'_>,
    operator: Operator,
    report: &mut Report,
) {
    for value in &condition.values {
        if let Err(reason) = operator.check(value) {
            report.say("bad-condition-value", reason);
        }
    }
    let key = condition.key;
    if operator.kind == Kind::Text
        && !operator.wildcards
        && condition.values.iter().any(|value| has_star(value))
    {
        report.say(
            "literal-wildcard",
            format!("{} takes * literally: write StringLike", condition.operator),
        );
    }
    if statement.allows {
        lenient(statement, condition, operator, report);
    }
    let key_type = keys::key_type(key);
    let kind_fits = match key_type {
        Some(KeyType::Ip) => operator.kind == Kind::Ip,
        Some(KeyType::Date) => matches!(operator.kind, Kind::Date | Kind::Number),
        _ => true,
    };
    if !kind_fits && operator.kind != Kind::Null {
        report.say(
            "wrong-operator",
            format!(
                "{} does not compare {key}: use {}",
                condition.operator,
                if key_type == Some(KeyType::Ip) {
                    "IpAddress"
                } else {
                    "DateLessThan or its like"
                }
            ),
        );
    }
    match (key_type, operator.set) {
        (Some(KeyType::Many), None) if operator.kind != Kind::Null => report.say(
            "set-operator-missing",
            format!("{key} has several values: say ForAnyValue: or ForAllValues:"),
        ),
        (Some(KeyType::One | KeyType::Ip | KeyType::Date), Some(_)) => report.say(
            "set-operator-on-one",
            format!("{key} has one value: leave ForAnyValue: or ForAllValues: out"),
        ),
        _ => {}
    }
    if statement.allows && key.eq_ignore_ascii_case("aws:SourceIp") && !operator.negated {
        for value in condition
            .values
            .iter()
            .filter(|value| is_everywhere_or_private(value))
        {
            report.say(
                "source-ip",
                format!("{} is every address, or a private one, which aws:SourceIp never shows: name public ranges, or use aws:VpcSourceIp", shown(value)),
            );
        }
    }
}

/// Conditions that hold where the key is missing: in an Allow, that is more than was meant.
fn lenient(
    statement: &Statement<'_>,
    condition: &Condition<'_>,
    operator: Operator,
    report: &mut Report,
) {
    let key = condition.key;
    let demanded = statement.conditions.iter().any(|other| {
        other.operator.eq_ignore_ascii_case("Null")
            && other.key.eq_ignore_ascii_case(key)
            && other.values.iter().all(|value| value == "false")
    });
    if demanded {
        return;
    }
    if operator.if_exists {
        report.say(
            "if-exists",
            format!("it allows as well where {key} is missing: leave IfExists out"),
        );
    } else if operator.set == Some(Set::ForAllValues) {
        report.say(
            "for-all-values",
            format!(
                "ForAllValues holds where {key} is missing: add Null with false, or say ForAnyValue"
            ),
        );
    } else if operator.negated {
        report.say(
            "negated",
            format!(
                "{} holds where {key} is missing: name what is allowed, or deny the rest",
                condition.operator
            ),
        );
    }
}

/// A wildcard outside of a variable.
fn has_star(value: &str) -> bool {
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        if before.contains(['*', '?']) {
            return true;
        }
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    rest.contains('*') || (rest.contains('?') && !rest.contains("://"))
}

fn is_everywhere_or_private(range: &str) -> bool {
    let (address, bits) = range.split_once('/').unwrap_or((range, "32"));
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            bits == "0" || address.is_private() || address.is_loopback() || address.is_link_local()
        }
        Ok(IpAddr::V6(address)) => {
            bits == "0" || address.is_loopback() || address.is_unique_local()
        }
        Err(_) => false,
    }
}
