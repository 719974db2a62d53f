//! Whether a grant can be written at all.

use std::collections::HashSet;

use super::grant::{Condition, Grant};
use crate::condition::{self, Operator};
use crate::names;

pub(super) fn grant(grant: &Grant) -> Result<(), String> {
    if grant.actions.is_empty() {
        return Err("no action is named".to_owned());
    }
    for action in &grant.actions {
        names::action(action)?;
    }
    match (grant.any_resource, grant.resources.as_slice()) {
        (true, [_, ..]) => return Err("it names resources and any resource: decide".to_owned()),
        (false, []) => return Err("no resource is named: say on which, or any_resource".to_owned()),
        _ => {}
    }
    for resource in &grant.resources {
        if resource == "*" {
            return Err(
                "the resource * is every resource: if that is meant, say any_resource".to_owned(),
            );
        }
        names::resource(resource)?;
        text(resource)?;
    }
    conditions(&grant.conditions)
}

fn conditions(conditions: &[Condition]) -> Result<(), String> {
    let mut seen = HashSet::new();
    for Condition {
        operator,
        key,
        values,
    } in conditions
    {
        let parsed = Operator::parse(operator)?;
        condition::key(key)?;
        if values.is_empty() {
            return Err(format!("the condition on {key} has no value"));
        }
        for value in values {
            parsed.check(value)?;
            text(value)?;
        }
        // A second object under the same name would replace the first in JSON.
        if !seen.insert((operator.to_ascii_lowercase(), key.to_ascii_lowercase())) {
            return Err(format!(
                "{operator} is asked of {key} twice: give its values at once"
            ));
        }
    }
    Ok(())
}

/// STS takes the printable characters of Latin-1 alone.
fn text(text: &str) -> Result<(), String> {
    if text
        .chars()
        .all(|c| matches!(c, ' '..='\u{7e}' | '\u{a0}'..='\u{ff}'))
    {
        return Ok(());
    }
    Err(format!(
        "{} has characters that policies cannot hold",
        names::shown(text)
    ))
}
