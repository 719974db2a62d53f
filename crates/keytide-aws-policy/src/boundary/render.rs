//! Policies as the shortest JSON that says the same.

use std::collections::BTreeMap;

use super::grant::Condition;

/// A statement about to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Resources,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resources {
    Any,
    These(Vec<String>),
    AllBut(Vec<String>),
}

pub(crate) fn document(statements: &[Statement]) -> String {
    let mut json = String::from(r#"{"Version":"2012-10-17","Statement":["#);
    for (index, statement) in statements.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        statement.write(&mut json);
    }
    json.push_str("]}");
    json
}

/// Statements that differ in their actions alone become one.
pub(super) fn merged(statements: Vec<Statement>) -> Vec<Statement> {
    let mut kept: Vec<Statement> = Vec::new();
    for statement in statements {
        let same = kept.iter_mut().find(|other| {
            other.effect == statement.effect
                && other.resources == statement.resources
                && other.conditions == statement.conditions
        });
        match same {
            Some(other) => other.actions.extend(statement.actions),
            None => kept.push(statement),
        }
    }
    for statement in &mut kept {
        statement.actions.sort_unstable();
        statement.actions.dedup();
    }
    kept
}

impl Statement {
    fn write(&self, json: &mut String) {
        json.push_str(match self.effect {
            Effect::Allow => r#"{"Effect":"Allow","Action":"#,
            Effect::Deny => r#"{"Effect":"Deny","Action":"#,
        });
        list(&self.actions, json);
        match &self.resources {
            Resources::Any => json.push_str(r#","Resource":"*""#),
            Resources::These(these) => {
                json.push_str(r#","Resource":"#);
                list(these, json);
            }
            Resources::AllBut(these) => {
                json.push_str(r#","NotResource":"#);
                list(these, json);
            }
        }
        if !self.conditions.is_empty() {
            json.push_str(r#","Condition":{"#);
            conditions(&self.conditions, json);
            json.push('}');
        }
        json.push('}');
    }
}

fn conditions(conditions: &[Condition], json: &mut String) {
    let mut operators: BTreeMap<&str, Vec<&Condition>> = BTreeMap::new();
    for condition in conditions {
        operators
            .entry(&condition.operator)
            .or_default()
            .push(condition);
    }
    for (index, (operator, conditions)) in operators.into_iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        string(operator, json);
        json.push_str(":{");
        for (index, condition) in conditions.into_iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            string(&condition.key, json);
            json.push(':');
            list(&condition.values, json);
        }
        json.push('}');
    }
}

/// One item stands alone, several in brackets.
fn list(items: &[String], json: &mut String) {
    if let [item] = items {
        return string(item, json);
    }
    json.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        string(item, json);
    }
    json.push(']');
}

fn string(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}
