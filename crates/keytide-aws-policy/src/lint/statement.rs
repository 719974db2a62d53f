//! A statement, as far as it can be read.

use serde_json::{Map, Value};

use super::report::Report;
use crate::condition::{Kind, Operator, Set};
use crate::names::shown;
use crate::pattern::has_wildcard;

/// Its lists are empty where the element is missing or has another form.
pub(super) struct Statement<'a> {
    pub(super) index: usize,
    pub(super) allows: bool,
    pub(super) actions: Vec<&'a str>,
    /// The actions are those that are not meant.
    pub(super) not_action: bool,
    pub(super) resources: Vec<&'a str>,
    /// The resources are those that are not meant.
    pub(super) not_resource: bool,
    pub(super) conditions: Vec<Condition<'a>>,
}

pub(super) struct Condition<'a> {
    pub(super) operator: &'a str,
    pub(super) key: &'a str,
    pub(super) values: Vec<String>,
}

impl<'a> Statement<'a> {
    /// `None` if it neither allows nor denies.
    pub(super) fn read(
        index: usize,
        object: &'a Map<String, Value>,
        report: &mut Report,
    ) -> Option<Self> {
        for name in object.keys() {
            match name.as_str() {
                "Sid" | "Effect" | "Action" | "NotAction" | "Resource" | "NotResource"
                | "Condition" => {}
                "Principal" | "NotPrincipal" => report.say(
                    "principal",
                    "a session policy has no principal, for it is the session's: take it out",
                ),
                _ => report.say(
                    "unknown-element",
                    format!("a statement has no element {}", shown(name)),
                ),
            }
        }
        if let Some(sid) = object.get("Sid") {
            let fits = |sid: &str| sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !sid.as_str().is_some_and(fits) {
                report.say("bad-sid", "a Sid consists of letters and digits");
            }
        }
        let (actions, not_action) = either(object, "Action", "NotAction", report);
        let (resources, not_resource) = either(object, "Resource", "NotResource", report);
        let conditions = conditions(object.get("Condition"), report);
        let allows = match object.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => {
                report.say("bad-effect", "Effect is Allow or Deny, written so");
                return None;
            }
        };
        Some(Self {
            index,
            allows,
            actions,
            not_action,
            resources,
            not_resource,
            conditions,
        })
    }

    /// Whether it applies to any resource and at all times.
    pub(super) fn always(&self) -> bool {
        !self.not_resource && self.resources.contains(&"*") && self.conditions.is_empty()
    }

    /// Whether a condition leaves some values of this key and no others.
    pub(super) fn names_values_of(&self, key: &str) -> bool {
        let mut of_key = self
            .conditions
            .iter()
            .filter(|condition| condition.key.eq_ignore_ascii_case(key));
        of_key.any(Condition::names_values)
    }

    /// Whether some condition can keep it from applying: any value at all may match none of them.
    pub(super) fn is_conditional(&self) -> bool {
        !self.conditions.iter().all(Condition::takes_any_value)
    }
}

impl Condition<'_> {
    /// Whether it holds for the values that it names, and only where the key is there.
    fn names_values(&self) -> bool {
        let Ok(operator) = Operator::parse(self.operator) else {
            return false;
        };
        let pattern =
            |value: &String| value.contains("${") || (operator.wildcards && has_wildcard(value));
        matches!(operator.kind, Kind::Text | Kind::Arn)
            && !operator.negated
            && !operator.if_exists
            && operator.set != Some(Set::ForAllValues)
            && !self.values.iter().any(pattern)
    }

    /// Whether every value of the key fits.
    fn takes_any_value(&self) -> bool {
        Operator::parse(self.operator).is_ok_and(|operator| {
            let any = |value: &String| !value.is_empty() && value.bytes().all(|byte| byte == b'*');
            operator.wildcards && !operator.negated && self.values.iter().any(any)
        })
    }
}

fn either<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    negated: &str,
    report: &mut Report,
) -> (Vec<&'a str>, bool) {
    match (object.get(name), object.get(negated)) {
        (Some(_), Some(_)) => {
            report.say("both", format!("it has both {name} and {negated}: decide"));
            (Vec::new(), false)
        }
        (Some(value), None) => (list(name, value, report), false),
        (None, Some(value)) => (list(negated, value, report), true),
        (None, None) => {
            report.say("missing", format!("it has no {name}"));
            (Vec::new(), false)
        }
    }
}

fn list<'a>(name: &str, value: &'a Value, report: &mut Report) -> Vec<&'a str> {
    let items: Option<Vec<&str>> = match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    };
    match items {
        Some(items) if !items.is_empty() => items,
        Some(_) => {
            report.say("empty", format!("its {name} is empty"));
            Vec::new()
        }
        None => {
            report.say(
                "bad-list",
                format!("its {name} is neither a text nor a list of texts"),
            );
            Vec::new()
        }
    }
}

fn conditions<'a>(value: Option<&'a Value>, report: &mut Report) -> Vec<Condition<'a>> {
    let Some(value) = value else {
        return Vec::new();
    };
    let Some(operators) = value.as_object().filter(|operators| !operators.is_empty()) else {
        report.say(
            "bad-condition",
            "its Condition is no object of operators: {\"StringEquals\": {\"key\": \"value\"}}",
        );
        return Vec::new();
    };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Some(keys) = keys.as_object().filter(|keys| !keys.is_empty()) else {
            report.say(
                "bad-condition",
                format!("the operator {} has no keys", shown(operator)),
            );
            continue;
        };
        for (key, values) in keys {
            let items = match values {
                Value::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            let values: Option<Vec<String>> = items.iter().map(plain).collect();
            match values {
                Some(values) if !values.is_empty() => conditions.push(Condition {
                    operator,
                    key,
                    values,
                }),
                _ => report.say(
                    "bad-condition",
                    format!("the condition on {} has no values", shown(key)),
                ),
            }
        }
    }
    conditions
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}
