//! What is allowed by an opt-in: [`Optional`].

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::grant::{Condition, Grant};
use super::render::{Effect, Resources, Statement};
use crate::pattern::has_wildcard;
use crate::{guarded, names};

/// For each action that is opted for, in lower case, its name and where.
#[derive(Default)]
pub(super) struct Optional {
    allowed: Vec<Statement>,
    places: BTreeMap<String, (String, Option<BTreeSet<String>>)>,
}

impl Optional {
    pub(super) fn add(&mut self, grant: &Grant) -> Result<(), String> {
        check::grant(grant)?;
        for action in &grant.actions {
            let (service, name) = names::action(action)?;
            if has_wildcard(name) {
                return Err(format!(
                    "{action} has a wildcard: a dangerous action is named in full"
                ));
            }
            if is_action(action, PASS_ROLE) {
                return Err(format!(
                    "{PASS_ROLE} names a role and a service: use danger_pass_role"
                ));
            }
            let reads = guarded::service(service).is_none_or(|service| service.only_reads(name));
            if reads && guarded::lending(action).next().is_none() {
                return Err(format!("{action} needs no opt-in: use allow"));
            }
            let resources = (!grant.any_resource).then_some(grant.resources.as_slice());
            self.place(action, resources);
        }
        self.allowed.push(statement(Effect::Allow, grant));
        Ok(())
    }

    pub(super) fn pass(&mut self, passed: &[(String, String)]) -> Result<(), String> {
        for (role, service) in passed {
            role_arn(role)?;
            let fits = service
                .strip_suffix(".cn")
                .unwrap_or(service)
                .strip_suffix(".amazonaws.com");
            let name_fits = |name: &str| {
                let fits = |byte: u8| {
                    byte.is_ascii_lowercase()
                        || byte.is_ascii_digit()
                        || matches!(byte, b'-' | b'.')
                };
                !name.is_empty() && name.bytes().all(fits)
            };
            if !fits.is_some_and(name_fits) {
                return Err(format!(
                    "{} is no service principal, such as lambda.amazonaws.com",
                    names::shown(service)
                ));
            }
            let role = std::slice::from_ref(role);
            self.place(PASS_ROLE, Some(role));
            self.allowed.push(Statement {
                effect: Effect::Allow,
                actions: vec![PASS_ROLE.to_owned()],
                resources: Resources::These(role.to_vec()),
                conditions: vec![Condition {
                    operator: "StringEquals".to_owned(),
                    key: "iam:PassedToService".to_owned(),
                    values: vec![service.clone()],
                }],
            });
        }
        Ok(())
    }

    pub(super) fn assume(&mut self, roles: &[String]) -> Result<(), String> {
        for role in roles {
            role_arn(role)?;
            let role = std::slice::from_ref(role);
            for action in ASSUME {
                self.place(action, Some(role));
            }
            self.allowed.push(Statement {
                effect: Effect::Allow,
                actions: ASSUME.map(str::to_owned).to_vec(),
                resources: Resources::These(role.to_vec()),
                conditions: Vec::new(),
            });
        }
        Ok(())
    }

    fn place(&mut self, action: &str, resources: Option<&[String]>) {
        let key = action.to_ascii_lowercase();
        let empty = || (action.to_owned(), Some(BTreeSet::new()));
        let (_, place) = self.places.entry(key).or_insert_with(empty);
        match (place.as_mut(), resources) {
            (Some(known), Some(resources)) => known.extend(resources.iter().cloned()),
            _ => *place = None,
        }
    }

    pub(super) fn has(&self, action: &str) -> bool {
        self.places.contains_key(&action.to_ascii_lowercase())
    }

    /// The names of a service's actions that are opted for.
    pub(super) fn names_of(&self, service: &str) -> BTreeSet<&str> {
        let names = self
            .places
            .values()
            .filter_map(|(action, _)| action.split_once(':'));
        names
            .filter(|(prefix, _)| prefix.eq_ignore_ascii_case(service))
            .map(|(_, name)| name)
            .collect()
    }

    pub(super) fn allowed(&self) -> Vec<Statement> {
        self.allowed.clone()
    }

    /// Everywhere else they are denied.
    pub(super) fn denied(&self) -> Vec<Statement> {
        let places = self.places.values();
        places
            .filter_map(|(action, place)| {
                Some(Statement {
                    effect: Effect::Deny,
                    actions: vec![action.clone()],
                    resources: Resources::AllBut(place.as_ref()?.iter().cloned().collect()),
                    conditions: Vec::new(),
                })
            })
            .collect()
    }
}

pub(super) fn statement(effect: Effect, grant: &Grant) -> Statement {
    let sorted = |items: &[String]| {
        let sorted: BTreeSet<_> = items.iter().cloned().collect();
        sorted.into_iter().collect()
    };
    let mut conditions = grant.conditions.clone();
    conditions.sort_unstable();
    Statement {
        effect,
        actions: grant.actions.clone(),
        resources: if grant.any_resource {
            Resources::Any
        } else {
            Resources::These(sorted(&grant.resources))
        },
        conditions,
    }
}

pub(super) fn is_action(action: &str, known: &str) -> bool {
    action.eq_ignore_ascii_case(known)
}

fn role_arn(arn: &str) -> Result<(), String> {
    names::resource(arn)?;
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_role = parts[2] == "iam" && parts[4].len() == 12 && parts[5].starts_with("role/");
    if !is_role || has_wildcard(arn) || arn.contains('$') {
        return Err(format!(
            "{} is not the ARN of one role: arn:aws:iam::123456789012:role/name",
            names::shown(arn)
        ));
    }
    Ok(())
}

pub(super) const PASS_ROLE: &str = "iam:PassRole";
pub(super) const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];
